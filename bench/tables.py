# SPDX-License-Identifier: Apache-2.0
"""The tables that run.py reads and writes: one function each, of n rows, from a seeded generator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def flat(rng, n):
    """Numbers, a third of some columns null."""
    null = rng.random(n) < 1 / 3
    return pa.table(
        {
            "key": np.arange(n),
            "amount": pa.array(rng.integers(0, 1 << 40, n), mask=null),
            "small": rng.integers(0, 500, n, np.int32),
            "ratio": pa.array(rng.random(n), mask=null[::-1]),
            "flag": rng.random(n) < 0.2,
            "at": pa.array(np.sort(rng.integers(0, 1 << 50, n)), pa.timestamp("us")),
        }
    )


def labels(rng, n):
    """Strings with few distinct values."""
    cities = pa.array([f"city {i:03d} of the plain" for i in range(300)])
    states = pa.array(["new", "open", None, "closed"])
    return pa.table(
        {
            "city": cities.take(pa.array(rng.integers(0, 300, n))),
            "state": states.take(pa.array(rng.integers(0, 4, n))),
        }
    )


def texts(rng, n):
    """Strings that hardly repeat."""
    a, b = rng.integers(0, 1 << 60, n), rng.integers(0, 1 << 20, n)
    return pa.table(
        {
            "token": [f"{x:015x}" for x in a],
            "path": [f"/archive/{y % 97}/{x % 65521}/item-{y}" for x, y in zip(a, b, strict=True)],
        }
    )


def nested(rng, n):
    """list<struct<int64, float64, string>> of 0 to 6 elements."""
    ends = np.concatenate([[0], np.cumsum(rng.integers(0, 7, n))]).astype(np.int32)
    size = int(ends[-1])
    units = pa.array(["kg", "m", "s", "piece"]).take(pa.array(rng.integers(0, 4, size)))
    items = pa.StructArray.from_arrays(
        [pa.array(rng.integers(0, 1 << 20, size)), pa.array(rng.random(size)), units],
        ["article", "price", "unit"],
    )
    return pa.table({"order": np.arange(n), "items": pa.ListArray.from_arrays(pa.array(ends), items)})


def embeddings(rng, n, width=256):
    """Fixed-size lists of float32."""
    values = pa.array(rng.standard_normal(n * width, np.float32))
    return pa.table({"id": np.arange(n), "vector": pa.FixedSizeListArray.from_arrays(values, width)})


def wide(rng, n, columns=2000):
    """Very many columns of few rows."""
    return pa.table({f"c{i:04d}": rng.random(n) for i in range(columns)})


def lineitem(rng, n):
    """TPC-H's biggest table, of about n rows; None without tpchgen-cli."""
    beside = str(Path(sys.executable).parent)
    tool = shutil.which("tpchgen-cli", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        command = [
            tool,
            "parquet",
            f"--scale-factor={n / 6e6}",
            "--tables=lineitem",
            f"--output-dir={folder}",
        ]
        subprocess.run(command, check=True, capture_output=True)
        table = pq.read_table(folder)
    plain = [f.with_type(pa.string()) if pa.types.is_string_view(f.type) else f for f in table.schema]
    return table.cast(pa.schema(plain))


ROWS = {
    flat: (4_000_000, 100_000),
    labels: (4_000_000, 100_000),
    texts: (2_000_000, 50_000),
    nested: (1_000_000, 50_000),
    embeddings: (100_000, 4_000),
    wide: (5_000, 200),
    lineitem: (3_000_000, 60_000),
}
"""Table -> rows, and rows of a quick look."""
