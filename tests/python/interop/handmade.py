# SPDX-License-Identifier: Apache-2.0
"""Whole files of one column, laid byte by byte: what no engine writes.

In come a physical type, its PLAIN values (bytes each), annotations as Thrift structs and pages as bytes;
out come the bytes of a file. Numbers are those of parquet.thrift.
"""

from __future__ import annotations

import struct

from .thrift import BINARY, BYTE, FALSE, I32, I64, LIST, STRUCT, TRUE, encode

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
NONE, SNAPPY, GZIP, LZO, BROTLI, LZ4, ZSTD, LZ4_RAW = range(8)
REQUIRED, OPTIONAL = 0, 1
EMPTY = [STRUCT, {}]

UNITS = {"ms": 1, "us": 2, "ns": 3}
CONVERTED = (
    "UTF8 MAP MAP_KEY_VALUE LIST ENUM DECIMAL DATE TIME_MILLIS TIME_MICROS TIMESTAMP_MILLIS TIMESTAMP_MICROS "
    "UINT_8 UINT_16 UINT_32 UINT_64 INT_8 INT_16 INT_32 INT_64 JSON BSON INTERVAL"
).split()


# ---- LogicalType: {member of the union: its struct} ----


def logical(number: int, fields: dict | None = None) -> dict:
    return {number: [STRUCT, fields or {}]}


STRING, MAP, LIST_TYPE, ENUM, DATE, UNKNOWN, JSON, BSON, UUID, FLOAT16, VARIANT, GEOMETRY, GEOGRAPHY, FILE = (
    logical(n) for n in (1, 2, 3, 4, 6, 11, 12, 13, 14, 15, 16, 17, 18, 19)
)


def decimal_type(precision: int, scale: int) -> dict:
    return logical(5, {1: [I32, scale], 2: [I32, precision]})


def time_type(number: int, unit: str, utc: bool) -> dict:
    """7 is TIME, 8 is TIMESTAMP."""
    return logical(number, {1: [TRUE if utc else FALSE, utc], 2: [STRUCT, {UNITS[unit]: EMPTY}]})


def integer_type(bits: int, signed: bool) -> dict:
    return logical(10, {1: [BYTE, bits], 2: [TRUE if signed else FALSE, signed]})


# ---- pages ----


def plain(physical: int, values: list) -> bytes:
    """Values as bytes, or numbers of INT32, INT64."""
    form = {INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}.get(physical)
    out = b""
    for value in values:
        if form:
            value = struct.pack(form, value)
        out += (len(value).to_bytes(4, "little") if physical == BYTE_ARRAY else b"") + value
    return out


def page_v1(
    body: bytes, num_values: int, size: int | None = None, encoding: int = 0, more: dict | None = None
) -> bytes:
    """`body` as it stands in the file; size: of it without compression."""
    header = {1: [I32, 0], 2: [I32, len(body) if size is None else size], 3: [I32, len(body)]}
    header[5] = [STRUCT, {1: [I32, num_values], 2: [I32, encoding], 3: [I32, 3], 4: [I32, 3]}]
    return encode({**header, **(more or {})}) + body


def page_v2(
    body: bytes,
    num_values: int,
    size: int | None = None,
    nulls: int = 0,
    levels: bytes = b"",
    compressed=None,
    rows: int | None = None,
    repetition: bytes = b"",
    encoding: int = 0,
) -> bytes:
    """`levels`: definition levels; they and repetition levels are never compressed."""
    both = repetition + levels
    size = len(body) if size is None else size
    header = {1: [I32, 3], 2: [I32, size + len(both)], 3: [I32, len(body) + len(both)]}
    inner = {
        1: [I32, num_values],
        2: [I32, nulls],
        3: [I32, num_values if rows is None else rows],
        4: [I32, encoding],
        5: [I32, len(levels)],
        6: [I32, len(repetition)],
    }
    if compressed is not None:
        inner[7] = [TRUE if compressed else FALSE, compressed]
    return encode({**header, 8: [STRUCT, inner]}) + both + body


def dictionary_page(body: bytes, num_values: int) -> bytes:
    header = {
        1: [I32, 2],
        2: [I32, len(body)],
        3: [I32, len(body)],
        7: [STRUCT, {1: [I32, num_values], 2: [I32, 0]}],
    }
    return encode(header) + body


# ---- files ----


def element(
    name: bytes,
    physical: int | None,
    repetition=REQUIRED,
    length=None,
    converted=None,
    annotation=None,
    children=None,
    **more,
) -> dict:
    fields: dict = {}
    if physical is not None:
        fields[1] = [I32, physical]
    if length is not None:
        fields[2] = [I32, length]
    fields[3] = [I32, repetition]
    fields[4] = [BINARY, name]
    if children is not None:
        fields[5] = [I32, children]
    if converted is not None:
        fields[6] = [I32, CONVERTED.index(converted) if isinstance(converted, str) else converted]
    for number, key in ((7, "scale"), (8, "precision")):
        if key in more:
            fields[number] = [I32, more[key]]
    if annotation is not None:
        fields[10] = [STRUCT, annotation]
    return fields


def file_of(schema: list[dict], chunks: list[tuple], num_rows: int, body: bytes, **more) -> bytes:
    """chunks: ColumnMetaData structs, a row group's worth."""
    root = {3: [I32, 0], 4: [BINARY, b"schema"], 5: [I32, more.pop("roots", len(schema))]}
    columns = [{2: [I64, 0], 3: [STRUCT, chunk]} for chunk in chunks]
    group = {1: [LIST, (STRUCT, columns)], 2: [I64, len(body)], 3: [I64, more.pop("group_rows", num_rows)]}
    meta = {1: [I32, 2], 2: [LIST, (STRUCT, [root, *schema])], 3: [I64, num_rows]}
    meta[4] = [LIST, (STRUCT, [group] if more.pop("has_group", True) else [])]
    footer = encode(meta)
    return b"PAR1" + body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def chunk_of(
    physical: int, path: list[bytes], num_values: int, offset: int, size: int, codec: int = NONE
) -> dict:
    return {
        1: [I32, physical],
        2: [LIST, (I32, [0, 3])],
        3: [LIST, (BINARY, path)],
        4: [I32, codec],
        5: [I64, num_values],
        6: [I64, size],
        7: [I64, size],
        9: [I64, offset],
    }


def one_column(
    physical: int, values: list, *, pages: bytes | None = None, codec: int = NONE, num_values=None, **column
) -> bytes:
    """A required column `a` of these values in one page, or of the pages given."""
    num_values = len(values) if num_values is None else num_values
    body = page_v1(plain(physical, values), num_values) if pages is None else pages
    schema = [element(b"a", physical, **column)]
    chunk = chunk_of(physical, [b"a"], num_values, 4, len(body), codec)
    return file_of(schema, [chunk], num_values, body)
