# SPDX-License-Identifier: Apache-2.0
"""The packages that ./package made."""
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(os.environ["DROVER_PACKAGES"])
SOURCE = pathlib.Path(os.environ["DROVER_SOURCE"])
NAMES = ("drover-common", "drover-server", "drover-tools", "libdrover-dev")
SKIPPED = 77


def require():
    """Ends the test program with a clear line when there are no packages."""
    missing = [name for name in NAMES if len(list(FOLDER.glob(f"{name}_*.deb"))) != 1]
    if missing:
        required = os.environ.get("DROVER_INTEROP") == "required"
        print(f"{'failed' if required else 'skipped'}: not in {FOLDER}, which ./package fills: {', '.join(missing)}")
        sys.exit(1 if required else SKIPPED)


def path_of(name):
    return next(FOLDER.glob(f"{name}_*.deb"))


def field(name, key):
    return subprocess.run(["dpkg-deb", "-f", path_of(name), key], check=True, capture_output=True, text=True).stdout.strip()


def unpack(folder, *names):
    for name in names or NAMES:
        subprocess.run(["dpkg-deb", "-x", path_of(name), folder], check=True)
    return pathlib.Path(folder)
