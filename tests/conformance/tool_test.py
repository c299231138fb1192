#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/conformance.py against programs that only report: what it writes, and what it refuses.

Usage: tool_test.py
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parent.parent.parent / "tools/conformance.py"
ITEMS = """id\tside\tlevel\trequirement\tsection\tnote
## Requirements
### Client: formats
LwM2M-DF-001-C-O\tclient\toptional\tPlain text\tCore 6.4.1\t
LwM2M-DF-003-C-M\tclient\tmandatory\tTLV\tCore 6.4.3\tthe one that must be
## Cases
### Later
1\tboth\t1.0\tOne\t-\t
1.2-11\tboth\t1.2\tEleven\t-\t
"""
REPORTER = """#!{python}
import sys
report = next(word for word in sys.argv if word.startswith("--gtest_output=json:")).split(":", 1)[1]
assert "--gtest_filter=Scr.*:Ets.*" in sys.argv
open(report, "w").write('''{report}''')
"""


class Tool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "items.tsv").write_text(ITEMS)
        self.output = self.folder / "table.md"

    def program(self, name, *tests):
        """A program with tests given as (name, result): "COMPLETED", "SKIPPED" or "FAILED"."""
        suites = {}
        for test, result in tests:
            suite, case = test.split(".")
            entry = {"name": case, "status": "RUN", "result": result if result != "FAILED" else "COMPLETED"}
            if result == "FAILED":
                entry["failures"] = [{"failure": "no"}]
            suites.setdefault(suite, []).append(entry)
        report = {"testsuites": [{"name": suite, "testsuite": cases} for suite, cases in suites.items()]}
        path = self.folder / name
        path.write_text(REPORTER.format(python=sys.executable, report=json.dumps(report)))
        path.chmod(0o755)
        return path

    def run_tool(self, *words):
        return subprocess.run([sys.executable, TOOL, "--items", self.folder / "items.tsv", "--output", self.output,
                               *words], capture_output=True, text=True, check=False)

    def test_the_table_is_made_from_the_names(self):
        one = self.program("one", ("Scr.DF_003_C_Bytes", "COMPLETED"), ("Ets.Case1_2_11_Eleven", "COMPLETED"))
        two = self.program("two", ("Scr.DF_003_C_Again", "COMPLETED"), ("Scr.DF_001_C_Text", "SKIPPED"))
        self.assertEqual(self.run_tool(one, two).returncode, 0)
        text = self.output.read_text()
        self.assertIn("| LwM2M-DF-003-C-M | TLV | Core 6.4.3 | mandatory "
                      "| `Scr.DF_003_C_Again`<br>`Scr.DF_003_C_Bytes` |", text)
        self.assertIn("| LwM2M-DF-001-C-O | Plain text | Core 6.4.1 | optional | not yet |", text)
        self.assertIn("| 1.2-11 | Eleven | - | 1.2 | `Ets.Case1_2_11_Eleven` |", text)
        self.assertIn("| 1 | One | - | 1.0 | not yet |", text)
        self.assertIn("| Requirements: client, mandatory | 1 | 1 |", text)
        self.assertIn("| Cases: first in 1.2 | 1 | 1 |", text)
        self.assertIn("- LwM2M-DF-003-C-M: the one that must be", text)
        self.assertEqual(self.run_tool("--check", one, two).returncode, 0)

    def test_a_table_that_is_out_of_date_fails(self):
        one = self.program("one", ("Scr.DF_003_C_Bytes", "COMPLETED"))
        self.assertEqual(self.run_tool("--check", one).returncode, 1)
        self.assertFalse(self.output.exists())
        self.run_tool(one)
        two = self.program("two", ("Scr.DF_003_C_Bytes", "COMPLETED"), ("Ets.Case1_One", "COMPLETED"))
        done = self.run_tool("--check", two)
        self.assertEqual(done.returncode, 1)
        self.assertIn("out of date", done.stderr)

    def test_a_misspelt_name_fails(self):
        for name in ("Scr.DF_009_C_Bytes", "Ets.Case12_Twelve", "Ets.Case1Twelve", "Scr.DF_003_S_Bytes"):
            done = self.run_tool(self.program("one", (name, "COMPLETED")))
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(name, done.stderr)

    def test_a_failed_test_shows_nothing(self):
        one = self.program("one", ("Scr.DF_003_C_Bytes", "COMPLETED"), ("Scr.DF_003_C_Worse", "FAILED"))
        self.run_tool(one)
        self.assertIn("| mandatory | fails: `Scr.DF_003_C_Worse` |", self.output.read_text())
        self.assertIn("| Requirements: client, mandatory | 0 | 1 |", self.output.read_text())
        self.assertEqual(self.run_tool("--check", one).returncode, 1)

    def test_a_program_that_does_not_run_fails(self):
        self.assertEqual(self.run_tool(self.folder / "missing").returncode, 1)
        self.assertEqual(self.run_tool("/bin/false").returncode, 1)


if __name__ == "__main__":
    unittest.main()
