# SPDX-License-Identifier: Apache-2.0
"""The pages keep to the code: examples run, tables are fresh, keywords and links exist."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import names_in

import py_parquet_forge as forge
from py_parquet_forge import _options

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [page for page in PAGES if "```python\n" in page.read_text()]
TABLES = {**_options._WRITE_FILE, **_options._WRITE_DATASET, **_options._READ, **_options._MERGE}


def name_of(page: Path) -> str:
    return page.name


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_examples_run_in_order_in_an_empty_folder(page, in_folder, capsys):
    """Each page in one namespace; what its blocks of text show is printed."""
    names: dict = {}
    for match in re.finditer(r"^```python\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        line = page.read_text()[: match.start(1)].count("\n")
        exec(compile("\n" * line + match[1], str(page), "exec"), names)
    printed = capsys.readouterr().out
    for shown in re.findall(r"^```text\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        assert shown in printed
    assert not [name for name in names_in(in_folder) if ".forge" in name or ".tmp" in name]


def test_tables_are_those_of_the_package():
    command = [sys.executable, ROOT / "tools/print_keywords.py", "--check"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_keywords_exist(page):
    known = set(TABLES)
    for name in forge.__all__:
        if inspect.isroutine(getattr(forge, name)):
            known |= set(inspect.signature(getattr(forge, name)).parameters)
    for source in (ROOT / "src").rglob("*.c"):
        known |= set(re.findall(r'getenv\("(\w+)"\)', source.read_text()))
    named = re.findall(r"`([A-Za-z_]\w*)=[^`/=]+`", page.read_text())
    assert set(named) <= known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_resolve(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        headings = re.findall(r"^#+ (.*)$", other.read_text(), flags=re.MULTILINE) if heading else []
        anchors = [re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in headings]
        assert not heading or heading in anchors, target


def documented_defaults(page: str) -> list[tuple[str, object]]:
    rows = re.findall(
        r"^\| `(\w+)` \| .*? \| `(.*?)` \| ", (ROOT / "docs" / page).read_text(), flags=re.MULTILINE
    )
    return [(name, eval(default, {})) for name, default in rows]


@pytest.mark.parametrize(("name", "default"), documented_defaults("writing.md"))
def test_documented_defaults_of_writing_change_nothing(name, default, tmp_path):
    texts = [f"{i:0100d}" for i in range(70_000)]  # pages and dictionaries reach their sizes
    table = pa.table({"a": range(70_000), "t": texts, "b": [True, None] * 35_000})
    given = {name: default}
    if name in _options._WRITE_FILE:
        forge.write_parquet(table, tmp_path / "plain", table.schema)
        forge.write_parquet(table, tmp_path / "given", table.schema, **given)
        assert (tmp_path / "plain").read_bytes() == (tmp_path / "given").read_bytes()
    if name in _options._WRITE_DATASET:
        forge.write_to_dataset(table, tmp_path / "ds", table.schema, ["b"], **given)
        assert len(forge.read_parquet(tmp_path / "ds")) == 70_000


@pytest.mark.parametrize(("name", "default"), documented_defaults("reading.md"))
def test_documented_defaults_of_reading_change_nothing(name, default, tmp_path):
    table = pa.table({"a": [1, 2], "p": ["x", "y"]})
    forge.write_to_dataset(table, tmp_path / "ds", table.schema, ["p"])
    got = forge.read_parquet(tmp_path / "ds", "arrow", **{name: default})
    assert got.equals(forge.read_parquet(tmp_path / "ds", "arrow"))
    assert sum(len(batch) for batch in forge.read_parquet_iter(tmp_path / "ds", **{name: default})) == 2


@pytest.mark.parametrize("page", ["writing.md", "reading.md"])
def test_keywords_said_to_be_not_built_are_not(page, in_folder):
    text = (ROOT / "docs" / page).read_text()
    names = [
        name
        for table in re.findall(r"<!-- table: not built.*?-->(.*?)<!-- end -->", text, flags=re.DOTALL)
        for name in re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    ]
    schema = pa.schema([("a", pa.int64())])
    forge.write_parquet([], "a.parquet", schema)
    assert names
    for name in names:
        with pytest.raises(NotImplementedError, match=name):
            if page == "reading.md":
                forge.read_parquet("a.parquet", **{name: object()})
            else:
                forge.write_to_dataset([], "ds", schema, **{name: object()})
