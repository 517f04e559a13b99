# SPDX-License-Identifier: Apache-2.0
"""Promises about reading: paths, order, columns, partitions, pandas, foreign files, schemas."""

from __future__ import annotations

import datetime
import os
import random
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter, write_parquet, write_to_dataset

from .support import numbers, said


def arrow(path, **keywords):
    return read_parquet(path, output_format="arrow", **keywords)


def batches(path, **keywords):
    got = list(read_parquet_iter(path, **keywords))
    return pa.Table.from_batches(got) if got else None


def put(path, **columns):
    """A foreign file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def spoil(path, *columns, groups=None):
    """Damages the pages of some columns, so that who reads them fails."""
    metadata = pq.read_metadata(path)
    data = bytearray(path.read_bytes())
    for g in range(metadata.num_row_groups) if groups is None else groups:
        for c in range(metadata.num_columns):
            chunk = metadata.row_group(g).column(c)
            if not columns or chunk.path_in_schema in columns:
                start = min(filter(None, [chunk.dictionary_page_offset, chunk.data_page_offset]))
                data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)


# -- paths and order --


def test_reads_a_file_a_directory_a_glob_or_a_list(tmp_path):
    """`read_parquet`: a file, a directory, a glob, or a list of files."""
    one, two = put(tmp_path / "one.parquet", a=[1]), put(tmp_path / "two.parquet", a=[2])
    forms = [
        (one, [1]),
        (tmp_path, [1, 2]),
        (tmp_path / "*.parquet", [1, 2]),
        (tmp_path / "tw*", [2]),
        (tmp_path / "**", [1, 2]),
        (tmp_path / "[ot]*.parquet", [1, 2]),
    ]
    for path, want in [*forms, ([two, one], [2, 1]), ([str(one)], [1])]:
        text = path if isinstance(path, list) else str(path)
        assert (
            arrow(path)["a"].to_pylist()
            == arrow(text)["a"].to_pylist()
            == batches(path)["a"].to_pylist()
            == want
        )
        assert inspect_schema(path).names == ["a"]


@pytest.mark.parametrize("threads", [True, False])
def test_a_list_keeps_its_own_order(threads, tmp_path):
    """A list keeps its own order"""
    paths = [put(tmp_path / f"{i}.parquet", a=[i]) for i in range(20)]
    random.Random(4).shuffle(paths)
    want = [int(p.stem) for p in paths]
    assert (
        arrow(paths, use_threads=threads)["a"].to_pylist()
        == batches(paths, use_threads=threads)["a"].to_pylist()
        == want
    )
    assert arrow([paths[0], paths[1], paths[0]])["a"].to_pylist() == [want[0], want[1], want[0]]


NAMES = ["a/x", "a-b/x", "a!", "a", "B", "b", "10", "9", "ä", "z", "Z/1", "Z/0/9", "Z.x", "~", "é/a", "日"]


@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("glob", [False, True])
def test_a_folder_or_glob_is_ordered_by_path_component_by_component_as_bytes(glob, threads, tmp_path):
    """a folder or glob is ordered by path, component by component, as bytes; inside a file by file order; at any number of threads"""
    paths = [f"{name}.parquet" for name in NAMES]
    for path in paths:
        pq.write_table(
            pa.table({"a": [f"{path} {i}" for i in range(5)]}), put(tmp_path / path, a=[1]), row_group_size=2
        )
    ordered = sorted(paths, key=lambda p: [os.fsencode(part) for part in p.split("/")])
    want = [f"{path} {i}" for path in ordered for i in range(5)]
    path = tmp_path / "**" / "*.parquet" if glob else tmp_path
    assert arrow(path, use_threads=threads)["a"].to_pylist() == want
    assert batches(path, use_threads=threads, chunk_size=7)["a"].to_pylist() == want


def test_an_existing_path_wins_over_its_reading_as_a_glob(tmp_path):
    """An existing path wins over its reading as a glob."""
    put(tmp_path / "a[1].parquet", a=[1])
    put(tmp_path / "a1.parquet", a=[2])
    assert arrow(tmp_path / "a[1].parquet")["a"].to_pylist() == [1]
    os.unlink(tmp_path / "a[1].parquet")
    assert arrow(tmp_path / "a[1].parquet")["a"].to_pylist() == [2]


def test_a_glob_that_matches_nothing_is_not_found(tmp_path):
    """A missing path is a `FileNotFoundError`."""
    with pytest.raises(FileNotFoundError):
        arrow(tmp_path / "*.parquet")


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/x.parquet",
        "https://example.com/x.parquet",
        "gs://b/c",
        "file:///tmp/x.parquet",
        "hdfs://n/x",
    ],
)
def test_urls_are_an_error_that_says_so(url, tmp_path):
    """URLs are an error that says so."""
    schema = pa.schema([("a", pa.int64())])
    calls = [
        lambda: arrow(url),
        lambda: read_parquet_iter(url),
        lambda: inspect_schema(url),
        lambda: write_parquet([], url, schema),
        lambda: write_to_dataset([], url, schema),
    ]
    for call in calls:
        with pytest.raises((ValueError, NotImplementedError), match="(?i)url"):
            call()


@pytest.mark.parametrize("form", ["Pandas", "polars", "", None])
def test_output_format(form, tmp_path):
    """`output_format` `'pandas'` or `'arrow'`, else a `ValueError` that begins `output_format must be either 'pandas' or 'arrow'`."""
    path = put(tmp_path / "t", a=[1])
    assert isinstance(read_parquet(path), pd.DataFrame) and isinstance(
        read_parquet(path, "pandas"), pd.DataFrame
    )
    assert isinstance(read_parquet(path, "arrow"), pa.Table)
    with pytest.raises(ValueError, match="^output_format must be either 'pandas' or 'arrow'"):
        read_parquet(path, form)


# -- columns --


def test_columns_come_in_the_order_asked_for(tmp_path):
    """Columns come in the order asked for"""
    path = put(tmp_path / "t", a=[1], b=[2], c=[3])
    for columns in (["c", "a"], ["b"], ["c", "b", "a"], ["a", "b", "c"]):
        assert (
            arrow(path, columns=columns).column_names == columns == list(read_parquet(path, columns=columns))
        )
        assert batches(path, columns=columns).column_names == columns
    write_to_dataset(
        [{"a": 1, "p": "x"}],
        tmp_path / "d",
        pa.schema([("a", pa.int64()), ("p", pa.string())]),
        partition_cols=["p"],
    )
    assert arrow(tmp_path / "d", columns=["p", "a"]).to_pylist() == [{"p": "x", "a": 1}]
    assert arrow(tmp_path / "d", columns=["p"]).column_names == ["p"]


def test_columns_empty_gives_rows_without_columns(tmp_path):
    """Columns come in the order asked for"""
    path = put(tmp_path / "t", a=[1, 2])
    assert arrow(path, columns=[]).shape == (2, 0)


def test_columns_empty_gives_rows_without_columns_in_pandas_too(tmp_path):
    """`columns=[]` gives the number of rows alone (docs/reading.md)"""
    assert read_parquet(put(tmp_path / "t", a=[1, 2]), columns=[]).shape == (2, 0)


def test_an_unknown_name_is_an_error_with_the_nearest_names(tmp_path):
    """an unknown name is an error with the nearest names"""
    path = put(tmp_path / "t", username=[1], created=[2])
    for read in (arrow, read_parquet_iter):
        with pytest.raises(pa.ArrowInvalid, match="(?s)usrname.*username"):
            read(path, columns=["created", "usrname"])


def test_only_the_chunks_asked_for_are_read(tmp_path):
    """only those chunks are read"""
    path = put(tmp_path / "t", a=[1, 2], b=["x", "y"])
    spoil(path, "b")
    assert arrow(path, columns=["a"]).to_pydict() == {"a": [1, 2]} == batches(path, columns=["a"]).to_pydict()
    with pytest.raises((pa.ArrowInvalid, NotImplementedError)):
        arrow(path)


S = pa.struct(
    [("x", pa.int64()), ("y", pa.string()), ("t", pa.struct([("u", pa.int64()), ("v", pa.int64())]))]
)
NESTED = pa.table({
    "a.b": pa.array([100, 200, 300]),
    "a": pa.array([{"b": 1, "c": 2}, None, {"b": None, "c": 3}]),
    "s": pa.array([{"x": 1, "y": "p", "t": {"u": 5, "v": 6}}, None, {"x": None, "y": "q", "t": None}], S),
    "l": pa.array([[{"u": 1, "v": 2}, None], [], None], pa.list_(pa.struct([("u", pa.int64()), ("v", pa.int64())]))),
    "m": pa.array([[("k", {"p": 1, "q": 2})], None, []], pa.map_(pa.string(), pa.struct([("p", pa.int64()), ("q", pa.int64())]))),
    "z": pa.array([7, 8, 9]),
})  # fmt: skip
X = [{"x": 1}, None, {"x": None}]
PATHS = [
    (["s.x"], {"s": X}, {"s.x"}),
    ([("s", "x")], {"s": X}, {"s.x"}),
    (["s.t.u"], {"s": [{"t": {"u": 5}}, None, {"t": None}]}, {"s.t.u"}),
    (["s.t"], {"s": [{"t": {"u": 5, "v": 6}}, None, {"t": None}]}, {"s.t.u", "s.t.v"}),
    ([("s",)], {"s": NESTED["s"].to_pylist()}, {"s.x", "s.y", "s.t.u", "s.t.v"}),
    (["a.b"], {"a.b": [100, 200, 300]}, {"a.b"}),
    ([("a", "b")], {"a": [{"b": 1}, None, {"b": None}]}, None),
    (["a.c"], {"a": [{"c": 2}, None, {"c": 3}]}, {"a.c"}),
    (["l.v"], {"l": [[{"v": 2}, None], [], None]}, {"l.list.element.v"}),
    ([("l", "v")], {"l": [[{"v": 2}, None], [], None]}, {"l.list.element.v"}),
    (["s.x", "z", "s.y"], {"s": [{"x": 1, "y": "p"}, None, {"x": None, "y": "q"}], "z": [7, 8, 9]}, {"s.x", "s.y", "z"}),
    (["z", "s.y", "a.b", ("s", "t", "v")], {"z": [7, 8, 9], "s": [{"y": "p", "t": {"v": 6}}, None, {"y": "q", "t": None}], "a.b": [100, 200, 300]}, None),
]  # fmt: skip


@pytest.fixture
def nested(tmp_path):
    path = tmp_path / "nested.parquet"
    pq.write_table(NESTED, path, use_dictionary=False)
    return path


@pytest.mark.parametrize("columns, want, chunks", PATHS, ids=[str(p[0]) for p in PATHS])
def test_paths_reach_into_structs_lists_and_maps(columns, want, chunks, nested):
    """the result keeps the nesting and holds only the chosen children (`{'s': {'x': 1}}`, `{'l': [{'v': 2}]}`),
    several paths into one parent give one column at the place of the first;
    An exact top-level name wins; else `'a.b'`, and always `('a', 'b')`, reaches into structs, lists and maps (2); ... only those chunks are read"""
    for got in (arrow(nested, columns=columns), batches(nested, columns=columns, chunk_size=2)):
        assert got.to_pydict() == want and got.column_names == list(want)
    if chunks is not None:
        metadata = pq.read_metadata(nested)
        every = {metadata.row_group(0).column(i).path_in_schema for i in range(metadata.num_columns)}
        if "a.b" in chunks:
            return  # a top-level column and a child are of one dotted name
        spoil(nested, *(every - chunks))
        assert arrow(nested, columns=columns).to_pydict() == want


@pytest.mark.parametrize("path", ["m.value.p", ("m", "value", "p")], ids=str)
def test_a_path_reaches_into_the_values_of_a_map(path, nested):
    """reaches into structs, lists and maps (2)"""
    assert arrow(nested, columns=[path]).to_pydict() == {"m": [[("k", {"p": 1})], None, []]}


@pytest.mark.parametrize("path", ["s.nope", ("s", "nope"), "z.x", ("l", "nope"), ("nope", "x")], ids=str)
def test_an_unknown_path_is_an_error(path, nested):
    """an unknown name is an error with the nearest names"""
    with pytest.raises(pa.ArrowInvalid):
        arrow(nested, columns=[path])


# -- partition columns --


def hive(folder, *paths, column="a"):
    for i, path in enumerate(paths):
        put(folder / path / f"{i}.parquet", **{column: [i]})
    return folder


def test_partition_columns_come_last_in_path_order_as_dictionaries(tmp_path):
    """Partition columns come from the folders between the given root and the file, last, in path order, as `dictionary<int32, T>`"""
    hive(tmp_path, "y=2024/m=x", "y=2025/m=y")
    got = arrow(tmp_path)
    assert got.column_names == ["a", "y", "m"]
    assert got.schema.field("y").type == pa.dictionary(pa.int32(), pa.int32())
    assert got.schema.field("m").type == pa.dictionary(pa.int32(), pa.string())
    assert got.to_pydict() == {"a": [0, 1], "y": [2024, 2025], "m": ["x", "y"]}
    frame = read_parquet(tmp_path)
    assert frame["y"].dtype == "category" and frame["y"].tolist() == [2024, 2025]


def test_a_single_file_has_none_and_the_root_decides(tmp_path):
    """from the folders between the given root and the file (a single file has none)"""
    hive(tmp_path, "y=2024/m=x")
    assert arrow(tmp_path / "y=2024/m=x/0.parquet").column_names == ["a"]
    assert arrow(tmp_path / "y=2024").column_names == ["a", "m"]
    assert arrow(tmp_path / "y=2024" / "m=x").column_names == ["a"]


def test_a_null_is_a_null_index(tmp_path):
    """(pandas: category; a null is a null index)"""
    hive(tmp_path, "k=__HIVE_DEFAULT_PARTITION__", "k=5")
    column = arrow(tmp_path)["k"]
    assert column.type == pa.dictionary(pa.int32(), pa.int32())
    assert sorted(column.to_pylist(), key=str) == [5, None]
    assert sum(chunk.indices.null_count for chunk in column.chunks) == 1
    assert all(None not in chunk.dictionary.to_pylist() for chunk in column.chunks)
    assert read_parquet(tmp_path)["k"].isna().sum() == 1


INFERRED = [
    (["1", "2", "-3"], pa.int32()),
    (["0"], pa.int32()),
    (["2147483647", "-2147483648"], pa.int32()),
    (["1", "2147483648"], pa.int64()),
    (["9223372036854775807"], pa.int64()),
    (["9223372036854775808"], pa.string()),
    (["1", "02"], pa.string()),
    (["00"], pa.string()),
    (["+1"], pa.string()),
    (["1", "x"], pa.string()),
    (["1", ""], pa.string()),
    (["1.5"], pa.string()),
    (["2024-01-01"], pa.string()),
    (["true"], pa.string()),
    (["1 "], pa.string()),
    (["1e3"], pa.string()),
    (["1", None], pa.int32()),
    (["x", None], pa.string()),
    (["a/b", "50%", "a=b"], pa.string()),
]  # fmt: skip


@pytest.mark.parametrize("values, type", INFERRED, ids=str)
def test_types_of_foreign_folders_are_inferred_over_all_directories(values, type, tmp_path):
    """else inferred over all directories: int32, or int64 where needed, if every value is an integer without a leading zero, otherwise string"""
    hive(
        tmp_path,
        *("k=" + ("__HIVE_DEFAULT_PARTITION__" if v is None else quote(v, safe=" +")) for v in values),
    )
    got = arrow(tmp_path).sort_by("a")
    assert got.schema.field("k").type == pa.dictionary(pa.int32(), type)
    assert got["k"].to_pylist() == [v if v is None or type == pa.string() else int(v) for v in values]
    assert inspect_schema(tmp_path).equals(got.schema)


def test_one_odd_directory_among_many_makes_them_text(tmp_path):
    """inferred over all directories"""
    hive(tmp_path, *(f"k={i}" for i in range(100)), "k=last")
    assert arrow(tmp_path).schema.field("k").type.value_type == pa.string()
    assert arrow(tmp_path, filters=[("a", "==", 3)])["k"].to_pylist() == ["3"]


def test_if_the_column_also_stands_in_the_file_the_path_wins(tmp_path):
    """If the column also stands in the file, the path wins."""
    put(tmp_path / "k=5" / "f.parquet", k=[77, 78], a=[1, 2])
    for got in (arrow(tmp_path), batches(tmp_path)):
        assert got.column_names == ["a", "k"] and got["k"].to_pylist() == [5, 5]
    assert (
        arrow(tmp_path, filters=[("k", "==", 5)]).num_rows == 2
        and arrow(tmp_path, filters=[("k", "==", 77)]).num_rows == 0
    )


def test_the_three_functions_agree_on_the_schema(tmp_path):
    """`read_parquet`, `read_parquet_iter` and `inspect_schema` agree on the schema."""
    table = (
        numbers(100)
        .append_column("p", pa.array(["04", None] * 50))
        .append_column("d", pa.array([datetime.date(2024, 1, 1)] * 100))
    )
    write_to_dataset(table, tmp_path / "ours", table.schema, partition_cols=["p", "d"])
    hive(tmp_path / "theirs", "k=1/q=01", "k=2/q=x")
    put(tmp_path / "file.parquet", a=[1], b=pa.array(["x"]).dictionary_encode())
    for path in (
        tmp_path / "ours",
        tmp_path / "theirs",
        tmp_path / "file.parquet",
        tmp_path / "ours" / "p=04" / "*" / "*.parquet",
    ):
        schema = inspect_schema(path)
        assert arrow(path).schema.equals(schema, check_metadata=True)
        assert next(read_parquet_iter(path)).schema.equals(schema, check_metadata=True)


# -- pandas --


@pytest.mark.parametrize(
    "type, dtype", [(f"{u}int{b}", f"{'U' if u else ''}Int{b}") for u in ("", "u") for b in (8, 16, 32, 64)]
)
def test_an_integer_column_with_nulls_gets_the_nullable_dtype_of_its_width(type, dtype, tmp_path):
    """an integer column with nulls gets the nullable dtype of its width (`Int64`, `Int32`, `UInt64`)"""
    arrow_type = getattr(pa, type)()
    top = np.iinfo(type).max
    path = put(tmp_path / "t", a=pa.array([int(top), None, 0], arrow_type), b=pa.array([1, 2, 3], arrow_type))
    frame = read_parquet(path)
    assert frame["a"].dtype == dtype and frame["b"].dtype == type
    assert frame["a"][0] == top and frame["a"][1] is pd.NA


SERIES = {
    "category": pd.Series(pd.Categorical(["b", None, "a"])),
    "category, unused": pd.Series(pd.Categorical(["b", None, "a"], categories=["a", "b", "never"])),
    "category, order of its own": pd.Series(pd.Categorical(["b", "a", "c"], categories=["c", "a", "b"])),
    "category, ordered": pd.Series(
        pd.Categorical(["lo", "hi", None], categories=["lo", "mid", "hi"], ordered=True)
    ),
    "category of ints": pd.Series(pd.Categorical([3, 1, None], categories=[3, 2, 1])),
    "category of times": pd.Series(
        pd.Categorical(pd.to_datetime(["2024-01-02", "2024-01-01", "2024-01-02"]))
    ),
    "category, all null": pd.Series(pd.Categorical([None, None, None], categories=["a", "b"])),
    "zone": pd.Series(
        pd.to_datetime(["2024-01-01 12:00", None, "2024-07-01 00:00"]).tz_localize("Europe/Berlin")
    ),
    "UTC": pd.Series(pd.to_datetime(["2024-01-01 12:00", None, "2024-07-01 00:00"]).tz_localize("UTC")),
    "naive": pd.Series(pd.to_datetime(["2024-01-01 12:00", None, "2024-07-01 00:00"])),
    "seconds": pd.Series(pd.to_datetime(["2024-01-01 12:00", None, "9999-07-01 00:00"])).astype(
        "datetime64[s]"
    ),
    "milliseconds": pd.Series(pd.to_datetime(["2024-01-01 12:00", None, "2024-07-01 00:00"])).astype(
        "datetime64[ms]"
    ),
    "nanoseconds": pd.Series(pd.to_datetime(["2024-01-01 12:00", None, "2024-07-01 00:00"])).astype(
        "datetime64[ns]"
    ),
    "timedelta": pd.Series(pd.to_timedelta(["1s", None, "2h"])).astype("timedelta64[us]"),
    "str": pd.Series(["a", None, "ä"], dtype="str"),
    "bool": pd.Series([True, False, True]),
    "int8": pd.Series([1, 2, 3], dtype="int8"),
    "uint64": pd.Series([1, 2, 2**64 - 1], dtype="uint64"),
    "float32": pd.Series([1.5, None, -0.0], dtype="float32"),
    "float64": pd.Series([1.5, None, float("inf")]),
    "Int64 with nulls": pd.Series([1, None, 2**60 + 1], dtype="Int64"),
    "UInt8 with nulls": pd.Series([1, None, 255], dtype="UInt8"),
    "bytes": pd.Series([b"a", None, b"\xff"], dtype=object),
    "dates": pd.Series([datetime.date(2024, 1, 1), None, datetime.date(1, 1, 1)], dtype=object),
    "lists": pd.Series([np.array([1, 2]), None, np.array([], "int64")], dtype=object),
}


@pytest.mark.parametrize("split", [3, 1], ids=["one row group", "three row groups"])
@pytest.mark.parametrize("name", SERIES)
def test_dtypes_come_back_as_they_went_in(name, split, target):
    """categories, zones and the other dtypes come back as they went in (2)"""
    frame = pd.DataFrame({"a": SERIES[name]})
    schema = pa.Schema.from_pandas(frame, preserve_index=False).remove_metadata()
    write_parquet(frame, target, schema, row_group_size=split)
    pd.testing.assert_frame_equal(read_parquet(target), frame)


def test_categories_of_several_files_are_put_together(tmp_path):
    """categories ... come back as they went in (2)"""
    schema = pa.schema([("a", pa.dictionary(pa.int32(), pa.string()))])
    for values in (["b", "a"], ["c", "a"]):
        write_to_dataset(pd.DataFrame({"a": pd.Categorical(values)}), tmp_path, schema)
    frame = read_parquet(tmp_path)
    assert frame["a"].dtype == "category"
    assert sorted(frame["a"].astype(str)) == ["a", "a", "b", "c"] and sorted(frame["a"].cat.categories) == [
        "a",
        "b",
        "c",
    ]


# -- files written by others --

FOREIGN = [
    pa.array([1, None, 3], pa.int8()),
    pa.array([1, None, 3], pa.uint16()),
    pa.array([1, None, 2**32 - 1], pa.uint32()),
    pa.array([1, None, 2**64 - 1], pa.uint64()),
    pa.array([1.5, None, float("nan")], pa.float16()),
    pa.array([1.5, None, float("nan")], pa.float32()),
    pa.array([True, None, False]),
    pa.array(["x", None, "ä"]),
    pa.array(["x", None, "ä"], pa.large_string()),
    pa.array(["x", None, "ä"], pa.string_view()),
    pa.array([b"x", None, b"\xff"]),
    pa.array([b"xy", None, b"ab"], pa.binary(2)),
    pa.array([1, None], pa.int32()).view(pa.date32()),
    pa.array([1, None], pa.int32()).view(pa.time32("ms")),
    pa.array([1, None]).view(pa.time64("us")),
    pa.array([1, None]).view(pa.time64("ns")),
    *(
        pa.array([1, None]).view(pa.timestamp(u, z))
        for u in ("ms", "us", "ns")
        for z in (None, "UTC", "Europe/Berlin")
    ),
    pa.array([1, None]).view(pa.duration("us")),
    pa.array([1, None, 3]).cast(pa.decimal128(20, 0)),
    pa.array([None, None], pa.null()),
    pa.array([[1], None, []]),
    pa.array([[1], None, []], pa.large_list(pa.int64())),
    pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
    pa.array([[[1], None], None, []]),
    pa.array([{"x": 1}, None]),
    pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    pa.array(["x", None, "x"]).dictionary_encode(),
]


@pytest.mark.parametrize("column", FOREIGN, ids=[str(c.type) for c in FOREIGN])
@pytest.mark.parametrize("store", [True, False])
def test_files_written_by_others_give_what_pyarrow_gives(column, store, tmp_path):
    """Files written by others give what pyarrow gives"""
    path = tmp_path / "t"
    pq.write_table(pa.table({"a": column}), path, store_schema=store)
    want = pq.read_table(path)
    for got in (arrow(path), batches(path)):
        assert got.schema.equals(want.schema)
        assert str(got["a"].to_pylist()) == str(want["a"].to_pylist())
    assert inspect_schema(path).equals(want.schema)


EXACT = [
    pa.array([0, None, 86_400_000]).view(pa.date64()),
    pa.array([1, None, 3], pa.int32()).view(pa.time32("s")),
    pa.array([1, None, 3]).view(pa.timestamp("s")),
    pa.array([1, None, 3]).view(pa.timestamp("s", "UTC")),
    pa.array(["x", None, "x"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
    pa.array(["x", None, "x"]).dictionary_encode().cast(pa.dictionary(pa.int64(), pa.string())),
    pa.array(["x", None, "x"]).dictionary_encode().cast(pa.dictionary(pa.uint16(), pa.string())),
]


@pytest.mark.parametrize("column", EXACT, ids=[str(c.type) for c in EXACT])
@pytest.mark.parametrize("ours", [True, False])
def test_what_arrow_schema_says_is_given_exactly(column, ours, tmp_path):
    """what `ARROW:schema` says is given exactly where pyarrow changes it (date64, time32[s], timestamp[s], dictionary index widths)"""
    table, path = pa.table({"a": column}), tmp_path / "t"
    if ours:
        write_parquet(table, path, table.schema)
    else:
        pq.write_table(table, path)
    got = arrow(path)
    assert got.schema.field("a").type == column.type == inspect_schema(path).field("a").type
    assert got["a"].to_pylist() == column.to_pylist()
    assert batches(path).schema.equals(got.schema)


def test_int96_beyond_nanoseconds_is_an_error_that_names_the_keyword(tmp_path):
    """INT96 beyond nanoseconds is an error that names `coerce_int96_timestamp_unit`, never wrapped"""
    far = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)]
    path = tmp_path / "t"
    pq.write_table(
        pa.table({"a": pa.array(far, pa.timestamp("us"))}),
        path,
        use_deprecated_int96_timestamps=True,
        store_schema=False,
    )
    for read in (arrow, lambda p: list(read_parquet_iter(p))):
        with pytest.raises(pa.ArrowInvalid, match="coerce_int96_timestamp_unit"):
            read(path)
    for unit in ("us", "ms", "s"):
        got = arrow(path, coerce_int96_timestamp_unit=unit)
        assert got.schema.field("a").type == pa.timestamp(unit) and got["a"].to_pylist() == far


def test_strings_that_are_not_utf8_are_an_error(tmp_path):
    """strings that are not UTF-8 are an error (`check_utf8=False`) (3)"""
    path = tmp_path / "t"
    data = pa.array([b"\xff\xfe"]).cast(pa.binary())
    column = pa.Array.from_buffers(pa.string(), 1, data.buffers())
    pq.write_table(pa.table({"a": column}), path)
    with pytest.raises(pa.ArrowInvalid, match="(?i)utf-?8"):
        arrow(path)


# -- schemas --


def test_inspect_schema_reads_no_data(tmp_path):
    """`inspect_schema`: the Arrow schema of a file or a dataset without reading data"""
    table = numbers(1000)
    for path in (tmp_path / "f.parquet", tmp_path / "d" / "p=1" / "f.parquet"):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        spoil(path)
    assert inspect_schema(tmp_path / "f.parquet").equals(table.schema)
    assert inspect_schema(tmp_path / "d").equals(
        table.schema.append(pa.field("p", pa.dictionary(pa.int32(), pa.int32())))
    )


def test_an_empty_directory(tmp_path):
    """an empty directory has the empty schema, and reads as 0 columns, 0 rows"""
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for path in (tmp_path / "d", tmp_path / "d" / "sub"):
        assert inspect_schema(path).equals(pa.schema([]))
        assert arrow(path).shape == (0, 0) == read_parquet(path).shape
        assert list(read_parquet_iter(path)) == []


def test_a_schema_on_read_adds_and_widens(tmp_path):
    """`schema`, `unify` (2)"""
    put(tmp_path / "1.parquet", a=pa.array([1], pa.int32()))
    put(tmp_path / "2.parquet", a=pa.array([2], pa.int64()), b=["x"])
    schema = pa.schema([("b", pa.string()), ("a", pa.int64())])
    got = arrow(tmp_path, schema=schema)
    assert got.schema.equals(schema) and got.to_pydict() == {"b": [None, "x"], "a": [1, 2]}
    assert (
        batches(tmp_path, schema=schema).equals(got.combine_chunks())
        or batches(tmp_path, schema=schema).to_pydict() == got.to_pydict()
    )


def test_unify_on_read(tmp_path):
    """`schema`, `unify` (2)"""
    put(tmp_path / "1.parquet", a=pa.array([1], pa.int32()))
    put(tmp_path / "2.parquet", a=pa.array([2], pa.int32()), b=["x"])
    put(tmp_path / "wide" / "1.parquet", a=pa.array([1], pa.int32()))
    put(tmp_path / "wide" / "2.parquet", a=pa.array([2**40], pa.int64()))
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    assert arrow(files, unify="add").to_pydict() == {"a": [1, 2], "b": [None, "x"]}
    assert arrow(files[::-1], unify="add")["b"].to_pylist() == ["x", None]
    got = arrow(tmp_path / "wide", unify="widen")
    assert got.schema.field("a").type == pa.int64() and got["a"].to_pylist() == [1, 2**40]
    for unify in ("add", "strict"):
        with pytest.raises(pa.ArrowInvalid, match="a"):
            arrow(tmp_path / "wide", unify=unify)
    with pytest.raises(ValueError, match="unify"):
        arrow(tmp_path / "wide", unify="anything")


# -- names that are skipped --


def test_names_that_begin_with_underscore_or_dot_are_skipped(tmp_path):
    """Inside a directory, files and folders whose names begin with `_` or `.` are skipped (a partition folder `_x=1` is data)."""
    put(tmp_path / "a.parquet", a=[1])
    put(tmp_path / "sub" / "b.parquet", a=[2])
    for name in (
        "_SUCCESS",
        ".crc",
        "_metadata",
        "_tmp/x.parquet",
        ".x/y.parquet",
        "sub/.z.parquet",
        "sub/_t/u.parquet",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"no parquet")
    assert arrow(tmp_path)["a"].to_pylist() == [1, 2]


def test_a_partition_folder_that_begins_with_an_underscore_is_data(tmp_path):
    """(a partition folder `_x=1` is data)"""
    hive(tmp_path, "_x=1/_y=2", "_x=3/_y=4")
    assert arrow(tmp_path).to_pydict() == {"a": [0, 1], "_x": [1, 3], "_y": [2, 4]}


def test_a_root_that_begins_with_an_underscore_is_read(tmp_path):
    """Inside a directory"""
    put(tmp_path / "_root" / "a.parquet", a=[1])
    put(tmp_path / ".root" / "_a.parquet", a=[2])
    assert arrow(tmp_path / "_root")["a"].to_pylist() == [1]
    assert arrow(tmp_path / ".root" / "_a.parquet")["a"].to_pylist() == [2]


# -- keywords --


def test_page_checksums_are_verified_unless_told_otherwise(target):
    """Page checksums are verified (`page_checksum_verification=False` to look anyway)."""
    table = pa.table({"a": pa.array(range(100))})
    pq.write_table(table, target, write_page_checksum=True, compression=None, use_dictionary=False)
    chunk = pq.read_metadata(target).row_group(0).column(0)
    data = bytearray(target.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 8] ^= 0xFF
    target.write_bytes(data)
    for read in (arrow, lambda p, **kw: list(read_parquet_iter(p, **kw))):
        with pytest.raises(pa.ArrowInvalid):
            read(target)
    got = arrow(target, page_checksum_verification=False)["a"].to_pylist()
    assert got[:99] == list(range(99)) and got[99] == 99 ^ 0xFF


@pytest.mark.parametrize(
    "keyword",
    [
        {"use_threads": False},
        {"memory_map": True},
        {"memory_limit": 1 << 30},
        {"thrift_string_size_limit": 10**7},
        {"partitioning": "hive"},
    ],
)
def test_keywords_that_change_how_but_not_what(keyword, target):
    """Keywords: `use_threads`, `memory_map` (default False: `pread`), ..."""
    pq.write_table(numbers(5000), target, row_group_size=700)
    assert (
        arrow(target, **keyword).equals(numbers(5000))
        or arrow(target, **keyword).to_pydict() == numbers(5000).to_pydict()
    )
    assert batches(target, **keyword).to_pydict() == numbers(5000).to_pydict()


def test_use_threads_false_runs_on_the_calling_thread_alone(target):
    """`use_threads` (False runs on the calling thread alone)"""
    code = """
        import os, sys, threading, time
        import numpy as np, pyarrow as pa
        from py_parquet_forge import *
        path = sys.argv[1]
        rng = np.random.default_rng(1)
        table = pa.table({c: rng.integers(0, 1 << 60, 600_000) for c in "abcd"})
        most = 0
        stop = False
        def watch():
            global most
            while not stop:
                most = max(most, len(os.listdir("/proc/self/task")))
                time.sleep(0.0005)
        watcher = threading.Thread(target=watch)
        watcher.start()
        before = len(os.listdir("/proc/self/task"))
        def during(call):
            global most
            most = 0
            call()
            return most - before
        options = dict(compression="zstd", row_group_size=100_000, use_dictionary=False)
        alone = during(lambda: write_parquet(table, path, table.schema, use_threads=False, **options))
        alone = max(alone, during(lambda: read_parquet(path, output_format="arrow", use_threads=False)))
        alone = max(alone, during(lambda: list(read_parquet_iter(path, use_threads=False))))
        stop = True
        print(alone)
    """
    assert int(said(code, target)) <= 0


def test_memory_map_is_off_by_default(target):
    """`memory_map` (default False: `pread`)"""
    code = """
        import os, sys
        from py_parquet_forge import *
        seen = []
        for keyword in ({}, {"memory_map": True}):
            iterator = read_parquet_iter(sys.argv[1], chunk_size=10, **keyword)
            next(iterator)
            with open("/proc/self/maps") as f:
                seen.append(sys.argv[1] in f.read())
            iterator.close()
        print(*seen)
    """
    pq.write_table(numbers(100_000), target)
    assert said(code, target) == "False True"


def test_memory_limit_is_by_default_a_part_of_what_the_process_may_still_use(target):
    """`memory_limit` (default 80 % of what the process may still use)"""
    code = """
        import resource, sys
        import pyarrow as pa
        from py_parquet_forge import *
        inspect_schema(sys.argv[1])
        with open("/proc/self/statm") as f:
            used = int(f.read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (used + (60 << 20),) * 2)
        try:
            read_parquet(sys.argv[1], output_format="arrow", use_threads=False)
        except pa.ArrowInvalid as error:
            print("memory_limit" in str(error))
    """
    ones = pa.array([1], pa.int64()).dictionary_encode().take(pa.array(np.zeros(12_000_000, "int64")))
    pq.write_table(pa.table({"a": ones.cast(pa.int64())}), target)
    assert said(code, target) == "True"


def test_read_dictionary(target):
    """`read_dictionary`"""
    pq.write_table(numbers(100), target)
    got = arrow(target, read_dictionary=["c"])
    want = pq.read_table(target, read_dictionary=["c"])
    assert got.schema.equals(want.schema) and got["c"].to_pylist() == want["c"].to_pylist()
    assert pa.types.is_dictionary(
        next(read_parquet_iter(target, read_dictionary=["c"])).schema.field("c").type
    )


def test_use_pandas_metadata(target):
    """`use_pandas_metadata`"""
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=pd.Index([7, 8], name="key"))
    frame.to_parquet(target)
    got = arrow(target, columns=["a"], use_pandas_metadata=True)
    assert (
        got.column_names
        == pq.read_table(target, columns=["a"], use_pandas_metadata=True).column_names
        == ["a", "key"]
    )
    pd.testing.assert_frame_equal(read_parquet(target, columns=["a"], use_pandas_metadata=True), frame[["a"]])


def test_ignore_prefixes(tmp_path):
    """`ignore_prefixes`"""
    put(tmp_path / "a.parquet", a=[1])
    put(tmp_path / "_b.parquet", a=[2])
    put(tmp_path / "tmp-c.parquet", a=[3])
    assert arrow(tmp_path, ignore_prefixes=["tmp"])["a"].to_pylist() == [2, 1]
    assert arrow(tmp_path, ignore_prefixes=[])["a"].to_pylist() == [2, 1, 3]


def test_partitioning_none(tmp_path):
    """`partitioning`"""
    hive(tmp_path, "k=1", "k=2")
    assert arrow(tmp_path, partitioning=None).column_names == ["a"] and arrow(
        tmp_path, partitioning="hive"
    ).column_names == ["a", "k"]
