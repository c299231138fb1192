#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""drover-device and its smartcard, as programs: in a modem by AT+CSIM, in a reader by pcscd, and as the end of its short messages."""
import re
import signal
import subprocess
import unittest

import card_harness
import harness
import smsc_harness as sms

ENDPOINT = "urn:dev:os:card-1-whose-name-is-longer-than-what-one-secured-packet-takes-in-one-short-message-which-is-96-octets"
CHANNEL = "ENC = 404142434445464748494a4b4c4d4e4f\nMAC = 505152535455565758595a5b5c5d5e5f\n"
OTHER_CHANNEL = CHANNEL.replace("ENC = 40", "ENC = ff")
PACKETS = "101112131415161718191a1b1c1d1e1f303132333435363738393a3b3c3d3e3f"  # AES, KIc and KID
PSK = "000102030405060708090a0b0c0d0e0f"


class Card(card_harness.CardInterop):
    def describe(self, name="card", lifetime=43200, iccid="8949000000000000001", server=None, more=""):
        """A card's description: one server."""
        file = self.work / f"{name}.toml"
        server = server or f'uri = "coap://127.0.0.1:{self.port}"'
        file.write_text(f'iccid = "{iccid}"\n{more.partition("[")[0]}\n[[server]]\nid = 101\nlifetime = {lifetime}\n{server}\n'
                        f'{"".join(more.partition("[")[1:])}\n')
        return file

    def configure(self, card, more=""):
        config = self.work / "device.toml"
        config.write_text(f'endpoint = "{ENDPOINT}"\nbind = "127.0.0.1:0"\n[card]\n{card}\n[values]\n"/3/0/0" = "Drover"\n{more}\n')
        return config

    def start_device(self, config, log="device"):
        return self.start(log, harness.BINARIES / "drover-device", "--config", config)

    def count(self, text, log="device"):
        return self.log(log).count(text)

    def expect_more(self, text, before, log="device"):
        try:
            harness.wait_until(lambda: self.count(text, log) > before, f"another {text}")
        except AssertionError:
            raise AssertionError(f"no further {text!r}\n" + self.all_logs()) from None

    def update(self, device):
        before = self.count("event: card-"), self.count("event: updated")
        self.say(device, "update")
        return before

    def card_read(self, *arguments):
        return subprocess.run([harness.BINARIES / "drover-device", "card", "read", *map(str, arguments)], capture_output=True,
                              text=True, timeout=harness.WAIT_SECONDS, check=False)


class CardInAModem(Card):
    """No reader and no rights needed: a pty with AT+CSIM."""

    def setUp(self):
        super().setUp()
        self.port = self.start_server()
        self.tty = self.work / "tty"

    def serve_at(self, description):
        card = self.start("card", harness.BINARIES / "drover-card", "serve", description, "--at", self.tty)
        self.expect("card", '"ready"')
        return card

    def secured(self):
        self.secret("card.keys", CHANNEL)
        return '[secure_channel]\nkey_file = "card.keys"\nrequired = true'

    def test_from_the_card_to_a_registration_and_back(self):
        card = self.serve_at(self.describe(more=self.secured()))
        config = self.configure(f'modem = "{self.tty}"\nsecure_channel = {{ key_file = "card.keys" }}',
                                '[[server]]\nuri = "coap://127.0.0.1:9"\n[state]\nfile = "device.state"')
        device = self.start_device(config)
        self.expect("device", "card-loaded")
        self.expect("device", "registered server=101")
        self.assertEqual(self.drover("read", ENDPOINT, "/1/0/1")[1]["value"], 43200)
        # Another content, over the air.
        other = self.describe("other", lifetime=600, more=self.secured())
        self.say(card, f"load {other}")
        self.expect("card", '"loaded"')
        harness.wait_until(lambda: self.update(device) and self.count("card-loaded") > 1, "the new content is loaded")
        harness.wait_until(lambda: self.drover("read", ENDPOINT, "/1/0/1")[1]["value"] == 600, "the server sees it")
        # It is the same after a restart, and a look says so.
        device.send_signal(signal.SIGTERM)
        self.assertEqual(device.wait(harness.WAIT_SECONDS), 0)
        device = self.start_device(config, "again")
        self.expect("again", "card-unchanged")
        self.expect("again", "updated server=101")
        # Without it, the factory's server.
        self.say(card, "remove")
        self.expect("card", '"removed"')
        self.say(device, "card look")
        self.expect("again", "card-removed")
        self.expect("again", "deregistered server=101")
        self.say(device, "show /0")
        self.expect("again", "coap://127.0.0.1:9")
        self.say(card, "insert")
        self.say(device, "card look")
        self.expect_more("registered server=101", self.count("registered server=101", "again"), "again")

    def test_wrong_keys_of_the_channel_change_nothing(self):
        self.serve_at(self.describe(more=self.secured()))
        self.secret("card.keys", OTHER_CHANNEL)
        device = self.start_device(self.configure(f'modem = "{self.tty}"\nsecure_channel = {{ key_file = "card.keys" }}',
                                                  f'[[server]]\nuri = "coap://127.0.0.1:{self.port}"\nid = 7'))
        self.expect("device", "card-unreadable")
        self.expect("device", "registered server=7")
        self.say(device, "show /1")
        self.assertNotIn("43200", self.log("device"))

    def test_a_wrong_pin_is_tried_once(self):
        self.secret("pin", "1234")
        self.secret("wrong", "4321")
        more = '[files]\nprivate = true\n[pin]\npin_file = "pin"\n'
        self.serve_at(self.describe(more=more))
        device = self.start_device(self.configure(f'modem = "{self.tty}"\npin_file = "wrong"'))
        self.expect("device", "card-unreadable")
        before = self.count("card-unreadable")
        self.say(device, "card look")
        self.expect_more("card-unreadable", before)
        self.stop(device)  # of the card's three tries two are left
        read = self.card_read("-c", self.configure(f'modem = "{self.tty}"\npin_file = "pin"'))
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertRegex(read.stdout, r"PIN +3 tries left, verified|PIN +2 tries left")
        self.assertNotIn("1234", read.stdout + read.stderr + self.log("device"))

    def test_card_read_shows_the_chain_without_secrets(self):
        self.secret("psk.key", PSK)
        server = 'uri = "coaps://lwm2m.example.com"\nsecurity = { mode = "psk", identity = "secret-identity", key_file = "psk.key" }'
        self.serve_at(self.describe(server=server, more=self.secured()))
        read = self.card_read("-c", self.configure(f'modem = "{self.tty}"\nsecure_channel = {{ key_file = "card.keys" }}'))
        self.assertEqual(read.returncode, 0, read.stderr)
        for expected in ("8949000000000000001", "a000000063504b43532d3135", "SCP03, level 33", "coaps://lwm2m.example.com",
                         "/0/0/5  Secret Key  (16 bytes)", "object 1  LwM2M Server"):
            self.assertIn(expected, read.stdout)
        for secret in (PSK, "secret-identity", "40414243"):
            self.assertNotIn(secret, read.stdout + read.stderr)
        nothing = self.card_read("--modem", self.work / "nothing")
        self.assertEqual(nothing.returncode, 1)
        self.assertIn("nothing", nothing.stderr)


class CardInAReader(Card):
    def setUp(self):
        super().setUp()
        self.port = self.start_server()
        self.start_pcscd()

    def protocol(self, protocol, secured):
        more = f'protocol = "{protocol}"\n'
        if secured:
            self.secret("card.keys", CHANNEL)
            more += '[secure_channel]\nkey_file = "card.keys"\nrequired = true\n'
        self.serve(self.describe(more=more))
        channel = 'secure_channel = { key_file = "card.keys" }' if secured else ""
        self.start_device(self.configure(f'reader = "any"\n{channel}'))
        self.expect("device", "registered server=101")
        self.assertEqual(self.drover("read", ENDPOINT, "/1/0/1")[1]["value"], 43200)

    def test_t0(self):
        self.protocol("T=0", False)

    def test_t0_secured(self):
        self.protocol("T=0", True)

    def test_t1(self):
        self.protocol("T=1", False)

    def test_t1_secured(self):
        self.protocol("T=1", True)

    def test_the_device_sees_the_card_come_go_and_change(self):
        factory = f'[[server]]\nuri = "coap://127.0.0.1:{self.port}"\nid = 7'
        device = self.start_device(self.configure('reader = "Virtual"', factory))
        self.expect("device", "registered server=7")
        card = self.serve(self.describe())
        self.expect("device", "card-loaded")
        self.expect("device", "deregistered server=7")
        self.expect("device", "registered server=101")
        self.stop(card)
        self.expect("device", "card-removed")
        self.expect("device", "deregistered server=101")
        self.expect_more("registered server=7", 1)
        self.serve(self.describe("other", lifetime=600, iccid="8949000000000000002"), "other")
        self.expect_more("card-loaded", 1)
        harness.wait_until(lambda: self.drover("show", ENDPOINT)[1]["lifetime"] == 600, "the other card's lifetime")
        self.say(device, "card")
        self.expect("device", "card there  loaded, 2 instances")


class ShortMessagesThroughTheCard(Card):
    """SMS Security Mode 2: the server, the SMSC, the card with its keys, and the device with its CoAP alone."""

    def setUp(self):
        super().setUp()
        self.secret("packets.key", PACKETS)
        self.secret("card.keys", CHANNEL)

    def start_site(self, *smsc):
        self.smpp_port = self.start_smsc(*smsc)
        config = self.work / "droverd.toml"
        config.write_text(f'[sms]\nmsisdn = "{sms.SERVICE}"\nsmpp = "127.0.0.1:{self.smpp_port}"\nsystem_id = "{sms.SYSTEM_ID}"\n'
                          f'password_file = "{self.secret("smpp.password", sms.PASSWORD)}"\n')
        self.port = self.start_server("127.0.0.1", "--secure-listen", f"127.0.0.1:{harness.free_port()}", "--store",
                                      self.work / "store.db", "--config", config)
        self.expect("droverd", "ready=yes")
        status, added = self.drover("sms", "add", sms.DEVICE, ENDPOINT, "--protection", "smartcard", "--keys-file",
                                    self.work / "packets.key")
        self.assertEqual(status, 0, added)

    def describe_sim(self):
        server = (f'uri = "tel:+{sms.SERVICE}"\nbinding = "S"\n'
                  f'sms = {{ number = "{sms.SERVICE}", mode = "smartcard" }}')
        return self.describe(server=server, more='[secure_channel]\nkey_file = "card.keys"\nrequired = true\n'
                                                 '[sms_application]\nkey_file = "packets.key"\n')

    def manage(self):
        """All of it by SMS: registered, read, written, in several segments, too."""
        self.expect("device", "card-loaded")
        self.expect("device", "registered server=101")
        status, answer = self.drover("read", ENDPOINT, "/3/0/0")
        self.assertEqual((status, answer["value"]), (0, "Drover"), self.all_logs())
        self.assertEqual(self.drover("write", ENDPOINT, "/3/0/14", "+01:00")[0], 0, self.all_logs())
        self.assertEqual(self.drover("read", ENDPOINT, "/3/0/14")[1]["value"], "+01:00")
        self.assertEqual(self.drover("read", ENDPOINT, "/3")[0], 0, "an answer in blocks")
        submitted = self.events("submit")
        self.assertTrue([message for message in submitted if message.get("segment")], "the Register takes several")
        for message in submitted:
            self.assertEqual((message["pid"], message["dcs"]), (0x7F, 0xF6), "USIM data download, class 2")
        self.assertNotIn(b"Drover".hex(), self.log("smsc"), "nothing is in the clear")

    def test_the_sim_of_the_modem(self):
        sim = self.describe_sim()
        self.port = 0
        self.start_site("--modem-card", f"{sms.DEVICE}={sim}")
        device = self.configure(f'modem = "{self.modem(sms.DEVICE)}"\nsecure_channel = {{ key_file = "card.keys" }}\n'
                                'messages = { poll = "500ms" }',
                                f'[sms]\nnumber = "{sms.DEVICE}"\nmodem = "{self.modem(sms.DEVICE)}"\n')
        self.start_device(device)
        self.manage()

    def test_a_card_in_a_reader_beside_the_modem(self):
        """The device is the card's terminal: ENVELOPE and SEND SHORT MESSAGE are its own."""
        self.start_pcscd()
        self.start_site()
        self.serve(self.describe_sim())
        device = self.configure('reader = "any"\nsecure_channel = { key_file = "card.keys" }\nmessages = { poll = "500ms" }',
                                f'[sms]\nnumber = "{sms.DEVICE}"\nmodem = "{self.modem(sms.DEVICE)}"\n')
        self.start_device(device)
        self.manage()

    def test_what_is_not_from_the_server_vanishes(self):
        sim = self.describe_sim()
        self.start_site("--modem-card", f"{sms.DEVICE}={sim}")
        self.start_device(self.configure(f'modem = "{self.modem(sms.DEVICE)}"\nsecure_channel = {{ key_file = "card.keys" }}\n'
                                         'messages = { poll = "500ms" }',
                                         f'[sms]\nnumber = "{sms.DEVICE}"\nmodem = "{self.modem(sms.DEVICE)}"\n'))
        self.expect("device", "registered server=101")
        packet = self.events("submit")[-1]["data"]
        sent = len(self.events("submit"))
        esme = self.start("esme", harness.BINARIES / "sms_peer", "esme", "--port", self.smpp_port, "--system-id", sms.SYSTEM_ID,
                          "--password", sms.PASSWORD, "--number", sms.SERVICE)
        self.expect("esme", "state bound")
        for data in (packet, packet[:-2] + f"{int(packet[-2:], 16) ^ 1:02x}"):  # again, and altered
            self.say(esme, f"send {sms.DEVICE} 127 246 {data} udh")
        harness.wait_until(lambda: len(self.events("submit")) >= sent, "they went out")
        self.assertEqual(self.drover("read", ENDPOINT, "/3/0/0")[1]["value"], "Drover")


if __name__ == "__main__":
    card_harness.require("")
    card_harness.own_machine(__file__)
    print(sms.package_version("pcscd"), sms.package_version("vsmartcard-vpcd"))
    unittest.main()
