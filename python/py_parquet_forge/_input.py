# SPDX-License-Identifier: Apache-2.0
"""Input data of every accepted form on its way into one writer of the engine.

A Sink owns the engine's writer. What a form needs before it is Arrow happens in its put function; the
engine's conforming then judges everything alike. Each put function returns the records of what was
refused, none when all of it was taken.
"""

from __future__ import annotations

import os
import sys

from . import _core
from ._progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from ._options import Options

    Record: TypeAlias = tuple[str, str, int, str, str, list[tuple[int, str]]]
    Put: TypeAlias = Callable[["Sink", Any, bool], list[Record]]

ROWS_STEP = 1 << 16
"""Dicts that are turned into one Arrow array."""
BATCH_STEP = 1 << 17
"""Rows of a piece when progress is to be told."""
SKIP_IF_EXISTS = 2
"""The engine's number of if_exists='skip'."""


class Sink:
    """One writer of the engine, and what has been put into it."""

    __slots__ = (
        "capsule",
        "checking",
        "options",
        "progress",
        "rows",
        "schema",
        "skips",
        "warned",
        "whole",
        "writer",
    )

    def __init__(
        self,
        path: str,
        schema: Any,
        options: Options,
        mode: int | None = None,
        partition_cols: list[str] | None = None,
    ) -> None:
        if not hasattr(schema, "__arrow_c_schema__"):
            raise TypeError(
                f"schema must be a pyarrow.Schema or offer __arrow_c_schema__, not {type(schema).__name__}"
            )
        self.options = options
        self.schema = schema
        self.capsule = schema.__arrow_c_schema__()
        self.skips = options.engine.get("if_exists") == SKIP_IF_EXISTS and os.path.exists(path)
        self.progress = None if options.progress is None or self.skips else Progress(options.progress)
        self.rows = 0  # given so far; where the next piece begins
        self.checking = False  # something was refused: the rest is only looked at
        self.warned = False
        self.whole = False  # what is put is all that there will be
        try:
            self.writer = _core.Writer(path, self.capsule, options.engine, mode, partition_cols)
        except _core.EngineError as error:
            raise _public(error) from None

    def put(self, data: Any, *, atomic: bool) -> None:
        """Takes all of the data or raises; with `atomic` a refused piece leaves nothing behind."""
        try:
            records = putter_of(data)(self, data, atomic)
        except _core.EngineError as error:
            raise _public(error) from None
        if records:
            from ._errors import refused

            raise refused(records, self.schema, coerced=self.options.coerce)
        if self.progress is not None:
            self.progress(self.rows)

    def finish(self) -> None:
        """Gives what was written its name."""
        if self.progress is not None:  # before the commit: what it raises leaves the old target
            self.progress.finish(self.rows)
        elif self.skips and self.options.progress is not None:
            Progress(self.options.progress).finish(0)
        try:
            self.writer.finish()
        except _core.EngineError as error:
            raise _public(error) from None
        finally:
            self._warn()

    def abort(self, interrupted: bool = False) -> None:
        """Leaves nothing behind; after Ctrl-C much may wait, hidden, for the next write to remove it."""
        self.writer.abort(interrupted)
        self._warn()

    def _warn(self) -> None:
        """Logs trouble while cleaning up, once."""
        notice = self.writer.notice
        if notice and not self.warned:
            import logging

            self.warned = True
            logging.getLogger("py_parquet_forge").warning("%s", notice)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self.abort(issubclass(kind, KeyboardInterrupt))
            return
        try:
            self.finish()
        except BaseException as error:
            self.abort(isinstance(error, KeyboardInterrupt))
            raise

    # ---- what the put functions use ----

    def give(self, data: Any, *, stream: bool, check: bool = False) -> list[Record]:
        """Batch or stream to the engine, with row numbers that count every row given once."""
        writer = self.writer
        check = check or self.checking
        put, shift = writer.rows_put, self.rows - writer.rows_seen
        try:
            records = (writer.put_stream if stream else writer.put)(data, check)
        finally:
            self.rows += writer.rows_put - put
        if not records:
            return []
        return [_shifted(record, shift) for record in records] if shift else records


def _public(error: _core.EngineError) -> Exception:
    from ._errors import public_error

    return public_error(error, writing=True)


def _shifted(record: Record, shift: int) -> Record:
    *head, samples = record
    moved = [(row + shift if row >= 0 else row, value) for row, value in samples]
    return (*head, moved)  # type: ignore[return-value]


def merged(records: list[Record]) -> list[Record]:
    """Records of the same path and rule as one."""
    by_key: dict[tuple[str, str], Record] = {}
    for record in records:
        path, rule, count, expected, found, samples = record
        before = by_key.get((path, rule))
        if before is not None:
            if samples and before[5]:
                count += before[2]
            elif not samples:  # about a column as a whole, which is the same in every piece
                count = before[2]
            samples = (before[5] + samples)[:5]
            expected, found = before[3] or expected, before[4] or found
        by_key[path, rule] = (path, rule, count, expected, found, samples)
    return list(by_key.values())


# ---- one function per form ----


def put_rows(sink: Sink, rows: Any, atomic: bool) -> list[Record]:
    """A list of dicts, ROWS_STEP at a time."""
    arrays: list[Any] = []
    failures: list[Record] = []
    base, checking = sink.rows, sink.checking
    put = sink.writer.rows_put
    for start in range(0, len(rows), ROWS_STEP):
        stop = min(start + ROWS_STEP, len(rows))
        array, records = _rows_to_array(sink, rows, base + start, start, stop)
        failures += records
        if array is not None and not atomic:
            sink.rows = base + start
            failures += sink.give(array, stream=False)
        elif array is not None:
            arrays.append(array)
        sink.checking = checking or bool(failures)
        if sink.progress is not None:
            sink.progress(base + stop)
    sink.rows = base + sink.writer.rows_put - put
    sink.checking = checking
    for array in [] if failures else arrays:
        failures += sink.give(array, stream=False)
    return merged(failures)


def _rows_to_array(sink: Sink, rows: Any, row_base: int, start: int, stop: int) -> tuple[Any, list[Record]]:
    if not sink.options.coerce:
        return _core.rows_to_array(rows, sink.capsule, sink.options.drop_extra, row_base, start, stop)
    from ._coerce import rows_to_array

    return rows_to_array(rows, sink.schema, sink.options.drop_extra, row_base, start, stop)


def put_frame(sink: Sink, frame: Any, atomic: bool) -> list[Record]:
    """A pandas.DataFrame."""
    from ._pandas import frame_to_table

    if not len(frame):
        return []
    table, records = frame_to_table(frame, sink)
    if table is not None:
        return records if records else put_table(sink, table, atomic)
    return records


def put_table(sink: Sink, table: Any, atomic: bool) -> list[Record]:
    """A pyarrow.Table."""
    if not table.num_rows:
        return []
    if sink.options.coerce:
        from ._coerce import coerced

        table = coerced(table, sink.schema)
    if sink.whole:
        sink.writer.expect(table.num_rows)
    if atomic and _num_chunks(table) > 1:
        records = sink.give(table, stream=True, check=True)
        if records:
            return records
    if sink.progress is not None:
        return _put_with_progress(sink, table)
    return sink.give(table, stream=True)


def _put_with_progress(sink: Sink, table: Any) -> list[Record]:
    failures: list[Record] = []
    base, checking, put = sink.rows, sink.checking, sink.writer.rows_put
    given = 0
    for batch in table.to_batches(max_chunksize=BATCH_STEP):
        sink.rows = base + given
        failures += sink.give(batch, stream=False)
        given += batch.num_rows
        sink.checking = checking or bool(failures)
        if sink.progress is not None:
            sink.progress(base + given)
    sink.rows = base + sink.writer.rows_put - put
    sink.checking = checking
    return merged(failures)


def put_batch(sink: Sink, batch: Any, atomic: bool) -> list[Record]:
    """A pyarrow.RecordBatch, or anything with __arrow_c_array__."""
    if sink.options.coerce:
        from ._coerce import caster

        pa = caster()
        return put_table(sink, pa.Table.from_batches([pa.record_batch(batch)]), atomic)
    return sink.give(batch, stream=False)


def put_stream(sink: Sink, source: Any, atomic: bool) -> list[Record]:
    """Anything with __arrow_c_stream__; what has a length can be looked at first."""
    if atomic and not hasattr(source, "__len__"):
        return _put_held(sink, source, put_stream)
    if sink.options.coerce:
        from ._coerce import caster

        pa = caster()
        reader = pa.RecordBatchReader.from_stream(source)
        if atomic:
            return put_table(sink, reader.read_all(), atomic)
        return put_pieces(sink, reader, atomic)
    if atomic:
        records = sink.give(source, stream=True, check=True)
        if records:
            return records
    return sink.give(source, stream=True)


def put_pieces(sink: Sink, pieces: Any, atomic: bool) -> list[Record]:
    """An iterator of any of the forms. Its exceptions pass as they are.

    After a refused piece the rest is only looked at, so that the records cover everything.
    """
    if atomic:
        return _put_held(sink, pieces, put_pieces)
    sink.whole = False
    failures: list[Record] = []
    base, checking = sink.rows, sink.checking
    put = sink.writer.rows_put
    for piece in pieces:
        begin, seen = sink.rows, sink.writer.rows_seen
        failures += putter_of(piece)(sink, piece, False)
        sink.checking = checking or bool(failures)
        if sink.checking:
            sink.rows = max(sink.rows, begin + _num_rows(piece, sink.writer.rows_seen - seen))
        if sink.progress is not None:
            sink.progress(sink.rows)
    if failures and not checking:
        sink.rows = base + sink.writer.rows_put - put
    sink.checking = checking
    return merged(failures)


def _put_held(sink: Sink, data: Any, put: Put) -> list[Record]:
    """What can be read only once: its rows are set aside until the last one has been judged."""
    writer, before = sink.writer, sink.rows
    writer.hold()
    try:
        records = put(sink, data, False)
    except BaseException:
        writer.drop_held()
        sink.rows = before
        raise
    if records:
        writer.drop_held()
        sink.rows = before
    else:
        writer.put_held()
    return records


def _num_rows(piece: Any, seen: int) -> int:
    """Rows of a piece; what has no length was seen by the engine."""
    rows = getattr(piece, "num_rows", None)
    if isinstance(rows, int):
        return rows
    return len(piece) if hasattr(piece, "__len__") else seen


def _num_chunks(table: Any) -> int:
    return max((table.column(i).num_chunks for i in range(table.num_columns)), default=1)


def putter_of(data: Any) -> Put:
    """The put function for the form of the data."""
    if isinstance(data, (list, tuple)):
        return put_rows
    frame = getattr(sys.modules.get("pandas"), "DataFrame", None)
    if frame is not None and isinstance(data, frame):
        return put_frame
    table = getattr(sys.modules.get("pyarrow"), "Table", None)
    if table is not None and isinstance(data, table):
        return put_table
    reader = getattr(sys.modules.get("pyarrow"), "RecordBatchReader", None)
    if reader is not None and isinstance(data, reader):
        return put_pieces
    batch = getattr(sys.modules.get("pyarrow"), "RecordBatch", None)
    if batch is not None and isinstance(data, batch):
        return put_batch
    if hasattr(data, "__arrow_c_stream__"):
        return put_stream
    if hasattr(data, "__arrow_c_array__"):
        return put_batch
    if hasattr(data, "__next__"):
        return put_pieces
    from ._errors import unsupported_data

    raise unsupported_data(data)
