#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kannel's bearerbox as ESME and as host of a modem, both at our SMSC. Runs in a network of its own: Kannel listens on all addresses."""
import contextlib
import http.client
import os
import unittest
import urllib.parse

import smsc_harness as sms

sms.require("kannel", "bearerbox", "smsbox")
sms.own_network(__file__)
print("with", sms.package_version("kannel"), flush=True)

import harness  # noqa: E402  (after the network is there)

CONFIG = """
group = core
admin-port = 13000
smsbox-port = 13001
admin-password = x
box-allow-ip = "127.0.0.1"
log-file = "{work}/bearerbox.log"
log-level = 1
access-log = "{work}/access.log"
store-type = file
store-location = "{work}/store"

group = smsc
smsc = smpp
smsc-id = server
allowed-smsc-id = server
host = 127.0.0.1
port = {port}
transceiver-mode = 1
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
address-range = ""
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsc
smsc = at
smsc-id = device
allowed-smsc-id = device
modemtype = generic
device = {device}
speed = 115200
my-number = +{number}

group = modems
id = generic
name = "Generic"
detect-string = "PTYMODEM"
init-string = "AT+CNMI=1,2,0,0,0"

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = 13013
log-file = "{work}/smsbox.log"
global-sender = 12345

group = sendsms-user
username = u
password = p
concatenation = true
max-messages = 3

group = sms-service
keyword = default
catch-all = true
max-messages = 0
text = ""
"""
SENDSMS_PORT = 13013


class Kannel(sms.SmsInterop):
    def setUp(self):
        super().setUp()
        os.environ["PATH"] += ":/usr/sbin"
        port = self.start_smsc()
        config = self.work / "kannel.conf"
        config.write_text(CONFIG.format(work=self.work, port=port, system_id=sms.SYSTEM_ID, password=sms.PASSWORD,
                                        device=self.modem(sms.DEVICE), number=sms.DEVICE))
        self.start("bearerbox.out", "bearerbox", "-v", 4, config)
        harness.wait_until(lambda: (self.work / "bearerbox.log").exists(), "bearerbox writes")
        self.expect("bearerbox.log", "AT SMSC successfully opened")
        self.start("smsbox.out", "smsbox", "-v", 4, config)
        harness.wait_until(self.is_up, "smsbox listens")

    @staticmethod
    def ask(path):
        connection = http.client.HTTPConnection("127.0.0.1", SENDSMS_PORT, timeout=harness.WAIT_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    def is_up(self):
        try:
            return self.ask("/")
        except OSError:
            return None

    def send(self, by, sender, receiver, data, udh="", **more):
        query = urllib.parse.urlencode({"username": "u", "password": "p", "smsc": by, "from": "+" + sender, "to": "+" + receiver,
                                        "coding": 1, **more})
        escaped = {name: "".join("%" + text[i:i + 2] for i in range(0, len(text), 2)) for name, text in
                   (("text", data), ("udh", udh)) if text}
        status = self.ask("/cgi-bin/sendsms?" + query + "".join(f"&{name}={text}" for name, text in escaped.items()))
        self.assertEqual(status, 202)

    def received_by(self, which, text):
        """A line of Kannel's access log about what came in by that connection."""
        def found():
            log = self.work / "access.log"
            return log.exists() and [line for line in log.read_text().splitlines()
                                     if "Receive SMS" in line and f"[SMSC:{which}]" in line and text in line]
        try:
            return harness.wait_until(found, f"Kannel receives {text}")
        except AssertionError:
            raise AssertionError(f"Kannel's {which} hasn't received {text}\n" + self.all_logs()) from None

    def test_both_ways(self):
        self.send("server", sms.SERVICE, sms.DEVICE, sms.TRIGGER)
        delivered = self.wait_event("deliver", to=sms.DEVICE, data=sms.TRIGGER)[0]
        self.assertEqual((delivered["pid"], delivered["dcs"], delivered["header"]), (0, 4, False))
        self.received_by("device", sms.TRIGGER.upper())

        self.send("device", sms.DEVICE, sms.SERVICE, sms.ANSWER)
        self.wait_event("deliver", to=sms.SERVICE, data=sms.ANSWER)
        self.received_by("server", sms.ANSWER.upper())

    def test_secured_packet(self):
        """Class 2, data download, and a header: for the SIM, where Kannel finds it as every message that is stored."""
        self.send("server", sms.SERVICE, sms.DEVICE, sms.PACKET, udh="027000", mclass=2, pid=127, **{"alt-dcs": 1})
        submitted = self.wait_event("submit", to=sms.DEVICE, data="027000" + sms.PACKET)[0]
        self.assertEqual((submitted["pid"], submitted["dcs"], submitted["header"]), (0x7F, 0xF6, True))
        self.wait_event("deliver", to=sms.DEVICE, data="027000" + sms.PACKET)

    def test_segments(self):
        """300 octets, cut by Kannel's AT driver and put together by its SMPP driver."""
        data = bytes(i & 0xFF for i in range(300)).hex()
        self.send("device", sms.DEVICE, sms.SERVICE, data)
        harness.wait_until(lambda: len(self.events("deliver", to=sms.SERVICE)) == 3, "three segments")
        segments = [event["segment"] for event in self.events("submit", to=sms.SERVICE)]
        self.assertEqual([segment[1:] for segment in segments], [[1, 3], [2, 3], [3, 3]])
        self.received_by("server", "[msg:300:")


if __name__ == "__main__":
    unittest.main()
