# SPDX-License-Identifier: Apache-2.0
"""Writes the small file that tests/test_install.sh rewrites. usage: make_sample.py OUT.parquet"""

import sys

import pyarrow as pa

import py_parquet_forge as forge

n = 10_000
table = pa.table(
    {
        "id": pa.array(range(n)),
        "name": pa.array([None if i % 7 == 0 else f"name {i % 100}" for i in range(n)]),
        "tags": pa.array([list(range(i % 4)) for i in range(n)]),
    }
)
forge.write_parquet(table, sys.argv[1], table.schema)
