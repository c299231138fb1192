#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""droverd driven by libcoap's coap-client as a hand-made LwM2M client."""
import re
import unittest

import harness

LINK_FORMAT = ("-t", 40)


class HandMade(harness.Interop):
    """coap-client as a client of a server that listens on `host` and that it knows as `name`."""
    host, name = "127.0.0.1", "127.0.0.1"

    def setUp(self):
        super().setUp()
        self.server_port = self.start_server(self.host)
        self.url = f"coap://{self.name}:{self.server_port}"
        # Without security a registration belongs to the address that made it: every request comes from one port.
        self.port = harness.free_port()

    def ask(self, method, path, *options):
        return self.coap(method, self.url + path, "-p", self.port, *options)

    def register(self, query="ep=hand-made&lt=60&lwm2m=1.0&b=U", body="</1/0>,</3/0>,</3303/0>,</3303/1>"):
        answer = self.ask("post", f"/rd?{query}", *LINK_FORMAT, "-e", body)
        location = re.search(r"c:2\.01 .*\[ Location-Path:rd, Location-Path:([^ ,\]]+)", answer)
        self.assertTrue(location, answer)
        return location[1]


class HandMadeClient(HandMade):
    def test_registers_updates_and_deregisters(self):
        location = self.register()
        status, device = self.drover("show", "hand-made")
        self.assertEqual(status, 0)
        self.assertEqual(device["lifetime"], 60)
        self.assertEqual(device["registration"], f"rd/{location}")
        self.assertEqual([(one["id"], one["instances"]) for one in device["objects"]], [(1, [0]), (3, [0]), (3303, [0, 1])])

        self.assertIn("c:2.04", self.ask("post", f"/rd/{location}?lt=120"))
        self.assertEqual(self.drover("show", "hand-made")[1]["lifetime"], 120)
        self.assertIn("c:2.04", self.ask("post", f"/rd/{location}", *LINK_FORMAT, "-e", "</1/0>,</3/0>"))
        self.assertEqual([one["id"] for one in self.drover("show", "hand-made")[1]["objects"]], [1, 3])

        self.assertIn("c:2.02", self.ask("delete", f"/rd/{location}"))
        self.assertEqual(self.drover("show", "hand-made")[0], 3)
        self.assertIn("c:4.04", self.ask("post", f"/rd/{location}"))

    def test_a_registration_belongs_to_the_address_that_made_it(self):
        location = self.register()
        self.assertIn("c:4.04", self.coap("delete", f"{self.url}/rd/{location}"))
        self.assertEqual(self.drover("show", "hand-made")[0], 0)

    def test_registering_again_replaces_the_registration(self):
        first = self.register()
        second = self.register()
        self.assertNotEqual(first, second)
        self.assertIn("c:4.04", self.ask("post", f"/rd/{first}"))
        self.assertEqual(self.drover("devices")[1]["total"], 1)

    def test_what_newer_devices_send_is_accepted(self):
        self.register("lwm2m=1.2&ep=hand-made&lt=60&Q", '</>;rt="oma.lwm2m";ct=110,</1>;ver=1.1,</1/0>,</3/0>')
        device = self.drover("show", "hand-made")[1]
        self.assertEqual(device["version"], "1.2")
        self.assertTrue(device["queue_mode"])

    def test_an_alternate_path(self):
        self.register(body='</lwm2m>;rt="oma.lwm2m",</lwm2m/1/0>,</lwm2m/3/0>')
        self.assertEqual(self.drover("show", "hand-made")[1]["root"], "/lwm2m")

    def test_a_long_registration_comes_block_wise(self):
        links = ",".join(f"</3303/{instance}>" for instance in range(400))
        self.register(body=f"</1/0>,</3/0>,{links}")
        self.assertEqual(len(self.drover("show", "hand-made")[1]["objects"][2]["instances"]), 400)

    def test_wrong_requests_are_answered_and_change_nothing(self):
        for expected, method, path, options in (
                ("c:4.00", "post", "/rd?ep=wrong&lt=60&lwm2m=1.0", (*LINK_FORMAT, "-e", "</1/0")),
                ("c:4.00", "post", "/rd?ep=wrong&lt=abc&lwm2m=1.0", (*LINK_FORMAT, "-e", "</1/0>")),
                ("c:4.15", "post", "/rd?ep=wrong&lt=60&lwm2m=1.0", ("-t", 50, "-e", "</1/0>")),
                ("c:4.04", "get", "/nothing", ()),
                ("c:4.05", "put", "/rd", ("-e", "x")),
                ("c:4.04", "delete", "/rd/nobody", ())):
            with self.subTest(path=path, method=method):
                self.assertIn(expected, self.ask(method, path, *options))
        self.assertEqual(self.drover("devices")[1]["total"], 0)


class Ipv6(HandMade):
    host, name = "[::1]", "[::1]"

    def test_registers_and_deregisters(self):
        location = self.register()
        device = self.drover("show", "hand-made")[1]
        self.assertEqual(device["address"], f"[::1]:{self.port}")
        self.assertIn("c:2.02", self.ask("delete", f"/rd/{location}"))

    def test_our_device_registers_and_is_read(self):
        self.start_device("ours", self.server_port, server_host="[::1]", bind_host="[::1]")
        harness.wait_until(lambda: self.drover("show", "ours")[0] == 0, "the device registers")
        self.assertTrue(self.drover("show", "ours")[1]["address"].startswith("[::1]:"))
        self.assertEqual(self.drover("read", "ours", "/3/0/0")[1]["value"], "Drover")


class Names(HandMade):
    """Both families behind one socket, since localhost may be either."""
    host, name = "[::]", "localhost"

    def test_registers(self):
        self.register()
        self.assertEqual(self.drover("show", "hand-made")[0], 0)

    def test_our_device_registers_and_is_read(self):
        self.start_device("ours", self.server_port, server_host="localhost", bind_host="[::]")
        harness.wait_until(lambda: self.drover("show", "ours")[0] == 0, "the device registers")
        self.assertEqual(self.drover("read", "ours", "/3/0/0")[1]["value"], "Drover")


class AlternatePath(HandMade):
    def test_our_device_is_managed_below_it(self):
        device_port, _ = self.start_device("ours", self.server_port, "--path", "/lwm2m")
        harness.wait_until(lambda: self.drover("show", "ours")[0] == 0, "the device registers")
        self.assertEqual(self.drover("show", "ours")[1]["root"], "/lwm2m")
        self.assertEqual(self.drover("read", "ours", "/3/0/0")[1]["value"], "Drover")
        self.assertEqual(self.drover("write", "ours", "/3/0/14", "+02:00")[0], 0)
        self.assertEqual(self.drover("read", "ours", "/3/0/14")[1]["value"], "+02:00")
        paths = [link["path"] for link in self.drover("discover", "ours", "/3/0")[1]["links"]]
        self.assertIn("/3/0/14", paths)


if __name__ == "__main__":
    harness.require("coap-client-notls")
    unittest.main()
