# SPDX-License-Identifier: Apache-2.0
"""Bad files and bad data: the class of the error, nothing left behind, old files intact.

Files are cut at 200 places, flipped at 200, and forged field by field with a Thrift
editor; each is read in a child process with a ceiling on its memory and time. Data that
does not fit, targets that are folders, folders that are closed and disks that are full
are refused with the documented classes.
"""

from __future__ import annotations

import errno
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import textwrap

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import forked, support
from interop.thrift import I32, Footer, encode, pages_of

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

ALL_CALLS = {
    "read_parquet": lambda path: read_parquet(path, output_format="arrow"),
    "pandas": lambda path: read_parquet(path),
    "read_parquet_iter": lambda path: list(read_parquet_iter(path)),
    "inspect_schema": inspect_schema,
}


# ----------------------------------------------------------------- not Parquet at all

NO_PARQUET = {
    "empty": b"",
    "one byte": b"P",
    "magic alone": b"PAR1",
    "magic twice": b"PAR1PAR1",
    "no footer": b"PAR1\0\0\0\0PAR1",
    "text": b"a,b,c\n1,2,3\n" * 100,
    "wrong head": b"PAR2" + b"\0" * 100 + b"PAR1",
    "wrong tail": b"PAR1" + b"\0" * 100 + b"PAR2",
    "zeros": bytes(5000),
    "an Arrow file": b"ARROW1\0\0" + bytes(100) + b"ARROW1",
}


@pytest.mark.parametrize("call", ALL_CALLS)
@pytest.mark.parametrize("name", NO_PARQUET)
def test_not_a_parquet_file(name, call, tmp_path):
    path = tmp_path / "thing.parquet"
    path.write_bytes(NO_PARQUET[name])
    with pytest.raises(pa.ArrowInvalid, match="thing.parquet"):
        ALL_CALLS[call](path)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 1000, 299, 300, 301])
def test_footer_length(length, tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + bytes(300) + length.to_bytes(4, "little") + b"PAR1")
    for call in ALL_CALLS.values():
        with pytest.raises(pa.ArrowInvalid):
            call(path)


def test_encrypted_magic(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PARE" + bytes(300) + (300).to_bytes(4, "little") + b"PARE")
    for call in ALL_CALLS.values():
        with pytest.raises(NotImplementedError, match="encrypt"):
            call(path)


def test_a_bad_file_in_a_dataset_is_named(tmp_path):
    table = pa.table({"a": [1, 2, 3]})
    write_parquet(table, tmp_path / "good.parquet", table.schema)
    (tmp_path / "zbad.parquet").write_bytes(b"PAR1" + bytes(50))
    with pytest.raises(pa.ArrowInvalid, match="zbad.parquet"):
        read_parquet(tmp_path)
    with pytest.raises(pa.ArrowInvalid, match="zbad.parquet"):
        list(read_parquet_iter(tmp_path))


# ------------------------------------------------------------------- cut and flipped


def _rich_table() -> pa.Table:
    rnd = random.Random(support.SEED)
    names = ["int64", "string", "list<struct>", "dictionary<int32, string>", "bool", "decimal128(19,4)"]
    arrays = {name: support.column(support.TYPES[name], 400, "tenth", rnd) for name in names}
    return pa.table(arrays)


@pytest.fixture(params=["1.0 none", "2.0 zstd"])
def sound(request, tmp_path) -> pathlib.Path:
    """A file of several row groups and pages, with page checksums."""
    page, codec = request.param.split()
    table = _rich_table()
    path = tmp_path / "sound.parquet"
    write_parquet(
        table,
        path,
        table.schema,
        row_group_size=150,
        data_page_size=500,
        data_page_version=page,
        compression=codec,
    )
    return path


def test_truncated(sound, tmp_path):
    """However much is missing, it is a damaged file, and said to be one."""
    size = sound.stat().st_size
    rnd = random.Random(support.SEED)
    cuts = sorted({*range(12), size - 1, size - 4, size - 8, *(rnd.randrange(size) for _ in range(200))})
    jobs = [{"path": str(sound), "cut": cut} for cut in cuts]
    results = forked.run(jobs, str(tmp_path))
    wrong = [(j["cut"], r) for j, r in zip(jobs, results) if r["outcome"] != "ArrowInvalid"]
    assert not wrong, f"of {size} bytes: {wrong[:5]}"


def _data_places(data: bytes) -> list[range]:
    footer = Footer(data)
    return [range(begin, end) for c in footer.chunks() for _, begin, end, _ in pages_of(data, c)]


def test_flipped_bits_of_pages_are_found(sound, tmp_path):
    """Every bit below a checksum is guarded: an error, never other values."""
    data = sound.read_bytes()
    places = [place for part in _data_places(data) for place in part]
    rnd = random.Random(support.SEED)
    chosen = [rnd.choice(places) for _ in range(200)]
    jobs = [{"path": str(sound), "flips": [[place, 1 << rnd.randrange(8)]]} for place in chosen]
    results = forked.run(jobs, str(tmp_path))
    wrong = [(j["flips"], r) for j, r in zip(jobs, results) if r["outcome"] != "ArrowInvalid"]
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("checked", [True, False])
def test_flipped_bytes_anywhere(sound, checked, tmp_path):
    """Headers, footer and pages: an error or data, never a crash, a hang or all memory."""
    size = sound.stat().st_size
    rnd = random.Random(support.SEED + checked)
    options = {"page_checksum_verification": checked}
    jobs = [
        {
            "path": str(sound),
            "options": options,
            "flips": [[rnd.randrange(size), rnd.randrange(1, 256)] for _ in range(rnd.choice([1, 1, 1, 4]))],
        }
        for _ in range(1000 if support.ALL else 200)
    ]
    results = forked.run(jobs, str(tmp_path))
    sane = {"data", "ArrowInvalid", "NotImplementedError"}
    wrong = [
        (j["flips"], r)
        for j, r in zip(jobs, results)
        if r["outcome"] not in sane or r["peak"] > 700 << 20 or not r["detail"]
    ]
    assert not wrong, wrong[:5]
    assert sum(r["outcome"] == "ArrowInvalid" for r in results) > 50


# ----------------------------------------------------------------------------- forged

HUGE = 2**62
BAD, UNBUILT, EITHER = {"ArrowInvalid"}, {"NotImplementedError"}, {"ArrowInvalid", "NotImplementedError"}
SAME = {"ArrowInvalid", "data"}  # a count that the levels give again: an error, or the true values


def _plain_file(kind: str = "string", **options) -> bytes:
    """One column, one row group, one page, nothing encoded or compressed."""
    table = support.table_of(kind, "tenth", 100).select(["v"])
    sink = pa.BufferOutputStream()
    options = {"use_dictionary": False, "compression": "none", **options}
    pq.write_table(table, sink, store_schema=False, **options)
    return sink.getvalue().to_pybytes()


def _set(fields: dict, number: int, value) -> None:
    """Changes a field that stands."""
    fields[number][1] = value


def _footer_forgery(change):
    def forge(data: bytes) -> bytes:
        footer = Footer(data)
        change(footer)
        return footer.bytes()

    return forge


def _page_forgery(change, number: int = 0):
    """Rewrites the header of page `number`; what follows moves, offsets are kept right."""

    def forge(data: bytes) -> bytes:
        footer = Footer(data)
        chunk = footer.chunk(0, 0)
        start, begin, _, header = list(pages_of(data, chunk))[number]
        change(header)
        new = encode(header)
        footer.body = footer.body[:start] + new + footer.body[begin:]
        chunk[7][1] += len(new) - (begin - start)
        if number == 0 and 11 in chunk:
            chunk[9][1] += len(new) - (begin - start)
        return footer.bytes()

    return forge


def _chunk(number: int, value):
    return _footer_forgery(lambda f: _set(f.chunk(0, 0), number, value))


def _element(number: int, value, which: int = 1):
    return _footer_forgery(lambda f: _set(f.schema(which), number, value))


def _page(*path_and_value):
    *path, last, value = path_and_value

    def change(header):
        for number in path:
            header = header[number][1]
        _set(header, last, value)

    return change


def _deep(footer: Footer) -> None:
    """A schema of a hundred thousand groups, each in the one before."""
    root, leaf = footer.schema(0), footer.schema(1)
    group = {3: [I32, 1], 4: [8, b"g"], 5: [I32, 1]}
    footer.meta[2][1] = (12, [root, *[group] * 100_000, leaf])


def _no_root(footer: Footer) -> None:
    footer.meta[2][1] = (12, [])


def _two_columns_in_schema(footer: Footer) -> None:
    footer.schema(0)[5][1] = 2
    footer.meta[2][1] = (12, [footer.schema(0), footer.schema(1), footer.schema(1)])


def _no_columns_in_row_group(footer: Footer) -> None:
    footer.row_group(0)[1][1] = (12, [])


def _no_metadata_in_chunk(footer: Footer) -> None:
    del footer.row_group(0)[1][1][1][0][3]


def _drop(number: int):
    return _footer_forgery(lambda f: f.meta.pop(number))


FOOTER_FORGERIES = {
    "file rows huge": (_footer_forgery(lambda f: _set(f.meta, 3, HUGE)), BAD),
    "file rows negative": (_footer_forgery(lambda f: _set(f.meta, 3, -1)), BAD),
    "group rows huge": (_footer_forgery(lambda f: _set(f.row_group(0), 3, HUGE)), BAD),
    "group rows negative": (_footer_forgery(lambda f: _set(f.row_group(0), 3, -5)), BAD),
    "group rows one more": (_footer_forgery(lambda f: _set(f.row_group(0), 3, 101)), BAD),
    "group rows one less": (_footer_forgery(lambda f: _set(f.row_group(0), 3, 99)), BAD),
    "values huge": (_chunk(5, HUGE), BAD),
    "values negative": (_chunk(5, -1), BAD),
    "values one more": (_chunk(5, 101), BAD),
    "chunk size huge": (_chunk(7, HUGE), BAD),
    "chunk size negative": (_chunk(7, -1), BAD),
    "chunk size zero": (_chunk(7, 0), BAD),
    "chunk size short": (_chunk(7, 20), BAD),
    "page offset beyond the file": (_chunk(9, 10**9), BAD),
    "page offset huge": (_chunk(9, HUGE), BAD),
    "page offset negative": (_chunk(9, -4), BAD),
    "page offset in the page": (_chunk(9, 60), BAD),
    "codec unknown": (_chunk(4, 99), EITHER),
    "codec negative": (_chunk(4, -1), EITHER),
    "codec LZO": (_chunk(4, 3), UNBUILT),
    "codec gzip over plain bytes": (_chunk(4, 2), BAD),
    "codec snappy over plain bytes": (_chunk(4, 1), BAD),
    "codec zstd over plain bytes": (_chunk(4, 6), BAD),
    "codec brotli over plain bytes": (_chunk(4, 4), BAD),
    "codec lz4 over plain bytes": (_chunk(4, 7), BAD),
    "chunk of another type": (_chunk(1, 2), BAD),
    "chunk of an unknown type": (_chunk(1, 77), EITHER),
    "leaf of an unknown type": (_element(1, 77), EITHER),
    "leaf of an unknown repetition": (_element(3, 7), BAD),
    "root with many children": (_element(5, 2**30, 0), BAD),
    "root with negative children": (_element(5, -1, 0), BAD),
    "root without children": (_element(5, 0, 0), BAD),
    "deep schema": (_footer_forgery(_deep), BAD),
    "no schema": (_footer_forgery(_no_root), BAD),
    "schema has a column more": (_footer_forgery(_two_columns_in_schema), BAD),
    "row group has no columns": (_footer_forgery(_no_columns_in_row_group), BAD),
    "chunk has no metadata": (_footer_forgery(_no_metadata_in_chunk), EITHER),
    "schema missing": (_drop(2), BAD),
    "row count missing": (_drop(3), BAD),
    "row groups missing": (_drop(4), BAD),
}
PAGE_FORGERIES = {
    "uncompressed size huge": (_page(2, 2**31 - 1), BAD),
    "uncompressed size negative": (_page(2, -1), BAD),
    "uncompressed size short": (_page(2, 10), BAD),
    "compressed size huge": (_page(3, 2**31 - 1), BAD),
    "compressed size negative": (_page(3, -1), BAD),
    "compressed size zero": (_page(3, 0), BAD),
    "page type unknown": (_page(1, 77), EITHER),
    "page type says V2": (_page(1, 3), BAD),
    "page type says dictionary": (_page(1, 2), BAD),
    "values huge": (_page(5, 1, 2**31 - 1), BAD),
    "values negative": (_page(5, 1, -1), BAD),
    "values one more": (_page(5, 1, 101), BAD),
    "values one less": (_page(5, 1, 99), BAD),
    "values none": (_page(5, 1, 0), BAD),
    "encoding unknown": (_page(5, 2, 99), EITHER),
    "encoding dictionary without one": (_page(5, 2, 8), BAD),
    "encoding RLE of strings": (_page(5, 2, 3), EITHER),
    "level encoding unknown": (_page(5, 3, 99), EITHER),
    "level encoding plain": (_page(5, 3, 0), EITHER),
}
V2_FORGERIES = {
    "values huge": (_page(8, 1, 2**31 - 1), BAD),
    "values negative": (_page(8, 1, -1), BAD),
    "nulls more than values": (_page(8, 2, 101), SAME),
    "nulls negative": (_page(8, 2, -1), SAME),
    "nulls other than levels say": (_page(8, 2, 0), SAME),
    "rows huge": (_page(8, 3, 2**31 - 1), SAME),
    "rows negative": (_page(8, 3, -1), SAME),
    "definition levels longer than page": (_page(8, 5, 10**6), BAD),
    "definition levels negative": (_page(8, 5, -1), BAD),
    "repetition levels longer than page": (_page(8, 6, 10**6), BAD),
    "repetition levels negative": (_page(8, 6, -3), BAD),
    "encoding unknown": (_page(8, 4, 99), EITHER),
}
DICTIONARY_FORGERIES = {
    "values huge": (_page(7, 1, 2**31 - 1), BAD),
    "values negative": (_page(7, 1, -1), BAD),
    "values fewer": (_page(7, 1, 1), BAD),
    "values none": (_page(7, 1, 0), BAD),
    "encoding unknown": (_page(7, 2, 99), EITHER),
    "size short": (_page(2, 5), BAD),
}


def _judge_forgeries(cases: dict, base: bytes, wrap, tmp_path) -> None:
    jobs = []
    for number, (forge, _) in enumerate(cases.values()):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(wrap(forge)(base))
        jobs.append({"path": str(path)})
    sound = tmp_path / "sound.parquet"
    sound.write_bytes(base)
    *results, truth = forked.run([*jobs, {"path": str(sound)}], str(tmp_path))
    assert truth["outcome"] == "data"
    wrong = [
        f"{name}: {result['outcome']} {result['detail'][:300]}"
        for (name, (_, allowed)), result in zip(cases.items(), results)
        if result["outcome"] not in allowed
        or result["peak"] > 700 << 20
        or (result["outcome"] == "data" and result["detail"] != truth["detail"])
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_forged_is_sound_before(tmp_path):
    """Taken apart and put together unchanged, the files read: the forgeries are what fails."""
    bases = [_plain_file(), _plain_file(data_page_version="2.0"), _plain_file(use_dictionary=True)]
    for number, base in enumerate(bases):
        same = _page_forgery(lambda header: None)(_footer_forgery(lambda footer: None)(base))
        assert same == base
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(same)
        support.assert_same(read_parquet(path, output_format="arrow"), pq.read_table(path))


def test_forged_footers(tmp_path):
    _judge_forgeries(FOOTER_FORGERIES, _plain_file(), lambda forge: forge, tmp_path)


def test_forged_footers_of_numbers(tmp_path):
    _judge_forgeries(FOOTER_FORGERIES, _plain_file("double"), lambda forge: forge, tmp_path)


def test_forged_pages(tmp_path):
    _judge_forgeries(PAGE_FORGERIES, _plain_file(), _page_forgery, tmp_path)


def test_forged_pages_of_numbers(tmp_path):
    cases = {k: v for k, v in PAGE_FORGERIES.items() if k != "encoding RLE of strings"}
    _judge_forgeries(cases, _plain_file("int64"), _page_forgery, tmp_path)


def test_forged_v2_pages(tmp_path):
    base = _plain_file(data_page_version="2.0")
    _judge_forgeries(V2_FORGERIES, base, _page_forgery, tmp_path)


def test_forged_v2_pages_of_lists(tmp_path):
    base = _plain_file("list<int32>", data_page_version="2.0")
    _judge_forgeries(V2_FORGERIES, base, _page_forgery, tmp_path)


def test_forged_dictionaries(tmp_path):
    base = _plain_file(use_dictionary=True)
    _judge_forgeries(DICTIONARY_FORGERIES, base, _page_forgery, tmp_path)


def test_dictionary_index_beyond_the_dictionary(tmp_path):
    """The bit width at the head of the indices is raised, so that they point past the end."""
    base = _plain_file("dictionary<int8, int32>", use_dictionary=True)
    footer = Footer(base)
    _, begin, end, _ = list(pages_of(base, footer.chunk(0, 0)))[1]
    body = bytearray(base)
    levels = int.from_bytes(base[begin : begin + 4], "little")
    for place in range(begin + 4 + levels + 2, end):
        body[place] = 0xFF
    path = tmp_path / "x.parquet"
    path.write_bytes(bytes(body))
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(path, output_format="arrow")


def test_lengths_of_strings_beyond_the_page(tmp_path):
    base = bytearray(_plain_file())
    _, begin, _, _ = next(pages_of(bytes(base), Footer(bytes(base)).chunk(0, 0)))
    levels = int.from_bytes(base[begin : begin + 4], "little")
    first = begin + 4 + levels
    for length in (2**31 - 1, 2**32 - 1, 10**6):
        base[first : first + 4] = length.to_bytes(4, "little")
        path = tmp_path / "x.parquet"
        path.write_bytes(bytes(base))
        with pytest.raises(pa.ArrowInvalid):
            read_parquet(path, output_format="arrow")


def test_a_claim_of_many_rows_takes_no_memory(tmp_path):
    """A few bytes that claim 2^40 nulls are refused, not allocated."""
    base = _plain_file("null")

    def forge(footer: Footer) -> None:
        _set(footer.meta, 3, 2**40)
        _set(footer.row_group(0), 3, 2**40)
        _set(footer.chunk(0, 0), 5, 2**40)

    path = tmp_path / "x.parquet"
    path.write_bytes(_footer_forgery(forge)(base))
    jobs = [{"path": str(path)}]
    (result,) = forked.run(jobs, str(tmp_path))
    assert result["outcome"] == "ArrowInvalid", result
    assert result["peak"] < 300 << 20


def test_a_thrift_list_that_claims_everything(tmp_path):
    """A list of 2^31 row groups in a footer of a few bytes."""
    footer = b"\x15\x02\x19\xfc" + b"\xff\xff\xff\xff\x07" + b"\x00" * 50
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    (result,) = forked.run([{"path": str(path)}], str(tmp_path))
    assert result["outcome"] == "ArrowInvalid", result
    assert result["peak"] < 300 << 20


def test_arrow_schema_of_garbage(tmp_path):
    """A damaged ARROW:schema is no reason to lose the data, and none to crash."""
    table = support.table_of("date64", "tenth", 50)
    base = tmp_path / "base.parquet"
    write_parquet(table, base, table.schema)
    jobs, rnd = [], random.Random(support.SEED)
    data = base.read_bytes()
    text = next(v[2][1] for v in Footer(data).meta[5][1][1] if v[1][1] == b"ARROW:schema")
    at = data.index(text)
    jobs.extend(
        {"path": str(base), "flips": [[at + rnd.randrange(len(text)), 1 + rnd.randrange(63)]]}
        for _ in range(150)
    )
    results = forked.run(jobs, str(tmp_path))
    wrong = [
        (j["flips"], r)
        for j, r in zip(jobs, results)
        if r["outcome"] not in ("data", "ArrowInvalid", "NotImplementedError")
    ]
    assert not wrong, wrong[:5]


def test_strings_that_are_not_utf8(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"v": pa.array([b"fine", b"\xff\xfe"]).view(pa.string())}), path)
    found = read_parquet(path, output_format="arrow", check_utf8=False)
    assert found.column("v").cast(pa.binary()).to_pylist() == [b"fine", b"\xff\xfe"]
    with pytest.raises(pa.ArrowInvalid, match="UTF-8"):
        read_parquet(path, output_format="arrow")


def test_column_names_that_are_not_utf8(tmp_path):
    """A name in the footer is a string of Thrift, so UTF-8: anything else is damage."""
    path = tmp_path / "x.parquet"
    table = pa.table({"column": [1]})
    pq.write_table(table, path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"column", b"col\xffmn"))
    for call in ALL_CALLS.values():
        with pytest.raises(pa.ArrowInvalid):
            repr(call(path))


# ---------------------------------------------------------- data that does not fit

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("s", pa.struct([pa.field("x", pa.int32(), nullable=False), pa.field("y", pa.string())])),
        pa.field("l", pa.list_(pa.field("element", pa.int16(), nullable=False))),
        pa.field("m", pa.map_(pa.string(), pa.field("value", pa.float64(), nullable=False))),
    ]
)
GOOD = {"id": 1, "name": "a", "s": {"x": 1, "y": None}, "l": [1, 2], "m": [("k", 1.0)]}


def _rows(**change) -> list[dict]:
    return [GOOD, {**GOOD, **change}]


def _table(**change) -> pa.Table:
    """The rows as a table whose types are the schema's but all of them nullable."""
    loose = pa.schema(
        [
            ("id", pa.int64()),
            ("name", pa.string()),
            ("s", pa.struct([("x", pa.int32()), ("y", pa.string())])),
            ("l", pa.list_(pa.int16())),
            ("m", pa.map_(pa.string(), pa.float64())),
        ]
    )
    return pa.Table.from_pylist(_rows(**change), schema=loose)


def _without(name: str) -> list[dict]:
    return [GOOD, {k: v for k, v in GOOD.items() if k != name}]


NULLS = "is declared non-nullable but contains nulls"
REFUSED = {
    "string for integer": (_rows(id="7"), "id"),
    "string column for integer": (_table().set_column(0, "id", pa.array(["1", "2"])), "id"),
    "text for integer": (_rows(id="seven"), "id"),
    "float for integer": (_rows(id=1.5), "id"),
    "bool for integer": (_rows(id=True), "id"),
    "integer for string": (_rows(name=7), "name"),
    "integer too large": (_rows(id=2**63), "id"),
    "nested integer too large": (_rows(l=[1, 40000]), "l"),
    "list for struct": (_rows(s=[1]), "s"),
    "struct for list": (_rows(l={"a": 1}), "l"),
    "null in required, rows": (_rows(id=None), f"Column 'id' {NULLS}"),
    "null in required, table": (_table(id=None), f"Column 'id' {NULLS}"),
    "null in required, frame": (
        pd.DataFrame({**{k: [v] * 2 for k, v in GOOD.items()}, "id": [1, None]}),
        f"Column 'id' {NULLS}",
    ),
    "null in struct, rows": (_rows(s={"x": None, "y": "b"}), rf"Column 's\.x' {NULLS}"),
    "null in struct, table": (_table(s={"x": None, "y": "b"}), rf"Column 's\.x' {NULLS}"),
    "null in list, rows": (_rows(l=[1, None]), rf"Column 'l\[\]' {NULLS}"),
    "null in list, table": (_table(l=[1, None]), rf"Column 'l\[\]' {NULLS}"),
    "null in map, rows": (_rows(m=[("k", None)]), rf"Column 'm\.value' {NULLS}"),
    "null in map, table": (_table(m=[("k", None)]), rf"Column 'm\.value' {NULLS}"),
    "absent key of required": (_without("id"), f"Column 'id' {NULLS}"),
    "missing column": (_table().drop_columns(["name"]), "name"),
    "missing column, frame": (pd.DataFrame({"id": [1]}), "name"),
    "extra column": (_table().append_column("extra", pa.array([1, 2])), "extra"),
    "extra key": (_rows(extra=1), "extra"),
    "extra nested key": (_rows(s={"x": 1, "y": None, "z": 0}), "z"),
    "duplicate names": (_table().append_column("id", pa.array([1, 2], pa.int64())), "id"),
    "None as a row": ([GOOD, None], "None"),
    "dict": (dict(GOOD), "Unsupported data type"),
    "set": ({1, 2}, "Unsupported data type"),
    "string": ("rows", "Unsupported data type"),
    "bytes": (b"rows", "Unsupported data type"),
    "number": (7, "Unsupported data type"),
    "None": (None, "Unsupported data type"),
    "object": (object(), "Unsupported data type"),
}

WRITERS = {
    "write_parquet": lambda data, folder: write_parquet(data, folder / "x.parquet", SCHEMA),
    "stream": lambda data, folder: _streamed(data, folder / "x.parquet"),
    "append": lambda data, folder: write_to_dataset(data, folder, SCHEMA),
    "append partitioned": lambda data, folder: write_to_dataset(
        data, folder / "parts", SCHEMA, partition_cols=["name"]
    ),
    "overwrite": lambda data, folder: write_to_dataset(data, folder, SCHEMA, mode="overwrite"),
}


def _streamed(data, path) -> None:
    with ParquetStreamWriter(path, SCHEMA) as writer:
        writer.write_chunk([GOOD] * 3)
        writer.write_chunk(data)


def _snapshot(folder: pathlib.Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("call", WRITERS)
@pytest.mark.parametrize("name", REFUSED)
def test_refused_data(name, call, tmp_path):
    """SchemaValidationError; what was there is untouched, nothing else is there."""
    data, words = REFUSED[name]
    folder = tmp_path / "target"
    folder.mkdir()
    write_parquet([GOOD], folder / "x.parquet", SCHEMA)
    before = _snapshot(tmp_path)
    with pytest.raises(SchemaValidationError, match=words) as caught:
        WRITERS[call](data, folder)
    assert isinstance(caught.value, pa.ArrowInvalid)
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("call", WRITERS)
@pytest.mark.parametrize("data", [_rows(), _table()], ids=["rows", "table"])
def test_what_is_refused_is_only_the_change(data, call, tmp_path):
    """The same rows without the fault are written."""
    folder = tmp_path / "target"
    folder.mkdir()
    WRITERS[call](data, folder)
    assert read_parquet(folder, output_format="arrow").num_rows in (2, 5)


def test_null_parent_over_required_children(tmp_path):
    write_parquet(_rows(s=None, l=None, m=None), tmp_path / "x.parquet", SCHEMA)
    found = read_parquet(tmp_path / "x.parquet", output_format="arrow")
    assert found.column("s").to_pylist()[1] is None
    assert found.schema.equals(SCHEMA)


def test_two_faults_are_both_reported(tmp_path):
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(_table(id=None, l=[None]), tmp_path / "x.parquet", SCHEMA)
    assert {failure.path for failure in caught.value.failures} == {"id", "l[]"}


def test_a_refused_chunk_adds_nothing(tmp_path):
    path = tmp_path / "x.parquet"
    with ParquetStreamWriter(path, SCHEMA) as writer:
        writer.write_chunk([GOOD])
        with pytest.raises(SchemaValidationError):
            writer.write_chunk(_rows(id=None))
        writer.write_chunk([{**GOOD, "id": 9}])
    assert read_parquet(path, output_format="arrow").column("id").to_pylist() == [1, 9]


def test_a_failing_iterator_passes_through(tmp_path):
    class Mine(Exception):
        pass

    def rows():
        yield pa.Table.from_pylist([GOOD], schema=SCHEMA)
        raise Mine("mine")

    write_parquet([GOOD], tmp_path / "x.parquet", SCHEMA)
    before = _snapshot(tmp_path)
    for failure in (Mine, Mine):
        with pytest.raises(failure, match="mine"):
            write_parquet(rows(), tmp_path / "x.parquet", SCHEMA)
    assert _snapshot(tmp_path) == before


@pytest.mark.parametrize("thrown", [KeyboardInterrupt, SystemExit, MemoryError])
def test_exceptions_inside_the_block(thrown, tmp_path):
    write_parquet([GOOD], tmp_path / "x.parquet", SCHEMA)
    before = _snapshot(tmp_path)
    with pytest.raises(thrown), ParquetStreamWriter(tmp_path / "x.parquet", SCHEMA) as writer:
        writer.write_chunk([GOOD] * 100)
        raise thrown
    assert _snapshot(tmp_path) == before


# ------------------------------------------------------------------ places that refuse

TABLE = pa.table({"a": pa.array(range(1000), pa.int64())})


def test_a_directory_as_target(tmp_path):
    (tmp_path / "x.parquet").mkdir()
    for call in (
        lambda: write_parquet(TABLE, tmp_path / "x.parquet", TABLE.schema),
        lambda: ParquetStreamWriter(tmp_path / "x.parquet", TABLE.schema).__enter__(),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EISDIR
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
    assert list((tmp_path / "x.parquet").iterdir()) == []


def test_a_file_as_a_folder(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(NotADirectoryError):
        write_to_dataset(TABLE, tmp_path / "file", TABLE.schema)
    with pytest.raises(NotADirectoryError):
        write_parquet(TABLE, tmp_path / "file" / "x.parquet", TABLE.schema)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("call", ALL_CALLS)
def test_a_missing_path(call, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        ALL_CALLS[call](tmp_path / "nothing.parquet")
    assert caught.value.errno == errno.ENOENT
    assert "nothing.parquet" in str(caught.value.filename)


CLOSED = """
    import os, sys
    import pyarrow as pa
    import py_parquet_forge as p
    table = pa.table({"a": pa.array(range(1000), pa.int64())})
    folder, uid = sys.argv[1], int(sys.argv[2])
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    os.chdir("/")

    def stream():
        with p.ParquetStreamWriter(folder + "/x.parquet", table.schema) as writer:
            writer.write_chunk(table)

    calls = {
        "write_parquet": lambda: p.write_parquet(table, folder + "/x.parquet", table.schema),
        "new file": lambda: p.write_parquet(table, folder + "/new.parquet", table.schema),
        "stream": stream,
        "append": lambda: p.write_to_dataset(table, folder, table.schema),
        "overwrite": lambda: p.write_to_dataset(table, folder, table.schema, mode="overwrite"),
        "new folder": lambda: p.write_to_dataset(table, folder + "/sub/set", table.schema),
        "read": lambda: p.read_parquet(folder + "/secret.parquet"),
        "inspect": lambda: p.inspect_schema(folder + "/secret.parquet"),
    }
    for name, call in calls.items():
        try:
            call()
            print(name, "went through")
        except PermissionError as error:
            print(name, "PermissionError", error.errno, bool(error.filename))
        except BaseException as error:
            print(name, repr(error))
"""


def test_a_read_only_folder():
    """As another user where we are root, whom permissions do not bind."""
    uid = 65534 if os.getuid() == 0 else -1
    with tempfile.TemporaryDirectory(prefix="pqf-closed-") as parent:
        folder = pathlib.Path(parent) / "closed"
        folder.mkdir()
        write_parquet(TABLE, folder / "x.parquet", TABLE.schema)
        write_parquet(TABLE, folder / "secret.parquet", TABLE.schema)
        (folder / "secret.parquet").chmod(0)
        os.chmod(parent, 0o555)
        folder.chmod(0o555)
        try:
            before = sorted(os.listdir(folder)), (folder / "x.parquet").read_bytes()
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(CLOSED), str(folder), str(uid)],
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr
            lines = done.stdout.splitlines()
            assert len(lines) == 8
            assert [line for line in lines if f"PermissionError {errno.EACCES} True" not in line] == []
            assert (sorted(os.listdir(folder)), (folder / "x.parquet").read_bytes()) == before
            assert os.listdir(parent) == ["closed"]
        finally:
            os.chmod(parent, 0o755)
            folder.chmod(0o755)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 kB, where mounting is allowed."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    place = tmp_path / "disk"
    place.mkdir()
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=400k", "none", str(place)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no small disk: mounting a tmpfs is not allowed here")
    try:
        yield place
    finally:
        subprocess.run([umount, str(place)], check=True, capture_output=True)


BIG = pa.table({"a": pa.array([i * 2654435761 % 2**61 for i in range(200_000)], pa.int64())})


@pytest.mark.parametrize("call", ["write_parquet", "stream", "append", "overwrite"])
def test_a_full_disk(call, small_disk):
    folder = small_disk / "set"
    folder.mkdir()
    write_parquet(TABLE, folder / "x.parquet", TABLE.schema)
    before = _snapshot(small_disk)
    options = {"use_dictionary": False, "compression": "none"}
    with pytest.raises(OSError) as caught:
        if call == "write_parquet":
            write_parquet(BIG, folder / "x.parquet", BIG.schema, **options)
        elif call == "stream":
            with ParquetStreamWriter(
                folder / "x.parquet", BIG.schema, row_group_size=10_000, **options
            ) as writer:
                for start in range(0, len(BIG), 10_000):
                    writer.write_chunk(BIG.slice(start, 10_000))
        else:
            mode = "append" if call == "append" else "overwrite"
            write_to_dataset(BIG, folder, BIG.schema, mode=mode, **options)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename
    assert _snapshot(small_disk) == before


LIMITED = """
    import resource, signal, sys
    import pyarrow as pa
    import py_parquet_forge as p
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    table = pa.table({"a": pa.array([i * 2654435761 % 2**61 for i in range(200_000)], pa.int64())})
    try:
        p.write_parquet(table, sys.argv[1], table.schema, use_dictionary=False, compression="none")
    except OSError as error:
        print(error.errno, error.filename)
"""


def test_a_file_that_may_not_grow(tmp_path):
    """A second kind of full: no tmpfs needed."""
    path = tmp_path / "x.parquet"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith(f"{errno.EFBIG} "), done
    assert _snapshot(tmp_path) == {"x.parquet": b"old"}
