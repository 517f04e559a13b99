# SPDX-License-Identifier: Apache-2.0
"""Memory that is bounded where the documentation says so, and given back.

Each measurement is a process of its own: it imports, warms up, resets the high-water
mark of its resident memory (clear_refs), works, and tells how much the mark has risen.
The files are larger in memory than the bounds. PQF_TEST_ALL=1 takes 4 GB of rows.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import support

from py_parquet_forge import ParquetStreamWriter, write_to_dataset

MIB = 1 << 20

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/clear_refs"), reason="memory is measured through /proc"
)

PRELUDE = """
    import gc, os, resource, sys
    import numpy as np
    import pyarrow as pa
    import py_parquet_forge as p

    MIB = 1 << 20
    pool = pa.system_memory_pool()
    pa.set_memory_pool(pool)

    def status(name):
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return int(line.split()[1]) * 1024

    def reset():
        gc.collect()
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return status("VmRSS")

    def told(begin):
        print("grown", status("VmHWM") - begin)
"""


def run(code: str, *arguments, timeout: int = 300) -> dict[str, int]:
    """Runs a script after the prelude; its lines `name number` come back as a dict."""
    script = textwrap.dedent(PRELUDE) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr[-3000:]}"
    pairs = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    return {name: int(number) for name, number in pairs}


def test_the_measure_measures():
    """200 MiB that are taken and given back are seen, and a leak of 20 MiB is too."""
    told = run(
        """
        begin = reset()
        taken = np.ones(200 * MIB, np.uint8)
        del taken
        told(begin)
        begin = status("VmRSS")
        kept = [np.ones(MIB, np.uint8) for _ in range(20)]
        print("kept", status("VmRSS") - begin)
        """
    )
    assert 195 * MIB < told["grown"] < 220 * MIB
    assert 18 * MIB < told["kept"] < 25 * MIB


# ------------------------------------------------------------------------------ files

NUMBERS = pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.float32()), ("t", pa.string())])


def _numbers(start: int, count: int) -> pa.Table:
    rnd = np.random.default_rng(start)
    columns = [
        pa.array(np.arange(start, start + count)),
        pa.array(rnd.random(count)),
        pa.array(rnd.random(count, np.float32)),
        pa.array(rnd.integers(0, 10**12, count)).cast(pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=NUMBERS)


def _numbers_file(path: pathlib.Path, rows: int, group: int) -> pathlib.Path:
    with ParquetStreamWriter(path, NUMBERS, row_group_size=group) as writer:
        for start in range(0, rows, 200_000):
            writer.write_chunk(_numbers(start, min(200_000, rows - start)))
    return path


@pytest.fixture(scope="module")
def numbers(tmp_path_factory) -> pathlib.Path:
    """3 million rows, 110 MB of Arrow, in row groups of a million."""
    return _numbers_file(tmp_path_factory.mktemp("numbers") / "x.parquet", 3_000_000, 1_000_000)


@pytest.fixture(scope="module")
def one_group(tmp_path_factory) -> pathlib.Path:
    """The same rows in one row group."""
    return _numbers_file(tmp_path_factory.mktemp("group") / "x.parquet", 3_000_000, 10_000_000)


SIZE = 4000 if support.ALL else 600


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> pathlib.Path:
    """A dataset of SIZE MB in Arrow's form and little on disk: long texts, repeated."""
    folder = tmp_path_factory.mktemp("texts") / "set"
    words = pa.array([f"{i:04d}" * 50 for i in range(1000)])
    schema = pa.schema([("n", pa.int64()), ("t", pa.string())])
    rows, rnd = 250_000, np.random.default_rng(7)
    for part in range(SIZE // 50):
        data = pa.table(
            {
                "n": pa.array(np.arange(rows) + part * rows),
                "t": words.take(pa.array(rnd.integers(0, 1000, rows))),
            }
        )
        write_to_dataset(data.cast(schema), folder, schema)
    return folder


# ---------------------------------------------------------------------------- reading

ITERATE = """
    path, size, columns = sys.argv[1], int(sys.argv[2]), sys.argv[3:] or None
    for batch in p.read_parquet_iter(path, chunk_size=10):
        break
    batch = None
    begin, rows = reset(), 0
    for batch in p.read_parquet_iter(path, chunk_size=size, columns=columns):
        rows += len(batch)
    told(begin)
    print("rows", rows)
"""


@pytest.mark.parametrize("shape", ["numbers", "one_group"])
def test_iterating(shape, request):
    """The batch, a page and a dictionary of 4 columns, 32 MiB: whatever the row groups."""
    path = request.getfixturevalue(shape)
    told = run(ITERATE, path, 10_000)
    assert told["rows"] == 3_000_000
    assert told["grown"] < 48 * MIB, f"{told['grown'] / MIB:.1f} MiB"


def test_iterating_with_a_filter(numbers):
    told = run(
        """
        import pyarrow.compute as pc
        keep = pc.field("b") < 0.5
        next(iter(p.read_parquet_iter(sys.argv[1], chunk_size=10, filters=keep)))
        begin, rows = reset(), 0
        for batch in p.read_parquet_iter(sys.argv[1], chunk_size=10_000, filters=keep):
            rows += len(batch)
        told(begin)
        print("rows", rows)
        """,
        numbers,
    )
    assert 1_400_000 < told["rows"] < 1_600_000
    assert told["grown"] < 64 * MIB, f"{told['grown'] / MIB:.1f} MiB"


def test_iterating_a_dataset(texts):
    told = run(ITERATE, texts, 10_000)
    assert told["rows"] == SIZE // 50 * 250_000
    assert told["grown"] < 64 * MIB, f"{told['grown'] / MIB:.1f} MiB"


LIMITED = """
    limit = int(sys.argv[2])
    p.inspect_schema(sys.argv[1])
    if limit == 0:
        limit = status("VmData") + 200 * MIB
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    def iterate():
        rows = size = 0
        for batch in p.read_parquet_iter(sys.argv[1], chunk_size=20_000):
            rows += len(batch)
            size += batch.nbytes
        return rows, size

    rows, size = iterate()
    print("rows", rows)
    print("size", size)
    try:
        p.read_parquet(sys.argv[1], output_format="arrow")
        print("read whole", 1)
    except MemoryError:
        print("MemoryError", 1)
    except pa.ArrowInvalid as error:
        print("ArrowInvalid", int("memory_limit" in str(error)))
    print("rows again", iterate()[0])
"""


def test_a_dataset_larger_than_memory(texts):
    """Under RLIMIT_DATA: iterating goes through, reading whole is a clean error."""
    told = run(LIMITED, texts, 700 * MIB if support.ALL else 0, timeout=900)
    assert told["rows"] == told["rows again"] == SIZE // 50 * 250_000
    assert told["size"] > SIZE * 10**6 * 0.95
    assert told.get("ArrowInvalid", 0) == 1 or told.get("MemoryError", 0) == 1, told


@pytest.mark.skipif(not support.ALL, reason="2.2 GB of strings: PQF_TEST_ALL=1 writes and reads them")
def test_a_column_of_more_than_two_gigabytes(tmp_path):
    """More strings than 32-bit offsets reach, in one row group: a table in chunks, as pyarrow gives."""
    told = run(
        """
        words = pa.array(["x" * 10**6 + str(i) for i in range(10)])
        part = words.take(pa.array(np.arange(1100) % 10))
        table = pa.table({"t": pa.chunked_array([part, part])})
        p.write_parquet(table, sys.argv[1], table.schema)
        del table, part
        column = p.read_parquet(sys.argv[1], output_format="arrow").column("t")
        print("rows", len(column))
        print("bytes", sum(len(column[i].as_py()) for i in range(len(column))))
        """,
        tmp_path / "x.parquet",
    )
    assert told == {"rows": 2200, "bytes": 2200 * (10**6 + 1)}


def test_memory_limit_is_an_error_that_names_itself(numbers):
    told = run(
        """
        for call in (
            lambda: p.read_parquet(sys.argv[1], output_format="arrow", memory_limit=20 * MIB),
            lambda: p.read_parquet(sys.argv[1], memory_limit=20 * MIB),
        ):
            begin = reset()
            try:
                call()
                print("read", 1)
            except pa.ArrowInvalid as error:
                print("named", int("memory_limit" in str(error)))
            told(begin)
        """,
        numbers,
    )
    assert told.get("named") == 1 and "read" not in told
    assert told["grown"] < 60 * MIB, f"{told['grown'] / MIB:.1f} MiB"


def test_reading_whole_takes_little_more_than_the_rows(numbers):
    told = run(
        """
        p.read_parquet(sys.argv[1], output_format="arrow", columns=["c"])
        begin = reset()
        table = p.read_parquet(sys.argv[1], output_format="arrow")
        told(begin)
        print("size", table.nbytes)
        """,
        numbers,
    )
    assert told["grown"] < told["size"] * 1.5 + 64 * MIB, {k: v / MIB for k, v in told.items()}


@pytest.mark.parametrize("form", ["arrow", "pandas"])
def test_a_column_kept_does_not_keep_the_others(form, tmp_path):
    """One of eight columns: the rest of what was read is given back."""
    path = tmp_path / "a.parquet"
    rows = 2_000_000
    rng = np.random.default_rng(1)
    columns = {name: pa.array(rng.random(rows)) for name in "abcdefgh"}
    pq.write_table(pa.table(columns), path, row_group_size=rows, compression="none", use_dictionary=False)
    told = run(
        """
        import time

        def held():
            # without freed blocks that the system may take
            lazy = [line.split()[1] for line in open("/proc/self/smaps_rollup") if line.startswith("LazyFree")]
            return status("VmRSS") - int(lazy[0]) * 1024

        def settle():
            gc.collect()
            time.sleep(1.1)  # freed blocks are kept for a second, and lent to the system when the next is freed
            p.read_parquet(sys.argv[1], output_format=sys.argv[2], columns=["a"])

        settle()
        begin = held()
        read = p.read_parquet(sys.argv[1], output_format=sys.argv[2])
        kept = read["c"]
        del read
        settle()
        print("kept", held() - begin)
        print("size", kept.nbytes)
        """,
        path,
        form,
    )
    assert told["kept"] < 3 * told["size"], {k: v / MIB for k, v in told.items()}


def test_a_slice_kept_does_not_keep_the_file(one_group):
    """What the iterator has given is the caller's alone: old batches are freed."""
    told = run(
        """
        kept = []
        begin = reset()
        for i, batch in enumerate(p.read_parquet_iter(sys.argv[1], chunk_size=1000)):
            if i % 100 == 0:
                kept.append(batch)
        told(begin)
        print("kept", sum(batch.nbytes for batch in kept))
        """,
        one_group,
    )
    assert told["grown"] < told["kept"] + 80 * MIB, {k: v / MIB for k, v in told.items()}


# ---------------------------------------------------------------------------- writing

MAKE = """
    schema = pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.float64())])
    rnd = np.random.default_rng(1)

    def chunk(rows=50_000):
        columns = [pa.array(rnd.integers(0, 2**60, rows)), pa.array(rnd.random(rows)), pa.array(rnd.random(rows))]
        return pa.Table.from_arrays(columns, schema=schema)

    p.write_parquet(chunk(1000), sys.argv[1] + "/warm.parquet", schema)
"""


def test_a_stream_is_written_in_bounded_memory(tmp_path):
    """240 MB go through; one row group of 200,000 rows is 5 MB of pages."""
    told = run(
        MAKE
        + """
    begin = reset()
    with p.ParquetStreamWriter(sys.argv[1] + "/x.parquet", schema, row_group_size=200_000) as writer:
        for _ in range(200):
            writer.write_chunk(chunk())
    told(begin)
    print("rows", sum(len(batch) for batch in p.read_parquet_iter(sys.argv[1] + "/x.parquet", columns=["a"])))
    """,
        tmp_path,
    )
    assert told["rows"] == 10_000_000
    assert told["grown"] < 64 * MIB, f"{told['grown'] / MIB:.1f} MiB"


@pytest.mark.parametrize("call", ["write_parquet", "write_to_dataset"])
def test_a_generator_is_written_in_bounded_memory(call, tmp_path):
    told = run(
        MAKE
        + """
    begin = reset()
    data = (chunk() for _ in range(120))
    if sys.argv[2] == "write_parquet":
        p.write_parquet(data, sys.argv[1] + "/x.parquet", schema, row_group_size=200_000)
    else:
        p.write_to_dataset(data, sys.argv[1] + "/set", schema, row_group_size=200_000)
    told(begin)
    """,
        tmp_path,
        call,
    )
    assert told["grown"] < 64 * MIB, f"{told['grown'] / MIB:.1f} MiB"


def test_row_groups_by_bytes(tmp_path):
    told = run(
        MAKE
        + """
    begin = reset()
    with p.ParquetStreamWriter(sys.argv[1] + "/x.parquet", schema, row_group_bytes=4 * MIB) as writer:
        for _ in range(100):
            writer.write_chunk(chunk())
    told(begin)
    import pyarrow.parquet as pq
    groups = pq.ParquetFile(sys.argv[1] + "/x.parquet").num_row_groups
    print("groups", groups)
    """,
        tmp_path,
    )
    assert 25 <= told["groups"] <= 40, told
    assert told["grown"] < 48 * MIB, f"{told['grown'] / MIB:.1f} MiB"


# ------------------------------------------------------------------------------- leaks

REPEAT = """
    import pyarrow.compute as pc
    folder, what, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    table = pa.table({
        "a": list(range(500)),
        "t": [str(i % 7) * 20 for i in range(500)],
        "l": [[i, None] if i % 3 else None for i in range(500)],
        "c": pa.array([str(i % 5) for i in range(500)]).dictionary_encode(),
    })
    path = folder + "/x.parquet"
    p.write_parquet(table, path, table.schema, row_group_size=100)
    required = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    with open(folder + "/bad.parquet", "wb") as file:
        file.write(open(path, "rb").read()[:-200] + b"PAR1")
    data = bytearray(open(path, "rb").read())
    data[60] ^= 255
    open(folder + "/flipped.parquet", "wb").write(data)

    def failing(call):
        try:
            call()
        except (ValueError, OSError, NotImplementedError, TypeError):
            return
        raise SystemExit("did not fail")

    def abandoned():
        iterator = p.read_parquet_iter(path, chunk_size=7)
        next(iterator)
        next(iterator)

    def closed():
        iterator = p.read_parquet_iter(path, chunk_size=7)
        next(iterator)
        iterator.close()

    def stream():
        with p.ParquetStreamWriter(folder + "/s.parquet", table.schema) as writer:
            writer.write_chunk(table)
            writer.write_chunk(table)

    def broken_stream():
        try:
            with p.ParquetStreamWriter(folder + "/s.parquet", table.schema) as writer:
                writer.write_chunk(table)
                raise KeyError
        except KeyError:
            pass

    def dataset():
        p.write_to_dataset(table, folder + "/set", table.schema, partition_cols=["t"], mode="overwrite")
        p.read_parquet(folder + "/set", output_format="arrow", filters=[("t", "=", "1" * 20)])

    rows = table.select(["a", "t", "l"]).to_pylist()
    plain = table.select(["a", "t", "l"]).schema
    works = {
        "read": lambda: p.read_parquet(path, output_format="arrow"),
        "pandas": lambda: p.read_parquet(path),
        "filter": lambda: p.read_parquet(path, output_format="arrow", filters=pc.field("a") < 10, columns=["t"]),
        "iter": lambda: sum(len(batch) for batch in p.read_parquet_iter(path, chunk_size=77)),
        "abandoned": abandoned,
        "closed": closed,
        "inspect": lambda: p.inspect_schema(path),
        "write": lambda: p.write_parquet(table, folder + "/y.parquet", table.schema, durable=False),
        "rows": lambda: p.write_parquet(rows, folder + "/y.parquet", plain, durable=False),
        "stream": stream,
        "broken stream": broken_stream,
        "dataset": dataset,
        "refused": lambda: failing(lambda: p.write_parquet([{"a": None}], folder + "/z.parquet", required)),
        "refused type": lambda: failing(lambda: p.write_parquet([{"a": "x"}], folder + "/z.parquet", required)),
        "damaged": lambda: failing(lambda: p.read_parquet(folder + "/bad.parquet")),
        "flipped": lambda: failing(lambda: p.read_parquet(folder + "/flipped.parquet", output_format="arrow")),
        "missing": lambda: failing(lambda: p.read_parquet(folder + "/nothing.parquet")),
        "keyword": lambda: failing(lambda: p.read_parquet(path, colums=["a"])),
    }
    work = works[what]

    def held():
        gc.collect()
        return status("VmRSS"), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    for _ in range(rounds // 4):
        work()
    memory, files, threads = held()
    for _ in range(rounds):
        work()
    print("memory", held()[0] - memory)
    print("files", held()[1] - files)
    print("threads", held()[2] - threads)
"""
ROUNDS = {"dataset": 60, "stream": 250, "broken stream": 500, "pandas": 400}
WORKS = [
    "read",
    "pandas",
    "filter",
    "iter",
    "abandoned",
    "closed",
    "inspect",
    "write",
    "rows",
    "stream",
    "broken stream",
    "dataset",
    "refused",
    "refused type",
    "damaged",
    "flipped",
    "missing",
    "keyword",
]


@pytest.mark.parametrize("what", WORKS)
def test_nothing_leaks(what, tmp_path):
    """A thousand times the same leaves memory, open files and threads as they were.

    4 MiB over 1,000 rounds are 4 kB a round: less than any table here.
    """
    told = run(REPEAT, tmp_path, what, ROUNDS.get(what, 1000))
    assert told["files"] == 0
    assert told["threads"] <= 0
    assert told["memory"] < 4 * MIB, f"{told['memory'] / 1024:.0f} kB"


# ------------------------------------------------------------------------------- forks

FORK = """
    import signal
    folder = sys.argv[1]
    table = pa.table({"a": list(range(100_000)), "t": [str(i) for i in range(100_000)]})
    path = folder + "/x.parquet"
    p.write_parquet(table, path, table.schema, row_group_size=10_000)
    assert p.read_parquet(path, output_format="arrow").equals(table)
    iterator = p.read_parquet_iter(path, chunk_size=1000)
    first = next(iterator)

    def work(name):
        assert p.read_parquet(path, output_format="arrow").equals(table)
        assert sum(len(batch) for batch in p.read_parquet_iter(path, chunk_size=999)) == 100_000
        p.write_parquet(table, folder + "/" + name, table.schema, row_group_size=10_000)
        assert p.read_parquet(folder + "/" + name, output_format="arrow").equals(table)

    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            signal.alarm(30)
            try:
                work(f"child{number}.parquet")
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        children.append(pid)
    signal.alarm(60)
    work("parent.parquet")
    print("codes", sum(os.waitpid(pid, 0)[1] for pid in children))
    print("rest", sum(len(batch) for batch in iterator) + len(first))
    files = [open(f"{folder}/{name}", "rb").read() for name in sorted(os.listdir(folder))]
    print("files", len(files))
    print("different", len(set(files)))
"""


def test_fork_between_calls(tmp_path):
    """Parent and children go on, and write the same bytes."""
    told = run(FORK, tmp_path, timeout=120)
    assert told == {"codes": 0, "rest": 100_000, "files": 6, "different": 1}


def test_use_threads_false_starts_no_thread(numbers):
    told = run(
        """
        count = lambda: len(os.listdir("/proc/self/task"))
        begin = count()
        p.read_parquet(sys.argv[1], output_format="arrow", use_threads=False)
        most = 0
        for batch in p.read_parquet_iter(sys.argv[1], chunk_size=100_000, use_threads=False):
            most = max(most, count() - begin)
        print("most", most)
        print("left", count() - begin)
        """,
        numbers,
    )
    assert told == {"most": 0, "left": 0}
