# SPDX-License-Identifier: Apache-2.0
"""Pages that say something else of themselves than what is in them."""

from __future__ import annotations

import datetime
import struct

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from interop import handmade as made
from interop.handmade import BOOLEAN, BYTE_ARRAY, DOUBLE, FIXED, FLOAT, INT32, INT64, INT96, one_column

from py_parquet_forge import read_parquet, read_parquet_iter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.parquet"


def values_of(path, data: bytes) -> list:
    path.write_bytes(data)
    found = read_parquet(path, output_format="arrow")["a"].to_pylist()
    pieces = [value for batch in read_parquet_iter(path, 1) for value in batch["a"].to_pylist()]
    assert pieces == found
    return found


def refused(path, data: bytes, *words: str) -> None:
    """Whole, and in pieces."""
    path.write_bytes(data)
    for read in (read_parquet, lambda path: list(read_parquet_iter(path, 1))):
        with pytest.raises(pa.ArrowInvalid) as caught:
            read(path)
        for word in ("x.parquet", "row group 0", "column a", *words):
            assert word in str(caught.value), str(caught.value)


# -- rows and nulls of pages of version 2 --

BITS = {1: b"\3\xff", 0.5: b"\3\x05"}  # definition levels: all, or values 0 and 2
GOOD = made.page_v2(made.plain(INT32, [1, 2]), 3, nulls=1, levels=BITS[0.5])


def optional(*pages: bytes) -> bytes:
    num_values = 3 * len(pages)
    return one_column(INT32, [], pages=b"".join(pages), num_values=num_values, repetition=made.OPTIONAL)


def test_pages_that_tell_the_truth(path):
    assert values_of(path, optional(GOOD, GOOD)) == [1, None, 2] * 2


@pytest.mark.parametrize("nulls", [0, 2, -1, 2**31 - 1])
def test_nulls_that_the_header_miscounts(nulls, path):
    bad = made.page_v2(made.plain(INT32, [1, 2]), 3, nulls=nulls, levels=BITS[0.5])
    refused(path, optional(GOOD, bad), "page 1", "has 1 nulls", f"header says {nulls}")


@pytest.mark.parametrize("rows", [0, 2, 4, -3])
def test_rows_that_the_header_miscounts(rows, path):
    bad = made.page_v2(made.plain(INT32, [1, 2]), 3, nulls=1, levels=BITS[0.5], rows=rows)
    refused(path, optional(GOOD, bad), "page 1", "has 3 rows", f"header says {rows}")


@pytest.mark.parametrize("more", [{"nulls": 1}, {"rows": 2}])
def test_headers_of_required_columns(more, path):
    refused(
        path,
        one_column(INT64, [], pages=made.page_v2(made.plain(INT64, [1]), 1, **more), num_values=1),
        "page 0",
    )


def lists(*pages: bytes) -> bytes:
    """A page holds three entries: [1, 2] and []."""
    body = b"".join(pages)
    schema = [
        made.element(b"a", None, made.OPTIONAL, converted="LIST", children=1),
        made.element(b"list", None, 2, children=1),
        made.element(b"element", INT32, made.OPTIONAL),
    ]
    chunk = made.chunk_of(INT32, [b"a", b"list", b"element"], 3 * len(pages), 4, len(body))
    return made.file_of(schema, [chunk], 2 * len(pages), body, roots=1)


def page_of_lists(**more) -> bytes:
    levels = {"repetition": b"\3\2", "levels": b"\3\x1f\0"}  # 0 1 0, 3 3 1
    return made.page_v2(made.plain(INT32, [1, 2]), 3, **{"nulls": 1, "rows": 2, **levels, **more})


def test_lists_whose_pages_tell_the_truth(path):
    assert values_of(path, lists(page_of_lists(), page_of_lists())) == [[1, 2], []] * 2


@pytest.mark.parametrize("more", [{"nulls": 0}, {"nulls": 3}, {"rows": 3}, {"rows": 1}])
def test_lists_whose_header_miscounts(more, path):
    words = [f"header says {number}" for number in more.values()]
    refused(path, lists(page_of_lists(), page_of_lists(**more)), "page 1", *words)
    refused(path, lists(page_of_lists(**more), page_of_lists()), "page 0", *words)


# -- bytes behind the values --

VALUES = {
    BOOLEAN: (b"\5", [True, False, True]),
    INT32: (made.plain(INT32, [1, 2, 3]), [1, 2, 3]),
    INT64: (made.plain(INT64, [1, 2, 3]), [1, 2, 3]),
    FLOAT: (made.plain(FLOAT, [1, 2, 3]), [1, 2, 3]),
    DOUBLE: (made.plain(DOUBLE, [1, 2, 3]), [1, 2, 3]),
    BYTE_ARRAY: (made.plain(BYTE_ARRAY, [b"a", b"", b"c"]), [b"a", b"", b"c"]),
    FIXED: (b"abcdef", [b"ab", b"cd", b"ef"]),
    INT96: (struct.pack("<qi", 0, 2440588) * 3, [datetime.datetime(1970, 1, 1)] * 3),
}


def page_of(version: int, physical: int, rest: bytes, levels: bytes = b"") -> bytes:
    body = VALUES[physical][0] + rest
    if version == 2:
        return made.page_v2(body, 3, levels=levels)
    return made.page_v1((len(levels).to_bytes(4, "little") + levels if levels else b"") + body, 3)


def three(physical: int, pages: bytes, repetition: int = made.REQUIRED) -> bytes:
    column = {"length": 2} if physical == FIXED else {}
    return one_column(physical, [], pages=pages, num_values=3, repetition=repetition, **column)


@pytest.mark.parametrize("repetition", [made.REQUIRED, made.OPTIONAL])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("physical", VALUES)
def test_bytes_behind_plain_values(physical, version, repetition, path):
    levels = BITS[1] if repetition else b""
    assert (
        values_of(path, three(physical, page_of(version, physical, b"", levels), repetition))
        == VALUES[physical][1]
    )
    for rest in (b"\0", b"\0" * 4, b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\1", b"\1" + b"\0" * 7, b"\0" * 100):
        data = three(physical, page_of(version, physical, rest, levels), repetition)
        refused(path, data, "page 0", f"{len(rest)} bytes are left behind the page's 3 values")


@pytest.mark.parametrize("physical", VALUES)
def test_the_padding_of_fastparquet_is_none_of_it(physical, path):
    """Eight zeros, and in pages of version 1 alone."""
    for levels, repetition in ((b"", made.REQUIRED), (BITS[1], made.OPTIONAL)):
        data = three(physical, page_of(1, physical, b"\0" * 8, levels), repetition)
        assert values_of(path, data) == VALUES[physical][1]
        refused(path, three(physical, page_of(2, physical, b"\0" * 8, levels), repetition), "8 bytes")


@pytest.mark.parametrize("physical", VALUES)
def test_an_optional_column_that_is_called_required(physical, path):
    """Its levels would be the first values: of strings even sound ones, each a row too late."""
    refused(path, three(physical, page_of(1, physical, b"", BITS[1])), "page 0")


def test_a_page_of_nulls_and_bytes(path):
    levels = b"\6\0"  # three times 0
    for version in (1, 2):
        body = b"" if version == 2 else len(levels).to_bytes(4, "little") + levels
        for rest in (b"", b"1234"):
            page = (
                made.page_v1(body + rest, 3)
                if version == 1
                else made.page_v2(rest, 3, nulls=3, levels=levels)
            )
            data = three(INT32, page, made.OPTIONAL)
            if rest:
                refused(path, data, "4 bytes are left")
            else:
                assert values_of(path, data) == [None] * 3


@pytest.mark.parametrize("has_nulls", [True, False])
def test_files_of_fastparquet(has_nulls, path):
    fastparquet = pytest.importorskip("fastparquet")
    import pandas as pd

    frame = pd.DataFrame(
        {"a": [1, 2, 3], "b": [True, False, True], "c": ["x", "", "z"], "d": [0.5, 1.5, 2.5]}
    )
    fastparquet.write(str(path), frame, has_nulls=has_nulls)
    assert read_parquet(path, output_format="arrow").to_pylist() == frame.to_dict("records")


# -- bytes that the schema does not speak of, and values that the footer does not --


def runs(value: int, count: int) -> bytes:
    return bytes([count << 1, value])


def v1(levels: bytes, body: bytes, count: int, encoding: int = 0) -> bytes:
    return made.page_v1(len(levels).to_bytes(4, "little") + levels + body, count, encoding=encoding)


def test_booleans_in_runs_that_a_required_column_calls_levels(path):
    values = b"\2\0\0\0" + runs(1, 4)
    page = v1(runs(1, 4), values, 4, encoding=3)
    assert (
        values_of(path, one_column(BOOLEAN, [], pages=page, num_values=4, repetition=made.OPTIONAL))
        == [True] * 4
    )
    refused(path, one_column(BOOLEAN, [], pages=page, num_values=4), "page 0", "6 bytes are left behind")


@pytest.mark.parametrize("more", [b"\0", runs(1, 1)])
def test_levels_that_are_not_used_up(more, path):
    page = v1(runs(1, 3) + more, made.plain(INT32, [1, 2, 3]), 3)
    data = one_column(INT32, [], pages=page, num_values=3, repetition=made.OPTIONAL)
    refused(path, data, "page 0", "left behind the page's definition levels")


def test_pages_behind_the_values_that_the_footer_claims(path):
    pages = [made.page_v1(made.plain(INT32, [i, i + 1]), 2) for i in range(3)]
    assert values_of(path, one_column(INT32, [], pages=b"".join(pages), num_values=6)) == [0, 1, 1, 2, 2, 3]
    body = b"".join(pages)
    refused(path, one_column(INT32, [], pages=body, num_values=4), "behind the 4 values", "a page of 2 more")
    # what is no page is nothing
    assert values_of(path, one_column(INT32, [], pages=body + b"\xff" * 40, num_values=6)) == [
        0,
        1,
        1,
        2,
        2,
        3,
    ]


@pytest.mark.parametrize("claimed", [0, 2, 4])
def test_a_column_chunk_that_claims_other_values_than_there_are_rows(claimed, path):
    body = made.page_v1(made.plain(INT32, [1, 2, 3]), 3)
    chunk = made.chunk_of(INT32, [b"a"], claimed, 4, len(body))
    data = made.file_of([made.element(b"a", INT32)], [chunk], 3, body)
    refused(path, data, f"claims {claimed} values", "3 rows")
    with pytest.raises(pa.ArrowInvalid, match="3 rows"):
        read_parquet(path, filters=pc.field("a") == 2)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("extra", [-8, 8, 3])
def test_streams_of_more_or_fewer_values_than_the_page_has(version, extra, path):
    split = bytes(pa.array([1.5, 2.5, 3.5]).buffers()[1])[:24]
    body = bytes(split[8 * (k % 3) + k // 3] for k in range(24))
    body = body[: len(body) + extra] if extra < 0 else body + b"\7" * extra
    levels = b"\3\x0d"  # values 0, 2 and 3 of four
    page = (
        v1(levels, body, 4, encoding=9)
        if version == 1
        else made.page_v2(body, 4, nulls=1, levels=levels, encoding=9)
    )
    data = one_column(DOUBLE, [], pages=page, num_values=4, repetition=made.OPTIONAL)
    refused(path, data, "page 0", "byte stream split", "for 3 values")


@pytest.mark.parametrize("physical", [INT32, BYTE_ARRAY, DOUBLE])
def test_bytes_behind_the_values_of_a_dictionary(physical, path):
    values = [b"x", b"yy"] if physical == BYTE_ARRAY else [1, 2]
    codes = made.page_v1(b"\1\3\x02", 2, encoding=8)

    def of(more: bytes) -> bytes:
        pages = made.dictionary_page(made.plain(physical, values) + more, 2) + codes
        return one_column(physical, [], pages=pages, num_values=2)

    assert values_of(path, of(b"")) == values_of(path, of(bytes(8))) == [values[0], values[1]]
    refused(path, of(b"abc"), "3 bytes are left behind the dictionary page's 2 values")


def test_nulls_of_a_required_column(path):
    body = made.page_v1(made.plain(INT32, [1, 2, 3]), 3)
    chunk = made.chunk_of(INT32, [b"a"], 3, 4, len(body))
    chunk[12] = [made.STRUCT, {3: [made.I64, 1]}]
    data = made.file_of([made.element(b"a", INT32)], [chunk], 3, body)
    refused(path, data, "statistics count 1 nulls", "required")
