# SPDX-License-Identifier: Apache-2.0
"""Page indexes and Bloom filters read without the engine: what tests compare its files with.

A reader of Thrift's compact protocol that knows no struct: {field id: value}, binaries as bytes. Above it
what parquet.thrift and BloomFilter.md say of indexes and filters, and XXH64 by its specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MASK = 2**64 - 1


class Thrift:
    """Compact protocol from a place in bytes on."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def binary(self) -> bytes:
        n = self.varint()
        self.at += n
        return self.data[self.at - n : self.at]

    def value(self, kind: int) -> object:
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.zigzag()
        if kind == 7:
            self.at += 8
            return struct.unpack_from("<d", self.data, self.at - 8)[0]
        if kind == 8:
            return self.binary()
        if kind in (9, 10):
            head = self.byte()
            n = head >> 4 if head >> 4 < 15 else self.varint()
            if head & 15 in (1, 2):
                return [self.byte() == 1 for _ in range(n)]
            return [self.value(head & 15) for _ in range(n)]
        assert kind == 12, kind
        return self.struct()

    def struct(self) -> dict[int, object]:
        fields, field = {}, 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            fields[field] = self.value(head & 15)
        return fields


# ---- XXH64 ----

P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def _round(lane: int, word: int) -> int:
    return _rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data: bytes) -> int:
    at, n = 0, len(data)
    value = P5
    if n >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= n:
            words = struct.unpack_from("<4Q", data, at)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words)]
            at += 32
        value = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * P1 + P4) & MASK
    value = (value + n) & MASK
    while at + 8 <= n:
        word = struct.unpack_from("<Q", data, at)[0]
        value = (_rotate(value ^ _round(0, word), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= n:
        word = struct.unpack_from("<I", data, at)[0]
        value = (_rotate(value ^ (word * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        value = _rotate(value ^ (byte * P5 & MASK), 11) * P1 & MASK
    value = (value ^ value >> 33) * P2 & MASK
    value = (value ^ value >> 29) * P3 & MASK
    return value ^ value >> 32


# ---- Bloom filters ----

SALT = [
    0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31,
]  # fmt: skip


@dataclass
class Bloom:
    bits: bytes
    total_bytes: int  # header included

    def has(self, plain: bytes) -> bool:
        value = xxh64(plain)
        block = (value >> 32) * (len(self.bits) // 32) >> 32
        words = struct.unpack_from("<8I", self.bits, 32 * block)
        low = value & 0xFFFFFFFF
        return all(word >> ((low * salt & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, SALT))


def bloom_at(data: bytes, offset: int) -> Bloom:
    thrift = Thrift(data, offset)
    header = thrift.struct()
    assert header == {1: header[1], 2: {1: {}}, 3: {1: {}}, 4: {1: {}}}, header
    bits = data[thrift.at : thrift.at + header[1]]
    assert len(bits) == header[1]
    return Bloom(bits, thrift.at + header[1] - offset)


# ---- indexes of a file ----


@dataclass
class Chunk:
    """A column chunk: its metadata by field id, and its indexes where it has them."""

    meta: dict[int, object]
    path: str
    num_rows: int
    column_index: dict[int, object] | None
    offset_index: dict[int, object] | None
    bloom: Bloom | None
    places: dict[str, tuple[int, int]]  # "column", "offset", "bloom": offset and length in the file

    @property
    def pages(self) -> list[tuple[int, int, int, int]]:
        """Offset, stored bytes, first row and number of rows of each page."""
        found = [(p[1], p[2], p[3]) for p in self.offset_index[1]]
        ends = [first for _, _, first in found[1:]] + [self.num_rows]
        return [(offset, size, first, end - first) for (offset, size, first), end in zip(found, ends)]


def _chunk(data: bytes, fields: dict[int, object], num_rows: int) -> Chunk:
    meta, places = fields[3], {}
    column_index = offset_index = bloom = None
    if 6 in fields:
        places["column"] = (fields[6], fields[7])
        thrift = Thrift(data, fields[6])
        column_index = thrift.struct()
        assert thrift.at == sum(places["column"])
    if 4 in fields:
        places["offset"] = (fields[4], fields[5])
        thrift = Thrift(data, fields[4])
        offset_index = thrift.struct()
        assert thrift.at == sum(places["offset"])
    if 14 in meta:
        bloom = bloom_at(data, meta[14])
        places["bloom"] = (meta[14], meta.get(15, bloom.total_bytes))
    path = b".".join(meta[3]).decode()
    return Chunk(meta, path, num_rows, column_index, offset_index, bloom, places)


def footer_of(data: bytes) -> dict[int, object]:
    assert data[:4] == data[-4:] == b"PAR1"
    n = struct.unpack("<I", data[-8:-4])[0]
    return Thrift(data, len(data) - 8 - n).struct()


def chunks_of(path: Path | str) -> list[list[Chunk]]:
    """Chunks by row group and column."""
    data = Path(path).read_bytes()
    return [[_chunk(data, c, group[3]) for c in group[1]] for group in footer_of(data)[4]]


def page_header(data: bytes, offset: int) -> tuple[dict[int, object], int]:
    """The header of a page and its length."""
    thrift = Thrift(data, offset)
    header = thrift.struct()
    return header, thrift.at - offset
