#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The SDK's examples against droverd, as their readers would try them."""
import json
import os
import pathlib
import subprocess
import unittest

import harness

EXAMPLES = pathlib.Path(os.environ["DROVER_EXAMPLES"])


class Examples(harness.Interop):
    def setUp(self):
        super().setUp()
        self.port, self.secure, api = harness.free_port(), harness.free_port(), harness.free_port()
        self.start("droverd", harness.BINARIES / "droverd", "--listen", f"127.0.0.1:{self.port}", "--secure-listen", f"127.0.0.1:{self.secure}", "--api",
                   f"127.0.0.1:{api}", "--store", self.work / "droverd.db")
        self.drover = [harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{api}", "--timeout", "10"]
        harness.wait_until(lambda: self.ask("status", check=False) != "", "the server's API")

    def ask(self, *words, check=True):
        done = subprocess.run([str(word) for word in (*self.drover, *words)], capture_output=True, text=True)
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def value(self, endpoint, path):
        told = self.ask("--json", "read", endpoint, path, check=False)
        return json.loads(told).get("value") if told.startswith("{") else None

    def registered(self, endpoint):
        harness.wait_until(lambda: self.ask("show", endpoint, check=False), f"{endpoint} registers")

    def test_thermometer(self):
        self.start("thermometer", EXAMPLES / "example_thermometer", f"coap://127.0.0.1:{self.port}")
        self.registered("urn:dev:os:thermometer-1")
        harness.wait_until(lambda: (self.value("urn:dev:os:thermometer-1", "/3303/0/5602") or 0) > 20, "the highest value rises")
        self.ask("exec", "urn:dev:os:thermometer-1", "/3303/0/5605")

    def test_own_loop(self):
        self.start("own_loop", EXAMPLES / "example_own_loop", f"coap://127.0.0.1:{self.port}")
        self.registered("urn:dev:os:own-loop-1")
        harness.wait_until(lambda: (self.value("urn:dev:os:own-loop-1", "/3303/0/5700") or 0) >= 1, "the value rises")

    def test_minimal(self):
        (self.work / "key").write_text("000102030405060708090a0b0c0d0e0f")
        self.ask("credentials", "add", "psk", "minimal-1", "--key-file", self.work / "key")
        self.start("minimal", EXAMPLES / "example_minimal", f"coaps://127.0.0.1:{self.secure}", "minimal-1", "000102030405060708090a0b0c0d0e0f")
        self.registered("minimal-1")
        self.assertIn("psk", self.ask("show", "minimal-1"))

    def test_gateway(self):
        ddf = pathlib.Path(__file__).parents[2] / "examples/radio_gateway.xml"
        self.ask("define", ddf)
        gateway = self.start("gateway", EXAMPLES / "example_gateway", f"coap://127.0.0.1:{self.port}", ddf, "4")
        endpoint = "urn:dev:os:gateway-1"
        self.registered(endpoint)

        def heard(line):
            gateway.stdin.write(line + "\n")
            gateway.stdin.flush()

        def both(path, value):
            """They are heard all the time, however slow this machine is."""
            heard("cellar 11.5")
            heard("attic 25")
            return self.value(endpoint, path) == value

        harness.wait_until(lambda: both("/3303/1/5700", 25), "the second sensor")
        harness.wait_until(lambda: both("/3303/0/5700", 11.5), "the first one")
        harness.wait_until(lambda: both("/33000/0/0", 2), "both are counted")
        harness.wait_until(lambda: both("/3303/0/5700", 11.5) and "attic" in self.ask("--json", "read", endpoint, "/33000/0/1"), "their names")
        harness.wait_until(lambda: self.value(endpoint, "/33000/0/0") == 0, "silent sensors go")

        def again():
            heard("attic 26")
            return self.value(endpoint, "/3303/0/5700") == 26

        harness.wait_until(again, "and come again")
        self.ask("exec", endpoint, "/33000/0/2")
        harness.wait_until(lambda: self.value(endpoint, "/3303/0/5700") is None, "a server has them forgotten")


if __name__ == "__main__":
    unittest.main()
