# SPDX-License-Identifier: Apache-2.0
"""The table of errors: what is raised for what, and what the message names."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import textwrap

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import py_parquet_forge as forge
from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

from .support import child, contents, everything, numbers, said, without

SCHEMA = pa.schema([pa.field("user_id", pa.int64(), nullable=False), pa.field("username", pa.string())])
ROWS = [{"user_id": 1, "username": "a"}]

READERS = {
    "read_parquet": lambda path, **kw: read_parquet(path, **kw),
    "arrow": lambda path, **kw: read_parquet(path, output_format="arrow", **kw),
    "read_parquet_iter": lambda path, **kw: list(read_parquet_iter(path, **kw)),
}


def stream(data, path, schema, **kw):
    with ParquetStreamWriter(path, schema, **kw) as writer:
        writer.write_chunk(data)


WRITERS = {"write_parquet": write_parquet, "write_to_dataset": write_to_dataset, "stream": stream}

readers = pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
writers = pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())


# -- data that does not fit --


@writers
@pytest.mark.parametrize(
    "rows", [[{"user_id": "x"}], [{"user_id": None}], [{"username": "a"}], [{"user_id": 1, "usrname": "a"}]]
)
def test_data_that_does_not_fit_is_a_schema_validation_error(writer, rows, tmp_path):
    """data does not fit the schema (seed, section 5)"""
    with pytest.raises(SchemaValidationError):
        writer(rows, tmp_path / "t", SCHEMA)
    assert everything(tmp_path) == []


@writers
@pytest.mark.parametrize("ends", [[0, -1, 3], [0, 3, 2]], ids=str)
def test_arrow_arrays_that_are_not_well_formed_are_no_data(writer, ends, tmp_path):
    """unsupported data object | `SchemaValidationError`"""
    buffers = [None, pa.array(ends, pa.int32()).buffers()[1], pa.py_buffer(b"abc")]
    broken = pa.Array.from_buffers(pa.string(), 2, buffers)
    schema = pa.schema([("v", pa.string())])
    with pytest.raises(SchemaValidationError, match="Arrow array 'v'"):
        writer(pa.table([broken], schema), tmp_path / "t", schema)
    assert everything(tmp_path) == []


@writers
@pytest.mark.parametrize(
    "data",
    [{"user_id": [1]}, {1, 2}, "text", 7, 1.5, None, b"bytes", object()],
    ids=lambda v: type(v).__name__,
)
def test_unsupported_data_object_is_a_schema_validation_error(writer, data, tmp_path):
    """unsupported data object | `SchemaValidationError`"""
    with pytest.raises(SchemaValidationError, match="Unsupported data type"):
        writer(data, tmp_path / "t", SCHEMA)
    assert everything(tmp_path) == []


def test_schema_validation_error_is_an_arrow_invalid():
    """a `pyarrow.ArrowInvalid`, so a `ValueError` and an `ArrowException`"""
    assert issubclass(SchemaValidationError, pa.ArrowInvalid)
    assert issubclass(SchemaValidationError, ValueError)
    assert issubclass(SchemaValidationError, pa.ArrowException)


def test_schema_validation_error_is_made_on_first_access_and_cached():
    """`SchemaValidationError` is made on first access, cached"""
    assert forge.SchemaValidationError is forge.SchemaValidationError
    out = said("""
        import sys, py_parquet_forge as f
        before = "pyarrow" in sys.modules
        first = f.SchemaValidationError
        print(before, "pyarrow" in sys.modules, first is f.SchemaValidationError)
    """)
    assert out == "False True True"


def test_schema_validation_error_pickles(tmp_path):
    """and pickles"""
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet([{"user_id": "x"}, {"user_id": None}], tmp_path / "t", SCHEMA)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is SchemaValidationError
    assert str(again) == str(caught.value)
    assert again.to_dict() == caught.value.to_dict()
    assert len(again.failures) == len(caught.value.failures) == 2


def test_a_pickled_error_is_read_in_a_process_that_never_made_the_class(tmp_path):
    """`SchemaValidationError` is made on first access, cached, and pickles."""
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet([{"user_id": "x"}], tmp_path / "t", SCHEMA)
    (tmp_path / "e.pickle").write_bytes(pickle.dumps(caught.value))
    out = said(
        "import pickle, sys; e = pickle.load(open(sys.argv[1], 'rb')); print(type(e).__name__, e.failures[0].path)",
        tmp_path / "e.pickle",
    )
    assert out == "SchemaValidationError user_id"


# -- damaged files --


@pytest.fixture
def good(tmp_path):
    """A file with three row groups of two columns."""
    path = tmp_path / "good.parquet"
    table = pa.table({"first": pa.array(range(3000), pa.int64()), "second": [f"s{i}" for i in range(3000)]})
    write_parquet(table, path, table.schema, row_group_size=1000, compression=None, use_dictionary=False)
    return path


@readers
@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"hello world, this is text\n" * 40, b"PAR1" + b"\0" * 500 + b"PAR1"]
)
def test_not_parquet_is_an_arrow_invalid_that_names_the_file(reader, data, tmp_path):
    """not Parquet | `pyarrow.ArrowInvalid`, naming file"""
    (tmp_path / "strange.parquet").write_bytes(data)
    with pytest.raises(pa.ArrowInvalid, match="strange.parquet") as caught:
        reader(tmp_path / "strange.parquet")
    assert not isinstance(caught.value, SchemaValidationError)
    with pytest.raises(pa.ArrowInvalid, match="strange.parquet"):
        inspect_schema(tmp_path / "strange.parquet")


@readers
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95, 0.999])
def test_truncated_is_an_arrow_invalid_that_names_the_file(reader, part, good):
    """truncated | `pyarrow.ArrowInvalid`, naming file"""
    data = good.read_bytes()
    good.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(pa.ArrowInvalid, match="good.parquet"):
        reader(good)


@readers
def test_a_wrong_checksum_names_file_row_group_column_page_and_byte(reader, good):
    """wrong checksum | naming file, row group, column, page, byte as far as known, and the keyword that lifts a limit"""
    chunk = pq.ParquetFile(good).metadata.row_group(1).column(1)
    data = bytearray(good.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 2] ^= 0x01  # the last value of the chunk
    good.write_bytes(data)
    with pytest.raises(pa.ArrowInvalid) as caught:
        reader(good)
    message = str(caught.value)
    for word in ("good.parquet", "row group 1", "second", "page", "byte"):
        assert word in message, message
    assert "page_checksum_verification" in message or "checksum" in message.lower()


def test_any_damaged_byte_is_an_error_or_changes_nothing(good):
    """damaged | `pyarrow.ArrowInvalid`"""
    want = pq.read_table(good)
    data = good.read_bytes()
    for at in range(4, len(data) - 8, max(1, len(data) // 300)):
        bad = bytearray(data)
        bad[at] ^= 0x10
        good.write_bytes(bad)
        try:
            got = read_parquet(good, output_format="arrow")
        except (pa.ArrowInvalid, NotImplementedError):
            continue
        if at < len(data) - 8 - int.from_bytes(data[-8:-4], "little"):  # in the pages
            assert got.equals(want), at


@readers
@pytest.mark.parametrize("name, near", [("fisrt", "first"), ("secnd", "second")])
def test_unknown_column_names_the_nearest(reader, name, near, good):
    """unknown column | `pyarrow.ArrowInvalid`"""
    with pytest.raises(pa.ArrowInvalid, match=near) as caught:
        reader(good, columns=[name])
    assert name in str(caught.value)


@readers
def test_unknown_column_in_a_filter(reader, good):
    """unknown column | `pyarrow.ArrowInvalid`"""
    for filters in ([("nope", "==", 1)], pc.field("nope") == 1):
        with pytest.raises(pa.ArrowInvalid, match="nope"):
            reader(good, filters=filters)


@pytest.mark.parametrize("keyword", ["thrift_string_size_limit", "thrift_container_size_limit"])
def test_a_claim_beyond_a_limit_names_the_keyword_that_lifts_it(keyword, good):
    """a file's claims exceed a limit | and the keyword that lifts a limit"""
    with pytest.raises(pa.ArrowInvalid, match=keyword) as caught:
        read_parquet(good, **{keyword: 1})
    assert "good.parquet" in str(caught.value)
    assert len(read_parquet(good, **{keyword: 1_000_000})) == 3000


@readers
def test_a_claim_beyond_the_memory_budget_names_the_keyword(reader, tmp_path):
    """or the memory budget"""
    table = pa.table({"a": pa.array(range(1_000_000), pa.int64())})
    pq.write_table(table, tmp_path / "big.parquet", use_dictionary=False)
    with pytest.raises(pa.ArrowInvalid, match="memory_limit"):
        reader(tmp_path / "big.parquet", memory_limit=100_000)


def test_a_small_damaged_file_cannot_eat_memory(tmp_path):
    """a file's claims exceed a limit or the memory budget | `pyarrow.ArrowInvalid`"""
    path = tmp_path / "claims.parquet"
    pq.write_table(
        pa.table({"unlikely_name": pa.array([7] * 100, pa.int64())}),
        path,
        use_dictionary=False,
        compression=None,
    )
    data = path.read_bytes()
    # num_values (100, zigzag 200 = c8 01) of every struct becomes 2^35 rows or so
    path.write_bytes(data.replace(b"\x16\xc8\x01", b"\x16\xf0\x7f"))
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(path)


# -- not built --


def patched_codec(tmp_path, code: bytes):
    path = tmp_path / "codec.parquet"
    pq.write_table(pa.table({"unlikely_name": [1, 2, 3]}), path, compression=None)
    data = path.read_bytes()
    place = b"\x18\x0dunlikely_name\x15"
    assert data.count(place + b"\0") == 1
    path.write_bytes(data.replace(place + b"\0", place + code))
    return path


@readers
@pytest.mark.parametrize("code, name", [(b"\x06", "(?i)lzo"), (b"\x40", "32")], ids=["lzo", "no such codec"])
def test_unknown_codec_is_not_implemented_and_named(reader, code, name, tmp_path):
    """unknown codec | `NotImplementedError`, naming it"""
    with pytest.raises(NotImplementedError, match=name):
        reader(patched_codec(tmp_path, code))


@writers
@pytest.mark.parametrize("codec", ["lzo", "middle-out"])
def test_unknown_codec_to_write_is_not_implemented_and_named(writer, codec, tmp_path):
    """unknown codec | `NotImplementedError`, naming it"""
    with pytest.raises(NotImplementedError, match=f"(?i){codec}"):
        writer(ROWS, tmp_path / "t", SCHEMA, compression=codec)
    assert everything(tmp_path) == []


@readers
@pytest.mark.parametrize("plain_footer", [True, False])
def test_an_encrypted_file_without_keys_is_not_implemented(reader, plain_footer, tmp_path):
    """encrypted file without keys | `NotImplementedError`"""
    pe = pytest.importorskip("pyarrow.parquet.encryption")

    class Kms(pe.KmsClient):
        def __init__(self, config):
            super().__init__()

        def wrap_key(self, key, name):
            return key.hex()

        def unwrap_key(self, key, name):
            return bytes.fromhex(key)

    factory = pe.CryptoFactory(Kms)
    config = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"c": ["a"]}, plaintext_footer=plain_footer
    )
    table = numbers(10)
    props = factory.file_encryption_properties(pe.KmsConnectionConfig(), config)
    with pq.ParquetWriter(tmp_path / "secret.parquet", table.schema, encryption_properties=props) as writer:
        writer.write_table(table)
    with pytest.raises(NotImplementedError, match="(?i)encrypt"):
        reader(tmp_path / "secret.parquet")


# -- bad arguments --


@pytest.mark.parametrize("size", [0, -1, -(10**20)])
def test_chunk_size_below_one_is_a_value_error_at_the_call(size, good):
    """`chunk_size` below 1 | `ValueError`, at the call"""
    with pytest.raises(ValueError, match="chunk_size"):
        read_parquet_iter(good, chunk_size=size)


BAD = [
    ("row_group_size", 0),
    ("row_group_size", -1),
    ("row_group_bytes", 0),
    ("version", "3.0"),
    ("data_page_version", "7"),
    ("data_page_size", 0),
    ("max_rows_per_page", -1),
    ("coerce_timestamps", "minutes"),
    ("on_extra", "keep"),
    ("on_missing", "zero"),
    ("memory_limit", 0),
    ("compression_level", 10_000),
]


@writers
@pytest.mark.parametrize("name, value", BAD)
def test_bad_argument_value_is_a_value_error_before_anything_is_written(writer, name, value, tmp_path):
    """bad argument value | `ValueError`, at the call, before anything is written"""
    consumed = []

    def rows():
        consumed.append(1)
        yield ROWS

    more = {"compression": "zstd"} if name == "compression_level" else {}
    with pytest.raises(ValueError) as caught:
        writer(rows(), tmp_path / "t", SCHEMA, **{name: value}, **more)
    assert not isinstance(caught.value, pa.ArrowInvalid)
    assert not consumed and everything(tmp_path) == []


@pytest.mark.parametrize("name, value", BAD[:6])
def test_bad_argument_value_of_the_stream_is_found_at_the_call(name, value, tmp_path):
    """at the call"""
    with pytest.raises(ValueError):
        ParquetStreamWriter(tmp_path / "t", SCHEMA, **{name: value})
    assert everything(tmp_path) == []


@pytest.mark.parametrize("target", ["/", "~", ".", "..", "../..", "/home/.."])
def test_refused_overwrite_target_is_a_value_error(target, tmp_path, monkeypatch):
    """refused overwrite target | `ValueError`, at the call, before anything is written"""
    home = tmp_path / "home" / "me"
    inner = tmp_path / "work" / "here"
    home.mkdir(parents=True)
    inner.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(inner)
    before = everything(tmp_path)
    with pytest.raises(ValueError):
        write_to_dataset(ROWS, os.path.expanduser(target), SCHEMA, mode="overwrite")
    assert everything(tmp_path) == before


# -- keywords --


@pytest.mark.parametrize(
    "call, typo, near",
    [
        (lambda p, **kw: write_parquet(ROWS, p / "t", SCHEMA, **kw), "compresion", "compression"),
        (lambda p, **kw: write_to_dataset(ROWS, p / "t", SCHEMA, **kw), "row_group_sise", "row_group_size"),
        (lambda p, **kw: ParquetStreamWriter(p / "t", SCHEMA, **kw), "durabel", "durable"),
        (lambda p, **kw: read_parquet(p / "in.parquet", **kw), "use_thread", "use_threads"),
        (lambda p, **kw: read_parquet_iter(p / "in.parquet", **kw), "memory_mapp", "memory_map"),
    ],
)
def test_unknown_keyword_is_a_type_error_with_the_nearest_name(call, typo, near, tmp_path):
    """unknown keyword | `TypeError` with the nearest name"""
    pq.write_table(numbers(3), tmp_path / "in.parquet")
    with pytest.raises(TypeError, match=rf"{typo}(.|\n)*\b{near}\b"):
        call(tmp_path, **{typo: 1})
    assert everything(tmp_path) == ["in.parquet"]


# -- the operating system --


def check(caught, number, path):
    assert caught.value.errno == number
    assert str(path) in (caught.value.filename or "") or str(path) in str(caught.value)


@readers
@pytest.mark.parametrize("inside", ["nothing.parquet", "no/such/folder"])
def test_a_missing_path_is_a_file_not_found_error(reader, inside, tmp_path):
    """the operating system | `OSError` with errno and path: `FileNotFoundError`"""
    with pytest.raises(FileNotFoundError) as caught:
        reader(tmp_path / inside)
    check(caught, errno.ENOENT, tmp_path / inside)
    with pytest.raises(FileNotFoundError) as caught:
        inspect_schema(tmp_path / inside)
    check(caught, errno.ENOENT, tmp_path / inside)


def test_a_missing_path_is_found_at_the_call_of_the_iterator(tmp_path):
    """`FileNotFoundError`; arguments are checked at the call"""
    with pytest.raises(FileNotFoundError):
        read_parquet_iter(tmp_path / "nothing")


@pytest.mark.parametrize(
    "call",
    [
        lambda p: read_parquet(p + "/closed/in.parquet"),
        lambda p: write_parquet(ROWS, p + "/closed/t.parquet", SCHEMA),
        lambda p: write_to_dataset(ROWS, p + "/closed/ds", SCHEMA),
    ],
    ids=["read_parquet", "write_parquet", "write_to_dataset"],
)
def test_what_may_not_be_touched_is_a_permission_error(call):
    """`PermissionError`"""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(folder + "/closed")
        write_parquet(ROWS, folder + "/closed/in.parquet", SCHEMA)
        os.chmod(folder, 0o755)
        os.chmod(folder + "/closed", 0)
        pid = os.fork()
        if not pid:
            status = 1
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                call(folder)
            except PermissionError as error:
                status = 0 if error.errno == errno.EACCES and "closed" in str(error) else 2
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        os.chmod(folder + "/closed", 0o755)


@pytest.mark.parametrize("writer", [write_parquet, stream], ids=["write_parquet", "stream"])
def test_a_directory_as_target_is_an_is_a_directory_error(writer, tmp_path):
    """`IsADirectoryError`"""
    with pytest.raises(IsADirectoryError) as caught:
        writer(ROWS, tmp_path, SCHEMA)
    check(caught, errno.EISDIR, tmp_path)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("inside", ["", "/below"])
@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_file_as_folder_is_a_not_a_directory_error(mode, inside, tmp_path):
    """`NotADirectoryError`"""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError) as caught:
        write_to_dataset(ROWS, str(tmp_path / "file") + inside, SCHEMA, mode=mode)
    check(caught, errno.ENOTDIR, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(NotADirectoryError):
        write_parquet(ROWS, tmp_path / "file" / "t.parquet", SCHEMA)


@pytest.mark.parametrize("writer", [write_parquet, stream], ids=["write_parquet", "stream"])
def test_a_file_that_must_not_be_replaced_is_a_file_exists_error(writer, tmp_path):
    """`FileExistsError`"""
    write_parquet(ROWS, tmp_path / "t", SCHEMA)
    before = contents(tmp_path)
    with pytest.raises(FileExistsError) as caught:
        writer(ROWS * 2, tmp_path / "t", SCHEMA, if_exists="error")
    check(caught, errno.EEXIST, tmp_path / "t")
    assert contents(tmp_path) == before


FULL = """
    import errno, os, resource, signal, sys
    import pyarrow as pa
    from py_parquet_forge import *
    folder = sys.argv[1]
    table = pa.table({"a": list(range(400_000))})
    write_parquet(table.slice(0, 10), folder + "/t.parquet", table.schema)
    old = open(folder + "/t.parquet", "rb").read()
    def stream():
        with ParquetStreamWriter(folder + "/t.parquet", table.schema, row_group_size=1000, compression=None) as w:
            for i in range(400):
                w.write_chunk(table.slice(i * 1000, 1000))
    %s
    for call in (
        lambda: write_parquet(table, folder + "/t.parquet", table.schema, compression=None),
        stream,
        lambda: write_to_dataset(table, folder + "/ds", table.schema, compression=None),
    ):
        try:
            call()
        except OSError as error:
            assert error.errno == errno.%s, error
            assert folder in str(error), error
        else:
            raise SystemExit("no error")
        assert os.listdir(folder) == ["t.parquet"], os.listdir(folder)
        assert open(folder + "/t.parquet", "rb").read() == old
"""


def test_no_room_on_the_device_is_an_os_error_that_leaves_the_old_file(tmp_path):
    """ENOSPC"""
    script = FULL % ("pass", "ENOSPC")
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    folder = tmp_path / "small"
    folder.mkdir()
    small = f"mount -t tmpfs -o size=1m none {folder}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", small], capture_output=True).returncode:
        pytest.skip("needs a mount of its own")
    (tmp_path / "full.py").write_text(textwrap.dedent(script))
    run = f"{small} && {sys.executable} {tmp_path}/full.py {folder}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", run], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_file_size_limit_is_an_os_error_that_leaves_the_old_file(tmp_path):
    """the operating system | `OSError` with errno and path"""
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))"
    said(FULL % (limit, "EFBIG"), tmp_path)


# -- memory --


@pytest.mark.parametrize(
    "call",
    [
        "read_parquet(path, output_format='arrow', memory_limit=1 << 40)",
        "list(read_parquet_iter(path, chunk_size=1 << 25, memory_limit=1 << 40))",
    ],
)
def test_an_allocation_that_fails_is_a_memory_error(call, tmp_path):
    """allocation failed | `MemoryError`"""
    code = f"""
        import resource, sys
        import pyarrow as pa
        from py_parquet_forge import *
        path = sys.argv[1]
        inspect_schema(path)
        with open("/proc/self/statm") as f:
            used = int(f.read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + (100 << 20),) * 2)
        try:
            {call}
        except MemoryError:
            print("MemoryError")
    """
    path = tmp_path / "big.parquet"
    ones = pa.array([1], pa.int64()).dictionary_encode().take(pa.nulls(20_000_000, pa.int64()).fill_null(0))
    pq.write_table(pa.table({"a": ones.cast(pa.int64())}), path)
    assert said(code, path) == "MemoryError"


# -- exceptions of the user --


class Mine(Exception):
    pass


@writers
@pytest.mark.parametrize(
    "error", [Mine("x"), KeyboardInterrupt(), SystemExit(3), ValueError("theirs"), OSError(5, "theirs")]
)
def test_exceptions_of_an_iterator_pass_through_unchanged(writer, error, tmp_path):
    """Exceptions of a user's iterator or file object pass through unchanged."""

    def chunks():
        yield ROWS
        raise error

    with pytest.raises(type(error)) as caught:
        writer(chunks(), tmp_path / "t", SCHEMA)
    assert caught.value is error
    assert everything(tmp_path) == []


@readers
def test_exceptions_of_a_progress_function_pass_through_unchanged(reader, good):
    """Exceptions of a user's iterator or file object pass through unchanged."""
    error = Mine()

    def progress(*args):
        raise error

    with pytest.raises(Mine) as caught:
        reader(good, progress=progress)
    assert caught.value is error


def test_exceptions_of_a_stream_that_is_read_pass_through(tmp_path):
    """Exceptions of a user's iterator ... pass through unchanged."""

    def batches():
        yield pa.record_batch({"user_id": [1], "username": ["a"]})
        raise Mine("inside")

    reader = pa.RecordBatchReader.from_batches(
        pa.schema([("user_id", pa.int64()), ("username", pa.string())]), batches()
    )
    with pytest.raises(Exception, match="inside"):
        write_parquet(reader, tmp_path / "t", SCHEMA)
    assert everything(tmp_path) == []


# -- without pyarrow --


def test_without_pyarrow_the_classes_derive_from_value_error_alone(good):
    """Where pyarrow is missing the ArrowInvalid classes derive from `ValueError` alone."""
    code = (
        without("pyarrow", "pandas")
        + """
from py_parquet_forge import *
path = sys.argv[1]
assert [c.__name__ for c in SchemaValidationError.__mro__[1:]][-4:] == ["ValueError", "Exception", "BaseException", "object"]
try:
    read_parquet(path, output_format="arrow", columns=["nope"])
except ValueError as error:
    assert not isinstance(error, SchemaValidationError)
else:
    raise SystemExit("no error")
try:
    write_parquet([{"first": "x"}], path + ".out", inspect_schema(path))
except SchemaValidationError as error:
    assert error.failures[0].path == "first"
else:
    raise SystemExit("no error")
assert "pyarrow" not in sys.modules
"""
    )
    done = child(code, good)
    assert done.returncode == 0, done.stderr
