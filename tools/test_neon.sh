#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the library and tests for aarch64 and runs the suites of its arguments by emulation, under the
# undefined-behaviour sanitizer. What is missing is said, and then nothing is run.
set -eu
cd "$(dirname "$0")/.."
packages="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"

skip() {
    echo "test-neon skipped: $1"
    exit 0
}

[ "$(uname -m)" != aarch64 ] || skip "this machine is an aarch64, where all tests use NEON"
for tool in aarch64-linux-gnu-gcc qemu-aarch64 pkg-config apt-get dpkg-deb; do
    command -v "$tool" >/dev/null 2>&1 || skip "$tool is missing (Debian: apt-get install $packages)"
done
sh tools/aarch64_root.sh || skip "the arm64 packages of the codecs and of cmocka could not be had"
test -f build/neon/build.ninja ||
    meson setup build/neon --cross-file cross/aarch64-linux.ini --buildtype=debugoptimized --werror \
        -Dlibrary=false -Dtests=true -Db_sanitize=undefined -Db_lundef=false
suites=""
for name in "$@"; do suites="$suites --suite=$name"; done
meson test -C build/neon --print-errorlogs $suites
