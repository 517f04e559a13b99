# SPDX-License-Identifier: Apache-2.0
"""Encodings x physical types x null patterns x page versions x codecs, written and read by everybody.

A file holds one encoding: a column for each physical type that the specification gives it and for each
pattern of nulls. As a program it prints who reads and writes what as Markdown, measured here and now:

    PYTHONPATH=tests:tests/python python -m interop.encodings
"""

from __future__ import annotations

import importlib.metadata
import itertools
import random
import tempfile
import zlib

import duckdb
import oracle
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from oracle import encodings as numbers
from oracle import footer

import py_parquet_forge
from interop import plain, support

CODECS = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]
PAGES = ["1.0", "2.0"]
PATTERNS = ["none", "tenth", "runs", "all", "lists"]
ROWS = 300

# The physical types and an Arrow type that is stored as each; INT96 by the keyword for it.
PHYSICAL: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "INT96": pa.timestamp("ns"),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "BYTE_ARRAY": pa.string(),
    "FIXED_LEN_BYTE_ARRAY": pa.binary(16),
}
# Encodings.md "Supported Encodings"; the dictionary of booleans is allowed and written by nobody.
ENCODINGS: dict[str, list[str]] = {
    "PLAIN": list(PHYSICAL),
    "RLE_DICTIONARY": [name for name in PHYSICAL if name != "BOOLEAN"],
    "RLE": ["BOOLEAN"],
    "DELTA_BINARY_PACKED": ["INT32", "INT64"],
    "DELTA_LENGTH_BYTE_ARRAY": ["BYTE_ARRAY"],
    "DELTA_BYTE_ARRAY": ["BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"],
    "BYTE_STREAM_SPLIT": ["INT32", "INT64", "FLOAT", "DOUBLE", "FIXED_LEN_BYTE_ARRAY"],
    "ALP": ["FLOAT", "DOUBLE"],
}


class Lacks(Exception):
    """An engine cannot do this, in its own words."""


def asked(work):
    """What `work` gives; an engine's failure, a panic of polars included, as Lacks."""
    try:
        return work()
    except (KeyboardInterrupt, SystemExit, MemoryError, AssertionError):
        raise
    except BaseException as error:
        words = (str(error).splitlines() or [""])[0][:160]
        raise Lacks(f"{type(error).__name__}: {words}") from None


# ----------------------------------------------------------------------------------- values


def _leaf_values(kind: pa.DataType, count: int, few: bool, rnd: random.Random) -> pa.Array:
    """`few`: of 20 values, so that a dictionary pays; decimal-like floats among the wild ones."""
    if pa.types.is_timestamp(kind):
        values = [rnd.randrange(-(2**62), 2**62) // 1000 * 1000 for _ in range(count)]
        array = pa.array(values, pa.int64()).view(kind)
    elif pa.types.is_floating(kind) and not few:
        wild = support.column(kind, count, "none", rnd).to_pylist()
        tame = [round(rnd.uniform(-1000, 1000), 2) for _ in range(count)]
        array = pa.array([w if rnd.random() < 0.1 else t for w, t in zip(wild, tame)], kind)
    else:
        array = support.column(kind, count, "none", rnd)
    return array.take(pa.array([rnd.randrange(20) for _ in range(count)])) if few and count else array


def column(kind: pa.DataType, pattern: str, few: bool, rnd: random.Random) -> pa.Array:
    if pattern != "lists":
        mask = support.null_mask(pattern, ROWS, rnd)
        values = _leaf_values(kind, ROWS, few, rnd)
        return values.take(pa.array([None if null else i for i, null in enumerate(mask)], pa.int32()))
    mask = support.null_mask("tenth", ROWS, rnd)
    offsets = support._offsets(mask, rnd, False)
    items = _leaf_values(kind, int(offsets[-1]), few, rnd)
    holes = support.null_mask("tenth", len(items), rnd)
    items = items.take(pa.array([None if null else i for i, null in enumerate(holes)], pa.int32()))
    return pa.ListArray.from_arrays(support._with_nulls(offsets, mask, False), items)


def table_of(encoding: str, physical: list[str] | None = None, patterns: list[str] = PATTERNS) -> pa.Table:
    """A column `<physical>_<pattern>` for each; always the same for the same names."""
    columns = {}
    for name in physical or ENCODINGS[encoding]:
        for pattern in patterns:
            rnd = random.Random(zlib.crc32(f"{support.SEED} {encoding} {name} {pattern}".encode()))
            few = encoding == "RLE_DICTIONARY"
            columns[f"{name}_{pattern}"] = column(PHYSICAL[name], pattern, few, rnd)
    return pa.table(columns)


def same(found: pa.Table, wanted: pa.Table) -> str | None:
    """Where the values differ, whatever types an engine gives them; floats by their bits."""
    if found.column_names != wanted.column_names:
        return f"columns {found.column_names}"
    for name, mine, theirs in zip(wanted.column_names, found.columns, wanted.columns):
        mine, theirs = _values(support.whole(mine)), _values(support.whole(theirs))
        if len(mine) != len(theirs):
            return f"{name}: {len(mine)} rows instead of {len(theirs)}"
        for row, (a, b) in enumerate(zip(mine, theirs)):
            if a != b:
                return f"{name}[{row}]: {a!r} instead of {b!r}"
    return None


def _values(array: pa.Array) -> list:
    if support.is_list(array.type):
        items = iter(_values(support._elements(array)))
        lengths, valid = support._lengths(array).tolist(), array.is_valid().to_pylist()
        return [[next(items) for _ in range(n)] if there else None for n, there in zip(lengths, valid)]
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("ns")).view(pa.int64()).to_pylist()
    if pa.types.is_floating(array.type):
        return plain._float_bytes(array)
    return array.to_pylist()


# ---------------------------------------------------------------------------------- engines


def _path_of(name: str) -> str:
    return f"{name}.list.element" if name.endswith("_lists") else name


def keywords(table: pa.Table, encoding: str, page: str, codec: str) -> dict:
    """Of our writer and of pyarrow's, whose names are the same."""
    paths = [_path_of(name) for name in table.column_names]
    out = {
        "compression": codec,
        "data_page_version": page,
        "data_page_size": 500,
        "row_group_size": 170,
        "use_deprecated_int96_timestamps": any(name.startswith("INT96") for name in paths),
        "use_dictionary": encoding == "RLE_DICTIONARY",
    }
    if encoding not in ("PLAIN", "RLE_DICTIONARY"):
        out["column_encoding"] = dict.fromkeys(paths, encoding)
    return out


def write_ours(table: pa.Table, path: str, encoding: str, page: str, codec: str) -> None:
    options = keywords(table, encoding, page, codec)
    py_parquet_forge.write_parquet(table, path, table.schema, **options)


def write_pyarrow(table: pa.Table, path: str, encoding: str, page: str, codec: str) -> None:
    pq.write_table(table, path, **keywords(table, encoding, page, codec))


def write_duckdb(table: pa.Table, path: str, page: str, codec: str, dictionary: bool = True) -> None:
    codec = {"none": "uncompressed", "lz4": "lz4_raw"}.get(codec, codec)
    limit = "" if dictionary else ", dictionary_size_limit 1"
    with duckdb.connect() as db:
        db.register("source", table)
        version = "V1" if page == "1.0" else "V2"
        db.execute(
            f"copy source to '{path}' (format parquet, compression {codec}, row_group_size 2048, "
            f"parquet_version {version}{limit})"
        )


def write_polars(table: pa.Table, path: str, codec: str) -> None:
    codec = "uncompressed" if codec == "none" else codec
    pl.from_arrow(table).write_parquet(path, compression=codec, use_pyarrow=False, data_page_size=500)


def read_ours(path: str) -> pa.Table:
    return py_parquet_forge.read_parquet(path, output_format="arrow")


def _read_duckdb(path: str) -> pa.Table:
    with duckdb.connect() as db:
        return db.read_parquet(path).to_arrow_table()


READERS = {
    "py_parquet_forge": read_ours,
    "pyarrow": pq.read_table,
    "duckdb": _read_duckdb,
    "polars": lambda path: pl.read_parquet(path).to_arrow(),
}


def used(found: oracle.Table) -> dict[str, set[str]]:
    """The encodings of the data pages that have values, by column."""
    out: dict[str, set[str]] = {}
    for chunks in found.chunks:
        for chunk in chunks:
            names = {numbers.NAMES[page.encoding] for page in chunk.pages if page.values}
            out.setdefault(chunk.leaf.path[0], set()).update(names)
    return out


# -------------------------------------------------------------------------------- the table


def _try(work) -> tuple[bool, str]:
    try:
        wrong = asked(work)
    except Lacks as reason:
        return False, str(reason)
    return wrong is None, wrong or ""


def _explicit(write, table: pa.Table, path: str, encoding: str) -> tuple[bool, str]:
    """Whether a writer that takes an encoding by its name writes that encoding."""

    def work():
        write(table, path, encoding, "1.0", "none")
        names = set.union(*used(oracle.read(path)).values())
        return None if names == {encoding} else f"wrote {names}"

    return _try(work)


def _many(kind: pa.DataType) -> pa.Array:
    """3,000 different values, with which no dictionary pays."""
    numbers = pa.array([i * 7919 % 3001 for i in range(3000)], pa.int32())
    if pa.types.is_string(kind):
        return pa.array([f"value {i}" for i in numbers.to_pylist()])
    if pa.types.is_fixed_size_binary(kind):
        return pa.array([b"%016d" % i for i in numbers.to_pylist()], kind)
    if pa.types.is_boolean(kind):
        return pa.array([i % 3 == 0 for i in numbers.to_pylist()])
    return numbers.cast(pa.int64()).view(kind) if pa.types.is_timestamp(kind) else numbers.cast(kind)


def _chosen(physical: str, folder: str) -> dict[str, set[str]]:
    """The encodings that duckdb and polars choose by themselves, few values or many, either version."""
    out: dict[str, set[str]] = {"duckdb": set(), "polars": set()}
    kind = PHYSICAL[physical]
    few = _leaf_values(kind, 3000, True, random.Random(support.SEED))
    for values in (few, _many(kind)):
        table = pa.table({"v": values})
        for page, dictionary in itertools.product(PAGES, (True, False)):
            found = _used_by(physical, folder, lambda p: write_duckdb(table, p, page, "none", dictionary))
            out["duckdb"] |= found
        out["polars"] |= _used_by(physical, folder, lambda p: write_polars(table, p, "none"))
    return out


def _used_by(physical: str, folder: str, write) -> set[str]:
    """The encodings of a file that `write` writes, if it is of this physical type."""
    path = f"{folder}/chosen.parquet"
    try:
        asked(lambda: write(path))
    except Lacks:
        return set()
    found = oracle.read(path)
    if footer.TYPES[found.file.leaves[0].type] != physical:
        return set()
    return used(found)["v"]


def rows_of(folder: str) -> tuple[list[list[str]], list[str]]:
    """[encoding, type, engine's "rw" ...] for each, and notes with the words of who fails."""
    chosen = {physical: _chosen(physical, folder) for physical in PHYSICAL}
    rows, notes = [], []
    for encoding, types in ENCODINGS.items():
        for physical in types:
            row, words = _row(encoding, physical, folder, chosen[physical])
            rows.append([f"`{encoding}`", f"`{physical}`", *row])
            notes += words
    return rows, notes


def _row(
    encoding: str, physical: str, folder: str, chosen: dict[str, set[str]]
) -> tuple[list[str], list[str]]:
    """Reading is tried on our file, or on pyarrow's where we write none, values with nulls between."""
    table = table_of(encoding, [physical], ["tenth"])
    ours, theirs = f"{folder}/ours.parquet", f"{folder}/theirs.parquet"
    writes = {
        "py_parquet_forge": _explicit(write_ours, table, ours, encoding)[0],
        "pyarrow": _explicit(write_pyarrow, table, theirs, encoding)[0],
        "duckdb": encoding in chosen["duckdb"],
        "polars": encoding in chosen["polars"],
    }
    source = ours if writes["py_parquet_forge"] else theirs if writes["pyarrow"] else None
    cells, notes = [], []
    for engine, read in READERS.items():
        reads, why = _try(lambda: same(read(source), table)) if source else (None, "")
        cells.append(
            ("?" if reads is None else "r" if reads else "") + ("w" if writes[engine] else "") or "-"
        )
        notes += [f"{engine}, {encoding} of {physical}: {why}"] if why else []
    return cells, notes


def versions() -> list[str]:
    return [importlib.metadata.version(name) for name in ("pyarrow", "duckdb", "polars")]


def markdown() -> tuple[str, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        rows, notes = rows_of(folder)
    peers = [f"{name} {version}" for name, version in zip(("pyarrow", "duckdb", "polars"), versions())]
    head = ["encoding", "physical type", "py_parquet_forge", *peers]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines), notes


def main() -> None:
    text, notes = markdown()
    print(text)
    print("\n".join(["", *notes]))


if __name__ == "__main__":
    main()
