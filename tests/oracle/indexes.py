# SPDX-License-Identifier: Apache-2.0
"""Page index, Bloom filter and the orders that bounds are in (PageIndex.md, BloomFilter.md, `ColumnOrder`).

`sort_key` gives for a leaf the key by which its physical values are ordered, `offset_index`,
`column_index` and `bloom_filter` what a file has of them, `xxh64` the hash that filters take.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .encodings import Physical
from .footer import (
    BYTE_ARRAY,
    DOUBLE,
    FIXED_LEN_BYTE_ARRAY,
    FLOAT,
    INT32,
    INT96,
    BloomFilterHeader,
    ColumnIndex,
    File,
    Node,
    OffsetIndex,
)
from .logical import logical_of, of_double, of_float, of_half
from .thrift import SpecError, read_struct

Key = Callable[[Any], Any]

# ------------------------------------------------------------------------------------ orders


def sort_key(file: File, leaf: Node) -> Key | None:
    """The key of the column's order; None where the order is undefined or not known.

    Of a float that is NaN under TYPE_ORDER the key is None: it is in no bounds.
    """
    orders = file.metadata.column_orders
    order = orders[leaf.column] if orders else None
    if order is None:
        return None
    if order.IEEE_754_TOTAL_ORDER is not None:
        return total_order
    if order.INT96_TIMESTAMP_ORDER is not None:
        return int96_order
    if order.TYPE_ORDER is None or leaf.type == INT96:
        return None
    return type_order(leaf)


def type_order(leaf: Node) -> Key | None:
    logical = logical_of(leaf.element)
    name = logical.name if logical else ""
    if name in ("INTERVAL", "GEOMETRY", "GEOGRAPHY", "UNKNOWN"):
        return None
    if logical and name == "INTEGER" and not logical.signed:
        modulus = 1 << (32 if leaf.type == INT32 else 64)
        return lambda value: value % modulus
    if name == "DECIMAL" and leaf.type in (BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY):
        return lambda value: int.from_bytes(value, "big", signed=True)
    number = number_of(leaf)
    if number is not None:
        return lambda value: None if number(value) != number(value) else number(value)
    return lambda value: value  # bool, signed integers, bytes: Python's own order


def number_of(leaf: Node) -> Callable[[bytes], float] | None:
    """For floats: the number that the bytes are."""
    logical = logical_of(leaf.element)
    if logical and logical.name == "FLOAT16":
        return of_half
    return {FLOAT: of_float, DOUBLE: of_double}.get(leaf.type)


def values_in_order(leaf: Node, key: Key, values: list[Physical]) -> list[Any]:
    """The keys of what bounds speak of: NaN is among it only in total order and if all are NaN."""
    number = number_of(leaf)
    if number is None:
        return [key(value) for value in values]
    full = [value for value in values if isinstance(value, bytes) and number(value) == number(value)]
    return [k for k in map(key, full or values) if k is not None]


def total_order(value: bytes) -> int:
    """IEEE 754 totalOrder: the bits as sign and magnitude, -0 below +0."""
    bits = int.from_bytes(value, "little")
    sign = 1 << (8 * len(value) - 1)
    return -(bits - sign) - 1 if bits & sign else bits


def int96_order(value: bytes) -> tuple[int, int]:
    nanoseconds, day = struct.unpack("<qi", value)
    return day, nanoseconds


# -------------------------------------------------------------------------------- page index


def offset_index(file: File, row_group: int, column: int) -> OffsetIndex | None:
    chunk = file.metadata.row_groups[row_group].columns[column]
    if chunk.offset_index_offset is None:
        return None
    index, end = read_struct(OffsetIndex, file.data, chunk.offset_index_offset, file.remarks)
    if end - chunk.offset_index_offset != chunk.offset_index_length:
        file.remarks.append(f"offset_index_length {chunk.offset_index_length} is another length")
    return index


def column_index(file: File, row_group: int, column: int) -> ColumnIndex | None:
    chunk = file.metadata.row_groups[row_group].columns[column]
    if chunk.column_index_offset is None:
        return None
    index, end = read_struct(ColumnIndex, file.data, chunk.column_index_offset, file.remarks)
    if end - chunk.column_index_offset != chunk.column_index_length:
        file.remarks.append(f"column_index_length {chunk.column_index_length} is another length")
    return index


# ------------------------------------------------------------------------------ Bloom filter

SALT = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)


@dataclass
class BloomFilter:
    """A split block filter: blocks of eight words of 32 bits."""

    bits: bytes

    def maybe(self, plain: bytes) -> bool:
        """Whether a value, as its PLAIN bytes (byte arrays without length), may have been put in."""
        hashed = xxh64(plain)
        block = (hashed >> 32) * (len(self.bits) // 32) >> 32
        words = struct.unpack_from("<8I", self.bits, block * 32)
        low = hashed & 0xFFFFFFFF
        return all(word >> ((low * salt & 0xFFFFFFFF) >> 27) & 1 for word, salt in zip(words, SALT))


def bloom_filter(file: File, row_group: int, column: int) -> BloomFilter | None:
    """BloomFilter.md "File Format": a header and the bits."""
    meta = file.meta(row_group, column)
    if meta.bloom_filter_offset is None:
        return None
    header, start = read_struct(BloomFilterHeader, file.data, meta.bloom_filter_offset, file.remarks)
    chosen = (header.algorithm.BLOCK, header.hash.XXHASH, header.compression.UNCOMPRESSED)
    if any(mark is None for mark in chosen):
        raise NotImplementedError("a Bloom filter of another algorithm")
    end = start + header.numBytes
    if header.numBytes <= 0 or header.numBytes % 32 or end > len(file.data):
        raise SpecError(f"a Bloom filter of {header.numBytes} bytes")
    if meta.bloom_filter_length not in (None, end - meta.bloom_filter_offset):
        file.remarks.append(f"bloom_filter_length {meta.bloom_filter_length} is another length")
    return BloomFilter(file.data[start:end])


# XXH64 with seed 0, after its description: lanes of 32 bytes, then what is left, then mixing.
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MASK = (1 << 64) - 1


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data: bytes) -> int:
    at = 0
    if len(data) >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= len(data):
            lanes = [_round(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        value = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * P1 + P4) & MASK
    else:
        value = P5
    value = (value + len(data)) & MASK
    while at + 8 <= len(data):
        (word,) = struct.unpack_from("<Q", data, at)
        value = (_rotated(value ^ _round(0, word), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= len(data):
        (word,) = struct.unpack_from("<I", data, at)
        value = (_rotated(value ^ word * P1 & MASK, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        value = _rotated(value ^ byte * P5 & MASK, 11) * P1 & MASK
    value = (value ^ value >> 33) * P2 & MASK
    value = (value ^ value >> 29) * P3 & MASK
    return value ^ value >> 32
