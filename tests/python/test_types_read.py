# SPDX-License-Identifier: Apache-2.0
"""Every type that a foreign file can have: read right, or refused by name."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import struct
import uuid

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from interop import handmade as made
from interop.handmade import BYTE_ARRAY, FIXED, INT32, INT64, INT96, one_column

from py_parquet_forge import inspect_schema, read_metadata, read_parquet, read_parquet_iter

EPOCH = 2440588  # Julian day of 1970-01-01
DAY = 86_400 * 10**9


@pytest.fixture
def read(tmp_path):
    def call(data: bytes, **options) -> pa.ChunkedArray:
        path = tmp_path / "x.parquet"
        path.write_bytes(data)
        table = read_parquet(path, output_format="arrow", **options)
        assert inspect_schema(path, **options).equals(table.schema, check_metadata=True)
        table.validate(full=False)
        return table["a"]

    return call


def refused(read, data: bytes, *words: str, error: type = pa.ArrowInvalid) -> None:
    with pytest.raises(error) as caught:
        read(data)
    for word in ("column a", *words):
        assert word in str(caught.value), str(caught.value)


# -- INT96 --


def int96(day: int, ns: int) -> bytes:
    return struct.pack("<qi", ns, day)


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize(
    "day, ns",
    [
        (EPOCH, 0),
        (EPOCH - 1, DAY - 1),
        (EPOCH, -1),
        (EPOCH, DAY + 5),
        (EPOCH, 2**63 - 1),
        (EPOCH, -(2**63)),
        (EPOCH + 106751, 85636854775807),
        (EPOCH + 106751, 85636854775808),
        (EPOCH - 106752, 763145224192),
        (EPOCH - 106752, 763145224191),
        (0, 0),
        (2**31 - 1, DAY - 1),
        (-1, 0),
        (-(2**31), 2**63 - 1),
    ],
)
def test_int96_over_its_whole_range(day, ns, dictionary, read):
    instant = (day - EPOCH) * DAY + ns  # nanoseconds, of any size
    pages = {}
    if dictionary:
        pages = {"pages": made.dictionary_page(int96(day, ns), 1) + made.page_v1(b"\0\x02", 1, encoding=8)}
    data = one_column(INT96, [int96(day, ns)], **pages)
    for unit, ratio in (("ns", 1), ("us", 10**3), ("ms", 10**6), ("s", 10**9)):
        count = instant // ratio
        if not -(2**63) <= count < 2**63:
            with pytest.raises(pa.ArrowInvalid, match="coerce_int96_timestamp_unit="):
                read(data, coerce_int96_timestamp_unit=unit)
            continue
        found = read(data, coerce_int96_timestamp_unit=unit)
        assert found.type == pa.timestamp(unit)
        assert found.cast(pa.int64()).to_pylist() == [count]


# -- decimals --

NUMBERS = [0, 1, -1, 127, -128, 99_999, -99_999]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("precision, scale", [(5, 2), (5, 0), (5, 5), (9, 1)])
@pytest.mark.parametrize("form", ["INT32", "INT64", "BYTE_ARRAY", "longer BYTE_ARRAY", "FIXED", "wide FIXED"])
def test_decimals_in_their_physical_forms(form, precision, scale, legacy, read):
    least = [max(1, (n.bit_length() + 8) // 8) for n in NUMBERS]
    values, column = NUMBERS, {}
    if form == "INT32":
        physical = INT32
    elif form == "INT64":
        physical = INT64
    elif form.endswith("BYTE_ARRAY"):
        more = 20 if form.startswith("longer") else 0
        physical, values = (
            BYTE_ARRAY,
            [n.to_bytes(k + more, "big", signed=True) for n, k in zip(NUMBERS, least)],
        )
    else:
        width = 20 if form.startswith("wide") else 4
        physical, column = FIXED, {"length": width}
        values = [n.to_bytes(width, "big", signed=True) for n in NUMBERS]
    if legacy:
        column.update(converted="DECIMAL", precision=precision, scale=scale)
    else:
        column.update(annotation=made.decimal_type(precision, scale))
    found = read(one_column(physical, values, **column))
    assert found.type == pa.decimal128(precision, scale)
    assert found.to_pylist() == [decimal.Decimal(n).scaleb(-scale) for n in NUMBERS]


@pytest.mark.parametrize(
    "physical, length, precision, scale",
    [
        (INT32, None, 10, 0),
        (INT64, None, 19, 0),
        (FIXED, 2, 5, 0),
        (FIXED, 16, 39, 0),
        (INT32, None, 5, 6),
        (INT32, None, 5, -1),
        (INT32, None, 0, 0),
        (INT32, None, -1, 0),
        (made.FLOAT, None, 5, 0),
        (made.BOOLEAN, None, 5, 0),
    ],
)
def test_decimals_that_their_type_cannot_hold(physical, length, precision, scale, read):
    value = b"\0" * (length or 1) if physical in (FIXED, made.BOOLEAN) else 0
    data = one_column(physical, [value], length=length, annotation=made.decimal_type(precision, scale))
    name = [
        "BOOLEAN",
        "INT32",
        "INT64",
        "INT96",
        "FLOAT",
        "DOUBLE",
        "BYTE_ARRAY",
        f"FIXED_LEN_BYTE_ARRAY({length})",
    ]
    refused(read, data, f"DECIMAL({precision}, {scale})", name[physical])


def test_decimals_beyond_the_widest_type(read):
    with pytest.raises((pa.ArrowInvalid, NotImplementedError), match="column a"):
        read(one_column(BYTE_ARRAY, [b"\1"], annotation=made.decimal_type(77, 0)))


def test_a_decimal_that_is_wider_than_its_type(read):
    refused(read, one_column(BYTE_ARRAY, [b"\1" * 17], annotation=made.decimal_type(38, 0)), "17 bytes")


@pytest.mark.parametrize("precision", [5, 38, 60])
@pytest.mark.parametrize("dictionary", [False, True])
def test_a_decimal_of_no_bytes_is_zero(dictionary, precision, read):
    """LogicalTypes.md gives BYTE_ARRAY decimals no least length; polars reads 0 too, pyarrow refuses."""
    values, pages = [b"\xff", b"", b"\1"], {}
    if dictionary:
        body = made.plain(BYTE_ARRAY, values)
        pages = {"pages": made.dictionary_page(body, 3) + made.page_v1(b"\2\3\x24\0", 3, encoding=8)}
    data = one_column(BYTE_ARRAY, values, annotation=made.decimal_type(precision, 0), **pages)
    assert read(data).to_pylist() == [-1, 0, 1]


def test_a_decimal_of_fixed_length_zero(read):
    """Its length says how many digits it has: none."""
    data = one_column(FIXED, [b""], length=0, annotation=made.decimal_type(5, 0))
    refused(read, data, "DECIMAL(5, 0)", "FIXED_LEN_BYTE_ARRAY(0)")


# -- FIXED_LEN_BYTE_ARRAY of any length --

NO_BYTES = {
    "PLAIN": made.page_v1(b"", 3),
    "PLAIN of version 2": made.page_v2(b"", 3),
    "dictionary": made.dictionary_page(b"", 2) + made.page_v1(b"\1\3\2", 3, encoding=8),
    "DELTA_BYTE_ARRAY": made.page_v1(
        b"\x80\1\4\3\0" + b"\0" * 5 + b"\x80\1\4\3\0" + b"\0" * 5, 3, encoding=7
    ),
    "BYTE_STREAM_SPLIT": made.page_v1(b"", 3, encoding=9),
}


@pytest.mark.parametrize("pages", NO_BYTES)
def test_values_of_no_bytes(pages, read, tmp_path):
    data = one_column(FIXED, [b""] * 3, length=0, pages=NO_BYTES[pages])
    found = read(data)
    assert found.type == pa.binary(0)
    assert found.to_pylist() == [b""] * 3
    assert read_parquet(tmp_path / "x.parquet")["a"].tolist() == [b""] * 3
    some = read_parquet(tmp_path / "x.parquet", filters=pc.is_valid(pc.field("a")), output_format="arrow")
    assert some["a"].to_pylist() == [b""] * 3
    batches = read_parquet_iter(tmp_path / "x.parquet", 2)
    assert [batch["a"].to_pylist() for batch in batches] == [[b"", b""], [b""]]


@pytest.mark.parametrize("version", [1, 2])
def test_values_of_no_bytes_and_nulls(version, read):
    levels = b"\3\x05"  # of 8: valid, null, valid, null ...
    page = made.page_v2(b"", 3, nulls=1, levels=levels)
    if version == 1:
        page = made.page_v1(len(levels).to_bytes(4, "little") + levels, 3)
    data = one_column(FIXED, [b""] * 3, length=0, pages=page, repetition=made.OPTIONAL)
    assert read(data).to_pylist() == [b"", None, b""]


def two_columns(length: int | None, annotation: dict | None = None) -> bytes:
    """`a` FIXED_LEN_BYTE_ARRAY of a length, `b` 7."""
    pages = [made.page_v1(b"", 1), made.page_v1(made.plain(INT32, [7]), 1)]
    schema = [made.element(b"a", FIXED, length=length, annotation=annotation), made.element(b"b", INT32)]
    chunks = [
        made.chunk_of(FIXED, [b"a"], 1, 4, len(pages[0])),
        made.chunk_of(INT32, [b"b"], 1, 4 + len(pages[0]), len(pages[1])),
    ]
    return made.file_of(schema, chunks, 1, b"".join(pages))


@pytest.mark.parametrize("annotation", [None, made.UNKNOWN, made.UUID], ids=["plain", "UNKNOWN", "UUID"])
@pytest.mark.parametrize("length", [None, -1, -(2**31)])
def test_a_length_that_is_none_closes_its_column(length, annotation, tmp_path, read):
    data = two_columns(length, annotation)
    words = "without a length" if length is None else f"length {length}"
    refused(read, data, f"FIXED_LEN_BYTE_ARRAY {'' if length is None else 'of '}{words}")
    assert read_parquet(tmp_path / "x.parquet", columns=["b"])["b"].tolist() == [7]
    assert read_metadata(tmp_path / "x.parquet")["num_rows"] == 1


def test_a_length_beyond_all_pages(tmp_path, read):
    refused(read, two_columns(2**31 - 1), "page 0")
    assert read_parquet(tmp_path / "x.parquet", columns=["b"])["b"].tolist() == [7]


# -- one value of each type --

HALF = struct.pack("<e", -1.5)
ID = uuid.UUID(int=0x0102030405060708090A0B0C0D0E0F10)
INTERVAL = struct.pack("<III", 2**32 - 1, 2, 3)
TIMES = {"ms": (INT32, pa.time32("ms")), "us": (INT64, pa.time64("us")), "ns": (INT64, pa.time64("ns"))}
TYPES = {
    "bare INT32": (one_column(INT32, [-5]), pa.int32(), -5),
    "bare INT64": (one_column(INT64, [-5]), pa.int64(), -5),
    "bare FLOAT": (one_column(made.FLOAT, [0.5]), pa.float32(), 0.5),
    "bare DOUBLE": (one_column(made.DOUBLE, [0.5]), pa.float64(), 0.5),
    "bare BOOLEAN": (one_column(made.BOOLEAN, [b"\1"]), pa.bool_(), True),
    "bare BYTE_ARRAY": (one_column(BYTE_ARRAY, [b"\xff"]), pa.binary(), b"\xff"),
    "bare FIXED": (one_column(FIXED, [b"\xff\0"], length=2), pa.binary(2), b"\xff\0"),
    "STRING": (one_column(BYTE_ARRAY, [b"\xc3\xa9"], annotation=made.STRING), pa.string(), "é"),
    "ENUM": (one_column(BYTE_ARRAY, [b"\xff"], annotation=made.ENUM), pa.binary(), b"\xff"),
    "BSON": (one_column(BYTE_ARRAY, [b"\xff"], annotation=made.BSON), pa.binary(), b"\xff"),
    "FLOAT16": (one_column(FIXED, [HALF], length=2, annotation=made.FLOAT16), pa.float16(), -1.5),
    "INTERVAL": (one_column(FIXED, [INTERVAL], length=12, converted="INTERVAL"), pa.binary(12), INTERVAL),
    "DATE": (one_column(INT32, [-1], annotation=made.DATE), pa.date32(), datetime.date(1969, 12, 31)),
    "a member of later times": (one_column(INT32, [7], annotation=made.logical(77)), pa.int32(), 7),
    "a converted type of later times": (one_column(INT32, [7], converted=99), pa.int32(), 7),
    "no member": (one_column(BYTE_ARRAY, [b"\xff"], annotation={}), pa.binary(), b"\xff"),
    "a later member beside a converted type": (
        one_column(BYTE_ARRAY, [b"x"], annotation=made.logical(77), converted="UTF8"),
        pa.string(),
        "x",
    ),
    "a logical type counts before a converted one": (
        one_column(INT32, [-1], annotation=made.integer_type(8, True), converted="UINT_16"),
        pa.int8(),
        -1,
    ),
}
for bits in (8, 16, 32, 64):
    for signed in (True, False):
        number = -(2 ** (bits - 1)) if signed else 2 ** (bits - 1)
        stored = number if signed or bits < 32 else -number
        kind = getattr(pa, f"{'' if signed else 'u'}int{bits}")()
        physical = INT64 if bits == 64 else INT32
        TYPES[f"{kind}"] = (
            one_column(physical, [stored], annotation=made.integer_type(bits, signed)),
            kind,
            number,
        )
        legacy = f"{'' if signed else 'U'}INT_{bits}"
        TYPES[f"legacy {kind}"] = (one_column(physical, [stored], converted=legacy), kind, number)
for unit, (physical, kind) in TIMES.items():
    for utc in (True, False):
        TYPES[f"time {unit} {utc}"] = (
            one_column(physical, [5], annotation=made.time_type(7, unit, utc)),
            kind,
            5,
        )
        kind_of_instant = pa.timestamp(unit, "UTC" if utc else None)
        data = one_column(INT64, [-5], annotation=made.time_type(8, unit, utc))
        TYPES[f"timestamp {unit} {utc}"] = (data, kind_of_instant, -5)
TYPES |= {
    "legacy UTF8": (one_column(BYTE_ARRAY, [b"x"], converted="UTF8"), pa.string(), "x"),
    "legacy ENUM": (one_column(BYTE_ARRAY, [b"x"], converted="ENUM"), pa.binary(), b"x"),
    "legacy BSON": (one_column(BYTE_ARRAY, [b"x"], converted="BSON"), pa.binary(), b"x"),
    "legacy DATE": (one_column(INT32, [1], converted="DATE"), pa.date32(), datetime.date(1970, 1, 2)),
    "legacy TIME_MILLIS": (one_column(INT32, [5], converted="TIME_MILLIS"), pa.time32("ms"), 5),
    "legacy TIME_MICROS": (one_column(INT64, [5], converted="TIME_MICROS"), pa.time64("us"), 5),
    "legacy TIMESTAMP_MILLIS": (
        one_column(INT64, [5], converted="TIMESTAMP_MILLIS"),
        pa.timestamp("ms", "UTC"),
        5,
    ),
    "legacy TIMESTAMP_MICROS": (
        one_column(INT64, [5], converted="TIMESTAMP_MICROS"),
        pa.timestamp("us", "UTC"),
        5,
    ),
}


def numbers_of(column: pa.ChunkedArray) -> list:
    if pa.types.is_time(column.type) or pa.types.is_timestamp(column.type):
        column = column.cast(pa.int32() if pa.types.is_time32(column.type) else pa.int64())
    return column.to_pylist()


@pytest.mark.parametrize("name", TYPES)
def test_a_value_of_each_type(name, read):
    data, kind, value = TYPES[name]
    found = read(data)
    assert found.type == kind and numbers_of(found) == [value]


@pytest.mark.parametrize("unit", TIMES)
def test_times_outside_their_day_stay_as_they_are(unit, read):
    """As in pyarrow: no value is changed, none refused."""
    physical, kind = TIMES[unit]
    day = DAY // {"ms": 10**6, "us": 10**3, "ns": 1}[unit]
    values = [-1, day, day + 1, -(2 ** (31 if unit == "ms" else 63))]
    found = read(one_column(physical, values, annotation=made.time_type(7, unit, False)))
    assert found.type == kind and numbers_of(found) == values


@pytest.mark.parametrize(
    "value, bits, signed", [(128, 8, True), (-129, 8, True), (-1, 8, False), (65_536, 16, False)]
)
def test_numbers_outside_their_width_are_not_cut(value, bits, signed, read):
    refused(read, one_column(INT32, [value], annotation=made.integer_type(bits, signed)), str(value))


# -- contradictions --

CONTRADICTIONS = {
    "STRING INT32": one_column(INT32, [1], annotation=made.STRING),
    "STRING FIXED_LEN_BYTE_ARRAY(4)": one_column(FIXED, [b"1234"], length=4, annotation=made.STRING),
    "JSON INT64": one_column(INT64, [1], converted="JSON"),
    "BSON FLOAT": one_column(made.FLOAT, [1], annotation=made.BSON),
    "ENUM INT32": one_column(INT32, [1], annotation=made.ENUM),
    "UUID FIXED_LEN_BYTE_ARRAY(8)": one_column(FIXED, [b"12345678"], length=8, annotation=made.UUID),
    "UUID BYTE_ARRAY": one_column(BYTE_ARRAY, [b"1" * 16], annotation=made.UUID),
    "FLOAT16 FIXED_LEN_BYTE_ARRAY(4)": one_column(FIXED, [b"1234"], length=4, annotation=made.FLOAT16),
    "INTERVAL FIXED_LEN_BYTE_ARRAY(8)": one_column(FIXED, [b"12345678"], length=8, converted="INTERVAL"),
    "DATE INT64": one_column(INT64, [1], annotation=made.DATE),
    "TIME(MILLIS) INT64": one_column(INT64, [1], annotation=made.time_type(7, "ms", False)),
    "TIME(MICROS, UTC) INT32": one_column(INT32, [1], annotation=made.time_type(7, "us", True)),
    "TIMESTAMP(NANOS) INT32": one_column(INT32, [1], annotation=made.time_type(8, "ns", False)),
    "TIMESTAMP(MILLIS, UTC) INT96": one_column(INT96, [b"1" * 12], converted="TIMESTAMP_MILLIS"),
    "INTEGER(64, signed) INT32": one_column(INT32, [1], annotation=made.integer_type(64, True)),
    "INTEGER(8, unsigned) INT64": one_column(INT64, [1], converted="UINT_8"),
    "INTEGER(0, signed) INT32": one_column(INT32, [1], annotation=made.integer_type(9, True)),
    "GEOMETRY FIXED_LEN_BYTE_ARRAY(1)": one_column(FIXED, [b"1"], length=1, annotation=made.GEOMETRY),
    "VARIANT BYTE_ARRAY": one_column(BYTE_ARRAY, [b"1"], annotation=made.VARIANT),
    "LIST BYTE_ARRAY": one_column(BYTE_ARRAY, [b"1"], annotation=made.LIST_TYPE),
    "MAP INT32": one_column(INT32, [1], converted="MAP_KEY_VALUE"),
    "FILE INT32": one_column(INT32, [1], annotation=made.FILE),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_an_annotation_that_contradicts_the_type_is_named_with_it(name, read):
    refused(read, CONTRADICTIONS[name], *name.rsplit(" ", 1))


def test_an_annotation_of_values_on_a_group(read):
    inner = made.element(b"x", INT32)
    group = made.element(b"a", None, annotation=made.STRING, children=1)
    body = made.page_v1(made.plain(INT32, [1]), 1)
    data = made.file_of(
        [group, inner], [made.chunk_of(INT32, [b"a", b"x"], 1, 4, len(body))], 1, body, roots=1
    )
    refused(read, data, "STRING", "group")


def test_other_columns_of_the_file_are_read(tmp_path):
    body = made.page_v1(made.plain(INT32, [1]), 1)
    schema = [made.element(b"a", INT32, annotation=made.STRING), made.element(b"b", INT32)]
    chunks = [made.chunk_of(INT32, [name], 1, 4, len(body)) for name in (b"a", b"b")]
    path = tmp_path / "x.parquet"
    path.write_bytes(made.file_of(schema, chunks, 1, body))
    assert read_parquet(path, output_format="arrow", columns=["b"]).to_pydict() == {"b": [1]}
    with pytest.raises(pa.ArrowInvalid, match="STRING"):
        read_parquet(path, output_format="arrow")


@pytest.mark.parametrize("number", [7, 8])
@pytest.mark.parametrize("unit", [{}, {4: made.EMPTY}])
def test_a_unit_of_later_times_is_not_supported(number, unit, read):
    """LogicalTypes.md: to be handled as an unsupported feature, not as an error in the data."""
    annotation = made.logical(number, {1: [made.FALSE, False], 2: [made.STRUCT, unit]})
    refused(read, one_column(INT64, [1], annotation=annotation), "unit", error=NotImplementedError)


# -- extension types --


def field_of(tmp_path, data: bytes, **options) -> tuple[pa.Field, list]:
    path = tmp_path / "x.parquet"
    path.write_bytes(data)
    table = read_parquet(path, output_format="arrow", **options)
    assert inspect_schema(path, **options).equals(table.schema, check_metadata=True)
    return table.schema.field("a"), table["a"].to_pylist()


@pytest.mark.parametrize("annotation", ["logical", "legacy"])
def test_json_and_uuid_have_their_names(annotation, tmp_path):
    column = {"annotation": made.JSON} if annotation == "logical" else {"converted": "JSON"}
    data = one_column(BYTE_ARRAY, [b"{}"], **column)
    assert field_of(tmp_path, data) == (pa.field("a", pa.json_(), nullable=False), ["{}"])
    plain, values = field_of(tmp_path, data, arrow_extensions_enabled=False)
    assert (plain, values) == (pa.field("a", pa.string(), nullable=False), ["{}"]) and not plain.metadata
    data = one_column(FIXED, [ID.bytes], length=16, annotation=made.UUID)
    assert field_of(tmp_path, data) == (pa.field("a", pa.uuid(), nullable=False), [ID])
    plain = pa.field("a", pa.binary(16), nullable=False)
    assert field_of(tmp_path, data, arrow_extensions_enabled=False) == (plain, [ID.bytes])


NULLS = {"annotation": made.UNKNOWN, "repetition": made.OPTIONAL}


def test_a_column_of_nulls_alone(tmp_path):
    nulls = made.page_v1(b"\x02\0\0\0\x04\0", 2)
    data = one_column(INT32, [None, None], pages=nulls, **NULLS)
    assert field_of(tmp_path, data) == (pa.field("a", pa.null()), [None, None])


@pytest.mark.parametrize("physical, value", [(INT32, 1), (BYTE_ARRAY, b"x")])
def test_values_in_a_column_that_is_always_null(physical, value, read):
    refused(read, one_column(physical, [value], annotation=made.UNKNOWN), "UNKNOWN", "values")


def test_stored_types_of_later_versions_give_way_to_parquets(tmp_path):
    """polars stores integers of 128 bits, which Arrow did not have when this was written."""
    polars = pytest.importorskip("polars")
    path = tmp_path / "x.parquet"
    frame = polars.DataFrame({"a": polars.Series([1, None], dtype=polars.Int128), "b": [1, 2]})
    frame.write_parquet(path)
    one = (1).to_bytes(16, "little")
    assert field_of(tmp_path, path.read_bytes()) == (pa.field("a", pa.binary(16)), [one, None])


def test_seconds_and_milliseconds_that_parquet_has_no_name_for(tmp_path):
    """As arrow-rs stores them: bare integers, and ARROW:schema."""
    types = {"a": pa.timestamp("s"), "b": pa.timestamp("s", "UTC"), "c": pa.date64(), "d": pa.duration("s")}
    path = tmp_path / "x.parquet"
    numbers = pa.table({name: pa.array([0, 86_400_000, None], pa.int64()) for name in types})
    seconds = numbers.append_column("e", pa.array([0, 86_399, None], pa.int32()))
    schema = pa.schema([*types.items(), ("e", pa.time32("s"))])
    stored = base64.b64encode(schema.serialize().to_pybytes())
    writer = pq.ParquetWriter(path, seconds.schema, store_schema=False)
    writer.write_table(seconds)
    writer.add_key_value_metadata({"ARROW:schema": stored})
    writer.close()
    table = read_parquet(path, output_format="arrow")
    assert table.schema.equals(schema)
    assert [table[name].cast(pa.int64()).to_pylist() for name in types] == [[0, 86_400_000, None]] * 4
    assert table["e"].cast(pa.int32()).to_pylist() == [0, 86_399, None]
    plain = read_parquet(path, output_format="arrow", ignore_arrow_schema=True)
    assert plain.schema.types == seconds.schema.types


def test_stored_extension_types_stay(tmp_path):
    """As in pyarrow: the keyword is about what Parquet says, not about ARROW:schema."""
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": pa.array([ID.bytes], pa.uuid())}), path)
    for enabled in (True, False):
        theirs = pq.read_table(path, arrow_extensions_enabled=enabled)
        assert read_parquet(path, output_format="arrow", arrow_extensions_enabled=enabled).equals(theirs)


CRS = [
    (None, "OGC:CRS84", "authority_code"),
    (b"OGC:CRS84", "OGC:CRS84", "authority_code"),
    (b"EPSG:3857", "EPSG:3857", "authority_code"),
    (b"srid:5070", "5070", "srid"),
    (b'{"type": "x"}', {"type": "x"}, "projjson"),
    (b'a "quoted" \\ text', 'a "quoted" \\ text', None),
    (b'{"a": 1}, "edges": {}', '{"a": 1}, "edges": {}', None),
    (b"projjson:nowhere", "projjson:nowhere", None),
]


@pytest.mark.parametrize("crs, value, kind", CRS)
@pytest.mark.parametrize("edges", [None, (None, "spherical"), (0, "spherical"), (4, "karney"), (99, None)])
def test_geospatial_columns_are_their_bytes_under_a_name(crs, value, kind, edges, tmp_path):
    inner = {} if crs is None else {1: [made.BINARY, crs]}
    if edges and edges[0] is not None:
        inner[2] = [made.I32, edges[0]]
    data = one_column(BYTE_ARRAY, [b"\xff"], annotation=made.logical(18 if edges else 17, inner))
    field, values = field_of(tmp_path, data)
    expected = {"crs": value, **({"crs_type": kind} if kind else {})}
    if edges and edges[1]:
        expected["edges"] = edges[1]
    assert field.type == pa.binary() and values == [b"\xff"]
    assert field.metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    assert json.loads(field.metadata[b"ARROW:extension:metadata"]) == expected
    field, values = field_of(tmp_path, data, arrow_extensions_enabled=False)
    assert field == pa.field("a", pa.binary(), nullable=False) and not field.metadata and values == [b"\xff"]


def variant(*children: tuple, annotated: bool = True) -> bytes:
    group = made.element(b"a", None, annotation=made.VARIANT if annotated else None, children=len(children))
    schema, chunks, body = [group], [], b""
    for name, repetition in children:
        page = made.page_v1(made.plain(BYTE_ARRAY, [name]), 1)
        schema.append(made.element(name, BYTE_ARRAY, made.REQUIRED))
        chunks.append(made.chunk_of(BYTE_ARRAY, [b"a", name], 1, 4 + len(body), len(page)))
        body += page
        assert repetition == made.REQUIRED
    return made.file_of(schema, chunks, 1, body, roots=1)


def test_variants_are_their_storage_under_a_name(tmp_path):
    data = variant((b"metadata", 0), (b"value", 0))
    storage = pa.struct([pa.field("metadata", pa.binary(), False), pa.field("value", pa.binary(), False)])
    field, values = field_of(tmp_path, data)
    assert field.type == storage and values == [{"metadata": b"metadata", "value": b"value"}]
    assert field.metadata == {
        b"ARROW:extension:name": b"arrow.parquet.variant",
        b"ARROW:extension:metadata": b"",
    }
    for other, options in (
        (data, {"arrow_extensions_enabled": False}),
        (variant((b"metadata", 0), (b"v", 0)), {}),
    ):
        assert not field_of(tmp_path, other, **options)[0].metadata
