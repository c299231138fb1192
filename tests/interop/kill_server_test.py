#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""droverd is killed under load, again and again: nothing that it acknowledged is missing, and no record number is used twice.

DROVER_KILLS says how often; the default is a sample.
"""
import collections
import http.client
import itertools
import json
import os
import random
import signal
import socket
import struct
import threading
import time
import unittest

from harness import BINARIES, Interop, free_port, wait_until
from relay import Relay

KILLS = int(os.environ.get("DROVER_KILLS", "6"))
DEVICES = 30
SLEEPERS = 5
SECURED = 3
ACK_TIMEOUT = 0.5
CON, ACK = 0, 2
CREATED, CHANGED, NOT_FOUND = 0x41, 0x44, 0x84


def message(kind, code, number, token=b"", options=(), payload=b""):
    out = bytearray(struct.pack(">BBH", 0x40 | kind << 4 | len(token), code, number)) + token
    last = 0
    for option, value in options:
        out.append((option - last) << 4 | min(len(value), 13))
        last = option
        if len(value) >= 13:
            out.append(len(value) - 13)
        out += value
    return bytes(out) + (b"\xff" + payload if payload else b"")


def parse(data):
    """Type, code, message id, token, options, payload."""
    kind, length = data[0] >> 4 & 3, data[0] & 15
    code, number = data[1], struct.unpack(">H", data[2:4])[0]
    at, option, options = 4 + length, 0, []
    while at < len(data) and data[at] != 0xFF:
        delta, size = data[at] >> 4, data[at] & 15
        at += 1
        if delta == 13:
            delta, at = 13 + data[at], at + 1
        if size == 13:
            size, at = 13 + data[at], at + 1
        option += delta
        options.append((option, data[at:at + size]))
        at += size
    return kind, code, number, data[4:4 + length], options, data[at + 1:]


class Device(threading.Thread):
    """Registers and updates all the time, and remembers what was acknowledged."""

    def __init__(self, endpoint, port, queue):
        super().__init__(daemon=True)
        self.endpoint, self.port, self.queue = endpoint, port, queue
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(ACK_TIMEOUT)
        self.random = random.Random(endpoint)
        self.number = self.random.randrange(65536)
        self.location = None  # acknowledged
        self.in_flight = False  # a Register: which one counts isn't known
        self.problems, self.acknowledged, self.writes = [], 0, []
        self.ended = threading.Event()
        self.active = threading.Event()  # clear: it sleeps
        self.active.set()

    def ask(self, code, options, payload=b""):
        """The answer's code and options; the same message is repeated until there is one."""
        self.number = (self.number + 1) % 65536
        data = message(CON, code, self.number, b"", options, payload)
        while not self.ended.is_set():
            self.socket.sendto(data, ("127.0.0.1", self.port))
            until = time.monotonic() + ACK_TIMEOUT
            while (answer := self.hear(until)) is not None:
                if answer[0] == ACK and answer[2] == self.number:
                    return answer[1], answer[4]
        return None, None

    def hear(self, until):
        """The next message that isn't a request; requests are answered."""
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                heard = parse(self.socket.recv(2048))
            except (TimeoutError, ConnectionError):
                continue
            if heard[1] == 0 or heard[1] >= 0x40:
                return heard
            if heard[1] == 3:
                self.writes.append(heard[5][2:].decode())  # TLV: type and id in front (Core 6.4.3)
            self.socket.sendto(message(ACK, CHANGED, heard[2], heard[3]), ("127.0.0.1", self.port))
        return None

    def register(self):
        self.in_flight = True
        queue = [(15, b"b=UQ")] if self.queue else []
        code, options = self.ask(2, [(11, b"rd"), (12, b"\x28"), (15, b"ep=" + self.endpoint.encode()), (15, b"lt=86400"), *queue],
                                 b"</1/0>,</3/0>")
        if code is None:
            return
        if code != CREATED:
            self.problems.append(f"{self.endpoint}: Register got {code:#x}")
            return
        self.location = [value for option, value in options if option == 8]
        self.in_flight = False
        self.acknowledged += 1

    def update(self):
        code, _ = self.ask(2, [(11, part) for part in self.location])
        if code is None:
            return
        self.acknowledged += 1
        if code != CHANGED:
            self.problems.append(f"{self.endpoint}: the Update of an acknowledged registration got {code:#x}")

    def run(self):
        while not self.ended.is_set():
            if not self.active.wait(0.05):
                continue
            if self.location is None or self.random.random() < 0.2 and not self.queue:
                self.register()
            else:
                self.update()
            self.ended.wait(self.random.random() * 0.02)


class KillTest(Interop):
    def setUp(self):
        super().setUp()
        self.random = random.Random(int(os.environ.get("DROVER_SEED", "1")))
        config = self.work / "droverd.toml"
        config.write_text('[queue]\nawake = [{ endpoints = "sleeper-*", seconds = 1 }]\n')
        secure = free_port()
        self.port = self.start_server("127.0.0.1", "--secure-listen", f"127.0.0.1:{secure}", "--store", self.work / "store.db",
                                      "--config", config)
        self.secure_port = secure
        self.devices = []
        self.operations = collections.defaultdict(list)  # (id, value) of each sleeper, acknowledged by a 202
        self.numbers = itertools.count()
        self.starts = 1

    def request(self, method, path, body=None):
        """Status and JSON; (None, None) when the server went away."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        try:
            connection.request(method, "/api/v1" + path, body and json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()

    def start_devices(self):
        for number in range(DEVICES):
            self.devices.append(Device(f"node-{number}", self.port, False))
        for number in range(SLEEPERS):
            self.devices.append(Device(f"sleeper-{number}", self.port, True))
        for device in self.devices:
            device.start()
        self.addCleanup(self.end_devices)

    def end_devices(self):
        for device in self.devices:
            device.ended.set()
        for device in self.devices:
            device.join(5)
            device.socket.close()

    def queue_operations(self, ended):
        """Writes for sleeping devices; each that is accepted must arrive, once, in its order."""
        while not ended.is_set():
            sleeper = f"sleeper-{self.random.randrange(SLEEPERS)}"
            number = next(self.numbers)
            status, body = self.request("PUT", f"/devices/{sleeper}/resources/3/0/14", {"value": f"+{number}"})
            if status == 202:
                self.operations[sleeper].append((body["id"], f"+{number}"))
            ended.wait(0.01)

    def kill_and_restart(self):
        self.server.kill()
        self.server.wait()
        self.starts += 1
        self.server = self.start(f"droverd-{self.starts}", *self.server_command)
        wait_until(lambda: self.request("GET", "/status")[0] == 200, "droverd answers again")

    def check_acknowledged(self):
        """Before any device can repair it: the load has been stopped."""
        for device in self.devices:
            if device.location is None or device.in_flight:
                continue
            status, view = self.request("GET", f"/devices/{device.endpoint}")
            self.assertEqual(status, 200, f"{device.endpoint} was registered")
            self.assertEqual(view["registration"], b"/".join(device.location).decode())
        for sleeper, operations in self.operations.items():
            for number, _ in operations[-20:]:
                status, view = self.request("GET", f"/devices/{sleeper}/operations/{number}")
                self.assertEqual(status, 200, f"operation {number} of {sleeper} was accepted")
                self.assertEqual(view["state"], "queued")

    def test_nothing_acknowledged_is_missing(self):
        self.start_devices()
        wait_until(lambda: all(device.location for device in self.devices), "all are registered")
        sleepers = [device for device in self.devices if device.queue]
        for sleeper in sleepers:
            sleeper.active.clear()
        time_awake_is_over = time.monotonic() + 1.5
        wait_until(lambda: time.monotonic() > time_awake_is_over, "the sleepers sleep")
        newest = 0
        for _ in range(KILLS):
            ended = threading.Event()
            asking = threading.Thread(target=self.queue_operations, args=(ended,))
            asking.start()
            wait = time.monotonic() + self.random.random()
            wait_until(lambda: time.monotonic() > wait, "some load")
            self.server.send_signal(signal.SIGKILL)
            self.server.wait()
            for device in self.devices:
                device.active.clear()
            ended.set()
            asking.join()
            self.kill_and_restart()
            self.check_acknowledged()
            event = self.request("GET", "/status")[1]["events"]["newest"]
            number = int(event.split("-")[1])
            self.assertGreater(number, newest, "events go on with their numbers")
            newest = number
            for device in self.devices:
                if not device.queue:
                    device.active.set()
        for sleeper in sleepers:
            sleeper.active.set()
        for sleeper in sleepers:
            wanted = [value for _, value in self.operations[sleeper.endpoint]]
            wait_until(lambda: set(sleeper.writes) >= set(wanted), f"{sleeper.endpoint} gets all its writes")
            # One whose 202 the kill has swallowed may be among them.
            once = [value for value in dict.fromkeys(sleeper.writes) if value in wanted]
            self.assertEqual(once, wanted, "in the order of asking")
        self.assertEqual([problem for device in self.devices for problem in device.problems], [])
        print(f"{KILLS} kills, {sum(device.acknowledged for device in self.devices)} acknowledged messages, "
              f"{sum(len(each) for each in self.operations.values())} accepted operations")

    def test_associations_go_on_and_no_record_number_comes_twice(self):
        relays = []
        for number in range(SECURED):
            key = self.work / f"key-{number}"
            key.write_text("00112233445566778899aabbccddee%02x\n" % number)
            self.add_credential("psk", f"safe-{number}", "--key-file", key)
            relays.append(Relay(self.secure_port))
            self.addCleanup(relays[-1].stop)
            self.start(f"safe-{number}", BINARIES / "drover-device", "--endpoint", f"safe-{number}", "--server",
                       f"coaps://127.0.0.1:{relays[-1].port}", "--psk-identity", f"safe-{number}", "--psk-key-file", key,
                       # Several kills in a row may swallow an Update and its repetitions (93 s, RFC 7252 4.8.2).
                       "--lifetime", 200)
        wait_until(lambda: self.request("GET", "/status")[1]["devices"] == SECURED, "all are registered")
        for _ in range(KILLS):
            before = {number: self.request("GET", f"/devices/safe-{number}")[1]["registration"] for number in range(SECURED)}
            for number in range(SECURED):
                self.request("GET", f"/devices/safe-{number}/resources/3/0/0")
            self.kill_and_restart()
            for number in range(SECURED):
                status, view = self.request("GET", f"/devices/safe-{number}/resources/3/0/0?timeout=20")
                self.assertEqual(status, 200, view)
                self.assertEqual(self.request("GET", f"/devices/safe-{number}")[1]["registration"], before[number])
        self.assertEqual(self.request("GET", "/status")[1]["handshakes"], 0, "nobody had to shake hands again")
        for relay in relays:
            self.check_numbers(relay)

    def check_numbers(self, relay):
        """Each sealed record of the server has a number of its own (RFC 6347 4.1)."""
        seen = set()
        hellos = 0
        for uplink, data in list(relay.datagrams):
            hellos += uplink and data[0] == 22 and data[13] == 1
            # Behind the handshake each datagram is one record.
            if uplink or data[3:5] == b"\0\0":
                continue
            self.assertNotIn(data[3:11], seen)
            seen.add(data[3:11])
        self.assertGreater(len(seen), 2 * KILLS)
        self.assertLessEqual(hellos, 4, "one handshake")


if __name__ == "__main__":
    unittest.main()
