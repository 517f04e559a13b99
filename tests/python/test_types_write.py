# SPDX-License-Identifier: Apache-2.0
"""Intervals, and times that are said to be in UTC: written, read back, and seen by pyarrow."""

from __future__ import annotations

import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from interop import handmade as made
from interop.raw import Raw, raw_batch

from py_parquet_forge import SchemaValidationError, merge, read_parquet, read_parquet_iter, write_parquet

NANO = pa.month_day_nano_interval()
GOOD = [(0, 0, 0), (1, 2, 3_000_000), None, (2**31 - 1, 2**31 - 1, (2**32 - 1) * 10**6), (14, 0, 0)]


def stored(months: int, days: int, ms: int) -> bytes:
    return struct.pack("<III", months, days, ms)


# -- intervals --


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_intervals_come_back_as_they_were(use_dictionary, tmp_path):
    plain = pa.array(GOOD * 300, NANO)
    table = pa.table({
        "v": plain,
        "l": pa.array([[v, None] for v in GOOD] * 300, pa.list_(NANO)),
        "s": pa.StructArray.from_arrays([plain], ["x"]),
    })  # fmt: skip
    path = tmp_path / "x.parquet"
    write_parquet(table, path, table.schema, use_dictionary=use_dictionary, row_group_size=400)
    assert read_parquet(path, output_format="arrow").equals(table)
    assert pa.Table.from_batches(read_parquet_iter(path, chunk_size=77)).equals(table)
    assert read_parquet(path, output_format="arrow", columns=["s"]).equals(table.select(["s"]))


def test_intervals_are_three_unsigned_numbers_in_the_file(tmp_path):
    """LogicalTypes.md, INTERVAL: FIXED_LEN_BYTE_ARRAY(12), no bounds. pyarrow reads the bytes."""
    table = pa.table({"v": pa.array(GOOD, NANO)})
    path = tmp_path / "x.parquet"
    write_parquet(table, path, table.schema, write_page_index=True)
    metadata = pq.read_metadata(path)
    column = metadata.schema.column(0)
    assert (column.physical_type, column.length, column.converted_type) == (
        "FIXED_LEN_BYTE_ARRAY", 12, "INTERVAL",
    )  # fmt: skip
    statistics = metadata.row_group(0).column(0).statistics
    assert statistics.null_count == 1 and not statistics.has_min_max
    expected = [None if v is None else stored(v[0], v[1], v[2] // 10**6) for v in GOOD]
    assert pq.read_table(path)["v"].to_pylist() == expected
    write_parquet(table, path, table.schema, store_schema=False)
    found = read_parquet(path, output_format="arrow")
    assert found.schema.types == [pa.binary(12)] and found["v"].to_pylist() == expected


@pytest.mark.parametrize(
    "value", [(-1, 0, 0), (0, -1, 0), (0, 0, -(10**6)), (0, 0, 1), (0, 0, 10**6 + 1), (0, 0, 2**32 * 10**6)]
)
@pytest.mark.parametrize("nested", [False, True])
def test_intervals_that_parquet_has_not_are_refused(value, nested, tmp_path):
    values = [(1, 1, 0), value, value]
    table = pa.table({"v": pa.array([values] if nested else values, pa.list_(NANO) if nested else NANO)})
    with pytest.raises(SchemaValidationError, match=r"Column 'v.*INTERVAL") as caught:
        write_parquet(table, tmp_path / "x.parquet", table.schema)
    [record] = caught.value.failures
    assert (record.path, record.rule, record.count) == ("v[]" if nested else "v", "value", 2)
    assert not (tmp_path / "x.parquet").exists()


def test_values_below_nulls_are_not_looked_at(tmp_path):
    bad = struct.pack("<iiq", -1, -1, -1)
    good = struct.pack("<iiq", 1, 2, 0)
    raw = Raw(NANO, 2, [b"\x02", bad + good], null_count=1)
    path = tmp_path / "x.parquet"
    write_parquet(raw_batch({"v": raw}, 2), path, pa.schema([("v", NANO)]))
    assert read_parquet(path, output_format="arrow")["v"].to_pylist() == [None, (1, 2, 0)]


@pytest.mark.parametrize("months, days, ms", [(2**31, 0, 0), (0, 2**32 - 1, 0)])
def test_what_the_declared_type_cannot_hold_is_an_error(months, days, ms, tmp_path):
    """The file of another writer under an ARROW:schema that promises an interval."""
    path = tmp_path / "x.parquet"
    table = pa.table({"v": pa.array([(7, 8, 0)], NANO)})
    write_parquet(
        table, path, table.schema, compression=None, use_dictionary=False, write_page_checksum=False
    )
    data = path.read_bytes()
    assert data.count(stored(7, 8, 0)) == 1
    path.write_bytes(data.replace(stored(7, 8, 0), stored(months, days, ms)))
    with pytest.raises(pa.ArrowInvalid, match=f"column v.*{months} months, {days} days and {ms} ms"):
        read_parquet(path, output_format="arrow")
    path.write_bytes(made.one_column(made.FIXED, [stored(months, days, ms)], length=12, converted="INTERVAL"))
    assert read_parquet(path, output_format="arrow")["a"].to_pylist() == [stored(months, days, ms)]


class Bare:
    """A type that pyarrow cannot name: it offers the schema of another, with its format changed."""

    def __init__(self, kind: bytes):
        self.kind = kind

    def schema(self, stand_in: pa.DataType):
        import ctypes

        capsule = pa.schema([("v", stand_in)]).__arrow_c_schema__()
        get = ctypes.pythonapi.PyCapsule_GetPointer
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        at = get(capsule, b"arrow_schema")
        children = ctypes.c_void_p.from_address(at + 40).value  # format, name, metadata, flags, n_children
        child = ctypes.c_void_p.from_address(children).value
        self._format = ctypes.create_string_buffer(self.kind)
        ctypes.c_void_p.from_address(child).value = ctypes.addressof(self._format)
        return capsule


class Offer:
    def __init__(self, kind: bytes, stand_in: pa.DataType, array: pa.Array | None = None):
        self.bare, self.stand_in, self.array = Bare(kind), stand_in, array

    def __arrow_c_schema__(self):
        return self.bare.schema(self.stand_in)

    def __arrow_c_array__(self, requested_schema=None):
        batch = pa.record_batch({"v": self.array})
        return self.bare.schema(self.stand_in), batch.__arrow_c_array__()[1]


@pytest.mark.parametrize(
    "kind, stand_in, value, expected, bad",
    [
        (b"tiM", pa.int32(), 14, stored(14, 0, 0), -1),
        (b"tiD", pa.int64(), 3 | 4 << 32, stored(0, 3, 4), -1),
        (b"tiD", pa.int64(), 2**31 - 1, stored(0, 2**31 - 1, 0), 3 | 1 << 63 - 1 << 1),
    ],
)
def test_intervals_of_months_and_of_days(kind, stand_in, value, expected, bad, tmp_path):
    path = tmp_path / "x.parquet"
    schema = Offer(kind, stand_in)
    write_parquet(Offer(kind, stand_in, pa.array([value, None], stand_in)), path, schema)
    assert pq.read_table(path)["v"].to_pylist() == [expected, None]
    bad -= 2**64 if bad >= 2**63 else 0
    with pytest.raises(SchemaValidationError, match="INTERVAL"):
        write_parquet(Offer(kind, stand_in, pa.array([bad], stand_in)), path, schema)


def test_rows_of_intervals(tmp_path):
    """As pyarrow gives them, or as plain tuples."""
    path = tmp_path / "x.parquet"
    schema = pa.schema([("v", NANO), ("l", pa.list_(NANO))])
    rows = [
        {"v": pa.MonthDayNano([1, 2, 3 * 10**6]), "l": [(4, 5, 0), None]},
        {"v": (2**31 - 1, 0, 10**6), "l": None},
        {"v": None, "l": []},
    ]
    write_parquet(rows, path, schema)
    assert read_parquet(path, output_format="arrow").to_pylist() == rows
    write_parquet(read_parquet(path, output_format="arrow").to_pylist(), path, schema)
    assert read_parquet(path, output_format="arrow").to_pylist() == rows


def test_rows_of_intervals_that_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    rows = [{"v": (0, 0, 0)}, {"v": (0, -1, 0)}, {"v": 7}]
    with pytest.raises(SchemaValidationError, match="Column 'v'") as caught:
        write_parquet(rows, path, pa.schema([("v", NANO)]))
    [record] = caught.value.failures
    assert (record.path, record.rule, record.count) == ("v", "type", 1)
    with pytest.raises(SchemaValidationError, match=r"Column 'v'.*INTERVAL"):
        write_parquet(rows[:2], path, pa.schema([("v", NANO)]))
    assert not path.exists()


@pytest.mark.parametrize(
    "kind, stand_in, value, expected",
    [(b"tiM", pa.int32(), 14, stored(14, 0, 0)), (b"tiD", pa.int64(), (3, 4), stored(0, 3, 4))],
)
def test_rows_of_intervals_of_months_and_of_days(kind, stand_in, value, expected, tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet([{"v": value}, {"v": None}], path, Offer(kind, stand_in), store_schema=False)
    assert read_parquet(path, output_format="arrow")["v"].to_pylist() == [expected, None]


def test_intervals_merge(tmp_path):
    table = pa.table({"v": pa.array(GOOD, NANO)})
    for name in ("a", "b"):
        write_parquet(table, tmp_path / name, table.schema)
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    assert read_parquet(tmp_path / "c", output_format="arrow").equals(pa.concat_tables([table, table]))


# -- times in UTC --


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")], ids=str)
@pytest.mark.parametrize("utc", [True, False])
def test_times_say_whether_they_are_in_utc(kind, utc, tmp_path):
    table = pa.table({"v": pa.array([1, None, 86_399], kind), "l": pa.array([[1], [], None], pa.list_(kind))})
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    write_parquet(table, ours, table.schema, write_time_adjusted_to_utc=utc)
    pq.write_table(table, theirs, write_time_adjusted_to_utc=utc)
    for leaf in range(2):
        one, two = (pq.read_metadata(path).schema.column(leaf) for path in (ours, theirs))
        assert str(one.logical_type) == str(two.logical_type) and one.converted_type == two.converted_type
        assert f"isAdjustedToUTC={str(utc).lower()}" in str(one.logical_type)
    assert read_parquet(ours, output_format="arrow").equals(table)
    assert pq.read_table(ours).equals(pq.read_table(theirs))
