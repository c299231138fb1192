#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device maker's project against the installed SDK: by find_package and by pkg-config, and what the program costs."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness
import packages

packages.require()
PROGRAM_BYTES_MAX = 1_500_000  # stripped, libstdc++ linked statically
RESIDENT_KB_MAX = 4096
KEY = "000102030405060708090a0b0c0d0e0f"


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Consumer(harness.Interop):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = packages.unpack(cls.folder.name)
        cls.prefix = cls.root / "usr"

    def build_by_cmake(self, source):
        project = packages.SOURCE / "tests/packages/consumer"
        run("cmake", "-G", "Ninja", "-S", project, "-B", self.work / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCONSUMER_SOURCE={source}")
        run("cmake", "--build", self.work / "build")
        return self.work / "build/consumer"

    def test_a_minimal_device_with_dtls_is_small_and_registers(self):
        program = self.build_by_cmake(packages.SOURCE / "examples/minimal.cpp")
        size = program.stat().st_size
        port, secure, api = harness.free_port(), harness.free_port(), harness.free_port()
        self.start("droverd", self.prefix / "bin/droverd", "--listen", f"127.0.0.1:{port}", "--secure-listen", f"127.0.0.1:{secure}", "--api",
                   f"127.0.0.1:{api}", "--store", self.work / "droverd.db")
        drover = [self.prefix / "bin/drover", "--api", f"http://127.0.0.1:{api}"]
        harness.wait_until(lambda: subprocess.run([*drover, "status"], capture_output=True).returncode == 0, "the server's API")
        (self.work / "key").write_text(KEY)
        run(*drover, "credentials", "add", "psk", "minimal", "--key-file", self.work / "key")
        device = self.start("device", program, f"coaps://127.0.0.1:{secure}", "minimal", KEY)
        harness.wait_until(lambda: subprocess.run([*drover, "show", "minimal"], capture_output=True).returncode == 0, "the registration")
        self.assertIn("3303", run(*drover, "read", "minimal", "/3303/0"))
        status = pathlib.Path(f"/proc/{device.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        print(f"minimal device with DTLS: {size} bytes stripped, {resident} kB resident")
        self.assertLessEqual(size, PROGRAM_BYTES_MAX)
        self.assertLessEqual(resident, RESIDENT_KB_MAX)

    def test_the_example_builds_by_pkg_config(self):
        folder = next(self.prefix.glob("lib/**/pkgconfig"))
        flags = run("pkg-config", "--cflags", "--libs", "drover", env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).split()
        program = self.work / "thermometer"
        run("g++", packages.SOURCE / "examples/thermometer.cpp", "-o", program, *flags)
        self.assertTrue(program.exists())

    def test_a_version_that_does_not_fit_is_refused(self):
        shutil.copytree(packages.SOURCE / "tests/packages/consumer", self.work / "project")
        lists = self.work / "project/CMakeLists.txt"
        lists.write_text(lists.read_text().replace("drover 0.1", "drover 0.2"))
        done = subprocess.run(["cmake", "-S", self.work / "project", "-B", self.work / "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"], capture_output=True,
                              text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("0.1.0", done.stderr)


if __name__ == "__main__":
    unittest.main()
