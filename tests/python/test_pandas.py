# SPDX-License-Identifier: Apache-2.0
"""Frames come back as they went in: every dtype with and without the metadata of pandas, each row of the
table in docs/reading.md, categories, indexes. Written for pandas 2 and 3."""

from __future__ import annotations

import datetime as dt
import decimal
import gc
import uuid
import weakref
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal, assert_index_equal

from py_parquet_forge import (
    ParquetStreamWriter,
    SchemaValidationError,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

PANDAS3 = int(pd.__version__.split(".")[0]) >= 3
PAGE = Path(__file__).resolve().parents[2] / "docs/reading.md"
N = 120
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
MASKED = [name.replace("uint", "UInt") if name[0] == "u" else name.capitalize() for name in INTS]
UNITS = ["s", "ms", "us", "ns"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/St_Johns"]


def schema_of(frame: pd.DataFrame, *, metadata: bool) -> pa.Schema:
    schema = pa.Schema.from_pandas(frame)
    return schema if metadata else schema.remove_metadata()


def round_trip(frame, path, schema, **options):
    write_parquet(frame, path, schema, row_group_size=50, **options)
    return read_parquet(path)


def assert_same(found, frame):
    assert_frame_equal(found, frame, check_freq=False)


def values(*some, dtype=None):
    """N values, over and over."""
    return pd.Series((list(some) * N)[:N], dtype=dtype)


def instants(unit, zone=None):
    naive = pd.Series(np.arange(N) * 86401).astype("datetime64[s]").dt.as_unit(unit)
    return naive if zone is None else naive.dt.tz_localize("UTC").dt.tz_convert(zone)


def with_null(series, null=pd.NaT):
    changed = series.copy()
    changed[3] = null
    return changed


def categories(of, some=(2, 0, None, 1), *, ordered=False):
    """A column of categories that are neither sorted nor all used."""
    index = pd.Index(of)
    codes = [-1 if i is None else i for i in some]
    return pd.Series(pd.Categorical.from_codes((codes * N)[:N], index, ordered=ordered))


def arrow(type_, *some):
    chunks = [pa.array(list(some) * 10, type_), pa.array([None, *some], type_)]
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(chunks)))


CATEGORIES = {
    "str": categories(["z", "c", "b", "a", "unused"]),
    "ordered": categories(["low", "mid", "high", "unused"], ordered=True),
    "int": categories([9, 5, 3, 1]),
    "float": categories([9.5, -0.0, 3.25, 1]),
    "datetime": categories(pd.to_datetime(["2022-01-01", "2021-01-01", "2020-01-01", "1999-01-01"])),
    "zoned": categories(pd.date_range("2020", periods=4, tz="Europe/Berlin")[::-1]._with_freq(None)),
    "timedelta": categories(pd.to_timedelta([3, 2, 1, 9], unit="s")),
    "date": categories(
        pd.Index([dt.date(2022, 1, 1), dt.date(2020, 1, 1), dt.date(2021, 1, 1)], dtype=object)
    ),
    "decimal": categories(pd.Index([decimal.Decimal(x) for x in ("2.50", "1.00", "9.99")], dtype=object)),
    "bytes": categories(pd.Index([b"b", b"", b"a"], dtype=object)),
    "bool": categories([False, True], [0, 1, None]),
    "all null": categories(["x", "y"], [None]),
    "one": categories(["only"], [0]),
    "many": categories([f"{i:05}"[::-1] for i in range(5000)], [4999, 17, None]),
}

# the table of docs/reading.md: what is in the frame -> columns of that kind
KINDS = {
    "bool": [values(True, False)],
    "int8 .. uint64": [values(1, 0, 100, dtype=name) for name in INTS],
    "float with integers and NaN": [values(1.0, np.nan, -300.0)],
    "float16, float32, float64, NaN among them": [
        values(1.5, np.nan, -0.0, np.inf, dtype=name) for name in ("float16", "float32", "float64")
    ],
    "Int8 .. UInt64 without nulls": [values(1, 0, 100, dtype=name) for name in MASKED],
    "Int8 .. UInt64 with nulls": [values(1, None, 100, dtype=name) for name in MASKED],
    "Float32, Float64": [values(1.5, None, dtype=name) for name in ("Float32", "Float64")],
    "boolean without nulls": [values(True, False, dtype="boolean")],
    "boolean with nulls": [values(True, None, dtype="boolean")],
    "string, of either storage": [
        values("a", "ü", None, "", dtype=pd.StringDtype(s)) for s in ("python", "pyarrow")
    ],
    "str": [values("a", None, "", "ü")],
    "object of str": [values("a", None, "", dtype=object)],
    "object of bytes": [values(b"a", None, b"", dtype=object)],
    "object of Decimal": [
        values(decimal.Decimal("1.25"), None, decimal.Decimal("-9999999.99"), dtype=object)
    ],
    "object of date": [values(dt.date(2020, 2, 29), None, dt.date(1, 1, 1), dtype=object)],
    "object of time": [values(dt.time(1, 2, 3, 4), None, dt.time.max, dtype=object)],
    "object of datetime": [values(dt.datetime(2020, 2, 29, 1), None, dtype=object)],
    "object of timedelta": [values(dt.timedelta(1, 2, 3), None, dtype=object)],
    "object of UUID": [values(uuid.UUID(int=2**127 + 5), None, dtype=object)],
    "object of dict": [values({"a": 1, "b": "x"}, None, dtype=object)],
    "object of list, tuple or array": [
        values([1, 2], None, dtype=object),
        values((1, 2), None, dtype=object),
        values(np.array([1, 2]), None, dtype=object),
    ],
    "datetime64 in s, ms, us, ns": [s for unit in UNITS for s in (instants(unit), with_null(instants(unit)))],
    "datetime64 with a zone": [with_null(instants(unit, zone)) for unit in UNITS for zone in ZONES],
    "timedelta64 in s, ms, us, ns": [
        with_null(pd.Series(np.arange(N) - 50).astype("timedelta64[s]").dt.as_unit(unit)) for unit in UNITS
    ],
    "category": list(CATEGORIES.values()),
    "period": [pd.Series(pd.period_range("2020-01", periods=N, freq="M"))],
    "interval": [pd.Series(pd.interval_range(0, N, closed="left"))],
    "int64[pyarrow] and other ArrowDtype": [
        arrow(pa.int64(), 1, 2**60),
        arrow(pa.uint8(), 1),
        arrow(pa.bool_(), True, False),
        arrow(pa.float32(), 1.5),
        arrow(pa.string(), "a", ""),
        arrow(pa.large_string(), "a"),
        arrow(pa.binary(), b"a"),
        arrow(pa.date32(), dt.date(2020, 1, 1)),
        arrow(pa.time64("us"), dt.time(1, 2)),
        arrow(pa.timestamp("us"), dt.datetime(2020, 1, 1)),
        arrow(pa.timestamp("ms", "Europe/Berlin"), dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)),
        arrow(pa.duration("ms"), dt.timedelta(1)),
        arrow(pa.list_(pa.int32()), [1, None], []),
        arrow(pa.struct([("x", pa.int8())]), {"x": 1}),
        arrow(pa.dictionary(pa.int8(), pa.string()), "b", "a"),
    ],
    "decimal128(9, 2)[pyarrow]": [arrow(pa.decimal128(9, 2), decimal.Decimal("1.25"))],
    "Sparse": [
        pd.Series(pd.arrays.SparseArray((some * N)[:N]), dtype=pd.SparseDtype(name))
        for name, some in {"int64": [0, 0, 7], "float64": [np.nan, 0.5], "bool": [False, True]}.items()
    ],
}
DECLARED = {
    "float with integers and NaN": pa.int16(),
    "object of Decimal": pa.decimal128(9, 2),
    "object of UUID": pa.uuid(),
}


def table_rows() -> list[tuple[str, str, str, str]]:
    lines = PAGE.read_text().split("| in the frame |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    assert {row[0] for row in rows} == set(KINDS)
    return rows


def declared_schema(series: pd.Series, kind: str, *, metadata: bool) -> pa.Schema:
    frame = pd.DataFrame({"c": series})
    if kind == "Sparse":
        return pa.schema([("c", pa.from_numpy_dtype(series.dtype.subtype))])
    if kind not in DECLARED:
        return schema_of(frame, metadata=metadata)
    schema = pa.schema([("c", DECLARED[kind])])
    return schema.with_metadata(
        pa.Schema.from_pandas(pd.DataFrame({"c": values(1.0)})).metadata if metadata else None
    )


def expected_names(cell: str, count: int) -> list[str]:
    cell = cell.replace("str (object)", "str" if PANDAS3 else "object")
    if cell.endswith("of arrays"):
        cell = "object"
    if cell in ("int8 .. uint64", "Int8 .. UInt64"):
        return INTS if cell[0] == "i" else MASKED
    names = cell.split(" (")[0].split(", ")
    return names if len(names) == count else names[:1] * count


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("metadata", [True, False], ids=["metadata", "bare"])
@pytest.mark.parametrize("row", table_rows(), ids=lambda row: row[0])
def test_each_row_of_the_documented_table_holds(row, metadata, target):
    kind, declared, with_it, without_it = row
    if kind == "str" and not PANDAS3:
        pytest.skip("a dtype of pandas 3")
    cell = with_it if metadata else without_it
    names = expected_names(cell, len(KINDS[kind]))
    for series, name in zip(KINDS[kind], names, strict=True):
        frame = pd.DataFrame({"c": series})
        schema = declared_schema(series, kind, metadata=metadata)
        if declared[-1] in "])" or declared in ("bool", "int16", "string", "large_string", "binary"):
            text = str(schema.field("c").type)
            assert text in (declared, "large_string") if declared == "string" else text == declared
        found = round_trip(frame, target, schema)
        if cell == "the same":
            assert_same(found, frame)
        elif cell == "the dense dtype":
            assert_same(found, frame.sparse.to_dense())
        elif cell == "as the type's row says":
            assert not isinstance(found["c"].dtype, pd.ArrowDtype)
            assert found["c"].isna().tolist() == series.isna().tolist()
        else:
            assert str(found["c"].dtype) == name
            assert found["c"].isna().tolist() == series.isna().tolist()
            valid = series.notna()
            assert list(map(plain, found["c"][valid])) == list(map(plain, series[valid]))


@pytest.mark.parametrize("kind", ["str", "object of str"])
def test_frames_of_many_dtypes_come_back_whole(kind, target):
    frame = pd.DataFrame(
        {
            f"{kind} {i}": series
            for kind in (
                "int8 .. uint64",
                "Int8 .. UInt64 with nulls",
                "datetime64 with a zone",
                "category",
                "Float32, Float64",
            )
            for i, series in enumerate(KINDS[kind])
        }
    )
    frame[kind] = KINDS["str"][0]
    frame["arrow"] = pd.Series(pd.arrays.ArrowExtensionArray(pa.array([[1]] * N, pa.list_(pa.int8()))))
    assert_same(round_trip(frame, target, pa.Schema.from_pandas(frame)), frame)


@pytest.mark.parametrize("offset", [dt.timedelta(hours=5, minutes=30), -dt.timedelta(hours=8)], ids=str)
def test_fixed_offsets_keep_their_instants_and_offset(offset, target):
    frame = pd.DataFrame({"c": instants("us", dt.timezone(offset))})
    found = round_trip(frame, target, schema_of(frame, metadata=False))
    assert (found["c"] == frame["c"]).all()
    assert found["c"][0].utcoffset() == offset
    if PANDAS3:
        assert_same(found, frame)


# ---- categories ----


@pytest.mark.parametrize("name", CATEGORIES)
@pytest.mark.parametrize(
    "options", [{}, {"dictionary_pagesize_limit": 8192, "data_page_size": 50}], ids=["default", "small"]
)
def test_pyarrow_and_we_read_each_others_categories_alike(name, options, tmp_path):
    frame = pd.DataFrame({"c": CATEGORIES[name]})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    write_parquet(frame, ours, table.schema, row_group_size=50, **options)
    pq.write_table(table, theirs, row_group_size=50)
    wanted = table["c"].chunk(0).dictionary.to_pylist()
    ours_by_them, theirs_by_them = pq.read_table(ours)["c"], pq.read_table(theirs)["c"]
    assert ours_by_them.type == theirs_by_them.type
    assert ours_by_them.to_pylist() == theirs_by_them.to_pylist()
    kept_by_them = pa.types.is_dictionary(ours_by_them.type)
    if kept_by_them:  # of strings and bytes; of other types they make none
        assert all(chunk.dictionary.to_pylist() == wanted for chunk in ours_by_them.chunks)
    for path in (ours, theirs) if kept_by_them else (ours,):
        by_us = read_parquet(path, output_format="arrow")["c"]
        assert by_us.type == table["c"].type
        assert all(chunk.dictionary.to_pylist() == wanted for chunk in by_us.chunks)
        assert by_us.to_pylist() == table["c"].to_pylist()
        assert_same(read_parquet(path), frame)


def test_categories_that_differ_between_chunks_are_put_together_in_order(target):
    schema = pa.schema([("c", pa.dictionary(pa.int32(), pa.string()))])
    with ParquetStreamWriter(target, schema, row_group_size=5) as writer:
        for names in (["b", "a"], ["c", "a"], ["x", "b"]):
            writer.write_chunk(pd.DataFrame({"c": pd.Categorical([names[0]] * 4, names)}))
    found = read_parquet(target)["c"]
    assert found.cat.categories.tolist() == ["b", "a", "c", "x"]
    assert found.tolist() == ["b"] * 4 + ["c"] * 4 + ["x"] * 4
    groups = [
        chunk.dictionary.to_pylist() for chunk in read_parquet(target, output_format="arrow")["c"].chunks
    ]
    assert groups == [["b", "a", "c"], ["c", "a", "x", "b"], ["x", "b"]]


def test_dictionaries_with_repeated_and_null_values_keep_the_order_of_the_others(target):
    array = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 2, 3, None, 4] * 20, pa.int8()), pa.array(["b", "a", None, "b", "c", "unused"])
    )
    schema = pa.schema([("c", pa.dictionary(pa.int8(), pa.string()))])
    write_parquet(pa.table({"c": array}), target, schema, row_group_size=50)
    found = read_parquet(target, output_format="arrow")["c"]
    assert [chunk.dictionary.to_pylist() for chunk in found.chunks] == [["b", "a", "c", "unused"]] * 3
    assert found.to_pylist() == ["b", "a", None, "b", None, "c"] * 20


@pytest.mark.parametrize(
    ("of", "declared"),
    [(["z", "a"], pa.large_string()), ([9, 3], pa.int32()), ([9.0, 3.0], pa.int64()), ([9, 3], pa.float32())],
    ids=str,
)
def test_categories_keep_their_order_when_the_declared_type_differs(of, declared, target):
    frame = pd.DataFrame({"c": categories([*of, of[0] * 2], [1, 0, None])})
    schema = pa.schema([("c", pa.dictionary(pa.int16(), declared))])
    write_parquet(frame, target, schema)
    chunk = read_parquet(target, output_format="arrow")["c"].chunk(0)
    assert chunk.type == schema.field("c").type
    assert chunk.dictionary.to_pylist() == frame["c"].cat.categories.tolist()


def test_a_category_that_does_not_fit_matters_only_where_rows_use_it(target):
    schema = pa.schema([("c", pa.dictionary(pa.int8(), pa.int8()))])
    unused = pd.DataFrame({"c": pd.Categorical([1, 2], [2, 1, 300])})
    write_parquet(unused, target, schema)
    assert read_parquet(target)["c"].tolist() == [1, 2]
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(pd.DataFrame({"c": pd.Categorical([1, 300, 2])}), target, schema)
    assert caught.value.failures[0].samples == [(1, "300")]


def test_plain_strings_for_a_declared_dictionary_are_in_order_of_appearance(target):
    schema = pa.schema([("c", pa.dictionary(pa.int8(), pa.string()))])
    write_parquet(pd.DataFrame({"c": ["b", "c", "a", "b"]}), target, schema)
    assert read_parquet(target)["c"].cat.categories.tolist() == ["b", "c", "a"]


@pytest.mark.parametrize("name", ["str", "int", "decimal", "zoned"])
def test_bytes_do_not_depend_on_the_split_or_on_threads(name, tmp_path):
    frame = pd.DataFrame({"c": CATEGORIES[name], "d": CATEGORIES["ordered"]})
    schema = pa.Schema.from_pandas(frame)
    contents = set()
    for step, threads in ((N, True), (N, False), (7, True), (1, False)):
        path = tmp_path / f"{step}-{threads}.parquet"
        with ParquetStreamWriter(
            path, schema, row_group_size=50, max_rows_per_page=20, use_threads=threads
        ) as writer:
            for start in range(0, N, step):
                writer.write_chunk(frame.iloc[start : start + step])
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_statistics_are_of_the_values_in_use(target):
    frame = pd.DataFrame(
        {"s": categories(["a", "m", "p", "z"], [1, 2]), "i": categories([-9, 5, 7, 99], [1, None, 2])}
    )
    write_parquet(frame, target, pa.Schema.from_pandas(frame))
    group = pq.ParquetFile(target).metadata.row_group(0)
    assert (group.column(0).statistics.min, group.column(0).statistics.max) == ("m", "p")
    assert (group.column(1).statistics.min, group.column(1).statistics.max) == (5, 7)
    assert group.column(1).statistics.null_count == N // 3


def test_dictionaries_beyond_16_times_the_limit_are_not_kept(target):
    of = [f"{i:06}"[::-1] for i in range(4000)]  # 10 bytes each in the page
    frame = pd.DataFrame({"c": categories(of, [5, 3])})
    schema = pa.Schema.from_pandas(frame)
    for limit, kept in ((2500, True), (2499, False)):
        write_parquet(frame, target, schema, dictionary_pagesize_limit=limit)
        found = read_parquet(target)["c"]
        assert found.cat.categories.tolist() == (of if kept else [of[5], of[3]])
        assert found.tolist() == frame["c"].tolist()


def test_without_dictionary_encoding_only_values_come_back(target):
    frame = pd.DataFrame({"c": CATEGORIES["str"]})
    write_parquet(frame, target, pa.Schema.from_pandas(frame), use_dictionary=False)
    found = read_parquet(target)["c"]
    assert found.tolist() == frame["c"].tolist() and found.cat.categories.tolist() == ["b", "z", "c"]


def test_categories_in_structs_and_lists_keep_their_dictionary(target):
    inner = pa.DictionaryArray.from_arrays(pa.array([2, 0, None, 2], pa.int8()), ["z", "unused", "a"])
    table = pa.table(
        {
            "s": pa.StructArray.from_arrays([inner], ["x"]),
            "l": pa.ListArray.from_arrays([0, 3, 3, 4, 4], inner),
        }
    )
    write_parquet(table, target, table.schema)
    found = read_parquet(target, output_format="arrow").combine_chunks()
    assert found.equals(table)
    assert found["s"].chunk(0).field("x").dictionary.to_pylist() == ["z", "unused", "a"]
    assert found["l"].chunk(0).values.dictionary.to_pylist() == ["z", "unused", "a"]


def test_a_whole_read_gives_all_categories_and_batches_give_them_up_to_4096(target):
    for size, whole in ((4096, True), (4097, False)):
        frame = pd.DataFrame({"c": categories([f"{i:05}"[::-1] for i in range(size)], [7, 3])})
        write_parquet(frame, target, pa.Schema.from_pandas(frame))
        assert_same(read_parquet(target), frame)
        for batch in read_parquet_iter(target, chunk_size=50):
            assert (len(batch.column("c").dictionary) == size) == whole


@pytest.mark.parametrize("partitions", [2, 60])
@pytest.mark.parametrize(("size", "whole"), [(4, True), (256, True), (257, False)])
def test_categories_of_partitioned_files_come_back(partitions, size, whole, tmp_path):
    names = [f"{i:03}"[::-1] for i in range(size)]
    part = np.arange(N) % partitions
    frame = pd.DataFrame({"p": part, "c": categories(names, [3, 1, None, 0], ordered=True)})
    write_to_dataset(frame, tmp_path / "ds", schema_of(frame, metadata=False), partition_cols=["p"])
    found = read_parquet(tmp_path / "ds").astype({"p": "int64"}).sort_values("p", kind="stable")
    expected = frame.sort_values("p", kind="stable")["c"]
    assert (
        found["c"].astype(object).fillna("null").tolist() == expected.astype(object).fillna("null").tolist()
    )
    assert found["c"].cat.ordered
    if whole:
        assert found["c"].cat.categories.tolist() == names


NO_ROWS = pa.schema(
    [
        ("c", pa.dictionary(pa.int8(), pa.string())),
        ("o", pa.dictionary(pa.int32(), pa.string(), ordered=True)),
        ("n", pa.dictionary(pa.int16(), pa.int64())),
    ]
)


def frame_of_no_rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "c": pd.Categorical([], categories=["x", "y"]),
            "o": pd.Categorical([], categories=["lo", "hi"], ordered=True),
            "n": pd.Categorical([], categories=[5, 3]),
        }
    )


def expect_types_of_no_rows(path, **keywords) -> None:
    frame = read_parquet(path, **keywords)
    assert len(frame) == 0 and list(frame.columns) == NO_ROWS.names
    assert all(isinstance(frame[name].dtype, pd.CategoricalDtype) for name in NO_ROWS.names)
    assert [frame[name].cat.ordered for name in NO_ROWS.names] == [False, True, False]
    assert read_parquet(path, "arrow", **keywords).schema.types == NO_ROWS.types


@pytest.mark.parametrize(
    "make",
    [
        frame_of_no_rows,
        lambda: frame_of_no_rows().reindex(["x", "x"]).iloc[:0],
        lambda: pa.Table.from_pandas(frame_of_no_rows(), NO_ROWS, preserve_index=False),
        NO_ROWS.empty_table,
        list,
    ],
    ids=["frame", "slice", "table", "no chunks", "list"],
)
def test_category_columns_of_no_rows_keep_their_types(make, tmp_path):
    write_parquet(make(), tmp_path / "f", NO_ROWS)
    expect_types_of_no_rows(tmp_path / "f")
    assert pq.read_schema(tmp_path / "f").types[:2] == NO_ROWS.types[:2]
    for columns in (None, ["c"], ["o", "n"]):
        target = tmp_path / f"d{columns}"
        write_to_dataset(make(), target, NO_ROWS, partition_cols=columns)
        assert target.is_dir() and not any(target.iterdir())
        assert read_parquet(target).shape == (0, 0)
        expect_types_of_no_rows(target, schema=NO_ROWS)


def test_a_column_of_no_category_comes_back_as_nulls(target):
    frame = pd.DataFrame({"c": pd.Categorical([None] * 3, [])})
    schema = pa.schema([("c", pa.dictionary(pa.int8(), pa.null()))])
    assert round_trip(frame, target, schema)["c"].tolist() == [None] * 3


# ---- the index ----


INDEXES = {
    "named": pd.Index([f"k{i}" for i in range(N)], name="key"),
    "unnamed": pd.Index(np.arange(N) * 2 + 1),
    "range": pd.RangeIndex(5, 5 + 3 * N, 3, name="r"),
    "dates": pd.date_range("2020-01-01", periods=N, tz="Europe/Berlin", name="when"),
    "categories": pd.CategoricalIndex((["b", "a"] * N)[:N], ["b", "unused", "a"], name="key"),
    "multi": pd.MultiIndex.from_product([["x", "y"], range(N // 2)], names=["a", None]),
}


@pytest.mark.parametrize("name", INDEXES)
def test_the_index_comes_back_where_the_metadata_says_so(name, target):
    frame = pd.DataFrame({"v": values(1, None, dtype="Int64").to_numpy()}, index=INDEXES[name]).astype(
        "Int64"
    )
    assert_same(round_trip(frame, target, pa.Schema.from_pandas(frame)), frame)


@pytest.mark.parametrize("name", INDEXES)
def test_the_index_is_not_written_unless_the_schema_names_it(name, target):
    frame = pd.DataFrame({"v": np.arange(N)}, index=INDEXES[name])
    found = round_trip(frame, target, pa.schema([("v", pa.int64())]))
    assert_same(found, frame.reset_index(drop=True))


def test_levels_of_the_index_are_named_by_name_or_number(target):
    frame = pd.DataFrame({"v": np.arange(N)}, index=INDEXES["multi"])
    schema = pa.schema([("__index_level_1__", pa.int64()), ("v", pa.int64()), ("a", pa.string())])
    found = round_trip(frame, target, schema)
    assert found.columns.tolist() == ["__index_level_1__", "v", "a"]
    assert found["a"].tolist() == frame.index.get_level_values(0).tolist()
    assert found["__index_level_1__"].tolist() == frame.index.get_level_values(1).tolist()
    only_first = round_trip(frame, target, pa.schema([("a", pa.string()), ("v", pa.int64())]))
    assert only_first.columns.tolist() == ["a", "v"]


def test_names_of_columns_that_are_no_strings_come_back_with_the_metadata(target):
    frame = pd.DataFrame(np.arange(6).reshape(3, 2), columns=pd.Index([10, 20], name="numbers"))
    assert_same(round_trip(frame, target, pa.Schema.from_pandas(frame)), frame)
    levels = pd.DataFrame(
        np.arange(6).reshape(3, 2), columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    )
    assert_same(round_trip(levels, target, pa.Schema.from_pandas(levels)), levels)
    bare = round_trip(frame, target, schema_of(frame, metadata=False))
    assert bare.columns.tolist() == ["10", "20"]


def test_columns_of_one_name_are_an_error(target):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(SchemaValidationError, match="more than once"):
        write_parquet(frame, target, pa.schema([("a", pa.int64())]))
    as_text = pd.DataFrame([[1, 2]], columns=[1, "1"])
    with pytest.raises(SchemaValidationError, match="more than once"):
        write_parquet(as_text, target, pa.schema([("1", pa.int64())]))
    assert not target.exists()


@pytest.mark.parametrize("how", ["filter", "columns", "two files"])
def test_an_index_that_is_not_all_there_still_reads(how, tmp_path):
    frame = pd.DataFrame({"v": np.arange(N), "w": values(1, None, dtype="Int64")}).set_index(INDEXES["range"])
    schema = pa.Schema.from_pandas(frame)
    for name in ("1.parquet", "2.parquet"):
        write_parquet(frame, tmp_path / name, schema)
    one = tmp_path / "1.parquet"
    if how == "filter":
        found = read_parquet(one, filters=[("v", "<", 10)])
        assert_same(found, frame.head(10).reset_index(drop=True).rename_axis(found.index.name))
    elif how == "columns":
        found = read_parquet(one, columns=["w"])
        assert found["w"].tolist() == frame["w"].tolist() and str(found["w"].dtype) == "Int64"
    else:
        found = read_parquet(tmp_path)
        assert (
            len(found) == 2 * N and found["w"].isna().sum() == N and found.index.equals(pd.RangeIndex(2 * N))
        )


def test_metadata_that_is_not_pandas_own_is_left_alone(target):
    schema = pa.schema([("a", pa.int64())], metadata={b"pandas": b"not json"})
    write_parquet(pa.table({"a": pa.array([1, None])}), target, schema)
    found = read_parquet(target)
    assert str(found["a"].dtype) == "Int64" and found["a"][0] == 1
    assert read_parquet(target, output_format="arrow").schema.metadata[b"pandas"] == b"not json"


# ---- what is refused ----


@pytest.mark.parametrize(
    ("column", "declared", "rows"),
    [
        (["a", 1, "b"], pa.string(), [1]),
        ([1, "x", None, 2.5], pa.int64(), [1, 3]),
        ([b"\xff", b"a"], pa.string(), [0]),
        ([decimal.Decimal("1.005"), decimal.Decimal("1.00")], pa.decimal128(5, 2), [0]),
        ([dt.date(2020, 1, 1), "2020-01-01"], pa.date32(), [1]),
        ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)], pa.timestamp("us"), [1]),
        ([{"x": 1}, {"x": "y"}], pa.struct([("x", pa.int8())]), [1]),
        ([[1], [2, "z"], 5], pa.list_(pa.int8()), [1, 2]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_mixed_objects_are_errors_that_name_rows_by_position(column, declared, rows, target):
    frame = pd.DataFrame({"c": pd.Series(column, dtype=object, index=range(100, 100 + len(column)))})
    with pytest.raises(SchemaValidationError) as caught:
        write_parquet(frame, target, pa.schema([("c", declared)]))
    found = sorted({row for failure in caught.value.failures for row, _ in failure.samples})
    assert found == rows
    assert not target.exists()


def test_rows_are_counted_over_the_chunks_of_a_stream(target):
    good, bad = pd.DataFrame({"c": ["a"] * 10}), pd.DataFrame({"c": pd.Series(["a", 5], dtype=object)})
    with ParquetStreamWriter(target, pa.schema([("c", pa.string())])) as writer:
        writer.write_chunk(good)
        with pytest.raises(SchemaValidationError) as caught:
            writer.write_chunk(bad)
        assert caught.value.failures[0].samples == [(11, "5")]
        writer.write_chunk(good)
    assert len(read_parquet(target)) == 20


# ---- arrays are the caller's again ----


@pytest.mark.parametrize("kind", ["int64", "float64", "datetime64[us]"])
def test_no_array_is_referenced_after_the_call(kind, target):
    array = np.arange(1000).astype(kind)
    wanted = array.copy()
    frame = pd.DataFrame({"c": array}, copy=False)
    schema = pa.Schema.from_pandas(frame)
    alive = weakref.ref(array)
    with ParquetStreamWriter(target, schema) as writer:
        writer.write_chunk(frame)
        array[:] = array[::-1].copy()
        del frame, array
        gc.collect()
        assert alive() is None
    assert (read_parquet(target)["c"].to_numpy() == wanted).all()


def test_indexes_of_dataframes_that_were_sliced_and_reversed_are_read_in_their_order(target):
    frame = pd.DataFrame({"c": np.arange(N), "s": [f"{i}" for i in range(N)]})[::-2]
    found = round_trip(frame, target, pa.Schema.from_pandas(frame))
    assert_same(found, frame.astype(found.dtypes.to_dict()))
    assert_index_equal(found.index, frame.index)


# ---- more values than the recorded indices count ----

BYTES = pa.schema([("c", pa.dictionary(pa.int8(), pa.string())), ("n", pa.int64())])


def labelled(first: int, count: int, rows: int) -> pa.Table:
    """Rows of `count` different labels."""
    codes = pa.array([None if i % 17 == 5 else i % count for i in range(rows)], pa.int32())
    labels = pa.DictionaryArray.from_arrays(codes, [f"v{first + i}" for i in range(count)])
    return pa.table({"c": labels, "n": range(rows)})


def read_all(path, **keywords):
    whole = read_parquet(path, "arrow", **keywords)
    batches = list(read_parquet_iter(path, 700, **keywords))
    assert {b.schema for b in batches} == {whole.schema}
    assert pa.Table.from_batches(batches)["c"].cast(pa.string()).equals(whole["c"].cast(pa.string()))
    whole.validate(full=True)
    return whole


@pytest.mark.parametrize("use_dictionary", [True, False])
@pytest.mark.parametrize("rows_per_group", [1000, 3000])
@pytest.mark.parametrize("count", [128, 129, 300])
def test_any_number_of_values_is_written_and_read_whatever_the_declared_indices(
    tmp_path, use_dictionary, rows_per_group, count
):
    path, table = tmp_path / "f.parquet", labelled(0, count, 3000)
    write_parquet(table, path, BYTES, row_group_size=rows_per_group, use_dictionary=use_dictionary)
    found = read_all(path)
    assert found.schema.field("c").type.index_type == (pa.int8() if count <= 128 else pa.int32())
    labels = table["c"].cast(pa.string())
    assert found["c"].cast(pa.string()).equals(labels)
    frame = read_parquet(path)
    assert frame["c"].dtype == "category" and frame["c"].astype(object).tolist()[:5] == labels.to_pylist()[:5]
    if use_dictionary:
        assert list(frame["c"].cat.categories) == [f"v{i}" for i in range(count)]


@pytest.mark.parametrize("firsts", [(0, 0, 0, 0), (0, 50, 20, 0), (0, 100, 200, 300)])
def test_row_groups_and_files_of_few_values_each_are_read_together(tmp_path, firsts):
    tables = [labelled(first, 100, 500) for first in firsts]
    expected = pa.concat_tables(tables)["c"].cast(pa.string()).to_pylist()
    with ParquetStreamWriter(tmp_path / "one.parquet", BYTES, row_group_size=500) as writer:
        for table in tables:
            writer.write_chunk(table)
    (tmp_path / "many").mkdir()
    for i, table in enumerate(tables):
        write_parquet(table, tmp_path / "many" / f"{i}.parquet", BYTES)
    index = pa.int8() if len({f + i for f in firsts for i in range(100)}) <= 128 else pa.int32()
    for path in (tmp_path / "one.parquet", tmp_path / "many"):
        found = read_all(path)
        assert found.schema.field("c").type == pa.dictionary(index, pa.string())
        assert found["c"].cast(pa.string()).to_pylist() == expected
        found = read_parquet(path, "arrow", filters=[("n", "<", 250)])
        assert found["c"].cast(pa.string()).to_pylist() == [
            label for i, label in enumerate(expected) if i % 500 < 250
        ]
        assert read_parquet(path)["c"].astype(object).where(lambda c: c.notna(), None).tolist() == expected
    assert read_parquet(tmp_path / "many" / "0.parquet", "arrow").schema == BYTES


def test_pandas_categories_of_many_files_are_read_together(tmp_path):
    for i in range(4):
        categories = [f"v{100 * i + k:03}" for k in range(100)]
        frame = pd.DataFrame({"c": pd.Categorical(categories, categories[::-1], ordered=True)})
        write_parquet(frame, tmp_path / f"{i}.parquet", pa.Schema.from_pandas(frame))
    found = read_parquet(tmp_path)
    assert found["c"].astype(object).tolist() == [f"v{i:03}" for i in range(400)]
    assert found["c"].dtype.ordered
    table = read_parquet(tmp_path, "arrow")
    declared = pa.Schema.from_pandas(frame).field("c").type
    assert declared.index_type == pa.int8() and declared.ordered
    assert table.schema.field("c").type == pa.dictionary(pa.int32(), declared.value_type, ordered=True)
    assert read_parquet(tmp_path / "0.parquet", "arrow").schema.field("c").type == declared


@pytest.mark.parametrize("inner", ["struct", "list"])
def test_nested_dictionaries_with_more_values_than_the_indices_count(tmp_path, inner):
    type = pa.dictionary(pa.int8(), pa.int64())
    type = pa.list_(type) if inner == "list" else pa.struct([("x", type), ("y", pa.int8())])
    values = [[i, None] if inner == "list" else {"x": i, "y": 1} for i in range(1000)]
    plain = pa.list_(pa.int64()) if inner == "list" else pa.struct([("x", pa.int64()), ("y", pa.int8())])
    table = pa.table({"c": pa.array(values, plain)})
    write_parquet(table, tmp_path / "f.parquet", pa.schema([("c", type)]))
    assert read_parquet(tmp_path / "f.parquet", "arrow")["c"].to_pylist() == values
    batches = list(read_parquet_iter(tmp_path / "f.parquet", 300))
    assert [v for b in batches for v in b["c"].to_pylist()] == values


def test_indices_that_are_too_narrow_do_not_fail_where_files_differ_or_a_schema_is_declared(tmp_path):
    write_parquet(labelled(0, 100, 500), tmp_path / "0.parquet", BYTES)
    more = BYTES.append(pa.field("m", pa.int8()))
    table = labelled(100, 100, 500)
    write_parquet(table.append_column("m", pa.array([1] * 500, pa.int8())), tmp_path / "1.parquet", more)
    expected = [*labelled(0, 100, 500)["c"].to_pylist(), *table["c"].to_pylist()]
    for keywords in ({"unify": "add"}, {"schema": more}, {"unify": "widen"}):
        assert read_all(tmp_path, **keywords)["c"].to_pylist() == expected


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([1, 2, 3], name="v"),
        pd.MultiIndex.from_tuples([(1, 2), (3, 4), (5, 6)], names=["v", "w"]),
        pd.MultiIndex.from_tuples([(1, 2), (3, 4), (5, 6)], names=["v", None]),
    ],
)
def test_an_index_with_the_name_of_a_column_comes_back(tmp_path, index):
    frame = pd.DataFrame({"v": [4, 5, 6]}, index=index)
    write_parquet(frame, tmp_path / "f", pa.Schema.from_pandas(frame))
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "f"), frame)
