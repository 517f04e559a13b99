#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes the same tables with this package and with every other engine of engines.py that is installed.

How it measures
  - Each engine lives in a process of its own, with all cores and its default settings.
  - Engines take turns, one call at a time; each round begins with another one. Round 0 warms up.
  - A time is the median of the rounds of one call, with Arrow data in memory on its other side. Nothing
    is synced to a disk; files lie in /dev/shm if there is room. Round 0 stands in brackets.
  - Codecs are none, snappy, and zstd at level 1 for everybody. All read one file, written by pyarrow.
  - What was read, and what pyarrow reads from each file written, is compared with the truth outside the
    timing. A wrong result has no time.
  - The floor of a read: its codec alone over the same bytes, the file's bytes copied once, the Arrow
    bytes written once to warm memory, each on all cores.

The kernels of the library alone: `make lib`, then build/release/bench/bench_kernels and bench_encoding.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from engines import WRONG, Engine, installed, level_of, same
from floor import floor_of
from tables import ROWS

CODECS = ("none", "snappy", "zstd")
OURS = "py_parquet_forge"

# ---- measuring ----


def reads_back(path: str, truth: pa.Table) -> bool:
    try:
        return same(pq.read_table(path), truth)
    except pa.ArrowException:
        return False


def rounds(engines, runs: int, task_of, is_right) -> dict[str, list[float] | str]:
    """By engine the seconds of all rounds, the warm-up first, or why there are none."""
    results: dict[str, list[float] | str] = {name: [] for name in engines}
    names = list(engines)
    for i in range(runs + 1):
        k = i % len(names)
        for name in names[k:] + names[:k]:
            if isinstance(results[name], str):
                continue
            answer = engines[name].ask(*task_of(name, i))
            if i == 0 and not isinstance(answer, str) and not is_right(name):
                answer = WRONG
            results[name] = answer if isinstance(answer, str) else [*results[name], answer]
    return results


def measure(report: Report, engines: dict[str, Engine], table: pa.Table, case: tuple[str, str], args) -> None:
    """Reads and writes one table under one codec."""
    codec = case[1]
    source = f"{args.folder}/source.parquet"
    written = {name: f"{args.folder}/{name}.parquet" for name in engines}
    pq.write_table(table, source, compression=codec, **level_of(codec))
    if args.only != "write":
        results = rounds(
            engines, args.runs, lambda name, i: ("read" if i else "check", source), lambda name: True
        )
        report.add("read", *case, results, dict.fromkeys(engines, source), floor_of(source, table.nbytes))
    if args.only != "read":
        results = rounds(
            engines,
            args.runs,
            lambda name, i: ("write", written[name], codec),
            lambda name: reads_back(written[name], table),
        )
        report.add("write", *case, results, written)


class Report:
    """Prints a line per case, and keeps the numbers."""

    def __init__(self, names: list[str]) -> None:
        self.names, self.rows = names, []
        print(f"\n{'':26s}" + "".join(f"{name:>26s}" for name in names))
        print(f"{'':26s}" + f"{'ms [first] x pyarrow   MB':>26s}" * len(names))

    def add(self, what: str, table: str, codec: str, results, paths: dict[str, str], floor=None) -> None:
        medians = {name: statistics.median(s[1:]) for name, s in results.items() if not isinstance(s, str)}
        line = f"{what:5s} {table + '/' + codec:20s}"
        for name in self.names:
            if name not in medians:
                line += f"{'-':>26s}"
                continue
            ratio = medians["pyarrow"] / medians[name] if "pyarrow" in medians else None
            row = {"what": what, "table": table, "codec": codec, "engine": name, "ratio": ratio}
            row |= {"ms": medians[name] * 1e3, "mb": os.path.getsize(paths[name]) / 1e6}
            if floor:
                row["floor_ms"] = floor * 1e3
            self.rows.append(row | {"all_ms": [second * 1e3 for second in results[name]]})
            first = f"[{results[name][0] * 1e3:.0f}]"
            line += (
                f"{row['ms']:7.0f} {first:>7s} {'' if ratio is None else f'{ratio:.2f}':>5s} {row['mb']:5.0f}"
            )
        print(line, flush=True)
        if floor and OURS in medians:
            print(f"      floor {floor * 1e3:.1f} ms, {OURS} is at {medians[OURS] / floor:.2f} times that")
        for name in results.keys() - medians.keys():
            print(f"      {name}: {results[name]}")

    def means(self) -> None:
        for what in dict.fromkeys(row["what"] for row in self.rows):
            line = f"{what:5s} {'geometric mean':20s}"
            for name in self.names:
                mine = [row for row in self.rows if (row["what"], row["engine"]) == (what, name)]
                ratios = [row["ratio"] for row in mine if row["ratio"]]
                line += f"{f'{statistics.geometric_mean(ratios):.2f}' if ratios else '':>18s}{'':8s}"
            print(line.rstrip())
        print("\nx pyarrow: pyarrow's time divided by the engine's; above 1 is faster.")


# ---- the command ----


def run(args) -> None:
    versions = installed()
    if args.engines:
        versions = {name: versions[name] for name in args.engines.split(",")}
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(f"{os.cpu_count()} cores, {args.runs} runs, files in {args.folder}")
    report = Report(list(versions))
    engines = {name: Engine(name) for name in versions}
    for make in ROWS:
        if args.work and make.__name__ not in args.work.split(","):
            continue
        table = make(np.random.default_rng(20), ROWS[make][args.quick])
        if table is None:
            print(f"      {make.__name__} is left out: what makes it is not installed")
            continue
        arrow = f"{args.folder}/{make.__name__}.arrow"
        with pa.ipc.new_file(arrow, table.schema) as out:
            out.write_table(table)
        for engine in engines.values():
            engine.ask("load", arrow)
        os.unlink(arrow)
        for codec in CODECS:
            measure(report, engines, table, (make.__name__, codec), args)
    report.means()
    if args.json:
        setting = {"versions": versions, "cores": os.cpu_count(), "runs": args.runs, "quick": args.quick}
        Path(args.json).write_text(json.dumps(setting | {"rows": report.rows}, indent=1))


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--quick", action="store_true", help="few rows: a look, no verdict")
    parser.add_argument("--runs", type=int, help="timed rounds, 5 or with --quick 3")
    parser.add_argument("--only", choices=("read", "write"))
    parser.add_argument("--work", help="names with commas: " + ", ".join(make.__name__ for make in ROWS))
    parser.add_argument("--engines", help="names with commas, pyarrow among them for the ratios")
    parser.add_argument("--folder", help="where the files go")
    parser.add_argument("--json", metavar="FILE", help="keeps all numbers")
    args = parser.parse_args()
    unknown = set((args.work or "flat").split(",")) - {make.__name__ for make in ROWS}
    if unknown:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}")
    args.runs = max(1, args.runs or (3 if args.quick else 5))
    need, folder = (1 << 28 if args.quick else 4 << 30), args.folder or "/dev/shm"
    if not args.folder and not (os.path.isdir(folder) and shutil.disk_usage(folder).free > need):
        folder = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(dir=folder) as args.folder:
        run(args)


if __name__ == "__main__":
    main()
