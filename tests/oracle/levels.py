# SPDX-License-Identifier: Apache-2.0
"""Small integers packed in bits: the RLE / bit-packing hybrid and the old BIT_PACKED.

(Encodings.md "Run Length Encoding / Bit-Packing Hybrid" and "Bit-packed".) Used for levels,
dictionary indices and booleans; `unpack` alone also by the delta encodings and ALP.
"""

from __future__ import annotations

from .thrift import SpecError, uleb128


def width_of(highest: int) -> int:
    """Bits that a value of 0 to `highest` needs."""
    return highest.bit_length()


def unpack(data: bytes, width: int, count: int) -> list[int]:
    """`count` integers of `width` bits, from the least bit of each byte upwards."""
    if width == 0:
        return [0] * count
    mask = (1 << width) - 1
    values: list[int] = []
    # eight values fill `width` whole bytes: a number small enough to shift quickly
    for start in range(0, (count * width + 7) // 8, width):
        number = int.from_bytes(data[start : start + width], "little")
        values += [(number >> (i * width)) & mask for i in range(8)]
    if len(data) * 8 < count * width:
        raise SpecError(f"{len(data)} bytes are too few for {count} integers of {width} bits")
    return values[:count]


def unpack_msb(data: bytes, width: int, count: int) -> list[int]:
    """BIT_PACKED: `count` integers of `width` bits, from the greatest bit of each byte down."""
    bits = "".join(f"{byte:08b}" for byte in data)
    if len(bits) < count * width:
        raise SpecError(f"{len(data)} bytes are too few for {count} integers of {width} bits")
    return [int(bits[i * width : (i + 1) * width] or "0", 2) for i in range(count)]


def hybrid(data: bytes, start: int, end: int, width: int, count: int) -> tuple[list[int], int]:
    """`count` integers of the runs in data[start:end], and the place behind the last run.

    A bit-packed run holds a multiple of eight values; what is beyond `count` in the last run is
    padding.
    """
    values: list[int] = []
    at = start
    while len(values) < count:
        if at >= end:
            raise SpecError(f"runs end after {len(values)} of {count} values")
        head, at = uleb128(data[:end], at)
        if head & 1:
            groups = head >> 1
            size = groups * width
            # Some writers cut the last run where the values end; what is there must be enough.
            there = data[at : min(at + size, end)]
            values += unpack(there, width, min(groups * 8, count - len(values)))
            at = min(at + size, end)
        else:
            size = (width + 7) // 8
            if at + size > end:
                raise SpecError("a repeated value runs beyond the end")
            value = int.from_bytes(data[at : at + size], "little")
            if value >> width:
                raise SpecError(f"the repeated value {value} has more than {width} bits")
            repeated = min(head >> 1, count - len(values))
            values += [value] * repeated
            at += size
    return values, at
