# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C is answered within 200 ms at any point, and leaves nothing behind.

A busy machine delays threads by itself, so each call gets a few tries; the best one counts. Where all are
late, a probe behind each of them has told how much longer the machine takes for anything just now: what is in
time by that measure passes with a warning. Alone on its cores a machine takes no longer, and 200 ms are 200 ms.
"""

from __future__ import annotations

import gc
import glob
import hashlib
import itertools
import os
import signal
import threading
import time
import warnings

import numpy as np
import pyarrow as pa
import pytest
from conftest import names_in

from py_parquet_forge import (
    ParquetStreamWriter,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

MOST_SECONDS = 0.2
TRIES = 5
ROWS = 600_000


@pytest.fixture(autouse=True)
def python_hears_signals():
    """A shell starts what runs in its background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(1)
    text = np.char.add(np.char.add("name ", rng.integers(0, ROWS, ROWS).astype(str)), " of a thing")
    return pa.table(
        {
            "id": rng.integers(0, 1 << 40, ROWS),
            "share": rng.random(ROWS),
            "text": pa.array(text.tolist()),
            "group": rng.integers(0, 300, ROWS),
        }
    )


def seconds_to_stop(call, after: float) -> float | None:
    """From SIGINT to KeyboardInterrupt; None when the call was faster than the signal."""
    sent = 0.0

    def send() -> None:
        nonlocal sent
        sent = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    try:
        timer.start()
        try:
            call()
        except KeyboardInterrupt:
            return time.perf_counter() - sent
        timer.join()
        time.sleep(0.05)  # the signal of a call that was too fast arrives here
    except KeyboardInterrupt:
        pass
    finally:
        timer.join()
    return None


BLOCK = bytes(1 << 18)  # hashed without the GIL


def slowness() -> float:
    """Elapsed over CPU time of busy threads, one per core: of the one that is hindered least."""
    ratios = []

    def work() -> None:
        elapsed, used = time.perf_counter(), time.thread_time()
        while time.thread_time() - used < 0.04:
            hashlib.sha256(BLOCK).digest()
        ratios.append((time.perf_counter() - elapsed) / (time.thread_time() - used))

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(1.0, min(ratios))


class Tries:
    """Seconds from SIGINT to KeyboardInterrupt, and how slow the machine was behind each late try."""

    def __init__(self) -> None:
        self.late: list[tuple[float, float]] = []

    def is_in_time(self, seconds: float | None) -> bool:
        if seconds is not None and seconds >= MOST_SECONDS:
            self.late.append((seconds, slowness()))
        return seconds is not None and seconds < MOST_SECONDS

    def judge(self) -> None:
        told = ", ".join(f"{seconds:.3f} s (machine {slow:.1f} times slower)" for seconds, slow in self.late)
        if not any(seconds < MOST_SECONDS * slow for seconds, slow in self.late):
            pytest.fail(f"Ctrl-C was answered after {told or 'the call had ended'}")
        warnings.warn(f"a busy machine: Ctrl-C was answered after {told}", stacklevel=3)


def expect_stop(call, afters: list[float]) -> None:
    tries = Tries()
    for after in (afters * TRIES)[: max(TRIES, len(afters))]:
        if tries.is_in_time(seconds_to_stop(call, after)):
            return
    tries.judge()


@pytest.mark.parametrize(
    ("codec", "level"), [("zstd", 19), ("zstd", 22), ("brotli", 11), ("gzip", 9), ("snappy", None)]
)
@pytest.mark.parametrize("use_threads", [True, False])
def test_ctrl_c_is_answered_while_a_file_is_written(tmp_path, table, codec, level, use_threads):
    path = tmp_path / "f.parquet"
    write_parquet(table.slice(0, 10), path, table.schema)
    before = path.read_bytes()

    def call() -> None:
        write_parquet(
            table, path, table.schema, compression=codec, compression_level=level, use_threads=use_threads
        )

    slow = level is not None
    expect_stop(call, [0.3, 0.1, 0.5] if slow else [0.01, 0.005, 0.02, 0.03])
    assert names_in(tmp_path) == ["f.parquet"]
    if slow:
        assert path.read_bytes() == before


def test_ctrl_c_is_answered_while_a_dataset_is_written(tmp_path, table):
    tries = itertools.count()
    target = tmp_path

    def call() -> None:
        nonlocal target
        target = tmp_path / f"d{next(tries)}"
        write_to_dataset(
            table,
            target,
            table.schema,
            partition_cols=["group"],
            compression="zstd",
            compression_level=19,
        )

    expect_stop(call, [0.3, 0.1, 0.5])
    assert not target.exists()
    write_to_dataset(table.slice(0, 10), target, table.schema)  # what there was no time to remove is swept
    assert not (tmp_path / f".{target.name}.forge").exists()
    assert read_parquet(target, "arrow").num_rows == 10


MANY = 10_000 if os.environ.get("PQF_TEST_ALL") else 4_000


def is_staging(folder) -> bool:
    """Half of the partitions have their folders in the hidden sibling."""
    trees = glob.glob(f"{folder}/.d.forge/*/tree")
    return bool(trees) and os.stat(trees[0]).st_nlink > MANY // 2


def is_moving(folder) -> bool:
    """The commit has happened: the first partitions have come to the dataset."""
    return os.stat(f"{folder}/d").st_nlink > 100


def stop_when(call, condition) -> float | None:
    """As seconds_to_stop: SIGINT is sent once the condition holds."""
    sent = 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal sent
        while not over.is_set():
            if condition():
                sent = time.perf_counter()
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        try:
            call()
        except KeyboardInterrupt:
            return time.perf_counter() - sent
        finally:
            over.set()
            watcher.join()
        time.sleep(0.05)
    except KeyboardInterrupt:
        pass
    return None


@pytest.mark.parametrize("condition", [is_staging, is_moving])
def test_ctrl_c_is_answered_whatever_the_number_of_partitions(tmp_path, condition):
    """What is left beside the dataset is hidden and goes with the next write; an append that was committed
    is whole, whatever had been moved. Best of TRIES, for the machine may have other things to do."""
    table = pa.table({"p": range(MANY), "v": range(MANY)})
    few = table.slice(0, 2)
    tries = Tries()
    for i in range(TRIES):
        folder = tmp_path / str(i)
        write_to_dataset(few, folder / "d", table.schema, ["p"], durable=False)
        seconds = stop_when(
            lambda folder=folder: write_to_dataset(table, folder / "d", table.schema, ["p"], durable=False),
            lambda folder=folder: condition(folder),
        )
        is_in_time = tries.is_in_time(seconds)
        assert sorted(os.listdir(folder)) in (["d"], [".d.forge", "d"])
        assert read_parquet(folder / "d", output_format="arrow").num_rows in (
            (2,) if condition is is_staging else (MANY + 2,)
        )
        write_to_dataset(few, folder / "d", table.schema, ["p"], durable=False)
        assert sorted(os.listdir(folder)) == ["d"]
        if is_in_time:
            return
    tries.judge()


def test_ctrl_c_in_the_data_of_a_partitioned_write_leaves_nothing_to_readers(tmp_path):
    table = pa.table({"p": range(1500), "v": range(1500)})
    interrupted = 0.0

    def batches():
        nonlocal interrupted
        yield table
        interrupted = time.perf_counter()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_to_dataset(batches(), tmp_path / "d", table.schema, ["p"], max_rows_per_file=1)
    seconds = time.perf_counter() - interrupted
    assert seconds < 5 * MOST_SECONDS * slowness()
    assert os.listdir(tmp_path) in ([], [".d.forge"])
    write_to_dataset(table.slice(0, 2), tmp_path / "d", table.schema, ["p"])
    assert os.listdir(tmp_path) == ["d"]
    assert read_parquet(tmp_path / "d", output_format="arrow").num_rows == 2


def test_an_error_in_the_data_of_a_partitioned_write_leaves_nothing_at_all(tmp_path):
    table = pa.table({"p": range(1500), "v": range(1500)})

    def batches():
        yield table
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_to_dataset(batches(), tmp_path / "d", table.schema, ["p"], max_rows_per_file=1)
    assert names_in(tmp_path) == []


def test_ctrl_c_is_answered_while_rows_are_converted(tmp_path, table):
    rows = table.slice(0, 200_000).to_pylist()
    path = tmp_path / "f.parquet"
    expect_stop(lambda: write_parquet(rows, path, table.schema), [0.01, 0.02, 0.04])


def test_ctrl_c_is_answered_while_a_file_is_read(tmp_path, table):
    path = tmp_path / "f.parquet"
    write_parquet(pa.concat_tables([table] * 4), path, table.schema, compression="gzip")
    expect_stop(lambda: read_parquet(path, output_format="arrow"), [0.01, 0.02, 0.005])
    expect_stop(lambda: [None for _ in read_parquet_iter(path)], [0.02, 0.01, 0.04])


def test_ctrl_c_is_answered_while_an_iterator_waits_for_its_thread(tmp_path, table):
    """A caller with a little work: most of the time next() waits for what is decoded ahead."""
    path = tmp_path / "f.parquet"
    write_parquet(pa.concat_tables([table] * 4), path, table.schema, compression="gzip")

    def call() -> None:
        for _ in read_parquet_iter(path, chunk_size=300_000):
            time.sleep(0.001)

    expect_stop(call, [0.1, 0.08, 0.12, 0.06, 0.15])


def test_ctrl_c_is_answered_by_a_filtered_read(tmp_path, table):
    path = tmp_path / "f.parquet"
    write_parquet(pa.concat_tables([table] * 4), path, table.schema)
    expect_stop(
        lambda: read_parquet(path, output_format="arrow", filters=[("share", "<", 0.5)]), [0.02, 0.01]
    )


def test_ctrl_c_from_the_progress_function_stops_the_call(tmp_path, table):
    def progress(done, total, unit):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_parquet(table, tmp_path / "f.parquet", table.schema, progress=progress)
    assert names_in(tmp_path) == []


def test_an_abandoned_iterator_says_nothing(tmp_path, table, capfd):
    path = tmp_path / "f.parquet"
    write_parquet(table, path, table.schema)
    batches = read_parquet_iter(path, chunk_size=1000)
    next(batches)
    del batches
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_an_abandoned_writer_says_nothing_and_leaves_nothing(tmp_path, table, capfd):
    writer = ParquetStreamWriter(tmp_path / "f.parquet", table.schema)
    writer.__enter__()
    writer.write_chunk(table)
    del writer
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert names_in(tmp_path) == []
