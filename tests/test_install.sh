#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the library into an empty folder, builds the C example by pkg-config as a user would, and
# lets it rewrite a file that it then reads again. usage: test_install.sh BUILD_FOLDER IN.parquet
set -eu
build=$1
input=$2
here=$(cd "$(dirname "$0")/.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$room"
pc=$(find "$room" -name parquet_forge.pc)
test -n "$pc" || { echo "no parquet_forge.pc was installed" >&2; exit 1; }
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR="$room"
# shellcheck disable=SC2046
"${CC:-cc}" -Wall -Wextra -Werror "$here/examples/rewrite.c" $(pkg-config --cflags --libs parquet_forge) \
    -Wl,-rpath,"$libdir" -o "$room/rewrite"
for codec in none snappy zstd gzip brotli lz4; do
    "$room/rewrite" "$input" "$room/out.$codec.parquet" "$codec" >"$room/rows"
    "$room/rewrite" "$room/out.$codec.parquet" "$room/again.parquet" none >"$room/again"
    cmp -s "$room/rows" "$room/again" || { echo "$codec: other rows" >&2; exit 1; }
done
nm -D --defined-only "$libdir"/libparquet_forge.so | awk '$2 ~ /[A-Z]/ {print $3}' | grep -v '^pqf_' &&
    { echo "symbols without the prefix pqf_ are exported" >&2; exit 1; }
echo "installed library: example built by pkg-config, six codecs, exported symbols all pqf_"
