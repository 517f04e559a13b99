# SPDX-License-Identifier: Apache-2.0
"""Promises about iterating, about progress, and about long calls: Ctrl-C and other threads."""

from __future__ import annotations

import gc
import os
import pty
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    ParquetStreamWriter,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

from .support import numbers, said

# -- read_parquet_iter --


@pytest.mark.parametrize(
    "bad",
    [
        {"chunk_size": 0},
        {"chunk_size": -3},
        {"chunk_size": "x"},
        {"chunk_size": 1.5},
        {"columns": ["nope"]},
        {"filters": [("nope", "==", 1)]},
        {"filters": [("a", "like", 1)]},
        {"memory_limit": -1},
        {"use_treads": True},
    ],
    ids=str,
)
def test_arguments_are_checked_at_the_call(bad, target):
    """`read_parquet_iter`: arguments are checked at the call"""
    pq.write_table(numbers(10), target)
    with pytest.raises((ValueError, TypeError)):
        read_parquet_iter(target, **bad)


def test_the_iterator_yields_record_batches(target):
    """A generator function ...: Iterator[pyarrow.RecordBatch]"""
    pq.write_table(numbers(10), target)
    iterator = read_parquet_iter(target)
    assert iter(iterator) is iterator
    assert all(isinstance(batch, pa.RecordBatch) for batch in iterator)
    with pytest.raises(StopIteration):
        next(iterator)


def test_the_iterator_has_close(target):
    """the iterator has `close()`"""
    pq.write_table(numbers(1000), target)
    before = len(os.listdir("/proc/self/fd"))
    iterator = read_parquet_iter(target, chunk_size=10)
    first = next(iterator)
    assert len(os.listdir("/proc/self/fd")) >= before
    iterator.close()
    iterator.close()
    assert len(os.listdir("/proc/self/fd")) <= before
    with pytest.raises(StopIteration):
        next(iterator)
    assert first["a"].to_pylist() == list(range(10))


def test_an_iterator_that_is_dropped_frees_its_files(target):
    """the iterator has `close()`"""
    pq.write_table(numbers(1000), target)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        next(read_parquet_iter(target, chunk_size=10))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def sizes(got):
    return [len(batch) for batch in got]


def exact(total, size):
    return [size] * (total // size) + [total % size] * (total % size > 0)


@pytest.mark.parametrize("size", [1, 7, 100, 333, 999, 1000, 1001, 5000])
def test_batches_have_exactly_chunk_size_rows_but_the_last(size, tmp_path):
    """batches have exactly `chunk_size` rows but the last, across files and with filters"""
    rows = [0, 1, 5, 300, 0, 444, 250]
    start = 0
    for i, n in enumerate(rows):
        pq.write_table(
            numbers(2000).slice(start, n), tmp_path / f"{i}.parquet", row_group_size=37, data_page_size=64
        )
        start += n
    got = list(read_parquet_iter(tmp_path, chunk_size=size))
    assert sizes(got) == exact(1000, size)
    assert pa.Table.from_batches(got).equals(numbers(2000).slice(0, 1000).combine_chunks())
    expression = pc.field("c").isin(["s1", "s4"])
    want = numbers(2000).slice(0, 1000).filter(expression)
    got = list(read_parquet_iter(tmp_path, chunk_size=size, filters=expression, columns=["a"]))
    assert sizes(got) == exact(len(want), size)
    assert [v for b in got for v in b["a"].to_pylist()] == want["a"].to_pylist()


def test_batches_are_exact_across_partitions_too(tmp_path):
    """batches have exactly `chunk_size` rows but the last, across files and with filters"""
    table = numbers(1000)
    write_to_dataset(table, tmp_path, table.schema, partition_cols=["c"], row_group_size=20)
    assert sizes(read_parquet_iter(tmp_path, chunk_size=64)) == exact(1000, 64)
    assert sizes(read_parquet_iter(tmp_path, chunk_size=64, columns=["c"])) == exact(1000, 64)
    assert sizes(read_parquet_iter(tmp_path, chunk_size=64, filters=pc.field("b") > 20)) == exact(
        len(table.filter(pc.field("b") > 20)), 64
    )


def test_the_default_chunk_is_100000_rows(target):
    """chunk_size: int = 100_000"""
    pq.write_table(pa.table({"a": pa.nulls(250_000, pa.int32())}), target)
    assert sizes(read_parquet_iter(target)) == [100_000, 100_000, 50_000]


def test_an_empty_directory_yields_nothing(tmp_path):
    """An empty directory yields nothing."""
    assert list(read_parquet_iter(tmp_path)) == []


MEMORY = """
    import sys
    import pyarrow as pa
    from py_parquet_forge import *
    import pyarrow.compute as pc
    def peak():
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
    path, small = sys.argv[1:]
    options = dict(chunk_size=10_000, %s)
    for batch in read_parquet_iter(small, **options):
        pass
    before = peak()
    rows = 0
    for batch in read_parquet_iter(path, **options):
        rows += len(batch)
    assert rows == %d, rows
    print(peak() - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file of one row group of 144 MB, pages of 1 MB."""
    rng = np.random.default_rng(3)
    table = pa.table({c: rng.random(4_500_000) for c in "abcd"})
    path = tmp_path_factory.mktemp("large") / "large.parquet"
    pq.write_table(table, path, row_group_size=1 << 30, use_dictionary=False, compression="none")
    assert pq.read_metadata(path).num_row_groups == 1
    pq.write_table(table.slice(0, 1000), path.with_name("small.parquet"))
    return path


@pytest.mark.parametrize("keywords", ["", "filters=pc.field('a') >= 0"], ids=["plain", "filters"])
def test_memory_of_the_iterator_does_not_depend_on_the_row_group(keywords, large):
    """memory is bounded by the batch, one page and one dictionary per column, and 32 MiB, independent of row-group size"""
    grown = int(said(MEMORY % (keywords, 4_500_000), large, large.with_name("small.parquet")))
    batch_and_pages = 4 * (10_000 * 8 + 2 * (1 << 20)) // 1024
    assert grown < 32 * 1024 + batch_and_pages


# -- progress --


def seen(call):
    calls = []
    call(lambda done, total, unit: calls.append((done, total, unit)))
    return calls


PROGRESS = {
    "read_parquet": lambda path, table, p: read_parquet(path, progress=p),
    "read_parquet, filtered": lambda path, table, p: read_parquet(
        path, progress=p, filters=[("a", ">", 500)]
    ),
    "read_parquet_iter": lambda path, table, p: list(read_parquet_iter(path, chunk_size=100, progress=p)),
    "write_parquet": lambda path, table, p: write_parquet(table, path, table.schema, progress=p),
    "write_parquet from an iterator": lambda path, table, p: write_parquet(
        iter([table, table]), path, table.schema, progress=p
    ),
    "write_to_dataset": lambda path, table, p: write_to_dataset(
        table, str(path) + ".d", table.schema, ["c"], progress=p
    ),
    "write nothing": lambda path, table, p: write_parquet([], path, table.schema, progress=p),
}


@pytest.mark.parametrize("name", PROGRESS)
def test_progress_is_called_at_least_once_the_last_time_with_done_equal_to_total(name, target):
    """`progress=callable(done, total, unit)`: called at least once, the last time with done == total (total is None while unknown)"""
    table = numbers(1000)
    pq.write_table(table, target, row_group_size=100)
    calls = seen(lambda p: PROGRESS[name](target, table, p))
    assert calls
    done, total, _ = calls[-1]
    assert done == total is not None
    assert all(
        type(d) is int and (t is None or type(t) is int and d <= t) and isinstance(u, str)
        for d, t, u in calls
    )
    assert [c[0] for c in calls] == sorted(c[0] for c in calls)


def test_progress_of_a_stream(target):
    """Long calls take `progress=True` ... or `progress=callable(done, total, unit)`"""
    table = numbers(1000)
    calls = []
    with ParquetStreamWriter(target, table.schema, progress=lambda *a: calls.append(a)) as writer:
        for _ in range(3):
            writer.write_chunk(table)
    assert calls and calls[-1][0] == calls[-1][1] == 3000


def test_progress_true_is_quiet_where_there_is_no_terminal(target):
    """`progress=True` (a bar on a terminal)"""
    pq.write_table(numbers(1000), target)
    said("import sys; from py_parquet_forge import *; read_parquet(sys.argv[1], progress=True)", target)


def test_progress_true_draws_a_bar_on_a_terminal(target):
    """`progress=True` (a bar on a terminal)"""

    pq.write_table(numbers(1000), target)
    pid, fd = pty.fork()
    if not pid:
        os.execv(
            sys.executable,
            [
                sys.executable,
                "-c",
                "import sys; from py_parquet_forge import *; read_parquet(sys.argv[1], progress=True)",
                str(target),
            ],
        )
    shown = b""
    try:
        while part := os.read(fd, 4096):
            shown += part
    except OSError:
        pass
    assert os.waitpid(pid, 0)[1] == 0
    assert b"1000" in shown.replace(b",", b"") or b"100" in shown


# -- Ctrl-C and the GIL --

LONG = """
    import os, signal, sys, threading, time
    import numpy as np, pyarrow as pa
    from py_parquet_forge import *
    folder = sys.argv[1]
    rng = np.random.default_rng(1)
    table = pa.table({c: rng.integers(0, 1 << 60, 600_000) for c in "abcd"})
    path = folder + "/t.parquet"
    write_parquet(table, path, table.schema, compression="zstd", use_dictionary=False)
    big = pa.concat_tables([table] * 12)
    calls = {
        "read_parquet": lambda: read_parquet([path] * 25, output_format="arrow"),
        "filtered": lambda: read_parquet([path] * 60, output_format="arrow", filters=[("a", "==", 1 << 59)]),
        "iterated": lambda: [None for _ in read_parquet_iter([path] * 60, chunk_size=1 << 17)],
        "write_parquet": lambda: write_parquet(big, folder + "/o.parquet", big.schema, compression="zstd", compression_level=9, durable=False),
        "write_to_dataset": lambda: write_to_dataset(big, folder + "/d", big.schema, compression="gzip", durable=False),
    }
    short = {
        "read_parquet": lambda: read_parquet([path] * 8, output_format="arrow"),
        "write_parquet": lambda: write_parquet(table, folder + "/o.parquet", table.schema, compression="zstd", compression_level=5, durable=False),
    }
    call = calls[sys.argv[2]]
"""
CALLS = ["read_parquet", "filtered", "iterated", "write_parquet", "write_to_dataset"]


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_is_answered_within_200_ms(name, tmp_path):
    """Ctrl-C is answered within 200 ms"""
    best = said(
        LONG
        + """
    best = 9e9
    for _ in range(4):  # the machine may have other work: the best of four
        sent = []
        def interrupt():
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)
        timer = threading.Timer(0.1, interrupt)
        timer.start()
        try:
            call()
            timer.join()
            time.sleep(0.05)
            raise SystemExit("the call was over before it was interrupted")
        except KeyboardInterrupt:
            best = min(best, time.monotonic() - sent[0])
        if best < 0.2:
            break
    print(best)
    """,
        tmp_path,
        name,
    )
    assert float(best) < 0.2


@pytest.mark.parametrize("name", ["read_parquet", "write_parquet"])
def test_the_gil_is_released_while_c_works(name, tmp_path):
    """the GIL is released while C works"""
    share = said(
        LONG
        + """
    ticks = []
    stop = False
    def tick():
        while not stop:
            ticks.append(time.monotonic())
            time.sleep(0.001)
    thread = threading.Thread(target=tick)
    thread.start()
    begun = time.monotonic()
    short[sys.argv[2]]()
    ended = time.monotonic()
    stop = True
    thread.join()
    during = [t for t in ticks if begun < t < ended]
    gaps = [b - a for a, b in zip([begun, *during], [*during, ended])]
    print(max(gaps) / (ended - begun))
    """,
        tmp_path,
        name,
    )
    assert float(share) < 0.5  # with the GIL held there would be one gap as long as the call


def test_two_python_threads_read_at_once(tmp_path):
    """the GIL is released while C works"""
    pq.write_table(numbers(20_000), tmp_path / "t", row_group_size=1000)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(read_parquet(tmp_path / "t", output_format="arrow")))
        for _ in range(8)
    ]
    [t.start() for t in threads]
    [t.join(30) for t in threads]
    assert len(results) == 8 and all(r.equals(results[0]) for r in results)
