# SPDX-License-Identifier: Apache-2.0
"""A filtered read is a full read followed by pyarrow.Table.filter, always.

Random expressions and DNF lists over columns of all sorts of types, with NaN, both
zeros, nulls and row groups that hold nothing else; files of ours and of pyarrow, with
many row groups, and datasets with partitions of every type. Then what pruning saves,
counted in bytes read and files opened. PQF_TEST_SEED=<number> draws other expressions.
"""

from __future__ import annotations

import datetime
import decimal
import random

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from interop import support

from py_parquet_forge import _core, read_parquet, read_parquet_iter, write_parquet, write_to_dataset

ROWS = 1500
NAN = float("nan")
ROUNDS = 2000 if support.ALL else 600


# ------------------------------------------------------------------------------ data


def _floats(rnd: random.Random, group: int) -> list:
    """By row group: plain, only zeros of both signs, only NaN, only nulls, all mixed."""
    pools = [
        [1.5, -2.5, 3.25, 0.5],
        [0.0, -0.0],
        [-0.0],
        [NAN],
        [None],
        [NAN, 1.0, None, -0.0, float("inf"), -float("inf")],
        [0.0, NAN],
    ]
    return pools[(rnd.randrange(7) + group) % 7]


def _grouped(rnd: random.Random, draw) -> list:
    """Values in runs of 50, as long as a row group, each run of a temper of its own."""
    values = []
    for group in range(ROWS // 50):
        temper = rnd.randrange(5)
        if temper == 0:
            values += [None] * 50
        elif temper == 1:
            values += [draw()] * 50
        else:
            values += [None if temper == 2 and rnd.random() < 0.2 else draw() for _ in range(50)]
    return values


def _table() -> pa.Table:
    rnd = random.Random(support.SEED)
    start = datetime.date(2020, 1, 1)
    floats = [rnd.choice(_floats(rnd, i // 50)) for i in range(ROWS)]
    singles = [rnd.choice(pool) for g in range(ROWS // 50) for pool in [_floats(rnd, g)] for _ in range(50)]
    words = ["", "a", "ab", "abc", "b", "ba", "zz", "z" * 100, "é", "ab%", "\x00"]
    day = lambda: start + datetime.timedelta(days=rnd.randrange(400))  # noqa: E731
    instant = lambda: datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=rnd.randrange(9000))  # noqa: E731
    money = lambda: decimal.Decimal(rnd.randrange(-300, 300)) / 100  # noqa: E731
    point = lambda: {"x": rnd.choice([None, *range(9)]), "w": {"v": rnd.choice([None, "p", "q"])}}  # noqa: E731
    columns = {
        "sorted": pa.array(range(ROWS), pa.int64()),
        "i": pa.array(_grouped(rnd, lambda: rnd.randrange(-20, 20)), pa.int32()),
        "small": pa.array(_grouped(rnd, lambda: rnd.randrange(-3, 3)), pa.int8()),
        "u": pa.array(_grouped(rnd, lambda: rnd.choice([0, 1, 2**63, 2**64 - 1])), pa.uint64()),
        "d": pa.array(floats, pa.float64()),
        "f": pa.array(singles, pa.float32()),
        "t": pa.array(_grouped(rnd, lambda: rnd.choice(words)), pa.string()),
        "y": pa.array(_grouped(rnd, lambda: rnd.choice(words).encode()), pa.binary()),
        "c": pa.array(_grouped(rnd, lambda: rnd.choice(words)), pa.string()).dictionary_encode(),
        "b": pa.array(_grouped(rnd, lambda: rnd.random() < 0.5), pa.bool_()),
        "day": pa.array(_grouped(rnd, day), pa.date32()),
        "ts": pa.array(_grouped(rnd, instant), pa.timestamp("us")),
        "tz": pa.array(_grouped(rnd, instant), pa.timestamp("ms", "UTC")),
        "m": pa.array(_grouped(rnd, money), pa.decimal128(9, 2)),
        "s": pa.array(
            _grouped(rnd, point), pa.struct([("x", pa.int32()), ("w", pa.struct([("v", pa.string())]))])
        ),
        "l": pa.array([[i, None] if i % 3 else None for i in range(ROWS)], pa.list_(pa.int64())),
    }
    return pa.table(columns)


TABLE = _table()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict:
    """The same rows in files of several shapes."""
    folder = tmp_path_factory.mktemp("filters")
    made = {}

    def ours(name, **options):
        made[name] = folder / f"{name}.parquet"
        write_parquet(TABLE, made[name], TABLE.schema, **options)

    def theirs(name, **options):
        made[name] = folder / f"{name}.parquet"
        pq.write_table(TABLE, made[name], **options)

    ours("ours", row_group_size=50)
    ours("ours, no statistics", row_group_size=70, write_statistics=False, use_dictionary=False)
    ours("ours, one group of small pages", data_page_size=300, max_rows_per_page=40)
    theirs("theirs", row_group_size=50)
    theirs("theirs, page index", row_group_size=400, data_page_size=200, write_page_index=True)
    theirs("theirs, V2 and version 1.0", row_group_size=33, data_page_version="2.0", version="1.0")
    return made


FILES = [
    "ours",
    "ours, no statistics",
    "ours, one group of small pages",
    "theirs",
    "theirs, page index",
    "theirs, V2 and version 1.0",
]


# ----------------------------------------------------------------- random expressions


class Draw:
    """Draws expressions over the columns of TABLE."""

    def __init__(self, rnd: random.Random, schema: pa.Schema = TABLE.schema):
        self.rnd = rnd
        self.names = [n for n in schema.names if n not in ("l", "s")]

    def literal(self, name: str):
        """A value that stands in the column, or one near it; rarely a null."""
        value = self.rnd.choice(TABLE.column(name).drop_null().slice(0, 700)).as_py()
        if isinstance(value, float):
            value = self.rnd.choice([value, 0.0, -0.0, NAN, 1.5, float("inf")])
        elif isinstance(value, int) and not isinstance(value, bool):
            value += self.rnd.choice([0, 0, 1, -1]) if 0 < value < 2**62 else 0
        return value

    def scalar(self, name: str) -> pa.Scalar:
        kind = TABLE.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if self.rnd.random() < 0.04:
            return pa.scalar(None, kind)
        value = self.literal(name)
        if pa.types.is_int8(kind):
            value = max(-128, min(127, value))
        return pa.scalar(value, kind)

    def comparison(self) -> pc.Expression:
        name = self.rnd.choice(self.names)
        left, right = pc.field(name), pc.scalar(self.scalar(name))
        if self.rnd.random() < 0.2:
            left, right = right, left
        return self.compare(left, right)

    def compare(self, left, right) -> pc.Expression:
        return self.rnd.choice(
            [
                lambda: left == right,
                lambda: left != right,
                lambda: left < right,
                lambda: left <= right,
                lambda: left > right,
                lambda: left >= right,
            ]
        )()

    def is_in(self) -> pc.Expression:
        name = self.rnd.choice(self.names)
        kind = TABLE.schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        count = self.rnd.choice([0, 1, 3, 20])
        values = [self.scalar(name).as_py() for _ in range(count)]
        values += [None] if self.rnd.random() < 0.4 else []
        return pc.field(name).isin(pa.array(values, kind))

    def null_test(self) -> pc.Expression:
        field = pc.field(self.rnd.choice([*self.names, "l", "s"]))
        form = self.rnd.randrange(3)
        return (
            field.is_null()
            if form == 0
            else field.is_valid()
            if form == 1
            else field.is_null(nan_is_null=True)
        )

    def text(self) -> pc.Expression:
        pattern = self.rnd.choice(["", "a", "ab", "z", "zzz", "é", "%"])
        work = self.rnd.choice([pc.starts_with, pc.ends_with, pc.match_substring])
        return work(pc.field("t"), pattern=pattern)

    def computed(self) -> pc.Expression:
        return self.rnd.choice(
            [
                lambda: self.compare(pc.field("i").cast(pa.int64()), pc.scalar(self.rnd.randrange(-20, 20))),
                lambda: self.compare(pc.field("i").cast(pa.float64()), pc.scalar(0.5)),
                lambda: self.compare(
                    pc.field("day").cast(pa.timestamp("s")), pc.scalar(datetime.datetime(2020, 3, 1))
                ),
                lambda: self.compare(pc.field("i") + pc.field("small"), pc.scalar(self.rnd.randrange(-9, 9))),
                lambda: self.compare(pc.field("i"), pc.field("small")),
                lambda: self.compare(pc.field("sorted"), pc.scalar(self.rnd.uniform(0, ROWS))),
                lambda: pc.is_nan(pc.field("d")),
                lambda: pc.equal(pc.utf8_length(pc.field("t")), 2),
                lambda: pc.field("b"),
                lambda: pc.scalar(self.rnd.random() < 0.5),
                lambda: self.compare(pc.year(pc.field("ts")), pc.scalar(2020)),
            ]
        )()

    def nested(self) -> pc.Expression:
        return self.rnd.choice(
            [
                lambda: self.compare(pc.field("s", "x"), pc.scalar(self.rnd.randrange(9))),
                lambda: self.compare(pc.field("s", "w", "v"), pc.scalar("p")),
                lambda: pc.field("s", "x").is_null(),
                lambda: pc.field(("s", "w", "v")).isin(["q", None]),
            ]
        )()

    def expression(self, depth: int = 3) -> pc.Expression:
        roll = self.rnd.random()
        if depth and roll < 0.25:
            return self.expression(depth - 1) & self.expression(depth - 1)
        if depth and roll < 0.45:
            return self.expression(depth - 1) | self.expression(depth - 1)
        if depth and roll < 0.55:
            return ~self.expression(depth - 1)
        leaves = (
            [self.comparison] * 5 + [self.is_in] * 2 + [self.null_test, self.text, self.computed, self.nested]
        )
        return self.rnd.choice(leaves)()


def _compare(path, full: pa.Table, filters, expression, rnd: random.Random) -> str:
    """Filtered reads against the filtered table; says what the oracle could not do."""
    try:
        expected = full.filter(expression)
    except (pa.ArrowException, OverflowError) as error:
        _refuse_or_read(path, full, filters)
        return str(error)[:60]
    what = f"PQF_TEST_SEED={support.SEED} {path}: {filters}"
    found = read_parquet(path, output_format="arrow", filters=filters)
    support.assert_same(found, expected, what)
    names = rnd.sample(full.column_names, rnd.randrange(4))
    found = read_parquet(path, output_format="arrow", columns=names, filters=filters)
    support.assert_same(found, expected.select(names), f"{what} columns={names}")
    size = rnd.choice([1000, 77, 10])
    batches = list(read_parquet_iter(path, chunk_size=size, filters=filters))
    lengths = [len(batch) for batch in batches]
    rest = expected.num_rows % size
    assert lengths == [size] * (expected.num_rows // size) + ([rest] if rest else []), what
    again = pa.Table.from_batches(batches, full.schema)
    support.assert_same_values(again, expected, f"{what} in batches")
    return ""


def _refuse_or_read(path, full: pa.Table, filters) -> None:
    """What pyarrow cannot evaluate is an error, or rows of the file: never a crash."""
    try:
        found = read_parquet(path, output_format="arrow", filters=filters)
    except (pa.ArrowException, OverflowError, NotImplementedError):
        return
    found.validate(full=True)
    assert found.num_rows <= full.num_rows


@pytest.mark.parametrize("name", FILES)
def test_random_expressions(name, files):
    full = read_parquet(files[name], output_format="arrow")
    support.assert_same_values(full.drop_columns("c"), TABLE.drop_columns("c"))
    rnd = random.Random(f"{support.SEED} {name}")
    draw = Draw(rnd)
    refused, kept = [], 0
    for _ in range(ROUNDS // len(FILES)):
        expression = draw.expression()
        lack = _compare(files[name], full, expression, expression, rnd)
        refused += [lack] if lack else []
        kept += not lack
    assert kept > 4 * len(refused), refused[:5]


def _term(rnd: random.Random, draw: Draw) -> tuple:
    name = rnd.choice([n for n in draw.names if n not in ("b", "c")])
    if rnd.random() < 0.25:
        values = [draw.literal(name) for _ in range(rnd.randint(1, 5))]
        return name, rnd.choice(["in", "not in"]), values
    return name, rnd.choice(["=", "==", "!=", "<", ">", "<=", ">="]), draw.literal(name)


def test_random_dnf(files):
    """Lists of tuples and lists of lists, as pyarrow reads them."""
    rnd = random.Random(support.SEED)
    draw = Draw(rnd)
    for round_ in range(ROUNDS // 4):
        path = files[FILES[round_ % len(FILES)]]
        full = read_parquet(path, output_format="arrow")
        terms = [[_term(rnd, draw) for _ in range(rnd.randint(1, 3))] for _ in range(rnd.randint(1, 3))]
        filters = terms[0] if len(terms) == 1 and rnd.random() < 0.5 else terms
        try:
            expression = pq.filters_to_expression(filters)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            continue
        _compare(path, full, filters, expression, rnd)


# ------------------------------------------------------------------ cases by their name

ZEROS = [0.0, -0.0, 1.0, -1.0, NAN, None]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.float16()], ids=str)
@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_zeros_and_nan(writer, kind, tmp_path):
    """Row groups of one sign of zero, of NaN and of nulls, against every literal and operator."""
    rows = [v for v in ZEROS for _ in range(4)] + ZEROS * 2
    values = pa.array([None if v is None else np.dtype(kind.to_pandas_dtype()).type(v) for v in rows], kind)
    table = pa.table({"v": values, "n": pa.array(range(len(rows)), pa.int64())})
    path = tmp_path / "x.parquet"
    if writer == "ours":
        write_parquet(table, path, table.schema, row_group_size=4)
    else:
        pq.write_table(table, path, row_group_size=4)
    if kind == pa.float16():
        literals = [v if v is None else np.float16(v) for v in ZEROS]
    else:
        literals = ZEROS
    field = pc.field("v")
    for value in literals:
        scalar = pc.scalar(pa.scalar(value, kind))
        for expression in (
            field == scalar,
            field != scalar,
            field < scalar,
            field <= scalar,
            field > scalar,
            field >= scalar,
            ~(field == scalar),
            ~(field < scalar),
            ~(field >= scalar),
            field.isin(pa.array([value], kind)),
            ~field.isin(pa.array([value], kind)),
            field.isin(pa.array([value, None], kind)),
        ):
            try:
                expected = table.filter(expression)
            except pa.ArrowException:
                continue
            found = read_parquet(path, output_format="arrow", filters=expression)
            support.assert_same(found, expected, str(expression))


@pytest.mark.parametrize(
    "filters",
    [
        [("a", "in", [1, 2])],
        [("a", "in", {1, 2})],
        [("a", "in", (1,))],
        [("a", "not in", [1])],
        [[("a", "=", 1)], [("a", "=", 3)]],
        [("a", ">", 0), ("t", "=", "x")],
    ],
    ids=str,
)
def test_dnf_forms(filters, tmp_path):
    table = pa.table({"a": [1, 2, 3, None, 1], "t": ["x", "y", "x", "x", None]})
    write_parquet(table, tmp_path / "x.parquet", table.schema, row_group_size=2)
    expected = table.filter(pq.filters_to_expression(filters))
    support.assert_same(
        read_parquet(tmp_path / "x.parquet", output_format="arrow", filters=filters), expected
    )
    theirs = pq.read_table(tmp_path / "x.parquet", filters=filters)
    support.assert_same(expected, theirs)


@pytest.mark.parametrize("filters", [[("a", "~", 1)], [("a",)], "a > 1", [("a", "in", 5)], 7, [[]]], ids=str)
def test_bad_filters(filters, tmp_path):
    """At the call, before anything is read: the iterator too."""
    table = pa.table({"a": [1]})
    write_parquet(table, tmp_path / "x.parquet", table.schema)
    for call in (read_parquet, read_parquet_iter):
        with pytest.raises((ValueError, TypeError)):
            call(tmp_path / "x.parquet", filters=filters)


def test_a_filter_on_an_unknown_column(tmp_path):
    table = pa.table({"user_id": [1]})
    write_parquet(table, tmp_path / "x.parquet", table.schema)
    with pytest.raises(pa.ArrowInvalid, match="user_id"):
        read_parquet(tmp_path / "x.parquet", filters=pc.field("usr_id") == 1)
    with pytest.raises(pa.ArrowInvalid, match="user_id"):
        read_parquet(tmp_path / "x.parquet", filters=[("usr_id", "=", 1)])


def test_filter_to_pandas(files):
    expression = (pc.field("i") > 3) & pc.field("t").is_valid()
    frame = read_parquet(files["ours"], columns=["sorted"], filters=expression)
    expected = TABLE.filter(expression).column("sorted").to_pylist()
    assert frame["sorted"].tolist() == expected
    assert list(frame.index) == list(range(len(expected)))


def test_no_row_is_left(files):
    for name in FILES:
        full = read_parquet(files[name], output_format="arrow")
        for expression in (
            pc.field("sorted") < 0,
            pc.scalar(False),
            pc.field("i") == pc.scalar(None).cast(pa.int32()),
        ):
            found = read_parquet(files[name], output_format="arrow", filters=expression)
            support.assert_same(found, full.slice(0, 0))
            assert list(read_parquet_iter(files[name], filters=expression)) == []


def test_wrong_statistics_of_old_writers(tmp_path):
    """Long values are cut in statistics: a bound, not a value."""
    values = ["z" * 5000, "z" * 5000 + "a", "a" * 5000, "\U0010ffff" * 100, "", None]
    table = pa.table({"t": values * 3, "y": [v and v.encode() for v in values] * 3})
    for write in (
        lambda p: write_parquet(table, p, table.schema, row_group_size=1),
        lambda p: pq.write_table(table, p, row_group_size=1),
    ):
        path = tmp_path / "x.parquet"
        write(path)
        for value in [v for v in values if v is not None]:
            for column, literal in (("t", value), ("y", value.encode())):
                for op in ("=", "!=", "<", ">", "<=", ">="):
                    found = read_parquet(path, output_format="arrow", filters=[(column, op, literal)])
                    expected = table.filter(pq.filters_to_expression([(column, op, literal)]))
                    support.assert_same(found, expected, f"{column} {op}")


# -------------------------------------------------------------------------- partitions

PARTITIONS = {
    "int8": (pa.int8(), [-1, 0, 7, None]),
    "int64": (pa.int64(), [-(2**63), 0, 2**63 - 1, None]),
    "uint64": (pa.uint64(), [0, 2**64 - 1]),
    "string": (pa.string(), ["a", "", "NULL", "04", "ü/ %=:?", "x y", None]),
    "bool": (pa.bool_(), [True, False, None]),
    "date32": (pa.date32(), [datetime.date(2020, 2, 29), datetime.date(1969, 12, 31), None]),
    "timestamp[us]": (pa.timestamp("us"), [datetime.datetime(2020, 1, 1, 1, 2, 3, 4), None]),
    "timestamp[s, UTC]": (
        pa.timestamp("s", "UTC"),
        [datetime.datetime(2020, 1, 1), datetime.datetime(2021, 1, 1)],
    ),
    "decimal": (pa.decimal128(9, 2), [decimal.Decimal("1.50"), decimal.Decimal("-0.01"), None]),
    "double": (pa.float64(), [1.5, -2.0, 1e300, None]),
}


def _partitioned(name: str, folder) -> tuple[pa.Table, list]:
    kind, values = PARTITIONS[name]
    rows = values * 20
    rnd = random.Random(name)
    table = pa.table(
        {
            "p": pa.array(rows, kind),
            "v": pa.array([rnd.randrange(50) for _ in rows], pa.int32()),
            "t": pa.array([rnd.choice(["a", "b", None]) for _ in rows]),
        }
    )
    write_to_dataset(table, folder, table.schema, partition_cols=["p"], row_group_size=7)
    return table, [v for v in values if v is not None]


@pytest.mark.parametrize("name", PARTITIONS)
def test_partitions(name, tmp_path):
    """Filters on the partition, on the rows, on both; the type is what was written."""
    kind, _ = PARTITIONS[name]
    table, values = _partitioned(name, tmp_path / "set")
    full = read_parquet(tmp_path / "set", output_format="arrow")
    assert full.schema.field("p").type == pa.dictionary(pa.int32(), kind)
    order = lambda t: sorted(map(repr, t.select(["p", "v", "t"]).to_pylist()))  # noqa: E731
    assert order(full) == order(table)
    p, v = pc.field("p"), pc.field("v")
    rnd = random.Random(name)
    expressions = [p.is_null(), p.is_valid(), ~p.is_null() & (v > 20)]
    for value in values:
        scalar = pc.scalar(pa.scalar(value, kind))
        expressions += [
            p == scalar,
            p != scalar,
            (p == scalar) | (v < 10),
            ~(p == scalar),
            (p == scalar) & (v == 3),
        ]
        expressions += [p.isin(pa.array([value], kind)), p.isin(pa.array([value, None], kind))]
        if not pa.types.is_boolean(kind):
            expressions += [p < scalar, p >= scalar, (p > scalar) | p.is_null()]
    for expression in expressions:
        _compare(tmp_path / "set", full, expression, expression, rnd)


@pytest.mark.parametrize("name", PARTITIONS)
def test_partitions_by_tuples(name, tmp_path):
    _, values = _partitioned(name, tmp_path / "set")
    full = read_parquet(tmp_path / "set", output_format="arrow")
    rnd = random.Random(name)
    for value in values:
        for filters in ([("p", "=", value)], [("p", "in", [value])], [("p", "!=", value), ("v", ">", 10)]):
            try:
                expression = pq.filters_to_expression(filters)
            except OverflowError:  # 2^64 - 1 in a list is beyond pyarrow
                _refuse_or_read(tmp_path / "set", full, filters)
                continue
            _compare(tmp_path / "set", full, filters, expression, rnd)


# ----------------------------------------------------------------------------- pruning


def _spent(work) -> tuple[int, int, int]:
    before = _core.io_counters()
    work()
    return tuple(now - then for then, now in zip(before, _core.io_counters()))


@pytest.fixture(scope="module")
def sorted_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("sorted") / "x.parquet"
    rnd = random.Random(1)
    count = 200_000
    table = pa.table(
        {
            "key": pa.array(range(count), pa.int64()),
            "day": pa.array([i // 100 for i in range(count)], pa.int32()).cast(pa.date32()),
            "name": pa.array([f"{i:08d}" for i in range(count)]),
            "value": pa.array([rnd.random() for _ in range(count)]),
        }
    )
    write_parquet(table, path, table.schema, row_group_size=count // 100)
    assert pq.ParquetFile(path).num_row_groups == 100
    return path, count


@pytest.mark.parametrize("form", ["expression", "tuples", "name", "is_in", "day", "iter"])
def test_one_row_group_of_a_hundred(form, sorted_file):
    path, count = sorted_file
    low, high = count // 2, count // 2 + count // 100
    filters = {
        "expression": (pc.field("key") >= low) & (pc.field("key") < high),
        "tuples": [("key", ">=", low), ("key", "<", high)],
        "name": (pc.field("name") >= f"{low:08d}") & (pc.field("name") < f"{high:08d}"),
        "is_in": pc.field("key").isin(list(range(low, high))),
        "day": [
            ("day", ">=", datetime.date(1970, 1, 1) + datetime.timedelta(low // 100)),
            ("day", "<", datetime.date(1970, 1, 1) + datetime.timedelta(high // 100)),
        ],
        "iter": (pc.field("key") >= low) & (pc.field("key") < high),
    }[form]

    def pruned():
        if form == "iter":
            rows = sum(len(b) for b in read_parquet_iter(path, filters=filters))
        else:
            rows = read_parquet(path, output_format="arrow", filters=filters).num_rows
        assert rows == high - low

    whole, _, _ = _spent(lambda: read_parquet(path, output_format="arrow"))
    part, _, opened = _spent(pruned)
    assert whole > 1_000_000
    assert part < whole / 10, f"{part} of {whole} bytes read"
    assert opened == 1


def test_columns_are_not_read_in_vain(sorted_file):
    path, _ = sorted_file
    whole, _, _ = _spent(lambda: read_parquet(path, output_format="arrow"))
    one, _, _ = _spent(lambda: read_parquet(path, output_format="arrow", columns=["key"]))
    assert one < whole * 0.6


def test_inspect_schema_reads_the_footer_alone(sorted_file):
    from py_parquet_forge import inspect_schema

    path, _ = sorted_file
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little")
    spent, _, opened = _spent(lambda: inspect_schema(path))
    assert opened == 1
    assert spent <= footer + 70_000


@pytest.fixture(scope="module")
def hundred_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hundred") / "set"
    table = pa.table(
        {
            "k": pa.array([i % 100 for i in range(20_000)], pa.int32()),
            "v": pa.array(range(20_000), pa.int64()),
        }
    )
    write_to_dataset(table, folder, table.schema, partition_cols=["k"])
    assert len(list(folder.rglob("*.parquet"))) == 100
    return folder


def test_one_folder_of_a_hundred_opens_one_file(hundred_folders):
    rows = []

    def pruned():
        rows.append(read_parquet(hundred_folders, output_format="arrow", filters=[("k", "=", 42)]).num_rows)

    _, _, opened = _spent(pruned)
    assert rows == [200]
    assert opened == 1

    def iterated():
        rows.append(sum(len(b) for b in read_parquet_iter(hundred_folders, filters=pc.field("k") == 42)))

    _, _, opened = _spent(iterated)
    assert rows == [200, 200]
    assert opened == 1


def test_partition_columns_alone_open_no_pages(hundred_folders):
    whole, _, _ = _spent(lambda: read_parquet(hundred_folders, output_format="arrow"))
    alone, _, _ = _spent(lambda: read_parquet(hundred_folders, output_format="arrow", columns=["k"]))
    assert alone <= whole
