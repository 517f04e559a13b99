# SPDX-License-Identifier: Apache-2.0
"""Columns by paths into structs, lists and maps: what comes, in which shape, and what is read for it.

Expected values are full reads reduced in Python; pyarrow's own choice of leaves is a second witness.
"""

from __future__ import annotations

import os
import random
import string

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import (
    _core,
    _filters,
    inspect_schema,
    read_parquet,
    read_parquet_iter,
    write_parquet,
    write_to_dataset,
)

SEED = int(os.environ.get("PQF_SEED") or random.randrange(1 << 32))

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4]),
        "s": pa.array(
            [{"x": 1, "y": "a", "t": {"u": 1.5, "v": 8}}, None, {"x": 3, "y": None, "t": None}, {"x": 4}],
            pa.struct(
                [
                    ("x", pa.int64()),
                    ("y", pa.string()),
                    ("t", pa.struct([("u", pa.float64()), ("v", pa.int8())])),
                ]
            ),
        ),
        "l": pa.array(
            [[{"v": 1, "w": "q"}, {"v": 2, "w": None}], None, [], [None]],
            pa.list_(pa.struct([("v", pa.int32()), ("w", pa.string())])),
        ),
        "m": pa.array(
            [[("a", {"x": 1, "y": 2})], [], None, [("b", None)]],
            pa.map_(pa.string(), pa.struct([("x", pa.int64()), ("y", pa.int64())])),
        ),
        "a.b": pa.array([7, 8, 9, 10]),
        "a": pa.array(
            [{"b": i, "x.y": -i, "x": {"y": 5}, "p.q": i} for i in range(4)],
            pa.struct(
                [
                    ("b", pa.int64()),
                    ("x.y", pa.int64()),
                    ("x", pa.struct([("y", pa.int64())])),
                    ("p.q", pa.int64()),
                ]
            ),
        ),
    }
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("nested") / "t.parquet"
    pq.write_table(TABLE, path, row_group_size=3)
    return path


def read(path, columns, **kwargs):
    table = read_parquet(path, "arrow", columns=columns, **kwargs)
    table.validate(full=True)
    return table


# ---- the expected value ----


def part_of(paths):
    """{name: part}; None: all of it. An ancestor wins."""
    parts = {}
    for path in paths:
        at = parts
        for name in path[:-1]:
            at = at.setdefault(name, {})
            if at is None:
                break
        if at is not None:
            at[path[-1]] = None
    return parts


def cut_type(type_, part):
    if part is None:
        return type_
    if pa.types.is_struct(type_):
        return pa.struct([f.with_type(cut_type(f.type, part[f.name])) for f in type_ if f.name in part])
    if pa.types.is_map(type_):
        item = type_.item_field.with_type(cut_type(type_.item_type, part.get("value")))
        return pa.map_(cut_type(type_.key_type, part.get("key")), item)
    value = type_.value_field.with_type(cut_type(type_.value_type, part))
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(value, type_.list_size)
    return pa.large_list(value) if pa.types.is_large_list(type_) else pa.list_(value)


def cut_value(value, type_, part):
    if part is None or value is None:
        return value
    if pa.types.is_struct(type_):
        return {f.name: cut_value(value[f.name], f.type, part[f.name]) for f in type_ if f.name in part}
    if pa.types.is_map(type_):
        key, item = part.get("key"), part.get("value")
        return [(cut_value(k, type_.key_type, key), cut_value(v, type_.item_type, item)) for k, v in value]
    return [cut_value(item, type_.value_type, part) for item in value]


def reduced(table, paths):
    """The columns of a table that the paths (tuples) lead to."""
    parts = part_of(paths)
    columns, fields = [], []
    for name, part in parts.items():
        field = table.schema.field(name)
        kept = cut_type(field.type, part)
        values = [cut_value(v, field.type, part) for v in table[name].to_pylist()]
        fields.append(field.with_type(kept))
        columns.append(pa.array(values, kept))
    return pa.table(columns, schema=pa.schema(fields))


def assert_same(found, expected):
    assert found.schema.equals(expected.schema), f"{found.schema}\n{expected.schema}"
    assert found.to_pylist() == expected.to_pylist()


# ---- what paths give ----


def test_the_result_keeps_the_nesting_and_holds_only_the_chosen_children(path):
    assert read(path, ["s.x"]).to_pylist() == [{"s": {"x": 1}}, {"s": None}, {"s": {"x": 3}}, {"s": {"x": 4}}]
    assert read(path, [("l", "v")]).to_pylist() == [
        {"l": [{"v": 1}, {"v": 2}]},
        {"l": None},
        {"l": []},
        {"l": [None]},
    ]
    assert read(path, ["s.t.v"])["s"].to_pylist() == [{"t": {"v": 8}}, None, {"t": None}, {"t": None}]


@pytest.mark.parametrize(
    "columns",
    [
        ["s.x"],
        [("s", "x")],
        ["s.t.u", "id", "s.x"],
        ["l.w", "s.x", "l.v"],
        ["m.value.y"],
        [("m", "value", "x"), "id"],
        [("a", "x", "y"), ("a", "p.q")],
        ["s.t", "s.y"],
    ],
    ids=str,
)
def test_several_paths_into_one_parent_give_one_column_at_the_place_of_the_first(path, columns):
    paths = [tuple(c.split(".")) if isinstance(c, str) else c for c in columns]
    assert_same(read(path, columns), reduced(TABLE, paths))


def test_a_map_keeps_its_key_and_its_value(path):
    for columns in (["m.value"], ["m.key"], [("m", "key"), ("m", "value")]):
        assert_same(read(path, columns), TABLE.select(["m"]))
    assert read(path, [("m", "value", "x")])["m"].to_pylist()[0] == [("a", {"x": 1})]


def test_a_path_that_names_a_group_takes_all_of_it_and_an_ancestor_wins(path):
    assert_same(read(path, ["s.t"]), reduced(TABLE, [("s", "t")]))
    for columns in (["s", "s.x"], ["s.x", "s"], ["s.t.u", "s", "s.t"]):
        assert_same(read(path, columns), TABLE.select(["s"]))
    assert_same(read(path, ["s.t.u", "s.t"]), reduced(TABLE, [("s", "t")]))


def test_an_exact_top_level_name_wins_and_a_tuple_always_reaches_inside(path):
    assert_same(read(path, ["a.b"]), TABLE.select(["a.b"]))
    assert_same(read(path, [("a.b",)]), TABLE.select(["a.b"]))
    assert_same(read(path, [("a", "b")]), reduced(TABLE, [("a", "b")]))
    assert_same(read(path, [("a", "x.y"), "a.p.q"]), reduced(TABLE, [("a", "x.y"), ("a", "p.q")]))


def test_a_dotted_path_with_two_meanings_asks_for_a_tuple(path):
    with pytest.raises(pa.ArrowInvalid, match=r"\('a', 'x\.y'\) or \('a', 'x', 'y'\): a tuple"):
        read(path, ["a.x.y"])


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["s.yy"], "there is no column 's.yy': 's' has no field 'yy'; there are 'x', 'y', 't'"),
        (["m.valeu.x"], "'m' has no field 'valeu.x'; did you mean 'value'?"),
        ([("m", "valeu", "x")], "'m' has no field 'valeu'; did you mean 'value'?"),
        (["s.x.q"], "'s.x' is int64, which has no fields"),
        (["l.element.v"], "'l' has no field 'element.v'; there are 'v', 'w'"),
        (["idd"], "there is no column 'idd'; did you mean 'id'?"),
        (["zzz"], "there is no column 'zzz'; there are 'id', 's', 'l', 'm', 'a.b', 'a'"),
    ],
    ids=str,
)
def test_an_unknown_path_gives_the_names_of_the_level_where_it_fails(path, columns, says):
    for call in (read_parquet, read_parquet_iter):
        with pytest.raises(pa.ArrowInvalid) as caught:
            call(path, columns=columns)
        assert says in str(caught.value)


def test_the_same_column_asked_for_twice_is_an_error(path):
    for columns in (["s.x", "s.x"], ["s.x", ("s", "x")], ["s", "s.x", ("s",)]):
        with pytest.raises(ValueError, match="twice"):
            read(path, columns)


@pytest.mark.parametrize("columns", ["s.x", [1], [()], [("s", 1)], [["s", "x"]], 7], ids=str)
def test_columns_that_are_no_paths_are_refused_at_the_call(path, columns):
    with pytest.raises(ValueError, match="columns must be"):
        read_parquet(path, columns=columns)


def test_frames_hold_the_nested_result(path):
    frame = read_parquet(path, columns=["s.y", "id"])
    assert list(frame.columns) == ["s", "id"]
    assert frame["s"].tolist() == [{"y": "a"}, None, {"y": None}, {"y": None}]
    filtered = read_parquet(path, columns=["l.v"], filters=[("id", "==", 1)])
    assert [list(v) for v in filtered["l"]] == [[{"v": 1}, {"v": 2}]]


def test_strings_inside_come_as_dictionaries(path):
    for name in ("l.w", ("l", "w"), "l.list.element.w"):
        table = read(path, ["l.w"], read_dictionary=[name])
        assert table.schema.field("l").type.value_type.field("w").type == pa.dictionary(
            pa.int32(), pa.string()
        )
        assert table["l"].to_pylist() == reduced(TABLE, [("l", "w")])["l"].to_pylist()
    for name in ("m.key", ("m", "key")):
        assert pa.types.is_dictionary(
            read(path, ["m"], read_dictionary=[name]).schema.field("m").type.key_type
        )
    assert read(path, ["m", "s"], read_dictionary=["m.value", "s.x"]).schema.types == [
        TABLE.schema.field("m").type,
        TABLE.schema.field("s").type,
    ]


# ---- random data ----


class Draw:
    """Random nested types, values and paths."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def type(self, depth):
        kinds = [pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.int8()]
        kind = self.random.randrange(9) if depth else 0
        if kind == 5:
            return pa.list_(self.field("item", depth - 1))
        if kind == 6:
            return pa.large_list(self.field("item", depth - 1))
        if kind == 7:
            return pa.list_(self.field("item", depth - 1), 2)
        if kind == 8:
            return pa.map_(self.random.choice([pa.string(), pa.int64()]), self.field("value", depth - 1))
        if kind >= 1:
            n = self.random.randrange(1, 4)
            return pa.struct([self.field(name, depth - 1) for name in string.ascii_lowercase[:n]])
        return self.random.choice(kinds)

    def field(self, name, depth):
        return pa.field(name, self.type(depth), nullable=self.random.random() < 0.7)

    def value(self, field):
        if field.nullable and self.random.random() < 0.2:
            return None
        type_ = field.type
        if pa.types.is_struct(type_):
            return {f.name: self.value(f) for f in type_}
        if pa.types.is_map(type_):
            key = pa.field("key", type_.key_type, nullable=False)
            return [(self.value(key), self.value(type_.item_field)) for _ in range(self.random.randrange(4))]
        if pa.types.is_nested(type_):
            n = 2 if pa.types.is_fixed_size_list(type_) else self.random.randrange(4)
            return [self.value(type_.value_field) for _ in range(n)]
        if pa.types.is_string(type_):
            return self.random.choice(["", "x", "longer text", "ü"])
        if pa.types.is_floating(type_):
            return self.random.randrange(100) / 4
        return bool(self.random.randrange(2)) if pa.types.is_boolean(type_) else self.random.randrange(100)

    def table(self, rows):
        fields = [self.field(f"c{i}", 4) for i in range(4)]
        columns = [pa.array([self.value(f) for _ in range(rows)], f.type) for f in fields]
        return pa.table(columns, schema=pa.schema(fields))

    def path(self, fields):
        """To any field below, with a bias to deep ones."""
        path, level = (), list(fields)
        while level:
            field = self.random.choice(level)
            path += (field.name,)
            type_ = field.type
            while pa.types.is_nested(type_) and not (pa.types.is_struct(type_) or pa.types.is_map(type_)):
                type_ = type_.value_type
            level = []
            if pa.types.is_map(type_):
                level = [pa.field("key", type_.key_type), pa.field("value", type_.item_type)]
            elif pa.types.is_struct(type_):
                level = list(type_)
            if self.random.random() < 0.15:
                break
        return path

    def paths(self, schema):
        found = [self.path(schema) for _ in range(self.random.randrange(1, 6))]
        return list(dict.fromkeys(found))


@pytest.mark.parametrize("round_", range(25))
def test_random_paths_equal_the_full_read_reduced(tmp_path, round_):
    seed = SEED + round_
    print(f"PQF_SEED={seed} gives round 0")
    draw = Draw(seed)
    table = draw.table(draw.random.choice([0, 1, 40, 150]))
    file = tmp_path / "t.parquet"
    if draw.random.random() < 0.5:
        pq.write_table(table, file, row_group_size=37, data_page_size=64, use_compliant_nested_type=False)
    else:
        write_parquet(table, file, table.schema, row_group_size=37, data_page_size=64)
    full = read_parquet(file, "arrow")
    assert full.to_pylist() == table.to_pylist()
    for _ in range(4):
        paths = draw.paths(table.schema)
        expected = reduced(full, paths)
        found = read(file, paths, use_threads=draw.random.random() < 0.5)
        assert_same(found, expected)
        for size in (1, 3, 1000):
            batches = list(read_parquet_iter(file, size, columns=paths))
            assert_same(pa.Table.from_batches(batches, schema=expected.schema), expected)
            assert all(len(b) == size for b in batches[:-1])


def test_pyarrow_chooses_the_same_leaves(path):
    file = pq.ParquetFile(path)
    for columns, leaves in [
        (["s.x"], ["s.x"]),
        (["s.t.u", "s.y"], ["s.t.u", "s.y"]),
        (["s.t"], ["s.t"]),
        (["l.w"], ["l.list.element.w"]),
        (["m.value.x"], ["m.key_value.key", "m.key_value.value.x"]),
        ([("a", "b"), "id"], ["a.b", "id"]),
    ]:
        found, expected = read(path, columns), file.read(columns=leaves)
        if "a.b" in expected.column_names:  # pyarrow takes both that are spelt like this
            expected = expected.drop_columns("a.b")
        assert_same(found.select(expected.column_names), expected)


# ---- datasets ----


@pytest.fixture
def dataset(tmp_path):
    table = TABLE.append_column("p", pa.array(["u", "v", "u", "w"]))
    write_to_dataset(table, tmp_path / "set", table.schema, partition_cols=["p"])
    return tmp_path / "set"


def test_datasets_with_partitions(dataset):
    full = read_parquet(dataset, "arrow")
    expected = reduced(full.drop_columns("p"), [("s", "t", "u"), ("l", "v")])
    found = read(dataset, ["s.t.u", "p", "l.v"])
    assert found.column_names == ["s", "p", "l"]
    assert_same(found.drop_columns("p"), expected)
    assert found["p"].to_pylist() == full["p"].to_pylist()
    for size in (1, 3, 1000):
        batches = list(read_parquet_iter(dataset, size, columns=["s.t.u", "p", "l.v"]))
        assert pa.Table.from_batches(batches).to_pylist() == found.to_pylist()
    found = read(dataset, ["s.y"], filters=(pc.field("p") != "v") & (pc.field("s", "x") > 1))
    assert found.to_pylist() == [{"s": {"y": None}}, {"s": {"y": None}}]


def test_files_need_only_the_chosen_fields_to_agree(tmp_path):
    def write(name, value, type_):
        pq.write_table(pa.table({"s": pa.array([value], type_)}), tmp_path / name)

    write("a.parquet", {"x": 1, "y": "a"}, pa.struct([("x", pa.int64()), ("y", pa.string())]))
    write("b.parquet", {"y": 2.5, "x": 2}, pa.struct([("y", pa.float64()), ("x", pa.int64())]))
    assert read(tmp_path, ["s.x"])["s"].to_pylist() == [{"x": 1}, {"x": 2}]
    for columns in (["s.y"], ["s"], ["s.x", "s.y"]):
        with pytest.raises(pa.ArrowInvalid, match=r"(?s)b\.parquet.*\n  s\.y: double here, string"):
            read(tmp_path, columns)
    write("c.parquet", 3, pa.int64())
    with pytest.raises(pa.ArrowInvalid, match=r"(?s)c\.parquet.*\n  s: int64 here, struct<x: int64>"):
        read(tmp_path, ["s.x"])


# ---- filters ----


@pytest.mark.parametrize(
    "columns", [None, ["id"], ["s.y"], ["s.t.v", "id"], ["s.x", "l.v"], ["s"], []], ids=str
)
@pytest.mark.parametrize(
    "filters",
    [
        pc.field("s", "x") > 2,
        [(("s", "x"), ">", 2)],
        [[(("s", "t", "u"), "<", 2.0)], [("id", "in", [2, 4])]],
        pc.field("s", "t", "u").is_null() & (pc.field("id") < 4),
        pc.field("s", "x") > 100,
        pc.field("s").is_valid() & (pc.field("a.b") > 8),
    ],
    ids=str,
)
def test_a_filter_column_inside_a_struct_need_not_be_in_columns(path, columns, filters):
    expression = filters
    if isinstance(filters, list):
        expression = pq.filters_to_expression([filters] if isinstance(filters[0], tuple) else filters)
    judged = TABLE.filter(expression)
    found = read(path, columns, filters=filters)
    assert found.num_rows == judged.num_rows
    if columns:
        expected = reduced(judged, [tuple(name.split(".")) for name in columns])
        assert_same(found, expected)
        batches = list(read_parquet_iter(path, 3, columns=columns, filters=filters))
        assert_same(pa.Table.from_batches(batches, schema=expected.schema), expected)
    elif columns is None:
        assert_same(found, judged)


def test_filters_that_only_pyarrow_understands_hand_out_the_chosen_fields(path, monkeypatch):
    monkeypatch.setattr(_filters, "_predicate", lambda expression: None)
    for columns in (["s.t.v"], ["l.v"], ["m.value.x", "id"], [("a", "x.y")]):
        paths = [tuple(c.split(".")) if isinstance(c, str) else c for c in columns]
        found = read(path, columns, filters=pc.field("id") > 1)
        assert_same(found, reduced(TABLE.slice(1), paths))


# ---- what is read ----


NUM_ROWS, GROUP_ROWS = 40_000, 10_000


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Chunks of about 80 kB that do not compress, each far above the slack below."""
    numbers = random.Random(1)
    path = tmp_path_factory.mktemp("big") / "big.parquet"

    def column():
        return [numbers.getrandbits(62) for _ in range(NUM_ROWS)]

    names = ["k", "x", "y", "z"]
    items = zip(range(NUM_ROWS), column(), column(), column(), strict=True)
    pairs = zip(column(), column(), strict=True)
    table = pa.table(
        {
            "s": [dict(zip(names, item, strict=True)) for item in items],
            "l": [[{"v": v, "w": w}] for v, w in pairs],
            "m": pa.array(
                [[(i, {"v": v, "w": v})] for i, v in enumerate(column())],
                pa.map_(pa.int64(), pa.struct([("v", pa.int64()), ("w", pa.int64())])),
            ),
        }
    )
    pq.write_table(table, path, row_group_size=GROUP_ROWS, use_dictionary=False, compression="none")
    return path


def chunk_bytes(path, leaves, groups):
    metadata = pq.read_metadata(path)
    chunks = [metadata.row_group(g).column(c) for g in groups for c in range(metadata.num_columns)]
    chosen = [chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in leaves]
    assert len(chosen) == len(leaves) * len(groups)
    return sum(chosen)


def footer_bytes(path):
    return int.from_bytes(path.read_bytes()[-8:-4], "little") + 8


def spent(work):
    before = _core.io_counters()[0]
    work()
    return _core.io_counters()[0] - before


SLACK = 66_000
"""The end of a file is read before the length of its footer is known."""


@pytest.mark.parametrize("form", ["whole", "iter"])
@pytest.mark.parametrize(
    ("columns", "filters", "leaves", "groups"),
    [
        (["s.x"], None, ["s.x"], [0, 1, 2, 3]),
        (["s.z", "l.w"], None, ["s.z", "l.list.element.w"], [0, 1, 2, 3]),
        (["m.value.w"], None, ["m.key_value.key", "m.key_value.value.w"], [0, 1, 2, 3]),
        (["s.y"], pc.field("s", "k") >= 30_000, ["s.k", "s.y"], [3]),
        (["l.v"], [(("s", "k"), "<", 10)], ["s.k", "l.list.element.v"], [0]),
        (["s.k"], [(("s", "k"), "in", [5, 25_000])], ["s.k"], [0, 2]),
    ],
    ids=lambda v: "-".join(map(str, v)) if isinstance(v, list) else "",
)
def test_only_the_footer_and_the_chosen_chunks_are_read(big, form, columns, filters, leaves, groups):
    def work():
        if form == "whole":
            rows = read_parquet(big, "arrow", columns=columns, filters=filters).num_rows
        else:
            rows = sum(map(len, read_parquet_iter(big, 3_000, columns=columns, filters=filters)))
        assert rows

    chosen = chunk_bytes(big, leaves, groups)
    assert chosen <= spent(work) <= footer_bytes(big) + chosen + SLACK


# ---- columns of one name ----


@pytest.fixture
def twins(tmp_path):
    table = pa.table([[1, 2], ["x", "y"], [3.5, None]], names=["a", "b", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    return tmp_path / "t.parquet", table


def test_duplicate_column_names_are_read_in_order(twins):
    path, table = twins
    assert_same(read_parquet(path, "arrow"), table)
    assert inspect_schema(path) == table.schema
    assert_same(pa.Table.from_batches(list(read_parquet_iter(path, 1))), table)
    assert read_parquet(path).shape == (2, 3)
    assert read_parquet(path, "arrow", columns=["b"])["b"].to_pylist() == ["x", "y"]
    assert_same(read_parquet(path, "arrow", filters=[("b", "=", "x")]), table.slice(0, 1))


def test_a_duplicate_name_cannot_be_asked_for(twins):
    path, _ = twins
    for columns in (["a"], ["b", "a"]):
        with pytest.raises(pa.ArrowInvalid, match="two columns have the name 'a'"):
            read_parquet(path, columns=columns)
    with pytest.raises(pa.ArrowInvalid):
        read_parquet(path, columns=["b"], filters=[("a", "=", 1)])


def test_fields_of_one_name_in_a_struct(tmp_path):
    values = pa.StructArray.from_arrays(
        [pa.array([1]), pa.array(["t"]), pa.array([2])], names=["x", "y", "x"]
    )
    pq.write_table(pa.table({"s": values}), tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet", "arrow").column("s").chunk(0).equals(values)
    assert read(tmp_path / "t.parquet", ["s.y"])["s"].to_pylist() == [{"y": "t"}]
    with pytest.raises(pa.ArrowInvalid, match="two columns have the name 's.x'"):
        read_parquet(tmp_path / "t.parquet", columns=["s.x"])


def test_files_with_duplicate_names_match_by_position(twins):
    path, table = twins
    folder = path.parent
    pq.write_table(table.slice(1), folder / "u.parquet")
    assert_same(read_parquet(folder, "arrow"), pa.concat_tables([table, table.slice(1)]))
    swapped = pa.table([[3.5], ["x"], [1]], names=["a", "b", "a"])
    pq.write_table(swapped, folder / "v.parquet")
    with pytest.raises(pa.ArrowInvalid, match=r"v\.parquet.*column 'a' is double here, but int64"):
        read_parquet(folder)
    for other, says in (
        (pa.table({"a": [1], "b": ["x"]}), "the name 'a' stands here 1 times, but 2 times"),
        (
            pa.table([[1], ["x"], [1.0], [1]], names=["a", "b", "a", "a"]),
            "the name 'a' stands here 3 times, but 2 times",
        ),
    ):
        pq.write_table(other, folder / "v.parquet")
        with pytest.raises(pa.ArrowInvalid, match=says):
            read_parquet(folder)


def test_null_counts_that_leave_out_null_parents_prune_nothing(tmp_path):
    """pyarrow counts the nulls of a dictionary inside a struct without those of the struct."""
    leaf = pa.struct([("x", pa.dictionary(pa.int32(), pa.string()))])
    rows = [{"v": {"x": None}}, {"v": {"x": "a"}}, None, {"v": None}]
    table = pa.table({"s": pa.array(rows, pa.struct([("v", leaf)]))})
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=2)
    for expression, count in (
        (pc.field("s", "v", "x").is_null(), 3),
        (~pc.field("s", "v", "x").is_valid(), 3),
    ):
        assert read_parquet(tmp_path / "f.parquet", "arrow", filters=expression).num_rows == count
