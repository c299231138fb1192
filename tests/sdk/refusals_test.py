#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mistakes in a device's program that the compiler finds, in words that help."""
import os
import subprocess
import unittest

HEADER = '#include "drover/client.hpp"\n#include "drover/objects/device.hpp"\n#include "drover/objects/temperature.hpp"\n'


def compile_program(text):
    done = subprocess.run([os.environ["CXX"], "-std=c++20", "-fsyntax-only", "-I", os.environ["DROVER_INCLUDE"], "-x", "c++", "-"], input=HEADER + text,
                          capture_output=True, text=True)
    return done.returncode, done.stderr


class Refusals(unittest.TestCase):
    def assert_refused(self, text, why):
        code, said = compile_program(text)
        self.assertNotEqual(code, 0, "it was compiled")
        self.assertIn(why, said)

    def test_what_is_right_is_compiled(self):
        self.assertEqual(compile_program("struct T : drover::object<3303> { value<5700> v; value<5701, std::string> u; "
                                         "void execute(drover::resource<5605>) {} };\n"
                                         "void use(drover::Client& device) { device.add<T>(0); }"), (0, ""))

    def test_another_type(self):
        self.assert_refused("struct T : drover::object<3303> { value<5700, int> v; };", "the definition has another type")

    def test_an_unknown_resource(self):
        self.assert_refused("struct T : drover::object<3303> { value<5800> v; };", "the object has no such resource")

    def test_a_setting_that_servers_dont_write(self):
        self.assert_refused("struct T : drover::object<3303> { setting<5700> v; };", "servers don't write it")

    def test_a_value_that_servers_write(self):
        self.assert_refused("struct D : drover::object<3> { value<14> v; };", "servers write it")

    def test_one_value_for_a_multiple_resource(self):
        self.assert_refused("struct D : drover::object<3> { value<7> v; };", "values and settings of a multiple one")

    def test_a_value_for_what_is_executed(self):
        self.assert_refused("struct D : drover::object<3> { value<4, bool> v; };", "it is executed")

    def test_an_execute_of_what_isnt(self):
        self.assert_refused("struct T : drover::object<3303> { value<5700> v; void execute(drover::resource<5700>) {} };\n"
                            "void use(drover::Client& device) { device.add<T>(0); }", "servers can't execute that")

    def test_an_execute_of_nothing(self):
        self.assert_refused("struct T : drover::object<3303> { value<5700> v; void execute() {} };\n"
                            "void use(drover::Client& device) { device.add<T>(0); }", "execute() takes a drover::resource<ID>")

    def test_no_type_without_a_definition(self):
        self.assert_refused("struct X : drover::object<40000> { value<1> v; };", "without the object's definition")

    def test_a_type_that_lwm2m_doesnt_have(self):
        self.assert_refused("struct X : drover::object<40000> { value<1, char*> v; };", "")


if __name__ == "__main__":
    unittest.main()
