#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of the guide (docs/guide) as its readers would type it: page by page, in order, in one shell a page.

Blocks of a page, by the language of their fence:
  console           run: a line with "$ " is a command, what follows is what it prints, abridged by "..."
  toml cpp cmake xml json csv   with "file: NAME" in a comment on the first line: written into the page's folder
  sh                not run here; each command has to be one of NOT_RUN_HERE
  text              neither
"""
import os
import pathlib
import queue
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import harness

SOURCE = pathlib.Path(os.environ["DROVER_SOURCE"])
GUIDE = SOURCE / "docs/guide"
COMMAND_SECONDS = 60
OUTPUT_SECONDS = 20  # what a program in the background prints late

NOT_RUN_HERE = (  # what a command of a sh block begins with, and why it isn't run
    ("sudo apt install ./build/packages/", "changes the machine; tests/packages/clean_root_test.py installs the packages"),
    ("sudo cat /var/lib/drover/admin.token", "is made by the package; clean_root_test.py uses it"),
    ("sudo systemctl reload droverd", "needs systemd; SIGHUP is tests/api/droverd_upkeep_test.cpp"),
    ("sudo systemctl restart droverd", "needs systemd"),
    ("sudo systemctl stop droverd", "needs systemd"),
    ("sudo systemctl start droverd", "needs systemd"),
    ("systemctl status droverd", "needs systemd"),
    ("systemd-analyze security droverd", "needs systemd; tests/packages/contents_test.py does it for the unit's file"),
    ("journalctl -u droverd", "needs systemd"),
    ("sudo editor /etc/drover/droverd.toml", "is for people"),
    ("./package", "takes minutes; tests/packages are of what it made"),
    ("./run", "takes minutes"),
    ("./test", "takes minutes, and runs this"),
    ("./document", "the test docs_site"),
    ("podman build -f packaging/Containerfile ", "needs podman and a registry"),
    ("podman run ", "needs podman"),
    ("podman exec ", "needs podman"),
    ("cmake --preset dev", "builds Drover, which this is a test of"),
    ("cmake --build --preset dev", "the same"),
    ("ctest --preset dev", "runs this"),
    ("build/fuzz/", "takes a build of its own; ./test --fuzz does it"),
    ("tools/objects build/release/bin/drover-objectgen", "writes into the source; tests/style holds its result"),
)
PORTS = {5683: socket.SOCK_DGRAM, 5684: socket.SOCK_DGRAM, 5784: socket.SOCK_DGRAM, 8080: socket.SOCK_STREAM, 8443: socket.SOCK_STREAM,
         2775: socket.SOCK_STREAM}
FILE_LANGUAGES = ("toml", "cpp", "cmake", "xml", "json", "csv")
# What differs from run to run, as a pattern and what stands for it.
VARYING = (
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)?", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)?"),
    (r"drover_[\w-]{20,}", r"drover_[\w-]+"),
    (r"\b[0-9a-f]{16,}\b", r"[0-9a-f]+"),
    (r"(?<=\.)[0-9a-f]{8}\b", r"[0-9a-f]{8}"),
    (r"127\.0\.0\.1:\d+", r"127\.0\.0\.1:\d+"),
    (r"rd/[\w-]{11}", r"rd/[\w-]{11}"),
    (r"\b\d+ s ago", r"\d+ (ms|s|min) ago"),
    (r"\s*\.\.\.\s*", r".*"),
    (r"\s+", r"\s+"),
)


class Block:
    def __init__(self, language, line):
        self.language, self.line, self.lines = language, line, []

    def commands(self):
        """[(command, what is shown of its output)]"""
        found = []
        lines = iter(self.lines)
        for line in lines:
            if line.startswith("$ "):
                command = [line[2:]]
                while command[-1].endswith("\\"):
                    command.append(next(lines))
                if end := re.search(r"<<'?(\w+)'?", command[0]):
                    while command[-1] != end.group(1):
                        command.append(next(lines))
                found.append(("\n".join(command), []))
            elif found:
                found[-1][1].append(line)
            else:
                raise AssertionError(f"line {self.line}: a console block begins with a command")
        return found

    def file(self):
        found = re.match(r"(?:#|//|<!--) file: ([\w./-]+)", self.lines[0]) if self.lines else None
        return found.group(1) if found else None


def blocks_of(page):
    found, block = [], None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = re.match(r"```(\w*)$", line)
        if fence and block is None:
            block = Block(fence.group(1), number)
        elif line == "```" and block is not None:
            found.append(block)
            block = None
        elif block is not None:
            block.lines.append(line)
        elif line.startswith("```") or re.match(r"    \S", line):
            raise AssertionError(f"{page.name}:{number}: code belongs into a fence with its language alone")
    if block is not None:
        raise AssertionError(f"{page.name}:{block.line}: a block without an end")
    return found


def pattern_of(line):
    """Of a shown line; what varies is any value of its kind."""
    pattern, at = "", 0
    varying = "|".join(f"(?P<v{index}>{kind})" for index, (kind, _) in enumerate(VARYING))
    for found in re.finditer(varying, line):
        pattern += re.escape(line[at:found.start()])
        pattern += next(stands for index, (_, stands) in enumerate(VARYING) if found.group(f"v{index}") is not None)
        at = found.end()
    return pattern + re.escape(line[at:])


class Shell:
    """One bash, whose output and that of what it starts is one text."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1, errors="replace", start_new_session=True)
        self.text, self.lines, self.marks = "", queue.Queue(), 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def more(self, seconds):
        try:
            line = self.lines.get(timeout=max(0.01, seconds))
        except queue.Empty:
            return False
        if line is None:
            raise AssertionError(f"the shell ended:\n{self.text[-2000:]}")
        self.text += line
        return True

    def run(self, command, seconds):
        """Exit status, and where its output begins in `text`."""
        begin, self.marks = len(self.text), self.marks + 1
        mark = f"@@{self.marks}:"
        self.process.stdin.write(f"{command}\n_status=$?; printf '\\n@@%d:%d\\n' {self.marks} $_status; (exit $_status)\n")
        self.process.stdin.flush()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.more(end - time.monotonic())
            if found := re.search(rf"(?m)^{mark}(\d+)\n", self.text[begin:]):
                self.text = self.text[:begin] + self.text[begin:].replace(found.group(0), "")
                return int(found.group(1)), begin
        raise AssertionError(f"not within {seconds} s: {command}\n{self.text[begin:]}")

    def end(self):
        try:
            self.run("kill $(jobs -p) 2>/dev/null; wait; true", 20)
        except (AssertionError, BrokenPipeError):
            pass
        # Whatever is left of its session, which is named by its pid and has nothing but what it started.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.reader.join()
        self.process.stdout.close()


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="drover-docs-")
        cls.addClassCleanup(folder.cleanup)
        cls.sdk = None
        packed = sorted((SOURCE / "build/packages").glob("libdrover-dev_*.deb"))
        if len(packed) == 1 and all(shutil.which(tool) for tool in ("dpkg-deb", "g++", "cmake", "pkg-config")):
            cls.sdk = pathlib.Path(folder.name) / "sdk"
            subprocess.run(["dpkg-deb", "-x", packed[0], cls.sdk], check=True, timeout=60)

    def environment(self, ports):
        given = {key: value for key, value in os.environ.items() if not key.startswith(("DROVER", "XDG"))}
        given.update(PATH=f"{harness.BINARIES}:{os.environ['PATH']}", DROVER_API=f"http://127.0.0.1:{ports[8080]}", LC_ALL="C.UTF-8", HOME=str(self.work))
        if self.sdk:
            libraries = next((self.sdk / "usr/lib").glob("**/pkgconfig"))
            if not shutil.which("make"):
                given["CMAKE_GENERATOR"] = "Ninja"
            given.update(PKG_CONFIG_PATH=str(libraries), CMAKE_PREFIX_PATH=str(self.sdk / "usr"))
        return given

    def placed(self, text, ports):
        """Commands and files with ports that are free here in the places of the known ones."""
        lines = []
        for line in text.split("\n"):
            words = line.split()
            if words[:1] == ["droverd"] and not re.search(r"--(config|listen|add-token|check|restore|rekey|version|help)\b", text):
                more = "--listen '[::]:5683' --api 127.0.0.1:8080" + (" --secure-listen '[::]:5684'" if "--store" in text else "")
                line = line.replace("droverd", f"droverd {more}", 1)
            lines.append(line)
        text = "\n".join(lines)
        text = re.sub(r"(coap://(?:127\.0\.0\.1|localhost))(?![\d:.])", r"\1:5683", text)
        text = re.sub(r"(coaps://(?:127\.0\.0\.1|localhost))(?![\d:.])", r"\1:5684", text)
        return re.sub(r"\b(5683|5684|5784|8080|8443|2775)\b", lambda found: str(ports[int(found.group(1))]), text)

    def page(self, path):
        blocks = blocks_of(path)
        self.assertTrue(path.read_text().startswith("# "), f"{path.name}: the first line is the title")
        for block in blocks:
            self.assertIn(block.language, ("console", "sh", "text", *FILE_LANGUAGES), f"{path.name}:{block.line}")
            if block.language == "sh":
                for command in re.sub(r"\\\n", " ", "\n".join(block.lines)).split("\n"):
                    self.assertTrue(command.startswith(tuple(begin for begin, _ in NOT_RUN_HERE)), f"{path.name}:{block.line}: neither run nor known: {command}")
            if block.language in FILE_LANGUAGES:
                self.assertTrue(block.file(), f"{path.name}:{block.line}: a file without its name")
        if not any(block.language == "console" for block in blocks):
            return
        if any(block.language in ("cpp", "cmake") for block in blocks) and not self.sdk:
            self.skipTest("no libdrover-dev in build/packages (./package), or no compiler")
        for tool in ("curl", "openssl"):
            if re.search(rf"(?m)\b{tool} ", path.read_text()) and not shutil.which(tool):
                self.skipTest(f"not installed: {tool}")

        ports = {port: harness.free_port(kind) for port, kind in PORTS.items()}
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="drover-docs-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        shutil.copytree(SOURCE / "examples", self.work / "examples")
        shell = Shell(self.work, self.environment(ports))
        self.addCleanup(shell.end)
        for block in blocks:
            if block.language in FILE_LANGUAGES:
                target = self.work / block.file()
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(self.placed("\n".join(block.lines) + "\n", ports))
            elif block.language == "console":
                self.run_block(path, block, shell, ports)

    def run_block(self, path, block, shell, ports):
        commands = block.commands()
        for number, (command, shown) in enumerate(commands):
            where = f"{path.name}:{block.line}: $ {command}"
            status, begin = shell.run(self.placed(command, ports), COMMAND_SECONDS)
            asked = number + 1 < len(commands) and commands[number + 1][0] == "echo $?"
            if not asked:
                self.assertEqual(status, 0, f"{where}\n{shell.text[begin:]}")
            end = time.monotonic() + OUTPUT_SECONDS
            for line in shown:
                if line.strip() in ("", "..."):
                    continue
                pattern = pattern_of(self.placed(line.strip(), ports))
                while not re.search(pattern, shell.text[begin:]):
                    if not shell.more(end - time.monotonic()) and time.monotonic() >= end:
                        self.fail(f"{where}\nshown, and not printed: {line}\nprinted:\n{shell.text[begin:]}")


for _page in sorted(GUIDE.glob("*.md")):
    def _run(self, page=_page):
        self.page(page)
    setattr(Commands, "test_" + _page.stem.replace("-", "_"), _run)


if __name__ == "__main__":
    unittest.main()
