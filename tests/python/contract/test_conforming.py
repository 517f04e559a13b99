# SPDX-License-Identifier: Apache-2.0
"""Promises about how data is made to fit the schema, and what is said when it does not."""

from __future__ import annotations

import datetime
import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    write_parquet,
    write_to_dataset,
)

from .support import contents, everything, files

AB = pa.schema([("a", pa.int64()), ("b", pa.string())])


def refuse(data, target, schema, **keywords) -> SchemaValidationError:
    """The error of data that must not be written; nothing may be left."""
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(data, target, schema, **keywords)
    assert everything(target.parent) == []
    return caught.value


def only(error: SchemaValidationError):
    assert len(error.failures) == 1, error
    return error.failures[0]


# -- names and order --


@pytest.mark.parametrize("form", ["frame", "table", "batch", "dicts"])
def test_columns_are_matched_by_name_and_put_in_the_schemas_order(form, target):
    """Columns are matched by name and put in the schema's order."""
    table = pa.table({"b": ["x", "y"], "a": [1, 2]})
    data = {
        "frame": table.to_pandas(),
        "table": table,
        "batch": table.to_batches()[0],
        "dicts": table.to_pylist(),
    }[form]
    write_parquet(data, target, AB)
    assert pq.read_table(target).equals(pa.table({"a": [1, 2], "b": ["x", "y"]}, schema=AB))


def test_struct_fields_are_matched_by_name_and_put_in_the_schemas_order(target):
    """Columns are matched by name and put in the schema's order."""
    schema = pa.schema([("s", pa.struct([("x", pa.int64()), ("y", pa.int64())]))])
    data = pa.table({"s": pa.array([{"y": 2, "x": 1}], pa.struct([("y", pa.int64()), ("x", pa.int64())]))})
    for form in (data, data.to_pylist()):
        write_parquet(form, target, schema)
        assert pq.read_table(target)["s"].to_pylist() == [{"x": 1, "y": 2}]
        assert pq.read_schema(target).equals(schema)


# -- metadata --


def test_field_and_schema_metadata_are_the_schemas(target):
    """Field and schema metadata are the schema's"""
    schema = pa.schema([pa.field("a", pa.int64(), metadata={"unit": "m"})], metadata={"owner": "us"})
    data = pa.table({"a": [1]}).cast(
        pa.schema(
            [pa.field("a", pa.int64(), metadata={"unit": "ft", "z": "z"})],
            metadata={"owner": "them", "q": "q"},
        )
    )
    write_parquet(data, target, schema)
    for got in (
        pq.read_schema(target),
        inspect_schema(target),
        read_parquet(target, output_format="arrow").schema,
    ):
        assert got.metadata == {b"owner": b"us"}
        assert {k: v for k, v in got.field("a").metadata.items() if k != b"PARQUET:field_id"} == {
            b"unit": b"m"
        }


def test_a_field_id_becomes_the_columns_and_comes_back(target):
    """`PARQUET:field_id` becomes the column's field id and comes back."""

    def field(name, type, number):
        return pa.field(name, type, metadata={"PARQUET:field_id": str(number)})

    schema = pa.schema([field("a", pa.int64(), 17), field("s", pa.struct([field("x", pa.int64(), 400)]), 9)])
    write_parquet([{"a": 1, "s": {"x": 2}}], target, schema, store_schema=False)
    for got in (pq.read_schema(target), inspect_schema(target)):
        assert got.field("a").metadata[b"PARQUET:field_id"] == b"17"
        assert got.field("s").metadata[b"PARQUET:field_id"] == b"9"
        assert got.field("s").type.field("x").metadata[b"PARQUET:field_id"] == b"400"


@pytest.mark.parametrize(
    "data",
    [[{"a": 1, "b": "x"}], pd.DataFrame({"a": [1], "b": ["x"]}), pa.table({"a": [1], "b": ["x"]})],
    ids=["dicts", "frame", "table"],
)
def test_a_files_key_value_metadata_is_the_schemas_and_nothing_else(data, target):
    """A file's key-value metadata is the schema's, `ARROW:schema`, `metadata=` ...; nothing else."""
    write_parquet(data, target, AB.with_metadata({"k": "v"}), metadata={"more": "m"})
    assert set(pq.read_metadata(target).metadata) == {b"k", b"ARROW:schema", b"more"}
    assert inspect_schema(target).metadata == {b"k": b"v", b"more": b"m"}
    write_parquet(data, target, AB, store_schema=False)
    assert not pq.read_metadata(target).metadata


def test_partitioned_files_have_one_key_more_that_our_readers_hide(tmp_path):
    """and in partitioned datasets one key of ours that our readers hide"""
    write_to_dataset([{"a": 1, "b": "x"}], tmp_path, AB.with_metadata({"k": "v"}), partition_cols=["b"])
    (name,) = files(tmp_path)
    keys = set(pq.read_metadata(tmp_path / name).metadata)
    assert {b"k", b"ARROW:schema"} < keys and len(keys) == 3
    for path in (tmp_path, tmp_path / name):
        assert inspect_schema(path).metadata == {b"k": b"v"}
        assert read_parquet(path, output_format="arrow").schema.metadata == {b"k": b"v"}


def test_files_that_are_not_partitioned_have_no_key_of_ours(tmp_path):
    """in partitioned datasets one key of ours"""
    write_to_dataset([{"a": 1, "b": "x"}], tmp_path, AB)
    (name,) = files(tmp_path)
    assert set(pq.read_metadata(tmp_path / name).metadata) == {b"ARROW:schema"}


# -- missing --

PARTIAL = pa.table({"b": ["x", "y"]})
partials = pytest.mark.parametrize(
    "data",
    [PARTIAL, PARTIAL.to_pandas(), PARTIAL.to_batches()[0], PARTIAL.to_reader],
    ids=["table", "frame", "batch", "reader"],
)


@partials
def test_a_missing_column_is_an_error(data, target):
    """Missing: a column that a DataFrame, Table or batch lacks is an error"""
    failure = only(refuse(data() if callable(data) else data, target, AB))
    assert (failure.path, failure.rule) == ("a", "missing")


@partials
def test_on_missing_null_fills_a_nullable_column(data, target):
    """(`on_missing='null'` fills a nullable one)"""
    write_parquet(data() if callable(data) else data, target, AB, on_missing="null")
    assert pq.read_table(target).to_pydict() == {"a": [None, None], "b": ["x", "y"]}


def test_on_missing_null_does_not_fill_a_required_column(target):
    """(`on_missing='null'` fills a nullable one)"""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())])
    assert only(refuse(PARTIAL, target, schema, on_missing="null")).path == "a"


@pytest.mark.parametrize("rows", [[{"a": 1}, {"b": "x"}, {}], [{}, {"a": 1}, {"b": "x"}]])
def test_in_dicts_a_key_may_be_absent_in_any_row(rows, target):
    """In `list[dict]` a key may be absent in any row when the field is nullable: null."""
    write_parquet(rows, target, AB)
    assert pq.read_table(target).to_pylist() == [{"a": r.get("a"), "b": r.get("b")} for r in rows]


def test_in_dicts_a_nullable_key_may_be_absent_in_every_row(target):
    """a key may be absent in any row when the field is nullable (the seed's example): null"""
    write_parquet([{"a": 1}], target, AB)
    assert pq.read_table(target).to_pylist() == [{"a": 1, "b": None}]


def test_an_absent_key_of_a_required_field_is_a_null_there(target):
    """An absent key of a required field is a null there, with the same message."""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())])
    error = refuse([{"a": 1}, {"b": "x"}], target, schema)
    failure = only(error)
    assert (failure.path, failure.rule, failure.samples[0][0]) == ("a", "null", 1)
    assert "Column 'a' is declared non-nullable but contains nulls" in str(error)


# -- extra --


@pytest.mark.parametrize("form", ["table", "frame", "dicts"])
def test_an_extra_column_is_an_error_by_default(form, target):
    """Extra columns or keys are an error by default"""
    table = pa.table({"a": [1, 2], "b": ["x", "y"], "z": [1, 2]})
    data = {"table": table, "frame": table.to_pandas(), "dicts": table.to_pylist()}[form]
    failure = only(refuse(data, target, AB))
    assert (failure.path, failure.rule) == ("z", "extra")
    write_parquet(data, target, AB, on_extra="drop")
    assert pq.read_table(target).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_every_rows_keys_are_looked_at(target):
    """(`on_extra='drop'` drops them; every row's keys are looked at"""
    rows = [{"a": 1}] * 5000 + [{"a": 1, "z": 2}]
    assert only(refuse(rows, target, AB)).path == "z"
    write_parquet(rows, target, AB, on_extra="drop")
    assert pq.read_metadata(target).num_rows == 5001


NESTED = [
    (pa.struct([("x", pa.int64())]), {"x": 1}, {"x": 1, "z": 2}, "s.z"),
    (pa.list_(pa.struct([("x", pa.int64())])), [{"x": 1}], [{"x": 1}, {"z": 2}], "s[].z"),
    (pa.map_(pa.string(), pa.struct([("x", pa.int64())])), [("k", {"x": 1})], [("k", {"z": 1})], "s.value.z"),
    (pa.struct([("t", pa.struct([("x", pa.int64())]))]), {"t": {"x": 1}}, {"t": {"x": 1, "z": 1}}, "s.t.z"),
]


@pytest.mark.parametrize("type, good, bad, path", NESTED, ids=[n[3] for n in NESTED])
def test_nested_keys_are_looked_at_too(type, good, bad, path, target):
    """every row's keys are looked at, nested ones too"""
    schema = pa.schema([("s", type)])
    rows = [{"s": good}] * 100 + [{"s": bad}]
    assert only(refuse(rows, target, schema)).path == path
    write_parquet(rows, target, schema, on_extra="drop")
    got = pq.read_table(target)["s"].to_pylist()
    assert len(got) == 101 and "z" not in str(got)


def test_an_extra_child_of_an_arrow_struct_is_an_error(target):
    """Extra columns or keys are an error by default"""
    schema = pa.schema([("s", pa.struct([("x", pa.int64())]))])
    data = pa.table({"s": [{"x": 1, "z": 2}]})
    assert only(refuse(data, target, schema)).path == "s.z"
    write_parquet(data, target, schema, on_extra="drop")
    assert pq.read_table(target)["s"].to_pylist() == [{"x": 1}]


# -- nulls --


def test_a_null_key_of_a_map_has_the_path_of_keys(target):
    """Paths: `s.x`, list elements `l[]`, map `m.key`, `m.value`."""
    schema = pa.schema([("m", pa.map_(pa.string(), pa.int64()))])
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet([{"m": [("k", 1)]}, {"m": [(None, 1)]}], target, schema)
    assert [(f.path, f.rule, f.samples[0][0]) for f in caught.value.failures] == [("m.key", "null", 1)]


R = {"nullable": False}
REQUIRED = [
    (pa.field("a", pa.int64(), **R), [1, None], "a"),
    (pa.field("s", pa.struct([pa.field("x", pa.int64(), **R)])), [{"x": 1}, {"x": None}], "s.x"),
    (pa.field("l", pa.list_(pa.field("element", pa.int64(), **R))), [[1], [2, None]], "l[]"),
    (pa.field("m", pa.map_(pa.string(), pa.field("value", pa.int64(), **R))), [[("k", 1)], [("k", None)]], "m.value"),
    (pa.field("l", pa.list_(pa.struct([pa.field("x", pa.int64(), **R)]))), [[{"x": 1}], [{"x": None}]], "l[].x"),
    (pa.field("s", pa.struct([("l", pa.list_(pa.field("element", pa.int64(), **R)))])), [{"l": [1]}, {"l": [None]}], "s.l[]"),
    (pa.field("l", pa.list_(pa.field("element", pa.list_(pa.field("element", pa.int64(), **R))))), [[[1]], [[None]]], "l[][]"),
    (pa.field("s", pa.struct([pa.field("l", pa.list_(pa.int64()), **R)])), [{"l": []}, {"l": None}], "s.l"),
    (pa.field("l", pa.large_list(pa.field("element", pa.string(), **R))), [["x"], [None]], "l[]"),
    (pa.field("l", pa.list_(pa.field("element", pa.int64(), **R), 2)), [[1, 2], [1, None]], "l[]"),
]  # fmt: skip


def loose(type):
    """The type with everything nullable."""
    if pa.types.is_struct(type):
        return pa.struct(
            [pa.field(type.field(i).name, loose(type.field(i).type)) for i in range(type.num_fields)]
        )
    if pa.types.is_map(type):
        return pa.map_(type.key_type, loose(type.item_type))
    if pa.types.is_fixed_size_list(type):
        return pa.list_(pa.field("element", loose(type.value_type)), type.list_size)
    if pa.types.is_list(type) or pa.types.is_large_list(type):
        make = pa.list_ if pa.types.is_list(type) else pa.large_list
        return make(pa.field("element", loose(type.value_type)))
    return type


@pytest.mark.parametrize("field, values, path", REQUIRED, ids=[r[2] for r in REQUIRED])
@pytest.mark.parametrize("form", ["table", "dicts", "frame"])
def test_a_null_in_a_non_nullable_field_is_found_at_any_depth(field, values, path, form, target):
    """Nulls in a non-nullable field, at any depth: `Column 'a' is declared non-nullable but contains nulls`. Paths: `s.x` ..."""
    table = pa.table({field.name: pa.array(values, loose(field.type))})
    data = {
        "table": table,
        "dicts": table.to_pylist(),
        "frame": pd.DataFrame({field.name: pd.Series(values, dtype=object)}),
    }[form]
    error = refuse(data, target, pa.schema([field]))
    assert f"Column '{path}' is declared non-nullable but contains nulls" in str(error)
    failure = only(error)
    assert (failure.path, failure.rule, failure.count) == (path, "null", 1)
    assert failure.samples[0][0] == 1


def test_a_null_key_of_a_map_is_found(target):
    """Paths: ... map `m.key`"""
    schema = pa.schema([("m", pa.map_(pa.string(), pa.int64()))])
    error = refuse([{"m": [("k", 1)]}, {"m": [(None, 1)]}], target, schema)
    assert only(error).path == "m.key"
    assert "Column 'm.key' is declared non-nullable but contains nulls" in str(error)


PARENTS = [
    (pa.field("s", pa.struct([pa.field("x", pa.int64(), **R)])), [None, {"x": 1}, None, {"x": 2}]),
    (pa.field("l", pa.list_(pa.field("element", pa.int64(), **R))), [None, [], [1, 2], None, [3]]),
    (pa.field("m", pa.map_(pa.string(), pa.field("value", pa.int64(), **R))), [None, [], [("k", 1)]]),
    (pa.field("s", pa.struct([pa.field("t", pa.struct([pa.field("x", pa.string(), **R)]))])), [None, {"t": None}, {"t": {"x": "y"}}]),
    (pa.field("l", pa.list_(pa.field("element", pa.struct([pa.field("x", pa.int64(), **R)])))), [[None, {"x": 4}], None, [{"x": 1}]]),
]  # fmt: skip


@pytest.mark.parametrize("field, values", PARENTS, ids=[str(p[0].type)[:30] for p in PARENTS])
@pytest.mark.parametrize("form", ["table", "dicts", "frame"])
def test_a_null_parent_over_a_required_child_is_legal(field, values, form, target):
    """A null parent over a required child is legal."""
    table = pa.table({field.name: pa.array(values, field.type)}, schema=pa.schema([field]))
    data = {
        "table": table,
        "dicts": [{field.name: v} for v in values],
        "frame": pd.DataFrame({field.name: pd.Series(values, dtype=object)}),
    }[form]
    write_parquet(data, target, pa.schema([field]))
    assert pq.read_table(target)[field.name].to_pylist() == values
    assert read_parquet(target, output_format="arrow")[field.name].to_pylist() == values


# -- duplicates --


def test_duplicate_names_in_the_schema_are_an_error(target):
    """Duplicate column names are an error."""
    with pytest.raises(ValueError, match="a"):
        write_parquet([{"a": 1}], target, pa.schema([("a", pa.int64()), ("a", pa.int64())]))
    assert everything(target.parent) == []


@pytest.mark.parametrize("form", ["table", "frame"])
@pytest.mark.parametrize("on_extra", ["error", "drop"])
def test_duplicate_names_in_the_data_are_an_error(form, on_extra, target):
    """Duplicate column names are an error."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array(["x"])], names=["a", "a", "b"])
    frame = pd.DataFrame([[1, 2, "x"]], columns=["a", "a", "b"])
    error = refuse(table if form == "table" else frame, target, AB, on_extra=on_extra)
    assert "a" in [failure.path for failure in error.failures]


def test_duplicate_names_in_a_struct_are_an_error(target):
    """Duplicate column names are an error."""
    twice = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"])
    refuse(pa.table({"s": twice}), target, pa.schema([("s", pa.struct([("x", pa.int64())]))]))


# -- one pass --


def test_one_pass_reports_every_column(target):
    """One pass reports every column."""
    schema = pa.schema(
        [("a", pa.int64()), ("b", pa.int8()), pa.field("c", pa.string(), nullable=False), ("d", pa.int64())]
    )
    table = pa.table(
        {"a": ["x"] * 20, "b": [300] * 20, "c": pa.array([None] * 20, pa.string()), "d": [1] * 20}
    )
    for data in (table, table.to_pandas(), table.to_pylist()):
        error = refuse(data, target, schema)
        found = {failure.path: failure for failure in error.failures}
        assert sorted(found) == ["a", "b", "c"]
        assert found["b"].count == found["c"].count == 20
        assert (found["a"].rule, found["b"].rule, found["c"].rule) == ("type", "value", "null")


def test_missing_extra_type_and_null_are_reported_together(target):
    """One pass reports every column."""
    schema = pa.schema([("a", pa.int64()), pa.field("b", pa.string(), nullable=False), ("gone", pa.int64())])
    error = refuse(pa.table({"a": ["1"], "b": pa.array([None], pa.string()), "more": [1]}), target, schema)
    assert {(f.path, f.rule) for f in error.failures} == {
        ("a", "type"),
        ("b", "null"),
        ("gone", "missing"),
        ("more", "extra"),
    }


def test_one_record_per_path_and_rule(target):
    """`.failures`: one record per (path, rule) with `path`, `rule`, `count`, `expected`, `found`, `samples`"""
    schema = pa.schema([pa.field("a", pa.int8(), nullable=False)])
    error = refuse([{"a": 300}, {"a": None}, {"a": 1}, {"a": 400}, {"a": None}, {"a": 1000}], target, schema)
    assert sorted((f.path, f.rule, f.count) for f in error.failures) == [("a", "null", 2), ("a", "value", 3)]
    for failure in error.failures:
        assert failure.expected.startswith("int8")
        assert hasattr(failure, "found")
    value = next(f for f in error.failures if f.rule == "value")
    assert value.samples == [(0, "300"), (3, "400"), (5, "1000")]


def test_samples_are_the_first_five(target):
    """`samples` = [(row over the whole stream, value cut at 80 characters)] (first 5)"""
    error = refuse(pa.table({"a": list(range(100, 200))}), target, pa.schema([("a", pa.int8())]))
    assert only(error).samples == [(28 + i, str(128 + i)) for i in range(5)]
    assert only(error).count == 72


@pytest.mark.parametrize("form", ["dicts", "table", "frame"])
def test_values_are_cut_at_80_characters(form, target):
    """value cut at 80 characters"""
    table = pa.table({"a": ["y" * 1000]})
    data = {"dicts": table.to_pylist(), "table": table, "frame": table.to_pandas()}[form]
    error = refuse(data, target, pa.schema([("a", pa.int64())]))
    ((row, value),) = only(error).samples
    assert row == 0 and 70 <= len(value) <= 83 and "y" * 60 in value
    assert len(str(error)) < 400


def test_rows_are_counted_over_the_whole_stream(target):
    """(row over the whole stream"""
    schema = pa.schema([("a", pa.int8())])
    good = pa.table({"a": [1] * 10})
    with ParquetStreamWriter(target, schema) as writer:
        writer.write_chunk(good)
        writer.write_chunk(good.to_pandas())
        with pytest.raises(SchemaValidationError) as caught:
            writer.write_chunk([{"a": 1}, {"a": 2}, {"a": 1000}])
    assert only(caught.value).samples == [(22, "1000")]
    assert "22" in str(caught.value)


def test_rows_are_counted_over_an_iterator_and_over_the_chunks_of_a_table(target):
    """(row over the whole stream"""
    schema = pa.schema([("a", pa.int8())])
    good, bad = pa.table({"a": [1] * 10}), pa.table({"a": [1, 1000]})
    for data in (
        iter([good, good, bad]),
        pa.concat_tables([good, good, bad]),
        pa.concat_tables([good, good, bad]).to_reader(7),
    ):
        with pytest.raises(SchemaValidationError) as caught:
            write_parquet(data, target, schema)
        assert only(caught.value).samples == [(21, "1000")]


def test_the_row_of_a_nested_value_is_the_row_of_the_table(target):
    """row over the whole stream"""
    schema = pa.schema([("l", pa.list_(pa.int8()))])
    error = refuse(pa.table({"l": [[1, 2, 3], [], None, [4, 1000]]}), target, schema)
    assert (only(error).path, only(error).samples) == ("l[]", [(3, "1000")])


def test_to_dict_holds_only_json_types(target):
    """`.to_dict()` holds only JSON types"""
    schema = pa.schema(
        [
            ("a", pa.int8()),
            ("d", pa.date32()),
            pa.field("n", pa.binary(), nullable=False),
            ("gone", pa.int8()),
        ]
    )
    data = pa.table(
        {
            "a": [1000],
            "d": [datetime.datetime(2024, 1, 1, 5)],
            "n": pa.array([None], pa.binary()),
            "x": [b"\xff"],
        }
    )
    as_dict = refuse(data, target, schema).to_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert {f["path"] for f in as_dict["failures"]} == {"a", "d", "n", "gone", "x"}
    assert set(as_dict["failures"][0]) >= {"path", "rule", "count", "expected", "found", "samples"}


def test_the_message_names_column_row_value_and_rule(target):
    """The message names column, row, value and rule"""
    text = str(refuse([{"a": 1}, {"a": "seven"}], target, pa.schema([("a", pa.int64())])))
    for word in ("'a'", "1", "seven", "int64", "str"):
        assert word in text


def test_the_message_names_close_matches_for_misspelt_names(target):
    """close matches for misspelt names"""
    schema = pa.schema([("user_id", pa.int64()), ("signup", pa.int64())])
    text = str(refuse([{"usr_id": 1}], target, schema))
    assert "usr_id" in text and "user_id" in text
    text = str(refuse(pa.table({"user_id": [1], "singup": [1]}), target, schema))
    assert "singup" in text and "signup" in text


@pytest.mark.parametrize("bad", [2, 500])
def test_the_message_stays_short_for_a_wide_schema(bad, target):
    """and stays under 15 lines for a 500-column schema"""
    names = [f"column_{i}" for i in range(500)]
    schema = pa.schema([(name, pa.int64()) for name in names])
    data = pa.table({name: ["x"] if i < bad else [1] for i, name in enumerate(names)})
    error = refuse(data, target, schema)
    assert len(str(error).splitlines()) < 15
    assert len(error.failures) == bad


def test_nothing_is_on_disk_and_what_was_there_is_untouched(tmp_path):
    """Nothing is on disk under the target's name when validation fails; what was there before is untouched."""
    write_parquet([{"a": 1, "b": "x"}], tmp_path / "t.parquet", AB)
    write_to_dataset([{"a": 1, "b": "x"}], tmp_path / "ds", AB, partition_cols=["b"])
    before = contents(tmp_path)
    bad = [[{"a": 1, "b": "x"}] * 1000, [{"a": "no", "b": "x"}]]
    for mode in ("append", "overwrite"):
        with pytest.raises(SchemaValidationError):
            write_to_dataset(iter(bad), tmp_path / "ds", AB, partition_cols=["b"], mode=mode)
        assert contents(tmp_path) == before
    with pytest.raises(SchemaValidationError):
        write_parquet(iter(bad), tmp_path / "t.parquet", AB)
    with pytest.raises(SchemaValidationError):
        with ParquetStreamWriter(tmp_path / "t.parquet", AB) as writer:
            for chunk in bad:
                writer.write_chunk(chunk)
    assert contents(tmp_path) == before
    with pytest.raises(SchemaValidationError):
        write_to_dataset(iter(bad), tmp_path / "new", AB, partition_cols=["b"])
    assert contents(tmp_path) == before
    assert not (tmp_path / "new").exists()
