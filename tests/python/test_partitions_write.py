# SPDX-License-Identifier: Apache-2.0
"""Datasets of many partitions: memory, files of a wanted size, what an append and an overwrite may do."""

from __future__ import annotations

import datetime
import hashlib
import os
import pathlib
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    SchemaValidationError,
    compact,
    inspect_schema,
    read_metadata,
    read_parquet,
    read_parquet_iter,
    write_to_dataset,
)

MIB = 1 << 20


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def number_of(path: pathlib.Path) -> int:
    """Of the files of one call in one partition."""
    rest = path.stem[36:]
    return int(rest[1:]) if rest else 0


def in_order(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.iterdir(), key=number_of)


def digest(folder: pathlib.Path) -> str:
    """Of all files, by partition and number: names of calls differ."""
    sha = hashlib.sha256()
    for path in sorted(files_of(folder), key=lambda path: (path.parent, number_of(path))):
        sha.update(path.read_bytes())
    return sha.hexdigest()


def table_of(n: int, partitions: int) -> pa.Table:
    return pa.table(
        {
            "p": pa.array([i * 7 % partitions for i in range(n)], pa.int32()),
            "id": pa.array(range(n), pa.int64()),
            "name": [f"user_{i}" for i in range(n)],
            "kind": pa.array([f"k{i % 5}" for i in range(n)]).dictionary_encode(),
            "list": pa.array([[i, None] for i in range(n)], pa.list_(pa.int32())),
        }
    )


# ---- memory ----

STREAM = """
    import gc, resource, sys
    import numpy as np
    import pyarrow as pa
    import py_parquet_forge as p

    target, partitions, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    pa.set_memory_pool(pa.system_memory_pool())
    schema = pa.schema([("p", pa.int64()), ("id", pa.int64()), ("v", pa.float64()), ("s", pa.string())])
    CHUNKS, ROWS = 40, 50_000

    def chunk(k):
        i = np.arange(k * ROWS, (k + 1) * ROWS)
        text = pa.array(i).cast(pa.string())
        return pa.record_batch([pa.array(i % partitions), pa.array(i * 7919), pa.array(np.sqrt(i)), text], schema)

    def status(name):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))

    chunk(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    gc.collect()
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    begin = status("VmRSS")
    p.write_to_dataset((chunk(k) for k in range(CHUNKS)), target, schema, partition_cols=["p"],
                       memory_limit=limit, durable=False)
    print(status("VmHWM") - begin)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="memory is measured through /proc")
@pytest.mark.parametrize(("partitions", "limit"), [(5000, 256 * MIB), (21, 48 * MIB)])
def test_a_stream_into_many_partitions_stays_within_memory_limit_and_64_descriptors(
    tmp_path, partitions, limit
):
    target = tmp_path / "ds"
    command = [sys.executable, "-c", textwrap.dedent(STREAM), str(target), str(partitions), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < limit + 64 * MIB
    assert os.listdir(tmp_path) == ["ds"]
    found = files_of(target)
    assert len(found) == partitions
    some = next(path for path in found if path.parent.name == "p=17")
    rows = 40 * 50_000
    assert pq.ParquetFile(some).read()["id"].to_pylist() == [i * 7919 for i in range(17, rows, partitions)]


def test_the_files_are_the_same_for_any_limit_split_and_threads(tmp_path):
    table = table_of(30_000, 400)
    digests = set()
    for limit, step, threads in ((None, 30_000, True), (8 * MIB, 30_000, True), (8 * MIB, 999, False)):
        write_to_dataset(
            iter(table.to_batches(max_chunksize=step)),
            tmp_path / "ds",
            table.schema,
            partition_cols=["p"],
            mode="overwrite",
            memory_limit=limit,
            use_threads=threads,
            durable=False,
        )
        digests.add(digest(tmp_path / "ds"))
    assert len(digests) == 1


def test_a_row_group_beyond_the_limit_is_an_error_that_names_what_to_change(tmp_path):
    table = table_of(50_000, 2)
    with pytest.raises(pa.ArrowInvalid, match=r"memory_limit.*row_group_size"):
        write_to_dataset(table, tmp_path / "ds", table.schema, partition_cols=["p"], memory_limit=MIB)
    assert os.listdir(tmp_path) == []


# ---- sizes of files ----


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("step", [7, 1000])
def test_max_rows_per_file(tmp_path, threads, step):
    table = table_of(1000, 3)
    write_to_dataset(
        iter(table.to_batches(max_chunksize=step)),
        tmp_path / "ds",
        table.schema,
        partition_cols=["p"],
        max_rows_per_file=100,
        use_threads=threads,
        durable=False,
    )
    for folder in (tmp_path / "ds").iterdir():
        paths = in_order(folder)
        counts = [pq.ParquetFile(path).metadata.num_rows for path in paths]
        assert counts[:-1] == [100] * (len(counts) - 1) and 1 <= counts[-1] <= 100
        assert [number_of(path) for path in paths] == list(range(len(paths)))
        ids = [i for path in paths for i in pq.ParquetFile(path).read()["id"].to_pylist()]
        assert ids == sorted(ids)
    assert sorted(read_parquet(tmp_path / "ds")["id"]) == list(range(1000))


def test_max_rows_per_file_without_partitions(tmp_path):
    table = table_of(250, 3)
    write_to_dataset(table, tmp_path / "ds", table.schema, max_rows_per_file=100)
    counts = [pq.ParquetFile(path).metadata.num_rows for path in in_order(tmp_path / "ds")]
    assert counts == [100, 100, 50]


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_target_file_bytes(tmp_path, compression):
    n = 600_000
    values = pa.array(range(n), pa.int64())
    import pyarrow.compute as pc

    table = pa.table(
        {
            "p": pa.array([i % 2 for i in range(n)], pa.int8()),
            "hash": pc.bit_wise_xor(pc.multiply(values, 0x9E3779B97F4A7), values),
            "few": pc.bit_wise_and(values, 7),
            "text": values.cast(pa.string()),
        }
    )
    digests = set()
    for step, threads in ((n, True), (40_001, False)):
        write_to_dataset(
            iter(table.to_batches(max_chunksize=step)),
            tmp_path / "ds",
            table.schema,
            partition_cols=["p"],
            mode="overwrite",
            target_file_bytes=MIB,
            compression=compression,
            use_threads=threads,
            durable=False,
        )
        digests.add(digest(tmp_path / "ds"))
    assert len(digests) == 1
    for folder in (tmp_path / "ds").iterdir():
        sizes = [path.stat().st_size for path in in_order(folder)]
        assert len(sizes) > 2
        assert all(MIB / 1.5 <= size <= MIB * 1.5 for size in sizes[:-1]), sizes
        assert sizes[-1] <= MIB * 1.5


@pytest.mark.parametrize("name", ["max_rows_per_file", "target_file_bytes"])
@pytest.mark.parametrize("value", [-1, True, "7", 1.5])
def test_bad_sizes_are_value_errors(tmp_path, name, value):
    table = table_of(3, 1)
    with pytest.raises(ValueError, match=name):
        write_to_dataset(table, tmp_path / "ds", table.schema, **{name: value})
    assert os.listdir(tmp_path) == []


# ---- overwrite_scope ----

DAYS = [datetime.date(2024, 1, day) for day in (1, 2, 3)]


def days(values: dict[int, list[int]]) -> pa.Table:
    rows = [(DAYS[k], v) for k, column in values.items() for v in column]
    return pa.table({"day": pa.array([d for d, _ in rows], pa.date32()), "v": [v for _, v in rows]})


def test_only_partitions_with_new_rows_are_replaced(tmp_path):
    target = tmp_path / "ds"
    first = days({0: [1, 2], 1: [3], 2: [4]})
    write_to_dataset(first, target, first.schema, partition_cols=["day"])
    write_to_dataset(first, target, first.schema, partition_cols=["day"])
    kept = {
        path: (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files_of(target)
    }
    kept = {path: seen for path, seen in kept.items() if "2024-01-02" not in str(path)}
    new = days({1: [30, 31]})
    write_to_dataset(
        new, target, new.schema, partition_cols=["day"], mode="overwrite", overwrite_scope="partitions"
    )
    for path, seen in kept.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) == seen
    assert len(files_of(target)) == len(kept) + 1
    found = read_parquet(target, output_format="arrow")
    assert sorted(found["v"].to_pylist()) == [1, 1, 2, 2, 4, 4, 30, 31]
    assert os.listdir(tmp_path) == ["ds"]


def test_a_scope_of_partitions_needs_partitions_and_mode_overwrite(tmp_path):
    table = days({0: [1]})
    with pytest.raises(ValueError, match="partition_cols"):
        write_to_dataset(table, tmp_path / "ds", table.schema, mode="overwrite", overwrite_scope="partitions")
    with pytest.raises(ValueError, match="mode='overwrite'"):
        write_to_dataset(
            table, tmp_path / "ds", table.schema, partition_cols=["day"], overwrite_scope="partitions"
        )
    with pytest.raises(ValueError, match="overwrite_scope"):
        write_to_dataset(table, tmp_path / "ds", table.schema, overwrite_scope="some")
    assert os.listdir(tmp_path) == []


def test_a_scope_of_partitions_keeps_to_the_schema_of_the_dataset(tmp_path):
    table = days({0: [1]})
    write_to_dataset(table, tmp_path / "ds", table.schema, partition_cols=["day"])
    other = table.set_column(1, "v", table["v"].cast(pa.int32()))
    with pytest.raises(SchemaValidationError, match="v"):
        write_to_dataset(
            other,
            tmp_path / "ds",
            other.schema,
            partition_cols=["day"],
            mode="overwrite",
            overwrite_scope="partitions",
        )
    assert read_parquet(tmp_path / "ds", output_format="arrow")["v"].to_pylist() == [1]


# ---- unify ----


def test_a_strict_append_tells_the_file_and_every_difference_and_nothing_else(tmp_path):
    schema = pa.schema([("p", pa.int32())] + [(f"c{i}", pa.int64()) for i in range(40)])
    write_to_dataset([{"p": 1}], tmp_path / "ds", schema, partition_cols=["p"])
    (file,) = files_of(tmp_path / "ds")
    other = schema.set(3, pa.field("c2", pa.string())).remove(30).append(pa.field("new", pa.bool_()))
    with pytest.raises(SchemaValidationError) as caught:
        write_to_dataset([{"p": 1}], tmp_path / "ds", other, partition_cols=["p"])
    text = str(caught.value)
    assert file.name in text
    for part in ("c2", "int64", "string", "c29", "new"):
        assert part in text
    text = text.replace(file.name, "")
    assert "c3'" not in text and "c5" not in text
    with pytest.raises(SchemaValidationError) as caught:
        wide = pa.schema([("p", pa.int32())] + [(f"d{i}", pa.int64()) for i in range(500)])
        write_to_dataset([{"p": 1}], tmp_path / "ds", wide, partition_cols=["p"])
    assert len(str(caught.value).splitlines()) < 15
    assert len(files_of(tmp_path / "ds")) == 1


def test_add_lets_nullable_columns_come_and_go(tmp_path):
    base = pa.schema([("p", pa.int32()), ("a", pa.int64()), pa.field("b", pa.int64())])
    write_to_dataset([{"p": 1, "a": 1, "b": 2}], tmp_path / "ds", base, partition_cols=["p"])
    more = pa.schema([("p", pa.int32()), ("a", pa.int64()), ("c", pa.string())])
    with pytest.raises(SchemaValidationError):
        write_to_dataset([{"p": 1, "a": 3, "c": "x"}], tmp_path / "ds", more, partition_cols=["p"])
    write_to_dataset([{"p": 1, "a": 3, "c": "x"}], tmp_path / "ds", more, partition_cols=["p"], unify="add")
    assert len(files_of(tmp_path / "ds")) == 2
    required = more.set(2, pa.field("d", pa.string(), nullable=False))
    with pytest.raises(SchemaValidationError, match="d"):
        write_to_dataset(
            [{"p": 1, "a": 3, "d": "x"}], tmp_path / "ds", required, partition_cols=["p"], unify="add"
        )
    retyped = more.set(1, pa.field("a", pa.int32()))
    with pytest.raises(SchemaValidationError, match="a"):
        write_to_dataset(
            [{"p": 1, "a": 3, "c": "x"}], tmp_path / "ds", retyped, partition_cols=["p"], unify="add"
        )
    other_p = more.set(0, pa.field("p", pa.int64()))
    with pytest.raises(SchemaValidationError, match="p"):
        write_to_dataset(
            [{"p": 1, "a": 3, "c": "x"}], tmp_path / "ds", other_p, partition_cols=["p"], unify="add"
        )
    assert len(files_of(tmp_path / "ds")) == 2


@pytest.mark.parametrize(("there", "here"), [(pa.int32(), pa.int64()), (pa.int64(), pa.int32())])
def test_widen_lets_types_differ_where_one_holds_the_other_either_way(tmp_path, there, here):
    first, second = (pa.schema([("p", pa.int32()), ("a", kind)]) for kind in (there, here))
    write_to_dataset([{"p": 1, "a": 1}], tmp_path / "ds", first, partition_cols=["p"])
    with pytest.raises(SchemaValidationError, match="'a'"):
        write_to_dataset([{"p": 1, "a": 2}], tmp_path / "ds", second, partition_cols=["p"], unify="add")
    write_to_dataset([{"p": 1, "a": 2}], tmp_path / "ds", second, partition_cols=["p"], unify="widen")
    text = pa.schema([("p", pa.int32()), ("a", pa.string())])
    with pytest.raises(SchemaValidationError, match="'a'"):
        write_to_dataset([{"p": 1, "a": "x"}], tmp_path / "ds", text, partition_cols=["p"], unify="widen")
    assert len(files_of(tmp_path / "ds")) == 2


def test_an_unknown_unify_is_a_value_error(tmp_path):
    table = days({0: [1]})
    with pytest.raises(ValueError, match="unify"):
        write_to_dataset(table, tmp_path / "ds", table.schema, unify="all")
    write_to_dataset(table, tmp_path / "ds", table.schema, unify="strict")
    assert inspect_schema(tmp_path / "ds").names == ["day", "v"]


# ---- the order of rows between the files of one call ----


def test_rows_of_one_call_are_read_in_their_order_whatever_the_number_of_files(tmp_path):
    table = pa.table({"id": list(range(2300)), "p": [i % 2 for i in range(2300)]})
    for part in (table.slice(0, 1200), table.slice(1200)):
        write_to_dataset(part, tmp_path / "ds", table.schema, ["p"], max_rows_per_file=50, durable=False)
    assert len(files_of(tmp_path / "ds")) == 46

    def expect_order(found):
        for folder in (0, 1):
            ids = [i for i in found if i % 2 == folder]
            half = [sorted(i for i in ids if i < 1200), sorted(i for i in ids if i >= 1200)]
            assert ids in (half[0] + half[1], half[1] + half[0])

    def everywhere():
        read = read_parquet(tmp_path / "ds", "arrow")["id"].to_pylist()
        expect_order(read)
        for path in (f"{tmp_path}/ds/*/*.parquet", f"{tmp_path}/ds/**/*.parquet", [tmp_path / "ds"]):
            assert read_parquet(path, "arrow")["id"].to_pylist() == read
        batches = read_parquet_iter(tmp_path / "ds", chunk_size=97)
        assert [i for batch in batches for i in batch["id"].to_pylist()] == read
        listed = [file["path"] for file in read_metadata(tmp_path / "ds")["files"]]
        assert [i for file in listed for i in pq.ParquetFile(file).read()["id"].to_pylist()] == read
        return read

    read = everywhere()
    size = max(file.stat().st_size for file in files_of(tmp_path / "ds"))
    for target in (3 * size, 7 * size, 1 << 20):
        compact(tmp_path / "ds", target, durable=False)
        assert everywhere() == read
    assert len(files_of(tmp_path / "ds")) == 2
