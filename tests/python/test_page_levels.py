# SPDX-License-Identifier: Apache-2.0
"""Levels stand right before the values that they are compressed with: of every length, in pages that begin
anywhere, sealed at once or by other threads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from py_parquet_forge import write_parquet

ROWS = 120_000


def null_masks(rng) -> np.ndarray:
    """No nulls, then runs of them, then by turns, then nothing else: levels of a page of 4 to 10,000 bytes."""
    part = ROWS // 6
    parts = [
        np.zeros(part, bool),
        np.repeat(rng.random(part // 50) < 0.5, 50),
        rng.random(part) < 0.5,
        np.ones(part, bool),
        np.arange(part) % 2 == 0,
        np.zeros(part, bool),
    ]
    return np.concatenate(parts)


def table() -> pa.Table:
    rng = np.random.default_rng(3)
    mask = null_masks(rng)
    text = pa.array([f"{v:x}" * (v % 5) for v in rng.integers(0, 1 << 40, ROWS).tolist()], mask=mask)
    lengths = np.where(rng.random(ROWS) < 0.3, 0, rng.integers(0, 9, ROWS))
    ends = np.cumsum(lengths)
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    items = pa.array(rng.random(ends[-1]), mask=rng.random(ends[-1]) < np.arange(ends[-1]) / ends[-1])
    return pa.table(
        {
            "float": pa.array(rng.random(ROWS), mask=mask),
            "few": pa.array(rng.integers(0, 300, ROWS), mask=mask),
            "text": text,
            "bool": pa.array(rng.random(ROWS) < 0.5, mask=mask),
            "lists": pa.ListArray.from_arrays(offsets, items, mask=pa.array(mask & (lengths == 0))),
            "nulls": pa.nulls(ROWS, pa.int32()),
        }
    )


@pytest.fixture(scope="module")
def given() -> pa.Table:
    return table()


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["snappy", "zstd", "lz4", "none"])
@pytest.mark.parametrize("size", [100, 5_000, 1 << 20])
def test_levels_of_every_length(given, tmp_path, size, codec, version):
    path = tmp_path / "a.parquet"
    for dictionary in (True, False):
        write_parquet(
            given,
            path,
            given.schema,
            compression=codec,
            data_page_size=size,
            data_page_version=version,
            use_dictionary=dictionary,
        )
        assert pq.read_table(path, page_checksum_verification=True).equals(given)


@pytest.mark.parametrize("name", ["float", "text", "lists", "few"])
@pytest.mark.parametrize("size", [5_000, 100_000])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_that_wait_for_other_threads_are_the_same(given, tmp_path, name, size, version):
    """A column alone is what other threads help with."""
    alone = given.select([name])
    alone = pa.concat_tables([alone] * 8)
    files = []
    for threads in (True, False):
        for dictionary in (True, False):
            path = tmp_path / f"{threads}{dictionary}.parquet"
            write_parquet(
                alone,
                path,
                alone.schema,
                compression="snappy",
                data_page_size=size,
                data_page_version=version,
                use_dictionary=dictionary,
                use_threads=threads,
            )
            files.append(path.read_bytes())
            assert pq.read_table(path).equals(alone)
    assert files[:2] == files[2:]
