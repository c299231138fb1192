# SPDX-License-Identifier: Apache-2.0
"""drover-smsc and our carriers as programs, and those of others around them."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import harness

SYSTEM_ID, PASSWORD, SERVICE = "drover", "secret", "12345"
DEVICE, OTHER = "491701110001", "491701110002"
# CON POST /1/0/8, the update trigger (LwM2M Transport, appendix L), and a secured packet with it.
TRIGGER = "4402b60b2161fb63b13101300138"
PACKET = "00281516001212b20203c2248c65436b8660d192b728ab2d967e5f05ccd32f6cd295f71ad1d2e0a06908"
ANSWER = "6444b60b2161fb63"


def refuse(reason):
    """Ends the test program: what it needs isn't there."""
    required = os.environ.get("DROVER_INTEROP") == "required"
    print(f"{'failed' if required else 'skipped'}: {reason}")
    sys.exit(1 if required else harness.SKIPPED)


def require(packages, *tools, perl=None):
    """Foreign programs by name, and one Perl module."""
    missing = [tool for tool in tools if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")]
    if perl and subprocess.run(["perl", f"-M{perl}", "-e", "1"], capture_output=True, check=False).returncode:
        missing.append(perl)
    if missing:
        refuse(f"not installed: {', '.join(missing)} (Debian: {packages})")


def package_version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return f"{package} {done.stdout or '(version unknown)'}"


class SmsInterop(harness.Interop):
    def start_smsc(self, *more, modems=(DEVICE,), log="smsc"):
        """Its SMPP port; modems are at self.modem(number)."""
        self.smsc = self.start(log, harness.BINARIES / "drover-smsc", "--smpp", "127.0.0.1:0", "--esme",
                               f"{SYSTEM_ID}:{PASSWORD}:{SERVICE}", "--trace-data",
                               *(part for number in modems for part in ("--modem", f"{number}={self.modem(number)}")), *more)
        self.smsc_log = log
        ready = harness.wait_until(lambda: self.events("ready"), "drover-smsc is ready")[0]
        return int(ready["smpp"].split(":")[1])

    def modem(self, number):
        return self.work / f"modem-{number}"

    def events(self, kind, **wanted):
        """What the SMSC traced of that kind, with these values."""
        lines = [line for line in self.log(self.smsc_log).splitlines() if line.startswith("{")]
        return [event for event in map(json.loads, lines)
                if event["event"] == kind and all(event.get(key) == value for key, value in wanted.items())]

    def wait_event(self, kind, **wanted):
        try:
            return harness.wait_until(lambda: self.events(kind, **wanted), f"{kind} {wanted}")
        except AssertionError:
            raise AssertionError(f"no {kind} {wanted}\n" + self.all_logs()) from None

    def all_logs(self):
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-3000:]}" for path in sorted(self.work.iterdir())
                         if path.is_file() and ".db" not in path.name)

    def expect(self, log, text):
        try:
            harness.wait_until(lambda: text in self.log(log), text)
        except AssertionError:
            raise AssertionError(f"no {text!r} in {log}\n" + self.all_logs()) from None

    def say(self, process, line):
        process.stdin.write(line + "\n")
        process.stdin.flush()

    def start_esme(self, port, *more, log="esme"):
        """Our ESME, when it is bound."""
        esme = self.start(log, harness.BINARIES / "sms_peer", "esme", "--port", port, "--system-id", SYSTEM_ID, "--password",
                          PASSWORD, "--number", SERVICE, *more)
        self.expect(log, "state bound")
        return esme

    def start_host(self, number, *more, log="host"):
        """Our modem's host, when the modem is registered."""
        host = self.start(log, harness.BINARIES / "sms_peer", "modem", "--device", self.modem(number), *more)
        self.expect(log, "state registered with the network")
        return host

    def perl(self, log, script, *arguments):
        return self.start(log, "perl", pathlib.Path(__file__).with_name(script), *arguments)

    def run_tool(self, *command, seconds=harness.WAIT_SECONDS):
        done = subprocess.run([str(part) for part in command], capture_output=True, timeout=seconds, check=False)
        return (done.stdout + done.stderr).decode(errors="replace")


def own_network(file):
    """Runs the test program again in a network of its own, for programs that listen on all addresses."""
    if os.environ.get("DROVER_OWN_NETWORK"):
        import fcntl
        import struct
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            up, siocsifflags = 1, 0x8914
            fcntl.ioctl(control, siocsifflags, struct.pack("16sh14x", b"lo", up))
        return
    probe = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        print("skipped: no network of one's own here (unshare --map-root-user --net)")
        sys.exit(harness.SKIPPED)
    os.environ["DROVER_OWN_NETWORK"] = "yes"
    os.execvp(probe[0], [*probe, sys.executable, str(file), *sys.argv[1:]])
