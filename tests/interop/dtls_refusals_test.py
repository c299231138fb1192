#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must not become an association with OpenSSL's and GnuTLS's programs, each with the reason that our side tells."""
import socket
import unittest

import harness
from dtls_harness import HOST, IDENTITY, KEY, DtlsInterop, gnutls_priority, openssl_cipher

CCM8_PSK, CCM8_ECDSA = "TLS_PSK_WITH_AES_128_CCM_8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"
WRONG_KEY = "ff" * 16


class OurServerRefuses(DtlsInterop):
    def refused(self, start, reason, options=None):
        port = self.our_server(*(options or self.every_kind()))
        start(port)
        self.expect_ours(f"refused {reason}")
        self.assertNotIn("opened", self.ours())

    def psk(self, identity, key, *more):
        return lambda port: self.openssl_client(port, "-psk_identity", identity, "-psk", key, *(more or ("-cipher", openssl_cipher(CCM8_PSK))))

    def certificate(self, name, suite=CCM8_ECDSA):
        return lambda port: self.openssl_client(port, "-cert", self.file(name), "-key", self.file(name, "key"), "-cipher", openssl_cipher(suite))

    def test_a_wrong_pre_shared_key(self):
        self.refused(self.psk(IDENTITY, WRONG_KEY), f'wrong pre-shared key for psk "{IDENTITY}"')

    def test_an_unknown_identity(self):
        self.refused(self.psk("stranger", KEY), 'unknown PSK identity: psk "stranger"')

    def test_a_certificate_of_a_foreign_authority(self):
        self.refused(self.certificate("foreign"), "the peer's certificate leads to no trust anchor")

    def test_a_certificate_signed_by_itself(self):
        self.refused(self.certificate("alone"), "the peer's certificate leads to no trust anchor")

    def test_an_expired_certificate(self):
        self.refused(self.certificate("expired"), "the peer's certificate has expired")

    def test_a_certificate_of_the_future(self):
        self.refused(self.certificate("early"), "the peer's certificate isn't valid yet")

    def test_no_certificate(self):
        self.refused(lambda port: self.openssl_client(port, "-cipher", openssl_cipher(CCM8_ECDSA)), "the peer sent no certificate")

    def test_a_suite_that_we_dont_have(self):
        for cipher in ("PSK-AES256-CCM8", "PSK-AES128-CBC-SHA", "PSK-CHACHA20-POLY1305", "PSK-NULL-SHA256"):
            with self.subTest(cipher=cipher):
                self.refused(self.psk(IDENTITY, KEY, "-cipher", cipher + ":@SECLEVEL=0"), "no cipher suite or credential in common")

    def test_an_older_version(self):
        def old(port):
            self.run_program("openssl", "s_client", "-dtls1", "-connect", f"127.0.0.1:{port}", "-psk_identity", IDENTITY, "-psk", KEY,
                             "-cipher", "PSK:@SECLEVEL=0")
        self.refused(old, "the peer doesn't speak DTLS 1.2")

    def test_a_raw_public_key_that_nobody_knows(self):
        self.refused(lambda port: self.gnutls_client(port, "--rawpkkeyfile", self.file("raw-stranger", "key"), "--rawpkfile",
                                                     self.file("raw-stranger", "pub"), "--insecure", "--priority",
                                                     gnutls_priority(CCM8_ECDSA, raw=True)), "another public key than the expected one")

    def test_a_raw_public_key_where_certificates_are_expected(self):
        self.refused(lambda port: self.gnutls_client(port, "--rawpkkeyfile", self.file("raw-device", "key"), "--rawpkfile",
                                                     self.file("raw-device", "pub"), "--insecure", "--priority",
                                                     gnutls_priority(CCM8_ECDSA, raw=True)), "neither raw public keys nor certificates in common",
                     self.own_certificate("server"))

    def test_a_certificate_where_raw_public_keys_are_expected(self):
        self.refused(self.certificate("device"), "no cipher suite or credential in common",
                     self.own_raw_key("raw-server", "raw-device"))

    def test_garbage_gets_silence_and_ends_nothing(self):
        port = self.our_server(*self.every_kind())
        log, process = self.openssl_client(port, "-psk_identity", IDENTITY, "-psk", KEY, "-cipher", openssl_cipher(CCM8_PSK))
        self.expect_ours("opened")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.connect(("127.0.0.1", int(port)))
            for garbage in (b"\0", b"GET / HTTP/1.1\r\n\r\n", bytes(1200), b"\x16\xfe\xfd" + bytes(60), b"\x40\x01\0\1",
                            b"\x19\xfe\xfd\0\1" + bytes(40)):
                stranger.send(garbage)
            self.say(process, "still here")
            self.expect_ours("heard still here")
            stranger.settimeout(0)
            with self.assertRaises(BlockingIOError):
                stranger.recv(2048)
        self.assertNotIn("closed", self.ours())


class OurClientRefuses(DtlsInterop):
    def refused(self, server, reason, *own, host=HOST):
        self.our_client(server[0], *own, "--host", host)
        self.expect_ours(f"refused {reason}")
        self.assertNotIn("opened", self.ours())

    def openssl_psk_server(self, key, cipher=openssl_cipher(CCM8_PSK)):
        return self.openssl_server("-nocert", "-psk_identity", IDENTITY, "-psk", key, "-cipher", cipher)

    def certificate_server(self, name):
        return self.openssl_server("-cert", self.file(name), "-key", self.file(name, "key"), "-CAfile", self.file("root"), "-Verify", 1,
                                   "-verify_return_error", "-cipher", openssl_cipher(CCM8_ECDSA))

    def test_a_server_with_another_pre_shared_key(self):
        # It can't read the client's Finished, and is silent (RFC 6347 §4.1.2.7).
        self.refused(self.openssl_psk_server(WRONG_KEY), "the handshake took too long", *self.own_psk(), "--patience", 4)

    def test_a_server_that_doesnt_know_the_identity(self):
        # GnuTLS goes on with a key that nobody has, so that identities can't be guessed (RFC 4279 §2).
        passwords = self.work / "passwords"
        passwords.write_text(f"somebody:{KEY}\n")
        self.refused(self.gnutls_server("--pskpasswd", passwords, "--priority", gnutls_priority(CCM8_PSK)), "the handshake took too long",
                     *self.own_psk(), "--patience", 4)

    def test_a_server_of_a_foreign_authority(self):
        self.refused(self.certificate_server("foreign-server"), "the peer's certificate leads to no trust anchor", *self.own_certificate("device"))

    def test_a_server_whose_certificate_has_expired(self):
        self.refused(self.certificate_server("expired-server"), "the peer's certificate has expired", *self.own_certificate("device"))

    def test_another_host(self):
        server = self.certificate_server("server")
        self.refused(server, "the certificate is for another host", *self.own_certificate("device"), host="other.example")
        server = self.certificate_server("server")
        self.refused(server, "the certificate is for another host", *self.own_certificate("device"), host="127.0.0.2")

    def test_a_server_that_knows_none_of_our_suites(self):
        self.refused(self.openssl_psk_server(KEY, "PSK-AES256-CCM8:@SECLEVEL=0"), "the peer refused: handshake_failure", *self.own_psk())

    def test_a_server_that_refuses_our_certificate(self):
        self.refused(self.certificate_server("server"), "the peer refused: ", *self.own_certificate("foreign"))

    def test_another_raw_public_key_of_the_server(self):
        server = self.gnutls_server("--rawpkkeyfile", self.file("raw-server", "key"), "--rawpkfile", self.file("raw-server", "pub"),
                                    "--require-client-cert", "--priority", gnutls_priority(CCM8_ECDSA, raw=True))
        self.refused(server, "another public key than the expected one", *self.own_raw_key("raw-device", "raw-stranger"))


if __name__ == "__main__":
    harness.require("openssl", "gnutls-cli", "gnutls-serv")
    unittest.main()
