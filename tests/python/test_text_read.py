# SPDX-License-Identifier: Apache-2.0
"""Strings of foreign files: UTF-8 or an error with column and row; `check_utf8=False` reads them as they are."""

from __future__ import annotations

import random
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import read_parquet, read_parquet_iter

BAD = b"ab\xff"
SPLIT = [b"\xc3", b"\xa9"]  # one character over two values
FORMS = {
    "plain": {"use_dictionary": False},
    "dictionary": {"use_dictionary": True},
    "version 2": {"use_dictionary": False, "data_page_version": "2.0"},
    "delta length": {"use_dictionary": False, "column_encoding": {"a": "DELTA_LENGTH_BYTE_ARRAY"}},
}


def text(values) -> pa.Array:
    """A string array of these bytes, whatever they are."""
    return pa.array(values, pa.binary()).view(pa.string())


def arrow(path, **options) -> pa.Table:
    return read_parquet(path, output_format="arrow", **options)


def write(path, array, **options) -> None:
    pq.write_table(pa.table({"i": pa.nulls(len(array), pa.int8()), "a": array}), path, **options)


def fails(path, row, column="a", read=arrow, **options) -> str:
    with pytest.raises(pa.ArrowInvalid, match="check_utf8=False") as caught:
        read(path, **options)
    message = str(caught.value)
    assert f"column {column}" in message and re.search(rf"\brow {row} of the file\b", message), message
    return message


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("row", [0, 1, 2047, 2048, 33_000, 59_999])
@pytest.mark.parametrize("nulls", [False, True])
def test_the_row_is_named(form, row, nulls, tmp_path):
    path = tmp_path / "x.parquet"
    values = [
        None if nulls and i % 3 == 0 and i != row else b"v%d \xc3\xa9" % (i % 5000) for i in range(60_000)
    ]
    values[row] = BAD
    write(path, text(values), row_group_size=25_000, data_page_size=20_000, **FORMS[form])
    try:
        message = fails(path, row)
    except NotImplementedError:
        pytest.skip(f"{form} is not built")
    assert f"row group {row // 25_000}" in message and "page" in message and r'"ab\xFF" (3 bytes)' in message
    fails(path, row, use_threads=False)
    fails(path, row, read=lambda p: list(read_parquet_iter(p, chunk_size=777)))
    assert arrow(path, columns=["i"]).num_rows == 60_000
    for batches in ([arrow(path, check_utf8=False)], read_parquet_iter(path, 9_999, check_utf8=False)):
        found = [v for batch in batches for v in batch["a"].cast(pa.binary()).to_pylist()]
        assert found == values


@pytest.mark.parametrize("form", FORMS)
def test_a_character_over_two_values_is_none(form, tmp_path):
    """The bytes of both are valid as one piece."""
    path = tmp_path / "x.parquet"
    write(path, text([b"x"] * 10 + SPLIT + [b"y"] * 10), **FORMS[form])
    try:
        fails(path, 10)
    except NotImplementedError:
        pytest.skip(f"{form} is not built")


def test_a_character_over_a_null_and_an_empty_value(tmp_path):
    path = tmp_path / "x.parquet"
    write(path, text([b"x", SPLIT[0], None, b"", None, SPLIT[1]]), use_dictionary=False)
    fails(path, 1)


def test_length_words_are_no_characters(tmp_path):
    """The length of 0xA9 bytes continues what the value before it begins, in a dictionary page too."""
    for dictionary in (False, True):
        path = tmp_path / f"{dictionary}.parquet"
        write(path, text([b"x\xc3", b"y" * 0xA9]), use_dictionary=dictionary)
        fails(path, 0)


@pytest.mark.parametrize(
    "wrong", [b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82", b"\xfe"]
)
def test_what_rfc_3629_forbids(wrong, tmp_path):
    path = tmp_path / "x.parquet"
    write(path, text([b"ok", b"long enough to be looked at in blocks " * 9 + wrong]))
    fails(path, 1)
    with pytest.raises(UnicodeDecodeError):
        wrong.decode()


def test_every_kind_of_character_is_read(tmp_path):
    rnd = random.Random(7)
    kinds = [0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF]
    values = [
        "".join(chr(rnd.choice(kinds)) for _ in range(rnd.choice([0, 1, 3, 40]))) for _ in range(20_000)
    ]
    for dictionary in (False, True):
        path = tmp_path / f"{dictionary}.parquet"
        write(path, pa.array(values), use_dictionary=dictionary)
        assert arrow(path)["a"].to_pylist() == values


def test_nested_strings_and_keys(tmp_path):
    path = tmp_path / "x.parquet"
    keys = pa.array([b"k%d" % i for i in range(900)]).view(pa.string())
    keys = pa.concat_arrays([keys[:500], text([BAD]), keys[501:]])
    offsets = pa.array(range(0, 901, 3), pa.int32())
    entries = pa.MapArray.from_arrays(offsets, keys, pa.array(range(900)))
    lists = pa.ListArray.from_arrays(offsets, keys)
    structs = pa.StructArray.from_arrays([lists], ["l"])
    for column, leaf in ((entries, "key_value.key"), (lists, "list.element"), (structs, "l.list.element")):
        for options in ({}, {"use_dictionary": False}):
            write(path, column, **options)
            fails(path, 166, column=f"a.{leaf}")
            fails(path, 166, f"a.{leaf}", lambda p: list(read_parquet_iter(p, chunk_size=7)))
            assert arrow(path, check_utf8=False).num_rows == 300


def test_values_of_a_dictionary_that_no_row_has(tmp_path):
    """They are no values of the column, until the dictionary itself is handed out."""
    path = tmp_path / "x.parquet"
    array = pa.DictionaryArray.from_arrays(pa.array([0, 2, 0], pa.int8()), text([b"a", BAD, b"c"]))
    pq.write_table(pa.table({"a": array}), path, store_schema=False)
    assert arrow(path)["a"].to_pylist() == ["a", "c", "a"]
    with pytest.raises(pa.ArrowInvalid, match="value 1 of the dictionary"):
        arrow(path, read_dictionary=["a"])
    found = arrow(path, read_dictionary=["a"], check_utf8=False)["a"].combine_chunks()
    assert found.dictionary.cast(pa.binary()).to_pylist() == [b"a", BAD, b"c"]


def test_dictionaries_that_go_out_name_the_row(tmp_path):
    path = tmp_path / "x.parquet"
    for dictionary in (False, True):
        write(path, text([b"a", b"b", None, BAD, b"c"]), use_dictionary=dictionary)
        fails(path, 3, read_dictionary=["a"])


def test_json_is_text_and_binary_is_not(tmp_path):
    path = tmp_path / "x.parquet"
    storage = text([b"{}", b'"\xff"'])
    write(path, pa.ExtensionArray.from_storage(pa.json_(), storage))
    fails(path, 1)
    write(path, pa.array([b"fine", BAD]))
    assert arrow(path)["a"].to_pylist() == [b"fine", BAD]


def test_statistics_that_are_not_text_do_no_harm(tmp_path):
    path = tmp_path / "x.parquet"
    write(path, text([b"x", BAD]), use_dictionary=False)
    data = path.read_bytes().replace(b"\x03\x00\x00\x00ab\xff", b"\x03\x00\x00\x00abc", 1)
    path.write_bytes(data)
    assert arrow(path)["a"].to_pylist() == ["x", "abc"]


def test_the_option_is_a_bool(tmp_path):
    path = tmp_path / "x.parquet"
    write(path, text([b"x"]))
    for call in (read_parquet, read_parquet_iter):
        with pytest.raises(ValueError, match="check_utf8"):
            call(path, check_utf8=1)
