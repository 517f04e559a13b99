# SPDX-License-Identifier: Apache-2.0
"""Promises about datasets; one test per promise, named after it."""

from __future__ import annotations

import datetime
import decimal
import os
import re
import resource

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import names_in

import py_parquet_forge as forge
from py_parquet_forge import SchemaValidationError, read_parquet, write_to_dataset

SCHEMA = pa.schema([("k", pa.string()), ("a", pa.int64())])
ROWS = [{"k": "x", "a": 1}, {"k": "y", "a": 2}, {"k": "x", "a": 3}]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ds"


def files_in(folder) -> list[str]:
    return [name for name in names_in(folder) if name.endswith(".parquet")]


def rows_of(folder) -> list[dict]:
    table = read_parquet(folder, output_format="arrow")
    return sorted(table.to_pylist(), key=lambda row: row["a"])


def test_files_have_uuid_names_in_folders_in_the_order_of_partition_cols(folder):
    schema = pa.schema([("k", pa.string()), ("d", pa.int32()), ("a", pa.int64())])
    write_to_dataset(
        [{"k": "x", "d": 1, "a": 1}, {"k": "y", "d": 2, "a": 2}], folder, schema, partition_cols=["d", "k"]
    )
    names = files_in(folder)
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-\d+)?\.parquet"
    assert len(names) == 2
    assert re.fullmatch("d=1/k=x/" + uuid, names[0]) and re.fullmatch("d=2/k=y/" + uuid, names[1])
    assert pq.read_schema(folder / names[0]).names == ["a"]


def test_one_file_per_partition_and_call(folder):
    for call in (1, 2):
        write_to_dataset((ROWS for _ in range(5)), folder, SCHEMA, partition_cols=["k"])
        assert len(files_in(folder)) == 2 * call
    assert read_parquet(folder, output_format="arrow").num_rows == 30


def test_a_partition_column_that_the_schema_lacks(folder):
    with pytest.raises(pa.ArrowInvalid, match="Partition column 'q' not in schema") as caught:
        write_to_dataset(ROWS, folder, SCHEMA, partition_cols=["q"])
    assert not isinstance(caught.value, SchemaValidationError)
    assert not folder.exists()


@pytest.mark.parametrize("columns", [["k", "a"], ["k", "k"]])
def test_partitioning_by_every_column_or_twice_by_one_is_a_value_error(columns, folder):
    with pytest.raises(ValueError):
        write_to_dataset(ROWS, folder, SCHEMA, partition_cols=columns)
    assert not folder.exists()


def test_a_bad_mode_is_a_value_error(folder):
    with pytest.raises(ValueError, match=r"^mode must be either 'append' or 'overwrite'"):
        write_to_dataset(ROWS, folder, SCHEMA, mode="replace")


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_empty_data_makes_the_folder_and_no_file(mode, folder):
    write_to_dataset([], folder, SCHEMA, mode=mode)
    assert folder.is_dir() and names_in(folder) == []
    assert read_parquet(folder, output_format="arrow").shape == (0, 0)
    assert forge.inspect_schema(folder).equals(pa.schema([]))
    assert list(forge.read_parquet_iter(folder)) == []


def test_no_partition_columns_is_no_partitioning(folder):
    write_to_dataset(ROWS, folder, SCHEMA, partition_cols=[])
    assert len(names_in(folder)) == 1 and rows_of(folder) == ROWS


def test_a_file_as_output_dir_is_not_a_directory(folder):
    folder.write_bytes(b"")
    for mode in ("append", "overwrite"):
        with pytest.raises(NotADirectoryError):
            write_to_dataset(ROWS, folder, SCHEMA, mode=mode)
    assert folder.read_bytes() == b""


def test_append_never_touches_an_existing_file(folder):
    write_to_dataset(ROWS, folder, SCHEMA, partition_cols=["k"])
    before = {name: (folder / name).read_bytes() for name in files_in(folder)}
    write_to_dataset(ROWS, folder, SCHEMA, partition_cols=["k"], mode="append")
    assert all((folder / name).read_bytes() == data for name, data in before.items())


def test_refused_data_leaves_the_dataset_as_it_was(folder, tmp_path):
    write_to_dataset(ROWS, folder, SCHEMA, partition_cols=["k"])
    before = names_in(tmp_path)
    for mode in ("append", "overwrite"):
        with pytest.raises(SchemaValidationError):
            write_to_dataset([{"k": "z", "a": "x"}], folder, SCHEMA, ["k"], mode)
    assert names_in(tmp_path) == before


def test_overwrite_replaces_the_whole_directory(folder, tmp_path):
    write_to_dataset(ROWS, folder, SCHEMA, partition_cols=["k"])
    (folder / "other.txt").write_text("x")
    write_to_dataset([{"k": "z", "a": 9}], folder, SCHEMA, ["k"], "overwrite")
    assert rows_of(folder) == [{"a": 9, "k": "z"}]
    assert len(names_in(folder)) == 2 and os.listdir(tmp_path) == ["ds"]
    write_to_dataset([], folder, SCHEMA, ["k"], "overwrite")
    assert names_in(folder) == [] and os.listdir(tmp_path) == ["ds"]


def test_overwrite_refuses_folders_that_nobody_means(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "inner").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "inner")
    for path in ("/", home, ".", home / "inner", "..", tmp_path):
        with pytest.raises(ValueError):
            write_to_dataset(ROWS, path, SCHEMA, mode="overwrite")
    assert names_in(home) == ["inner"]


def test_a_link_as_dataset_keeps_being_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    for mode in ("append", "overwrite"):
        write_to_dataset(ROWS, link, SCHEMA, mode=mode)
    assert link.is_symlink() and rows_of(tmp_path / "real") == ROWS


def test_nothing_but_data_files_stays(folder, tmp_path):
    for mode in ("append", "overwrite", "append"):
        write_to_dataset(ROWS, folder, SCHEMA, ["k"], mode)
    assert os.listdir(tmp_path) == ["ds"]
    assert all(name.endswith(".parquet") or name in ("k=x", "k=y") for name in names_in(folder))


def test_a_dataset_can_be_overwritten_from_its_own_reader(folder):
    write_to_dataset(ROWS * 1000, folder, SCHEMA, ["k"])
    before = rows_of(folder)
    batches = forge.read_parquet_iter(folder, chunk_size=100)
    write_to_dataset(batches, folder, SCHEMA, ["k"], "overwrite")
    assert rows_of(folder) == before


TYPED = {
    "text of digits": (pa.string(), ["04", "4", "", "NULL"]),
    "dates": (pa.date32(), [datetime.date(2023, 1, 2), datetime.date(1969, 12, 31)]),
    "integers": (pa.int16(), [-5, 7]),
    "large integers": (pa.uint64(), [2**64 - 1, 0]),
    "bools": (pa.bool_(), [True, False]),
    "decimals": (pa.decimal128(6, 2), [decimal.Decimal("1.50"), decimal.Decimal("-0.05")]),
    "floats": (pa.float64(), [0.1, -2.5, 1e300]),
    "naive timestamps": (pa.timestamp("ms"), [datetime.datetime(2020, 1, 1, 1, 2, 3, 4000)]),
    "aware timestamps": (
        pa.timestamp("us", "UTC"),
        [datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)],
    ),
    "escaped text": (pa.string(), ["a/b", "50%", "k=v", "x:y?", "\t", "ünïcode", "a b"]),
}


@pytest.mark.parametrize("case", TYPED)
def test_types_of_partition_columns_come_back(case, folder):
    declared, values = TYPED[case]
    schema = pa.schema([("p", declared), ("a", pa.int64())])
    rows = [{"p": value, "a": i} for i, value in enumerate([*values, None])]
    write_to_dataset(rows, folder, schema, ["p"])
    table = read_parquet(folder, output_format="arrow")
    assert table.schema.field("p").type == pa.dictionary(pa.int32(), declared)
    assert sorted(table.to_pylist(), key=lambda row: row["a"]) == rows
    assert table.column("p").null_count == 1


FOLDERS = [
    (pa.int32(), -3, "p=-3"),
    (pa.bool_(), True, "p=true"),
    (pa.date32(), datetime.date(2023, 1, 2), "p=2023-01-02"),
    (pa.decimal128(5, 2), decimal.Decimal("1.50"), "p=1.50"),
    (pa.float64(), 0.1, "p=0.1"),
    (pa.string(), "a/b=c%", "p=a%2Fb%3Dc%25"),
    (pa.string(), None, "p=__HIVE_DEFAULT_PARTITION__"),
]


@pytest.mark.parametrize(("declared", "value", "name"), FOLDERS)
def test_forms_of_partition_values(declared, value, name, folder):
    schema = pa.schema([("p", declared), ("a", pa.int64())])
    write_to_dataset([{"p": value, "a": 1}], folder, schema, ["p"])
    assert os.listdir(folder) == [name]


def test_forms_of_timestamps_as_partition_values(folder):
    aware = pa.timestamp("ms", "Europe/Berlin")
    schema = pa.schema([("p", aware), ("a", pa.int64())])
    data = pa.table({"p": pa.array([1_600_000_000_123], aware), "a": [1]})
    write_to_dataset(data, folder, schema, ["p"])
    (name,) = os.listdir(folder)
    assert name in ("p=2020-09-13T12%3A26%3A40.123Z", "p=2020-09-13 12%3A26%3A40.123Z")


@pytest.mark.parametrize("declared", [pa.list_(pa.int8()), pa.binary(), pa.null()], ids=str)
def test_nested_binary_and_null_types_are_refused(declared, folder):
    schema = pa.schema([("p", declared), ("a", pa.int64())])
    with pytest.raises(ValueError):
        write_to_dataset([{"a": 1}], folder, schema, ["p"])
    assert not folder.exists()


@pytest.mark.parametrize("text", ["__HIVE_DEFAULT_PARTITION__", "x" * 300], ids=["marker", "long"])
def test_values_that_cannot_name_a_folder_are_errors_before_anything_is_written(text, folder, tmp_path):
    with pytest.raises(ValueError):
        write_to_dataset([{"k": "fine", "a": 1}, {"k": text, "a": 1}], folder, SCHEMA, ["k"])
    assert names_in(tmp_path) in ([], ["ds"])


def test_thousands_of_partitions_work_with_256_file_descriptors(folder):
    n = 3000
    table = pa.table({"k": [str(i % n) for i in range(2 * n)], "a": range(2 * n)})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        write_to_dataset(table, folder, SCHEMA, ["k"], durable=False)
        assert len(files_in(folder)) == n
        assert read_parquet(folder, output_format="arrow").num_rows == 2 * n
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_row_order_is_kept_within_a_partition_and_threads_change_nothing(tmp_path):
    n = 20_000
    table = pa.table({"k": [f"p{i * i % 7}" for i in range(n)], "a": range(n)})
    found = []
    for threads in (True, False):
        folder = tmp_path / str(threads)
        write_to_dataset(table, folder, SCHEMA, ["k"], use_threads=threads)
        found.append({name.split("/")[0]: (folder / name).read_bytes() for name in files_in(folder)})
        for name in files_in(folder):
            values = pq.ParquetFile(folder / name).read().column("a").to_pylist()
            assert values == sorted(values)
    assert found[0] == found[1]


def test_pyarrow_and_we_read_each_others_datasets(folder, tmp_path):
    write_to_dataset(ROWS, folder, SCHEMA, ["k"])
    theirs = ds.dataset(folder, format="parquet", partitioning="hive").to_table()
    assert sorted(theirs.select(["k", "a"]).to_pylist(), key=lambda row: row["a"]) == ROWS
    other = tmp_path / "other"
    pq.write_to_dataset(pa.Table.from_pylist(ROWS), other, partition_cols=["k"])
    assert rows_of(other) == [{"a": row["a"], "k": row["k"]} for row in ROWS]


def test_types_of_foreign_partitions_are_inferred_over_all_folders(tmp_path):
    cases = {
        "ints": (["1", "-2"], pa.int32()),
        "large": (["1", "3000000000"], pa.int64()),
        "zero": (["01", "2"], pa.string()),
        "mixed": (["1", "x"], pa.string()),
    }
    for name, (values, expected) in cases.items():
        for value in values:
            path = tmp_path / name / f"p={value}"
            path.mkdir(parents=True)
            pq.write_table(pa.table({"a": [1]}), path / "f.parquet")
        schema = forge.inspect_schema(tmp_path / name)
        assert schema.field("p").type == pa.dictionary(pa.int32(), expected), name


def test_if_the_column_also_stands_in_the_file_the_path_wins(tmp_path):
    path = tmp_path / "a=7"
    path.mkdir()
    pq.write_table(pa.table({"a": [1, 1], "b": [1, 2]}), path / "f.parquet")
    table = read_parquet(tmp_path, output_format="arrow")
    assert table.column_names == ["b", "a"] and table.column("a").to_pylist() == [7, 7]


def test_a_single_file_has_no_partition_columns(folder):
    write_to_dataset(ROWS, folder, SCHEMA, ["k"])
    name = files_in(folder)[0]
    assert read_parquet(folder / name, output_format="arrow").column_names == ["a"]


def test_read_iter_and_inspect_agree_on_the_schema(folder):
    write_to_dataset(ROWS, folder, SCHEMA, ["k"])
    schema = forge.inspect_schema(folder)
    assert read_parquet(folder, output_format="arrow").schema.equals(schema)
    assert next(forge.read_parquet_iter(folder)).schema.equals(schema)
    assert schema.names == ["a", "k"]


def test_partition_columns_are_categories_in_pandas(folder):
    write_to_dataset([*ROWS, {"k": None, "a": 4}], folder, SCHEMA, ["k"])
    frame = read_parquet(folder)
    assert frame["k"].dtype == "category" and frame["k"].isna().sum() == 1


def test_partitioning_none_reads_folders_as_folders(folder):
    write_to_dataset(ROWS, folder, SCHEMA, ["k"])
    assert read_parquet(folder, "arrow", partitioning=None).column_names == ["a"]


def test_hidden_files_and_folders_are_skipped_but_partition_folders_are_data(tmp_path):
    for name in ("a.parquet", "_b.parquet", ".c.parquet", "_d/x.parquet", "_p=1/y.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"a": [name]}), path)
    assert sorted(read_parquet(tmp_path, "arrow").column("a").to_pylist()) == ["_p=1/y.parquet", "a.parquet"]


def test_files_are_ordered_by_path_component_by_component_as_bytes(tmp_path):
    for name in ("b/1", "a/2", "a.x/3", "B/4", "é/5", "a/10"):
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table({"a": [name]}), path)
    expected = ["B/4", "a/10", "a/2", "a.x/3", "b/1", "é/5"]
    for threads in (True, False):
        table = read_parquet(tmp_path, "arrow", use_threads=threads)
        assert table.column("a").to_pylist() == expected
    assert read_parquet(tmp_path / "*" / "*.parquet", "arrow").column("a").to_pylist() == expected


def test_globs_give_partitions_below_their_fixed_prefix(folder):
    write_to_dataset(ROWS, folder, SCHEMA, ["k"])
    for pattern in ("k=*/*.parquet", "**/*.parquet", "k=[xy]"):
        table = read_parquet(folder / pattern, "arrow")
        assert sorted(table.to_pylist(), key=lambda r: r["a"]) == rows_of(folder), pattern
    assert read_parquet(folder / "k=x" / "*.parquet", "arrow").column_names == ["a"]


def test_an_existing_path_wins_over_its_reading_as_a_glob(tmp_path):
    pq.write_table(pa.table({"a": ["literal"]}), tmp_path / "f[1].parquet")
    pq.write_table(pa.table({"a": ["match"]}), tmp_path / "f1.parquet")
    assert read_parquet(tmp_path / "f[1].parquet", "arrow").column("a").to_pylist() == ["literal"]
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "nothing*.parquet")


def test_a_list_of_files_keeps_its_own_order(tmp_path):
    for name in "abc":
        pq.write_table(pa.table({"a": [name]}), tmp_path / name)
    table = read_parquet([tmp_path / "c", str(tmp_path / "a")], "arrow")
    assert table.column("a").to_pylist() == ["c", "a"]


def test_files_of_several_calls_come_in_the_order_of_the_calls(tmp_path):
    schema = pa.schema([("n", pa.int64())])
    for i in range(20):
        write_to_dataset([{"n": i}], tmp_path / "ds", schema)
    assert read_parquet(tmp_path / "ds", "arrow")["n"].to_pylist() == list(range(20))
    assert ds.dataset(tmp_path / "ds").to_table()["n"].to_pylist() == list(range(20))
