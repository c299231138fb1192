#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that droverd and drover-device say to each other, dissected by tshark.

A relay between them records the datagrams, so no right to capture is needed.
"""
import re
import subprocess
import unittest

import harness
from relay import Relay


class Dissection(harness.Interop):
    def test_nothing_is_malformed_and_tlv_is_recognised(self):
        relay = Relay(self.start_server())
        try:
            _, device = self.start_device("dissected", relay.port, "--lifetime", 300)
            harness.wait_until(lambda: self.drover("show", "dissected")[0] == 0, "the device is registered")
            for arguments in (("read", "dissected", "/3"), ("read", "dissected", "/3/0"), ("read", "dissected", "/3/0/0"),
                              ("read", "dissected", "/3/0", "--accept", "json"), ("discover", "dissected", "/3"),
                              ("write", "dissected", "/3/0/14", "+01:00"),
                              ("write", "dissected", "/1/0", "1=200", "6=true", "--update"),
                              ("attributes", "dissected", "/3/0/14", "pmin=0", "pmax=60"), ("exec", "dissected", "/1/0/8"),
                              ("observe", "dissected", "/3/0/14", "--background")):
                with self.subTest(arguments=arguments):
                    self.assertEqual(self.drover(*arguments)[0], 0)
            device.stdin.write("set /3/0/14 +02:00\n")
            device.stdin.flush()
            harness.wait_until(lambda: self.drover("observations", "dissected")[1]["observations"][0]["notifications"] >= 1,
                               "a notification")
            self.assertEqual(self.drover("cancel", "dissected", "/3/0/14")[0], 0)
            self.assertEqual(self.drover("read", "dissected", "/9999/0")[0], 1)
            self.stop(device)
        finally:
            relay.stop()

        capture = self.work / "capture.pcap"
        relay.write_pcap(capture)
        self.assertGreater(len(relay.datagrams), 24)
        coap = self.tshark(capture, "-Y", "coap")
        self.assertEqual(len(coap.splitlines()), len(relay.datagrams), "every datagram is CoAP")
        bad = self.tshark(capture, "-Y", "_ws.malformed || _ws.expert.severity >= warning")
        self.assertEqual(bad, "")
        self.assertGreaterEqual(len(self.tshark(capture, "-Y", "lwm2mtlv").splitlines()), 3)
        details = self.tshark(capture, "-V", "-Y", "lwm2mtlv")
        self.assertIn("Drover", details)
        self.assertTrue(re.search(r"OMA Lightweight M2M|Lightweight M2M TLV", details, re.I), details[:2000])

    def tshark(self, capture, *arguments):
        done = subprocess.run(["tshark", "-n", "-r", capture, *arguments], check=True, capture_output=True, text=True, timeout=120)
        return done.stdout


if __name__ == "__main__":
    harness.require("tshark")
    unittest.main()
