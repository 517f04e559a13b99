# SPDX-License-Identifier: Apache-2.0
"""Results where pyarrow is not installed: objects that offer the Arrow PyCapsule protocol."""

from __future__ import annotations

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PlainTable:
    """Batches under one schema, handed out as often as somebody asks."""

    def __init__(self, source: _core.Stream, batches: list[_core.BuiltArray]) -> None:
        self._source = source
        self.num_rows = sum(batch.num_rows for batch in batches)
        self._batches = _core.share_batches(batches)

    def __len__(self) -> int:
        return self.num_rows

    def __arrow_c_schema__(self) -> object:
        return self._source.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return _core.batches_stream(self, self._batches)


def read_plain(request: Any) -> PlainTable:
    """All batches of the request."""
    stream = request.scan(0)
    batches = []
    try:
        while (batch := stream.next()) is not None:
            batches.append(batch)
    except _core.EngineError as error:
        raise request.explained(error) from None
    table = PlainTable(stream, batches)
    if request.progress is not None:
        request.progress.finish(table.num_rows)
    return table
