#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
cd "$DROVER_FIRMWARE_FOLDER" || exit 1
rm -f current.new
[ ! -e previous ] || mv previous current
