#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DTLS between our engine and OpenSSL's and GnuTLS's programs: each kind of credential, suite and role that they have."""
import unittest

import harness
from dtls_harness import (ECDSA_SUITES, HOST, IDENTITY, KEY, PSK_SUITES, DtlsInterop, gnutls_priority, openssl_cipher)

PSK = f'psk "{IDENTITY}"'


class OurServer(DtlsInterop):
    """Both ways: their client says a line, and our server returns it."""

    def talk(self, log, process, suite, peer):
        self.expect_ours(f"opened {peer}")
        self.assertIn(f" {suite} full no-cid", self.ours())
        self.say(process, "a line of text")
        self.expect_ours("heard a line of text")
        harness.wait_until(lambda: self.log(log).count("a line of text") >= 1, f"{log} heard the line")
        process.stdin.close()
        process.wait(harness.WAIT_SECONDS)
        self.expect_ours("closed the peer closed it")

    def test_openssl_psk(self):
        for suite in PSK_SUITES:
            with self.subTest(suite=suite):
                port = self.our_server(*self.every_kind())
                self.talk(*self.openssl_client(port, "-psk_identity", IDENTITY, "-psk", KEY, "-cipher", openssl_cipher(suite)), suite, PSK)

    def test_openssl_certificates(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                port = self.our_server(*self.every_kind())
                self.talk(*self.openssl_client(port, "-cert", self.file("device"), "-key", self.file("device", "key"), "-CAfile",
                                               self.file("root"), "-verify_return_error", "-verify_hostname", HOST, "-servername", HOST,
                                               "-cipher", openssl_cipher(suite)), suite, "certificate ")

    def test_gnutls_psk(self):
        for suite in PSK_SUITES:
            with self.subTest(suite=suite):
                port = self.our_server(*self.every_kind())
                self.talk(*self.gnutls_client(port, "--pskusername", IDENTITY, "--pskkey", KEY, "--priority", gnutls_priority(suite)),
                          suite, PSK)

    def test_gnutls_certificates(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                port = self.our_server(*self.every_kind())
                self.talk(*self.gnutls_client(port, "--x509certfile", self.file("device"), "--x509keyfile", self.file("device", "key"),
                                              "--x509cafile", self.file("root"), "--sni-hostname", HOST, "--verify-hostname", HOST,
                                              "--priority", gnutls_priority(suite)), suite, "certificate ")

    def test_gnutls_raw_public_keys(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                port = self.our_server(*self.every_kind())
                self.talk(*self.gnutls_client(port, "--rawpkkeyfile", self.file("raw-device", "key"), "--rawpkfile",
                                              self.file("raw-device", "pub"), "--insecure", "--priority", gnutls_priority(suite, raw=True)),
                          suite, "public-key ")


class OurClient(DtlsInterop):
    """Both ways: our client says a line, and their server says one back. With a pre-shared key a server names itself as nobody."""

    def talk(self, server, suite, peer, *own):
        port, log, process = server
        self.our_client(port, *own, "--host", HOST, "--say", "from our side")
        self.expect_ours("opened ")
        self.assertRegex(self.ours(), f"opened {peer}.* {suite} full no-cid")
        self.expect(log, "from our side")
        if "gnutls" not in log:
            self.say(process, "from their side")
        self.expect_ours("heard from our side" if "gnutls" in log else "heard from their side")
        self.stop(self.our_process)
        self.stop(process)

    def test_openssl_psk(self):
        for suite in PSK_SUITES:
            with self.subTest(suite=suite):
                server = self.openssl_server("-nocert", "-psk_identity", IDENTITY, "-psk", KEY, "-cipher", openssl_cipher(suite))
                self.talk(server, suite, "none", *self.own_psk())

    def test_openssl_certificates(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                server = self.openssl_server("-cert", self.file("server"), "-key", self.file("server", "key"), "-CAfile", self.file("root"),
                                             "-Verify", 1, "-verify_return_error", "-cipher", openssl_cipher(suite))
                self.talk(server, suite, "certificate", *self.own_certificate("device"))

    def test_gnutls_psk(self):
        passwords = self.work / "passwords"
        passwords.write_text(f"{IDENTITY}:{KEY}\n")
        for suite in PSK_SUITES:
            with self.subTest(suite=suite):
                self.talk(self.gnutls_server("--pskpasswd", passwords, "--priority", gnutls_priority(suite)), suite, "none", *self.own_psk())

    def test_gnutls_certificates(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                server = self.gnutls_server("--x509certfile", self.file("server"), "--x509keyfile", self.file("server", "key"),
                                            "--x509cafile", self.file("root"), "--require-client-cert", "--verify-client-cert",
                                            "--priority", gnutls_priority(suite))
                self.talk(server, suite, "certificate", *self.own_certificate("device"))

    def test_gnutls_raw_public_keys(self):
        for suite in ECDSA_SUITES:
            with self.subTest(suite=suite):
                server = self.gnutls_server("--rawpkkeyfile", self.file("raw-server", "key"), "--rawpkfile", self.file("raw-server", "pub"),
                                            "--require-client-cert", "--priority", gnutls_priority(suite, raw=True))
                self.talk(server, suite, "public-key", *self.own_raw_key("raw-device", "raw-server"))


if __name__ == "__main__":
    harness.require("openssl", "gnutls-cli", "gnutls-serv")
    unittest.main()
