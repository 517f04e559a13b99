# SPDX-License-Identifier: Apache-2.0
"""Random schemas, data, options and splits, with pyarrow as the foreign reader.

Hypothesis draws the schema (nested up to four deep, nullable or not), the number of
rows, how the table is sliced and chunked, the options of the writer and the sizes of
the batches; the values follow from a drawn seed. The examples are the same in every
run; PQF_TEST_SEED=<number> draws others, and the number is printed with a failure.
"""

from __future__ import annotations

import os
import random
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, event, given, note, seed, settings
from hypothesis import strategies as st
from interop import support

from py_parquet_forge import (
    ParquetStreamWriter,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
)

CHOSEN = os.environ.get("PQF_TEST_SEED")
EXAMPLES = 2000 if support.ALL else 200


def examples(share: float = 1.0):
    """The settings of every test here: no deadline, and a seed that is told."""

    def decorate(test):
        kept = settings(
            derandomize=CHOSEN is None,
            deadline=None,
            max_examples=max(1, int(EXAMPLES * share)),
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )(test)
        return kept if CHOSEN is None else seed(int(CHOSEN))(kept)

    return decorate


# ------------------------------------------------------------------------- strategies

LEAVES = [
    kind
    for kind in support.TYPES.values()
    if not pa.types.is_nested(kind) and not pa.types.is_dictionary(kind)
]
KEYS = [pa.string(), pa.int32(), pa.int64(), pa.date32(), pa.binary(4)]


@st.composite
def kinds(draw, depth: int) -> pa.DataType:
    """An Arrow type with at most `depth` levels of nesting."""
    if depth == 0 or draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(LEAVES))
    form = draw(st.sampled_from(["list", "large", "fixed", "struct", "map"]))
    if form == "struct":
        count = draw(st.integers(1, 3))
        return pa.struct([draw(fields(f"f{i}", depth - 1)) for i in range(count)])
    if form == "map":
        return pa.map_(draw(st.sampled_from(KEYS)), draw(kinds(depth - 1)))
    item = draw(fields("element", depth - 1))
    if form == "fixed":
        return pa.list_(item, draw(st.integers(1, 3)))
    return pa.large_list(item) if form == "large" else pa.list_(item)


@st.composite
def fields(draw, name: str, depth: int) -> pa.Field:
    kind = draw(kinds(depth))
    nullable = pa.types.is_null(kind) or draw(st.booleans())
    return pa.field(name, kind, nullable)


@st.composite
def tables(draw, depth: int = 4, most_columns: int = 3, most_rows: int = 200) -> pa.Table:
    """A table of several chunks, each possibly a slice of something longer."""
    schema = pa.schema([draw(fields(f"c{i}", depth)) for i in range(draw(st.integers(1, most_columns)))])
    rnd = random.Random(draw(st.integers(0, 2**32)))
    inner = draw(st.sampled_from(["none", "tenth", "runs", "all"]))
    pattern = draw(st.sampled_from(support.PATTERNS))
    batches = []
    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.integers(0, most_rows))
        before = draw(st.sampled_from([0, 0, 1, 3, 8, 13]))
        after = draw(st.sampled_from([0, 0, 1, 5]))
        batches.append(_batch(schema, before, rows, after, pattern, inner, rnd))
    return pa.Table.from_batches(batches, schema)


def _batch(schema, before, rows, after, pattern, inner, rnd) -> pa.RecordBatch:
    total = before + rows + after
    arrays = [support.column(f.type, total, pattern if f.nullable else "none", rnd, inner) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema).slice(before, rows)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "compression": st.sampled_from(["none", "snappy", "gzip", "brotli", "lz4", "zstd"]),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "data_page_size": st.sampled_from([1, 64, 1000, 100_000]),
        "use_dictionary": st.booleans(),
        "dictionary_pagesize_limit": st.sampled_from([1, 50, 1000]),
        "row_group_size": st.integers(1, 300),
        "max_rows_per_page": st.integers(1, 100),
        "write_statistics": st.booleans(),
        "write_page_checksum": st.booleans(),
        "use_threads": st.booleans(),
    },
)


def _folder() -> tempfile.TemporaryDirectory:
    note(f"PQF_TEST_SEED={CHOSEN or 'unset: the examples of every run'}")
    return tempfile.TemporaryDirectory(prefix="pqf-hypothesis-")


def _known(options: dict, *names: str) -> dict:
    return {key: value for key, value in options.items() if key not in names}


# ------------------------------------------------------------------------------ tests


@examples()
@given(table=tables(), options=OPTIONS)
def test_we_write_both_read(table, options):
    with _folder() as folder:
        path = os.path.join(folder, "ours.parquet")
        write_parquet(table, path, table.schema, **_known(options, "use_threads"))
        threads = options.get("use_threads", True)
        found = read_parquet(path, output_format="arrow", use_threads=threads)
        support.assert_same(found, table, "we read")
        foreign = os.path.join(folder, "theirs.parquet")
        try:
            pq.write_table(table, foreign, **_known(options, "use_threads"))
            expected = pq.read_table(foreign)
        except pa.ArrowException as lack:
            event(f"pyarrow does not write or read its own: {str(lack)[:40]}")
            return
        if expected.num_rows != table.num_rows:
            event("pyarrow loses rows of its own file")
            expected = table
        support.assert_same(pq.read_table(path), expected, "pyarrow reads")


@examples()
@given(table=tables(), options=OPTIONS, size=st.integers(1, 250))
def test_they_write_we_read_in_batches(table, options, size):
    with _folder() as folder:
        path = os.path.join(folder, "theirs.parquet")
        try:
            pq.write_table(table, path, **_known(options, "use_threads"))
        except pa.ArrowException as lack:
            event(f"pyarrow does not write: {str(lack)[:40]}")
            return
        found = read_parquet(path, output_format="arrow")
        support.assert_same(found, table, "read_parquet")
        batches = list(read_parquet_iter(path, chunk_size=size))
        expected = [size] * (table.num_rows // size)
        rest = table.num_rows % size
        assert [len(b) for b in batches] == expected + ([rest] if rest else [])
        again = pa.Table.from_batches(batches, table.schema)
        support.assert_same(again, table, "read_parquet_iter")
        assert inspect_schema(path).equals(table.schema)


@examples(0.6)
@given(
    table=tables(depth=3),
    options=OPTIONS,
    cuts=st.lists(st.integers(0, 800), max_size=6),
    more=st.lists(st.integers(0, 800), max_size=3),
)
def test_any_split_gives_the_same_bytes(table, options, cuts, more):
    options = _known(options, "use_threads")
    with _folder() as folder:
        files = []
        for number, places in enumerate([[], cuts, more]):
            path = os.path.join(folder, f"{number}.parquet")
            _stream(table, path, places, options)
            with open(path, "rb") as file:
                files.append(file.read())
        assert files[0] == files[1]
        assert files[0] == files[2]
        whole = os.path.join(folder, "whole.parquet")
        write_parquet(table, whole, table.schema, **options)
        with open(whole, "rb") as file:
            assert file.read() == files[0]


def _stream(table: pa.Table, path: str, cuts: list[int], options: dict) -> None:
    ends = [*sorted(min(cut, table.num_rows) for cut in cuts), table.num_rows]
    with ParquetStreamWriter(path, table.schema, **options) as writer:
        start = 0
        for end in ends:
            writer.write_chunk(table.slice(start, end - start))
            start = end


@examples(0.6)
@given(table=tables(depth=4, most_columns=2), data=st.data())
def test_every_projection(table, data):
    """Any columns in any order are the same columns of a whole read."""
    names = data.draw(st.lists(st.sampled_from(table.column_names), unique=True))
    with _folder() as folder:
        path = os.path.join(folder, "ours.parquet")
        write_parquet(table, path, table.schema, row_group_size=50)
        found = read_parquet(path, output_format="arrow", columns=names)
        support.assert_same(found, table.select(names))


@examples(0.6)
@given(table=tables(depth=3, most_columns=2))
def test_rows_as_dicts(table):
    """list[dict] of the same values writes what the table writes."""
    if not all(_speaks_python(field.type) for field in table.schema):
        return
    rows = table.to_pylist()
    with _folder() as folder:
        path = os.path.join(folder, "rows.parquet")
        write_parquet(rows, path, table.schema)
        support.assert_same(read_parquet(path, output_format="arrow"), table)


def _speaks_python(kind: pa.DataType) -> bool:
    """Whether to_pylist loses nothing: nanoseconds and half floats are left out."""
    t = pa.types
    if t.is_struct(kind):
        return all(_speaks_python(field.type) for field in kind)
    if t.is_map(kind):
        return _speaks_python(kind.key_type) and _speaks_python(kind.item_type)
    if t.is_nested(kind):
        return _speaks_python(kind.value_type)
    if t.is_temporal(kind):
        return not t.is_date64(kind) and getattr(kind, "unit", "us") != "ns"
    return True
