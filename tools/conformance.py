#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/conformance.md: which requirement and which test case is shown by which test.

Usage: conformance.py [--check] [--items FILE] [--output FILE] PROGRAM...

Each PROGRAM is a GoogleTest program. Its tests of the suites Scr and Ets are run; the name of each begins with an item
of the list: Scr.BOOT_002_C_... shows LwM2M-BOOT-002-C-O, Ets.Case205_... shows 205, Ets.Case1_2_264_... shows 1.2-264.
A name without such an item is an error. --check writes nothing and fails when the document isn't what a run without it
would write, or when a test failed.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS = ["id", "side", "level", "requirement", "section", "note"]
RUN_SECONDS_MAX = 280

INTRODUCTION = """# Conformance

What of the LwM2M enabler is there, and the test that shows it. Made by `tools/conformance.py` from the names of the
tests and their run; `cmake --build --preset dev --target conformance` makes it anew, and a test fails when it is out of
date. The list of items is `tests/conformance/items.tsv`: the static conformance requirements of the draft's Appendix B,
and the cases of the enabler test specification, both in our own words.

An item that no test shows is marked *not yet*. A passed test shows what its name says on both ends of a link: the
messages, and what the application at the other end hears. The accounts of the test cases have a pre-shared key; all
tests but those of security use accounts without security, and nothing else differs. Where a test case and the
specification disagree, the specification wins and a note says so.
"""


class Mistake(Exception):
    """Something that a person has to mend."""


Item = collections.namedtuple("Item", COLUMNS)
Part = collections.namedtuple("Part", ["title", "tables"])
Table = collections.namedtuple("Table", ["title", "items"])


def read_items(path):
    """The parts ("## ") of the list with their tables ("### ")."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split("\t") != COLUMNS:
        raise Mistake(f"{path}:1: the columns are {', '.join(COLUMNS)}")
    parts, seen = [], set()
    for number, line in enumerate(lines[1:], 2):
        if line.startswith("### "):
            parts[-1].tables.append(Table(line[4:], []))
        elif line.startswith("## "):
            parts.append(Part(line[3:], []))
        else:
            cells = line.split("\t")
            if len(cells) != len(COLUMNS) or not parts or not parts[-1].tables:
                raise Mistake(f"{path}:{number}: {len(COLUMNS)} columns below a '## ' and a '### ' line")
            if cells[0] in seen:
                raise Mistake(f"{path}:{number}: {cells[0]} is listed twice")
            seen.add(cells[0])
            parts[-1].tables[-1].items.append(Item(*cells))
    return parts


def test_prefix(item_id):
    """What the names of an item's tests begin with."""
    requirement = re.fullmatch(r"LwM2M-([A-Z]+-\d+-[CS])-[MO]", item_id)
    if requirement:
        return "Scr." + requirement[1].replace("-", "_")
    return "Ets.Case" + re.sub(r"[^A-Za-z0-9]", "_", item_id)


def item_of(test, prefixes):
    """The id that a test is named after: the longest that fits, so that 1.2-11 isn't taken for 1."""
    fitting = [prefix for prefix in prefixes if test.startswith(prefix + "_")]
    if not fitting:
        raise Mistake(f"{test}: no such item in the list; a test is named after its item, as in Ets.Case205_WhatItShows")
    return prefixes[max(fitting, key=len)]


def run(program):
    """(test, passed) of each test of the two suites that ran."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        command = [str(program), "--gtest_filter=Scr.*:Ets.*", f"--gtest_output=json:{report}", "--gtest_brief=1"]
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=RUN_SECONDS_MAX, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Mistake(f"{program}: {error}") from error
        if not report.exists():
            raise Mistake(f"{program}: ended with {done.returncode} and no report\n{done.stdout[-2000:]}")
        suites = json.loads(report.read_text(encoding="utf-8")).get("testsuites", [])
    for suite in suites:
        for test in suite["testsuite"]:
            if test["status"] == "RUN" and test["result"] != "SKIPPED":
                yield f"{suite['name']}.{test['name']}", "failures" not in test


def results(programs, prefixes):
    """By item: the tests that passed, and those that failed."""
    passed, failed = collections.defaultdict(list), collections.defaultdict(list)
    for program in programs:
        for test, good in run(program):
            (passed if good else failed)[item_of(test, prefixes)].append(test)
    return passed, failed


def status(item, passed, failed):
    if failed.get(item.id):
        return "fails: " + "<br>".join(f"`{test}`" for test in sorted(failed[item.id]))
    if passed.get(item.id):
        return "<br>".join(f"`{test}`" for test in sorted(passed[item.id]))
    return "not yet"


def shown(item, passed, failed):
    return bool(passed.get(item.id)) and not failed.get(item.id)


def summary(parts, passed, failed):
    """One row a part, side and level; the sides of test cases aren't told apart."""
    yield "| what | shown | of |"
    yield "|---|---|---|"
    for part in parts:
        counts = {}
        for table in part.tables:
            for item in table.items:
                requirement = item.level in ("mandatory", "optional")
                key = f"{item.side}, {item.level}" if requirement else f"first in {item.level}"
                good, all_of = counts.get(key, (0, 0))
                counts[key] = (good + shown(item, passed, failed), all_of + 1)
        for key, (good, all_of) in counts.items():
            yield f"| {part.title}{': ' + key if len(counts) > 1 else ''} | {good} | {all_of} |"


def document(parts, passed, failed):
    yield INTRODUCTION
    yield from summary(parts, passed, failed)
    for part in parts:
        yield f"\n## {part.title}"
        for table in part.tables:
            yield f"\n### {table.title}\n"
            yield "| item | requirement | by | level | shown by |"
            yield "|---|---|---|---|---|"
            for item in table.items:
                yield (f"| {item.id} | {item.requirement} | {item.section} | {item.level} "
                       f"| {status(item, passed, failed)} |")
            notes = [f"- {item.id}: {item.note}" for item in table.items if item.note]
            if notes:
                yield ""
                yield from notes


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--items", type=pathlib.Path, default=ROOT / "tests/conformance/items.tsv")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/conformance.md")
    parser.add_argument("programs", nargs="+", metavar="PROGRAM")
    wanted = parser.parse_args(arguments)

    try:
        parts = read_items(wanted.items)
        items = [item for part in parts for table in part.tables for item in table.items]
        passed, failed = results(wanted.programs, {test_prefix(item.id): item.id for item in items})
    except Mistake as mistake:
        print(f"conformance.py: {mistake}", file=sys.stderr)
        return 1
    text = "\n".join(document(parts, passed, failed)) + "\n"
    if not wanted.check:
        wanted.output.write_text(text, encoding="utf-8")
        return 0
    problems = [f"{test} failed" for tests in failed.values() for test in tests]
    before = wanted.output.read_text(encoding="utf-8") if wanted.output.exists() else ""
    if before != text:
        problems.append(f"{wanted.output} is out of date: run this without --check")
    for problem in problems:
        print(f"conformance.py: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
