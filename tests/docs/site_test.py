#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The site of ./document: built without a warning, whole, and showing what it is made from."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

SOURCE = pathlib.Path(os.environ["DROVER_SOURCE"])
if not shutil.which("mkdocs"):
    print("skipped: not installed: mkdocs (Debian: mkdocs)")
    sys.exit(harness.SKIPPED)


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="drover-site-")
        cls.addClassCleanup(folder.cleanup)
        cls.site = pathlib.Path(folder.name) / "site"
        built = subprocess.run([SOURCE / "document", "--bin", harness.BINARIES, "--to", cls.site], capture_output=True, text=True, timeout=110)
        if built.returncode != 0:
            raise AssertionError(built.stdout + built.stderr)

    def text_of(self, page):
        text = (self.site / page).read_text()
        return re.sub(r"&(quot|lt|gt|amp);", lambda found: {"quot": '"', "lt": "<", "gt": ">", "amp": "&"}[found.group(1)], re.sub(r"<[^>]+>", "", text))

    def test_nothing_is_fetched_from_elsewhere(self):
        # ./document refuses the usual places; this looks at whatever a browser would load.
        for page in self.site.rglob("*.html"):
            for tag in re.findall(r"<(?:script|link|img|iframe|source|object|embed|video|audio)\b[^>]*>", page.read_text()):
                if 'rel="canonical"' not in tag:
                    self.assertNotRegex(tag, r"(src|href|data|srcset)=[\"']?(https?:)?//", page)

    def test_links_lead_to_places_of_their_pages(self):
        # MkDocs proves the pages; the places within them are proved here.
        places = {page: set(re.findall(r'\bid="([^"]+)"', page.read_text())) for page in self.site.rglob("*.html")}
        for page in places:
            for link in re.findall(r'<a [^>]*href="([^"]*#[^"]+)"', page.read_text()):
                if "://" in link:
                    continue
                name, _, place = link.partition("#")
                target = (page.parent / name).resolve() if name else page
                self.assertIn(place, places.get(target, set()) | {""}, f"{page.name}: {link}")

    def test_each_key_of_the_configuration_is_there(self):
        told = subprocess.run([harness.BINARIES / "droverd", "--help"], capture_output=True, text=True, check=True, timeout=20).stdout
        listed = told.partition("Configuration file (TOML)")[2]
        page = self.text_of("reference/configuration.html")
        for line in listed.splitlines():
            if found := re.match(r"  (\[\[?[\w.]+\]?\]|\w+)(?: = |\s|$)", line):
                self.assertIn(found.group(1), page)

    def test_each_request_and_schema_is_there(self):
        document = json.loads((SOURCE / "docs/openapi.json").read_text())
        pages = "".join(self.text_of(f"reference/{page.name}") for page in (self.site / "reference").glob("rest-*.html"))
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if method in ("get", "put", "post", "patch", "delete"):
                    self.assertIn(f"{method.upper()} {path}", pages)
                    for parameter in operation.get("parameters", []):
                        self.assertIn(parameter.get("name", ""), pages)
        schemas = (self.site / "reference/rest-schemas.html").read_text()
        for name in document["components"]["schemas"]:
            self.assertIn(f'id="{name.lower()}"', schemas)

    def test_each_command_is_there(self):
        page = self.text_of("reference/commands.html")
        for command in ("drover bootstrap plan dry-run", "drover-device card read", "drover-objectgen", "--psk-secret-file", "DROVER_API"):
            self.assertIn(command, page)


if __name__ == "__main__":
    unittest.main()
