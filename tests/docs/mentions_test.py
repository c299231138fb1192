#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands in the documents that commands_test.py doesn't run: their subcommands and options are there."""
import os
import pathlib
import re
import shlex
import sys
import unittest

import harness

SOURCE = pathlib.Path(os.environ["DROVER_SOURCE"])
DOCUMENTS = ("README.md", "docs/operating.md", "docs/bootstrap.md", "docs/queue.md", "docs/sms.md", "docs/smartcard.md")


def load_manual():
    import importlib.machinery
    import importlib.util
    loader = importlib.machinery.SourceFileLoader("drover_manual", str(SOURCE / "tools/manual"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("drover_manual", loader))
    sys.modules["drover_manual"] = module
    loader.exec_module(module)
    return module


def code_lines(text):
    """(number, line) within blocks, fenced or indented; continued lines as one."""
    fenced, joined, begin = False, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            begin = begin or number
            joined += line.strip()
            if joined.endswith("\\"):
                joined = joined[:-1] + " "
                continue
            yield begin, joined.removeprefix("$ ")
            joined, begin = "", 0


def commands_in(line):
    """Lists of words, one a command of the line."""
    if re.search(r"\w\(", line.partition("#")[0].replace("$(", "")):
        return  # a call in another language
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&<>")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return  # a piece of another language
    found = []
    for word in words + [";"]:
        if re.fullmatch(r"[();|&]+", word):
            if found:
                yield found
            found = []
        else:
            found.append(word)


class Mentions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manual = load_manual()
        cls.programs = {name: cls.manual.read_command(harness.BINARIES, [name]) for name in cls.manual.PAGES if (harness.BINARIES / name).exists()}

    def check(self, words, where):
        command, options = self.programs[words[0]], set()
        rest = words[1:]
        while True:
            options.update(self.manual.flags_of(command))
            below = {each.words[-1]: each for each in command.commands}
            # Options of a program stand before its subcommand, some with a value.
            place = next((at for at, word in enumerate(rest) if word in below), None)
            if place is None or any(not word.startswith("-") and not rest[at - 1].startswith("-") for at, word in enumerate(rest[:place])):
                break
            for word in rest[:place]:
                if word.startswith("-"):
                    self.assertIn(word.partition("=")[0], options, where)
            command, rest = below[rest[place]], rest[place + 1:]
        bare = self.behind_options(command, rest)
        self.assertFalse(command.commands and bare and command.words[0] == "drover", f"{where}: no such subcommand: {' '.join(words)}")
        for word in rest:
            if word == "--":
                break
            if re.match(r"--?[a-zA-Z]", word):
                self.assertIn(word.partition("=")[0], options, where)

    def behind_options(self, command, rest):
        """What stands behind a command's own options and their values."""
        while rest and rest[0].startswith("-"):
            valued = any(rest[0] in entry.names.split(" ")[0].split(",") and self.manual.takes_value(entry) for entry in command.options)
            rest = rest[2 if valued else 1:]
        return rest

    def test_subcommands_and_options_are_there(self):
        checked = 0
        for name in DOCUMENTS:
            for number, line in code_lines((SOURCE / name).read_text()):
                for words in commands_in(line):
                    while words and (words[0] in ("sudo", "umask") or words[0].isdigit()):
                        words = words[1:]
                    if words[:2] == ["-u", "drover"]:
                        words = words[2:]
                    if words and words[0] in self.programs:
                        with self.subTest(f"{name}:{number}"):
                            self.check(words, f"{name}:{number}: {line}")
                            checked += 1
        self.assertGreater(checked, 50)


if __name__ == "__main__":
    unittest.main()
