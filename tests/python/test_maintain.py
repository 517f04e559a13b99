# SPDX-License-Identifier: Apache-2.0
"""Keeping files and datasets healthy: read_metadata, update_metadata, merge, compact."""

from __future__ import annotations

import datetime
import json
import os
import random
import stat
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import names_in

import py_parquet_forge as forge
from py_parquet_forge import SchemaValidationError, _cli

UTC = datetime.timezone.utc
SEED = 20261122


def all_kinds(n: int, seed: int = SEED) -> pa.Table:
    """Every kind of column: flat types, nulls, nested ones, strings of one value, all null."""
    rng = random.Random(seed)
    day = datetime.date(2020, 1, 1)
    moment = datetime.datetime(2021, 3, 4, 5, 6, 7, 89)

    def some(make):
        return [None if rng.random() < 0.2 else make(i) for i in range(n)]

    return pa.table(
        {
            "i": pa.array(some(lambda i: i - 50), pa.int64()),
            "u8": pa.array(some(lambda i: i % 256), pa.uint8()),
            "u64": pa.array([2**64 - 1 - i for i in range(n)], pa.uint64()),
            "f": pa.array(some(lambda i: i / 4 - 3), pa.float64()),
            "h": pa.array(some(lambda i: i / 4 - 3), pa.float32()).cast(pa.float16()),
            "b": pa.array(some(lambda i: i % 3 == 0), pa.bool_()),
            "s": pa.array(some(lambda i: f"wört {i % 17}"), pa.string()),
            "z": pa.array(some(lambda i: b"\xff" * (i % 5)), pa.binary()),
            "fixed": pa.array(some(lambda i: b"%04d" % (i % 10000)), pa.binary(4)),
            "dec": pa.array(some(lambda i: Decimal(i - 7) / 100), pa.decimal128(20, 2)),
            "day": pa.array(some(lambda i: day + datetime.timedelta(days=i)), pa.date32()),
            "t": pa.array(some(lambda i: datetime.time(1, 2, 3, i % 1000)), pa.time64("us")),
            "ts": pa.array(some(lambda i: moment + datetime.timedelta(seconds=i)), pa.timestamp("us")),
            "utc": pa.array(
                some(lambda i: moment + datetime.timedelta(hours=i)), pa.timestamp("ms", "Europe/Berlin")
            ),
            "dur": pa.array(some(lambda i: datetime.timedelta(milliseconds=i)), pa.duration("ms")),
            "none": pa.nulls(n),
            "cat": pa.array(some(lambda i: "ab"[i % 2])).dictionary_encode(),
            "l": pa.array(some(lambda i: [i, None][: i % 3]), pa.list_(pa.int32())),
            "st": pa.array(
                some(lambda i: {"x": i, "y": None if i % 2 else [str(i)]}),
                pa.struct({"x": pa.int16(), "y": pa.list_(pa.string())}),
            ),
            "m": pa.array(some(lambda i: [("k", i), ("q", None)][: i % 3]), pa.map_(pa.string(), pa.int64())),
        }
    )


def write_parts(folder, table: pa.Table, parts: int, **keywords) -> list[str]:
    folder.mkdir(exist_ok=True, parents=True)
    step = -(-table.num_rows // parts)
    paths = [str(folder / f"f{i:04d}.parquet") for i in range(parts)]
    for i, path in enumerate(paths):
        pq.write_table(table.slice(i * step, step), path, **keywords)
    return paths


def read(path) -> pa.Table:
    return forge.read_parquet(path, output_format="arrow")


def same(a: pa.Table, b: pa.Table) -> bool:
    """Equal types and values, whatever the order within dictionaries."""
    return a.schema.equals(b.schema) and plain(a).equals(plain(b))


def plain(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("cat")
    return table if at < 0 else table.set_column(at, "cat", table["cat"].cast(pa.string()))


# ---- read_metadata ----


def check_against_pyarrow(path: str) -> None:
    ours, theirs = forge.read_metadata(path), pq.read_metadata(path)
    assert ours["path"] == path and ours["bytes"] == os.path.getsize(path)
    assert ours["num_rows"] == theirs.num_rows
    assert ours["created_by"] == theirs.created_by
    assert ours["footer_bytes"] == theirs.serialized_size
    assert ours["version"] == (1 if theirs.format_version == "1.0" else 2)
    assert {k.encode(): v.encode() for k, v in ours["metadata"].items()} == (theirs.metadata or {})
    assert len(ours["columns"]) == theirs.num_columns
    for i, column in enumerate(ours["columns"]):
        leaf = theirs.schema.column(i)
        assert column["path"] == leaf.path and column["physical_type"] == leaf.physical_type
        assert column["max_definition_level"] == leaf.max_definition_level
        assert column["max_repetition_level"] == leaf.max_repetition_level
        assert (column["logical_type"] is None) == (leaf.logical_type.type == "NONE")
    assert len(ours["row_groups"]) == theirs.num_row_groups
    for r, group in enumerate(ours["row_groups"]):
        check_group(group, theirs.row_group(r))


def check_group(ours: dict, theirs) -> None:
    assert ours["num_rows"] == theirs.num_rows
    assert ours["total_byte_size"] == theirs.total_byte_size
    assert [(c["path"], c["descending"], c["nulls_first"]) for c in ours["sorting_columns"]] == [
        (theirs.column(s.column_index).path_in_schema, s.descending, s.nulls_first)
        for s in theirs.sorting_columns
    ]
    for i, column in enumerate(ours["columns"]):
        check_chunk(column, theirs.column(i))


CODECS = {"none": "UNCOMPRESSED", "lz4_raw": "LZ4", "lz4": "LZ4"}


def check_chunk(ours: dict, theirs) -> None:
    assert ours["path"] == theirs.path_in_schema
    codec = ours["codec"]
    assert CODECS.get(codec, codec.upper()) == theirs.compression.replace("LZ4_RAW", "LZ4")
    assert sorted(ours["encodings"]) == sorted(theirs.encodings)
    assert ours["num_values"] == theirs.num_values
    assert ours["compressed_bytes"] == theirs.total_compressed_size
    assert ours["uncompressed_bytes"] == theirs.total_uncompressed_size
    assert ours["data_page_offset"] == theirs.data_page_offset
    if theirs.has_dictionary_page:
        assert ours["dictionary_page_offset"] == theirs.dictionary_page_offset
    assert ours["has_column_index"] == theirs.has_column_index
    assert ours["has_offset_index"] == theirs.has_offset_index
    if theirs.is_stats_set:
        check_statistics(ours["statistics"], theirs.statistics)


def check_statistics(ours: dict, theirs) -> None:
    if theirs.has_null_count:
        assert ours["null_count"] == theirs.null_count
    if theirs.has_distinct_count:
        assert ours["distinct_count"] == theirs.distinct_count
    assert (ours["min"] is None) == (not theirs.has_min_max)
    if not theirs.has_min_max or theirs.logical_type.type in ("FLOAT16", "TIME"):
        return  # pyarrow gives their bytes
    for mine, other in ((ours["min"], theirs.min), (ours["max"], theirs.max)):
        if isinstance(mine, datetime.timedelta):  # which Parquet does not know: milliseconds
            mine = mine // datetime.timedelta(milliseconds=1)
        assert mine == other and isinstance(mine, type(other)), theirs


def test_metadata_of_pyarrow_files(tmp_path):
    path = str(tmp_path / "t.parquet")
    sorting = [pq.SortingColumn(0, descending=True), pq.SortingColumn(3, nulls_first=True)]
    pq.write_table(all_kinds(300), path, row_group_size=100, sorting_columns=sorting, write_page_index=True)
    check_against_pyarrow(path)
    pq.write_table(all_kinds(300), path, compression="zstd", use_dictionary=False, data_page_version="2.0")
    check_against_pyarrow(path)
    pq.write_table(all_kinds(0), path, write_statistics=False)
    check_against_pyarrow(path)


def test_metadata_of_our_files(tmp_path):
    path = str(tmp_path / "t.parquet")
    table = all_kinds(300)
    forge.write_parquet(table, path, table.schema, row_group_size=70, metadata={"who": "us"})
    check_against_pyarrow(path)
    assert forge.read_metadata(path)["metadata"]["who"] == "us"
    for codec in ("none", "gzip", "brotli", "lz4", "zstd"):
        forge.write_parquet(table, path, table.schema, compression=codec)
        check_against_pyarrow(path)


def test_metadata_of_polars_and_duckdb_files(tmp_path):
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    flat = all_kinds(200).drop_columns(["h", "none", "dur", "m", "u64"])
    polars.from_arrow(flat.drop_columns(["fixed"])).write_parquet(tmp_path / "p.parquet")
    check_against_pyarrow(str(tmp_path / "p.parquet"))
    duckdb.from_arrow(flat.drop_columns(["cat", "utc"])).write_parquet(str(tmp_path / "d.parquet"))
    check_against_pyarrow(str(tmp_path / "d.parquet"))


def test_statistics_are_values_of_the_logical_type(target):
    table = all_kinds(40)
    forge.write_parquet(table, target, table.schema)
    record = forge.read_metadata(target)
    chunks = {chunk["path"]: chunk["statistics"] for chunk in record["row_groups"][0]["columns"]}
    for name in ("i", "u8", "u64", "f", "b", "s", "z", "fixed", "dec", "day", "t", "ts", "dur"):
        values = [v for v in table[name].to_pylist() if v is not None]
        assert (chunks[name]["min"], chunks[name]["max"]) == (min(values), max(values)), name
        assert type(chunks[name]["min"]) is type(values[0]), name
        assert chunks[name]["null_count"] == table[name].null_count
    halves = [float(v) for v in table["h"].to_pylist() if v is not None]
    assert (chunks["h"]["min"], chunks["h"]["max"]) == (min(halves), max(halves))
    moments = [v for v in table["utc"].to_pylist() if v is not None]
    assert chunks["utc"]["min"] == min(moments) and chunks["utc"]["min"].tzinfo is UTC
    assert chunks["none"]["min"] is None and chunks["none"]["null_count"] == 40


def test_statistics_beyond_a_class_of_python_stay_nanoseconds(target):
    table = pa.table({"t": pa.array([1, 2_000], pa.timestamp("ns"))})
    forge.write_parquet(table, target, table.schema)
    bounds = forge.read_metadata(target)["row_groups"][0]["columns"][0]["statistics"]
    assert bounds["min"] == 1 and bounds["max"] == datetime.datetime(1970, 1, 1, 0, 0, 0, 2)
    table = pa.table({"t": pa.array([-(2**40), 2**40], pa.timestamp("s"))})
    forge.write_parquet(table, target, table.schema)
    bounds = forge.read_metadata(target)["row_groups"][0]["columns"][0]["statistics"]
    assert (bounds["min"], bounds["max"]) == (-(2**40) * 10**9, 2**40 * 10**9)


def test_metadata_of_a_folder_a_glob_and_a_list(tmp_path):
    paths = write_parts(tmp_path / "d" / "p=1", all_kinds(30), 3)
    (tmp_path / "d" / "_SUCCESS").write_text("")
    for where in (tmp_path / "d", str(tmp_path / "d" / "*" / "*.parquet"), paths):
        record = forge.read_metadata(where)
        assert [file["path"] for file in record["files"]] == paths
        assert record["num_rows"] == 30 and record["num_files"] == 3
        assert record["bytes"] == sum(map(os.path.getsize, paths))
    assert forge.read_metadata(tmp_path)["num_files"] == 3
    (tmp_path / "empty").mkdir()
    assert forge.read_metadata(tmp_path / "empty")["files"] == []


def test_metadata_needs_no_pyarrow_and_refuses_what_is_no_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 but nothing else PAR1")
    with pytest.raises(pa.ArrowInvalid, match=r"x\.parquet"):
        forge.read_metadata(path)
    path.write_bytes(b"PARE" + bytes(20) + b"PARE")
    with pytest.raises(NotImplementedError, match="encrypted"):
        forge.read_metadata(path)
    with pytest.raises(FileNotFoundError):
        forge.read_metadata(tmp_path / "nothing")


# ---- update_metadata ----


def test_update_changes_the_footer_alone(target):
    table = all_kinds(500)
    pq.write_table(table, target, row_group_size=100, write_page_index=True)
    before, was = target.read_bytes(), pq.read_metadata(target)
    footer = was.serialized_size + 8
    forge.update_metadata(target, {"a": "1", "b": "zwei"})
    after, now = target.read_bytes(), pq.read_metadata(target)
    assert after[: len(before) - footer] == before[:-footer]
    assert dict(now.metadata) == {**was.metadata, b"a": b"1", b"b": b"zwei"}
    assert now.row_group(4).to_dict() == was.row_group(4).to_dict()
    assert now.schema.equals(was.schema) and now.created_by == was.created_by
    assert pq.read_table(target).equals(table) and read(target).equals(table)
    assert names_in(target.parent) == ["t.parquet"]


def test_update_keeps_the_order_of_keys_and_removes(target):
    table = pa.table({"a": [1]})
    forge.write_parquet(table, target, table.schema, metadata={"one": "1", "two": "2", "three": "3"})
    forge.update_metadata(target, {"two": "22", "four": "4", "one": None, "nothing": None})
    pairs = forge.read_metadata(target)["metadata"]
    assert [k for k in pairs if k != "ARROW:schema"] == ["two", "three", "four"]
    assert pairs["two"] == "22"
    assert forge.inspect_schema(target).metadata == {b"two": b"22", b"three": b"3", b"four": b"4"}
    forge.update_metadata(target, {"two": None, "three": None, "four": None, "ARROW:schema": None})
    assert forge.read_metadata(target)["metadata"] == {}
    assert read(target).equals(table)
    forge.update_metadata(target, {})
    assert read(target).equals(table)


def test_update_reaches_the_metadata_that_the_stored_schema_repeats(target):
    schema = pa.schema({"a": pa.int64()}, metadata={"k": "old", "gone": "x", "stays": "y"})
    pq.write_table(pa.table({"a": [1]}, schema=schema), target)
    forge.update_metadata(target, {"k": "new", "gone": None})
    expected = {b"k": b"new", b"stays": b"y"}
    assert pq.read_schema(target).metadata == expected
    assert forge.inspect_schema(target).metadata == expected


def test_metadata_given_when_writing_comes_back(target):
    table = pa.table({"a": [1]}, schema=pa.schema({"a": pa.int64()}, metadata={"s": "1"}))
    forge.write_parquet(table, target, table.schema, metadata={"m": "2"})
    expected = {b"s": b"1", b"m": b"2"}
    assert forge.inspect_schema(target).metadata == expected
    assert read(target).schema.metadata == expected


def test_update_keeps_mode_bits_and_follows_links(target):
    pq.write_table(pa.table({"a": [1]}), target)
    target.chmod(0o640)
    link = target.parent / "link"
    link.symlink_to(target.name)
    forge.update_metadata(link, {"k": "v"})
    assert stat.S_IMODE(target.stat().st_mode) == 0o640 and link.is_symlink()
    assert forge.read_metadata(target)["metadata"]["k"] == "v"


@pytest.mark.parametrize("bad", [None, 1, "text", {"a": 1}, {1: "a"}, [("a", "b")], {"a": "\0"}])
def test_update_refuses_other_metadata(target, bad):
    pq.write_table(pa.table({"a": [1]}), target)
    before = target.read_bytes()
    with pytest.raises(ValueError):
        forge.update_metadata(target, bad)
    with pytest.raises(ValueError, match="ARROW:schema"):
        forge.update_metadata(target, {"ARROW:schema": "x"})
    assert target.read_bytes() == before and names_in(target.parent) == ["t.parquet"]


def test_update_of_what_is_no_file_or_damaged_leaves_everything(tmp_path):
    with pytest.raises(FileNotFoundError):
        forge.update_metadata(tmp_path / "no.parquet", {"a": "b"})
    with pytest.raises(IsADirectoryError):
        forge.update_metadata(tmp_path, {"a": "b"})
    (tmp_path / "bad").write_bytes(b"PAR1 hello")
    with pytest.raises(pa.ArrowInvalid, match="bad"):
        forge.update_metadata(tmp_path / "bad", {"a": "b"})
    assert names_in(tmp_path) == ["bad"]


# ---- merge ----


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4"])
@pytest.mark.parametrize("copied", [True, False])
def test_merged_rows_are_those_of_the_files(tmp_path, codec, copied):
    table = all_kinds(1000)
    files = write_parts(tmp_path / "in", table, 7, row_group_size=50, compression=codec)
    out = tmp_path / "out.parquet"
    size = {"row_group_size": 50} if copied else {}
    counts = forge.merge(files, out, **size)
    assert same(read(out), table) and same(pq.read_table(out), table)
    assert read(out).schema.equals(read(files[0]).schema, check_metadata=True)
    assert counts["num_rows"] == 1000 and counts["files_before"] == 7 and counts["files_after"] == 1
    assert counts["bytes_after"] == out.stat().st_size
    assert (counts["num_row_groups_copied"] == counts["num_row_groups"]) is copied
    groups = forge.read_metadata(out)["row_groups"]
    assert len(groups) == counts["num_row_groups"] == (21 if copied else 1)
    wanted = {"lz4": "lz4_raw", "none": "none"}.get(codec, codec)
    assert {c["codec"].replace("uncompressed", "none") for g in groups for c in g["columns"]} == {wanted}
    check_against_pyarrow(str(out))
    assert names_in(tmp_path / "in") == [os.path.basename(file) for file in files]


def test_copied_chunks_keep_their_bytes_and_statistics(tmp_path):
    table = all_kinds(400)
    files = write_parts(tmp_path / "in", table, 2, row_group_size=100, write_page_index=True)
    out = tmp_path / "out.parquet"
    forge.merge(files, out, row_group_size=100)
    from_groups = [(file, g) for file in files for g in forge.read_metadata(file)["row_groups"]]
    for (file, old), new in zip(from_groups, forge.read_metadata(out)["row_groups"], strict=True):
        for a, b in zip(old["columns"], new["columns"], strict=True):
            assert chunk_bytes(file, a) == chunk_bytes(out, b)
            assert a["statistics"] == b["statistics"] and a["encodings"] == b["encodings"]
            for what in ("has_column_index", "has_offset_index"):
                assert a[what] == b[what]


def chunk_bytes(path, chunk: dict) -> bytes:
    start = chunk["dictionary_page_offset"] or chunk["data_page_offset"]
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(chunk["compressed_bytes"])


def test_large_and_small_row_groups_in_one_file_keep_their_order(tmp_path):
    table = all_kinds(1000)
    sizes, start, files = [300, 10, 20, 400, 30, 240], 0, []
    for i, size in enumerate(sizes):
        files.append(str(tmp_path / f"{i}.parquet"))
        pq.write_table(table.slice(start, size), files[-1])
        start += size
    out = tmp_path / "out"
    counts = forge.merge(files, out, row_group_size=400)
    assert same(read(out), table) and same(pq.read_table(out), table)
    assert [g["num_rows"] for g in forge.read_metadata(out)["row_groups"]] == [300, 30, 400, 30, 240]
    assert counts["num_row_groups_copied"] == 3
    forge.merge(files, out, row_group_size=150)  # no group may be larger: nothing large is copied
    assert [g["num_rows"] for g in forge.read_metadata(out)["row_groups"]] == [150] * 6 + [100]
    assert same(read(out), table)


def test_another_compression_encodes_everything_anew(tmp_path):
    table = all_kinds(300)
    files = write_parts(tmp_path / "in", table, 3, row_group_size=50)
    out = tmp_path / "out"
    for keywords in (
        {"compression": "zstd"},
        {"compression_level": 3, "compression": "gzip"},
        {"recode": True},
    ):
        counts = forge.merge(files, out, row_group_size=50, **keywords)
        assert counts["num_row_groups_copied"] == 0 and same(read(out), table)
        codecs = {c["codec"] for g in forge.read_metadata(out)["row_groups"] for c in g["columns"]}
        assert codecs == {keywords.get("compression", "snappy")}
    counts = forge.merge(files, out, row_group_size=50, compression="snappy")
    assert counts["num_row_groups_copied"] == counts["num_row_groups"]


def test_merge_of_files_of_every_writer(tmp_path):
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    flat = all_kinds(200).drop_columns(["h", "none", "dur", "m", "u64", "fixed", "cat", "utc"])
    for i in range(3):
        polars.from_arrow(flat.slice(i * 50, 50)).write_parquet(tmp_path / f"p{i}.parquet")
        duckdb.from_arrow(flat.slice(i * 50, 50)).write_parquet(str(tmp_path / f"d{i}.parquet"))
    for name in "pd":
        whole = read(str(tmp_path / f"{name}?.parquet"))
        for size in (20, 1000):
            out = str(tmp_path / "out")
            forge.merge(str(tmp_path / f"{name}?.parquet"), out, row_group_size=size)
            assert read(out).equals(whole)
            assert pq.read_table(out).to_pylist() == whole.to_pylist()
            assert polars.read_parquet(out).to_dicts() == polars.from_arrow(whole).to_dicts()
            assert duckdb.read_parquet(out).fetchall() == duckdb.from_arrow(whole).fetchall()


def test_key_value_metadata_is_kept_and_the_first_file_wins(tmp_path):
    table = pa.table({"a": [1]})
    for name, pairs in (("1", {"x": "1", "y": "1"}), ("2", {"y": "2", "z": "2"})):
        forge.write_parquet(table, tmp_path / name, table.schema, metadata=pairs)
    forge.merge([tmp_path / "1", tmp_path / "2"], tmp_path / "out", metadata={"more": "3"})
    assert forge.inspect_schema(tmp_path / "out").metadata == {
        b"x": b"1",
        b"y": b"1",
        b"z": b"2",
        b"more": b"3",
    }


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"a": pa.int32(), "b": pa.string()}, ["a", "INT32", "INT64"]),
        ({"a": pa.int64(), "b": pa.binary()}, ["b", "BYTE_ARRAY STRING"]),
        ({"a": pa.int64()}, ["b", "missing"]),
        ({"a": pa.int64(), "c": pa.string()}, ["c", "b"]),
        ({"a": pa.int64(), "b": pa.string(), "c": pa.string()}, ["c"]),
        ({"a": pa.duration("s"), "b": pa.string()}, ["a", "duration", "int64"]),
        ({"a": pa.int64(), "b": pa.list_(pa.string())}, ["b", "group"]),
    ],
)
def test_schemas_that_differ_are_named(tmp_path, other, words):
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    pq.write_table(pa.schema({"a": pa.int64(), "b": pa.string()}).empty_table(), first)
    pq.write_table(pa.schema(other).empty_table(), second)
    with pytest.raises(forge.SchemaValidationError) as caught:
        forge.merge([first, second], tmp_path / "out")
    for word in ["second.parquet", "first.parquet", *words]:
        assert word in str(caught.value)
    assert names_in(tmp_path) == ["first.parquet", "second.parquet"]


def test_merge_of_empty_files_and_without_row_groups(tmp_path):
    table = all_kinds(10)
    for i, part in enumerate([table.slice(0, 0), table, table.slice(0, 0)]):
        pq.write_table(part, tmp_path / f"{i}.parquet", compression="zstd")
    counts = forge.merge(sorted(tmp_path.iterdir()), tmp_path / "out")
    assert counts["num_rows"] == 10 and read(tmp_path / "out").equals(table)
    assert forge.read_metadata(tmp_path / "out")["row_groups"][0]["columns"][0]["codec"] == "zstd"
    forge.merge([tmp_path / "0.parquet", tmp_path / "2.parquet"], tmp_path / "none")
    assert read(tmp_path / "none").equals(table.slice(0, 0))
    assert pq.read_table(tmp_path / "none").schema.equals(table.schema)


def test_columns_without_one_name_are_merged_by_place(tmp_path):
    schema = pa.schema([("a", pa.int64()), ("a", pa.string())])
    parts = [pa.Table.from_arrays([pa.array([i]), pa.array([str(i)])], schema=schema) for i in range(4)]
    for i, part in enumerate(parts):
        pq.write_table(part, tmp_path / f"{i}.parquet")
    for size in (1, 100):
        forge.merge(sorted(str(p) for p in tmp_path.glob("?.parquet")), tmp_path / "out", row_group_size=size)
        assert pq.ParquetFile(tmp_path / "out").read().equals(pa.concat_tables(parts))


def test_wide_decimals_are_merged(tmp_path):
    table = pa.table({"d": pa.array([Decimal(10) ** 50, None], pa.decimal256(60, 0))})
    for i in range(2):
        pq.write_table(table, tmp_path / f"{i}.parquet")
    counts = forge.merge(sorted(tmp_path.iterdir()), tmp_path / "out")
    assert (counts["num_row_groups"], counts["num_row_groups_copied"]) == (1, 0)
    assert pq.read_table(tmp_path / "out").equals(pa.concat_tables([table, table]))


def test_int96_and_old_lists_keep_their_parquet_types(tmp_path):
    table = pa.table({"t": pa.array([1, None, 3], pa.timestamp("ns")), "l": [[1], None, []]})
    for i in range(2):
        pq.write_table(
            table,
            tmp_path / f"{i}.parquet",
            use_deprecated_int96_timestamps=True,
            use_compliant_nested_type=False,
            version="1.0",
        )
    forge.merge(sorted(tmp_path.iterdir()), tmp_path / "out")
    was, now = forge.read_metadata(tmp_path / "0.parquet"), forge.read_metadata(tmp_path / "out")
    assert now["columns"] == was["columns"] and now["version"] == was["version"]
    assert pq.read_table(tmp_path / "out").equals(pa.concat_tables([table, table]))


def test_if_exists_of_merge(tmp_path):
    files = write_parts(tmp_path / "in", pa.table({"a": range(10)}), 2)
    out = tmp_path / "out"
    out.write_text("old")
    with pytest.raises(FileExistsError):
        forge.merge(files, out, if_exists="error")
    assert forge.merge(files, out, if_exists="skip")["num_rows"] == 0 and out.read_text() == "old"
    forge.merge([*files, files[0]], files[0])  # a file may be replaced by what it is merged into
    assert read(files[0])["a"].to_pylist() == [*range(10), *range(5)]


def test_partition_values_are_not_lost(tmp_path):
    table = pa.table({"p": [1, 2], "a": [3, 4]})
    forge.write_to_dataset(table, tmp_path / "d", table.schema, partition_cols=["p"])
    with pytest.raises(ValueError, match=r"'p'.*compact"):
        forge.merge(tmp_path / "d", tmp_path / "out")
    with pytest.raises(ValueError, match="no file"):
        (tmp_path / "empty").mkdir()
        forge.merge(tmp_path / "empty", tmp_path / "out")
    assert names_in(tmp_path / "empty") == [] and not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [50, 5000])
def test_damaged_files_are_refused_and_nothing_is_left(tmp_path, size):
    files = write_parts(tmp_path / "in", all_kinds(300), 3, row_group_size=50, write_page_checksum=True)
    chunk = forge.read_metadata(files[1])["row_groups"][1]["columns"][0]
    with open(files[1], "r+b") as file:
        file.seek(chunk["dictionary_page_offset"] + chunk["compressed_bytes"] - 3)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(pa.ArrowInvalid, match=r"f0001\.parquet: row group 1, column i, page"):
        forge.merge(files, tmp_path / "out", row_group_size=size)
    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_progress_and_interrupts_of_merge(tmp_path):
    files = write_parts(tmp_path / "in", pa.table({"a": range(1000)}), 4)
    calls = []
    forge.merge(files, tmp_path / "out", progress=lambda *call: calls.append(call))
    assert calls[-1] == (1000, 1000, "rows")

    def stop(done, total, unit):
        time.sleep(0.06)
        raise KeyboardInterrupt

    files = write_parts(tmp_path / "more", pa.table({"a": range(600_000)}), 300)
    with pytest.raises(KeyboardInterrupt):
        forge.merge(files, tmp_path / "out2", progress=stop)
    assert sorted(os.listdir(tmp_path)) == ["in", "more", "out"]


def test_more_row_groups_than_an_ordinal_holds(tmp_path):
    table = pa.table({"a": pa.array(range(33_000), pa.int32())})
    files = write_parts(tmp_path / "in", table, 2, row_group_size=1)
    counts = forge.merge(files, tmp_path / "copied", row_group_size=1)
    assert counts["num_row_groups"] == counts["num_row_groups_copied"] == 33_000
    assert read(tmp_path / "copied").equals(table)
    assert forge.merge(files, tmp_path / "one")["num_row_groups"] == 1
    assert pq.read_table(tmp_path / "one").equals(table)


@pytest.mark.parametrize("call", [forge.merge, forge.compact])
def test_keywords_of_merging(tmp_path, call):
    with pytest.raises(TypeError, match="did you mean 'compression'"):
        call(str(tmp_path), str(tmp_path / "x"), compresion="zstd")
    with pytest.raises(ValueError, match="row_group_size"):
        call(str(tmp_path), str(tmp_path / "x"), row_group_size=0)


# ---- compact ----


def append_many(folder, table: pa.Table, parts: int, **keywords) -> None:
    """As many appends as there are parts."""
    step = -(-table.num_rows // parts)
    for start in range(0, table.num_rows, step):
        forge.write_to_dataset(table.slice(start, step), folder, table.schema, durable=False, **keywords)


def data_files(folder) -> list[str]:
    return [name for name in names_in(folder) if name.endswith(".parquet")]


def nothing_hidden(folder) -> bool:
    """Neither in the dataset nor beside it."""
    return os.listdir(folder.parent) == [folder.name] and not any(
        part.startswith(".") for name in names_in(folder) for part in name.split("/")
    )


def test_compacted_rows_keep_the_order_of_a_read(tmp_path):
    folder = tmp_path / "d"
    append_many(folder, all_kinds(600), 12, metadata={"k": "v"})
    before = read(folder)
    counts = forge.compact(folder)
    assert len(data_files(folder)) == 1 and nothing_hidden(folder)
    assert same(read(folder), before) and same(pq.read_table(folder), before)
    assert counts["files_before"] == 12 and counts["files_after"] == 1 and counts["num_rows"] == 600
    assert counts["bytes_after"] == sum(os.path.getsize(folder / f) for f in data_files(folder))
    record = forge.read_metadata(folder)["files"][0]
    assert record["metadata"]["k"] == "v" and len(record["row_groups"]) == 1
    again = forge.compact(folder)
    assert again["files_before"] == again["files_after"] == 1
    assert nothing_hidden(folder)


def test_compaction_works_partition_by_partition(tmp_path):
    folder = tmp_path / "d"
    table = pa.table(
        {"a": range(300), "p": pa.array([i % 3 for i in range(300)], pa.int8()), "q": ["x", "y"] * 150}
    )
    append_many(folder, table, 10, partition_cols=["p", "q"])
    before, folders = read(folder), {os.path.dirname(name) for name in data_files(folder)}
    counts = forge.compact(folder)
    assert (counts["files_before"], counts["files_after"]) == (60, 6)
    assert {os.path.dirname(name) for name in data_files(folder)} == folders and len(folders) == 6
    assert read(folder).equals(before) and before.schema.field("p").type.value_type == pa.int8()
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(f"select a, p, q from read_parquet('{folder}/**/*.parquet') order by a").fetchall()
    assert [(a, int(p), q) for a, p, q in rows] == [(i, i % 3, "xy"[i % 2]) for i in range(300)]


def test_files_near_the_target_stay(tmp_path):
    folder = tmp_path / "d"
    rng = random.Random(SEED)
    numbers = pa.table({"a": [rng.random() for _ in range(20_000)]})
    big = write_parts(folder, numbers, 1, compression="none", use_dictionary=False)[0]
    os.rename(big, folder / "m.parquet")
    for name in "abyz":
        pq.write_table(numbers.slice(0, 500), folder / f"{name}.parquet")
    before, kept = read(folder), (folder / "m.parquet").read_bytes()
    counts = forge.compact(folder, target_file_bytes=300_000)
    names = data_files(folder)
    assert len(names) == 3 and names[1] == "m.parquet" and counts["files_after"] == 3
    assert (folder / "m.parquet").read_bytes() == kept
    assert names[0].startswith("a-") and names[2].startswith("y-")
    assert read(folder).equals(before) and pq.read_table(folder).equals(before)


def test_files_are_filled_up_to_the_target(tmp_path):
    folder = tmp_path / "d"
    rng = random.Random(SEED)
    table = pa.table({"a": [rng.random() for _ in range(40_000)]})
    append_many(folder, table, 40, compression="none", use_dictionary=False)
    before = read(folder)
    forge.compact(folder, target_file_bytes=100_000)
    sizes = [os.path.getsize(folder / name) for name in data_files(folder)]
    assert len(sizes) == 4 and all(50_000 <= size <= 100_000 for size in sizes)
    assert read(folder).equals(before)


def test_many_small_row_groups_of_one_file_are_merged(tmp_path):
    folder = tmp_path / "d"
    table = all_kinds(500)
    write_parts(folder, table, 1, row_group_size=10)
    counts = forge.compact(folder)
    assert counts["num_row_groups"] == 1 and counts["files_after"] == 1
    assert same(read(folder), table)
    assert forge.compact(folder)["num_row_groups_copied"] == 0


def test_files_of_another_schema_are_not_mixed(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir()
    for name in "abcdef":
        type_ = pa.int32() if name in "cd" else pa.int64()
        pq.write_table(pa.table({"x": pa.array([ord(name)], type_)}), folder / f"{name}.parquet")
    counts = forge.compact(folder)
    assert counts["files_after"] == 3
    types = [file["columns"][0]["physical_type"] for file in forge.read_metadata(folder)["files"]]
    assert types == ["INT64", "INT32", "INT64"]
    assert [pq.read_table(folder / name)["x"].to_pylist() for name in data_files(folder)] == [
        [97, 98],
        [99, 100],
        [101, 102],
    ]


def test_names_that_leave_no_room_between_them(tmp_path):
    """The order of a listing holds for any names; where there is no name between two, files stay."""
    rng = random.Random(SEED)
    letters = ["a", "a-", "a.", "a-1", "a.parquet", "a.parquet-", "A", "b", "a b", "a!"]
    names = sorted({rng.choice(letters) + rng.choice(letters) + ".parquet" for _ in range(40)})
    folder = tmp_path / "d"
    folder.mkdir()
    for i, name in enumerate(names):
        pq.write_table(pa.table({"a": [i]}), folder / name)
    before = read(folder)
    assert before["a"].to_pylist() == list(range(len(names)))
    size = os.path.getsize(folder / names[0])
    forge.compact(folder, target_file_bytes=3 * size)
    assert read(folder).equals(before) and len(data_files(folder)) < len(names) // 2


def test_compaction_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        forge.compact(tmp_path / "no")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        forge.compact(tmp_path / "file")
    (tmp_path / "d").mkdir()
    assert forge.compact(tmp_path / "d")["files_after"] == 0
    write_parts(tmp_path / "d", all_kinds(0), 3)
    assert forge.compact(tmp_path / "d")["files_after"] == 1
    assert read(tmp_path / "d").num_rows == 0
    assert names_in(tmp_path) == ["d", *[f"d/{name}" for name in data_files(tmp_path / "d")], "file"]


def test_a_damaged_file_stops_compaction_and_nothing_changes(tmp_path):
    folder = tmp_path / "d"
    write_parts(folder, all_kinds(100), 4)
    (folder / "f0002.parquet").write_bytes(b"PAR1 broken PAR1")
    before = {name: (folder / name).read_bytes() for name in data_files(folder)}
    with pytest.raises(pa.ArrowInvalid, match=r"f0002\.parquet"):
        forge.compact(folder)
    assert {name: (folder / name).read_bytes() for name in data_files(folder)} == before
    assert nothing_hidden(folder)


def test_what_happens_to_the_folder_meanwhile(tmp_path):
    """A file appended is not touched; a file that vanishes, or another folder in its place, ends it."""
    folder = tmp_path / "d"
    table = pa.table({"a": range(100_000)})
    done = []

    def during(act):
        def progress(done_rows, total, unit):
            if not done and done_rows == total:  # before the commit
                done.append(act())

        write_parts(folder, table, 20)
        done.clear()
        return lambda: forge.compact(folder, progress=progress)

    during(lambda: pq.write_table(table.slice(0, 5), folder / "f0005x.parquet"))()
    assert len(data_files(folder)) == 2 and read(folder).num_rows == 100_005
    call = during(lambda: os.remove(folder / "f0003.parquet"))
    with pytest.raises(OSError):
        call()
    assert done and "f0000.parquet" in data_files(folder) and len(data_files(folder)) == 21
    call = during(lambda: forge.write_to_dataset(table, folder, table.schema, mode="overwrite"))
    with pytest.raises(OSError):
        call()
    assert read(folder).equals(table)
    forge.write_to_dataset(table, folder, table.schema)  # the next write removes what a reader held
    assert read(folder).num_rows == 200_000 and nothing_hidden(folder)


def test_readers_keep_the_version_that_they_began(tmp_path):
    folder = tmp_path / "d"
    table = pa.table({"a": range(10_000)})
    append_many(folder, table, 10)
    before = read(folder)
    batches = forge.read_parquet_iter(folder, chunk_size=1000)
    rows = [next(batches)]
    forge.compact(folder)
    assert len(data_files(folder)) == 1
    rows += list(batches)
    assert pa.Table.from_batches(rows).equals(before) and read(folder).equals(before)


@pytest.mark.parametrize("seed", range(3))
def test_random_datasets_are_the_same_after_compaction(tmp_path, seed):
    rng = random.Random(SEED + seed)
    folder, table = tmp_path / "d", all_kinds(400, seed)
    start = 0
    while start < 400:
        size = rng.choice([1, 5, 30, 90])
        part = table.slice(start, size)
        forge.write_to_dataset(
            part,
            folder,
            table.schema,
            row_group_size=rng.choice([7, 50, 1000]),
            compression=rng.choice(["none", "zstd"]),
        )
        start += size
    before = read(folder)
    forge.compact(folder, rng.choice([20_000, 60_000, 1 << 20]), row_group_size=rng.choice([20, 60, 1000]))
    assert same(read(folder), before), f"seed {SEED + seed}"
    assert same(pq.read_table(folder), before)


MEASURE = """
import resource, sys
import py_parquet_forge as forge
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
counts = forge.compact(sys.argv[1], row_group_size=200_000)
print(counts["files_after"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_of_compaction_does_not_grow_with_the_data(tmp_path):
    """bench/compact.py measures 1,000 files of 100 KB."""
    folder, rng = tmp_path / "d", random.Random(SEED)
    part = pa.table({"a": [rng.random() for _ in range(13_000)], "s": [str(i) for i in range(13_000)]})
    (folder / "x").mkdir(parents=True)
    pq.write_table(part, folder / "x" / "0.parquet")
    for i in range(1, 200):
        os.link(folder / "x" / "0.parquet", folder / "x" / f"{i}.parquet")
    run = subprocess.run([sys.executable, "-c", MEASURE, folder], capture_output=True, text=True)
    files, growth_kib = map(int, run.stdout.split())
    assert files == 1 and growth_kib < 96 << 10, run


# ---- the command line ----


def test_command_line(tmp_path, capsys):
    files = write_parts(tmp_path / "in", all_kinds(20), 2)
    assert _cli.main(["metadata", files[0]]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["num_rows"] == 10 and record["row_groups"][0]["columns"][0]["path"] == "i"
    assert _cli.main(["merge", *files, str(tmp_path / "out")]) == 0
    assert "20 rows" in capsys.readouterr().out
    assert read(tmp_path / "out").num_rows == 20
    assert _cli.main(["compact", str(tmp_path / "in")]) == 0
    assert "2 files" in capsys.readouterr().out and len(data_files(tmp_path / "in")) == 1
    assert _cli.main(["merge", str(tmp_path / "none"), str(tmp_path / "out")]) == 1
    assert "none" in capsys.readouterr().err


# ---- dictionaries ----


LEVELS = ["low", "mid", "high"]
LEVEL = pa.dictionary(pa.int8(), pa.string(), ordered=True)


def write_levels(folder, *parts: list[str], categories: list[str] | None = None) -> list[str]:
    for i, values in enumerate(parts):
        frame = pd.DataFrame({"c": pd.Categorical(values, categories or LEVELS, ordered=True)})
        forge.write_parquet(frame, folder / f"{i}.parquet", pa.schema([("c", LEVEL)]))
    return [str(folder / f"{i}.parquet") for i in range(len(parts))]


def assert_levels(path, values: list[str]) -> None:
    column = forge.read_parquet(path)["c"]
    assert list(column) == values
    assert list(column.cat.categories) == LEVELS and column.cat.ordered
    for file in pq.ParquetDataset(path).files:
        dictionary = pq.read_table(file, partitioning=None)["c"].chunk(0).dictionary
        assert dictionary.to_pylist() == LEVELS


@pytest.mark.parametrize("recode", [False, True])
def test_compact_keeps_the_order_of_a_dictionary_and_unused_values(tmp_path, recode):
    write_levels(tmp_path, ["high", "low"], ["high", "low"])
    assert forge.compact(tmp_path, recode=recode)["files_after"] == 1
    assert_levels(tmp_path, ["high", "low", "high", "low"])


@pytest.mark.parametrize("parts", [[["high", "low"], ["mid", "high"]], [["high", "low"]]])
def test_merge_keeps_the_order_of_a_dictionary(tmp_path, parts):
    paths = write_levels(tmp_path, *parts)
    forge.merge(paths, tmp_path / "out.parquet")
    assert_levels(tmp_path / "out.parquet", sum(parts, []))


def test_merge_appends_new_values_of_a_later_dictionary(tmp_path):
    for name, values in (("a", ["x", "b", "a"]), ("b", ["z", "b"])):
        column = pa.DictionaryArray.from_arrays(pa.array([len(values) - 1], pa.int32()), pa.array(values))
        forge.write_parquet(pa.table({"c": column}), tmp_path / name, pa.schema([("c", column.type)]))
    forge.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    chunk = read(tmp_path / "out")["c"].chunk(0)
    assert chunk.dictionary.to_pylist() == ["x", "b", "a", "z"]
    assert chunk.to_pylist() == ["a", "b"]


def test_merge_keeps_dictionaries_of_numbers_nested_and_large_ones(tmp_path):
    n, rows = 40_000, 100_000  # more values than a batch has rows
    rng = random.Random(SEED)
    words = [f"w{i}" for i in range(n)]
    rng.shuffle(words)
    codes = pa.array([rng.randrange(n) for _ in range(rows)], pa.int32())
    large = pa.DictionaryArray.from_arrays(codes, pa.array(words))
    small = pa.array([i % 2 for i in range(rows)], pa.int8())
    numbers = pa.DictionaryArray.from_arrays(small, pa.array([9, 3, 7], pa.int64()))
    item = pa.DictionaryArray.from_arrays(small, pa.array(["q", "p", "o"]))
    lists = pa.ListArray.from_arrays(pa.array(range(rows + 1), pa.int32()), item)
    moments = pa.DictionaryArray.from_arrays(small, pa.array([5, 2, 4], pa.duration("ms")))
    flags = pa.DictionaryArray.from_arrays(small, pa.array([True, False]))
    struct = pa.StructArray.from_arrays([item, numbers], ["s", "n"])
    table = pa.table({"w": large, "n": numbers, "l": lists, "d": moments, "b": flags, "st": struct})
    paths = [tmp_path / "0", tmp_path / "1"]
    for path in paths:
        forge.write_parquet(table, path, table.schema)
    forge.merge(paths, tmp_path / "out", recode=True)
    before, after = read(paths), read(tmp_path / "out")
    assert after.equals(before)
    assert after["w"].chunk(0).dictionary.to_pylist() == words
    assert after["n"].chunk(0).dictionary.to_pylist() == [9, 3, 7]
    assert after["l"].chunk(0).values.dictionary.to_pylist() == ["q", "p", "o"]
    assert after["d"].chunk(0).dictionary.cast(pa.int64()).to_pylist() == [5, 2, 4]
    assert after["st"].chunk(0).field(0).dictionary.to_pylist() == ["q", "p", "o"]
    assert after["st"].chunk(0).field(1).dictionary.to_pylist() == [9, 3, 7]


# ---- folders, logging, messages ----


def test_metadata_of_a_folder_is_one_state_while_others_overwrite_it(tmp_path):
    table, path = pa.table({"a": range(30)}), tmp_path / "ds"
    writer = (
        "import sys, pyarrow as pa, py_parquet_forge as forge\n"
        "table = pa.table({'a': range(30)})\n"
        "for _ in range(60):\n"
        "    forge.write_to_dataset(table, sys.argv[1], table.schema, mode='overwrite',\n"
        "                           durable=False, max_rows_per_file=5)\n"
    )
    forge.write_to_dataset(table, path, table.schema, max_rows_per_file=5)
    seen = 0
    with subprocess.Popen([sys.executable, "-c", writer, str(path)]) as process:
        while process.poll() is None:
            record = forge.read_metadata(path)
            assert (record["num_files"], record["num_rows"]) == (6, 30)
            seen += 1
    assert process.returncode == 0 and seen > 3


def test_success_is_logged_at_info(tmp_path, caplog):
    caplog.set_level("INFO", "py_parquet_forge")
    paths = write_parts(tmp_path / "ds", pa.table({"a": range(10)}), 2)
    forge.update_metadata(paths[0], {"k": "v"})
    forge.merge(paths, tmp_path / "out")
    forge.compact(tmp_path / "ds")
    assert [record.getMessage() for record in caplog.records] == [
        f"changed 1 keys of the metadata of {paths[0]}",
        f"merged 2 files, 10 rows, to {tmp_path / 'out'}",
        f"compacted 2 files to 1 in the dataset {tmp_path / 'ds'}",
    ]


def test_update_metadata_of_a_folder_says_that_it_takes_a_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="takes one file"):
        forge.update_metadata(tmp_path, {"k": "v"})


@pytest.mark.parametrize("out", ["ds/out.parquet", "ds/sub/../out.parquet", "link/out.parquet"])
def test_merge_refuses_an_output_inside_an_input_folder(tmp_path, out):
    paths = write_parts(tmp_path / "ds", pa.table({"a": range(10)}), 2)
    (tmp_path / "link").symlink_to("ds")
    with pytest.raises(ValueError, match="inside the input folder"):
        forge.merge(tmp_path / "ds", tmp_path / out)
    forge.merge(paths, tmp_path / "ds" / "out.parquet")


@pytest.mark.parametrize(
    ("pattern", "out"),
    [
        ("ds/*.parquet", "ds/out.parquet"),
        ("ds/*", "link/out"),
        ("link/*.parquet", "ds/f0000.parquet"),
        ("d?/**", "ds/new/out.parquet"),
        ("**/f*", "ds/f"),
        ("d*", "ds/new/out.parquet"),
    ],
)
def test_merge_refuses_an_output_that_its_pattern_matches(tmp_path, pattern, out):
    write_parts(tmp_path / "ds", pa.table({"a": range(10)}), 2)
    (tmp_path / "link").symlink_to("ds")
    before = names_in(tmp_path)
    with pytest.raises(ValueError, match="matched by the pattern|inside the input folder"):
        forge.merge(tmp_path / pattern, tmp_path / out)
    assert names_in(tmp_path) == before


@pytest.mark.parametrize("out", ["ds/out.txt", "ds/new/f.parquet", "out.parquet"])
def test_merge_takes_an_output_that_its_pattern_misses(tmp_path, out):
    write_parts(tmp_path / "ds", pa.table({"a": range(10)}), 2)
    for _ in range(2):
        assert forge.merge(tmp_path / "ds" / "*.parquet", tmp_path / out)["num_rows"] == 10
    assert read(tmp_path / out)["a"].to_pylist() == list(range(10))


@pytest.mark.parametrize("recode", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_of_the_listed_files_may_be_the_output(tmp_path, place, recode):
    paths = write_parts(tmp_path / "ds", pa.table({"a": range(30_000)}), 3)
    rest = {path: Path(path).read_bytes() for path in paths if path != paths[place]}
    forge.merge(paths, paths[place], recode=recode, row_group_size=20_000)
    assert read(paths[place])["a"].to_pylist() == list(range(30_000))
    assert {path: Path(path).read_bytes() for path in rest} == rest and len(names_in(tmp_path / "ds")) == 3


@pytest.mark.parametrize("other", [{"x": [7]}, {"y": [70], "x": [7]}, {"x": [7], "y": [70], "z": [700]}])
def test_files_that_lack_a_column_stay_apart(tmp_path, other):
    """Nothing is filled with nulls and no column goes: what could not be read as one still cannot."""
    folder = tmp_path / "d" / "p=1"
    folder.mkdir(parents=True)
    for name in "abcdef":
        rows = other if name in "cd" else {"x": [ord(name)], "y": [0]}
        pq.write_table(pa.table(rows), folder / f"{name}.parquet")
    before = forge.read_parquet(tmp_path / "d", "arrow", unify="add")
    counts = forge.compact(tmp_path / "d")
    assert (counts["files_before"], counts["files_after"]) == (6, 3)
    tables = [read(folder / name) for name in data_files(folder)]
    assert [table.column_names for table in tables] == [["x", "y"], list(other), ["x", "y"]]
    assert forge.read_parquet(tmp_path / "d", "arrow", unify="add").equals(before)
    assert forge.compact(tmp_path / "d")["files_after"] == 3
    with pytest.raises(SchemaValidationError, match="'y'|'z'|order|'x'"):
        forge.merge([folder / name for name in data_files(folder)], tmp_path / "one")
    assert os.listdir(tmp_path) == ["d"]
