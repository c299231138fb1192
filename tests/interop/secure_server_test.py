#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""droverd's port for DTLS, with libcoap's coap-client over GnuTLS and OpenSSL as a hand-made LwM2M client."""
import json
import re
import signal
import subprocess
import unittest

import harness

KEY = b"0123456789abcdef"
ENDPOINT = "urn:dev:os:hand-made"


class HandMadeClient(harness.Interop):
    seen = 0  # lines of events

    def register(self, library, port, endpoint, *proof):
        done = subprocess.run([f"coap-client-{library}", "-v", "7", "-B", "10", "-m", "post", "-t", "40", "-e", "</1/0>,</3/0>",
                               *map(str, proof), f"coaps://127.0.0.1:{port}/rd?ep={endpoint}&lt=600&lwm2m=1.0&b=U"],
                              capture_output=True, timeout=harness.WAIT_SECONDS)
        return (done.stdout + done.stderr).decode(errors="replace")

    def follow_events(self):
        self.start("events", harness.BINARIES / "drover", "--api", f"http://127.0.0.1:{self.api}", "--json", "events",
                   "--kind", "registered,refused")
        harness.wait_until(lambda: self.drover("status")[1]["events"]["clients"] == 1, "the stream is open")

    def next_event(self, kind):
        """The oldest of the kind that nobody has asked for."""
        def found():
            lines = [line for line in self.log("events").splitlines()[self.seen:] if f'"{kind}"' in line]
            return lines and lines[0]
        line = harness.wait_until(found, f"{kind}:\n{self.log('events')}")
        self.seen = self.log("events").splitlines().index(line, self.seen) + 1
        return json.loads(line)

    def registers_as_who_was_proved(self, library, port, identity, *proof):
        answer = self.register(library, port, ENDPOINT, *proof)
        location = re.search(r"c:2\.01 .*\[ Location-Path:rd, Location-Path:([^ ,\]]+)", answer)
        self.assertTrue(location, answer + self.log("droverd"))
        self.assertEqual(self.drover("show", ENDPOINT)[1]["registration"], f"rd/{location[1]}")
        # Who it was is told while its association stands, and coap-client says goodbye at once.
        self.assertRegex(self.next_event("registered")["device"]["identity"], identity)
        self.assertEqual([one["endpoint"] for one in self.drover("devices")[1]["devices"]], [ENDPOINT])

    def is_refused_as_somebody_else(self, library, port, *proof):
        answer = self.register(library, port, "urn:dev:os:another", *proof)
        self.assertIn("c:4.00", answer, self.log("droverd"))
        self.assertEqual(self.next_event("refused")["endpoint"], "urn:dev:os:another")
        self.assertRegex(self.log("droverd"), r"refused.*urn:dev:os:another")
        self.assertEqual(self.drover("devices")[1]["total"], 1)

    def test_pre_shared_key(self):
        port = self.start_secure_server()
        (self.work / "key").write_text(KEY.hex())
        self.add_credential("psk", "sensor-1", "--key-file", self.work / "key", "--endpoint", ENDPOINT)
        self.follow_events()
        proof = ("-u", "sensor-1", "-k", KEY.decode())
        for library in ("gnutls", "openssl"):
            with self.subTest(library=library):
                self.registers_as_who_was_proved(library, port, '^psk "sensor-1"$', *proof)
                self.is_refused_as_somebody_else(library, port, *proof)
        self.assertNotIn(KEY.hex(), self.log("droverd") + self.log("events"))

    def test_certificates(self):
        pki = self.make_pki(ENDPOINT)
        port = self.start_secure_server("--config", self.server_config(pki))
        self.follow_events()
        device = pki / "devices" / ENDPOINT
        proof = ("-c", f"{device}.pem", "-j", f"{device}.key.pem", "-C", pki / "ca.pem")
        for library in ("gnutls", "openssl"):
            with self.subTest(library=library):
                self.registers_as_who_was_proved(library, port, f"^certificate .*{ENDPOINT}", *proof)
                self.is_refused_as_somebody_else(library, port, *proof)

    def test_another_authority_and_certificate_count_upon_sighup(self):
        old, new = self.make_pki(ENDPOINT), self.make_pki(ENDPOINT, name="new-pki")
        port = self.start_secure_server("--config", self.server_config(old))
        self.follow_events()

        def proof(pki):
            return ("-c", pki / "devices" / f"{ENDPOINT}.pem", "-j", pki / "devices" / f"{ENDPOINT}.key.pem", "-C", pki / "ca.pem")
        self.registers_as_who_was_proved("openssl", port, f"^certificate .*{ENDPOINT}", *proof(old))
        self.assertNotIn("c:2.01", self.register("openssl", port, ENDPOINT, *proof(new)))

        (old / "server.key.pem").rename(self.work / "gone.pem")
        self.server.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: "the configuration stays as it was" in self.log("droverd"), "its key isn't there")
        self.registers_as_who_was_proved("openssl", port, f"^certificate .*{ENDPOINT}", *proof(old))

        self.server_config(new)
        self.server.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: "configuration read again" in self.log("droverd"), "it has read the new ones")
        self.registers_as_who_was_proved("openssl", port, f"^certificate .*{ENDPOINT}", *proof(new))
        self.assertNotIn("c:2.01", self.register("openssl", port, ENDPOINT, *proof(old)))
        self.assertNotIn("needs a restart", self.log("droverd"))


if __name__ == "__main__":
    harness.require("coap-client-gnutls", "coap-client-openssl")
    unittest.main()
