# SPDX-License-Identifier: Apache-2.0
"""Row builders of the extension: Python objects into Arrow arrays, against pyarrow as the oracle."""

import datetime as dt
import decimal
import enum
import gc
import math
import signal
import sys
import threading
import types
import uuid
import weakref
import zoneinfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import py_parquet_forge as forge
from py_parquet_forge import _core

D = decimal.Decimal
UTC = dt.timezone.utc
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def column(values, field, from_pandas=False, **kwargs):
    if not isinstance(field, pa.Field):
        field = pa.field("c", field)
    built, failures = _core.objects_to_array(values, field, from_pandas=from_pandas, **kwargs)
    assert failures == []
    array = pa.array(built)
    array.validate(full=True)
    return array


def column_failures(values, field, from_pandas=False, **kwargs):
    if not isinstance(field, pa.Field):
        field = pa.field("c", field)
    built, failures = _core.objects_to_array(values, field, from_pandas=from_pandas, **kwargs)
    assert built is None
    return failures


def batch(rows, schema, **kwargs):
    built, failures = _core.rows_to_array(rows, schema, **kwargs)
    assert failures == []
    result = pa.record_batch(built)
    result.validate(full=True)
    return result


def failures_of(rows, schema, **kwargs):
    built, failures = _core.rows_to_array(rows, schema, **kwargs)
    assert built is None
    return failures


def rules(failures):
    return [(path, rule, count) for path, rule, count, *_ in failures]


def ident(x):
    return str(x)[:40] if isinstance(x, pa.DataType) else type(x).__name__


# ---- what each type takes ----

NAIVE = dt.datetime(2024, 2, 29, 23, 59, 58, 123456)
ACCEPTED = [
    (pa.null(), [None, None]),
    (pa.bool_(), [True, None, False]),
    *[(t, [0, 1, -1, 127, -128, None]) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())],
    *[(t, [0, 1, 255, None]) for t in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())],
    (pa.int16(), [-(2**15), 2**15 - 1]),
    (pa.int32(), [-(2**31), 2**31 - 1]),
    (pa.int64(), [-(2**63), 2**63 - 1, 2**30, -(2**30), 2**60, None]),
    (pa.uint32(), [2**32 - 1]),
    (pa.uint64(), [2**64 - 1, 2**63, 2**63 - 1]),
    (pa.float16(), [np.float16(x) for x in (1.5, 65504, 2**-24, 2**-14, -0.0, math.inf)]),
    (pa.float32(), [1.5, -0.0, math.inf, -math.inf, 3.4028234663852886e38, None]),
    (pa.float64(), [0.1, 1e308, 5e-324, None]),
    (pa.string(), ["", "a", "abcdefg", "abcdefgh", "x" * 16, "x" * 17, "é", "€uro", "😀", None]),
    (pa.large_string(), ["a", None, "ÿ" * 1000]),
    (pa.binary(), [b"", b"\x00\xff", bytearray(b"ab"), memoryview(b"xyz"), None]),
    (pa.large_binary(), [b"x" * 100, None]),
    (pa.binary(3), [b"abc", None, b"\x00\x00\x00"]),
    (pa.binary(0), [b"", None]),
    (pa.decimal128(5, 2), [D("1.23"), D("-999.99"), D("1E+2"), D("0.00"), D("-0"), None]),
    (pa.decimal128(38, 0), [D(10**38 - 1), D(1 - 10**38)]),
    (pa.decimal128(4, -2), [D("123400"), D(0)]),
    (pa.month_day_nano_interval(), [pa.MonthDayNano([1, 2, 3]), (-1, -(2**31), 2**63 - 1), None]),
    (pa.date32(), [dt.date(1, 1, 1), dt.date(1970, 1, 1), dt.date(9999, 12, 31), None]),
    (pa.date64(), [dt.date(1969, 12, 31), dt.date(2024, 2, 29)]),
    (pa.time32("s"), [dt.time(23, 59, 59), dt.time(0)]),
    (pa.time32("ms"), [dt.time(1, 2, 3, 4000)]),
    (pa.time64("us"), [dt.time(23, 59, 59, 999999), None]),
    (pa.time64("ns"), [dt.time(23, 59, 59, 999999)]),
    (pa.timestamp("s"), [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)]),
    (pa.timestamp("ms"), [NAIVE.replace(microsecond=999000), None]),
    (pa.timestamp("us"), [NAIVE, dt.datetime(1969, 12, 31, 23, 59, 59, 999999)]),
    (pa.timestamp("ns"), [NAIVE, dt.datetime(1677, 9, 22), dt.datetime(2262, 4, 11)]),
    (pa.timestamp("us", "UTC"), [NAIVE.replace(tzinfo=UTC), None]),
    (pa.timestamp("us", "Asia/Tokyo"), [NAIVE.replace(tzinfo=BERLIN)]),
    (pa.duration("s"), [dt.timedelta(days=-1), dt.timedelta(seconds=5)]),
    (pa.duration("ms"), [dt.timedelta(milliseconds=-1)]),
    (
        pa.duration("us"),
        [dt.timedelta(106751990), dt.timedelta(-106751990), dt.timedelta(microseconds=-1), None],
    ),
    (pa.duration("ns"), [dt.timedelta(microseconds=1), dt.timedelta(days=106751)]),
    (pa.list_(pa.int32()), [[1, None, 3], [], None, (4, 5)]),
    (pa.large_list(pa.string()), [["a"], None, ["b", None]]),
    (pa.list_(pa.int8(), 2), [[1, 2], None, (3, None)]),
    (pa.list_(pa.int8(), 0), [[], None]),
    (pa.list_(pa.list_(pa.float64())), [[[1.0], None, []], None, []]),
    (pa.struct([("x", pa.int8()), ("y", pa.string())]), [{"x": 1, "y": "a"}, None, {"y": "b"}, {}]),
    (pa.struct([]), [{}, None]),
    (pa.map_(pa.string(), pa.int8()), [{"a": 1, "b": None}, {}, None]),
    (pa.map_(pa.string(), pa.int8()), [[("a", 1)], (("b", 2),), [], [{"key": "c", "value": 3}]]),
    (pa.list_(pa.struct([("m", pa.map_(pa.int8(), pa.list_(pa.int8())))])), [[{"m": {1: [2]}}]]),
]


@pytest.mark.parametrize(("type_", "values"), ACCEPTED, ids=ident)
def test_accepted_values_equal_pyarrow(type_, values):
    # pyarrow wants the forms it knows
    plain = [bytes(v) if isinstance(v, (bytearray, memoryview)) else v for v in values]
    if pa.types.is_map(type_):
        plain = [
            [tuple(e.values()) if isinstance(e, dict) else e for e in v]
            if isinstance(v, (list, tuple))
            else v and list(v.items())
            for v in values
        ]
        plain = [[] if v == {} else v for v in plain]
    if type_ == pa.list_(pa.struct([("m", pa.map_(pa.int8(), pa.list_(pa.int8())))])):
        plain = [[{"m": [(1, [2])]}]]
    expected = pa.array(plain, type_)
    assert column(values, type_).equals(expected)
    # every position in a block, and more than one block
    for size in (1, 255, 256, 257, 700):
        longer = (values * size)[:size]
        assert column(longer, type_).equals(pa.array((plain * size)[:size], type_))


CONVERTED = [
    (pa.int8(), [1.0, -128.0, np.float32(3)], [1, -128, 3]),
    (pa.uint64(), [2.0**63], [2**63]),
    (pa.int64(), [np.int8(1), np.uint64(2**62), np.int64(-5)], [1, 2**62, -5]),
    (pa.int64(), [enum.IntEnum("E", "A").A], [1]),
    (pa.float64(), [1, 2**53, -(2**53), np.int64(7), np.float32(0.1)], None),
    (pa.float32(), [1, 2**24, np.float64(0.5), np.float16(0.25)], None),
    (pa.float16(), [2048, 1.5, -(2.0**-24)], None),
    (pa.bool_(), [np.bool_(True), np.bool_(False)], [True, False]),
    (pa.string(), [np.str_("é"), b"caf\xc3\xa9", bytearray(b"x"), memoryview(b"")], None),
    (pa.string(), [type("S", (str,), {})("ü")], ["ü"]),
    (pa.binary(), [np.bytes_(b"ab"), memoryview(b"abcdef")[::1]], [b"ab", b"abcdef"]),
    (pa.binary(16), [uuid.UUID(int=7)], [uuid.UUID(int=7).bytes]),
    (pa.decimal128(10, 3), [5, -7, np.int8(3), D("1.5")], [D(5), D(-7), D(3), D("1.5")]),
    (pa.decimal128(38, 0), [10**37, -(10**37)], [D(10**37), -D(10**37)]),
    (pa.decimal128(3, 1), [D("1.50000"), D("0E-99"), D("1E1")], [D("1.5"), D(0), D(10)]),
    (pa.date32(), [np.datetime64("2024-02-29"), np.datetime64("2024-03")], None),
    (
        pa.timestamp("us"),
        [np.datetime64("2024-01-01T01:02:03.5")],
        [dt.datetime(2024, 1, 1, 1, 2, 3, 500000)],
    ),
    (pa.timestamp("s"), [np.datetime64("1960-01-01T01:02:03.000000000")], [dt.datetime(1960, 1, 1, 1, 2, 3)]),
    (pa.timestamp("us"), [pd.Timestamp("2024-01-01 00:00:00.000001")], None),
    (pa.timestamp("us"), [pd.Timestamp("1970-01-01 00:00:01"), pd.Timestamp("1972-02-29")], None),
    (pa.timestamp("ns"), [pd.Timestamp("2024-01-01 00:00:00.000000001")], None),
    (pa.timestamp("us", "UTC"), [pd.Timestamp("2024-07-01 12:00", tz="Europe/Berlin")], None),
    (pa.timestamp("us", "UTC"), [pd.Timestamp("2024-07-01 12:00", tz="UTC")], None),
    (pa.timestamp("us", "UTC"), [NAIVE.replace(tzinfo=dt.timezone(dt.timedelta(hours=-3, seconds=7)))], None),
    (pa.timestamp("us", "UTC"), [NAIVE.replace(tzinfo=zoneinfo.ZoneInfo("UTC"))] * 2, None),
    (
        pa.duration("us"),
        [pd.Timedelta("1us"), np.timedelta64(3, "ms")],
        [dt.timedelta(microseconds=1), dt.timedelta(milliseconds=3)],
    ),
    (pa.duration("s"), [np.timedelta64(2, "D"), pd.Timedelta(days=1)], [dt.timedelta(2), dt.timedelta(1)]),
    (
        pa.list_(pa.int32()),
        [np.array([1, 2], "i4"), np.array([3], "i8"), np.array([], "f8")],
        [[1, 2], [3], []],
    ),
    (pa.list_(pa.int64()), [np.arange(6)[::2], np.arange(3)[::-1]], [[0, 2, 4], [2, 1, 0]]),
    (pa.list_(pa.float32(), 2), [np.array([1, 2], "f4"), [3, 4]], [[1, 2], [3, 4]]),
    (pa.list_(pa.list_(pa.int8())), [np.ones((2, 2), "i1")], [[[1, 1], [1, 1]]]),
    (pa.list_(pa.string()), [np.array(["a", None], object), np.array(["b"])], [["a", None], ["b"]]),
    (pa.list_(pa.bool_()), [np.array([True, False])], [[True, False]]),
    (pa.list_(pa.date32()), [np.array(["2024-01-02"], "M8[D]")], [[dt.date(2024, 1, 2)]]),
    (pa.list_(pa.timestamp("us")), [np.array(["2024-01-02"], "M8[ns]")], [[dt.datetime(2024, 1, 2)]]),
    (pa.list_(pa.duration("ns")), [np.array([5], "m8[ns]")], None),
    (pa.map_(pa.int8(), pa.int8()), [np.array([(1, 2), (3, 4)], object)], [[(1, 2), (3, 4)]]),
]


@pytest.mark.parametrize(("type_", "values", "expected"), CONVERTED, ids=ident)
def test_lossless_conversions(type_, values, expected):
    if expected is None:
        expected = [
            pd.Timestamp(v).to_pydatetime() if isinstance(v, pd.Timestamp) and v.nanosecond == 0 else v
            for v in values
        ]
        expected = [v.tobytes() if isinstance(v, memoryview) else v for v in expected]
        expected = [v.decode() if isinstance(v, (bytes, bytearray)) else v for v in expected]
        if pa.types.is_date(type_):
            expected = [v.astype("M8[D]").item() for v in expected]
        if pa.types.is_floating(type_):
            expected = [np.dtype(type_.to_pandas_dtype()).type(v) for v in expected]
    assert column(values, type_).equals(pa.array(expected, type_))
    assert column(values * 300, type_).equals(pa.array(list(expected) * 300, type_))


REFUSED = [
    (pa.null(), 0, "type", "int"),
    (pa.bool_(), 1, "type", "int"),
    (pa.bool_(), "true", "type", "str"),
    (pa.int64(), True, "type", "bool"),
    (pa.int64(), np.bool_(True), "type", type(np.bool_(1)).__name__),
    (pa.int64(), "1", "type", "str"),
    (pa.int64(), D(1), "type", "Decimal"),
    (pa.int64(), np.array([1]), "type", "ndarray"),
    (pa.int64(), 1.5, "value", "float"),
    (pa.int64(), math.nan, "value", "float"),
    (pa.int64(), math.inf, "value", "float"),
    (pa.int64(), 2**63, "value", "int"),
    (pa.int64(), 2.0**63, "value", "float"),
    (pa.int64(), np.uint64(2**63), "value", "uint64"),
    (pa.int8(), 128, "value", "int"),
    (pa.int8(), -129, "value", "int"),
    (pa.uint8(), -1, "value", "int"),
    (pa.uint64(), 2**64, "value", "int"),
    (pa.uint64(), -1, "value", "int"),
    (pa.float64(), True, "type", "bool"),
    (pa.float64(), "1.5", "type", "str"),
    (pa.float64(), D("1.5"), "type", "Decimal"),
    (pa.float64(), 2**53 + 1, "value", "int"),
    (pa.float64(), 10**400, "value", "int"),
    (pa.float32(), 0.1, "value", "float"),
    (pa.float32(), 1e39, "value", "float"),
    (pa.float32(), 2**24 + 1, "value", "int"),
    (pa.float16(), 0.1, "value", "float"),
    (pa.float16(), 65520, "value", "int"),
    (pa.float16(), 2.0**-25, "value", "float"),
    (pa.string(), 1, "type", "int"),
    (pa.string(), "\ud800", "value", "str"),
    (pa.string(), b"\xff", "value", "bytes"),
    (pa.string(), dt.date(2024, 1, 1), "type", "date"),
    (pa.binary(), 5, "type", "int"),
    (pa.binary(), "\ud800", "value", "str"),
    (pa.binary(2), "abc", "value", "str"),
    (pa.binary(2), "\ud800", "value", "str"),
    (pa.binary(), memoryview(b"abcd")[::2], "value", "memoryview"),
    (pa.binary(2), b"abc", "value", "bytes"),
    (pa.binary(15), uuid.UUID(int=1), "type", "UUID"),
    (pa.decimal128(5, 2), D("1.234"), "value", "Decimal"),
    (pa.decimal128(5, 2), D("1000"), "value", "Decimal"),
    (pa.decimal128(5, 2), D("NaN"), "value", "Decimal"),
    (pa.decimal128(5, 2), D("-Infinity"), "value", "Decimal"),
    (pa.decimal128(5, 2), D("1E+999999"), "value", "Decimal"),
    (pa.decimal128(38, 0), 10**38, "value", "int"),
    (pa.decimal128(38, 0), 10**5000, "value", "int"),
    (pa.decimal128(5, 2), 1.5, "type", "float"),
    (pa.decimal128(5, 2), True, "type", "bool"),
    (pa.date32(), dt.datetime(2024, 1, 1), "type", "datetime"),
    (pa.date32(), pd.Timestamp("2024-01-01"), "type", "Timestamp"),
    (pa.date32(), np.datetime64("2024-01-01T00:00"), "type", "datetime64"),
    (pa.date32(), "2024-01-01", "type", "str"),
    (pa.date32(), 5, "type", "int"),
    (pa.time32("s"), dt.time(1, 2, 3, 4), "value", "time"),
    (pa.time64("us"), dt.time(1, tzinfo=UTC), "type", "time"),
    (pa.time64("us"), 5, "type", "int"),
    (pa.timestamp("s"), NAIVE, "value", "datetime"),
    (pa.timestamp("us"), pd.Timestamp("2024-01-01 00:00:00.000000001"), "value", "Timestamp"),
    (pa.timestamp("ns"), dt.datetime(2263, 1, 1), "value", "datetime"),
    (pa.timestamp("us"), NAIVE.replace(tzinfo=UTC), "type", "datetime with a time zone"),
    (pa.timestamp("us", "UTC"), NAIVE, "type", "datetime without a time zone"),
    (pa.timestamp("us", "UTC"), np.datetime64("2024-01-01T00:00"), "type", "datetime64 without a time zone"),
    (pa.timestamp("us"), dt.date(2024, 1, 1), "type", "date"),
    (pa.timestamp("us"), np.datetime64("2024-01-01"), "type", "datetime64"),
    (pa.timestamp("us"), np.datetime64("NaT", "s"), "type", "datetime64"),
    (pa.timestamp("us"), pd.NaT, "type", "NaTType"),
    (pa.timestamp("us"), "2024-01-01", "type", "str"),
    (pa.timestamp("us"), 5, "type", "int"),
    (pa.duration("s"), dt.timedelta(milliseconds=1), "value", "timedelta"),
    (pa.duration("ns"), dt.timedelta.max, "value", "timedelta"),
    (pa.duration("us"), dt.timedelta.max, "value", "timedelta"),
    (pa.duration("us"), dt.timedelta.min, "value", "timedelta"),
    (pa.duration("us"), np.timedelta64(1, "M"), "type", "timedelta64"),
    (pa.duration("us"), 5, "type", "int"),
    (pa.month_day_nano_interval(), (1, 2), "type", "tuple"),
    (pa.month_day_nano_interval(), [1, 2, 3], "type", "list"),
    (pa.month_day_nano_interval(), (1, 2.0, 3), "type", "tuple"),
    (pa.month_day_nano_interval(), (True, 2, 3), "type", "tuple"),
    (pa.month_day_nano_interval(), (1, None, 3), "type", "tuple"),
    (pa.month_day_nano_interval(), 5, "type", "int"),
    (pa.month_day_nano_interval(), dt.timedelta(1), "type", "timedelta"),
    (pa.month_day_nano_interval(), (2**31, 0, 0), "value", "tuple"),
    (pa.month_day_nano_interval(), (0, -(2**31) - 1, 0), "value", "tuple"),
    (pa.month_day_nano_interval(), (0, 0, 2**63), "value", "tuple"),
    (pa.month_day_nano_interval(), (0, 0, 2**100), "value", "tuple"),
    (pa.list_(pa.int8()), "abc", "type", "str"),
    (pa.list_(pa.int8()), {1}, "type", "set"),
    (pa.list_(pa.int8()), range(2), "type", "range"),
    (pa.list_(pa.int8()), np.array(5), "type", "ndarray"),
    (pa.list_(pa.int8(), 2), [1], "value", "list"),
    (pa.struct([("x", pa.int8())]), [1], "type", "list"),
    (pa.map_(pa.int8(), pa.int8()), 5, "type", "int"),
    (pa.map_(pa.int8(), pa.int8()), [1], "type", "list"),
    (pa.map_(pa.int8(), pa.int8()), [(1, 2, 3)], "type", "list"),
    (pa.map_(pa.int8(), pa.int8()), [{"key": 1, "valu": 2}], "type", "list"),
]


@pytest.mark.parametrize(("type_", "value", "rule", "found"), REFUSED, ids=ident)
def test_refused_values(type_, value, rule, found):
    [failure] = column_failures([None, value], type_, row_base=10)
    path, got_rule, count, expected, got_found, samples = failure
    assert (path, got_rule, count, got_found) == ("c", rule, 1, found)
    assert expected == str(type_).replace(": int8>", ": int8>")
    [(row, text)] = samples
    assert row == 11
    if isinstance(value, int) and value > 10**4300:  # Python refuses to print it
        assert text == "<int object>"
    elif not isinstance(value, memoryview):
        assert text == repr(value)[:80].encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize("type_", [pa.dense_union([pa.field("a", pa.int8())])])
def test_types_that_are_not_built_are_named(type_):
    with pytest.raises(NotImplementedError, match="Column 's.c'.*" + str(type_).split("(")[0].split("<")[0]):
        _core.rows_to_array([], pa.schema([("s", pa.struct([("c", type_)]))]))


def test_other_encodings_are_built_as_plain_ones():
    assert column(["a", None], pa.dictionary(pa.int8(), pa.string())).equals(pa.array(["a", None]))
    assert column(["a"], pa.string_view()).type == pa.string()
    assert column([b"a"], pa.binary_view()).type == pa.binary()
    assert column([1], pa.run_end_encoded(pa.int32(), pa.int8())).type == pa.int8()
    assert column([[1]], pa.list_view(pa.int8())).type == pa.list_(pa.int8())
    assert column([uuid.UUID(int=3)], pa.uuid()).type == pa.binary(16)


# ---- rows ----

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("name", pa.string()),
        ("s", pa.struct([pa.field("x", pa.int32(), nullable=False), ("y", pa.list_(pa.int8()))])),
        ("m", pa.map_(pa.string(), pa.field("value", pa.int8(), nullable=False))),
    ]
)


def test_rows_equal_pyarrow_in_any_order_of_keys():
    rows = []
    for i in range(2000):
        row = {"id": i, "name": f"n{i}", "s": {"x": i, "y": [i % 100, None]}, "m": [("k", i % 7)]}
        keys = sorted(row, key=lambda k: hash((k, i)))
        if i % 3 == 0:
            keys.remove("name")
        if i % 5 == 0:
            keys.remove("s")
        rows.append({"".join(list(k)): row[k] for k in keys})  # keys that are not interned
    expected = pa.Table.from_pylist(rows, SCHEMA)
    assert pa.Table.from_batches([batch(rows, SCHEMA)]).equals(expected)
    assert pa.Table.from_batches([batch(tuple(rows), SCHEMA)]).equals(expected)


def test_no_rows():
    assert batch([], SCHEMA).num_rows == 0
    assert batch([], pa.schema([])).num_columns == 0
    assert batch([{}, {}], pa.schema([])).num_rows == 2
    assert column([], pa.list_(pa.string())).equals(pa.array([], pa.list_(pa.string())))


def test_every_failure_of_every_column_in_one_pass():
    rows = [
        {"id": None, "zip": 1},
        {"name": "absent id"},
        {"id": 1, "s": {"x": None, "z": 2}},
        {"id": 2, "s": {"x": 2**40, "y": [1, "two", 300]}},
        None,
        {"id": 3, "s": None, "m": {"k": None, 5: 1}},
        "row",
        {"id": 4, "m": {None: 1}, 7: "seven"},
    ]
    failures = failures_of(rows, SCHEMA, row_base=1000)
    assert sorted(rules(failures)) == sorted(
        [
            ("", "type", 2),
            ("id", "null", 2),
            ("zip", "extra", 1),
            ("7", "extra", 1),
            ("s.z", "extra", 1),
            ("s.x", "null", 1),
            ("s.x", "value", 1),
            ("s.y[]", "type", 1),
            ("s.y[]", "value", 1),
            ("m.value", "null", 1),
            ("m.key", "type", 1),
            ("m.key", "null", 1),
        ]
    )
    by_path = {(f[0], f[1]): f for f in failures}
    assert by_path["", "type"][3:] == ("dict", "NoneType", [(1004, "None"), (1006, "'row'")])
    assert by_path["id", "null"][3:] == ("int64 not null", "null", [(1000, "None"), (1001, "None")])
    assert by_path["s.y[]", "value"][5] == [(1003, "300")]


def test_counts_are_exact_and_samples_are_the_first_five():
    rows = [{"a": "x" if i % 2 else i, "b": i} for i in range(3000)]
    failures = failures_of(rows, pa.schema([("a", pa.int32())]), row_base=7)
    assert sorted(rules(failures)) == [("a", "type", 1500), ("b", "extra", 3000)]
    samples = {f[0]: f[5] for f in failures}
    assert samples["a"] == [(8 + 2 * i, "'x'") for i in range(5)]
    assert samples["b"] == [(7 + i, str(i)) for i in range(5)]


def test_many_distinct_unknown_keys_stay_bounded():
    rows = [{f"k{i}": i} for i in range(5000)]
    failures = failures_of(rows, pa.schema([("a", pa.int32())]))
    assert 0 < len(failures) <= 1000


def test_drop_extra():
    rows = [{"a": i, "b": i, i: i, "s": {"x": 1, "t": []}} for i in range(600)]
    schema = pa.schema([("a", pa.int64()), ("s", pa.struct([("x", pa.int8())]))])
    expected = [{"a": i, "s": {"x": 1}} for i in range(600)]
    assert batch(rows, schema, drop_extra=True).to_pylist() == expected
    assert len(rules(failures_of(rows, schema))) > 2
    wide = [{**{f"x{k}": k for k in range(100)}, "a": i} for i in range(300)]
    assert batch(wide, schema, drop_extra=True).column(0).to_pylist() == list(range(300))


def test_odd_dicts_and_keys():
    class Key(str):
        pass

    class Other(dict):
        pass

    rows = [Other(a=1), {Key("a"): 2}, types.MappingProxyType({"a": 3})]
    schema = pa.schema([("a", pa.int8())])
    assert batch(rows[:2], schema).to_pylist() == [{"a": 1}, {"a": 2}]
    assert rules(failures_of(rows, schema)) == [("", "type", 1)]


def test_null_parents_mask_required_children():
    inner = pa.field("x", pa.int8(), nullable=False)
    type_ = pa.struct([inner, pa.field("l", pa.list_(inner, 2), nullable=False), ("t", pa.struct([inner]))])
    values = [None, {"x": 1, "l": [1, 2], "t": None}, None]
    array = column(values, pa.field("c", type_))
    assert array.to_pylist() == values
    assert array.field(0).null_count == 0
    fixed = column([None, [1, 2]], pa.list_(inner, 2))
    assert fixed.to_pylist() == [None, [1, 2]]
    assert rules(column_failures([None], pa.field("c", type_, nullable=False))) == [("c", "null", 1)]


def test_duplicate_field_names_are_reported():
    schema = pa.schema([("a", pa.int8()), ("a", pa.int8())])
    assert rules(failures_of([{"a": 1}], schema)) == [("a", "duplicate", 1)]


def test_names_that_are_not_ascii():
    schema = pa.schema([("größe", pa.int8()), ("", pa.int8())])
    assert batch([{"größe": 1, "": 2}], schema).to_pylist() == [{"größe": 1, "": 2}]
    [failure] = failures_of([{"größe": "x"}], schema)
    assert failure[0] == "größe"
    [failure] = failures_of([{"\ud800": 1}], schema)
    assert failure[0] == "\\ud800"


def test_long_samples_are_cut_to_80_characters():
    [failure] = column_failures(["é" * 100000], pa.int8())
    assert failure[5] == [(0, "'" + "é" * 79)]
    [failure] = column_failures([list(range(1000))], pa.int8())
    assert failure[5] == [(0, repr(list(range(1000)))[:80])]


def test_big_containers():
    values = [list(range(100_000)), [], None, [1] * 513]
    assert column(values, pa.list_(pa.int64())).equals(pa.array(values, pa.list_(pa.int64())))
    maps = [{i: i for i in range(1000)}, {}, {1: 1}, {i: i for i in range(256)}, {2: 2}] * 3
    type_ = pa.map_(pa.int32(), pa.int32())
    assert column(maps, type_).equals(pa.array([list(m.items()) for m in maps], type_))


def test_more_rows_than_the_first_guess_of_a_buffer():
    rows = [{"t": "x" * (i % 50), "l": ["y" * (i % 9)] * (i % 4)} for i in range(20_000)]
    schema = pa.schema([("t", pa.string()), ("l", pa.list_(pa.string()))])
    assert pa.Table.from_batches([batch(rows, schema)]).equals(pa.Table.from_pylist(rows, schema))


# ---- pandas columns ----


@pytest.mark.parametrize(
    "null", [None, math.nan, np.float32("nan"), pd.NaT, pd.NA, np.datetime64("NaT", "s")]
)
@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.int64(), 1),
        (pa.float64(), 0.5),
        (pa.float32(), 0.5),
        (pa.bool_(), True),
        (pa.string(), "a"),
        (pa.decimal128(5, 2), D("1.50")),
        (pa.date32(), dt.date(2024, 1, 1)),
        (pa.timestamp("us"), NAIVE),
        (pa.duration("us"), dt.timedelta(1)),
        (pa.time64("us"), dt.time(1)),
        (pa.list_(pa.int8()), [1]),
        (pa.struct([("x", pa.int8())]), {"x": 1}),
        (pa.map_(pa.int8(), pa.int8()), [(1, 1)]),
        (pa.binary(1), b"x"),
        (pa.null(), None),
    ],
    ids=str,
)
def test_nulls_of_pandas(type_, value, null):
    values = np.empty(3, object)
    values[0], values[1], values[2] = value, null, value
    expected = pa.array([value, None, value], type_)
    assert column(values, type_, from_pandas=True).equals(expected)
    assert column(list(values), type_, from_pandas=True).equals(expected)
    if not pa.types.is_null(type_):
        field = pa.field("c", type_, nullable=False)
        failures = _core.objects_to_array(values, field)[1]
        if pa.types.is_floating(type_) and isinstance(null, (float, np.floating)):
            assert failures == []
        else:
            assert rules(failures) == [("c", "null", 1)]


def test_nan_is_a_value_in_rows_and_in_required_floats():
    for type_ in (pa.float16(), pa.float32(), pa.float64()):
        array = column([math.nan, np.float64("nan"), 1], type_)
        assert array.null_count == 0
        assert math.isnan(array[0].as_py()) and math.isnan(array[1].as_py())
        required = pa.field("c", type_, nullable=False)
        assert column([math.nan], required, from_pandas=True).null_count == 0
    nested = pa.list_(pa.float32())
    values = [np.array([1, math.nan], "f4"), [math.nan, 2.0]]
    assert column(values, nested, from_pandas=True).to_pylist() == [[1, None], [None, 2]]
    assert column(values, nested).to_pylist()[0][1] != column(values, nested).to_pylist()[0][1]


def test_object_arrays_with_strides():
    values = np.empty((5, 3), object)
    for i in range(5):
        values[i] = [i, str(i), None]
    assert column(values[:, 0], pa.int8()).to_pylist() == [0, 1, 2, 3, 4]
    assert column(values[::-2, 1], pa.string()).to_pylist() == ["4", "2", "0"]


@pytest.mark.parametrize("values", [5, np.zeros(3), np.zeros((2, 2), object), b"abc"])
def test_what_is_no_column_is_a_type_error(values):
    with pytest.raises(TypeError):
        _core.objects_to_array(values, pa.field("c", pa.int8()))


# ---- values that misbehave ----


def test_containers_that_change_while_they_are_read():
    class Evil:
        def __init__(self, act):
            self.act = act

        def __index__(self):
            self.act()
            gc.collect()
            return 1

    rows = [{"a": i, "b": f"text {i} {'x' * 30}", "l": [str(i) + "y"] * 5} for i in range(300)]
    rows[3]["a"] = Evil(lambda: [r.clear() for r in rows])
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("l", pa.list_(pa.string()))])
    result = batch(rows, schema).to_pylist()
    assert result[4] == {"a": 4, "b": f"text 4 {'x' * 30}", "l": ["4y"] * 5}
    assert result[299] == {"a": None, "b": None, "l": None}

    rows = [{"a": i} for i in range(300)]
    rows[0]["a"] = Evil(rows.clear)
    with pytest.raises(RuntimeError, match="shorter"):
        _core.rows_to_array(rows, pa.schema([("a", pa.int64())]))

    values = [[1000 + i for i in range(600)] for _ in range(3)]
    values[0][0] = Evil(lambda: [v.clear() for v in values])
    column(values, pa.list_(pa.int64()))

    maps = [{i + 1000: i + 2000 for i in range(200)} for _ in range(5)]
    maps[0][1000] = Evil(lambda: [m.clear() for m in maps])
    column(maps, pa.map_(pa.int64(), pa.int64()))
    pairs = [[(i + 1000, i + 2000) for i in range(600)] for _ in range(3)]
    pairs[0][0] = (1, Evil(lambda: [p.clear() for p in pairs]))
    column(pairs, pa.map_(pa.int64(), pa.int64()))


def test_exceptions_of_values_pass_through_or_are_failures():
    class Raises:
        def __init__(self, error):
            self.error = error

        def __index__(self):
            raise self.error

        def __repr__(self):
            raise ValueError("no repr")

    with pytest.raises(KeyboardInterrupt):
        column([Raises(KeyboardInterrupt())], pa.int64())
    with pytest.raises(MemoryError):
        column([Raises(MemoryError())], pa.int64())
    [failure] = column_failures([Raises(TypeError())], pa.int64())
    assert failure[1] == "type" and failure[5] == [(0, "<Raises object>")]

    class BadZone(dt.tzinfo):
        def utcoffset(self, when):
            raise RuntimeError("zone")

    with pytest.raises(RuntimeError, match="zone"):
        column([NAIVE.replace(tzinfo=BadZone())], pa.timestamp("us", "UTC"))

    class NoOffset(dt.tzinfo):
        def utcoffset(self, when):
            return None

    assert column([NAIVE.replace(tzinfo=NoOffset())], pa.timestamp("us")).to_pylist() == [NAIVE]


def test_subclasses_that_lie():
    class Text(str):
        def __str__(self):
            return "lie"

    class Number(int):
        def __index__(self):
            return 99

    class Dec(D):
        def __str__(self):
            return "99"

    assert column([Text("truth")], pa.string()).to_pylist() == ["truth"]
    assert column([Number(5)], pa.int64()).to_pylist() == [5]
    assert column([Number(5)], pa.decimal128(5, 0)).to_pylist() == [D(5)]
    assert column([Dec(5)], pa.decimal128(5, 0)).to_pylist() == [D(5)]


def test_signals_are_answered():
    class Tick(Exception):
        pass

    def stop(*_):
        raise Tick

    old = signal.signal(signal.SIGALRM, stop)
    try:
        values = [[1, 2, 3, 4] * 4] * 3_000_000
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Tick):
            for _ in range(100):
                _core.objects_to_array(values, pa.field("c", pa.list_(pa.int64())))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


# ---- ownership ----


def test_references_come_back():
    class Mark:
        def __index__(self):
            return 1

    def build(fail):
        marks = [Mark() for _ in range(700)]
        refs = [weakref.ref(m) for m in marks]
        rows = [{"a": m, "l": [m, m], "s": {"x": m}, "m": {"k": m}, "e": {m: m}} for m in marks]
        fields = [
            ("a", pa.int64()),
            ("l", pa.list_(pa.int64())),
            ("s", pa.struct([("x", pa.int64())])),
            ("m", pa.map_(pa.string(), pa.int64())),
            ("e", pa.map_(pa.int64(), pa.string() if fail else pa.int64())),
        ]
        built, failures = _core.rows_to_array(rows, pa.schema(fields))
        assert (built is None) == fail
        assert bool(failures) == fail
        return refs

    for fail in (False, True):
        refs = build(fail)
        gc.collect()
        assert [r for r in refs if r() is not None] == []


def test_shared_objects_keep_their_counts():
    key, text, when, number = "k" * 5, "t" * 9, dt.datetime(2024, 1, 1), 10**12
    rows = [{key: text, "w": when, "n": number, "o": None, "f": 1.5}] * 2000
    schema = pa.schema(
        [(key, pa.string()), ("w", pa.timestamp("us")), ("n", pa.int64()), ("o", pa.int8()), ("f", pa.int8())]
    )
    watched = [key, text, when, number, rows[0], schema, rows]

    def counts():
        gc.collect()
        return [sys.getrefcount(x) for x in watched]

    failures_of(rows, schema)
    before = counts()
    for _ in range(5):
        failures_of(rows, schema)
        _core.rows_to_array(rows, schema.set(4, pa.field("f", pa.float64())))
    assert counts() == before


def test_arrays_are_handed_out_once_and_released_anywhere():
    built, _ = _core.rows_to_array([{"a": "x" * 100}] * 1000, pa.schema([("a", pa.string())]))
    result = [pa.record_batch(built)]
    with pytest.raises(ValueError, match="before"):
        built.__arrow_c_array__()
    del built
    thread = threading.Thread(target=result.clear)
    thread.start()
    thread.join()
    assert result == []
    unused, _ = _core.rows_to_array([{"a": "x"}], pa.schema([("a", pa.string())]))
    capsules = unused.__arrow_c_array__()
    del unused, capsules  # never imported
    with pytest.raises(TypeError):
        type(_core.rows_to_array([], pa.schema([]))[0])()


def test_children_may_outlive_their_parent():
    built, _ = _core.rows_to_array(
        [{"s": {"x": ["a"]}}], pa.schema([("s", pa.struct([("x", pa.list_(pa.string()))]))])
    )
    leaf = pa.record_batch(built).column(0).field(0).values
    del built
    gc.collect()
    assert leaf.to_pylist() == ["a"]


def test_schema_capsules_are_taken():
    schema = pa.schema([("a", pa.int8())])
    assert batch([{"a": 1}], schema.__arrow_c_schema__()).to_pylist() == [{"a": 1}]
    with pytest.raises(AttributeError):
        _core.rows_to_array([], 5)
    with pytest.raises(ValueError):
        _core.rows_to_array([], pa.int8())


# ---- properties ----


def leaf(type_, values):
    return st.just((type_, values))


DATETIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
LEAVES = st.one_of(
    leaf(pa.bool_(), st.booleans()),
    leaf(pa.int8(), st.integers(-128, 127)),
    leaf(pa.uint16(), st.integers(0, 65535)),
    leaf(pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    leaf(pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    leaf(pa.uint64(), st.integers(0, 2**64 - 1)),
    leaf(pa.float32(), st.floats(width=32, allow_nan=False)),
    leaf(pa.float64(), st.floats(allow_nan=False)),
    leaf(pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=40)),
    leaf(pa.large_binary(), st.binary(max_size=40)),
    leaf(pa.binary(4), st.binary(min_size=4, max_size=4)),
    leaf(pa.decimal128(20, 5), st.decimals(-(10**14), 10**14, places=5)),
    leaf(pa.date32(), st.dates()),
    leaf(pa.date64(), st.dates()),
    leaf(pa.time64("us"), st.times()),
    leaf(pa.timestamp("us"), st.datetimes()),
    leaf(pa.timestamp("ns"), DATETIMES),
    leaf(
        pa.timestamp("us", "UTC"),
        st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=st.timezones()),
    ),
    leaf(pa.duration("us"), st.timedeltas(dt.timedelta(-100_000_000), dt.timedelta(100_000_000))),
)


def nest(children):
    def list_of(child):
        type_, values = child
        return leaf(pa.list_(type_), st.lists(st.none() | values, max_size=4))

    def map_of(child):
        type_, values = child
        entries = st.lists(st.tuples(st.text("abc", max_size=2), st.none() | values), max_size=3)
        return leaf(pa.map_(pa.string(), type_), entries)

    def struct_of(fields):
        type_ = pa.struct([(f"f{i}", t) for i, (t, _) in enumerate(fields)])
        optional = {f"f{i}": st.none() | v for i, (_, v) in enumerate(fields)}
        return leaf(type_, st.fixed_dictionaries({}, optional=optional))

    return st.one_of(
        children.flatmap(list_of),
        children.flatmap(map_of),
        st.lists(children, min_size=1, max_size=3).flatmap(struct_of),
    )


TYPES = st.recursive(LEAVES, nest, max_leaves=5)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_column_equals_pyarrow(data):
    type_, strategy = data.draw(TYPES)
    values = data.draw(st.lists(st.none() | strategy, max_size=12))
    assert column(values, type_).equals(pa.array(values, type_))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_rows_equal_pyarrow(data):
    drawn = data.draw(st.lists(TYPES, min_size=1, max_size=5))
    names = [f"c{i}" for i in range(len(drawn))]
    schema = pa.schema([(n, t) for n, (t, _) in zip(names, drawn)])
    optional = {n: st.none() | v for n, (_, v) in zip(names, drawn)}
    rows = data.draw(st.lists(st.fixed_dictionaries({}, optional=optional), max_size=12))
    for row in rows:  # pyarrow takes the first row's keys in order, we any
        if len(row) > 1 and data.draw(st.booleans()):
            first = next(iter(row))
            row[first] = row.pop(first)
    expected = pa.Table.from_pylist(rows, schema)
    assert pa.Table.from_batches([batch(rows, schema)]).equals(expected)


@settings(max_examples=200, deadline=None)
@given(st.floats(width=32), st.integers(-(2**70), 2**70), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_kept_or_refused(small, number, dec):
    for type_ in (pa.float16(), pa.float32(), pa.float64()):
        for value in (small, number):
            built, failures = _core.objects_to_array([value], pa.field("c", type_), False)
            if failures:
                continue
            got = pa.array(built)[0].as_py()
            assert float(got) == value or (math.isnan(value) and math.isnan(got))
    assert column([small], pa.float32())[0].as_py() == small or math.isnan(small)
    fits = np.isnan(small) or np.isinf(small) or abs(small) <= 65504 and float(np.float16(small)) == small
    failures = _core.objects_to_array([small], pa.field("c", pa.float16()), False)[1]
    assert bool(fits) == (failures == [])
    built, failures = _core.objects_to_array([dec], pa.field("c", pa.decimal128(38, 10)), False)
    exact = (
        dec == dec.quantize(D("1E-10"), context=decimal.Context(prec=400, Emax=999999, Emin=-999999))
        if abs(dec.adjusted()) < 300
        else dec == 0
    )
    if exact and abs(dec) < D(10) ** 28:
        assert failures == [] and pa.array(built)[0].as_py() == dec
    else:
        assert rules(failures) == [("c", "value", 1)]


# ---- text as binary, whatever the form ----


class Text(str):
    pass


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(4)], ids=str)
def test_text_becomes_binary_as_utf8_in_every_form(kind, tmp_path):
    texts = ["abcd", None, "\u00e9\u00e8", "\U0001f600", Text("wxyz")]
    schema = pa.schema([("a", kind)])
    forms = {
        "table": pa.table({"a": pa.array(texts, pa.string())}),
        "rows": [{"a": text} for text in texts],
        "objects": pd.DataFrame({"a": pd.Series(texts, dtype=object)}),
    }
    for name, data in forms.items():
        forge.write_parquet(data, tmp_path / name, schema)
        found = forge.read_parquet(tmp_path / name, "arrow")["a"].to_pylist()
        assert found == [None if text is None else text.encode() for text in texts], name
