# SPDX-License-Identifier: Apache-2.0
"""What is in a frame besides equal values: decimals made once, columns of numbers where the engine put
them, and that nobody else sees what is written into them."""

from __future__ import annotations

import decimal
import gc
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from py_parquet_forge import _core, read_parquet, write_parquet

PANDAS3 = int(pd.__version__.split(".")[0]) >= 3
LONG = 300_000  # rows of 4 bytes that are a column of its own
KINDS = (
    {4: pa.decimal32, 8: pa.decimal64, 16: pa.decimal128, 32: pa.decimal256}
    if hasattr(pa, "decimal32")
    else {}
)


def filled(values: bytes, validity: bytes | None, offset: int, width: int, scale: int, rows: int) -> list:
    objects = np.empty(rows, object)
    _core.decimal_objects(objects, values, validity, offset, width, scale, decimal.Decimal)
    return objects.tolist()


def same(found: list, wanted: list) -> bool:
    """Equal with digits and exponent, trailing zeros too."""
    return [v and v.as_tuple() for v in found] == [v and v.as_tuple() for v in wanted]


def integers(width: int, rows: int, rng: random.Random) -> list[int]:
    edge = [
        0,
        1,
        -1,
        10**9,
        10**9 - 1,
        -(10**9),
        2 ** (8 * width - 1) - 1,
        -(2 ** (8 * width - 1)),
        10**18,
        -(10**18),
    ]
    fits = [v for v in edge if -(2 ** (8 * width - 1)) <= v < 2 ** (8 * width - 1)]
    bits = [rng.randrange(1, 8 * width) for _ in range(rows - len(fits))]
    return fits + [rng.randrange(-(1 << b), 1 << b) for b in bits]


@pytest.mark.parametrize("width", [4, 8, 16, 32])
@pytest.mark.parametrize("scale", [0, 2, 76, -3, 2**31 - 1, -(2**31)])
def test_decimals_of_every_width(width, scale):
    rng = random.Random(width * 100 + scale)
    numbers = integers(width, 300, rng) * 3
    values = b"".join(n.to_bytes(width, "little", signed=True) for n in numbers)
    valid = [rng.random() < 0.8 for _ in numbers]
    bits = np.packbits(np.array(valid), bitorder="little").tobytes()
    context = decimal.Context(prec=100, Emin=-(10**17), Emax=10**17)
    exact = [context.create_decimal((n < 0, [int(c) for c in str(abs(n))], -scale)) for n in numbers]
    assert same(filled(values, None, 0, width, scale, len(numbers)), exact)
    for offset in (0, 5, 64, 67):
        wanted = [v if ok else None for v, ok in zip(exact[offset:], valid[offset:])]
        assert same(filled(values, bits, offset, width, scale, len(wanted)), wanted)


def test_equal_decimals_are_one_object(tmp_path):
    values = [decimal.Decimal(i % 50).scaleb(-2) for i in range(10_000)]
    table = pa.table({"d": pa.array(values, pa.decimal128(9, 2))})
    write_parquet(table, tmp_path / "a.parquet", table.schema)
    column = read_parquet(tmp_path / "a.parquet")["d"]
    assert len({id(v) for v in column}) == 50
    assert column.tolist() == values


def test_more_decimals_than_are_shared():
    rows = 1_200_000
    values = np.repeat(np.arange(rows, dtype=np.int64), 2)
    found = filled(values.tobytes(), None, 0, 8, 3, len(values))
    assert found[::2] == found[1::2]
    assert len({id(v) for v in found}) == (1 << 20) + 2 * (rows - (1 << 20))
    assert found[-1] == decimal.Decimal(rows - 1).scaleb(-3)


def test_values_that_would_meet_in_one_place():
    """Of a hash without a seed, and of its bits from 32 on: in seconds, not minutes."""
    words = [(h * 0x9E3779B97F4A7C15 % 2**64, h) for h in range(1 << 17)]
    for values in (words, [(h << 50 & (1 << 64) - 1, h >> 14) for h in range(1 << 17)]):
        found = filled(np.array(values, np.uint64).tobytes(), None, 0, 16, 0, len(values))
        assert [int(v) for v in found] == [high << 64 | low for low, high in values]


@pytest.mark.parametrize(
    ("values", "validity", "offset", "width"),
    [(b"\0" * 79, None, 0, 8), (b"\0" * 80, None, 1, 8), (b"\0" * 80, b"\0", 0, 8), (b"\0" * 80, None, -1, 8)]
    + [
        (b"\0" * 80, None, 0, 3),
        (b"\0" * 80, None, 0, 0),
        (b"\0" * 80, None, 0, -8),
        (b"\0" * 80, None, 2**62, 8),
    ],
)
def test_buffers_that_are_too_short_are_refused(values, validity, offset, width):
    with pytest.raises(ValueError, match="do not hold"):
        filled(values, validity, offset, width, 2, 10)


def test_other_buffers_are_refused():
    with pytest.raises(ValueError, match="do not hold"):
        _core.decimal_objects(np.zeros(2), b"\0" * 16, None, 0, 8, 2, decimal.Decimal)
    fixed = np.empty(2, object)
    fixed.flags.writeable = False
    with pytest.raises((BufferError, ValueError)):
        _core.decimal_objects(fixed, b"\0" * 16, None, 0, 8, 2, decimal.Decimal)


def test_what_the_maker_raises_comes_out():
    def refuse(text):
        raise LookupError(text)

    with pytest.raises(LookupError, match="7E-2"):
        _core.decimal_objects(np.empty(1, object), (7).to_bytes(8, "little"), None, 0, 8, 2, refuse)


@pytest.mark.parametrize("width", sorted(KINDS))
def test_frames_hold_what_pyarrow_makes_of_decimals(tmp_path, width):
    rng = random.Random(width)
    digits = {4: 9, 8: 18, 16: 38, 32: 76}[width]
    numbers = [
        rng.randrange(-(10 ** rng.randrange(1, digits + 1)) + 1, 10 ** rng.randrange(1, digits + 1))
        for _ in range(999)
    ]
    with decimal.localcontext(prec=100):
        values = [None if rng.random() < 0.1 else decimal.Decimal(n).scaleb(-2) for n in numbers]
    table = pa.table({"d": pa.array(values, KINDS[width](digits, 2))})
    write_parquet(table, tmp_path / "a.parquet", table.schema, row_group_size=100)
    assert same(read_parquet(tmp_path / "a.parquet")["d"].tolist(), table["d"].to_pylist())


# ---- columns of numbers ----


def numbers(rows: int = LONG) -> pa.Table:
    rng = np.random.default_rng(5)
    null = rng.random(rows) < 0.3
    return pa.table(
        {
            "i": rng.integers(-100, 100, rows, np.int32),
            "u": rng.integers(0, 1 << 60, rows, np.uint64),
            "f": rng.random(rows),
            "h": pa.array(rng.random(rows * 2).astype(np.float16)[:rows]),
            "inull": pa.array(rng.integers(0, 9, rows), mask=null),
            "fnull": pa.array(rng.random(rows), mask=null),
            "t": pa.array(rng.integers(0, 1 << 40, rows), pa.timestamp("us")),
            "tnull": pa.array(rng.integers(0, 1 << 40, rows), pa.timestamp("us"), mask=null),
            "z": pa.array(rng.integers(0, 1 << 40, rows), pa.timestamp("us", "Asia/Tokyo")),
            "e": pa.array(rng.integers(0, 1 << 40, rows), pa.duration("ms")),
            "b": rng.random(rows) < 0.5,
            "s": pa.array(rng.integers(0, 99, rows)).cast(pa.string()),
            "none": pa.nulls(rows, pa.int64()),
            "fnone": pa.nulls(rows, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    table, path = numbers(), tmp_path_factory.mktemp("frames") / "a.parquet"
    pq.write_table(table, path, compression="none", use_dictionary=False)
    return path


def expected(path) -> pd.DataFrame:
    table = pq.read_table(path)
    frame = table.to_pandas()
    for name in ("inull", "none"):
        frame[name] = pd.Series(table[name].to_pylist(), dtype="Int64")
    return frame


@pytest.mark.parametrize("options", [{}, {"memory_map": True}, {"use_threads": False}])
def test_long_columns_are_equal(path, options):
    assert_frame_equal(read_parquet(path, **options), expected(path))


def is_view(array) -> bool:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return type(array.base).__name__ == "_Memory"


@pytest.mark.skipif(not PANDAS3, reason="pandas 2 copies every column that is put into a frame")
def test_long_columns_stay_where_they_are(path):
    frame = read_parquet(path, columns="i u f h inull fnull t e".split())
    assert {name for name in "i u f h fnull t e".split() if is_view(frame[name].to_numpy())} == set(
        "i u f fnull t e".split()  # h is short
    )
    assert is_view(frame["inull"].array._data)


@pytest.mark.skipif(not PANDAS3, reason="pandas 2 copies every column that is put into a frame")
def test_a_long_column_that_is_a_small_part_stays_too(path):
    assert is_view(read_parquet(path, columns=["i", "z", "b", "s"])["i"].to_numpy())


def test_columns_of_a_batch_are_handed_out_once(path):
    stream = _core.Dataset([str(path)]).scan(batch_rows=1000)
    batch = stream.next()
    columns = batch.columns()
    assert [c.num_rows for c in columns] == [1000] * 14
    for call in (batch.columns, batch.__arrow_c_array__):
        with pytest.raises(ValueError, match="handed out before"):
            call()
    del batch, stream
    table = pq.read_table(path)
    kept = [pa.array(column) for column in reversed(columns)]
    del columns
    for array, name in zip(kept, reversed(table.column_names)):
        assert array.equals(table[name].combine_chunks().slice(0, 1000)), name
    with pytest.raises(ValueError, match="not a batch"):
        _core.Dataset([str(path)]).scan(batch_rows=10).next().columns()[0].columns()


DTYPES = [
    "Int64",
    "UInt32",
    "Float64",
    "Float32",
    "int64",
    "float32",
    "datetime64[us]",
    "datetime64[ns, UTC]",
]


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_long_columns_keep_their_dtype(tmp_path, dtype, nulls):
    if nulls and dtype == "int64":
        pytest.skip("int64 has no nulls")
    column = pd.Series(np.arange(LONG) % 1000).astype(dtype)
    if nulls:
        column[::7] = pd.NaT if dtype.startswith("datetime") else np.nan if dtype[0] == "f" else pd.NA
    frame = pd.DataFrame({"a": column})
    frame.to_parquet(tmp_path / "a.parquet")
    assert_frame_equal(read_parquet(tmp_path / "a.parquet"), frame)
    assert_frame_equal(read_parquet(tmp_path / "a.parquet", columns=["a"]), frame)


@pytest.mark.parametrize(
    "options", [{}, {"memory_map": True}, {"filters": [("b", "==", True)]}, {"filters": [("i", "<", 1000)]}]
)
def test_frames_can_be_written_to(path, options):
    before = path.read_bytes()
    frame = read_parquet(path, **options)
    other = read_parquet(path, **options)
    kept = other.copy()
    for column in range(frame.shape[1]):
        frame.iloc[:2, column] = frame.iloc[2:4, column].array
    frame["i"] += 1
    frame.iloc[0, 2] = 7.5
    assert frame["f"].iloc[0] == 7.5
    assert frame["i"].iloc[1] == kept["i"].iloc[3] + 1
    assert frame["tnull"].iloc[0] == kept["tnull"].iloc[2] or pd.isna(kept["tnull"].iloc[2])
    assert_frame_equal(other, kept)
    assert path.read_bytes() == before


def test_columns_outlive_their_frame(path):
    kept = {name: read_parquet(path)[name] for name in ("i", "f", "t", "inull", "fnull")}
    gc.collect()
    junk = [np.full(LONG, 255, np.uint8) for _ in range(50)]
    wanted = expected(path)
    for name, series in kept.items():
        pd.testing.assert_series_equal(series, wanted[name])
    assert len(junk) == 50


@pytest.mark.parametrize("text", ['{"columns": null}', '{"index_columns": 5}', "[]", "no"])
def test_metadata_of_pandas_that_is_none(tmp_path, text):
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": text})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet")["a"].tolist() == [1, 2]


def test_an_index_stays_an_index(tmp_path):
    frame = pd.DataFrame({"k": np.arange(LONG), "v": np.arange(LONG) * 0.5, "w": np.arange(LONG)}).set_index(
        "k"
    )
    write_parquet(frame, tmp_path / "a.parquet", pa.Schema.from_pandas(frame))
    assert_frame_equal(read_parquet(tmp_path / "a.parquet"), frame)
