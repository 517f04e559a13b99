# SPDX-License-Identifier: Apache-2.0
"""The table of docs/conforming.md, cell by cell, flat and nested, and the values at its limits."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

import py_parquet_forge as forge
from py_parquet_forge import SchemaValidationError, read_parquet

PAGE = Path(__file__).parents[2] / "docs" / "conforming.md"

INT = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
DECIMAL = [pa.decimal32(5, 0), pa.decimal64(7, 2), pa.decimal128(5, 2), pa.decimal256(40, 1)]
TIMES = [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]
UNITS = ("s", "ms", "us", "ns")
ZONES = ("UTC", "Europe/Berlin", "+01:00", "UTC")
PAIR = pa.struct([pa.field("key", pa.int32(), nullable=False), ("value", pa.int32())])
DAY, HOUR, MOMENT = dt.date(2024, 2, 29), dt.time(23, 59, 59), dt.datetime(1969, 12, 31, 23, 59, 59)

# kind: its types, and values that every cell marked `exact` takes
KINDS = {
    "bool": ([pa.bool_()], [True, None, False]),
    "int": (INT, [1, None, 100]),
    "float": ([pa.float16(), pa.float32(), pa.float64()], [1.0, None, 100.0]),
    "decimal": (DECIMAL, [Decimal(1), None, Decimal(100)]),
    "string": ([pa.string(), pa.large_string(), pa.string_view()], ["ab", None, "\u00e9"]),
    "binary": ([pa.binary(), pa.large_binary(), pa.binary_view()], [b"ab", None, b"cd"]),
    "fixed binary": ([pa.binary(2)], [b"ab", None, b"cd"]),
    "date": ([pa.date32(), pa.date64()], [DAY, None, dt.date(1, 1, 1)]),
    "time": (TIMES, [HOUR, None, dt.time(0)]),
    "timestamp": ([pa.timestamp(unit) for unit in UNITS], [MOMENT, None, dt.datetime(2024, 2, 29)]),
    "instant": (
        [pa.timestamp(unit, zone) for unit, zone in zip(UNITS, ZONES, strict=True)],
        [MOMENT.replace(tzinfo=dt.timezone.utc), None, dt.datetime(2024, 2, 29, tzinfo=dt.timezone.utc)],
    ),
    "duration": (
        [pa.duration(unit) for unit in UNITS],
        [dt.timedelta(days=1), None, dt.timedelta(seconds=-1)],
    ),
    "list": (
        [pa.list_(PAIR), pa.large_list(PAIR), pa.list_view(PAIR), pa.large_list_view(PAIR)],
        [[{"key": 1, "value": 2}], None, [{"key": 3, "value": None}]],
    ),
    "fixed list": ([pa.list_(PAIR, 1)], [[{"key": 1, "value": 2}], None, [{"key": 3, "value": None}]]),
    "struct": ([PAIR], [{"key": 1, "value": 2}, None, {"key": 3, "value": None}]),
    "map": ([pa.map_(pa.int32(), pa.int32())], [[(1, 2)], None, [(3, None)]]),
    "null": ([pa.null()], [None, None, None]),
}


def table_of_the_page() -> dict[tuple[str, str], str]:
    text = PAGE.read_text().split("<!-- table: conforming -->")[1].split("<!-- end -->")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()]
    columns = lines[0][1:]
    return {
        (line[0], column): cell for line in lines[2:] for column, cell in zip(columns, line[1:], strict=True)
    }


CELLS = table_of_the_page()

DECLARED = {**{kind: types for kind, (types, _) in KINDS.items() if kind != "null"}}
DECLARED["decimal"] = [
    pa.decimal32(6, 2),
    pa.decimal64(8, 2),
    pa.decimal128(5, 2),
    pa.decimal128(38, 1),
    pa.decimal256(41, 2),
]
TARGETS = [(f"c{i}", t, w) for i, (t, w) in enumerate((t, w) for t in DECLARED for w in DECLARED[t])]


def write_parquet(data, path, schema):
    forge.write_parquet(data, path, schema, durable=False, compression="none", use_threads=False)


def test_the_table_has_every_kind_on_both_sides():
    assert {source for source, _ in CELLS} == set(KINDS)
    assert {target for _, target in CELLS} == set(KINDS) - {"null"}
    assert set(CELLS.values()) == {"same", "exact", "no"}


# ---- forms: where the value stands ----


def plain(array):
    return array


def in_struct(array):
    return pa.StructArray.from_arrays([array], fields=[pa.field("x", array.type)])


def in_list(array):
    return pa.ListArray.from_arrays(pa.array(range(len(array) + 1), pa.int32()), array)


def in_map(array):
    keys = pa.array(["k"] * len(array))
    return pa.MapArray.from_arrays(pa.array(range(len(array) + 1), pa.int32()), keys, array)


def in_list_of_structs(array):
    return in_list(in_struct(array))


def encoded(array):
    return pa.DictionaryArray.from_arrays(pa.array(range(len(array)), pa.int8()), array)


def run_ends(array):
    return pa.RunEndEncodedArray.from_arrays(pa.array(range(1, len(array) + 1), pa.int32()), array)


FORMS = {
    plain: ("", lambda kind: kind),
    in_struct: (".x", lambda kind: pa.struct([("x", kind)])),
    in_list: ("[]", lambda kind: pa.list_(kind)),
    in_map: (".value", lambda kind: pa.map_(pa.string(), kind)),
    in_list_of_structs: ("[].x", lambda kind: pa.list_(pa.struct([("x", kind)]))),
    encoded: ("", lambda kind: kind),
    run_ends: ("", lambda kind: kind),
}


def value_in(form, column):
    """The values of a column that was written in a form."""
    take = {
        in_struct: lambda v: v["x"],
        in_list: lambda v: v[0],
        in_map: lambda v: v[0][1],
        in_list_of_structs: lambda v: v[0]["x"],
    }.get(form, lambda v: v)
    return [take(value) for value in column.to_pylist()]


def as_kind(value, target):
    """What a source value is as a value of the target kind."""
    if value is None:
        return None
    if target in ("binary", "fixed binary") and isinstance(value, str):
        return value.encode()
    if target == "string" and isinstance(value, bytes):
        return value.decode()
    if target == "map" and isinstance(value[0], dict):
        return [(pair["key"], pair["value"]) for pair in value]
    return value


def verdict(source, kind, target, wanted):
    cell = CELLS[source, target]
    return cell == "exact" or (cell == "same" and kind == wanted)


def make(kind, values):
    if pa.types.is_float16(kind):
        import numpy as np

        values = [None if value is None else np.float16(value) for value in values]
    return pa.array(values, kind)


NOT_ENCODED = {"list", "fixed list", "struct", "map", "null"}
CASES = [(source, kind, plain) for source, (kinds, _) in KINDS.items() for kind in kinds]
CASES += [
    (source, kinds[0], form)
    for source, (kinds, _) in KINDS.items()
    for form in FORMS
    if form is not plain and not (form in (encoded, run_ends) and source in NOT_ENCODED)
]


@pytest.mark.parametrize(
    ("source", "kind", "form"), CASES, ids=lambda v: getattr(v, "__name__", str(v).split("<")[0])
)
def test_every_cell_does_what_the_page_says(source, kind, form, tmp_path):
    values = KINDS[source][1]
    array = form(make(kind, values))
    path, declare = FORMS[form]
    table = pa.table({name: array for name, _, _ in TARGETS})
    schema = pa.schema([(name, declare(wanted)) for name, _, wanted in TARGETS])
    refused = {name + path for name, target, wanted in TARGETS if not verdict(source, kind, target, wanted)}
    found = {}
    try:
        write_parquet(table, tmp_path / "all", schema)
    except SchemaValidationError as error:
        found = {failure.path: failure for failure in error.failures}
    assert set(found) == refused
    for failure in found.values():
        assert failure.rule == "type" and failure.count == 2
        assert failure.samples[0][0] == 0 and failure.samples[1][0] == 2
    kept = [(name, target, wanted) for name, target, wanted in TARGETS if name + path not in refused]
    if not kept:
        return
    written = pa.schema([(name, declare(wanted)) for name, _, wanted in kept])
    write_parquet(table.select([name for name, _, _ in kept]), tmp_path / "kept", written)
    back = read_parquet(tmp_path / "kept", output_format="arrow")
    for name, target, wanted in kept:
        want = [as_kind(value, target) for value in values]
        assert value_in(form, back.column(name)) == want, (name, target, wanted)


# ---- values at the limits ----

INF, NAN = float("inf"), float("nan")
I64, U64 = pa.int64(), pa.uint64()
TOP = 2**63 - 1


def ticks(kind, *numbers):
    """An array of a kind that is a number in memory."""
    width = {32: pa.int32(), 64: pa.int64()}[kind.bit_width]
    return pa.array(numbers, width).view(kind)


def bits(kind, *numbers):
    """Decimals of more digits than their type declares."""
    size = kind.byte_width
    data = b"".join(number.to_bytes(size, "little", signed=True) for number in numbers)
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(data)])


YEARS = (-62135596800, 253402300799)  # seconds of the first second of year 1, the last of 9999
TS, TZ = pa.timestamp, "UTC"

# array, declared type, rows that are refused
LIMITS = [
    (pa.array([2**53, 2**53 + 1, -(2**53) - 1, None]), pa.float64(), [1, 2]),
    (pa.array([2**24, 2**24 + 1]), pa.float32(), [1]),
    (pa.array([2**11, 2**11 + 1]), pa.float16(), [1]),
    (pa.array([TOP, TOP + 1, 2**64 - 1], U64), I64, [1, 2]),
    (pa.array([-1, 0, TOP]), U64, [0]),
    (pa.array([127, 128, -128, -129]), pa.int8(), [1, 3]),
    (pa.array([NAN, INF, -INF, -0.0, 1.5, 2.0**63]), I64, [0, 1, 2, 4, 5]),
    (pa.array([NAN, INF, -INF, -0.0, 0.1, 1e300]), pa.float32(), [4, 5]),
    (pa.array([NAN, INF, -INF, 65504.0, 65520.0]), pa.float16(), [4]),
    (pa.array([NAN, 0.1], pa.float32()), pa.float64(), []),
    (pa.array([65504.0, 6e-8], pa.float16()), pa.float32(), []),
    (bits(pa.decimal128(5, 2), 99999, 100000, -100000), pa.decimal128(5, 2), [1, 2]),
    (bits(pa.decimal128(38, 0), 10**38 - 1, 10**38), pa.decimal128(38, 0), [1]),
    (bits(pa.decimal32(9, 0), 999, 1000), pa.decimal128(3, 0), [1]),
    (bits(pa.decimal64(18, 0), 999, 1000), pa.decimal128(3, 0), [1]),
    (bits(pa.decimal256(50, 0), 10**38 - 1, 10**38), pa.decimal128(38, 0), [1]),
    (pa.array([999, 1000, -999, -1000]), pa.decimal128(3, 0), [1, 3]),
    (pa.array([9, 10]), pa.decimal128(3, 2), [1]),
    (pa.array([Decimal("1.20"), Decimal("1.23")]), pa.decimal128(5, 1), [1]),
    (pa.array([Decimal("999.9"), Decimal("1.5")]), pa.decimal128(4, 2), [0]),
    (ticks(TS("s"), *YEARS), TS("us"), []),
    (ticks(TS("s"), *YEARS, 0), TS("ns"), [0, 1]),
    (ticks(TS("us"), *(y * 10**6 for y in YEARS)), TS("s"), []),
    (ticks(TS("us", TZ), 0, YEARS[1] * 10**6), TS("ns", "Asia/Tokyo"), [1]),
    (ticks(TS("ns"), 1000, 1001, -1), TS("us"), [1, 2]),
    (ticks(pa.date32(), -719162, 2932896), pa.date64(), []),
    (ticks(pa.date64(), 86400000, 86400001), pa.date32(), [1]),
    (ticks(pa.time32("s"), 0, 86400), pa.time64("ns"), []),
    (ticks(pa.time64("us"), 10**6, 10**6 + 1), pa.time32("s"), [1]),
    (ticks(pa.time64("ns"), 2**62), pa.time32("ms"), [0]),
    (ticks(pa.duration("s"), 1, 2**62), pa.duration("ns"), [1]),
    (ticks(pa.duration("ns"), 10**9, 1), pa.duration("s"), [1]),
    (pa.array([b"\xc3\xa9", b"\xff", b"\xed\xa0\x80", None]), pa.string(), [1, 2]),
    (pa.array([b"ab", b"a", b"", b"abc"]), pa.binary(2), [1, 2, 3]),
    (pa.array(["ab", "\u00e9", "a", None, "a longer text"]), pa.binary(2), [2, 4]),
    (pa.array(["ab", "a longer text, \u00e9"]), pa.binary(), []),
    (pa.array([[1, 2], [1], None, []]), pa.list_(I64, 2), [1, 3]),
]


@pytest.mark.parametrize(
    "form", [plain, in_struct, in_list, in_map, encoded, run_ends], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("case", LIMITS, ids=lambda c: f"{c[0].type}-{c[1]}")
def test_values_at_the_limits(case, form, tmp_path):
    array, wanted, bad = case
    if form in (encoded, run_ends) and pa.types.is_nested(array.type):
        pytest.skip("dictionaries and runs of single values")
    path, declare = FORMS[form]
    schema = pa.schema([("a", declare(wanted))])
    try:
        table = pa.table({"a": form(array)})
    except pa.ArrowInvalid:
        pytest.skip("pyarrow makes no runs of such values")
    refused = []
    try:
        write_parquet(table, tmp_path / "file", schema)
    except SchemaValidationError as error:
        [failure] = error.failures
        assert (failure.path, failure.rule, failure.count) == ("a" + path, "value", len(bad))
        refused = [row for row, _ in failure.samples]
    assert refused == bad
    rest = [row for row in range(len(array)) if row not in bad]
    if form is not run_ends:
        write_parquet(table.take(pa.array(rest, pa.int64())), tmp_path / "rest", schema)


# ---- what no cell says ----


def test_instants_stay_when_the_zone_changes(tmp_path):
    table = pa.table({"a": ticks(TS("us", "Europe/Berlin"), 1_700_000_000_000_001)})
    write_parquet(table, tmp_path / "f", pa.schema([("a", TS("ns", "Asia/Tokyo"))]))
    back = read_parquet(tmp_path / "f", output_format="arrow").column("a")
    assert (
        back.type == TS("ns", "Asia/Tokyo") and back.cast(pa.int64())[0].as_py() == 1_700_000_000_000_001_000
    )


def test_dictionary_values_nobody_uses_are_not_judged(tmp_path):
    values = pa.array([1, 300, None, 2, 1])
    used = pa.DictionaryArray.from_arrays(pa.array([0, 3, 4, None, 0], pa.int8()), values)
    schema = pa.schema([("a", pa.int8())])
    write_parquet(pa.table({"a": used}), tmp_path / "f", schema)
    assert read_parquet(tmp_path / "f", output_format="arrow").column("a").to_pylist() == [1, 2, 1, None, 1]
    null = pa.DictionaryArray.from_arrays(pa.array([0, 2, None], pa.int8()), values)
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(
            pa.table({"a": null}), tmp_path / "g", pa.schema([pa.field("a", pa.int8(), nullable=False)])
        )
    assert caught.value.failures[0].count == 2
    assert [row for row, _ in caught.value.failures[0].samples] == [1, 2]


@pytest.mark.parametrize("kind", [kind for kinds, _ in KINDS.values() for kind in kinds], ids=str)
def test_nothing_but_nulls_fits_every_nullable_field(kind, tmp_path):
    nulls = pa.nulls(3, kind)
    chunks = pa.chunked_array([nulls, pa.nulls(0, kind), nulls])
    schema = pa.schema([(name, wanted) for name, _, wanted in TARGETS])
    write_parquet(pa.table({name: chunks for name in schema.names}), tmp_path / "f", schema)
    back = read_parquet(tmp_path / "f", output_format="arrow")
    assert all(column.null_count == 6 for column in back.columns)


def test_values_below_null_parents_are_not_judged(tmp_path):
    child = pa.array([300, 1, None])
    structs = pa.StructArray.from_arrays([child], ["x"], mask=pa.array([True, False, True]))
    schema = pa.schema([("a", pa.struct([pa.field("x", pa.int8(), nullable=False)]))])
    write_parquet(pa.table({"a": structs}), tmp_path / "f", schema)
    assert read_parquet(tmp_path / "f", output_format="arrow").column("a").to_pylist() == [
        None,
        {"x": 1},
        None,
    ]


def test_views_and_list_views_with_slices(tmp_path):
    views = pa.array(["x" * 40, None, "short", "y" * 40], pa.string_view()).slice(1)
    lists = pa.array([[1, 300], [2], None, [3]], pa.list_view(I64)).slice(1)
    schema = pa.schema([("v", pa.string()), ("l", pa.list_(pa.int8()))])
    write_parquet(pa.table({"v": views, "l": lists}), tmp_path / "f", schema)
    back = read_parquet(tmp_path / "f", output_format="arrow").to_pydict()
    assert back == {"v": [None, "short", "y" * 40], "l": [[2], None, [3]]}


# ---- forms that other producers choose ----

VIEW_PAIRS = [
    (pa.binary(), pa.binary_view(), b"more than twelve bytes"),
    (pa.string(), pa.string_view(), "more than twelve bytes"),
]
WRAPS = {
    "struct": (lambda of: pa.struct([("y", of)]), lambda v: {"y": v}),
    "list": (pa.list_, lambda v: [v]),
    "map": (lambda of: pa.map_(of, of), lambda v: [(v, v)]),
    "deep": (lambda of: pa.list_(pa.struct([("y", pa.list_(of))])), lambda v: [{"y": [v, None]}]),
}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize(("plain", "view", "value"), VIEW_PAIRS)
def test_pieces_of_one_write_may_change_between_views_and_offsets(target, plain, view, value, wrap):
    of, put = WRAPS[wrap]
    pieces = [
        pa.record_batch([pa.array([put(value), None], of(form))], ["c"])
        for form in (plain, view, plain, view)
    ]
    forge.write_parquet(iter(pieces), target, pa.schema([("c", of(view))]))
    table = read_parquet(target, output_format="arrow")
    assert table["c"].to_pylist() == [put(value), None] * 4


INT_BOUNDS = [
    (to, lo, hi)
    for bits in (8, 16, 32, 64)
    for to, lo, hi in (
        (f"int{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1)),
        (f"uint{bits}", 0, 2**bits),
    )
]
FLOATS = {"float16": (11, 2**15), "float32": (24, 2**127), "float64": (53, 2**1023)}


def floats_around(form, lo, hi):
    """Whole numbers at the bounds of lo..hi that the float type holds: within, and beyond."""
    digits, largest = FLOATS[form]
    step_in = max(hi >> digits, 1)  # the largest float below hi, a power of two
    around = [lo, lo - max(-lo >> (digits - 1), 1), hi - step_in, hi, hi >> 1, 0]
    around = [n for n in around if abs(n) <= largest]
    exact = [
        n for n in around if form != "float16" or abs(n) <= 2048 or n & (n - 1) == 0 or -n & (-n - 1) == 0
    ]
    return [n for n in exact if lo <= n < hi], [n for n in exact if not lo <= n < hi]


@pytest.mark.parametrize("form", FLOATS)
@pytest.mark.parametrize(("to", "lo", "hi"), INT_BOUNDS)
def test_whole_floats_become_integers_up_to_the_bounds_and_no_further(target, form, to, lo, hi):
    schema = pa.schema([("c", to)])
    within, beyond = floats_around(form, lo, hi)
    assert within and (beyond or form == "float16")

    def floats(numbers):
        return pa.array([float(n) for n in numbers], pa.float64()).cast(form)

    assert floats(within).to_pylist() == within
    many = within * 700  # whole blocks and a rest
    forge.write_parquet(pa.table({"c": floats(many)}), target, schema)
    assert read_parquet(target, output_format="arrow")["c"].to_pylist() == many
    for wrong in [*beyond, 0.5, float("inf"), float("-inf")]:
        column = floats([*within * 700, wrong])
        with pytest.raises(SchemaValidationError, match=rf"row {len(many)}\)"):
            forge.write_parquet(pa.table({"c": column}), target, schema)


@pytest.mark.parametrize("declared", [pa.null(), pa.int64(), pa.string()])
def test_null_columns_of_polars_are_nulls_of_every_type(target, declared):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [None, None], "s": [{"x": None}, None], "l": [[None], []]})
    schema = pa.schema([("n", declared), ("s", pa.struct([("x", declared)])), ("l", pa.list_(declared))])
    forge.write_parquet(frame, target, schema)
    table = read_parquet(target, output_format="arrow")
    assert table.to_pydict() == {"n": [None, None], "s": [{"x": None}, None], "l": [[None], []]}


CODES = pa.dictionary(pa.int32(), pa.string())


def codes(indexes, values):
    return pa.DictionaryArray.from_arrays(
        pa.array(indexes, pa.int32()), pa.array(values, pa.string()), safe=False
    )


def below_nulls(kind, child):
    """Three slots of a nullable parent, of which only the middle one is valid."""
    mask = pa.array([True, False, True])
    if kind == "struct":
        return pa.StructArray.from_arrays([child], ["x"], mask=mask)
    if kind == "list":
        return pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), child, mask=mask)
    return pa.FixedSizeListArray.from_arrays(child, 1, mask=mask)


@pytest.mark.parametrize("kind", ["struct", "list", "fixed list"])
@pytest.mark.parametrize("to", [CODES, pa.string(), pa.dictionary(pa.int8(), pa.large_string())])
def test_indexes_below_null_parents_may_lead_nowhere(target, kind, to):
    column = below_nulls(kind, codes([7, 0, -1], ["a"]))
    declared = below_nulls(kind, pa.nulls(3, to)).type
    for piece in (column, column.slice(1)):
        forge.write_parquet(pa.table({"c": piece}), target, pa.schema([("c", declared)]))
        valid = {"x": "a"} if kind == "struct" else ["a"]
        found = read_parquet(target, output_format="arrow")["c"].to_pylist()
        assert found == [None, valid, None][3 - len(piece) :]
    wrong = below_nulls(kind, codes([0, 1, 0], ["a"]))
    with pytest.raises(ValueError, match="dictionary index at 1 is not below 1"):
        forge.write_parquet(pa.table({"c": wrong}), target, pa.schema([("c", declared)]))


def test_null_structs_with_empty_dictionaries_are_nulls(target):
    column = pa.array([None, None], pa.struct([("x", CODES)]))
    forge.write_parquet(pa.table({"c": column}), target, pa.schema([("c", column.type)]))
    assert read_parquet(target, output_format="arrow")["c"].to_pylist() == [None, None]
