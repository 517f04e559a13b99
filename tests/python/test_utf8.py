# SPDX-License-Identifier: Apache-2.0
"""Strings that are read must be UTF-8, whatever their pages look like and whatever the processor can do.

Run as a program with a seed it hunts alone, which is how each instruction set gets its turn.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import read_parquet

ALPHABETS = ("abcdefgh 0123", "abcé", "αβγδ", "日本語文", "ab€c", "กขค", "한국어", "a😀b")
LENGTHS = ((0, 10), (20, 40), (50, 80), (100, 200), (0, 700), (3000, 9000))
ENCODINGS = ("PLAIN", "PLAIN", "PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "dictionary")


def texts(rng: random.Random) -> list[bytes | None]:
    """Strings of one kind, ASCII for a while and then not, with nulls or without."""
    low, high = rng.choice(LENGTHS)
    n, alphabets = 20 + 60000 // high, [rng.choice(ALPHABETS), rng.choice(ALPHABETS[:1] * 3 + ALPHABETS)]
    nulls, turn = rng.choice((0, 0, 0.3)), rng.random()
    pool = ["".join(rng.choices(alphabet, k=high)) for alphabet in alphabets]
    values: list[bytes | None] = []
    for i in range(n):
        text = pool[i < turn * n][rng.randint(0, high // 2) :][: rng.randint(low, high)]
        values.append(None if rng.random() < nulls else text.encode())
    return values


def spoil(rng: random.Random, values: list[bytes | None]) -> None:
    """Makes one value wrong, mostly so that it is right together with what stands beside it."""
    i = rng.randrange(len(values) - 1)
    way = rng.randrange(5)
    if way == 0:
        values[i] = (values[i] or b"") + bytes([rng.choice((0xFF, 0xC0, 0x80, 0xED))])
    elif way == 1:
        values[i], values[i + 1] = (values[i] or b"") + b"\xc3", b"\xa9" + (values[i + 1] or b"")
    elif way == 2:  # the length of the next value is the byte that is missing
        values[i], values[i + 1] = b"short \xc3", b"x" * rng.randint(0x80, 0xBF)
    elif way == 3:
        values[i] = (values[i] or b"") + "€".encode()[: rng.randint(1, 2)]
    else:
        values[i] = b"x" * rng.randint(0, 70) + b"\x80" + b"x" * rng.randint(0, 700)


def first_bad(values: list[bytes | None]) -> int | None:
    for i, value in enumerate(values):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            return i
    return None


def hunt(seed: int, rounds: int, folder: Path) -> int:
    """Returns how many files had to be refused."""
    rng, refused = random.Random(seed), 0
    path = folder / "x.parquet"
    for i in range(rounds):
        values, encoding = texts(rng), rng.choice(ENCODINGS)
        if rng.random() < 0.7:
            spoil(rng, values)
        table = pa.table({"a": range(len(values)), "s": pa.array(values, pa.binary()).view(pa.string())})
        given = (
            {} if encoding == "dictionary" else {"use_dictionary": False, "column_encoding": {"s": encoding}}
        )
        size = rng.choice((500, 20000, 1 << 20))
        pq.write_table(table, path, **given, data_page_size=size, compression=rng.choice(("none", "snappy")))
        bad, message = first_bad(values), None
        try:
            got = read_parquet(path, output_format="arrow")
        except pa.ArrowInvalid as error:
            message = str(error)
        where = f"seed {seed}, round {i}, {encoding}: {message}"
        if bad is None:
            assert message is None and got.equals(table), where
        else:
            assert message and "column s" in message and f"row {bad} of the file" in message, where
            refused += 1
    return refused


@pytest.mark.parametrize("level", ["scalar", "avx2", "avx512", "neon"])
def test_what_is_not_utf8_is_found_at_its_row(level):
    """As a strict decoder would, at each instruction set (a processor without one takes the best it has)."""
    seed = int(os.environ.get("PQF_SEED", time.time_ns() % 10**9))
    task = [sys.executable, __file__, str(seed)]
    done = subprocess.run(task, env=os.environ | {"PQF_SIMD": level}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 10


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(hunt(int(sys.argv[1]), 100, Path(folder)))
