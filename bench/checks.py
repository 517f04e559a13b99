#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the checks cost: page checksums, and whether strings are UTF-8.

How it measures: one table read or written with the check and without, by turns, files in /dev/shm if
there is room. "one thread": the least processor time of the rounds, which other work disturbs least;
"all cores": the median of the wall time. A percentage is the time with the check over that without.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from tables import embeddings, flat

import py_parquet_forge as forge

Call = Callable[..., object]


def orders(rng, n: int) -> pa.Table:
    """Few strings, sentences that repeat, dates, prices and keys."""
    words = np.array(["the", "of", "order", "carefully", "deposits", "sleep", "quick", "final", "requests"])
    sentences = pa.array([" ".join(words[r]) for r in rng.integers(0, len(words), (n // 4, 5))])
    return pa.table(
        {
            "order": np.cumsum(rng.integers(0, 3, n)),
            "part": rng.integers(0, 200_000, n),
            "price": np.round(rng.random(n) * 1e5, 2),
            "flag": pa.array(["A", "N", "R"]).take(pa.array(rng.integers(0, 3, n))),
            "day": pa.array(rng.integers(8000, 10_500, n, np.int32), pa.date32()),
            "comment": sentences.take(pa.array(rng.integers(0, n // 4, n))),
        }
    )


LETTERS = {
    "ASCII": "abcdefghijklmnopqrstuvwxyz",
    "Latin with accents": "abcdefghijklmnoprstuéàüöß",
    "Greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "Chinese": "天地玄黄宇宙洪荒日月盈昃辰宿列张",
}


def strings(rng, letters: str, least: int, most: int, num_chars: int = 12_000_000) -> pa.Table:
    n = num_chars // ((least + most) // 2)
    ends = np.cumsum(rng.integers(least, most + 1, n))
    text = "".join(np.array(list(letters))[rng.integers(0, len(letters), int(ends[-1]))])
    starts = np.concatenate([[0], ends[:-1]])
    return pa.table({"s": [text[a:b] for a, b in zip(starts, ends, strict=True)]})


def cost(call: Call, name: str, rounds: int) -> str:
    """The cost of the keyword `name`, True against False."""
    text = []
    for clock, pick, threads in (
        (time.process_time, min, False),
        (time.perf_counter, statistics.median, True),
    ):
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for i in range(rounds + 1):
            for checked in (bool(i % 2), not i % 2):
                start = clock()
                call(use_threads=threads, **{name: checked})
                seconds[checked].append(clock() - start)
        on, off = (pick(seconds[checked][1:]) for checked in (True, False))
        text.append(f"{off * 1e3:9.2f} ms {100 * (on / off - 1):+6.1f} %")
    return "  ".join(text)


def line(what: str, call: Call, name: str, rounds: int) -> None:
    print(f"{what:46s}{cost(call, name, rounds)}", flush=True)


def checksums(folder: str, rng, rounds: int) -> None:
    tables = {
        "orders": orders(rng, 1_000_000),
        "numbers": flat(rng, 1_000_000),
        "vectors": embeddings(rng, 40_000),
    }
    for name, table in tables.items():
        for codec in ("none", "snappy"):

            def write(path, table=table, codec=codec, **options):
                forge.write_parquet(table, path, table.schema, compression=codec, durable=False, **options)

            path = f"{folder}/{name}.parquet"
            write(path)
            read = lambda path=path, **options: forge.read_parquet(path, output_format="arrow", **options)  # noqa: E731
            label = f"{name}, {codec}, {os.path.getsize(path) / 1e6:.0f} MB"
            line(f"checksum, read {label}", read, "page_checksum_verification", rounds)
            again = lambda write=write, **options: write(f"{folder}/again.parquet", **options)  # noqa: E731
            line(f"checksum, write {label}", again, "write_page_checksum", rounds)


def texts(folder: str, rng, rounds: int) -> None:
    for name, letters in LETTERS.items():
        for least, most in ((5, 15), (20, 30), (100, 200)):
            for codec in ("none", "snappy"):
                path, table = f"{folder}/s.parquet", strings(rng, letters, least, most)
                forge.write_parquet(
                    table, path, table.schema, compression=codec, use_dictionary=False, durable=False
                )
                read = lambda path=path, **options: forge.read_parquet(path, output_format="arrow", **options)  # noqa: E731
                line(f"UTF-8, {name}, {least} to {most}, {codec}", read, "check_utf8", rounds)


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", choices=("checksums", "texts"))
    args = parser.parse_args()
    home = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30 else None
    print(f"{'':46s}{'one thread':>21s}{'all cores':>23s}")
    for part in (checksums, texts):
        if args.only in (None, part.__name__):
            with tempfile.TemporaryDirectory(dir=home) as folder:
                part(folder, np.random.default_rng(20), args.rounds)


if __name__ == "__main__":
    main()
