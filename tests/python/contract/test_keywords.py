# SPDX-License-Identifier: Apache-2.0
"""Promises about keywords: pyarrow's names and meanings, each one either built or a NotImplementedError."""

from __future__ import annotations

import datetime
import decimal
import inspect

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import py_parquet_forge as forge
from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

from .support import everything, files

T = datetime.datetime(2024, 2, 29, 1, 2, 3, 4000)
DATA = pa.table({
    "i": pa.array(range(3000), pa.int64()),
    "s": [f"s{i % 100}" for i in range(3000)],
    "t": pa.array([T] * 3000, pa.timestamp("us")),
    "l": [[i] for i in range(3000)],
    "d": pa.array([decimal.Decimal(1)] * 3000, pa.decimal128(8, 0)),
    "h": pa.array([1] * 3000, pa.time64("us")),
})  # fmt: skip


def write(target, **keywords) -> pq.FileMetaData:
    write_parquet(DATA, target, DATA.schema, **keywords)
    assert pq.read_table(target).num_rows == 3000
    return pq.read_metadata(target)


def column(metadata, name, group=0):
    at = next(
        i
        for i in range(metadata.num_columns)
        if metadata.row_group(group).column(i).path_in_schema.split(".")[0] == name
    )
    return metadata.row_group(group).column(at)


# -- the seed's signatures --

SIGNATURES = {
    "write_parquet": [("data", None), ("output_path", None), ("schema", None)],
    "write_to_dataset": [
        ("data", None),
        ("output_dir", None),
        ("schema", None),
        ("partition_cols", "None"),
        ("mode", "'append'"),
    ],
    "read_parquet": [
        ("input_path", None),
        ("output_format", "'pandas'"),
        ("columns", "None"),
        ("filters", "None"),
    ],
    "read_parquet_iter": [
        ("input_path", None),
        ("chunk_size", "100000"),
        ("columns", "None"),
        ("filters", "None"),
    ],
    "inspect_schema": [("path", None)],
    "ParquetStreamWriter": [("output_path", None), ("schema", None)],
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures_are_the_documented_ones(name):
    """its names, signatures, defaults and examples hold as they stand"""
    parameters = [p for p in inspect.signature(getattr(forge, name)).parameters.values() if p.name != "self"]
    plain = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [(p.name, None if p.default is p.empty else repr(p.default)) for p in plain] == SIGNATURES[name]
    assert all(p.kind in (p.POSITIONAL_OR_KEYWORD, p.VAR_KEYWORD, p.KEYWORD_ONLY) for p in parameters)
    if name != "inspect_schema":
        assert any(p.kind is p.VAR_KEYWORD for p in parameters)


def test_write_chunk_takes_data():
    """def write_chunk(self, data: InputData) -> None"""
    assert list(inspect.signature(ParquetStreamWriter.write_chunk).parameters) == ["self", "data"]


def test_all_parameters_may_be_given_by_name(tmp_path):
    """its names, signatures, defaults and examples hold as they stand"""
    path = tmp_path / "t.parquet"
    assert write_parquet(data=DATA, output_path=path, schema=DATA.schema) is None
    assert (
        write_to_dataset(
            data=DATA, output_dir=tmp_path / "d", schema=DATA.schema, partition_cols=None, mode="append"
        )
        is None
    )
    with ParquetStreamWriter(output_path=path, schema=DATA.schema) as writer:
        assert writer.write_chunk(data=DATA) is None
    assert read_parquet(input_path=path, output_format="arrow", columns=None, filters=None).num_rows == 3000
    assert (
        sum(len(b) for b in read_parquet_iter(input_path=path, chunk_size=700, columns=None, filters=None))
        == 3000
    )
    assert forge.inspect_schema(path=path).names == DATA.schema.names


# -- every name of pyarrow's --


def names_of(function, without):
    return [
        (p.name, p.default)
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in without
    ]


WRITING = {
    **dict(names_of(pq.ParquetWriter.__init__, {"self", "where", "schema"})),
    **dict(names_of(pq.write_table, {"table", "where"})),
}
DATASETS = {
    **WRITING,
    **dict(names_of(pq.write_to_dataset, {"table", "root_path", "schema", "partition_cols"})),
}
READING = dict(names_of(pq.read_table, {"source", "columns", "filters"}))
HINTS = {"write_batch_size", "writer_engine_version", "pre_buffer", "buffer_size"}


def given(call, name, value):
    """Known: the keyword is taken, or a NotImplementedError names it."""
    try:
        call(**{name: value})
    except NotImplementedError as error:
        assert name in str(error)


@pytest.mark.parametrize("name, default", WRITING.items(), ids=list(WRITING))
def test_every_name_of_pyarrows_writers_is_known(name, default, tmp_path):
    """Every name in pyarrow's signatures is known: built, or a `NotImplementedError`."""
    write_parquet(DATA, tmp_path / "a", DATA.schema, **{name: default})
    with ParquetStreamWriter(tmp_path / "b", DATA.schema, **{name: default}) as writer:
        writer.write_chunk(DATA)


@pytest.mark.parametrize("name, default", DATASETS.items(), ids=list(DATASETS))
def test_every_name_of_pyarrows_dataset_writer_is_known(name, default, tmp_path):
    """Every name in pyarrow's signatures is known: built, or a `NotImplementedError`."""
    write_to_dataset(DATA, tmp_path / "d", DATA.schema, **{name: default})


@pytest.mark.parametrize("name, default", READING.items(), ids=list(READING))
def test_every_name_of_pyarrows_reader_is_known(name, default, target):
    """Every name in pyarrow's signatures is known: built, or a `NotImplementedError`."""
    write_parquet(DATA, target, DATA.schema)
    assert read_parquet(target, output_format="arrow", **{name: default}).num_rows == 3000
    assert next(read_parquet_iter(target, **{name: default})).num_rows == 3000


# What is promised for later: any other value is built, and then it has this effect, or a NotImplementedError.
LATER = {
    "write_page_index": (True, lambda m: column(m, "i").has_offset_index),
    "column_encoding": ({"i": "DELTA_BINARY_PACKED"}, lambda m: "DELTA_BINARY_PACKED" in column(m, "i").encodings),
    "use_byte_stream_split": (["i"], lambda m: "BYTE_STREAM_SPLIT" in column(m, "i").encodings),
    "sorting_columns": ([pq.SortingColumn(0)], lambda m: len(m.row_group(0).sorting_columns) == 1),
    "store_decimal_as_integer": (True, lambda m: column(m, "d").physical_type == "INT32"),
    "write_time_adjusted_to_utc": (True, lambda m: "isAdjustedToUTC=true" in str(m.schema.column(5).logical_type)),
    "bloom_filter_options": ({"i": True}, lambda m: column(m, "i").bloom_filter_offset),
    "encryption_properties": (object(), None),
    "use_content_defined_chunking": (True, None),
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_a_later_keyword_is_built_or_a_not_implemented_error(name, target):
    """(3): `write_page_index`, ... (later): `encryption_properties`, `use_content_defined_chunking`."""
    value, effect = LATER[name]
    more = {"use_dictionary": False} if name in ("column_encoding", "use_byte_stream_split") else {}
    try:
        metadata = write(target, **{name: value}, **more)
    except NotImplementedError as error:
        assert name in str(error) and everything(target.parent) == []
    else:
        assert effect is not None, f"{name} is built: say here what its effect is"
        assert effect(metadata)


LATER_READING = {
    "binary_type": pa.large_binary(),
    "list_type": pa.LargeListType,
    "arrow_extensions_enabled": False,
    "decryption_properties": object(),
    "filesystem": object(),
}


@pytest.mark.parametrize("name", LATER_READING)
@pytest.mark.parametrize(
    "read",
    [read_parquet, lambda path, **kw: list(read_parquet_iter(path, **kw))],
    ids=["read_parquet", "read_parquet_iter"],
)
def test_a_later_keyword_of_the_readers_is_built_or_a_not_implemented_error(read, name, target):
    """`schema`, `unify`, `binary_type`, `list_type`, `arrow_extensions_enabled` (2, 3); `decryption_properties`, `filesystem` (later)."""
    write(target)
    given(lambda **kw: read(target, **kw), name, LATER_READING[name])


@pytest.mark.parametrize("name, value", [("write_batch_size", 10), ("writer_engine_version", "V2")])
def test_hints_of_writers_change_nothing(name, value, target):
    """Hints that may be ignored: `write_batch_size`, `writer_engine_version`; no others."""
    write(target)
    before = target.read_bytes()
    write(target, **{name: value})
    assert target.read_bytes() == before


@pytest.mark.parametrize("name, value", [("pre_buffer", False), ("buffer_size", 4096)])
def test_hints_of_readers_change_nothing(name, value, target):
    """Hints that may be ignored: `pre_buffer`, `buffer_size`."""
    write(target)
    assert read_parquet(target, output_format="arrow", **{name: value}).equals(
        read_parquet(target, output_format="arrow")
    )


# -- the keywords of the first step, seen by pyarrow --


def test_defaults_are_pyarrows(target):
    """defaults too, except that page checksums are on"""
    ours = write(target)
    pq.write_table(DATA, target)
    theirs = pq.read_metadata(target)
    assert ours.format_version == theirs.format_version == "2.6"
    assert ours.schema.equals(theirs.schema)
    for i in range(ours.num_columns):
        one, two = ours.row_group(0).column(i), theirs.row_group(0).column(i)
        assert one.compression == two.compression == "SNAPPY"
        assert one.is_stats_set and one.physical_type == two.physical_type
    assert column(ours, "s").has_dictionary_page and column(theirs, "s").has_dictionary_page


@pytest.mark.parametrize("on", [None, True, False])
def test_page_checksums_are_on(on, target):
    """except that page checksums are on"""
    keywords = {} if on is None else {"write_page_checksum": on}
    metadata = write(target, compression=None, use_dictionary=False, **keywords)
    chunk = column(metadata, "i")
    data = bytearray(target.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 1
    target.write_bytes(data)
    if on is False:
        pq.read_table(target, page_checksum_verification=True)
    else:
        with pytest.raises(OSError, match="(?i)crc|checksum"):
            pq.read_table(target, page_checksum_verification=True)


@pytest.mark.parametrize("version, type", [("1.0", pa.int64()), ("2.4", pa.uint32()), ("2.6", pa.uint32())])
def test_version_chooses_types(version, type, target):
    """`version`"""
    table = pa.table({"u": pa.array([1], pa.uint32()), "n": pa.array([1000], pa.timestamp("ns"))})
    write_parquet(table, target, table.schema, version=version, store_schema=False)
    got = pq.read_schema(target)
    assert got.field("u").type == type
    assert got.field("n").type == pa.timestamp("ns" if version == "2.6" else "us")
    assert (pq.read_metadata(target).format_version == "1.0") is (version == "1.0")


@pytest.mark.parametrize(
    "value, columns", [(True, {"i", "s", "t", "l", "d"}), (False, set()), (["s"], {"s"}), ([], set())]
)
def test_use_dictionary_is_a_bool_or_a_list(value, columns, target):
    """`use_dictionary` (bool or list)"""
    metadata = write(target, use_dictionary=value)
    got = {name for name in "istld" if column(metadata, name).has_dictionary_page}
    assert got <= columns
    assert {"s", "t"} & columns <= got


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd", "ZSTD", None])
def test_compression_is_a_name(codec, target):
    """`compression` (str or dict)"""
    metadata = write(target, compression=codec)
    assert column(metadata, "i").compression == {"NONE": "UNCOMPRESSED"}.get(
        str(codec).upper(), str(codec).upper()
    )


def test_compression_is_a_dict(target):
    """`compression` (str or dict)"""
    metadata = write(target, compression={"i": "zstd", "s": "gzip"})
    assert [column(metadata, name).compression for name in "ist"] == ["ZSTD", "GZIP", "UNCOMPRESSED"]


def test_compression_level(target):
    """`compression_level`"""
    sizes = [
        write(target, compression="zstd", use_dictionary=False, compression_level=level)
        and target.stat().st_size
        for level in (1, 19)
    ]
    assert sizes[1] != sizes[0]
    write(target, compression={"i": "zstd", "s": "gzip"}, compression_level={"i": 19, "s": 9})
    for bad in (
        {"compression": "zstd", "compression_level": 99},
        {"compression": "snappy", "compression_level": 3},
    ):
        with pytest.raises(ValueError, match="level"):
            write(target, **bad)


@pytest.mark.parametrize(
    "value, columns", [(True, {"i", "s", "t", "d"}), (False, set()), (["i", "d"], {"i", "d"})]
)
def test_write_statistics_is_a_bool_or_a_list(value, columns, target):
    """`write_statistics` (bool or list)"""
    metadata = write(target, write_statistics=value)
    got = {
        n for n in "istd" if column(metadata, n).is_stats_set and column(metadata, n).statistics.has_min_max
    }
    assert got == columns
    if "i" in columns:
        assert (column(metadata, "i").statistics.min, column(metadata, "i").statistics.max) == (0, 2999)


@pytest.mark.parametrize("keyword", [{"data_page_size": 512}, {"max_rows_per_page": 50}])
def test_page_limits_make_more_pages(keyword, target):
    """`data_page_size`, `max_rows_per_page`"""
    plain = {"use_dictionary": False, "compression": None}
    write(target, **plain)
    before = target.stat().st_size
    write(target, **plain, **keyword)
    assert target.stat().st_size > before + 100 * 10  # a hundred page headers and more


def test_dictionary_pagesize_limit(target):
    """`dictionary_pagesize_limit`"""
    table = pa.table({"s": [f"text number {i % 2000}" for i in range(20_000)]})
    found = []
    for limit in (200, 1_000_000):
        write_parquet(table, target, table.schema, dictionary_pagesize_limit=limit)
        found.append(
            "PLAIN" in [e for e in pq.read_metadata(target).row_group(0).column(0).encodings]
            and target.stat().st_size
        )
        assert pq.read_table(target).equals(table)
    assert found[0] > found[1]


@pytest.mark.parametrize("version, kind", [("1.0", 0), ("2.0", 6)])
def test_data_page_version(version, kind, target):
    """`data_page_version`"""
    chunk = column(write(target, data_page_version=version), "s")
    header = target.read_bytes()[chunk.data_page_offset :][:2]
    assert header == bytes([0x15, kind])  # field 1 of the page header: DATA_PAGE or DATA_PAGE_V2


@pytest.mark.parametrize("on", [True, False])
def test_store_schema(on, target):
    """`store_schema`"""
    table = pa.table({"a": pa.array(["x"], pa.large_string())})
    write_parquet(table, target, table.schema, store_schema=on)
    assert (b"ARROW:schema" in (pq.read_metadata(target).metadata or {})) is on
    assert pq.read_schema(target).field("a").type == (pa.large_string() if on else pa.string())


@pytest.mark.parametrize("on, path", [(True, "l.list.element"), (False, "l.list.item")])
def test_use_compliant_nested_type(on, path, target):
    """`use_compliant_nested_type`"""
    assert column(write(target, use_compliant_nested_type=on), "l").path_in_schema == path


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_coerce_timestamps(unit, target):
    """`coerce_timestamps`"""
    write(target, coerce_timestamps=unit, store_schema=False)
    assert pq.read_schema(target).field("t").type == pa.timestamp(unit)
    assert pq.read_table(target)["t"][0].as_py() == T


@pytest.mark.parametrize("allow", [False, True])
def test_allow_truncated_timestamps(allow, target):
    """`allow_truncated_timestamps`"""
    table = pa.table({"t": pa.array([1_234_567], pa.timestamp("us"))})
    if allow:
        write_parquet(table, target, table.schema, coerce_timestamps="ms", allow_truncated_timestamps=True)
        assert pq.read_table(target)["t"].cast(pa.int64()).to_pylist()[0] in (1234, 1_234_000)
    else:
        with pytest.raises((SchemaValidationError, ValueError)):
            write_parquet(table, target, table.schema, coerce_timestamps="ms")
        assert everything(target.parent) == []


def test_use_deprecated_int96_timestamps(target):
    """`use_deprecated_int96_timestamps`"""
    assert column(write(target, use_deprecated_int96_timestamps=True), "t").physical_type == "INT96"
    assert pq.read_table(target)["t"][0].as_py() == T


def test_keywords_of_files_hold_in_datasets_and_streams(tmp_path):
    """Keywords are pyarrow's names and meanings (`write_table`, `ParquetWriter`, `write_to_dataset`)"""
    keywords = {
        "compression": "zstd",
        "row_group_size": 700,
        "data_page_version": "2.0",
        "write_statistics": False,
    }
    write_to_dataset(DATA, tmp_path / "d", DATA.schema, **keywords)
    with ParquetStreamWriter(tmp_path / "d" / "s.parquet", DATA.schema, **keywords) as writer:
        writer.write_chunk(DATA)
    for name in files(tmp_path):
        metadata = pq.read_metadata(tmp_path / name)
        assert metadata.num_row_groups == 5 and column(metadata, "i").compression == "ZSTD"
        assert not (column(metadata, "i").is_stats_set and column(metadata, "i").statistics.has_min_max)
