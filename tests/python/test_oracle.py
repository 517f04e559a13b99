# SPDX-License-Identifier: Apache-2.0
"""The engine against a second opinion: tests/oracle, a plain reader made from the specification alone.

Files written here, by pyarrow and by others are read by both and compared value by value; and what the
metadata of our files promises (statistics, sizes, page index, Bloom filters) is held against the values.
"""

from __future__ import annotations

import os
import pathlib
import random
import zlib

import oracle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import plain, support
from oracle import encodings, indexes, logical
from oracle.promises import broken

from py_parquet_forge import read_parquet, write_parquet

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPORA = pathlib.Path(os.environ.get("PQF_CORPORA", ROOT.parent / "shared" / "corpora"))
DATA = CORPORA / "parquet-testing" / "data"
ROUNDS = 40 if support.ALL else 8
CODECS = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]


def _random(*salt: object) -> random.Random:
    return random.Random(zlib.crc32(f"{support.SEED} {salt}".encode()))


def _table(rnd: random.Random, names: list[str], rows: int) -> pa.Table:
    columns = {}
    for name in names:
        pattern = rnd.choice(support.PATTERNS)
        columns[name] = support.column(support.TYPES[name], rows, pattern, rnd)
    return pa.table(columns)


def _share(rnd: random.Random, number: int, of: int) -> list[str]:
    """The types, dealt to `of` files, the same type always to the same."""
    return [name for i, name in enumerate(support.TYPES) if i % of == number % of]


def _options(rnd: random.Random) -> dict:
    return {
        "compression": rnd.choice(CODECS),
        "data_page_version": rnd.choice(["1.0", "2.0"]),
        "data_page_size": rnd.choice([64, 500, 1 << 20]),
        "row_group_size": rnd.choice([77, 100, 1000]),
        "use_dictionary": rnd.random() < 0.6,
        "dictionary_pagesize_limit": rnd.choice([100, 1 << 20]),
        "write_page_checksum": rnd.random() < 0.5,
        "use_compliant_nested_type": rnd.random() < 0.7,
        "store_schema": rnd.random() < 0.7,
    }


def _ours(path) -> pa.Table:
    return read_parquet(path, output_format="arrow")


# ------------------------------------------------------------------------------- our files


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_we_write_and_read(number, tmp_path):
    """The oracle reads our files as we read them and finds every promise kept."""
    rnd = _random("ours", number)
    options = {**_options(rnd), "max_rows_per_page": rnd.choice([1, 20, 20000])}
    options["version"] = rnd.choice(["1.0", "2.4", "2.6"])
    options["allow_truncated_timestamps"] = True
    table = _table(rnd, _share(rnd, number, 4), rnd.choice([0, 1, 200, 230]))
    path = tmp_path / "ours.parquet"
    write_parquet(table, path, table.schema, **options)
    found = plain.read(path)
    what = f"seed {support.SEED}, file {number}, {options}"
    plain.assert_oracle(found, _ours(path), what)
    assert broken(found) == [], what


# Options of the writer that may not be built; a test of one that is not says so and is skipped.
def _write_or_skip(table: pa.Table, path, **options) -> None:
    try:
        write_parquet(table, path, table.schema, **options)
    except NotImplementedError as error:
        pytest.skip(f"not built: {str(error).splitlines()[0]}")


FLAT = [
    name
    for name in support.TYPES
    if not any(word in name for word in ("list", "struct", "map", "dictionary", "null", "view", "large"))
]


def _filters(names: list[str]) -> dict:
    bools = [name for name in names if name == "bool"]
    return {name: {"ndv": 200, "fpp": 0.01} for name in names if name not in bools}


@pytest.mark.parametrize("option", ["write_page_index", "bloom_filter_options"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_what_our_indexes_promise(option, version, tmp_path):
    """Bounds of every page hold, every value answers "maybe" in its filter."""
    for number, names in enumerate(_indexed_tables()):
        rnd = _random("indexes", number, version)
        if option == "bloom_filter_options":
            names = [name for name in names if name in FLAT and name != "bool"]
        table = _table(rnd, names, 400)
        value = True if option == "write_page_index" else _filters(names)
        path = tmp_path / f"{number}.parquet"
        pages = {"data_page_size": 200, "row_group_size": 150, "data_page_version": version}
        _write_or_skip(table, path, **{option: value}, **pages)
        found = plain.read(path)
        assert broken(found) == [], f"seed {support.SEED}, {names}"
        _assert_indexed(found, option)


def _indexed_tables() -> list[list[str]]:
    names = list(support.TYPES)
    return [names[0::3], names[1::3], names[2::3]]


def _assert_indexed(found: oracle.Table, option: str) -> None:
    """Every chunk has what was asked for, a column index where its order and its floats let it."""
    file = found.file
    for chunk in found.chunks[0]:
        column = chunk.leaf.column
        if option == "bloom_filter_options":
            assert indexes.bloom_filter(file, 0, column) is not None, chunk.leaf.path
            continue
        assert indexes.offset_index(file, 0, column) is not None, chunk.leaf.path
        has_order = indexes.sort_key(file, chunk.leaf) is not None
        if has_order and indexes.number_of(chunk.leaf) is None:
            assert indexes.column_index(file, 0, column) is not None, chunk.leaf.path


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_our_page_index_of_sorted_columns(order, tmp_path):
    numbers = list(range(-300, 300))
    if order == "descending":
        numbers.reverse()
    texts = [f"{n + 1000:05d}" + "x" * 90 for n in numbers]
    table = pa.table({"n": pa.array(numbers, pa.int32()), "t": texts, "f": pa.array(map(float, numbers))})
    path = tmp_path / "sorted.parquet"
    _write_or_skip(table, path, write_page_index=True, max_rows_per_page=50)
    found = plain.read(path)
    assert broken(found) == []
    for column in range(3):
        index = indexes.column_index(found.file, 0, column)
        assert index is not None and len(index.null_pages) == 12
        assert index.boundary_order == (1 if order == "ascending" else 2)


# -------------------------------------------------------------------------- files of pyarrow

# What pyarrow itself does otherwise: its encoding_stats know no pages of version 2, and for
# DELTA_BYTE_ARRAY it does not count the prefixes that values share as unencoded bytes.
PYARROW_SAYS = ("encoding_stats", "unencoded_byte_array_data_bytes")


def _broken_but_pyarrow(found: oracle.Table) -> list[str]:
    return [text for text in broken(found) if not any(word in text for word in PYARROW_SAYS)]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_pyarrow_writes(number, tmp_path):
    """The oracle, pyarrow and we read the same."""
    rnd = _random("pyarrow", number)
    options = _options(rnd)
    names = [name for name in _share(rnd, number, 4) if "list_view" not in name]
    table = _table(rnd, names, rnd.choice([1, 200, 230]))
    path = tmp_path / "theirs.parquet"
    flat = [name for name in names if name in FLAT]
    filters = {name: {"ndv": 100, "fpp": 0.1} for name in flat if name != "bool"}
    pq.write_table(table, path, write_page_index=True, bloom_filter_options=filters, **options)
    found = plain.read(path)
    what = f"seed {support.SEED}, file {number}, {options}"
    plain.assert_oracle(found, pq.read_table(path), what + ", pyarrow")
    plain.assert_oracle(found, _ours(path), what + ", ours")
    assert _broken_but_pyarrow(found) == [], what


ENCODED = {
    "RLE": ["bool"],
    "DELTA_BINARY_PACKED": ["int8", "int32", "int64", "uint64", "timestamp[us]", "date32"],
    "DELTA_LENGTH_BYTE_ARRAY": ["string", "binary"],
    "DELTA_BYTE_ARRAY": ["string", "binary", "fixed_size_binary[16]", "decimal128(38,10)"],
    "BYTE_STREAM_SPLIT": ["half", "float", "double", "int32", "int64", "fixed_size_binary[16]"],
}


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ENCODED)
def test_encodings_of_pyarrow(encoding, version, tmp_path):
    rnd = _random(encoding, version)
    table = _table(rnd, ENCODED[encoding], 700)
    path = tmp_path / "encoded.parquet"
    columns = dict.fromkeys(ENCODED[encoding], encoding)
    options = {"data_page_version": version, "data_page_size": 900, "write_page_index": True}
    pq.write_table(table, path, use_dictionary=False, column_encoding=columns, **options)
    found = plain.read(path)
    used = {page.encoding for chunk in found.chunks[0] for page in chunk.pages}
    assert used == {_number(encoding)}
    plain.assert_oracle(found, table, f"seed {support.SEED}, pyarrow")
    assert _broken_but_pyarrow(found) == []
    try:
        ours = _ours(path)
    except NotImplementedError as error:
        pytest.skip(f"not read: {str(error)[-80:]}")
    plain.assert_oracle(found, ours, f"seed {support.SEED}, ours")


def _number(encoding: str) -> int:
    return {name: number for number, name in encodings.NAMES.items()}[encoding]


# --------------------------------------------------------------------------- files of others

CORRUPT = {"datapage_v1-corrupt-checksum.parquet", "rle-dict-uncompressed-corrupt-checksum.parquet"}
# What we refuse, with the reason: times that the unit asked for does not hold.
NOT_OURS = {"int96_from_spark.parquet"}
LARGE = "large_string_map.brotli.parquet"


def _small() -> list[str]:
    files = [path for path in sorted(DATA.rglob("*.parquet")) if path.name != LARGE]
    return [str(p.relative_to(DATA)) for p in files if support.ALL or p.stat().st_size < 300_000]


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no corpora in {CORPORA}: set PQF_CORPORA to their folder")
@pytest.mark.parametrize("name", _small() or ["none"])
def test_files_of_others(name):
    path = DATA / name
    if name in CORRUPT:
        with pytest.raises(oracle.SpecError, match="checksum"):
            oracle.read(path)
        return
    found = plain.read(path)
    if name in NOT_OURS:
        return
    try:
        ours = _ours(path)
    except NotImplementedError as error:
        pytest.skip(f"not read: {str(error)[-80:]}")
    plain.assert_oracle(found, ours, name)


# ------------------------------------------------------- the oracle itself, by the specification


def test_examples_of_the_specification():
    """The worked examples that Encodings.md and AlpEncoding.md have, and known hashes."""
    from oracle.levels import unpack, unpack_msb

    assert unpack(bytes([0b10001000, 0b11000110, 0b11111010]), 3, 8) == list(range(8))
    assert unpack_msb(bytes([0b00000101, 0b00111001, 0b01110111]), 3, 8) == list(range(8))
    leaf = _leaf(oracle.footer.FLOAT)
    split = bytes.fromhex("AA00A3BB11B4CC22C5DD33D6")
    values, _ = encodings.decode(encodings.BYTE_STREAM_SPLIT, leaf, split, 3)
    assert values == [bytes.fromhex(text) for text in ("AABBCCDD", "00112233", "A3B4C5D6")]
    # 128 values a block, 4 miniblocks, 5 values from 1 on; least delta 1, widths 0
    deltas = bytes([0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0])
    assert encodings.delta_binary_packed(deltas, 0, 32, 5) == ([1, 2, 3, 4, 5], len(deltas))
    assert indexes.xxh64(b"") == 0xEF46DB3751D8E999
    assert indexes.xxh64(b"a") == 0xD24EC4F1A98C6E5B


def test_alp_example_of_the_specification():
    """1500, NaN, 2500, 333.5 with exponent 4 and factor 3: 31 bytes of a vector."""
    packed = 0
    for place, delta in enumerate([11665, 11665, 21665, 0]):
        packed |= delta << (15 * place)
    nan = bytes.fromhex("0123000000F8FF7F")[::-1]
    vector = b"\x04\x03\x01\x00" + (3335).to_bytes(8, "little") + b"\x0f"
    vector += packed.to_bytes(8, "little") + b"\x01\x00" + nan
    assert len(vector) == 31
    page = b"\0\0\x0a" + (4).to_bytes(4, "little") + (4).to_bytes(4, "little") + vector
    leaf = _leaf(oracle.footer.DOUBLE)
    values, end = encodings.decode(encodings.ALP, leaf, page, 4)
    assert end == len(page) and values[1] == nan
    numbers = [logical.of_double(value) for value in values]
    assert [numbers[0], numbers[2], numbers[3]] == [1500.0, 2500.0, 333.5]


def _leaf(kind: int) -> oracle.footer.Node:
    element = oracle.footer.SchemaElement(type=kind, name="x", repetition_type=0)
    return oracle.footer.Node(element, 0, 0, ("x",))


def test_the_oracle_sees_what_is_wrong(tmp_path):
    """A value, a bound or a null count that is changed in a file is seen."""
    table = pa.table({"n": pa.array([5, 6, None, 900], pa.int32())})
    path = tmp_path / "x.parquet"
    options = {"compression": "none", "use_dictionary": False, "write_page_checksum": False}
    write_parquet(table, path, table.schema, **options)
    data = path.read_bytes()
    assert broken(plain.read(path)) == []
    path.write_bytes(data.replace(b"\x84\x03\0\0", b"\x85\x03\0\0", 1))
    assert any("max" in text for text in broken(plain.read(path)))
    with pytest.raises(AssertionError, match=r"n\[3\]"):
        plain.assert_oracle(plain.read(path), table, "changed")
