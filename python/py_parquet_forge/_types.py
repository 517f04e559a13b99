# SPDX-License-Identifier: Apache-2.0
"""Names for annotations. Nothing here is needed at run time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, Union

if TYPE_CHECKING:
    from ._failures import Failure

    class SchemaValidationError(ValueError):
        """A pyarrow.ArrowInvalid where pyarrow is installed; see _errors.py."""

        failures: list[Failure]

        def to_dict(self) -> dict[str, Any]: ...


class ArrowSchemaExportable(Protocol):
    """What pyarrow.Schema and its like offer."""

    def __arrow_c_schema__(self) -> object: ...


class ArrowStreamExportable(Protocol):
    """What pyarrow.Table, polars.DataFrame and their like offer."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


class ArrowArrayExportable(Protocol):
    """What pyarrow.RecordBatch and its like offer."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...


PathLike: TypeAlias = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
PyArrowSchema: TypeAlias = ArrowSchemaExportable
# pandas.DataFrame, pyarrow.Table and pyarrow.RecordBatch offer the protocols.
InputChunk: TypeAlias = ArrowStreamExportable | ArrowArrayExportable | Sequence[Mapping[str, Any]]
InputData: TypeAlias = InputChunk | Iterator[InputChunk]
# A pyarrow.compute.Expression, or pyarrow's lists of (column, operator, value).
PyArrowFilters: TypeAlias = Any
