# SPDX-License-Identifier: Apache-2.0
"""What is promised for later: listed here, and until it is built each is said to be missing, never ignored.

The keywords of writers are in test_keywords.py (LATER), those of readers there too (LATER_READING).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import read_parquet

from .support import ROOT, numbers
from .test_keywords import LATER, LATER_READING

# sentence, and where its test is
SENTENCES = {
    "check_utf8=False (3)": "test_check_utf8_false_is_built_or_not_implemented",
    "duplicate column names read, and asking for one by name is an error (3)": "test_duplicate_names_of_foreign_files",
    "write_page_index, column_encoding, use_byte_stream_split, sorting_columns, store_decimal_as_integer (3)": "LATER",
    "write_time_adjusted_to_utc, bloom_filter_options (3)": "LATER",
    "encryption_properties, use_content_defined_chunking (later)": "LATER",
    "binary_type, list_type, arrow_extensions_enabled (3)": "LATER_READING",
    "decryption_properties, filesystem (later)": "LATER_READING",
}


def test_the_table_is_whole():
    """Numbers in (n) are the steps that build a thing where it is not the first step"""
    named = {word.strip(",") for sentence in SENTENCES for word in sentence.split()}
    assert named >= set(LATER) and named >= set(LATER_READING)


@pytest.mark.parametrize("name", ["LATER", "LATER_READING"])
def test_a_later_keyword_that_is_built_is_documented_as_built(name):
    """Every name in pyarrow's signatures is known: built, or a `NotImplementedError`."""
    pages = (ROOT / "docs" / "writing.md").read_text() + (ROOT / "docs" / "reading.md").read_text()
    for keyword in {"LATER": LATER, "LATER_READING": LATER_READING}[name]:
        assert f"`{keyword}`" in pages


def test_check_utf8_false_is_built_or_not_implemented(target):
    """strings that are not UTF-8 are an error (`check_utf8=False`) (3)"""
    pq.write_table(numbers(10), target)
    try:
        assert read_parquet(target, output_format="arrow", check_utf8=False).num_rows == 10
    except NotImplementedError as error:
        assert "check_utf8" in str(error)


def test_duplicate_names_of_foreign_files(target):
    """duplicate column names read, and asking for one by name is an error (3)"""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "b"])
    pq.write_table(table, target)
    assert read_parquet(target, output_format="arrow", columns=["b"]).to_pydict() == {"b": [3]}
    with pytest.raises((pa.ArrowInvalid, NotImplementedError)):
        read_parquet(target, output_format="arrow", columns=["a"])
    try:
        got = read_parquet(target, output_format="arrow")
    except (pa.ArrowInvalid, NotImplementedError) as error:
        assert "a" in str(error)
    else:
        assert got.column_names == ["a", "a", "b"] and [c.to_pylist() for c in got.columns] == [[1], [2], [3]]
