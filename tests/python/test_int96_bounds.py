# SPDX-License-Identifier: Apache-2.0
"""Bounds of INT96 columns: used where the file declares INT96_TIMESTAMP_ORDER, and nowhere else.

The bounds of these files lie: they are those of the first page. Rows that a filter should find and does not
tell that they were used.
"""

from __future__ import annotations

import datetime
import struct

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from interop import handmade as made
from interop.thrift import BINARY, FALSE, I32, I64, LIST, STRUCT, Footer, encode

from py_parquet_forge import read_metadata, read_parquet

EPOCH = 2440588  # Julian day of 1970-01-01
DAY = 86_400 * 10**9
TYPE_ORDER, TOTAL_ORDER, INT96_ORDER = 1, 2, 3
FIRST = datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)
SECOND = datetime.datetime(2020, 1, 1, 12)


def int96(day: int, ns: int) -> bytes:
    return struct.pack("<qi", ns, EPOCH + day)


PAGES = [[int96(-1, DAY - 1000)] * 2, [int96(18262, DAY // 2)] * 2]
LOW, HIGH = PAGES[0][0], PAGES[0][0]


def footer_with(order: int | None) -> Footer:
    pages = b"".join(made.page_v1(made.plain(made.INT96, page), 2) for page in PAGES)
    footer = Footer(made.one_column(made.INT96, [], pages=pages, num_values=4))
    if order is not None:
        footer.meta[7] = [LIST, (STRUCT, [{order: made.EMPTY}])]
    return footer


def statistics(order: int | None, low: bytes = LOW, high: bytes = HIGH, deprecated: bool = False) -> bytes:
    footer = footer_with(order)
    numbers = (2, 1) if deprecated else (6, 5)
    footer.meta[6] = [BINARY, b"impala version 4.0"]
    footer.chunk(0, 0)[12] = [STRUCT, dict(sorted(zip(numbers, ([BINARY, low], [BINARY, high]))))]
    return footer.bytes()


def column_index(order: int | None, low: bytes = LOW, high: bytes = HIGH) -> bytes:
    """Both pages have the bounds of the first one."""
    footer = footer_with(order)
    size = len(made.page_v1(made.plain(made.INT96, PAGES[0]), 2))
    column = encode(
        {
            1: [LIST, (FALSE, [False, False])],
            2: [LIST, (BINARY, [low, low])],
            3: [LIST, (BINARY, [high, high])],
            4: [I32, 0],
        }
    )
    places = [{1: [I64, 4 + i * size], 2: [I32, size], 3: [I64, 2 * i]} for i in range(2)]
    offset = encode({1: [LIST, (STRUCT, places)]})
    at = len(footer.body)
    footer.row_group(0)[1][1][1][0].update(
        {4: [I64, at + len(column)], 5: [I32, len(offset)], 6: [I64, at], 7: [I32, len(column)]}
    )
    footer.body += column + offset
    return footer.bytes()


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "x.parquet"

    def call(data: bytes, where, unit: str = "us") -> int:
        path.write_bytes(data)
        assert read_parquet(path, output_format="arrow", coerce_int96_timestamp_unit=unit).num_rows == 4
        return read_parquet(
            path, output_format="arrow", filters=where, coerce_int96_timestamp_unit=unit
        ).num_rows

    return call


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("where", [statistics, column_index], ids=["statistics", "column index"])
@pytest.mark.parametrize("order", [None, TYPE_ORDER, TOTAL_ORDER, INT96_ORDER, 4])
def test_bounds_count_where_the_order_is_declared(order, where, unit, found):
    data, later = where(order), pc.field("a") >= pa.scalar(SECOND, pa.timestamp("us"))
    assert found(data, later, unit) == (0 if order == INT96_ORDER else 2)
    sooner = pc.field("a") < pa.scalar(FIRST + datetime.timedelta(seconds=1), pa.timestamp("us"))
    assert found(data, sooner, unit) == 2
    assert found(data, pc.field("a") == pa.scalar(SECOND, pa.timestamp("us")), unit) == (
        0 if order == INT96_ORDER else 2
    )


@pytest.mark.parametrize("order", [None, TYPE_ORDER, INT96_ORDER])
def test_deprecated_bounds_never_count(order, found):
    assert found(statistics(order, deprecated=True), pc.field("a") == SECOND) == 2


@pytest.mark.parametrize("where", [statistics, column_index], ids=["statistics", "column index"])
@pytest.mark.parametrize("ns", [-1, DAY, 2**63 - 1, -(2**63)])
def test_bounds_outside_their_day_do_not_count(ns, where, found):
    """The order by days is that of time only where nanoseconds stay within the day."""
    later = pc.field("a") == SECOND
    assert found(where(INT96_ORDER, low=int96(-2, ns)), later) == 2
    assert found(where(INT96_ORDER, high=int96(0, ns)), later) == 2


def test_bounds_are_told(tmp_path):
    (tmp_path / "x").write_bytes(statistics(INT96_ORDER))
    told = read_metadata(tmp_path / "x")["row_groups"][0]["columns"][0]["statistics"]
    assert (told["min"], told["max"]) == (FIRST, FIRST)
    (tmp_path / "x").write_bytes(statistics(TYPE_ORDER))
    told = read_metadata(tmp_path / "x")["row_groups"][0]["columns"][0]["statistics"]
    assert (told["min"], told["max"]) == (None, None)
