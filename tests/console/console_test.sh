#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: console_test.sh built|types|browser ROOT
set -euo pipefail
what=$1 root=$2
work=$root/build/console
if ! command -v node >/dev/null || [[ ! -d $work/node_modules ]]; then
  echo "skipped: Node or build/console is missing, see tools/setup"
  exit 77
fi
# Beside the modules, as Node looks for them there.
for name in src test public; do
  rm -rf "${work:?}/$name"
  cp -r "$root/console/$name" "$work/$name"
done
cp "$root"/console/{index.html,package.json,package-lock.json,svelte.config.js,tsconfig.json,vite.config.ts} "$work/"
cd "$work"
case $what in
  built)
    rm -rf dist
    node node_modules/vite/bin/vite.js build --logLevel warn
    diff -r "$root/console/dist" dist || { echo "console/dist isn't what the sources make: npm run build" >&2; exit 1; }
    ;;
  types) node node_modules/svelte-check/bin/svelte-check --tsconfig ./tsconfig.json --fail-on-warnings ;;
  browser)
    if [[ ! -x ${CHROMIUM:-/usr/bin/chromium} ]]; then
      [[ ${DROVER_INTEROP:-} == required ]] && { echo "failed: no chromium" >&2; exit 1; }
      echo "skipped: no chromium"
      exit 77
    fi
    rm -rf dist
    cp -r "$root/console/dist" dist
    node --test test/console.test.mjs
    ;;
  *) echo "usage: console_test.sh built|types|browser ROOT" >&2; exit 2 ;;
esac
