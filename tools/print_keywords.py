#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of docs/ between their markers: keywords from the package's own tables, formats
from the engine's.

usage: print_keywords.py [--check]     --check: changes nothing, 1 when a page is out of date

Which calls take a keyword, its values, and whether it is built is read from the package. What it means and
the default are said here; a keyword without a meaning, or a meaning without a keyword, is an error.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from py_parquet_forge import _core, _options

DOCS = Path(__file__).resolve().parents[1] / "docs"

# keyword -> (default, meaning). A value that changes nothing is a default.
WRITING = {
    "row_group_size": (1048576, "rows of a row group"),
    "row_group_bytes": (None, "bytes of a row group as Arrow data; what is reached first cuts"),
    "max_rows_per_group": (None, "`row_group_size` under another name"),
    "max_rows_per_file": (None, "rows of a file; more go to further files of the partition"),
    "target_file_bytes": (None, "a file ends when it has about this size"),
    "overwrite_scope": (
        "all",
        "what `mode='overwrite'` replaces: the folder, or only partitions with new rows",
    ),
    "unify": ("strict", "how the schema of an append may differ from the dataset's, see above"),
    "version": (
        "2.6",
        "types to use: `'1.0'` stores uint32 as int64, below `'2.6'` nanoseconds become microseconds",
    ),
    "use_dictionary": (True, "columns that are dictionary-encoded while that pays"),
    "encoding": (
        "PLAIN",
        "of values outside a dictionary; `'auto'`: the smallest of those that are read about as fast as PLAIN",
    ),
    "column_encoding": (None, "encodings by column, in place of a dictionary; one name is for all columns"),
    "use_byte_stream_split": (
        False,
        "columns whose values outside a dictionary are BYTE_STREAM_SPLIT; True: all that can be",
    ),
    "profile": (
        "compatible",
        "`'modern'` changes defaults: `encoding='auto'`, `data_page_version='2.0'`, `compression='zstd'`, "
        "`write_page_index=True`; bounds of floats are in IEEE 754 total order",
    ),
    "compression": (
        "snappy",
        "codec of all columns, or by column; columns not in the dict stay uncompressed",
    ),
    "compression_level": (None, "level of all columns, or by column; None: the codec's own default"),
    "write_statistics": (True, "columns whose chunks record least and greatest value and nulls"),
    "data_page_size": (1048576, "bytes of a page's values before compression"),
    "max_rows_per_page": (20000, "rows of a page"),
    "dictionary_pagesize_limit": (1048576, "bytes of a dictionary; a column that needs more goes on without"),
    "data_page_version": ("1.0", "header of data pages"),
    "store_schema": (True, "keep the Arrow schema in the file's metadata (`ARROW:schema`)"),
    "write_page_checksum": (True, "a CRC-32 in every page header (pyarrow: False)"),
    "use_compliant_nested_type": (True, "lists are `list.element`; False: `list.item`"),
    "write_page_index": (False, "bounds and places of every page, for readers that skip pages"),
    "bloom_filter_options": (
        None,
        "Bloom filters by column: True or `{'fpp': 0.05, 'ndv': 1000}`; without `ndv` as large as the values need",
    ),
    "sorting_columns": (
        None,
        "order of the rows of each row group, as `pyarrow.parquet.SortingColumn`; other rows are an error",
    ),
    "store_decimal_as_integer": (
        False,
        "decimals of up to 9 digits are stored as INT32, of up to 18 as INT64, the others as bytes",
    ),
    "write_time_adjusted_to_utc": (
        False,
        "time columns count from midnight in UTC, as the file says of them",
    ),
    "coerce_timestamps": (None, "unit that timestamps are stored in"),
    "allow_truncated_timestamps": (False, "`coerce_timestamps` may drop digits; otherwise that is an error"),
    "use_deprecated_int96_timestamps": (False, "timestamps as INT96, for readers of long ago"),
    "metadata": (None, "key-value metadata of the file beside the schema's"),
    "if_exists": ("replace", "what to do about a file of that name: `'error'` is a FileExistsError"),
    "durable": (
        True,
        "sync files and folders to the disk; False leaves that to the system, the rename stays",
    ),
    "on_extra": ("error", "columns or keys that the schema lacks"),
    "on_missing": ("error", "nullable columns that the data lacks; `'null'` fills them"),
    "coerce": (False, "also allow what pyarrow's safe cast allows, parsing text among it"),
    "use_threads": (True, "all cores; False: the calling thread alone"),
    "memory_limit": (None, "bytes that the call may hold; None: 80 % of what the process may still use"),
    "progress": (None, "True: a bar on a terminal; a callable gets (done, total or None, `'rows'`)"),
}
READING = {
    "use_threads": WRITING["use_threads"],
    "memory_limit": WRITING["memory_limit"],
    "progress": WRITING["progress"],
    "memory_map": (
        False,
        "map files instead of reading them into buffers; arrays may lie in them, see above",
    ),
    "page_checksum_verification": (True, "compare pages with their CRC-32; False to look anyway"),
    "arrow_extensions_enabled": (
        True,
        "UUID, JSON, VARIANT and geospatial columns under their names as Arrow extension types",
    ),
    "check_utf8": (True, "refuse strings that are not UTF-8; False: hand them out as they are"),
    "ignore_arrow_schema": (
        False,
        "take the columns' types from Parquet alone, not from the key ARROW:schema",
    ),
    "thrift_string_size_limit": (100_000_000, "bytes of one string in a file's metadata"),
    "thrift_container_size_limit": (1_000_000, "elements of one list in a file's metadata"),
    "read_dictionary": (None, "columns handed out dictionary-encoded"),
    "coerce_int96_timestamp_unit": (
        "ns",
        "unit of INT96 timestamps: finer digits are dropped, days beyond its range are an error",
    ),
    "use_pandas_metadata": (
        False,
        "with `columns`, also the columns that are the index of the frame written",
    ),
    "ignore_prefixes": ([".", "_"], "files and folders in a folder that are not looked at; `_x=1/` is data"),
    "partitioning": ("hive", "None: folder names `a=1/` are not columns"),
    "schema": (None, "the columns of the result and their types, see above"),
    "unify": ("strict", "how the schemas of the files may differ, see above"),
}

# ---- what the package says ----

VALUES = {
    "_flag": "True, False",
    "_count": "an integer from 1",
    "_max_rows_per_group": "an integer from 1",
    "_limit": "an integer from 0 (none)",
    "_columns": "True, False, a list of columns",
    "_name_list": "a list of str",
    "_path_list": "a list of columns and paths",
    "_compression": "str, None, dict of column to str",
    "_compression_level": "int, dict of column to int",
    "_bloom_filters": "dict of column to True or dict",
    "_sorting_columns": "a list of SortingColumn",
    "_metadata": "dict of str or bytes",
    "_column_encoding": "str, dict of column to str",
    "_split": "True, False, a list of columns",
    "_schema": "an Arrow schema",
    "_use_threads": "True, False",
    "_progress": "True, False, a callable",
    "_coerce": "True, False",
    "_on_extra": "'error', 'drop'",
    "_use_pandas_metadata": "True, False",
}


def kind_of(handler) -> str:
    """The name of the handler, or of the function that made it."""
    return handler.__qualname__.split(".")[0]


def made_with(handler) -> dict:
    return inspect.getclosurevars(handler).nonlocals


def values_of(handler) -> str:
    if kind_of(handler) == "_choice":
        return ", ".join(map(repr, made_with(handler)["choices"]))
    return VALUES[kind_of(handler)]


def is_built(handler) -> bool:
    return kind_of(handler) not in ("_only", "_hint")


# ---- tables: name -> lines ----


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] * len(head)
    return ["| " + " | ".join(cells) + " |" for cells in [head, rule, *rows]]


def built(handlers: dict, meanings: dict) -> list[str]:
    rows = [
        [f"`{name}`", values_of(handlers[name]), f"`{default!r}`", meaning]
        for name, (default, meaning) in meanings.items()
        if name in handlers
    ]
    return table(["keyword", "values", "default", "meaning"], rows)


def not_built(handlers: dict) -> list[str]:
    rows = []
    for name, handler in handlers.items():
        if kind_of(handler) == "_only":
            accepted = ", ".join(f"`{value!r}`" for value in made_with(handler)["defaults"])
            rows.append([f"`{name}`", accepted])
    return table(["keyword", "accepted"], rows)


def hints(handlers: dict) -> list[str]:
    names = [f"`{name}`" for name, handler in handlers.items() if kind_of(handler) == "_hint"]
    return ["Accepted and of no effect: " + ", ".join(names) + "."]


def features(name: str) -> list[str]:
    words = {True: "yes", False: "no"}
    rows = [[f"`{row}`", words[reads], words[writes]] for row, reads, writes in _core.features(name)]
    return table([name, "read", "written"], rows)


def support() -> list[str]:
    """One row per table of the engine, one column per way of being there."""
    ways = {(True, True): 0, (True, False): 1, (False, False): 2}
    rows = []
    for name in ("codec", "encoding", "logical type"):
        cells: list[list[str]] = [[], [], []]
        for feature, reads, writes in _core.features(name):
            cells[ways[reads, writes]].append(feature)
        rows.append([name + "s", *(", ".join(cell) or "none" for cell in cells)])
    return table(["", "read and written", "read", "neither"], rows)


def without(handlers: dict, others: dict) -> dict:
    return {name: handler for name, handler in handlers.items() if name not in others}


FILE, DATASET, READ = _options._WRITE_FILE, _options._WRITE_DATASET, _options._READ
BOTH = {name: handler for name, handler in FILE.items() if name in DATASET}

TABLES = {
    "writing.md": {
        "all writers": lambda: built(BOTH, WRITING),
        "files": lambda: built(without(FILE, DATASET), WRITING),
        "datasets": lambda: built(without(DATASET, FILE), WRITING),
        "hints": lambda: hints(BOTH),
        "not built": lambda: not_built(BOTH),
        "not built, datasets": lambda: not_built(without(DATASET, FILE)),
    },
    "reading.md": {
        "readers": lambda: built(READ, READING),
        "hints": lambda: hints(READ),
        "not built": lambda: not_built(READ),
    },
    "formats.md": {
        "codecs": lambda: features("codec"),
        "encodings": lambda: features("encoding"),
        "logical types": lambda: features("logical type"),
    },
    "../README.md": {"support": support},
}


def check_meanings(handlers: dict, meanings: dict, page: str) -> None:
    names = {name for name, handler in handlers.items() if is_built(handler)}
    if names != meanings.keys():
        raise SystemExit(f"{page}: a name without its other half: {sorted(names ^ meanings.keys())}")


def with_tables(page: str, text: str) -> str:
    """The text of a page with fresh lines between `<!-- table: name -->` and `<!-- end -->`."""
    for name, lines in TABLES[page].items():
        mark = f"<!-- table: {name} -->\n"
        if text.count(mark) != 1:
            raise SystemExit(f"{page}: the mark {mark.strip()} is not there once")
        before, after = text.split(mark)
        _, end, rest = after.partition("<!-- end -->")
        text = f"{before}{mark}\n" + "\n".join(lines()) + f"\n\n{end}{rest}"
    return text


def main(arguments: list[str]) -> int:
    check_meanings({**FILE, **DATASET}, WRITING, "writing.md")
    check_meanings(READ, READING, "reading.md")
    stale = []
    for page in TABLES:
        path = DOCS / page
        text = path.read_text()
        fresh = with_tables(page, text)
        if fresh == text:
            continue
        stale.append(page)
        if "--check" not in arguments:
            path.write_text(fresh)
    if "--check" not in arguments or not stale:
        return 0
    print(f"out of date: {', '.join(stale)}; python tools/print_keywords.py mends them")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
