# SPDX-License-Identifier: Apache-2.0
"""Whatever is read for, what a path leads to is judged alike: what is taken, and how it is refused.

read_parquet, read_parquet_iter, inspect_schema, read_metadata and merge: one class, one errno, one text.
"""

from __future__ import annotations

import errno
import os

import pyarrow as pa
import pytest

import py_parquet_forge as forge

SCHEMA = pa.schema([("a", pa.int64())])


def make_good(path) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    forge.write_parquet([{"a": 1}], path, SCHEMA)


def make_empty_folder(root):
    (root / "it").mkdir()


def make_folder_of_folders(root):
    (root / "it" / "below" / "p=1").mkdir(parents=True)


def make_hidden_files(root):
    make_good(root / "it" / "_metadata")
    make_good(root / "it" / ".part.parquet")
    make_good(root / "it" / "_temporary" / "x.parquet")
    (root / "it" / "_SUCCESS").touch()


def make_foreign_file(root):
    (root / "it").write_text("a,b\n1,2\n3,4\n")


def make_folder_with_a_foreign_file(root):
    make_good(root / "it" / "a.parquet")
    (root / "it" / "readme.txt").write_text("This folder holds numbers.")


def make_empty_file(root):
    (root / "it").touch()


def make_folder_with_an_empty_file(root):
    make_good(root / "it" / "b.parquet")
    (root / "it" / "a.parquet").touch()


def make_cut_file(root):
    make_good(root / "it")
    (root / "it").write_bytes((root / "it").read_bytes()[:-9])


def make_encrypted_file(root):
    make_good(root / "it")
    (root / "it").write_bytes((root / "it").read_bytes()[:-4] + b"PARE")


def make_pipe(root):
    os.mkfifo(root / "it")


def make_nothing(root):
    pass


def make_dangling_link(root):
    (root / "it").symlink_to("gone")


def make_loop_of_links(root):
    (root / "it").symlink_to("it")


def make_file_as_folder(root):
    make_good(root / "good")
    (root / "it").symlink_to("good/file")


EMPTY = [make_empty_folder, make_folder_of_folders, make_hidden_files]
REFUSED = [
    (make_foreign_file, pa.ArrowInvalid, None, "not a Parquet file"),
    (make_folder_with_a_foreign_file, pa.ArrowInvalid, None, "readme.txt: not a Parquet file"),
    (make_empty_file, pa.ArrowInvalid, None, "the file is empty"),
    (make_folder_with_an_empty_file, pa.ArrowInvalid, None, "a.parquet: the file is empty"),
    (make_cut_file, pa.ArrowInvalid, None, "does not end with PAR1"),
    (make_encrypted_file, NotImplementedError, None, "encrypted"),
    (make_pipe, OSError, errno.ESPIPE, "only a regular file"),
    (make_nothing, FileNotFoundError, errno.ENOENT, "cannot read"),
    (make_dangling_link, FileNotFoundError, errno.ENOENT, "a symbolic link to 'gone'"),
    (make_loop_of_links, OSError, errno.ELOOP, "cannot read"),
    (make_file_as_folder, NotADirectoryError, errno.ENOTDIR, "cannot read"),
]


def calls(path, root) -> dict:
    return {
        "read_parquet": lambda: forge.read_parquet(path, "arrow"),
        "read_parquet_iter": lambda: list(forge.read_parquet_iter(path)),
        "inspect_schema": lambda: forge.inspect_schema(path),
        "read_metadata": lambda: forge.read_metadata(path),
        "merge": lambda: forge.merge(path, root / "out"),
    }


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize("make", EMPTY)
def test_folders_without_files_are_taken_by_every_reader(tmp_path, make, as_list):
    make(tmp_path)
    path = [tmp_path / "it"] if as_list else tmp_path / "it"
    assert forge.read_parquet(path, "arrow").shape == (0, 0)
    assert list(forge.read_parquet_iter(path)) == []
    assert forge.inspect_schema(path).names == []
    record = forge.read_metadata(path)
    assert (record["num_files"], record["num_rows"], record["files"]) == (0, 0, [])
    with pytest.raises(ValueError, match="no file to merge"):
        forge.merge(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_list", [False, True])
@pytest.mark.parametrize(("make", "kind", "number", "words"), REFUSED)
def test_what_cannot_be_read_is_refused_alike(tmp_path, make, kind, number, words, as_list):
    make(tmp_path)
    path = [tmp_path / "it"] if as_list else tmp_path / "it"
    told = {}
    for name, call in calls(path, tmp_path).items():
        with pytest.raises(kind, match=words) as caught:
            call()
        told[name] = (type(caught.value), getattr(caught.value, "errno", None), str(caught.value))
    assert len(set(told.values())) == 1, told
    assert told["read_parquet"][1] == number and str(tmp_path / "it") in told["read_parquet"][2]
    assert not (tmp_path / "out").exists()
