# SPDX-License-Identifier: Apache-2.0
"""column_encoding, use_byte_stream_split, encoding='auto' and profile: what they put into a file."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import ParquetStreamWriter, read_parquet, write_parquet

ROWS = 50_000
SEED = 20_261_123


def table() -> pa.Table:
    random = np.random.default_rng(SEED)
    steps = np.cumsum(random.integers(0, 1000, ROWS))
    words = [f"https://example.org/{value:07d}" for value in steps]
    return pa.table(
        {
            "ids": pa.array(steps),
            "small": pa.array(np.cumsum(random.integers(0, 3, ROWS)).astype("int32")),
            "noise": pa.array(random.integers(-(2**62), 2**62, ROWS)),
            "few": pa.array(random.integers(0, 50, ROWS)),
            "runs": pa.array(np.repeat(np.arange(ROWS // 100), 100)),
            "wave": pa.array(np.sin(steps / 1e6)),
            "price": pa.array(
                [decimal.Decimal(int(v)).scaleb(-2) for v in steps % 99991], pa.decimal128(12, 2)
            ),
            "url": pa.array(words),
            "key": pa.array([f"{value:x}" for value in random.integers(0, 2**60, ROWS)]),
            "flag": pa.array(random.random(ROWS) < 0.01),
            "holes": pa.array([None if v % 3 else int(v) for v in steps]),
            "list": pa.array([[int(v), int(v) + 1] if v % 5 else None for v in steps], pa.list_(pa.int64())),
        }
    )


TABLE = table()
LEAVES = {name: "list.list.element" if name == "list" else name for name in TABLE.column_names}
INTS = ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
SINGLE = {
    **dict.fromkeys(["ids", "small", "noise", "few", "runs", "holes", "list"], INTS),
    "wave": ["BYTE_STREAM_SPLIT"],
    "price": ["DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
    "url": ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "key": ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "flag": ["RLE"],
}


def written(path, data=TABLE, **options):
    write_parquet(data, path, data.schema, **options)
    assert pq.read_table(path).equals(data)
    assert read_parquet(path, output_format="arrow").equals(data)
    group = pq.ParquetFile(path).metadata.row_group(0)
    return {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("name", list(SINGLE))
def test_a_column_has_the_encoding_that_is_asked_for(tmp_path, name, compression):
    for encoding in SINGLE[name]:
        chunks = written(
            tmp_path / "x.parquet",
            TABLE.select([name]),
            column_encoding={name: encoding},
            compression=compression,
        )
        (chunk,) = chunks.values()
        assert encoding in chunk.encodings and "RLE_DICTIONARY" not in chunk.encodings


def test_what_is_said_of_a_leaf_goes_before_what_is_said_of_its_column(tmp_path):
    data = pa.table({"s": pa.array([{"a": i, "b": f"x{i}"} for i in range(100)])})
    chunks = written(
        tmp_path / "x.parquet", data, column_encoding={"s.a": "DELTA_BINARY_PACKED", "s": "PLAIN"}
    )
    assert "DELTA_BINARY_PACKED" in chunks["s.a"].encodings
    assert set(chunks["s.b"].encodings) == {"PLAIN", "RLE"}


def test_one_encoding_is_for_every_column_that_can_have_it(tmp_path):
    chunks = written(tmp_path / "x.parquet", column_encoding="DELTA_BINARY_PACKED")
    assert "DELTA_BINARY_PACKED" in chunks["ids"].encodings
    assert set(chunks["url"].encodings) == {"PLAIN", "RLE"}


def test_streams_are_split_where_there_is_no_dictionary(tmp_path):
    chunks = written(tmp_path / "x.parquet", use_byte_stream_split=True)
    assert "BYTE_STREAM_SPLIT" in chunks["noise"].encodings
    assert "RLE_DICTIONARY" in chunks["few"].encodings
    assert "BYTE_STREAM_SPLIT" not in chunks["url"].encodings
    chunks = written(tmp_path / "x.parquet", use_byte_stream_split=["wave"], use_dictionary=False)
    assert [path for path, chunk in chunks.items() if "BYTE_STREAM_SPLIT" in chunk.encodings] == ["wave"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"column_encoding": {"url": "DELTA_BINARY_PACKED"}}, "DELTA_BINARY_PACKED.*'url'.*BYTE_ARRAY"),
        ({"column_encoding": {"wave": "RLE"}}, "RLE.*'wave'.*DOUBLE"),
        ({"column_encoding": {"ids": "BIT_PACKED"}}, "BIT_PACKED.*'ids'"),
        ({"column_encoding": {"ids": "ZIGZAG"}}, "ZIGZAG"),
        ({"column_encoding": {"idz": "PLAIN"}}, "column_encoding.*'idz'"),
        ({"use_byte_stream_split": ["url"]}, "use_byte_stream_split.*'url'.*BYTE_ARRAY"),
        ({"use_byte_stream_split": ["uri"]}, "use_byte_stream_split.*'uri'"),
        ({"column_encoding": {"ids": "PLAIN"}, "use_byte_stream_split": True}, "cannot be given together"),
        (
            {"column_encoding": {"ids": "PLAIN"}, "use_dictionary": ["ids"]},
            "use_dictionary and column_encoding",
        ),
        ({"encoding": "best"}, "encoding"),
        ({"profile": "newest"}, "profile"),
    ],
)
def test_what_cannot_be_is_a_value_error_and_leaves_nothing(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        write_parquet(TABLE, tmp_path / "x.parquet", TABLE.schema, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_auto_is_within_5_percent_of_the_best_encoding_that_is_read_fast(tmp_path, compression):
    path = tmp_path / "x.parquet"
    auto = written(path, encoding="auto", compression=compression)
    for name, encodings in SINGLE.items():
        data, leaf = TABLE.select([name]), LEAVES[name]
        sizes = {}
        for encoding in ["PLAIN", *encodings]:
            chunks = written(path, data, column_encoding={name: encoding}, compression=compression)
            sizes[encoding] = chunks[leaf].total_compressed_size
        sizes["dictionary"] = written(path, data, compression=compression)[leaf].total_compressed_size
        if (name, compression) == ("wave", "snappy"):
            del sizes["BYTE_STREAM_SPLIT"]  # snappy only copies PLAIN here, and works for every stream
        best = min(sizes.values())
        found = auto[leaf].total_compressed_size
        assert found <= 1.05 * best + 64, (name, found, sizes, auto[leaf].encodings)


def test_auto_weighs_bytes_against_the_time_of_reading(tmp_path):
    """Less to read is time won, where nothing is compressed too; a page that a codec would only copy is not
    made one that it has to decompress for a few bytes."""
    rng = np.random.default_rng(3)
    paths = [f"/data/2024/{i // 500:03d}/part-{i:08d}" for i in range(100_000)]
    columns = {
        "steps": np.cumsum(rng.integers(1, 1000, 100_000)),
        "paths": paths,
        "sparse": pa.array(rng.integers(0, 1 << 40, 100_000), mask=rng.random(100_000) < 0.99),
        "noise": rng.standard_normal(100_000).astype(np.float32),
    }
    table, taken = pa.table(columns), {}
    for codec in ("none", "snappy"):
        chunks = written(tmp_path / "x.parquet", table, encoding="auto", compression=codec)
        taken[codec] = {name: set(chunk.encodings) - {"RLE"} for name, chunk in chunks.items()}
    assert taken["none"]["steps"] == taken["snappy"]["steps"] == {"DELTA_BINARY_PACKED"}
    assert taken["none"]["paths"] == taken["snappy"]["paths"] == {"DELTA_BYTE_ARRAY"}
    assert taken["none"]["sparse"] == {"DELTA_BINARY_PACKED"} and taken["snappy"]["sparse"] != {"PLAIN"}
    assert taken["none"]["noise"] == taken["snappy"]["noise"] == {"PLAIN"}


def test_auto_gives_the_same_bytes_for_any_split_and_threads(tmp_path):
    paths = [tmp_path / f"{name}.parquet" for name in ("whole", "alone", "split")]
    write_parquet(TABLE, paths[0], TABLE.schema, encoding="auto")
    write_parquet(TABLE, paths[1], TABLE.schema, encoding="auto", use_threads=False)
    with ParquetStreamWriter(paths[2], TABLE.schema, encoding="auto") as writer:
        for batch in TABLE.to_batches(max_chunksize=777):
            writer.write_chunk(batch)
    first, *others = (path.read_bytes() for path in paths)
    assert all(other == first for other in others)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_auto_begins_with_pages_of_nulls(tmp_path, version):
    nulls = pa.nulls(30_000, pa.int64())
    data = pa.table({"a": pa.chunked_array([nulls, TABLE["ids"].chunk(0)])})
    for dictionary in (True, False):
        chunks = written(
            tmp_path / "x.parquet",
            data,
            encoding="auto",
            use_dictionary=dictionary,
            data_page_version=version,
        )
        assert "DELTA_BINARY_PACKED" in chunks["a"].encodings


def test_the_modern_profile_changes_defaults_and_nothing_that_is_said(tmp_path):
    chunks = written(tmp_path / "x.parquet", profile="modern")
    assert {chunk.compression for chunk in chunks.values()} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in chunks["ids"].encodings and chunks["ids"].has_offset_index
    chunks = written(tmp_path / "x.parquet", profile="modern", compression="snappy", encoding="PLAIN")
    assert {chunk.compression for chunk in chunks.values()} == {"SNAPPY"}
    assert not {"DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"} & {
        e for c in chunks.values() for e in c.encodings
    }
    chunks = written(tmp_path / "x.parquet", profile="compatible")
    assert {e for c in chunks.values() for e in c.encodings} <= {"PLAIN", "RLE", "RLE_DICTIONARY"}


@pytest.mark.parametrize("name", ["RLE_DICTIONARY", "PLAIN_DICTIONARY"])
def test_dictionaries_for_all_columns_and_for_none_contradict_each_other(name, tmp_path):
    table = pa.table({"a": [1, 1, 2]})
    with pytest.raises(ValueError, match="use_dictionary=False"):
        write_parquet(table, tmp_path / "f", table.schema, column_encoding=name, use_dictionary=False)
    assert not list(tmp_path.iterdir())
    write_parquet(table, tmp_path / "f", table.schema, column_encoding=name)
    assert "RLE_DICTIONARY" in pq.read_metadata(tmp_path / "f").row_group(0).column(0).encodings
