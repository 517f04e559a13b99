# SPDX-License-Identifier: Apache-2.0
"""Shapes that writers have given to lists, maps and groups, laid byte by byte: what LogicalTypes.md says they are.

A file is a tree of nodes and, for each leaf, its (repetition, definition, value) triples; pyarrow is asked
too, and where it reads another shape the case says so.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import handmade as made
from interop.handmade import BYTE_ARRAY, INT32, INT64
from interop.thrift import I64, Footer

from py_parquet_forge import inspect_schema, read_parquet, read_parquet_iter

REQ, OPT, REP = 0, 1, 2
PHYSICAL = {"i": INT32, "l": INT64, "s": BYTE_ARRAY}


def node(name: str, repetition: int, what, **annotation) -> tuple:
    """what: a letter of PHYSICAL, or a list of nodes."""
    if what == "s" and not annotation:
        annotation = {"converted": "UTF8"}
    return name, repetition, what, annotation


def group_list(name: str, repetition: int, *children: tuple, **annotation) -> tuple:
    return node(name, repetition, list(children), **(annotation or {"converted": "LIST"}))


def group_map(name: str, repetition: int, *children: tuple, **annotation) -> tuple:
    return node(name, repetition, list(children), **(annotation or {"converted": "MAP"}))


def elements_of(nodes: list) -> list[dict]:
    out = []
    for name, repetition, what, annotation in nodes:
        is_group = isinstance(what, list)
        children = len(what) if is_group else None
        physical = None if is_group else PHYSICAL[what]
        out.append(made.element(name.encode(), physical, repetition, children=children, **annotation))
        out += elements_of(what) if is_group else []
    return out


def leaves_of(nodes: list, path=(), rep=0, definition=0) -> list[tuple]:
    out = []
    for name, repetition, what, _ in nodes:
        levels = rep + (repetition == REP), definition + (repetition != REQ)
        if isinstance(what, list):
            out += leaves_of(what, (*path, name), *levels)
        else:
            out.append(((*path, name), PHYSICAL[what], *levels))
    return out


def levels(numbers: list[int], most: int) -> bytes:
    """Runs of one level each."""
    body = b"".join(b"\x02" + bytes([n]) for n in numbers)
    return len(body).to_bytes(4, "little") + body if most else b""


def page(physical: int, max_rep: int, max_def: int, triples: list[tuple]) -> bytes:
    reps, defs = [t[0] for t in triples], [t[1] for t in triples]
    values = [t[2] for t in triples if t[1] == max_def]
    body = levels(reps, max_rep) + levels(defs, max_def) + made.plain(physical, values)
    return made.page_v1(body, len(triples))


def file_of(nodes: list, columns: list, num_rows: int, cuts=()) -> bytes:
    """columns: triples of each leaf; cuts: numbers of triples at which a page ends."""
    body, chunks = b"", []
    for (path, physical, rep, definition), triples in zip(leaves_of(nodes), columns, strict=True):
        ends = [0, *cuts, len(triples)]
        pages = b"".join(page(physical, rep, definition, triples[a:b]) for a, b in zip(ends, ends[1:]))
        names = [name.encode() for name in path]
        chunks.append(made.chunk_of(physical, names, len(triples), 4 + len(body), len(pages)))
        body += pages
    return made.file_of(elements_of(nodes), chunks, num_rows, body, roots=len(nodes))


def arrow(path, **options) -> pa.Table:
    table = read_parquet(path, output_format="arrow", **options)
    table.validate(full=True)
    return table


# -- lists --

INT = pa.int32()
ITEMS = [(0, 3, 1), (1, 2, None), (0, 1, None), (0, 0, None)]  # [1, null], [], null of 3 levels
DENSE = [(0, 2, 1), (1, 2, 2), (0, 1, None), (0, 0, None)]  # [1, 2], [], null of items that are required
TEXTS = [(r, d, v if v is None else str(v).encode()) for r, d, v in DENSE]
ROWS, NULLS = [[1, 2], [], None], [[1, None], [], None]
STRUCTS = [[{"a": 1}, {"a": 2}], [], None]


def items(name: str, kind: pa.DataType, nullable=False) -> pa.DataType:
    return pa.list_(pa.field(name, kind, nullable))


def three(middle: str, item: str, repetition=OPT) -> tuple:
    return group_list("l", OPT, node(middle, REP, [node(item, repetition, "i")]))


ONE_FIELD = pa.struct([pa.field("a", INT, False)])
PAIR = pa.struct([pa.field("a", INT, False), pa.field("b", pa.int64())])
LISTS = {
    "three levels": (three("list", "element"), [ITEMS], items("element", INT, True), NULLS),
    "bag of array_element": (
        three("bag", "array_element"),
        [ITEMS],
        items("array_element", INT, True),
        NULLS,
    ),
    "list of item": (three("list", "item"), [ITEMS], items("item", INT, True), NULLS),
    "a list without a name": (three("", "element"), [ITEMS], items("element", INT, True), NULLS),
    "required element": (three("list", "element", REQ), [DENSE], items("element", INT), ROWS),
    "a repeated group named element": (
        group_list("my_list", OPT, node("element", REP, [node("str", REQ, "s")])),
        [TEXTS],
        items("str", pa.string()),
        [["1", "2"], [], None],
    ),
    "rule 1: no group": (
        group_list("l", OPT, node("element", REP, "i")),
        [DENSE],
        items("element", INT),
        ROWS,
    ),
    "rule 1: no group, named array": (
        group_list("l", OPT, node("array", REP, "i")),
        [DENSE],
        items("array", INT),
        ROWS,
    ),
    "rule 2: a group of several fields": (
        group_list("l", OPT, node("element", REP, [node("a", REQ, "i"), node("b", OPT, "l")])),
        [DENSE, [(0, 3, 7), (1, 2, None), (0, 1, None), (0, 0, None)]],
        items("element", PAIR),
        [[{"a": 1, "b": 7}, {"a": 2, "b": None}], [], None],
    ),
    "rule 3: a repeated field in the group": (
        group_list("l", OPT, node("e", REP, [node("x", REP, "i")])),
        [[(0, 3, 1), (2, 3, 2), (1, 2, None), (0, 1, None), (0, 0, None)]],
        items("e", pa.struct([pa.field("x", items("x", INT), False)])),
        [[{"x": [1, 2]}, {"x": []}], [], None],
    ),
    "rule 3: a list of lists": (
        group_list("l", OPT, group_list("array", REP, node("array", REP, "i"))),
        [[(0, 3, 1), (2, 3, 2), (1, 2, None), (0, 1, None), (0, 0, None)]],
        items("array", items("array", INT)),
        [[[1, 2], []], [], None],
    ),
    "rule 4: array": (
        group_list("l", OPT, node("array", REP, [node("a", REQ, "i")])),
        [DENSE],
        items("array", ONE_FIELD),
        STRUCTS,
    ),
    "rule 4: _tuple": (
        group_list("l", OPT, node("l_tuple", REP, [node("a", REQ, "i")])),
        [DENSE],
        items("l_tuple", ONE_FIELD),
        STRUCTS,
    ),
    "rule 5: the _tuple of another list": (
        group_list("l", OPT, node("x_tuple", REP, [node("a", REQ, "i")])),
        [DENSE],
        items("a", INT),
        ROWS,
    ),
    "rule 5: arrays": (
        group_list("l", OPT, node("arrays", REP, [node("a", REQ, "i")])),
        [DENSE],
        items("a", INT),
        ROWS,
    ),
    "a list of lists of three levels": (
        group_list("l", OPT, node("list", REP, [three("list", "element")])),
        [[(0, 5, 1), (2, 4, None), (1, 3, None), (1, 2, None), (0, 1, None), (0, 0, None)]],
        pa.list_(pa.field("l", items("element", INT, True))),
        [[[1, None], [], None], [], None],
    ),
    "a struct of one field in three levels": (
        group_list("l", OPT, node("list", REP, [node("element", REQ, [node("a", REQ, "i")])])),
        [DENSE],
        items("element", ONE_FIELD),
        STRUCTS,
    ),
    "a logical type alone": (
        group_list("l", OPT, node("list", REP, [node("e", OPT, "i")]), annotation=made.LIST_TYPE),
        [ITEMS],
        items("e", INT, True),
        NULLS,
    ),
}


def check(tmp_path, top: tuple, columns: list, kind: pa.DataType, rows: list, agrees: bool = True) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(file_of([top], columns, len(rows)))
    table = arrow(path)
    assert table.schema.types == [kind] and table.column(0).to_pylist() == rows
    assert inspect_schema(path).equals(table.schema)
    assert [b.column(0).to_pylist() for b in read_parquet_iter(path, chunk_size=1)] == [[r] for r in rows]
    theirs = pq.read_table(path)
    assert (theirs.schema.types == [kind] and theirs.column(0).to_pylist() == rows) is agrees


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_each_form(name, tmp_path):
    check(tmp_path, *LISTS[name])


def test_a_required_list(tmp_path):
    top = group_list("l", REQ, node("list", REP, [node("e", OPT, "i")]))
    check(tmp_path, top, [[(0, 2, 1), (1, 1, None), (0, 0, None)]], items("e", INT, True), [[1, None], []])


REPEATED = [(0, 1, 1), (1, 1, 2), (0, 0, None)]


def test_repeated_fields_without_annotation(tmp_path):
    check(tmp_path, node("x", REP, "i"), [REPEATED], items("x", INT), [[1, 2], []])
    kind = items("x", ONE_FIELD)
    rows = [[{"a": 1}, {"a": 2}], []]
    check(tmp_path, node("x", REP, [node("a", REQ, "i")]), [REPEATED], kind, rows)
    inner = node("s", OPT, [node("x", REP, "i")])
    kind = pa.struct([pa.field("x", items("x", INT), False)])
    triples = [(0, 2, 1), (1, 2, 2), (0, 1, None), (0, 0, None)]
    check(tmp_path, inner, [triples], kind, [{"x": [1, 2]}, {"x": []}, None])


# -- maps --

KEY = node("key", REQ, "s")
KEYS = [(0, 2, b"a"), (1, 2, b"b"), (0, 1, None), (0, 0, None)]
VALUES = [(0, 3, 1), (1, 2, None), (0, 1, None), (0, 0, None)]
PAIRS = [[("a", 1), ("b", None)], [], None]
MAP = pa.map_(pa.string(), INT)


def entries(name: str, *children: tuple, **annotation) -> tuple:
    return node(name, REP, list(children), **annotation)


VALUE = node("value", OPT, "i")
MAPS = {
    "today's form": group_map("m", OPT, entries("key_value", KEY, VALUE)),
    "MAP_KEY_VALUE on the map": group_map("m", OPT, entries("map", KEY, VALUE), converted="MAP_KEY_VALUE"),
    "MAP_KEY_VALUE on the entries": group_map(
        "m", OPT, entries("map", KEY, VALUE, converted="MAP_KEY_VALUE")
    ),
    "other names": group_map("m", OPT, entries("x", node("k", REQ, "s"), node("v", OPT, "i"))),
    "a logical type alone": group_map("m", OPT, entries("key_value", KEY, VALUE), annotation=made.MAP),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map_of_each_form(name, tmp_path):
    kind = pa.map_(pa.field("k", pa.string(), False), pa.field("v", INT)) if name == "other names" else MAP
    check(tmp_path, MAPS[name], [KEYS, VALUES], kind, PAIRS)


def test_a_map_without_values_is_a_list_of_its_keys(tmp_path):
    """LogicalTypes.md: such a map is a set; as in pyarrow a list."""
    top = group_map("m", OPT, entries("key_value", KEY))
    check(tmp_path, top, [KEYS], items("key", pa.string()), [["a", "b"], [], None])


def test_a_map_of_required_values(tmp_path):
    top = group_map("m", REQ, entries("key_value", KEY, node("value", REQ, "i")))
    kind = pa.map_(pa.string(), pa.field("value", INT, False))
    keys = [(0, 1, b"a"), (1, 1, b"b"), (0, 0, None)]
    check(tmp_path, top, [keys, REPEATED], kind, [[("a", 1), ("b", 2)], []])


def test_optional_keys_are_read_and_null_keys_refused(tmp_path):
    """pyarrow refuses the form."""
    top = group_map("m", OPT, entries("key_value", node("key", OPT, "s"), VALUE))
    keys = [(0, 3, b"a"), (1, 3, b"b"), (0, 1, None), (0, 0, None)]
    path = tmp_path / "x.parquet"
    path.write_bytes(file_of([top], [keys, VALUES], 3))
    table = arrow(path)
    assert table.schema.types == [MAP] and table["m"].to_pylist() == PAIRS
    path.write_bytes(file_of([top], [[keys[0], (1, 2, None), *keys[2:]], VALUES], 3))
    with pytest.raises(pa.ArrowInvalid, match=r"column m\.key_value\.key: .* key that is null"):
        arrow(path)


# -- what is none of these --

WRONG = {
    "two fields in a list": group_list("l", OPT, node("a", REP, "i"), node("b", REP, "i")),
    "nothing repeated": group_list("l", OPT, node("list", OPT, [node("e", OPT, "i")])),
    "a repeated list": group_list("l", REP, node("list", REP, [node("e", OPT, "i")])),
    "a map of three": group_map("m", OPT, entries("kv", KEY, VALUE, node("x", OPT, "i"))),
    "a map of no group": group_map("m", OPT, node("kv", REP, "i")),
    "a list of nothing": group_list("l", OPT, node("list", REP, [])),
    "repeated keys": group_map("m", OPT, entries("kv", node("key", REP, "s"), VALUE)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_list_and_no_map_is_refused_by_name(name, tmp_path):
    """Reading such a column is the error; the others are read."""
    top, path = WRONG[name], tmp_path / "x.parquet"
    beside = [node("before", REQ, "i"), top, node("behind", REQ, "i")]
    nulls = [[(0, 0, None)] for _ in leaves_of([top])]
    path.write_bytes(file_of(beside, [[(0, 0, 7)], *nulls, [(0, 0, 8)]], 1))
    with pytest.raises(pa.ArrowInvalid, match=f"'{top[0]}'"):
        arrow(path)
    assert inspect_schema(path).names == ["before", top[0], "behind"]
    assert arrow(path, columns=["behind", "before"]).to_pylist() == [{"behind": 8, "before": 7}]


# -- groups without children, files without columns, groups without rows --


@pytest.mark.parametrize("repetition", [REQ, OPT])
def test_a_group_without_children_beside_others(repetition, tmp_path):
    """There is no leaf that could tell its nulls: it is there in every row, with nothing in it."""
    path = tmp_path / "x.parquet"
    top = [node("a", REQ, "i"), node("s", repetition, []), node("b", REQ, "i")]
    column = [(0, 0, n) for n in range(5)]
    path.write_bytes(file_of(top, [column, column], 5))
    assert arrow(path, columns=["a", "b"]).to_pydict() == {"a": list(range(5)), "b": list(range(5))}
    table = arrow(path)
    assert table.schema.field("s").type == pa.struct([])
    assert table["s"].to_pylist() == [{}] * 5 and table["b"].to_pylist() == list(range(5))


@pytest.mark.parametrize("count", [0, 5])
def test_a_file_without_columns_has_its_rows(count, tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(made.file_of([], [], count, b""))
    table = arrow(path)
    assert table.shape == (count, 0)
    assert sum(batch.num_rows for batch in read_parquet_iter(path, chunk_size=2)) == count


def test_row_groups_without_rows_among_others(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [1, 2, 3]))
    footer = Footer(path.read_bytes())
    full = footer.row_group(0)
    chunk = {**full[1][1][1][0][3][1], 5: [I64, 0], 6: [I64, 0], 7: [I64, 0]}
    column = {**full[1][1][1][0], 3: [made.STRUCT, chunk]}
    empty = {**full, 1: [made.LIST, (made.STRUCT, [column])], 3: [I64, 0]}
    footer.meta[4] = [made.LIST, (made.STRUCT, [empty, full, empty, empty, full, empty])]
    footer.meta[3] = [I64, 6]
    path.write_bytes(footer.bytes())
    assert arrow(path)["a"].to_pylist() == [1, 2, 3, 1, 2, 3]
    assert [b.num_rows for b in read_parquet_iter(path, chunk_size=4)] == [4, 2]
    assert arrow(path, filters=[("a", ">", 1)])["a"].to_pylist() == [2, 3, 2, 3]


# -- pages --


@pytest.mark.parametrize(
    "top", [three("list", "element"), three("list", "element", REQ)], ids=["null", "set"]
)
def test_records_that_span_pages(top, tmp_path):
    """Pages of version 1 may end within a row: at every place, and in pages of one value each."""
    most = leaves_of([top])[0][3]
    triples = [(0, most, 1), *((1, most, n) for n in range(2, 7)), (0, 1, None), (0, most, 7), (1, most, 8)]
    rows = [[1, 2, 3, 4, 5, 6], [], [7, 8]]
    path = tmp_path / "x.parquet"
    for cuts in [*([n] for n in range(len(triples) + 1)), range(len(triples)), [2, 2, 4]]:
        path.write_bytes(file_of([top], [triples], 3, cuts))
        assert arrow(path)["l"].to_pylist() == rows, cuts
        for size in (1, 2):
            batches = list(read_parquet_iter(path, chunk_size=size))
            assert [r for b in batches for r in b["l"].to_pylist()] == rows, cuts


@pytest.mark.parametrize("offset", ["none", "0", "right"])
def test_dictionary_pages_at_offset_0_or_without_one(offset, tmp_path):
    """Then data_page_offset is where the dictionary page begins."""
    dictionary = made.dictionary_page(made.plain(INT32, [10, 20]), 2)
    data = made.page_v1(b"\x01\x03\x02", 8, encoding=8)  # one literal run of 8 codes of a bit
    path = tmp_path / "x.parquet"
    path.write_bytes(made.one_column(INT32, [], pages=dictionary + data, num_values=8))
    footer = Footer(path.read_bytes())
    chunk = footer.chunk(0, 0)
    if offset == "0":
        chunk[11] = [I64, 0]
    if offset == "right":
        chunk[11], chunk[9] = [I64, 4], [I64, 4 + len(dictionary)]
    path.write_bytes(footer.bytes())
    expected = [20 if n == 1 else 10 for n in range(8)]
    assert arrow(path)["a"].to_pylist() == expected == pq.read_table(path)["a"].to_pylist()
    assert arrow(path, filters=[("a", "==", 20)])["a"].to_pylist() == [20]


def test_arrays_that_are_null_filled_with_pairs(tmp_path):
    """duckdb writes as many pairs for a null array as for any other."""
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "x.parquet"
    rows = "(VALUES ([1, 2]), (NULL), ([3, NULL]), (NULL)) t(a)"
    duckdb.sql(f"COPY (SELECT a::BIGINT[2] AS a FROM {rows}) TO '{path}' (FORMAT parquet)")
    assert arrow(path)["a"].to_pylist() == [[1, 2], None, [3, None], None]


@pytest.mark.parametrize("nullable", [False, True])
def test_booleans_out_of_a_dictionary(nullable, tmp_path):
    """Encodings.md, Supported Encodings: dictionaries are for all physical types."""
    rows = [True, False, None, True] if nullable else [True, False, False, True]
    codes = [0, 1, 0] if nullable else [0, 1, 1, 0]  # of a dictionary that says true, false
    body = b"\1\3" + bytes([sum(code << i for i, code in enumerate(codes))])
    if nullable:
        body = b"\2\0\0\0\3\x0b" + body
    pages = made.dictionary_page(b"\1", 2) + made.page_v1(body, len(rows), encoding=8)
    path = tmp_path / "x.parquet"
    column = {"repetition": made.OPTIONAL} if nullable else {}
    path.write_bytes(made.one_column(made.BOOLEAN, rows, pages=pages, **column))
    assert arrow(path)["a"].to_pylist() == rows
    coded = arrow(path, read_dictionary=["a"])["a"]
    assert coded.to_pylist() == rows
    duckdb = pytest.importorskip("duckdb")
    assert [row for (row,) in duckdb.sql(f"FROM '{path}'").fetchall()] == rows
