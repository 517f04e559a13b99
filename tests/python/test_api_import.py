# SPDX-License-Identifier: Apache-2.0
"""Promises about the package itself: what importing it costs, and life without pyarrow."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import py_parquet_forge as forge

EXPORTS = [
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


def python(code: str, *arguments: str) -> str:
    """Runs code in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXPORTS)
def test_exports(name):
    assert getattr(forge, name) is not None and name in forge.__all__


def test_unknown_attributes_are_attribute_errors():
    with pytest.raises(AttributeError, match="nothing"):
        _ = forge.nothing


def test_the_version_is_one_or_more():
    assert int(forge.__version__.split(".")[0]) >= 1


def test_importing_brings_nothing_heavy():
    loaded = json.loads(
        python("""
        import sys
        before = set(sys.modules)
        import py_parquet_forge
        loaded = sorted(set(sys.modules) - before)
        import json
        print(json.dumps(loaded))
    """)
    )
    heavy = {"pyarrow", "pandas", "numpy", "logging", "pathlib", "typing", "uuid", "re", "collections"}
    assert not heavy & set(loaded)


def test_importing_takes_less_than_20_ms():
    code = """
        import time
        start = time.process_time()
        import py_parquet_forge
        print((time.process_time() - start) * 1e3)
    """
    python(code)
    assert min(float(python(code)) for _ in range(10)) < 20


def test_reading_a_schema_of_another_package_needs_no_pandas():
    python("""
        import sys, pyarrow as pa, py_parquet_forge as forge
        import tempfile, os
        path = os.path.join(tempfile.mkdtemp(), "t.parquet")
        forge.write_parquet([{"a": 1}], path, pa.schema([("a", pa.int64())]))
        forge.read_parquet(path, output_format="arrow")
        assert "pandas" not in sys.modules
    """)


NO_PYARROW = """
    import sys

    class Blocked:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in ("pyarrow", "pandas"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Blocked())
"""


def without_pyarrow(code: str, *arguments: str) -> str:
    return python(textwrap.dedent(NO_PYARROW) + textwrap.dedent(code), *arguments)


def test_without_pyarrow_rows_are_written_and_copied(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "s": ["x", None]}), tmp_path / "in.parquet")
    without_pyarrow(
        """
        import py_parquet_forge as forge
        folder = sys.argv[1]
        schema = forge.inspect_schema(folder + "/in.parquet")
        assert hasattr(schema, "__arrow_c_schema__")
        table = forge.read_parquet(folder + "/in.parquet", output_format="arrow")
        assert len(table) == 2
        forge.write_parquet(table, folder + "/copy.parquet", schema)
        forge.write_parquet([{"a": 7}], folder + "/rows.parquet", schema)
        forge.write_parquet(forge.read_parquet_iter(folder + "/in.parquet", 1),
                            folder + "/batches.parquet", schema)
        with forge.ParquetStreamWriter(folder + "/stream.parquet", schema) as writer:
            writer.write_chunk([{"a": 1, "s": "x"}, {"a": 2}])
        forge.write_to_dataset([{"a": 7, "s": "p"}], folder + "/ds", schema, ["s"])
    """,
        str(tmp_path),
    )
    expected = {"a": [1, 2], "s": ["x", None]}
    for name in ("copy", "batches", "stream"):
        assert pq.read_table(tmp_path / f"{name}.parquet").to_pydict() == expected
    assert pq.read_table(tmp_path / "rows.parquet").to_pydict() == {"a": [7], "s": [None]}
    assert forge.read_parquet(tmp_path / "ds", "arrow").to_pydict() == {"a": [7], "s": ["p"]}


def test_without_pyarrow_errors_are_value_errors_and_say_what_is_needed(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "in.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not Parquet at all, by no means")
    without_pyarrow(
        """
        import pickle
        import py_parquet_forge as forge
        folder = sys.argv[1]

        def error(call, *arguments, **keywords):
            try:
                call(*arguments, **keywords)
            except Exception as caught:
                return caught

        bad = error(forge.read_parquet, folder + "/bad.parquet", "arrow")
        assert isinstance(bad, ValueError), bad
        schema = forge.inspect_schema(folder + "/in.parquet")
        refused = error(forge.write_parquet, [{"a": "x"}], folder + "/out.parquet", schema)
        assert type(refused) is forge.SchemaValidationError, refused
        assert forge.SchemaValidationError.__mro__[1] is ValueError
        assert pickle.loads(pickle.dumps(refused)).failures == refused.failures
        for keywords in ({}, {"output_format": "arrow", "filters": [("a", ">", 1)]}):
            needs = error(forge.read_parquet, folder + "/in.parquet", **keywords)
            assert isinstance(needs, ImportError) and "pyarrow" in str(needs), needs
        assert isinstance(error(forge.read_parquet, folder + "/no"), FileNotFoundError)
    """,
        str(tmp_path),
    )


def test_without_pyarrow_a_table_is_handed_out_any_number_of_times(tmp_path):
    values = {
        "a": [1, None, 3],
        "s": [{"t": ["x", "y"]}, None, {"t": []}],
        "d": pa.array(["p", "q", "p"]).dictionary_encode(),
    }
    table = pa.table(values)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    without_pyarrow(
        """
        import py_parquet_forge as forge
        folder = sys.argv[1]
        table = forge.read_parquet(folder + "/in.parquet", "arrow")
        early = table.__arrow_c_stream__()
        for i in range(3):
            forge.write_parquet(table, f"{folder}/copy{i}.parquet", table)
        with forge.ParquetStreamWriter(folder + "/chunks.parquet", table) as writer:
            writer.write_chunk(table)
            writer.write_chunk(forge.read_parquet(folder + "/in.parquet", "arrow"))
        del table

        class Early:
            def __arrow_c_stream__(self, requested_schema=None):
                return early

        schema = forge.inspect_schema(folder + "/in.parquet")
        forge.write_parquet(Early(), folder + "/early.parquet", schema)
    """,
        str(tmp_path),
    )
    for name in ("copy0", "copy1", "copy2", "early"):
        assert forge.read_parquet(tmp_path / f"{name}.parquet", "arrow").equals(table), name
    assert forge.read_parquet(tmp_path / "chunks.parquet", "arrow").equals(pa.concat_tables([table, table]))


def test_without_pyarrow_what_needs_it_names_the_keyword(tmp_path):
    fields = [
        pa.field("a", pa.int64(), nullable=False),
        ("t", pa.timestamp("us", "UTC")),
        ("l", pa.list_(pa.int8())),
    ]
    pq.write_table(pa.schema(fields).empty_table(), tmp_path / "in.parquet")
    without_pyarrow(
        """
        import py_parquet_forge as forge
        path = sys.argv[1] + "/in.parquet"

        def error(call, *arguments, **keywords):
            try:
                call(*arguments, **keywords)
            except Exception as caught:
                return caught

        schema = forge.inspect_schema(path)
        lines = str(schema).splitlines()
        assert lines[:2] == ["a: int64 not null", "t: timestamp[us, tz=UTC]"], lines
        assert lines[2].startswith("l: list<") and len(lines) == 3, lines
        for data in (forge.read_parquet(path, "arrow"), [{"a": "1"}]):
            needs = error(forge.write_parquet, data, sys.argv[1] + "/out.parquet", schema, coerce=True)
            assert isinstance(needs, ImportError), needs
            assert "coerce=True" in str(needs) and "pyarrow" in str(needs), needs
        for call in (lambda *a, **k: forge.read_parquet(a[0], "arrow", **k), forge.read_parquet_iter):
            needs = error(call, path, columns=["a"], use_pandas_metadata=True)
            assert isinstance(needs, ImportError), needs
            assert "use_pandas_metadata=True" in str(needs) and "pyarrow" in str(needs), needs
    """,
        str(tmp_path),
    )


def test_the_command_line_tool(tmp_path):
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "in.parquet")

    def tool(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "py_parquet_forge", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert "a: int64" in tool("schema", str(tmp_path / "in.parquet")).stdout
    head = tool("head", str(tmp_path / "in.parquet"), "-n", "1").stdout
    assert head.split() == ["a", "0", "1"]
    assert "snappy" in tool("features").stdout
    failed = tool("schema", str(tmp_path / "missing"))
    assert failed.returncode == 1 and "missing" in failed.stderr
