#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file includes what its layer may not know. The tables below are the architecture (docs/design.md).

Usage: check_layers.py [ROOT]

Tests beside the code (*_test.cpp, test_*) may see more than the layer they test: a pair of peers, a simulated world.
"""
import pathlib
import re
import sys

# Folder under src/: folders that it may include, besides itself. A file name stands for that one header alone.
MAY_KNOW = {
    "base": [],
    "transport": ["base"],
    "security": ["base", "transport"],
    # The one place that knows the TLS library.
    "security/dtls": ["base", "transport", "security"],
    # Block ciphers and MACs, by libcrypto.
    "security/cipher": ["base"],
    # Secured packets (ETSI TS 102 225).
    "security/sps": ["base", "security/cipher"],
    # Short messages: PDUs, protection and concatenation, carriers.
    "sms": ["base", "transport", "security/sps"],
    "sms/modem": ["base", "sms"],
    "sms/smpp": ["base", "transport", "sms"],
    # Cards: APDUs, files, the secure channel, PKCS #15.
    "smartcard": ["base", "security/cipher"],
    # A card made of software.
    "smartcard/uicc": ["base", "security/cipher", "security/sps", "sms", "smartcard"],
    "coap": ["base", "transport"],
    "coap/message": ["base"],
    "coap/reliability": ["base", "transport", "coap", "coap/message"],
    "coap/exchange": ["base", "transport", "coap", "coap/message", "coap/reliability"],
    "stack": ["base", "transport", "coap", "coap/message", "coap/reliability", "coap/exchange"],
    "lwm2m/data": ["base"],
    "lwm2m/model": ["base", "lwm2m/data"],
    "lwm2m/content": ["base", "lwm2m/data", "lwm2m/model"],
    "lwm2m/operation": ["base", "lwm2m/data", "lwm2m/content/format.hpp"],
    "lwm2m/mapping": ["base", "transport", "coap", "coap/message", "coap/exchange", "lwm2m/data", "lwm2m/content/format.hpp",
                      "lwm2m/operation"],
    "client": ["base", "transport", "security", "security/sps", "smartcard/bootstrap_file.hpp", "coap", "coap/message", "coap/exchange", "stack", "lwm2m/data", "lwm2m/model",
               "lwm2m/content", "lwm2m/operation", "lwm2m/mapping"],
    "server": ["base", "transport", "security", "coap", "coap/message", "coap/exchange", "stack", "lwm2m/data", "lwm2m/model",
               "lwm2m/content", "lwm2m/operation", "lwm2m/mapping"],
    # The Bootstrap-Server.
    "bootstrap": ["base", "transport", "security", "coap", "coap/message", "coap/exchange", "stack", "lwm2m/data", "lwm2m/model",
                  "lwm2m/content", "lwm2m/operation", "lwm2m/mapping"],
    "io": ["base", "transport", "sms", "sms/modem", "smartcard", "coap", "stack", "lwm2m/data", "lwm2m/model"],
    "api": ["base", "audit", "events", "jobs", "history", "campaign", "transport", "coap/parameters.hpp", "coap/message/code.hpp", "coap/message/link_format.hpp", "coap/message/message.hpp", "io",
            "lwm2m/data", "lwm2m/model", "lwm2m/content", "lwm2m/operation", "server/fleet.hpp", "server/event_bytes.hpp", "server/files.hpp", "bootstrap", "store",
            "sms/carrier.hpp", "sms/gateway.hpp", "sinks/sink_list.hpp", "backup"],
    # The public client library: the client layer on a loop of its own.
    "sdk": ["base", "transport", "security", "security/dtls", "coap", "coap/message", "stack", "client", "lwm2m/data", "lwm2m/model",
            "lwm2m/content", "lwm2m/operation", "io"],
    # What the machine under a device says: /proc, /sys, its network, gpsd; and the objects that show it.
    "machine": ["base", "transport", "client", "lwm2m/data", "lwm2m/content", "io"],
    # The device's firmware: images on disk, the process that fetches them, the commands that check and install them.
    "firmware": ["base", "transport", "coap", "coap/message", "coap/exchange", "stack", "client", "lwm2m/data", "io"],
    # Keys that a bootstrap hands out: made, kept in the store, and retired.
    "provision": ["base", "security", "bootstrap", "store", "lwm2m/data"],
    # The one place that knows SQLite.
    "sqlite": ["base"],
    # What the server keeps: its devices' credentials.
    "store": ["base", "transport", "security", "security/sps", "sqlite", "io", "lwm2m/content/base64.hpp"],
    # The order of everything that happened, for those who follow it.
    "events": ["base"],
    # The fleet's state and events on disk.
    "journal": ["base", "audit", "events", "sqlite"],
    # Who changed what.
    "audit": ["base"],
    # Work on many devices: whom it is for, what they get, how far it is.
    "jobs": ["base", "events", "io", "lwm2m/data", "lwm2m/content", "lwm2m/operation", "server/fleet.hpp", "store", "sqlite"],
    # The last values of resources, and those before.
    "history": ["base", "events", "io", "lwm2m/data", "jobs/selection.hpp", "sqlite"],
    # Where events go: webhooks, MQTT.
    "sinks": ["base", "events", "io", "security/cipher", "store", "sqlite"],
    # Copies of everything that the server keeps.
    "backup": ["base", "io"],
    # Firmware for many devices: images, who gets them, how far they are.
    "campaign": ["base", "events", "io", "jobs", "lwm2m/data", "lwm2m/content", "lwm2m/operation", "server/fleet.hpp", "server/files.hpp", "store",
                 "sqlite", "transport", "security", "security/dtls", "coap", "coap/message", "coap/exchange", "stack"],
    # A device's state that survives a kill.
    "storage": ["base", "sqlite", "transport", "security", "coap", "coap/message", "coap/exchange", "client", "lwm2m/data", "lwm2m/content",
                "lwm2m/operation", "lwm2m/mapping", "io"],
    # The world outside the core: programs and harnesses put layers together.
    "apps": ["*"],
    "sim": ["*"],
    "tests": ["*"],
    "fuzz": ["*"],
    "bench": ["*"],
    # What device makers see stands on itself; sdk implements it.
    "include/drover": [],
}
# Who may include <drover/...>: the implementation of the public interface, and those who use it.
PUBLIC_USERS = ("sdk", "include/drover", "apps", "sim", "tests", "fuzz", "bench")

# A library or a part of the system: the folders that may include it. What isn't listed here may be included anywhere.
OUTSIDE = ("audit", "events", "jobs", "history", "sinks", "campaign", "journal", "backup", "io", "sdk", "api", "machine", "firmware", "sqlite", "storage", "store", "provision", "apps", "sim", "tests", "fuzz", "bench")
FOREIGN = [
    (r"mbedtls/", ("security/dtls", "tests")),
    (r"pugixml", ("lwm2m/model", "tests", "bench")),
    (r"sqlite3", ("sqlite", "tests")),
    (r"(winscard|PCSC/)", ("io",)),
    (r"nlohmann/", ("lwm2m/content", "bootstrap", "api", "machine", "storage", "jobs", "history", "sinks", "campaign", "backup", "apps", "tests", "fuzz", "bench")),
    (r"boost/(asio|beast)", ("api",)),
    (r"mosquitto\.h", ("sinks",)),
    (r"httplib", ("apps", "api", "sinks", "tests", "bench")),
    (r"CLI/", ("apps", "tests", "bench")),
    (r"toml\+\+/", ("apps",)),
    (r"spdlog/", ("io", "api", "apps")),
    (r"(thread|mutex|shared_mutex|condition_variable|stop_token|latch|barrier|semaphore)$", OUTSIDE),
    (r"future$", OUTSIDE + ("include/drover",)),
    (r"(iostream|fstream|filesystem|random|ctime|time\.h)$", OUTSIDE),
    (r"(sys|netinet|arpa|net|linux)/", OUTSIDE),
    (r"(unistd|fcntl|pthread|poll|netdb|ifaddrs|signal|csignal)(\.h)?$", OUTSIDE),
]
# A class that stands between threads and the pure shards, and the definitions that all of them share and that change while
# they run: their locks are the ones these layers have.
FOREIGN_EXCEPTIONS = {("server", "mutex"), ("server", "thread"), ("server", "shared_mutex"), ("lwm2m/model", "mutex"),
                      ("lwm2m/model", "shared_mutex")}
EXCEPTION_FILES = re.compile(r"src/(server/local_fleet[a-z_]*|lwm2m/model/registry)\.(hpp|cpp)$")
# Slow to compile: never in a header, so that few translation units pay for them.
SLOW = re.compile(r"(nlohmann/json\.hpp|CLI/|toml\+\+/|spdlog/|boost/(asio|beast)|httplib|pugixml)")
# Shared by the few files beside them that need the library anyway.
SLOW_HEADERS = {"src/api/http_core.hpp", "apps/droverd/config_reader.hpp"}

INCLUDE = re.compile(r'\s*#\s*include\s+(["<])([^">]+)[">]')
SOURCES = ("src", "include", "apps", "sim", "tests", "fuzz", "bench")


def folder_of(path):
    """The layer of a path relative to the root ("src/" left out)."""
    path = path[4:] if path.startswith("src/") else path
    return max((f for f in MAY_KNOW if path.startswith(f + "/")), key=len, default=None)


def may_know(here, include):
    there = "include/drover" if include.startswith("drover/") else folder_of(include)
    if there is None or there == here:
        return there, True
    if there == "include/drover":
        return there, here in PUBLIC_USERS
    allowed = MAY_KNOW[here]
    return there, "*" in allowed or there in allowed or include in allowed


def check_file(root, file):
    relative = file.relative_to(root).as_posix()
    here = folder_of(relative)
    if here is None or relative.endswith("_test.cpp") or file.name.startswith("test_"):
        return
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, include = match.groups()
        where = f"{file}:{number}: error:"
        if file.suffix == ".hpp" and here != "tests" and relative not in SLOW_HEADERS and SLOW.match(include):
            yield f"{where} <{include}> is slow to compile and belongs in a .cpp file"
        if quote == '"' or include.startswith("drover/"):
            there, fine = may_know(here, include)
            if not fine:
                yield f'{where} {here} may not know {there} ("{include}")'
            continue
        for pattern, allowed in FOREIGN:
            if re.match(pattern, include) and here not in allowed:
                if (here, include) in FOREIGN_EXCEPTIONS and EXCEPTION_FILES.search(relative):
                    continue
                yield f"{where} {here} may not use <{include}>"


def cycle():
    def reach(folder, trail):
        if folder in trail:
            return trail + (folder,)
        for other in MAY_KNOW[folder]:
            found = None if other == "*" or other not in MAY_KNOW else reach(other, trail + (folder,))
            if found:
                return found
        return None

    return next((found for folder in MAY_KNOW if (found := reach(folder, ()))), None)


def main(root):
    if found := cycle():
        print(f"{__file__}:1: error: the table has a cycle: {' -> '.join(found)}")
        return 1
    complaints = []
    for top in SOURCES:
        for file in sorted((root / top).rglob("*.[hc]pp")):
            complaints.extend(check_file(root, file))
    # A folder that nobody put into the table would escape it.
    for file in sorted((root / "src").rglob("*.[hc]pp")):
        if folder_of(file.relative_to(root).as_posix()) is None:
            complaints.append(f"{file}:1: error: {file.parent.relative_to(root)} isn't in the table of tools/check_layers.py")
    print("\n".join(complaints), end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)))
