#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""drover-device registers with libcoap's resource directory and is then managed by coap-client as a hand-made server."""
import re
import subprocess
import unittest

import harness

TEXT, TLV, JSON = 0, 11542, 11543


class HandMadeServer(harness.Interop):
    def setUp(self):
        super().setUp()
        # The device answers its server alone, so coap-client takes over the port on which the directory took the Register.
        self.port = harness.free_port()
        directory = self.start("directory", "coap-rd-notls", "-A", "127.0.0.1", "-p", self.port, "-v", 7)
        device_port, self.device = self.start_device("interop", self.port)
        harness.wait_until(lambda: "registered" in self.log("device"), "the device registers")
        self.stop(directory)
        self.registration = self.log("directory")
        self.url = f"coap://127.0.0.1:{device_port}"

    def ask(self, method, path, *options):
        return self.coap(method, self.url + path, "-p", self.port, *options)

    def test_registers_with_a_foreign_directory(self):
        self.assertRegex(self.registration, r"t:CON c:POST .*Uri-Path:rd.*Content-Format:application/link-format")
        self.assertIn("Uri-Query:ep=interop", self.registration)
        self.assertIn("</3/0>", self.registration)
        self.assertIn("c:2.01", self.registration)

    def test_is_read_in_every_format(self):
        self.assertRegex(self.ask("get", "/3/0/0"), r"c:2\.05")
        self.assertIn("Drover", self.ask("get", "/3/0/0", "-A", TEXT))
        self.assertRegex(self.ask("get", "/3/0", "-A", TLV), r"c:2\.05 .*Content-Format:11542")
        self.assertRegex(self.ask("get", "/3/0", "-A", JSON), r"c:2\.05 .*Content-Format:11543")
        self.assertIn("</3/0/0>", self.ask("get", "/3", "-A", 40))

    def test_is_written(self):
        self.assertIn("c:2.04", self.ask("put", "/3/0/14", "-t", TEXT, "-e", "+03:00"))
        self.assertIn("+03:00", self.ask("get", "/3/0/14", "-A", TEXT))
        # TLV: type C6 (resource, 8-bit id, 6 bytes), id 14, "-07:00" (Core §6.4.3).
        payload = self.work / "payload"
        payload.write_bytes(bytes([0xC6, 14]) + b"-07:00")
        self.assertIn("c:2.04", self.ask("put", "/3/0/14", "-t", TLV, "-f", payload))
        self.assertIn("-07:00", self.ask("get", "/3/0/14", "-A", TEXT))

    def test_is_executed(self):
        self.assertIn("c:2.04", self.ask("post", "/1/0/8"))
        self.assertIn("executed", self.log("device"))

    def test_is_observed(self):
        observer = subprocess.Popen(
            ["coap-client-notls", "-v", "7", "-p", str(self.port), "-s", "5", "-B", "8", "-m", "get", f"{self.url}/3/0/14"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: observer.poll() is None and observer.kill())
        harness.wait_until(lambda: "operation=Observe" in self.log("device"), "the device is observed")
        self.device.stdin.write("set /3/0/14 +05:30\n")
        self.device.stdin.flush()
        output = observer.communicate(timeout=harness.WAIT_SECONDS)[0].decode(errors="replace")
        responses = re.findall(r"c:2\.05 .*Observe:(\d+)", output)
        self.assertGreaterEqual(len(responses), 2, output)
        self.assertIn("+05:30", output)

    def test_refuses_what_is_not_there(self):
        self.assertIn("c:4.04", self.ask("get", "/9999/0"))
        self.assertIn("c:4.05", self.ask("get", "/1/0/8"))
        self.assertIn("c:4.05", self.ask("put", "/3/0/0", "-t", TEXT, "-e", "x"))
        self.assertIn("c:4.06", self.ask("get", "/3/0", "-A", 60))


if __name__ == "__main__":
    harness.require("coap-client-notls", "coap-rd-notls")
    unittest.main()
