# SPDX-License-Identifier: Apache-2.0
"""A second opinion: a Parquet reader in plain Python, written from the specification alone.

`read(path)` gives a `Table`. It is slow, holds everything in memory and is meant to be read; the
README beside it says in which order.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import assembly, logical, pages
from .encodings import Physical
from .footer import File, Node, open_file
from .thrift import SpecError

__all__ = ["SpecError", "Table", "open_file", "read"]


@dataclass
class Table:
    """Names and columns in the order of the schema; names may repeat. A value per row."""

    file: File
    chunks: list[list[pages.Chunk]]  # by row group, then by leaf
    columns: list[list[Any]]

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.file.root.children]

    @property
    def fields(self) -> list[Node]:
        return self.file.root.children


def read(
    path: str | os.PathLike[str],
    converter: Callable[[Node], Callable[[Physical], Any]] = logical.converter,
) -> Table:
    """A whole file; `converter` may give other objects for a leaf's values than logical.py does."""
    file = open_file(path)
    chunks = [
        [pages.read_chunk(file, group, leaf) for leaf in file.leaves]
        for group in range(len(file.metadata.row_groups))
    ]
    columns: list[list[Any]] = [[] for _ in file.root.children]
    convert = [converter(leaf) for leaf in file.leaves]
    for group, parts in zip(file.metadata.row_groups, chunks):
        for values, field in zip(columns, file.root.children):
            entries = {
                leaf.column: assembly.entries_of(parts[leaf.column], convert[leaf.column])
                for leaf in field.leaves()
            }
            values += assembly.records(field, entries, group.num_rows)
    return Table(file, chunks, columns)
