#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What encoding='auto' takes, beside every encoding that the column could have had alone.

Each column is written once per encoding and codec, read by one thread, the files taking turns; the time is the
least of the runs, processor time. Sizes are of whole files. The encodings that are read in at most SLOWER times
the time of PLAIN are quick; `auto` is held against the smallest of them, and against PLAIN.
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

CODECS = ("none", "snappy", "zstd", "lz4")
SLOWER, LARGER = 1.2, 1.05

INTS, FLOATS = ("DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"), ("BYTE_STREAM_SPLIT",)
TEXTS = ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")


def columns(rng, n: int) -> dict[str, tuple[pa.Array, tuple[str, ...]]]:
    """Columns of many kinds, and the encodings that each could have beside PLAIN and a dictionary."""
    hexes = [f"{a:016x}{b:016x}" for a, b in rng.integers(0, 1 << 62, (n // 4, 2))]
    uuids = [f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}" for h in hexes]
    paths = [f"/data/warehouse/2024/{i // 5000:03d}/part-{i:08d}.parquet" for i in range(n // 4)]
    words = np.array(["the", "of", "order", "carefully", "deposits", "sleep", "quick", "final", "requests"])
    comments = [" ".join(words[row]) for row in rng.integers(0, 9, (n // 8, 6))]
    states = pa.array(["open", "closed", "waiting", "new"])
    steps = np.cumsum(rng.integers(1, 1000, n))
    return {
        "sorted int64": (pa.array(steps), INTS),
        "random int64": (pa.array(rng.integers(0, 1 << 62, n)), INTS),
        "random int32 below 10,000,000": (pa.array(rng.integers(0, 10**7, n, np.int32)), INTS),
        "few int32": (pa.array(rng.integers(0, 50, n, np.int32)), INTS),
        "timestamps, ms apart": (pa.array(1_700_000_000_000_000 + steps * 1000, pa.timestamp("us")), INTS),
        "prices, double": (pa.array(np.round(rng.lognormal(4, 1, n), 2)), FLOATS),
        "walk, double": (pa.array(np.cumsum(rng.standard_normal(n)) + 1000), FLOATS),
        "noise, float": (pa.array(rng.standard_normal(n, np.float32)), FLOATS),
        "uuids, string": (pa.array(uuids), TEXTS),
        "paths, string": (pa.array(paths), TEXTS),
        "comments, string": (pa.array(comments), TEXTS),
        "few strings": (states.take(pa.array(rng.integers(0, 4, n))), TEXTS),
        "int64, 1 % not null": (pa.array(rng.integers(0, 1 << 40, n), mask=rng.random(n) < 0.99), INTS),
        "int64, 10 % null": (pa.array(steps, mask=rng.random(n) < 0.1), INTS),
    }


def options(encoding: str) -> dict[str, object]:
    if encoding == "auto":
        return {"encoding": "auto"}
    if encoding == "dictionary":
        return {"use_dictionary": True}
    return {"use_dictionary": False, "column_encoding": {"v": encoding}}


def measure(paths: dict[str, str], runs: int) -> dict[str, float]:
    """Milliseconds of reading each file."""
    least = dict.fromkeys(paths, float("inf"))
    for _ in range(runs):
        for name, path in paths.items():
            start = time.process_time()
            table = read_parquet(path, output_format="arrow", use_threads=False)
            least[name] = min(least[name], time.process_time() - start)
            del table
    return {name: seconds * 1e3 for name, seconds in least.items()}


def taken(path: str) -> str:
    """The encodings of the values of a file, as auto chose them."""
    meta = pq.read_metadata(path).row_group(0).column(0)
    names = [e for e in meta.encodings if e != "RLE"]
    if "RLE_DICTIONARY" in names:
        return "dictionary" if set(names) <= {"RLE_DICTIONARY", "PLAIN"} else "dictionary, then " + names[-1]
    return ", ".join(names)


def case(array: pa.Array, encodings, codec: str, args) -> dict[str, object]:
    table, paths = pa.table({"v": array}), {}
    for encoding in ("PLAIN", "dictionary", *encodings, "auto"):
        paths[encoding] = f"{args.folder}/{encoding}.parquet"
        given = options(encoding)
        write_parquet(table, paths[encoding], table.schema, compression=codec, durable=False, **given)
    sizes = {encoding: os.path.getsize(path) for encoding, path in paths.items()}
    ms = measure(paths, args.runs)
    share = {e: (sizes[e] / sizes["PLAIN"], ms[e] / ms["PLAIN"]) for e in paths}
    singles = {e: share[e] for e in paths if e != "auto"}
    quick = {e: pair for e, pair in singles.items() if pair[1] <= SLOWER}
    return {
        "taken": taken(paths["auto"]),
        "auto": share["auto"],
        "kept": share["auto"][1] <= SLOWER and share["auto"][0] <= LARGER * min(quick.values())[0],
        "smaller but slower": min(singles.values())
        if min(singles.values())[0] < share["auto"][0] / LARGER
        else None,
        "all": share,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", default="", help="part of a column's name")
    parser.add_argument("--all", action="store_true", help="every encoding too")
    args = parser.parse_args()
    memory = (
        "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 28 else None
    )
    kept = total = 0
    print("bytes / time, both by PLAIN's")
    print(f"| column | {' | '.join(CODECS)} |\n|" + " --- |" * (len(CODECS) + 1))
    with tempfile.TemporaryDirectory(dir=memory) as args.folder:
        for name, (array, encodings) in columns(np.random.default_rng(7), args.rows).items():
            if args.only not in name:
                continue
            found = {codec: case(array, encodings, codec, args) for codec in CODECS}
            cells = [f"{f['taken']} {f['auto'][0]:.2f} / {f['auto'][1]:.2f}" for f in found.values()]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
            for codec, f in found.items():
                kept, total = kept + f["kept"], total + 1
                every = "  ".join(f"{e} {b:.3f} / {t:.2f}" for e, (b, t) in f["all"].items())
                if args.all or not f["kept"] or f["smaller but slower"]:
                    print(f"  {codec}, {'kept' if f['kept'] else 'MISSED'}: {every}")
    print(
        f"\n{kept} of {total} within {SLOWER} times the time of PLAIN and {LARGER} times the best quick file"
    )


if __name__ == "__main__":
    main()
