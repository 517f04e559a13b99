#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GB/s of every encoding of every physical type that has it, and of every codec, beside pyarrow's on the same files.

A file of one column is written by this package, in memory (/dev/shm) where there is room. Both engines read it whole,
and both write the column with the same encoding and codec, by turns, with one thread and otherwise as they are by
default. The best run counts, in processor time. Bytes are those of the Arrow column. What pyarrow reads is compared
with the column outside of the timing, and so is what this package reads of pyarrow's file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from py_parquet_forge import read_parquet, write_parquet

CODECS = ("none", "snappy", "lz4", "zstd", "gzip", "brotli")
TEXTS = ("PLAIN", "dictionary", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")
INTS = ("PLAIN", "dictionary", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")
FLOATS = ("PLAIN", "dictionary", "BYTE_STREAM_SPLIT", "ALP")


def columns(rng, n: int) -> dict[str, tuple[pa.Array, tuple[str, ...]]]:
    """A column of each physical type, with values that each of its encodings can do something for."""
    few = rng.integers(0, 4000, n)
    cents = np.round(few / 100 + 17, 2)
    texts = pa.array([f"customer {i // 7:07d} of the north" for i in range(4000)]).take(pa.array(few))
    keys = pa.array([b"key %012d" % (i * 7919) for i in range(4000)], pa.binary(16)).take(pa.array(few))
    return {
        "BOOLEAN": (pa.array(rng.random(8 * n) < 0.3), ("PLAIN", "RLE")),
        "INT32": (pa.array(few.astype(np.int32)), INTS),
        "INT64": (pa.array(1_700_000_000_000_000 + few * 1000), INTS),
        "INT96": (pa.array(1_700_000_000_000_000_000 + few, pa.timestamp("ns")), ("PLAIN", "dictionary")),
        "FLOAT": (pa.array(cents.astype(np.float32)), FLOATS),
        "DOUBLE": (pa.array(cents), FLOATS),
        "BYTE_ARRAY": (texts, TEXTS),
        "FIXED_LEN_BYTE_ARRAY": (keys, ("PLAIN", "dictionary", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT")),
    }


def cases(rng, n: int):
    """(encoding, physical type, codec, column)"""
    made = columns(rng, n)
    for physical, (array, encodings) in made.items():
        for encoding in encodings:
            yield encoding, physical, "none", array
    for physical in ("INT64", "BYTE_ARRAY"):
        for codec in CODECS[1:]:
            yield "PLAIN", physical, codec, made[physical][0]


def options(encoding: str, physical: str, codec: str) -> dict[str, object]:
    given: dict[str, object] = {"compression": codec, "use_dictionary": encoding == "dictionary"}
    if encoding != "dictionary":
        given["column_encoding"] = {"v": encoding}
    if physical == "BOOLEAN" and encoding == "PLAIN":
        del given["column_encoding"]
    if physical == "INT96":
        given["use_deprecated_int96_timestamps"] = True
    if codec in ("zstd", "gzip", "brotli"):
        given["compression_level"] = {"zstd": 1, "gzip": 6, "brotli": 1}[codec]
    return given


def best(jobs, runs: int) -> list[float | str]:
    """Of each job the least seconds, or why it has none; the jobs take turns."""
    results: list[float | str] = [float("inf")] * len(jobs)
    for _ in range(runs):
        for i, job in enumerate(jobs):
            if isinstance(results[i], str):
                continue
            start = time.process_time()
            try:
                kept = job()
            except (OSError, ValueError, NotImplementedError) as error:
                results[i] = f"{type(error).__name__}: {error}"
                continue
            results[i] = min(results[i], time.process_time() - start)
            del kept
    return results


def check(path: str, table: pa.Table, read) -> None:
    got = read(path)
    if not got.cast(table.schema).equals(table):
        raise SystemExit(f"{path}: what was read is not what was written")


def measure(encoding: str, physical: str, codec: str, array: pa.Array, args) -> list[float | str]:
    """Decode and encode, each by this package and by pyarrow, in GB/s, and the file's share of the Arrow bytes."""
    table, given = pa.table({"v": array}), options(encoding, physical, codec)
    ours, theirs = f"{args.folder}/ours.parquet", f"{args.folder}/theirs.parquet"

    def read(path):
        return read_parquet(path, output_format="arrow", use_threads=False)

    def read_theirs(path):
        return pq.read_table(path, use_threads=False)

    def write():
        write_parquet(table, ours, table.schema, use_threads=False, durable=False, **given)

    def write_theirs():
        pq.write_table(table, theirs, **given)

    write()
    results = best([lambda: read(ours), lambda: read_theirs(ours), write, write_theirs], args.runs)
    check(ours, table, read)
    for result, path, reader in ((results[1], ours, read_theirs), (results[3], theirs, read)):
        if not isinstance(result, str):
            check(path, table, reader)
    rates = [r if isinstance(r, str) else table.nbytes / r / 1e9 for r in results]
    return [*rates, os.path.getsize(ours) / table.nbytes]


def pair(ours, theirs) -> list[str]:
    if isinstance(theirs, str):
        return [f"{ours:.2f}", "-", "-"]
    return [f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}"]


HEAD = (
    "encoding",
    "physical type",
    "codec",
    "decode",
    "pyarrow",
    "ratio",
    "encode",
    "pyarrow",
    "ratio",
    "file / Arrow",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--only", default="", help="part of an encoding, a physical type or a codec")
    args = parser.parse_args()
    memory = (
        "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 28 else None
    )
    pa.set_cpu_count(1)
    print("GB/s of Arrow bytes, one thread")
    print("| " + " | ".join(HEAD) + " |\n|" + " --- |" * len(HEAD))
    with tempfile.TemporaryDirectory(dir=memory) as args.folder:
        for encoding, physical, codec, array in cases(np.random.default_rng(5), args.rows):
            if not any(args.only in text for text in (encoding, physical, codec)):
                continue
            decode, theirs, encode, theirs_out, share = measure(encoding, physical, codec, array, args)
            name = "RLE_DICTIONARY" if encoding == "dictionary" else encoding
            cells = [name, physical, codec, *pair(decode, theirs), *pair(encode, theirs_out), f"{share:.2f}"]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
