# SPDX-License-Identifier: Apache-2.0
"""Promises about input data, conforming and single files; one test per promise, named after it."""

from __future__ import annotations

import datetime
import decimal
import json
import os
import random
import signal
import stat
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import names_in

import py_parquet_forge as forge
from py_parquet_forge import ParquetStreamWriter, SchemaValidationError, write_parquet

INT = pa.schema([("a", pa.int64())])
REQUIRED = pa.schema([pa.field("a", pa.int64(), nullable=False)])


def read(path) -> pa.Table:
    """What another engine finds in the file."""
    return pq.ParquetFile(path).read()


def refused(data, schema, target, **kwargs) -> SchemaValidationError:
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(data, target, schema, **kwargs)
    assert names_in(target.parent) == []
    return caught.value


# ---- input data ----


TABLE = pa.table({"a": pa.array([1, 2, None], pa.int64()), "s": ["x", None, "z"]})
ROWS = TABLE.to_pylist()


def reader():
    return pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(max_chunksize=1))


class StreamOnly:
    def __arrow_c_stream__(self, requested_schema=None):
        return TABLE.__arrow_c_stream__(requested_schema)


class ArrayOnly:
    def __arrow_c_array__(self, requested_schema=None):
        return TABLE.to_batches()[0].__arrow_c_array__(requested_schema)


FORMS = {
    "list of dicts": lambda: ROWS,
    "DataFrame": lambda: pd.DataFrame({"a": pd.array([1, 2, None], "Int64"), "s": ["x", None, "z"]}),
    "Table": lambda: TABLE,
    "RecordBatch": lambda: TABLE.to_batches()[0],
    "RecordBatchReader": reader,
    "__arrow_c_stream__": StreamOnly,
    "__arrow_c_array__": ArrayOnly,
    "generator of tables": lambda: (TABLE.slice(i, 1) for i in range(3)),
    "iterator of lists": lambda: iter([ROWS[:1], ROWS[1:]]),
    "generator of frames": lambda: (pd.DataFrame([row]) for row in ROWS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_same_rows(form, target):
    write_parquet(FORMS[form](), target, TABLE.schema)
    assert read(target).to_pylist() == ROWS


def test_polars_and_duckdb_frames_are_data(target):
    polars = pytest.importorskip("polars")
    write_parquet(polars.DataFrame(ROWS), target, TABLE.schema)
    assert read(target).to_pylist() == ROWS
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select range::bigint as a, range::varchar as s from range(5)")
    write_parquet(relation, target, TABLE.schema)
    assert read(target).column("s").to_pylist() == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "data", [{"a": 1}, {1}, "text", 7, None, b"x", object()], ids=lambda v: type(v).__name__
)
def test_anything_else_is_an_unsupported_data_type(data, target):
    assert "Unsupported data type" in str(refused(data, INT, target))


@pytest.mark.parametrize(
    "data",
    [pd.Series([1]), pa.array([1]), pa.chunked_array([[1]]), iter([{"a": 1}])],
    ids=["Series", "Array", "ChunkedArray", "iterator of dicts"],
)
def test_what_has_no_columns_is_an_unsupported_data_type(data, target):
    assert "Unsupported data type" in str(refused(data, INT, target))


@pytest.mark.parametrize(
    "values",
    [pd.period_range("2020", periods=2), pd.interval_range(0, 2), [1j, 2j]],
    ids=["period", "interval", "complex"],
)
def test_pandas_types_that_arrow_lacks_are_never_written_as_their_storage(values, target):
    error = refused(pd.DataFrame({"a": values}), INT, target)
    assert error.failures[0].path == "a" and error.failures[0].count == 2


def test_an_iterator_is_consumed_chunk_by_chunk(target):
    alive = []

    def chunks():
        for i in range(5):
            alive.append(i)
            yield pa.table({"a": [i]})

    write_parquet(chunks(), target, INT)
    assert alive == [0, 1, 2, 3, 4]
    assert read(target).column("a").to_pylist() == [0, 1, 2, 3, 4]


class Custom(Exception):
    pass


def test_exceptions_of_an_iterator_pass_through_unchanged(target):
    def chunks():
        yield pa.table({"a": [1]})
        raise Custom("mine")

    with pytest.raises(Custom, match="mine"):
        write_parquet(chunks(), target, INT)
    batches = (batch for batch in chunks())
    source = pa.RecordBatchReader.from_batches(INT, (t.to_batches()[0] for t in batches))
    with pytest.raises(Custom, match="mine"):
        write_parquet(source, target, INT)
    assert names_in(target.parent) == []


@pytest.mark.parametrize(
    "data",
    [
        [],
        pd.DataFrame(),
        pd.DataFrame({"a": pd.Series([], dtype="float64")}),
        pd.DataFrame({"a": pd.Series([], dtype="datetime64[ns]"), "other": []}),
        pa.table({"a": pa.array([], pa.string())}),
        pa.table({}),
        iter([]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_empty_data_of_any_form_is_zero_rows(data, target):
    write_parquet(data, target, REQUIRED)
    assert read(target).num_rows == 0
    assert pq.read_schema(target).names == ["a"]


def test_missing_values_of_pandas_are_null(target):
    schema = pa.schema(
        [
            ("f", pa.float64()),
            ("t", pa.timestamp("us")),
            ("s", pa.string()),
            ("i", pa.int64()),
            ("o", pa.float32()),
        ]
    )
    frame = pd.DataFrame(
        {
            "f": [1.5, float("nan")],
            "t": [pd.Timestamp("2020-01-01"), pd.NaT],
            "s": ["x", None],
            "i": [7.0, float("nan")],
            "o": pd.Series([1.0, pd.NA], dtype=object),
        }
    )
    write_parquet(frame, target, schema)
    assert read(target).slice(1).to_pylist() == [dict.fromkeys("ftsio")]


def test_a_nan_stays_in_a_non_nullable_float_of_a_frame(target):
    schema = pa.schema([pa.field("f", pa.float64(), nullable=False)])
    write_parquet(pd.DataFrame({"f": [1.0, float("nan")]}), target, schema)
    column = read(target).column("f")
    assert column.null_count == 0 and np.isnan(column[1].as_py())


def test_a_nan_is_a_value_in_rows_and_arrow_data(target):
    schema = pa.schema([("f", pa.float64())])
    for data in ([{"f": float("nan")}], pa.table({"f": [float("nan")]})):
        write_parquet(data, target, schema)
        assert read(target).column("f").null_count == 0


def test_no_input_array_is_referenced_after_the_call(target):
    values = np.arange(1000)
    frame = pd.DataFrame({"a": values}, copy=False)
    with ParquetStreamWriter(target, INT) as writer:
        writer.write_chunk(frame)
        values[:] = -1
        frame.iloc[:, 0] = -1
    assert read(target).column("a").to_pylist() == list(range(1000))


def test_the_index_is_not_written_unless_the_schema_names_it(target):
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([10, 20], name="k"))
    write_parquet(frame, target, INT)
    assert read(target).column_names == ["a"]
    write_parquet(frame, target, pa.schema([("a", pa.int64()), ("k", pa.int64())]))
    assert read(target).to_pydict() == {"a": [1, 2], "k": [10, 20]}


def test_text_of_pandas_is_never_parsed(target):
    error = refused(pd.DataFrame({"a": ["1", "2"]}), INT, target)
    assert error.failures[0].rule == "type"
    error = refused(pd.DataFrame({"a": pd.Series(["1"], dtype=object)}), INT, target)
    assert error.failures[0].path == "a"


def test_zones_of_pandas_are_never_dropped(target):
    aware = pd.DataFrame({"a": pd.to_datetime(["2020-01-01 12:00"]).tz_localize("Europe/Berlin")})
    refused(aware, pa.schema([("a", pa.timestamp("us"))]), target)
    write_parquet(aware, target, pa.schema([("a", pa.timestamp("us", "UTC"))]))
    when = read(target).column("a")[0].as_py()
    assert when == datetime.datetime(2020, 1, 1, 11, tzinfo=datetime.timezone.utc)


def test_categories_become_their_values(target):
    frame = pd.DataFrame({"c": pd.Categorical(["x", None, "y", "x"])})
    write_parquet(frame, target, pa.schema([("c", pa.string())]))
    assert read(target).column("c").to_pylist() == ["x", None, "y", "x"]
    dictionary = pa.schema([("c", pa.dictionary(pa.int32(), pa.string()))])
    write_parquet(frame, target, dictionary)
    assert read(target).column("c").to_pylist() == ["x", None, "y", "x"]


def test_object_columns_hold_python_values(target):
    schema = pa.schema(
        [("d", pa.decimal128(5, 2)), ("l", pa.list_(pa.int8())), ("b", pa.binary()), ("day", pa.date32())]
    )
    frame = pd.DataFrame(
        {
            "d": [decimal.Decimal("1.25"), None],
            "l": [[1, None], None],
            "b": [b"\0", None],
            "day": [datetime.date(2020, 2, 29), None],
        }
    )
    write_parquet(frame, target, schema)
    assert read(target).to_pylist()[0] == {
        "d": decimal.Decimal("1.25"),
        "l": [1, None],
        "b": b"\0",
        "day": datetime.date(2020, 2, 29),
    }


# ---- conforming ----


def test_columns_are_matched_by_name_and_put_in_order(target):
    write_parquet(
        pa.table({"b": ["x"], "a": [1]}), target, pa.schema([("a", pa.int64()), ("b", pa.string())])
    )
    assert read(target).to_pydict() == {"a": [1], "b": ["x"]}


def test_metadata_of_field_and_schema_is_the_schemas(target):
    schema = pa.schema(
        [pa.field("a", pa.int64(), metadata={"k": "v", "PARQUET:field_id": "7"})], metadata={"owner": "me"}
    )
    data = pa.table({"a": [1]}).replace_schema_metadata({"other": "x"})
    write_parquet(data, target, schema)
    found = pq.read_schema(target)
    assert found.metadata == {b"owner": b"me"}
    assert found.field("a").metadata == {b"k": b"v", b"PARQUET:field_id": b"7"}
    assert forge.inspect_schema(target).equals(schema, check_metadata=True)


def test_key_value_metadata_is_the_schemas_and_ours_and_nothing_else(target):
    write_parquet([{"a": 1}], target, INT.with_metadata({"x": "1"}), metadata={"y": "2"})
    metadata = pq.ParquetFile(target).metadata.metadata
    assert metadata[b"x"] == b"1" and metadata[b"y"] == b"2"
    assert set(metadata) == {b"x", b"y", b"ARROW:schema"}
    assert b"y" in (forge.inspect_schema(target).metadata or {})


@pytest.mark.parametrize("key", ["ARROW:schema", "parquet_forge:partition_schema", b"parquet_forge:x"])
def test_keys_that_say_how_to_read_the_file_are_not_the_callers(key, tmp_path):
    with pytest.raises(ValueError, match="leave it out"):
        write_parquet([{"a": 1}], tmp_path / "f", INT, metadata={key: "junk"})
    write_parquet([{"a": 1}], tmp_path / "f", INT)
    with pytest.raises(ValueError, match="not changed here"):
        forge.update_metadata(tmp_path / "f", {"parquet_forge:x": None})
    with pytest.raises(ValueError):
        forge.update_metadata(tmp_path / "f", {"ARROW:schema": "junk"})


def test_a_missing_column_is_an_error_unless_null_fills_it(target):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    error = refused(pa.table({"a": [1]}), schema, target)
    assert [(f.path, f.rule) for f in error.failures] == [("b", "missing")]
    assert "'b'" in str(error) and "missing" in str(error)
    write_parquet(pa.table({"a": [1]}), target, schema, on_missing="null")
    assert read(target).column("b").to_pylist() == [None]


def test_a_required_column_is_not_filled(target):
    refused(pa.table({"b": [1]}), REQUIRED, target, on_missing="null", on_extra="drop")


def test_a_key_may_be_absent_when_the_field_is_nullable(target):
    write_parquet([{"a": 1}, {}], target, INT)
    assert read(target).column("a").to_pylist() == [1, None]


def test_an_absent_key_of_a_required_field_is_a_null(target):
    error = refused([{"a": 1}, {}], REQUIRED, target)
    assert "Column 'a' is declared non-nullable but contains nulls" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        [{"a": 1, "b": 2}],
        pa.table({"a": [1], "b": [2]}),
        pd.DataFrame({"a": [1], "b": [2]}),
        pd.DataFrame({"a": [1], "b": [object()]}),
    ],
    ids=["rows", "table", "frame", "frame of objects"],
)
def test_extra_columns_are_an_error_unless_dropped(data, target):
    error = refused(data, INT, target)
    assert [(f.path, f.rule, f.count) for f in error.failures] == [("b", "extra", 1)]
    write_parquet(data, target, INT, on_extra="drop")
    assert read(target).to_pydict() == {"a": [1]}


def test_extra_keys_are_looked_for_in_every_row_and_below(target):
    schema = pa.schema([("s", pa.struct([("x", pa.int64())]))])
    rows = [{"s": {"x": 1}}] * 5 + [{"s": {"x": 1, "y": 2}}]
    error = refused(rows, schema, target)
    assert error.failures[0].path == "s.y" and error.failures[0].samples[0][0] == 5
    write_parquet(rows, target, schema, on_extra="drop")
    assert read(target).column("s").to_pylist() == [{"x": 1}] * 6


NESTED_NULLS = {
    "s.x": (pa.struct([pa.field("x", pa.int64(), nullable=False)]), {"x": None}),
    "l[]": (pa.list_(pa.field("item", pa.int64(), nullable=False)), [1, None]),
    "m.value": (pa.map_(pa.string(), pa.field("value", pa.int64(), nullable=False)), [("k", None)]),
}


@pytest.mark.parametrize("path", NESTED_NULLS)
def test_nulls_in_non_nullable_fields_are_refused_at_any_depth(path, target):
    declared, value = NESTED_NULLS[path]
    name = path[0]
    schema = pa.schema([pa.field(name, declared)])
    loose = pa.table({name: pa.array([value], nullable_form(declared))})
    for data in ([{name: dict(value) if path == "m.value" else value}], loose):
        error = refused(data, schema, target)
        assert f"Column '{path}' is declared non-nullable but contains nulls" in str(error)


def nullable_form(declared):
    if pa.types.is_struct(declared):
        return pa.struct([("x", pa.int64())])
    return pa.map_(pa.string(), pa.int64()) if pa.types.is_map(declared) else pa.list_(pa.int64())


def test_a_null_parent_over_a_required_child_is_legal(target):
    schema = pa.schema([("s", pa.struct([pa.field("x", pa.int64(), nullable=False)]))])
    write_parquet([{"s": None}, {"s": {"x": 1}}], target, schema)
    assert read(target).column("s").to_pylist() == [None, {"x": 1}]


LOSSLESS = {
    "int width": (pa.array([1, 127]), pa.int8()),
    "integral float to int": (pa.array([1.0, None]), pa.int32()),
    "int to float": (pa.array([2**53]), pa.float64()),
    "float width": (pa.array([0.5]), pa.float32()),
    "decimal rescale": (pa.array([decimal.Decimal("1.50")]), pa.decimal128(10, 1)),
    "timestamp unit": (pa.array([5_000_000], pa.timestamp("us")), pa.timestamp("s")),
    "dates": (pa.array([86_400_000], pa.date64()), pa.date32()),
    "zone": (pa.array([0], pa.timestamp("us", "Asia/Tokyo")), pa.timestamp("us", "UTC")),
    "large string": (pa.array(["x"], pa.large_string()), pa.string()),
    "dictionary": (pa.array(["x", "x"]).dictionary_encode(), pa.string()),
    "utf-8 binary": (pa.array([b"\xc3\xa9"]), pa.string()),
    "large list": (pa.array([[1]], pa.large_list(pa.int64())), pa.list_(pa.int64())),
    "all null": (pa.nulls(2), pa.timestamp("ns")),
}
if hasattr(pa, "string_view"):  # pyarrow 16
    LOSSLESS["string view"] = (pa.array(["x" * 20], pa.string_view()), pa.string())


@pytest.mark.parametrize("case", LOSSLESS)
def test_lossless_conversions_are_made(case, target):
    values, declared = LOSSLESS[case]
    write_parquet(pa.table({"a": values}), target, pa.schema([("a", declared)]))
    found = forge.read_parquet(target, output_format="arrow")
    assert found.schema.field("a").type == declared
    assert found.column("a").to_pylist() == pa.chunked_array([values]).cast(declared).to_pylist()


LOSSY = {
    "int too large": (pa.array([128]), pa.int8()),
    "fraction": (pa.array([1.5]), pa.int64()),
    "int beyond 2^53": (pa.array([2**53 + 1]), pa.float64()),
    "float width": (pa.array([0.1]), pa.float32()),
    "decimal digits": (pa.array([decimal.Decimal("1.55")]), pa.decimal128(10, 1)),
    "timestamp unit": (pa.array([5], pa.timestamp("us")), pa.timestamp("s")),
    "aware to naive": (pa.array([0], pa.timestamp("us", "UTC")), pa.timestamp("us")),
    "naive to aware": (pa.array([0], pa.timestamp("us")), pa.timestamp("us", "UTC")),
    "string to number": (pa.array(["1"]), pa.int64()),
    "number to string": (pa.array([1]), pa.string()),
    "bool to number": (pa.array([True]), pa.int64()),
    "number to time": (pa.array([1], pa.int32()), pa.time32("s")),
    "date to timestamp": (pa.array([1], pa.date32()), pa.timestamp("s")),
    "binary that is not utf-8": (pa.array([b"\xff"]), pa.string()),
}


@pytest.mark.parametrize("case", LOSSY)
def test_lossy_conversions_are_errors(case, target):
    values, declared = LOSSY[case]
    refused(pa.table({"a": values}), pa.schema([("a", declared)]), target)


def test_coerce_allows_what_a_safe_cast_allows(target):
    for data in (
        pa.table({"a": ["1", "2"]}),
        pd.DataFrame({"a": ["1", "2"]}),
        [{"a": "1"}, {"a": "2"}],
        pd.DataFrame({"a": pd.Series(["1", "2"], dtype=object)}),
    ):
        write_parquet(data, target, INT, coerce=True)
        assert read(target).column("a").to_pylist() == [1, 2]
        target.unlink()
    refused(pa.table({"a": ["x"]}), INT, target, coerce=True)


@pytest.mark.parametrize(
    "data",
    [
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
    ids=["table", "frame"],
)
def test_duplicate_column_names_are_an_error(data, target):
    assert "duplicate" in {f.rule for f in refused(data, INT, target).failures}


def test_one_pass_reports_every_column(target):
    schema = pa.schema([pa.field("a", pa.int8(), nullable=False), ("b", pa.int64()), ("c", pa.string())])
    rows = [{"a": None, "b": "x", "c": 1}, {"a": 300, "b": 2, "c": "y", "d": 0}]
    for data in (rows, pd.DataFrame({"a": [300, 1], "b": ["x", "y"], "c": [1, 2], "d": [0, 0]})):
        error = refused(data, schema, target)
        assert {f.path for f in error.failures} == {"a", "b", "c", "d"}


def test_a_record_has_path_rule_count_expected_found_and_samples(target):
    values = [None if i in (3, 5) else i for i in range(10)]
    error = refused(pa.table({"a": values}), REQUIRED, target)
    record = error.failures[0]
    assert (record.path, record.rule, record.count) == ("a", "null", 2)
    assert record.expected.startswith("int64") and [row for row, _ in record.samples] == [3, 5]


def test_samples_are_the_first_five_and_short(target):
    rows = [{"a": "v" * 500} for _ in range(20)]
    record = refused(rows, INT, target).failures[0]
    assert record.count == 20 and [row for row, _ in record.samples] == [0, 1, 2, 3, 4]
    assert all(len(value) <= 80 for _, value in record.samples)


def test_rows_count_over_the_whole_stream(target):
    with ParquetStreamWriter(target, REQUIRED) as writer:
        writer.write_chunk([{"a": 1}] * 10)
        writer.write_chunk(pa.table({"a": pa.chunked_array([[1], [2]])}))
        for data in ([{"a": 1}, {"a": None}], pa.table({"a": [1, None]}), pd.DataFrame({"a": [1.0, None]})):
            with pytest.raises(SchemaValidationError) as caught:
                writer.write_chunk(data)
            assert caught.value.failures[0].samples[0][0] == 13
    assert read(target).num_rows == 12


def test_to_dict_holds_only_json_types(target):
    error = refused([{"a": b"x"}], INT, target)
    assert json.loads(json.dumps(error.to_dict())) == error.to_dict()
    assert error.to_dict()["failures"][0]["path"] == "a"


def test_the_message_names_column_row_value_and_rule(target):
    text = str(refused([{"a": 1}, {"a": "seven"}], INT, target))
    assert "'a'" in text and "row 1" in text and "seven" in text and "int64" in text


def test_misspelt_names_get_close_matches(target):
    schema = pa.schema([("customer_id", pa.int64()), ("b", pa.int64())])
    text = str(refused(pa.table({"custmer_id": [1], "b": [1]}), schema, target))
    assert "custmer_id" in text and "'customer_id'" in text


def test_the_message_is_short_for_500_columns(target):
    schema = pa.schema([(f"c{i}", pa.int64()) for i in range(500)])
    error = refused(pa.table({"x": [1]}), schema, target)
    assert len(str(error).splitlines()) < 15 and len(error.failures) == 501


def test_a_target_that_was_there_before_is_untouched_by_refused_data(target):
    write_parquet([{"a": 1}], target, INT)
    before = target.read_bytes()
    with pytest.raises(SchemaValidationError):
        write_parquet([{"a": "x"}], target, INT)
    assert target.read_bytes() == before and names_in(target.parent) == ["t.parquet"]


# ---- one file ----


def test_parent_folders_are_created(tmp_path):
    write_parquet([{"a": 1}], tmp_path / "x" / "y" / "t.parquet", INT)
    assert read(tmp_path / "x" / "y" / "t.parquet").num_rows == 1


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, MemoryError, ValueError])
def test_any_exception_leaves_no_temporary_file_and_the_old_target(kind, target):
    write_parquet([{"a": 1}], target, INT)
    before = target.read_bytes()

    def chunks():
        yield pa.table({"a": list(range(100_000))})
        raise kind("stop")

    with pytest.raises(kind):
        write_parquet(chunks(), target, INT, row_group_size=1000)
    assert target.read_bytes() == before and names_in(target.parent) == ["t.parquet"]


def test_a_directory_as_target_is_an_os_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        write_parquet([{"a": 1}], tmp_path, INT)


def test_a_links_target_is_replaced_and_not_the_link(tmp_path):
    real, link = tmp_path / "real.parquet", tmp_path / "link.parquet"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_parquet([{"a": 1}], link, INT)
    assert link.is_symlink() and read(real).num_rows == 1


def test_mode_bits_of_a_replaced_file_are_kept(target):
    target.write_bytes(b"old")
    target.chmod(0o640)
    write_parquet([{"a": 1}], target, INT)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_if_exists(target):
    write_parquet([{"a": 1}], target, INT, if_exists="error")
    with pytest.raises(FileExistsError):
        write_parquet([{"a": 2}], target, INT, if_exists="error")
    write_parquet([{"a": 2}], target, INT, if_exists="skip")
    assert read(target).to_pydict() == {"a": [1]}
    write_parquet([{"a": 2}], target, INT, if_exists="replace", durable=False)
    assert read(target).to_pydict() == {"a": [2]}
    assert names_in(target.parent) == ["t.parquet"]


def test_paths_are_str_bytes_or_pathlike(target):
    for path in (target, str(target), os.fsencode(target)):
        write_parquet([{"a": 1}], path, INT)
        assert forge.read_parquet(path, output_format="arrow").num_rows == 1
        os.unlink(path)


# ---- the stream writer ----


def test_write_chunk_outside_the_block_is_an_os_error(target):
    writer = ParquetStreamWriter(target, INT)
    with pytest.raises(OSError, match="Cannot write to a closed writer"):
        writer.write_chunk([{"a": 1}])
    with writer:
        writer.write_chunk([{"a": 1}])
    with pytest.raises(OSError, match="Cannot write to a closed writer"):
        writer.write_chunk([{"a": 1}])
    with pytest.raises(OSError), writer:
        pass


def test_an_exception_inside_the_block_leaves_no_file_and_keeps_an_older_one(target):
    for before in (None, b"older"):
        if before is not None:
            target.write_bytes(before)
        with pytest.raises(KeyError), ParquetStreamWriter(target, INT) as writer:
            writer.write_chunk([{"a": 1}])
            raise KeyError
        assert names_in(target.parent) == ([] if before is None else ["t.parquet"])
    assert target.read_bytes() == b"older"


def test_a_refused_chunk_adds_nothing_and_the_writer_can_go_on(target):
    torn = pa.table({"a": pa.chunked_array([[1, 2], [None]])})
    with ParquetStreamWriter(target, REQUIRED) as writer:
        writer.write_chunk([{"a": 1}])
        for bad in ([{"a": "x"}], torn, [{"a": 5}] * 70_000 + [{"a": None}]):
            with pytest.raises(SchemaValidationError):
                writer.write_chunk(bad)
        writer.write_chunk([{"a": 2}])
    assert read(target).to_pydict() == {"a": [1, 2]}


def test_a_stream_in_which_a_chunk_broke_off_cannot_be_finished(target):
    def progress(done, total, unit):
        if done > 200_000:
            raise KeyError("enough")

    writer = ParquetStreamWriter(target, INT, progress=progress)
    writer.__enter__()
    with pytest.raises(KeyError):
        writer.write_chunk(pa.table({"a": range(300_000)}))
    for call in (lambda: writer.write_chunk([{"a": 1}]), lambda: writer.__exit__(None, None, None)):
        with pytest.raises(OSError, match="Cannot write to a closed writer: a chunk broke off"):
            call()
    assert names_in(target.parent) == []


def test_no_chunk_at_all_is_a_valid_file_of_no_rows(target):
    with ParquetStreamWriter(target, INT):
        pass
    assert read(target).num_rows == 0 and pq.read_schema(target).names == ["a"]


def test_a_thousand_small_chunks_are_one_row_group(target):
    with ParquetStreamWriter(target, INT) as writer:
        for i in range(1000):
            writer.write_chunk(pa.table({"a": range(i * 1000, (i + 1) * 1000)}))
    assert pq.ParquetFile(target).num_row_groups == 1
    assert read(target).column("a").to_pylist() == list(range(1_000_000))


def test_any_split_and_any_number_of_threads_give_the_same_bytes(target):
    n = 50_000
    table = pa.table(
        {
            "a": pa.array([i if i % 7 else None for i in range(n)]),
            "s": [f"v{i % 1000}" for i in range(n)],
            "l": [[i, i + 1] if i % 3 else [] for i in range(n)],
        }
    )
    found = set()
    for step, threads in ((n, True), (n, False), (977, True), (12_345, False)):
        with ParquetStreamWriter(target, table.schema, row_group_size=20_000, use_threads=threads) as w:
            for i in range(0, n, step):
                w.write_chunk(table.slice(i, step))
        found.add(target.read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none"])
@pytest.mark.parametrize("version", ["2.4", "2.6"])
def test_pages_that_wait_to_be_compressed_change_no_byte(target, codec, version):
    n = 120_000
    noise = random.Random(5)
    table = pa.table(
        {
            "name": [f"user_{i}" for i in range(n)],  # the dictionary is left, then many pages
            "noise": [noise.randbytes(noise.randrange(60)) for _ in range(n)],  # does not get smaller
            "kind": pa.array([f"k{i % 50}" for i in range(n)]).dictionary_encode(),
            "maybe": pa.array([i / 3 if i % 3 else None for i in range(n)]),
            "list": [[i, -i] if i % 3 else [] for i in range(n)],
            "flag": [i % 2 == 0 for i in range(n)],
        }
    )
    blobs = [noise.randbytes(9 << 20), b"", noise.randbytes(40 << 20), noise.randbytes(2 << 20)]
    huge = pa.table({"blob": blobs})  # more than may wait
    for each, rows in ((table, n), (table, 50_000), (table.select(["name", "flag"]), n), (huge, 3)):
        found = []
        for threads in (True, False):
            options = {"compression": codec, "version": version, "use_dictionary": each is not huge}
            options |= {"compression_level": 1} if codec == "gzip" else {}  # 100 MB of noise
            write_parquet(each, target, each.schema, row_group_size=rows, use_threads=threads, **options)
            found.append(target.read_bytes())
        assert found[0] == found[1], (codec, version, rows)
    write_parquet(table, target, table.schema, compression=codec, version=version)
    assert pq.read_table(target).cast(table.schema).equals(table)
    chunk = pq.ParquetFile(target).metadata.row_group(0).column(0)
    assert chunk.statistics.min == "user_0" and chunk.num_values == n


def test_row_groups_are_cut_by_rows_and_by_bytes(target):
    table = pa.table({"a": range(10_000)})
    write_parquet(table, target, INT, row_group_size=3000)
    assert [pq.ParquetFile(target).metadata.row_group(i).num_rows for i in range(4)] == [
        3000,
        3000,
        3000,
        1000,
    ]
    write_parquet(table, target, INT, row_group_bytes=16_000)
    assert pq.ParquetFile(target).num_row_groups > 3


def test_a_killed_writer_leaves_nothing_under_the_name(target):
    code = f"""
        import os, signal, pyarrow as pa, py_parquet_forge as forge
        with forge.ParquetStreamWriter({str(target)!r}, pa.schema([("a", pa.int64())])) as writer:
            writer.write_chunk([{{"a": 1}}])
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == -signal.SIGKILL and not target.exists()


def test_a_process_may_fork_between_calls(target):
    with ParquetStreamWriter(target, INT) as writer:
        writer.write_chunk([{"a": 1}])
        child = os.fork()
        if child == 0:
            del writer
            other = target.parent / "child.parquet"
            write_parquet(pa.table({"a": range(100_000)}), other, INT)
            os._exit(0 if forge.read_parquet(other).shape == (100_000, 1) else 1)
        assert os.waitpid(child, 0)[1] == 0
        writer.write_chunk([{"a": 2}])
    assert read(target).to_pydict() == {"a": [1, 2]}


# ---- keywords ----


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "zstd", "lz4", None, "SNAPPY"])
def test_compression(codec, target):
    write_parquet(TABLE, target, TABLE.schema, compression=codec)
    name = "UNCOMPRESSED" if codec in (None, "none") else codec.upper()
    assert pq.ParquetFile(target).metadata.row_group(0).column(0).compression == name
    assert read(target).equals(TABLE)


def test_compression_by_column(target):
    write_parquet(TABLE, target, TABLE.schema, compression={"s": "zstd"}, compression_level={"s": 5})
    group = pq.ParquetFile(target).metadata.row_group(0)
    assert [group.column(i).compression for i in range(2)] == ["UNCOMPRESSED", "ZSTD"]


def test_use_dictionary_and_write_statistics_take_lists(target):
    write_parquet(TABLE, target, TABLE.schema, use_dictionary=["s"], write_statistics=["a"])
    a, s = (pq.ParquetFile(target).metadata.row_group(0).column(i) for i in range(2))
    assert (a.has_dictionary_page, s.has_dictionary_page) == (False, True)
    assert a.statistics is not None and s.statistics is None
    write_parquet(TABLE, target, TABLE.schema, use_dictionary=False, write_statistics=False)
    column = pq.ParquetFile(target).metadata.row_group(0).column(1)
    assert not column.has_dictionary_page and column.statistics is None


def test_pages_and_versions(target):
    table = pa.table({"a": range(10_000)})
    for version in ("1.0", "2.0"):
        write_parquet(
            table,
            target,
            INT,
            data_page_version=version,
            max_rows_per_page=100,
            data_page_size=1000,
            dictionary_pagesize_limit=1000,
            version="2.4",
        )
        assert read(target).equals(table)
    for version in ("1.0", "2.4", "2.6"):
        write_parquet(table, target, INT, version=version)
        assert pq.ParquetFile(target).metadata.format_version in (version, "2.6")


def test_timestamps_can_be_coerced(target):
    data = pa.table({"t": pa.array([1_234_567_891], pa.timestamp("ns"))})
    with pytest.raises(ValueError):
        write_parquet(data, target, data.schema, coerce_timestamps="us")
    write_parquet(data, target, data.schema, coerce_timestamps="us", allow_truncated_timestamps=True)
    assert str(pq.ParquetFile(target).schema.column(0).logical_type).count("microseconds") == 1
    write_parquet(data, target, data.schema, use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(target).schema.column(0).physical_type == "INT96"


def test_store_schema_and_nested_names(target):
    schema = pa.schema([("l", pa.large_list(pa.int64()))])
    write_parquet([{"l": [1]}], target, schema, store_schema=False, use_compliant_nested_type=False)
    file = pq.ParquetFile(target)
    assert file.metadata.metadata is None
    assert file.schema.column(0).path == "l.list.item"
    write_parquet([{"l": [1]}], target, schema)
    assert pq.ParquetFile(target).schema.column(0).path == "l.list.element"


def test_page_checksums_are_on_by_default(target):
    write_parquet(TABLE, target, TABLE.schema)
    with_sums = target.stat().st_size
    pq.read_table(target, page_checksum_verification=True)
    write_parquet(TABLE, target, TABLE.schema, write_page_checksum=False)
    assert target.stat().st_size < with_sums


def test_progress_is_told_to_the_end(target):
    calls = []
    table = pa.table({"a": range(300_000)})
    for data in (table, table.to_pylist(), table.to_pandas(), iter([table, table.slice(0, 5)])):
        calls.clear()
        write_parquet(data, target, INT, progress=lambda *call: calls.append(call))
        assert calls[-1] in ((300_000, 300_000, "rows"), (300_005, 300_005, "rows"))
        assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)


def test_success_is_logged_at_info(target, caplog):
    with caplog.at_level("INFO", logger="py_parquet_forge"):
        write_parquet([{"a": 1}], target, INT)
    assert str(target) in caplog.text and caplog.records[0].name == "py_parquet_forge"


def test_ctrl_c_is_answered_while_c_works(tmp_path):
    code = f"""
        import os, signal, threading, time, pyarrow as pa, py_parquet_forge as forge, numpy as np
        table = pa.table({{f"c{{i}}": np.random.default_rng(i).random(400_000) for i in range(20)}})
        threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                forge.write_parquet(table, {str(tmp_path / "t.parquet")!r}, table.schema,
                                    compression="gzip", compression_level=9)
        except KeyboardInterrupt:
            print("answered", time.perf_counter(), os.listdir({str(tmp_path)!r}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "answered" in done.stdout, done.stderr
    assert "tmp" not in done.stdout.replace("t.parquet", "")


def shuffled_names(num_rows, num_names):
    names = [f"name {i:06d}" for i in range(num_names)] * (num_rows // num_names + 1)
    random.Random(4).shuffle(names)
    return names[:num_rows]


@pytest.mark.parametrize(
    ("values", "pays"),
    [
        ([f"user_{i}" for i in range(200_000)], False),
        ([f"user_{i % 190_000}" for i in range(200_000)], False),
        ([f"user_{i % 30_000}" for i in range(200_000)], True),
        ([f"user_{i % 60_000}" for i in range(200_000)], True),
        (shuffled_names(200_000, 40_000), True),
        ([f"once_{i}" for i in range(25_000)] + ["again"] * 175_000, True),
        (list(range(200_000)), False),
        ([i % 100_000 * 1_000_003 for i in range(200_000)], True),
        ([None] * 100_000 + list(range(100_000)), False),
    ],
)
def test_a_dictionary_is_there_where_it_pays_wherever_values_come_again(tmp_path, values, pays):
    table = pa.table({"a": values})
    write_parquet(table, tmp_path / "ours", table.schema, durable=False)
    pq.write_table(table, tmp_path / "theirs")
    with ParquetStreamWriter(tmp_path / "split", table.schema, durable=False) as writer:
        for batch in table.to_batches(max_chunksize=1_777):
            writer.write_chunk(batch)
    assert (tmp_path / "split").read_bytes() == (tmp_path / "ours").read_bytes()
    column = pq.ParquetFile(tmp_path / "ours").metadata.row_group(0).column(0)
    assert ("RLE_DICTIONARY" in column.encodings) == pays
    present = [value for value in values if value is not None]
    assert (column.statistics.min, column.statistics.max) == (min(present), max(present))
    assert (tmp_path / "ours").stat().st_size <= (tmp_path / "theirs").stat().st_size * 1.01
    assert read(tmp_path / "ours").equals(table)
