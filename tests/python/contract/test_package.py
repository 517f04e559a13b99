# SPDX-License-Identifier: Apache-2.0
"""Promises about the package: its names, what it imports, its log, and forks."""

from __future__ import annotations

import importlib.metadata
import logging
import re
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import py_parquet_forge as forge

from .support import ROOT, child, numbers, said, without

EXPORTED = [
    "write_parquet",
    "write_to_dataset",
    "ParquetStreamWriter",
    "read_parquet",
    "read_parquet_iter",
    "inspect_schema",
    "SchemaValidationError",
    "__version__",
    "InputData",
    "PathLike",
    "PyArrowSchema",
    "PyArrowFilters",
]


@pytest.mark.parametrize("name", EXPORTED)
def test_exports(name):
    """`py_parquet_forge` exports ..., and for typing `InputData`, `PathLike`, `PyArrowSchema`, `PyArrowFilters`."""
    assert getattr(forge, name) is not None
    assert name in dir(forge)
    assert name in forge.__all__


@pytest.mark.parametrize("name", EXPORTED)
def test_each_name_can_be_imported_from_a_fresh_package(name):
    """`py_parquet_forge` exports ..."""
    said(f"from py_parquet_forge import {name}")


def test_typed():
    """Typed (`py.typed`, stubs)."""
    folder = Path(forge.__file__).parent
    assert (folder / "py.typed").exists()
    assert list(folder.glob("*.pyi"))


def test_version_is_one_and_up():
    """Version 1.0.0 and up."""
    assert int(forge.__version__.split(".")[0]) >= 1
    assert importlib.metadata.version("py_parquet_forge") == forge.__version__


def test_readme_installs_from_a_checkout():
    """the README installs from a checkout with `pip install .`"""
    assert re.search(r"^pip install \.$", (ROOT / "README.md").read_text(), re.M)


@pytest.mark.parametrize("name", ["pyarrow", "pandas"])
def test_installing_brings(name):
    """Installing brings pyarrow and pandas, because the examples use them"""
    needed = importlib.metadata.requires("py_parquet_forge") or []
    assert any(re.match(rf"{name}\b", line) and "extra" not in line for line in needed), needed


LATE = ["pyarrow", "pandas", "numpy", "logging", "pathlib", "typing", "uuid"]


def test_import_brings_none_of_the_slow_modules():
    """`import py_parquet_forge` imports neither, nor numpy, nor the slower half of the standard library"""
    show = f"print(*[n for n in {LATE!r} if n in sys.modules])"
    bare = set(said(f"import sys; {show}").split())
    ours = set(said(f"import sys; import py_parquet_forge; {show}").split())
    assert not ours - bare
    assert not ours & {"pyarrow", "pandas", "numpy"}


@pytest.mark.parametrize("name", EXPORTED[:6])
def test_touching_a_function_brings_neither_pyarrow_nor_pandas(name):
    """both are imported only when a call needs them"""
    assert (
        said(
            f"import sys, py_parquet_forge; py_parquet_forge.{name}; print('pyarrow' in sys.modules, 'pandas' in sys.modules)"
        )
        == "False False"
    )


def test_pandas_stays_away_from_arrow_calls(tmp_path):
    """both are imported only when a call needs them"""
    code = """
        import sys
        import pyarrow as pa
        import py_parquet_forge as f
        out = sys.argv[1]
        schema = pa.schema([("a", pa.int64())])
        before = 'pandas' in sys.modules
        f.write_parquet([{"a": 1}], out + "/a.parquet", schema)
        table = f.read_parquet(out + "/a.parquet", output_format="arrow")
        f.write_to_dataset(table, out + "/d", schema)
        list(f.read_parquet_iter(out + "/d"))
        f.inspect_schema(out + "/d")
        print(before, 'pandas' in sys.modules)
    """
    assert said(code, tmp_path) == "False False"


# -- without pyarrow --


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.parquet"
    pq.write_table(numbers(), path)
    return path


def test_without_pyarrow_arrow_objects_go_through(source, tmp_path):
    """Without pyarrow installed: a schema is anything with `__arrow_c_schema__`, data anything with `__arrow_c_stream__`"""
    code = (
        without("pyarrow", "pandas")
        + """
from py_parquet_forge import *
path, out = sys.argv[1:]
schema = inspect_schema(path)
whole = read_parquet(path, output_format="arrow")
assert hasattr(schema, "__arrow_c_schema__") and hasattr(whole, "__arrow_c_stream__")
write_parquet(whole, out + "/whole.parquet", schema)
write_parquet(read_parquet_iter(path, 300), out + "/batches.parquet", schema)
with ParquetStreamWriter(out + "/stream.parquet", schema) as writer:
    for batch in read_parquet_iter(path, 300):
        assert hasattr(batch, "__arrow_c_array__")
        writer.write_chunk(batch)
write_to_dataset(read_parquet(path, output_format="arrow"), out + "/ds", schema, partition_cols=["c"])
assert "pyarrow" not in sys.modules and "pandas" not in sys.modules
"""
    )
    said(code, source, tmp_path)
    for name in ("whole", "batches", "stream"):
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(numbers())
    assert pq.read_table(tmp_path / "ds").num_rows == 1000


def test_without_pyarrow_dicts_are_written(source, tmp_path):
    """Without pyarrow installed (tested in an environment without it)"""
    code = (
        without("pyarrow", "pandas")
        + """
from py_parquet_forge import *
write_parquet([{"a": 1, "c": "x"}, {"b": 0.5}], sys.argv[2], inspect_schema(sys.argv[1]))
"""
    )
    out = tmp_path / "dicts.parquet"
    said(code, source, out)
    assert pq.read_table(out).to_pylist() == [{"a": 1, "b": None, "c": "x"}, {"a": None, "b": 0.5, "c": None}]


def test_without_pyarrow_polars_is_schema_and_data(tmp_path):
    """a schema is anything with `__arrow_c_schema__`, data anything with `__arrow_c_stream__` / `__arrow_c_array__`"""
    pytest.importorskip("polars")
    code = (
        without("pyarrow", "pandas")
        + """
import polars as pl
from py_parquet_forge import *
frame = pl.DataFrame({"a": [1, 2, None], "c": ["x", None, "z"]})
write_parquet(frame, sys.argv[1], frame.schema)
assert pl.DataFrame(read_parquet(sys.argv[1], output_format="arrow")).equals(frame)
"""
    )
    out = tmp_path / "p.parquet"
    said(code, out)
    assert pq.read_table(out).to_pydict() == {"a": [1, 2, None], "c": ["x", None, "z"]}


@pytest.mark.parametrize(
    "blocked, call, word",
    [
        (("pyarrow", "pandas"), "read_parquet(sys.argv[1])", "pandas|pyarrow"),
        (("pandas",), "read_parquet(sys.argv[1])", "pandas"),
    ],
)
def test_what_needs_pyarrow_or_pandas_says_so(source, blocked, call, word):
    """what needs pyarrow or pandas says so"""
    done = child(without(*blocked) + "from py_parquet_forge import *\n" + call, source)
    assert done.returncode != 0
    assert re.search(word, done.stderr.strip().splitlines()[-1]), done.stderr


# -- the log --


def test_success_is_logged_at_info(tmp_path, caplog):
    """Logging through the standard `logging` logger `py_parquet_forge` (success at INFO"""
    table = numbers(10)
    caplog.set_level(logging.DEBUG, logger="py_parquet_forge")
    calls = [
        lambda: forge.write_parquet(table, tmp_path / "a.parquet", table.schema),
        lambda: forge.write_to_dataset(table, tmp_path / "d", table.schema),
        lambda: forge.read_parquet(tmp_path / "a.parquet"),
    ]
    for call in calls[:2]:
        caplog.clear()
        call()
        mine = [r for r in caplog.records if r.name == "py_parquet_forge"]
        assert [r.levelno for r in mine if r.levelno >= logging.INFO] == [logging.INFO], mine


def test_a_stream_logs_success_once_at_info(tmp_path, caplog):
    """success at INFO"""
    table = numbers(10)
    caplog.set_level(logging.INFO, logger="py_parquet_forge")
    with forge.ParquetStreamWriter(tmp_path / "a.parquet", table.schema) as writer:
        writer.write_chunk(table)
    assert [r.levelno for r in caplog.records if r.name == "py_parquet_forge"] == [logging.INFO]


def test_clean_up_trouble_is_logged_as_a_warning():
    """clean-up trouble at WARNING"""
    code = """
        import logging, os, sys
        import pyarrow as pa, pandas
        from py_parquet_forge import *
        schema = pa.schema([("a", pa.int64())])
        out = sys.argv[1]
        write_parquet([{"a": 1}], out + "/first.parquet", schema)  # what comes late has come
        records = []
        class Keep(logging.Handler):
            def emit(self, record):
                records.append(record)
        logging.getLogger("py_parquet_forge").addHandler(Keep())
        if os.geteuid() == 0:
            os.chown(out, 65534, 65534)
            os.setuid(65534)
        def chunks():
            yield [{"a": 1}]
            os.chmod(out, 0o555)  # the temporary file cannot be removed any more
            raise KeyError("mine")
        try:
            write_parquet(chunks(), out + "/a.parquet", schema)
        except KeyError:
            pass
        os.chmod(out, 0o755)
        assert [n for n in os.listdir(out) if n.startswith(".")], "no trouble was made"
        print(*[r.levelname for r in records if r.name == "py_parquet_forge"])
    """
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: only root may look into its parents
        assert said(code, folder) == "WARNING"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux")
def test_a_process_may_fork_between_calls_and_both_go_on(tmp_path):
    """A process may fork between calls, and both go on."""
    code = """
        import os, sys
        import pyarrow as pa
        from py_parquet_forge import *
        out = sys.argv[1]
        table = pa.table({"a": list(range(300_000)), "b": [str(i) for i in range(300_000)]})
        write_parquet(table, out + "/a.parquet", table.schema, row_group_size=30_000)
        assert read_parquet(out + "/a.parquet", output_format="arrow").equals(table)
        children = []
        for i in range(5):
            pid = os.fork()
            if not pid:
                ok = read_parquet(out + "/a.parquet", output_format="arrow").equals(table)
                write_parquet(table, f"{out}/child{i}.parquet", table.schema, row_group_size=30_000)
                os._exit(0 if ok else 1)
            children.append(pid)
            assert read_parquet(out + "/a.parquet", output_format="arrow").equals(table)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        assert all(read_parquet(f"{out}/child{i}.parquet", output_format="arrow").equals(table) for i in range(5))
    """
    said(code, tmp_path, timeout=50)


def test_a_stream_opened_before_a_fork_is_the_parents(tmp_path):
    """A process may fork between calls, and both go on."""
    code = """
        import os, sys
        import pyarrow as pa
        from py_parquet_forge import *
        path = sys.argv[1] + "/a.parquet"
        table = pa.table({"a": list(range(1000))})
        with ParquetStreamWriter(path, table.schema) as writer:
            writer.write_chunk(table)
            pid = os.fork()
            if not pid:
                read = list(read_parquet_iter(sys.argv[2]))
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            writer.write_chunk(table)
        assert read_parquet(path).shape == (2000, 1)
    """
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), other)
    said(code, tmp_path, other)


def test_one_place_maps_the_engines_errors_to_public_classes():
    """One place in the package maps the engine's error to these classes."""
    places = [
        source.name
        for source in Path(forge.__file__).parent.glob("*.py")
        if re.search(r"\bstatus (==|in)", source.read_text(encoding="utf-8"))
    ]
    assert places == ["_errors.py"]


def test_windows_is_a_clear_build_error():
    """Windows is a clear build error."""
    build = (ROOT / "meson.build").read_text(encoding="utf-8")
    assert re.search(r"system\(\) == 'windows'\s+error\('[^']*does not build on Windows", build)
