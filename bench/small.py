#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What small things cost: importing the package, one file of one row, a folder of many small files.

How it measures
  - Reads are repeated in one process, whole passes in turn: each engine reads the one-row file 2,000 times, then all
    files as one call and as one call each. The median of the passes is printed; files lie in /dev/shm if there is room.
  - Imports are timed inside fresh interpreters (`time.perf_counter` around the import), in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import py_parquet_forge as forge

Read = Callable[[str], object]

REPEATS = 2000
TABLE = pa.table({"id": range(10), "name": [f"n{i}" for i in range(10)], "score": [i / 4 for i in range(10)]})


def engines() -> dict[str, Read]:
    found: dict[str, Read] = {
        "py_parquet_forge": lambda path: forge.read_parquet(path, output_format="arrow"),
        "pyarrow": pq.read_table,
    }
    try:
        import polars

        found["polars"] = polars.read_parquet
    except ImportError:
        print("polars: not installed")
    return found


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def many(read: Read, paths: list[str]) -> None:
    for path in paths:
        read(path)


def reads(folder: str, files: int, rounds: int) -> None:
    one = f"{folder}/one.parquet"
    pq.write_table(TABLE.slice(0, 1), one)
    room = Path(folder, "files")
    room.mkdir()
    paths = [str(room / f"{i:05}.parquet") for i in range(files)]
    pq.write_table(TABLE, paths[0])
    data = Path(paths[0]).read_bytes()
    for path in paths[1:]:
        Path(path).write_bytes(data)
    tasks = {
        "1 row, one file": (REPEATS, lambda read: many(read, [one] * REPEATS)),
        f"10 rows, {files:,} files, a call each": (files, lambda read: many(read, paths)),
        f"10 rows, {files:,} files, one call": (files, lambda read: read(str(room))),
    }
    found = engines()
    print("| read | " + " | ".join(f"{name}, µs a file" for name in found) + " |")
    print("| --- " * (len(found) + 1) + "|")
    for what, (count, task) in tasks.items():
        times: dict[str, list[float]] = {name: [] for name in found}
        for i in range(rounds + 1):
            for name, read in found.items():
                seconds = seconds_of(lambda read=read, task=task: task(read))
                if i:
                    times[name].append(seconds / count * 1e6)
        print(
            f"| {what} | " + " | ".join(f"{statistics.median(t):.1f}" for t in times.values()) + " |",
            flush=True,
        )


def imports(rounds: int) -> None:
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    times: dict[str, list[float]] = {"py_parquet_forge": [], "pyarrow.parquet": [], "polars": []}
    for _ in range(rounds):
        for name, kept in times.items():
            done = subprocess.run([sys.executable, "-c", code.format(name)], capture_output=True, text=True)
            if done.returncode == 0:
                kept.append(float(done.stdout) * 1e3)
    for name, kept in times.items():
        print(f"import {name}: {statistics.median(kept):.1f} ms" if kept else f"import {name}: not installed")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        reads(folder, options.files, options.rounds)
    imports(max(options.rounds, 3))


if __name__ == "__main__":
    main()
