# SPDX-License-Identifier: Apache-2.0
"""Arrays that are legal and unkind: what a writer must see through.

Odd offsets, garbage below nulls, ranges below null lists, list views out of order,
dictionaries with unused, repeated and null values, absent buffers, unknown null counts,
run ends. Each is written by us and read back by us and by pyarrow; the measure is the
same data in its plainest form.
"""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import support
from interop.raw import Raw, raw_batch

from py_parquet_forge import ParquetStreamWriter, SchemaValidationError, read_parquet, write_parquet

GARBAGE = b"\xa5\x5a\xff\xc3\x81\x7e\x99\x42"


def check(data, plain: pa.Array, tmp_path, schema: pa.Schema | None = None, **options) -> None:
    """Write `data` as column v; both readers give back `plain`."""
    if not isinstance(data, (pa.Table, pa.RecordBatch)):
        data = pa.table({"v": data})
    schema = schema or data.schema
    path = tmp_path / "hostile.parquet"
    write_parquet(data, path, schema, **options)
    expected = pa.table({"v": plain}).cast(schema)
    support.assert_same(read_parquet(path, output_format="arrow"), expected, "we read")
    foreign = pq.read_table(path)
    for field, column in zip(foreign.schema, foreign.columns):
        wanted = support.whole(expected.column(0))
        found = support.whole(column)
        if not field.type.equals(wanted.type):
            found = found.cast(wanted.type)
        where = support.difference(found, wanted, field.name)
        assert where is None, f"pyarrow reads: {where}"


def plain_copy(array: pa.Array) -> pa.Array:
    """The same values in fresh arrays that begin at zero, by way of take."""
    return array.take(pa.array(range(len(array)), pa.int64()))


def garbage(count: int) -> pa.Buffer:
    return pa.py_buffer((GARBAGE * (count // len(GARBAGE) + 1))[:count])


def bits(flags: list[bool], lead: int = 0) -> pa.Buffer:
    """A bitmap of `lead` set bits and then the flags."""
    packed = np.packbits([True] * lead + flags, bitorder="little")
    return pa.py_buffer(packed.tobytes() + b"\xff" * 8)


# ------------------------------------------------------------------------ odd offsets

SLICES = [(1, 99), (3, 50), (7, 8), (8, 1), (9, 64), (13, 65), (63, 130), (65, 127), (150, 0), (200, 1)]


@pytest.mark.parametrize("name", support.TYPES)
def test_slices(name, tmp_path):
    whole = support.table_of(name, "tenth", 250).column("v").chunk(0)
    for offset, length in SLICES:
        part = whole.slice(offset, length)
        plain = pa.array([], whole.type) if length == 0 else _rebuilt(part)
        check(part, plain, tmp_path)


def _rebuilt(part: pa.Array) -> pa.Array:
    """The values of a slice, laid anew through IPC, which cuts what is outside."""
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"v": part})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue()).read_all().column(0).chunk(0)


@pytest.mark.parametrize("name", ["bool", "int32", "string", "list<struct<list<struct>>>", "struct<struct>"])
def test_slice_of_a_slice_in_many_chunks(name, tmp_path):
    whole = support.table_of(name, "runs", 400).column("v").chunk(0)
    cuts = [(0, 0), (5, 60), (65, 1), (66, 0), (71, 129), (211, 0), (300, 100)]
    chunks = [whole.slice(1, 399).slice(at, n) for at, n in cuts if at + n <= 399]
    plain = pa.concat_arrays([_rebuilt(chunk) for chunk in chunks])
    table = pa.table({"v": pa.chunked_array(chunks)})
    check(table, plain, tmp_path, row_group_size=50)


@pytest.mark.parametrize("offset", range(0, 17))
def test_bool_at_every_bit(offset, tmp_path):
    flags = [bool(i * i % 7 % 2) for i in range(75)]
    valid = [i % 5 != 2 for i in range(75)]
    array = pa.Array.from_buffers(pa.bool_(), 75, [bits(valid, offset), bits(flags, offset)], offset=offset)
    check(array, pa.array([f if v else None for f, v in zip(flags, valid)]), tmp_path)


@pytest.mark.parametrize("offset", [1, 5, 8, 11])
def test_struct_at_an_odd_offset(offset, tmp_path):
    """A parent's offset adds to those of its children."""
    ints = pa.array(range(100), pa.int64()).slice(3, 90)
    texts = pa.array([None if i % 4 == 0 else str(i) for i in range(95)]).slice(5, 90)
    valid = [i % 3 != 0 for i in range(90 - offset)]
    kind = pa.struct([("a", pa.int64()), ("b", pa.string())])
    array = pa.Array.from_buffers(
        kind, 90 - offset, [bits(valid, offset)], offset=offset, children=[ints, texts]
    )
    plain = [
        {"a": ints[i + offset].as_py(), "b": texts[i + offset].as_py()} if v else None
        for i, v in enumerate(valid)
    ]
    check(array, pa.array(plain, kind), tmp_path)


# ---------------------------------------------------------------- garbage below nulls

FIXED = [
    name
    for name, kind in support.TYPES.items()
    if pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_decimal(kind)
]


@pytest.mark.parametrize("name", FIXED)
def test_garbage_below_nulls(name, tmp_path):
    kind, count = support.TYPES[name], 90
    valid = [i % 3 == 1 for i in range(count)]
    rnd = random.Random(name)
    values = support.column(kind, count, "none", rnd)
    data = bytearray(values.buffers()[1].to_pybytes())
    width = kind.bit_width // 8
    for i in range(count):
        if not valid[i] and width:
            data[i * width : (i + 1) * width] = garbage(width).to_pybytes()
    array = pa.Array.from_buffers(kind, count, [bits(valid), pa.py_buffer(bytes(data))])
    mask = pa.array([not v for v in valid])
    plain = pa.compute.if_else(mask, pa.nulls(count, kind), values)
    check(array, plain, tmp_path)


@pytest.mark.parametrize("wide", [False, True])
def test_ranges_below_null_strings(wide, tmp_path):
    """A null string may own bytes, and bytes that are not UTF-8."""
    texts = [b"one", b"\xff\xfe\xfd", b"", b"three", b"\x80" * 9, b"six"]
    valid = [True, False, True, True, False, True]
    ends = np.cumsum([0, *map(len, texts)]).astype(np.int64 if wide else np.int32)
    kind = pa.large_string() if wide else pa.string()
    array = pa.Array.from_buffers(
        kind, 6, [bits(valid), pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(texts))]
    )
    plain = pa.array([t.decode() if v else None for t, v in zip(texts, valid)], kind)
    check(array, plain, tmp_path)


def test_garbage_below_null_views(tmp_path):
    """A null view may point anywhere at all."""
    views = bytearray(pa.array(["inline", "x" * 30, "y" * 13], pa.string_view()).buffers()[1].to_pybytes())
    views[16:32] = b"\xff" * 16
    data = pa.array(["inline", "x" * 30, "y" * 13], pa.string_view()).buffers()[2]
    array = pa.Array.from_buffers(
        pa.string_view(), 3, [bits([True, False, True]), pa.py_buffer(bytes(views)), data]
    )
    check(array, pa.array(["inline", None, "y" * 13], pa.string_view()), tmp_path)


@pytest.mark.parametrize("form", ["list", "large_list"])
def test_ranges_below_null_lists(form, tmp_path):
    items = pa.array([1, 2, None, 4, 5, 6, 7, None, 9, 10], pa.int16())
    number = np.int32 if form == "list" else np.int64
    ends = np.array([1, 3, 6, 6, 8, 9], number)
    kind = pa.list_(pa.int16()) if form == "list" else pa.large_list(pa.int16())
    array = pa.Array.from_buffers(
        kind, 5, [bits([True, False, True, False, True]), pa.py_buffer(ends.tobytes())], children=[items]
    )
    check(array, pa.array([[2, None], None, [], None, [9]], kind), tmp_path)


def test_ranges_below_null_maps(tmp_path):
    kind = pa.map_(pa.string(), pa.int32())
    keys, items = pa.array(list("abcdef")), pa.array([1, 2, 3, None, 5, 6], pa.int32())
    pairs = pa.StructArray.from_arrays([keys, items], fields=[kind.key_field, kind.item_field])
    ends = np.array([1, 3, 5, 6], np.int32)
    array = pa.Array.from_buffers(
        kind, 3, [bits([True, False, True]), pa.py_buffer(ends.tobytes())], children=[pairs]
    )
    check(array, pa.array([[("b", 2), ("c", 3)], None, [("f", 6)]], kind), tmp_path)


def test_values_below_null_fixed_size_lists(tmp_path):
    kind = pa.list_(pa.float64(), 2)
    items = pa.array([1.0, 2.0, float("nan"), 4.0, 5.0, None])
    array = pa.Array.from_buffers(kind, 3, [bits([True, False, True])], children=[items])
    check(array, pa.array([[1.0, 2.0], None, [5.0, None]], kind), tmp_path)


def test_struct_with_nulls_over_full_children(tmp_path):
    """Children of a null struct are not nulls of the children, but are not written."""
    kind = pa.struct([("a", pa.int32()), ("l", pa.list_(pa.string()))])
    ints = pa.array([1, 2, 3, 4], pa.int32())
    lists = pa.array([["a"], ["hidden", "values"], None, ["d", None]])
    array = pa.Array.from_buffers(kind, 4, [bits([True, False, True, False])], children=[ints, lists])
    plain = [{"a": 1, "l": ["a"]}, None, {"a": 3, "l": None}, None]
    check(array, pa.array(plain, kind), tmp_path)


def test_required_children_below_null_structs(tmp_path):
    """Nulls of a required child below a null parent are legal: nobody sees them."""
    kind = pa.struct([pa.field("a", pa.int32(), nullable=False)])
    ints = pa.array([1, None, 3, None], pa.int32())
    array = pa.Array.from_buffers(kind, 4, [bits([True, False, True, False])], children=[ints])
    check(array, pa.array([{"a": 1}, None, {"a": 3}, None], kind), tmp_path)


def test_three_levels_of_hidden_values(tmp_path):
    inner = pa.array([10, 11, 12, 13, 14, 15, 16, 17], pa.int64())
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()),
        5,
        [
            bits([True, True, False, True, True]),
            pa.py_buffer(np.array([0, 2, 2, 5, 6, 8], np.int32).tobytes()),
        ],
        children=[inner],
    )
    structs = pa.Array.from_buffers(
        pa.struct([("l", lists.type)]), 5, [bits([True, False, True, True, True])], children=[lists]
    )
    outer = pa.Array.from_buffers(
        pa.list_(structs.type),
        3,
        [bits([True, False, True]), pa.py_buffer(np.array([0, 3, 4, 5], np.int32).tobytes())],
        children=[structs],
    )
    plain = [[{"l": [10, 11]}, None, {"l": None}], None, [{"l": [16, 17]}]]
    check(outer, pa.array(plain, outer.type), tmp_path)


# ------------------------------------------------------------------------- list views


@pytest.mark.parametrize("wide", [False, True])
def test_list_views_out_of_order(wide, tmp_path):
    """Views overlap, go backwards, repeat, as lists of the schema; a null one points to the end."""
    number = pa.int64() if wide else pa.int32()
    build = pa.LargeListViewArray if wide else pa.ListViewArray
    items = pa.array([0, 1, 2, None, 4, 5], pa.int32())
    array = build.from_arrays(
        pa.array([4, 0, 0, 2, 6, 0], number),
        pa.array([2, 3, 3, 0, 0, 6], number),
        items,
        mask=pa.array([False, False, False, False, True, False]),
    )
    plain = pa.array([[4, 5], [0, 1, 2], [0, 1, 2], [], None, [0, 1, 2, None, 4, 5]], pa.list_(pa.int32()))
    schema = pa.schema([("v", plain.type)])
    check(pa.table({"v": array}), plain, tmp_path, schema)
    check(pa.table({"v": array.slice(1, 4)}), plain.slice(1, 4), tmp_path, schema)


@pytest.mark.parametrize("wide", [False, True])
def test_list_view_as_the_type_of_a_column(wide, tmp_path):
    """Written as pyarrow writes it."""
    kind = pa.large_list_view(pa.int32()) if wide else pa.list_view(pa.int32())
    table = pa.table({"v": pa.array([[1, None], [], None, [2]], kind)})
    path = tmp_path / "views.parquet"
    write_parquet(table, path, table.schema)
    support.assert_same(read_parquet(path, output_format="arrow"), table, "we read")
    support.assert_same(pq.read_table(path), table, "pyarrow reads")


def test_list_view_into_a_list(tmp_path):
    """List forms convert among each other."""
    array = pa.ListViewArray.from_arrays(
        pa.array([2, 0], pa.int32()), pa.array([2, 2], pa.int32()), pa.array(["a", "b", "c", "d"])
    )
    schema = pa.schema([("v", pa.list_(pa.string()))])
    plain = pa.array([["c", "d"], ["a", "b"]])
    check(pa.table({"v": array}), plain, tmp_path, schema)


# ----------------------------------------------------------------------- dictionaries


@pytest.mark.parametrize("index", [pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.int64()])
def test_dictionary_of_all_sorts(index, tmp_path):
    """Unused, repeated and null values, and null indices with garbage below them."""
    values = pa.array(["b", "unused", None, "b", "a", ""])
    indices = pa.array([0, 3, 2, None, 4, 5, 2, 0], index)
    array = pa.DictionaryArray.from_arrays(indices, values)
    path = tmp_path / "d.parquet"
    table = pa.table({"v": array})
    write_parquet(table, path, table.schema)
    found = read_parquet(path, output_format="arrow")
    assert found.schema.equals(table.schema)
    plain = ["b", "b", None, None, "a", "", None, "b"]
    assert support.whole(found.column("v")).to_pylist() == plain
    assert found.column("v").null_count == 3
    assert support.whole(pq.read_table(path).column("v")).to_pylist() == plain


def test_dictionary_garbage_index_below_null(tmp_path):
    values = pa.array([10, 20], pa.int32())
    raw = pa.py_buffer(np.array([1, 99, -5, 0], np.int8).tobytes())
    indices = pa.Array.from_buffers(pa.int8(), 4, [bits([True, False, False, True]), raw])
    array = pa.DictionaryArray.from_arrays(indices, values, safe=False)
    check(array, pa.array([20, None, None, 10], pa.int32()).dictionary_encode().cast(array.type), tmp_path)


def test_dictionary_index_beyond_the_values(tmp_path):
    """An index that points nowhere is refused; nothing is read past the values."""
    values = pa.array(["a", "b"])
    for bad in (2, 100, -1):
        indices = pa.array([0, bad], pa.int8())
        array = pa.DictionaryArray.from_arrays(indices, values, safe=False)
        table = pa.table({"v": array})
        with pytest.raises(ValueError):
            write_parquet(table, tmp_path / "x.parquet", table.schema)
    assert list(tmp_path.iterdir()) == []


def test_dictionaries_that_differ_by_chunk(tmp_path):
    a = pa.array(["x", "y", "x"]).dictionary_encode()
    b = pa.array(["y", "z", None]).dictionary_encode()
    table = pa.table({"v": pa.chunked_array([a, b])})
    check(table, pa.array(["x", "y", "x", "y", "z", None]).dictionary_encode(), tmp_path)


def test_sliced_dictionary_of_a_sliced_dictionary(tmp_path):
    values = pa.array(["no", "a", "b", "c", "no"]).slice(1, 3)
    indices = pa.array([0, 9, 2, 1, None, 0], pa.int16()).slice(2, 4)
    array = pa.DictionaryArray.from_arrays(indices, values).slice(1, 3)
    check(array, pa.array(["b", None, "a"]).dictionary_encode().cast(array.type), tmp_path)


def test_dictionary_in_a_list(tmp_path):
    words = pa.array(["a", "b", "a", None, "b"]).dictionary_encode()
    array = pa.ListArray.from_arrays(pa.array([0, 2, 2, 5]), words)
    path = tmp_path / "x.parquet"
    table = pa.table({"v": array})
    write_parquet(table, path, table.schema)
    plain = [["a", "b"], [], ["a", None, "b"]]
    assert read_parquet(path, output_format="arrow").column("v").to_pylist() == plain
    assert pq.read_table(path).column("v").to_pylist() == plain


# ----------------------------------------------------------------- buffers that lack


@pytest.mark.parametrize("name", support.TYPES)
def test_no_rows(name, tmp_path):
    empty = pa.array([], support.TYPES[name])
    check(empty, empty, tmp_path)


def check_raw(raw: Raw, plain: pa.Array, tmp_path) -> None:
    """As `check`, for an array laid by hand."""
    path = tmp_path / "raw.parquet"
    schema = pa.schema([("v", raw.kind)])
    write_parquet(raw_batch({"v": raw}, raw.struct.length), path, schema)
    expected = pa.table({"v": plain}).cast(schema)
    support.assert_same(read_parquet(path, output_format="arrow"), expected, "we read")
    support.assert_same(pq.read_table(path), expected, "pyarrow reads")


BARE = {
    pa.int32(): 2,
    pa.bool_(): 2,
    pa.binary(4): 2,
    pa.float64(): 2,
    pa.string(): 3,
    pa.large_binary(): 3,
    pa.string_view(): 3,
}


@pytest.mark.parametrize("kind", BARE, ids=str)
def test_no_rows_without_buffers(kind, tmp_path):
    """An array of length zero may have no buffers at all, not even offsets."""
    check_raw(Raw(kind, 0, [None] * BARE[kind], null_count=0), pa.array([], kind), tmp_path)


def test_no_lists_without_buffers(tmp_path):
    kind = pa.list_(pa.int32())
    below = Raw(pa.int32(), 0, [None, None])
    check_raw(Raw(kind, 0, [None, None], [below]), pa.array([], kind), tmp_path)


def test_null_strings_without_data(tmp_path):
    ends = np.zeros(4, np.int32).tobytes()
    raw = Raw(pa.string(), 3, [bits([False, True, False]), ends, None])
    check_raw(raw, pa.array([None, "", None]), tmp_path)


def test_raw_offsets_everywhere(tmp_path):
    """Offsets in the batch's struct, the list and its items all add up."""
    items = Raw(pa.int32(), 8, [bits([True] * 8, 2), np.arange(-2, 8, dtype=np.int32).tobytes()], offset=2)
    ends = np.array([9, 9, 0, 3, 3, 7], np.int32).tobytes()
    lists = Raw(pa.list_(pa.int32()), 3, [None, ends], [items], null_count=0, offset=2)
    check_raw(lists, pa.array([[0, 1, 2], [], [3, 4, 5, 6]], pa.list_(pa.int32())), tmp_path)


@pytest.mark.parametrize("nulls", [0, 4])
def test_null_count_unknown(nulls, tmp_path):
    valid = [i >= nulls for i in range(20)]
    data = pa.py_buffer(np.arange(20, dtype=np.int64).tobytes())
    array = pa.Array.from_buffers(pa.int64(), 20, [bits(valid), data], null_count=-1)
    check(array, pa.array([i if v else None for i, v in enumerate(valid)], pa.int64()), tmp_path)


def test_null_count_unknown_in_a_required_column(tmp_path):
    """A bitmap of all ones with an unknown count has no nulls; one zero has one."""
    schema = pa.schema([pa.field("v", pa.int64(), nullable=False)])
    data = pa.py_buffer(np.arange(20, dtype=np.int64).tobytes())
    full = pa.Array.from_buffers(pa.int64(), 20, [bits([True] * 20), data], null_count=-1)
    check(full, pa.array(range(20), pa.int64()), tmp_path, schema)
    holed = pa.Array.from_buffers(pa.int64(), 20, [bits([True] * 19 + [False]), data], null_count=-1)
    with pytest.raises(pa.ArrowInvalid, match="Column 'v' is declared non-nullable but contains nulls"):
        write_parquet(pa.table({"v": holed}), tmp_path / "x.parquet", schema)


def test_null_type_of_any_length(tmp_path):
    for count in (0, 1, 1000):
        check(pa.nulls(count), pa.nulls(count), tmp_path)


# -------------------------------------------------------------------- chunks, run ends


def test_empty_chunks(tmp_path):
    empty = pa.array([], pa.string())
    chunks = [empty, pa.array(["a", None]), empty, empty, pa.array(["b"]), empty]
    table = pa.table({"v": pa.chunked_array(chunks)})
    check(table, pa.array(["a", None, "b"]), tmp_path)


def test_no_chunks(tmp_path):
    table = pa.table({"v": pa.chunked_array([], pa.list_(pa.int32()))})
    check(table, pa.array([], pa.list_(pa.int32())), tmp_path)


def test_columns_chunked_differently(tmp_path):
    left = pa.chunked_array([pa.array([1, 2, 3]), pa.array([4])])
    right = pa.chunked_array([pa.array(["a"]), pa.array(["b", None, "d"])])
    table = pa.table({"l": left, "r": right})
    path = tmp_path / "x.parquet"
    write_parquet(table, path, table.schema, row_group_size=2)
    support.assert_same(read_parquet(path, output_format="arrow"), table)
    support.assert_same(pq.read_table(path), table)


def test_table_of_no_columns(tmp_path):
    table = pa.table({})
    path = tmp_path / "x.parquet"
    write_parquet(table, path, table.schema)
    found = read_parquet(path, output_format="arrow")
    assert found.num_columns == 0 and found.num_rows == 0


@pytest.mark.parametrize("ends", [pa.int16(), pa.int32(), pa.int64()], ids=str)
def test_run_ends(ends, tmp_path):
    array = pa.RunEndEncodedArray.from_arrays(pa.array([3, 4, 9], ends), pa.array(["a", None, "b"]))
    plain = ["a"] * 3 + [None] + ["b"] * 5
    for part, wanted in ((array, plain), (array.slice(2, 5), plain[2:7]), (array.slice(3, 1), plain[3:4])):
        path = tmp_path / "ree.parquet"
        write_parquet(pa.table({"v": part}), path, pa.schema([("v", pa.string())]))
        assert read_parquet(path, output_format="arrow").column("v").to_pylist() == wanted
        assert pq.read_table(path).column("v").to_pylist() == wanted


def test_run_ends_into_a_required_number(tmp_path):
    array = pa.RunEndEncodedArray.from_arrays(pa.array([2, 5], pa.int32()), pa.array([7, -1], pa.int64()))
    schema = pa.schema([pa.field("v", pa.int64(), nullable=False)])
    write_parquet(pa.table({"v": array}), tmp_path / "x.parquet", schema)
    found = read_parquet(tmp_path / "x.parquet", output_format="arrow")
    assert found.column("v").to_pylist() == [7, 7, -1, -1, -1]


# ------------------------------------------------------------------ nobody else's data


def test_nothing_is_kept_of_a_chunk(tmp_path):
    """Overwriting the memory behind a chunk after the call changes nothing."""
    memory = np.arange(1000, dtype=np.int64)
    array = pa.Array.from_buffers(pa.int64(), 1000, [None, pa.py_buffer(memory)])
    schema = pa.schema([("v", pa.int64())])
    path = tmp_path / "x.parquet"
    with ParquetStreamWriter(path, schema) as writer:
        writer.write_chunk(pa.table({"v": array}))
        memory[:] = -1
        writer.write_chunk(pa.table({"v": pa.array([7], pa.int64())}))
    found = read_parquet(path, output_format="arrow").column("v").to_pylist()
    assert found == [*range(1000), 7]


@pytest.mark.parametrize("ends", [[0, -7, 3], [3, 1, 0], [0, 3, 2], [-1, 0, 3]], ids=str)
@pytest.mark.parametrize("kind", [pa.string(), pa.list_(pa.int8())], ids=str)
def test_malformed_offsets(kind, ends, tmp_path):
    """Offsets that are negative or go backwards are refused, never followed."""
    offsets = np.array(ends, np.int32).tobytes()
    if pa.types.is_list(kind):
        raw = Raw(kind, 2, [None, offsets], [Raw(pa.int8(), 3, [None, b"abc"])], null_count=0)
    else:
        raw = Raw(kind, 2, [None, offsets, b"abc"], null_count=0)
    with pytest.raises(SchemaValidationError, match="Arrow array"):
        write_parquet(raw_batch({"v": raw}, 2), tmp_path / "x.parquet", pa.schema([("v", kind)]))
    assert list(tmp_path.iterdir()) == []


def test_list_that_leaves_its_items(tmp_path):
    ends = np.array([0, 2, 4_000_000], np.int32).tobytes()
    kind = pa.list_(pa.int8())
    raw = Raw(kind, 2, [None, ends], [Raw(pa.int8(), 3, [None, b"abc"])], null_count=0)
    with pytest.raises(SchemaValidationError, match="Arrow array"):
        write_parquet(raw_batch({"v": raw}, 2), tmp_path / "x.parquet", pa.schema([("v", kind)]))
    assert list(tmp_path.iterdir()) == []


def test_child_shorter_than_its_struct(tmp_path):
    kind = pa.struct([("a", pa.int64())])
    raw = Raw(kind, 9, [None], [Raw(pa.int64(), 2, [None, b"x" * 16])], null_count=0)
    with pytest.raises(SchemaValidationError, match="Arrow array"):
        write_parquet(raw_batch({"v": raw}, 9), tmp_path / "x.parquet", pa.schema([("v", kind)]))
    assert list(tmp_path.iterdir()) == []


def test_strings_that_are_not_utf8(tmp_path):
    """Once the reader refuses them, the writer does: nobody writes what he cannot read."""
    array = pa.array([b"fine", b"\xff\xfe"]).view(pa.string())
    table = pa.table({"v": array})
    path = tmp_path / "x.parquet"
    pq.write_table(table, path)
    read_parquet(path, output_format="arrow", check_utf8=False)
    path.unlink()
    with pytest.raises(pa.ArrowInvalid):
        write_parquet(table, path, table.schema)
    assert list(tmp_path.iterdir()) == []


def test_binary_that_is_not_utf8_into_a_string(tmp_path):
    table = pa.table({"v": pa.array([b"fine", b"\xff\xfe"])})
    with pytest.raises(SchemaValidationError, match="v"):
        write_parquet(table, tmp_path / "x.parquet", pa.schema([("v", pa.string())]))
    assert list(tmp_path.iterdir()) == []
