#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenSC's tools read the card that drover-card serves to pcscd through vsmartcard's virtual reader."""
import os
import subprocess
import unittest

import card_harness
import harness
import smsc_harness

OID = "2.23.43.9.1"
CONFIG = """app default {
  reader_drivers = pcsc;
  card_drivers = default;
  enable_default_driver = true;
  framework pkcs15 { use_file_caching = no; try_emulation_first = no; enable_pkcs15_emulation = no; }
}
"""
DESCRIPTION = """protocol = "{protocol}"
label = "Drover"
[[server]]
uri = "coaps://lwm2m.example.com"
security = {{ mode = "psk", identity = "card", key_file = "psk.key" }}
[[object]]
id = 9000
version = "2.5"
[object.values]
"0/0" = "hex:{octets}"
[files]
form = "opaque"
odf_size = 64
dodf_size = 120
{files}
"""


class OpenSc(card_harness.CardInterop):
    def setUp(self):
        super().setUp()
        self.secret("psk.key", "000102030405060708090a0b0c0d0e0f")
        (self.work / "opensc.conf").write_text(CONFIG)
        self.start_pcscd()

    def describe(self, protocol, octets=600, files="", name="card"):
        file = self.work / f"{name}.toml"
        file.write_text(DESCRIPTION.format(protocol=protocol, octets="5a" * octets, files=files))
        return file

    def make(self, description):
        """The image of EF LwM2M_Bootstrap that drover-card wrote."""
        folder = self.work / f"images-{description.stem}"
        done = subprocess.run([harness.BINARIES / "drover-card", "make", description, "-o", folder], capture_output=True, text=True,
                              timeout=harness.WAIT_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return next(folder.rglob("6432.bin")).read_bytes()

    def opensc(self, *arguments):
        """What pkcs15-tool does with the card, which pcscd may not have seen yet."""
        environment = {**os.environ, "OPENSC_CONF": str(self.work / "opensc.conf")}
        command = ["pkcs15-tool", "--reader", "0", *map(str, arguments)]
        last = None

        def run():
            nonlocal last
            last = subprocess.run(command, capture_output=True, timeout=harness.WAIT_SECONDS, env=environment, check=False)
            return last.returncode == 0 and last
        try:
            return harness.wait_until(run, " ".join(command))
        except AssertionError:
            raise AssertionError(f"{command}: {last.stdout!r} {last.stderr!r}\n{self.all_logs()}") from None

    def read_object(self):
        file = self.work / "object.bin"
        file.unlink(missing_ok=True)
        self.opensc("--read-data-object", OID, "--raw", "--output", file)
        return file.read_bytes()

    def check(self, protocol, octets=600, files=""):
        description = self.describe(protocol, octets, files)
        image = self.make(description)
        self.serve(description)
        listed = self.opensc("--list-data-objects").stdout.decode()
        self.assertIn("LwM2M Bootstrap", listed)
        self.assertIn(OID, listed)
        self.assertEqual(self.read_object().hex(), image.hex())

    def test_t1(self):
        self.check("T=1")

    def test_t0(self):
        self.check("T=0")

    def test_a_large_file_with_padding(self):
        self.check("T=1", 9000, "data_size = 12000")

    def test_other_identifiers_and_absolute_paths(self):
        self.check("T=0", 10, "application = 0x7f20\ndodf = 0x4401\nabsolute_paths = true\n")

    def test_content_is_replaced_and_the_card_goes_and_comes(self):
        first, second = self.describe("T=1", 100), self.describe("T=1", 200, name="other")
        images = self.make(first), self.make(second)
        card = self.serve(first)
        self.assertEqual(self.read_object(), images[0])
        self.say(card, f"load {second}")
        self.expect("card", '"loaded"')
        self.assertEqual(self.read_object(), images[1])
        self.say(card, "remove")
        self.expect("card", '"removed"')
        harness.wait_until(lambda: self.run_tool("pkcs15-tool", "--reader", "0", "--list-data-objects").find("not present") >= 0, "the reader is empty")
        self.say(card, "insert")
        self.expect("card", '"inserted"')
        self.assertEqual(self.read_object(), images[1])


if __name__ == "__main__":
    card_harness.require(", opensc", "pkcs15-tool")
    card_harness.own_machine(__file__)
    print(smsc_harness.package_version("opensc"), smsc_harness.package_version("vsmartcard-vpcd"))
    unittest.main()
