# SPDX-License-Identifier: Apache-2.0
"""Writing: one file, a stream of chunks, a dataset."""

from __future__ import annotations

import sys
from _thread import LockType, allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._input import Sink
    from ._types import InputData, PathLike, PyArrowSchema

MODES = {"append": 0, "overwrite": 1}


def _log(message: str, *args: object) -> None:
    """At INFO; nobody can listen while logging has not been imported."""
    logging = sys.modules.get("logging")
    if logging is not None:
        logging.getLogger("py_parquet_forge").info(message, *args)


def _log_file(sink: Sink, path: str) -> None:
    if sink.skips:
        _log("skipped %s: the file exists", path)
    else:
        _log("wrote %d rows to %s", sink.rows, path)


def write_parquet(data: InputData, output_path: PathLike, schema: PyArrowSchema, **kwargs: Any) -> None:
    """Writes the data to one Parquet file, atomically, under the declared schema.

    Until everything is written and synced nothing stands under `output_path`, and what stood there
    stays. Keywords are those of pyarrow.parquet.write_table, and: if_exists='replace' | 'error' |
    'skip', durable, row_group_bytes, on_extra='error' | 'drop', on_missing='error' | 'null', coerce,
    metadata, memory_limit, use_threads, progress.

    Raises SchemaValidationError when the data does not fit the schema without loss.
    """
    from ._input import Sink, putter_of
    from ._options import file_options
    from ._paths import local_path

    options = file_options("write_parquet", kwargs)
    path = local_path(output_path, "output_path")
    putter_of(data)
    with Sink(path, schema, options) as sink:
        sink.whole = True
        sink.put(data, atomic=False)
    _log_file(sink, path)


BY_COLUMN = (
    "bloom_filter_options",
    "column_encoding",
    "compression",
    "compression_level",
    "use_byte_stream_split",
    "use_dictionary",
    "write_statistics",
)


def _check_settings(kwargs: dict[str, Any], partition_cols: list[str], schema: Any) -> None:
    """Settings of a column that is in no file."""
    for keyword in BY_COLUMN:
        value = kwargs.get(keyword)
        if not isinstance(value, (dict, list, tuple, set, frozenset)):
            continue
        for name in partition_cols:
            if name in value and name in getattr(schema, "names", ()):
                raise ValueError(
                    f"{keyword} names {name!r}, which is a partition column: its values are in the names of "
                    "the folders and not in the files; leave it out"
                )


def write_to_dataset(
    data: InputData,
    output_dir: PathLike,
    schema: PyArrowSchema,
    partition_cols: list[str] | None = None,
    mode: str = "append",
    **kwargs: Any,
) -> None:
    """Writes the data as new files of a dataset: a folder, partitioned by `partition_cols`.

    mode='append' adds files and touches no other; mode='overwrite' replaces the whole folder in one
    step after everything has been written. Keywords are those of write_parquet but if_exists.

    Raises SchemaValidationError when the data does not fit the schema without loss.
    """
    from ._input import Sink, putter_of
    from ._options import dataset_options, names
    from ._paths import local_path

    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"mode must be either 'append' or 'overwrite', not {mode!r}")
    columns = None if partition_cols is None else names("partition_cols", partition_cols)
    if columns and "" in columns:
        raise ValueError("partition_cols holds an empty name; a folder cannot be named after it")
    options = dataset_options("write_to_dataset", kwargs)
    _check_settings(kwargs, columns or [], schema)
    path = local_path(output_dir, "output_dir")
    putter_of(data)
    with Sink(path, schema, options, MODES[mode], columns or None) as sink:
        sink.put(data, atomic=False)
    _log("wrote %d rows to the dataset %s", sink.rows, path)


class ParquetStreamWriter:
    """Streams chunks into one Parquet file; a context manager, used once.

    The file gets its name when the block ends without an exception; otherwise nothing is left and an
    older file of that name stays. Keywords are those of write_parquet.
    """

    def __init__(self, output_path: PathLike, schema: PyArrowSchema, **kwargs: Any) -> None:
        from ._options import file_options
        from ._paths import local_path

        self._options = file_options("ParquetStreamWriter", kwargs)
        self._path = local_path(output_path, "output_path")
        self._schema = schema
        self._sink: Sink | None = None
        self._entered = False
        self._torn: str | None = None
        self._lock = allocate_lock()

    def __enter__(self) -> ParquetStreamWriter:
        from ._input import Sink

        if self._entered:
            raise OSError("Cannot write to a closed writer: a ParquetStreamWriter is used once")
        self._sink = Sink(self._path, self._schema, self._options)
        self._entered = True
        return self

    def write_chunk(self, data: InputData) -> None:
        """Adds rows. A chunk that is refused adds nothing, and the writer can go on.

        Rows of an iterator or a stream that cannot be read twice are set aside until its end, beyond
        some MiB in a temporary file without a name.
        """
        with self._alone():
            sink = self._sink
            if sink is None:
                raise OSError("Cannot write to a closed writer")
            if self._torn is not None:
                raise OSError(self._torn)
            before = sink.rows
            try:
                sink.put(data, atomic=True)
            except BaseException:
                if sink.rows != before:
                    self._torn = "Cannot write to a closed writer: a chunk broke off in the middle"
                raise

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        with self._alone():
            self._close(kind, value, trace)

    def _alone(self) -> LockType:
        """The lock, free to be taken: one call at a time, also further up the same stack."""
        if self._lock.locked():
            raise RuntimeError("the writer is in use by another thread")
        return self._lock

    def _close(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if kind is None and self._torn is not None:
            sink.abort()
            raise OSError(self._torn)
        sink.__exit__(kind, value, trace)
        if kind is None:
            _log_file(sink, self._path)
