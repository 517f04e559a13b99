# SPDX-License-Identifier: Apache-2.0
"""Promises about conversions: a table of source, target and values, cell by cell."""

from __future__ import annotations

import datetime
import decimal
import itertools
import math

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import SchemaValidationError, inspect_schema, read_parquet, write_parquet

from .support import everything

D = decimal.Decimal
DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12, 30, 15)
UTC = datetime.timezone.utc


def write(column, type, target, **keywords):
    write_parquet(pa.table({"a": column}), target, pa.schema([("a", type)]), **keywords)
    return read_parquet(target, output_format="arrow")["a"]


def refuse(data, type, target, **keywords):
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(data, target, pa.schema([("a", type)]), **keywords)
    assert everything(target.parent) == []
    assert [failure.path.partition("[")[0] for failure in caught.value.failures] == ["a"]
    return caught.value.failures[0]


def same(got, want):
    assert len(got) == len(want)
    for g, w in zip(got, want):
        assert g == w and type(g) is type(w) or (g != g and w != w), (g, w)


def ids(row):
    return f"{row[0].type} to {row[1]}".replace(" ", "")


# -- what converts --

INTS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float16(), pa.float32(), pa.float64()]


def bounds(type):
    bits, signed = type.bit_width, str(type).startswith("int")
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


@pytest.mark.parametrize("source, to", list(itertools.product(INTS, INTS)), ids=str)
def test_int_widths_convert_when_every_value_fits(source, to, target):
    """int widths when every value fits"""
    low = max(bounds(source)[0], bounds(to)[0])
    high = min(bounds(source)[1], bounds(to)[1])
    values = [low, None, high, 0, 1]
    same(write(pa.array(values, source), to, target).to_pylist(), values)
    assert pq.read_table(target)["a"].type == to
    target.unlink()
    for past in {low - 1, high + 1}:
        if bounds(source)[0] <= past <= bounds(source)[1]:
            failure = refuse(pa.table({"a": pa.array([0, past], source)}), to, target)
            assert (failure.rule, failure.samples) == ("value", [(1, str(past))])


@pytest.mark.parametrize("source, to", list(itertools.product(FLOATS, INTS)), ids=str)
def test_integral_floats_convert_to_ints(source, to, target):
    """integral floats to int (pandas turns ints with nulls into floats)"""
    same(write(pa.array([0.0, None, 1.0, 100.0], source), to, target).to_pylist(), [0, None, 1, 100])
    target.unlink()
    bad = [0.5, 1e4 if to.bit_width == 8 else 0.25, float("nan"), float("inf"), float("-inf")]
    if str(to).startswith("u"):
        bad.append(-1.0)
    for value in bad:
        refuse(pa.table({"a": pa.array([1.0, value], source)}), to, target)


@pytest.mark.parametrize("value", [2.0**63, -(2.0**64), 1e300])
def test_floats_beyond_the_ints_are_refused(value, target):
    """integral floats to int"""
    refuse(pa.table({"a": [value]}), pa.int64(), target)


@pytest.mark.parametrize("source", [pa.int64(), pa.uint64(), pa.int32()], ids=str)
def test_ints_convert_to_floats_within_2_53(source, target):
    """int to float within 2^53"""
    high = min(2**53, bounds(source)[1])
    values = [0, high, None, 1] + ([] if str(source).startswith("u") else [max(-(2**53), bounds(source)[0])])
    same(
        write(pa.array(values, source), pa.float64(), target).to_pylist(),
        [None if v is None else float(v) for v in values],
    )
    target.unlink()
    if source.bit_width == 64:
        failure = refuse(pa.table({"a": pa.array([1, 2**53 + 1], source)}), pa.float64(), target)
        assert failure.samples == [(1, str(2**53 + 1))]


def test_ints_that_a_narrow_float_cannot_hold_are_refused(target):
    """Only lossless conversion"""
    write(pa.array([2**24, -(2**24)]), pa.float32(), target)
    assert pq.read_table(target)["a"].to_pylist() == [2.0**24, -(2.0**24)]
    target.unlink()
    refuse(pa.table({"a": [2**24 + 1]}), pa.float32(), target)


EXACT = [0.0, -0.0, 0.5, -2.25, float("inf"), float("-inf"), float("nan"), None]


@pytest.mark.parametrize("source, to", list(itertools.product(FLOATS, FLOATS)), ids=str)
def test_float_widths_convert_when_exact(source, to, target):
    """float width when exact"""
    got = write(pa.array(EXACT, source), to, target).to_pylist()
    same(got, EXACT)
    assert math.copysign(1, got[1]) == -1
    target.unlink()
    if to.bit_width < source.bit_width:
        refuse(pa.table({"a": pa.array([0.1], source)}), to, target)
        past = 1e300 if to == pa.float32() else 1e30
        refuse(pa.table({"a": pa.array([past], source)}), to, target)


YEAR1, YEAR9999 = datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)
BERLIN = "Europe/Berlin"

CONVERTS = [
    # decimal rescale without loss
    (pa.array([D("1.20"), None, D("-3.50")], pa.decimal128(5, 2)), pa.decimal128(5, 1), [D("1.2"), None, D("-3.5")]),
    (pa.array([D("1.2")], pa.decimal128(5, 1)), pa.decimal128(12, 4), [D("1.2000")]),
    (pa.array([D("1.2")], pa.decimal256(50, 1)), pa.decimal128(3, 2), [D("1.20")]),
    (pa.array([D("12.34")], pa.decimal128(38, 2)), pa.decimal128(4, 2), [D("12.34")]),
    # units without loss
    (pa.array([NOON, None, YEAR1, YEAR9999], pa.timestamp("s")), pa.timestamp("us"), [NOON, None, YEAR1, YEAR9999]),
    (pa.array([NOON], pa.timestamp("us")), pa.timestamp("ms"), [NOON]),
    (pa.array([NOON, None], pa.timestamp("ns")), pa.timestamp("s"), [NOON, None]),
    (pa.array([NOON], pa.timestamp("s")), pa.timestamp("ns"), [pd.Timestamp(NOON)]),
    (pa.array([datetime.time(1, 2, 3), None], pa.time64("us")), pa.time32("ms"), [datetime.time(1, 2, 3), None]),
    (pa.array([datetime.time(1, 2, 3)], pa.time32("s")), pa.time64("ns"), [datetime.time(1, 2, 3)]),
    (pa.array([datetime.timedelta(seconds=5), None], pa.duration("s")), pa.duration("us"), [datetime.timedelta(seconds=5), None]),
    (pa.array([datetime.timedelta(seconds=5)], pa.duration("us")), pa.duration("s"), [datetime.timedelta(seconds=5)]),
    (pa.array([DAY, None], pa.date32()), pa.date64(), [DAY, None]),
    (pa.array([DAY, None], pa.date64()), pa.date32(), [DAY, None]),
    # zones convert, instants stay
    (pa.array([NOON], pa.timestamp("us", "UTC")), pa.timestamp("us", BERLIN), [NOON.replace(tzinfo=UTC)]),
    (pa.array([NOON], pa.timestamp("s", BERLIN)), pa.timestamp("ms", "UTC"), [NOON.replace(tzinfo=UTC)]),
    (pa.array([NOON], pa.timestamp("us", "+02:00")), pa.timestamp("us", "Asia/Tokyo"), [NOON.replace(tzinfo=UTC)]),
    # an all-null column to anything nullable
    *((pa.nulls(3, source), to, [None] * 3) for source in (pa.null(), pa.string(), pa.float64(), pa.date32())
      for to in (pa.int64(), pa.string(), pa.timestamp("us", "UTC"), pa.decimal128(9, 2), pa.bool_(), pa.list_(pa.int64()),
                 pa.struct([("x", pa.int64())]), pa.dictionary(pa.int8(), pa.string()), pa.time32("s"), pa.binary(4))),
]  # fmt: skip


def test_decimals_widen_beyond_38_digits(target):
    """decimal rescale without loss"""
    assert write(pa.array([D("1.2")], pa.decimal128(5, 1)), pa.decimal256(50, 30), target).to_pylist() == [
        D("1.2")
    ]


@pytest.mark.parametrize("source, to, want", CONVERTS, ids=[ids(c) for c in CONVERTS])
def test_converts_without_loss(source, to, want, target):
    """decimal rescale without loss, timestamp, time and duration units without loss, date32 and date64, zones convert, all-null"""
    got = write(source, to, target)
    assert got.type == to
    assert got.to_pylist() == want
    assert pq.read_table(target)["a"].to_pylist() == want


TEXTS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.large_string()),
    pa.run_end_encoded(pa.int32(), pa.string()),
]
WORDS = ["x", "x", None, "ä" * 20, "", None]


def made(values, type):
    if pa.types.is_run_end_encoded(type):
        return pc.run_end_encode(pa.array(values, type.value_type))
    if pa.types.is_dictionary(type):
        return pa.array(values, type.value_type).dictionary_encode().cast(type)
    return pa.array(values, type)


def plain(column):
    """The values of any form of column."""
    if isinstance(column, pa.ChunkedArray):
        return [v for chunk in column.chunks for v in plain(chunk)]
    if pa.types.is_run_end_encoded(column.type):
        return pc.run_end_decode(column).to_pylist()
    return column.to_pylist()


@pytest.mark.parametrize("source", TEXTS, ids=str)
@pytest.mark.parametrize("to", TEXTS, ids=str)
def test_string_forms_convert_among_each_other(source, to, target):
    """string, large, view, dictionary and run-end forms among each other"""
    write_parquet(pa.table({"a": made(WORDS, source)}), target, pa.schema([("a", to)]))
    assert plain(pq.read_table(target)["a"]) == WORDS
    assert plain(read_parquet(target, output_format="arrow")["a"]) == WORDS
    assert inspect_schema(target).field("a").type == to


@pytest.mark.parametrize(
    "value_type",
    [pa.int64(), pa.date32(), pa.decimal128(5, 2), pa.timestamp("us", "UTC"), pa.float64()],
    ids=str,
)
def test_dictionary_and_run_end_forms_of_other_types(value_type, target):
    """dictionary and run-end forms among each other"""
    values = pa.array(
        [D(1), D(1), None, D(3)] if pa.types.is_decimal(value_type) else [1, 1, None, 3], value_type
    )
    for source in (values.dictionary_encode(), pc.run_end_encode(values)):
        assert write(source, value_type, target).to_pylist() == values.to_pylist()
    to = pa.dictionary(pa.int32(), value_type)
    assert write(values, to, target).to_pylist() == values.to_pylist()


BINARIES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int8(), pa.binary())]


@pytest.mark.parametrize("source, to", list(itertools.product(BINARIES, TEXTS[:4])), ids=str)
def test_binary_converts_to_string_when_valid_utf8(source, to, target):
    """binary to string when valid UTF-8"""
    data = [None if w is None else w.encode() for w in WORDS]
    write_parquet(pa.table({"a": made(data, source)}), target, pa.schema([("a", to)]))
    assert plain(pq.read_table(target)["a"]) == WORDS
    target.unlink()
    failure = refuse(pa.table({"a": made([b"ok", b"\xff\xfe"], source)}), to, target)
    assert failure.samples[0][0] == 1


@pytest.mark.parametrize("source, to", list(itertools.product(BINARIES, BINARIES)), ids=str)
def test_binary_forms_convert_among_each_other(source, to, target):
    """string, large, view, dictionary and run-end forms among each other"""
    data = [b"x", None, b"\xff" * 20, b""]
    write_parquet(pa.table({"a": made(data, source)}), target, pa.schema([("a", to)]))
    assert plain(read_parquet(target, output_format="arrow")["a"]) == data


LISTS = [
    pa.list_,
    pa.large_list,
    lambda t: pa.list_view(t),
    lambda t: pa.large_list_view(t),
    lambda t: pa.list_(t, 2),
]
names = ["list", "large_list", "list_view", "large_list_view", "fixed_size_list"]


@pytest.mark.parametrize("source", LISTS, ids=names)
@pytest.mark.parametrize("to", LISTS, ids=names)
def test_list_forms_convert_among_each_other(source, to, target):
    """list forms among each other"""
    values = [[1, 2], None, [3, None], [5, 6]]
    assert write(pa.array(values, source(pa.int64())), to(pa.int32()), target).to_pylist() == values
    assert pq.read_table(target)["a"].to_pylist() == values


@pytest.mark.parametrize("source", LISTS[:4], ids=names[:4])
def test_lists_of_another_length_are_no_fixed_size_lists(source, target):
    """Only lossless conversion"""
    refuse(
        pa.table({"a": pa.array([[1, 2], [1, 2, 3]], source(pa.int64()))}), pa.list_(pa.int64(), 2), target
    )


# -- what does not --

REFUSED = [
    (pa.array(["1"]), pa.int64()),
    (pa.array(["1"], pa.large_string()), pa.int64()),
    (pa.array(["1"]).dictionary_encode(), pa.int64()),
    (pa.array(["1.5"]), pa.float64()),
    (pa.array(["1.50"]), pa.decimal128(5, 2)),
    (pa.array(["true"]), pa.bool_()),
    (pa.array(["2024-01-01"]), pa.date32()),
    (pa.array(["2024-01-01T00:00:00"]), pa.timestamp("us")),
    (pa.array(["12:00:00"]), pa.time64("us")),
    (pa.array([1]), pa.string()),
    (pa.array([1.5]), pa.string()),
    (pa.array([D("1.50")], pa.decimal128(5, 2)), pa.string()),
    (pa.array([True]), pa.string()),
    (pa.array([True]), pa.int64()),
    (pa.array([True]), pa.float64()),
    (pa.array([1]), pa.bool_()),
    (pa.array([1.0]), pa.bool_()),
    (pa.array([1]), pa.timestamp("us")),
    (pa.array([1], pa.int32()), pa.date32()),
    (pa.array([1], pa.int32()), pa.time32("s")),
    (pa.array([1]), pa.duration("us")),
    (pa.array([DAY]), pa.timestamp("us")),
    (pa.array([DAY], pa.date64()), pa.timestamp("ms")),
    (pa.array([datetime.datetime(2024, 1, 1)], pa.timestamp("us")), pa.date32()),
    (pa.array([NOON], pa.timestamp("us")), pa.time64("us")),
    (pa.array([NOON], pa.timestamp("us")), pa.int64()),
    (pa.array([DAY]), pa.int32()),
    (pa.array([DAY]), pa.string()),
    (pa.array([NOON], pa.timestamp("us")), pa.string()),
    (pa.array([datetime.time(1)], pa.time64("us")), pa.int64()),
    (pa.array([datetime.timedelta(1)], pa.duration("us")), pa.int64()),
    (pa.array([NOON], pa.timestamp("us")), pa.timestamp("us", "UTC")),
    (pa.array([NOON], pa.timestamp("us", "UTC")), pa.timestamp("us")),
    (pa.array([1]), pa.list_(pa.int64())),
    (pa.array([[1]]), pa.int64()),
    (pa.array([{"x": 1}]), pa.int64()),
    (pa.array([{"x": 1}]), pa.string()),
    (pa.array([b"1"]), pa.int64()),
]
LOSSY = [
    (pa.array([D("1.25")], pa.decimal128(5, 2)), pa.decimal128(5, 1)),
    (pa.array([D("123.45")], pa.decimal128(5, 2)), pa.decimal128(4, 2)),
    (pa.array([D("1" * 40)], pa.decimal256(50, 0)), pa.decimal128(38, 0)),
    (pa.array([NOON + datetime.timedelta(microseconds=1)], pa.timestamp("us")), pa.timestamp("ms")),
    (pa.array([NOON + datetime.timedelta(milliseconds=1)], pa.timestamp("ns")), pa.timestamp("s")),
    (pa.array([YEAR1], pa.timestamp("us")), pa.timestamp("ns")),
    (pa.array([YEAR9999], pa.timestamp("s", "UTC")), pa.timestamp("ns", "UTC")),
    (pa.array([datetime.time(1, 2, 3, 4)], pa.time64("us")), pa.time32("ms")),
    (pa.array([datetime.timedelta(microseconds=1)], pa.duration("us")), pa.duration("ms")),
    (pa.array([2**62], pa.duration("s")), pa.duration("ns")),
    (pa.array([1], pa.int64()).view(pa.date64()), pa.date32()),
]


@pytest.mark.parametrize("source, to", REFUSED, ids=[ids(c) for c in REFUSED])
def test_other_kinds_are_refused_even_when_a_value_would_parse(source, to, target):
    """String to number, number to string, bool to number, number to time, date to timestamp and the like are errors"""
    assert refuse(pa.table({"a": source}), to, target).rule == "type"


@pytest.mark.parametrize("source, to", LOSSY, ids=[ids(c) for c in LOSSY])
def test_a_value_that_would_lose_is_refused(source, to, target):
    """Only lossless conversion"""
    failure = refuse(pa.table({"a": pa.concat_arrays([pa.nulls(1, source.type), source])}), to, target)
    assert failure.rule == "value" and failure.samples[0][0] == 1


@pytest.mark.parametrize(
    "value, to",
    [
        ("1", pa.int64()),
        ("1.5", pa.float64()),
        ("2024-01-01", pa.date32()),
        ("2024-01-01", pa.timestamp("us")),
        ("true", pa.bool_()),
        (1, pa.string()),
        (True, pa.int64()),
        (1, pa.bool_()),
        (1, pa.date32()),
        (1, pa.timestamp("us")),
        (DAY, pa.timestamp("us")),
        (NOON, pa.date32()),
        (NOON, pa.timestamp("us", "UTC")),
        (NOON.replace(tzinfo=UTC), pa.timestamp("us")),
        (1.5, pa.int64()),
        (2**70, pa.int64()),
        (2**53 + 1, pa.float64()),
        (D("1.255"), pa.decimal128(5, 2)),
        (D("12345.6"), pa.decimal128(5, 2)),
        ([1], pa.int64()),
        (1, pa.list_(pa.int64())),
        ("abc", pa.list_(pa.string())),
        (b"\xff", pa.string()),
        ({"x": 1}, pa.int64()),
        (5, pa.struct([("x", pa.int64())])),
        (b"toolong", pa.binary(4)),
    ],
    ids=str,
)
def test_python_values_of_other_kinds_are_refused(value, to, target):
    """are errors even when a value would parse"""
    refuse([{"a": value}], to, target)
    refuse(pd.DataFrame({"a": pd.Series([value], dtype=object)}), to, target)


def test_a_decimal_nan_of_a_dict_is_refused(target):
    """in `list[dict]` and Arrow data only None and null are null"""
    refuse([{"a": D("NaN")}], pa.decimal128(5, 2), target)


def test_a_decimal_nan_of_a_frame_is_refused(target):
    """In a DataFrame None, NaT, `pd.NA` and a float NaN are null: a decimal NaN is none of them, and fits no decimal"""
    refuse(pd.DataFrame({"a": [D("NaN"), D("1.5")]}), pa.decimal128(5, 2), target)


@pytest.mark.parametrize(
    "series, to",
    [
        (pd.Series(["1", "2"]), pa.int64()),
        (pd.Series(["1", "2"], dtype="string"), pa.int64()),
        (pd.Series(["1", "2"], dtype="category"), pa.int64()),
        (pd.Series(["2024-01-01"]), pa.timestamp("us")),
        (pd.Series(["2024-01-01"], dtype=object), pa.date32()),
        (pd.Series(pd.to_datetime(["2024-01-01"]).tz_localize("UTC")), pa.timestamp("us")),
        (pd.Series(pd.to_datetime(["2024-01-01"]).tz_localize(BERLIN)), pa.timestamp("ns")),
        (pd.Series(pd.to_datetime(["2024-01-01"])), pa.timestamp("us", "UTC")),
        (pd.Series(pd.to_datetime(["2024-01-01"])), pa.date32()),
        (pd.Series([True, False]), pa.int8()),
        (pd.Series([1, 2]), pa.string()),
        (pd.Series([1.5]), pa.int64()),
    ],
    ids=str,
)
def test_pandas_parses_no_strings_and_drops_no_zones(series, to, target):
    """pandas 3's converter parses strings and drops zones when it is given a schema: never give it one."""
    refuse(pd.DataFrame({"a": series.reset_index(drop=True)}), to, target)


def test_an_aware_frame_keeps_its_instants_in_another_zone(target):
    """naive stays naive and aware stays aware (zones convert, instants stay)"""
    frame = pd.DataFrame({"a": pd.to_datetime(["2024-07-01 12:00"]).tz_localize(BERLIN)})
    write_parquet(frame, target, pa.schema([("a", pa.timestamp("us", "Asia/Tokyo"))]))
    assert pq.read_table(target)["a"][0].as_py() == datetime.datetime(2024, 7, 1, 10, tzinfo=UTC)


# -- coerce=True --

CAST = [
    *REFUSED,
    *LOSSY,
    (pa.array(["x"]), pa.int64()),
    (pa.array([1.5]), pa.int64()),
    (pa.array([300]), pa.int8()),
]


@pytest.mark.parametrize("source, to", CAST, ids=[ids(c) for c in CAST])
def test_coerce_allows_what_pyarrows_safe_cast_allows(source, to, target):
    """`coerce=True` allows what pyarrow's safe cast allows."""
    try:
        want = source.cast(to, safe=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        refuse(pa.table({"a": source}), to, target, coerce=True)
        return
    got = write(source, to, target, coerce=True)
    assert got.to_pylist() == want.to_pylist()


def test_coerce_allows_it_in_every_form_of_data(target):
    """`coerce=True` allows what pyarrow's safe cast allows."""
    schema = pa.schema([("a", pa.int64())])
    for data in (
        [{"a": "7"}],
        pd.DataFrame({"a": ["7"]}),
        pa.table({"a": ["7"]}),
        iter([pa.table({"a": ["7"]})]),
    ):
        write_parquet(data, target, schema, coerce=True)
        assert pq.read_table(target)["a"].to_pylist() == [7]


@pytest.mark.parametrize(
    "source, to, want",
    [
        (
            pa.array([{"x": 1.0}, {"x": None}, None]),
            pa.struct([("x", pa.int8())]),
            [{"x": 1}, {"x": None}, None],
        ),
        (pa.array([[1.0], [None], None]), pa.list_(pa.int8()), [[1], [None], None]),
        (
            pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            pa.map_(pa.large_string(), pa.int8()),
            [[("k", 1)]],
        ),
    ],
    ids=str,
)
def test_children_convert_by_the_same_rules(source, to, want, target):
    """Only lossless conversion"""
    assert write(source, to, target).to_pylist() == want
    target.unlink()
    text = {
        "struct": pa.array([{"x": "1"}]),
        "list<": pa.array([["1"]]),
        "map<l": pa.array([[("k", "1")]], pa.map_(pa.string(), pa.string())),
    }
    data = next(v for k, v in text.items() if str(to).startswith(k))
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(pa.table({"a": data}), target, pa.schema([("a", to)]))
    assert caught.value.failures[0].path in ("a.x", "a[]", "a.value")
