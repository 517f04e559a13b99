# SPDX-License-Identifier: Apache-2.0
"""The pages of a column chunk: headers, checksums, levels and values.

In comes a file and which chunk, out goes a `Chunk`: each page with its place in the file, its
levels and its physical values without nulls (README.md "Data Pages", "Column chunks",
"Checksumming"; DataPageHeader, DataPageHeaderV2 and DictionaryPageHeader in parquet.thrift).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from . import encodings, footer
from .codecs import decompress
from .encodings import Physical
from .footer import ColumnMetaData, File, Node, PageHeader, Statistics
from .levels import hybrid, unpack_msb, width_of
from .thrift import SpecError, read_struct


@dataclass
class Page:
    offset: int  # of the header in the file
    size: int  # header and data, as stored
    unpacked_size: int  # header and data, not compressed
    header: PageHeader
    encoding: int
    repetition: list[int] = field(default_factory=list)
    definition: list[int] = field(default_factory=list)
    values: list[Physical] = field(default_factory=list)
    statistics: Statistics | None = None

    @property
    def rows(self) -> int:
        """Rows that begin in this page."""
        return self.repetition.count(0)


@dataclass
class Chunk:
    leaf: Node
    meta: ColumnMetaData
    dictionary: Page | None
    pages: list[Page]

    @property
    def values(self) -> list[Physical]:
        return [value for page in self.pages for value in page.values]


def read_chunk(file: File, row_group: int, leaf: Node) -> Chunk:
    column = file.metadata.row_groups[row_group].columns[leaf.column]
    where = f"row group {row_group}, {'.'.join(leaf.path)}"
    if column.crypto_metadata is not None:
        raise NotImplementedError(f"{where}: encrypted")
    if column.file_path:
        raise NotImplementedError(f"{where}: in another file")
    meta = file.meta(row_group, leaf.column)
    if meta.type != leaf.type or tuple(meta.path_in_schema) != leaf.path:
        raise SpecError(f"{where}: the chunk is of {meta.path_in_schema}, type {meta.type}")
    reader = _ChunkReader(file, leaf, meta, where)
    try:
        return reader.read()
    except SpecError as error:
        raise SpecError(f"{where}, page at {reader.at}: {error}") from error


class _ChunkReader:
    def __init__(self, file: File, leaf: Node, meta: ColumnMetaData, where: str):
        self.file, self.leaf, self.meta, self.where = file, leaf, meta, where
        # Offset 0 is the file's magic and no page: old writers put it where there is no dictionary.
        self.start = meta.dictionary_page_offset or meta.data_page_offset
        self.start = min(self.start, meta.data_page_offset)
        self.at = self.start

    def remark(self, text: str) -> None:
        self.file.remarks.append(f"{self.where}: {text}")

    def read(self) -> Chunk:
        dictionary = None
        pages: list[Page] = []
        seen = 0
        while seen < self.meta.num_values:
            page = self.next_page(dictionary)
            if page.header.type == footer.DICTIONARY_PAGE:
                if dictionary is not None or pages:
                    raise SpecError("a dictionary page that is not the first")
                dictionary = page
            elif page.header.type in (footer.DATA_PAGE, footer.DATA_PAGE_V2):
                if not pages and page.offset != self.meta.data_page_offset:
                    self.remark(f"data_page_offset {self.meta.data_page_offset}, first at {page.offset}")
                pages.append(page)
                seen += len(page.definition)
        if seen != self.meta.num_values:
            raise SpecError(f"{seen} values in pages, {self.meta.num_values} in the metadata")
        self.check_sizes(dictionary, pages)
        return Chunk(self.leaf, self.meta, dictionary, pages)

    def check_sizes(self, dictionary: Page | None, pages: list[Page]) -> None:
        every = pages if dictionary is None else [dictionary, *pages]
        if self.at - self.start != self.meta.total_compressed_size and self.meta.num_values:
            self.remark(f"total_compressed_size {self.meta.total_compressed_size}, {self.at - self.start}")
        unpacked = sum(page.unpacked_size for page in every)
        if unpacked != self.meta.total_uncompressed_size and self.meta.num_values:
            self.remark(f"total_uncompressed_size {self.meta.total_uncompressed_size}, {unpacked}")

    def next_page(self, dictionary: Page | None) -> Page:
        header, start = read_struct(PageHeader, self.file.data, self.at, self.file.remarks)
        end = start + header.compressed_page_size
        if header.compressed_page_size < 0 or end > len(self.file.data):
            raise SpecError(f"a page of {header.compressed_page_size} bytes runs beyond the end")
        body = self.file.data[start:end]
        if header.crc is not None and header.crc & 0xFFFFFFFF != zlib.crc32(body):
            raise SpecError("the checksum is not that of the page")
        unpacked = start - self.at + header.uncompressed_page_size
        page = Page(self.at, end - self.at, unpacked, header, -1)
        if header.type == footer.DICTIONARY_PAGE:
            self.dictionary_page(page, body)
        elif header.type == footer.DATA_PAGE:
            self.data_page(page, body, dictionary)
        elif header.type == footer.DATA_PAGE_V2:
            self.data_page_v2(page, body, dictionary)
        self.at = end  # pages of other types are skipped: README.md "Extensibility"
        return page

    def dictionary_page(self, page: Page, body: bytes) -> None:
        header = page.header.dictionary_page_header
        if header is None:
            raise SpecError("a dictionary page without its header")
        if header.encoding not in (encodings.PLAIN, encodings.PLAIN_DICTIONARY):
            raise SpecError(f"a dictionary in encoding {header.encoding}")
        page.encoding = header.encoding
        data = decompress(self.meta.codec, body, page.header.uncompressed_page_size)
        page.values, end = encodings.plain(self.leaf, data, header.num_values)
        self.check_end(end, data)

    def data_page(self, page: Page, body: bytes, dictionary: Page | None) -> None:
        """Version 1: repetition levels, definition levels and values, compressed as one."""
        header = page.header.data_page_header
        if header is None:
            raise SpecError("a data page without its header")
        data = decompress(self.meta.codec, body, page.header.uncompressed_page_size)
        count = header.num_values
        page.repetition, at = self.levels_v1(
            data, 0, header.repetition_level_encoding, self.leaf.repetition, count
        )
        page.definition, at = self.levels_v1(
            data, at, header.definition_level_encoding, self.leaf.definition, count
        )
        page.statistics = header.statistics
        self.values(page, header.encoding, data[at:], dictionary)

    def levels_v1(
        self, data: bytes, at: int, encoding: int, highest: int, count: int
    ) -> tuple[list[int], int]:
        if highest == 0:
            return [0] * count, at
        width = width_of(highest)
        if encoding == encodings.BIT_PACKED:
            size = (count * width + 7) // 8
            return unpack_msb(data[at : at + size], width, count), at + size
        if encoding != encodings.RLE:
            raise SpecError(f"levels in encoding {encoding}")
        size = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + size > len(data):
            raise SpecError(f"levels of {size} bytes run beyond the end")
        return self.levels(data, at + 4, size, highest, count), at + 4 + size

    def levels(self, data: bytes, at: int, size: int, highest: int, count: int) -> list[int]:
        found, end = hybrid(data, at, at + size, width_of(highest), count)
        if found and max(found) > highest:
            raise SpecError(f"level {max(found)}, the highest is {highest}")
        if end != at + size:
            self.remark(f"{at + size - end} bytes behind the levels of the page at {self.at}")
        return found

    def data_page_v2(self, page: Page, body: bytes, dictionary: Page | None) -> None:
        """Version 2: levels without length and never compressed, values compressed or not."""
        header = page.header.data_page_header_v2
        if header is None:
            raise SpecError("a data page of version 2 without its header")
        sizes = (header.repetition_levels_byte_length, header.definition_levels_byte_length)
        levels_size = sum(sizes)
        if min(sizes) < 0 or levels_size > len(body):
            raise SpecError(f"levels of {sizes} bytes in a page of {len(body)}")
        count = header.num_values
        highest = (self.leaf.repetition, self.leaf.definition)
        starts = (0, sizes[0])
        page.repetition, page.definition = (
            self.levels(body, starts[i], sizes[i], highest[i], count) if highest[i] else [0] * count
            for i in range(2)
        )
        data = body[levels_size:]
        # missing means compressed; nothing at all is the compressed form of nothing in old files
        if header.is_compressed is not False and data:
            data = decompress(self.meta.codec, data, page.header.uncompressed_page_size - levels_size)
        page.statistics = header.statistics
        self.values(page, header.encoding, data, dictionary)
        self.check_v2(page, header.num_nulls, header.num_rows)

    def check_v2(self, page: Page, num_nulls: int, num_rows: int) -> None:
        if len(page.definition) - len(page.values) != num_nulls:
            self.remark(f"num_nulls {num_nulls}, {len(page.definition) - len(page.values)} in the page")
        if page.rows != num_rows:
            self.remark(f"num_rows {num_rows}, {page.rows} in the page")
        if page.repetition[:1] not in ([], [0]):
            raise SpecError("a page of version 2 that begins within a row")

    def values(self, page: Page, encoding: int, data: bytes, dictionary: Page | None) -> None:
        """Only what is defined to the end has a value: README.md "Nulls"."""
        page.encoding = encoding
        count = page.definition.count(self.leaf.definition)
        known = None if dictionary is None else dictionary.values
        page.values, end = encodings.decode(encoding, self.leaf, data, count, known, self.file.remarks)
        self.check_end(end, data)

    def check_end(self, end: int, data: bytes) -> None:
        if end != len(data):  # README.md "Data Pages": no padding
            self.remark(f"{len(data) - end} bytes behind the values of the page at {self.at}")
