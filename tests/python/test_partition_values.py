# SPDX-License-Identifier: Apache-2.0
"""Partition values: every character, many random texts and every type come back from a bare read, and
foreign engines read the same values where they can."""

from __future__ import annotations

import datetime
import decimal
import os
import random
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pytest

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_to_dataset

TEXT = pa.schema([pa.field("i", pa.int64()), pa.field("p", pa.string())])
EVERY_CHARACTER = [chr(code) for code in range(1, 256)]
PLAIN_WORDS = ["", "NULL", "null", "None", "nan", "0", "04", "1e5", "true", " ", "  a ", "a.b", "..", "."]
SEED = 20261122


def random_texts(count: int) -> list[str]:
    """Distinct texts of every plane; folder names are at most 255 bytes, a byte may take three."""
    rng = random.Random(SEED)
    found: set[str] = set()
    while len(found) < count:
        text = ""
        for _ in range(rng.randrange(1, 20)):
            code = rng.choice([rng.randrange(1, 0x300), rng.randrange(1, 0x3000), rng.randrange(1, 0x110000)])
            if not 0xD800 <= code < 0xE000:
                text += chr(code)
        if text and len(text.encode()) * 3 <= 240:
            found.add(text)
    return sorted(found)


TEXTS = {
    "characters": EVERY_CHARACTER,
    "doubled": ["x" + c + c + "y" for c in EVERY_CHARACTER],
    "words": PLAIN_WORDS,
    "random": random_texts(1000),
}


@pytest.fixture(scope="module", params=list(TEXTS))
def written(request, tmp_path_factory):
    """(texts and None, the dataset's folder): row i has the value texts[i]."""
    texts = [*TEXTS[request.param], None]
    folder = tmp_path_factory.mktemp("texts") / "d"
    write_to_dataset(
        pa.table({"i": range(len(texts)), "p": texts}, schema=TEXT),
        folder,
        TEXT,
        partition_cols=["p"],
        durable=False,
    )
    return texts, folder


def by_row(table: pa.Table) -> list:
    table = table.select(["i", "p"]).sort_by("i")
    return table["p"].cast(pa.string()).to_pylist()


def test_texts_come_back_with_a_bare_read(written):
    texts, folder = written
    table = read_parquet(folder, output_format="arrow")
    assert table.schema.field("p").type == pa.dictionary(pa.int32(), pa.string())
    assert by_row(table) == texts, f"seed {SEED}"


def test_texts_come_back_in_batches_and_as_a_frame(written):
    texts, folder = written
    assert by_row(pa.Table.from_batches(read_parquet_iter(folder, chunk_size=7))) == texts
    frame = read_parquet(folder).sort_values("i")
    assert [None if value != value else value for value in frame["p"].astype(object)] == texts


def test_each_text_is_found_by_a_filter(written):
    texts, folder = written
    for text in texts[:: max(1, len(texts) // 25)]:
        filters = pc.field("p").is_null() if text is None else pc.field("p") == text
        found = read_parquet(folder, output_format="arrow", filters=filters)
        assert found["p"].to_pylist() == [text], repr(text)


def test_folders_are_one_level_deep_and_named_once_escaped(written):
    texts, folder = written
    names = os.listdir(folder)
    assert len(names) == len(texts)
    assert all(name.startswith("p=") and all(ord(c) >= 32 for c in name) for name in names)


def test_pyarrow_reads_the_same_texts(written):
    texts, folder = written
    hive = pads.HivePartitioning(pa.schema([("p", pa.string())]))
    assert by_row(pads.dataset(folder, partitioning=hive).to_table()) == texts


def test_polars_reads_the_same_texts(written):
    polars = pytest.importorskip("polars")
    texts, folder = written
    frame = polars.read_parquet(
        str(folder).replace("[", "[[]") + "/**/*.parquet",
        hive_partitioning=True,
        hive_schema={"p": polars.String},
        glob=True,
    ).sort("i")
    assert frame["p"].to_list() == texts


def test_duckdb_reads_the_same_texts(written):
    duckdb = pytest.importorskip("duckdb")
    texts, folder = written
    rows = duckdb.sql(
        f"select i, p from read_parquet('{folder}/**/*.parquet', hive_partitioning=true, hive_types={{'p': VARCHAR}})"
        " order by i"
    ).fetchall()
    assert [p for _, p in rows] == texts


# ---- types ----

UTC = datetime.timezone.utc
TYPED = {
    "int8": (pa.int8(), [-128, 127, None]),
    "int16": (pa.int16(), [-32768, 32767]),
    "int32": (pa.int32(), [-(2**31), 0]),
    "int64": (pa.int64(), [-(2**63), 2**63 - 1, None]),
    "uint8": (pa.uint8(), [0, 255]),
    "uint64": (pa.uint64(), [0, 2**64 - 1]),
    "bool": (pa.bool_(), [True, False, None]),
    "float": (pa.float32(), [0.1, -0.0, 1e38, float("inf")]),
    "double": (pa.float64(), [0.1, -0.0, 5e-324, 1.7976931348623157e308, float("-inf"), None]),
    "decimal": (pa.decimal128(38, 10), [decimal.Decimal("0.0000000001"), decimal.Decimal("-1"), None]),
    "date": (pa.date32(), [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), None]),
    "time": (pa.time64("us"), [datetime.time(0), datetime.time(23, 59, 59, 999999)]),
    "timestamp us": (
        pa.timestamp("us"),
        [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 1)],
    ),
    "timestamp ns": (pa.timestamp("ns"), [-(2**63), 2**63 - 1, 0, None]),
    "timestamp s": (pa.timestamp("s"), [datetime.datetime(2024, 2, 29, 1, 2, 3)]),
    "instant": (pa.timestamp("us", "Europe/Berlin"), [datetime.datetime(2024, 7, 1, 12, tzinfo=UTC), None]),
    "numbers as text": (pa.string(), ["04", "4", "004", None]),
    "large text": (pa.large_string(), ["a", "b"]),
}


@pytest.mark.parametrize("name", list(TYPED))
def test_values_of_a_type_come_back_with_their_type(tmp_path, name):
    type_, values = TYPED[name]
    schema = pa.schema([pa.field("i", pa.int32()), pa.field("p", type_)])
    data = pa.table({"i": pa.array(range(len(values)), pa.int32()), "p": pa.array(values, type_)})
    write_to_dataset(data, tmp_path / "d", schema, partition_cols=["p"])
    back = read_parquet(tmp_path / "d", output_format="arrow").sort_by("i")
    assert back.schema.field("p").type == pa.dictionary(pa.int32(), type_)
    assert back["p"].combine_chunks().dictionary_decode().equals(data["p"].combine_chunks())
    assert inspect_schema(tmp_path / "d") == back.schema


def test_two_texts_that_look_the_same_stay_two(tmp_path):
    texts = [unicodedata.normalize(form, "Å é ﬁ") for form in ("NFC", "NFD", "NFKC")]
    data = pa.table({"i": range(3), "p": texts}, schema=TEXT)
    write_to_dataset(data, tmp_path / "d", TEXT, partition_cols=["p"])
    assert by_row(read_parquet(tmp_path / "d", output_format="arrow")) == texts


# ---- foreign folders, whose types nobody recorded ----


def foreign(folder, names: list[str]) -> None:
    import pyarrow.parquet as pq

    for i, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table({"i": [i]}), folder / name / "f.parquet")


@pytest.mark.parametrize(
    ("names", "type_", "values"),
    [
        (["p=1", "p=2"], pa.int32(), [1, 2]),
        (["p=1", "p=3000000000"], pa.int64(), [1, 3000000000]),
        (["p=1", "p=-7", "p=__HIVE_DEFAULT_PARTITION__"], pa.int32(), [1, -7, None]),
        (["p=1", "p=02"], pa.string(), ["1", "02"]),
        (["p=1", "p=x"], pa.string(), ["1", "x"]),
        (["p=1", "p=1.5"], pa.string(), ["1", "1.5"]),
        (["p=1", "p=99999999999999999999"], pa.string(), ["1", "99999999999999999999"]),
        (["p=1", "p="], pa.string(), ["1", ""]),
        (["p=a%2Fb", "p=a%b"], pa.string(), ["a/b", "a%b"]),
    ],
)
def test_types_of_foreign_folders_are_inferred_over_all_of_them(tmp_path, names, type_, values):
    foreign(tmp_path / "d", names)
    table = read_parquet(tmp_path / "d", output_format="arrow").sort_by("i")
    assert table.schema.field("p").type == pa.dictionary(pa.int32(), type_)
    assert table["p"].to_pylist() == values
