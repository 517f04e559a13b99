# SPDX-License-Identifier: Apache-2.0
"""Columns in forms that pyarrow cannot filter or turn into a frame: runs, views of strings."""

from __future__ import annotations

from typing import Any


def filter_rows(batch: Any, expression: Any) -> Any:
    """batch.filter(expression), whatever forms its columns have; the result has the same."""
    import pyarrow as pa

    schema = batch.schema
    if any(pa.types.is_run_end_encoded(kind) for kind in schema.types):
        batch = decode_runs(batch)
    kept = batch.schema
    plain = pa.schema([field.with_type(_plain(field.type)) for field in kept], kept.metadata)
    if not plain.equals(kept):
        batch = batch.cast(plain)
    found = batch.filter(expression)
    if not plain.equals(kept):
        found = found.cast(kept)
    return found if kept is schema else encode_runs(found, schema)


def _plain(kind: Any) -> Any:
    """The type with offsets in place of views, as deep as pyarrow's filter goes."""
    import pyarrow as pa

    def of(field: Any) -> Any:
        return field.with_type(_plain(field.type))

    if pa.types.is_struct(kind):
        return pa.struct([of(kind.field(i)) for i in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(of(kind.key_field), of(kind.item_field), kind.keys_sorted)
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(of(kind.value_field), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(of(kind.value_field))
    if pa.types.is_large_list(kind):
        return pa.large_list(of(kind.value_field))
    return _with_offsets(kind)


def decode_runs(table: Any) -> Any:
    """The table with the values of its run-end encoded columns, views as strings with offsets."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_run_end_encoded(field.type):
            chunks = [_decode(chunk) for chunk in table.column(i).chunks]
            kind = _with_offsets(field.type.value_type)
            table = table.set_column(i, field.with_type(kind), pa.chunked_array(chunks, kind))
    return table


def encode_runs(table: Any, schema: Any) -> Any:
    """What decode_runs made of columns that the schema has as runs is made runs again."""
    import pyarrow as pa

    for i, field in enumerate(schema):
        if pa.types.is_run_end_encoded(field.type) and not table.schema.field(i).type.equals(field.type):
            chunks = [_encode(chunk, field.type) for chunk in table.column(i).chunks]
            table = table.set_column(i, field, pa.chunked_array(chunks, field.type))
    return table


def _with_offsets(kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string_view(kind):
        return pa.large_string()
    return pa.large_binary() if pa.types.is_binary_view(kind) else kind


def _decode(array: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = array.values.cast(_with_offsets(array.type.value_type))
    runs = pa.RunEndEncodedArray.from_arrays(array.run_ends, pa.array(range(len(values)), pa.int64()))
    return values.take(pc.run_end_decode(runs.slice(array.offset, len(array))))


def _encode(array: Any, kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pa.types.is_dictionary(array.type)
    runs = pc.run_end_encode(array.indices if coded else array, kind.run_end_type)
    values = pa.DictionaryArray.from_arrays(runs.values, array.dictionary) if coded else runs.values
    return pa.RunEndEncodedArray.from_arrays(runs.run_ends, values.cast(kind.value_type))
