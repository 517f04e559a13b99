#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads Parquet files into pandas DataFrames with this package and with whatever else is installed.

How it measures
  - Each engine lives in a process of its own, with all cores and its default settings. Engines take turns,
    one call at a time; each round begins with another one. A time is the median of the rounds after the
    first call, which stands in brackets and pays for imports.
  - Frames are what each engine makes by default: some turn decimals or dates into something else.

python bench/frames.py FILE [FILE ...]
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path

# ---- engines ----


def forge_reader() -> Callable:
    import py_parquet_forge

    return py_parquet_forge.read_parquet


def pyarrow_reader() -> Callable:
    import pyarrow.parquet as pq

    return lambda path: pq.read_table(path).to_pandas()


def pandas_reader() -> Callable:
    import pandas as pd

    return pd.read_parquet


def polars_reader() -> Callable:
    import polars as pl

    return lambda path: pl.read_parquet(path).to_pandas()


def duckdb_reader() -> Callable:
    import duckdb

    return lambda path: duckdb.sql(f"SELECT * FROM '{path}'").df()


def fastparquet_reader() -> Callable:
    import fastparquet

    return lambda path: fastparquet.ParquetFile(path).to_pandas()


READERS = {
    "py_parquet_forge": forge_reader,
    "pyarrow": pyarrow_reader,
    "pandas": pandas_reader,
    "polars": polars_reader,
    "duckdb": duckdb_reader,
    "fastparquet": fastparquet_reader,
}


def serve(name: str, pipe) -> None:
    read = READERS[name]()
    for path in iter(pipe.recv, None):
        gc.collect()
        start = time.perf_counter()
        try:
            frame = read(path)
            answer: float | str = time.perf_counter() - start
            del frame
        except Exception as error:
            answer = f"{type(error).__name__}: {str(error)[:100]}"
        pipe.send(answer)


# ---- measuring ----


def measure(path: str, pipes: dict, runs: int) -> dict[str, list[float] | str]:
    times: dict[str, list[float] | str] = {name: [] for name in pipes}
    names = list(pipes)
    for i in range(runs + 1):
        k = i % len(names)
        for name in names[k:] + names[:k]:
            if isinstance(times[name], str):
                continue
            pipes[name].send(path)
            answer = pipes[name].recv()
            times[name] = answer if isinstance(answer, str) else [*times[name], answer]
    return times


def show(path: str, times: dict[str, list[float] | str]) -> None:
    print(f"\n{Path(path).name}")
    for name, seconds in times.items():
        if isinstance(seconds, str):
            print(f"  {name:18s} {seconds}")
        else:
            print(f"  {name:18s}{statistics.median(seconds[1:]) * 1e3:9.0f} ms   [{seconds[0] * 1e3:.0f}]")


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--engines", help="names with commas: " + ", ".join(READERS))
    parser.add_argument("--runs", type=int, default=5, help="timed rounds, 5")
    args = parser.parse_args()
    names = args.engines.split(",") if args.engines else [n for n in READERS if importlib.util.find_spec(n)]
    if unknown := set(names) - READERS.keys():
        parser.error(f"there is no engine {', '.join(sorted(unknown))}")
    context, pipes = multiprocessing.get_context("spawn"), {}
    for name in names:
        pipes[name], far = context.Pipe()
        context.Process(target=serve, args=(name, far), daemon=True).start()
    for path in args.files:
        show(path, measure(path, pipes, max(1, args.runs)))
    for pipe in pipes.values():
        pipe.send(None)


if __name__ == "__main__":
    main()
