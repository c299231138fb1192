# SPDX-License-Identifier: Apache-2.0
"""Starting our programs and foreign ones over real sockets: ports chosen at run time, every wait bounded, every process ended."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BINARIES = pathlib.Path(os.environ["DROVER_BINARIES"])
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
WAIT_SECONDS = 30


def require(*tools):
    """Ends the test program with a clear line when a foreign program isn't installed."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        required = os.environ.get("DROVER_INTEROP") == "required"
        print(f"{'failed' if required else 'skipped'}: not installed: {', '.join(missing)} (Debian: libcoap3-bin, tshark, gnutls-bin, openssl)")
        sys.exit(1 if required else SKIPPED)


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready, what):
    """The first true value of `ready`, asked again and again."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        if value := ready():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {WAIT_SECONDS} s: {what}")


class Interop(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)

    def start(self, name, *command):
        """A process that ends with the test; its output is in self.log(name)."""
        out = open(self.work / name, "w")
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
                                   text=True)
        self.addCleanup(self.stop, process, out)
        return process

    @staticmethod
    def stop(process, out=None):
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if out:
            out.close()

    def log(self, name):
        return (self.work / name).read_text()

    def start_server(self, host="127.0.0.1"):
        """droverd; gives its CoAP port. self.drover() talks to it."""
        port, self.api = free_port(), free_port(socket.SOCK_STREAM)
        self.start("droverd", BINARIES / "droverd", "--listen", f"{host}:{port}", "--api", f"127.0.0.1:{self.api}",
                   "--shards", 1)
        wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        return port

    def start_device(self, endpoint, server_port, *more, server_host="127.0.0.1", bind_host="127.0.0.1"):
        """drover-device; gives its port and process."""
        port = free_port()
        device = self.start("device", BINARIES / "drover-device", "--endpoint", endpoint, "--server",
                            f"coap://{server_host}:{server_port}", "--bind", f"{bind_host}:{port}", *more)
        return port, device

    def drover(self, *arguments):
        """Exit status and the JSON that `drover` printed, None without any."""
        done = subprocess.run([BINARIES / "drover", "--api", f"http://127.0.0.1:{self.api}", "--json", *map(str, arguments)],
                              capture_output=True, text=True, timeout=WAIT_SECONDS)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None

    def coap(self, method, url, *options):
        """coap-client's whole output, its message trace included."""
        done = subprocess.run(["coap-client-notls", "-v", "7", "-B", "10", "-m", method, *map(str, options), url],
                              capture_output=True, timeout=WAIT_SECONDS)
        return (done.stdout + done.stderr).decode(errors="replace")
