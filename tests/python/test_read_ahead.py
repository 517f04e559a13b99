# SPDX-License-Identifier: Apache-2.0
"""An iterator decodes while its caller works on a batch: that changes when, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from py_parquet_forge import read_parquet, read_parquet_iter, write_parquet

ROWS = 400_000
CHUNK = 40_000
WORK_SECONDS = 0.004
"""More than half a millisecond: the iterator takes such a caller to be at work."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(7)
    words = [f"word {i}" for i in range(1000)]
    return pa.table(
        {
            "id": np.arange(ROWS),
            "share": rng.random(ROWS),
            "word": pa.array([words[i] for i in rng.integers(0, 1000, ROWS)]),
            "many": pa.array([[i, i + 1] if i % 3 else None for i in range(ROWS)]),
        }
    )


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("ahead") / "f.parquet"
    write_parquet(table, path, table.schema, compression="zstd", row_group_size=150_000)
    return path


def at_work(batches):
    for batch in batches:
        time.sleep(WORK_SECONDS)
        yield batch


def num_threads() -> int:
    return len(os.listdir("/proc/self/task"))


@pytest.mark.parametrize("use_threads", [True, False])
@pytest.mark.parametrize("chunk", [CHUNK, 33_333, 250_000])
def test_a_caller_at_work_gets_the_same_batches(path, table, chunk, use_threads):
    batches = list(at_work(read_parquet_iter(path, chunk_size=chunk, use_threads=use_threads)))
    assert {len(batch) for batch in batches[:-1]} == {chunk}
    assert pa.Table.from_batches(batches).equals(table)


def test_a_filter_is_judged_meanwhile(path, table):
    fits = pc.field("share") < 0.3
    batches = list(at_work(read_parquet_iter(path, chunk_size=CHUNK, filters=fits)))
    assert pa.Table.from_batches(batches).equals(table.filter(fits).combine_chunks())


def test_files_that_differ(tmp_path, table):
    narrow = pa.table({"id": pa.array(range(100_000), pa.int32()), "share": [0.5] * 100_000})
    for i in range(6):
        part = narrow if i % 3 == 1 else table.slice(i * 50_000, 50_000)
        write_parquet(part, tmp_path / f"{i}.parquet", part.schema)
    expected = read_parquet(tmp_path, output_format="arrow", unify="widen")
    batches = list(at_work(read_parquet_iter(tmp_path, chunk_size=CHUNK, unify="widen")))
    assert pa.Table.from_batches(batches).equals(expected.combine_chunks())


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_the_thread_ends_with_the_iterator(path):
    if len(os.sched_getaffinity(0)) == 1:
        pytest.skip("one core: nothing is decoded ahead")
    before = num_threads()
    most = 0
    for _ in range(3):
        iterator = read_parquet_iter(path, chunk_size=CHUNK)
        for _ in range(5):
            next(iterator)
            time.sleep(0.02)
        most = max(most, num_threads() - before)
        iterator.close()
        assert num_threads() == before
    assert most >= 1
    for _ in at_work(read_parquet_iter(path, chunk_size=CHUNK)):
        pass
    assert num_threads() == before
    for _ in at_work(read_parquet_iter(path, chunk_size=CHUNK, use_threads=False)):
        assert num_threads() == before


def test_dropped_in_the_middle(path):
    begin = time.perf_counter()
    for drops in range(40):
        iterator = read_parquet_iter(path, chunk_size=CHUNK)
        for _ in range(drops % 6):
            next(iterator)
            time.sleep(WORK_SECONDS / 4 * (drops % 3))
        del iterator
    assert time.perf_counter() - begin < 60


def test_a_damaged_page_fails_where_it_stands(path, tmp_path, table):
    """Batches before it come, on whatever thread it was met; then the error, once."""
    data = bytearray(path.read_bytes())
    data[len(data) * 6 // 10] ^= 0x55
    damaged = tmp_path / "f.parquet"
    damaged.write_bytes(data)

    def read(use_threads: bool) -> tuple[int, str]:
        iterator = read_parquet_iter(damaged, chunk_size=10_000, use_threads=use_threads)
        rows = 0
        with pytest.raises(pa.ArrowInvalid) as failure:
            for batch in at_work(iterator):
                assert batch.column("id")[0].as_py() == rows
                rows += len(batch)
        assert next(iterator, None) is None
        return rows, str(failure.value)

    plain = read(False)
    assert 100_000 < plain[0] < ROWS
    assert read(True) == plain


def test_progress_counts_what_was_handed_out(path):
    calls = []
    rows = 0
    progress = lambda done, total, unit: calls.append((done, total))  # noqa: E731
    for batch in read_parquet_iter(path, chunk_size=CHUNK, progress=progress):
        rows += len(batch)
        time.sleep(0.06)  # longer than the engine waits between two calls of progress
        assert calls[-1] == (rows, None)
        assert all(done <= rows for done, _ in calls)
    assert calls[-1] == (ROWS, ROWS)


# ---- processes ----


def run(code: str, path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    head = (
        "import os, signal, sys, time\nfrom py_parquet_forge import read_parquet_iter\npath = sys.argv[1]\n"
    )
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_forks_between_two_batches(path):
    """Parent, children and grandchildren read on, wherever the thread was."""
    told = run(
        f"""
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks among threads
        signal.alarm(100)
        iterator = read_parquet_iter(path, chunk_size={CHUNK})
        rows, children, is_child = 0, [], False
        for i, batch in enumerate(iterator):
            assert batch.column("id")[0].as_py() == rows
            rows += len(batch)
            time.sleep(0.001 * (i % 4))
            if not is_child or i == 7:
                pid = os.fork()
                if pid:
                    children.append(pid)
                else:
                    is_child, children = True, []
                    signal.alarm(60)
        assert rows == {ROWS}
        codes = [os.waitpid(pid, 0)[1] for pid in children]
        if is_child:
            os._exit(any(codes))
        print(len(codes), sum(codes))
        """,
        path,
    )
    assert (told.stdout.split(), told.stderr) == ([str(ROWS // CHUNK), "0"], "")


EXITS = {
    "a global": "",
    "a cycle": "class Cycle: pass\nc = Cycle(); c.me = c; c.iterator = iterator; del iterator",
    "kept for ever": "import ctypes; ctypes.pythonapi.Py_IncRef(ctypes.py_object(iterator))",
    "os._exit": "os._exit(0)",
    "an exception": "raise SystemExit(0)",
    "another thread": "import threading; threading.Thread(target=lambda: list(iterator)).start()",
    "a daemon": "import threading; threading.Thread(target=lambda: list(iterator), daemon=True).start()",
}


@pytest.mark.parametrize("how", list(EXITS))
@pytest.mark.parametrize("seconds", [0, 0.0008, 0.01])
def test_the_interpreter_exits_with_an_open_iterator(path, how, seconds):
    code = f"""
signal.alarm(60)
iterator = read_parquet_iter(path, chunk_size={CHUNK})
for _ in range(4):
    next(iterator)
    time.sleep({WORK_SECONDS})
next(iterator)
time.sleep({seconds})
{EXITS[how]}
"""
    told = run(code, path)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_signals_go_to_the_main_thread(path):
    """The thread of an iterator takes no signals: a handler interrupts the caller's sleep."""
    caught = []
    before = signal.signal(signal.SIGALRM, lambda *_: caught.append(time.perf_counter()))
    try:
        iterator = read_parquet_iter(path, chunk_size=CHUNK)
        for _ in range(4):
            next(iterator)
            time.sleep(WORK_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(0.3)
        assert len(caught) == 1
        iterator.close()
    finally:
        signal.signal(signal.SIGALRM, before)
