# SPDX-License-Identifier: Apache-2.0
"""Promises about what may be handed in as data."""

from __future__ import annotations

import math
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    read_parquet,
    write_parquet,
    write_to_dataset,
)

from .support import everything, files, said

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])
WANT = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]}, schema=SCHEMA)
BATCH = WANT.to_batches()[0]


class OnlyStream:
    def __init__(self, source):
        self.source = source

    def __arrow_c_stream__(self, requested_schema=None):
        return self.source.__arrow_c_stream__(requested_schema)


class OnlyArray:
    def __init__(self, source):
        self.source = source

    def __arrow_c_array__(self, requested_schema=None):
        return self.source.__arrow_c_array__(requested_schema)


def polars_frame():
    return pytest.importorskip("polars").DataFrame({"a": [1, 2, None], "b": ["x", None, "z"]})


def duckdb_relation():
    query = "select * from (values (1::bigint, 'x'), (2, null), (null, 'z')) t(a, b)"
    return pytest.importorskip("duckdb").sql(query)


FORMS = {
    "DataFrame": lambda: pd.DataFrame({"a": pd.array([1, 2, None], "Int64"), "b": ["x", None, "z"]}),
    "list of dicts": lambda: WANT.to_pylist(),
    "Table": lambda: WANT,
    "RecordBatch": lambda: BATCH,
    "RecordBatchReader": lambda: WANT.to_reader(),
    "StructArray": lambda: BATCH.to_struct_array(),
    "__arrow_c_stream__": lambda: OnlyStream(WANT),
    "__arrow_c_array__": lambda: OnlyArray(BATCH),
    "polars": polars_frame,
    "polars lazy-free slice": lambda: polars_frame().slice(0, 3),
    "duckdb": duckdb_relation,
}
forms = pytest.mark.parametrize("make", FORMS.values(), ids=FORMS.keys())


@forms
def test_each_form_is_written(make, target):
    """`pandas.DataFrame`, `list[dict]`, `pyarrow.Table`, `pyarrow.RecordBatch`; also anything with `__arrow_c_stream__`"""
    write_parquet(make(), target, SCHEMA)
    assert pq.read_table(target).equals(WANT)


@forms
def test_each_form_is_a_chunk_and_a_dataset(make, tmp_path):
    """`pandas.DataFrame`, `list[dict]`, `pyarrow.Table`, `pyarrow.RecordBatch`; also anything with `__arrow_c_array__`"""
    with ParquetStreamWriter(tmp_path / "s.parquet", SCHEMA) as writer:
        writer.write_chunk(make())
        writer.write_chunk(make())
    assert pq.read_table(tmp_path / "s.parquet").equals(pa.concat_tables([WANT, WANT]).combine_chunks())
    write_to_dataset(make(), tmp_path / "ds", SCHEMA)
    assert pq.read_table(tmp_path / "ds").equals(WANT)


@forms
def test_an_iterator_of_each_form(make, target):
    """and an iterator or generator of any of these"""
    write_parquet((make() for _ in range(3)), target, SCHEMA)
    assert pq.read_table(target).to_pylist() == WANT.to_pylist() * 3


def test_an_iterator_may_mix_forms(target):
    """an iterator or generator of any of these"""
    chunks = [
        make() for name, make in FORMS.items() if name not in ("polars", "polars lazy-free slice", "duckdb")
    ]
    write_parquet(iter(chunks), target, SCHEMA)
    assert pq.read_table(target).to_pylist() == WANT.to_pylist() * len(chunks)


def test_an_iterator_is_consumed_chunk_by_chunk_in_bounded_memory(target):
    """consumed chunk by chunk in bounded memory"""
    code = """
        import gc, sys
        import numpy as np, pyarrow as pa
        from py_parquet_forge import *
        schema = pa.schema([("a", pa.float64())])
        rng = np.random.default_rng(1)
        def peak():
            with open("/proc/self/status") as f:
                return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        def chunks(n):
            for _ in range(n):
                yield pa.table({"a": rng.random(100_000)})
        options = dict(row_group_size=100_000, use_dictionary=False, compression=None)
        write_parquet(chunks(10), sys.argv[1], schema, **options)
        before = peak()
        write_parquet(chunks(150), sys.argv[1], schema, **options)  # 120 MB
        print(peak() - before)
    """
    assert int(said(code, target)) < 30_000
    assert pq.read_metadata(target).num_rows == 15_000_000


# -- frames --


def test_the_index_of_a_frame_is_not_written(target):
    """the index is never written unless the schema names it"""
    for index in (None, [5, 6, 7], pd.Index([5, 6, 7], name="key"), pd.Index([5, 6, 7], name="a")):
        frame = pd.DataFrame({"a": [1, 2, 3], "b": list("xyz")}, index=index)
        write_parquet(frame, target, SCHEMA)
        assert pq.read_schema(target).names == ["a", "b"]
        assert pq.read_table(target)["a"].to_pylist() == [1, 2, 3]


def test_the_index_of_a_frame_is_written_where_the_schema_names_it(target):
    """the index is never written unless the schema names it"""
    frame = pd.DataFrame({"b": list("xyz")}, index=pd.Index([5, 6, 7], name="a"))
    write_parquet(frame, target, SCHEMA)
    assert pq.read_table(target).to_pydict() == {"a": [5, 6, 7], "b": ["x", "y", "z"]}
    both = pd.DataFrame(
        {"b": list("xyz")}, index=pd.MultiIndex.from_arrays([[1, 2, 3], [4, 5, 6]], names=["a", "x"])
    )
    write_parquet(both, target, SCHEMA)
    assert pq.read_table(target).to_pydict() == {"a": [1, 2, 3], "b": ["x", "y", "z"]}


# -- dicts --


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_none_row_is_an_error(at, target):
    """`list[dict]` (a None row is an error)"""
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    rows.insert(at, None)
    with pytest.raises(SchemaValidationError):
        write_parquet(rows, target, SCHEMA)
    assert everything(target.parent) == []


# -- anything else --


@pytest.mark.parametrize(
    "data",
    [{"a": [1], "b": ["x"]}, {1, 2}, "abc", 5, 2.5, None, True, object()],
    ids=lambda v: type(v).__name__,
)
def test_anything_else_is_unsupported(data, tmp_path):
    """Anything else is a `SchemaValidationError` whose message has `Unsupported data type`."""
    with pytest.raises(SchemaValidationError, match="Unsupported data type"):
        write_parquet(data, tmp_path / "t", SCHEMA)
    with pytest.raises(SchemaValidationError, match="Unsupported data type"):
        write_to_dataset(data, tmp_path / "ds", SCHEMA)
    with ParquetStreamWriter(tmp_path / "s.parquet", SCHEMA) as writer:
        with pytest.raises(SchemaValidationError, match="Unsupported data type"):
            writer.write_chunk(data)
        writer.write_chunk(WANT)
    assert everything(tmp_path) == ["s.parquet"]
    assert pq.read_table(tmp_path / "s.parquet").equals(WANT)


@pytest.mark.parametrize("bad", ["text", 7, {"a": 1}])
def test_anything_else_as_a_chunk_of_an_iterator_is_unsupported(bad, target):
    """Anything else (a bare dict, a set, a string, a number) is a `SchemaValidationError`"""
    with pytest.raises(SchemaValidationError, match="Unsupported data type"):
        write_parquet(iter([WANT, bad]), target, SCHEMA)
    assert everything(target.parent) == []


# -- nothing --

EMPTY = {
    "list": lambda: [],
    "iterator": lambda: iter([]),
    "iterator of lists": lambda: iter([[], []]),
    "frame": lambda: pd.DataFrame(),
    "frame of objects": lambda: pd.DataFrame(columns=["a", "b"]),
    "frame of floats": lambda: pd.DataFrame({"a": [], "b": []}),
    "frame of dates": lambda: pd.DataFrame({"a": pd.to_datetime([]), "b": pd.array([], "boolean")}),
    "frame of categories": lambda: pd.DataFrame({"a": pd.Categorical([]), "b": pd.Categorical([1])[:0]}),
    "table": lambda: WANT.slice(0, 0),
    "table without chunks": lambda: SCHEMA.empty_table(),
    "batch": lambda: BATCH.slice(0, 0),
    "reader": lambda: pa.RecordBatchReader.from_batches(SCHEMA, []),
    "table of nulls": lambda: pa.table({"a": pa.array([], pa.null()), "b": pa.array([], pa.null())}),
    "polars": lambda: polars_frame().clear(),
}
empties = pytest.mark.parametrize("make", EMPTY.values(), ids=EMPTY.keys())


@empties
@pytest.mark.parametrize("nullable", [True, False])
def test_empty_data_is_valid_data_of_zero_rows(make, nullable, target):
    """Empty data of any form is valid data with zero rows, whatever dtypes an empty frame carries."""
    schema = pa.schema([field.with_nullable(nullable) for field in SCHEMA])
    write_parquet(make(), target, schema)
    got = pq.read_table(target)
    assert got.num_rows == 0 and got.schema.equals(schema)
    assert read_parquet(target, output_format="arrow").schema.equals(schema)


@empties
def test_empty_data_is_a_valid_chunk(make, target):
    """Empty data of any form is valid data with zero rows"""
    with ParquetStreamWriter(target, SCHEMA) as writer:
        writer.write_chunk(make())
        writer.write_chunk(WANT)
        writer.write_chunk(make())
    assert pq.read_table(target).equals(WANT)


@empties
def test_empty_data_makes_an_empty_dataset(make, tmp_path):
    """Empty data of any form is valid data with zero rows"""
    write_to_dataset(make(), tmp_path / "ds", SCHEMA, partition_cols=["b"])
    assert (tmp_path / "ds").is_dir() and files(tmp_path) == []


# -- what is null --


@pytest.mark.parametrize(
    "values, type",
    [
        ([None, "x"], pa.string()),
        ([float("nan"), "x"], pa.string()),
        ([pd.NA, "x"], pa.string()),
        ([float("nan"), 1.5], pa.float64()),
        ([None, 1.5], pa.float64()),
        ([float("nan"), 2.0], pa.int64()),
        (pd.array([pd.NA, 2], "Int32"), pa.int32()),
        (pd.array([pd.NA, 2.5], "Float64"), pa.float64()),
        (pd.array([pd.NA, True], "boolean"), pa.bool_()),
        (pd.array([pd.NA, "x"], "string"), pa.string()),
        ([pd.NaT, pd.Timestamp("2024-01-01")], pa.timestamp("us")),
        ([None, pd.Timestamp("2024-01-01", tz="UTC")], pa.timestamp("us", "UTC")),
        ([pd.NaT, pd.Timedelta("1s")], pa.duration("us")),
        (pd.Series([pd.NaT, pd.Timestamp("2024-01-01").date()], dtype=object), pa.date32()),
        (pd.Categorical([None, "x"]), pa.string()),
        (pd.Series([None, True], dtype=object), pa.bool_()),
        (pd.Series([pd.NA, 5], dtype=object), pa.int64()),
    ],
)
def test_in_a_frame_none_nat_na_and_nan_are_null(values, type, target):
    """In a DataFrame None, NaT, `pd.NA` and a float NaN are null"""
    write_parquet(pd.DataFrame({"a": values}), target, pa.schema([("a", type)]))
    column = pq.read_table(target)["a"]
    assert column.null_count == 1 and column[0].as_py() is None and column[1].as_py() is not None
    if pa.types.is_floating(type) and isinstance(values, list):
        return  # NaN in a required float: the next test
    with pytest.raises(SchemaValidationError, match="Column 'a' is declared non-nullable but contains nulls"):
        write_parquet(pd.DataFrame({"a": values}), target, pa.schema([pa.field("a", type, nullable=False)]))


@pytest.mark.parametrize("type", [pa.float64(), pa.float32()])
def test_in_a_non_nullable_float_field_nan_stays_nan(type, target):
    """(in a non-nullable float field NaN stays NaN)"""
    frame = pd.DataFrame({"a": [float("nan"), 1.5]})
    write_parquet(frame, target, pa.schema([pa.field("a", type, nullable=False)]))
    got = pq.read_table(target)["a"].to_pylist()
    assert math.isnan(got[0]) and got[1] == 1.5


def test_in_dicts_and_arrow_data_nan_is_a_value(target):
    """in `list[dict]` and Arrow data only None and null are null, and NaN is a value"""
    rows = [{"a": float("nan")}, {"a": None}, {"a": 1.0}]
    schema = pa.schema([("a", pa.float64())])
    for data in (rows, pa.table({"a": pa.array([r["a"] for r in rows], pa.float64())})):
        write_parquet(data, target, schema)
        column = pq.read_table(target)["a"]
        assert column.null_count == 1 and math.isnan(column[0].as_py()) and column[1].as_py() is None


@pytest.mark.parametrize(
    "data", [[{"a": float("nan")}], pa.table({"a": [float("nan")]})], ids=["dicts", "table"]
)
def test_in_dicts_and_arrow_data_nan_is_no_integer_and_no_text(data, target):
    """and NaN is a value"""
    for type in (pa.int64(), pa.string()):
        with pytest.raises(SchemaValidationError):
            write_parquet(data, target, pa.schema([("a", type)]))


# -- nothing is referenced afterwards --


@pytest.mark.parametrize("dtype", ["int8", "int64", "float64", "float32", "uint16", "datetime64[us]"])
@pytest.mark.parametrize("form", ["frame", "table"])
def test_no_input_array_is_referenced_after_the_call(form, dtype, target):
    """overwriting the NumPy buffer behind a frame after `write_chunk` changes nothing"""
    values = np.arange(100).astype("int64").astype(dtype)
    data = pd.DataFrame({"a": values}, copy=False) if form == "frame" else pa.table({"a": pa.array(values)})
    schema = pa.schema([("a", pa.from_numpy_dtype(values.dtype))])
    want = pa.array(values.copy(), schema.field("a").type)
    with ParquetStreamWriter(target, schema) as writer:
        for _ in range(3):
            values[:] = np.arange(100).astype("int64").astype(dtype)
            writer.write_chunk(data)
            values[:] = np.zeros(100, "int64").astype(dtype)
    assert pq.read_table(target)["a"].to_pylist() == want.to_pylist() * 3


def test_no_input_bytes_of_strings_are_referenced_after_the_call(target):
    """No input array is referenced after the call returns"""
    text = bytearray(b"onetwosix")
    offsets = pa.array([0, 3, 6, 9], pa.int32()).buffers()[1]
    column = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(text)])
    with ParquetStreamWriter(target, pa.schema([("a", pa.string())])) as writer:
        writer.write_chunk(pa.table({"a": column}))
        text[:] = b"xxxxxxxxx"
    assert pq.read_table(target)["a"].to_pylist() == ["one", "two", "six"]


def test_input_objects_are_freed_when_the_call_returns(target):
    """No input array is referenced after the call returns"""
    frame = pd.DataFrame({"a": np.arange(100)})
    table = pa.table({"a": np.arange(100)})
    with ParquetStreamWriter(target, pa.schema([("a", pa.int64())])) as writer:
        writer.write_chunk(frame)
        writer.write_chunk(table)
        gone = [weakref.ref(frame), weakref.ref(table)]
        del frame, table
        assert [ref() for ref in gone] == [None, None]
