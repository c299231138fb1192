#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is in the packages, and how large, hardened and documented it is."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import packages

packages.require()
PROGRAMS = ("droverd", "drover", "drover-device", "drover-fetch", "drover-swarm", "drover-smsc", "drover-card")
DEVICE_BYTES_MAX = 2_000_000
EXPOSURE_MAX = 2.0  # of 10, by systemd's count


class Contents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = packages.unpack(cls.folder.name)

    def test_each_program_has_a_page_and_completions(self):
        for program in PROGRAMS:
            with self.subTest(program):
                self.assertTrue((self.root / "usr/bin" / program).is_file())
                section = 8 if program == "droverd" else 1
                page = self.root / f"usr/share/man/man{section}/{program}.{section}"
                complaints = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
                self.assertEqual((complaints.returncode, complaints.stderr), (0, ""))
                for completion in (f"bash-completion/completions/{program}", f"zsh/vendor-completions/_{program}",
                                   f"fish/vendor_completions.d/{program}.fish"):
                    self.assertTrue((self.root / "usr/share" / completion).is_file(), completion)
        self.assertTrue((self.root / "usr/share/man/man5/droverd.toml.5").is_file())

    def test_pages_say_what_the_programs_say(self):
        text = (self.root / "usr/share/man/man1/drover.1").read_text()
        self.assertIn(".SS drover bootstrap plan dry\\-run", text)
        self.assertIn("DROVER_API", text)
        keys = (self.root / "usr/share/man/man5/droverd.toml.5").read_text()
        for key in ('listen = "[::]:5683"', "require_token = false", "[[rule]]", "coaps_url", "campaigns_max = 1000"):
            self.assertIn(key.replace("-", "\\-"), keys)
        self.assertIn('\\fBcoap_url = ""\\fR\n.TQ\n\\fBcoaps_url = ""\\fR\n.TQ\n', keys, "keys that share a text stand together")
        self.assertIn("\\fIHOST:PORT\\fR", (self.root / "usr/share/man/man8/droverd.8").read_text())

    def test_completion_knows_commands_and_options(self):
        script = self.root / "usr/share/bash-completion/completions/drover"

        def offered(line):
            words = line.split(" ")
            quoted = " ".join(f"'{word}'" for word in words)
            told = subprocess.run(["bash", "-c", f"source '{script}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; "
                                   f"COMP_POINT={len(line)}; _drover; printf '%s\\n' \"${{COMPREPLY[@]}}\""], capture_output=True, text=True, check=True)
            return told.stdout.split()

        self.assertEqual(offered("drover boot"), ["bootstrap"])
        self.assertIn("dry-run", offered("drover --api http://127.0.0.1:1 bootstrap plan "))
        self.assertEqual(offered("drover credentials add --gen"), ["--generate"])
        self.assertEqual(offered("drover cred"), ["credentials"])

    def test_nothing_knows_where_it_was_built(self):
        # A path of the build's machine in a program may be anybody's on the user's.
        for path in self.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix != ".a":
                self.assertFalse(str(packages.SOURCE).encode() + b"/" in path.read_bytes(), path)

    def test_the_device_is_small(self):
        self.assertLessEqual((self.root / "usr/bin/drover-device").stat().st_size, DEVICE_BYTES_MAX)

    def test_the_unit_is_hardened(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        unit = self.root / "lib/systemd/system/droverd.service"
        if not unit.exists():
            unit = self.root / "usr/lib/systemd/system/droverd.service"
        told = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", unit], capture_output=True, text=True)
        found = re.search(r"Overall exposure level for droverd.service: ([\d.]+)", told.stdout)
        self.assertTrue(found, told.stdout + told.stderr)
        self.assertLessEqual(float(found.group(1)), EXPOSURE_MAX)
        self.assertIn("Type=notify", unit.read_text())

    def test_the_shipped_configuration_is_fine_and_asks_for_a_token(self):
        text = (self.root / "etc/drover/droverd.toml").read_text()
        self.assertIn("require_token = true", text)
        checked = pathlib.Path(self.folder.name) / "check.toml"
        checked.write_text(text)
        told = subprocess.run([self.root / "usr/bin/droverd", "--config", checked, "--check"], capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)

    def test_the_packages_depend_on_what_they_use(self):
        self.assertEqual(packages.field("drover-common", "Architecture"), "all")
        self.assertIn("drover-common (=", packages.field("drover-server", "Depends"))
        self.assertIn("libssl3", packages.field("drover-server", "Depends"))
        self.assertNotIn("libssl3", packages.field("libdrover-dev", "Depends").split(", "))


if __name__ == "__main__":
    unittest.main()
