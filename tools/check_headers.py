#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a header doesn't compile by itself. Public headers are compiled with include/ alone, as their users do; those of
programs and tests, which nobody else includes, aren't looked at. A header that a source includes before anything else was
compiled with that source, and isn't compiled again.

Usage: check_headers.py [--compiler CXX] [--jobs N] [--system DIR:DIR] [--define MACRO:MACRO] [ROOT]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys


def compile_alone(compiler, root, header, library):
    public = header.is_relative_to(root / "include")
    folders = ["include"] if public else ["src", "include", "."]
    name = header.relative_to(root / ("include" if public else "."))
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", "c++", "-"]
    command[1:1] = [f"-I{root / folder}" for folder in folders] + ([] if public else library)
    # From standard input, so that "#pragma once in main file" isn't what is tested; twice, so that the guard is.
    text = f'#include "{name.as_posix()}"\n' * 2
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, cwd=root)
    return None if done.returncode == 0 else f"{header}:1: error: doesn't compile by itself\n{done.stderr.rstrip()}"


def included_first(root):
    """Headers that are the first #include of a source."""
    found = set()
    for top in ("src", "sim"):
        for source in (root / top).rglob("*.cpp"):
            first = re.search(r'^#include\s+(\S+)', source.read_text(), re.M)
            if first:
                name = first[1].strip('"')
                found.update(folder / name for folder in (root / "src", root, source.parent) if (folder / name).is_file())
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    # What of the TLS library its own room needs, each separated by ':'.
    parser.add_argument("--system", default="", help="include folders of libraries that aren't the system's")
    parser.add_argument("--define", default="", help="macros for them")
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    library = [flag for folder in arguments.system.split(":") if folder for flag in ("-isystem", folder)]
    library += [f"-D{macro}" for macro in arguments.define.split(":") if macro]
    headers = [h for top in ("include", "src", "sim") for h in sorted((root / top).rglob("*.hpp"))]
    if not headers:
        print(f"{root}:1: error: no header found")
        return 1
    compiled = {h for h in included_first(root) if re.search(r"^#pragma once$", h.read_text(), re.M)}
    headers = [h for h in headers if h not in compiled]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        found = [c for c in pool.map(lambda h: compile_alone(arguments.compiler, root, h, library), headers) if c]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
