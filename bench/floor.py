# SPDX-License-Identifier: Apache-2.0
"""What no engine can beat when it reads a file to Arrow memory on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CORES = os.cpu_count() or 1
ROUNDS = 4


def least(work: Callable[[int], object]) -> float:
    """Seconds that work(0), ... work(CORES - 1) take on all cores; the least of ROUNDS."""
    best = float("inf")
    with ThreadPoolExecutor(CORES) as pool:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            list(pool.map(work, range(CORES)))
            best = min(best, time.perf_counter() - start)
    return best


def share(array: np.ndarray, i: int) -> np.ndarray:
    return array[len(array) * i // CORES : len(array) * (i + 1) // CORES]


def codec_seconds(path: str) -> float:
    """The encoded bytes of each column chunk, cut to 1 MiB, through the file's codec."""
    file = pq.ParquetFile(path).metadata
    name = file.row_group(0).column(0).compression
    if name == "UNCOMPRESSED":
        return 0.0
    codec, pieces = pa.Codec(name.lower()), []
    table = pq.read_table(path)
    plain = pa.BufferOutputStream()
    pq.write_table(table, plain, compression="none", row_group_size=file.row_group(0).num_rows)
    encoded = plain.getvalue()
    for at in range(0, encoded.size, 1 << 20):
        piece = encoded.slice(at, min(1 << 20, encoded.size - at))
        pieces.append((codec.compress(piece), piece.size))
    return least(lambda i: [codec.decompress(piece, size) for piece, size in pieces[i::CORES]])


def floor_of(path: str, arrow_bytes: int) -> float:
    """Seconds: the codec alone, one copy of the file's bytes, one write of the Arrow bytes."""
    with open(path, "rb") as file:
        source = np.frombuffer(file.read(), np.uint8)
    copy, out = np.ones(len(source), np.uint8), np.ones(arrow_bytes, np.uint8)
    seconds = codec_seconds(path)
    seconds += least(lambda i: np.copyto(share(copy, i), share(source, i)))
    return seconds + least(lambda i: share(out, i).fill(7))
