# SPDX-License-Identifier: Apache-2.0
"""Footers of foreign files: large ones, of which little is needed, and those whose numbers are wrong."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import handmade as made
from interop.handmade import INT32, OPTIONAL, REQUIRED
from interop.thrift import I16, I32, I64, Footer

from py_parquet_forge import merge, read_metadata, read_parquet, read_parquet_iter

COLUMNS, GROUPS, ROWS = 1500, 4, 5


def arrow(path, **options) -> pa.Table:
    return read_parquet(path, output_format="arrow", **options)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A footer of 0.7 MB: its column chunks are read when they are asked for."""
    path = tmp_path_factory.mktemp("wide") / "x.parquet"
    rows = np.arange(GROUPS * ROWS)
    table = pa.table({f"c{i}": rows * i for i in range(COLUMNS)})
    pq.write_table(table, path, row_group_size=ROWS)
    data = path.read_bytes()
    assert int.from_bytes(data[-8:-4], "little") > 1 << 18
    return path, table


def test_some_columns_of_many(wide):
    path, table = wide
    names = ["c1499", "c0", "c700"]
    assert arrow(path, columns=names).equals(table.select(names))
    batches = list(read_parquet_iter(path, chunk_size=7, columns=names))
    assert pa.Table.from_batches(batches).equals(table.select(names))
    assert arrow(path, columns=["c2"], filters=[("c1", ">=", 12)])["c2"].to_pylist() == [
        2 * i for i in range(12, 20)
    ]


def test_all_columns_of_many(wide):
    path, table = wide
    assert arrow(path).equals(table)


def test_metadata_of_many_columns(wide):
    path, _ = wide
    found, theirs = read_metadata(path), pq.read_metadata(path)
    assert len(found["row_groups"]) == GROUPS
    for g in (0, GROUPS - 1):
        columns = found["row_groups"][g]["columns"]
        assert [c["compressed_bytes"] for c in columns] == [
            theirs.row_group(g).column(i).total_compressed_size for i in range(COLUMNS)
        ]


def test_merging_files_of_many_columns(wide, tmp_path):
    path, table = wide
    merge([path, path], tmp_path / "y.parquet")
    assert arrow(tmp_path / "y.parquet", columns=["c3"]).equals(
        pa.concat_tables([table, table]).select(["c3"])
    )


def test_threads_may_ask_for_the_same_chunks(wide):
    path, table = wide
    found = []
    expected = table.select([f"c{i}" for i in range(0, COLUMNS, 3)])
    work = [
        threading.Thread(
            target=lambda: found.append(arrow(path, columns=expected.column_names).equals(expected))
        )
        for _ in range(6)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert found == [True] * 6


def test_damage_of_a_column_that_is_not_read_is_no_matter(wide, tmp_path):
    path, table = wide
    footer = Footer(path.read_bytes())
    footer.chunk(1, 7)[7] = [I64, 1 << 50]
    footer.chunk(2, 8)[1] = [I32, 1]
    bad = tmp_path / "x.parquet"
    bad.write_bytes(footer.bytes())
    assert arrow(bad, columns=["c6"]).equals(table.select(["c6"]))
    for column, group in (("c7", 1), ("c8", 2)):
        with pytest.raises(pa.ArrowInvalid, match=f"row group {group}, column {column}"):
            arrow(bad, columns=[column])


@pytest.mark.parametrize("at", [100_000, 300_000, -30, -9])
def test_a_large_footer_cut_or_flipped_is_an_error_or_data(wide, at, tmp_path):
    path, _ = wide
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[-8:-4], "little")
    data[len(data) - 8 - size + at if at > 0 else at] ^= 0xFF
    bad = tmp_path / "x.parquet"
    bad.write_bytes(bytes(data))
    try:
        arrow(bad)
    except (pa.ArrowInvalid, NotImplementedError):
        pass


def test_a_row_group_of_many_columns_that_claims_no_rows(wide, tmp_path):
    path, _ = wide
    footer = Footer(path.read_bytes())
    footer.row_group(1)[3] = [I64, 0]
    footer.meta[3] = [I64, (GROUPS - 1) * ROWS]
    bad = tmp_path / "x.parquet"
    bad.write_bytes(footer.bytes())
    with pytest.raises(pa.ArrowInvalid, match="claims 0 rows"):
        arrow(bad, columns=["c6"])


# -- numbers that are wrong --


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": list(range(10))}), path, row_group_size=5)

    def forge(change) -> pa.Table:
        footer = Footer(path.read_bytes())
        change(footer)
        bad = tmp_path / "y.parquet"
        bad.write_bytes(footer.bytes())
        return arrow(bad)

    return forge


@pytest.mark.parametrize("ordinal", [None, -32768, 7, 32767])
def test_ordinals_of_row_groups_do_not_matter(ordinal, small):
    """They are 16 bits wide: beyond 32,767 row groups writers leave them out or wrap."""

    def change(footer):
        for number in range(2):
            group = footer.row_group(number)
            group.pop(7, None)
            if ordinal is not None:
                group[7] = [I16, ordinal]

    assert small(change)["a"].to_pylist() == list(range(10))


@pytest.fixture
def two(tmp_path):
    """Two columns of one type, and a change to the path of a column chunk."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4], "c": ["x", "y"]}), path, row_group_size=1)

    def forge(change, **options) -> pa.Table:
        footer = Footer(path.read_bytes())
        change(footer)
        bad = tmp_path / "y.parquet"
        bad.write_bytes(footer.bytes())
        return arrow(bad, **options)

    return forge


def rename(footer, column: int, name: bytes) -> None:
    meta = footer.chunk(1, column)
    meta[3] = [meta[3][0], (meta[3][1][0], [name])]


def test_column_chunks_in_another_order_are_refused(two):
    def swap(footer):
        _, columns = footer.row_group(1)[1][1]
        columns[0], columns[1] = columns[1], columns[0]

    with pytest.raises(pa.ArrowInvalid, match="column b"):
        two(swap)
    with pytest.raises(pa.ArrowInvalid, match="column b"):
        two(lambda footer: rename(footer, 0, b"b"))


@pytest.mark.parametrize("name", [b"A", b"", b"a\0", b"schema.a"])
def test_a_path_that_is_no_column_is_no_matter(name, two):
    """Writers differ in what they put there; readers go by the place."""
    assert two(lambda footer: rename(footer, 0, name))["a"].to_pylist() == [1, 2]


def test_a_file_whose_writer_left_the_number_of_rows_0(small):
    def change(footer):
        footer.meta[3] = [I64, 0]

    assert small(change).num_rows == 10


@pytest.mark.parametrize("count", [9, 11, -1, 2**62])
def test_a_number_of_rows_that_the_row_groups_do_not_have(count, small):
    def change(footer):
        footer.meta[3] = [I64, count]

    with pytest.raises(pa.ArrowInvalid, match="10"):
        small(change)


@pytest.mark.parametrize("count", [0, 4, 6])
@pytest.mark.parametrize("total", ["consistent", "as it was"])
def test_a_row_group_whose_pages_have_other_rows(count, total, small):
    def change(footer):
        footer.row_group(1)[3] = [I64, count]
        if total == "consistent":
            footer.meta[3] = [I64, 5 + count]

    with pytest.raises(pa.ArrowInvalid):
        small(change)


def test_more_row_groups_than_their_ordinals_count(tmp_path):
    """33,000 row groups, each with an ordinal that has wrapped."""
    path = tmp_path / "x.parquet"
    page = made.page_v1(made.plain(INT32, [7]), 1)
    path.write_bytes(made.one_column(INT32, [7], pages=page))
    footer = Footer(path.read_bytes())
    group = footer.row_group(0)
    count = 33_000
    groups = [{**group, 7: [I16, (i + 32768) % 65536 - 32768]} for i in range(count)]
    footer.meta[4] = [footer.meta[4][0], (footer.meta[4][1][0], groups)]
    footer.meta[3] = [I64, count]
    path.write_bytes(footer.bytes())
    assert arrow(path)["a"].to_pylist() == [7] * count
    batch = next(iter(read_parquet_iter(path, chunk_size=32_900)))
    assert batch.num_rows == 32_900


@pytest.mark.parametrize("size", [0, 10_000, 200_000, 3_000_000])
def test_page_headers_of_any_size(size, tmp_path):
    """Statistics of strings may make a header longer than any window."""
    bound = {5: [made.BINARY, b"z" * size], 6: [made.BINARY, b"a" * size]}
    inner = {1: [I32, 2], 2: [I32, 0], 3: [I32, 3], 4: [I32, 3], 5: [made.STRUCT, bound]}
    body = made.plain(INT32, [1, 2])
    header = {1: [I32, 0], 2: [I32, len(body)], 3: [I32, len(body)], 5: [made.STRUCT, inner]}
    pages = made.encode(header) + body
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [1, 2], pages=pages * 2, num_values=4))
    assert arrow(path)["a"].to_pylist() == [1, 2, 1, 2]


# -- pages without content --

CODECS = {
    made.NONE: lambda d: d,
    made.SNAPPY: lambda d: bytes(pa.compress(d, "snappy", asbytes=True)),
    made.GZIP: lambda d: bytes(pa.compress(d, "gzip", asbytes=True)),
    made.BROTLI: lambda d: bytes(pa.compress(d, "brotli", asbytes=True)),
    made.ZSTD: lambda d: bytes(pa.compress(d, "zstd", asbytes=True)),
    made.LZ4_RAW: lambda d: bytes(pa.compress(d, "lz4_raw", asbytes=True)),
    made.LZ4: lambda d: bytes(pa.compress(d, "lz4", asbytes=True)),
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("empty", ["stored as nothing", "compressed"])
@pytest.mark.parametrize("version", [1, 2])
def test_pages_of_no_values_and_of_no_bytes(codec, empty, version, tmp_path):
    pack = CODECS[codec]
    none = b"" if empty == "stored as nothing" else pack(b"")
    page = made.page_v1 if version == 1 else made.page_v2
    values = made.plain(INT32, [1, 2, 3])
    pages = page(none, 0, 0) + page(pack(values), 3, len(values)) + page(none, 0, 0)
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [1, 2, 3], pages=pages, codec=codec))
    assert arrow(path)["a"].to_pylist() == [1, 2, 3]
    assert [b.num_rows for b in read_parquet_iter(path, chunk_size=2)] == [2, 1]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("empty", ["stored as nothing", "compressed"])
def test_a_page_of_nulls_alone(codec, empty, tmp_path):
    none = b"" if empty == "stored as nothing" else CODECS[codec](b"")
    levels = b"\x06\x00"  # a run of 3 times level 0
    pages = made.page_v2(none, 3, 0, nulls=3, levels=levels)
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [], pages=pages, codec=codec, num_values=3, repetition=OPTIONAL))
    assert arrow(path)["a"].to_pylist() == [None] * 3


@pytest.mark.parametrize("codec", CODECS)
def test_a_version_2_page_that_says_it_is_not_compressed(codec, tmp_path):
    values = made.plain(INT32, [1, 2, 3])
    pages = made.page_v2(values, 3, compressed=False) + made.page_v2(
        CODECS[codec](values), 3, len(values), compressed=True
    )
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [], pages=pages, codec=codec, num_values=6))
    assert arrow(path)["a"].to_pylist() == [1, 2, 3] * 2


def test_a_file_of_no_row_groups(tmp_path):
    path = tmp_path / "x.parquet"
    for has_group in (False, True):
        chunk = made.chunk_of(INT32, [b"a"], 0, 4, 0)
        path.write_bytes(
            made.file_of([made.element(b"a", INT32, REQUIRED)], [chunk], 0, b"", has_group=has_group)
        )
        assert arrow(path).to_pydict() == {"a": []}


# -- framings --


def test_gzip_of_several_members_and_zlib(tmp_path):
    import gzip
    import zlib

    values = made.plain(INT32, list(range(100)))
    parts = [values[:40], b"", values[40:41], values[41:]]
    forms = {
        "members": b"".join(gzip.compress(p) for p in parts),
        "one": gzip.compress(values),
        "zlib": zlib.compress(values),
        "named": b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"name\0" + gzip.compress(values)[10:],
    }
    for name, body in forms.items():
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(
            made.one_column(
                INT32, [], pages=made.page_v1(body, 100, len(values)), codec=made.GZIP, num_values=100
            )
        )
        assert arrow(path)["a"].to_pylist() == list(range(100)), name


def test_the_framings_that_lz4_has_had(tmp_path):
    values = made.plain(INT32, list(range(1000)))
    raw = CODECS[made.LZ4_RAW]

    def hadoop(*parts: bytes) -> bytes:
        blocks = [(len(p).to_bytes(4, "big"), raw(p)) for p in parts]
        return b"".join(n + len(b).to_bytes(4, "big") + b for n, b in blocks)

    forms = {"hadoop": hadoop(values), "hadoop blocks": hadoop(values[:999], values[999:])}
    inner = hadoop(values[:999])[4:] + hadoop(values[999:])[4:]
    forms["one piece of two blocks"] = len(values).to_bytes(4, "big") + inner
    forms |= {"frame": CODECS[made.LZ4](values), "raw": raw(values)}
    for name, body in forms.items():
        path = tmp_path / f"{name}.parquet"
        pages = made.page_v1(body, 1000, len(values))
        path.write_bytes(made.one_column(INT32, [], pages=pages, codec=made.LZ4, num_values=1000))
        assert arrow(path)["a"].to_pylist() == list(range(1000)), name
        path.write_bytes(made.one_column(INT32, [], pages=pages, codec=made.LZ4_RAW, num_values=1000))
        if name == "raw":
            assert arrow(path).num_rows == 1000
        else:
            with pytest.raises(pa.ArrowInvalid, match="lz4"):
                arrow(path)


@pytest.mark.parametrize("codec, name", [(made.LZO, "lzo"), (8, "8"), (99, "99"), (-1, "-1")])
def test_codecs_that_are_not_read(codec, name, tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [1], codec=codec))
    with pytest.raises(NotImplementedError, match=f"(?i)column a.*{name}"):
        arrow(path)


# -- statistics by the order that the file names --

TYPE_ORDER, TOTAL_ORDER, LATER_ORDER = 1, 2, 9
FLOATS = [-1.5, -0.0, 0.0, 2.5, float("nan"), None]


@pytest.mark.parametrize("order", [TYPE_ORDER, TOTAL_ORDER, LATER_ORDER, None])
def test_bounds_hold_by_the_order_that_the_file_names(order, tmp_path):
    """parquet.thrift, ColumnOrder: bounds of an order that is not known are ignored, whatever they say."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": pa.array(FLOATS)}), path)
    footer = Footer(path.read_bytes())
    statistics = footer.chunk(0, 0)[12][1]
    statistics.pop(1, None), statistics.pop(2, None)  # the deprecated ones
    statistics[9] = [I64, 1]  # nan_count
    if order is None:
        footer.meta.pop(7)
    else:
        footer.meta[7] = [made.LIST, (made.STRUCT, [{order: made.EMPTY}])]
    statistics[6] = [made.BINARY, np.float64(100).tobytes()]  # min_value, which is wrong
    statistics[5] = [made.BINARY, np.float64(200).tobytes()]
    statistics[7], statistics[8] = [made.FALSE, False], [made.TRUE, True]  # whether max and min are exact
    path.write_bytes(footer.bytes())
    is_known = order in (TYPE_ORDER, TOTAL_ORDER)
    chunk = read_metadata(path)["row_groups"][0]["columns"][0]["statistics"]
    assert (chunk["min"], chunk["max"]) == ((100.0, 200.0) if is_known else (None, None))
    assert (chunk["is_min_exact"], chunk["is_max_exact"]) == ((True, False) if is_known else (None, None))
    assert (chunk["null_count"], chunk["nan_count"]) == (1, 1)
    found = arrow(path, filters=[("a", "<", 1)])["a"].to_pylist()
    assert found == ([] if is_known else [-1.5, -0.0, 0.0])
