# SPDX-License-Identifier: Apache-2.0
"""Thrift's compact protocol, read into dataclasses (README.md "Metadata", parquet.thrift).

A dataclass stands for one struct of parquet.thrift; each of its fields says its number and what
is on the wire, `at(1, I32, required=True)`. Fields that the dataclass does not know are skipped,
as Thrift demands, and so are fields that it knows with another kind, of which `remarks` tells; a
required field that is missing is an error.

The protocol in five lines: a struct is a row of fields and a zero byte. A field is one byte,
high half the step from the last field's number (0: the number follows as a zigzag integer), low
half the kind. Integers are ULEB128 of the zigzag form, bytes and strings have their length before
them, a list has one byte (high half the length, 15: it follows; low half the kind), a boolean
field has its value in its kind, a boolean in a list is one byte.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
from typing import Any, TypeVar

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
TEXT = 99  # BINARY on the wire, UTF-8 by the type `string` of parquet.thrift
BOOL = TRUE
NAMES = dict(zip(range(1, 13), "true false i8 i16 i32 i64 double binary list set map struct".split()))

T = TypeVar("T")


class SpecError(Exception):
    """Bytes that the specification does not allow."""


def at(number: int, kind: int, of: Any = None, required: bool = False) -> Any:
    """A field of a struct: its number, its kind, and what a list or struct is of."""
    return dataclasses.field(
        default=None, metadata={"number": number, "kind": kind, "of": of, "required": required}
    )


@functools.cache
def _fields_of(shape: Any) -> dict[int, Any]:
    return {f.metadata["number"]: f for f in dataclasses.fields(shape)}


def read_struct(shape: type[T], data: bytes, start: int, remarks: list[str]) -> tuple[T, int]:
    """The struct at `start` and the place behind it."""
    reader = _Reader(data, start, remarks)
    value = reader.struct(shape)
    return value, reader.at


def uleb128(data: bytes, start: int) -> tuple[int, int]:
    """The unsigned integer at `start`, seven bits a byte, least first, and the place behind it."""
    value, shift, place = 0, 0, start
    while True:
        if place >= len(data):
            raise SpecError(f"a variable-length integer at {start} runs beyond the end")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place


def unzigzag(value: int) -> int:
    """0, 1, 2, 3, 4 stand for 0, -1, 1, -2, 2."""
    return (value >> 1) ^ -(value & 1)


class _Reader:
    def __init__(self, data: bytes, start: int, remarks: list[str]):
        self.data, self.at, self.remarks = data, start, remarks

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise SpecError(f"{count} bytes at {self.at} run beyond the end")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def unsigned(self) -> int:
        value, self.at = uleb128(self.data, self.at)
        return value

    def integer(self) -> int:
        return unzigzag(self.unsigned())

    def struct(self, shape: type[T] | None) -> T:
        """A struct into its dataclass; with None, over it."""
        known = _fields_of(shape) if shape else {}  # type: ignore[arg-type]
        found: dict[str, Any] = {}
        number = 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.integer()
            kind = head & 15
            if number not in known:
                self.value(kind, None)
                continue
            field = known[number]
            wanted = field.metadata["kind"]
            if not _fits(kind, wanted):
                name = f"{getattr(shape, '__name__', '')}.{field.name}"
                self.remarks.append(f"{name} is of kind {NAMES.get(kind, kind)} at {self.at}")
                self.value(kind, None)
                continue
            found[field.name] = self.value(wanted if wanted == TEXT else kind, field.metadata["of"])
        for field in known.values():
            if field.metadata["required"] and field.name not in found:
                raise SpecError(f"{shape}.{field.name} is required and missing, before {self.at}")
        return shape(**found) if shape else None  # type: ignore[return-value]

    def value(self, kind: int, of: Any) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == I8:
            return struct.unpack("<b", self.take(1))[0]
        if kind in (I16, I32, I64):
            return self.integer()
        if kind == DOUBLE:
            return struct.unpack("<d", self.take(8))[0]
        if kind == BINARY:
            return self.take(self.unsigned())
        if kind == TEXT:
            return self.take(self.unsigned()).decode("utf-8")
        if kind in (LIST, SET):
            return self.list(of)
        if kind == STRUCT:
            return self.struct(of)
        if kind == MAP:
            return self.map()
        raise SpecError(f"kind {kind} at {self.at} is none of the compact protocol")

    def list(self, of: Any) -> list[Any]:
        head = self.byte()
        count = head >> 4 if head >> 4 != 15 else self.unsigned()
        kind = head & 15
        if kind in (TRUE, FALSE):
            return [self.byte() == TRUE for _ in range(count)]
        if isinstance(of, type):
            if kind != STRUCT:
                raise SpecError(f"a list of {of} has elements of kind {NAMES.get(kind, kind)} at {self.at}")
            return [self.struct(of) for _ in range(count)]
        if of is not None and not _fits(kind, of):
            raise SpecError(f"a list has elements of kind {NAMES.get(kind, kind)} at {self.at}")
        return [self.value(of if of == TEXT else kind, None) for _ in range(count)]

    def map(self) -> None:
        """Over a map; Parquet has none."""
        count = self.unsigned()
        kinds = self.byte() if count else 0
        for _ in range(count):
            self.value(kinds >> 4, None)
            self.value(kinds & 15, None)


def _fits(kind: int, wanted: int) -> bool:
    if wanted == BOOL:
        return kind in (TRUE, FALSE)
    return kind == (BINARY if wanted == TEXT else wanted)
