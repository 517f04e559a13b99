# SPDX-License-Identifier: Apache-2.0
"""Arrow columns in the form in which the oracle gives a file's values, and their comparison.

The form is what the file holds: floats as their bytes, times as integers in the file's unit, whatever
finer type Arrow's schema makes of it. `assert_oracle` compares a table with what the oracle reads.
"""

from __future__ import annotations

import itertools

import numpy as np
import oracle
import pyarrow as pa
from oracle import assembly, logical
from oracle.footer import INT96, Node

from interop import support

_PER_SECOND = {
    "s": 1,
    "ms": 10**3,
    "us": 10**6,
    "ns": 10**9,
    "MILLIS": 10**3,
    "MICROS": 10**6,
    "NANOS": 10**9,
}


def read(path) -> oracle.Table:
    """With floats, UUIDs and intervals as their bytes."""
    return oracle.read(path, _converter)


def _converter(leaf: Node):
    kind = logical.logical_of(leaf.element)
    if kind is None and leaf.type != INT96 or kind and kind.name in ("FLOAT16", "UUID", "INTERVAL"):
        return lambda value: value
    return logical.converter(leaf)


def assert_oracle(found: oracle.Table, table: pa.Table, what: str) -> None:
    """The oracle found what `table` holds."""
    assert found.names == table.column_names, what
    for field, mine, column in zip(found.fields, found.columns, table.columns):
        theirs = list(itertools.chain.from_iterable(_of(chunk, field) for chunk in column.chunks))
        assert len(mine) == len(theirs), f"{what}: {field.name}: {len(mine)} rows, {len(theirs)} in Arrow"
        for row, (a, b) in enumerate(zip(mine, theirs)):
            assert a == b and type(a) is type(b), f"{what}: {field.name}[{row}]: oracle {a!r}, Arrow {b!r}"


def _of(array: pa.Array, field: Node) -> list:
    """The values of an array as those of a field; a repeated one without annotation is a list."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if isinstance(array, pa.ExtensionArray):
        return _of(array.storage, field)
    if pa.types.is_run_end_encoded(array.type):
        return _of(support._plain(array), field)
    if pa.types.is_struct(array.type):
        return _struct(array, field)
    if pa.types.is_map(array.type) or support.is_list(array.type) or _is_fixed_list(array.type):
        return _list(array, field)
    (leaf,) = field.leaves()
    return _leaf(array, leaf)


def _is_fixed_list(kind: pa.DataType) -> bool:
    return pa.types.is_fixed_size_list(kind)


def _struct(array: pa.Array, field: Node) -> list:
    names = [child.name for child in array.type]
    children = [_of(child, below) for child, below in zip(array.flatten(), field.children, strict=True)]
    rows = zip(*children) if children else itertools.repeat(())
    valid = array.is_valid().to_pylist()
    return [dict(zip(names, row)) if there else None for there, row in zip(valid, rows)]


def _list(array: pa.Array, field: Node) -> list:
    valid = array.is_valid().to_pylist()
    if _is_fixed_list(array.type):
        lengths = [array.type.list_size if there else 0 for there in valid]
    else:
        lengths = support._lengths(array).tolist()
    elements = _of(support._elements(array), _element(field))
    if pa.types.is_map(array.type):
        elements = [tuple(pair.values()) for pair in elements]
    elif _has_no_values(field):  # a map as a set of keys, which LogicalTypes.md lets be
        elements = [(key, None) for key in elements]
    ends = list(itertools.accumulate(lengths))
    return [
        elements[end - length : end] if there else None for there, end, length in zip(valid, ends, lengths)
    ]


def _has_no_values(field: Node) -> bool:
    kind = logical.logical_of(field.element)
    return kind is not None and kind.name.startswith("MAP") and len(field.children[0].children) == 1


def _element(field: Node) -> Node:
    """The field whose values the elements are."""
    kind = logical.logical_of(field.element)
    if kind is None or kind.name not in ("LIST", "MAP", "MAP_KEY_VALUE"):
        return field  # repeated without annotation
    (middle,) = field.children
    if kind.name == "LIST":
        return middle if assembly.element_is_repeated_field(field, middle) else middle.children[0]
    return middle if len(middle.children) == 2 else middle.children[0]


def _leaf(array: pa.Array, leaf: Node) -> list:
    t, kind = pa.types, array.type
    if t.is_floating(kind):
        return _float_bytes(array)
    if t.is_temporal(kind):
        return _times(array, leaf)
    values = array.to_pylist()
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind):
        meaning = logical.logical_of(leaf.element)
        if meaning and meaning.name in ("ENUM", "JSON", "STRING"):
            return [None if v is None else v.decode() for v in values]
    return values


def _float_bytes(array: pa.Array) -> list:
    number = {16: np.uint16, 32: np.uint32, 64: np.uint64}[array.type.bit_width]
    bits = support._bits(array, number)
    valid = array.is_valid().to_pylist()
    return [bits[i].tobytes() if there else None for i, there in enumerate(valid)]


def _times(array: pa.Array, leaf: Node) -> list:
    kind = array.type
    values = array.view(pa.int64() if kind.bit_width == 64 else pa.int32()).to_pylist()
    meaning = logical.logical_of(leaf.element)
    if pa.types.is_date64(kind):
        return [None if v is None else v // 86_400_000 for v in values]
    if leaf.type == INT96:
        step = 10**9 // _PER_SECOND[kind.unit]
    elif meaning is not None and meaning.unit:
        step = _PER_SECOND[meaning.unit] / _PER_SECOND[kind.unit]
        assert step == int(step), f"{kind} of a file that has {meaning.unit}"
    else:
        step = 1  # durations have no logical type
    return [None if v is None else v * int(step) for v in values]
