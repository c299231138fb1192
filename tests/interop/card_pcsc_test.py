#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our terminal and our watcher at the real pcscd, with drover-card in vsmartcard's virtual reader."""
import unittest

import card_harness

card_harness.require("")
card_harness.own_machine(__file__)

import harness  # noqa: E402  (after the machine is there)
import smsc_harness  # noqa: E402

ENC, MAC = "404142434445464748494a4b4c4d4e4f", "505152535455565758595a5b5c5d5e5f"
DESCRIPTION = """protocol = "{protocol}"
[[server]]
uri = "coaps://lwm2m.example.com"
security = {{ mode = "psk", identity = "card", key_file = "psk.key" }}
[[object]]
id = 9000
version = "2.5"
[object.values]
"0/0" = "hex:{octets}"
[files]
form = "{form}"
data_size = {size}
{more}
"""
SECURE = '[secure_channel]\nkey_file = "scp03.key"\nrequired = true\n'


class CardPcsc(card_harness.CardInterop):
    def setUp(self):
        super().setUp()
        self.secret("psk.key", "000102030405060708090a0b0c0d0e0f")
        self.secret("scp03.key", f"ENC = {ENC}\nMAC = {MAC}\n")
        self.pcscd = self.start_pcscd()

    def describe(self, protocol, octets=600, form="opaque", more="", name="card"):
        file = self.work / f"{name}.toml"
        file.write_text(DESCRIPTION.format(protocol=protocol, octets="5a" * octets, form=form, size=octets + 400, more=more))
        return file

    def read(self, *arguments, wait=True):
        """What card_peer tells of the card, by its first word. Until pcscd has seen the card it says that there is none."""
        def run():
            text = self.run_tool(harness.BINARIES / "card_peer", "read", *arguments)
            told = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
            return None if wait and told.get("error", "").startswith("no card") else told
        return harness.wait_until(run, "a card")

    def start_watch(self):
        return self.start("watch", harness.BINARIES / "card_peer", "watch", "--reader", card_harness.READER)

    def expect_events(self, *wanted):
        """Exactly these lines; an answer to reset counts as its beginning."""
        def told():
            lines = self.log("watch").splitlines()
            return len(lines) >= len(wanted) and lines
        try:
            lines = harness.wait_until(told, wanted)
        except AssertionError:
            raise AssertionError(f"not {wanted}\n{self.all_logs()}") from None
        self.assertEqual(len(lines), len(wanted), lines)
        for line, event in zip(lines, wanted):
            self.assertTrue(line.startswith(event), f"{line!r} isn't {event!r}")

    def check(self, protocol, form, secure):
        description = self.describe(protocol, form=form, more=SECURE if secure else "")
        card = self.serve(description)
        told = self.read(*(["--keys", f"{ENC}:{MAC}"] if secure else []))
        self.assertIn("file", told, told)
        self.assertIn("5a" * 600, told["file"])
        self.assertEqual(told["secured"], "yes" if secure else "no")
        self.stop(card)
        # pcscd sees a moment later that it went: until then it went while it was in use.
        gone = self.read(wait=False)["error"]
        self.assertTrue(gone.startswith(("no card", "card removed")), gone)
        harness.wait_until(lambda: self.read(wait=False)["error"].startswith("no card"), "no card")
        return told

    def test_protocols_forms_and_the_secure_channel(self):
        files = set()
        for protocol in "T=0", "T=1":
            for form in "opaque", "oid", "oid-twice":
                for secure in False, True:
                    with self.subTest(protocol=protocol, form=form, secure=secure):
                        files.add(self.check(protocol, form, secure)["file"])
        self.assertEqual(len(files), 1, "the same file each time")

    def test_a_card_that_wants_the_secure_channel_tells_nothing_without(self):
        self.serve(self.describe("T=1", more=SECURE))
        plain = self.read()
        self.assertNotIn("file", plain)
        self.assertTrue(plain["error"].startswith("refused by the card"), plain)
        wrong = self.read("--keys", f"{MAC}:{ENC}")
        self.assertNotIn("file", wrong)
        self.assertTrue(wrong["error"].startswith("secure channel failed"), wrong)
        self.assertIn("file", self.read("--keys", f"{ENC}:{MAC}"))

    def test_reading_twice_begins_with_a_clean_card(self):
        self.serve(self.describe("T=1"))
        told = [self.read() for _ in range(8)]
        self.assertEqual({each["channel"] for each in told}, {"1"}, "no channel is left open")

    def test_cards_that_come_go_and_are_swapped(self):
        self.start_watch()
        reader = f"'{card_harness.READER}'"
        events = [f"reader came {reader}"]
        self.expect_events(*events)
        card = self.serve(self.describe("T=1"))
        events.append(f"card came {reader} 3b")
        self.expect_events(*events)
        self.assertIn("file", self.read())
        self.say(card, "remove")
        events.append(f"card went {reader}")
        self.expect_events(*events)
        self.say(card, "insert")
        events.append(f"card came {reader} 3b")
        self.expect_events(*events)
        # vpcd hides a swap within one look of pcscd's, 0.4 s: this one is slower.
        self.stop(card)
        events.append(f"card went {reader}")
        self.expect_events(*events)
        self.serve(self.describe("T=0", octets=10, name="other"), "other")
        events.append(f"card came {reader} 3b")
        self.expect_events(*events)
        self.assertIn("5a" * 10, self.read()["file"])
        self.expect_events(*events)

    def test_a_card_that_goes_while_it_is_in_use(self):
        card = self.serve(self.describe("T=1"))
        self.assertIn("file", self.read())
        peer = self.start("apdu", harness.BINARIES / "card_peer", "apdu")
        self.expect("apdu", "atr 3b")
        self.say(peer, "00a40804022f0000")
        self.expect("apdu", "< 62")
        # Meanwhile it is this program's.
        self.assertIn("another program uses the card", self.read(wait=False)["error"])
        self.say(card, "remove")
        self.expect("card", '"removed"')
        self.say(peer, "00a40804022f0000")
        self.expect("apdu", "error card removed")
        self.say(peer, "connect")
        self.expect("apdu", "error no card")
        self.say(card, "insert")
        self.assertIn("file", self.read())

    def test_pcscd_is_killed_and_comes_back(self):
        self.start_watch()
        reader = f"'{card_harness.READER}'"
        card = self.serve(self.describe("T=1"))
        events = [f"reader came {reader}", f"card came {reader} 3b"]
        self.expect_events(*events)
        peer = self.start("apdu", harness.BINARIES / "card_peer", "apdu")
        self.expect("apdu", "atr 3b")
        self.kill_pcscd(self.pcscd)
        events += [f"card went {reader}", f"reader went {reader}", "no service: "]
        self.expect_events(*events)
        self.say(peer, "00a40804022f0000")
        self.expect("apdu", "error reader failed")
        self.say(peer, "connect")
        self.expect("apdu", "pcscd isn't running")
        self.stop(card)
        self.pcscd = self.start_pcscd()
        self.serve(self.work / "card.toml", "again")
        events += [f"reader came {reader}", f"card came {reader} 3b"]
        self.expect_events(*events)
        self.say(peer, "connect")
        self.say(peer, "00a40804022f0000")
        self.expect("apdu", "< 62")


if __name__ == "__main__":
    print(smsc_harness.package_version("pcscd"), smsc_harness.package_version("vsmartcard-vpcd"), flush=True)
    unittest.main()
