# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a page's values to physical values (Encodings.md, AlpEncoding.md).

A physical value is a bool, an int (INT32, INT64, signed), or bytes: INT96, BYTE_ARRAY and
FIXED_LEN_BYTE_ARRAY as they are, and FLOAT and DOUBLE as their little-endian bytes too, so that no
bit of a NaN is lost on the way. Every decoder is given the number of values and tells where it
stopped; nobody guesses from the length.
"""

from __future__ import annotations

import ctypes
import struct

from .footer import (
    BOOLEAN,
    BYTE_ARRAY,
    DOUBLE,
    FIXED_LEN_BYTE_ARRAY,
    FLOAT,
    INT32,
    INT64,
    INT96,
    TYPES,
    Node,
)
from .levels import hybrid, unpack
from .thrift import SpecError, uleb128, unzigzag

Physical = bool | int | bytes

# enum Encoding
PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED = 0, 2, 3, 4
DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY = 5, 6, 7
RLE_DICTIONARY, BYTE_STREAM_SPLIT, ALP = 8, 9, 10
NAMES = {
    0: "PLAIN",
    2: "PLAIN_DICTIONARY",
    3: "RLE",
    4: "BIT_PACKED",
    5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY",
    7: "DELTA_BYTE_ARRAY",
    8: "RLE_DICTIONARY",
    9: "BYTE_STREAM_SPLIT",
    10: "ALP",
}

# Encodings.md "Supported Encodings": the types of each
ALLOWED = {
    PLAIN: set(range(8)),
    PLAIN_DICTIONARY: set(range(8)),
    RLE_DICTIONARY: set(range(8)),
    RLE: {BOOLEAN},
    DELTA_BINARY_PACKED: {INT32, INT64},
    DELTA_LENGTH_BYTE_ARRAY: {BYTE_ARRAY},
    DELTA_BYTE_ARRAY: {BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY},
    BYTE_STREAM_SPLIT: {INT32, INT64, FLOAT, DOUBLE, FIXED_LEN_BYTE_ARRAY},
    ALP: {FLOAT, DOUBLE},
}

WIDTHS = {INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8}


def bytes_of(leaf: Node) -> int:
    """Bytes of one value, where all have as many."""
    if leaf.type == FIXED_LEN_BYTE_ARRAY:
        length = leaf.element.type_length
        if length is None or length < 0:
            raise SpecError(f"{'.'.join(leaf.path)} has no length")
        return length
    return WIDTHS[leaf.type]


def decode(
    encoding: int,
    leaf: Node,
    data: bytes,
    count: int,
    dictionary: list[Physical] | None = None,
    remarks: list[str] | None = None,
) -> tuple[list[Physical], int]:
    """`count` values of a leaf, and the place in `data` behind the last."""
    if encoding not in ALLOWED:
        raise SpecError(f"{NAMES.get(encoding, encoding)} is no encoding of values")
    if leaf.type not in ALLOWED[encoding]:
        raise SpecError(f"{NAMES[encoding]} is not for {TYPES[leaf.type]}")
    if count == 0 and not data:
        return [], 0
    if encoding == PLAIN:
        return plain(leaf, data, count)
    if encoding in (PLAIN_DICTIONARY, RLE_DICTIONARY):
        return dictionary_indices(data, count, dictionary)
    if encoding == RLE:
        return booleans_rle(data, count)
    if encoding == DELTA_BINARY_PACKED:
        values, at = delta_binary_packed(data, 0, 8 * WIDTHS[leaf.type], count, remarks)
        return list(values), at
    if encoding == DELTA_LENGTH_BYTE_ARRAY:
        texts, at = delta_length_byte_array(data, 0, count)
        return list(texts), at
    if encoding == DELTA_BYTE_ARRAY:
        return delta_byte_array(leaf, data, count)
    if encoding == BYTE_STREAM_SPLIT:
        return byte_stream_split(leaf, data, count)
    return alp(leaf, data, count)


# --------------------------------------------------------------------- "Plain (PLAIN = 0)"


def plain(leaf: Node, data: bytes, count: int) -> tuple[list[Physical], int]:
    if leaf.type == BOOLEAN:
        return [bit == 1 for bit in unpack(data, 1, count)], (count + 7) // 8
    if leaf.type == BYTE_ARRAY:
        return _plain_byte_arrays(data, count)
    width = bytes_of(leaf)
    if len(data) < count * width:
        raise SpecError(f"{len(data)} bytes are too few for {count} values of {width} bytes")
    pieces = [data[i * width : (i + 1) * width] for i in range(count)]
    return [of_plain_bytes(leaf, piece) for piece in pieces], count * width


def of_plain_bytes(leaf: Node, piece: bytes) -> Physical:
    """One value from its PLAIN bytes; a byte array's without the length, as in Statistics."""
    if leaf.type == BOOLEAN:
        if len(piece) != 1:
            raise SpecError(f"a boolean of {len(piece)} bytes")
        return piece[0] & 1 == 1
    if leaf.type != BYTE_ARRAY and len(piece) != bytes_of(leaf):
        raise SpecError(f"a {TYPES[leaf.type]} of {len(piece)} bytes")
    if leaf.type in (INT32, INT64):
        return int.from_bytes(piece, "little", signed=True)
    return piece


def to_plain_bytes(leaf: Node, value: Physical) -> bytes:
    """The way back, as the hash of a Bloom filter takes a value."""
    if isinstance(value, bytes):
        return value
    if leaf.type == BOOLEAN:
        return bytes([value])
    return int(value).to_bytes(bytes_of(leaf), "little", signed=True)


def _plain_byte_arrays(data: bytes, count: int) -> tuple[list[Physical], int]:
    values: list[Physical] = []
    at = 0
    for _ in range(count):
        length = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + length > len(data):
            raise SpecError(f"a byte array of {length} bytes at {at} runs beyond the end")
        values.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return values, at


# ------------------------------------------------ "Dictionary Encoding", "RLE" of booleans


def dictionary_indices(
    data: bytes, count: int, dictionary: list[Physical] | None
) -> tuple[list[Physical], int]:
    """One byte for the width of the indices, then runs without a length."""
    if dictionary is None:
        raise SpecError("indices of a dictionary, and no dictionary page before them")
    if data[0] > 32:
        raise SpecError(f"indices of {data[0]} bits")
    indices, at = hybrid(data, 1, len(data), data[0], count)
    for index in indices:
        if index >= len(dictionary):
            raise SpecError(f"index {index} into a dictionary of {len(dictionary)}")
    return [dictionary[index] for index in indices], at


def booleans_rle(data: bytes, count: int) -> tuple[list[Physical], int]:
    """The table at the end of "RLE": here the length is always there, in both page versions."""
    length = int.from_bytes(data[:4], "little")
    if len(data) < 4 + length:
        raise SpecError(f"runs of {length} bytes in {len(data)}")
    bits, at = hybrid(data, 4, 4 + length, 1, count)
    if at != 4 + length:
        raise SpecError("runs end before their length")
    return [bit == 1 for bit in bits], at


# ----------------------------------------------------- "Delta Encoding", "Delta-length", ...


def wrapped(value: int, bits: int) -> int:
    """A signed integer in two's complement of so many bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def delta_binary_packed(
    data: bytes, start: int, bits: int, count: int, remarks: list[str] | None = None
) -> tuple[list[int], int]:
    block, at = uleb128(data, start)
    miniblocks, at = uleb128(data, at)
    total, at = uleb128(data, at)
    first, at = uleb128(data, at)
    if total != count:
        raise SpecError(f"a header of {total} deltas where {count} values are due")
    if block == 0 or block % 128 or miniblocks == 0 or block % miniblocks or block // miniblocks % 32:
        raise SpecError(f"a block of {block} values in {miniblocks} miniblocks")
    per_miniblock = block // miniblocks
    values = [wrapped(unzigzag(first), bits)][:total]
    widest = 0
    while len(values) < total:
        least, at = uleb128(data, at)
        widths = data[at : at + miniblocks]
        at += miniblocks
        for width in widths:
            if len(values) == total:
                break  # the widths of miniblocks that are not needed say nothing, and no bytes are there
            if width > 64:
                raise SpecError(f"a miniblock of {width} bits")
            widest = max(widest, width)
            size = per_miniblock * width // 8
            for delta in unpack(data[at : at + size], width, per_miniblock):
                if len(values) < total:
                    values.append(wrapped(values[-1] + unzigzag(least) + delta, bits))
            at += size
    if widest > bits and remarks is not None:  # wrong, but the sums are right: they wrap around
        remarks.append(f"a miniblock of {widest} bits for integers of {bits}")
    return values, at


def delta_length_byte_array(data: bytes, start: int, count: int) -> tuple[list[bytes], int]:
    lengths, at = delta_binary_packed(data, start, 32, count)
    values = []
    for length in lengths:
        if length < 0 or at + length > len(data):
            raise SpecError(f"a byte array of {length} bytes at {at} runs beyond the end")
        values.append(data[at : at + length])
        at += length
    return values, at


def delta_byte_array(leaf: Node, data: bytes, count: int) -> tuple[list[Physical], int]:
    prefixes, at = delta_binary_packed(data, 0, 32, count)
    suffixes, at = delta_length_byte_array(data, at, count)
    values: list[Physical] = []
    last = b""
    for prefix, suffix in zip(prefixes, suffixes):
        if not 0 <= prefix <= len(last):
            raise SpecError(f"a prefix of {prefix} bytes of a value of {len(last)}")
        last = last[:prefix] + suffix
        if leaf.type == FIXED_LEN_BYTE_ARRAY and len(last) != bytes_of(leaf):
            raise SpecError(f"a value of {len(last)} bytes, the type has {bytes_of(leaf)}")
        values.append(last)
    return values, at


# ----------------------------------------------------------------------- "Byte Stream Split"


def byte_stream_split(leaf: Node, data: bytes, count: int) -> tuple[list[Physical], int]:
    width = bytes_of(leaf)
    if len(data) != width * count:
        raise SpecError(f"{len(data)} bytes in {width} streams of {count}")
    return [of_plain_bytes(leaf, data[i::count]) for i in range(count)], len(data)


# ------------------------------------------------------------------------- AlpEncoding.md

# correctly rounded decimal literals, never computed by pow()
POWERS = [float(f"1e{i}") for i in range(19)]
INVERSE_POWERS = [float(f"1e-{i}") for i in range(19)]


def single(value: float) -> float:
    """The nearest binary32 number."""
    return ctypes.c_float(value).value


def alp(leaf: Node, data: bytes, count: int) -> tuple[list[Physical], int]:
    """ "Page Layout": a header of 7 bytes, offsets of the vectors, the vectors."""
    mode, integers, log_size, total = struct.unpack_from("<BBBi", data)
    if (mode, integers) != (0, 0) or not 3 <= log_size <= 15:
        raise SpecError(f"an ALP header of mode {mode}, integers {integers}, log size {log_size}")
    if total != count:
        raise SpecError(f"an ALP header of {total} values where {count} are due")
    size = 1 << log_size
    vectors = -(-total // size)
    at = 7 + 4 * vectors
    values: list[Physical] = []
    for number in range(vectors):
        (offset,) = struct.unpack_from("<I", data, 7 + 4 * number)
        if 7 + offset != at:
            raise SpecError(f"vector {number} at {7 + offset}, its neighbour ends at {at}")
        part, at = _alp_vector(leaf, data, at, min(size, total - number * size))
        values += part
    return values, at


def _alp_vector(leaf: Node, data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """ "Decoding": unpack, add the frame of reference, multiply twice, patch the exceptions."""
    is_double = leaf.type == DOUBLE
    bits, highest, number = (64, 18, "<d") if is_double else (32, 10, "<f")
    exponent, factor, exceptions, reference, width = struct.unpack_from(
        "<BBHqB" if is_double else "<BBHiB", data, at
    )
    if not factor <= exponent <= highest or width > bits or exceptions > count:
        raise SpecError(
            f"a vector of exponent {exponent}, factor {factor}, {width} bits, {exceptions} exceptions"
        )
    at += 13 if is_double else 9
    packed = -(-count * width // 8)
    out = []
    for delta in unpack(data[at : at + packed], width, count):
        encoded = wrapped(delta + reference, bits)
        if is_double:
            value = float(encoded) * POWERS[factor] * INVERSE_POWERS[exponent]
        else:  # a product of two binary32 numbers is exact in binary64: rounded once, as it should
            value = single(single(encoded) * single(POWERS[factor]))
            value = single(value * single(INVERSE_POWERS[exponent]))
        out.append(struct.pack(number, value))
    at += packed
    places = struct.unpack_from(f"<{exceptions}H", data, at)
    at += 2 * exceptions
    for place in places:
        if place >= count:
            raise SpecError(f"an exception at {place} in a vector of {count}")
        out[place] = data[at : at + bits // 8]
        if len(out[place]) != bits // 8:
            raise SpecError("exceptions run beyond the end")
        at += bits // 8
    return out, at
