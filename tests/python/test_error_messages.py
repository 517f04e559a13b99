# SPDX-License-Identifier: Apache-2.0
"""Messages of refused data, word by word: golden/messages.txt has a section for each case.

After a deliberate change: PQF_GOLDEN=write pytest tests/python/test_error_messages.py, then read the file.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import os
import pickle
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

GOLDEN = Path(__file__).parent / "golden" / "messages.txt"


def one(kind, nullable=True):
    return pa.schema([pa.field("a", kind, nullable)])


def required(kind):
    return pa.field("item", kind, nullable=False)


WIDE = pa.schema([(f"c{i}", pa.int64()) for i in range(500)])
WIDE_TABLE = pa.table({name: [1] for name in WIDE.names})
NESTED = pa.schema(
    [
        ("s", pa.struct([pa.field("x", pa.int64(), nullable=False)])),
        ("l", pa.list_(required(pa.int64()))),
        ("m", pa.map_(pa.string(), pa.field("value", pa.int64(), nullable=False))),
    ]
)
USER = pa.schema([("username", pa.string())])
IN_STRUCT = pa.schema([("s", pa.struct([("username", pa.int64())]))])
TWICE = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
NOON = dt.datetime(2024, 1, 1, 12)
NAIVE = pa.array([NOON], pa.timestamp("us"))


def pieces():
    yield [{"a": 1}, {"a": 2}]
    yield [{"a": "x"}]
    yield pa.table({"a": [5, None]})
    yield pa.table({"a": ["q"]})
    yield pd.DataFrame({"a": [1.5, 2.0]})
    yield iter([[{"a": "z"}]])
    yield [{"a": None}, {"b": 1}]


CASES = {
    "missing": (pa.table({"b": [1]}), pa.schema([("a", pa.int64()), ("b", pa.int64())])),
    "missing, required": (
        pa.table({"b": [1]}),
        pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.int64())]),
    ),
    "missing and extra, nearly the same": (pa.table({"usrname": ["x"]}), USER),
    "the same but for the case": (pa.table({"UserName": ["x"]}), USER),
    "nearly the same key in a struct": ([{"s": {"usrname": 1}}], IN_STRUCT),
    "nearly the same field in a struct": (pa.table({"s": [{"usrname": 1}]}), IN_STRUCT),
    "extra": (pa.table({"a": [1], "zzz": [1]}), one(pa.int64())),
    "extra keys": ([{"a": 1}, {"a": 1, "zzz": 1}, {"zzz": 2}], one(pa.int64())),
    "duplicate": (TWICE, one(pa.int64())),
    "null": (pa.table({"a": [1, None, None]}), one(pa.int64(), False)),
    "null, nested": ([{"s": {"x": None}, "l": [1, None], "m": [("k", None)]}], NESTED),
    "null, absent key": ([{"a": 1}, {}], one(pa.int64(), False)),
    "null as a map's key": ([{"a": [(None, 1)]}], one(pa.map_(pa.string(), pa.int64()))),
    "type, text": (pa.table({"a": ["5", "6"]}), one(pa.int64())),
    "type, text in a row": ([{"a": 1}, {"a": "5"}], one(pa.int64())),
    "type, number for text": (pa.table({"a": [5]}), one(pa.string())),
    "type, naive for aware": (pa.table({"a": NAIVE}), one(pa.timestamp("us", "UTC"))),
    "type, aware for naive": ([{"a": NOON.replace(tzinfo=dt.timezone.utc)}], one(pa.timestamp("us"))),
    "type, a float of Python": ([{"a": 1.5}], one(pa.decimal128(5, 2))),
    "type, number for a struct": (pa.table({"a": [1]}), one(pa.struct([("x", pa.int64())]))),
    "a name of 1,000 characters": ([{"x" * 1000: 1}], pa.schema([("x" * 999, pa.int64())])),
    "type, nesting": (pa.table({"a": [1]}), one(pa.list_(pa.int64()))),
    "value, integer": (pa.table({"a": [1, 300]}), one(pa.int8())),
    "value, integer for float": (pa.table({"a": [2**53 + 1]}), one(pa.float64())),
    "value, float for integer": (pd.DataFrame({"a": [1.0, 1.5]}), one(pa.int64())),
    "value, float": ([{"a": 0.1}], one(pa.float32())),
    "value, decimal": (pa.table({"a": [1000]}), one(pa.decimal128(3))),
    "value, unit": (pa.table({"a": pa.array([1], pa.timestamp("ns"))}), one(pa.timestamp("us"))),
    "value, not UTF-8": (pa.table({"a": [b"\xff"]}), one(pa.string())),
    "value, length": (pa.table({"a": [b"abc"]}), one(pa.binary(2))),
    "value, length of a list": (pa.table({"a": [[1]]}), one(pa.list_(pa.int64(), 2))),
    "None row": ([{"a": 1}, None], one(pa.int64())),
    "no row": ([{"a": 1}, [1]], one(pa.int64())),
    "unsupported data": ({"a": 1}, one(pa.int64())),
    "500 columns, two differ": (
        WIDE_TABLE.set_column(3, "c3", [["x"]]).set_column(7, "c7", [[2.5]]),
        WIDE,
    ),
    "500 columns, all differ": (WIDE_TABLE.rename_columns([f"x{i}" for i in range(500)]), WIDE),
    "an iterator of everything": (pieces, one(pa.int64(), False)),
}


def caught(data, schema, path):
    with pytest.raises(SchemaValidationError) as info:
        write_parquet(data() if callable(data) else data, path, schema)
    assert list(path.parent.iterdir()) == []
    return info.value


def test_every_rule_has_a_message_of_its_own(tmp_path):
    """One golden section at least for each rule that the package can name."""
    from py_parquet_forge import _failures

    found = set()
    for data, schema in CASES.values():
        found |= {failure.rule for failure in caught(data, schema, tmp_path / "file.parquet").failures}
    assert found == set(_failures._WORDS)


def sections(text):
    parts = text.split("\n## ")[1:]
    return {head: body.strip("\n") for head, _, body in (part.partition("\n") for part in parts)}


def test_the_golden_file_has_every_case():
    if os.environ.get("PQF_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(
            "Messages of SchemaValidationError, one section per case of test_error_messages.py.\n"
        )
    else:
        assert list(sections(GOLDEN.read_text())) == list(CASES)


@pytest.mark.parametrize("case", CASES)
def test_messages_are_these(case, tmp_path):
    error = caught(*CASES[case], tmp_path / "file.parquet")
    assert len(str(error).splitlines()) < 15
    if os.environ.get("PQF_GOLDEN") == "write":
        with GOLDEN.open("a") as file:
            file.write(f"\n## {case}\n{error}\n")
    assert str(error) == sections(GOLDEN.read_text())[case]


@pytest.mark.parametrize("case", CASES)
def test_errors_survive_pickling_copying_and_json(case, tmp_path):
    error = caught(*CASES[case], tmp_path / "file.parquet")
    assert json.loads(json.dumps(error.to_dict()))["message"] == str(error)
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is SchemaValidationError
        assert str(other) == str(error) and other.failures == error.failures
    for failure in error.failures:
        assert len(failure.samples) <= 5 and all(len(value) <= 80 for _, value in failure.samples)


def test_a_partition_column_that_the_schema_lacks(tmp_path):
    with pytest.raises(pa.ArrowInvalid, match="^Partition column 'x' not in schema"):
        write_to_dataset([{"a": 1}], tmp_path / "d", one(pa.int64()), partition_cols=["x"])


def test_an_append_with_another_schema_names_the_column_and_both_types(tmp_path):
    write_to_dataset([{"a": 1}], tmp_path / "d", one(pa.int64()))
    with pytest.raises(SchemaValidationError, match=r"'a'.*int64.*string"):
        write_to_dataset([{"a": "x"}], tmp_path / "d", one(pa.string()))


# ---- counts and rows over everything ----


def test_an_iterator_is_reported_as_a_whole(tmp_path):
    error = caught(pieces, one(pa.int64(), False), tmp_path / "file.parquet")
    found = {(f.path, f.rule): (f.count, [row for row, _ in f.samples]) for f in error.failures}
    assert found == {
        ("a", "type"): (3, [2, 5, 8]),
        ("a", "null"): (3, [4, 9, 10]),
        ("a", "value"): (1, [6]),
        ("b", "extra"): (1, [10]),
    }


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_counts_do_not_depend_on_how_rows_are_split(rows, tmp_path):
    table = pa.table({"a": [None if i % 3 else i for i in range(2000)], "b": ["x"] * 2000, "c": [1] * 2000})
    schema = pa.schema([pa.field("a", pa.int8(), nullable=False), ("b", pa.int64()), ("d", pa.int64())])
    whole = sorted(caught(table, schema, tmp_path / "f").failures)
    batches = table.to_batches(max_chunksize=rows)
    for data in (pa.Table.from_batches(batches), pa.RecordBatchReader.from_batches(table.schema, batches)):
        assert sorted(caught(data, schema, tmp_path / "f").failures) == whole
    assert sorted(caught(lambda: iter(batches), schema, tmp_path / "f").failures) == whole


def test_a_sources_own_exception_passes_after_a_refused_piece(tmp_path):
    def source():
        yield [{"a": "x"}]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_parquet(source(), tmp_path / "f", one(pa.int64()))
    assert list(tmp_path.iterdir()) == []


def test_rows_of_chunks_count_on(tmp_path):
    with ParquetStreamWriter(tmp_path / "f", one(pa.int8())) as writer:
        writer.write_chunk([{"a": 1}] * 10)
        with pytest.raises(SchemaValidationError) as info:
            writer.write_chunk([{"a": 1}, {"a": 300}])
        assert [(f.count, f.samples) for f in info.value.failures] == [(1, [(11, "300")])]
        writer.write_chunk(pa.table({"a": [2]}))
    assert pq.read_table(tmp_path / "f").num_rows == 11


def test_coerce_keeps_keys_that_the_first_row_lacks(tmp_path):
    schema = pa.schema([("a", pa.float32()), ("b", pa.int64()), ("c", pa.int64())])
    write_parquet([{"a": 0.1, "b": 1}, {"a": 0.5, "c": 2}], tmp_path / "f", schema, coerce=True)
    assert pq.read_table(tmp_path / "f").select(["b", "c"]).to_pylist() == [
        {"b": 1, "c": None},
        {"b": None, "c": 2},
    ]
    with pytest.raises(SchemaValidationError, match="'z'"):
        write_parquet([{"a": 0.1}, {"z": 1}], tmp_path / "f", schema, coerce=True)


def test_a_filter_by_a_dotted_name_says_how_a_field_is_written(tmp_path):
    pq.write_table(pa.table({"s": [{"x": 1}, {"x": 2}]}), tmp_path / "f")
    for read in (
        lambda **k: read_parquet(tmp_path / "f", "arrow", **k),
        lambda **k: next(read_parquet_iter(tmp_path / "f", **k)),
    ):
        with pytest.raises(pa.ArrowInvalid, match=r"there is no column 's.x'; in filters write \('s', 'x'\)"):
            read(filters=[("s.x", ">", 1)])
        assert read(filters=[(("s", "x"), ">", 1)]).num_rows == 1


@pytest.mark.parametrize("call", [read_parquet, read_parquet_iter, inspect_schema])
def test_read_dictionary_of_an_unknown_column_names_the_nearest(call, tmp_path):
    pq.write_table(pa.table({"name": ["x"], "l": [["y"]], "a.b": ["z"]}), tmp_path / "f")
    with pytest.raises(pa.ArrowInvalid, match="there is no column 'nmae'; did you mean 'name'"):
        call(tmp_path / "f", read_dictionary=["name", "nmae"])
    schema = inspect_schema(tmp_path / "f", read_dictionary=["name", "l.list.element", "a.b"])
    kinds = [schema.field("name").type, schema.field("l").type.value_type, schema.field("a.b").type]
    assert all(map(pa.types.is_dictionary, kinds))


def test_a_file_that_is_kept_is_logged_as_skipped_and_counts_no_rows(tmp_path, caplog):
    path, calls = tmp_path / "f", []
    write_parquet([{"a": 1}], path, one(pa.int8()))
    caplog.set_level("INFO", "py_parquet_forge")
    options = {"if_exists": "skip", "progress": lambda *call: calls.append(call)}
    write_parquet([{"a": 2}, {"a": 3}], path, one(pa.int8()), **options)
    with ParquetStreamWriter(path, one(pa.int8()), **options) as writer:
        writer.write_chunk([{"a": 2}])
    assert [record.getMessage() for record in caplog.records] == [f"skipped {path}: the file exists"] * 2
    assert calls == [(0, 0, "rows")] * 2
    write_parquet([{"a": 2}], tmp_path / "g", one(pa.int8()), **options)
    assert caplog.records[-1].getMessage() == f"wrote 1 rows to {tmp_path / 'g'}"
    assert calls[-1] == (1, 1, "rows")


@pytest.mark.parametrize(
    "options",
    [
        {"compression": {"a": "zstd", "p": "zstd"}},
        {"use_dictionary": ["p"]},
        {"write_statistics": ["a", "p"]},
        {"column_encoding": {"p": "PLAIN"}},
    ],
)
def test_a_setting_of_a_partition_column_is_refused_as_that(tmp_path, options):
    table = pa.table({"a": [1], "p": ["x"]})
    with pytest.raises(ValueError, match="names 'p', which is a partition column"):
        write_to_dataset(table, tmp_path / "d", table.schema, ["p"], **options)
    assert not (tmp_path / "d").exists()


def test_a_required_column_that_a_file_lacks_is_named_as_required(tmp_path):
    write_parquet([{"a": 1}], tmp_path / "f", one(pa.int8()))
    with pytest.raises(pa.ArrowInvalid, match="b: missing here, int64 not null declared"):
        read_parquet(tmp_path / "f", schema=pa.schema([pa.field("b", pa.int64(), False)]))
