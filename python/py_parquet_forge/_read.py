# SPDX-License-Identifier: Apache-2.0
"""Reading: whole, in batches, and the schema alone."""

from __future__ import annotations

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ._filters import Filter
    from ._options import Options
    from ._types import PathLike, PyArrowFilters, PyArrowSchema

    Column = str | tuple[str, ...]

FORMATS = ("pandas", "arrow")
FILTER_STEP = 1 << 17
"""Rows that are judged at a time."""
LONG_ROWS = 1 << 16
"""Batches of fewer rows are imported whole: that is quicker."""
MOST_TRIES = 20
PAUSE_SECONDS = 0.004
"""Between two tries to read a pattern whose files are being replaced."""


def _public(error: _core.EngineError) -> Exception:
    from ._errors import public_error

    return public_error(error, writing=False)


def _pyarrow() -> Any:
    """pyarrow, or None where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        return None
    return pyarrow


# ---- one call ----


class _Request:
    """What one call reads: the open dataset, the columns and the filter."""

    __slots__ = (
        "columns",
        "dataset",
        "filter",
        "options",
        "path",
        "progress",
        "scanned",
        "wanted",
    )

    def __init__(self, call: str, path: Any, columns: Any, filters: Any, kwargs: dict[str, Any]) -> None:
        from ._options import read_options
        from ._paths import absolute

        self.options: Options = read_options(call, kwargs)
        self.progress = None
        if self.options.progress is not None:
            from ._progress import Progress

            self.progress = Progress(self.options.progress)
        self.wanted = _column_list(columns)
        self.columns: list[Column] | None = None
        self.filter: Filter | None = None
        if filters is not None:
            from ._filters import make_filter

            self.filter = make_filter(filters)
        self.path = absolute(path)
        self.scanned = 0
        self.dataset: _core.Dataset = self.patiently(self._open)

    def _open(self) -> _core.Dataset:
        likely = None if self.filter is None else self.filter.predicate
        self.dataset = _open(self.path, self.options, self.progress, likely)
        self.columns = self._checked(self.wanted)
        return self.dataset

    def patiently(self, work: Callable[[], Any]) -> Any:
        """What work() returns; once more where files that matched a pattern have vanished since.

        A folder needs no such patience: the engine reads the state in which it opened it.
        """
        from ._paths import is_glob

        for tries in range(1, MOST_TRIES + 1):
            try:
                if tries > 1:
                    self._open()
                return work()
            except FileNotFoundError as error:
                if isinstance(self.path, list) or not is_glob(self.path):
                    raise
                if error.filename == self.path or tries == MOST_TRIES:
                    raise
                import time

                time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")

    def _checked(self, wanted: list[Column] | None) -> list[Column] | None:
        if wanted is None or not self.options.pandas_metadata:
            return wanted
        from ._pandas import index_columns

        pyarrow = _pyarrow()
        if pyarrow is None:
            raise ImportError("use_pandas_metadata=True with columns needs pyarrow: pip install pyarrow")
        extra = index_columns(pyarrow.schema(self.dataset).metadata)
        return wanted + [name for name in extra if name not in wanted]

    def scan(self, batch_rows: int) -> _core.Stream:
        """Starts to read what is asked for and what the filter needs."""
        dataset, columns, predicate = self.dataset, self.columns, None
        if self.filter is not None:
            predicate = self.filter.predicate
            if predicate is None or not (columns or predicate.paths):
                columns = None
        self.scanned = 0
        try:
            return dataset.scan(columns, predicate, batch_rows, True)
        except _core.EngineError as error:
            raise _public(error) from None

    def result_schema(self, stream: _core.Stream, pyarrow: Any) -> Any:
        """Of what a filtered read hands out of its stream; None: all of it.

        Of no columns one is kept, because tables without columns do not add up their rows.
        """
        if self.columns is None:
            return None
        schema = pyarrow.schema(stream)
        if not self.columns:
            return pyarrow.schema([schema.field(0)])
        assert self.filter is not None
        paths = self.filter.predicate.paths if self.filter.predicate is not None else []
        if any(len(path) > 1 for path in paths) or not set(self.columns) <= set(schema.names):
            return pyarrow.schema(self.dataset.scan(self.columns))
        return pyarrow.schema([schema.field(name) for name in self.columns])


def _column_list(columns: Any) -> list[Column] | None:
    from ._options import column_paths

    if columns is None:
        return None
    result = column_paths("columns", columns)
    if len(set(result)) != len(result):
        twice = next(name for i, name in enumerate(result) if name in result[:i])
        raise ValueError(f"columns names the column {twice!r} twice")
    return result


def _open(
    path: Any, options: Options | None, progress: Any = None, likely: _core.Predicate | None = None
) -> _core.Dataset:
    from ._paths import input_paths

    engine = None
    if options is not None and (options.engine or progress is not None):
        engine = {**options.engine, "progress": progress}
    paths, root = input_paths(path, None if engine is None else engine.get("ignore_prefixes"))
    try:
        return _core.Dataset(paths, engine, root, likely)
    except _core.EngineError as error:
        raise _public(error) from None


# ---- whole ----


def read_parquet(
    input_path: PathLike,
    output_format: str = "pandas",
    columns: Sequence[str | tuple[str, ...]] | None = None,
    filters: PyArrowFilters | None = None,
    **kwargs: Any,
) -> Any:
    """Reads a file, a folder, a glob or a list of files as a pandas.DataFrame or pyarrow.Table.

    columns: names in the order wanted; 'a.b' or ('a', 'b') is the field b in the struct, list or map a.
    filters: a pyarrow.compute expression, or pyarrow's lists of
    (column, operator, value); what partition values and statistics rule out is not read. Keywords
    are those of pyarrow.parquet.read_table, and memory_limit and progress.
    """
    if output_format not in FORMATS:
        raise ValueError(f"output_format must be either 'pandas' or 'arrow', not {output_format!r}")
    request = _Request("read_parquet", input_path, columns, filters, kwargs)
    pyarrow = _pyarrow()
    if pyarrow is None:
        from ._plain import read_plain

        if output_format == "pandas":
            raise ImportError("output_format='pandas' needs pyarrow: pip install pyarrow")
        return request.patiently(lambda: read_plain(request))
    read = _read_whole if request.filter is None else _read_filtered
    table = request.patiently(lambda: read(request, pyarrow))
    if request.progress is not None:
        request.progress.finish(request.scanned)
    if output_format == "arrow":
        return table
    from ._to_pandas import table_to_frame

    mapped = "memory_map" in request.options.engine  # then columns may lie in the file
    return table_to_frame(table, own_memory=not mapped, use_threads=request.options.use_threads)


def _read_whole(request: _Request, pyarrow: Any) -> Any:
    stream = request.scan(0)
    schema = pyarrow.schema(stream)
    batches = []
    try:
        while (batch := stream.next()) is not None:
            request.scanned += batch.num_rows
            batches.append(_import_batch(batch, schema, pyarrow))
    except _core.EngineError as error:
        raise _public(error) from None
    return pyarrow.Table.from_batches(batches, schema=schema)


def _import_batch(batch: _core.BuiltArray, schema: Any, pyarrow: Any) -> Any:
    """All buffers of an array that pyarrow imports live as long as any one of them: long columns are
    imported one by one, so that a column that is kept does not keep the others."""
    if batch.num_rows < LONG_ROWS or not len(schema):
        return pyarrow.record_batch(batch)
    return pyarrow.RecordBatch.from_arrays([pyarrow.array(c) for c in batch.columns()], schema=schema)


def _read_filtered(request: _Request, pyarrow: Any) -> Any:
    stream = request.scan(FILTER_STEP)
    try:
        table = pyarrow.concat_tables(_filtered_tables(request, stream, pyarrow))
    except _core.EngineError as error:
        raise _public(error) from None
    return table.select([]) if request.columns == [] else table


class _OwnDictionaries:
    """Gives filtered rows dictionaries of their own.

    All buffers of an imported batch live as long as any one of them: a few surviving rows that share the
    dictionary of their batch would keep the whole batch in memory.
    """

    def __init__(self, pyarrow: Any) -> None:
        self.pyarrow = pyarrow
        self.copies: dict[int, Any] = {}

    def detach(self, table: Any) -> Any:
        for i, field in enumerate(table.schema):
            if self.pyarrow.types.is_dictionary(field.type):
                chunks = [self._own(i, chunk) for chunk in table.column(i).chunks]
                table = table.set_column(i, field, self.pyarrow.chunked_array(chunks, field.type))
        return table

    def _own(self, i: int, chunk: Any) -> Any:
        copy = self.copies.get(i)
        if copy is None or not copy.equals(chunk.dictionary):
            shared = chunk.dictionary
            copy = self.copies[i] = self.pyarrow.concat_arrays([shared, shared.slice(0, 0)])
        return self.pyarrow.DictionaryArray.from_arrays(chunk.indices, copy, ordered=chunk.type.ordered)


def _filtered_tables(request: _Request, stream: _core.Stream, pyarrow: Any) -> Iterator[Any]:
    """The rows that satisfy the filter, of the columns asked for; at least one table."""
    judge = request.filter
    assert judge is not None
    wanted = request.result_schema(stream, pyarrow)
    dictionaries = _OwnDictionaries(pyarrow)
    empty = True
    while (batch := stream.next()) is not None:
        request.scanned += batch.num_rows
        table = judge.rows(pyarrow.Table.from_batches([pyarrow.record_batch(batch)]))
        if table.num_rows:
            empty = False
            yield dictionaries.detach(_cut(table, wanted, pyarrow))
        if request.progress is not None:
            request.progress(request.scanned)
    if empty:
        yield _cut(judge.rows(pyarrow.schema(stream).empty_table()), wanted, pyarrow)


def _cut(table: Any, wanted: Any, pyarrow: Any) -> Any:
    """The columns of a schema, without the fields of structs that the filter alone needed."""
    if wanted is None:
        return table
    table = table.select(wanted.names)
    for i, field in enumerate(wanted):
        if table.schema.field(i).type != field.type:
            chunks = [_cut_array(chunk, field.type, pyarrow) for chunk in table.column(i).chunks]
            table = table.set_column(i, field, pyarrow.chunked_array(chunks, field.type))
    return table


def _cut_array(array: Any, wanted: Any, pyarrow: Any) -> Any:
    if array.type == wanted:
        return array
    if not pyarrow.types.is_struct(wanted):
        return array.cast(wanted)
    children = [_cut_array(array.field(array.type.get_field_index(f.name)), f.type, pyarrow) for f in wanted]
    return pyarrow.StructArray.from_arrays(children, fields=list(wanted), mask=array.is_null())


# ---- in batches ----


def read_parquet_iter(
    input_path: PathLike,
    chunk_size: int = 100_000,
    columns: Sequence[str | tuple[str, ...]] | None = None,
    filters: PyArrowFilters | None = None,
    **kwargs: Any,
) -> Iterator[Any]:
    """Yields pyarrow.RecordBatches of exactly `chunk_size` rows, the last one with the rest.

    Memory is bounded by the batch, whatever the size of files and row groups. Arguments are checked at
    the call; the iterator has close(). Otherwise as read_parquet.
    """
    from ._options import positive

    size = positive("chunk_size", chunk_size)
    request = _Request("read_parquet_iter", input_path, columns, filters, kwargs)
    iterate = _iterate if request.filter is None else _iterate_filtered
    rows = size if request.filter is None else min(size, FILTER_STEP)
    return iterate(request, request.scan(rows), size, _pyarrow())


def _iterate(request: _Request, stream: _core.Stream, size: int, pyarrow: Any) -> Iterator[Any]:
    try:
        while (batch := stream.next()) is not None:
            request.scanned += batch.num_rows
            if request.progress is not None:
                request.progress(request.scanned)
            yield batch if pyarrow is None else pyarrow.record_batch(batch)
    except _core.EngineError as error:
        raise _public(error) from None
    finally:
        stream.close()
    if request.progress is not None:
        request.progress.finish(request.scanned)


def _iterate_filtered(request: _Request, stream: _core.Stream, size: int, pyarrow: Any) -> Iterator[Any]:
    """Collects judged rows until there are `size` of them."""
    rows = 0
    waiting: list[Any] = []
    try:
        for table in _filtered_tables(request, stream, pyarrow):
            waiting.append(table)
            rows += table.num_rows
            while rows >= size:
                whole = pyarrow.concat_tables(waiting)
                yield _as_batch(whole.slice(0, size), request.columns)
                waiting = [whole.slice(size)]
                rows -= size
    except _core.EngineError as error:
        raise _public(error) from None
    finally:
        stream.close()
    if rows:
        yield _as_batch(pyarrow.concat_tables(waiting), request.columns)
    if request.progress is not None:
        request.progress.finish(request.scanned)


def _as_batch(table: Any, columns: list[Column] | None) -> Any:
    """The rows of a table as one batch."""
    batch = table.combine_chunks().to_batches()[0]
    return batch.select([]) if columns == [] else batch


# ---- schema ----


def inspect_schema(path: PathLike, **kwargs: Any) -> PyArrowSchema:
    """The Arrow schema of a file or a dataset; no data is read, but the footer of every file.

    Files whose schemas differ are refused as read_parquet refuses them. Keywords are those of
    read_parquet that the schema depends on: unify, partitioning, ignore_prefixes, read_dictionary,
    coerce_int96_timestamp_unit.
    """
    from ._options import inspect_options
    from ._paths import absolute

    options = inspect_options("inspect_schema", kwargs)
    dataset = _open(absolute(path, "path"), options)
    if len(dataset.files) > 1 and not options.engine.get("unify"):
        try:
            dataset.count_rows()  # looks at every file
        except _core.EngineError as error:
            raise _public(error) from None
    pyarrow = _pyarrow()
    if pyarrow is None:
        return dataset
    schema: PyArrowSchema = pyarrow.schema(dataset)
    return schema
