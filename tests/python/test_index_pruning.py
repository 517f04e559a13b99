# SPDX-License-Identifier: Apache-2.0
"""Page indexes and Bloom filters that are read: rows that are skipped, and damage that changes no result."""

from __future__ import annotations

import os
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from index_reader import chunks_of

from py_parquet_forge import _core, merge, read_parquet, read_parquet_iter, write_parquet

NAN = float("nan")
SEED = random.randrange(2**32)
field = pc.field


@pytest.fixture
def rng():
    print(f"seed {SEED}")
    return random.Random(SEED)


def bytes_read():
    """Bytes that the engine has read so far."""
    return _core.io_counters()[0]


def filtered(path, where, **keywords):
    return read_parquet(path, output_format="arrow", filters=where, **keywords)


def same(one, two):
    """NaN are equal here, and dictionaries by their values."""
    assert one.schema.equals(two.schema)
    for a, b in zip(one.columns, two.columns):
        assert repr(a.to_pylist()) == repr(b.to_pylist())


def check(path, where, **keywords):
    whole = read_parquet(path, output_format="arrow").filter(where)
    found = filtered(path, where, **keywords)
    same(found, whole)
    same(
        pa.Table.from_batches(
            list(read_parquet_iter(path, chunk_size=37, filters=where)),
            whole.schema,
        ),
        whole,
    )
    return found


# ---- what is skipped ----


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """60,000 rows sorted by k; the text is most of the bytes."""
    r = random.Random(7)
    path = tmp_path_factory.mktemp("large") / "a.parquet"
    n = 60_000
    table = pa.table({
        "k": list(range(n)),
        "text": [r.randbytes(20).hex() for _ in range(n)],
        "list": [[i, i + 1] for i in range(n)],
        "few": [["x", "y", "z"][i % 3] for i in range(n)],
    })  # fmt: skip
    write_parquet(
        table, path, table.schema, write_page_index=True, max_rows_per_page=1000, compression=None,
        bloom_filter_options={"text": {"fpp": 0.0001}}, row_group_size=30_000, use_dictionary=["few"],
    )  # fmt: skip
    return path, table


@pytest.mark.parametrize("use_threads", [True, False])
def test_a_range_of_the_sorted_column_reads_its_pages_alone(large, use_threads):
    path, table = large
    where = (field("k") >= 41_500) & (field("k") < 42_100)
    before = bytes_read()
    found = filtered(path, where, use_threads=use_threads)
    cost = bytes_read() - before
    assert found.equals(table.slice(41_500, 600))
    # 2 pages of 4 columns with about 70 bytes a row, footer and indexes; the file has 4 MiB
    assert cost < 350_000 < path.stat().st_size / 10
    check(path, where)


def test_rows_of_several_places(large):
    path, table = large
    where = field("k").isin([0, 999, 1000, 17_017, 29_999, 30_000, 59_999])
    assert check(path, where).column("k").to_pylist() == [0, 999, 1000, 17_017, 29_999, 30_000, 59_999]


@pytest.mark.parametrize("how", ["equal", "isin"])
def test_a_bloom_filter_drops_row_groups(large, how):
    path, table = large
    absent = ["5" * 40, "0" * 40]
    where = field("text") == absent[0] if how == "equal" else field("text").isin(absent)
    before = bytes_read()
    assert filtered(path, where).num_rows == 0
    assert bytes_read() - before < 120_000
    text = table.column("text")[12_345].as_py()
    assert check(path, field("text") == text).column("k").to_pylist() == [12_345]


def test_without_matching_pages_nothing_is_left(large):
    path, _ = large
    assert check(path, (field("k") > 100) & (field("k") < 50)).num_rows == 0


# ---- every filter gives what reading all and filtering gives ----

OPS = [lambda a, b: a == b, lambda a, b: a != b, lambda a, b: a < b, lambda a, b: a <= b, lambda a, b: a > b, lambda a, b: a >= b]  # fmt: skip


def values_of(rng, kind, n):
    base = rng.randrange(50)
    if kind == "i":
        return pa.array([None if rng.random() < 0.1 else base + i // 7 % 40 for i in range(n)], pa.int32())
    if kind == "f":
        return pa.array([rng.choice([None, NAN, 0.0, -0.0, 1.5, float(i % 9)]) for i in range(n)])
    if kind == "f32":
        return pa.array([rng.choice([0.1, NAN, float(i % 5)]) for i in range(n)], pa.float32())
    if kind == "s":
        return pa.array([rng.choice([None, "", "a" * 70, f"v{i // 20}"]) for i in range(n)])
    if kind == "d":
        return pa.array([None if i % 9 == 0 else Decimal(i % 50) for i in range(n)], pa.decimal128(20, 2))
    if kind == "t":
        return pa.array([1_000_000 * (i // 5) for i in range(n)], pa.timestamp("us"))
    return pa.array([i % 300 for i in range(n)], pa.date32())


LITERALS = {
    "i": [0, 20, 55, 7.5, -1],
    "f": [0.0, -0.0, 1.5, NAN, 3],
    "f32": [0.1, pa.scalar(0.1, pa.float32()), 2.0, NAN],
    "s": ["", "v3", "a" * 70, "zz"],
    "d": [pa.scalar(Decimal("7.00"), pa.decimal128(20, 2)), pa.scalar(Decimal("3.1"), pa.decimal128(10, 1))],
    "t": [pa.scalar(3_000_000, pa.timestamp("us")), pa.scalar(3_000_001, pa.timestamp("ns"))],
    "day": [pa.scalar(17, pa.date32()), pa.scalar(900, pa.date32())],
}


def random_table(rng, n):
    columns = {kind: values_of(rng, kind, n) for kind in LITERALS}
    columns["list"] = pa.array([list(range(rng.choice([0, 1, 3]))) or None for _ in range(n)])
    columns["st"] = pa.StructArray.from_arrays(
        [columns["i"], columns["s"]], ["i", "s"], mask=pa.array([i % 13 == 0 for i in range(n)])
    )
    columns["cat"] = columns["s"].dictionary_encode()
    return pa.table(columns)


def random_filter(rng, depth=2):
    if depth and rng.random() < 0.5:
        one, two = random_filter(rng, depth - 1), random_filter(rng, depth - 1)
        return rng.choice([one & two, one | two, ~one])
    kind = rng.choice(list(LITERALS))
    column = field("st", kind) if kind in ("i", "s") and rng.random() < 0.3 else field(kind)
    how = rng.randrange(8)
    if how == 0:
        return rng.choice([column.is_null(), column.is_valid()])
    if how == 1 and kind in ("f", "f32"):
        return rng.choice([column.is_nan(), column.is_null(nan_is_null=True)])
    if how == 2 and kind in ("i", "s", "f"):
        return column.isin([v for v in LITERALS[kind] if not isinstance(v, float) or kind == "f"])
    return rng.choice(OPS)(column, rng.choice(LITERALS[kind]))


def write_random(rng, path):
    table = random_table(rng, 700)
    write_parquet(
        table, path, table.schema, write_page_index=True, max_rows_per_page=rng.choice([13, 50]),
        row_group_size=rng.choice([300, 1000]), data_page_version=rng.choice(["1.0", "2.0"]),
        use_dictionary=rng.random() < 0.7,
        bloom_filter_options={kind: {"fpp": 0.01} for kind in LITERALS},
    )  # fmt: skip


def test_filtered_reads_equal_filters_of_all_rows(tmp_path, rng):
    for turn in range(4):
        write_random(rng, tmp_path / "a")
        for _ in range(15):
            where = random_filter(rng)
            print(turn, where)
            try:
                check(tmp_path / "a", where)
            except pa.ArrowNotImplementedError:
                pass  # types that pyarrow does not compare


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_filters_on_files_of_pyarrow(tmp_path, rng, version):
    table = random_table(rng, 700)
    pq.write_table(
        table, tmp_path / "a", write_page_index=True, data_page_version=version, row_group_size=400,
        data_page_size=256, write_batch_size=16, use_dictionary=False, compression=None,
    )  # fmt: skip
    assert any(len(chunk.pages) > 5 for chunk in chunks_of(tmp_path / "a")[0])
    for _ in range(40):
        where = random_filter(rng)
        print(where)
        try:
            check(tmp_path / "a", where)
        except pa.ArrowNotImplementedError:
            pass


# ---- damage ----


def test_damaged_indexes_and_filters_change_no_result(tmp_path, rng):
    """A byte of an index or a filter's header is changed: the result is the same, or an error names it."""
    write_random(rng, tmp_path / "a")
    good = (tmp_path / "a").read_bytes()
    chunks = [c for group in chunks_of(tmp_path / "a") for c in group]
    where = [field("i") > 30, field("s") == "v3", field("t") > LITERALS["t"][0]]
    expected = [filtered(tmp_path / "a", w) for w in where]
    whole = read_parquet(tmp_path / "a", output_format="arrow")
    places = [c.places[kind] for c in chunks for kind in ("offset", "column") if kind in c.places]
    places += [(c.places["bloom"][0], 16) for c in chunks if "bloom" in c.places]
    wrong = errors = 0
    for _ in range(25):
        data = bytearray(good)
        offset, length = rng.choice(places)
        data[offset + rng.randrange(length)] ^= 1 << rng.randrange(8)
        (tmp_path / "b").write_bytes(data)
        same(read_parquet(tmp_path / "b", output_format="arrow"), whole)
        for w, e in zip(where, expected):
            try:
                found = filtered(tmp_path / "b", w)
            except (OSError, pa.ArrowInvalid):
                errors += 1
                continue
            # a bound that is still well-formed but too narrow hides rows, as a wrong value would
            wrong += found.num_rows != e.num_rows
            assert set(map(repr, found.to_pylist())) <= set(map(repr, e.to_pylist()))
    assert wrong < 20


def patched(path, out, offset, old, new):
    data = bytearray(path.read_bytes())
    assert data[offset : offset + len(old)] == old
    data[offset : offset + len(new)] = new
    out.write_bytes(data)


def test_an_offset_index_that_lies_about_rows_is_an_error(tmp_path):
    table = pa.table({"a": list(range(40)), "b": list(range(40))})
    path = tmp_path / "a"
    write_parquet(table, path, table.schema, write_page_index=True, max_rows_per_page=10)
    chunk = chunks_of(path)[0][1]
    offset, length = chunk.places["offset"]
    index = path.read_bytes()[offset : offset + length]
    at = index.index(bytes([0x16, 20]))  # first_row_index 10
    patched(path, tmp_path / "b", offset + at, bytes([0x16, 20]), bytes([0x16, 18]))
    with pytest.raises((OSError, pa.ArrowInvalid), match="offset index"):
        filtered(tmp_path / "b", field("a") == 5)
    assert read_parquet(tmp_path / "b", output_format="arrow").equals(table)


def test_indexes_that_contradict_themselves_are_not_used(tmp_path):
    table = pa.table({"a": list(range(40)), "b": pa.array([None, 1] * 20)})
    path = tmp_path / "a"
    write_parquet(
        table,
        path,
        table.schema,
        write_page_index=True,
        max_rows_per_page=10,
        bloom_filter_options={"a": True},
    )
    chunk = chunks_of(path)[0][0]
    data = path.read_bytes()
    offset, length = chunk.places["column"]
    # null_pages of the first page: a page of nothing but nulls that has no null
    at = data.index(bytes([0x41]), offset) + 1
    patched(path, tmp_path / "b", at, b"\x02", b"\x01")
    assert filtered(tmp_path / "b", field("a") == 5).num_rows == 1
    # the filter is said to be longer than it is
    offset, length = chunk.places["bloom"]
    patched(path, tmp_path / "c", offset, b"\x15", b"\x15\xfe\xff\xff\xff\x0f")
    assert filtered(tmp_path / "c", field("a") == 5).num_rows == 1


CORPUS = Path(os.environ.get("PQF_CORPORA", "/none")) / "parquet-testing" / "data"


@pytest.mark.parametrize("name", ["data_index_bloom_encoding_stats", "data_index_bloom_encoding_with_length"])
def test_filters_of_other_writers_are_used(name):
    """bloom_filter_length is of later versions of the format: the first file has none."""
    path = CORPUS / f"{name}.parquet"
    if not path.exists():
        pytest.skip("the corpora are not here")
    chunk = chunks_of(path)[0][0]
    assert (15 in chunk.meta) is name.endswith("length")
    table = read_parquet(path, output_format="arrow")
    for value in set(table.column("String").to_pylist()):
        assert filtered(path, field("String") == value).num_rows > 0
        assert chunk.bloom.has(value.encode())
    low, high = min(table.column("String").to_pylist()), max(table.column("String").to_pylist())
    absent = [
        v for v in (f"{low}{i}" for i in range(9)) if low < v < high and not chunk.bloom.has(v.encode())
    ]
    before = bytes_read()
    filtered(path, field("String") == absent[0])
    without = bytes_read() - before
    before = bytes_read()
    assert filtered(path, field("String") == low).num_rows > 0
    assert bytes_read() - before > without


def test_indexes_of_files_with_large_footers(tmp_path):
    """Such footers are read column by column, when a column is asked for."""
    table = pa.table({f"c{i}": list(range(30)) for i in range(1500)})
    write_parquet(
        table, tmp_path / "a", table.schema, write_page_index=True, max_rows_per_page=10, row_group_size=15,
        bloom_filter_options={"c1499": True},
    )  # fmt: skip
    assert pq.read_metadata(tmp_path / "a").serialized_size > 256 << 10
    where = (field("c7") == 12) | (field("c1499") == 21)
    found = filtered(tmp_path / "a", where, columns=["c3", "c1499"])
    assert found.to_pylist() == [{"c3": 12, "c1499": 12}, {"c3": 21, "c1499": 21}]
    assert filtered(tmp_path / "a", field("c1499") == 777, columns=["c3"]).num_rows == 0
    counts = merge([tmp_path / "a"], tmp_path / "b", row_group_size=15)
    assert counts["num_row_groups_copied"] == 2
    assert filtered(tmp_path / "b", where, columns=["c3", "c1499"]).equals(found)
