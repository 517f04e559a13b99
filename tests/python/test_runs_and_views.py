# SPDX-License-Identifier: Apache-2.0
"""Run-end encoded columns and list views: declared, handed in, and back as they were declared."""

from __future__ import annotations

import random
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from interop import support

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_parquet, write_to_dataset

NAN, ZERO = float("nan"), 0.0
VALUES = {
    "int8": (pa.int8(), [1, -1, 0]),
    "bool": (pa.bool_(), [True, False]),
    "string": (pa.string(), ["", "x", "longer than twelve bytes", "y"]),
    "large_binary": (pa.large_binary(), [b"", b"\x00", b"\xff" * 40]),
    "string_view": (pa.string_view(), ["", "x", "longer than twelve bytes"]),
    "double": (pa.float64(), [ZERO, -ZERO, NAN, 1.5]),
    "decimal256": (pa.decimal256(50, 2), [Decimal("1.25"), Decimal("-1.25")]),
    "timestamp": (pa.timestamp("s", "Europe/Berlin"), [0, 10**9]),
    "fixed": (pa.binary(3), [b"abc", b"abd"]),
    "null": (pa.null(), [None]),
}


def runs_of(name: str, length: int, ends: pa.DataType) -> pa.RunEndEncodedArray:
    """Runs of random lengths, neighbours different, nulls among them."""
    kind, pool = VALUES[name]
    rng, values, stops, at = random.Random(length), [], [], 0
    while at < length:
        at = min(length, at + rng.choice([1, 2, 9, 100]))
        choice = [v for v in [*pool, None] if not values or repr(v) != repr(values[-1])]
        if not choice and values:
            stops[-1] = at
            continue
        values.append(rng.choice(choice or [None]))
        stops.append(at)
    return pa.RunEndEncodedArray.from_arrays(pa.array(stops, ends), pa.array(values, kind))


def bits(array) -> list:
    """Values that tell NaN and the zeros apart, whatever the form."""
    return [repr(v) for v in array.to_pylist()]


@pytest.mark.parametrize("ends", [pa.int16(), pa.int32(), pa.int64()], ids=str)
@pytest.mark.parametrize("name", VALUES)
def test_runs_come_back_as_the_same_runs(name, ends, tmp_path):
    runs = runs_of(name, 3000, ends)
    table = pa.table({"v": runs, "n": range(3000)})
    path = tmp_path / "runs.parquet"
    write_parquet(table, path, table.schema)
    assert inspect_schema(path).equals(table.schema)
    got = read_parquet(path, output_format="arrow")
    got.validate(full=True)
    assert got.schema.equals(table.schema)
    [chunk] = got["v"].chunks
    assert chunk.run_ends.equals(runs.run_ends)
    assert bits(chunk.values) == bits(runs.values)
    assert bits(pq.read_table(path, columns=["n"])["n"]) == bits(table["n"])
    pieces = [b["v"] for b in read_parquet_iter(path, chunk_size=171)]
    assert [v for p in pieces for v in bits(p)] == bits(chunk)
    assert read_parquet(path)["v"].isna().sum() == sum(v is None or v != v for v in chunk.to_pylist())


@pytest.mark.parametrize("name", ["string", "double", "decimal256"])
def test_slices_of_runs_and_values_for_runs(name, tmp_path):
    runs = runs_of(name, 500, pa.int32())
    path = tmp_path / "runs.parquet"
    for start, length in ((0, 500), (7, 300), (499, 1), (3, 0)):
        part = runs.slice(start, length)
        values = pa.array(part.to_pylist(), runs.type.value_type)
        for data in (part, values):
            write_parquet(pa.table({"v": data}), path, pa.schema([("v", runs.type)]))
            got = read_parquet(path, output_format="arrow")["v"]
            assert got.type == runs.type
            assert bits(got) == bits(part)


def test_runs_below_lists_and_structs(tmp_path):
    runs = pa.run_end_encoded(pa.int32(), pa.string())
    kind = pa.struct([("r", runs), ("n", pa.int32())])
    rows = [{"r": w, "n": i} for i, w in enumerate(["a", "a", None, "b", "b", "b"])]
    path = tmp_path / "nested.parquet"
    schema = pa.schema([("s", kind), ("l", pa.list_(runs)), ("f", pa.list_(runs, 2))])
    data = [{"s": row, "l": [row["r"]] * row["n"], "f": [row["r"], "z"]} for row in rows]
    data[4] = {"s": None, "l": None, "f": None}
    write_parquet(data, path, schema)
    got = read_parquet(path, output_format="arrow")
    got.validate()
    assert [f.type for f in got.schema] == [f.type for f in inspect_schema(path)]
    assert got.schema.field("s").type == kind
    assert got.to_pylist() == data


def test_runs_over_several_files_and_batches(tmp_path):
    table = pa.table({"v": runs_of("string", 1000, pa.int32()), "p": [i % 3 for i in range(1000)]})
    folder = tmp_path / "d"
    write_to_dataset(table, folder, table.schema, partition_cols=["p"])
    write_to_dataset(table, folder, table.schema, partition_cols=["p"])
    got = read_parquet(folder, output_format="arrow")
    assert got.schema.field("v").type == table.schema.field("v").type
    assert sorted(map(repr, got["v"].to_pylist())) == sorted(map(repr, table["v"].to_pylist() * 2))
    batches = list(read_parquet_iter(folder, chunk_size=77))
    assert {b.num_rows for b in batches[:-1]} == {77}
    for batch in batches:
        batch.validate(full=True)
    assert [v for b in batches for v in b["v"].to_pylist()] == got["v"].to_pylist()


def test_files_of_runs_and_of_values(tmp_path):
    """Files of one dataset may differ in this only where a schema says what comes out."""
    runs = pa.schema([("v", pa.run_end_encoded(pa.int32(), pa.string()))])
    write_parquet([{"v": "a"}] * 3, tmp_path / "a.parquet", runs)
    write_parquet([{"v": "b"}] * 3, tmp_path / "b.parquet", pa.schema([("v", pa.string())]))
    with pytest.raises(pa.ArrowInvalid, match="v"):
        read_parquet([tmp_path / "a.parquet", tmp_path / "b.parquet"], output_format="arrow")


@pytest.mark.parametrize("ends", [pa.int16(), pa.int32()], ids=str)
def test_run_ends_that_do_not_reach(ends, tmp_path):
    kind = pa.run_end_encoded(ends, pa.int64())
    path = tmp_path / "long.parquet"
    write_parquet(pa.table({"v": pa.array([7] * 40000)}), path, pa.schema([("v", kind)]))
    chunks = read_parquet(path, output_format="arrow")["v"].chunks
    assert [len(c) for c in chunks] == ([20000, 20000] if ends == pa.int16() else [40000])
    assert all(pc.run_end_decode(c).to_pylist() == [7] * len(c) for c in chunks)
    if ends == pa.int16():
        with pytest.raises(pa.ArrowInvalid, match="chunk_size"):
            list(read_parquet_iter(path, chunk_size=40000))
    batches = list(read_parquet_iter(path, chunk_size=30000))
    assert [b["v"].type for b in batches] == [kind, kind]
    assert pc.run_end_decode(batches[1]["v"]).to_pylist() == [7] * 10000


def test_filters_over_runs(tmp_path):
    """pyarrow filters no runs: they are judged and cut as values."""
    words = pa.array(["a", "a", None, "b", "b", "c"])
    runs = pc.run_end_encode(words)
    views = pa.RunEndEncodedArray.from_arrays(runs.run_ends, runs.values.cast(pa.string_view()))
    coded = pa.RunEndEncodedArray.from_arrays(runs.run_ends, runs.values.dictionary_encode())
    table = pa.table({"v": runs, "n": range(6), "w": views, "d": coded})
    path = tmp_path / "runs.parquet"
    write_parquet(table, path, table.schema)
    for expression, rows in ((pc.field("n") > 2, [3, 4, 5]), (pc.field("v") == "b", [3, 4])):
        got = read_parquet(path, filters=expression, output_format="arrow")
        assert got.schema.equals(table.schema)
        assert got["n"].to_pylist() == rows
        for name in "vwd":
            assert got[name].to_pylist() == words.take(pa.array(rows)).to_pylist()
    assert read_parquet(path)["w"].tolist()[3:] == ["b", "b", "c"]


VIEWS = [
    pa.list_view(pa.int32()),
    pa.large_list_view(pa.string()),
    pa.list_view(pa.list_view(pa.string_view())),
    pa.large_list_view(pa.struct([("x", pa.int8()), ("l", pa.list_view(pa.bool_()))])),
]


@pytest.mark.parametrize("kind", VIEWS, ids=str)
def test_list_views_come_back_as_they_were_declared(kind, tmp_path):
    items = {
        0: [1, None, 3],
        1: ["a", None, ""],
        2: [["x"], None, []],
        3: [{"x": 1, "l": [True, None]}, None],
    }
    rows = [items[VIEWS.index(kind)], [], None, items[VIEWS.index(kind)][:1]] * 50
    table = pa.table({"v": pa.array(rows, kind)})
    path = tmp_path / "views.parquet"
    write_parquet(table, path, table.schema)
    assert inspect_schema(path).equals(table.schema)
    got = read_parquet(path, output_format="arrow")
    got.validate(full=True)
    assert got.schema.equals(table.schema)
    assert got["v"].to_pylist() == rows
    assert pq.read_table(path)["v"].to_pylist() == rows
    batches = list(read_parquet_iter(path, chunk_size=33))
    assert [v for b in batches for v in b["v"].to_pylist()] == rows
    assert [r["v"] for r in read_parquet(path, filters=pc.field("v").is_valid(), output_format="arrow").to_pylist()] == [
        r for r in rows if r is not None
    ]  # fmt: skip
    shuffled = table.take(list(range(199, -1, -1)))
    support.assert_same(shuffled.slice(0, 0), table.slice(0, 0))
    write_parquet(shuffled, path, table.schema)
    assert read_parquet(path, output_format="arrow")["v"].to_pylist() == rows[::-1]


@pytest.mark.parametrize(
    "kind",
    [pa.run_end_encoded(pa.int32(), pa.list_(pa.int8())), pa.run_end_encoded(pa.int32(), pa.struct([("x", pa.int8())]))],
    ids=["list", "struct"],
)  # fmt: skip
def test_runs_of_nested_values_are_named(kind, tmp_path):
    with pytest.raises(NotImplementedError, match="'v'.*run"):
        write_parquet([], tmp_path / "x.parquet", pa.schema([("v", kind)]))


WITH_VIEWS = {
    "a": pa.array(["x", None, "longer than twelve bytes"], pa.string_view()),
    "b": pa.array([b"x", b"", None], pa.binary_view()),
    "c": pa.array([["x"], None, ["y", None]], pa.list_(pa.string_view())),
    "d": pa.array([{"k": "x"}, None, {"k": None}], pa.struct([("k", pa.string_view())])),
    "e": pa.array([[("k", "x")], None, []], pa.map_(pa.string_view(), pa.string_view())),
    "f": pa.array([["x", "y"], None, [None, "z"]], pa.list_(pa.string_view(), 2)),
    "g": pa.array([["x"], None, []], pa.large_list_view(pa.binary_view())),
}


@pytest.mark.parametrize("call", [read_parquet, read_parquet_iter])
def test_filters_over_columns_of_views(call, tmp_path):
    """pyarrow filters neither views nor what has them inside."""
    table = pa.table({"i": [1, 2, 3], **WITH_VIEWS})
    write_parquet(table, tmp_path / "x.parquet", table.schema)
    for where, rows in ((pc.field("i") > 1, [1, 2]), (pc.field("a") == "x", [0]), (pc.field("i") > 9, [])):
        if call is read_parquet:
            found = read_parquet(tmp_path / "x.parquet", output_format="arrow", filters=where)
        else:
            batches = read_parquet_iter(tmp_path / "x.parquet", chunk_size=2, filters=where)
            found = pa.Table.from_batches(batches, table.schema)
        found.validate(full=True)
        assert found.schema.equals(table.schema)
        assert found.to_pylist() == [table.to_pylist()[row] for row in rows]
