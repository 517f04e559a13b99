# SPDX-License-Identifier: Apache-2.0
"""Arrow buffers that are the mapped file itself: which ones, how long they live, and what the files look
like whose values can be used where they lie."""

from __future__ import annotations

import gc
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from py_parquet_forge import merge, read_parquet, read_parquet_iter, write_parquet

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="needs /proc/self/maps")

ROWS = 20_000
# One page per column chunk, values as they are: docs/reading.md, Files that are mapped.
WHOLE = {
    "compression": "none",
    "use_dictionary": False,
    "data_page_size": 1 << 29,
    "max_rows_per_page": (1 << 31) - 1,
    "durable": False,
}


def ranges_of(path) -> list[tuple[int, int]]:
    """Addresses at which the process has the file, under its name or after it is gone."""
    found = []
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        if re.search(rf" {re.escape(str(path))}( \(deleted\))?$", line):
            first, end = line.split()[0].split("-")
            found.append((int(first, 16), int(end, 16)))
    return found


def value_buffers(array):
    """Of the leaves of fixed width."""
    if isinstance(array, pa.ChunkedArray):
        return [buffer for chunk in array.chunks for buffer in value_buffers(chunk)]
    if pa.types.is_struct(array.type):
        return [b for i in range(array.type.num_fields) for b in value_buffers(array.field(i))]
    if pa.types.is_nested(array.type):
        return value_buffers(array.values)
    return [array.buffers()[1]]


def lies_in(buffer, ranges) -> bool:
    return any(first <= buffer.address and buffer.address + buffer.size <= end for first, end in ranges)


def columns_mapped(table, path) -> dict[str, bool]:
    """Whether all value buffers of a column lie in the file."""
    ranges, found = ranges_of(path), {}
    for name in table.column_names:
        found[name] = all(lies_in(buffer, ranges) for buffer in value_buffers(table.column(name)))
    return found


def make_table(rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(7)
    ints = rng.integers(0, 2**62, rows)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rng.random(rows * 16).astype(np.float32)), 16)
    lengths = np.arange(rows) % 5
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, pa.array(rng.random(int(lengths.sum()))))
    with_null = ints.astype(object)
    with_null[5] = None
    return pa.table(
        {
            "required": pa.array(ints),
            "float": pa.array(rng.random(rows).astype(np.float32)),
            "time": pa.array(ints % 10**15, pa.timestamp("us", "Europe/Paris")),
            "bytes": pa.array([b"%08d" % i for i in range(rows)], pa.binary(8)),
            "vector": vectors,
            "list": lists,
            "point": pa.StructArray.from_arrays([pa.array(rng.random(rows)), pa.array(ints)], ["x", "y"]),
            "null": pa.array(with_null, pa.int64()),
            "text": pa.array([str(i) for i in range(rows)]),
            "bool": pa.array(ints % 2 == 0),
            "small": pa.array(ints % 100, pa.int8()),
        },
        pa.schema(
            [
                pa.field("required", pa.int64(), False),
                pa.field("float", pa.float32()),
                pa.field("time", pa.timestamp("us", "Europe/Paris")),
                pa.field("bytes", pa.binary(8)),
                pa.field("vector", vectors.type),
                pa.field("list", lists.type),
                pa.field("point", pa.struct([("x", pa.float64()), ("y", pa.int64())])),
                pa.field("null", pa.int64()),
                pa.field("text", pa.string()),
                pa.field("bool", pa.bool_()),
                pa.field("small", pa.int8()),
            ]
        ),
    )


COPIED = {"null", "text", "bool", "small"}


@pytest.fixture(params=["1.0", "2.0"])
def version(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.parquet"


def write(table, path, **options):
    write_parquet(table, path, table.schema, **{**WHOLE, **options})


# ---- what lies in the file ----


def test_values_are_the_file(path, version):
    table = make_table()
    write(table, path, data_page_version=version)
    read = read_parquet(path, "arrow", memory_map=True)
    assert read.equals(table)
    read.validate(full=True)
    assert columns_mapped(read, path) == {name: name not in COPIED for name in table.column_names}
    for name in table.column_names:
        if name not in COPIED:
            assert all(buffer.address % 64 == 0 for buffer in value_buffers(read.column(name))), name


def test_not_by_default(path):
    table = make_table()
    write(table, path)
    read = read_parquet(path, "arrow")
    assert not ranges_of(path)
    assert not any(columns_mapped(read, path).values())


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "snappy"},
        {"column_encoding": {"required": "DELTA_BINARY_PACKED"}},
        {"column_encoding": {"required": "BYTE_STREAM_SPLIT"}},
        {"max_rows_per_page": 5000},
        {"data_page_size": 20_000},
    ],
)
def test_other_files_are_copied(path, options):
    table = make_table().select(["required", "float", "bool"])
    write(table, path, **options)
    read = read_parquet(path, "arrow", memory_map=True)
    assert read.equals(table)
    assert not columns_mapped(read, path)["required"]
    assert not ranges_of(path) or columns_mapped(read, path)["float"]


def test_every_row_group(path):
    table = make_table()
    write(table, path, row_group_size=ROWS // 4)
    read = read_parquet(path, "arrow", memory_map=True)
    assert read.equals(table)
    assert read.column("required").num_chunks == 4
    assert columns_mapped(read, path) == {name: name not in COPIED for name in table.column_names}


def test_batches_point_into_a_page(path, version):
    table = make_table()
    write(table, path, data_page_version=version)
    at = 0
    for batch in read_parquet_iter(path, chunk_size=3000, memory_map=True):
        part = pa.Table.from_batches([batch])
        assert part.equals(table.slice(at, 3000))
        found = columns_mapped(part, path)
        assert found["required"] and found["time"] and found["list"] and found["vector"]
        assert found["null"] == (at > 0)  # the one null is in the first batch
        at += batch.num_rows
    assert at == ROWS


def test_batches_over_row_groups(path):
    table = make_table()
    write(table, path, row_group_size=7000)
    batches = list(read_parquet_iter(path, chunk_size=3000, memory_map=True))
    assert pa.Table.from_batches(batches).equals(table)
    inside = [columns_mapped(pa.Table.from_batches([batch]), path)["required"] for batch in batches]
    assert inside == [True, True, False, True, False, True, True]  # rows 6,000 and 12,000 go over an end


def test_filters(path):
    table = make_table()
    write(table, path, write_page_index=True)
    read = read_parquet(path, "arrow", memory_map=True, filters=[("float", "<", 0.25)])
    assert read.equals(table.filter(pa.compute.less(table["float"], 0.25)))


def test_columns_of_foreign_files(path):
    """Where a page of pyarrow begins is luck, and so what is copied; the values are the same."""
    table = make_table()
    names = ["text", *(name for name in table.column_names if name not in ("text", "bool"))]
    inside = 0
    for rows in range(ROWS - 8, ROWS):  # each row has 9 bytes of text
        part = table.select(names).slice(0, rows)
        pq.write_table(part, path, compression="none", use_dictionary=False, data_page_size=1 << 29)
        read = read_parquet(path, "arrow", memory_map=True)
        assert read.equals(part)
        for name in names[1:]:
            width = {"float": 4, "vector": 4, "small": 1}.get(name, 8)
            assert all(buffer.address % width == 0 for buffer in value_buffers(read.column(name))), name
        inside += sum(columns_mapped(read, path).values())
    assert inside > 0


def test_declared_types(path):
    table = make_table().select(["required", "float"])
    write(table, path)
    wide = pa.schema([("required", pa.int64()), ("float", pa.float64()), ("more", pa.string())])
    read = read_parquet(path, "arrow", memory_map=True, schema=wide)
    assert read.equals(table.append_column("more", pa.nulls(ROWS, pa.string())).cast(wide))


# ---- how long it lives ----


def test_the_file_may_go(path):
    table = make_table()
    write(table, path)
    read = read_parquet(path, "arrow", memory_map=True)
    path.unlink()
    assert any(columns_mapped(read, path).values())
    assert read.equals(table)
    part = read.slice(100, 10).column("required")
    del read
    gc.collect()
    assert ranges_of(path)
    assert part.to_pylist() == table["required"].slice(100, 10).to_pylist()
    del part
    gc.collect()
    assert not ranges_of(path)


def test_the_file_may_be_replaced(path):
    table, other = make_table(), make_table().slice(5, 100)
    write(table, path)
    read = read_parquet(path, "arrow", memory_map=True)
    batches = read_parquet_iter(path, chunk_size=1000, memory_map=True)
    first = next(batches)
    write(other, path)
    assert read.equals(table)
    assert pa.Table.from_batches([first, *batches]).equals(table)
    assert read_parquet(path, "arrow", memory_map=True).equals(other)


def test_its_own_file_can_be_written(path):
    table = make_table()
    write(table, path)
    for _ in range(3):
        read = read_parquet(path, "arrow", memory_map=True)
        write(read, path)
    assert read_parquet(path, "arrow", memory_map=True).equals(table)


def test_released_on_other_threads(path):
    table = make_table()
    write(table, path, row_group_size=1000)

    def work(held):
        while held:
            column = held.pop()
            assert column.null_count == 0
            del column

    read = read_parquet(path, "arrow", memory_map=True)
    held = [chunk for name in ("required", "float", "vector") for chunk in read.column(name).chunks]
    del read
    threads = [threading.Thread(target=work, args=[held[i::4]]) for i in range(4)]
    held = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del threads, thread
    gc.collect()
    assert not ranges_of(path)


@pytest.mark.parametrize("columns", [["required"], ["required", "float", "null", "text", "vector", "time"]])
def test_frames(path, columns):
    table = make_table(200_000).select(columns)
    write(table, path, row_group_size=1 << 20)
    mapped = read_parquet(path, memory_map=True)
    frame = read_parquet(path)
    path.unlink()
    assert_frame_equal(mapped, frame)
    mapped["new"] = mapped["required"] + 1
    mapped = mapped.sort_values("new")
    assert mapped["new"].tolist() == sorted((frame["required"] + 1).tolist())


def test_a_frame_cannot_change_the_file(path):
    """What lies in the file is read only: writing is refused, or goes to a copy."""
    table = make_table(200_000).select(["required"])
    write(table, path)
    before = path.read_bytes()
    frame = read_parquet(path, memory_map=True)
    try:
        frame.loc[0, "required"] = 77
        frame.iloc[1:5, 0] = 78
        assert frame["required"].iloc[:5].tolist() == [77, 78, 78, 78, 78]
    except ValueError as error:
        assert "read-only" in str(error)
    assert path.read_bytes() == before
    assert read_parquet(path, "arrow").equals(table)


# ---- memory ----

GROWTH = """
    import sys
    import pyarrow.compute
    from py_parquet_forge import read_parquet, read_parquet_iter

    def anonymous():
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024

    def read(mapped):
        table = read_parquet(sys.argv[1], "arrow", memory_map=mapped)
        return table, anonymous()

    read_parquet(sys.argv[2], "arrow")
    start = anonymous()
    table, after = read(True)
    print(after - start)
    total = sum(pyarrow.compute.sum(table[name]).as_py() for name in table.column_names)
    batches = list(read_parquet_iter(sys.argv[1], chunk_size=100_000, memory_map=True))
    print(anonymous() - start)
    assert sum(b.num_rows for b in batches) == table.num_rows and total > 0
"""


def test_memory_stays_far_below_the_file(tmp_path):
    if (
        not os.path.exists("/proc/self/status")
        or "RssAnon" not in pathlib.Path("/proc/self/status").read_text()
    ):
        pytest.skip("needs RssAnon")
    rng = np.random.default_rng(1)
    table = pa.table({f"c{i}": rng.random(2_000_000) for i in range(6)})
    big, small = tmp_path / "big.parquet", tmp_path / "small.parquet"
    write(table, big, row_group_size=1 << 20)
    write(table.slice(0, 10), small)
    code = textwrap.dedent(GROWTH)
    done = subprocess.run(
        [sys.executable, "-c", code, str(big), str(small)], capture_output=True, text=True, check=True
    )
    size = big.stat().st_size
    whole, with_batches = map(int, done.stdout.split())
    assert size > 90_000_000
    assert whole < size / 10
    assert with_batches < size / 5  # the batch over the end of the row group is a copy


# ---- what is written ----


def gaps_of(path) -> list[int]:
    metadata = pq.ParquetFile(path).metadata
    end, gaps = 4, []
    for g in range(metadata.num_row_groups):
        for c in range(metadata.num_columns):
            column = metadata.row_group(g).column(c)
            start = column.dictionary_page_offset or column.data_page_offset
            gaps.append(start - end)
            end = start + column.total_compressed_size
    return gaps


@pytest.mark.parametrize("options", [{}, {"data_page_version": "2.0"}, {"write_page_index": True}])
def test_foreign_readers_read_over_gaps(path, options):
    table = make_table()
    write(table, path, row_group_size=6000, **options)
    gaps = gaps_of(path)
    assert any(gaps) and all(0 <= gap < 64 for gap in gaps)
    assert pq.read_table(path).equals(table)
    assert pq.read_table(path, memory_map=True, columns=["list", "small"]).equals(
        table.select(["list", "small"])
    )
    filtered = pq.read_table(path, filters=[("float", "<", 0.5)])
    assert filtered.equals(table.filter(pa.compute.less(table["float"], 0.5)))
    flat = [name for name in table.column_names if name not in ("vector", "list", "point")]
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    for read in (
        polars.read_parquet(path),
        polars.scan_parquet(path).filter(polars.col("float") >= 0).collect(),
    ):
        assert read.select(flat).to_arrow().cast(table.select(flat).schema).equals(table.select(flat))
        assert read["vector"].to_list() == table["vector"].to_pylist()
        assert read["list"].to_list() == table["list"].to_pylist()
    found = duckdb.sql(f"select * from '{path}'").to_arrow_table()
    for name in table.column_names:
        assert found[name].cast(table[name].type).to_pylist() == table[name].to_pylist(), name


def test_fastparquet_reads_over_gaps(path):
    fastparquet = pytest.importorskip("fastparquet")
    table = make_table().select(["required", "float", "time", "null", "text", "bool"])
    write(table, path, row_group_size=6000)
    assert any(gaps_of(path))
    frame = fastparquet.ParquetFile(str(path)).to_pandas()
    for name in ("required", "float", "text", "bool"):
        assert frame[name].tolist() == table[name].to_pylist(), name


def test_small_columns_have_no_gaps(path):
    table = pa.table({f"c{i}": np.arange(100.0) + i for i in range(2000)})
    write(table, path)
    assert not any(gaps_of(path))


def test_gaps_take_next_to_nothing(tmp_path):
    rng = np.random.default_rng(3)
    table = pa.table({f"c{i}": rng.random(2100) for i in range(2000)})  # 16,800 bytes each
    ours, theirs = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write(table, ours)
    pq.write_table(table, theirs, compression="none", use_dictionary=False)
    assert sum(gaps_of(ours)) > 2000
    assert ours.stat().st_size <= 1.01 * theirs.stat().st_size
    read = read_parquet(ours, "arrow", memory_map=True)
    assert read.equals(table) and all(columns_mapped(read, ours).values())


def test_merged_files_keep_their_alignment(tmp_path):
    tables = [make_table(ROWS + i) for i in range(3)]
    parts = [tmp_path / f"part{i}.parquet" for i in range(3)]
    for table, part in zip(tables, parts, strict=True):
        write(table, part)
    whole = tmp_path / "whole.parquet"
    merge(parts, whole, durable=False)
    read = read_parquet(whole, "arrow", memory_map=True)
    assert read.equals(pa.concat_tables(tables))
    assert pq.read_table(whole).equals(pa.concat_tables(tables))
    if read.column("required").num_chunks == 3:
        assert columns_mapped(read, whole) == {name: name not in COPIED for name in read.column_names}


def test_frames_of_pandas_are_written_the_same(path):
    frame = pd.DataFrame({"a": np.arange(50_000), "b": np.arange(50_000) / 3})
    write_parquet(frame, path, pa.Schema.from_pandas(frame), **WHOLE)
    read = read_parquet(path, "arrow", memory_map=True)
    assert columns_mapped(read, path) == {"a": True, "b": True}
    assert_frame_equal(read_parquet(path, memory_map=True), frame)
