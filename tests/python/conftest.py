# SPDX-License-Identifier: Apache-2.0
"""What the tests of the package share: the documented schema and an empty folder to work in."""

from __future__ import annotations

import os
import pathlib
import sys

import pyarrow as pa
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # for `import oracle`

USER_SCHEMA = pa.schema(
    [
        pa.field("user_id", pa.int64(), nullable=False),
        pa.field("username", pa.string(), nullable=False),
        pa.field("signup_timestamp", pa.timestamp("us"), nullable=True),
        pa.field("is_active", pa.bool_(), nullable=False),
        pa.field("created_date", pa.date32(), nullable=False),
    ]
)


@pytest.fixture
def user_schema() -> pa.Schema:
    return USER_SCHEMA


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def target(tmp_path):
    """A path for one file, in a folder that holds nothing else."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "t.parquet"


def names_in(folder) -> list[str]:
    """Everything below a folder, hidden names too."""
    found = []
    for root, folders, files in os.walk(folder):
        found += [os.path.relpath(os.path.join(root, name), folder) for name in folders + files]
    return sorted(found)
