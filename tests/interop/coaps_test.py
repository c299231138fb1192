#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""coaps: libcoap's client and server over GnuTLS and OpenSSL with our engine, and what passes between them as tshark sees it."""
import subprocess
import unittest

import harness
from relay import Relay
from dtls_harness import HOST, IDENTITY, KEY, DtlsInterop

COAPS_PORT = 5684
TEXT_KEY = bytes.fromhex(KEY).decode()  # libcoap takes a key as text
LIBRARIES = ("gnutls", "openssl")
PSK = ("-u", IDENTITY, "-k", TEXT_KEY)


class LibcoapClient(DtlsInterop):
    def ask(self, library, port, *options, host="127.0.0.1"):
        done = subprocess.run([f"coap-client-{library}", "-v", "7", "-B", "10", "-m", "get", *map(str, options),
                               f"coaps://{host}:{port}/sensors/1"], capture_output=True, timeout=harness.WAIT_SECONDS)
        return (done.stdout + done.stderr).decode(errors="replace")

    def answered(self, peer, library, *options):
        port = self.our_server("--coap", *self.every_kind())
        answer = self.ask(library, port, *options)
        self.assertIn("c:2.05", answer, self.ours())
        self.assertIn("answered", answer)
        self.assertIn(f"opened {peer}", self.ours())
        self.expect_ours("request /sensors/1")
        self.expect_ours("closed the peer closed it")

    def test_pre_shared_key(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.answered(f'psk "{IDENTITY}"', library, *PSK)

    def test_certificates(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.answered("certificate ", library, "-c", self.file("device"), "-j", self.file("device", "key"), "-C", self.file("root"))

    def test_raw_public_keys(self):  # libcoap has them with GnuTLS
        both = self.work / "raw.pem"
        both.write_text(self.file("raw-device", "key").read_text() + self.file("raw-device", "pub").read_text())
        self.answered("public-key ", "gnutls", "-M", both)

    def test_a_wrong_key_gets_no_answer(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                port = self.our_server("--coap", *self.every_kind())
                self.assertNotIn("c:2.05", self.ask(library, port, "-u", IDENTITY, "-k", "another key 1234"))
                self.expect_ours(f'refused wrong pre-shared key for psk "{IDENTITY}"')


class LibcoapServer(DtlsInterop):
    def answered(self, library, own, *options):
        # It takes the port after the one that it is given for coaps.
        port = harness.free_port_pair()
        self.run_program(f"coap-server-{library}", "-A", "127.0.0.1", "-p", port, *options)
        self.our_client(port + 1, *own, "--host", HOST, "--coap", "--say", "time")
        self.expect_ours("opened ")
        self.expect_ours("answer 2.05")

    def test_pre_shared_key(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.answered(library, self.own_psk(), "-k", TEXT_KEY, "-h", "hint")

    def test_certificates(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.answered(library, self.own_certificate("device"), "-c", self.file("server"), "-j", self.file("server", "key"),
                              "-C", self.file("root"))

    def test_raw_public_keys(self):
        both = self.work / "raw.pem"
        both.write_text(self.file("raw-server", "key").read_text() + self.file("raw-server", "pub").read_text())
        self.answered("gnutls", self.own_raw_key("raw-device", "raw-server"), "-M", both)


class Dissection(DtlsInterop):
    """A capture is opened by the key log, or by the pre-shared key, and holds CoAP without a malformed mark."""

    def captured(self, talk, *server):
        self.key_log = self.work / "keys"
        port = self.our_server("--coap", "--key-log", self.key_log, *server)
        relay = Relay(int(port))
        try:
            talk(relay.port)
            self.expect_ours("request /sensors/1")
            self.expect_ours("closed the peer closed it")
        finally:
            relay.stop()
        capture = self.work / "capture.pcap"
        relay.write_pcap(capture, COAPS_PORT)
        return capture

    def tshark(self, capture, *arguments):
        done = subprocess.run(["tshark", "-n", "-r", capture, "-d", f"udp.port=={COAPS_PORT},dtls", *arguments], check=True,
                              capture_output=True, text=True, timeout=120)
        return done.stdout

    def expect_clean(self, capture, *keys):
        coap = self.tshark(capture, *keys, "-Y", "coap", "-T", "fields", "-e", "coap.code").split()
        self.assertEqual(coap, ["1", "69"], self.tshark(capture, *keys))  # GET and 2.05
        self.assertEqual(self.tshark(capture, *keys, "-Y", "_ws.malformed"), "")
        self.assertEqual(self.tshark(capture, "-Y", "coap"), "", "nothing is readable without the keys")

    def libcoap(self, library, *options):
        return lambda port: subprocess.run([f"coap-client-{library}", "-B", "10", *map(str, options),
                                            f"coaps://127.0.0.1:{port}/sensors/1"], capture_output=True, timeout=harness.WAIT_SECONDS)

    def own(self, *options):
        def talk(port):
            log, client = self.run_program(harness.BINARIES / "dtls_peer", "client", "--address", f"127.0.0.1:{port}", *options,
                                           "--host", HOST, "--coap", "--say", "sensors/1")
            self.expect(log, "answer 2.05")
            self.say(client, "close")
            self.expect(log, "closed closed here")
        return talk

    def test_pre_shared_key(self):
        capture = self.captured(self.libcoap("openssl", *PSK), *self.own_psk())
        self.expect_clean(capture, "-o", f"dtls.psk:{KEY}")
        self.expect_clean(capture, "-o", f"tls.keylog_file:{self.key_log}")

    def test_certificates(self):
        capture = self.captured(self.libcoap("gnutls", "-c", self.file("device"), "-j", self.file("device", "key"), "-C", self.file("root")),
                                *self.own_certificate("server"))
        self.expect_clean(capture, "-o", f"tls.keylog_file:{self.key_log}")

    def test_raw_public_keys_with_connection_id(self):
        capture = self.captured(self.own(*self.own_raw_key("raw-device", "raw-server")), *self.own_raw_key("raw-server", "raw-device"))
        self.expect_clean(capture, "-o", f"tls.keylog_file:{self.key_log}")
        # RFC 9146: tls12_cid records go to the server, which gave an ID.
        ids = self.tshark(capture, "-Y", "dtls.record.connection_id", "-T", "fields", "-e", "udp.dstport").split()
        self.assertGreaterEqual(len(ids), 2)
        self.assertEqual(set(ids), {str(COAPS_PORT)})


if __name__ == "__main__":
    harness.require("coap-client-gnutls", "coap-client-openssl", "coap-server-gnutls", "coap-server-openssl", "tshark", "openssl")
    unittest.main()
