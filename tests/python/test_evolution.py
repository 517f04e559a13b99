# SPDX-License-Identifier: Apache-2.0
"""Files that differ: unify= and schema= of the readers."""

from __future__ import annotations

import datetime
import decimal
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_parquet

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reading.md"


def put(folder, name, table):
    path = folder / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(table, path, table.schema, durable=False)
    return str(path)


def read(path, **kwargs):
    return read_parquet(str(path), "arrow", **kwargs)


def batches(path, size, **kwargs):
    parts = list(read_parquet_iter(str(path), size, **kwargs))
    assert all(part.num_rows == size for part in parts[:-1])
    return pa.Table.from_batches(parts) if parts else None


# ---- the table of the documentation ----

SAMPLES = {
    "bool": [True, False],
    "date": [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)],
    "timestamp": [datetime.datetime(1970, 1, 1), datetime.datetime(2200, 2, 3, 4, 5, 6)],
    "time": [datetime.time(0, 0, 0), datetime.time(23, 59, 59)],
    "duration": [datetime.timedelta(seconds=-5), datetime.timedelta(days=9)],
    "decimal": [decimal.Decimal("1.25"), decimal.Decimal("-999.99")],
    "string": ["", "a", "more than twelve bytes"],
    "binary": [b"", b"\x00\xff", b"more than twelve bytes"],
}


def samples(type_):
    t = pa.types
    if t.is_dictionary(type_):
        return samples(type_.value_type)
    if t.is_null(type_):
        return [None, None]
    if t.is_integer(type_):
        bits = type_.bit_width
        return [0, 2**bits - 1] if t.is_unsigned_integer(type_) else [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
    if t.is_floating(type_):
        return [0.5, -0.0, float("inf"), 2.0**10]
    if t.is_decimal(type_):
        step = decimal.Decimal(1).scaleb(-type_.scale)
        return [step, -(10**type_.precision - 1) * step]
    if t.is_fixed_size_binary(type_):
        return [b"x" * type_.byte_width]
    if t.is_struct(type_):
        return [{field.name: samples(field.type)[0] for field in type_}, None]
    if t.is_list(type_) or t.is_large_list(type_):
        return [samples(type_.value_type), [], None]
    if t.is_map(type_):
        return [[("k", value)] for value in samples(type_.item_type)]
    for word, values in SAMPLES.items():
        if str(type_).startswith(word) or str(type_).startswith("large_" + word):
            zoned = t.is_timestamp(type_) and type_.tz
            return [v.replace(tzinfo=datetime.timezone.utc) for v in values] if zoned else values
    raise AssertionError(type_)


def table_rows(heading):
    text = DOCS.read_text(encoding="utf-8").split(f"<!-- table: {heading} -->")[1].split("<!-- end -->")[0]
    rows = [re.findall(r"`([^`]+)`", line) for line in text.splitlines() if "`" in line]
    assert len(rows) > 5
    return rows


def type_of(text):
    return eval(text, {"__builtins__": {}}, vars(pa))  # noqa: S307  our own documentation


@pytest.mark.parametrize("columns", [{"a": [1]}, {"a": [1], "b": ["x"], "c": [2.0]}, {"a": [1], "b": [1]}])
def test_inspect_schema_refuses_what_the_readers_refuse(tmp_path, columns):
    put(tmp_path, 0, pa.table({"a": [1], "b": ["x"]}))
    put(tmp_path, 1, pa.table({"a": [1], "b": ["x"]}))
    assert inspect_schema(tmp_path) == read(tmp_path).schema
    put(tmp_path, 2, pa.table(columns))
    messages = []
    for call in (inspect_schema, read, lambda path: list(read_parquet_iter(path))):
        with pytest.raises(pa.ArrowInvalid) as caught:
            call(tmp_path)
        messages.append(str(caught.value))
    assert len(set(messages)) == 1
    assert "differ" in messages[0]


@pytest.mark.parametrize("row", table_rows("widenings"), ids=" and ".join)
@pytest.mark.parametrize("turned", [False, True])
def test_each_documented_widening_keeps_every_value(tmp_path, row, turned):
    first, second = (type_of(text) for text in (row[1::-1] if turned else row[:2]))
    want = type_of(row[2])
    arrays = [pa.array([*samples(type_), None], type_) for type_ in (first, second)]
    for i, array in enumerate(arrays):
        put(tmp_path, i, pa.table({"a": array}))
    result = read(tmp_path, unify="widen")
    assert result.schema.field("a").type == want
    result.validate(full=True)
    assert inspect_schema(tmp_path, unify="widen").field("a").type == want
    expected = [value for array in arrays for value in array.to_pylist()]
    assert result["a"].to_pylist() == expected
    for size in (1, 3, 7):
        assert batches(tmp_path, size, unify="widen")["a"].to_pylist() == expected
    assert read(tmp_path, schema=pa.schema([("a", want)]))["a"].to_pylist() == expected


@pytest.mark.parametrize("row", table_rows("no widenings"), ids=" and ".join)
@pytest.mark.parametrize("turned", [False, True])
def test_each_documented_refusal_names_file_column_and_both_types(tmp_path, row, turned):
    first, second = (type_of(text) for text in (row[1::-1] if turned else row[:2]))
    put(tmp_path, 0, pa.table({"a": pa.array([None], first)}))
    path = put(tmp_path, 1, pa.table({"a": pa.array([None], second)}))
    with pytest.raises(pa.ArrowInvalid) as error:
        read(tmp_path, unify="widen")
    lines = str(error.value).splitlines()
    assert lines[0] == f"{path}: 1 column differs:"
    assert re.fullmatch(r"  a: .+ here, .+ in the files before", lines[1])
    assert len(lines) == 2


def test_integers_beyond_two_to_the_53_never_become_doubles(tmp_path):
    put(tmp_path, "a", pa.table({"n": pa.array([2**53 + 1], pa.int64())}))
    put(tmp_path, "b", pa.table({"n": [0.5]}))
    with pytest.raises(pa.ArrowInvalid, match="n: double here, int64 in the files before"):
        read(tmp_path, unify="widen")
    with pytest.raises(pa.ArrowInvalid, match="n: int64 here, double declared"):
        read(tmp_path, schema=pa.schema([("n", pa.float64())]))


def test_a_timestamp_that_the_finer_unit_cannot_count_is_an_error_with_file_and_column(tmp_path):
    path = put(tmp_path, "a", pa.table({"t": pa.array([32503680000], pa.timestamp("s"))}))
    put(tmp_path, "b", pa.table({"t": pa.array([1], pa.timestamp("ns"))}))
    with pytest.raises(pa.ArrowInvalid, match=r"3000-01-01.*timestamp\[ns\]") as error:
        read(tmp_path, unify="widen")
    assert path in str(error.value)


# ---- columns ----


def three_files(folder):
    put(folder, "1", pa.table({"a": [1, 2], "b": ["x", "y"]}))
    put(folder, "2", pa.table({"c": [True], "a": [3]}))
    put(folder, "3", pa.table({"b": ["z"]}))


def test_add_gives_the_columns_of_all_files_in_the_order_of_their_appearance(tmp_path):
    three_files(tmp_path)
    result = read(tmp_path, unify="add")
    assert result.to_pydict() == {
        "a": [1, 2, 3, None],
        "b": ["x", "y", None, "z"],
        "c": [None, None, True, None],
    }
    for size in (1, 2, 3, 7):
        assert batches(tmp_path, size, unify="add").to_pydict() == result.to_pydict()
    assert read(tmp_path, unify="add", columns=["c", "a"]).to_pydict() == {
        "c": [None, None, True, None],
        "a": [1, 2, 3, None],
    }
    assert read(tmp_path, unify="add", columns=[]).num_rows == 4


def test_add_does_not_change_types_and_says_what_would(tmp_path):
    put(tmp_path, "1", pa.table({"a": pa.array([1], pa.int32())}))
    put(tmp_path, "2", pa.table({"a": pa.array([1], pa.int64())}))
    with pytest.raises(pa.ArrowInvalid, match="unify='widen' allows this"):
        read(tmp_path, unify="add")


def test_a_missing_or_nullable_column_is_nullable_in_the_result(tmp_path):
    required = pa.schema(
        [pa.field("a", pa.int32(), nullable=False), pa.field("b", pa.int32(), nullable=False)]
    )
    put(tmp_path, "1", pa.table({"a": [1], "b": [1]}, schema=required))
    put(tmp_path, "2", pa.table({"a": [2]}, schema=required.remove(1)))
    schema = inspect_schema(tmp_path, unify="add")
    assert [schema.field(name).nullable for name in "ab"] == [False, True]
    put(tmp_path, "3", pa.table({"a": pa.array([None], pa.int32())}))
    assert read(tmp_path, unify="add").to_pydict() == {"a": [1, 2, None], "b": [1, None, None]}


def test_strict_refuses_a_file_with_more_columns_only_when_all_are_asked_for(tmp_path):
    put(tmp_path, "1", pa.table({"a": [1]}))
    path = put(tmp_path, "2", pa.table({"a": [2], "b": [2]}))
    with pytest.raises(pa.ArrowInvalid) as error:
        read(tmp_path)
    assert str(error.value) == (
        f"{path}: 1 column differs:\n  b: int64 here, missing in the first file\nunify='add' allows this"
    )
    with pytest.raises(pa.ArrowInvalid):
        list(read_parquet_iter(str(tmp_path), 1))
    assert read(tmp_path, columns=["a"]).to_pydict() == {"a": [1, 2]}


def test_strict_reads_reordered_columns_and_required_data_in_nullable_columns(tmp_path):
    put(tmp_path, "1", pa.table({"a": [1, None], "b": ["x", "y"]}))
    required = pa.schema(
        [pa.field("b", pa.string(), nullable=False), pa.field("a", pa.int64(), nullable=False)]
    )
    put(tmp_path, "2", pa.table({"b": ["z"], "a": [3]}, schema=required))
    assert read(tmp_path).to_pydict() == {"a": [1, None, 3], "b": ["x", "y", "z"]}


def test_an_error_about_500_columns_shows_the_two_that_differ(tmp_path):
    names = [f"column_{i}" for i in range(500)]
    put(tmp_path, "1", pa.table({name: [1] for name in names}))
    path = put(
        tmp_path, "2", pa.table({name: ["x"] if i in (7, 400) else [1] for i, name in enumerate(names)})
    )
    for unify in ("strict", "add", "widen"):
        with pytest.raises(pa.ArrowInvalid) as error:
            read(tmp_path, unify=unify)
        lines = str(error.value).splitlines()
        assert lines[0] == f"{path}: 2 columns differ:"
        assert lines[1].startswith("  column_7: string here, int64 ")
        assert lines[2].startswith("  column_400: string here, int64 ")
        assert len(lines) == 3


def test_many_differences_are_cut(tmp_path):
    put(tmp_path, "1", pa.table({f"c{i}": [1] for i in range(100)}))
    put(tmp_path, "2", pa.table({f"c{i}": ["x"] for i in range(100)}))
    with pytest.raises(pa.ArrowInvalid, match=r"100 columns differ:\n(.*\n)+  \.\.\. and 9\d more") as error:
        read(tmp_path)
    assert len(str(error.value).splitlines()) < 15


# ---- nested ----


def test_fields_added_to_structs_in_lists_are_null_in_older_files(tmp_path):
    old = pa.table({"l": pa.array([[{"x": 1}, None], None, []], pa.list_(pa.struct([("x", pa.int32())])))})
    new_type = pa.list_(pa.struct([("y", pa.string()), ("x", pa.int64())]))
    new = pa.table({"l": pa.array([[{"y": "b", "x": 2**40}]], new_type)})
    put(tmp_path, "1", old)
    put(tmp_path, "2", new)
    want = [[{"x": 1, "y": None}, None], None, [], [{"x": 2**40, "y": "b"}]]
    assert read(tmp_path, unify="widen")["l"].to_pylist() == want
    for size in (1, 2, 3):
        assert batches(tmp_path, size, unify="widen")["l"].to_pylist() == want


def test_a_path_into_a_struct_that_older_files_lack_keeps_the_structs_own_nulls(tmp_path):
    put(tmp_path, "1", pa.table({"s": [{"x": 1}, None]}))
    put(tmp_path, "2", pa.table({"s": [{"x": 2, "y": "b"}]}))
    result = read(tmp_path, unify="widen", columns=["s.y"])
    assert result["s"].to_pylist() == [{"y": None}, None, {"y": "b"}]


# ---- schema= ----


def test_a_declared_schema_is_the_result(tmp_path):
    three_files(tmp_path)
    schema = pa.schema(
        [
            ("c", pa.bool_()),
            ("new", pa.list_(pa.int8())),
            ("a", pa.decimal128(20, 1)),
            ("b", pa.large_string()),
        ],
        {"k": "v"},
    )
    result = read(tmp_path, schema=schema)
    assert result.schema.equals(schema, check_metadata=True)
    assert result["a"].to_pylist() == [1, 2, 3, None]
    assert result["b"].to_pylist() == ["x", "y", None, "z"]
    assert result["c"].to_pylist() == [None, None, True, None]
    assert result["new"].null_count == 4
    assert batches(tmp_path, 3, schema=schema).to_pylist() == result.to_pylist()
    assert read(tmp_path, schema=schema, columns=["b"], filters=[("c", "=", True)]).to_pydict() == {
        "b": [None]
    }


@pytest.mark.parametrize("type_", [pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_strings_are_read_in_the_declared_form(tmp_path, type_):
    pq.write_table(
        pa.table({"s": ["a", None, "more than twelve bytes"]}), tmp_path / "1.parquet", store_schema=False
    )
    result = read(tmp_path, schema=pa.schema([("s", type_)]))
    assert result.schema.field("s").type == type_
    assert result["s"].to_pylist() == ["a", None, "more than twelve bytes"]


def test_a_declared_column_that_must_not_be_null_is_in_every_file(tmp_path):
    required = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    put(tmp_path, "1", pa.table({"a": [1]}, schema=required))
    assert read(tmp_path, schema=required).schema == required
    path = put(tmp_path, "2", pa.table({"b": [1]}))
    with pytest.raises(pa.ArrowInvalid, match="a: missing here, int64 not null declared") as error:
        read(tmp_path, schema=required)
    assert str(error.value).startswith(path)
    put(tmp_path, "2", pa.table({"a": [1]}))
    with pytest.raises(pa.ArrowInvalid, match="a: int64 here, int64 not null declared"):
        read(tmp_path, schema=required)


def test_a_declared_narrower_type_is_refused_whatever_the_values(tmp_path):
    put(tmp_path, "1", pa.table({"a": [1]}))
    with pytest.raises(pa.ArrowInvalid, match="a: int64 here, int32 declared"):
        read(tmp_path, schema=pa.schema([("a", pa.int32())]))


@pytest.mark.parametrize("schema", [3, {"a": "int64"}, pa.int64(), pa.schema([("a", pa.int8())] * 2)])
def test_what_is_no_schema_is_a_value_error(tmp_path, schema):
    put(tmp_path, "1", pa.table({"a": [1]}))
    with pytest.raises(ValueError, match="schema"):
        read(tmp_path, schema=schema)


def test_an_empty_folder_has_the_declared_schema(tmp_path):
    schema = pa.schema([("a", pa.int8())])
    assert read(tmp_path, schema=schema).schema == schema
    assert read(tmp_path, unify="add").num_columns == 0


# ---- partitions ----


def partitioned(folder):
    put(folder / "day=1", "a", pa.table({"v": pa.array([1, 2], pa.int32())}))
    put(folder / "day=2", "a", pa.table({"v": pa.array([3], pa.int64()), "w": ["x"]}))


def test_partition_columns_stay_last(tmp_path):
    partitioned(tmp_path)
    result = read(tmp_path, unify="widen")
    assert result.schema.names == ["v", "w", "day"]
    assert result.to_pydict() == {"v": [1, 2, 3], "w": [None, None, "x"], "day": [1, 1, 2]}
    for size in (1, 2, 7):
        assert batches(tmp_path, size, unify="widen").to_pydict() == result.to_pydict()
    assert read(tmp_path, unify="widen", filters=[("day", "=", 2)])["v"].to_pylist() == [3]


def test_a_declared_partition_column_has_the_declared_type(tmp_path):
    partitioned(tmp_path)
    schema = pa.schema([("day", pa.string()), ("v", pa.int64())])
    assert read(tmp_path, schema=schema).to_pydict() == {"day": ["1", "1", "2"], "v": [1, 2, 3]}
    assert read(tmp_path, schema=schema).schema == schema
    assert read(tmp_path, schema=pa.schema([("v", pa.int64())])).schema.names == ["v"]
    with pytest.raises(pa.ArrowInvalid, match="day"):
        read(tmp_path, schema=pa.schema([("day", pa.date32())]))


# ---- against others ----


def test_1000_small_files_of_two_kinds(tmp_path):
    old = pa.table({"n": pa.array([0], pa.int32())})
    for i in range(1000):
        value = pa.array([i], pa.int32() if i % 3 else pa.int64())
        put(tmp_path, f"{i:04}", pa.table({"n": value} if i % 7 else {"n": value, "m": [i]}) if i else old)
    result = read(tmp_path, unify="widen")
    assert result["n"].to_pylist() == list(range(1000))
    assert result["m"].to_pylist() == [None if i % 7 or not i else i for i in range(1000)]
    assert batches(tmp_path, 300, unify="widen").to_pydict() == result.to_pydict()


TYPES = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32(), pa.float32(), pa.float64()]


def random_table(draw):
    """Columns that can be widened to double or int64, some missing, groups of few rows."""
    rows, columns = draw.randrange(1, 30), {}
    for name in draw.sample(["i", "f", "s", "t"], draw.randrange(1, 5)):
        if name == "s":
            columns[name] = pa.array(
                [draw.choice([None, "a", "b", "c"]) for _ in range(rows)],
                draw.choice([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]),
            )
        elif name == "t":
            columns[name] = pa.array(
                [draw.randrange(50) for _ in range(rows)], pa.timestamp(draw.choice(["s", "us"]))
            )
        else:
            pool = (
                TYPES[:6] if name == "i" else [pa.int8(), pa.int32(), pa.uint32(), pa.float32(), pa.float64()]
            )
            type_ = draw.choice(pool)
            values = [draw.choice([None, *range(5), 100]) for _ in range(rows)]
            if pa.types.is_floating(type_) and draw.random() < 0.3:
                values[0] = float("nan")
            columns[name] = pa.array(values, type_)
    return pa.table(columns)


FILTERS = [
    pc.field("i") > 3,
    ~(pc.field("i") <= 3),
    pc.field("f") == 100,
    pc.field("f") < 0.5,
    pc.field("f").isin([1.0, 2.0]),
    pc.field("i").is_null(),
    pc.field("s") == "b",
    (pc.field("s") != "b") | (pc.field("f") >= 4),
    pc.field("t") > pa.scalar(30 * 10**6, pa.timestamp("us")),
    pc.field("f").is_null(nan_is_null=True),
]


@pytest.mark.parametrize("seed", range(12))
def test_a_filtered_read_of_files_that_differ_is_a_full_read_and_a_filter(tmp_path, seed):
    draw = random.Random(seed)
    full = {
        "i": pa.array([1]),
        "f": pa.array([1.0]),
        "s": pa.array(["a"]),
        "t": pa.array([1], pa.timestamp("us")),
    }
    put(tmp_path, "0", pa.table(full))
    for i in range(1, 8):
        table = random_table(draw)
        write_parquet(table, tmp_path / f"{i}.parquet", table.schema, row_group_size=draw.randrange(1, 9))
    result = read(tmp_path, unify="widen")
    for expression in FILTERS:
        want = result.filter(expression)
        have = read(tmp_path, unify="widen", filters=expression)
        assert str(have.to_pylist()) == str(want.to_pylist()), (seed, expression)
    assert str(batches(tmp_path, 7, unify="widen").to_pylist()) == str(result.to_pylist())


@pytest.mark.parametrize("seed", range(6))
def test_pyarrow_unifies_to_the_same_values(tmp_path, seed):
    draw = random.Random(seed)
    paths, tables = [], []
    for i in range(4):
        table = random_table(draw)
        tables.append(table)
        paths.append(put(tmp_path, i, table))
    plain = [
        t.set_column(t.schema.get_field_index("s"), "s", t["s"].cast(pa.string()))
        if "s" in t.schema.names
        else t
        for t in tables
    ]
    want = pa.concat_tables(plain, promote_options="permissive")
    have = read(tmp_path, unify="widen")
    assert have.schema.names == want.schema.names
    assert str(have.to_pylist()) == str(want.to_pylist())


def test_duckdb_unites_by_name_to_the_same_rows(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    three_files(tmp_path)
    want = duckdb.sql(f"SELECT * FROM read_parquet('{tmp_path}/*.parquet', union_by_name=true)").fetchall()
    have = read(tmp_path, unify="add")
    assert sorted(map(str, (tuple(row.values()) for row in have.to_pylist()))) == sorted(map(str, want))
