#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""drover-device at droverd over coaps with each kind of credential, and after a kill."""
import subprocess
import unittest

import harness

ENDPOINT = "urn:dev:os:ours"


class Devices(harness.Interop):
    def setUp(self):
        super().setUp()
        self.pki = self.make_pki(ENDPOINT)
        self.port = self.start_secure_server("--config", self.server_config(self.pki))
        self.runs = 0

    def own(self, ending):
        return self.pki / "devices" / f"{ENDPOINT}.{ending}"

    def psk(self):
        key = self.work / "key"
        key.touch(0o600)
        key.write_text("00112233445566778899aabbccddeeff")
        self.add_credential("psk", "sensor-1", "--key-file", key, "--endpoint", ENDPOINT)
        return {"mode": "psk", "identity": "sensor-1", "key_file": key}

    def raw_public_key(self):
        self.add_credential("public-key", "--public-key", self.own("pub.pem"), "--endpoint", ENDPOINT)
        return {"mode": "rpk", "public_key_file": self.own("pub.pem"), "private_key_file": self.own("key.pem"),
                "server_public_key_file": self.pki / "server.pub.pem"}

    def certificate(self):
        return {"mode": "x509", "certificate_file": self.own("pem"), "private_key_file": self.own("key.pem"),
                "trust_anchor_file": self.pki / "ca.pem"}

    def run_device(self, security):
        """Until it is registered and read; gives its process and the name of its log."""
        config = self.work / "device.toml"
        config.write_text(f'endpoint = "{ENDPOINT}"\nserver = "coaps://127.0.0.1:{self.port}"\nlifetime = 600\n[security]\n' +
                          "".join(f'{key} = "{value}"\n' for key, value in security.items()))
        self.runs += 1
        log = f"device-{self.runs}"
        device = self.start(log, harness.BINARIES / "drover-device", "--config", config, "--bind", "127.0.0.1:0", "--state",
                            self.work / "state.db")
        harness.wait_until(lambda: "registered server=1" in self.log(log) or "updated server=1" in self.log(log),
                           f"the device is registered:\n{self.log('droverd')}")
        self.assertEqual(self.drover("read", ENDPOINT, "/3/0/0")[1]["value"], "Drover")
        return device, log

    def shown(self):
        return self.drover("show", ENDPOINT)[1]


class EachKind(Devices):
    def survives_a_kill(self, security, identity):
        device, log = self.run_device(security)
        before = self.shown()
        self.assertRegex(before["identity"], identity)
        device.kill()
        device.wait()
        device, log = self.run_device(security)
        self.assertNotIn("\nregistered ", "\n" + self.log(log), "the registration lasted")
        after = self.shown()
        for what in ("registration", "registered_at", "identity"):
            self.assertEqual(after[what], before[what])
        status = self.drover("status")[1]
        self.assertEqual((status["handshakes"], status["resumptions"]), (2, 1), "the second handshake was abbreviated")

    def test_pre_shared_key(self):
        self.survives_a_kill(self.psk(), '^psk "sensor-1"$')

    def test_raw_public_key(self):
        self.survives_a_kill(self.raw_public_key(), "^public-key ")

    def test_certificate(self):
        self.survives_a_kill(self.certificate(), f"^certificate .*{ENDPOINT}")


class Restarts(Devices):
    def test_another_key_of_the_store_keeps_what_was_handed_over(self):
        self.run_device(self.psk())
        before = self.shown()
        self.stop(self.server)
        new_key = self.work / "new.key"
        subprocess.run([harness.BINARIES / "droverd", "--store", self.work / "store.db", "--rekey", new_key], check=True,
                       capture_output=True, timeout=harness.WAIT_SECONDS)
        with open(self.work / "droverd.toml", "a") as config:
            config.write(f'[store]\nkey_file = "{new_key}"\n')
        self.server = self.start("droverd-2", *self.server_command)
        harness.wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        self.assertEqual(self.shown()["registered_at"], before["registered_at"], self.log("droverd-2"))
        self.assertEqual(self.drover("read", ENDPOINT, "/3/0/0")[1]["value"], "Drover")
        self.assertEqual(self.drover("status")[1]["handshakes"], 0)


class ExposedKeys(Devices):
    def make_pki(self, *endpoints):
        pki = super().make_pki(*endpoints)
        for key in pki.glob("**/*.key.pem"):
            key.chmod(0o644)
        return pki

    def test_are_told_once_at_the_start(self):
        _, log = self.run_device(self.certificate())
        for name, file in (("droverd", self.pki / "server.key.pem"), (log, self.own("key.pem"))):
            told = [line for line in self.log(name).splitlines() if "everybody on this machine may read" in line]
            self.assertEqual(len(told), 1, self.log(name))
            self.assertIn(str(file), told[0])


if __name__ == "__main__":
    unittest.main()
