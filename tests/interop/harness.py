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


def free_port_pair():
    """The first of two UDP ports that follow one another."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError, OverflowError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", first + 1))
            return first


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

    def start_server(self, host="127.0.0.1", *more):
        """droverd; gives its CoAP port. self.drover() talks to it."""
        port, self.api = free_port(), free_port(socket.SOCK_STREAM)
        self.server_command = (BINARIES / "droverd", "--listen", f"{host}:{port}", "--api", f"127.0.0.1:{self.api}",
                               "--shards", 1, *more)
        self.server = self.start("droverd", *self.server_command)
        wait_until(lambda: self.drover("status")[0] == 0, "droverd answers")
        return port

    def start_secure_server(self, *more):
        """droverd with a store; gives its port for coaps."""
        port = free_port()
        self.start_server("127.0.0.1", "--secure-listen", f"127.0.0.1:{port}", "--store", self.work / "store.db", *more)
        return port

    def make_pki(self, *endpoints, name="pki"):
        """Its folder, by drover pki init: with the server's certificate and keys, and the devices'."""
        devices = [part for endpoint in endpoints for part in ("--device", endpoint)]
        subprocess.run([BINARIES / "drover", "pki", "init", self.work / name, "--server", "127.0.0.1", *devices], check=True,
                       capture_output=True, timeout=WAIT_SECONDS)
        return self.work / name

    def server_config(self, pki):
        """droverd's configuration file with all that is the server's."""
        file = self.work / "droverd.toml"
        file.write_text(f'[credentials]\ntrust_anchors = ["{pki}/ca.pem"]\ncertificate = "{pki}/server.pem"\n'
                        f'private_key = "{pki}/server.key.pem"\nraw_private_key = "{pki}/server.key.pem"\n')
        return file

    def add_credential(self, *arguments):
        status, added = self.drover("credentials", "add", *arguments)
        self.assertEqual(status, 0, added)

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
