# SPDX-License-Identifier: Apache-2.0
"""What a leaf's values mean: from physical values to Python objects (LogicalTypes.md).

    STRING, ENUM, JSON                str
    INTEGER                           int, unsigned where it says so
    DECIMAL                           decimal.Decimal with the column's scale
    DATE, TIME, TIMESTAMP             int: days, or units since midnight or since the epoch
    FLOAT, DOUBLE, FLOAT16            float
    UUID                              uuid.UUID
    INTERVAL                          (months, days, milliseconds)
    INT96                             int: nanoseconds since the epoch
    BSON, GEOMETRY, GEOGRAPHY, bare   bytes, bool, int

Dates and times stay integers because Python's own know neither nanoseconds nor the year 10000.
"""

from __future__ import annotations

import dataclasses
import decimal
import struct
import uuid
from collections.abc import Callable
from typing import Any

from .encodings import Physical
from .footer import (
    BYTE_ARRAY,
    DOUBLE,
    FIXED_LEN_BYTE_ARRAY,
    FLOAT,
    INT32,
    INT64,
    INT96,
    TYPES,
    Node,
    SchemaElement,
)
from .thrift import SpecError


@dataclasses.dataclass(frozen=True)
class Logical:
    """A logical type, from LogicalType or else from ConvertedType."""

    name: str
    scale: int = 0
    precision: int = 0
    unit: str = ""
    utc: bool = False
    bits: int = 0
    signed: bool = True


# enum ConvertedType, as LogicalTypes.md translates each
CONVERTED = [
    Logical("STRING"),
    Logical("MAP"),
    Logical("MAP_KEY_VALUE"),
    Logical("LIST"),
    Logical("ENUM"),
    Logical("DECIMAL"),
    Logical("DATE"),
    Logical("TIME", unit="MILLIS", utc=True),
    Logical("TIME", unit="MICROS", utc=True),
    Logical("TIMESTAMP", unit="MILLIS", utc=True),
    Logical("TIMESTAMP", unit="MICROS", utc=True),
    *(Logical("INTEGER", bits=bits, signed=False) for bits in (8, 16, 32, 64)),
    *(Logical("INTEGER", bits=bits, signed=True) for bits in (8, 16, 32, 64)),
    Logical("JSON"),
    Logical("BSON"),
    Logical("INTERVAL"),
]


def logical_of(element: SchemaElement) -> Logical | None:
    union = element.logicalType
    if union is not None:
        for field in dataclasses.fields(union):
            chosen = getattr(union, field.name)
            if chosen is not None:
                return _of_union(field.name, chosen)
    if element.converted_type is None:
        return None
    if not 0 <= element.converted_type < len(CONVERTED):
        raise SpecError(f"{element.name} has converted type {element.converted_type}")
    old = CONVERTED[element.converted_type]
    if old.name == "DECIMAL":  # "If not specified, the scale is 0"
        return dataclasses.replace(old, scale=element.scale or 0, precision=element.precision or 0)
    return old


def _of_union(name: str, chosen: Any) -> Logical:
    if name == "DECIMAL":
        return Logical(name, scale=chosen.scale, precision=chosen.precision)
    if name in ("TIME", "TIMESTAMP"):
        units = [f.name for f in dataclasses.fields(chosen.unit) if getattr(chosen.unit, f.name) is not None]
        if len(units) != 1:
            raise NotImplementedError(f"{name} of an unknown unit")
        return Logical(name, unit=units[0], utc=chosen.isAdjustedToUTC)
    if name == "INTEGER":
        return Logical(name, bits=chosen.bitWidth, signed=chosen.isSigned)
    return Logical(name)


def _allowed(logical: Logical, leaf: Node) -> bool:
    """Whether the section of the logical type lets it stand on the leaf's physical type."""
    kind, name = leaf.type, logical.name
    if name in ("STRING", "ENUM", "JSON", "BSON", "GEOMETRY", "GEOGRAPHY"):
        return kind == BYTE_ARRAY
    if name == "INTEGER":
        return kind == (INT64 if logical.bits == 64 else INT32) and logical.bits in (8, 16, 32, 64)
    if name == "DATE":
        return kind == INT32
    if name == "TIME":
        return kind == (INT32 if logical.unit == "MILLIS" else INT64)
    if name == "TIMESTAMP":
        return kind == INT64
    if name == "DECIMAL":
        return kind in (INT32, INT64, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY)
    lengths = {"UUID": 16, "FLOAT16": 2, "INTERVAL": 12}
    if name in lengths:
        return kind == FIXED_LEN_BYTE_ARRAY and leaf.element.type_length == lengths[name]
    return name == "UNKNOWN"


def converter(leaf: Node) -> Callable[[Physical], Any]:
    """The function that makes a Python object of one physical value of the leaf."""
    logical = logical_of(leaf.element)
    if logical is None:
        bare: dict[int, Callable[[Any], Any]] = {FLOAT: of_float, DOUBLE: of_double, INT96: of_int96}
        return bare.get(leaf.type, _same)
    if not _allowed(logical, leaf):
        raise SpecError(f"{'.'.join(leaf.path)}: {logical.name} does not annotate {TYPES[leaf.type]}")
    if logical.name == "DECIMAL":
        return lambda value: of_decimal(value, logical.scale)
    if logical.name == "INTEGER" and not logical.signed:
        modulus = 1 << (64 if leaf.type == INT64 else 32)
        return lambda value: int(value) % modulus
    named: dict[str, Callable[[Any], Any]] = {
        "STRING": of_text,
        "ENUM": of_text,
        "JSON": of_text,
        "FLOAT16": of_half,
        "UUID": lambda value: uuid.UUID(bytes=value),
        "INTERVAL": lambda value: struct.unpack("<III", value),
    }
    return named.get(logical.name, _same)


def _same(value: Physical) -> Physical:
    return value


def of_text(value: bytes) -> str:
    return value.decode("utf-8")


def of_float(value: bytes) -> float:
    return float(struct.unpack("<f", value)[0])


def of_double(value: bytes) -> float:
    return float(struct.unpack("<d", value)[0])


def of_half(value: bytes) -> float:
    return float(struct.unpack("<e", value)[0])


def of_int96(value: bytes) -> int:
    """The nanoseconds of the day, then the Julian day; 2440588 is 1970-01-01."""
    nanoseconds, day = struct.unpack("<qi", value)
    return int((day - 2440588) * 86_400_000_000_000 + nanoseconds)


def of_decimal(value: Physical, scale: int) -> decimal.Decimal:
    """An integer, or bytes of one in two's complement, greatest first."""
    number = int.from_bytes(value, "big", signed=True) if isinstance(value, bytes) else int(value)
    digits = tuple(map(int, str(abs(number))))
    return decimal.Decimal((int(number < 0), digits, -scale))
