#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""schemathesis, a fuzzer that knows nothing but our OpenAPI document, at a droverd that has everything.

DROVER_FUZZ_SECONDS says how long, DROVER_SEED with which seed.
"""
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

import harness
from harness import BINARIES, Interop, free_port, wait_until

FUZZER = pathlib.Path(os.environ.get("DROVER_SCHEMATHESIS", "/nonexistent"))
SECONDS = int(os.environ.get("DROVER_FUZZ_SECONDS", "30"))
SEED = os.environ.get("DROVER_SEED", "1")
ENDPOINT = "dev-1"

CONFIG = """
[api]
rate = 0
[bootstrap]
listen = "127.0.0.1:{bootstrap}"
[images]
coap_url = "coap://127.0.0.1:{coap}"
[sms]
msisdn = "491700"
smpp = "127.0.0.1:{nobody}"
system_id = "x"
[[sink]]
name = "hook"
kind = "webhook"
url = "http://127.0.0.1:{nobody}/x"
[[rule]]
name = "configured"
condition = {{ name = "meter-*" }}
steps = ["read /3/0"]
"""

# What schemas can't say of bodies and of texts in queries is told by a 400, so that not everything that fits is taken.
# A stream doesn't end; tests/api has it.
FUZZER_CONFIG = f"""
hooks = "openapi_hooks"
[checks]
positive_data_acceptance.enabled = false
# The others that a document may have; which of them a route has is the check of its status code.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501, 502, 503, 504]
[parameters]
"path.endpoint" = "{ENDPOINT}"
[[operations]]
include-path = "/api/v1/events"
enabled = false
"""


class OpenApiFuzzTest(Interop):
    def setUp(self):
        super().setUp()
        self.token = None
        coap, bootstrap, nobody = free_port(), free_port(), free_port(socket.SOCK_STREAM)
        config = self.work / "droverd.toml"
        config.write_text(CONFIG.format(bootstrap=bootstrap, coap=coap, nobody=nobody))
        self.coap = self.start_server("127.0.0.1", "--secure-listen", f"127.0.0.1:{free_port()}", "--store", self.work / "store.db",
                                      "--config", config)
        self.tokens = {}
        for role in ("admin", "operate", "read"):
            self.tokens[role] = self.ask(201, "POST", "/tokens", {"name": role, "role": role})
            self.token = self.tokens["admin"]["token"]
        self.start_device(ENDPOINT, self.coap)
        wait_until(lambda: self.ask(None, "GET", f"/devices/{ENDPOINT}"), "the device is registered")
        self.fill()

    def ask(self, status, method, path, body=None, content_type="application/json"):
        """JSON of the answer; None for another status than 200 when `status` is None."""
        connection = http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)
        try:
            headers = {"Content-Type": content_type} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
            connection.request(method, "/api/v1" + path, body if isinstance(body, bytes | None) else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
            if status is None:
                return json.loads(text) if answer.status == 200 else None
            self.assertEqual(answer.status, status, text)
            return json.loads(text)
        finally:
            connection.close()

    def fill(self):
        """One of everything, so that the fuzzer's ids meet something."""
        self.ask(200, "PUT", "/images/app?version=2.0", b"image", "application/octet-stream")
        everybody = {"all": True}
        for _ in range(3):
            self.ask(202, "POST", "/bulk", {"operation": {"operation": "read", "path": "/3/0/0"}, "selection": everybody})
            self.ask(201, "POST", "/campaigns", {"name": "x", "image": "app", "selection": {"endpoints": ["nobody"]},
                                                 "method": "push", "start_at": 4000000000})
        self.ask(200, "PUT", "/rules/mine", {"condition": {"name": "x*"}, "steps": ["read /3/0/1"]})
        for number in range(3):
            self.ask(201, "POST", "/credentials", {"kind": "psk", "identity": f"safe-{number}", "generate": True})
            self.ask(201, "POST", "/sms/numbers", {"number": f"4917{number}", "endpoint": f"sms-{number}", "generate": True})
        self.ask(200, "PUT", f"/devices/{ENDPOINT}/tags", {"tags": ["pilot"]})
        self.ask(200, "PUT", f"/devices/{ENDPOINT}/trace", {"seconds": 3600})
        self.ask(200, "PUT", f"/devices/{ENDPOINT}/observations/3/0/13")

    def fuzz(self, seconds, token, *options):
        """Exit status and report; without `seconds` one round."""
        config = self.work / "schemathesis.toml"
        config.write_text(FUZZER_CONFIG)
        as_whom = ["-H", f"Authorization: Bearer {token['token']}"] if token else []
        # Nothing of the environment that would lead it to another place than our server.
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "PYTHONPATH": str(pathlib.Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "*",
            "DROVER_FUZZ_TOKEN_ID": str(token["id"]) if token else ""}
        done = subprocess.run([FUZZER, "--config-file", config, "run", f"http://127.0.0.1:{self.api}/openapi.json", *as_whom,
                               "--seed", SEED, *(["--max-time", str(seconds)] if seconds else []), "--request-timeout", "15",
                               "--generation-database", "none", "--continue-on-failure", "--no-color", "--warnings", "off",
                               *options],
                              capture_output=True, text=True, timeout=(seconds or 0) + 120, cwd=self.work, env=environment)
        return done.returncode, done.stdout + done.stderr

    def check(self, seconds, token, *options):
        status, report = self.fuzz(seconds, token, *options)
        self.assertEqual(status, 0, report)
        print(report[report.index("SUMMARY"):].replace("=", "").strip(), flush=True)
        self.assertIsNone(self.server.poll(), "droverd lives")
        self.assertEqual(self.ask(None, "GET", "/devices?limit=1")["total"], 1, "and serves")

    def test_the_document_and_the_server_agree(self):
        self.check(SECONDS, self.tokens["admin"])

    def test_nobody_and_readers_are_kept_out(self):
        # Who isn't let in hears nothing else, whatever is wrong besides.
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        for token in (None, self.tokens["read"]):
            self.check(None, token, "--checks", checks, "--phases", "fuzzing", "--max-examples", "2")


if __name__ == "__main__":
    if not FUZZER.exists():
        # Not required even where the others are: it doesn't come from the distribution, but by pip, and perhaps can't.
        print("skipped: schemathesis isn't there; tools/setup test installs it with pip into build/schemathesis")
        sys.exit(harness.SKIPPED)
    unittest.main()
