# SPDX-License-Identifier: Apache-2.0
"""The structs of parquet.thrift, the footer of a file, and the tree of its schema.

In comes a whole file, out goes a `File`: the metadata as parquet.thrift names it, and the schema
as a tree of `Node` with the highest repetition and definition level of each (README.md "File
format", "Metadata", "Nested Encoding"). `File.remarks` collects what can be read all the same
but is not as the specification has it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from .thrift import BINARY, BOOL, I8, I16, I32, I64, LIST, STRUCT, TEXT, SpecError, at, read_struct

# enum Type
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY = range(8)
TYPES = "BOOLEAN INT32 INT64 INT96 FLOAT DOUBLE BYTE_ARRAY FIXED_LEN_BYTE_ARRAY".split()

# enum FieldRepetitionType
REQUIRED, OPTIONAL, REPEATED = range(3)

# enum PageType
DATA_PAGE, INDEX_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2 = range(4)

# enum BoundaryOrder
UNORDERED, ASCENDING, DESCENDING = range(3)

# ------------------------------------------------------------------ statistics and indexes


@dataclass
class SizeStatistics:
    unencoded_byte_array_data_bytes: int | None = at(1, I64)
    repetition_level_histogram: list[int] | None = at(2, LIST, I64)
    definition_level_histogram: list[int] | None = at(3, LIST, I64)


@dataclass
class Statistics:
    max: bytes | None = at(1, BINARY)
    min: bytes | None = at(2, BINARY)
    null_count: int | None = at(3, I64)
    distinct_count: int | None = at(4, I64)
    max_value: bytes | None = at(5, BINARY)
    min_value: bytes | None = at(6, BINARY)
    is_max_value_exact: bool | None = at(7, BOOL)
    is_min_value_exact: bool | None = at(8, BOOL)
    nan_count: int | None = at(9, I64)


@dataclass
class PageLocation:
    offset: int = at(1, I64, required=True)
    compressed_page_size: int = at(2, I32, required=True)
    first_row_index: int = at(3, I64, required=True)


@dataclass
class OffsetIndex:
    page_locations: list[PageLocation] = at(1, LIST, PageLocation, required=True)
    unencoded_byte_array_data_bytes: list[int] | None = at(2, LIST, I64)


@dataclass
class ColumnIndex:
    null_pages: list[bool] = at(1, LIST, BOOL, required=True)
    min_values: list[bytes] = at(2, LIST, BINARY, required=True)
    max_values: list[bytes] = at(3, LIST, BINARY, required=True)
    boundary_order: int = at(4, I32, required=True)
    null_counts: list[int] | None = at(5, LIST, I64)
    repetition_level_histograms: list[int] | None = at(6, LIST, I64)
    definition_level_histograms: list[int] | None = at(7, LIST, I64)
    nan_counts: list[int] | None = at(8, LIST, I64)


@dataclass
class Empty:
    """A struct without fields: a mark of which member of a union is meant."""


@dataclass
class BloomFilterAlgorithm:
    BLOCK: Empty | None = at(1, STRUCT, Empty)


@dataclass
class BloomFilterHash:
    XXHASH: Empty | None = at(1, STRUCT, Empty)


@dataclass
class BloomFilterCompression:
    UNCOMPRESSED: Empty | None = at(1, STRUCT, Empty)


@dataclass
class BloomFilterHeader:
    numBytes: int = at(1, I32, required=True)
    algorithm: BloomFilterAlgorithm = at(2, STRUCT, BloomFilterAlgorithm, required=True)
    hash: BloomFilterHash = at(3, STRUCT, BloomFilterHash, required=True)
    compression: BloomFilterCompression = at(4, STRUCT, BloomFilterCompression, required=True)


# -------------------------------------------------------------------------- logical types


@dataclass
class DecimalType:
    scale: int = at(1, I32, required=True)
    precision: int = at(2, I32, required=True)


@dataclass
class TimeUnit:
    MILLIS: Empty | None = at(1, STRUCT, Empty)
    MICROS: Empty | None = at(2, STRUCT, Empty)
    NANOS: Empty | None = at(3, STRUCT, Empty)


@dataclass
class TimeType:
    """TimestampType too: the two have the same fields."""

    isAdjustedToUTC: bool = at(1, BOOL, required=True)
    unit: TimeUnit = at(2, STRUCT, TimeUnit, required=True)


@dataclass
class IntType:
    bitWidth: int = at(1, I8, required=True)
    isSigned: bool = at(2, BOOL, required=True)


@dataclass
class LogicalType:
    """A union: one field is set; none, when it is one that came after this list."""

    STRING: Empty | None = at(1, STRUCT, Empty)
    MAP: Empty | None = at(2, STRUCT, Empty)
    LIST: Empty | None = at(3, STRUCT, Empty)
    ENUM: Empty | None = at(4, STRUCT, Empty)
    DECIMAL: DecimalType | None = at(5, STRUCT, DecimalType)
    DATE: Empty | None = at(6, STRUCT, Empty)
    TIME: TimeType | None = at(7, STRUCT, TimeType)
    TIMESTAMP: TimeType | None = at(8, STRUCT, TimeType)
    INTEGER: IntType | None = at(10, STRUCT, IntType)
    UNKNOWN: Empty | None = at(11, STRUCT, Empty)
    JSON: Empty | None = at(12, STRUCT, Empty)
    BSON: Empty | None = at(13, STRUCT, Empty)
    UUID: Empty | None = at(14, STRUCT, Empty)
    FLOAT16: Empty | None = at(15, STRUCT, Empty)
    VARIANT: Empty | None = at(16, STRUCT, Empty)
    GEOMETRY: Empty | None = at(17, STRUCT, Empty)
    GEOGRAPHY: Empty | None = at(18, STRUCT, Empty)
    FILE: Empty | None = at(19, STRUCT, Empty)


@dataclass
class SchemaElement:
    type: int | None = at(1, I32)
    type_length: int | None = at(2, I32)
    repetition_type: int | None = at(3, I32)
    name: str = at(4, TEXT, required=True)
    num_children: int | None = at(5, I32)
    converted_type: int | None = at(6, I32)
    scale: int | None = at(7, I32)
    precision: int | None = at(8, I32)
    field_id: int | None = at(9, I32)
    logicalType: LogicalType | None = at(10, STRUCT, LogicalType)


# ---------------------------------------------------------------------------------- pages


@dataclass
class DataPageHeader:
    num_values: int = at(1, I32, required=True)
    encoding: int = at(2, I32, required=True)
    definition_level_encoding: int = at(3, I32, required=True)
    repetition_level_encoding: int = at(4, I32, required=True)
    statistics: Statistics | None = at(5, STRUCT, Statistics)


@dataclass
class DictionaryPageHeader:
    num_values: int = at(1, I32, required=True)
    encoding: int = at(2, I32, required=True)
    is_sorted: bool | None = at(3, BOOL)


@dataclass
class DataPageHeaderV2:
    num_values: int = at(1, I32, required=True)
    num_nulls: int = at(2, I32, required=True)
    num_rows: int = at(3, I32, required=True)
    encoding: int = at(4, I32, required=True)
    definition_levels_byte_length: int = at(5, I32, required=True)
    repetition_levels_byte_length: int = at(6, I32, required=True)
    is_compressed: bool | None = at(7, BOOL)
    statistics: Statistics | None = at(8, STRUCT, Statistics)


@dataclass
class PageHeader:
    type: int = at(1, I32, required=True)
    uncompressed_page_size: int = at(2, I32, required=True)
    compressed_page_size: int = at(3, I32, required=True)
    crc: int | None = at(4, I32)
    data_page_header: DataPageHeader | None = at(5, STRUCT, DataPageHeader)
    dictionary_page_header: DictionaryPageHeader | None = at(7, STRUCT, DictionaryPageHeader)
    data_page_header_v2: DataPageHeaderV2 | None = at(8, STRUCT, DataPageHeaderV2)


# ------------------------------------------------------------------------------- the file


@dataclass
class KeyValue:
    key: str = at(1, TEXT, required=True)
    value: bytes | None = at(2, BINARY)  # a string by the letter; many put other bytes there


@dataclass
class SortingColumn:
    column_idx: int = at(1, I32, required=True)
    descending: bool = at(2, BOOL, required=True)
    nulls_first: bool = at(3, BOOL, required=True)


@dataclass
class PageEncodingStats:
    page_type: int = at(1, I32, required=True)
    encoding: int = at(2, I32, required=True)
    count: int = at(3, I32, required=True)


@dataclass
class ColumnMetaData:
    type: int = at(1, I32, required=True)
    encodings: list[int] = at(2, LIST, I32, required=True)
    path_in_schema: list[str] = at(3, LIST, TEXT, required=True)
    codec: int = at(4, I32, required=True)
    num_values: int = at(5, I64, required=True)
    total_uncompressed_size: int = at(6, I64, required=True)
    total_compressed_size: int = at(7, I64, required=True)
    key_value_metadata: list[KeyValue] | None = at(8, LIST, KeyValue)
    data_page_offset: int = at(9, I64, required=True)
    index_page_offset: int | None = at(10, I64)
    dictionary_page_offset: int | None = at(11, I64)
    statistics: Statistics | None = at(12, STRUCT, Statistics)
    encoding_stats: list[PageEncodingStats] | None = at(13, LIST, PageEncodingStats)
    bloom_filter_offset: int | None = at(14, I64)
    bloom_filter_length: int | None = at(15, I32)
    size_statistics: SizeStatistics | None = at(16, STRUCT, SizeStatistics)


@dataclass
class ColumnChunk:
    file_path: str | None = at(1, TEXT)
    file_offset: int = at(2, I64, required=True)
    meta_data: ColumnMetaData | None = at(3, STRUCT, ColumnMetaData)
    offset_index_offset: int | None = at(4, I64)
    offset_index_length: int | None = at(5, I32)
    column_index_offset: int | None = at(6, I64)
    column_index_length: int | None = at(7, I32)
    crypto_metadata: Empty | None = at(8, STRUCT, Empty)


@dataclass
class RowGroup:
    columns: list[ColumnChunk] = at(1, LIST, ColumnChunk, required=True)
    total_byte_size: int = at(2, I64, required=True)
    num_rows: int = at(3, I64, required=True)
    sorting_columns: list[SortingColumn] | None = at(4, LIST, SortingColumn)
    file_offset: int | None = at(5, I64)
    total_compressed_size: int | None = at(6, I64)
    ordinal: int | None = at(7, I16)


@dataclass
class ColumnOrder:
    """A union, as LogicalType."""

    TYPE_ORDER: Empty | None = at(1, STRUCT, Empty)
    IEEE_754_TOTAL_ORDER: Empty | None = at(2, STRUCT, Empty)
    INT96_TIMESTAMP_ORDER: Empty | None = at(3, STRUCT, Empty)


@dataclass
class FileMetaData:
    version: int = at(1, I32, required=True)
    schema: list[SchemaElement] = at(2, LIST, SchemaElement, required=True)
    num_rows: int = at(3, I64, required=True)
    row_groups: list[RowGroup] = at(4, LIST, RowGroup, required=True)
    key_value_metadata: list[KeyValue] | None = at(5, LIST, KeyValue)
    created_by: str | None = at(6, TEXT)
    column_orders: list[ColumnOrder] | None = at(7, LIST, ColumnOrder)
    encryption_algorithm: Empty | None = at(8, STRUCT, Empty)


# ---------------------------------------------------------------------------- the schema


@dataclass
class Node:
    """A field of the schema: a group with children, or a leaf that is column number `column`.

    `definition` is the level at which the field itself is there: one more than its parent's
    where it may be absent (optional) or several (repeated). `repetition` counts the repeated
    fields on the way from the root to it, itself among them.
    """

    element: SchemaElement
    repetition: int
    definition: int
    path: tuple[str, ...]
    children: list[Node] = field(default_factory=list)
    column: int = -1

    @property
    def name(self) -> str:
        return self.element.name

    @property
    def is_leaf(self) -> bool:
        return self.element.type is not None

    @property
    def type(self) -> int:
        assert self.element.type is not None
        return self.element.type

    def leaves(self) -> Iterator[Node]:
        if self.is_leaf:
            yield self
        for child in self.children:
            yield from child.leaves()


def schema_tree(elements: list[SchemaElement]) -> Node:
    """The tree from its nodes in depth-first order; the root is no field and adds no level."""
    rest = iter(elements)
    root = Node(next(rest), 0, 0, ())
    columns = 0

    def children_of(parent: Node) -> None:
        nonlocal columns
        for _ in range(parent.element.num_children or 0):
            element = next(rest, None)
            if element is None:
                raise SpecError("the schema has fewer elements than its groups have children")
            how = element.repetition_type
            if how not in (REQUIRED, OPTIONAL, REPEATED):
                raise SpecError(f"{element.name} has repetition type {how}")
            node = Node(
                element,
                parent.repetition + (how == REPEATED),
                parent.definition + (how != REQUIRED),
                (*parent.path, element.name),
            )
            parent.children.append(node)
            if node.is_leaf:
                node.column = columns
                columns += 1
            else:
                children_of(node)

    children_of(root)
    if next(rest, None) is not None:
        raise SpecError("the schema has more elements than its groups have children")
    return root


@dataclass
class File:
    data: bytes
    metadata: FileMetaData
    root: Node
    leaves: list[Node]
    remarks: list[str] = dataclasses.field(default_factory=list)

    def meta(self, row_group: int, column: int) -> ColumnMetaData:
        meta = self.metadata.row_groups[row_group].columns[column].meta_data
        if meta is None:
            raise SpecError("a column chunk without meta_data")
        return meta


def open_file(path: str | os.PathLike[str]) -> File:
    """README.md "File format": PAR1, the data, the metadata, its length, PAR1."""
    with open(path, "rb") as stream:
        data = stream.read()
    if data[-4:] == b"PARE":
        raise NotImplementedError("the footer is encrypted")
    if len(data) < 12 or data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        raise SpecError("PAR1 is missing at the beginning or the end")
    length = int.from_bytes(data[-8:-4], "little")
    start = len(data) - 8 - length
    if start < 4:
        raise SpecError(f"metadata of {length} bytes do not fit into {len(data)} bytes")
    remarks: list[str] = []
    metadata, end = read_struct(FileMetaData, data[:-8], start, remarks)
    root = schema_tree(metadata.schema)
    file = File(data, metadata, root, list(root.leaves()), remarks)
    if end != len(data) - 8:
        file.remarks.append(f"{len(data) - 8 - end} bytes between the metadata and its length")
    for number, group in enumerate(metadata.row_groups):
        if len(group.columns) != len(file.leaves):
            raise SpecError(f"row group {number}: {len(group.columns)} chunks, {len(file.leaves)} leaves")
    if sum(group.num_rows for group in metadata.row_groups) != metadata.num_rows:
        file.remarks.append("num_rows is not the sum over the row groups")
    return file
