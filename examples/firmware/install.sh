#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Keeps the firmware in use for a rollback, and puts the new one in its place in one step.
set -e
cd "$DROVER_FIRMWARE_FOLDER"
[ ! -e current ] || cp current previous
cp "$DROVER_FIRMWARE_FILE" current.new
sync current.new
mv current.new current
