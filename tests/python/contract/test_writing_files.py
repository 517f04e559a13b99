# SPDX-License-Identifier: Apache-2.0
"""Promises about single files: when they appear, what survives, and where row groups end."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import ParquetStreamWriter, SchemaValidationError, read_parquet, write_parquet

from .support import contents, everything, hidden, numbers, said

OLD, NEW = pa.table({"a": [1, 2, 3]}), pa.table({"a": [4, 5]})
SCHEMA = OLD.schema


def stream(data, path, schema, **keywords):
    with ParquetStreamWriter(path, schema, **keywords) as writer:
        writer.write_chunk(data)


both = pytest.mark.parametrize("write", [write_parquet, stream], ids=["write_parquet", "stream"])


@both
def test_parent_folders_are_created(write, tmp_path):
    """`write_parquet`: parent folders are created."""
    write(OLD, tmp_path / "x" / "y" / "t.parquet", SCHEMA)
    assert everything(tmp_path) == ["x/", "x/y/", "x/y/t.parquet"]


def test_the_bytes_go_to_a_hidden_file_in_the_targets_folder(target):
    """The bytes go to a hidden temporary file in the target's folder"""
    write_parquet(OLD, target, SCHEMA)
    before = contents(target.parent)
    seen = []

    def chunks():
        yield NEW
        seen.append((hidden(target.parent), target.read_bytes()))

    write_parquet(chunks(), target, SCHEMA)
    ((names, data),) = seen
    assert len(names) == 1 and data == before["t.parquet"][2]
    assert everything(target.parent) == ["t.parquet"]
    assert target.stat().st_ino != before["t.parquet"][0]  # renamed over, not written into


EVENTS = """
    def one(**keywords):
        write_parquet(pa.table({"a": [1]}), out + "/t.parquet", pa.schema([("a", pa.int64())]), **keywords)
    def chunked(**keywords):
        with ParquetStreamWriter(out + "/t.parquet", pa.schema([("a", pa.int64())]), **keywords) as writer:
            writer.write_chunk(pa.table({"a": [1]}))
    for call in (one, chunked):
        for durable in (True, False):
            found = events(lambda: call(durable=durable))
            names = [e[0] for e in found]
            at = names.index("rename")
            source, target = (os.path.basename(p) for p in found[at][1:])
            assert target == "t.parquet" and source.startswith("."), found
            synced = [(i, os.path.basename(e[1])) for i, e in enumerate(found) if e[0] == "fsync"]
            if durable:
                last_write = max(i for i, e in enumerate(found) if e[0] == "write" and os.path.basename(e[1]) == source)
                assert any(last_write < i < at and name == source for i, name in synced), found
                assert any(i > at and name == os.path.basename(out) for i, name in synced), found
            else:
                assert not synced and "syncfs" not in names, found
"""


def test_which_is_synced_renamed_over_the_target_and_the_folder_is_synced(under_shim, tmp_path):
    """which is synced, renamed over the target, and the folder is synced (`durable=False` skips both syncs, never the rename)"""
    (tmp_path / "out").mkdir()
    under_shim(EVENTS, tmp_path / "out")


class Mine(BaseException):
    pass


ERRORS = [KeyboardInterrupt(), SystemExit(1), MemoryError(), ValueError("x"), Mine(), GeneratorExit()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize("exists", [True, False], ids=["over an old file", "a new file"])
def test_any_exception_leaves_no_temporary_file_and_the_old_target(error, after, exists, target):
    """Any exception, `KeyboardInterrupt`, `SystemExit` and `MemoryError` included, leaves no temporary file and the old target."""
    if exists:
        write_parquet(OLD, target, SCHEMA)
    before = contents(target.parent)

    def chunks():
        for _ in range(after):
            yield numbers(3000).select(["a"])
        raise error

    for write in (
        lambda: write_parquet(chunks(), target, SCHEMA, row_group_size=1000),
        lambda: [stream(chunk, target, SCHEMA) for chunk in [chunks()]],
    ):
        with pytest.raises(type(error)):
            write()
        assert contents(target.parent) == before and everything(target.parent) == sorted(before)
    with pytest.raises(type(error)):
        with ParquetStreamWriter(target, SCHEMA, row_group_size=1000) as writer:
            for _ in range(after):
                writer.write_chunk(numbers(3000).select(["a"]))
            raise error
    assert contents(target.parent) == before and everything(target.parent) == sorted(before)


def test_ctrl_c_in_the_middle_leaves_no_temporary_file_and_the_old_target(target):
    """`KeyboardInterrupt` ... leaves no temporary file and the old target"""
    code = """
        import sys
        import numpy as np, pyarrow as pa
        from py_parquet_forge import *
        data = pa.table({"a": np.random.default_rng(1).integers(0, 1 << 40, 200_000)})
        def chunks():
            print("go", flush=True)
            while True:
                yield data
        write_parquet(chunks(), sys.argv[1], data.schema)
    """
    write_parquet(OLD, target, SCHEMA)
    before = contents(target.parent)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), target], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"go\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    assert contents(target.parent) == before and everything(target.parent) == ["t.parquet"]


KILLED = """
    target = out + "/t.parquet"
    old, new = pa.table({"a": [1, 2, 3]}), pa.table({"a": list(range(5000))})
    def call():
        %s
    write_parquet(old, target, old.schema)
    for exists in (True, False):
        if not exists:
            os.unlink(target)
        for lived in killed_at_every_event(call):
            seen = pq.read_table(target) if os.path.exists(target) else None
            assert seen is None and not exists and not lived or seen == new or exists and seen == old and not lived
            visible = [n for n in os.listdir(out) if not n.startswith(".")]
            assert visible in ([], ["t.parquet"])
            write_parquet(old, target, old.schema)  # the next write to the same file
            assert os.listdir(out) == ["t.parquet"], os.listdir(out)
            if not exists:
                os.unlink(target)
"""


@pytest.mark.parametrize(
    "call",
    [
        "write_parquet(new, target, new.schema, row_group_size=2000)",
        "with ParquetStreamWriter(target, new.schema, row_group_size=2000) as w: w.write_chunk(new)",
    ],
    ids=["write_parquet", "stream"],
)
def test_a_kill_leaves_the_old_file_or_the_new_and_the_next_write_removes_the_rest(
    call, under_shim, tmp_path
):
    """what a killed writer left is removed by the next write to the same file or dataset (2)"""
    under_shim(KILLED % call, tmp_path)


def test_a_living_writers_temporary_file_is_not_removed_by_another(target):
    """what a killed writer left is removed by the next write to the same file"""
    with ParquetStreamWriter(target, SCHEMA) as writer:
        writer.write_chunk(OLD)
        write_parquet(NEW, target, SCHEMA)
        writer.write_chunk(OLD)
    assert pq.read_table(target)["a"].to_pylist() == [1, 2, 3, 1, 2, 3]
    assert everything(target.parent) == ["t.parquet"]


@both
def test_a_directory_as_target_is_an_os_error(write, tmp_path):
    """A directory as target is an `OSError`."""
    (tmp_path / "d").mkdir()
    with pytest.raises(OSError):
        write(OLD, tmp_path / "d", SCHEMA)
    assert everything(tmp_path) == ["d/"]


@both
@pytest.mark.parametrize("hops", [1, 2])
def test_a_symbolic_links_target_is_replaced_not_the_link(write, hops, tmp_path):
    """A symbolic link's target is replaced, not the link"""
    (tmp_path / "far").mkdir()
    write(OLD, tmp_path / "far" / "t.parquet", SCHEMA)
    os.symlink(os.path.join("far", "t.parquet"), tmp_path / "link1")
    os.symlink("link1", tmp_path / "link2")
    write(NEW, tmp_path / f"link{hops}", SCHEMA)
    assert os.readlink(tmp_path / "link1") == "far/t.parquet" and os.readlink(tmp_path / "link2") == "link1"
    assert pq.read_table(tmp_path / "far" / "t.parquet").equals(NEW)
    assert everything(tmp_path) == ["far/", "far/t.parquet", "link1", "link2"]


def test_a_link_to_nothing_makes_its_target(tmp_path):
    """A symbolic link's target is replaced, not the link"""
    os.symlink("real.parquet", tmp_path / "link")
    write_parquet(OLD, tmp_path / "link", SCHEMA)
    assert (tmp_path / "link").is_symlink() and pq.read_table(tmp_path / "real.parquet").equals(OLD)


@both
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o666, 0o755])
def test_mode_bits_of_a_replaced_file_are_kept(write, mode, target):
    """mode bits of a replaced file are kept"""
    write(OLD, target, SCHEMA)
    os.chmod(target, mode)
    write(NEW, target, SCHEMA)
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_modes_of_the_umask(mask, target):
    """mode bits of a replaced file are kept"""
    before = os.umask(mask)
    try:
        write_parquet(OLD, target, SCHEMA)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


@both
def test_if_exists_replaces_skips_or_is_an_error(write, target):
    """`if_exists='replace' | 'error' | 'skip'` (`'error'`: `FileExistsError`)"""
    for choice in ("error", "skip", "replace"):
        write(OLD, target, SCHEMA, if_exists=choice)
        assert pq.read_table(target).equals(OLD)
        target.unlink()
    write(OLD, target, SCHEMA)
    before = contents(target.parent)
    with pytest.raises(FileExistsError):
        write(NEW, target, SCHEMA, if_exists="error")
    write(NEW, target, SCHEMA, if_exists="skip")
    assert contents(target.parent) == before and everything(target.parent) == ["t.parquet"]
    write(NEW, target, SCHEMA, if_exists="replace")
    assert pq.read_table(target).equals(NEW)
    with pytest.raises(ValueError, match="if_exists"):
        write(NEW, target, SCHEMA, if_exists="maybe")


def test_of_racing_writers_with_error_exactly_one_wins(target):
    """(`'error'`: `FileExistsError`)"""
    barrier = threading.Barrier(4)
    won = []

    def race(i):
        def chunks():
            yield pa.table({"a": [i]})
            barrier.wait()  # all have begun before the first is done

        try:
            write_parquet(chunks(), target, SCHEMA, if_exists="error")
        except FileExistsError:
            return
        won.append(i)

    threads = [threading.Thread(target=race, args=[i]) for i in range(4)]
    [t.start() for t in threads]
    [t.join(30) for t in threads]
    assert len(won) == 1 and pq.read_table(target)["a"].to_pylist() == won
    assert everything(target.parent) == ["t.parquet"]


# -- ParquetStreamWriter --


def test_a_writer_is_used_once(target):
    """`ParquetStreamWriter`: used with `with`, once"""
    writer = ParquetStreamWriter(target, SCHEMA)
    with writer:
        writer.write_chunk(OLD)
    before = contents(target.parent)
    with pytest.raises((OSError, ValueError, RuntimeError)):
        with writer:
            pass
    assert contents(target.parent) == before


def test_write_chunk_outside_the_block_is_an_os_error(target):
    """`write_chunk` outside the block is an `OSError` `Cannot write to a closed writer`"""
    writer = ParquetStreamWriter(target, SCHEMA)
    with pytest.raises(OSError, match="Cannot write to a closed writer"):
        writer.write_chunk(OLD)
    with writer:
        writer.write_chunk(OLD)
    with pytest.raises(OSError, match="Cannot write to a closed writer"):
        writer.write_chunk(OLD)
    assert pq.read_table(target).equals(OLD)
    broken = ParquetStreamWriter(target, SCHEMA)
    with pytest.raises(KeyError), broken:
        raise KeyError
    with pytest.raises(OSError, match="Cannot write to a closed writer"):
        broken.write_chunk(OLD)


def test_the_file_appears_at_exit(target):
    """the same commit at exit"""
    with ParquetStreamWriter(target, SCHEMA) as writer:
        writer.write_chunk(OLD)
        assert not target.exists()
    assert pq.read_table(target).equals(OLD)


def test_an_exception_inside_the_block_keeps_an_older_file(target):
    """an exception inside the block leaves no file (and, unlike the predecessor, keeps an older file of that name)"""
    for before in ({}, None):
        if before is None:
            write_parquet(OLD, target, SCHEMA)
        before = contents(target.parent)
        with pytest.raises(ZeroDivisionError):
            with ParquetStreamWriter(target, SCHEMA) as writer:
                writer.write_chunk(NEW)
                1 / 0  # noqa: B018
        assert contents(target.parent) == before and everything(target.parent) == sorted(before)


@pytest.mark.parametrize(
    "bad",
    [
        pa.table({"a": ["x"]}),
        pa.table({"z": [1]}),
        pa.table({"a": pa.array([1, None])}),
        [{"a": 1}, {"a": None}],
        iter([pa.table({"a": [7, 8]}), pa.table({"a": pa.array([None], pa.int64())})]),
        iter([[{"a": 7}] * 5, pa.table({"a": [8]}), iter([pa.table({"a": [9]}), [{"a": None}]])]),
        pa.RecordBatchReader.from_batches(
            pa.schema([("a", pa.int64())]),
            [pa.record_batch({"a": pa.array(a, pa.int64())}) for a in ([7, 8], [None])],
        ),
        "text",
    ],
    ids=["type", "missing", "null", "dicts", "iterator", "nested iterator", "reader", "unsupported"],
)
def test_a_refused_chunk_adds_nothing_and_the_writer_can_go_on(bad, target):
    """A refused chunk adds nothing and the writer can go on."""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    with ParquetStreamWriter(target, schema, row_group_size=2) as writer:
        writer.write_chunk(OLD)
        with pytest.raises(SchemaValidationError):
            writer.write_chunk(bad)
        writer.write_chunk(NEW)
    assert pq.read_table(target)["a"].to_pylist() == [1, 2, 3, 4, 5]


def test_a_chunk_whose_iterator_raises_adds_nothing_and_the_writer_can_go_on(target):
    """A refused chunk adds nothing and the writer can go on."""

    def pieces():
        yield OLD
        raise KeyError("from within")

    with ParquetStreamWriter(target, SCHEMA) as writer:
        for end in (KeyError, SchemaValidationError):
            with pytest.raises(end):
                writer.write_chunk(pieces() if end is KeyError else iter([OLD, "text"]))
        writer.write_chunk(NEW)
        assert everything(target.parent) == hidden(target.parent)
    assert pq.read_table(target).to_pylist() == NEW.to_pylist()


def test_records_of_a_refused_iterator_name_rows_of_the_whole_stream(target):
    """row over the whole stream"""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    good, bad = pa.table({"a": [1, 2, 3]}), pa.table({"a": pa.array([4, None], pa.int64())})
    with ParquetStreamWriter(target, schema) as writer:
        writer.write_chunk(good)
        for _ in range(2):
            with pytest.raises(SchemaValidationError) as caught:
                writer.write_chunk(iter([good, bad, good, bad]))
            assert [row for row, _ in caught.value.failures[0].samples] == [7, 12]
        writer.write_chunk(iter([good, good]))
    assert pq.read_table(target)["a"].to_pylist() == [1, 2, 3] * 3


def many_types(n, first=0):
    """Rows of every form that reaches a writer, nulls included."""
    at = range(first, first + n)
    text = [None if i % 7 == 3 else f"text {i % 11}" for i in at]
    lists = [None if i % 5 == 1 else list(range(i % 4)) for i in at]
    colours = pa.array(["red", "green", "unused", "blue"])
    codes = pa.array([None if i % 6 == 2 else (0, 1, 3)[i % 3] for i in at], pa.int8())
    dictionary = pa.DictionaryArray.from_arrays(codes, colours)
    return pa.table(
        {
            "i": pa.array(at, pa.int32()),
            "f": pa.array([i / 8 for i in at], pa.float64()),
            "b": pa.array([i % 3 == 0 for i in at]),
            "text": pa.array(text),
            "view": pa.array(text, pa.string_view()),
            "category": dictionary,
            "nothing": pa.nulls(n),
            "list": pa.array(lists, pa.list_(pa.int64())),
            "map": pa.array([[(f"k{i % 3}", i)] for i in at], pa.map_(pa.string(), pa.int64())),
            "struct": pa.StructArray.from_arrays([dictionary, pa.array(lists)], ["c", "l"]),
            "of_categories": pa.ListArray.from_arrays(pa.array(range(n + 1), pa.int32()), dictionary),
        }
    )


@pytest.mark.parametrize("size", [1, 7, 250])
def test_a_chunk_in_pieces_gives_the_same_bytes(tmp_path, size):
    """any split of the same rows, and any number of threads, gives byte-identical files."""
    table = many_types(1000)
    pieces = [many_types(min(size, 1000 - i), i) for i in range(0, 1000, size)]
    files = []
    for chunks in ([table], [iter(pieces)], [pieces[0], iter(pieces[1:3]), iter(pieces[3:])]):
        with ParquetStreamWriter(tmp_path / "t.parquet", table.schema, row_group_size=400) as writer:
            for chunk in chunks:
                writer.write_chunk(chunk)
        files.append((tmp_path / "t.parquet").read_bytes())
    assert files[0] == files[1] == files[2]
    assert everything(tmp_path) == ["t.parquet"]


def test_many_dictionaries_in_one_iterator_keep_their_order_and_unused_values(target):
    """a category, or a dictionary ... keeps its dictionary"""
    type = pa.dictionary(pa.int32(), pa.string())
    pieces = [
        pa.table({"c": pa.DictionaryArray.from_arrays(pa.array([1], pa.int32()), [f"unused{i}", f"v{i}"])})
        for i in range(40)
    ]
    with ParquetStreamWriter(target, pa.schema([("c", type)])) as writer:
        writer.write_chunk(iter(pieces))
    column = pq.read_table(target)["c"].combine_chunks()
    assert column.to_pylist() == [f"v{i}" for i in range(40)]
    read = read_parquet(target, output_format="arrow")["c"].combine_chunks()
    assert read.dictionary.to_pylist() == [f"{k}{i}" for i in range(40) for k in ("unused", "v")]


@pytest.mark.parametrize("limit", [64 << 20])
def test_a_long_iterator_needs_memory_for_a_row_group_alone(target, limit):
    """Memory is bounded by one row group's encoded pages, whatever the length."""
    schema = pa.schema([("a", pa.int64())])
    piece = pa.table({"a": np.random.default_rng(1).integers(0, 1 << 62, 1 << 18)})
    with ParquetStreamWriter(target, schema, memory_limit=limit, row_group_size=1 << 18) as writer:
        writer.write_chunk(piece for _ in range(60))
    assert pq.ParquetFile(target).metadata.num_rows == 60 << 18


def test_a_late_bad_row_of_a_large_refused_chunk_adds_nothing(target):
    """A refused chunk adds nothing and the writer can go on."""
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())])
    a = pa.array(list(range(50_000)) + [None])
    large = pa.table({"a": a, "b": ["text"] * 50_001})
    with ParquetStreamWriter(target, schema, row_group_size=1000) as writer:
        for data in (large, large.to_pandas().assign(a=a.to_pandas())):
            with pytest.raises(SchemaValidationError):
                writer.write_chunk(data)
        writer.write_chunk([{"a": 1, "b": "x"}])
    assert pq.read_table(target).to_pylist() == [{"a": 1, "b": "x"}]


def test_no_chunk_at_all_gives_a_valid_file_of_0_rows(target):
    """No chunk at all gives a valid file of 0 rows."""
    with ParquetStreamWriter(target, SCHEMA):
        pass
    assert pq.read_table(target).equals(SCHEMA.empty_table())
    assert read_parquet(target, output_format="arrow").equals(SCHEMA.empty_table())


def test_a_thousand_small_chunks_are_one_row_group(target):
    """Chunks of any size fill row groups, so 1,000 chunks of 1,000 rows are one row group"""
    data = pa.table({"a": range(1000)})
    with ParquetStreamWriter(target, SCHEMA) as writer:
        for _ in range(1000):
            writer.write_chunk(data)
    metadata = pq.read_metadata(target)
    assert (metadata.num_row_groups, metadata.num_rows) == (1, 1_000_000)


def varied(n):
    rng = np.random.default_rng(5)
    return pa.table({
        "i": rng.integers(0, 1 << 40, n),
        "s": [f"v{v}" if v % 5 else None for v in rng.integers(0, 3000, n)],
        "l": [list(range(v)) if v != 2 else None for v in rng.integers(0, 4, n)],
        "d": pa.array([f"k{v}" for v in rng.integers(0, 9, n)]).dictionary_encode(),
    })  # fmt: skip


def test_any_split_and_any_number_of_threads_give_the_same_bytes(tmp_path):
    """any split of the same rows, and any number of threads, gives byte-identical files"""
    data = varied(12_000)
    options = {"row_group_size": 5000, "data_page_size": 4096, "dictionary_pagesize_limit": 6000}
    write_parquet(data, tmp_path / "whole", data.schema, **options)
    want = (tmp_path / "whole").read_bytes()
    assert pq.read_table(tmp_path / "whole").to_pylist() == data.to_pylist()
    rng = np.random.default_rng(11)
    for threads in (True, False):
        for cuts in (
            [],
            [1],
            [4999, 5000, 5001],
            sorted(rng.integers(0, 12_000, 40)),
            list(range(0, 12_000, 97)),
        ):
            with ParquetStreamWriter(
                tmp_path / "split", data.schema, use_threads=threads, **options
            ) as writer:
                for start, stop in zip([0, *cuts], [*cuts, 12_000]):
                    writer.write_chunk(data.slice(start, stop - start))
            assert (tmp_path / "split").read_bytes() == want, (threads, len(cuts))
    write_parquet(data.to_reader(777), tmp_path / "reader", data.schema, **options)
    assert (tmp_path / "reader").read_bytes() == want
    plain = data.drop_columns("d")  # dicts do not tell in which order a dictionary has its values
    for name, form in {
        "table": plain,
        "dicts": plain.to_pylist(),
        "batches": iter(plain.to_batches(999)),
    }.items():
        write_parquet(form, tmp_path / name, plain.schema, **options)
    assert len({(tmp_path / name).read_bytes() for name in ("table", "dicts", "batches")}) == 1


def test_memory_is_bounded_by_one_row_groups_encoded_pages(target):
    """Memory is bounded by one row group's encoded pages, whatever the length."""
    code = """
        import sys
        import numpy as np, pyarrow as pa
        from py_parquet_forge import *
        schema = pa.schema([("a", pa.float64()), ("b", pa.float64())])
        rng = np.random.default_rng(1)
        def peak():
            with open("/proc/self/status") as f:
                return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        def run(chunks):
            with ParquetStreamWriter(sys.argv[1], schema, row_group_size=300_000, use_dictionary=False) as writer:
                for _ in range(chunks):
                    writer.write_chunk(pa.table({"a": rng.random(50_000), "b": rng.random(50_000)}))
        run(12)
        before = peak()
        run(160)  # 128 MB
        print(peak() - before)
    """
    assert int(said(code, target)) < 12_000  # KiB: two and a half row groups of 4.8 MB


def test_row_group_size_is_1048576_rows_by_default(target):
    """`row_group_size` (rows, default 1,048,576)"""
    n = 1_048_576
    write_parquet(pa.table({"a": pa.nulls(n + 5, pa.int64())}), target, SCHEMA)
    metadata = pq.read_metadata(target)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [n, 5]


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_row_group_size_cuts_row_groups(size, target):
    """`row_group_size` ... cut row groups"""
    write_parquet(numbers(100), target, numbers().schema, row_group_size=size)
    metadata = pq.read_metadata(target)
    got = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert got == [size] * (100 // size) + [100 % size] * (100 % size > 0)
    assert pq.read_table(target).equals(numbers(100))


def test_row_group_bytes_cuts_row_groups_by_arrow_bytes(target):
    """`row_group_bytes` (Arrow bytes, default none)"""
    data = pa.table({"a": pa.array([7] * 100_000, pa.int64())})  # 800,000 bytes that encode to almost nothing
    write_parquet(data, target, SCHEMA, row_group_bytes=80_000)
    metadata = pq.read_metadata(target)
    assert 9 <= metadata.num_row_groups <= 13
    assert metadata.num_rows == 100_000


def test_whichever_comes_first_cuts(target):
    """cut row groups, whichever comes first"""
    data = pa.table({"a": pa.array([7] * 100_000, pa.int64())})
    write_parquet(data, target, SCHEMA, row_group_bytes=80_000, row_group_size=1000)
    assert pq.read_metadata(target).num_row_groups == 100
    write_parquet(data, target, SCHEMA, row_group_bytes=80_000, row_group_size=90_000)
    assert 9 <= pq.read_metadata(target).num_row_groups <= 13
