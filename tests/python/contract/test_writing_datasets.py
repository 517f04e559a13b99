# SPDX-License-Identifier: Apache-2.0
"""Promises about datasets: names of files and folders, append, overwrite, and what is left behind."""

from __future__ import annotations

import datetime
import datetime as dt
import decimal
import os
import re
import threading
import urllib.parse
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_to_dataset,
)

from .support import contents, everything, files, said

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
D = decimal.Decimal
ABP = pa.schema([("a", pa.int64()), ("b", pa.string()), ("p", pa.int32())])


def table(n=100, parts=3):
    return pa.table(
        {"a": range(n), "b": [f"x{i}" for i in range(n)], "p": [i % parts for i in range(n)]}, schema=ABP
    )


def plain(path, **keywords):
    """Rows in the order of column a, read by us."""
    got = read_parquet(path, output_format="arrow", **keywords)
    return sorted(got.to_pylist(), key=lambda row: row["a"])


def foreign(path):
    """The same rows, read by pyarrow."""
    got = ds.dataset(path, partitioning="hive", format="parquet").to_table().to_pylist()
    return sorted(got, key=lambda row: row["a"])


# -- names --


def test_files_are_named_by_a_uuid_under_col_value(tmp_path):
    """files are `<uuid>.parquet` ... under `col=value/` in the order of `partition_cols`; one file per partition and call"""
    write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=["p"])
    names = files(tmp_path / "d")
    assert len(names) == 3
    for i, name in enumerate(names):
        assert re.fullmatch(rf"p={i}/{UUID}\.parquet", name)
        uuid.UUID(Path(name).stem)
    assert plain(tmp_path / "d") == table().to_pylist() == foreign(tmp_path / "d")


@pytest.mark.parametrize("columns", [["p", "b"], ["b", "p"]])
def test_folders_are_in_the_order_of_partition_cols(columns, tmp_path):
    """under `col=value/` in the order of `partition_cols`"""
    write_to_dataset([{"a": 1, "b": "x", "p": 7}], tmp_path, ABP, partition_cols=columns)
    (name,) = files(tmp_path)
    first, second = ("p=7", "b=x") if columns[0] == "p" else ("b=x", "p=7")
    assert re.fullmatch(rf"{first}/{second}/{UUID}\.parquet", name)


def test_one_file_per_partition_and_call(tmp_path):
    """one file per partition and call unless `max_rows_per_file` or `target_file_bytes` (2) is given"""
    for _ in range(2):
        chunks = (table(50) for _ in range(5))
        write_to_dataset(chunks, tmp_path, ABP, partition_cols=["p"], row_group_size=7)
    names = files(tmp_path)
    assert [sum(n.startswith(f"p={i}/") for n in names) for i in range(3)] == [2, 2, 2]
    write_to_dataset((table(50) for _ in range(5)), tmp_path / "plain", ABP, row_group_size=7)
    assert len(files(tmp_path / "plain")) == 1


def test_further_files_of_a_call_are_numbered(tmp_path):
    """(further ones of a call `<uuid>-<n>.parquet`); `max_rows_per_file` (2)"""
    write_to_dataset(table(100), tmp_path, ABP, max_rows_per_file=30)
    names = files(tmp_path)
    assert len(names) == 4
    stems = sorted((Path(n).stem for n in names), key=len)
    assert re.fullmatch(UUID, stems[0])
    assert all(re.fullmatch(rf"{stems[0]}-\d+", stem) for stem in stems[1:])
    assert sorted(pq.read_metadata(tmp_path / n).num_rows for n in names) == [10, 30, 30, 30]
    assert plain(tmp_path) == table(100).to_pylist()


def test_max_rows_per_file_holds_in_each_partition(tmp_path):
    """`max_rows_per_file` (2)"""
    write_to_dataset((table(60) for _ in range(3)), tmp_path, ABP, partition_cols=["p"], max_rows_per_file=25)
    counts = {}
    for name in files(tmp_path):
        counts.setdefault(name.partition("/")[0], []).append(pq.read_metadata(tmp_path / name).num_rows)
    assert {k: sorted(v) for k, v in counts.items()} == {f"p={i}": [10, 25, 25] for i in range(3)}


def test_target_file_bytes_cuts_files(tmp_path):
    """`target_file_bytes` (2)"""
    data = pa.table({"a": np.random.default_rng(3).integers(0, 1 << 60, 500_000)})
    write_to_dataset(
        data, tmp_path, data.schema, target_file_bytes=1_000_000, row_group_size=10_000, use_dictionary=False
    )
    sizes = sorted(os.path.getsize(tmp_path / n) for n in files(tmp_path))
    assert 3 <= len(sizes) <= 6 and all(800_000 <= s <= 1_200_000 for s in sizes[1:])
    assert read_parquet(tmp_path, output_format="arrow").num_rows == 500_000


# -- refused at the call --


@pytest.mark.parametrize("columns", [["x"], ["p", "x"]])
def test_an_unknown_partition_column(columns, tmp_path):
    """A partition column that the schema lacks is a `pyarrow.ArrowInvalid` `Partition column 'x' not in schema`"""
    with pytest.raises(pa.ArrowInvalid, match="Partition column 'x' not in schema"):
        write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=columns)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("columns", [["a", "b", "p"], ["p", "b", "a"], ["p", "p"]])
def test_partitioning_by_every_column_or_twice_by_one(columns, tmp_path):
    """partitioning by every column, or twice by one, is a `ValueError`"""
    with pytest.raises(ValueError):
        write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=columns)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("mode", ["", "Append", "replace", None, 1])
def test_a_bad_mode(mode, tmp_path):
    """A bad mode is a `ValueError` that begins `mode must be either 'append' or 'overwrite'`."""
    with pytest.raises(ValueError, match="^mode must be either 'append' or 'overwrite'"):
        write_to_dataset(table(), tmp_path / "d", ABP, mode=mode)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("columns", [None, ["p"]])
def test_empty_data_makes_the_folder_and_no_file(mode, columns, tmp_path):
    """Empty data makes the folder and no file."""
    write_to_dataset([], tmp_path / "x" / "d", ABP, partition_cols=columns, mode=mode)
    assert everything(tmp_path) == ["x/", "x/d/"]


def test_empty_partition_cols_is_no_partitioning(tmp_path):
    """`partition_cols=[]` is no partitioning."""
    write_to_dataset(table(), tmp_path, ABP, partition_cols=[])
    (name,) = files(tmp_path)
    assert re.fullmatch(rf"{UUID}\.parquet", name) and pq.read_table(tmp_path / name).equals(table())


def test_a_file_as_output_dir(tmp_path):
    """A file as `output_dir` is `NotADirectoryError`."""
    (tmp_path / "d").write_text("mine")
    for mode in ("append", "overwrite"):
        with pytest.raises(NotADirectoryError):
            write_to_dataset(table(), tmp_path / "d", ABP, mode=mode)
    assert (tmp_path / "d").read_text() == "mine" and everything(tmp_path) == ["d"]


# -- append --


def test_append_never_touches_an_existing_file(tmp_path):
    """`append` never touches an existing file."""
    for i in range(4):
        before = contents(tmp_path)
        write_to_dataset(table(30), tmp_path, ABP, partition_cols=["p"])
        after = contents(tmp_path)
        assert before.items() <= after.items() and len(after) == 3 * (i + 1)
    assert len(plain(tmp_path)) == len(foreign(tmp_path)) == 120


def test_concurrent_appends_all_arrive(tmp_path):
    """`append` never touches an existing file."""
    errors = []

    def work():
        try:
            for _ in range(5):
                write_to_dataset(table(30), tmp_path / "d", ABP, partition_cols=["p"], durable=False)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert not errors and len(plain(tmp_path / "d")) == 4 * 5 * 30
    assert everything(tmp_path) == sorted(
        ["d/", *(f"d/p={i}/" for i in range(3)), *(f"d/{n}" for n in files(tmp_path / "d"))]
    )


OTHERS = {
    "a type": ABP.set(0, pa.field("a", pa.int32())),
    "a column more": ABP.append(pa.field("more", pa.int64())),
    "a column less": ABP.remove(1),
    "nullability": ABP.set(0, pa.field("a", pa.int64(), nullable=False)),
    "a partition type": ABP.set(2, pa.field("p", pa.int64())),
}


@pytest.mark.parametrize("other", [k for k in OTHERS if k != "nullability"])
def test_append_with_another_schema_is_refused(other, tmp_path):
    """A schema that differs from the dataset's is a `SchemaValidationError` unless `unify=` says otherwise (2)."""
    write_to_dataset(table(), tmp_path, ABP, partition_cols=["p"])
    before = contents(tmp_path)
    schema = OTHERS[other]
    data = table().to_pandas().assign(more=1)[schema.names]
    with pytest.raises(SchemaValidationError):
        write_to_dataset(data, tmp_path, schema, partition_cols=["p"])
    assert contents(tmp_path) == before


def test_append_with_other_partition_columns_is_refused(tmp_path):
    """A schema that differs from the dataset's is a `SchemaValidationError`"""
    write_to_dataset(table(), tmp_path, ABP, partition_cols=["p"])
    before = contents(tmp_path)
    for columns in (None, ["b"], ["p", "b"]):
        with pytest.raises(ValueError):
            write_to_dataset(table(), tmp_path, ABP, partition_cols=columns)
        assert contents(tmp_path) == before


def test_append_with_the_same_schema_after_a_pickle_is_no_difference(tmp_path):
    """A schema that differs from the dataset's"""
    for _ in range(2):
        write_to_dataset(table(), tmp_path, pa.schema([(f.name, f.type) for f in ABP]), partition_cols=["p"])
    assert len(plain(tmp_path)) == 200


def test_unify_add_lets_an_append_add_a_column(tmp_path):
    """unless `unify=` says otherwise (2)"""
    write_to_dataset(table(3), tmp_path, ABP, partition_cols=["p"])
    wide = OTHERS["a column more"]
    write_to_dataset(
        [{"a": 10, "b": "y", "p": 0, "more": 5}], tmp_path, wide, partition_cols=["p"], unify="add"
    )
    got = plain(tmp_path, unify="add")
    assert [row["more"] for row in got] == [None, None, None, 5]
    assert [row["a"] for row in got] == [0, 1, 2, 10]


def test_unify_widen_lets_an_append_widen_a_type(tmp_path):
    """unless `unify=` says otherwise (2)"""
    narrow = pa.schema([("a", pa.int32())])
    write_to_dataset([{"a": 1}], tmp_path, narrow)
    with pytest.raises(SchemaValidationError):
        write_to_dataset([{"a": 2**40}], tmp_path, pa.schema([("a", pa.int64())]), unify="add")
    write_to_dataset([{"a": 2**40}], tmp_path, pa.schema([("a", pa.int64())]), unify="widen")
    got = read_parquet(tmp_path, output_format="arrow", unify="widen")
    assert got.schema.field("a").type == pa.int64() and sorted(got["a"].to_pylist()) == [1, 2**40]


DATASET = """
    shim.shim_names_only()
    d = out + "/d"
    schema = pa.schema([("a", pa.int64()), ("p", pa.int32())])
    old = pa.table({"a": list(range(10)), "p": [i % 2 for i in range(10)]}, schema=schema)
    new = pa.table({"a": list(range(100, 130)), "p": [i % 2 * 2 for i in range(30)]}, schema=schema)
    def values():
        return sorted(read_parquet(d, output_format="arrow")["a"].to_pylist()) if os.path.exists(d) else []
    def write(data, mode):
        write_to_dataset(data, d, schema, partition_cols=["p"], mode=mode)
    OLD, NEW = old["a"].to_pylist(), new["a"].to_pylist()
    def clean():
        "Nothing but data files, nothing hidden beside."
        assert os.listdir(out) == ["d"], os.listdir(out)
        for at, folders, names in os.walk(d):
            assert all(n.startswith("p=") for n in folders) and all(n.endswith(".parquet") and n[0] != "." for n in names), (folders, names)
            assert at == d or names, "an empty folder: " + at
    write(old, "append")
"""


def test_our_readers_see_an_append_whole_or_not_at_all_also_after_a_kill(under_shim, tmp_path):
    """Our readers see an append whole or not at all, also after a kill (2)"""
    under_shim(
        DATASET
        + """
    base = list(OLD)
    for lived in killed_at_every_event(lambda: write(new, "append")):
        seen = values()
        assert seen in (sorted(base), sorted(base + NEW)), (seen, lived)
        assert not lived or seen == sorted(base + NEW)
        base = seen
    """,
        tmp_path,
    )


def test_what_a_killed_append_left_is_removed_by_the_next_write(under_shim, tmp_path):
    """what a killed writer left is removed by the next write to the same file or dataset (2)"""
    under_shim(
        DATASET
        + """
    for lived in killed_at_every_event(lambda: write(new, "append")):
        before = values()
        write(old, "append")
        clean()
        assert values() == sorted(before + OLD), (values(), before)
        write(old, "overwrite")
        clean()
    """,
        tmp_path,
    )


def test_an_append_is_never_seen_in_part_by_a_concurrent_reader(tmp_path):
    """Our readers see an append whole or not at all"""
    folder = tmp_path / "d"
    whole = 60
    write_to_dataset(table(whole, 6), folder, ABP, partition_cols=["p"])
    stop = threading.Event()
    errors = []

    def write():
        try:
            for _ in range(15):
                write_to_dataset(table(whole, 6), folder, ABP, partition_cols=["p"], durable=False)
        except BaseException as error:
            errors.append(error)
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    counts = set()
    while not stop.is_set():
        counts.add(read_parquet(folder, output_format="arrow", columns=["a"]).num_rows)
    thread.join()
    assert not errors
    assert all(count % whole == 0 for count in counts), sorted(counts)


# -- overwrite --


def test_overwrite_replaces_every_file_in_the_directory(tmp_path):
    """`overwrite` replaces the whole directory, every file in it"""
    folder = tmp_path / "d"
    write_to_dataset(table(100, 10), folder, ABP, partition_cols=["p"])
    (folder / "notes.txt").write_text("mine")
    (folder / ".hidden").write_text("mine")
    (folder / "p=1" / "sub").mkdir()
    write_to_dataset(table(9, 3), folder, ABP, partition_cols=["p"], mode="overwrite")
    assert [n.split("/")[0] for n in files(folder)] == ["p=0", "p=1", "p=2"]
    assert everything(folder) == sorted(["p=0/", "p=1/", "p=2/", *files(folder)])
    assert plain(folder) == table(9, 3).to_pylist() == foreign(folder)


def test_overwrite_may_change_schema_and_partitioning(tmp_path):
    """`overwrite` replaces the whole directory"""
    write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=["p"])
    other = pa.table({"z": ["q"]})
    write_to_dataset(other, tmp_path / "d", other.schema, mode="overwrite")
    assert read_parquet(tmp_path / "d", output_format="arrow").equals(other)


def test_overwrite_makes_a_dataset_that_was_not_there(tmp_path):
    """`overwrite`"""
    write_to_dataset(table(), tmp_path / "x" / "d", ABP, partition_cols=["p"], mode="overwrite")
    assert plain(tmp_path / "x" / "d") == table().to_pylist()
    assert sorted(os.listdir(tmp_path / "x")) == ["d"]


def test_a_reader_sees_the_old_rows_or_the_new(tmp_path):
    """in one step ...: a reader sees the old rows or the new"""
    folder = tmp_path / "d"
    versions = [table(30, 3), table(80, 5)]
    write_to_dataset(versions[0], folder, ABP, partition_cols=["p"])
    stop, errors = threading.Event(), []

    def write():
        try:
            for i in range(30):
                write_to_dataset(
                    versions[(i + 1) % 2], folder, ABP, partition_cols=["p"], mode="overwrite", durable=False
                )
        except BaseException as error:
            errors.append(error)
        stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    counts = set()
    while not stop.is_set():
        try:
            counts.add(read_parquet(folder, output_format="arrow").num_rows)
        except FileNotFoundError:
            pass  # a file of the old dataset that had not been opened yet: the docs say so
    thread.join()
    assert not errors and counts <= {30, 80}, counts


def test_a_kill_in_an_overwrite_loses_neither(under_shim, tmp_path):
    """a kill loses neither; what a killed writer left is removed by the next write to the same file or dataset (2)"""
    under_shim(
        DATASET
        + """
    for lived in killed_at_every_event(lambda: write(new, "overwrite")):
        seen = values()
        assert seen in (OLD, NEW) and (seen == NEW or not lived), seen
        assert sorted(pq.read_table(d)["a"].to_pylist()) == seen
        write(old, "overwrite")
        assert values() == OLD
        clean()
    """,
        tmp_path,
    )


def test_everything_has_been_written_and_synced_before_the_exchange(under_shim, tmp_path):
    """after everything has been written and synced beside it"""
    under_shim(
        DATASET
        + """
    found = events(lambda: write(new, "overwrite"))
    at = max(i for i, e in enumerate(found) if e[0] == "rename" and os.path.basename(e[2]) == "d" or e[0] == "rename" and os.path.basename(e[1]) == "d")
    def name(path):
        return os.path.basename(path).removesuffix(".staged")
    writes = [i for i, e in enumerate(found) if e[0] == "write" and ".parquet" in e[1]]
    assert writes and max(writes) < at, found
    written = {name(found[i][1]) for i in writes}
    synced = {name(e[1]) for i, e in enumerate(found) if e[0] == "fsync" and max(writes) < i < at}
    assert written <= synced or any(e[0] == "syncfs" for e in found[max(writes):at]), found
    assert not any(d + "/" in e[1] for i, e in enumerate(found) if i < at), found
    """,
        tmp_path,
    )


@pytest.mark.parametrize("how", ["absolute", "relative", "dots", "link"])
@pytest.mark.parametrize("where", ["cwd", "parent", "home", "above home", "root"])
def test_overwrite_refuses_root_home_the_current_folder_and_their_ancestors(
    where, how, tmp_path, monkeypatch
):
    """It refuses `/`, the home folder, the current folder and their ancestors with a `ValueError`."""
    here, home = tmp_path / "w" / "here", tmp_path / "h" / "me"
    here.mkdir(parents=True)
    home.mkdir(parents=True)
    (here / "keep").write_text("mine")
    (home / "keep").write_text("mine")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    path = {"cwd": here, "parent": here.parent, "home": home, "above home": home.parent, "root": Path("/")}[
        where
    ]
    if how == "relative":
        path = os.path.relpath(path)
    elif how == "dots":
        path = f"{path}/keep2/.." if where in ("root",) else f"{path}/../{path.name}/."
        if where == "root":
            path = "/tmp/.."
    elif how == "link":
        os.symlink(path, tmp_path / "link")
        path = tmp_path / "link"
    with pytest.raises(ValueError) as caught:
        write_to_dataset(table(), path, ABP, mode="overwrite")
    assert not isinstance(caught.value, SchemaValidationError)
    assert (here / "keep").exists() and (home / "keep").exists()


def test_overwrite_with_empty_data_leaves_an_empty_folder(tmp_path):
    """With empty data it leaves an empty folder."""
    write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=["p"])
    write_to_dataset([], tmp_path / "d", ABP, partition_cols=["p"], mode="overwrite")
    assert everything(tmp_path) == ["d/"]


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_link_as_dataset_keeps_being_a_link(mode, tmp_path):
    """A link as dataset keeps being a link."""
    (tmp_path / "far").mkdir()
    write_to_dataset(table(10), tmp_path / "far" / "real", ABP, partition_cols=["p"])
    os.symlink("far/real", tmp_path / "link")
    write_to_dataset(table(20), tmp_path / "link", ABP, partition_cols=["p"], mode=mode)
    assert os.readlink(tmp_path / "link") == "far/real"
    assert (
        len(plain(tmp_path / "link"))
        == len(plain(tmp_path / "far" / "real"))
        == (30 if mode == "append" else 20)
    )
    assert sorted(os.listdir(tmp_path)) == ["far", "link"] and os.listdir(tmp_path / "far") == ["real"]


def test_overwrite_scope_partitions_replaces_only_the_partitions_that_the_new_data_has(tmp_path):
    """`overwrite_scope='partitions'` replaces only the partitions that the new data has (2)."""
    folder = tmp_path / "d"
    for _ in range(2):
        write_to_dataset(table(40, 4), folder, ABP, partition_cols=["p"])
    before = contents(folder)
    new = [{"a": 1000, "b": "n", "p": 1}, {"a": 1001, "b": "n", "p": 9}]
    write_to_dataset(new, folder, ABP, partition_cols=["p"], mode="overwrite", overwrite_scope="partitions")
    after = contents(folder)
    untouched = {k: v for k, v in before.items() if not k.startswith("p=1/")}
    assert untouched.items() <= after.items() and len(after) == len(untouched) + 2
    assert [r["a"] for r in plain(folder) if r["p"] in (1, 9)] == [1000, 1001]
    assert len(plain(folder)) == len(foreign(folder)) == 62
    assert os.listdir(tmp_path) == ["d"]


def test_overwrite_scope_partitions_is_whole_or_not_at_all_also_after_a_kill(under_shim, tmp_path):
    """`overwrite_scope='partitions'`; a reader sees the old rows or the new, a kill loses neither"""
    under_shim(
        DATASET
        + """
    part = pa.table({"a": [500, 501], "p": [1, 5]}, schema=schema)
    def call():
        write_to_dataset(part, d, schema, partition_cols=["p"], mode="overwrite", overwrite_scope="partitions")
    want = sorted([v for v in OLD if v % 2 == 0] + [500, 501])
    for lived in killed_at_every_event(call):
        seen = values()
        assert seen in (OLD, want) and (seen == want or not lived), seen
        write(old, "overwrite")
        clean()
    """,
        tmp_path,
    )


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_after_a_successful_call_nothing_but_data_files_is_there(mode, tmp_path):
    """After a successful call nothing but data files is in the dataset and nothing hidden is beside it"""
    for _ in range(3):
        write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=["p"], mode=mode)
        assert os.listdir(tmp_path) == ["d"]
        assert all(re.fullmatch(rf"p=\d/({UUID}\.parquet)?", name) for name in everything(tmp_path / "d"))


def test_a_refused_or_failed_write_leaves_nothing_beside_the_dataset(tmp_path):
    """Nothing is on disk under the target's name when validation fails; what was there before is untouched."""
    write_to_dataset(table(), tmp_path / "d", ABP, partition_cols=["p"])
    before = contents(tmp_path)

    def chunks(error):
        yield table()
        raise error

    for mode in ("append", "overwrite"):
        for error in (KeyboardInterrupt(), MemoryError(), ValueError("x")):
            with pytest.raises(type(error)):
                write_to_dataset(chunks(error), tmp_path / "d", ABP, partition_cols=["p"], mode=mode)
            assert contents(tmp_path) == before and os.listdir(tmp_path) == ["d"]


def test_reading_a_dataset_and_overwriting_it_from_that_very_reader_works(tmp_path):
    """Reading a dataset and overwriting it from that very reader works."""
    folder = tmp_path / "d"
    write_to_dataset(table(1000, 7), folder, ABP, partition_cols=["p"])
    write_to_dataset(
        read_parquet_iter(folder, chunk_size=64), folder, ABP, partition_cols=["p"], mode="overwrite"
    )
    assert plain(folder) == table(1000, 7).to_pylist()

    def doubled():
        for batch in read_parquet_iter(folder, chunk_size=64):
            yield [{**row, "a": row["a"] * 2} for row in batch.to_pylist()]

    write_to_dataset(doubled(), folder, ABP, partition_cols=["p"], mode="overwrite")
    assert [row["a"] for row in plain(folder)] == list(range(0, 2000, 2))


# -- partition values --

NOON = datetime.datetime(2024, 2, 29, 12, 30, 15, 4000)
TYPES = [
    *((pa.array([0, 7, None, 100], t), ["0", "7", None, "100"]) for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())),
    (pa.array([-(2**63), 2**63 - 1], pa.int64()), [str(-(2**63)), str(2**63 - 1)]),
    (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
    (pa.array([D("1.50"), D("-0.05"), D("120.00")], pa.decimal128(9, 2)), ["1.50", "-0.05", "120.00"]),
    (pa.array([True, False, None]), ["true", "false", None]),
    (pa.array([datetime.date(2024, 2, 29), datetime.date(1969, 12, 31), datetime.date(1, 1, 1)]), ["2024-02-29", "1969-12-31", "0001-01-01"]),
    (pa.array([NOON.replace(microsecond=0)], pa.timestamp("s")), [r"2024-02-29[T ]12:30:15"]),
    (pa.array([NOON], pa.timestamp("ms")), [r"2024-02-29[T ]12:30:15\.004"]),
    (pa.array([NOON], pa.timestamp("us")), [r"2024-02-29[T ]12:30:15\.004000"]),
    (pa.array([NOON], pa.timestamp("ns")), [r"2024-02-29[T ]12:30:15\.004000000"]),
    (pa.array([NOON], pa.timestamp("us", "UTC")), [r"2024-02-29[T ]12:30:15\.004000Z"]),
    (pa.array([NOON], pa.timestamp("ms", "Europe/Berlin")), [r"2024-02-29[T ]12:30:15\.004Z"]),
    (pa.array([datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)], pa.timestamp("us")), [r"1969-12-31[T ]23:59:59\.999999"]),
    (pa.array([0.1, 1e300, -2.5]), ["0.1", r"1e\+?300", "-2.5"]),
    (pa.array([0.1], pa.float32()), ["0.1"]),
    (pa.array(["04", "4", "", "NULL", "null", "nan", "true", "2024-01-01", None]), ["04", "4", "", "NULL", "null", "nan", "true", "2024-01-01", None]),
    (pa.array(["04", None], pa.large_string()), ["04", None]),
]  # fmt: skip


@pytest.mark.parametrize("values, names", TYPES, ids=[f"{i}-{t[0].type}" for i, t in enumerate(TYPES)])
def test_partition_values_have_their_form_and_come_back_with_their_type(values, names, tmp_path):
    """The types of partition columns are recorded in each file ...: `"04"` stays text, dates stay dates. String forms: ..."""
    data = pa.table({"a": range(len(values)), "k": values})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=["k"])
    decoded = {urllib.parse.unquote(name.split("/")[0].partition("=")[2]) for name in files(tmp_path)}
    for name in names:
        pattern = (
            "__HIVE_DEFAULT_PARTITION__"
            if name is None
            else name
            if "[" in name or "?" in name
            else re.escape(name)
        )
        assert any(re.fullmatch(pattern, d) for d in decoded), (name, decoded)
    assert len(decoded) == len(names)
    got = read_parquet(tmp_path, output_format="arrow")
    assert got.schema.field("k").type == pa.dictionary(pa.int32(), values.type)
    assert inspect_schema(tmp_path).field("k").type == pa.dictionary(pa.int32(), values.type)
    assert got.sort_by("a")["k"].cast(values.type).to_pylist() == values.to_pylist()


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 5e-324, 1.7976931348623157e308]
)
def test_odd_floats_come_back(value, tmp_path):
    """floats shortest"""
    data = pa.table({"a": [1], "k": [value]})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=["k"])
    (got,) = read_parquet(tmp_path, output_format="arrow")["k"].to_pylist()
    assert repr(got) == repr(value)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"x"]),
        pa.array([[1]]),
        pa.array([{"x": 1}]),
        pa.nulls(1),
        pa.array([b"xx"], pa.binary(2)),
        pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda v: str(v.type),
)
def test_nested_binary_and_null_types_are_refused(values, tmp_path):
    """nested, binary and null types are refused"""
    data = pa.table({"a": [1], "k": values})
    with pytest.raises(ValueError):
        write_to_dataset(data, tmp_path / "d", data.schema, partition_cols=["k"])
    assert everything(tmp_path) == []


def test_null_empty_and_the_text_null_stay_themselves(tmp_path):
    """Null is `__HIVE_DEFAULT_PARTITION__`; `""` and `"NULL"` stay themselves"""
    data = pa.table({"a": [0, 1, 2], "k": [None, "", "NULL"]})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=["k"])
    assert sorted(os.listdir(tmp_path)) == ["k=", "k=NULL", "k=__HIVE_DEFAULT_PARTITION__"]
    assert read_parquet(tmp_path, output_format="arrow").sort_by("a")["k"].to_pylist() == [None, "", "NULL"]
    column = read_parquet(tmp_path, output_format="arrow")["k"]
    assert sum(chunk.indices.null_count for chunk in column.chunks) == 1


@pytest.mark.parametrize(
    "value",
    ["__HIVE_DEFAULT_PARTITION__", "x" * 254, "ä" * 127, "/" * 85],
    ids=["marker", "ascii", "utf-8", "escaped"],
)
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_the_marker_as_text_and_too_long_names_are_errors_before_anything_is_written(value, mode, tmp_path):
    """that marker as text, or a folder name above 255 bytes, is an error before anything is written"""
    schema = pa.schema([("a", pa.int64()), ("k", pa.string())])
    write_to_dataset([{"a": 1, "k": "x"}], tmp_path / "d", schema, partition_cols=["k"])
    before = contents(tmp_path)
    rows = [{"a": 1, "k": "good"}, {"a": 2, "k": value}]
    with pytest.raises(ValueError):
        write_to_dataset(rows, tmp_path / "d", schema, partition_cols=["k"], mode=mode)
    assert contents(tmp_path) == before and os.listdir(tmp_path) == ["d"]


@pytest.mark.parametrize("value", ["x" * 253, "/" * 84 + "x"])
def test_a_folder_name_of_255_bytes_works(value, tmp_path):
    """a folder name above 255 bytes, is an error"""
    write_to_dataset(
        [{"a": 1, "k": value}],
        tmp_path,
        pa.schema([("a", pa.int64()), ("k", pa.string())]),
        partition_cols=["k"],
    )
    assert len(os.listdir(tmp_path)[0]) == 255
    assert read_parquet(tmp_path)["k"].tolist() == [value]


HIVE = "\"#%'*/:=?\\{[]^\x7f" + "".join(map(chr, range(1, 32)))


def test_hives_escape_set_is_percent_encoded_once(tmp_path):
    """`/ % = : ?`, control characters and the rest of Hive's escape set are percent-encoded once."""
    values = [f"a{c}b" for c in HIVE] + [
        "%41",
        "%",
        "%%",
        "a%2Fb",
        "+",
        "a+b",
        "a b",
        " ",
        "ä",
        "日本",
        "~",
        ".",
        "..",
        "-",
        "__x",
        "}",
        "🦆",
    ]
    data = pa.table({"a": range(len(values)), "k": values})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=["k"], durable=False)
    names = set(os.listdir(tmp_path))
    for value in values:
        encoded = "".join(f"%{ord(c):02X}" if c in HIVE else c for c in value)
        assert f"k={encoded}" in names, value
    assert read_parquet(tmp_path, output_format="arrow").sort_by("a")["k"].to_pylist() == values
    theirs = ds.dataset(
        tmp_path, partitioning=ds.HivePartitioning(pa.schema([("k", pa.string())]))
    ).to_table()
    assert theirs.sort_by("a")["k"].to_pylist() == values


def test_every_character_of_a_partition_value_comes_back(tmp_path):
    """percent-encoded once"""
    rng = np.random.default_rng(7)
    alphabet = [chr(i) for i in range(1, 256)] + list("€漢字😀\u2028\ufeff")
    values = sorted(
        {"".join(rng.choice(alphabet, rng.integers(1, 9))) for _ in range(150)} | set(alphabet[:255])
    )
    data = pa.table({"a": range(len(values)), "k": values})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=["k"], durable=False)
    assert read_parquet(tmp_path, output_format="arrow").sort_by("a")["k"].to_pylist() == values


@pytest.mark.parametrize("name", ["a b", "a/b", "a=b", "100%", "ä", "x:y", "_x", ".x", "?"])
def test_names_of_partition_columns_are_encoded_too(name, tmp_path):
    """`/ % = : ?` ... are percent-encoded once"""
    data = pa.table({"a": [1, 2], name: ["u", "v"]})
    write_to_dataset(data, tmp_path, data.schema, partition_cols=[name])
    got = read_parquet(tmp_path, output_format="arrow")
    assert got.column_names == ["a", name] and got[name].to_pylist() == ["u", "v"]


# -- many partitions, order, threads --


def test_10000_partitions_in_one_call_work_with_256_file_descriptors(tmp_path):
    """10,000 partitions in one call work with 256 file descriptors"""
    code = """
        import os, resource, sys
        import pyarrow as pa
        from py_parquet_forge import *
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        n = 10_000
        data = pa.table({"a": pa.array(range(2 * n)), "p": pa.array([i % n for i in range(2 * n)], pa.int32())})
        write_to_dataset(data, sys.argv[1], data.schema, partition_cols=["p"], durable=False)
        assert len(os.listdir(sys.argv[1])) == n
        got = read_parquet(sys.argv[1], output_format="arrow", filters=[("p", "in", [5, 9999])])
        print(sorted(got["a"].to_pylist()), sum(len(b) for b in read_parquet_iter(sys.argv[1], columns=["a"])))
    """
    assert said(code, tmp_path / "d") == "[5, 9999, 10005, 19999] 20000"


def test_many_partitions_from_a_stream_stay_within_memory_limit(tmp_path):
    """(2: from a stream, within `memory_limit`)"""
    rng = np.random.default_rng(2)
    parts, chunks, limit = 200, 40, 24 << 20

    def stream():
        for i in range(chunks):  # 64 MB that neither dictionaries nor codecs make smaller
            n = 100_000
            yield pa.table(
                {
                    "a": rng.integers(0, 1 << 62, n),
                    "i": np.arange(i * n, (i + 1) * n),
                    "p": pa.array(rng.integers(0, parts, n), pa.int32()),
                }
            )

    schema = pa.schema([("a", pa.int64()), ("i", pa.int64()), ("p", pa.int32())])
    write_to_dataset(
        stream(),
        tmp_path,
        schema,
        partition_cols=["p"],
        memory_limit=limit,
        durable=False,
        use_dictionary=False,
    )
    assert len(files(tmp_path)) == parts
    total = 0
    for name in files(tmp_path):
        column = pq.read_table(tmp_path / name, columns=["i"], partitioning=None)["i"].to_numpy()
        assert (np.diff(column) > 0).all()
        total += len(column)
    assert total == chunks * 100_000


def test_row_order_is_kept_within_a_partition(tmp_path):
    """row order is kept within a partition"""
    chunks = [table(5000, 13).slice(i * 617, 617) for i in range(9)]
    write_to_dataset(iter(chunks), tmp_path, ABP, partition_cols=["p"], row_group_size=100)
    for name in files(tmp_path):
        column = pq.ParquetFile(tmp_path / name).read(["a"])["a"].to_pylist()
        assert column == sorted(column)


def test_the_files_do_not_depend_on_threads(tmp_path):
    """the files do not depend on threads"""
    for threads in (True, False):
        write_to_dataset(
            table(5000, 5),
            tmp_path / str(threads),
            ABP,
            partition_cols=["p"],
            use_threads=threads,
            row_group_size=300,
        )
    one, two = ([shot[2] for _, shot in sorted(contents(tmp_path / str(t)).items())] for t in (True, False))
    assert len(one) == 5 and one == two


UTC2 = dt.timezone(dt.timedelta(hours=2))
FORMS = [
    (pa.int16(), [-7, 12], ["-7", "12"]),
    (pa.decimal128(7, 2), [decimal.Decimal("1.50"), decimal.Decimal("-0.05")], ["1.50", "-0.05"]),
    (pa.bool_(), [True, False], ["true", "false"]),
    (pa.date32(), [dt.date(2024, 2, 29)], ["2024-02-29"]),
    (pa.timestamp("s"), [dt.datetime(2024, 1, 2, 3, 4, 5)], ["2024-01-02T03%3A04%3A05"]),
    (pa.timestamp("ms", "Europe/Berlin"), [dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC2)],
     ["2024-01-02T01%3A04%3A05.000Z"]),
    (pa.float64(), [0.1, 1e300], ["0.1", "1e+300"]),
]  # fmt: skip


@pytest.mark.parametrize("type, values, names", FORMS, ids=[str(form[0]) for form in FORMS])
def test_string_forms_of_partition_values(type, values, names, tmp_path):
    """integers and decimals plain, bool `true`/`false`, dates and timestamps ISO (aware ones in UTC with `Z`, digits of the unit), floats shortest"""
    schema = pa.schema([("p", type), ("v", pa.int64())])
    data = pa.table({"p": pa.array(values, type), "v": range(len(values))})
    write_to_dataset(data, tmp_path / "d", schema, partition_cols=["p"])
    folders = sorted(name.partition("=")[2] for name in os.listdir(tmp_path / "d"))
    assert folders == sorted(names)
    found = read_parquet(tmp_path / "d", "arrow")
    assert found["p"].type.value_type == type and set(found["p"].to_pylist()) == set(data["p"].to_pylist())
