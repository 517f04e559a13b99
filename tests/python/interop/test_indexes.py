# SPDX-License-Identifier: Apache-2.0
"""Page indexes and Bloom filters between engines: others prune by ours and ours by theirs, and rows are the same."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import _core, read_parquet, write_parquet

FILTERS = {
    "k = 4711": pc.field("k") == 4711,
    "k < 100 OR k > 19950": (pc.field("k") < 100) | (pc.field("k") > 19950),
    "s = 'v77'": pc.field("s") == "v77",
    "s = 'v77x'": pc.field("s") == "v77x",
    "s IN ('v1', 'nothing')": pc.field("s").isin(["v1", "nothing"]),
    "f > 0.99": pc.field("f") > 0.99,
    "s IS NULL": pc.field("s").is_null(),
    "t >= TIMESTAMP '1970-01-01 05:00:00'": pc.field("t") >= pa.scalar(5 * 3600 * 10**6, pa.timestamp("us")),
}


@pytest.fixture(scope="module")
def table():
    r, n = random.Random(3), 20_000
    return pa.table({
        "k": list(range(n)),
        "s": [f"v{r.randrange(n)}" if i % 9 else None for i in range(n)],
        "f": [r.random() for _ in range(n)],
        "t": pa.array([i * 10**6 for i in range(n)], pa.timestamp("us")),
    })  # fmt: skip


@pytest.fixture(scope="module")
def ours(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("ours") / "a.parquet"
    write_parquet(
        table, path, table.schema, write_page_index=True, row_group_size=5000, max_rows_per_page=500,
        bloom_filter_options={"k": {"fpp": 0.001}, "s": {"fpp": 0.001}}, use_dictionary=["s"],
    )  # fmt: skip
    return path


def sorted_rows(table):
    return sorted(table.to_pylist(), key=lambda row: row["k"])


@pytest.mark.parametrize("text", FILTERS)
def test_engines_prune_by_our_indexes_and_return_the_same_rows(table, ours, text):
    duckdb = pytest.importorskip("duckdb")
    expected = sorted_rows(table.filter(FILTERS[text]))
    found = duckdb.sql(f"SELECT * FROM '{ours}' WHERE {text}").to_arrow_table()
    assert sorted_rows(found.cast(table.schema)) == expected
    assert sorted_rows(ds.dataset(ours).to_table(filter=FILTERS[text])) == expected
    assert sorted_rows(read_parquet(ours, output_format="arrow", filters=FILTERS[text])) == expected


@pytest.mark.parametrize("column, value", [("k", "4711"), ("k", "-5"), ("s", "'v77'"), ("s", "'v77x'")])
def test_duckdb_reads_our_bloom_filters(table, ours, column, value):
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(
        f"SELECT row_group_id, bloom_filter_excludes FROM parquet_bloom_probe('{ours}', '{column}', {value})"
    ).fetchall()
    excluded = dict(rows)
    text = value.strip("'")
    values = [{str(v) for v in table.column(column).slice(5000 * g, 5000).to_pylist()} for g in range(4)]
    assert len(excluded) == 4
    for group, found in enumerate(values):
        assert excluded[group] is (text not in found)


@pytest.mark.parametrize("writer", ["pyarrow", "duckdb", "polars"])
def test_ours_prunes_by_the_indexes_of_others(table, tmp_path, writer):
    path = tmp_path / "a.parquet"
    if writer == "pyarrow":
        try:
            pq.write_table(
                table, path, write_page_index=True, row_group_size=5000, data_page_size=4096,
                bloom_filter_options={"s": {"ndv": 5000, "fpp": 0.001}},
            )  # fmt: skip
        except TypeError:
            pytest.skip("this pyarrow writes no filters")
    elif writer == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        duckdb.from_arrow(table).query(
            "t",
            f"COPY t TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 5000, BLOOM_FILTER_FALSE_POSITIVE_RATIO 0.001)",
        )
    else:
        polars = pytest.importorskip("polars")
        polars.from_arrow(table).write_parquet(path, row_group_size=5000, data_page_size=4096)
    whole = read_parquet(path, output_format="arrow")
    for where in FILTERS.values():
        assert read_parquet(path, output_format="arrow", filters=where).equals(whole.filter(where))
    if (
        pq.read_metadata(path).row_group(0).column(1).to_dict().get("bloom_filter_offset")
        or writer == "pyarrow"
    ):
        before = _core.io_counters()[0]
        assert read_parquet(path, output_format="arrow", filters=pc.field("s") == "v77x").num_rows == 0
        assert _core.io_counters()[0] - before < 150_000
