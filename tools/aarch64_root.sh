#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks the arm64 packages that the tests link with into build/aarch64-root, with lists of its own: this
# machine's packages and architectures stay as they are, and nobody need be root. For Debian and its kin.
set -eu
cd "$(dirname "$0")/.."
root=$PWD/build/aarch64-root
packages="libzstd-dev liblz4-dev libsnappy-dev libbrotli-dev libdeflate-dev libcmocka-dev"

[ -e "$root/.complete" ] && exit 0
rm -rf "$root"
mkdir -p "$root/.apt/lists/partial" "$root/.apt/cache/archives/partial"
: >"$root/.apt/status"

apt_arm64() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User= \
        -o Dir::State::lists="$root/.apt/lists" -o Dir::State::status="$root/.apt/status" \
        -o Dir::Cache="$root/.apt/cache" -o Debug::NoLocking=1 "$@" >>"$root/.apt/log" 2>&1
}

if ! { apt_arm64 update && apt_arm64 install -y --download-only --no-install-recommends $packages; }; then
    tail -n 5 "$root/.apt/log" >&2
    exit 1
fi
for package in "$root"/.apt/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
rm -rf "$root/.apt"
touch "$root/.complete"
