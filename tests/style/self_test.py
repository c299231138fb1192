#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that each check of tools/ fails on what it is there to find, and names file and line."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"


class Check(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)

    def put(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run_check(self, tool, *arguments):
        done = subprocess.run([sys.executable, TOOLS / tool, *map(str, arguments)], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def refuses(self, tool, what, *arguments):
        status, output = self.run_check(tool, *(arguments or (self.root,)))
        self.assertEqual(status, 1, output)
        self.assertIn(what, output)

    def takes(self, tool, *arguments):
        status, output = self.run_check(tool, *(arguments or (self.root,)))
        self.assertEqual((status, output), (0, ""))


class Layers(Check):
    def test_an_arrow_that_points_upwards(self):
        self.put("src/base/low.hpp", LICENCE + '\n#include "coap/message/message.hpp"\n')
        self.refuses("check_layers.py", "low.hpp:3: error: base may not know coap/message")

    def test_the_api_sees_only_the_fleet(self):
        self.put("src/api/rest.cpp", '#include "server/fleet.hpp"\n')
        self.takes("check_layers.py")
        self.put("src/api/rest.cpp", '#include "server/shard.hpp"\n')
        self.refuses("check_layers.py", "rest.cpp:1: error: api may not know server")

    def test_operations_know_format_numbers_but_no_codec(self):
        self.put("src/lwm2m/operation/a.hpp", '#include "lwm2m/content/format.hpp"\n')
        self.takes("check_layers.py")
        self.put("src/lwm2m/operation/a.hpp", '#include "lwm2m/content/content.hpp"\n')
        self.refuses("check_layers.py", "a.hpp:1: error: lwm2m/operation may not know lwm2m/content")

    def test_a_public_header_that_leans_on_the_inside(self):
        self.put("include/drover/client.hpp", '#include "base/bytes.hpp"\n')
        self.refuses("check_layers.py", "client.hpp:1: error: include/drover may not know base")

    def test_the_system_in_the_core(self):
        self.put("src/coap/exchange/a.cpp", "#include <sys/socket.h>\n")
        self.refuses("check_layers.py", "a.cpp:1: error: coap/exchange may not use <sys/socket.h>")

    def test_a_slow_header_in_a_header(self):
        self.put("src/api/a.hpp", "#include <nlohmann/json.hpp>\n")
        self.refuses("check_layers.py", "a.hpp:1: error: <nlohmann/json.hpp> is slow")

    def test_a_folder_outside_the_table(self):
        self.put("src/misc/a.hpp", LICENCE)
        self.refuses("check_layers.py", "src/misc isn't in the table")


class Purity(Check):
    def library(self, name, text):
        source = self.put(name + ".cpp", text)
        made, library = self.root / (name + ".cpp.o"), self.root / "libx.a"
        subprocess.run(["g++", "-std=c++20", "-c", source, "-o", made], check=True)
        subprocess.run(["ar", "rc", library, made], check=True)
        return library

    def test_a_clock(self):
        text = "#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }\n"
        self.refuses("check_purity.py", "refers to std::chrono::_V2::steady_clock::now()", self.library("a", text))

    def test_a_socket_a_thread_and_a_random_number(self):
        text = ("#include <cstdlib>\n#include <sys/socket.h>\n#include <thread>\n"
                "int f() { std::thread([] {}).join(); return socket(0, 0, 0) + rand(); }\n")
        library = self.library("b", text)
        for what in ("socket", "rand", "std::thread::join()"):
            self.refuses("check_purity.py", "refers to " + what, library)

    def test_the_class_between_the_threads_is_exempt_and_nothing_else(self):
        text = "#include <mutex>\nstd::mutex m;\nvoid f() { m.lock(); }\n"
        self.takes("check_purity.py", self.library("local_fleet", text))
        self.refuses("check_purity.py", "c.cpp.o", self.library("c", text))

    def test_arithmetic(self):
        self.takes("check_purity.py", self.library("d", "#include <string>\nstd::string f(int x) { return std::to_string(x); }\n"))


class Headers(Check):
    def test_a_header_that_needs_another_one_first(self):
        self.put("src/base/a.hpp", "#pragma once\nstruct A { std::string name; };\n")
        self.refuses("check_headers.py", "a.hpp:1: error: doesn't compile by itself")

    def test_a_public_header_sees_only_include(self):
        self.put("src/base/a.hpp", "#pragma once\n")
        self.put("include/drover/a.hpp", '#pragma once\n#include "base/a.hpp"\n')
        self.refuses("check_headers.py", "drover/a.hpp:1: error")

    def test_a_header_without_guard(self):
        self.put("src/base/a.hpp", "struct A {};\n")
        self.refuses("check_headers.py", "redefinition")

    def test_a_header_that_a_source_includes_first_was_compiled_there(self):
        self.put("src/base/a.hpp", "#pragma once\nstruct A { std::string name; };\n")
        self.put("src/base/a.cpp", '#include <string>\n\n#include "base/a.hpp"\n')
        self.refuses("check_headers.py", "a.hpp:1: error: doesn't compile by itself")
        self.put("src/base/a.cpp", '#include "base/a.hpp"\n')
        self.takes("check_headers.py")

    def test_a_good_header(self):
        self.put("src/base/a.hpp", "#pragma once\n#include <string>\nstruct A { std::string name; };\n")
        self.takes("check_headers.py")


class Style(Check):
    def test_a_file_that_is_too_long(self):
        self.put("a.cpp", LICENCE + "\n" * 600)
        self.refuses("check_style.py", "a.cpp:601: error: 601 lines")

    def test_a_function_that_is_too_long(self):
        body = "namespace x {\nclass C {\n  int f(int a,\n        int b) const {\n" + "    ++n;\n" * 68 + "  }\n};\n}\n"
        self.put("a.cpp", LICENCE + body)
        self.refuses("check_style.py", "a.cpp:4: error: a function of 71 lines")
        self.put("a.cpp", LICENCE + body.replace("    ++n;\n", "", 1))
        self.takes("check_style.py")

    def test_braces_in_literals_and_comments_count_for_nothing(self):
        self.put("a.cpp", LICENCE + "const char* s = R\"x(f() {)x\";\nchar c = '{';  // f() {\n" + "int a;\n" * 80)
        self.takes("check_style.py")

    def test_a_missing_licence(self):
        self.put("a.hpp", "#pragma once\n")
        self.put("tool", "#!/bin/sh\nexit 0\n")
        self.refuses("check_style.py", "a.hpp:1: error: the first line")
        self.refuses("check_style.py", "tool:1: error: the first line")

    def test_leftovers(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            self.put("a.cpp", LICENCE + "int a;  // " + word + ": later\n")
            self.refuses("check_style.py", "a.cpp:2: error: a leftover")

    def test_asserts_turned_off(self):
        self.put("CMakeLists.txt", LICENCE.replace("//", "#") + "add_compile_options(-DN" + "DEBUG)\n")
        self.refuses("check_style.py", "CMakeLists.txt:2: error: asserts")

    def test_a_sleeping_test(self):
        self.put("src/a_test.cpp", LICENCE + "void f() { std::this_thread::sleep_for(1s); }\n")
        self.refuses("check_style.py", "a_test.cpp:2: error: a test that sleeps")

    def test_two_titles(self):
        self.put("a.md", "# One\n\n```\n# a comment in a fence\n```\n")
        self.takes("check_style.py")
        self.put("a.md", "# One\n\n# Two\n")
        self.refuses("check_style.py", "a.md:3: error: 2 titles")


if __name__ == "__main__":
    unittest.main()
