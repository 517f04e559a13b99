# SPDX-License-Identifier: Apache-2.0
"""Promises about errors and keywords; one test per promise, named after it."""

from __future__ import annotations

import errno
import inspect
import os
import pickle
import resource

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import names_in

import py_parquet_forge as forge
from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

INT = pa.schema([("a", pa.int64())])
ROWS = [{"a": 1}]


# ---- classes ----


def test_schema_validation_error_is_an_arrow_invalid(target):
    assert issubclass(SchemaValidationError, (pa.ArrowInvalid,))
    assert issubclass(SchemaValidationError, (ValueError,))
    assert issubclass(SchemaValidationError, (pa.ArrowException,))
    assert forge.SchemaValidationError is SchemaValidationError
    assert SchemaValidationError.__module__ == "py_parquet_forge"


def test_schema_validation_error_pickles(target):
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet([{"a": "x"}], target, INT)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is SchemaValidationError
    assert str(copy) == str(caught.value) and copy.failures == caught.value.failures


@pytest.mark.parametrize(
    ("cause", "data"),
    [
        ("missing columns", pa.table({"b": [1]})),
        ("type incompatibility", pa.table({"a": ["1"]})),
        ("nulls in a required column", pa.table({"a": pa.array([None], pa.int64())})),
    ],
)
def test_the_three_causes_of_the_documentation(cause, data, target):
    schema = pa.schema([pa.field("a", pa.int64(), nullable=False)])
    for write in (
        lambda: write_parquet(data, target, schema),
        lambda: write_to_dataset(data, target, schema),
        lambda: stream(data, target, schema),
    ):
        with pytest.raises(SchemaValidationError, match="'a'"):
            write()
    assert names_in(target.parent) == []


def stream(data, target, schema):
    with ParquetStreamWriter(target, schema) as writer:
        writer.write_chunk(data)


def damage(kind: str, path) -> None:
    write_parquet([{"a": i} for i in range(1000)], path, INT)
    data = path.read_bytes()
    path.write_bytes(
        {
            "not parquet": b"hello world, this is not a Parquet file",
            "empty": b"",
            "truncated": data[: len(data) // 2],
            "footer": data[:-30] + b"\xff" * 22 + data[-8:],
            "length": data[:-8] + b"\xff\xff\xff\x7f" + data[-4:],
            "page": data[:40] + bytes(20) + data[60:],
        }[kind]
    )


@pytest.mark.parametrize("kind", ["not parquet", "empty", "truncated", "footer", "length", "page"])
def test_damaged_files_are_arrow_invalid_and_name_the_file(kind, target):
    damage(kind, target)
    with pytest.raises(pa.ArrowInvalid, match=str(target)) as caught:
        read_parquet(target)
    assert not isinstance(caught.value, SchemaValidationError)


def test_a_damaged_page_is_named_with_row_group_and_column(target):
    damage("page", target)
    with pytest.raises(pa.ArrowInvalid, match=r"row group 0.*column a"):
        list(read_parquet_iter(target))


def test_encrypted_files_are_named_as_not_built(target):
    target.write_bytes(b"PARE" + b"x" * 100 + (50).to_bytes(4, "little") + b"PARE")
    with pytest.raises(NotImplementedError, match="encrypt"):
        read_parquet(target)


@pytest.mark.parametrize("call", [read_parquet, read_parquet_iter, forge.inspect_schema])
def test_a_missing_path_is_a_file_not_found_error(call, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        call(tmp_path / "nothing.parquet")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "nothing.parquet")


def test_the_operating_systems_errors_keep_class_errno_and_path(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotADirectoryError) as caught:
        write_parquet(ROWS, tmp_path / "file" / "t.parquet", INT)
    assert caught.value.errno == errno.ENOTDIR and "file" in caught.value.filename
    with pytest.raises(IsADirectoryError):
        write_parquet(ROWS, tmp_path, INT)
    with pytest.raises(OSError) as caught:
        write_parquet(ROWS, tmp_path / ("x" * 300), INT)
    assert caught.value.errno == errno.ENAMETOOLONG


READERS = [read_parquet, read_parquet_iter, forge.inspect_schema, forge.read_metadata]


@pytest.mark.parametrize("call", READERS)
def test_a_link_that_leads_nowhere_is_told_from_a_missing_path(call, tmp_path):
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(FileNotFoundError, match="symbolic link to 'gone', which does not exist") as caught:
        call(tmp_path / "link")
    assert caught.value.errno == errno.ENOENT and caught.value.filename == str(tmp_path / "link")
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError) as caught:
        call(tmp_path / "ring")
    assert caught.value.errno == errno.ELOOP and "does not exist" not in str(caught.value)


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_dataset_is_not_written_through_a_link_that_leads_nowhere(mode, tmp_path):
    (tmp_path / "link").symlink_to("gone")
    with pytest.raises(FileNotFoundError, match="symbolic link that leads nowhere"):
        write_to_dataset(ROWS, tmp_path / "link", INT, mode=mode)
    assert names_in(tmp_path) == ["link"]
    (tmp_path / "gone").mkdir()
    write_to_dataset(ROWS, tmp_path / "link", INT, mode=mode)
    assert (tmp_path / "link").is_symlink() and read_parquet(tmp_path / "gone", "arrow").num_rows == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_permission_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_parquet(ROWS, tmp_path / "t.parquet", INT)


def test_a_full_disk_is_an_os_error_and_leaves_nothing(target):
    table = pa.table({"a": range(200_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            write_parquet(table, target, INT, compression="none", use_dictionary=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.errno == errno.EFBIG and names_in(target.parent) == []


@pytest.mark.parametrize("url", ["s3://bucket/key", "https://host/x.parquet", "file:///tmp/x"])
def test_urls_are_an_error_that_says_so(url):
    for call in (
        read_parquet,
        read_parquet_iter,
        forge.inspect_schema,
        lambda path: write_parquet(ROWS, path, INT),
        lambda path: write_to_dataset(ROWS, path, INT),
        lambda path: ParquetStreamWriter(path, INT),
    ):
        with pytest.raises(ValueError, match="URL"):
            call(url)


@pytest.mark.parametrize("path", [7, None, 1.5, {}])
def test_paths_of_other_types_are_type_errors(path):
    with pytest.raises(TypeError):
        read_parquet(path)
    with pytest.raises(TypeError):
        write_parquet(ROWS, path, INT)


def test_a_schema_of_another_type_is_a_type_error(target):
    with pytest.raises(TypeError, match="schema"):
        write_parquet(ROWS, target, {"a": "int64"})


# ---- keywords ----

WRITE_NAMES = {
    *inspect.signature(pq.write_table).parameters,
    *inspect.signature(pq.ParquetWriter.__init__).parameters,
} - {"table", "where", "schema", "self", "kwargs", "options"}
DATASET_NAMES = {
    *inspect.signature(pq.write_to_dataset).parameters,
    *inspect.signature(ds.write_dataset).parameters,
} - {
    "table",
    "data",
    "root_path",
    "base_dir",
    "schema",
    "partition_cols",
    "kwargs",
    "partitioning_flavor",
}  # the last is spelt otherwise here: partition_cols are Hive's
READ_NAMES = {
    *inspect.signature(pq.read_table).parameters,
    *inspect.signature(pq.ParquetFile.__init__).parameters,
} - {"source", "columns", "filters", "self"}


def answers(call) -> type | None:
    try:
        call()
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", sorted(WRITE_NAMES))
def test_every_keyword_of_pyarrow_is_known_when_writing(name, target):
    odd = object()
    got = {
        answers(lambda: write_parquet(ROWS, target, INT, **{name: odd})),
        answers(lambda: ParquetStreamWriter(target, INT, **{name: odd})),
    }
    assert got <= {None, ValueError, NotImplementedError} and len(got) == 1


@pytest.mark.parametrize("name", sorted(DATASET_NAMES | WRITE_NAMES))
def test_every_keyword_of_pyarrow_is_known_when_writing_datasets(name, target):
    got = answers(lambda: write_to_dataset(ROWS, target, INT, **{name: object()}))
    assert got in (None, ValueError, NotImplementedError)


@pytest.mark.parametrize("name", sorted(READ_NAMES))
def test_every_keyword_of_pyarrow_is_known_when_reading(name, target):
    write_parquet(ROWS, target, INT)
    got = answers(lambda: read_parquet(target, **{name: object()}))
    assert got in (None, ValueError, NotImplementedError)


DEFAULTS = [
    parameter
    for parameter in inspect.signature(pq.write_table).parameters.values()
    if parameter.default is not inspect.Parameter.empty
]


def test_the_defaults_of_pyarrow_are_accepted(target):
    for parameter in DEFAULTS:
        write_parquet(ROWS, target, INT, **{parameter.name: parameter.default})
    for parameter in inspect.signature(pq.read_table).parameters.values():
        if parameter.name in READ_NAMES:
            assert read_parquet(target, **{parameter.name: parameter.default}).shape == (1, 1)


@pytest.mark.parametrize("name", ["use_content_defined_chunking"])
def test_keywords_that_are_not_built_are_named(name, target):
    with pytest.raises(NotImplementedError, match=name):
        write_parquet(ROWS, target, INT, **{name: True})
    assert names_in(target.parent) == []


def test_an_unknown_keyword_is_a_type_error_with_the_nearest_name(target):
    with pytest.raises(TypeError, match=r"'compresion'.*'compression'"):
        write_parquet(ROWS, target, INT, compresion="zstd")
    with pytest.raises(TypeError, match=r"write_to_dataset\(\).*'if_exists'"):
        write_to_dataset(ROWS, target, INT, if_exists="error")
    with pytest.raises(TypeError, match="'use_threads'"):
        read_parquet(target, use_thread=True)


BAD_VALUES = [
    ("row_group_size", 0),
    ("row_group_size", 1.5),
    ("version", "3.0"),
    ("compression", 7),
    ("compression_level", "high"),
    ("data_page_version", "3.0"),
    ("coerce_timestamps", "ns"),
    ("store_schema", "no"),
    ("if_exists", "append"),
    ("on_extra", "ignore"),
    ("on_missing", None),
    ("use_dictionary", "a"),
    ("use_dictionary", ["nothing"]),
    ("memory_limit", -1),
    ("metadata", {"a": 1}),
    ("progress", 5),
    ("coerce", 1),
    ("durable", None),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
def test_a_bad_value_is_a_value_error_before_anything_is_written(name, value, target):
    with pytest.raises(ValueError, match=name):
        write_parquet(ROWS, target, INT, **{name: value})
    assert names_in(target.parent) == []


def test_two_names_of_one_keyword_must_agree(tmp_path):
    data = [{"a": i} for i in range(10)]

    def row_groups(**keywords) -> list[int]:
        write_to_dataset(data, tmp_path / "d", INT, mode="overwrite", **keywords)
        (file,) = forge.read_metadata(tmp_path / "d")["files"]
        return [group["num_rows"] for group in file["row_groups"]]

    for keywords in ({"max_rows_per_group": 4}, {"max_rows_per_group": 4, "row_group_size": 4}):
        assert row_groups(**keywords) == [4, 4, 2]
    for keywords in (
        {"max_rows_per_group": 4, "row_group_size": 5},
        {"row_group_size": 5, "max_rows_per_group": 4},
    ):
        with pytest.raises(ValueError, match="they are 4 and 5; give one of them"):
            row_groups(**keywords)


def test_a_limit_of_nothing_says_how_to_have_none(tmp_path):
    with pytest.raises(ValueError, match="max_rows_per_file.*or 0 for no limit"):
        write_to_dataset(ROWS, tmp_path / "d", INT, max_rows_per_file=-1)
    assert names_in(tmp_path) == []


def test_an_unknown_codec_is_named(target):
    with pytest.raises(NotImplementedError, match="lzo"):
        write_parquet(ROWS, target, INT, compression="lzo")


def test_signatures_are_those_of_the_documentation():
    def shape(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    empty = inspect.Parameter.empty
    assert shape(write_parquet) == [
        ("data", empty),
        ("output_path", empty),
        ("schema", empty),
        ("kwargs", empty),
    ]
    assert shape(write_to_dataset) == [
        ("data", empty),
        ("output_dir", empty),
        ("schema", empty),
        ("partition_cols", None),
        ("mode", "append"),
        ("kwargs", empty),
    ]
    assert shape(read_parquet) == [
        ("input_path", empty),
        ("output_format", "pandas"),
        ("columns", None),
        ("filters", None),
        ("kwargs", empty),
    ]
    assert shape(read_parquet_iter) == [
        ("input_path", empty),
        ("chunk_size", 100_000),
        ("columns", None),
        ("filters", None),
        ("kwargs", empty),
    ]
    assert shape(forge.inspect_schema) == [("path", empty), ("kwargs", empty)]
    assert shape(ParquetStreamWriter) == [("output_path", empty), ("schema", empty), ("kwargs", empty)]
    assert shape(ParquetStreamWriter.write_chunk)[1:] == [("data", empty)]


def test_files_that_exist_are_file_exists_errors(target):
    write_parquet(ROWS, target, INT)
    with pytest.raises(FileExistsError) as caught:
        write_parquet(ROWS, target, INT, if_exists="error")
    assert caught.value.errno == errno.EEXIST and str(target) in str(caught.value)
