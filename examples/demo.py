# SPDX-License-Identifier: Apache-2.0
"""The main job on real data: TPC-H lineitem streamed into a file and a partitioned dataset, and back.

Every step runs in a process of its own, so that its peak memory is its own. The last steps compare what
we read with what pyarrow reads, value by value; any difference ends with exit status 1. DEMO_SCALE is
TPC-H's scale factor: 1 (the default) is six million rows.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

import py_parquet_forge as forge

MONEY = pa.decimal128(15, 2)
SCHEMA = pa.schema(
    [
        pa.field("l_orderkey", pa.int64(), nullable=False),
        pa.field("l_partkey", pa.int64(), nullable=False),
        pa.field("l_suppkey", pa.int64(), nullable=False),
        pa.field("l_linenumber", pa.int32(), nullable=False),
        pa.field("l_quantity", MONEY, nullable=False),
        pa.field("l_extendedprice", MONEY, nullable=False),
        pa.field("l_discount", MONEY, nullable=False),
        pa.field("l_tax", MONEY, nullable=False),
        pa.field("l_returnflag", pa.string(), nullable=False),
        pa.field("l_linestatus", pa.string(), nullable=False),
        pa.field("l_shipdate", pa.date32(), nullable=False),
        pa.field("l_commitdate", pa.date32(), nullable=False),
        pa.field("l_receiptdate", pa.date32(), nullable=False),
        pa.field("l_shipinstruct", pa.string(), nullable=False),
        pa.field("l_shipmode", pa.string(), nullable=False),
        pa.field("l_comment", pa.string(), nullable=False),
    ]
)
PARTITIONS = ["l_shipmode", "l_returnflag"]
FEW = ["l_orderkey", "l_extendedprice", "l_comment"]
FILTER = (pc.field("l_shipdate") >= pa.scalar(9131, pa.date32())) & (pc.field("l_shipmode") == "AIR")


def source_chunks(folder: Path) -> Iterator[pa.RecordBatch]:
    """What a program that streams would hand in: strings come as views here."""
    yield from pq.ParquetFile(folder / "lineitem.parquet").iter_batches(batch_size=65_536)


# ---- the steps: each returns the rows it handled ----


def stream_into_file(folder: Path) -> int:
    rows = 0
    with forge.ParquetStreamWriter(folder / "file.parquet", SCHEMA) as writer:
        for chunk in source_chunks(folder):
            writer.write_chunk(chunk)
            rows += chunk.num_rows
    return rows


def stream_into_dataset(folder: Path) -> int:
    forge.write_to_dataset(source_chunks(folder), folder / "dataset", SCHEMA, PARTITIONS, "overwrite")
    return pq.ParquetFile(folder / "lineitem.parquet").metadata.num_rows


def read_file(folder: Path) -> int:
    return forge.read_parquet(folder / "file.parquet", output_format="arrow").num_rows


def read_dataset(folder: Path) -> int:
    return forge.read_parquet(folder / "dataset", output_format="arrow").num_rows


def read_filtered(folder: Path) -> int:
    return len(forge.read_parquet(folder / "dataset", columns=FEW, filters=FILTER))


def read_in_batches(folder: Path) -> int:
    return sum(len(batch) for batch in forge.read_parquet_iter(folder / "file.parquet"))


def compare_file(folder: Path) -> int:
    rows = 0
    for field in SCHEMA:
        truth = pq.read_table(folder / "lineitem.parquet", columns=[field.name]).column(0)
        truth = truth.cast(field.type)
        theirs = pq.read_table(folder / "file.parquet", columns=[field.name])
        ours = forge.read_parquet(folder / "file.parquet", "arrow", columns=[field.name])
        same(theirs.schema, ours.schema, f"type of {field.name}")
        same(truth, theirs.column(0), f"{field.name} as pyarrow reads it")
        same(truth, ours.column(0), f"{field.name} as we read it")
        rows += ours.num_rows
    return rows


def compare_dataset(folder: Path) -> int:
    names = FEW + PARTITIONS
    truth = pq.read_table(folder / "lineitem.parquet", columns=names)
    truth = truth.cast(pa.schema([SCHEMA.field(name) for name in names]))
    theirs = ds.dataset(folder / "dataset", partitioning="hive")
    rows = 0
    keys = truth.group_by(PARTITIONS).aggregate([]).to_pylist()
    for key in keys:
        judge = (pc.field(PARTITIONS[0]) == key[PARTITIONS[0]]) & (
            pc.field(PARTITIONS[1]) == key[PARTITIONS[1]]
        )
        expected = truth.filter(judge).select(FEW)
        ours = forge.read_parquet(folder / "dataset", "arrow", columns=FEW, filters=judge)
        for name in FEW:
            same(expected.column(name), ours.column(name), f"{name} of {key} as we read it")
        if theirs.count_rows(filter=judge) != expected.num_rows:
            raise SystemExit(f"{key}: pyarrow counts other rows")
        rows += ours.num_rows
    return rows


def compare_filtered(folder: Path) -> int:
    ours = forge.read_parquet(folder / "file.parquet", "arrow", columns=FEW, filters=FILTER)
    columns = [*FEW, "l_shipdate", "l_shipmode"]
    expected = pq.read_table(folder / "file.parquet", columns=columns).filter(FILTER).select(FEW)
    for name in FEW:
        same(expected.column(name), ours.column(name), f"filtered {name}")
    batches = forge.read_parquet_iter(folder / "file.parquet", 50_000, columns=FEW, filters=FILTER)
    same(expected.column(0), pa.Table.from_batches(batches).column(0), "filtered batches")
    return ours.num_rows


def same(expected: object, found: object, what: str) -> None:
    if not expected.equals(found):  # type: ignore[attr-defined]
        raise SystemExit(f"difference: {what}")


STEPS = {
    "stream into one file": (stream_into_file, "file.parquet"),
    "stream into 21 partitions": (stream_into_dataset, "dataset"),
    "read the file": (read_file, "file.parquet"),
    "read the dataset": (read_dataset, "dataset"),
    "read filtered, 3 columns": (read_filtered, "dataset"),
    "read in batches of 100,000": (read_in_batches, "file.parquet"),
    "compare the file": (compare_file, "file.parquet"),
    "compare the dataset": (compare_dataset, "dataset"),
    "compare filtered reads": (compare_filtered, "file.parquet"),
}


# ---- running them ----


def size_of(path: Path) -> int:
    files = path.rglob("*.parquet") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def generate(folder: Path, scale: str) -> None:
    tool = shutil.which("tpchgen-cli", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if tool is None:
        raise SystemExit("the demo needs tpchgen-cli: pip install tpchgen-cli")
    command = [tool, "parquet", "-s", scale, "--tables=lineitem", f"--output-dir={folder}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def row(name: str, rows: int, seconds: float, num_bytes: int, peak_mb: float) -> None:
    print(f"{name:28s} {rows:12,d} {seconds:9.2f} {num_bytes / 1e6:9.1f} {peak_mb:9.0f}", flush=True)


def run_step(name: str, folder: Path) -> None:
    """In this process; prints what the parent puts into the table."""
    start = time.perf_counter()
    rows = STEPS[name][0](folder)
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([rows, seconds, peak_mb]))


def main() -> int:
    if len(sys.argv) == 3:
        run_step(sys.argv[1], Path(sys.argv[2]))
        return 0
    scale = os.environ.get("DEMO_SCALE", "1")
    with tempfile.TemporaryDirectory(prefix="parquet-forge-demo-") as name:
        folder = Path(name)
        print(f"{'step':28s} {'rows':>12s} {'seconds':>9s} {'MB':>9s} {'peak MB':>9s}")
        start = time.perf_counter()
        generate(folder, scale)
        source = folder / "lineitem.parquet"
        rows = pq.ParquetFile(source).metadata.num_rows
        row("generate lineitem", rows, time.perf_counter() - start, size_of(source), 0)
        for step, (_, result) in STEPS.items():
            child = [sys.executable, __file__, step, name]
            done = subprocess.run(child, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                print(f"{step}: failed", file=sys.stderr)
                return 1
            rows, seconds, peak_mb = json.loads(done.stdout)
            row(step, rows, seconds, size_of(folder / result), peak_mb)
    print("no difference")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
