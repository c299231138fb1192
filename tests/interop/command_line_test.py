#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a script sees of our programs: exit codes, one line on standard error for a mistake, nothing lost in silence."""
import http.server
import subprocess
import threading
import unittest

import harness

FULL = "/dev/full"  # every write fails for want of space


def run(program, *arguments, stdout=subprocess.PIPE):
    return subprocess.run([harness.BINARIES / program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=harness.WAIT_SECONDS)


class CommandLine(harness.Interop):
    def one_line(self, done, status, *parts):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.endswith("\n"), done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def ask(self, *arguments, **options):
        return run("drover", "--api", f"http://127.0.0.1:{self.api}", *arguments, **options)


class Mistakes(CommandLine):
    def test_one_line_says_what_is_wrong_and_the_fix(self):
        for program, arguments, parts in (
                ("drover", ["frob"], ['no command "frob"', "devices, show, read"]),
                ("drover", [], ["give a command", "devices"]),
                ("drover", ["--frob"], ["--frob", "drover --help"]),
                ("drover", ["read", "device"], ["path", "drover read --help"]),
                ("drover", ["read", "device", "3//0"], ["/3/0/14"]),
                ("drover", ["devices", "--limit", "0"], ["--limit", "drover devices --help"]),
                ("drover", ["--timeout", "301", "devices"], ["--timeout", "--help"]),
                ("drover", ["write", "device", "/3/0/14", "--file", "missing"], ["missing", "drover write --help"]),
                ("drover-swarm", ["-n", "0"], ["--count", "must be a number from 1 to", "drover-swarm --help"]),
                ("drover-swarm", ["--source", "sky"], ["sky", "drover-swarm --help"]),
                ("drover-swarm", ["frob"], ["frob", "drover-swarm --help"]),
                ("droverd", ["frob"], ["frob", "droverd --help"])):
            with self.subTest(program=program, arguments=arguments):
                done = run(program, *arguments)
                self.one_line(done, 2, f"{program}: ", *parts)
                self.assertEqual(done.stdout, "")

    def test_help_and_version_are_no_mistakes(self):
        for program in ("drover", "drover-swarm", "droverd"):
            for flag in ("--help", "--version"):
                done = run(program, flag)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout)
        self.assertIn("6 the output", run("drover", "--help").stdout)


class ExitCodes(CommandLine):
    def test_against_a_server_with_a_device(self):
        _, device = self.start_device("here", self.start_server())
        harness.wait_until(lambda: self.drover("show", "here")[0] == 0, "the device registers")
        for expected, arguments in ((0, ["devices"]), (0, ["read", "here", "/3/0/0"]), (0, ["status"]),
                                    (1, ["read", "here", "/9999/0"]), (1, ["read", "here", "/1/0/8"]),
                                    (2, ["exec", "here", "/1/0/8", "a b"]), (2, ["create", "here", "/3303/0"]),
                                    (2, ["attributes", "here", "/3/0/14", "pmin=ten"]), (2, ["events", "--kind", "frob"]),
                                    (3, ["show", "nobody"]), (3, ["read", "nobody", "/3/0"])):
            for form in ([], ["--json"]):
                with self.subTest(arguments=[*form, *arguments]):
                    done = self.ask(*form, *arguments)
                    self.assertEqual(done.returncode, expected, done.stderr)
                    if expected:
                        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                        self.assertTrue(done.stderr.startswith("drover: "), done.stderr)
        device.kill()
        device.wait()
        self.one_line(self.ask("--timeout", "1", "read", "here", "/3/0/0"), 4, "drover: ")

    def test_no_server(self):
        self.api = harness.free_port(harness.socket.SOCK_STREAM)
        for arguments in (["devices"], ["events"], ["--json", "status"]):
            self.one_line(self.ask(*arguments), 5, "no server answers at", "start droverd")

    def test_another_server(self):
        class Other(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status = 200 if self.path.startswith("/api/v1/devices") else 500
                self.send_response(status)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Other)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.api = server.server_port
        for arguments in (["devices"], ["show", "here"], ["status"]):
            self.one_line(self.ask(*arguments), 5, "is it droverd?")


class FullDisk(CommandLine):
    def test_drover(self):
        self.start_server()
        with open(FULL, "w") as full:
            for arguments in (["devices"], ["--json", "devices"], ["status"], ["objects"], ["--help"], ["--version"]):
                with self.subTest(arguments=arguments):
                    self.one_line(self.ask(*arguments, stdout=full), 6, "drover: cannot write to standard output")
            # What failed before stays the exit status.
            done = self.ask("--json", "show", "nobody", stdout=full)
            self.assertEqual(done.returncode, 3)
            self.assertIn("cannot write to standard output", done.stderr)

    def test_drover_backup(self):
        self.start_server("127.0.0.1", "--store", self.work / "store.db")
        folder = self.work / "backup"
        # Files of a kilobyte at most, as a disk that is full.
        limited = f'trap "" XFSZ; ulimit -f 1; exec {harness.BINARIES / "drover"} --api http://127.0.0.1:{self.api} backup {folder}'
        done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=harness.WAIT_SECONDS)
        self.one_line(done, 6, f"drover: {folder}/store: ")
        self.assertFalse((folder / "manifest.json").exists(), "it is no backup")

    def test_drover_ends_following_events_that_nobody_gets(self):
        port = self.start_server()
        with open(FULL, "w") as full:
            events = subprocess.Popen([harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{self.api}", "events"],
                                      stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: events.poll() is None and events.kill())
        harness.wait_until(lambda: self.drover("status")[1]["events"]["clients"] == 1, "the stream is open")
        self.start_device("here", port)
        _, said = events.communicate(timeout=harness.WAIT_SECONDS)
        self.assertEqual(events.returncode, 6)
        self.assertIn("cannot write to standard output", said)

    def test_droverd(self):
        ports = ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0", "--shards", 1]
        with open(FULL, "w") as full:
            for arguments in (ports, ["--check-config"], ["--help"]):
                with self.subTest(arguments=arguments):
                    self.one_line(run("droverd", *arguments, stdout=full), 1, "droverd: cannot write to standard output")

    def test_drover_swarm(self):
        port = self.start_server()
        with open(FULL, "w") as full:
            for form in ([], ["--json"]):
                done = run("drover-swarm", "--server", f"127.0.0.1:{port}", "-n", 3, "--deregister", *form, stdout=full)
                self.one_line(done, 3, "drover-swarm: cannot write to standard output")


if __name__ == "__main__":
    unittest.main()
