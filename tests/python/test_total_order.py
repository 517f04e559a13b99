# SPDX-License-Identifier: Apache-2.0
"""Bounds of floats in IEEE 754 total order, as `profile='modern'` writes them (parquet.thrift, ColumnOrder).

What the rules say is computed here from the values' bits; the plain-Python reader holds every promise of
the file against its values; filters and other engines must see the same rows as without bounds.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import oracle
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from oracle import indexes
from oracle.promises import broken

from py_parquet_forge import read_parquet, write_parquet

ROWS_PER_PAGE = 10
SEED = random.randrange(2**32)
TYPES = [pytest.param(t, id=t) for t in ("float16", "float32", "float64")]


@pytest.fixture
def rng():
    print(f"seed {SEED}")
    return random.Random(SEED)


def specials(name: str) -> np.ndarray:
    """Both zeros, infinities, NaN of both signs and several payloads, and numbers."""
    unsigned = np.dtype(f"uint{name[5:]}")
    quiet = np.array([np.nan], name).view(unsigned)[0]
    sign = unsigned.type(1) << unsigned.type(8 * unsigned.itemsize - 1)
    nans = np.array([quiet, quiet | sign, quiet | 5, quiet | sign | 5], unsigned).view(name)
    with np.errstate(over="ignore"):
        numbers = np.array([0.0, -0.0, np.inf, -np.inf, 1.5, -1.5, 6e-8, -6e-8, 65504, -65504], name)
    return np.concatenate([nans, numbers])


def page_kinds(name: str) -> list[np.ndarray]:
    every = specials(name)
    return [every[:1], every[1:2], every[:4], every[4:5], every[5:6], every[4:6], every[:6], every[4:], every]


def pages_of(name: str, rng, count: int) -> np.ndarray:
    kinds = page_kinds(name)
    picks = [kinds[rng.randrange(len(kinds))] for _ in range(count)]
    values = [kind[rng.randrange(len(kind))] for kind in picks for _ in range(ROWS_PER_PAGE)]
    return np.array(values, name)


def total_order_keys(values: np.ndarray) -> np.ndarray:
    bits = values.view(f"int{8 * values.itemsize}").astype(np.int64)
    return np.where(bits < 0, bits ^ ((1 << (8 * values.itemsize - 1)) - 1), bits)


def expected_bounds(values: np.ndarray) -> tuple[bytes, bytes]:
    numbers = values[~np.isnan(values)]
    of = numbers if len(numbers) else values
    keys = total_order_keys(of)
    return of[keys.argmin()].tobytes(), of[keys.argmax()].tobytes()


def write(path, table: pa.Table, **keywords) -> None:
    keywords = {"profile": "modern", "max_rows_per_page": ROWS_PER_PAGE, **keywords}
    write_parquet(table, path, table.schema, **keywords)


def with_nulls(values: np.ndarray, rng) -> pa.Array:
    mask = np.array([rng.random() < 0.3 for _ in values])
    return pa.array(values, mask=mask)


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_bounds_are_exact_in_total_order(tmp_path, rng, name, use_dictionary):
    for turn in range(6):
        values = pages_of(name, rng, 12)
        path = tmp_path / str(turn)
        write(path, pa.table({"f": values}), use_dictionary=use_dictionary)
        table = oracle.read(path)
        assert broken(table) == []
        assert table.file.metadata.column_orders[0].IEEE_754_TOTAL_ORDER is not None
        statistics = table.chunks[0][0].meta.statistics
        assert (statistics.min_value, statistics.max_value) == expected_bounds(values)
        assert statistics.is_min_value_exact and statistics.is_max_value_exact
        assert statistics.min is None and statistics.max is None
        assert statistics.nan_count == np.isnan(values).sum()
        index = indexes.column_index(table.file, 0, 0)
        pages = values.reshape(-1, ROWS_PER_PAGE)
        assert list(zip(index.min_values, index.max_values)) == [expected_bounds(page) for page in pages]
        assert index.nan_counts == [np.isnan(page).sum() for page in pages]
        assert not any(index.null_pages)


@pytest.mark.parametrize("name", TYPES)
def test_promises_hold_beside_nulls_and_in_lists(tmp_path, rng, name):
    for turn in range(4):
        flat = with_nulls(pages_of(name, rng, 12), rng)
        offsets = pa.array(sorted(rng.randrange(len(flat) + 1) for _ in flat) + [len(flat)], pa.int32())
        table = pa.table({"f": flat, "l": pa.ListArray.from_arrays(offsets, flat)})
        path = tmp_path / str(turn)
        write(path, table)
        assert broken(oracle.read(path)) == []


@pytest.mark.parametrize(
    ("pages", "order"),
    [
        ([-np.inf, -0.0, 0.0, 1.0], "ASCENDING"),
        ([1.0, 0.0, -0.0, -1.0], "DESCENDING"),
        ([0.0, -0.0, 1.0], "UNORDERED"),
        ([1.0, np.inf, np.nan], "ASCENDING"),
        ([1.0, np.nan, 2.0], "UNORDERED"),
    ],
)
def test_pages_are_ordered_by_the_bits(tmp_path, pages, order):
    write(tmp_path / "a", pa.table({"f": np.repeat(pages, ROWS_PER_PAGE)}))
    table = oracle.read(tmp_path / "a")
    assert broken(table) == []
    orders = ["UNORDERED", "ASCENDING", "DESCENDING"]
    assert orders[indexes.column_index(table.file, 0, 0).boundary_order] == order


def predicates(name: str) -> list[pc.Expression]:
    field = pc.field("f")
    literals = [pa.scalar(x, name) for x in map(np.dtype(name).type, (0.0, -0.0, 1.5, -1.5, np.inf, np.nan))]
    compared = [op(field, x) for op in (_lt, _le, _gt, _ge, _eq, _ne) for x in literals]
    return [*compared, field.is_nan(), ~field.is_nan(), field.is_null(), field.is_valid()]


def _lt(a, b):
    return a < b


def _le(a, b):
    return a <= b


def _gt(a, b):
    return a > b


def _ge(a, b):
    return a >= b


def _eq(a, b):
    return a == b


def _ne(a, b):
    return a != b


def row_numbers(table: pa.Table) -> list[int]:
    return table["row"].to_pylist()


@pytest.mark.parametrize("name", TYPES[1:])
def test_filters_return_the_rows_of_a_full_read(tmp_path, rng, name):
    for turn in range(2):
        values = with_nulls(pages_of(name, rng, 20), rng)
        table = pa.table({"f": values, "row": range(len(values))})
        path = tmp_path / str(turn)
        write(path, table, row_group_size=40)
        for predicate in predicates(name):
            expected = row_numbers(table.filter(predicate))
            assert row_numbers(read_parquet(path, filters=predicate, output_format="arrow")) == expected, (
                predicate
            )
            assert row_numbers(pq.read_table(path, filters=predicate)) == expected, predicate


def test_row_groups_of_nothing_but_nan_are_left_out(tmp_path):
    values = np.concatenate([np.full(100, np.nan), np.full(100, 2.0), np.full(100, -0.0)])
    write(tmp_path / "a", pa.table({"f": values}), row_group_size=100)
    for low, high in itertools.pairwise((-np.inf, -0.0, 1.0, np.inf)):
        predicate = (pc.field("f") >= low) & (pc.field("f") <= high)
        found = read_parquet(tmp_path / "a", filters=predicate, output_format="arrow")
        assert found.num_rows == sum(low <= value <= high for value in values)
    assert read_parquet(tmp_path / "a", filters=pc.field("f") == 0.0, output_format="arrow").num_rows == 100


@pytest.mark.parametrize("name", TYPES[1:])
def test_other_engines_filter_right(tmp_path, rng, name):
    """Engines that do not know the order must not prune by it: NaN and zeros are where they differ."""
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    values = pages_of(name, rng, 30)
    table = pa.table({"f": values, "row": range(len(values))})
    path = tmp_path / "a"
    plain = tmp_path / "plain"  # the same rows without any bounds
    write(path, table, row_group_size=50)
    write(plain, table, row_group_size=50, write_statistics=False, write_page_index=False)
    for text in ("= 0", "= '-0'", "> 0", "< 0", ">= 1.5", "<= -1.5", "= 'nan'", "> 'inf'", "= 'inf'", "<> 0"):
        query = "select row from read_parquet('{}') where f {}::{} order by row"
        sql_type = {"float32": "float", "float64": "double"}[name]
        operator, literal = text.split()
        with_bounds, without = (
            duckdb.sql(query.format(p, f"{operator} {literal}", sql_type)).fetchall() for p in (path, plain)
        )
        assert with_bounds == without, text
    column = polars.col("f")
    for predicate in (
        column == 0.0,
        column > 0.0,
        column < 0.0,
        column.is_nan(),
        column >= 1.5,
        column != 0.0,
    ):
        with_bounds, without = (
            polars.scan_parquet(p).filter(predicate).collect()["row"].to_list() for p in (path, plain)
        )
        assert with_bounds == without, str(predicate)


def test_compatible_files_keep_the_order_of_types(tmp_path):
    write(tmp_path / "a", pa.table({"f": [0.0, 1.0], "i": [1, 2]}), profile="compatible")
    write(tmp_path / "b", pa.table({"f": [0.0, 1.0], "i": [1, 2]}))
    orders = {p: oracle.read(tmp_path / p).file.metadata.column_orders for p in "ab"}
    assert [o.TYPE_ORDER is not None for o in orders["a"]] == [True, True]
    assert [o.TYPE_ORDER is not None for o in orders["b"]] == [False, True]
