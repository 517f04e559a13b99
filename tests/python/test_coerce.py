# SPDX-License-Identifier: Apache-2.0
"""coerce=True: refused values are cast, everything else is as without it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import ParquetStreamWriter, SchemaValidationError, write_parquet

NS = pd.Timestamp("2020-01-01 00:00:00.123456789")
AWARE = pd.Timestamp("2020-01-01", tz="UTC")
HALF_PAST = dt.datetime(2020, 1, 1, 5, 30)
DAY = dt.date(2020, 1, 1)


def as_rows(values):
    return [{"a": value} for value in values]


def as_frame(values):
    return pd.DataFrame({"a": pd.Series(values, dtype=object)})


def written(data, kind, path, **options):
    """The column, as numbers or texts that hide no digit."""
    write_parquet(data, path, pa.schema([("a", kind)]), coerce=True, **options)
    return pq.read_table(path)["a"]


def failures(data, kind, path, **options):
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(data, path, pa.schema([("a", kind)]), **options)
    assert not path.exists()
    return [(f.path, f.rule, f.count, f.samples) for f in caught.value.failures]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "f.parquet"


# ---- Python values ----

FITS = {
    "a date beside a datetime": ([DAY, HALF_PAST], pa.timestamp("us"), 1),
    "nanoseconds beside a zone": ([NS, AWARE], pa.timestamp("ns"), 0),
    "nanoseconds beside a date": ([DAY, NS], pa.timestamp("ns"), 1),
    "nanoseconds of a duration beside an int": ([pd.Timedelta(123456789, "ns"), 5], pa.duration("ns"), 0),
    "float beside text": ([0.1, "0.5"], pa.float64(), 0),
    "large int beside text": ([2**63 - 1, "1", None], pa.int64(), 0),
    "large unsigned beside text": ([2**64 - 1, "1"], pa.uint64(), 0),
    "decimal beside float": ([Decimal("12345678901234567.89"), 0.25], pa.decimal128(19, 2), 0),
    "text beside numbers": (["7.50", 1, 2.5, Decimal("1.50")], pa.string(), 0),
}


@pytest.mark.parametrize("make", [as_rows, as_frame])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("values, kind, at", FITS.values(), ids=FITS)
def test_a_value_that_fits_is_what_it_is_without_coerce(values, kind, at, turned, make, path):
    write_parquet(as_rows([values[at]]), path, pa.schema([("a", kind)]))
    (alone,) = pq.read_table(path)["a"].to_pylist()
    if turned:
        values, at = values[::-1], len(values) - 1 - at
    got = written(make(values), kind, path)
    assert got[at].as_py() == alone
    assert got.null_count == values.count(None)


@pytest.mark.parametrize("make", [as_rows, as_frame])
def test_a_refused_value_becomes_what_the_safe_cast_of_it_alone_is(make, path):
    values = [DAY, HALF_PAST, "2021-02-03 04:05:06", np.datetime64("2022-01-01"), AWARE]
    got = written(make(values), pa.timestamp("us"), path).to_pylist()
    assert got == [
        dt.datetime(2020, 1, 1),
        HALF_PAST,
        dt.datetime(2021, 2, 3, 4, 5, 6),
        dt.datetime(2022, 1, 1),
        dt.datetime(2020, 1, 1),
    ]
    values = [1, 2.5, True, Decimal("1.5"), Decimal("2"), DAY, b"x"]
    got = written(make(values), pa.string(), path).to_pylist()
    assert got == [pa.array([value]).cast(pa.string())[0].as_py() for value in values]


@pytest.mark.parametrize("make", [as_rows, as_frame])
def test_what_no_cast_can_take_is_reported_with_its_own_row_and_value(make, path):
    values = ["1", None, 2, "x", "3", 2.5, "y", 1e30, "x"]
    assert failures(make(values), pa.int64(), path, coerce=True) == [
        ("a", "type", 3, [(3, "'x'"), (6, "'y'"), (8, "'x'")]),
        ("a", "value", 2, [(5, "2.5"), (7, "1e+30")]),
    ]
    assert failures(make([2**24 + 1, 0.1]), pa.float32(), path, coerce=True) == [
        ("a", "value", 1, [(0, "16777217")])
    ]


def test_refused_texts_are_counted_one_by_one(path):
    rows = as_rows(str(i) if i % 7 else f"no {i}" for i in range(1000)) + as_rows(["-"] * 500)
    ((where, rule, count, samples),) = failures(rows, pa.int32(), path, coerce=True)
    assert (where, rule, count) == ("a", "type", 143 + 500)
    assert samples == [(i, f"'no {i}'") for i in range(0, 35, 7)]


@pytest.mark.parametrize("make", [as_rows, as_frame])
@pytest.mark.parametrize("kind, rule", [(pa.string(), "value"), (pa.int64(), "type"), (pa.date32(), "type")])
def test_a_lone_surrogate_is_a_refused_value(make, kind, rule, path):
    want = [("a", rule, 1, [(1, "'\\ud800'")])]
    assert failures(make([None, "\ud800"]), kind, path) == want
    assert failures(make([None, "\ud800"]), kind, path, coerce=True) == want


NESTED = [
    ({"x": "1", "t": NS}, {"x": 1, "t": NS}),
    ({"x": 2, "t": DAY}, {"x": 2, "t": pd.Timestamp(DAY)}),
    (None, None),
    ({"x": None}, {"x": None, "t": None}),
]
STRUCT = pa.struct([("x", pa.int32()), ("t", pa.timestamp("ns"))])
SHAPES = {
    "struct": (STRUCT, lambda v: v),
    "list": (pa.list_(STRUCT), lambda v: [v, v]),
    "large list": (pa.large_list(STRUCT), lambda v: [v]),
    "fixed list": (pa.list_(STRUCT, 2), lambda v: [v, v] if v else None),
    "map": (pa.map_(pa.string(), STRUCT), lambda v: [("k", v), ("l", v)]),
    "list of lists": (pa.list_(pa.list_(STRUCT)), lambda v: [[v], None, [v, v]]),
    "struct in a struct": (pa.struct([("s", STRUCT)]), lambda v: {"s": v}),
}


@pytest.mark.parametrize("make", [as_rows, as_frame])
@pytest.mark.parametrize("kind, shape", SHAPES.values(), ids=SHAPES)
def test_values_at_every_depth_are_cast_where_they_are(kind, shape, make, path):
    got = written(make([shape(value) for value, _ in NESTED]), kind, path)
    assert got.to_pylist() == [shape(value) for _, value in NESTED]


def test_keys_of_maps_and_encoded_columns_are_cast(path):
    got = written(as_rows([{"1": "a", 2: "b"}, {}]), pa.map_(pa.int32(), pa.string()), path)
    assert got.to_pylist() == [[(1, "a"), (2, "b")], []]
    for kind in (pa.dictionary(pa.int32(), pa.string()), pa.string_view(), pa.large_string()):
        assert written(as_rows(["a", 1, None]), kind, path).to_pylist() == ["a", "1", None]


def test_a_required_field_takes_what_was_cast(path):
    schema = pa.schema([pa.field("a", pa.list_(pa.field("e", pa.int64(), False)), False)])
    write_parquet(as_rows([["1", 2], ["3"]]), path, schema, coerce=True)
    assert pq.read_table(path)["a"].to_pylist() == [[1, 2], [3]]
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(as_rows([["1", None], None]), path, schema, coerce=True)
    assert sorted((f.path, f.rule) for f in caught.value.failures) == [("a", "null"), ("a[]", "null")]


def test_every_piece_of_a_stream_is_cast_for_itself(path):
    with ParquetStreamWriter(path, pa.schema([("a", pa.int64())]), coerce=True) as writer:
        writer.write_chunk(as_rows([1, 2]))
        writer.write_chunk(as_rows(["3"]))
        with pytest.raises(SchemaValidationError) as caught:
            writer.write_chunk(as_rows(["4", "x"]))
        assert caught.value.failures[0].samples == [(4, "'x'")]
        writer.write_chunk(iter([as_rows([5.0]), pa.table({"a": ["6"]}), as_frame(["7", 8])]))
    assert pq.read_table(path)["a"].to_pylist() == [1, 2, 3, 5, 6, 7, 8]


# ---- names ----

ONE_OFF = {
    "struct": (lambda kind: pa.struct([("s", kind)]), lambda v: {"s": v}, "a.s"),
    "list": (pa.list_, lambda v: [v], "a[]"),
    "map": (lambda kind: pa.map_(pa.string(), kind), lambda v: [("k", v)], "a.value"),
    "fixed list": (lambda kind: pa.list_(kind, 1), lambda v: [v], "a[]"),
}


@pytest.mark.parametrize("wrap, value, where", ONE_OFF.values(), ids=ONE_OFF)
def test_coerce_compares_names_at_every_depth(wrap, value, where, path):
    kind = wrap(pa.struct([("x", pa.int64()), ("z", pa.int64())]))
    data = wrap(pa.struct([("x", pa.string()), ("y", pa.int64())]))
    table = pa.table({"a": pa.array([value({"x": "1", "y": 2})], data)})
    frame = pd.DataFrame({"a": pd.Series(table["a"].to_pandas(), dtype=pd.ArrowDtype(data))})
    for given in (table, frame):
        found = failures(given, kind, path, coerce=True)
        assert sorted(f[:2] for f in found) == [(f"{where}.y", "extra"), (f"{where}.z", "missing")]
    got = written(table, kind, path, on_extra="drop", on_missing="null")
    assert got.to_pylist() == [value({"x": 1, "z": None})]


@pytest.mark.parametrize("kind, shape", SHAPES.values(), ids=SHAPES)
def test_leaves_of_arrow_data_are_cast_at_every_depth(kind, shape, path):
    source = pa.struct([("t", pa.date32()), ("x", pa.string())])  # names in another order
    rows = [{"x": "1", "t": DAY}, {"x": "2", "t": None}, None, {"x": None, "t": DAY}]
    want = [row and {"x": row["x"] and int(row["x"]), "t": row["t"] and pd.Timestamp(DAY)} for row in rows]
    data = pa.array([shape(row) for row in [{"x": "x"}, *rows]], _swapped(kind, source)).slice(1)
    chunks = pa.chunked_array([data, data.slice(1, 2), data.slice(4)])
    got = written(pa.table({"a": chunks}), kind, path).to_pylist()
    assert got == [shape(row) for row in [*want, *want[1:3]]]


def _swapped(kind, source):
    """The type with the struct of SHAPES replaced."""
    if kind == STRUCT:
        return source
    if pa.types.is_map(kind):
        return pa.map_(kind.key_type, _swapped(kind.item_type, source))
    if pa.types.is_struct(kind):
        return pa.struct([("s", _swapped(kind.field(0).type, source))])
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_swapped(kind.value_type, source), kind.list_size)
    make = pa.large_list if pa.types.is_large_list(kind) else pa.list_
    return make(_swapped(kind.value_type, source))


def test_a_leaf_that_cannot_be_cast_does_not_hide_the_others(path):
    kind = pa.struct([("x", pa.int64()), ("y", pa.int64())])
    chunks = pa.chunked_array([pa.array([{"x": "1", "y": "1"}]), pa.array([{"x": "2", "y": "no"}])])
    found = failures(pa.table({"a": chunks}), kind, path, coerce=True)
    assert [f[:3] for f in found] == [("a.y", "type", 2)]


# ---- messages ----


def test_nobody_who_coerces_is_told_to(path):
    for values, kind in ([["x"], pa.int64()], [[0.1, "x"], pa.float32()]):
        with pytest.raises(SchemaValidationError) as caught:
            write_parquet(as_rows(values), path, pa.schema([("a", kind)]))
        assert "or coerce=True" in str(caught.value)
        with pytest.raises(SchemaValidationError) as caught:
            write_parquet(as_rows(values), path, pa.schema([("a", kind)]), coerce=True)
        assert "coerce=True cannot cast it either" in str(caught.value)
        assert "or coerce=True" not in str(caught.value)


def test_only_what_has_a_zone_is_said_to_have_one(path):
    for value, has_zone in ((np.datetime64("2020-01-01"), False), (AWARE, True)):
        with pytest.raises(SchemaValidationError) as caught:
            write_parquet(as_rows([value]), path, pa.schema([("a", pa.timestamp("us"))]))
        assert ("a zone is never dropped" in str(caught.value)) is has_zone
