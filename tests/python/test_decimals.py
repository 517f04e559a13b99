# SPDX-License-Identifier: Apache-2.0
"""Decimals of 32, 64, 128 and 256 bits: in, out, from other writers, in filters and folders."""

from __future__ import annotations

import random
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from interop import support

from py_parquet_forge import (
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

TYPES = [
    pa.decimal32(1, 0),
    pa.decimal32(5, 2),
    pa.decimal32(9, 9),
    pa.decimal64(3, 1),
    pa.decimal64(18, 4),
    pa.decimal128(38, 10),
    pa.decimal256(4, 2),
    pa.decimal256(39, 0),
    pa.decimal256(50, 30),
    pa.decimal256(76, 76),
]


def values_of(kind: pa.DataType, count: int, distinct: int | None = None) -> list[Decimal | None]:
    """Random values of all lengths with the extremes among them, and nulls."""
    rng = random.Random(count)
    most = 10**kind.precision - 1
    pool = [most, -most, 0, 1, -1]
    while len(pool) < (distinct or count):
        pool.append(rng.randint(-most, most) // 10 ** rng.randrange(kind.precision))
    numbers = pool[:count] if not distinct else [rng.choice(pool) for _ in range(count)]
    return [
        None if rng.random() < 0.1 else Decimal(((n < 0), tuple(map(int, str(abs(n)))), -kind.scale))
        for n in numbers
    ]


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("distinct", [None, 7], ids=["all differ", "dictionary"])
def test_round_trip(kind, distinct, tmp_path):
    values = values_of(kind, 3000, distinct)
    plain = pa.array(values, kind)
    lists = pa.ListArray.from_arrays(pa.array(range(0, 3001, 3), pa.int32()), plain)
    table = pa.table({"v": plain.slice(0, 1000), "l": lists})
    path = tmp_path / "d.parquet"
    write_parquet(table, path, table.schema, use_dictionary=bool(distinct))
    assert inspect_schema(path).equals(table.schema)
    support.assert_same(read_parquet(path, output_format="arrow"), table)
    support.assert_same(pq.read_table(path), table)
    batches = list(read_parquet_iter(path, chunk_size=77))
    support.assert_same(pa.Table.from_batches(batches, table.schema), table)
    leaf = pq.ParquetFile(path).schema.column(0)
    theirs = tmp_path / "theirs.parquet"
    pq.write_table(table, theirs)
    expected = pq.ParquetFile(theirs).schema.column(0)
    assert (leaf.physical_type, leaf.length) == (expected.physical_type, expected.length)
    bounds = pq.ParquetFile(path).metadata.row_group(0).column(0).statistics
    there = [v for v in values[:1000] if v is not None]
    assert (bounds.min, bounds.max) == (min(there), max(there))


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("store_schema", [True, False], ids=["stored schema", "no schema"])
@pytest.mark.parametrize("as_integer", [True, False], ids=["integer", "bytes"])
def test_what_pyarrow_writes(kind, store_schema, as_integer, tmp_path):
    table = pa.table(
        {"v": pa.array(values_of(kind, 500), kind), "w": pa.array(values_of(kind, 500, 5), kind)}
    )
    path = tmp_path / "d.parquet"
    pq.write_table(table, path, store_schema=store_schema, store_decimal_as_integer=as_integer)
    ours = read_parquet(path, output_format="arrow")
    support.assert_same(ours, pq.read_table(path))
    assert ours.schema.field("v").type.equals(pq.read_schema(path).field("v").type)


@pytest.mark.parametrize("source", TYPES, ids=str)
@pytest.mark.parametrize("to", [pa.decimal32(9, 3), pa.decimal64(18, 3), pa.decimal128(38, 3), pa.decimal256(70, 3)], ids=str)  # fmt: skip
def test_every_width_becomes_every_other(source, to, tmp_path):
    digits = min(source.precision - source.scale, to.precision - to.scale)
    values = [None, Decimal(0), Decimal(10**digits - 1), Decimal(1 - 10**digits)]
    path = tmp_path / "d.parquet"
    write_parquet(pa.table({"v": pa.array(values, source)}), path, pa.schema([("v", to)]))
    got = read_parquet(path, output_format="arrow")["v"]
    assert got.type == to
    assert got.to_pylist() == values
    if source.precision - source.scale > to.precision - to.scale:
        over = pa.table({"v": pa.array([Decimal(10 ** (to.precision - to.scale))], source)})
        with pytest.raises(SchemaValidationError):
            write_parquet(over, path, pa.schema([("v", to)]))


@pytest.mark.parametrize("kind", [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal256(50, 2)], ids=str)
def test_rows_and_frames(kind, tmp_path):
    values = [Decimal("1.25"), None, Decimal("-3.50"), Decimal(7)]
    path = tmp_path / "d.parquet"
    for data in ([{"v": v} for v in values], pd.DataFrame({"v": values})):
        write_parquet(data, path, pa.schema([("v", kind)]))
        assert read_parquet(path, output_format="arrow")["v"].to_pylist() == values
    with pytest.raises(SchemaValidationError, match="v"):
        write_parquet([{"v": Decimal("1.255")}], path, pa.schema([("v", kind)]))


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_dictionaries(kind, tmp_path):
    values = values_of(kind, 400, 6)
    distinct = list(dict.fromkeys(v for v in values if v is not None))
    codes = pa.array([None if v is None else distinct.index(v) for v in values], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(distinct, kind))
    path = tmp_path / "d.parquet"
    write_parquet(pa.table({"v": column}), path, pa.schema([("v", column.type)]))
    got = read_parquet(path, output_format="arrow")["v"]
    assert got.type == column.type
    assert got.to_pylist() == column.to_pylist()


@pytest.mark.parametrize("kind", [pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(20, 2), pa.decimal256(50, 2)], ids=str)  # fmt: skip
def test_filters_prune_and_agree(kind, tmp_path):
    values = [Decimal(n).scaleb(-2) for n in range(-500, 500)]
    table = pa.table({"v": pa.array(values, kind), "n": range(1000)})
    path = tmp_path / "d.parquet"
    write_parquet(table, path, table.schema, row_group_size=100)
    for expression in (
        pc.field("v") > pa.scalar(Decimal("3.21"), kind),
        pc.field("v") == pa.scalar(Decimal("-0.01"), kind),
        pc.field("v") < pa.scalar(Decimal("-9.00"), kind),
    ):
        got = read_parquet(path, filters=expression, output_format="arrow")
        assert got.equals(table.filter(expression))


@pytest.mark.parametrize("kind", [pa.decimal32(9, 2), pa.decimal64(18, 2)], ids=str)
def test_partitions(kind, tmp_path):
    table = pa.table({"n": [1, 2, 3], "v": pa.array([Decimal("-0.05"), Decimal("12.00"), None], kind)})
    write_to_dataset(table, tmp_path / "d", table.schema, partition_cols=["v"])
    got = read_parquet(tmp_path / "d", output_format="arrow")
    assert got.schema.field("v").type == pa.dictionary(pa.int32(), kind)
    assert sorted(got.to_pylist(), key=lambda row: row["n"]) == table.to_pylist()


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("store_schema", [True, False], ids=["stored schema", "no schema"])
def test_stored_as_integers(kind, store_schema, tmp_path):
    """As pyarrow's keyword: up to 9 digits INT32, up to 18 INT64, bytes beyond."""
    values = values_of(kind, 2000)
    table = pa.table({"v": pa.array(values, kind), "l": pa.array([[v] for v in values], pa.list_(kind))})
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    write_parquet(
        table,
        ours,
        table.schema,
        store_decimal_as_integer=True,
        store_schema=store_schema,
        row_group_size=700,
    )
    pq.write_table(table, theirs, store_decimal_as_integer=True, store_schema=store_schema)
    columns = [pq.read_metadata(path).schema.column(0) for path in (ours, theirs)]
    assert columns[0].physical_type == columns[1].physical_type
    assert str(columns[0].logical_type) == str(columns[1].logical_type)
    if kind.precision <= 18:
        assert columns[0].physical_type == ("INT32" if kind.precision <= 9 else "INT64")
    for found in (pq.read_table(ours), read_parquet(ours, output_format="arrow")):
        assert found["v"].to_pylist() == values and found["l"].to_pylist() == [[v] for v in values]
    assert read_parquet(ours, output_format="arrow").schema.types == (
        table.schema.types if store_schema else pq.read_table(ours).schema.types
    )
    middle = Decimal(0).scaleb(-kind.scale)
    found = read_parquet(ours, output_format="arrow", filters=pc.field("v") > pa.scalar(middle, kind))
    assert found["v"].to_pylist() == [v for v in values if v is not None and v > middle]


def test_integers_of_decimals_have_bounds_and_filters(tmp_path):
    kind = pa.decimal128(12, 2)
    table = pa.table({"v": pa.array([Decimal(n).scaleb(-2) for n in range(-500, 500)], kind)})
    path = tmp_path / "x.parquet"
    write_parquet(
        table, path, table.schema, store_decimal_as_integer=True, write_page_index=True,
        bloom_filter_options={"v": True}, row_group_size=100, use_dictionary=False,
    )  # fmt: skip
    statistics = pq.read_metadata(path).row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (Decimal("-5.00"), Decimal("-4.01"))
    one = Decimal("-4.50")
    for found in (
        read_parquet(path, output_format="arrow", filters=[("v", "==", one)]),
        pq.read_table(path, filters=[("v", "==", one)]),
    ):
        assert found["v"].to_pylist() == [one]
