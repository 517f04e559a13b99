# SPDX-License-Identifier: Apache-2.0
"""One writer or reader in two hands, sources that misbehave, progress, and what pandas' metadata says."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import names_in

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    _core,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

INT = pa.schema([pa.field("x", pa.int64())])
IN_USE = "in use by another thread"


def hammer(call, threads=4):
    """Runs the call in several threads at once; returns what they raised."""
    raised = []
    gate = threading.Barrier(threads)

    def work():
        gate.wait()
        try:
            call()
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return raised


# ---- one at a time ----


def test_two_threads_on_one_stream_writer(target):
    table = pa.table({"x": pa.array(range(20_000), pa.int64())})
    with ParquetStreamWriter(target, INT, row_group_size=1000) as writer:
        raised = hammer(lambda: [writer.write_chunk(table) for _ in range(5)])
        writer.write_chunk(table)
    assert all(isinstance(e, RuntimeError) and IN_USE in str(e) for e in raised)
    rows = pq.read_metadata(target).num_rows
    assert rows % table.num_rows == 0
    assert rows >= table.num_rows


def test_two_threads_on_one_engine_writer(target):
    table = pa.table({"x": pa.array(range(60_000), pa.int64())})
    writer = _core.Writer(str(target), INT)
    raised = hammer(lambda: [writer.put_stream(table) for _ in range(5)])
    writer.finish()
    assert all(isinstance(e, RuntimeError) and IN_USE in str(e) for e in raised)
    assert pq.read_metadata(target).num_rows == writer.rows_put


def test_two_threads_on_one_engine_stream(target):
    pq.write_table(pa.table({"x": range(100_000)}), target, row_group_size=5_000)
    stream = _core.Dataset([str(target)]).scan(batch_rows=1000)
    rows = []

    def pull():
        while (batch := stream.next()) is not None:
            rows.append(batch.num_rows)

    raised = hammer(pull)
    while (batch := stream.next()) is not None:
        rows.append(batch.num_rows)
    assert all(isinstance(e, RuntimeError) and IN_USE in str(e) for e in raised)
    assert sum(rows) == 100_000


@pytest.mark.parametrize("reader", [False, True])
def test_a_source_that_closes_the_writer_it_feeds(target, reader):
    batch = pa.record_batch({"x": pa.array([1, 2, 3], pa.int64())})
    writer = ParquetStreamWriter(target, INT).__enter__()

    def batches():
        yield batch
        writer.__exit__(None, None, None)
        yield batch

    source = pa.RecordBatchReader.from_batches(INT, batches()) if reader else batches()
    with pytest.raises(RuntimeError, match=IN_USE):
        writer.write_chunk(source)
    writer.__exit__(RuntimeError, None, None)
    assert names_in(target.parent) == []


class ClosingStream:
    """A stream whose batches close the engine's writer."""

    def __init__(self, writer):
        self.writer = writer

    def __arrow_c_stream__(self, requested_schema=None):
        def batches():
            yield pa.record_batch({"x": pa.array([1], pa.int64())})
            for close in (self.writer.abort, self.writer.finish):
                with pytest.raises(RuntimeError, match=IN_USE):
                    close()
            yield pa.record_batch({"x": pa.array([2], pa.int64())})

        return pa.RecordBatchReader.from_batches(INT, batches()).__arrow_c_stream__()


def test_the_engine_writer_is_not_freed_while_it_is_in_use(target):
    writer = _core.Writer(str(target), INT)
    assert writer.put_stream(ClosingStream(writer)) is None
    writer.finish()
    assert pq.read_table(target)["x"].to_pylist() == [1, 2]


# ---- forms of input ----


@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.to_batches()[0],
        pl.from_arrow,
        lambda t: t.to_reader(),
        lambda t: iter(t.to_batches()),
        lambda t: pytest.importorskip("duckdb").from_arrow(t),
        lambda t: t.to_pandas(),
    ],
    ids=["batch", "polars", "reader", "iterator", "duckdb", "pandas"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_coerce_takes_every_form(target, form, stream):
    data = form(pa.table({"x": ["1", "2"]}))
    if stream:
        with ParquetStreamWriter(target, INT, coerce=True) as writer:
            writer.write_chunk(data)
    else:
        write_parquet(data, target, INT, coerce=True)
    assert pq.read_table(target)["x"].to_pylist() == [1, 2]


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_of_encoding_is_not_hidden_by_the_next_batch(tmp_path, stream):
    schema = pa.schema([("k", pa.string()), ("x", pa.int64())])
    batch = pa.record_batch({"k": ["a" * 300], "x": pa.array([1], pa.int64())})
    table = pa.Table.from_batches([batch] * 3)
    with pytest.raises((ValueError, OSError)) as caught:
        write_to_dataset(table.to_reader() if stream else table, tmp_path / "d", schema, ["k"])
    assert "closed writer" not in str(caught.value)


def test_a_partition_column_needs_a_name(tmp_path):
    schema = pa.schema([("", pa.string()), ("x", pa.int64())])
    with pytest.raises(ValueError, match="empty name"):
        write_to_dataset(pa.table({"": ["a"], "x": [1]}), tmp_path / "d", schema, [""])
    assert names_in(tmp_path) == []


# ---- pandas ----


@pytest.mark.parametrize("names", [["x"], [7]])
def test_an_integer_index_with_nulls_is_what_pyarrow_makes_of_it(target, names):
    index = pd.Index(pd.array([1, None, 3], dtype="Int64"), name="k")
    column = pd.array([1, None, 2**60 + 1], dtype="Int64")
    frame = pd.DataFrame({names[0]: column}, index=index)
    pq.write_table(pa.Table.from_pandas(frame), target)
    found = read_parquet(target)
    pd.testing.assert_index_equal(found.index, pq.read_table(target).to_pandas().index)
    assert found.iloc[:, 0].tolist() == [1, pd.NA, 2**60 + 1]
    assert found.columns.tolist() == names


# ---- progress ----


def test_an_exception_in_the_last_progress_call_leaves_the_old_file(target):
    write_parquet([{"x": 1}], target, INT)

    def tell(done, total, unit):
        if done == total:
            raise KeyError("stop")

    with pytest.raises(KeyError):
        write_parquet([{"x": 2}], target, INT, progress=tell)
    assert pq.read_table(target)["x"].to_pylist() == [1]
    assert names_in(target.parent) == [target.name]


@pytest.mark.parametrize("read", [read_parquet, lambda *a, **k: list(read_parquet_iter(*a, **k))])
def test_progress_of_filtered_reads_never_runs_backwards(target, read):
    pq.write_table(pa.table({"x": range(400_000)}), target, row_group_size=50_000)
    calls = []
    read(target, filters=pc.field("x") < 260_000, progress=lambda *call: calls.append(call))
    done = [call[0] for call in calls]
    assert done == sorted(done)
    last = calls[-1]
    assert last[0] == last[1] >= 260_000
    assert last[2] == "rows"


# ---- paths and folders that change ----


@pytest.mark.parametrize("source", ["d", "./d", "d/*", ["d/0.parquet", "d/1.parquet"]])
def test_batches_go_on_after_a_change_of_the_folder(in_folder, source):
    os.mkdir("d")
    for i in range(2):
        pq.write_table(pa.table({"x": [2 * i, 2 * i + 1]}), f"d/{i}.parquet")
    batches = read_parquet_iter(source, chunk_size=1)
    found = next(batches)["x"].to_pylist()
    os.chdir("/")
    for batch in batches:
        found += batch["x"].to_pylist()
    assert found == [0, 1, 2, 3]


def test_a_glob_below_a_folder_with_signs_of_globs(tmp_path, monkeypatch):
    odd = tmp_path / "a=[1]*?"
    odd.mkdir()
    monkeypatch.chdir(odd)
    write_to_dataset(
        pa.table({"k": ["u", "v"], "x": [1, 2]}),
        "d",
        pa.schema([("k", pa.string()), ("x", pa.int64())]),
        ["k"],
    )
    found = read_parquet("d/k=*/*.parquet", "arrow")
    assert found.column_names == ["x", "k"]
    assert found["x"].to_pylist() == [1, 2]


@pytest.mark.parametrize("filters", [None, [("x", ">", 0)]])
@pytest.mark.parametrize("read", [read_parquet, read_parquet_iter])
def test_a_column_asked_for_twice(target, filters, read):
    write_parquet([{"x": 1}], target, INT)
    with pytest.raises(ValueError, match="'x' twice"):
        read(target, columns=["x", "x"], filters=filters)


OVERWRITE = """
import sys
import pyarrow as pa
from py_parquet_forge import write_to_dataset
schema = pa.schema([("k", pa.string()), ("version", pa.int64())])
version = 0
while True:
    version += 1
    table = pa.table({"k": ["a", "b", "c"] * 10, "version": [version] * 30})
    write_to_dataset(table, sys.argv[1], schema, ["k"], "overwrite", durable=False)
    if version == 1:
        print("ready", flush=True)
"""


def test_reads_while_the_dataset_is_overwritten(tmp_path):
    folder = str(tmp_path / "d")
    judge = [("version", ">", 0)]
    ways = [
        lambda: read_parquet(folder, "arrow"),
        lambda: read_parquet(folder, "arrow", filters=judge),
        lambda: pa.Table.from_batches(read_parquet_iter(folder)),
        lambda: pa.Table.from_batches(read_parquet_iter(folder, filters=judge)),
    ]
    with subprocess.Popen([sys.executable, "-c", OVERWRITE, folder], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout.readline() == b"ready\n"
            seen = set()
            for i in range(200):
                versions = ways[i % 4]()["version"].to_pylist()
                assert len(versions) == 30
                assert len(set(versions)) == 1
                seen.update(versions)
            assert writer.poll() is None
        finally:
            writer.kill()
    assert len(seen) > 1


def test_a_file_that_is_missing_is_told_at_once(tmp_path):
    for path in (tmp_path / "no.parquet", tmp_path / "*.parquet", tmp_path / "no" / "no.parquet"):
        with pytest.raises(FileNotFoundError) as caught:
            read_parquet(path)
        assert caught.value.filename == str(path)


# ---- rows without columns ----

ROWS_ALONE = {
    "index only": pd.DataFrame(index=range(3)),
    "all dropped": pd.DataFrame({"d": range(3)}),
    "table": pa.table({"d": range(3)}).select([]),
}


@pytest.mark.parametrize("coerce", [False, True])
@pytest.mark.parametrize("data", ROWS_ALONE.values(), ids=ROWS_ALONE)
def test_rows_that_have_no_declared_column_are_rows(target, data, coerce):
    write_parquet(data, target, INT, on_missing="null", on_extra="drop", coerce=coerce)
    assert pq.read_table(target)["x"].to_pylist() == [None] * 3


@pytest.mark.parametrize("data", ROWS_ALONE.values(), ids=ROWS_ALONE)
def test_rows_without_columns_miss_what_is_declared(target, data):
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(data, target, INT, on_extra="drop")
    assert [(f.path, f.rule) for f in caught.value.failures] == [("x", "missing")]
    assert not target.exists()


def test_a_frame_whose_columns_are_all_refused_names_the_missing_ones_too(target):
    schema = pa.schema([("x", pa.int64()), ("y", pa.int64())])
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(pd.DataFrame({"x": ["a"]}, dtype=object), target, schema)
    assert [(f.path, f.rule) for f in caught.value.failures] == [("x", "type"), ("y", "missing")]
