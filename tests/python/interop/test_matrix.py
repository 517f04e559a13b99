# SPDX-License-Identifier: Apache-2.0
"""Round trips with pyarrow, polars and duckdb, in both directions.

Type x pattern of nulls x codec x data page version x page size x dictionary: every pair
of values once, the full product with PQF_TEST_ALL=1. The measure for a reader R of what
we wrote is R on pyarrow's file of the same table; the measure for what we read is
pyarrow's reader, and the table itself where pyarrow changes types. What a peer cannot do
is skipped with its own words, and printed as one table.
"""

from __future__ import annotations

import itertools

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interop import support
from interop.support import ALL, EXACT, PATTERNS, TYPES, table_of
from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_parquet

CODECS = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"]
SMALL = {"data_page_size": 256, "row_group_size": 77}
AXES = {
    "type": list(TYPES),
    "pattern": list(PATTERNS),
    "codec": CODECS,
    "page": ["1.0", "2.0"],
    "small": [False, True],
    "dictionary": [True, False],
}


def _first_four(axes: dict[str, list]) -> list[list]:
    return list(axes.values())[:4]


def _row(axes: dict[str, list], number: int, first: tuple) -> dict:
    """A row of the product; the axes beyond the fourth take turns."""
    turns = [values[(number // 7 + i) % len(values)] for i, values in enumerate(list(axes.values())[4:])]
    return dict(zip(axes, (*first, *turns)))


def _cases(axes: dict[str, list]) -> list:
    if ALL:
        rows = [_row(axes, number, row) for number, row in enumerate(itertools.product(*_first_four(axes)))]
    else:
        rows = support.all_pairs(axes)
    return [pytest.param(row, id="-".join(map(str, row.values()))) for row in rows]


CASES = _cases(AXES)


def _options(case: dict) -> dict:
    small = SMALL if case["small"] else {}
    return {
        "compression": case["codec"],
        "data_page_version": case["page"],
        "use_dictionary": case["dictionary"],
        **small,
    }


# --------------------------------------------------------------------------- peers


class Lacks(Exception):
    """A peer cannot do this, in its own words."""


def _asked(work):
    """What `work` gives; a peer's failure, a panic of polars included, as Lacks."""
    try:
        return work()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        words = (str(error).splitlines() or [""])[0][:90]
        raise Lacks(f"{type(error).__name__}: {words}") from None


def _read_pyarrow(path: str) -> pa.Table:
    return pq.read_table(path)


def _read_polars(path: str) -> pa.Table:
    return pl.read_parquet(path).to_arrow()


def _read_duckdb(path: str) -> pa.Table:
    with duckdb.connect() as db:
        return db.read_parquet(path).to_arrow_table()


def _write_polars(table: pa.Table, path: str, case: dict) -> None:
    codec = "uncompressed" if case["codec"] == "none" else case["codec"]
    small = SMALL if case["small"] else {}
    frame = pl.from_arrow(table)
    frame.write_parquet(path, compression=codec, use_pyarrow=False, **small)


def _write_duckdb(table: pa.Table, path: str, case: dict) -> None:
    codec = {"none": "uncompressed", "lz4": "lz4_raw"}.get(case["codec"], case["codec"])
    rows = 77 if case["small"] else 100_000
    version = "V1" if case["page"] == "1.0" else "V2"
    with duckdb.connect() as db:
        db.register("source", table)
        db.execute(
            f"copy source to '{path}' (format parquet, compression {codec}, "
            f"row_group_size {rows}, parquet_version {version})"
        )


READERS = {"pyarrow": _read_pyarrow, "polars": _read_polars, "duckdb": _read_duckdb}
WRITERS = {"polars": _write_polars, "duckdb": _write_duckdb}


# ------------------------------------------------------------------- we write, we read


@pytest.mark.parametrize("case", CASES)
def test_we_write_we_read(case, tmp_path):
    table = table_of(case["type"], case["pattern"])
    path = tmp_path / "ours.parquet"
    write_parquet(table, path, table.schema, **_options(case))
    support.assert_same(read_parquet(path, output_format="arrow"), table, "read_parquet")
    batches = list(read_parquet_iter(path, chunk_size=71))
    assert [len(batch) for batch in batches] == [71, 71, 71, 71, 16]
    support.assert_same(pa.Table.from_batches(batches), table, "read_parquet_iter")
    assert inspect_schema(path).equals(table.schema)


# ---------------------------------------------------------------- we write, they read


@pytest.mark.parametrize("peer", READERS)
@pytest.mark.parametrize("case", CASES)
def test_we_write_they_read(case, peer, tmp_path):
    table = table_of(case["type"], case["pattern"])
    theirs, ours = str(tmp_path / "theirs.parquet"), str(tmp_path / "ours.parquet")
    pq.write_table(table, theirs, **_options(case))
    try:
        expected = _asked(lambda: READERS[peer](theirs))
    except Lacks as reason:
        pytest.skip(f"{peer} does not read pyarrow's {case['type']}: {reason}")
    write_parquet(table, ours, table.schema, **_options(case))
    found = READERS[peer](ours)
    support.assert_same(found, expected, peer)
    if peer == "pyarrow":
        assert pq.read_metadata(ours).num_rows == table.num_rows
        if case["type"] not in EXACT:
            support.assert_same(found, table, "pyarrow against the table itself")


# ---------------------------------------------------------------- they write, we read


def _settled(ours: pa.Table, theirs: pa.Table) -> pa.Table:
    """Ours, with the types that only we give exactly turned into pyarrow's."""
    for i, (mine, other) in enumerate(zip(ours.schema, theirs.schema)):
        if not mine.type.equals(other.type) and _given_exactly(mine.type):
            turned = support.whole(ours.column(i)).cast(_plain_type(other.type))
            ours = ours.set_column(i, mine.with_type(turned.type), turned)
    return ours


def _given_exactly(kind: pa.DataType) -> bool:
    t = pa.types
    seconds = (t.is_timestamp(kind) or t.is_time(kind)) and kind.unit == "s"
    return t.is_date64(kind) or t.is_dictionary(kind) or seconds


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decoded(table: pa.Table) -> pa.Table:
    """Dictionaries as their values: for comparing across index widths."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = support.whole(table.column(i))
            table = table.set_column(i, field.with_type(plain.type), plain)
    return table


def _check_foreign(path, original: pa.Table | None = None) -> None:
    """We read `path` as pyarrow does; exactly as `original` where that is given."""
    ours = read_parquet(path, output_format="arrow")
    theirs = pq.read_table(path)
    if original is not None:
        support.assert_same(ours, original, "against the table itself")
    support.assert_same(_decoded(_settled(ours, theirs)), _decoded(theirs), "pyarrow")
    batches = list(read_parquet_iter(path, chunk_size=100))
    again = pa.Table.from_batches(batches, ours.schema)
    support.assert_same(again, ours, "read_parquet_iter")
    assert inspect_schema(path).equals(ours.schema)


PYARROW_AXES = {
    **AXES,
    "version": ["1.0", "2.4", "2.6"],
    "store_schema": [True, False],
    "compliant": [True, False],
}


def _holdable(table: pa.Table, version: str) -> pa.Table:
    """Without nanoseconds that a version before 2.6 has no room for."""
    kind = table.schema.field("v").type
    if version == "2.6" or not pa.types.is_timestamp(kind) or kind.unit != "ns":
        return table
    return table.set_column(
        1, "v", table.column("v").cast(pa.timestamp("us", kind.tz), safe=False).cast(kind)
    )


@pytest.mark.parametrize("case", _cases(PYARROW_AXES))
def test_pyarrow_writes_we_read(case, tmp_path):
    table = _holdable(table_of(case["type"], case["pattern"]), case.get("version", "2.6"))
    path = tmp_path / "theirs.parquet"
    pq.write_table(
        table,
        path,
        version=case.get("version", "2.6"),
        store_schema=case.get("store_schema", True),
        use_compliant_nested_type=case.get("compliant", True),
        write_page_checksum=case["small"],
        write_page_index=case["dictionary"],
        **_options(case),
    )
    kept = case.get("store_schema", True) and case.get("version", "2.6") == "2.6"
    _check_foreign(path, table if kept else None)


@pytest.mark.parametrize("peer", WRITERS)
@pytest.mark.parametrize("case", CASES)
def test_they_write_we_read(case, peer, tmp_path):
    table = table_of(case["type"], case["pattern"])
    path = str(tmp_path / "theirs.parquet")
    try:
        _asked(lambda: WRITERS[peer](table, path, case))
    except Lacks as reason:
        pytest.skip(f"{peer} does not write {case['type']}: {reason}")
    try:
        _asked(lambda: pq.read_table(path))
    except Lacks as reason:
        pytest.skip(f"pyarrow does not read {peer}'s {case['type']}: {reason}")
    _check_foreign(path)


# ------------------------------------------------------- options of pyarrow for instants

STAMPS = [name for name in TYPES if name.startswith("timestamp[")]


@pytest.mark.parametrize("page", ["1.0", "2.0"])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", STAMPS)
def test_pyarrow_int96(name, pattern, page, tmp_path):
    table = table_of("timestamp[ns]", pattern)
    table = table.set_column(1, "v", _narrowed(table.column(1), TYPES[name]))
    path = tmp_path / "int96.parquet"
    pq.write_table(
        table,
        path,
        use_deprecated_int96_timestamps=True,
        data_page_version=page,
        **(SMALL if page == "2.0" else {}),
    )
    assert pq.ParquetFile(path).schema.column(1).physical_type == "INT96"
    ours = read_parquet(path, output_format="arrow")
    theirs = pq.read_table(path)
    support.assert_same(_settled(ours, theirs), theirs)


def _narrowed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Nanoseconds in the unit of `kind`, so that INT96 can hold and give them."""
    return column.cast(pa.timestamp(kind.unit), safe=False).cast(kind)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_int96_in_another_unit(unit, tmp_path):
    table = table_of("timestamp[us]", "tenth")
    path = tmp_path / "int96.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, store_schema=False)
    ours = read_parquet(path, output_format="arrow", coerce_int96_timestamp_unit=unit)
    theirs = pq.read_table(path, coerce_int96_timestamp_unit=unit)
    support.assert_same(ours, theirs)
    with pytest.raises(pa.ArrowInvalid, match="coerce_int96_timestamp_unit"):
        read_parquet(path, output_format="arrow")


@pytest.mark.parametrize("unit", ["ms", "us"])
@pytest.mark.parametrize("name", STAMPS)
def test_pyarrow_coerced(name, unit, tmp_path):
    table = table_of("timestamp[ns]", "tenth")
    table = table.set_column(1, "v", _narrowed(table.column(1), TYPES[name]))
    path = tmp_path / "coerced.parquet"
    options = {"coerce_timestamps": unit, "allow_truncated_timestamps": True}
    pq.write_table(table, path, **options)
    ours, theirs = read_parquet(path, output_format="arrow"), pq.read_table(path)
    support.assert_same(_settled(ours, theirs), theirs)
    mine = tmp_path / "mine.parquet"
    write_parquet(table, mine, table.schema, **options)
    support.assert_same(pq.read_table(mine), theirs, "what we coerce")


@pytest.mark.parametrize("name", STAMPS)
def test_we_write_int96(name, tmp_path):
    table = table_of("timestamp[ns]", "tenth")
    table = table.set_column(1, "v", _narrowed(table.column(1), TYPES[name]))
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    options = {"use_deprecated_int96_timestamps": True}
    write_parquet(table, ours, table.schema, **options)
    pq.write_table(table, theirs, **options)
    assert pq.ParquetFile(ours).schema.column(1).physical_type == "INT96"
    support.assert_same(pq.read_table(ours), pq.read_table(theirs))


@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("name", TYPES)
def test_we_write_versions(name, store, version, tmp_path):
    """Each format version and store_schema: pyarrow reads ours as it reads its own."""
    table = _holdable(table_of(name, "runs"), version)
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    options = {
        "version": version,
        "store_schema": store,
        "use_compliant_nested_type": version != "2.4",
    }
    pq.write_table(table, theirs, **options)
    write_parquet(table, ours, table.schema, **options)
    support.assert_same(pq.read_table(ours), pq.read_table(theirs))
    mine, other = pq.ParquetFile(ours).schema, pq.ParquetFile(theirs).schema
    for i in range(len(other)):
        for trait in ("path", "physical_type", "logical_type", "converted_type"):
            found, wanted = getattr(mine.column(i), trait), getattr(other.column(i), trait)
            assert str(found) == str(wanted), f"{trait} of {other.column(i).path}"


@pytest.mark.parametrize("version", ["1.0", "2.4"])
def test_old_versions_do_not_truncate(version, tmp_path):
    """Without leave, nanoseconds that microseconds cannot hold are refused."""
    table = table_of("timestamp[ns]", "none")
    with pytest.raises(pa.ArrowInvalid):
        write_parquet(table, tmp_path / "x.parquet", table.schema, version=version)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TYPES)
def test_large_column(name, tmp_path):
    """Enough rows for several default-sized pages of every type, both ways."""
    count = 30_000 if ALL else 6_000
    table = table_of(name, "tenth", count)
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    options = {"data_page_size": 4096, "row_group_size": count // 3}
    write_parquet(table, ours, table.schema, **options)
    pq.write_table(table, theirs, **options)
    support.assert_same(pq.read_table(ours), pq.read_table(theirs), "pyarrow on ours")
    _check_foreign(theirs, table)


ENCODED = {
    "PLAIN": ["bool", "int32", "int64", "float", "double", "string", "fixed_size_binary[16]"],
    "RLE": ["bool"],
    "DELTA_BINARY_PACKED": ["int8", "int32", "int64", "uint64", "timestamp[us]"],
    "DELTA_LENGTH_BYTE_ARRAY": ["string", "binary"],
    "DELTA_BYTE_ARRAY": ["string", "binary", "fixed_size_binary[16]"],
    "BYTE_STREAM_SPLIT": ["half", "float", "double", "int32", "int64", "fixed_size_binary[16]"],
}
ENCODED_CASES = [(encoding, name) for encoding, names in ENCODED.items() for name in names]


@pytest.mark.parametrize("pattern", ["none", "runs", "all"])
@pytest.mark.parametrize(("encoding", "name"), ENCODED_CASES)
def test_encodings(encoding, name, pattern, tmp_path):
    """Each encoding pyarrow writes is read."""
    table = table_of(name, pattern, 1000)
    path = tmp_path / "x.parquet"
    pq.write_table(
        table, path, use_dictionary=False, column_encoding={"v": encoding, "n": "PLAIN"}, data_page_size=1000
    )
    support.assert_same(read_parquet(path, output_format="arrow"), table)


# ------------------------------------------------------------------- what peers lack

CORE = {"bool", "int32", "int64", "double", "string", "list<int32>", "struct"}


def _lack(name: str, peer: str, tmp_path) -> tuple[str, str]:
    table, path = table_of(name, "tenth"), str(tmp_path / "x.parquet")
    pq.write_table(table, path)
    case = {"codec": "snappy", "page": "1.0", "small": False}
    writes, reads = "", ""
    try:
        _asked(lambda: READERS[peer](path))
    except Lacks as reason:
        reads = str(reason)
    try:
        _asked(lambda: WRITERS[peer](table, path, case))
    except Lacks as reason:
        writes = str(reason)
    return reads, writes


@pytest.mark.parametrize("peer", WRITERS)
def test_what_peers_lack(peer, tmp_path, capsys):
    lines, lacking = [], set()
    for name in TYPES:
        reads, writes = _lack(name, peer, tmp_path)
        lacking |= {name} if reads or writes else set()
        lines += [f"  {peer} does not read {name}: {reads}"] if reads else []
        lines += [f"  {peer} does not write {name}: {writes}"] if writes else []
    with capsys.disabled():
        print("\n".join(["", f"what {peer} lacks ({len(lines)}):", *lines]))
    assert not lacking & CORE
