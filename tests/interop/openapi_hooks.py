# SPDX-License-Identifier: Apache-2.0
"""What schemathesis can't know: things that are there, bodies that mean something, and the token that it asks with.

Only well-formed cases are changed, and half of them, so that each route is met with what exists and with what doesn't.
"""
import hashlib
import os

import schemathesis
from schemathesis import GenerationMode

OWN_TOKEN = os.environ.get("DROVER_FUZZ_TOKEN_ID", "")
EVERYBODY = {"all": True}
IDS = {"images": "app", "rules": "mine", "plans": "plan", "sinks": "hook", "objects": "3"}
BODIES = {
    "POST /api/v1/bulk": [{"operation": {"operation": "read", "path": "/3/0/0"}, "selection": EVERYBODY, "lifetime": 2},
                          {"operation": {"operation": "write", "path": "/3/0/14", "value": "+01:00"}, "selection": EVERYBODY}],
    "POST /api/v1/campaigns": [{"name": "x", "image": "app", "selection": {"endpoints": ["nobody"]}, "method": "push",
                                "limits": {"reach": 1}}],
    "PUT /api/v1/rules/{id}": [{"condition": EVERYBODY, "steps": ["read /3/0/1", {"operation": "observe", "path": "/3/0/13"}]}],
    "POST /api/v1/credentials": [{"kind": "psk", "identity": "fuzzed", "generate": True}],
    "POST /api/v1/sms/numbers": [{"number": "+49170", "endpoint": "fuzzed", "generate": True}],
    "PUT /api/v1/devices/{endpoint}/tags": [{"tags": ["pilot"]}],
    "PUT /api/v1/devices/{endpoint}/resources/{path}": [{"value": "+02:00"}],
    "POST /api/v1/bootstrap/validate": [{"servers": []}],
    "POST /api/v1/bootstrap/dry-run": [{"endpoint": "dev-1", "plan": "plan"}],
}
PATHS = ["3", "3/0", "3/0/0", "3/0/13", "3/0/14", "1/0/1", "3/0/8"]


@schemathesis.hook
def before_call(context, case, kwargs):
    label, places = case.operation.label, case.path_parameters
    if label == "DELETE /api/v1/tokens/{id}" and str(places.get("id")) == OWN_TOKEN:
        places["id"] = 999999
    # What was made a moment ago is what is meant in a stateful test.
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or case.meta.phase.name == "stateful":
        return
    dice = hashlib.sha256(repr((label, places, case.query, case.body)).encode()).digest()
    if "id" in places and dice[0] % 2:
        kind = label.split("/api/v1/")[1].split("/{id}")[0].split("/")[-1]
        if kind in IDS:
            places["id"] = IDS[kind]
        elif label != "DELETE /api/v1/tokens/{id}" and kind != "operations":
            places["id"] = type(places["id"])(1 + dice[1] % 3)
    if "path" in places and dice[2] % 2:
        places["path"] = PATHS[dice[3] % len(PATHS)]
    if label in BODIES and dice[4] % 2 and case.media_type == "application/json":
        case.body = BODIES[label][dice[5] % len(BODIES[label])]
