# SPDX-License-Identifier: Apache-2.0
"""Our DTLS server and client as programs, and OpenSSL's and GnuTLS's as their peers."""
import pathlib
import re
import shutil
import tempfile

import harness
import pki

IDENTITY, KEY = "sensor-1", "30313233343536373839616263646566"
HOST = "server.example"

# Each suite as RFC 6655, RFC 5487, RFC 7251 and RFC 5289 call it, as OpenSSL does, and GnuTLS's priorities for it.
SUITES = {
    "TLS_PSK_WITH_AES_128_CCM_8": ("PSK-AES128-CCM8", "+PSK:+AES-128-CCM-8:+AEAD"),
    "TLS_PSK_WITH_AES_128_GCM_SHA256": ("PSK-AES128-GCM-SHA256", "+PSK:+AES-128-GCM:+AEAD"),
    "TLS_PSK_WITH_AES_128_CBC_SHA256": ("PSK-AES128-CBC-SHA256", "+PSK:+AES-128-CBC:+SHA256"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8": ("ECDHE-ECDSA-AES128-CCM8", "+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": ("ECDHE-ECDSA-AES128-GCM-SHA256", "+ECDHE-ECDSA:+AES-128-GCM:+AEAD"),
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": ("ECDHE-ECDSA-AES128-SHA256", "+ECDHE-ECDSA:+AES-128-CBC:+SHA256"),
}
PSK_SUITES = [suite for suite in SUITES if "_PSK_" in suite]
ECDSA_SUITES = [suite for suite in SUITES if "_ECDSA_" in suite]


def openssl_cipher(suite):
    return SUITES[suite][0] + ":@SECLEVEL=0"


def gnutls_priority(suite, raw=False):
    types = "+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK" if raw else "+CTYPE-CLI-X509:+CTYPE-SRV-X509"
    return f"NONE:+VERS-DTLS1.2:+COMP-NULL:+GROUP-SECP256R1:+SIGN-ECDSA-SHA256:{types}:{SUITES[suite][1]}"


class DtlsInterop(harness.Interop):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.pki = pki.make(cls.folder)

    def setUp(self):
        super().setUp()
        self.started = 0

    def file(self, name, ending="pem"):
        return self.pki.path(name, ending)

    def run_program(self, *command):
        """Starts it; gives the name of its log and the process."""
        self.started += 1
        name = f"{self.started}-{pathlib.Path(str(command[0])).name}"
        return name, self.start(name, *command)

    # Our side's options for each kind of credential.
    def own_psk(self, identity=IDENTITY, key=KEY):
        return ("--psk", f"{identity}={key}")

    def own_certificate(self, name, anchor="root"):
        return ("--chain", self.file(name, "der"), "--key", self.file(name, "key.der"), "--anchor", self.file(anchor, "der"))

    def own_raw_key(self, name, peer):
        return ("--raw-public", self.file(name, "pub.der"), "--raw-private", self.file(name, "key.der"), "--known",
                self.file(peer, "pub.der"))

    def every_kind(self):
        """A server of ours that takes all three."""
        return (*self.own_psk(), *self.own_certificate("server"), *self.own_raw_key("raw-server", "raw-device"))

    def our_server(self, *options):
        """Its port; what it tells is in self.ours()."""
        self.our_log, self.our_process = self.run_program(harness.BINARIES / "dtls_peer", "server", "--cbc", "--gcm", *options)
        return harness.wait_until(lambda: re.search(r"ready (\d+)", self.ours()), "our server is ready")[1]

    def our_client(self, port, *options):
        self.our_log, self.our_process = self.run_program(
            harness.BINARIES / "dtls_peer", "client", "--cbc", "--gcm", "--address", f"127.0.0.1:{port}", *options)

    def ours(self):
        return self.log(self.our_log)

    def expect(self, log, text):
        """Waits for the text in a program's output."""
        def found():
            return text in self.log(log)
        try:
            harness.wait_until(found, text)
        except AssertionError:
            raise AssertionError(f"no {text!r} in:\n{self.log(log)}\nour side:\n{self.ours()}") from None

    def expect_ours(self, text):
        self.expect(self.our_log, text)

    # Foreign programs.
    def openssl_client(self, port, *options):
        return self.run_program("openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}", *options)

    def openssl_server(self, *options):
        """Port, log, process. It sends a cookie first (-listen)."""
        port = harness.free_port()
        log, process = self.run_program("openssl", "s_server", "-dtls1_2", "-listen", "-accept", f"127.0.0.1:{port}", *options)
        self.expect_bound(log, "ACCEPT")
        return port, log, process

    def gnutls_client(self, port, *options):
        return self.run_program("gnutls-cli", "--udp", "--port", port, *options, "127.0.0.1")

    def gnutls_server(self, *options):
        port = harness.free_port()
        log, process = self.run_program("gnutls-serv", "--udp", "--echo", "--port", port, *options)
        self.expect_bound(log, "listening")
        return port, log, process

    def expect_bound(self, log, text):
        harness.wait_until(lambda: text in self.log(log), f"{log} listens")

    def say(self, process, text):
        process.stdin.write(text + "\n")
        process.stdin.flush()
