# SPDX-License-Identifier: Apache-2.0
"""Page indexes, Bloom filters and sorting columns that are written, read back by tests/python/index_reader.py."""

from __future__ import annotations

import random
import struct
from datetime import date, datetime, timedelta
from decimal import Decimal

import index_reader
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from index_reader import chunks_of

from py_parquet_forge import ParquetStreamWriter, merge, read_metadata, read_parquet, write_parquet

NAN = float("nan")
SEED = random.randrange(2**32)


@pytest.fixture
def rng(request):
    print(f"seed {SEED}")
    return random.Random(SEED)


# ---- columns of all kinds of orders ----


def _text(rng):
    return "".join(rng.choice("ab\u00e9\u4e2d\U0001f600") for _ in range(rng.choice([0, 1, 3, 8, 90])))


MAKERS = {
    "i32": (pa.int32(), lambda r: r.randrange(-(2**31), 2**31)),
    "u32": (pa.uint32(), lambda r: r.randrange(2**32)),
    "i8": (pa.int8(), lambda r: r.randrange(-128, 128)),
    "i64": (pa.int64(), lambda r: r.randrange(-(2**63), 2**63)),
    "u64": (pa.uint64(), lambda r: r.randrange(2**64)),
    "few": (pa.int64(), lambda r: r.randrange(5)),
    "f32": (pa.float32(), lambda r: r.choice([0.0, -0.0, NAN, 1.5, -2.25, float("inf")])),
    "f64": (pa.float64(), lambda r: r.choice([0.0, -0.0, NAN, r.random(), -r.random()])),
    "bool": (pa.bool_(), lambda r: r.random() < 0.01),
    "s": (pa.string(), _text),
    "b": (pa.binary(), lambda r: r.choice([b"", b"\xff" * 3, r.randbytes(70), r.randbytes(4)])),
    "fixed": (pa.binary(5), lambda r: r.randbytes(5)),
    "d": (pa.decimal128(11, 2), lambda r: Decimal(r.randrange(-(10**10), 10**10)) / 100),
    "day": (pa.date32(), lambda r: date(2000, 1, 1) + timedelta(r.randrange(9999))),
    "at": (pa.timestamp("us"), lambda r: datetime(2000, 1, 1) + timedelta(seconds=r.randrange(10**9))),
    "cat": (pa.dictionary(pa.int32(), pa.string()), lambda r: r.choice(["x", "yy", "zzz"])),
}


def column_of(rng, kind, n, nulls):
    arrow_type, make = MAKERS[kind]
    ascending = rng.random() < 0.3 and kind not in ("f32", "f64", "cat")
    values = [make(rng) for _ in range(n)]
    if ascending:
        values.sort(reverse=rng.random() < 0.5)
    values = [None if rng.random() < nulls else v for v in values]
    for at in range(0, n, 97):
        if rng.random() < nulls / 2:  # pages of nothing but nulls
            values[at : at + 97] = [None] * len(values[at : at + 97])
    if pa.types.is_dictionary(arrow_type):
        return pa.array(values, arrow_type.value_type).dictionary_encode()
    return pa.array(values, arrow_type)


def table_of(rng, n):
    columns = {kind: column_of(rng, kind, n, rng.choice([0, 0.2, 0.9])) for kind in MAKERS}
    items = column_of(rng, "i64", 2 * n, 0.2)
    lengths = [rng.choice([0, 1, 2, 3]) for _ in range(n)]
    offsets = [0]
    for length in lengths:
        offsets.append(min(offsets[-1] + length, 2 * n))
    columns["list"] = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items)
    columns["struct"] = pa.StructArray.from_arrays(
        [columns["s"], columns["i64"]], ["x", "y"], mask=pa.array([i % 11 == 0 for i in range(n)])
    )
    return pa.table(columns)


# ---- values of a page as Parquet holds them ----


def leaf_of(table, path):
    """The values of a leaf for some rows, as one array."""
    names = path.split(".")
    array = table.column(names[0]).combine_chunks()
    for name in names[1:]:
        if name in ("list", "element") and pa.types.is_list(array.type):
            array = pc.list_flatten(array)
        elif pa.types.is_struct(array.type):
            array = pc.struct_field(array, name)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def plain(value, kind, physical):
    """Value as PLAIN bytes without length."""
    if isinstance(value, (bytes, str)):
        return value.encode() if isinstance(value, str) else value
    if isinstance(value, Decimal):
        return int(value.scaleb(2)).to_bytes(5, "big", signed=True)
    if isinstance(value, datetime):
        return struct.pack("<q", (value - datetime(1970, 1, 1)) // timedelta(microseconds=1))
    if isinstance(value, date):
        return struct.pack("<i", (value - date(1970, 1, 1)).days)
    if isinstance(value, bool):
        return bytes([value])
    if isinstance(value, float):
        return struct.pack("<f" if physical == 4 else "<d", value)
    low = {1: "<I", 2: "<Q"} if kind.startswith("u") else {1: "<i", 2: "<q"}
    return struct.pack(low[physical], value)


def ordered(raw, kind, physical):
    """PLAIN bytes as something that orders as the column does."""
    if kind == "d":
        return int.from_bytes(raw, "big", signed=True)
    if physical in (6, 7):
        return raw
    if physical == 0:
        return raw[0]
    if physical in (4, 5):
        return struct.unpack("<f" if physical == 4 else "<d", raw)[0]
    return int.from_bytes(raw, "little", signed=not kind.startswith("u"))


def check_page(chunk, i, values, entries, kind):
    """What the column index says of page i, against its values; entries: levels of the page."""
    index, physical = chunk.column_index, chunk.meta[1]
    present = [v for v in values if v is not None]
    numbers = [v for v in present if v == v]
    assert index[1][i] is (not present)
    assert index[5][i] == entries - len(present)
    if physical in (4, 5):
        assert index[8][i] == len(present) - len(numbers)
    if not present:
        assert index[2][i] == index[3][i] == b""
        return
    low, high = (ordered(index[k][i], kind, physical) for k in (2, 3))
    keys = [ordered(plain(v, kind, physical), kind, physical) for v in numbers]
    assert low <= min(keys) and max(keys) <= high, (chunk.path, i)
    if physical == 6:
        assert len(index[2][i]) <= 64 and len(index[3][i]) <= 64
        exact = max(map(len, keys)) <= 64
    else:
        exact = True
    if exact:
        assert (low, high) == (min(keys), max(keys))
    if low == 0 and physical in (4, 5):
        assert index[2][i][-1] == 0x80
    if high == 0 and physical in (4, 5):
        assert index[3][i][-1] == 0


def check_order(chunk, kind):
    index, physical = chunk.column_index, chunk.meta[1]
    pages = [i for i, null in enumerate(index[1]) if not null]
    lows, highs = ([ordered(index[k][i], kind, physical) for i in pages] for k in (2, 3))
    up = lows == sorted(lows) and highs == sorted(highs)
    down = lows == sorted(lows)[::-1] and highs == sorted(highs)[::-1]
    assert index[4] == (1 if up else 2 if down else 0)


def check_places(path, chunk):
    """Page by page: the header stands where the index says, and its sizes make the page's."""
    data = path.read_bytes()
    end = chunk.meta[9]
    for offset, size, _, _ in chunk.pages:
        header, header_bytes = index_reader.page_header(data, offset)
        assert offset == end and size == header_bytes + header[3]
        end = offset + size
    start = chunk.meta.get(11, chunk.meta[9])
    assert end - start == chunk.meta[7]


KINDS_OF_LEAVES = {"list.list.element": "i64", "struct.x": "s", "struct.y": "i64"}


def check_chunk(path, chunk, rows, bloom):
    kind = KINDS_OF_LEAVES.get(chunk.path, chunk.path)
    check_places(path, chunk)
    pages = [rows.slice(first, n) for _, _, first, n in chunk.pages]
    leaves = [leaf_of(page, chunk.path).to_pylist() for page in pages]
    if chunk.meta[1] == 6:
        sizes = [sum(len(plain(v, kind, 6)) for v in values if v is not None) for values in leaves]
        assert chunk.offset_index[2] == sizes and chunk.meta[16][1] == sum(sizes)
    for values in leaves if bloom else []:
        assert all(chunk.bloom.has(plain(v, kind, chunk.meta[1])) for v in set(values) if v is not None)
    if chunk.column_index is None:
        assert kind in ("f32", "f64")
        assert any(
            values and any(v is not None for v in values) and all(v is None or v != v for v in values)
            for values in leaves
        )
        return
    for i, (page, values) in enumerate(zip(pages, leaves)):
        entries = len(values)
        if chunk.path.startswith("list"):
            entries += sum(1 for v in page.column("list").to_pylist() if not v)
            check_histograms(chunk, i, page)
        check_page(chunk, i, values, entries, kind)
    check_order(chunk, kind)


def check_histograms(chunk, i, page):
    lists = page.column("list").to_pylist()
    items = [v for values in lists if values for v in values]
    reps = [len(lists), sum(len(v) - 1 for v in lists if v)]
    defs = [sum(v is None for v in lists), sum(v == [] for v in lists), sum(v is None for v in items)]
    defs.append(sum(v is not None for v in items))
    assert chunk.column_index[6][2 * i : 2 * i + 2] == reps
    assert chunk.column_index[7][4 * i : 4 * i + 4] == defs


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_every_page_and_value_is_found_by_its_index(tmp_path, rng, version, use_dictionary):
    table = table_of(rng, 1200)
    path = tmp_path / "a.parquet"
    blooms = {name: {"fpp": 0.01} for name in table.column_names if name not in ("bool", "struct")}
    write_parquet(
        table, path, table.schema, write_page_index=True, bloom_filter_options=blooms, max_rows_per_page=97,
        row_group_size=500, data_page_version=version, use_dictionary=use_dictionary, dictionary_pagesize_limit=700,
    )  # fmt: skip
    first = 0
    for group in chunks_of(path):
        rows = table.slice(first, group[0].num_rows)
        for chunk in group:
            check_chunk(path, chunk, rows, chunk.path.split(".")[0] in blooms)
        first += group[0].num_rows
    no_floats = table.drop_columns(["f32", "f64", "cat"])
    assert first == 1200 and pq.read_table(path).select(no_floats.column_names).equals(no_floats)


def test_indexes_stand_between_the_row_groups_and_the_footer(tmp_path):
    table = pa.table({"a": list(range(3000)), "b": [str(i) for i in range(3000)]})
    path = tmp_path / "a.parquet"
    write_parquet(
        table,
        path,
        table.schema,
        write_page_index=True,
        bloom_filter_options={"a": True},
        row_group_size=1000,
    )
    groups = chunks_of(path)
    columns = [c.places["column"] for group in groups for c in group]
    offsets = [c.places["offset"] for group in groups for c in group]
    places = columns + offsets
    assert all(sum(one) == two[0] for one, two in zip(places, places[1:]))
    assert sum(places[-1]) == path.stat().st_size - 8 - pq.read_metadata(path).serialized_size
    for group, following in zip(groups, groups[1:]):
        assert sum(group[0].places["bloom"]) == min(c.meta.get(11, c.meta[9]) for c in following)
    assert sum(groups[-1][0].places["bloom"]) == columns[0][0]


def test_without_the_keywords_there_is_nothing_of_it(tmp_path):
    table = pa.table({"a": list(range(3000)), "l": [[i] for i in range(3000)]})
    write_parquet(table, tmp_path / "a", table.schema)
    for chunk in chunks_of(tmp_path / "a")[0]:
        assert chunk.places == {} and 16 not in chunk.meta


def test_splits_and_threads_change_no_byte(tmp_path, rng):
    table = table_of(rng, 3000)
    keywords = {
        "write_page_index": True, "max_rows_per_page": 400, "row_group_size": 2000,
        "bloom_filter_options": {"i64": True, "s": {"fpp": 0.2}, "cat": {"ndv": 3}, "list": True},
    }  # fmt: skip
    write_parquet(table, tmp_path / "one", table.schema, use_threads=False, **keywords)
    write_parquet(table, tmp_path / "many", table.schema, **keywords)
    with ParquetStreamWriter(tmp_path / "parts", table.schema, **keywords) as writer:
        at = 0
        while at < len(table):
            n = rng.randrange(1, 900)
            writer.write_chunk(table.slice(at, n))
            at += n
    assert (
        (tmp_path / "one").read_bytes()
        == (tmp_path / "many").read_bytes()
        == (tmp_path / "parts").read_bytes()
    )


# ---- pages without valid bounds ----


def only_chunk(table, path, **keywords):
    write_parquet(table, path, table.schema, write_page_index=True, max_rows_per_page=10, **keywords)
    return chunks_of(path)[0][0]


def test_a_page_of_nothing_but_nan_leaves_no_column_index(tmp_path):
    values = [1.0] * 10 + [NAN] * 10 + [2.0] * 10
    chunk = only_chunk(pa.table({"f": values}), tmp_path / "a")
    assert chunk.column_index is None and len(chunk.pages) == 3
    assert chunk.meta[12][9] == 10
    chunk = only_chunk(pa.table({"f": pa.array([None] * 10 + [1.0, NAN] * 5)}), tmp_path / "b")
    assert chunk.column_index[1] == [True, False] and chunk.column_index[8] == [0, 5]


def test_long_bounds_are_cut_and_raised(tmp_path):
    chunk = only_chunk(pa.table({"s": ["a" * 100, "b" * 63 + "\u00e9" * 9]}), tmp_path / "a")
    assert chunk.column_index[2] == [b"a" * 64]
    assert chunk.column_index[3] == [b"b" * 62 + b"c"]
    statistics = chunk.meta[12]
    assert statistics[6] == b"a" * 64 and statistics[5] == b"b" * 62 + b"c"
    assert statistics[7] is statistics[8] is False


def test_a_maximum_that_cannot_be_raised_leaves_no_column_index(tmp_path):
    chunk = only_chunk(pa.table({"b": [b"\xff" * 65, b"a"]}), tmp_path / "a")
    assert chunk.column_index is None and len(chunk.pages) == 1
    assert 5 not in chunk.meta[12] and chunk.meta[12][6] == b"a"


def test_int96_has_an_offset_index_alone(tmp_path):
    table = pa.table({"t": pa.array([1, 2], pa.timestamp("ns"))})
    chunk = only_chunk(table, tmp_path / "a", use_deprecated_int96_timestamps=True)
    assert chunk.column_index is None and len(chunk.pages) == 1


def test_columns_without_statistics_have_an_offset_index_alone(tmp_path):
    chunk = only_chunk(pa.table({"a": [1, 2]}), tmp_path / "a", write_statistics=False)
    assert chunk.column_index is None and len(chunk.pages) == 1


# ---- exact counts ----


def test_distinct_values_are_counted_where_a_dictionary_has_them_all(tmp_path):
    table = pa.table({
        "few": [str(i % 7) for i in range(1000)],
        "cat": pa.DictionaryArray.from_arrays(pa.array([0, 2] * 500), pa.array(["a", "unused", "b"])),
        "many": list(range(1000)),
        "f": [float(i % 3) for i in range(1000)],
    })  # fmt: skip
    write_parquet(table, tmp_path / "a", table.schema)
    counts = {c.path: c.meta[12].get(4) for c in chunks_of(tmp_path / "a")[0]}
    assert counts == {"few": 7, "cat": 2, "many": None, "f": None}


# ---- Bloom filters ----


def bloom_chunk(table, path, options, **keywords):
    write_parquet(table, path, table.schema, bloom_filter_options={"a": options}, **keywords)
    return chunks_of(path)[0][0]


@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize("repeats", [1, 20])
def test_a_filter_is_as_large_as_the_values_need(tmp_path, use_dictionary, repeats):
    table = pa.table({"a": [f"value {i}" for i in range(4000)] * repeats})
    chunk = bloom_chunk(table, tmp_path / "a", {"fpp": 0.01}, use_dictionary=use_dictionary)
    assert len(chunk.bloom.bits) == 8192  # 4000 values of 10.5 bits, up to a power of two
    wrong = sum(chunk.bloom.has(f"other {i}".encode()) for i in range(4000))
    assert wrong < 4000 * 0.01


@pytest.mark.parametrize(
    "options, num_bytes", [({"ndv": 1, "fpp": 0.5}, 32), ({"ndv": 100_000, "fpp": 0.01}, 131072), (True, 16)]
)
def test_ndv_and_fpp_make_the_size(tmp_path, options, num_bytes):
    table = pa.table({"a": [1, 2, 3]})
    chunk = bloom_chunk(table, tmp_path / "a", options)
    assert len(chunk.bloom.bits) == max(num_bytes, 32)
    assert all(chunk.bloom.has(struct.pack("<q", v)) for v in (1, 2, 3))


def test_zeros_of_either_sign_are_found(tmp_path):
    chunk = bloom_chunk(pa.table({"a": [0.0, 1.0]}), tmp_path / "a", True, use_dictionary=False)
    assert chunk.bloom.has(struct.pack("<d", -0.0)) and chunk.bloom.has(struct.pack("<d", 0.0))
    assert not chunk.bloom.has(struct.pack("<d", 7.0))


def test_pyarrow_makes_a_filter_of_the_same_bits(tmp_path):
    table = pa.table({"a": [f"v{i}" for i in range(999)]})
    ours = bloom_chunk(table, tmp_path / "a", {"ndv": 999, "fpp": 0.02})
    try:
        pq.write_table(table, tmp_path / "b", bloom_filter_options={"a": {"ndv": 999, "fpp": 0.02}})
    except TypeError:
        pytest.skip("this pyarrow writes no filters")
    assert ours.bloom.bits == chunks_of(tmp_path / "b")[0][0].bloom.bits


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"x": True}, ValueError, "bloom_filter_options"),
        ({"flag": True}, ValueError, "booleans"),
        ({"a": 7}, ValueError, "'ndv' and 'fpp'"),
        ({"a": {"nvd": 7}}, ValueError, "'ndv' and 'fpp'"),
        ({"a": {"ndv": 0}}, ValueError, "ndv"),
        ({"a": {"fpp": 1.0}}, ValueError, "fpp"),
        (["a"], ValueError, "bloom_filter_options"),
    ],
)
def test_what_makes_no_filter_is_refused(tmp_path, options, error, text):
    table = pa.table({"a": [1], "flag": [True]})
    with pytest.raises(error, match=text):
        write_parquet(table, tmp_path / "a", table.schema, bloom_filter_options=options)
    assert list(tmp_path.iterdir()) == []


# ---- sorting columns ----


def sorting(*columns):
    return [pq.SortingColumn(i, descending, nulls_first) for i, descending, nulls_first in columns]


def test_sorting_columns_stand_in_every_row_group(tmp_path):
    table = pa.table({"a": [1, 1, 2, None], "s": pa.array([{"x": "b"}, {"x": "a"}, None, None])})
    order = sorting((0, False, False), (1, True, False))
    write_parquet(table, tmp_path / "a", table.schema, sorting_columns=order, row_group_size=2)
    metadata = pq.read_metadata(tmp_path / "a")
    assert [list(metadata.row_group(i).sorting_columns) for i in range(2)] == [order, order]


GOOD = [
    ([1, 2, None], (0, False, False)),
    ([None, 1, 2], (0, False, True)),
    ([3, 2, None], (0, True, False)),
    (["a", "ab", "b"], (0, False, False)),
    ([1.0, NAN, None], (0, False, False)),
    ([NAN, 2.0, 1.0, None], (0, True, False)),
    ([2.0, 1.0, NAN, None], (0, True, False)),
    ([None, NAN, 1.0, 2.0], (0, False, True)),
    ([None, 1.0, NAN], (0, False, True)),
    ([False, True], (0, False, False)),
    ([date(2000, 1, 1), date(2001, 1, 1)], (0, False, False)),
    ([Decimal("-1.5"), Decimal("1.5")], (0, False, False)),
]


@pytest.mark.parametrize("values, order", GOOD)
def test_rows_in_the_order_that_is_named_are_written(tmp_path, values, order):
    table = pa.table({"a": values})
    write_parquet(table, tmp_path / "a", table.schema, sorting_columns=sorting(order))
    assert pq.read_table(tmp_path / "a").column("a").null_count == values.count(None)


@pytest.mark.parametrize(
    "values, order", [(v[::-1], o) for v, o in GOOD] + [([1.0, NAN, 2.0], (0, False, False))]
)
@pytest.mark.parametrize("parts", [False, True])
def test_rows_in_another_order_are_refused(tmp_path, values, order, parts):
    table = pa.table({"a": values})
    with pytest.raises(ValueError, match="row [12] belongs before|row 3"):
        with ParquetStreamWriter(tmp_path / "a", table.schema, sorting_columns=sorting(order)) as writer:
            for part in [table.slice(i, 1) for i in range(len(table))] if parts else [table]:
                writer.write_chunk(part)
    assert list(tmp_path.iterdir()) == []


def test_the_order_begins_anew_with_each_row_group(tmp_path):
    table = pa.table({"a": [1, 2, 1, 2]})
    write_parquet(
        table, tmp_path / "a", table.schema, sorting_columns=sorting((0, False, False)), row_group_size=2
    )
    with pytest.raises(ValueError, match="row 2 "):
        write_parquet(table, tmp_path / "a", table.schema, sorting_columns=sorting((0, False, False)))


@pytest.mark.parametrize("order, text", [([(2, False, False)], "names column 2"), ([(0, False, False)] * 2, "twice"), ([(1, False, False)], "several")])  # fmt: skip
def test_sorting_columns_that_are_none_are_refused(tmp_path, order, text):
    table = pa.table({"a": [1], "l": [[1]]})
    with pytest.raises(ValueError, match=text):
        write_parquet(table, tmp_path / "a", table.schema, sorting_columns=sorting(*order))
    with pytest.raises(ValueError, match="SortingColumn"):
        write_parquet(table, tmp_path / "a", table.schema, sorting_columns=["a"])


# ---- what is kept and told ----


def test_copied_row_groups_keep_indexes_filters_and_order(tmp_path):
    keywords = {"write_page_index": True, "max_rows_per_page": 100, "bloom_filter_options": {"s": True}}
    tables = []
    for i in range(2):
        rows = range(1000 * i, 1000 * i + 1000)
        tables.append(pa.table({"a": list(rows), "s": [f"v{k}" for k in rows], "l": [[k] for k in rows]}))
        path = tmp_path / f"{i}.parquet"
        write_parquet(
            tables[i], path, tables[i].schema, sorting_columns=sorting((0, False, False)), **keywords
        )
    counts = merge([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "out", row_group_size=1000)
    assert counts["num_row_groups_copied"] == 2
    for i, group in enumerate(chunks_of(tmp_path / "out")):
        old = chunks_of(tmp_path / f"{i}.parquet")[0]
        for one, two in zip(old, group):
            check_places(tmp_path / "out", two)
            assert one.column_index == two.column_index
            assert [p[1:] for p in one.pages] == [p[1:] for p in two.pages]
            assert (one.bloom and one.bloom.bits) == (two.bloom and two.bloom.bits)
    metadata = pq.read_metadata(tmp_path / "out")
    assert [len(metadata.row_group(i).sorting_columns) for i in range(2)] == [1, 1]
    for value in (3, 1003):
        found = read_parquet(tmp_path / "out", filters=pc.field("a") == value, output_format="arrow")
        assert found.column("s").to_pylist() == [f"v{value}"]


def test_key_value_metadata_of_chunks_is_kept(tmp_path):
    """No engine here writes it: it is patched in as pyarrow's statistics come last but one."""
    table = pa.table({"a": list(range(2000))})
    write_parquet(table, tmp_path / "a", table.schema, write_statistics=False, compression=None)
    data = (tmp_path / "a").read_bytes()
    total = chunks_of(tmp_path / "a")[0][0].meta[7]
    varint, value = bytearray(), total << 1
    while value > 127:
        varint.append(value & 127 | 128)
        value >>= 7
    varint.append(value)
    # field 7 (i64), then field 9: field 8, a list of one KeyValue {1: "k", 2: "v"}, comes between
    at = data.rindex(b"\x16" + varint + b"\x26") + 1 + len(varint)
    more = b"\x19\x1c\x18\x01k\x18\x01v\x00"
    footer = struct.unpack("<I", data[-8:-4])[0] + len(more)
    new = data[:at] + more + b"\x16" + data[at + 1 : -8] + struct.pack("<I", footer) + b"PAR1"
    (tmp_path / "b").write_bytes(new)
    assert chunks_of(tmp_path / "b")[0][0].meta[8] == [{1: b"k", 2: b"v"}]
    assert read_metadata(tmp_path / "b")["row_groups"][0]["columns"][0]["metadata"] == {"k": "v"}
    assert read_metadata(tmp_path / "a")["row_groups"][0]["columns"][0]["metadata"] == {}
    assert merge([tmp_path / "b"], tmp_path / "c", row_group_size=2000)["num_row_groups_copied"] == 1
    assert chunks_of(tmp_path / "c")[0][0].meta[8] == [{1: b"k", 2: b"v"}]


def test_read_metadata_tells_of_indexes(tmp_path):
    table = pa.table({"s": ["ab", "c", None], "l": [[1, 2], [], None]})
    write_parquet(
        table, tmp_path / "a", table.schema, write_page_index=True, bloom_filter_options={"s": True}
    )
    s, items = read_metadata(tmp_path / "a")["row_groups"][0]["columns"]
    bloom = chunks_of(tmp_path / "a")[0][0].bloom
    assert s["has_column_index"] and s["has_offset_index"] and s["bloom_filter_bytes"] == bloom.total_bytes
    assert s["size_statistics"] == {"unencoded_bytes": 3, "repetition_levels": [], "definition_levels": []}
    assert items["bloom_filter_bytes"] is None
    assert items["size_statistics"] == {
        "unencoded_bytes": None,
        "repetition_levels": [3, 1],
        "definition_levels": [1, 1, 0, 2],
    }
