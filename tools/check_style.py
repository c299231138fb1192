#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The part of CONTRIBUTING that a program can check: lengths, licence lines, leftovers, titles, sleeping tests.

Usage: check_style.py [ROOT]
"""
import pathlib
import re
import sys

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70

SKIPPED = {".git", ".cache", "build", "__pycache__", "corpus", "node_modules", "dist"}
CODE = {".cpp", ".hpp"}
LICENSED = CODE | {".py", ".sh", ".cmake", ".ts", ".mjs", ".svelte"}
LICENCE = "SPDX-License-Identifier: Apache-2.0"
# Put together from pieces, so that this file passes its own check.
LEFTOVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
ASSERTS_OFF = re.compile(r"(-D\s*|define\s+|def\s+|defined\W+)N" + r"DEBUG\b")
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|extern\s*$")


def text_files(root):
    for path in sorted(root.rglob("*")):
        if path.is_file() and not SKIPPED & set(path.relative_to(root).parts[:-1]):
            data = path.read_bytes()
            if b"\0" not in data:
                yield path, data.decode(errors="replace")


def is_script(text):
    return text.startswith("#!")


def blank(match):
    return "\n" * match[0].count("\n") or " "


def bare(text):
    """C++ without comments, literals and preprocessor lines; the line numbers stay."""
    text = re.sub(r'R"(\w*)\(.*?\)\1"', blank, text, flags=re.S)
    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def long_functions(text):
    """(line, length) of every function over the limit: braces outside any function that follow a parenthesis."""
    stack = []  # True for a function's brace
    line, head, head_line = 1, "", 1
    for char in bare(text):
        if char == "\n":
            line += 1
        if char == "{":
            inside = any(begin for begin in stack)
            function = not inside and "(" in head and not re.search(r"\b(class|struct|union|enum)\b[^()]*$", head)
            stack.append(head_line if function else 0)
        elif char == "}" and stack:
            begin = stack.pop()
            if begin and line - begin + 1 > FUNCTION_LINES_MAX:
                yield begin, line - begin + 1
        if char in "{};":
            head = ""
        elif head or not char.isspace():
            if not head:
                head_line = line
            head += char


def check_code(path, text):
    for begin, length in long_functions(text):
        yield begin, f"a function of {length} lines; split it by state that changes together (at most {FUNCTION_LINES_MAX})"
    if path.name.endswith("_test.cpp") or {"tests", "sim"} & set(path.parts):
        for number, line in enumerate(bare(text).splitlines(), 1):
            if SLEEP.search(line):
                yield number, "a test that sleeps; step virtual time or wait for an event"


def check_document(text):
    titles, fenced = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and line.startswith("# "):
            titles.append(number)
    if len(titles) != 1:
        yield (titles[1] if titles else 1), f"{len(titles)} titles; a document has one"


def check_file(root, path, text):
    relative = path.relative_to(root)
    lines = text.splitlines()
    if path.suffix in LICENSED or path.name == "CMakeLists.txt" or is_script(text):
        first = lines[1:2] if is_script(text) else lines[:1]
        if not first or LICENCE not in first[0]:
            yield 1, f"the first line (the second of a script) is the licence: {LICENCE}"
        if len(lines) > FILE_LINES_MAX:
            yield FILE_LINES_MAX + 1, f"{len(lines)} lines; split it (at most {FILE_LINES_MAX})"
    for number, line in enumerate(lines, 1):
        if LEFTOVER.search(line):
            yield number, "a leftover: do it, or open an issue"
        if ASSERTS_OFF.search(line):
            yield number, "asserts stay on in every build"
    if path.suffix in CODE:
        yield from check_code(relative, text)
    if path.suffix == ".md":
        yield from check_document(text)


def main(root):
    found = [f"{path}:{number}: error: {reason}" for path, text in text_files(root)
             for number, reason in check_file(root, path, text)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent))
