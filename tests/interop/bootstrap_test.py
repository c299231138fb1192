#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""droverd as bootstrap server, drover-device and drover: from nothing to managed, as real processes."""
import json
import subprocess
import unittest

import harness

ENDPOINT = "urn:dev:os:boot"
KEY = "00112233445566778899aabbccddeeff"
PLAN = """name = "fleet"
keys = "{keys}"
[[servers]]
id = 101
uri = "coaps://127.0.0.1:{port}"
lifetime = 300
security = {{ mode = "psk", key = "generate" }}
"""


class Bootstrap(harness.Interop):
    keys = "keep"

    def setUp(self):
        super().setUp()
        self.bootstrap_port = harness.free_port()
        self.plan = self.work / "plan.toml"
        self.port = self.start_secure_server("--bootstrap-secure-listen", f"127.0.0.1:{self.bootstrap_port}")
        self.plan.write_text(PLAN.format(port=self.port, keys=self.keys))
        self.assertEqual(self.drover("bootstrap", "plan", "put", self.plan)[0], 0)
        self.runs = 0

    def credential(self, key=KEY):
        file = self.work / "boot.key"
        file.touch(0o600)
        file.write_text(key)
        self.add_credential("psk", ENDPOINT, "--key-file", file, "--bootstrap")
        return file

    def run_device(self, key_file, *more):
        self.runs += 1
        log = f"device-{self.runs}"
        device = self.start(log, harness.BINARIES / "drover-device", "--endpoint", ENDPOINT, "--bootstrap",
                            f"coaps://127.0.0.1:{self.bootstrap_port}", "--psk-identity", ENDPOINT, "--psk-key-file", key_file,
                            "--bind", "127.0.0.1:0", "--state", self.work / "state.db", *more)
        return device, log

    def is_managed(self, log):
        harness.wait_until(lambda: "registered server=101" in self.log(log) or "updated server=101" in self.log(log),
                           f"the device is registered:\n{self.log('droverd')}")
        self.assertEqual(self.drover("read", ENDPOINT, "/3/0/0")[1]["value"], "Drover")

    def sessions(self):
        return self.drover("bootstrap", "sessions")[1]["sessions"]

    def server_identities(self):
        listed = self.drover("credentials", "list", "--purpose", "server")[1]
        return [entry["identity"] for entry in (listed["credentials"] if isinstance(listed, dict) else listed)]


class FromNothing(Bootstrap):
    def test_a_device_that_knows_its_bootstrap_server_alone_is_read(self):
        device, log = self.run_device(self.credential())
        self.is_managed(log)
        session = self.sessions()[0]
        self.assertEqual((session["state"], session["applied"]), ("finished", "yes"))
        shown = self.drover("bootstrap", "sessions", str(session["id"]))[1]
        self.assertEqual([(entry["operation"], entry["code"]) for entry in shown["timeline"] if entry["from_device"]][-1],
                         ("Bootstrap-Finish", "2.04"))
        identity = self.server_identities()
        self.assertEqual(len(identity), 1)
        # A kill and a start: no second bootstrap.
        device.kill()
        device.wait()
        device, log = self.run_device(self.work / "boot.key")
        self.is_managed(log)
        self.assertEqual(len(self.sessions()), 1)
        # Asked for: the same key again.
        code, asked = self.drover("bootstrap", "start", ENDPOINT)
        self.assertEqual(code, 0, asked)
        harness.wait_until(lambda: len(self.sessions()) == 2 and self.sessions()[0]["state"] == "finished", "it bootstraps again")
        self.assertEqual(self.server_identities(), identity)
        self.no_secrets()

    def test_whoever_lacks_the_key_gets_nothing(self):
        self.credential()
        wrong = self.work / "wrong.key"
        wrong.touch(0o600)
        wrong.write_text("ff" * 16)
        _, log = self.run_device(wrong)
        harness.wait_until(lambda: "bootstrap-failed" in self.log(log), "the device is told")
        self.assertEqual(self.sessions(), [])
        harness.wait_until(lambda: "bootstrap refused" in self.log("droverd"), "the server says so")

    def test_a_credential_of_the_other_port_opens_neither(self):
        file = self.work / "server.key"
        file.touch(0o600)
        file.write_text(KEY)
        self.add_credential("psk", ENDPOINT, "--key-file", file)
        _, log = self.run_device(file)
        harness.wait_until(lambda: "bootstrap-failed" in self.log(log), "the device is told")
        self.assertEqual(self.sessions(), [])

    def no_secrets(self):
        key = KEY
        for text in (self.log("droverd"), json.dumps(self.drover("bootstrap", "sessions", "1")[1]),
                     json.dumps(self.drover("bootstrap", "plan", "show", "fleet")[1])):
            self.assertNotIn(key, text)


class Rotated(Bootstrap):
    keys = "rotate"

    def test_the_old_key_goes_once_the_device_has_the_new_one(self):
        _, log = self.run_device(self.credential())
        self.is_managed(log)
        before = self.server_identities()
        self.assertEqual(self.drover("bootstrap", "start", ENDPOINT)[0], 0)
        harness.wait_until(lambda: len(self.sessions()) == 2 and self.sessions()[0]["state"] == "finished", "it bootstraps again")
        harness.wait_until(lambda: len(self.server_identities()) == 1 and self.server_identities() != before, "the old key is gone")
        harness.wait_until(lambda: self.drover("read", ENDPOINT, "/3/0/0")[0] == 0, "it is read with the new one")


class Called(Bootstrap):
    keys = "rotate"

    def test_the_server_calls_a_device_that_waits_for_it(self):
        """Transport, Figure 3: the device is the DTLS server."""
        key_file = self.credential()
        port = harness.free_port()
        config = self.work / "device.toml"
        config.write_text(f'endpoint = "{ENDPOINT}"\nbind = "127.0.0.1:{port}"\n[bootstrap]\n'
                          f'uri = "coaps://127.0.0.1:{self.bootstrap_port}"\naccept_handshakes = true\n'
                          f'security = {{ mode = "psk", identity = "{ENDPOINT}", key_file = "{key_file}" }}\n')
        self.start("device", harness.BINARIES / "drover-device", "--config", config)
        self.is_managed("device")
        code, begun = self.drover("bootstrap", "start", ENDPOINT, "--uri", f"coaps://127.0.0.1:{port}")
        self.assertEqual(code, 0, begun)
        harness.wait_until(lambda: len(self.sessions()) == 2 and self.sessions()[0]["state"] == "finished",
                           f"the called device is bootstrapped: {self.sessions()}")
        self.assertTrue(self.sessions()[0]["server_initiated"])
        self.assertIn('cause="the bootstrap server began"', self.log("device"))


class WithoutSecurity(harness.Interop):
    def test_it_is_there_when_asked_for_and_says_so(self):
        bootstrap_port = harness.free_port()
        plan = self.work / "plan.json"
        port = harness.free_port()
        plan.write_text(json.dumps({"name": "open", "servers": [
            {"id": 1, "uri": f"coap://127.0.0.1:{port}", "security": {"mode": "nosec"}}]}))
        self.api = harness.free_port(harness.socket.SOCK_STREAM)
        self.start("droverd", harness.BINARIES / "droverd", "--listen", f"127.0.0.1:{port}", "--api", f"127.0.0.1:{self.api}",
                   "--bootstrap-listen", f"127.0.0.1:{bootstrap_port}", "--bootstrap-plan", plan)
        harness.wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        self.assertIn("WITHOUT SECURITY", self.log("droverd"))
        self.start("device", harness.BINARIES / "drover-device", "--endpoint", ENDPOINT, "--bootstrap",
                   f"coap://127.0.0.1:{bootstrap_port}", "--bind", "127.0.0.1:0")
        harness.wait_until(lambda: "registered server=1" in self.log("device"), f"it registers:\n{self.log('droverd')}")
        self.assertEqual(self.drover("bootstrap", "plan", "remove", "open")[0] == 0, False, "a file's plan stays")


class Mistakes(harness.Interop):
    def refusal(self, *arguments):
        done = subprocess.run([harness.BINARIES / "droverd", "--listen", "127.0.0.1:0", "--secure-listen", "", *arguments],
                              capture_output=True, text=True, timeout=harness.WAIT_SECONDS)
        return done.returncode, done.stderr

    def test_a_wrong_plan_is_told_by_the_check_too(self):
        plan = self.work / "plan.json"
        plan.write_text(json.dumps({"name": "p", "servers": [{"id": 0, "uri": "coaps://h", "security": {"mode": "psk"}}]}))
        self.assertEqual(self.refusal("--bootstrap-plan", plan, "--check-config"),
                         (2, f"droverd: {plan}: servers[0].id: must be a number from 1 to 65534\n"))

    def test_nobody_could_prove_itself_without_a_store(self):
        code, told = self.refusal("--bootstrap-secure-listen", "127.0.0.1:0")
        self.assertEqual(code, 2)
        self.assertIn("needs a store (--store)", told)


if __name__ == "__main__":
    unittest.main()
