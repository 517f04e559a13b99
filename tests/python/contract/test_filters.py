# SPDX-License-Identifier: Apache-2.0
"""Promises about filters: a filtered read equals a full read followed by `pyarrow.Table.filter`, always."""

from __future__ import annotations

import datetime
import operator
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import read_parquet, read_parquet_iter, write_parquet, write_to_dataset

from .test_reading import arrow, batches, put, spoil

F = pc.field
NAN = float("nan")
FLOATS = [0.0, -0.0, 1.5, -2.5, NAN, None, float("inf"), float("-inf"), 3.0]
WORDS = ["", "a", "ab", "abc", "b", None, "z" * 100, "ä", "a\x00"]


def data(seed=1, n=400):
    """Rows whose row groups differ, so that statistics can leave some out."""
    rng = random.Random(seed)
    groups = [rng.randrange(0, 5) for _ in range(n // 20)]
    rows = []
    for i in range(n):
        g = groups[i // 20]
        rows.append({
            "row": i,
            "i": None if rng.random() < 0.1 else g * 10 + rng.randrange(10),
            "f": rng.choice(FLOATS[g : g + 3]),
            "s": rng.choice(WORDS[g : g + 3]),
            "d": None if rng.random() < 0.1 else datetime.date(2024, 1, 1 + g * 5 + rng.randrange(4)),
            "b": rng.choice([True, False, None]) if g != 2 else None,
            "p": [1, 2, None][g % 3],
            "q": ["x", "y/z"][g % 2],
        })  # fmt: skip
    types = {
        "row": pa.int64(),
        "i": pa.int32(),
        "f": pa.float64(),
        "s": pa.string(),
        "d": pa.date32(),
        "b": pa.bool_(),
        "p": pa.int64(),
        "q": pa.string(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(types.items()))


TABLE = data()
DAY = datetime.date(2024, 1, 11)
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


def compared(column, values):
    """Every comparison of the column with every value."""
    return [compare(F(column), value) for value in values for compare in COMPARISONS]


SIMPLE = [
    *compared("i", [-1, 0, 25, 49, 1000]), *compared("f", [0.0, -0.0, NAN, 1.5, float("inf"), float("-inf")]),
    *compared("s", ["", "ab", "z" * 99, "\u00ff", "a\x00"]), *compared("d", [DAY]),
    F("b"), ~F("b"), F("b") == pa.scalar(True), F("b") != pa.scalar(False),
    F("i").is_null(), F("i").is_valid(), F("f").is_null(), F("f").is_null(nan_is_null=True), pc.is_nan(F("f")), F("b").is_null(),
    F("i").isin([3, 25, 1000]), F("f").isin([0.0, 1.5]), F("f").isin([NAN]), F("s").isin(["a", "b"]), F("i").isin([]), ~F("i").isin([3]),
    F("i").isin(pa.array([3, None], pa.int32())), F("f").isin(pa.array([-0.0, None])), F("s").isin(pa.array([None, "a"])), F("d").isin([DAY]),
    pc.starts_with(F("s"), "a"), ~pc.starts_with(F("s"), "a"), pc.match_substring(F("s"), "b"),
    F("i") + 1 > F("row"), F("i") * 2 == 50, F("i").cast(pa.float64()) > 24.5, F("i") > 24.5, F("row") == F("i"),
    pc.if_else(F("b"), F("i"), 0) > 10, pc.scalar(True), pc.scalar(False), F("i") == pa.scalar(None, pa.int32()),
]  # fmt: skip
PARTITIONED = [
    F("p") == 1, F("p") != 1, F("p").is_null(), F("p").is_valid(), F("p").isin([1, 5]), F("q") == "y/z", F("q") > "x", ~(F("p") == 1),
    (F("p") == 2) | (F("i") > 40), (F("p") == 2) & (F("q") == "x") & (F("i") > 0), F("p") + 1 == 3, F("p") > F("i"),
]  # fmt: skip


def combined():
    rng = random.Random(9)
    out = []
    for _ in range(60):
        one, two, three = (rng.choice(SIMPLE) for _ in range(3))
        out += [one & two, one | two, ~one & two, ~(one | two), (one & two) | ~three]
    return out


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The same rows as our file, a foreign file with pages of few rows, and datasets."""
    folder = tmp_path_factory.mktemp("filters")
    write_parquet(TABLE, folder / "ours.parquet", TABLE.schema, row_group_size=20)
    pq.write_table(
        TABLE, folder / "theirs.parquet", row_group_size=40, write_page_index=True, use_dictionary=["s"]
    )
    write_to_dataset(
        TABLE, folder / "ds", TABLE.schema, partition_cols=["p", "q"], row_group_size=20, durable=False
    )
    return {path: arrow(path) for path in (folder / "ours.parquet", folder / "theirs.parquet", folder / "ds")}


def decoded(table):
    """Partition columns as plain values: their form in a comparison is not the question here."""
    return table.set_column(table.column_names.index("p"), "p", table["p"].cast(pa.int64())).set_column(
        table.column_names.index("q"), "q", table["q"].cast(pa.string())
    )


def same_rows(got, want):
    assert got["row"].to_pylist() == want["row"].to_pylist()
    assert str(decoded(got).to_pylist()) == str(want.to_pylist())


@pytest.mark.parametrize("name", ["ours.parquet", "theirs.parquet", "ds"])
@pytest.mark.parametrize("kind", ["simple", "partitioned", "combined"])
def test_a_filtered_read_equals_a_full_read_followed_by_table_filter(kind, name, places):
    """A filtered read equals a full read followed by `pyarrow.Table.filter`, always (NaN, signed zero, nulls and `is_in` included)."""
    path, full = next((p, t) for p, t in places.items() if p.name == name)
    full = decoded(full)
    chosen = {
        "simple": SIMPLE,
        "partitioned": PARTITIONED,
        "combined": combined()[:: 1 if name == "ours.parquet" else 4],
    }[kind]
    for i, expression in enumerate(chosen):
        want = full.filter(expression)
        try:
            same_rows(arrow(path, filters=expression), want)
            if i % 3 == 0:
                got = batches(path, filters=expression, chunk_size=17)
                same_rows(got, want) if got is not None else pytest.fail("no batch") if len(want) else None
        except AssertionError as error:
            raise AssertionError(f"{expression}: {error}") from None


DNF = [
    [("i", "==", 25)], [("i", "=", 25)], [("i", "!=", 25)], [("i", "<", 5)], [("i", ">=", 44), ("b", "==", True)],
    [[("i", "<", 3)], [("i", ">", 46)]], [("s", "in", ["a", "b"])], [("s", "not in", ["a", "b"])], [("s", "in", {"a"})],
    [("d", ">", DAY)], [("f", "<=", 0.0)], [("f", "==", NAN)], [[("p", "==", 1), ("i", ">", 5)], [("q", "==", "y/z")]], [("p", "in", [2])],
    (("i", "==", 25),), [("i", "in", (1, 2, 3))],
]  # fmt: skip


@pytest.mark.parametrize("name", ["ours.parquet", "ds"])
def test_filters_may_be_pyarrows_dnf(name, places):
    """`filters`: a `pyarrow.compute` expression, or pyarrow's DNF (list of tuples, list of lists), in `read_parquet` and `read_parquet_iter` alike."""
    path, full = next((p, t) for p, t in places.items() if p.name == name)
    for filters in DNF:
        want = decoded(full).filter(pq.filters_to_expression(list(filters)))
        same_rows(arrow(path, filters=filters), want)
        got = batches(path, filters=filters, chunk_size=13)
        assert (got is None and not len(want)) or got["row"].to_pylist() == want["row"].to_pylist(), filters


def test_filters_give_frames_too(places):
    """`filters` ... in `read_parquet`"""
    path = next(iter(places))
    assert (
        read_parquet(path, filters=F("i") == 25)["row"].tolist()
        == TABLE.filter(F("i") == 25)["row"].to_pylist()
    )


@pytest.mark.parametrize(
    "filters", [[("i", "~", 1)], [("i", "==")], "i == 1", 5, [("i", "in", 5)], [[]], lambda t: t]
)
def test_bad_filters_are_refused_at_the_call(filters, places):
    """arguments are checked at the call"""
    path = next(iter(places))
    with pytest.raises((ValueError, TypeError)):
        read_parquet_iter(path, filters=filters)


def test_a_filter_that_is_no_question_is_refused(places):
    """`filters`: a `pyarrow.compute` expression"""
    path = next(iter(places))
    for expression in (F("i") + 1, F("s")):
        with pytest.raises((ValueError, TypeError, NotImplementedError)):
            arrow(path, filters=expression)


@pytest.mark.parametrize("name", ["ours.parquet", "ds"])
def test_a_filter_column_need_not_be_in_columns(name, places):
    """A filter column need not be in `columns`."""
    path, full = next((p, t) for p, t in places.items() if p.name == name)
    for filters in (F("i") == 25, (F("p") == 1) & (F("f") > 0), [("q", "==", "x")]):
        expression = filters if isinstance(filters, pc.Expression) else pq.filters_to_expression(filters)
        want = decoded(full).filter(expression)
        for columns in (["row"], ["s", "row"], ["q", "row"], []):
            got = arrow(path, columns=columns, filters=filters)
            assert got.column_names == columns and got.num_rows == want.num_rows
            if "row" in columns:
                assert got["row"].to_pylist() == want["row"].to_pylist()
                assert (
                    batches(path, columns=columns, filters=filters, chunk_size=9)["row"].to_pylist()
                    == want["row"].to_pylist()
                )


def test_row_group_statistics_prune_before_any_page_is_read(tmp_path):
    """Partition values and row-group statistics prune before any page is read."""
    path = tmp_path / "t.parquet"
    table = pa.table(
        {"i": range(100), "s": [f"k{i:03}" for i in range(100)], "n": [None] * 50 + list(range(50))}
    )
    write_parquet(table, path, table.schema, row_group_size=10)
    spoil(path, groups=[0, 1, 2, 3, 4, 6, 7, 8, 9])
    for filters in (
        [("i", "==", 55)],
        (F("i") > 49) & (F("i") < 60),
        F("s") == "k055",
        F("i").isin([51, 52]),
        [("s", "in", ["k050"])],
    ):
        want = table.filter(
            filters if isinstance(filters, pc.Expression) else pq.filters_to_expression(filters)
        )
        assert arrow(path, filters=filters).to_pydict() == want.to_pydict()
        assert batches(path, filters=filters, chunk_size=3).to_pydict() == want.to_pydict()
    assert arrow(path, filters=F("i") < 0).num_rows == 0


def test_partition_values_prune_before_any_page_is_read(tmp_path):
    """Partition values ... prune before any page is read."""
    for i in range(5):
        put(tmp_path / f"k={i}" / "f.parquet", a=[i])
        if i != 3:
            spoil(tmp_path / f"k={i}" / "f.parquet")
    for filters in ([("k", "==", 3)], F("k") == 3, F("k").isin([3, 77]), (F("k") > 2) & (F("k") < 4)):
        assert arrow(tmp_path, filters=filters).to_pydict() == {"a": [3], "k": [3]}
        assert batches(tmp_path, filters=filters).to_pydict() == {"a": [3], "k": [3]}


def test_nested_filters_by_path(tmp_path):
    """A filtered read equals a full read followed by `pyarrow.Table.filter`, always"""
    table = pa.table({"s": [{"x": i, "y": str(i)} if i % 3 else None for i in range(50)], "i": range(50)})
    path = tmp_path / "t.parquet"
    write_parquet(table, path, table.schema, row_group_size=10)
    for expression in (F("s", "x") > 40, F(("s", "x")) == 7, F("s", "y") == "11", F("s").is_null()):
        want = table.filter(expression)
        assert arrow(path, filters=expression).to_pydict() == want.to_pydict()
        assert arrow(path, filters=expression, columns=["i"])["i"].to_pylist() == want["i"].to_pylist()
