#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Short messages with programs that nobody here wrote: Net::SMPP as ESME and as SMSC, gammu and smstools3 as hosts of modems; and our two
carriers through our SMSC."""
import signal
import subprocess
import unittest

import harness
import smsc_harness as sms

sms.require("libnet-smpp-perl, gammu, smstools", "perl", "gammu", "smsd", perl="Net::SMPP")
print("with", ", ".join(map(sms.package_version, ("libnet-smpp-perl", "gammu", "smstools"))), flush=True)


def packed(text):
    """ASCII letters as septets in octets (3GPP TS 23.038 6.1.2.1), in hexadecimal."""
    bits = sum(ord(letter) << 7 * place for place, letter in enumerate(text))
    return bits.to_bytes((7 * len(text) + 7) // 8, "little").hex()


class NetSmpp(sms.SmsInterop):
    def test_esme_at_our_smsc(self):
        port = self.start_smsc()
        esme = self.perl("perl", "smpp_esme.pl", port, sms.SYSTEM_ID, sms.PASSWORD, sms.SERVICE)
        self.expect("perl", "command 80000009 status 0")
        host = self.start_host(sms.DEVICE)
        self.say(esme, f"{sms.DEVICE} 0 0 4 {sms.TRIGGER}")
        self.expect("host", f"received {sms.SERVICE} 0 4 {sms.TRIGGER}")
        self.expect("perl", "command 80000004 status 0 1")
        receipt = "id:1 sub:001 dlvrd:001".encode().hex()
        self.expect("perl", f"deliver_sm {sms.DEVICE} esm 4 pid 0 dcs 0 {receipt}")
        self.say(host, f"send {sms.SERVICE} 0 4 {sms.ANSWER}")
        self.expect("perl", f"deliver_sm {sms.DEVICE} esm 0 pid 0 dcs 4 {sms.ANSWER}")
        self.say(esme, f"4999 0 0 4 {sms.TRIGGER}")
        self.expect("perl", "command 80000004 status b")  # ESME_RINVDSTADR

    def test_a_wrong_password_is_refused(self):
        port = self.start_smsc()
        self.perl("perl", "smpp_esme.pl", port, sms.SYSTEM_ID, "wrong", sms.SERVICE)
        self.expect("perl", "command 80000009 status e")  # ESME_RINVPASWD

    def test_our_esme_at_its_smsc(self):
        port = harness.free_port()
        self.perl("perl", "smpp_smsc.pl", port)
        self.expect("perl", "ready")
        esme = self.start_esme(port, "--receipts")
        self.expect("perl", "bind_transceiver drover version 34 password right")
        self.say(esme, f"send {sms.DEVICE} 127 246 027000{sms.PACKET} udh")
        self.expect("perl", "throttled")
        self.expect("perl", f"submit_sm {sms.SERVICE} -> {sms.DEVICE} esm 64 pid 127 dcs 246 validity 0000000")
        self.expect("perl", f"receipt 1 027000{sms.PACKET}")
        self.expect("esme", "taken 1")
        self.expect("esme", f"received {sms.DEVICE} 127 246 027000{sms.PACKET} udh")
        self.expect("esme", "delivered 1")
        self.say(esme, "end")
        self.expect("perl", "unbind")
        self.expect("esme", "state closed")
        self.assertNotIn("command", self.log("perl").replace("command 80000005 status 0", ""))
        self.assertNotIn(sms.PASSWORD, self.log("esme"))


class Gammu(sms.SmsInterop):
    def gammu(self, *command):
        return self.run_tool("gammu", "-c", self.work / "gammurc", *command)

    def setUp(self):
        super().setUp()
        self.port = self.start_smsc()
        (self.work / "gammurc").write_text(f"[gammu]\ndevice = {self.modem(sms.DEVICE)}\nconnection = at115200\n")

    def test_reads_and_sends(self):
        self.assertIn("490154203237518", self.gammu("identify"))
        esme = self.start_esme(self.port)
        self.say(esme, f"send {sms.DEVICE} 0 4 {sms.TRIGGER}")
        self.wait_event("deliver", to=sms.DEVICE, data=sms.TRIGGER)
        read = self.gammu("getallsms")
        self.assertIn(sms.SERVICE, read, read)
        self.assertIn("8 bit", read, read)
        sent = self.gammu("sendsms", "TEXT", sms.SERVICE, "-text", "hello gammu")
        self.assertIn("OK", sent, sent)
        event = self.wait_event("submit", **{"from": sms.DEVICE, "to": sms.SERVICE})[0]
        self.assertEqual((event["dcs"], event["data"]), (0, packed("hello gammu")))


class Smstools(sms.SmsInterop):
    def test_sends_and_receives_binary(self):
        port = self.start_smsc()
        esme = self.start_esme(port)
        folders = {name: self.work / "spool" / name for name in ("outgoing", "checked", "incoming", "failed", "sent")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        (self.work / "smsd.conf").write_text(
            "devices = M\n" + "".join(f"{name} = {folder}\n" for name, folder in folders.items())
            + f"logfile = {self.work}/smsd.log\nloglevel = 5\ndelaytime = 1\nerrorsleeptime = 1\npidfile = {self.work}/smsd.pid\n"
            f"infofile = {self.work}/smsd.working\n[M]\ndevice = {self.modem(sms.DEVICE)}\nincoming = yes\nbaudrate = 115200\n"
            "init = AT+CNMI=0,0,0,0,0\nmemory_start = 1\ncheck_network = 0\nreport = no\ndecode_unicode_text = no\n")
        self.start("smsd", "smsd", "-c", self.work / "smsd.conf", "-t")
        message = (f"To: {sms.SERVICE}\nAlphabet: binary\nUDH-DATA: 02 70 00\nUDH: true\n\n".encode()
                   + bytes.fromhex(sms.PACKET))
        (folders["outgoing"] / "one").write_bytes(message)
        self.expect("esme", f"received {sms.DEVICE} 0 4 027000{sms.PACKET} udh")
        self.say(esme, f"send {sms.DEVICE} 0 4 {sms.TRIGGER}")
        received = harness.wait_until(lambda: list(folders["incoming"].iterdir()), "smsd has received it")[0]
        content = harness.wait_until(lambda: (b"\n\n" in received.read_bytes()) and received.read_bytes(), "it is whole")
        head, body = content.split(b"\n\n", 1)
        self.assertIn(f"From: {sms.SERVICE}".encode(), head)
        self.assertIn(b"Alphabet: binary", head)
        self.assertEqual(body.hex(), sms.TRIGGER)


class OurOwn(sms.SmsInterop):
    def test_esme_and_modem_through_a_bad_network(self):
        port = self.start_smsc("--delay", "1-50", "--duplicate", "300", "--reorder", "200", "--seed", "7")
        esme = self.start_esme(port, "--receipts")
        host = self.start_host(sms.DEVICE, "--receipts")
        for i in range(20):
            self.say(esme, f"send {sms.DEVICE} 0 4 {i:02x}{sms.TRIGGER}")
            self.say(host, f"send {sms.SERVICE} 0 4 {i:02x}{sms.ANSWER}")
        for i in range(20):
            self.expect("host", f"received {sms.SERVICE} 0 4 {i:02x}{sms.TRIGGER}")
            self.expect("esme", f"received {sms.DEVICE} 0 4 {i:02x}{sms.ANSWER}")
            self.expect("esme", f"delivered {i + 1}\n")
            self.expect("host", f"delivered {i + 1}\n")
        self.assertTrue(self.events("duplicated"))

    def test_modem_that_was_reset_hung_or_away(self):
        port = self.start_smsc()
        esme = self.start_esme(port)
        self.start_host(sms.DEVICE)
        self.say(self.smsc, f"reset {sms.DEVICE}")
        self.say(esme, f"send {sms.DEVICE} 0 4 01")
        self.expect("host", f"received {sms.SERVICE} 0 4 01")
        self.say(self.smsc, f"off {sms.DEVICE}")
        self.say(esme, f"send {sms.DEVICE} 0 4 02")
        self.wait_event("submit", data="02")
        self.assertFalse(self.events("deliver", data="02"))
        self.say(self.smsc, f"on {sms.DEVICE}")
        self.expect("host", f"received {sms.SERVICE} 0 4 02")
        self.say(self.smsc, f"hang {sms.DEVICE}")
        self.say(esme, f"send {sms.DEVICE} 0 4 03")
        self.wait_event("submit", data="03")
        self.say(self.smsc, f"resume {sms.DEVICE}")
        self.expect("host", f"received {sms.SERVICE} 0 4 03")

    def test_our_esme_comes_back(self):
        port = self.start_smsc()
        self.start_esme(port)
        self.say(self.smsc, f"drop {sms.SYSTEM_ID}")
        harness.wait_until(lambda: self.log("esme").count("state bound") == 2, "it is bound again")

    def test_it_ends_with_the_signal(self):
        self.start_smsc()
        self.assertTrue(self.modem(sms.DEVICE).is_symlink())
        self.smsc.send_signal(signal.SIGTERM)
        self.assertEqual(self.smsc.wait(10), 0)
        self.assertFalse(self.modem(sms.DEVICE).is_symlink())

    def test_what_is_wrong_on_its_command_line(self):
        def said(*arguments):
            done = subprocess.run([harness.BINARIES / "drover-smsc", *arguments], capture_output=True, text=True, timeout=10,
                                  check=False)
            return done.returncode, done.stderr
        for arguments, text in (((), "nobody to serve"), (("--esme", "a:b"), "SYSTEM_ID:PASSWORD:NUMBER"),
                                (("--esme", "a:password9:1"), "at most 8"), (("--modem", "x=/tmp/m"), "1 to 15 digits"),
                                (("--smpp", "0.0.0.0:2775", "--esme", "a:b:1"), "loopback"),
                                (("--esme", "a:b:1", "--esme", "c:d:1"), "the number 1"), (("--delay", "5-1"), "LEAST-MOST")):
            status, error = said(*arguments)
            self.assertEqual(status, 2, arguments)
            self.assertIn(text, error)
            self.assertNotIn("password9", error)


if __name__ == "__main__":
    unittest.main()
