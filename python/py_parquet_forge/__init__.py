# SPDX-License-Identifier: Apache-2.0
"""Apache Parquet files and datasets under a declared schema.

Importing this package loads its compiled engine and nothing heavy: pyarrow, pandas, logging and typing
come when a call needs them.
"""

from __future__ import annotations

from ._core import version as __version__
from ._read import inspect_schema, read_parquet, read_parquet_iter
from ._write import ParquetStreamWriter, write_parquet, write_to_dataset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._maintain import compact, merge, read_metadata, update_metadata
    from ._types import (
        InputData,
        PathLike,
        PyArrowFilters,
        PyArrowSchema,
        SchemaValidationError,
    )

__all__ = [
    "InputData",
    "ParquetStreamWriter",
    "PathLike",
    "PyArrowFilters",
    "PyArrowSchema",
    "SchemaValidationError",
    "__version__",
    "compact",
    "inspect_schema",
    "merge",
    "read_metadata",
    "read_parquet",
    "read_parquet_iter",
    "update_metadata",
    "write_parquet",
    "write_to_dataset",
]


if not TYPE_CHECKING:  # type checkers would take any name for an attribute

    def __getattr__(name: str) -> object:
        """What costs an import is made on first access and kept."""
        if name == "SchemaValidationError":
            from ._errors import make_schema_validation_error

            value: object = make_schema_validation_error()
        elif name in ("InputData", "PathLike", "PyArrowFilters", "PyArrowSchema"):
            from . import _types

            value = getattr(_types, name)
        elif name in ("compact", "merge", "read_metadata", "update_metadata"):
            from . import _maintain

            value = getattr(_maintain, name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals().setdefault(name, value)
