# SPDX-License-Identifier: Apache-2.0
"""Keyword arguments: one table row per name, checked here and translated to the engine's options.

Names and meanings are pyarrow's. A name of pyarrow's signatures that is not built accepts the value
that changes nothing and is a NotImplementedError otherwise; any other name is a TypeError.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    Handler: TypeAlias = Callable[["Options", str, Any], None]


class Options:
    """What a call was asked: the engine's part and the package's."""

    __slots__ = (
        "coerce",
        "drop_extra",
        "engine",
        "max_rows_per_group",
        "pandas_metadata",
        "progress",
        "recode",
        "use_threads",
    )

    def __init__(self) -> None:
        self.engine: dict[str, Any] = {}
        self.coerce = False
        self.drop_extra = False
        self.max_rows_per_group: int | None = None
        self.pandas_metadata = False
        self.progress: Any = None
        self.recode = False
        self.use_threads = True


# ---- checks of values ----


def _bad(name: str, expected: str, value: object) -> ValueError:
    return ValueError(f"{name} must be {expected}, not {value!r}")


def _bool(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _bad(name, "True or False", value)
    return value


def positive(name: str, value: object) -> int:
    """The value as an int of at least 1."""
    try:
        number = value.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        raise _bad(name, "an integer", value) from None
    if isinstance(value, bool) or number < 1:
        raise _bad(name, "an integer of at least 1", value)
    if number > 2**63 - 1:
        raise _bad(name, "below 2**63", value)
    return int(number)


def names(name: str, value: object) -> list[str]:
    """The value as a list of str; a str alone is a mistake."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise _bad(name, "a list of column names", value)
    result = list(value)
    for item in result:
        if not isinstance(item, str):
            raise _bad(name, "a list of column names", value)
    return result


def column_paths(name: str, value: object) -> list[str | tuple[str, ...]]:
    """The value as a list of names and of tuples of names; a tuple of one is that name."""
    what = "a list of column names and of tuples of names"
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise _bad(name, what, value)
    result: list[str | tuple[str, ...]] = []
    for item in value:
        path = (item,) if isinstance(item, str) else item
        if not isinstance(path, tuple) or not path or not all(isinstance(part, str) for part in path):
            raise _bad(name, what, value)
        result.append(path if len(path) > 1 else path[0])
    return result


# ---- handlers: how a kind of keyword reaches the engine ----


def _flag(option: str, *, when: bool) -> Handler:
    def put(options: Options, name: str, value: Any) -> None:
        if _bool(name, value) is when:
            options.engine[option] = True

    return put


def _count(option: str) -> Handler:
    def put(options: Options, name: str, value: Any) -> None:
        if value is not None:
            options.engine[option] = positive(name, value)

    return put


def _limit(option: str) -> Handler:
    """As pyarrow's max_rows_per_file: 0 means that there is no limit."""

    def put(options: Options, name: str, value: Any) -> None:
        if value is None or value == 0:
            return
        try:
            options.engine[option] = positive(name, value)
        except ValueError:
            raise _bad(name, "an integer of at least 1, or 0 for no limit", value) from None

    return put


def _max_rows_per_group(options: Options, name: str, value: Any) -> None:
    """pyarrow's name in write_dataset for row_group_size."""
    if value is not None:
        options.max_rows_per_group = positive(name, value)


def _choice(option: str, choices: dict[Any, Any]) -> Handler:
    def put(options: Options, name: str, value: Any) -> None:
        try:
            chosen = choices[value]
        except (KeyError, TypeError):
            known = ", ".join(map(repr, choices))
            raise _bad(name, f"one of {known}", value) from None
        if chosen is not None:
            options.engine[option] = chosen

    return put


def _columns(none_option: str, columns_option: str) -> Handler:
    """True: all, False: none, a list: those."""

    def put(options: Options, name: str, value: Any) -> None:
        if value is False:
            options.engine[none_option] = True
        elif value is not True and value is not None:
            options.engine[columns_option] = names(name, value)

    return put


def _name_list(option: str) -> Handler:
    def put(options: Options, name: str, value: Any) -> None:
        if value is not None:
            options.engine[option] = names(name, value)

    return put


def _path_list(option: str) -> Handler:
    def put(options: Options, name: str, value: Any) -> None:
        if value is not None:
            paths = column_paths(name, value)
            options.engine[option] = [path if isinstance(path, str) else ".".join(path) for path in paths]

    return put


def _hint(options: Options, name: str, value: Any) -> None:
    """A hint that may be ignored."""


def _only(*defaults: Any) -> Handler:
    """Not built: the defaults change nothing, anything else would."""

    def put(options: Options, name: str, value: Any) -> None:
        if not any(value is default or value == default for default in defaults):
            raise NotImplementedError(f"the keyword {name}= is not built yet")

    return put


_CODECS = ("none", "snappy", "gzip", "brotli", "lz4", "zstd")


def _codec(name: str, value: object) -> str:
    if value is None:
        return "none"
    if not isinstance(value, str):
        raise _bad(name, "the name of a codec", value)
    codec = {"uncompressed": "none", "lz4_raw": "lz4"}.get(value.lower(), value.lower())
    if codec not in _CODECS:
        raise NotImplementedError(
            f"{name}={value!r}: this codec is not built; there are {', '.join(_CODECS)}"
        )
    return codec


def _compression(options: Options, name: str, value: Any) -> None:
    if isinstance(value, dict):  # pyarrow leaves columns that are not named uncompressed
        options.engine["compression"] = "none"
        options.engine["column_compression"] = {
            column: _codec(name, codec) for column, codec in value.items()
        }
    else:
        options.engine["compression"] = _codec(name, value)


def _level(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _bad(name, "an integer, or a dict of them by column", value)
    return value


def _compression_level(options: Options, name: str, value: Any) -> None:
    if isinstance(value, dict):
        options.engine["column_compression_level"] = {
            column: str(_level(name, level)) for column, level in value.items()
        }
    elif value is not None:
        options.engine["compression_level"] = _level(name, value)
        options.engine["has_compression_level"] = True


def _bloom_filter(options: Options, name: str, column: str, value: object) -> None:
    what = {} if value is True else value
    if not isinstance(what, dict) or not what.keys() <= {"ndv", "fpp"}:
        raise _bad(f"{name}[{column!r}]", "True, False or a dict with the keys 'ndv' and 'fpp'", value)
    fpp = what.get("fpp", 0.05)
    if isinstance(fpp, bool) or not isinstance(fpp, (int, float)) or not 0 < fpp < 1:
        raise _bad(f"{name}[{column!r}]['fpp']", "a number above 0 and below 1", fpp)
    options.engine.setdefault("column_bloom_fpp", {})[column] = repr(float(fpp))
    if "ndv" in what:
        ndv = positive(f"{name}[{column!r}]['ndv']", what["ndv"])
        options.engine.setdefault("column_bloom_distinct", {})[column] = str(ndv)


def _bloom_filters(options: Options, name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(column, str) for column in value):
        raise _bad(name, "a dict of column to True or to a dict with the keys 'ndv' and 'fpp'", value)
    for column, what in value.items():
        if what is not False:
            _bloom_filter(options, name, column, what)


def _sorting_columns(options: Options, name: str, value: Any) -> None:
    if value is None:
        return
    try:
        options.engine["sorting"] = [
            (column.column_index, column.descending, column.nulls_first) for column in value
        ]
    except (AttributeError, TypeError):
        raise _bad(name, "a list of pyarrow.parquet.SortingColumn", value) from None


def _encoding(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _bad(name, "the name of an encoding, or a dict of them by column", value)
    return value if value == "auto" else value.upper()


def _column_encoding(options: Options, name: str, value: Any) -> None:
    if isinstance(value, dict):
        options.engine["column_encoding"] = {
            column: _encoding(name, encoding) for column, encoding in value.items()
        }
    elif value is not None:
        encoding = _encoding(name, value)
        options.engine["encoding"] = encoding
        if encoding not in ("auto", "PLAIN_DICTIONARY", "RLE_DICTIONARY"):
            options.engine["no_dictionary"] = True


def _split(options: Options, name: str, value: Any) -> None:
    if isinstance(value, bool):
        options.engine["byte_stream_split"] = value
    else:
        options.engine["byte_stream_split_columns"] = names(name, value)


def is_reserved(key: str | bytes) -> bool:
    """Keys of a file's metadata that say how to read it."""
    text = key.decode(errors="replace") if isinstance(key, bytes) else key
    return text == "ARROW:schema" or text.startswith("parquet_forge:")


def _metadata(options: Options, name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or not all(
        isinstance(text, (str, bytes)) for pair in value.items() for text in pair
    ):
        raise _bad(name, "a dict of str to str", value)
    for key in value:
        if is_reserved(key):
            raise ValueError(f"{name} must not have the key {key!r}, the library's own: leave it out")
    options.engine["metadata"] = value


def _schema(options: Options, name: str, value: Any) -> None:
    if value is None:
        return
    if not hasattr(value, "__arrow_c_schema__"):
        raise _bad(name, "a pyarrow.Schema or another object with __arrow_c_schema__", value)
    options.engine[name] = value


def _use_threads(options: Options, name: str, value: Any) -> None:
    options.use_threads = value is None or _bool(name, value)
    if not options.use_threads:
        options.engine["num_threads"] = 1


def _progress(options: Options, name: str, value: Any) -> None:
    if value is not None and not isinstance(value, bool) and not callable(value):
        raise _bad(name, "True, False or a callable(done, total, unit)", value)
    options.progress = value or None


def _coerce(options: Options, name: str, value: Any) -> None:
    options.coerce = _bool(name, value)


def _on_extra(options: Options, name: str, value: Any) -> None:
    _choice("drop_extra", {"error": None, "drop": True})(options, name, value)
    options.drop_extra = value == "drop"


def _use_pandas_metadata(options: Options, name: str, value: Any) -> None:
    options.pandas_metadata = _bool(name, value)


def _recode(options: Options, name: str, value: Any) -> None:
    options.recode = _bool(name, value)


# ---- the tables ----

_ANY_CALL: dict[str, Handler] = {
    "use_threads": _use_threads,
    "memory_limit": _count("memory_limit"),
    "progress": _progress,
    "filesystem": _only(None),
}

_WRITE: dict[str, Handler] = {
    **_ANY_CALL,
    "row_group_size": _count("row_group_rows"),
    "row_group_bytes": _count("row_group_bytes"),
    "version": _choice("version", {"1.0": "1.0", "2.4": "2.4", "2.6": "2.6"}),
    "use_dictionary": _columns("no_dictionary", "dictionary_columns"),
    "encoding": _choice("encoding", {"PLAIN": "PLAIN", "auto": "auto"}),
    "column_encoding": _column_encoding,
    "use_byte_stream_split": _split,
    "profile": _choice("profile", {"compatible": None, "modern": "modern"}),
    "compression": _compression,
    "compression_level": _compression_level,
    "write_statistics": _columns("no_statistics", "statistics_columns"),
    "data_page_size": _count("data_page_bytes"),
    "max_rows_per_page": _count("page_rows"),
    "dictionary_pagesize_limit": _count("dictionary_page_bytes"),
    "data_page_version": _choice("data_page_version", {"1.0": 1, "2.0": 2}),
    "store_schema": _flag("no_store_schema", when=False),
    "write_page_checksum": _flag("no_page_checksums", when=False),
    "use_compliant_nested_type": _flag("legacy_list_names", when=False),
    "coerce_timestamps": _choice("coerce_timestamps", {None: None, "ms": "ms", "us": "us"}),
    "allow_truncated_timestamps": _flag("allow_truncated_timestamps", when=True),
    "use_deprecated_int96_timestamps": _choice("int96_timestamps", {None: None, False: None, True: True}),
    "metadata": _metadata,
    "durable": _flag("not_durable", when=False),
    "on_extra": _on_extra,
    "on_missing": _choice("null_missing", {"error": None, "null": True}),
    "coerce": _coerce,
    "write_batch_size": _hint,
    "writer_engine_version": _hint,
    "write_page_index": _flag("page_index", when=True),
    "sorting_columns": _sorting_columns,
    "store_decimal_as_integer": _flag("integer_decimals", when=True),
    "write_time_adjusted_to_utc": _flag("utc_times", when=True),
    "bloom_filter_options": _bloom_filters,
    "encryption_properties": _only(None),
    "use_content_defined_chunking": _only(False),
    "flavor": _only(None),
}

_WRITE_FILE: dict[str, Handler] = {
    **_WRITE,
    "if_exists": _choice("if_exists", {"replace": 0, "error": 1, "skip": 2}),
}

_WRITE_DATASET: dict[str, Handler] = {
    **_WRITE,
    "max_rows_per_file": _limit("max_rows_per_file"),
    "target_file_bytes": _count("target_file_bytes"),
    "unify": _choice("unify", {None: None, "strict": None, "add": 1, "widen": 2}),
    "overwrite_scope": _choice("scope", {"all": None, "partitions": 1}),
    "partitioning": _only(None),
    "use_legacy_dataset": _only(None, False),
    "basename_template": _only(None),
    "file_visitor": _only(None),
    "metadata_collector": _only(None),
    "existing_data_behavior": _only(None),
    "format": _only(None, "parquet"),
    "file_options": _only(None),
    "max_partitions": _only(None),
    "max_open_files": _only(None),
    "min_rows_per_group": _only(None, 0),
    "max_rows_per_group": _max_rows_per_group,
    "create_dir": _only(True),
    "preserve_order": _only(True),
}

_RECODE: dict[str, Handler] = {
    **_ANY_CALL,
    **{
        name: _WRITE[name]
        for name in (
            "row_group_size",
            "row_group_bytes",
            "version",
            "use_dictionary",
            "compression",
            "compression_level",
            "write_statistics",
            "data_page_size",
            "max_rows_per_page",
            "dictionary_pagesize_limit",
            "data_page_version",
            "write_page_checksum",
            "write_page_index",
            "bloom_filter_options",
            "metadata",
            "durable",
        )
    },
}
"""Keywords that hold for rows which come from files: there is no schema to conform to."""

_MERGE: dict[str, Handler] = {**_RECODE, "if_exists": _WRITE_FILE["if_exists"], "recode": _recode}

_COMPACT: dict[str, Handler] = {**_RECODE, "recode": _recode}

_READ: dict[str, Handler] = {
    **_ANY_CALL,
    "memory_map": _flag("memory_map", when=True),
    "page_checksum_verification": _flag("skip_page_checksums", when=False),
    "ignore_arrow_schema": _flag("ignore_arrow_schema", when=True),
    "thrift_string_size_limit": _count("thrift_string_limit"),
    "thrift_container_size_limit": _count("thrift_container_limit"),
    "read_dictionary": _path_list("read_dictionary"),
    "coerce_int96_timestamp_unit": _choice(
        "int96_unit", {None: None, "s": "s", "ms": "ms", "us": "us", "ns": "ns"}
    ),
    "use_pandas_metadata": _use_pandas_metadata,
    "ignore_prefixes": _name_list("ignore_prefixes"),
    "partitioning": _choice("no_partitions", {"hive": None, None: True}),
    "pre_buffer": _hint,
    "buffer_size": _hint,
    "schema": _schema,
    "unify": _choice("unify", {None: None, "strict": None, "add": 1, "widen": 2}),
    "binary_type": _only(None),
    "list_type": _only(None),
    "arrow_extensions_enabled": _flag("no_extension_types", when=False),
    "check_utf8": _flag("no_utf8_check", when=False),
    "schema_depth_limit": _only(None),
    "use_legacy_dataset": _only(None, False),
    "metadata": _only(None),
    "common_metadata": _only(None),
    "decryption_properties": _only(None),
    "row_groups": _only(None),
}

_INSPECT: dict[str, Handler] = {
    name: _READ[name]
    for name in (
        "unify",
        "partitioning",
        "ignore_prefixes",
        "read_dictionary",
        "coerce_int96_timestamp_unit",
        "arrow_extensions_enabled",
    )
}
"""Keywords of reading that the schema depends on."""


def _unknown(call: str, name: str, known: Iterable[str]) -> TypeError:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{call}() got an unexpected keyword argument {name!r}{hint}")


def _read_table(call: str, table: dict[str, Handler], kwargs: dict[str, Any]) -> Options:
    options = Options()
    for name, value in kwargs.items():
        handler = table.get(name)
        if handler is None:
            raise _unknown(call, name, table)
        handler(options, name, value)
    return options


def file_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of write_parquet and ParquetStreamWriter."""
    return _read_table(call, _WRITE_FILE, kwargs)


def dataset_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of write_to_dataset."""
    options = _read_table(call, _WRITE_DATASET, kwargs)
    rows = options.max_rows_per_group
    if rows is not None and options.engine.setdefault("row_group_rows", rows) != rows:
        raise ValueError(
            f"max_rows_per_group is another name of row_group_size: they are {rows} and "
            f"{options.engine['row_group_rows']}; give one of them"
        )
    return options


def read_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of read_parquet and read_parquet_iter."""
    return _read_table(call, _READ, kwargs)


def inspect_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of inspect_schema."""
    return _read_table(call, _INSPECT, kwargs)


def merge_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of merge."""
    return _read_table(call, _MERGE, kwargs)


def compact_options(call: str, kwargs: dict[str, Any]) -> Options:
    """Keywords of compact."""
    return _read_table(call, _COMPACT, kwargs)
