#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example client of Core Appendix F, as shipped, and what its two servers see of it: every table of the appendix."""
import pathlib
import subprocess
import unittest

import harness

ENDPOINT = "example-client"
CONFIGURATION = pathlib.Path(__file__).parents[2] / "examples/appendix-f/device.toml"

TABLE_33 = {"0": 101, "1": 86400, "2": 300, "3": 6000, "5": 86400, "6": True, "7": "U"}
TABLE_34 = {"0": 102, "1": 86400, "2": 60, "3": 6000, "5": 86400, "6": False, "7": "UQ"}
TABLE_35 = {"0": 1, "1": 0, "2": {"101": 15}, "3": 101}
TABLE_36 = {"0": 1, "1": 1, "2": {"102": 15}, "3": 102}
TABLE_37 = {"0": 3, "1": 0, "2": {"101": 15, "102": 1}, "3": 101}
TABLE_38 = {"0": 4, "1": 0, "2": {"0": 1, "101": 1}, "3": 101}
TABLE_40 = {"0": "Open Mobile Alliance", "1": "Lightweight M2M Client", "2": "345000123", "3": "1.0",
            "6": {"0": 1, "1": 5}, "7": {"0": 3800, "1": 5000}, "8": {"0": 125, "1": 900}, "9": 100, "10": 15,
            "11": {"0": 0}, "14": "+02:00", "16": "U"}
TABLE_41 = {"0": 0, "1": {"0": 0}, "2": 92, "3": 2, "4": {"0": "192.168.0.100"}, "5": {"0": "192.168.1.1"}, "6": 5,
            "7": {"0": "internet"}}
CLOCK_START = 1367491215  # /3/0/13; it runs


class AppendixF(harness.Interop):
    def setUp(self):
        super().setUp()
        ports, self.apis = [self.start_server()], [self.api]
        ports.append(self.start_server())
        self.apis.append(self.api)
        configuration = CONFIGURATION.read_text()
        for original, port in (("coap://127.0.0.1", ports[0]), ("coap://127.0.0.2", ports[1])):
            self.assertIn(f'"{original}"', configuration)
            configuration = configuration.replace(f'"{original}"', f'"coap://127.0.0.1:{port}"')
        file = self.work / "device.toml"
        file.write_text(configuration)
        self.start("device", harness.BINARIES / "drover-device", "--config", file)
        for server in (1, 2):
            harness.wait_until(lambda: self.ask(server, "show")[0] == 0, f"registered with server {server}")

    def ask(self, server, command, *arguments):
        done = subprocess.run([harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{self.apis[server - 1]}", "--json",
                               command, ENDPOINT, *map(str, arguments)],
                              capture_output=True, text=True, timeout=harness.WAIT_SECONDS)
        return done.returncode, done.stdout, done.stderr

    def answer(self, server, command, *arguments):
        status, out, error = self.ask(server, command, *arguments)
        self.assertEqual(status, 0, f"server {server}: {command} {arguments}: {out}{error}")
        return harness.json.loads(out)

    def read(self, server, path):
        return self.answer(server, "read", path)["value"]

    def refused(self, server, code, command, *arguments):
        status, out, error = self.ask(server, command, *arguments)
        self.assertNotEqual(status, 0, f"server {server}: {command} {arguments} should be {code}: {out}")
        self.assertIn(code, out + error)

    def test_table_29_both_servers_see_the_same_objects_and_no_security(self):
        expected = {1: [0, 1], 2: [0, 1, 2, 3, 4], 3: [0], 4: [0], 5: []}
        for server in (1, 2):
            device = self.answer(server, "show")
            self.assertEqual({object["id"]: object["instances"] for object in device["objects"]}, expected)
            self.assertEqual(device["lifetime"], 86400)
        self.assertEqual([self.answer(server, "show")["binding"] for server in (1, 2)], ["U", "UQ"])

    def test_tables_30_to_32_security_is_private(self):
        for server in (1, 2):
            for path in ("/0", "/0/0", "/0/1", "/0/1/0", "/0/2/10"):
                self.refused(server, "4.01", "read", path)
                self.refused(server, "4.01", "discover", path)

    def test_tables_33_and_34_each_server_has_its_own_server_object(self):
        self.assertEqual(self.read(1, "/1/0"), TABLE_33)
        self.assertEqual(self.read(2, "/1/1"), TABLE_34)
        self.refused(1, "4.01", "read", "/1/1")
        self.refused(2, "4.01", "read", "/1/0")
        self.refused(2, "4.01", "write", "/1/0/1", "60")
        self.assertEqual(self.read(1, "/1"), {"0": TABLE_33})
        self.assertEqual(self.read(2, "/1"), {"1": TABLE_34})
        self.answer(1, "write", "/1/0/1", "43200")
        harness.wait_until(lambda: self.answer(1, "show")["lifetime"] == 43200, "the Update with the new lifetime")
        self.assertEqual(self.answer(2, "show")["lifetime"], 86400)

    def test_tables_35_to_39_access_control_belongs_to_its_owner(self):
        for path, table in (("/2/0", TABLE_35), ("/2/2", TABLE_37), ("/2/3", TABLE_38)):
            self.assertEqual(self.read(1, path), table)
            self.refused(2, "4.01", "read", path)
        self.assertEqual(self.read(2, "/2/1"), TABLE_36)
        self.refused(1, "4.01", "read", "/2/1")
        for server in (1, 2):
            self.refused(server, "4.01", "read", "/2/4")
            self.refused(server, "4.01", "write", "/2/4/2", "101=31")
        self.refused(2, "4.01", "write", "/2/2/2", "102=15")

    def test_table_37_the_owner_grants_a_right_that_the_other_server_has_at_once(self):
        self.refused(2, "4.01", "write", "/3/0/14", "+01:00")
        self.answer(1, "write", "/2/2/2", "--update", "102=3")
        self.answer(2, "write", "/3/0/14", "+01:00")
        self.assertEqual(self.read(1, "/3/0/14"), "+01:00")
        self.refused(2, "4.01", "exec", "/3/0/12")

    def test_table_39_server_1_alone_may_create_the_firmware_update_instance(self):
        self.refused(2, "4.01", "create", "/5")
        self.answer(1, "create", "/5", "--instance", 0, "0=hex:00", "1=")
        for server in (1, 2):
            harness.wait_until(lambda: {"id": 5, "instances": [0]}.items() <= self.answer(server, "show")["objects"][-1].items(),
                               f"server {server} is told of /5/0")
        self.assertEqual(self.read(1, "/5/0/3"), 0)
        self.refused(2, "4.01", "read", "/5/0/3")
        # The instance has an Access Control instance of its own, whose owner is its maker.
        created = self.read(1, "/2/5")
        self.assertEqual(created, {"0": 5, "1": 0, "2": {"101": 15}, "3": 101})
        self.answer(1, "delete", "/5/0")
        self.refused(1, "4.04", "read", "/2/5")

    def test_table_40_the_device(self):
        for server in (1, 2):
            values = self.read(server, "/3/0")
            self.assertIn(values.pop("13") - CLOCK_START, range(120))
            self.assertEqual(values, TABLE_40)
        self.answer(1, "exec", "/3/0/12")
        self.refused(2, "4.01", "exec", "/3/0/4")
        self.refused(2, "4.01", "delete", "/3/0")
        self.refused(1, "4.05", "delete", "/3/0")

    def test_table_41_connectivity_monitoring_is_read_by_all(self):
        for server in (1, 2):
            self.assertEqual(self.read(server, "/4/0"), TABLE_41)
            self.refused(server, "4.01", "delete", "/4/0")


if __name__ == "__main__":
    unittest.main()
