#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How time grows: rows, columns, files and threads, so that anything that is not linear is seen.

How it measures
  - One curve at a time; all of its sizes take turns, each round in another order. Round 0 warms up.
  - A time is the least of the rounds. Files lie in /dev/shm if there is room; nothing is synced.
  - Beside each time stands the time of a unit (a row, a column, a file), and that divided by the one
    before: about 1 is linear, more is worse than linear. Small sizes also pay what every call costs.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

import py_parquet_forge as forge

Call = Callable[[], object]


def table_of(rng, rows: int, columns: int) -> pa.Table:
    """Columns by turns of numbers, numbers with nulls, few strings and many strings."""
    null = rng.random(rows) < 0.1
    kinds = (
        lambda: pa.array(rng.integers(0, 1 << 40, rows)),
        lambda: pa.array(rng.random(rows), mask=null),
        lambda: pa.array(np.array(["north", "east", "south", "west"])[rng.integers(0, 4, rows)]),
        lambda: pa.array([f"{x:x}" for x in rng.integers(0, 1 << 60, rows)]),
    )
    return pa.table({f"c{i}": kinds[i % len(kinds)]() for i in range(columns)})


def write(table: pa.Table, path: str, **options) -> None:
    forge.write_parquet(table, path, table.schema, durable=False, **options)


def read(path: str, **options) -> pa.Table:
    return forge.read_parquet(path, output_format="arrow", **options)


def writer(table: pa.Table, path: str, **options) -> Call:
    return lambda: write(table, path, **options)


def reader(path: str, **options) -> Call:
    return lambda: read(path, **options)


# ---- curves: {size: call} ----


def rows(folder: str, rng, quick: bool) -> dict[str, dict[int, Call]]:
    reads, writes = {}, {}
    for times in (1, 3, 10, 30) if quick else (1, 3, 10, 30, 100):
        n, path = 20_000 * times, f"{folder}/rows{times}.parquet"
        writes[n] = writer(table_of(rng, n, 8), path)
        writes[n]()
        reads[n] = reader(path)
    return {"read, rows of 8 columns": reads, "write, rows of 8 columns": writes}


def columns(folder: str, rng, quick: bool) -> dict[str, dict[int, Call]]:
    reads, writes, some = {}, {}, {}
    for n in (10, 100, 1000) if quick else (10, 100, 1000, 10_000):
        path = f"{folder}/columns{n}.parquet"
        writes[n] = writer(table_of(rng, 500, n), path)
        writes[n]()
        reads[n] = reader(path)
        some[n] = reader(path, columns=["c0", f"c{n // 2}", f"c{n - 1}"])
    return {
        "read, columns of 500 rows": reads,
        "write, columns of 500 rows": writes,
        "read three of so many columns": some,
    }


def files(folder: str, rng, quick: bool) -> dict[str, dict[int, Call]]:
    reads, table = {}, table_of(rng, 10, 3)
    for n in (1, 10, 100, 1000) if quick else (1, 10, 100, 1000, 10_000):
        path = f"{folder}/files{n}"
        os.mkdir(path)
        write(table, f"{path}/0.parquet")
        for i in range(1, n):
            shutil.copyfile(f"{path}/0.parquet", f"{path}/{i}.parquet")
        reads[n] = reader(path)
    return {"read, files of 10 rows": reads}


def threads(folder: str, rng, quick: bool) -> dict[str, dict[int, Call]]:
    table, path = table_of(rng, 200_000 if quick else 2_000_000, 8), f"{folder}/threads.parquet"
    write(table, path)
    counts = {1: False, os.cpu_count() or 1: True}
    return {
        "read, threads": {n: reader(path, use_threads=many) for n, many in counts.items()},
        "write, threads": {n: writer(table, path, use_threads=many) for n, many in counts.items()},
    }


CURVES = {"rows": rows, "columns": columns, "files": files, "threads": threads}


# ---- measuring and printing ----


def measure(calls: dict[int, Call], runs: int) -> dict[int, float]:
    least = dict.fromkeys(calls, float("inf"))
    sizes = list(calls)
    for i in range(runs + 1):
        k = i % len(sizes)
        for size in sizes[k:] + sizes[:k]:
            gc.collect()
            start = time.perf_counter()
            calls[size]()
            if i:
                least[size] = min(least[size], time.perf_counter() - start)
    return least


def show(name: str, times: dict[int, float]) -> None:
    print(f"\n{name:32s}{'ms':>10s}{'us a unit':>12s}{'growth':>9s}")
    before = None
    for size, seconds in times.items():
        unit = seconds * size if "threads" in name else seconds / size
        growth = "" if before is None else f"{unit / before:.2f}"
        print(f"{size:>32,}{seconds * 1e3:10.2f}{unit * 1e6:12.3f}{growth:>9s}")
        before = unit


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--quick", action="store_true", help="small sizes: a look, no verdict")
    parser.add_argument("--runs", type=int, default=5, help="timed rounds, 5")
    parser.add_argument("--only", help="names with commas: " + ", ".join(CURVES))
    parser.add_argument("--json", metavar="FILE", help="keeps all numbers")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else list(CURVES)
    if unknown := set(names) - CURVES.keys():
        parser.error(f"there is no curve {', '.join(sorted(unknown))}")
    home = "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 2 << 30 else None
    kept = {}
    for name in names:
        with tempfile.TemporaryDirectory(dir=home) as folder:
            for title, calls in CURVES[name](folder, np.random.default_rng(20), args.quick).items():
                kept[title] = measure(calls, args.runs)
                show(title, kept[title])
    if args.json:
        Path(args.json).write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
