#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that droverd and drover-device say to each other, dissected by tshark.

A relay between them records the datagrams, so no right to capture is needed.
"""
import re
import select
import socket
import struct
import subprocess
import threading
import unittest

import harness

COAP_PORT = 5683  # what the capture says the server's port is, so that tshark knows the protocol
DEVICE_PORT = 40000


class Relay:
    """Forwards datagrams between a device and a server, and keeps them."""

    def __init__(self, server_port):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect(("127.0.0.1", server_port))
        self.end, self.ended = socket.socketpair()
        self.datagrams = []  # (uplink, bytes)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        device = None
        while True:
            ready, _, _ = select.select([self.front, self.back, self.ended], [], [])
            if self.ended in ready:
                return
            if self.front in ready:
                data, device = self.front.recvfrom(65536)
                self.datagrams.append((True, data))
                self.back.send(data)
            if self.back in ready:
                data = self.back.recv(65536)
                self.datagrams.append((False, data))
                self.front.sendto(data, device)

    def stop(self):
        self.end.close()
        self.thread.join()
        for each in (self.front, self.back, self.ended):
            each.close()

    def write_pcap(self, file):
        """Classic pcap of raw IPv4 packets (link type 101); checksums 0, which UDP over IPv4 allows."""
        with open(file, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            for number, (uplink, data) in enumerate(self.datagrams):
                ports = (DEVICE_PORT, COAP_PORT) if uplink else (COAP_PORT, DEVICE_PORT)
                hosts = (b"\x0a\0\0\x01", b"\x0a\0\0\x02") if uplink else (b"\x0a\0\0\x02", b"\x0a\0\0\x01")
                udp = struct.pack(">HHHH", *ports, 8 + len(data), 0) + data
                packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + b"".join(hosts) + udp
                out.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


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
