#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What runs is what was to be installed.
cmp -s "$DROVER_FIRMWARE_FOLDER/current" "$DROVER_FIRMWARE_FILE"
