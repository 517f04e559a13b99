# SPDX-License-Identifier: Apache-2.0
"""From compressed bytes to the bytes of a page (Compression.md, enum CompressionCodec).

Snappy and LZ4 are written out here after the descriptions that Compression.md points to, gzip
is zlib's; zstd and brotli are asked of pyarrow, which is the only thing this reader takes from
another Parquet implementation.
"""

from __future__ import annotations

import zlib

from .thrift import SpecError, uleb128

NAMES = "UNCOMPRESSED SNAPPY GZIP LZO BROTLI LZ4 ZSTD LZ4_RAW".split()


def decompress(codec: int, data: bytes, size: int) -> bytes:
    name = NAMES[codec]
    if name == "UNCOMPRESSED":
        out = data
    elif name == "SNAPPY":
        out = snappy(data)
    elif name == "GZIP":
        out = gzip(data)
    elif name == "LZ4_RAW":
        out = lz4_block(data)
    elif name == "LZ4":
        out = lz4_old(data, size)
    elif name in ("ZSTD", "BROTLI"):
        import pyarrow

        out = pyarrow.decompress(data, decompressed_size=size, codec=name.lower(), asbytes=True)
    else:
        raise NotImplementedError(f"codec {name}")
    if len(out) != size:
        raise SpecError(f"{name} gave {len(out)} bytes, the header says {size}")
    return out


def gzip(data: bytes) -> bytes:
    """RFC 1952; one member after another."""
    out = b""
    while data:
        member = zlib.decompressobj(wbits=16 + 15)
        out += member.decompress(data) + member.flush()
        if not member.eof:
            raise SpecError("a gzip member is cut off")
        data = member.unused_data
    return out


def snappy(data: bytes) -> bytes:
    """The length as ULEB128, then elements; the low two bits of a tag say which.

    0: literal, its length less one in the tag's six bits, or, from 60 on, in the next 1 to 4
    bytes. 1: copy of 4 to 11 bytes, distance of 11 bits. 2, 3: copy of 1 to 64 bytes, distance in
    2 or 4 bytes. A copy may reach into what it writes itself.
    """
    size, at = uleb128(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = tag >> 2
            if length >= 60:
                more = length - 59
                length = int.from_bytes(data[at : at + more], "little")
                at += more
            length += 1
            if at + length > len(data):
                raise SpecError("a literal runs beyond the end")
            out += data[at : at + length]
            at += length
            continue
        if tag & 3 == 1:
            length, distance = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[at]
            at += 1
        else:
            more = 2 if tag & 3 == 2 else 4
            length, distance = 1 + (tag >> 2), int.from_bytes(data[at : at + more], "little")
            at += more
        copy_back(out, distance, length)
    if len(out) != size:
        raise SpecError(f"snappy gave {len(out)} bytes and promised {size}")
    return bytes(out)


def copy_back(out: bytearray, distance: int, length: int) -> None:
    if not 0 < distance <= len(out):
        raise SpecError(f"a copy from {distance} bytes back, where {len(out)} are there")
    while length > 0:
        piece = out[len(out) - distance :][:length]
        out += piece
        length -= len(piece)


def lz4_block(data: bytes, prefix: bytes = b"") -> bytes:
    """Sequences of token, literals, distance; a length of 15 goes on in bytes until one is < 255.

    The last sequence ends after its literals. A match is at least 4 bytes long. The result begins
    with `prefix`, what stood before the block.
    """
    out = bytearray(prefix)
    at = 0

    def extended(length: int) -> int:
        nonlocal at
        if length == 15:
            while True:
                length += data[at]
                at += 1
                if data[at - 1] < 255:
                    break
        return length

    while at < len(data):
        token = data[at]
        at += 1
        literals = extended(token >> 4)
        if at + literals > len(data):
            raise SpecError("literals run beyond the end")
        out += data[at : at + literals]
        at += literals
        if at < len(data):
            distance = int.from_bytes(data[at : at + 2], "little")
            at += 2
            copy_back(out, distance, extended(token & 15) + 4)
    return bytes(out)


def lz4_old(data: bytes, size: int) -> bytes:
    """What stands under the id LZ4: Hadoop's framing, a bare block or a frame, whichever gives `size` bytes."""
    for reader in (lz4_hadoop, lz4_block, lz4_frame):
        try:
            out = reader(data)
        except (SpecError, IndexError):
            continue
        if len(out) == size:
            return out
    raise SpecError(f"LZ4: neither Hadoop's framing nor a block nor a frame of {size} bytes")


def lz4_hadoop(data: bytes) -> bytes:
    """Pieces: bytes it becomes, then blocks until it has them, each behind its length; big-endian."""
    out, at = bytearray(), 0

    def length() -> int:
        nonlocal at
        at += 4
        return int.from_bytes(taken(data, at - 4, 4), "big")

    while at < len(data):
        end = len(out) + length()
        while len(out) < end:
            part = length()
            out += lz4_block(taken(data, at, part))
            at += part
        if len(out) != end:
            raise SpecError("a piece becomes more bytes than it says")
    return bytes(out)


def lz4_frame(data: bytes) -> bytes:
    """lz4_Frame_format: magic number, descriptor, blocks until one of length 0; checksums are stepped over.

    Bits of the first descriptor byte: 6 and up version, 5 independent blocks, 4 block checksums,
    3 content size, 2 content checksum, 0 dictionary. A block whose length has its highest bit set is
    not compressed. Blocks that are not independent reach into those before them.
    """
    out, at = bytearray(), 0
    while at < len(data):
        if taken(data, at, 4) != b"\x04\x22\x4d\x18" or data[at + 4] >> 6 != 1:
            raise SpecError("no LZ4 frame")
        flags = data[at + 4]
        at += 7 + (8 if flags & 8 else 0) + (4 if flags & 1 else 0)
        begin = len(out)
        while length := int.from_bytes(taken(data, at, 4), "little"):
            block = taken(data, at + 4, length & 0x7FFFFFFF)
            if length >> 31:
                out += block
            else:
                prefix = b"" if flags & 32 else bytes(out[begin:])
                out += lz4_block(block, prefix)[len(prefix) :]
            at += 4 + len(block) + (4 if flags & 16 else 0)
        at += 4 + (4 if flags & 4 else 0)
    return bytes(out)


def taken(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise SpecError(f"{length} bytes at {at} of {len(data)}")
    return data[at : at + length]
