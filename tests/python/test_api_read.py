# SPDX-License-Identifier: Apache-2.0
"""Promises about reading; one test per promise, named after it."""

from __future__ import annotations

import datetime
import decimal
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import py_parquet_forge as forge
from py_parquet_forge import _core, read_parquet, read_parquet_iter, write_parquet, write_to_dataset

N = 10_000
TABLE = pa.table(
    {
        "i": pa.array([i if i % 11 else None for i in range(N)], pa.int64()),
        "f": pa.array([i / 7 for i in range(N)]),
        "s": [f"text {i % 50}" for i in range(N)],
        "t": pa.array(range(N), pa.timestamp("us", "UTC")),
        "l": [[i, None] if i % 3 else None for i in range(N)],
        "st": [{"x": i, "y": str(i)} for i in range(N)],
    }
)


@pytest.fixture
def path(tmp_path):
    """A file of pyarrow's with several row groups."""
    pq.write_table(TABLE, tmp_path / "t.parquet", row_group_size=3000)
    return tmp_path / "t.parquet"


# ---- what comes back ----


VARIETY = pa.table(
    {
        "bool": [True, None, False],
        "int8": pa.array([1, None, -3], pa.int8()),
        "uint32": pa.array([1, None, 2**32 - 1], pa.uint32()),
        "float": pa.array([1.5, None, float("-inf")], pa.float32()),
        "decimal": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-9")], pa.decimal128(9, 2)),
        "date": pa.array([0, None, -5], pa.date32()),
        "date64": pa.array([0, None, -86_400_000], pa.date64()),
        "time": pa.array([1, None, 2], pa.time32("s")),
        "seconds": pa.array([1, None, 2], pa.timestamp("s")),
        "zone": pa.array([1, None, 2], pa.timestamp("ns", "Europe/Berlin")),
        "duration": pa.array([1, None, 2], pa.duration("ms")),
        "string": ["x", None, ""],
        "large": pa.array(["x", None, ""], pa.large_string()),
        "binary": [b"\0", None, b""],
        "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
        "list": [[1], None, []],
        "struct": [{"a": 1}, None, {"a": None}],
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
    }
)


def test_we_read_what_pyarrow_writes(tmp_path):
    pq.write_table(VARIETY, tmp_path / "t.parquet")
    ours = read_parquet(tmp_path / "t.parquet", "arrow")
    assert ours.to_pydict() == pq.read_table(tmp_path / "t.parquet").to_pydict()
    for name in ("date64", "time", "seconds", "zone", "large", "duration", "fixed"):
        assert ours.schema.field(name).type == VARIETY.schema.field(name).type


def test_pyarrow_reads_what_we_write(tmp_path):
    write_parquet(VARIETY, tmp_path / "t.parquet", VARIETY.schema)
    theirs = pq.read_table(tmp_path / "t.parquet", page_checksum_verification=True)
    assert theirs.to_pydict() == VARIETY.to_pydict()
    assert read_parquet(tmp_path / "t.parquet", "arrow").to_pydict() == VARIETY.to_pydict()


def test_output_formats(path):
    assert isinstance(read_parquet(path), pd.DataFrame)
    assert read_parquet(path, output_format="arrow").equals(pq.read_table(path))
    with pytest.raises(ValueError, match=r"^output_format must be either 'pandas' or 'arrow'"):
        read_parquet(path, output_format="polars")


def test_pandas_output_is_what_pyarrow_gives_but_for_integers_with_nulls(tmp_path):
    table = pa.table(
        {
            "a": pa.array([1, None], pa.int64()),
            "b": pa.array([1, None], pa.int32()),
            "c": pa.array([1, None], pa.uint64()),
            "d": pa.array([1, 2], pa.int16()),
            "s": ["x", None],
            "t": pa.array([1, None], pa.timestamp("us")),
            "o": [True, None],
        }
    )
    write_parquet(table, tmp_path / "t.parquet", table.schema)
    frame = read_parquet(tmp_path / "t.parquet")
    assert [str(frame[name].dtype) for name in "abcd"] == ["Int64", "Int32", "UInt64", "int16"]
    assert frame["a"].tolist() == [1, pd.NA]
    expected = table.select(["s", "t", "o"]).to_pandas()
    pd.testing.assert_frame_equal(frame[["s", "t", "o"]], expected)
    assert list(frame.columns) == list("abcdsto")


def test_integers_beyond_2_53_with_nulls_are_exact_in_pandas(tmp_path):
    table = pa.table({"a": [2**60 + 1, None]})
    write_parquet(table, tmp_path / "t.parquet", table.schema)
    assert read_parquet(tmp_path / "t.parquet")["a"][0] == 2**60 + 1


def test_a_written_frame_comes_back(tmp_path):
    frame = pd.DataFrame(
        {
            "i": np.arange(5),
            "f": [0.5, float("nan"), 1, 2, 3],
            "s": list("abcde"),
            "t": pd.date_range("2020", periods=5, tz="Europe/Berlin", unit="us"),
            "c": pd.Categorical(list("xyxyx")),
        }
    )
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    write_parquet(frame, tmp_path / "t.parquet", schema)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "t.parquet"), frame)


def test_columns_come_in_the_order_asked_for(path):
    assert read_parquet(path, columns=["s", "i"]).columns.tolist() == ["s", "i"]
    assert read_parquet(path, "arrow", columns=["f"]).equals(pq.read_table(path, columns=["f"]))


def test_no_columns_at_all_still_counts_rows(path):
    table = read_parquet(path, "arrow", columns=[])
    assert (table.num_columns, table.num_rows) == (0, N)


def test_an_unknown_column_is_an_error_with_the_nearest_names(path):
    with pytest.raises(pa.ArrowInvalid, match=r"'stt'.*'st'"):
        read_parquet(path, columns=["stt"])
    with pytest.raises(pa.ArrowInvalid):
        read_parquet_iter(path, columns=["nothing"])


def test_only_the_chosen_columns_are_read(path):
    before = _core.io_counters()[0]
    read_parquet(path, "arrow", columns=["f"])
    part = _core.io_counters()[0] - before
    read_parquet(path, "arrow")
    assert part < (_core.io_counters()[0] - before - part) / 2


# ---- filters ----


FILTERS = {
    "comparison": pc.field("i") > 5000,
    "string": pc.field("s") == "text 7",
    "and": (pc.field("i") > 10) & (pc.field("f") < 100.0),
    "or of nulls": (pc.field("i").is_null()) | (pc.field("s") == "text 1"),
    "not": ~(pc.field("i") < 9000),
    "is in": pc.field("i").isin([1, 5000, 9999, None]),
    "null literal": pc.field("i") == pa.scalar(None, pa.int64()),
    "function": pc.match_like(pc.field("s"), "%9"),
    "arithmetic": (pc.field("i") + 1) == 6,
    "cast": pc.field("i").cast(pa.string()) == "77",
    "nested": pc.field("st", "x") == 4,
    "timestamp": pc.field("t") > pa.scalar(9000, pa.timestamp("us", "UTC")),
    "nothing": pc.field("i") < -1,
    "by position": pc.field(0) == 3,
    "constant": pc.scalar(True),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("columns", [None, ["f"], ["s", "i"], []], ids=str)
def test_a_filtered_read_equals_a_full_read_and_table_filter(name, columns, path):
    full = pq.read_table(path).filter(FILTERS[name])
    expected = full if columns is None else full.select(columns)
    found = read_parquet(path, "arrow", columns=columns, filters=FILTERS[name])
    assert found.schema.equals(expected.schema) and found.num_rows == expected.num_rows
    if columns != []:
        assert found.combine_chunks().equals(expected.combine_chunks())


DNF = {
    "tuples": [("i", ">", 5), ("f", "<=", 700.0)],
    "lists": [[("i", "=", 5)], [("s", "in", ["text 1"]), ("i", "!=", 1)]],
    "not in": [("s", "not in", {"text 1", "text 2"})],
}


@pytest.mark.parametrize("name", DNF)
def test_filters_of_tuples_are_pyarrows(name, path):
    expected = pq.read_table(path, filters=DNF[name])
    assert read_parquet(path, "arrow", filters=DNF[name]).equals(expected)
    batches = read_parquet_iter(path, filters=DNF[name], chunk_size=777)
    assert pa.Table.from_batches(batches).combine_chunks().equals(expected.combine_chunks())


def test_batches_of_no_columns_count_the_rows_that_satisfy_the_filter(path):
    batches = list(read_parquet_iter(path, 100, columns=[], filters=pc.field("i") < 250))
    assert [(batch.num_rows, batch.num_columns) for batch in batches[:2]] == [(100, 0), (100, 0)]


def test_a_filter_that_is_none_is_an_error_at_the_call(path):
    for bad in ("i > 5", 7, {"i": 5}):
        with pytest.raises(ValueError):
            read_parquet(path, filters=bad)
        with pytest.raises(ValueError):
            read_parquet_iter(path, filters=bad)


FLOATS = [float("nan"), 0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), 5e-324, None]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.sampled_from(FLOATS), max_size=12),
    literal=st.sampled_from(FLOATS[:-1]),
    op=st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    negate=st.booleans(),
    ours=st.booleans(),
)
def test_filters_on_floats_equal_a_full_read(values, literal, op, negate, ours, tmp_path):
    table = pa.table({"f": pa.array(values, pa.float64())})
    path = tmp_path / "f.parquet"
    if ours:
        write_parquet(table, path, table.schema, row_group_size=2, durable=False)
    else:
        pq.write_table(table, path, row_group_size=2)
    field = pc.field("f")
    judge = {
        "==": field == literal,
        "!=": field != literal,
        "<": field < literal,
        "<=": field <= literal,
        ">": field > literal,
        ">=": field >= literal,
    }[op]
    judge = ~judge if negate else judge
    found = read_parquet(path, "arrow", filters=judge).column("f").to_pylist()
    assert list(map(repr, found)) == list(map(repr, table.filter(judge).column("f").to_pylist()))


def test_statistics_prune_row_groups_before_any_page_is_read(path):
    before = _core.io_counters()[0]
    read_parquet(path, "arrow", filters=pc.field("i") > 9500)
    pruned = _core.io_counters()[0] - before
    read_parquet(path, "arrow")
    whole = _core.io_counters()[0] - before - pruned
    assert pruned < whole / 2


def test_partition_values_prune_files(tmp_path):
    schema = pa.schema([("k", pa.string()), ("a", pa.int64())])
    write_to_dataset([{"k": f"p{i}", "a": i} for i in range(20)], tmp_path / "ds", schema, ["k"])
    before = _core.io_counters()[2]
    found = read_parquet(tmp_path / "ds", "arrow", columns=["a"], filters=pc.field("k") == "p7")
    assert found.to_pydict() == {"a": [7]}
    assert _core.io_counters()[2] - before <= 3


# ---- batches ----


@pytest.mark.parametrize("size", [1, 999, 3000, N, N + 1])
def test_batches_have_exactly_chunk_size_rows_but_the_last(size, path):
    limit = 20 if size == 1 else None
    batches = []
    for batch in read_parquet_iter(path, chunk_size=size):
        batches.append(batch)
        if len(batches) == limit:
            break
    assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
    assert {batch.num_rows for batch in batches[:-1]} <= {size}
    rows = sum(batch.num_rows for batch in batches)
    assert (
        pa.Table.from_batches(batches)
        .combine_chunks()
        .equals(pq.read_table(path).slice(0, rows).combine_chunks())
    )
    assert limit or rows == N


def test_batches_run_across_files_and_with_filters(tmp_path):
    for i in range(7):
        pq.write_table(TABLE.slice(i * 100, 100 + i), tmp_path / f"{i}.parquet", row_group_size=33)
    whole = read_parquet(tmp_path, "arrow")
    for judge in (None, pc.field("i") > 50):
        batches = list(read_parquet_iter(tmp_path, chunk_size=64, filters=judge))
        assert {batch.num_rows for batch in batches[:-1]} == {64}
        expected = whole if judge is None else whole.filter(judge)
        assert pa.Table.from_batches(batches).combine_chunks().equals(expected.combine_chunks())


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "10", None])
def test_arguments_of_the_iterator_are_checked_at_the_call(size, path):
    with pytest.raises(ValueError):
        read_parquet_iter(path, chunk_size=size)
    with pytest.raises(FileNotFoundError):
        read_parquet_iter(path.parent / "missing.parquet")
    with pytest.raises(TypeError):
        read_parquet_iter(path, chunksize=5)


def test_the_iterator_has_close(path):
    batches = read_parquet_iter(path, chunk_size=10)
    next(batches)
    batches.close()
    assert list(batches) == []


def test_a_batch_outlives_its_iterator(path):
    first = next(read_parquet_iter(path, chunk_size=100))
    assert first.to_pydict() == TABLE.slice(0, 100).to_pydict()


def test_memory_of_the_iterator_is_bounded(tmp_path):
    table = pa.table({"a": np.arange(4_000_000), "b": np.arange(4_000_000) * 1.5})
    write_parquet(table, tmp_path / "t.parquet", table.schema, row_group_size=4_000_000)
    del table
    rows = sum(b.num_rows for b in read_parquet_iter(tmp_path / "t.parquet", memory_limit=48 << 20))
    assert rows == 4_000_000


# ---- schema, keywords, threads ----


def test_inspect_schema_gives_what_was_declared(tmp_path):
    for schema in (VARIETY.schema, TABLE.schema):
        write_parquet([], tmp_path / "t.parquet", schema)
        found = forge.inspect_schema(tmp_path / "t.parquet")
        assert found.names == schema.names
        for name in found.names:
            assert found.field(name).nullable == schema.field(name).nullable


def test_inspect_schema_reads_no_data(path):
    before = _core.io_counters()[0]
    forge.inspect_schema(path)
    assert _core.io_counters()[0] - before <= 80 << 10 < path.stat().st_size


def test_use_threads_false_gives_the_same(path):
    assert read_parquet(path, "arrow", use_threads=False).equals(pq.read_table(path))
    ours = pa.Table.from_batches(read_parquet_iter(path, use_threads=False))
    assert ours.combine_chunks().equals(pq.read_table(path).combine_chunks())


def test_memory_map_gives_the_same(path):
    assert read_parquet(path, "arrow", memory_map=True).equals(pq.read_table(path))


def test_page_checksums_are_verified_unless_told_not_to(tmp_path):
    table = pa.table({"a": pa.array(range(1000), pa.int64())})
    path = tmp_path / "t.parquet"
    write_parquet(table, path, table.schema, compression="none", use_dictionary=False)
    data = bytearray(path.read_bytes())
    at = data.index((500).to_bytes(8, "little"))
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(pa.ArrowInvalid, match=r"t\.parquet.*a"):
        read_parquet(path)
    assert read_parquet(path, "arrow", page_checksum_verification=False).num_rows == 1000


def test_memory_limit_names_the_keyword_that_lifts_it(path):
    with pytest.raises(pa.ArrowInvalid, match="memory_limit"):
        read_parquet(path, memory_limit=1000)


def test_read_dictionary(path):
    table = read_parquet(path, "arrow", read_dictionary=["s"])
    assert table.schema.field("s").type == pa.dictionary(pa.int32(), pa.string())
    assert table.column("s").to_pylist() == TABLE.column("s").to_pylist()


def test_int96_units(tmp_path):
    when = datetime.datetime(2020, 1, 1)
    pq.write_table(
        pa.table({"t": [when]}),
        tmp_path / "t.parquet",
        store_schema=False,
        use_deprecated_int96_timestamps=True,
    )
    assert read_parquet(tmp_path / "t.parquet", "arrow").schema.field("t").type == pa.timestamp("ns")
    table = read_parquet(tmp_path / "t.parquet", "arrow", coerce_int96_timestamp_unit="ms")
    assert table.schema.field("t").type == pa.timestamp("ms") and table.column("t")[0].as_py() == when


def test_use_pandas_metadata_brings_the_index_along(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="k"))
    frame.to_parquet(tmp_path / "t.parquet")
    found = read_parquet(tmp_path / "t.parquet", columns=["a"], use_pandas_metadata=True)
    pd.testing.assert_frame_equal(found, frame, check_index_type=False)


def test_ignore_prefixes(tmp_path):
    for name in ("a.parquet", "tmp_b.parquet"):
        pq.write_table(pa.table({"a": [name]}), tmp_path / name)
    assert read_parquet(tmp_path, ignore_prefixes=["tmp_"])["a"].tolist() == ["a.parquet"]


def test_progress_of_reading_is_told_to_the_end(path):
    scanned = pq.read_metadata(path).num_rows
    for judge in (None, pc.field("i") > 5):
        calls: list = []

        def tell(*call, calls=calls):
            calls.append(call)

        read_parquet(path, filters=judge, progress=tell)
        assert calls[-1] == (scanned, scanned, "rows")
        calls.clear()
        list(read_parquet_iter(path, filters=judge, progress=tell))
        assert calls[-1] == (scanned, scanned, "rows")


def test_progress_true_draws_a_bar_on_a_terminal_and_nothing_elsewhere(path, capsys, monkeypatch):
    read_parquet(path, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    read_parquet(path, progress=True)
    drawn = capsys.readouterr().err
    assert "100% of 10,000 rows" in drawn and drawn.endswith("\n")


def test_exceptions_of_progress_pass_through(path):
    def tell(done, total, unit):
        raise KeyError("mine")

    with pytest.raises(KeyError):
        read_parquet(path, progress=tell)


def test_the_gil_is_released_and_calls_run_side_by_side(path):
    expected = pq.read_table(path)
    results = []
    threads = [threading.Thread(target=lambda: results.append(read_parquet(path, "arrow"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all(table.equals(expected) for table in results)


# ---- the schema alone ----


def test_inspect_schema_takes_what_the_schema_depends_on(tmp_path):
    folder = tmp_path / "p=1"
    folder.mkdir()
    table = pa.table({"s": ["x"], "t": pa.array([1], pa.timestamp("us"))})
    pq.write_table(table, folder / "a.parquet", use_deprecated_int96_timestamps=True, store_schema=False)
    pq.write_table(pa.table({"other": [1]}), folder / "-b.parquet")
    for keywords in (
        {"partitioning": None},
        {"read_dictionary": ["s"]},
        {"coerce_int96_timestamp_unit": "ms"},
        {"unify": "add"},
    ):
        given = {"ignore_prefixes": ["-"], **keywords}
        schema = forge.inspect_schema(tmp_path, **given)
        assert schema.equals(forge.read_parquet(tmp_path, "arrow", **given).schema), keywords
        assert schema.equals(forge.inspect_schema(tmp_path, ignore_prefixes=["-"])) == ("unify" in keywords)


def test_inspect_schema_checks_its_keywords(tmp_path):
    with pytest.raises(ValueError, match="partitioning must be one of 'hive', None"):
        forge.inspect_schema(tmp_path, partitioning="flat")
    with pytest.raises(TypeError, match="'partitionin'; did you mean 'partitioning'"):
        forge.inspect_schema(tmp_path, partitionin=None)
    with pytest.raises(TypeError, match="inspect_schema.*'memory_map'"):
        forge.inspect_schema(tmp_path, memory_map=True)


@pytest.mark.parametrize("call", [forge.inspect_schema, forge.read_metadata])
def test_a_bad_path_is_called_by_the_name_of_the_parameter(call):
    with pytest.raises(TypeError, match="^path must be a str"):
        call(5)


def test_many_small_files_become_few_chunks(tmp_path):
    """Their rows, in the order of the files, whatever the type; but dictionaries of files stay apart."""
    n = 900
    number = pa.array([None if i % 7 == 0 else i for i in range(n)], pa.int64())
    text = pa.array([None if i % 5 == 0 else "x" * (i % 40) for i in range(n)])
    columns = {
        "number": number,
        "text": text,
        "large": text.cast(pa.large_string()),
        "view": text.cast(pa.string_view()),
        "flag": pa.array([i % 3 == 0 for i in range(n)]),
        "money": pa.array(
            [None if i % 4 == 0 else decimal.Decimal(i) / 100 for i in range(n)], pa.decimal128(9, 2)
        ),
        "list": pa.array([None if i % 6 == 0 else list(range(i % 5)) for i in range(n)]),
        "struct": pa.array([None if i % 8 == 0 else {"a": i, "b": [str(i)]} for i in range(n)]),
        "map": pa.array([[("k", i)] * (i % 3) for i in range(n)], pa.map_(pa.string(), pa.int32())),
        "nothing": pa.nulls(n),
    }
    table = pa.table(columns)
    for number_of_file, at in enumerate(range(0, n, 4)):
        part = table.slice(at, 4)
        write_parquet(part, tmp_path / f"{number_of_file:04}.parquet", part.schema, row_group_size=3)
    found = read_parquet(tmp_path, output_format="arrow")
    assert found.schema == table.schema
    assert found.to_pylist() == table.to_pylist()
    assert found["number"].num_chunks < 10
    found.validate(full=True)
    kinds = table.add_column(0, "kind", pa.array([f"k{i % 30}" for i in range(n)]).dictionary_encode())
    write_parquet(kinds, tmp_path / "kinds", kinds.schema, row_group_size=3)
    found = read_parquet(tmp_path / "kinds", output_format="arrow")
    assert found["kind"].num_chunks == n / 3 and found["kind"].to_pylist() == kinds["kind"].to_pylist()
    write_to_dataset(table, tmp_path / "ds", table.schema, ["flag"], row_group_size=3)
    found = read_parquet(tmp_path / "ds", output_format="arrow")
    assert found["flag"].num_chunks < 4
    assert sorted(found["flag"].to_pylist()) == sorted(columns["flag"].to_pylist())
    assert found.num_rows == n
