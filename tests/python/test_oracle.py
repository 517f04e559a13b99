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
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from interop import plain, support
from oracle import codecs, encodings, indexes, logical
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
    options["encoding"] = rnd.choice(["PLAIN", "auto"])
    options["use_byte_stream_split"] = rnd.random() < 0.3
    options["write_page_index"] = rnd.random() < 0.5
    if options["version"] != "2.6":  # which has no nanoseconds
        options |= {"coerce_timestamps": "us", "allow_truncated_timestamps": True}
    table = _table(rnd, _share(rnd, number, 4), rnd.choice([0, 1, 200, 230]))
    path = tmp_path / "ours.parquet"
    write_parquet(table, path, table.schema, **options)
    found = plain.read(path)
    what = f"seed {support.SEED}, file {number}, {options}"
    plain.assert_oracle(found, _ours(path), what)
    assert broken(found) == [], what


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
        write_parquet(table, path, table.schema, **{option: value}, **pages)
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
    write_parquet(table, path, table.schema, write_page_index=True, max_rows_per_page=50)
    found = plain.read(path)
    assert broken(found) == []
    for column in range(3):
        index = indexes.column_index(found.file, 0, column)
        assert index is not None and len(index.null_pages) == 12
        assert index.boundary_order == (1 if order == "ascending" else 2)


def _nasty() -> pa.Table:
    """What bounds stumble over: texts to be cut within a character or not at all, NaN, zeros, nulls."""
    count, last = 120, chr(0x10FFFF)
    texts = ["ä" * 70, "日" * 60, "x" + "𝄞" * 50, last * 50, "", "a" * 200, "z", "\x7f" * 90 + "é"]
    nans = [float("nan")] * 40 + [-0.0, 0.0] * 20 + [0.0, 1.0, -0.0, -1.0] * 10
    blobs = [b"\xff" * 90, b"", b"\xff" * 63 + b"a" * 20, b"\x00" * 80]
    columns = {
        "text": pa.array([texts[i // 15] if i % 3 else None for i in range(count)]),
        "blob": pa.array([blobs[i // 30] for i in range(count)]),
        "float": pa.array(nans, pa.float32()),
        "double": pa.array(nans, pa.float64()),
        "half": pa.array(nans, pa.float32()).cast(pa.float16()),
        "zeros": pa.array([None if i % 2 else -0.0 for i in range(count)], pa.float64()),
        "holes": pa.array([None if i // 40 == 1 else i for i in range(count)], pa.uint32()),
        "wide": pa.array([(-1) ** i * 10**37 * (i % 9) for i in range(count)], pa.decimal128(38, 0)),
        "fixed": pa.array([blobs[i // 30 % 2].ljust(90, b"\xff") for i in range(count)], pa.binary(90)),
        "lists": pa.array([None, [], [None], [float("nan"), -0.0], [3.0] * 40] * 24),
    }
    return pa.table(columns)


@pytest.mark.parametrize("rows", [7, 10, 40, 120])
@pytest.mark.parametrize("dictionary", [True, False])
def test_our_bounds_of_nasty_values(rows, dictionary, tmp_path):
    path, table = tmp_path / "nasty.parquet", _nasty()
    options = {"max_rows_per_page": rows, "use_dictionary": dictionary, "row_group_size": 80}
    filters = {name: True for name in ("text", "blob", "double", "half", "wide", "lists.list.element")}
    write_parquet(table, path, table.schema, write_page_index=True, bloom_filter_options=filters, **options)
    found = plain.read(path)
    plain.assert_oracle(found, table, "nasty")
    assert broken(found) == []


@pytest.mark.parametrize("nulls", ["at_start", "at_end"])
@pytest.mark.parametrize("descending", [True, False])
def test_our_sorting_columns(descending, nulls, tmp_path):
    """What is said to be sorted is."""
    table = pa.table(
        {"a": pa.array([1, 1, 2, 2, None, None]), "b": pa.array(["x", "y", None, "z", "q", None])}
    )
    order = "descending" if descending else "ascending"
    keys = [("a", order, nulls), ("b", order, nulls)]
    table = table.take(pc.sort_indices(table, sort_keys=keys))
    sorting = [pq.SortingColumn(i, descending, nulls == "at_start") for i in range(2)]
    path = tmp_path / "sorted.parquet"
    write_parquet(table, path, table.schema, sorting_columns=sorting)
    found = plain.read(path)
    said = found.file.metadata.row_groups[0].sorting_columns
    assert [(c.column_idx, c.descending, c.nulls_first) for c in said] == [
        (c.column_index, c.descending, c.nulls_first) for c in sorting
    ]
    assert broken(found) == []


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
    plain.assert_oracle(found, _ours(path), f"seed {support.SEED}, ours")


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
    if name not in NOT_OURS:
        plain.assert_oracle(found, _ours(path), name)


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


def test_the_three_framings_of_lz4():
    """Frames are pyarrow's (blocks that reach into the one before), blocks too; Hadoop's framing is put around them."""
    text = b"".join(b"%d furiously ironic deposits " % (i * i) for i in range(12000))
    for size in (0, 1, 20, 70_000, len(text)):
        data = text[:size]
        frame = pa.compress(data, "lz4", asbytes=True)
        parts = [data[at : at + 30_000] for at in range(0, size, 30_000)]
        blocks = [pa.compress(part, "lz4_raw", asbytes=True) for part in parts]
        inner = b"".join(len(block).to_bytes(4, "big") + block for block in blocks)
        one_piece = size.to_bytes(4, "big") + inner
        pieces = b"".join(
            len(part).to_bytes(4, "big") + len(block).to_bytes(4, "big") + block
            for part, block in zip(parts, blocks)
        )
        for packed in (frame, one_piece, pieces, pa.compress(data, "lz4_raw", asbytes=True)):
            assert codecs.decompress(codecs.NAMES.index("LZ4"), packed, size) == data
        with pytest.raises(oracle.SpecError):
            codecs.decompress(codecs.NAMES.index("LZ4"), frame[:-5], size + 1)


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
