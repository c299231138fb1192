#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/mbedtls without a network: which archives it finds in apt's sources, which sources it takes, what it says otherwise.
# Usage: source_test.sh TOOL TREE     TREE is what TOOL made before
set -euo pipefail
tool=$1 tree=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

expect() {  # expect WHAT WANTED GOT
  [[ $2 == "$3" ]] && return
  printf 'FAILED: %s\n--- wanted\n%s\n--- got\n%s\n' "$1" "$2" "$3"
  failed=1
}
expect_message() {  # expect_message WHAT PATTERN: the tool fails, and says so, with what the environment holds
  local output
  if output=$("$tool" 2>&1); then printf 'FAILED: %s: was taken\n' "$1"; failed=1; return; fi
  grep -q "$2" <<<"$output" || { printf 'FAILED: %s: said\n%s\n' "$1" "$output"; failed=1; }
}

# ---- apt's sources, in both forms
export DROVER_APT_ETC=$work/apt DROVER_CACHE=$work/cache
mkdir -p "$work/apt/sources.list.d"
expect "no sources" "" "$("$tool" --archives)"
expect_message "no sources" "name no Debian archive"

cat >"$work/apt/sources.list" <<'TXT'
# deb http://commented.test/debian bookworm main
deb http://one.test/debian bookworm main contrib  # with a remark
deb-src http://one.test/debian bookworm main
deb [arch=amd64] http://one.test/debian bookworm-updates main
  deb [ signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=amd64,arm64 ]   http://two.test/debian   stable   non-free main
deb http://one.test/debian-security bookworm-security main
deb http://contrib.test/debian bookworm contrib
deb [signed-by=/etc/apt/keyrings/other.asc] http://foreign.test/debian bookworm main
deb https://tools.test/apt tools-bookworm main
deb cdrom:[Debian]/ bookworm main
TXT
expect "one-line form" "http://one.test/debian trixie
http://two.test/debian trixie
http://one.test/debian-security trixie-security" "$("$tool" --archives)"

rm "$work/apt/sources.list"
cat >"$work/apt/sources.list.d/debian.sources" <<'TXT'
Types: deb
# a comment inside
URIs: http://one.test/debian
 http://two.test/debian
suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: mirror+file:/etc/apt/mirrors/security.list
Suites: bookworm-security
Components: non-free
 main

Enabled: no
Types: deb
URIs: http://off.test/debian
Suites: trixie
Components: main


Types: deb
URIs: http://foreign.test/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://nodes.test/20.x
Suites: nodistro
Components: main
TXT
printf 'deb http://three.test/debian trixie main' >"$work/apt/sources.list.d/three.list"
expect "deb822 form, several files" "http://three.test/debian trixie
http://one.test/debian trixie
http://two.test/debian trixie
mirror+file:/etc/apt/mirrors/security.list trixie-security" "$("$tool" --archives)"
rm -r "$work/apt"

# ---- sources that are at hand
original=$work/mbedtls
mkdir "$original"
cp -R "$tree/include" "$tree/library" "$original"
patches=("$(dirname "$tool")"/../third_party/mbedtls/*.patch)
for ((i = ${#patches[@]} - 1; i >= 0; --i)); do patch -s -R -p1 --no-backup-if-mismatch -d "$original" <"${patches[i]}"; done
tar -cf "$work/mbedtls.tar" -C "$work" mbedtls

for source in "$original" "$work/mbedtls.tar"; do
  export DROVER_MBEDTLS_SOURCE=$source
  made=$("$tool" 2>/dev/null) || { echo "FAILED: $source wasn't taken"; exit 1; }
  expect "patched $source" "" "$(diff -rq "$made" "$tree" | grep -v 'LICENSE' || true)"
  expect "once more" "$made" "$("$tool" 2>&1)"
done
DROVER_MBEDTLS_SOURCE=$original
cp "$tree/library/ssl_tls.c" "$original/library"
expect_message "a tree that is patched already" "0001-raw-public-keys.patch doesn't apply"
sed -i 's/\(MBEDTLS_VERSION_STRING  *"\)3\.6\..*"/\13.5.2"/' "$original/include/mbedtls/build_info.h"
expect_message "another series" "is Mbed TLS 3.5.2, not 3.6"
rm "$original/library/error.c"
expect_message "a checkout" "is no release"
rm "$original/include/mbedtls/build_info.h"
expect_message "something else" "holds no source tree"
DROVER_MBEDTLS_SOURCE=$work/nothing
expect_message "nothing" "doesn't exist"
echo nonsense >"$work/nonsense"
DROVER_MBEDTLS_SOURCE=$work/nonsense
expect_message "a file that is no tar" "is no tar"
unset DROVER_MBEDTLS_SOURCE

# ---- what is kept isn't what was fetched
mkdir -p "$work/cache/mbedtls-source"
echo damaged >"$work/cache/mbedtls-source/mbedtls_3.6.6.dsc"
printf '%064d  mbedtls_3.6.6.dsc\n' 0 >"$work/cache/mbedtls-source/SHA256SUMS"
expect_message "a damaged package" "isn't what was fetched"
DROVER_CACHE=/dev/null/nowhere expect_message "no place" "can't be written to"

[[ $failed -eq 0 ]] && echo "tools/mbedtls does as it says"
exit $failed
