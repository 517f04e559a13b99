# SPDX-License-Identifier: Apache-2.0
"""Every encoding of every physical type, with nulls and lists, in both page versions and every codec.

Written by us and read by pyarrow, duckdb, polars, the oracle and ourselves; written by them, as far as
each can, and read by us and the oracle. Every two of encoding, page version and codec meet; all of them
with PQF_TEST_ALL=1. What an engine does not read or write is skipped with its words.
"""

from __future__ import annotations

import itertools
import pathlib
import re

import pytest
from oracle.promises import broken

from interop import encodings, plain, support
from interop.encodings import CODECS, ENCODINGS, PAGES, READERS, Lacks, asked, same, table_of

AXES = {"encoding": list(ENCODINGS), "page": PAGES, "codec": CODECS}
ROOT = pathlib.Path(__file__).resolve().parents[3]


def _cases() -> list:
    if support.ALL:
        rows = [dict(zip(AXES, row)) for row in itertools.product(*AXES.values())]
    else:
        rows = support.all_pairs(AXES, support.SEED)
    return [pytest.param(row, id="-".join(row.values())) for row in rows]


CASES = _cases()


def _written(write, case: dict, folder) -> tuple[str, object]:
    """A file of the case's encoding, all of whose pages really have it; or a skip."""
    path, table = str(folder / "x.parquet"), table_of(case["encoding"])
    try:
        write(table, path, case["encoding"], case["page"], case["codec"])
    except (OSError, ValueError) as error:
        if write is encodings.write_ours:
            raise
        pytest.skip(f"pyarrow does not write {case['encoding']}: {error}")
    return path, table


def _check_used(found, case: dict) -> None:
    for name, used in encodings.used(found).items():
        plain_bools = name.startswith("BOOLEAN") and case["encoding"] == "PLAIN" and case["page"] == "2.0"
        wanted = "RLE" if plain_bools else case["encoding"]  # so they are where nothing else is asked for
        assert used in ({wanted}, set()), f"{name}: {used}"
        assert used or name.endswith("_all")


@pytest.mark.parametrize("case", CASES)
def test_we_write(case, tmp_path):
    """The oracle and we read what was written; the pages have the encoding, metadata is true."""
    path, table = _written(encodings.write_ours, case, tmp_path)
    found = plain.read(path)
    _check_used(found, case)
    plain.assert_oracle(found, table, f"seed {support.SEED}")
    assert broken(found) == []
    assert same(encodings.read_ours(path), table) is None


def _wrong(read, path: str, table) -> str | None:
    """What an engine gets wrong in a file, or why it does not read it."""
    try:
        return same(asked(lambda: read(path)), table)
    except Lacks as reason:
        return str(reason)


@pytest.mark.parametrize("peer", [name for name in READERS if name != "py_parquet_forge"])
@pytest.mark.parametrize("case", CASES)
def test_we_write_they_read(case, peer, tmp_path):
    """One file; where a peer fails, a file for each type, so that it is known what it lacks."""
    path, table = _written(encodings.write_ours, case, tmp_path)
    if _wrong(READERS[peer], path, table) is None:
        return
    lacking = {}
    for physical in ENCODINGS[case["encoding"]]:
        reason = _lack(physical, peer, case, tmp_path)
        if reason:
            lacking[physical] = reason
    assert lacking, f"{peer} reads every type by itself and not all together"
    pytest.skip(f"{peer} does not read {case['encoding']} of {lacking}")


def _lack(physical: str, peer: str, case: dict, folder) -> str | None:
    """What a peer says to one type of ours; an error, if it reads the same table as pyarrow writes it."""
    table, where = table_of(case["encoding"], [physical]), (case["encoding"], case["page"], case["codec"])
    ours, theirs = str(folder / "ours.parquet"), str(folder / "theirs.parquet")
    encodings.write_ours(table, ours, *where)
    reason = _wrong(READERS[peer], ours, table)
    if reason is None:
        return None
    try:
        encodings.write_pyarrow(table, theirs, *where)
    except (OSError, ValueError):  # ALP: nobody else writes it
        return reason
    assert _wrong(READERS[peer], theirs, table), f"{peer} reads pyarrow's {physical} and not ours: {reason}"
    return reason


@pytest.mark.parametrize("case", CASES)
def test_pyarrow_writes_we_read(case, tmp_path):
    path, table = _written(encodings.write_pyarrow, case, tmp_path)
    found = plain.read(path)
    _check_used(found, case)
    plain.assert_oracle(found, table, f"seed {support.SEED}")
    assert same(encodings.read_ours(path), table) is None


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("peer", ["duckdb", "polars"])
def test_they_write_we_read(peer, page, codec, few, tmp_path):
    """They choose encodings themselves; a dictionary for few values, what they like for many."""
    if peer == "polars" and page == "2.0":
        pytest.skip("polars writes pages of version 1")
    types = [name for name in encodings.PHYSICAL if name != "INT96"]
    table = table_of("RLE_DICTIONARY" if few else "PLAIN", types)
    path = str(tmp_path / "theirs.parquet")
    if peer == "duckdb":
        encodings.write_duckdb(table, path, page, codec, few)
    else:
        encodings.write_polars(table, path, codec)
    found = plain.read(path)
    ours = encodings.read_ours(path)
    plain.assert_oracle(found, ours, f"seed {support.SEED}, {encodings.used(found)}")
    assert same(ours, table) is None


def test_documented_table():
    """docs/encodings.md has the table as it comes out with the engines that it names."""
    page = (ROOT / "docs" / "encodings.md").read_text()
    named = [re.search(rf"\| {peer} (\S+) \|", page)[1] for peer in ("pyarrow", "duckdb", "polars")]
    if named != encodings.versions():
        pytest.skip(f"the page was made with {named}, here are {encodings.versions()}")
    table, _ = encodings.markdown()
    assert table in page, f"print it anew:\n{table}"
