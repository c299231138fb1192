# SPDX-License-Identifier: Apache-2.0
"""A relay between two endpoints that records their datagrams: no right to capture is needed."""
import contextlib
import select
import socket
import struct
import threading

COAP_PORT = 5683  # what a capture says the server's port is, so that tshark knows the protocol
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
                with contextlib.suppress(ConnectionRefusedError):
                    self.back.send(data)
            if self.back in ready:
                try:
                    data = self.back.recv(65536)
                except ConnectionRefusedError:  # the server is away
                    continue
                self.datagrams.append((False, data))
                self.front.sendto(data, device)

    def stop(self):
        self.end.close()
        self.thread.join()
        for each in (self.front, self.back, self.ended):
            each.close()

    def write_pcap(self, file, server_port=COAP_PORT):
        """Classic pcap of raw IPv4 packets (link type 101); checksums 0, which UDP over IPv4 allows."""
        with open(file, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            for number, (uplink, data) in enumerate(self.datagrams):
                ports = (DEVICE_PORT, server_port) if uplink else (server_port, DEVICE_PORT)
                hosts = (b"\x0a\0\0\x01", b"\x0a\0\0\x02") if uplink else (b"\x0a\0\0\x02", b"\x0a\0\0\x01")
                udp = struct.pack(">HHHH", *ports, 8 + len(data), 0) + data
                packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0) + b"".join(hosts) + udp
                out.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)
