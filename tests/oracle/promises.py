# SPDX-License-Identifier: Apache-2.0
"""What metadata promises about data, checked against the data.

`broken(table)` lists every promise of a file that its values do not keep: statistics of chunks and
pages, page index, size statistics, Bloom filters, lists of encodings, sorting columns. The rules are
the comments of parquet.thrift on Statistics, SizeStatistics, ColumnOrder, OffsetIndex, ColumnIndex,
ColumnMetaData, SortingColumn, and BloomFilter.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from . import Table, encodings, footer, indexes, logical
from .encodings import Physical, of_plain_bytes, to_plain_bytes
from .footer import ColumnIndex, File, Node, SizeStatistics, Statistics
from .indexes import Key
from .pages import Chunk, Page


def broken(table: Table) -> list[str]:
    found = list(table.file.remarks)
    for group, chunks in enumerate(table.chunks):
        for chunk in chunks:
            where = f"row group {group}, {'.'.join(chunk.leaf.path)}"
            found += [f"{where}: {text}" for text in _of_chunk(table.file, group, chunk)]
        found += [f"row group {group}: {text}" for text in _of_group(table.file, group, chunks)]
    return found


def _of_chunk(file: File, group: int, chunk: Chunk) -> Iterator[str]:
    key = indexes.sort_key(file, chunk.leaf)
    yield from _encodings(chunk)
    if chunk.meta.statistics is not None:
        for text in _statistics(chunk.meta.statistics, chunk.leaf, chunk.pages, key):
            yield f"statistics: {text}"
    for number, page in enumerate(chunk.pages):
        if page.statistics is not None:
            for text in _statistics(page.statistics, chunk.leaf, [page], key):
                yield f"statistics of page {number}: {text}"
    if chunk.meta.size_statistics is not None:
        yield from _size_statistics(chunk.meta.size_statistics, chunk)
    yield from _offset_index(file, group, chunk)
    yield from _column_index(file, group, chunk, key)
    yield from _bloom_filter(file, group, chunk)


def _encodings(chunk: Chunk) -> Iterator[str]:
    """`encodings` has all that is used; `encoding_stats` counts pages."""
    every = [*([chunk.dictionary] if chunk.dictionary else []), *chunk.pages]
    missing = {page.encoding for page in every} - set(chunk.meta.encodings)
    if missing:
        yield f"encodings lacks {[encodings.NAMES[i] for i in missing]}"
    if chunk.meta.encoding_stats is not None:
        counted: dict[tuple[int, int], int] = {}
        for page in every:
            pair = page.header.type, page.encoding
            counted[pair] = counted.get(pair, 0) + 1
        said = {(s.page_type, s.encoding): s.count for s in chunk.meta.encoding_stats if s.count}
        if said != counted:
            yield f"encoding_stats {said}, pages {counted}"


# -------------------------------------------------------------------------------- statistics


def _statistics(said: Statistics, leaf: Node, pages: list[Page], key: Key | None) -> Iterator[str]:
    values = [value for page in pages for value in page.values]
    nulls = sum(len(page.definition) - len(page.values) for page in pages)
    if said.null_count not in (None, nulls):
        yield f"null_count {said.null_count}, {nulls} in the data"
    if said.distinct_count not in (None, len(set(values))):
        yield f"distinct_count {said.distinct_count}, {len(set(values))} in the data"
    yield from _nan_count(said.nan_count, leaf, values)
    if key is None:
        return
    yield from _bounds(said.min_value, said.max_value, leaf, values, key)
    exact = ((said.is_min_value_exact, said.min_value, min), (said.is_max_value_exact, said.max_value, max))
    keys = indexes.values_in_order(leaf, key, values)
    for flag, bound, of in exact:
        if flag and bound is not None and keys and key(of_plain_bytes(leaf, bound)) != of(keys):
            yield f"the {of.__name__} is called exact and is not"
    signed = leaf.type in (footer.BOOLEAN, footer.INT32, footer.INT64, footer.FLOAT, footer.DOUBLE)
    if signed:  # the old fields: signed order, whatever the logical type
        old: Key = indexes.number_of(leaf) or (lambda value: value)
        yield from _bounds(said.min, said.max, leaf, values, old, "old ")


def _nan_count(said: int | None, leaf: Node, values: list[Physical]) -> Iterator[str]:
    number = indexes.number_of(leaf)
    if said is None:
        return
    if number is None:
        yield "nan_count of a column that has no floats"
        return
    nans = sum(number(v) != number(v) for v in values if isinstance(v, bytes))
    if said != nans:
        yield f"nan_count {said}, {nans} in the data"


def _bounds(
    low: bytes | None, high: bytes | None, leaf: Node, values: list[Physical], key: Key, what: str = ""
) -> Iterator[str]:
    """No value below the least, none above the greatest; no NaN; -0 as least zero, +0 as greatest."""
    number = indexes.number_of(leaf)
    keys = indexes.values_in_order(leaf, key, values)
    for bound, name in ((low, "min"), (high, "max")):
        if bound is None:
            continue
        limit = key(of_plain_bytes(leaf, bound))
        if not _is_valid(leaf, bound):
            yield f"{what}{name} {bound!r} is no valid value of the column's logical type"
        if number and number(bound) != number(bound) and (limit is None or not _all_nan(leaf, values)):
            yield f"{what}{name} is NaN"
        elif keys and (min(keys) < limit if name == "min" else max(keys) > limit):
            yield f"{what}{name} {bound!r}, but {min(keys)!r} to {max(keys)!r} in the data"
        elif number and not what and limit == 0 and key is not indexes.total_order:
            if bool(bound[-1] & 0x80) != (name == "min"):
                yield f"{what}{name} is zero of the wrong sign"


def _is_valid(leaf: Node, bound: bytes) -> bool:
    """A bound that was cut must still be a value: UTF-8 where the column's values are."""
    try:
        logical.converter(leaf)(of_plain_bytes(leaf, bound))
    except UnicodeDecodeError:
        return False
    return True


def _all_nan(leaf: Node, values: list[Physical]) -> bool:
    number = indexes.number_of(leaf)
    return number is not None and all(number(v) != number(v) for v in values if isinstance(v, bytes))


def _histogram(levels: list[int], highest: int) -> list[int]:
    return [levels.count(level) for level in range(highest + 1)]


def _stored_bytes(values: list[Physical]) -> int:
    return sum(len(value) for value in values if isinstance(value, bytes))


def _size_statistics(said: SizeStatistics, chunk: Chunk) -> Iterator[str]:
    leaf = chunk.leaf
    if said.unencoded_byte_array_data_bytes is not None:
        if leaf.type != footer.BYTE_ARRAY:
            yield "unencoded_byte_array_data_bytes of a column that has no byte arrays"
        elif said.unencoded_byte_array_data_bytes != _stored_bytes(chunk.values):
            yield f"unencoded_byte_array_data_bytes is not {_stored_bytes(chunk.values)}"
    levels = [level for page in chunk.pages for level in page.repetition]
    if said.repetition_level_histogram not in (None, [], _histogram(levels, leaf.repetition)):
        yield f"repetition_level_histogram {said.repetition_level_histogram}"
    levels = [level for page in chunk.pages for level in page.definition]
    if said.definition_level_histogram not in (None, [], _histogram(levels, leaf.definition)):
        yield f"definition_level_histogram {said.definition_level_histogram}"


# -------------------------------------------------------------------------------- page index


def _offset_index(file: File, group: int, chunk: Chunk) -> Iterator[str]:
    index = indexes.offset_index(file, group, chunk.leaf.column)
    if index is None:
        return
    row = 0
    real = []
    for page in chunk.pages:
        real.append((page.offset, page.size, row))
        row += page.rows
        if page.repetition[:1] not in ([], [0]):
            yield f"the page at {page.offset} begins within a row"
    said = [(p.offset, p.compressed_page_size, p.first_row_index) for p in index.page_locations]
    if said != real:
        yield f"page_locations {said[:3]}, pages {real[:3]} (first three)"
    if any(a[2] >= b[2] for a, b in itertools.pairwise(said)):
        yield "first_row_index does not grow"
    sizes = index.unencoded_byte_array_data_bytes
    if sizes is not None and sizes != [_stored_bytes(page.values) for page in chunk.pages]:
        yield f"unencoded_byte_array_data_bytes of pages {sizes[:3]}"


def _column_index(file: File, group: int, chunk: Chunk, key: Key | None) -> Iterator[str]:
    index = indexes.column_index(file, group, chunk.leaf.column)
    if index is None:
        return
    if indexes.offset_index(file, group, chunk.leaf.column) is None:
        yield "a column index without an offset index"
    pages, leaf = chunk.pages, chunk.leaf
    lengths = {len(index.null_pages), len(index.min_values), len(index.max_values), len(pages)}
    if len(lengths) != 1:
        yield f"lists of {lengths} entries in the column index"
        return
    if key is None:
        yield "a column index of a column that has no order"
        return
    if index.null_pages != [not page.values for page in pages]:
        yield f"null_pages {index.null_pages}"
    nulls = [len(page.definition) - len(page.values) for page in pages]
    if index.null_counts not in (None, nulls):
        yield f"null_counts {index.null_counts}, {nulls} in the data"
    for number, page in enumerate(pages):
        yield from _page_bounds(index, number, leaf, page, key)
    yield from _histograms(index, chunk)
    yield from _boundary_order(index, leaf, key)


def _page_bounds(index: ColumnIndex, number: int, leaf: Node, page: Page, key: Key) -> Iterator[str]:
    low, high = index.min_values[number], index.max_values[number]
    if index.null_pages[number]:
        if low or high:
            yield f"page {number} is null and has bounds"
        return
    for text in _bounds(low, high, leaf, page.values, key):
        yield f"page {number}: {text}"
    if index.nan_counts is not None:
        for text in _nan_count(index.nan_counts[number], leaf, page.values):
            yield f"page {number}: {text}"


def _histograms(index: ColumnIndex, chunk: Chunk) -> Iterator[str]:
    leaf = chunk.leaf
    repetition = [n for page in chunk.pages for n in _histogram(page.repetition, leaf.repetition)]
    definition = [n for page in chunk.pages for n in _histogram(page.definition, leaf.definition)]
    if index.repetition_level_histograms not in (None, [], repetition):
        yield f"repetition_level_histograms {index.repetition_level_histograms[:9]}"
    if index.definition_level_histograms not in (None, [], definition):
        yield f"definition_level_histograms {index.definition_level_histograms[:9]}"


def _boundary_order(index: ColumnIndex, leaf: Node, key: Key) -> Iterator[str]:
    """Pages of nulls only stand aside."""
    if index.boundary_order not in (footer.UNORDERED, footer.ASCENDING, footer.DESCENDING):
        yield f"boundary_order {index.boundary_order}"
    for bounds in (index.min_values, index.max_values):
        full = [b for b, null in zip(bounds, index.null_pages) if not null]
        keys = [key(of_plain_bytes(leaf, bound)) for bound in full]
        if index.boundary_order == footer.ASCENDING and any(a > b for a, b in itertools.pairwise(keys)):
            yield "the pages are not ascending"
        if index.boundary_order == footer.DESCENDING and any(a < b for a, b in itertools.pairwise(keys)):
            yield "the pages are not descending"


# ---------------------------------------------------------------------- filters and sorting


def _bloom_filter(file: File, group: int, chunk: Chunk) -> Iterator[str]:
    found = indexes.bloom_filter(file, group, chunk.leaf.column)
    if found is None:
        return
    for value in set(chunk.values):
        if not found.maybe(to_plain_bytes(chunk.leaf, value)):
            yield f"the Bloom filter denies {value!r}"
            return


def _of_group(file: File, group: int, chunks: list[Chunk]) -> Iterator[str]:
    """`sorting_columns`: rows are in order; asked only of columns outside of lists."""
    metadata = file.metadata.row_groups[group]
    sorting = metadata.sorting_columns or []
    columns = []
    for column in sorting:
        chunk = chunks[column.column_idx]
        key = indexes.type_order(chunk.leaf)
        if chunk.leaf.repetition or key is None:
            break
        columns.append((column, _row_keys(chunk, key)))
    for row in range(1, metadata.num_rows if columns else 0):
        for column, keys in columns:
            order = _compared(keys[row - 1], keys[row], column)
            if order > 0:
                yield f"rows {row - 1} and {row} are not sorted by column {column.column_idx}"
                return
            if order < 0:
                break


def _row_keys(chunk: Chunk, key: Key) -> list[object]:
    """A key for each row, () for null."""
    keys: list[object] = []
    for page in chunk.pages:
        values = iter(page.values)
        keys += [key(next(values)) if d == chunk.leaf.definition else () for d in page.definition]
    return keys


def _compared(a: object, b: object, column: footer.SortingColumn) -> int:
    if a == () or b == ():
        later = (a == ()) - (b == ())  # 1: a null stands before a value
        return -later if column.nulls_first else later
    if a == b or a is None or b is None:  # NaN: TYPE_ORDER does not say where
        return 0
    return (1 if a > b else -1) * (-1 if column.descending else 1)  # type: ignore[operator]
