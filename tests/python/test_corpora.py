# SPDX-License-Identifier: Apache-2.0
"""Files that other implementations wrote, sound and poisoned.

Every file of parquet-testing/data reads as pyarrow reads it, or stands below with what
it lacks; the poisoned ones never crash, hang or take the machine's memory. The corpora
lie in $PQF_CORPORA, else in ../shared/corpora beside the project; without them every
test here is skipped and says so.
"""

from __future__ import annotations

import csv
import os
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import forked, support

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPORA = pathlib.Path(os.environ.get("PQF_CORPORA", ROOT.parent / "shared" / "corpora"))
DATA = CORPORA / "parquet-testing" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"no corpora in {CORPORA}: set PQF_CORPORA to their folder"
)

# What a reader rightly refuses, and how to look anyway.
REFUSED = {
    "datapage_v1-corrupt-checksum.parquet": ("checksum", {"page_checksum_verification": False}),
    "rle-dict-uncompressed-corrupt-checksum.parquet": (
        "checksum",
        {"page_checksum_verification": False},
    ),
}
# Its last value has no microseconds in 64 bits: the writer itself had run over.
SPARK = "int96_from_spark.parquet"
# What we read and pyarrow does not.
OURS_ALONE = {"incorrect_map_schema.parquet": 1}
# More than 2 GiB of strings in one chunk: read with PQF_TEST_ALL=1 only.
LARGE = "large_string_map.brotli.parquet"


def _sound() -> list[str]:
    files = sorted(DATA.rglob("*.parquet"))
    return [str(path.relative_to(DATA)) for path in files if path.name not in (LARGE, SPARK)]


def _encrypted() -> list[str]:
    return [str(path.relative_to(DATA)) for path in sorted(DATA.rglob("*.parquet.encrypted"))]


def _read(name: str, **options) -> pa.Table:
    return read_parquet(DATA / name, output_format="arrow", **options)


def _same_in_batches(path: pathlib.Path, table: pa.Table) -> None:
    assert inspect_schema(path).equals(table.schema)
    for mapped in (False, True):
        batches = list(read_parquet_iter(path, chunk_size=333, memory_map=mapped))
        support.assert_same(pa.Table.from_batches(batches, table.schema), table, "in batches")


@pytest.mark.parametrize("name", _sound())
def test_file(name):
    if name in REFUSED:
        words, options = REFUSED[name]
        with pytest.raises(pa.ArrowInvalid, match=words):
            _read(name)
        support.assert_same(_read(name, **options), pq.read_table(DATA / name))
        return
    ours = _read(name)
    if name in OURS_ALONE:
        with pytest.raises(pa.ArrowException):
            pq.read_table(DATA / name)
        ours.validate(full=True)
        assert ours.num_rows == OURS_ALONE[name]
    else:
        support.assert_same(ours, pq.read_table(DATA / name))
    support.assert_same(_read(name, memory_map=True), ours, "mapped")
    _same_in_batches(DATA / name, ours)


def test_tables_name_real_files():
    listed = {*REFUSED, *OURS_ALONE}
    assert listed <= set(_sound())
    assert len(_sound()) >= 60


@pytest.mark.parametrize(("unit", "advice"), [("ns", "'us'"), ("us", "'ms'")])
def test_int96_is_never_wrapped(unit, advice):
    """The error advises a unit that is coarser than the one that was asked for."""
    with pytest.raises(pa.ArrowInvalid, match=f"coerce_int96_timestamp_unit={advice}"):
        _read(SPARK, coerce_int96_timestamp_unit=unit)


@pytest.mark.parametrize("unit", ["ms", "s"])
def test_int96_in_a_unit_that_holds_it(unit):
    ours = _read(SPARK, coerce_int96_timestamp_unit=unit)
    theirs = pq.read_table(DATA / SPARK, coerce_int96_timestamp_unit=unit)
    support.assert_same(ours.slice(0, 5), theirs.slice(0, 5))


@pytest.mark.parametrize("name", _encrypted())
def test_encrypted(name):
    with pytest.raises(NotImplementedError, match="encrypt"):
        _read(name)
    with pytest.raises(NotImplementedError, match="encrypt"):
        for _ in read_parquet_iter(DATA / name):
            pass


def test_plain_columns_of_an_encrypted_file():
    """With a plain footer, columns that are not encrypted read without keys."""
    name = "encrypt_columns_plaintext_footer.parquet.encrypted"
    ours = _read(name, columns=["boolean_field", "int32_field"])
    assert ours.column("boolean_field").to_pylist()[:4] == [True, False, True, False]
    millis = ours.column("int32_field").cast(pa.int32()).to_pylist()
    assert millis == list(range(ours.num_rows))
    with pytest.raises(NotImplementedError, match="double_field"):
        _read(name, columns=["double_field"])


@pytest.mark.parametrize("name", ["ARROW-17100.parquet", "alltypes-java.parquet"])
def test_whole_files_of_arrow(name):
    path = CORPORA / "arrow-testing" / name
    ours = read_parquet(path, output_format="arrow")
    support.assert_same(ours, pq.read_table(path))
    _same_in_batches(path, ours)


@pytest.mark.parametrize(
    "name",
    [
        "delta_binary_packed",
        "delta_byte_array",
        "delta_encoding_optional_column",
        "delta_encoding_required_column",
    ],
)
def test_expected_values(name):
    """The CSV beside a file is its truth."""
    ours = _read(f"{name}.parquet")
    with open(DATA / f"{name}_expect.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert [column.strip() for column in header] == [n.rstrip(":") for n in ours.column_names]
    assert len(rows) == ours.num_rows
    for place, column in enumerate(ours.columns):
        want = [_value_of_csv(row[place], column.type) for row in rows]
        assert column.to_pylist() == want, ours.column_names[place]


def _value_of_csv(text: str, type_: pa.DataType) -> object:
    if text == "":
        return None
    return int(text) if pa.types.is_integer(type_) else text


@pytest.mark.skipif(not support.ALL, reason="3 GB of strings: PQF_TEST_ALL=1 reads them")
def test_more_than_two_gigabytes_of_strings():
    """An array of 32-bit offsets ends at 2 GiB: batches and chunks of a table are more than one."""
    total = 0
    for batch in read_parquet_iter(DATA / LARGE, chunk_size=1):
        for value in batch.column(0):
            total += sum(len(key) for key, _ in value.as_py())
    assert total == 2**31
    chunks = _read(LARGE).column(0).chunks  # pyarrow refuses it
    assert len(chunks) > 1
    assert sum(chunk.keys.nbytes for chunk in chunks) > 2**31


# ---------------------------------------------------------------------------- poison

SANE = {"data", "ArrowInvalid", "NotImplementedError"}
MOST_MEMORY = 700 << 20


def _judge(results: list[dict], jobs: list[dict]) -> None:
    wrong = []
    for job, result in zip(jobs, results):
        fine = result["outcome"] in SANE and result["peak"] < MOST_MEMORY
        if not fine or not (result["detail"] or "").strip():
            told = {k: v for k, v in result.items() if k != "path"}
            wrong.append(f"{job}: {told}")
    assert not wrong, f"{len(wrong)} of {len(jobs)}:\n" + "\n".join(wrong[:10])


def test_bad_data(tmp_path):
    """Files that once crashed readers."""
    files = sorted((CORPORA / "parquet-testing" / "bad_data").rglob("*.parquet"))
    assert len(files) >= 5
    jobs = [{"path": str(path)} for path in files]
    results = forked.run(jobs, str(tmp_path))
    _judge(results, jobs)
    assert sum(r["outcome"] == "ArrowInvalid" for r in results) >= 3


def test_fuzzed_files(tmp_path):
    """Inputs that crashed Arrow C++."""
    files = sorted((CORPORA / "arrow-testing" / "fuzzing").iterdir())
    assert len(files) >= 50
    for options in ({}, {"page_checksum_verification": False, "use_threads": False}):
        jobs = [{"path": str(path), "options": options} for path in files]
        results = forked.run(jobs, str(tmp_path))
        _judge(results, jobs)
        assert sum(r["outcome"] == "ArrowInvalid" for r in results) >= len(files) // 2


def test_flipped_bytes_in_real_files(tmp_path):
    """A few bytes of every file changed: data or a clean error, checksums unverified."""
    rnd = random.Random(support.SEED)
    jobs = []
    for name in [*_sound(), *_encrypted()]:
        size = (DATA / name).stat().st_size
        for _ in range(10 if support.ALL else 3):
            flips = [[_place(size, rnd), 1 << rnd.randrange(8)] for _ in range(rnd.randint(1, 3))]
            options = {"page_checksum_verification": False}
            jobs.append({"path": str(DATA / name), "flips": flips, "options": options})
    _judge(forked.run(jobs, str(tmp_path)), jobs)


def _place(size: int, rnd: random.Random) -> int:
    """Anywhere, and half the time in the last kilobyte, where the footer is."""
    return rnd.randrange(size) if rnd.random() < 0.5 else rnd.randrange(max(0, size - 1024), size)
