# SPDX-License-Identifier: Apache-2.0
"""Commits of datasets: what readers see while others write, are killed, or replace everything."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pyarrow as pa
import pytest

from py_parquet_forge import (
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_to_dataset,
)

SCHEMA = pa.schema([pa.field("p", pa.int32()), pa.field("a", pa.int64())])
ALL = os.environ.get("PQF_TEST_ALL") == "1"
FORK = multiprocessing.get_context("fork")


def rows(a, partitions):
    return [{"p": p, "a": a} for p in range(partitions)]


def values(path):
    return read_parquet(path, output_format="arrow").column("a").to_pylist()


def files_in(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def append(path, first, times, partitions):
    for i in range(times):
        write_to_dataset(rows(first + i, partitions(i)), path, SCHEMA, partition_cols=["p"], durable=False)


def test_eight_processes_append(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(0, 3), path, SCHEMA, partition_cols=["p"])
    before = files_in(path)
    times = 20 if ALL else 6
    processes = [
        FORK.Process(target=append, args=(path, 1000 * k, times, lambda i, k=k: 1 + (i + k) % 4))
        for k in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    wanted = [0] * 3 + [1000 * k + i for k in range(8) for i in range(times) for _ in range(1 + (i + k) % 4)]
    assert sorted(values(path)) == sorted(wanted)
    assert before.items() <= files_in(path).items()
    assert os.listdir(tmp_path) == ["d"]


def overwrite_for_ever(path, first):
    for a in range(first, 1 << 40):
        write_to_dataset(rows(a, 4), path, SCHEMA, mode="overwrite", partition_cols=["p"], durable=False)


def append_for_ever(path, first):
    for a in range(first, 1 << 40):
        write_to_dataset(rows(a, 30), path, SCHEMA, partition_cols=["p"], durable=False)


def killed(target, path, rounds, look):
    """Starts writers and kills them at random moments; look() is called all the time."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    for number in range(rounds):
        writer = FORK.Process(target=target, args=(path, number << 20))
        writer.start()
        end = time.monotonic() + chance.uniform(0.002, 0.06)
        while time.monotonic() < end:
            look(f"seed {seed}, round {number}")
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        look(f"seed {seed}, round {number}, after the kill")


def test_overwrites_killed_at_any_moment_leave_the_old_or_the_new_rows(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(-1, 4), path, SCHEMA, partition_cols=["p"])

    def look(when):
        found = values(path)
        assert len(found) == 4 and len(set(found)) == 1, (when, found)

    killed(overwrite_for_ever, path, 50 if ALL else 20, look)
    write_to_dataset(rows(5, 4), path, SCHEMA, mode="overwrite", partition_cols=["p"])
    assert os.listdir(tmp_path) == ["d"]


def test_appends_killed_at_any_moment_are_seen_whole_or_not_at_all(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(-1, 30), path, SCHEMA, partition_cols=["p"])
    last = []

    def look(when):
        found = values(path)
        assert len(found) % 30 == 0 and len(found) == 30 * len(set(found)), (when, len(found))
        last[:] = found

    killed(append_for_ever, path, 30 if ALL else 10, look)
    write_to_dataset(rows(5, 1), path, SCHEMA, partition_cols=["p"])
    assert sorted(values(path)) == sorted([*last, 5])
    assert os.listdir(tmp_path) == ["d"]


CHANGES = {
    "overwrite": lambda path: write_to_dataset(
        rows(7, 2), path, SCHEMA, mode="overwrite", partition_cols=["p"]
    ),
    "append": lambda path: write_to_dataset(rows(7, 9), path, SCHEMA, partition_cols=["p"]),
    "two overwrites": lambda path: [CHANGES["overwrite"](path) for _ in range(2)],
    "append and overwrite": lambda path: [CHANGES[name](path) for name in ("append", "overwrite")],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("memory_map", [False, True])
def test_a_running_iterator_keeps_its_version(tmp_path, change, memory_map):
    path = tmp_path / "d"
    write_to_dataset(rows(1, 6), path, SCHEMA, partition_cols=["p"])
    running = read_parquet_iter(path, chunk_size=2, memory_map=memory_map)
    waiting = read_parquet_iter(path, chunk_size=100, filters=[("a", "==", 1)])
    first = next(running)
    change(path)
    assert [first, *running] and sum(batch.num_rows for batch in waiting) == 6
    again = read_parquet_iter(path, chunk_size=100)
    assert 7 in next(again).column("a").to_pylist()
    del running, waiting, again
    write_to_dataset(rows(8, 1), path, SCHEMA, mode="overwrite", partition_cols=["p"])
    assert values(path) == [8]
    assert os.listdir(tmp_path) == ["d"]


def test_a_running_iterator_gives_the_rows_it_began_with(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(1, 6), path, SCHEMA, partition_cols=["p"])
    running = read_parquet_iter(path, chunk_size=2)
    found = next(running).column("a").to_pylist()
    CHANGES["append and overwrite"](path)
    for batch in running:
        found += batch.column("a").to_pylist()
    assert found == [1] * 6


def test_overwriting_a_dataset_from_its_own_reader(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(1, 6), path, SCHEMA, partition_cols=["p"])
    schema = inspect_schema(path)
    write_to_dataset(
        read_parquet_iter(path, chunk_size=1), path, schema, mode="overwrite", partition_cols=["p"]
    )
    assert values(path) == [1] * 6
    assert os.listdir(tmp_path) == ["d"]


def test_a_link_as_dataset_stays_a_link_and_hidden_things_lie_beside_its_target(tmp_path):
    (tmp_path / "store").mkdir()
    write_to_dataset(rows(1, 3), tmp_path / "store" / "d", SCHEMA, partition_cols=["p"])
    link = tmp_path / "link"
    link.symlink_to("store/d")
    running = read_parquet_iter(link, chunk_size=1)
    next(running)
    write_to_dataset(rows(2, 3), link, SCHEMA, mode="overwrite", partition_cols=["p"])
    assert link.is_symlink() and sorted(os.listdir(tmp_path)) == ["link", "store"]
    assert sum(batch.num_rows for batch in running) == 2
    assert values(link) == [2] * 3


def test_other_readers_find_no_file_of_ours_while_a_dataset_is_written(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(1, 3), path, SCHEMA, partition_cols=["p"])

    def chunks():
        for i in range(3):
            yield rows(i, 3)
            assert len(list(tmp_path.rglob("*.parquet"))) == 3
            assert all(file.suffix == ".parquet" for file in files_in(path))

    write_to_dataset(chunks(), path, SCHEMA, partition_cols=["p"])
    assert len(list(tmp_path.rglob("*.parquet"))) == 6


def test_a_child_that_outlives_its_killed_parent_keeps_the_stage(tmp_path):
    path = tmp_path / "d"
    write_to_dataset(rows(1, 2), path, SCHEMA, partition_cols=["p"])
    from_parent, to_test = os.pipe()
    from_test, to_child = os.pipe()
    parent = os.fork()
    if parent == 0:

        def chunks():
            yield rows(2, 2)
            if os.fork() == 0:
                os.close(to_child)
                os.read(from_test, 1)
                os._exit(0)
            os.write(to_test, b"x")
            time.sleep(60)

        write_to_dataset(chunks(), path, SCHEMA, partition_cols=["p"])
        os._exit(1)
    os.read(from_parent, 1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    write_to_dataset(rows(3, 2), path, SCHEMA, partition_cols=["p"])
    assert (tmp_path / ".d.forge").exists()
    os.close(to_child)
    for _ in range(200):
        time.sleep(0.02)
        write_to_dataset(rows(3, 1), path, SCHEMA, mode="overwrite", partition_cols=["p"])
        if os.listdir(tmp_path) == ["d"]:
            break
    assert os.listdir(tmp_path) == ["d"]
    assert values(path) == [3]
    for fd in (from_parent, to_test, from_test):
        os.close(fd)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_parent_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "closed" / "d").mkdir(parents=True)
    (tmp_path / "closed").chmod(0o555)
    with pytest.raises(PermissionError, match=r"\.d\.forge"):
        write_to_dataset(rows(1, 2), tmp_path / "closed" / "d", SCHEMA)
    (tmp_path / "closed").chmod(0o755)


def test_durable_false_differs_in_nothing_but_syncs(tmp_path):
    for durable in (True, False):
        path = tmp_path / str(durable)
        write_to_dataset(rows(1, 20), path, SCHEMA, partition_cols=["p"], durable=durable)
        write_to_dataset(rows(2, 20), path, SCHEMA, partition_cols=["p"], durable=durable)
        write_to_dataset(rows(3, 1), path, SCHEMA, partition_cols=["p"], durable=durable)
        assert sorted(values(path)) == [1] * 20 + [2] * 20 + [3]
    assert sorted(os.listdir(tmp_path)) == ["False", "True"]


# ---- writers that meet ----


@pytest.mark.parametrize("num_rows", [1, 4])
@pytest.mark.parametrize("is_there", [False, True])
def test_of_two_first_appends_with_other_types_one_is_refused(tmp_path, num_rows, is_there):
    """The schema is looked at again under the commit lock when the dataset was empty at the start."""
    folder = tmp_path / "d"
    if is_there:
        folder.mkdir()
    numbers = pa.schema([("p", pa.int32()), ("v", pa.int64())])
    texts = pa.schema([("p", pa.int32()), ("v", pa.string())])

    def meanwhile():
        yield pa.table(
            {"p": range(num_rows), "v": range(num_rows)},
            schema=pa.schema([("p", pa.int64()), ("v", pa.int64())]),
        )
        write_to_dataset([{"p": 0, "v": "x"}], folder, texts, partition_cols=["p"])

    with pytest.raises(SchemaValidationError, match="'v'"):
        write_to_dataset(meanwhile(), folder, numbers, partition_cols=["p"])
    assert read_parquet(folder, "arrow").num_rows == 1
    assert os.listdir(tmp_path) == ["d"]


def test_old_rows_go_with_their_last_reader(tmp_path):
    schema = pa.schema([("v", pa.int64())])
    folder = tmp_path / "d"
    write_to_dataset([{"v": i} for i in range(100)], folder, schema)
    batches = read_parquet_iter(folder, chunk_size=7)
    next(batches)
    write_to_dataset([{"v": -1}], folder, schema, mode="overwrite")
    assert sum(batch.num_rows for batch in batches) == 93
    del batches
    gc.collect()
    assert os.listdir(tmp_path) == ["d"]


def test_many_files_are_read_with_few_descriptors(tmp_path):
    code = """
        import resource, sys
        import pyarrow as pa
        from py_parquet_forge import read_parquet, write_to_dataset
        schema = pa.schema([("p", pa.int64()), ("v", pa.int64())])
        write_to_dataset([{"p": i, "v": i} for i in range(300)], sys.argv[1], schema, partition_cols=["p"], durable=False)
        assert read_parquet(sys.argv[1], "arrow").num_rows == 300
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        assert read_parquet(sys.argv[1], "arrow").num_rows == 300
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "d")], check=True)
