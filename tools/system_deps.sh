#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the system packages that the build needs, where it may; otherwise says what is missing.
set -eu

packages="gcc pkg-config python3-dev python3-venv libzstd-dev liblz4-dev libsnappy-dev libbrotli-dev libdeflate-dev libcmocka-dev"

have_all() {
    command -v "${CC:-cc}" >/dev/null 2>&1 || return 1
    command -v pkg-config >/dev/null 2>&1 || return 1
    pkg-config --exists libzstd liblz4 libbrotlienc libbrotlidec libdeflate cmocka 2>/dev/null || return 1
    printf '#include <snappy-c.h>\nint main(void){return 0;}\n' |
        "${CC:-cc}" -x c - -o /dev/null -lsnappy 2>/dev/null || return 1
    python3 -c 'import venv, ensurepip' 2>/dev/null || return 1
    python3 -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || return 1
}

have_all && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "These libraries with their headers are needed: zstd, lz4, snappy, brotli, libdeflate, cmocka" >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        sudo="sudo -n"
    else
        echo "Please install as root: apt-get install $packages" >&2
        exit 1
    fi
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
have_all || { echo "The system packages are installed, but the compiler does not find them all" >&2; exit 1; }
