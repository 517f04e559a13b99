# SPDX-License-Identifier: Apache-2.0
"""Thrift's compact protocol, read into plain values and written back: for forging files.

A struct is a dict of field number to [kind, value], kept in order, so that a footer that
is decoded, changed in one place and encoded differs in that place alone. Lists are
(kind, [values]); nothing here knows Parquet but `Footer` and `pages_of`.
"""

from __future__ import annotations

import struct

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


class Decoder:
    def __init__(self, data: bytes, at: int = 0):
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            part = self.byte()
            value |= (part & 127) << shift
            shift += 7
            if part < 128:
                return value

    def zigzag(self) -> int:
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def value(self, kind: int):
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BYTE:
            return self.byte()
        if kind in (I16, I32, I64):
            return self.zigzag()
        if kind == DOUBLE:
            self.at += 8
            return struct.unpack("<d", self.data[self.at - 8 : self.at])[0]
        if kind == BINARY:
            size = self.varint()
            self.at += size
            return self.data[self.at - size : self.at]
        if kind in (LIST, SET):
            return self.list()
        if kind == STRUCT:
            return self.struct()
        raise ValueError(f"kind {kind} at {self.at}")

    def list(self):
        head = self.byte()
        count = head >> 4
        if count == 15:
            count = self.varint()
        kind = head & 15
        if kind in (TRUE, FALSE):
            return kind, [self.byte() == TRUE for _ in range(count)]
        return kind, [self.value(kind) for _ in range(count)]

    def struct(self) -> dict:
        fields, number = {}, 0
        while head := self.byte():
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            fields[number] = [head & 15, self.value(head & 15)]
        return fields


def varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    return varint((value << 1) ^ (value >> 63))


def encode_value(kind: int, value) -> bytes:
    if kind == BYTE:
        return bytes([value])
    if kind in (I16, I32, I64):
        return zigzag(value)
    if kind == DOUBLE:
        return struct.pack("<d", value)
    if kind == BINARY:
        return varint(len(value)) + value
    if kind in (LIST, SET):
        return _encode_list(*value)
    return encode(value)


def _encode_list(kind: int, values: list) -> bytes:
    count = len(values)
    head = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)
    if kind in (TRUE, FALSE):
        return head + bytes(TRUE if value else FALSE for value in values)
    return head + b"".join(encode_value(kind, value) for value in values)


def encode(fields: dict) -> bytes:
    out, last = bytearray(), 0
    for number, (kind, value) in fields.items():
        if kind in (TRUE, FALSE):
            kind = TRUE if value else FALSE
        step = number - last
        out += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + zigzag(number)
        last = number
        if kind not in (TRUE, FALSE):
            out += encode_value(kind, value)
    return bytes(out) + b"\0"


class Footer:
    """A whole file taken apart: the bytes before the footer, and the footer's struct."""

    def __init__(self, data: bytes):
        size = int.from_bytes(data[-8:-4], "little")
        self.body = data[: -8 - size]
        self.meta = Decoder(data[-8 - size : -8]).struct()

    def bytes(self) -> bytes:
        footer = encode(self.meta)
        return self.body + footer + len(footer).to_bytes(4, "little") + b"PAR1"

    def row_group(self, number: int) -> dict:
        return self.meta[4][1][1][number]

    def chunk(self, row_group: int, column: int) -> dict:
        """The ColumnMetaData."""
        return self.row_group(row_group)[1][1][1][column][3][1]

    def schema(self, number: int) -> dict:
        return self.meta[2][1][1][number]

    def chunks(self):
        for i in range(len(self.meta[4][1][1])):
            for j in range(len(self.row_group(i)[1][1][1])):
                yield self.chunk(i, j)


def pages_of(data: bytes, chunk: dict):
    """(header's start, data's start, data's end, header) of each page of a chunk."""
    at = chunk[11][1] if 11 in chunk else chunk[9][1]
    end = at + chunk[7][1]
    while at < end:
        decoder = Decoder(data, at)
        header = decoder.struct()
        stop = decoder.at + header[3][1]
        yield at, decoder.at, stop, header
        at = stop
