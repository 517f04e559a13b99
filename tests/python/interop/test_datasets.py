# SPDX-License-Identifier: Apache-2.0
"""Partitioned datasets exchanged with pyarrow, polars and duckdb, in both directions.

Folder names are text, so a peer's reader guesses the types of partition columns that
ours takes from the files; values are compared as text where a peer guesses otherwise.
"""

from __future__ import annotations

import datetime

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from interop import support
from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_to_dataset

WORDS = ["a", "b c", "ü", "a/b", "50%", "x=y", "q?", "04", None]


def _table(values: list, kind: pa.DataType) -> pa.Table:
    rows = values * 6
    return pa.table(
        {
            "v": pa.array(range(len(rows)), pa.int64()),
            "p": pa.array(rows, kind),
            "t": pa.array([None if i % 5 == 0 else str(i) for i in range(len(rows))]),
        }
    )


def _rows(table: pa.Table) -> list:
    """Rows in the order of v, partitions as text: what every peer can show."""
    table = table.select(["v", "p", "t"]).sort_by("v")
    plain = [support.whole(column).to_pylist() for column in table.columns]
    return [(v, None if p is None else str(p), t) for v, p, t in zip(*plain)]


def _pyarrow(folder, kind: pa.DataType) -> pa.Table:
    hive = ds.partitioning(pa.schema([("p", kind)]), flavor="hive")
    return ds.dataset(folder, format="parquet", partitioning=hive).to_table()


def _polars(folder, kind: pa.DataType) -> pa.Table:
    frame = pl.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False)
    return frame.collect().to_arrow()


def _duckdb(folder, kind: pa.DataType) -> pa.Table:
    query = f"select * from read_parquet('{folder}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    with duckdb.connect() as db:
        return db.sql(query).to_arrow_table()


PEERS = {"pyarrow": _pyarrow, "polars": _polars, "duckdb": _duckdb}
KINDS = {
    "int64": (pa.int64(), [1, -5, 2**40, None]),
    "string": (pa.string(), WORDS),
    "plain string": (pa.string(), ["a", "bb", "ccc"]),
    "date32": (pa.date32(), [datetime.date(2020, 2, 29), datetime.date(1999, 1, 1)]),
}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", KINDS)
def test_we_write_they_read(name, peer, tmp_path):
    kind, values = KINDS[name]
    table = _table(values, kind)
    write_to_dataset(table, tmp_path / "set", table.schema, partition_cols=["p"])
    assert _rows(PEERS[peer](tmp_path / "set", kind)) == _rows(table)


@pytest.mark.parametrize("name", KINDS)
def test_pyarrow_writes_we_read(name, tmp_path):
    kind, values = KINDS[name]
    table = _table(values, kind)
    pq.write_to_dataset(table, tmp_path / "set", partition_cols=["p"])
    found = read_parquet(tmp_path / "set", output_format="arrow")
    assert _rows(found) == _rows(table)
    theirs = pq.read_table(tmp_path / "set")
    assert found.column_names == theirs.column_names
    assert inspect_schema(tmp_path / "set").equals(found.schema)
    batches = list(read_parquet_iter(tmp_path / "set", chunk_size=5))
    support.assert_same_values(pa.Table.from_batches(batches, found.schema), found)


@pytest.mark.parametrize("name", ["int64", "string", "plain string"])
def test_polars_writes_we_read(name, tmp_path):
    kind, values = KINDS[name]
    table = _table([v for v in values if v is not None], kind)
    frame = pl.from_arrow(table)
    frame.write_parquet(tmp_path / "set", use_pyarrow=False, partition_by=["p"])
    theirs = pl.read_parquet(f"{tmp_path}/set/**/*.parquet", hive_partitioning=True).to_arrow()
    ours = read_parquet(tmp_path / "set", output_format="arrow")
    assert _rows(ours) == _rows(table)
    assert len(theirs) == len(ours)


@pytest.mark.parametrize("name", KINDS)
def test_duckdb_writes_we_read(name, tmp_path):
    kind, values = KINDS[name]
    table = _table(values, kind)
    with duckdb.connect() as db:
        db.register("source", table)
        db.execute(f"copy source to '{tmp_path}/set' (format parquet, partition_by (p))")
    found = read_parquet(tmp_path / "set", output_format="arrow")
    assert _rows(found) == _rows(table)


def test_types_that_are_inferred(tmp_path):
    """Others record no types: whole numbers without a leading zero, otherwise text."""
    cases = {
        "n": ["1", "20", "-3"],
        "big": ["1", str(2**40), "3"],
        "zip": ["04", "10", "11"],
        "w": ["1", "x", "2"],
    }
    for name, folders in cases.items():
        for i, folder in enumerate(folders):
            place = tmp_path / name / f"{name}={folder}"
            place.mkdir(parents=True)
            pq.write_table(pa.table({"v": [i]}), place / "x.parquet")
    kinds = {name: inspect_schema(tmp_path / name).field(name).type.value_type for name in cases}
    assert kinds == {"n": pa.int32(), "big": pa.int64(), "zip": pa.string(), "w": pa.string()}


def test_two_levels(tmp_path):
    """Two partition columns, of which one stands in the files too: the path wins."""
    place = tmp_path / "set" / "a=1" / "b=x"
    place.mkdir(parents=True)
    pq.write_table(pa.table({"a": pa.array([9, 9]), "v": [1, 2]}), place / "f.parquet")
    found = read_parquet(tmp_path / "set", output_format="arrow")
    assert support.whole(found.column("a")).to_pylist() == [1, 1]
    assert support.whole(found.column("b")).to_pylist() == ["x", "x"]
    assert found.column("v").to_pylist() == [1, 2]
