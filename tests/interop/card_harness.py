# SPDX-License-Identifier: Apache-2.0
"""pcscd with vsmartcard's virtual reader, in a machine of the test's own, and cards that drover-card serves to it."""
import os
import pathlib
import shutil
import subprocess
import sys

import harness
import smsc_harness

VPCD_PORT = 35963
PCSCD_FOLDER = pathlib.Path("/run/pcscd")
READER = "Virtual PCD 00 00"
SBIN = os.environ["PATH"] + ":/usr/sbin"


def require(packages, *tools):
    """pcscd, its virtual reader, and other programs."""
    smsc_harness.require(f"pcscd, vsmartcard-vpcd{packages}", "pcscd", *tools)
    if not list(pathlib.Path("/usr/lib/pcsc/drivers").glob("serial/*vpcd*")) and not pathlib.Path("/etc/reader.conf.d/vpcd").exists():
        smsc_harness.refuse("not installed: the driver vpcd (Debian: vsmartcard-vpcd)")


def own_machine(file):
    """Runs the test program again with a network and a /run/pcscd of its own: vpcd listens on all addresses, and a pcscd of the
    machine isn't to see these cards."""
    if os.environ.get("DROVER_OWN_MACHINE"):
        done = subprocess.run(["mount", "-t", "tmpfs", "none", PCSCD_FOLDER.parent], capture_output=True, text=True, check=False)
        if done.returncode:
            smsc_harness.refuse(f"no {PCSCD_FOLDER} of one's own: {done.stderr.strip()}")
        PCSCD_FOLDER.mkdir()
        os.environ["DROVER_OWN_NETWORK"] = "yes"
        smsc_harness.own_network(file)
        return
    probe = ["unshare", "--map-root-user", "--net", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*probe, "true"], capture_output=True, check=False).returncode:
        print("skipped: no namespaces of one's own here (unshare --map-root-user --net --mount)")
        sys.exit(harness.SKIPPED)
    os.environ["DROVER_OWN_MACHINE"] = "yes"
    os.execvp(probe[0], [*probe, sys.executable, str(file), *sys.argv[1:]])


class CardInterop(smsc_harness.SmsInterop):
    def start_pcscd(self):
        pcscd = self.start("pcscd", shutil.which("pcscd", path=SBIN), "--foreground")
        harness.wait_until(lambda: (PCSCD_FOLDER / "pcscd.comm").exists(), "pcscd runs")
        # Its port, without a connection: one would be a card.
        harness.wait_until(lambda: f":{VPCD_PORT:04X} " in pathlib.Path("/proc/net/tcp").read_text(), "vpcd listens")
        return pcscd

    def kill_pcscd(self, pcscd):
        pcscd.kill()
        pcscd.wait()
        for file in PCSCD_FOLDER.iterdir():
            file.unlink()

    def secret(self, name, text):
        file = self.work / name
        file.write_text(text)
        file.chmod(0o600)
        return file

    def serve(self, description, log="card"):
        """drover-card, as a card in the virtual reader."""
        card = self.start(log, harness.BINARIES / "drover-card", "serve", description, "--vpcd", VPCD_PORT)
        self.expect(log, '"ready"')
        return card
