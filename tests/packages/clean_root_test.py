#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The packages on a Debian that has nothing else: installed by apt, run as an operator does, removed and purged."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import harness
import packages

packages.require()
harness.require("mmdebstrap", "unshare")
if os.geteuid() != 0:
    print("skipped: a root of one's own needs root")
    sys.exit(packages.SKIPPED)

ENDPOINT = "urn:dev:os:clean-1"


class CleanRoot(harness.Interop):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="drover-root-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.root = pathlib.Path(cls.folder) / "root"
        made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--skip=cleanup/apt", "bookworm", cls.root], capture_output=True, text=True)
        if made.returncode != 0:
            raise AssertionError(made.stderr)
        (cls.root / "packages").mkdir()
        for name in packages.NAMES:
            shutil.copy(packages.path_of(name), cls.root / "packages")

    def inside(self, *command, user=None, check=True, give=None):
        done = subprocess.run(self.words(command, user), capture_output=True, text=True, input=give)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def words(self, command, user=None):
        """With processes and mounts of its own: what is left over ends with its first process."""
        as_user = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"] if user else []
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc", "chroot", str(self.root), *as_user,
                "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", *[str(word) for word in command]]

    def end(self, process):
        """unshare(1) itself leaves signals to what it runs."""
        child = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        os.kill(int(child), signal.SIGTERM)
        process.wait(20)

    def test_an_operator_installs_bootstraps_manages_and_removes(self):
        self.inside("sh", "-c", "apt-get install -y -qq --no-install-recommends /packages/drover-*.deb")
        self.assertIn("drover", (self.root / "etc/passwd").read_text())
        state = self.root / "var/lib/drover"
        self.assertEqual(oct(state.stat().st_mode & 0o777), "0o700")

        # The shipped configuration, at ports that are free here.
        port, secure, bootstrap, api = (harness.free_port() for _ in range(4))
        config = self.root / "etc/drover/droverd.toml"
        text = config.read_text()
        for before, after in (("[::]:5683", f"127.0.0.1:{port}"), ("[::]:5684", f"127.0.0.1:{secure}"), ("127.0.0.1:8080\"]", f"127.0.0.1:{api}\"]")):
            self.assertIn(before, text)
            text = text.replace(before, after)
        config.write_text(text + f'\n[bootstrap]\nsecure_listen = "127.0.0.1:{bootstrap}"\n')

        droverd = ["/usr/bin/droverd", "--config", "/etc/drover/droverd.toml"]
        token = state / "admin.token"
        self.assertEqual(oct(token.stat().st_mode & 0o777), "0o600")
        self.assertTrue(token.read_text().startswith("drover_"))
        drover = ["/usr/bin/drover", "--api", f"http://127.0.0.1:{api}", "--token-file", "/var/lib/drover/admin.token"]

        # What the unit gives it: the user, and nothing else of the machine to write to.
        server = self.start("droverd", *self.words(droverd, user="drover"))
        harness.wait_until(lambda: server.poll() is not None or "ready" in (self.work / "droverd").read_text(), "droverd: ready")
        self.assertIsNone(server.poll(), (self.work / "droverd").read_text())
        refused = subprocess.run(self.words(["/usr/bin/drover", "--api", f"http://127.0.0.1:{api}", "devices"]), capture_output=True, text=True)
        self.assertEqual(refused.returncode, 7, "others on the machine aren't operators")

        (self.root / "root/plan.toml").write_text(f'''name = "first"
[[servers]]
id = 101
uri = "coaps://127.0.0.1:{secure}"
lifetime = 300
security = {{ mode = "psk", identity = "{{endpoint}}.{{serial}}", key = "generate" }}
''')
        self.inside(*drover, "bootstrap", "plan", "put", "/root/plan.toml")
        told = self.inside(*drover, "--json", "credentials", "add", "psk", ENDPOINT, "--bootstrap", "--generate")
        key = harness.json.loads(told)["key"]
        (self.root / "root/boot.key").write_text(key)
        (self.root / "root/boot.key").chmod(0o600)
        device = self.start("device", *self.words(["/usr/bin/drover-device", "--endpoint", ENDPOINT, "--bootstrap", f"coaps://127.0.0.1:{bootstrap}", "--psk-identity", ENDPOINT,
                                          "--psk-key-file", "/root/boot.key"]))
        harness.wait_until(lambda: ENDPOINT in self.inside(*drover, "devices", check=False), "the registration")
        self.assertIn("psk", self.inside(*drover, "show", ENDPOINT))
        self.inside(*drover, "write", ENDPOINT, "/3/0/14", "+01:00")
        self.assertIn("+01:00", self.inside(*drover, "read", ENDPOINT, "/3/0/14"))

        self.end(device)
        self.end(server)
        self.inside("sh", "-c", "apt-get remove -y -qq drover-server")
        self.assertFalse((self.root / "usr/bin/droverd").exists())
        self.assertTrue((state / "droverd.db").exists(), "a removal keeps the fleet")
        self.inside("sh", "-c", "apt-get purge -y -qq drover-server")
        self.assertFalse(state.exists())
        self.assertFalse(config.exists())


if __name__ == "__main__":
    unittest.main()
