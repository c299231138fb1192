#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when the core's objects refer to a clock, a socket, a thread, a random source or a file.

Usage: check_purity.py [--nm NM] LIBRARY.a...

The core gets time, randomness and bytes as arguments (docs/design.md). Looking at symbols finds what an include rule can't:
a call through some other header.
"""
import argparse
import re
import subprocess
import sys

# Undefined symbols as nm -C prints them. Weak ones don't count: shared_ptr asks so whether there are threads.
IMPURE = re.compile(
    r"^(clock_gettime|gettimeofday|time|clock|ftime|localtime|localtime_r|gmtime|gmtime_r|mktime|timer_\w+|timerfd_\w+"
    r"|std::chrono::_V2::(system|steady)_clock::now\(\)"
    r"|socket|bind|connect|accept4?|listen|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|getaddrinfo"
    r"|epoll_\w+|poll|ppoll|select|eventfd"
    r"|pthread_\w+|std::thread::.*|std::(jthread|mutex|condition_variable|this_thread).*"
    r"|sleep|usleep|nanosleep|clock_nanosleep"
    r"|rand|srand|rand_r|random|srandom|drand48|getrandom|getentropy|arc4random\w*|std::random_device::.*"
    r"|open(64)?|openat(64)?|creat|fopen(64)?|read|write|unlink|opendir|std::basic_(i|o)?fstream.*|std::basic_filebuf.*"
    r"|std::(cout|cerr|cin|clog)|std::ios_base::Init::.*|printf|puts|putchar|getenv|secure_getenv|system|fork|execve)(@.*)?$")
# The class between the threads and the shards, and the definitions that all threads share: their locks, and no protocol.
EXEMPT = re.compile(r"(\(local_fleet\w*|libdrover_lwm2m_model\.a\(registry)\.cpp\.o\)$")


def complaints(nm, library):
    listing = subprocess.run([nm, "-C", "--undefined-only", library], check=True, capture_output=True, text=True).stdout
    member = library
    for line in listing.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            member = line[:-1]
        elif (match := re.match(r"\s+U (.*)$", line)) and IMPURE.match(match[1]) and not EXEMPT.search(f"{library}({member})"):
            yield f"{library}({member}): error: the core refers to {match[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nm", default="nm")
    parser.add_argument("libraries", nargs="+", metavar="LIBRARY.a")
    arguments = parser.parse_args()
    found = [line for library in arguments.libraries for line in complaints(arguments.nm, library)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
