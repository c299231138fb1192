#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""drover-swarm's devices with DTLS against droverd, through a restart and a kill: bench/soak in small."""
import json
import pathlib
import re
import subprocess
import unittest

from harness import BINARIES, Interop, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEVICES = 200
SECRET = "0f" * 32


class SwarmTest(Interop):
    def setUp(self):
        super().setUp()
        self.secret = self.work / "secret"
        self.secret.touch(mode=0o600)
        self.secret.write_text(SECRET)

    def swarm(self, count, *more):
        return [BINARIES / "drover-swarm", "--count", str(count), "--psk-secret-file", self.secret, *map(str, more)]

    def finish(self, command):
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=200)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done

    def phases(self, done):
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        return {report["phase"]: report for report in reports}

    def test_from_one_secret_to_registered_devices(self):
        port = self.start_secure_server()
        table = self.work / "table.csv"
        self.assertEqual(self.finish(self.swarm(3, "--write-credentials", table)).returncode, 0)
        self.assertEqual(table.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.drover("credentials", "import", table), (0, {"added": 3, "refused": 0, "lines": []}))
        piped = self.finish(self.swarm(3, "--write-credentials", "-"))
        self.assertEqual(piped.stdout, table.read_text())
        # Each device has its socket; all leave.
        done = self.finish(self.swarm(3, "--server", f"127.0.0.1:{port}", "--deregister", "--json"))
        phases = self.phases(done)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([phases[phase]["done"] for phase in ("handshake", "register", "deregister")], [3, 3, 3])
        self.assertEqual((phases["all"]["handshakes"], phases["all"]["records_ignored"]), (3, 0))
        wait_until(lambda: self.drover("status")[1]["associations"] == 0, "the devices' goodbyes are heard")

    def test_a_device_without_a_credential_is_an_error_by_its_kind(self):
        port = self.start_secure_server()
        swarm = self.start("swarm", *self.swarm(1, "--server", f"127.0.0.1:{port}", "--json"))
        wait_until(lambda: self.drover("status")[1]["refused"] >= 1, "droverd refuses the stranger")
        swarm.terminate()
        self.assertEqual(swarm.wait(20), 1, self.log("swarm"))
        self.assertRegex(self.log("swarm"), r'"phase":"handshake".*"errors":\{".*":1\}')

    def test_a_table_of_more_than_a_megabyte(self):
        self.start_secure_server()
        table, count = self.work / "table.csv", 12_000
        self.finish(self.swarm(count, "--write-credentials", table))
        self.assertGreater(table.stat().st_size, 1 << 20)
        right = table.read_text()
        table.write_text(right + "psk,last,no key\n")
        status, problem = self.drover("credentials", "import", table)
        self.assertEqual((status != 0, [line["line"] for line in problem["lines"]]), (True, [count + 2]))
        self.assertEqual(self.drover("credentials", "list", "--limit", 1)[1]["total"], 0, "none was added")
        status, added = self.drover("credentials", "import", "--partial", table)
        self.assertEqual((status, added["added"], added["refused"], added["lines"][0]["line"]), (0, count, 1, count + 2))
        # What the server has something against stops it where it is.
        table.write_text(right)
        status, problem = self.drover("credentials", "import", table)
        self.assertEqual((status != 0, problem["lines"][0]["line"]), (True, 2))

    def test_a_soak_in_small(self):
        results = self.work / "results.jsonl"
        done = self.finish([ROOT / "bench" / "soak", "--no-build", "--build", BINARIES.parent, "--devices", DEVICES, "--minutes", "0.25",
                            "--rate", "0", "--results", results])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        soak = json.loads(results.read_text())["soak"]
        self.assertEqual(soak["wrong"], [])
        self.assertEqual([one["how"] for one in soak["restarts"]], ["SIGTERM", "SIGKILL"])
        self.assertGreater(soak["asked"]["read"], 0)
        self.assertGreater(soak["asked"]["write"], 0)
        print(re.sub(r"(?m)^", "  ", done.stdout))


if __name__ == "__main__":
    unittest.main()
