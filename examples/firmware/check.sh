#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An image of this example is text: "DEMO VERSION", any content, and as its last line the SHA-256 of all before it.
head -n 1 "$DROVER_FIRMWARE_FILE" | grep -aq '^DEMO [0-9]' || exit 6
expected=$(tail -n 1 "$DROVER_FIRMWARE_FILE")
actual=$(head -n -1 "$DROVER_FIRMWARE_FILE" | sha256sum | cut -d ' ' -f 1)
[ "$expected" = "$actual" ] || exit 5
echo "name=demo"
echo "version=$(head -n 1 "$DROVER_FIRMWARE_FILE" | cut -d ' ' -f 2)"
