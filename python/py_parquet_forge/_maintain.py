# SPDX-License-Identifier: Apache-2.0
"""Keeping files and datasets healthy: metadata read and changed, files merged, datasets compacted."""

from __future__ import annotations

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ._options import Options
    from ._types import PathLike

TARGET_FILE_BYTES = 128 << 20


def _public(error: _core.EngineError) -> Exception:
    from ._errors import public_error

    return public_error(error, writing=True)


# ---- values of statistics ----

NS_PER_US = 1_000
NS_PER_DAY = 86_400_000_000_000


def _decimal(digits: int, scale: int) -> object:
    from decimal import Decimal

    sign = 1 if digits < 0 else 0
    return Decimal((sign, tuple(map(int, str(abs(digits)))), -scale))


def _date(ns: int, scale: int) -> object:
    from datetime import date

    return date.fromordinal(date(1970, 1, 1).toordinal() + ns // NS_PER_DAY)


def _microseconds(ns: int) -> Any:
    from datetime import timedelta

    if ns % NS_PER_US:
        raise OverflowError("nanoseconds")
    return timedelta(microseconds=ns // NS_PER_US)


def _time(ns: int, scale: int) -> object:
    from datetime import datetime

    if not 0 <= ns < NS_PER_DAY:
        raise OverflowError("no time of a day")
    return (datetime(1970, 1, 1) + _microseconds(ns)).time()


def _timestamp(ns: int, scale: int) -> object:
    from datetime import datetime

    return datetime(1970, 1, 1) + _microseconds(ns)


def _instant(ns: int, scale: int) -> object:
    from datetime import datetime, timezone

    return datetime(1970, 1, 1, tzinfo=timezone.utc) + _microseconds(ns)


def _duration(ns: int, scale: int) -> object:
    return _microseconds(ns)


_KINDS: dict[str, Callable[[int, int], object]] = {
    "decimal": _decimal,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "instant": _instant,
    "duration": _duration,
}


def _value(kind: str, number: int, scale: int) -> object:
    """The Python object; what its class cannot hold exactly stays an int of nanoseconds."""
    try:
        return _KINDS[kind](number, scale)
    except (OverflowError, ValueError):
        return number


# ---- reading ----


def read_metadata(path: PathLike | Sequence[PathLike]) -> dict[str, Any]:
    """What Parquet files say about themselves, as dicts and lists of plain Python values.

    Of a file: path, bytes, footer_bytes, num_rows, version, created_by, metadata (key-value pairs),
    columns (the leaves of the schema) and row_groups with their column chunks and statistics. Of a
    folder, a glob or a list: path, num_files, bytes, num_rows, and files with one such record each.
    Only footers are read; of a folder those of one state of it, as read_parquet sees it.
    """
    import os

    from ._paths import absolute, input_paths, is_glob

    where = absolute(path, "path")
    try:
        if isinstance(where, str) and not is_glob(where) and not os.path.isdir(where):
            return {"path": where, **_core.read_metadata(where, _value)}
        paths, root = input_paths(where, None)
        found = _core.read_metadata_of_all(paths, root, _value)
    except _core.EngineError as error:
        from ._errors import public_error

        raise public_error(error, writing=False) from None
    files = [{"path": file, **record} for file, record in found]
    return {
        "path": where,
        "num_files": len(files),
        "bytes": sum(file["bytes"] for file in files),
        "num_rows": sum(file["num_rows"] for file in files),
        "files": files,
    }


# ---- changing ----


def update_metadata(path: PathLike, metadata: Mapping[str, str | None], *, durable: bool = True) -> None:
    """Sets keys of a file's key-value metadata; None removes a key.

    The data is not rewritten: its bytes are copied as they are by the operating system, a new footer
    is put behind them, and the new file takes the name in one step.
    """
    import os

    from ._paths import local_path
    from ._write import _log

    if not isinstance(durable, bool):
        raise ValueError(f"durable must be True or False, not {durable!r}")
    changes = _changes(metadata)
    file = local_path(path, "path")
    if os.path.isdir(file):
        import errno

        raise IsADirectoryError(errno.EISDIR, "update_metadata takes one file, and this is a folder", file)
    try:
        _core.update_metadata(file, changes, durable)
    except _core.EngineError as error:
        raise _public(error) from None
    _log("changed %d keys of the metadata of %s", len(changes), file)


def _changes(metadata: Any) -> dict[str, str | None]:
    from ._options import is_reserved

    try:
        changes: dict[str, str | None] = dict(metadata.items())
    except AttributeError:
        changes = {}
        fits = False
    else:
        fits = all(
            isinstance(key, str) and (value is None or isinstance(value, str))
            for key, value in changes.items()
        )
    if not fits:
        raise ValueError(f"metadata must be a dict of str to str or None, not {metadata!r:.200}")
    for key in changes:
        if is_reserved(key) and key != "ARROW:schema":
            raise ValueError(f"the key {key!r} says how the file is read: it is not changed here")
    return changes


# ---- merging ----


def _engine(options: Options) -> dict[str, Any]:
    if options.progress is None:
        return options.engine
    from ._progress import Progress

    return {**options.engine, "progress": Progress(options.progress)}


def _refuse_inside(files: str | list[str], out: str) -> None:
    """A file among what a folder or a pattern finds would be merged into itself by the next call."""
    import os

    from ._paths import is_glob, pattern_reaches

    folder = os.path.realpath(os.path.dirname(os.path.abspath(out)))
    for path in [files] if isinstance(files, str) else files:
        real = os.path.realpath(path)
        if os.path.isdir(real) and os.path.commonpath([real, folder]) == real:
            what = f"lies inside the input folder {path!r}"
        elif path is files and is_glob(path) and pattern_reaches(path, f"{folder}/{os.path.basename(out)}"):
            what = f"is matched by the pattern {path!r}"
        else:
            continue
        raise ValueError(
            f"out={out!r} {what}, which the next call would read too; "
            "name a file outside of it, or use compact()"
        )


def merge(files: PathLike | Sequence[PathLike], out: PathLike, **kwargs: Any) -> dict[str, int]:
    """Merges files of one schema (a list, a glob or a folder) into one file, atomically.

    Rows keep the order of the files. Large row groups are copied byte for byte, small ones are encoded
    anew into larger ones; recode=True encodes everything. Key-value metadata is kept: every key, with
    the value of the first file that has it. Keywords are those of write_parquet that say how rows are
    encoded, and if_exists, durable, metadata, memory_limit, use_threads, progress.

    Returns counts: files_before, files_after, bytes_before, bytes_after, num_rows, num_row_groups,
    num_row_groups_copied. Raises SchemaValidationError where the files' schemas differ.
    """
    from ._options import merge_options
    from ._paths import absolute, input_paths, local_path
    from ._write import _log

    options = merge_options("merge", kwargs)
    target = local_path(out, "out")
    where = absolute(files)
    _refuse_inside(where, target)
    paths, root = input_paths(where, None)
    try:
        counts = _core.merge(paths, root, target, _engine(options), options.recode)
    except _core.EngineError as error:
        raise _public(error) from None
    if counts["files_after"]:
        _log("merged %d files, %d rows, to %s", counts["files_before"], counts["num_rows"], target)
    return counts


def compact(dir: PathLike, target_file_bytes: int = TARGET_FILE_BYTES, **kwargs: Any) -> dict[str, int]:
    """Merges the small files of a dataset into files near `target_file_bytes`, in one step.

    Files that are neighbours in the listing of a folder are merged, so rows keep the order in which a
    read gives them. Files of half the target and more stay, and so do files of another schema than
    their neighbours. Readers see the old files or the new ones; files that others append meanwhile
    are not touched. Keywords are those of merge but if_exists.

    Returns counts as merge does, over all files of the dataset.
    """
    from ._options import compact_options, positive
    from ._paths import local_path
    from ._write import _log

    options = compact_options("compact", kwargs)
    target = positive("target_file_bytes", target_file_bytes)
    folder = local_path(dir, "dir")
    try:
        counts = _core.compact(folder, _engine(options), target, options.recode)
    except _core.EngineError as error:
        raise _public(error) from None
    _log("compacted %d files to %d in the dataset %s", counts["files_before"], counts["files_after"], folder)
    return counts
