# SPDX-License-Identifier: Apache-2.0
"""coerce=True: what the engine refuses goes through pyarrow's safe cast, and nothing else does.

Python values that fit are what they are without it: the engine sets the refused ones aside, they are cast
in groups of one kind, and come back to their places. Arrow data is cast leaf by leaf; names, nulls and
lengths stay as they are, for the engine to judge.
"""

from __future__ import annotations

import sys

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from ._input import Record

    Refused: TypeAlias = tuple[tuple[int, ...], str, list[Any], bytes, bytes]
    Part: TypeAlias = tuple[Sequence[int], Any]

_REFUSALS = (ValueError, TypeError, NotImplementedError, ArithmeticError, AttributeError, LookupError)
"""What pyarrow raises for a value that it cannot take or cast; its own classes derive from these."""
_FEW = 16
"""Values that are cast one by one when one of them is refused."""


def caster() -> Any:
    """pyarrow, whose casts these are."""
    try:
        import pyarrow
    except ImportError:
        raise ImportError("coerce=True needs pyarrow: pip install pyarrow") from None
    return pyarrow


# ---- Python values ----


def rows_to_array(
    rows: Any, schema: Any, drop_extra: bool, row_base: int, start: int, stop: int
) -> tuple[Any, list[Record]]:
    """As the engine's function of that name."""
    pa = caster()
    refused: list[Refused] = []
    built, records = _core.rows_to_array(
        rows, schema.__arrow_c_schema__(), drop_extra, row_base, start, stop, refused
    )
    if not refused:
        return built, records
    array = None if built is None else pa.array(built)
    array, more = _with_refused(array, refused, pa.struct(list(pa.schema(schema))), False)
    return array, records + more


def objects_to_array(values: Any, field: Any, row_base: int) -> tuple[Any, list[Record]]:
    """As the engine's function of that name, for a column of a frame."""
    refused: list[Refused] = []
    built, records = _core.objects_to_array(values, field, True, row_base, refused)
    if not refused:
        return built, records
    array = None if built is None else caster().array(built)
    array, more = _with_refused(array, refused, field.type, True)
    return array, records + more


def _with_refused(
    array: Any, refused: list[Refused], declared: Any, from_pandas: bool
) -> tuple[Any, list[Record]]:
    """The array with every value that was set aside cast and in its place, or the records of those that
    the cast refuses too."""
    records: list[Record] = []
    for place, path, values, places, rows in refused:
        kind = _type_at(declared, place)
        target = _built(kind) if array is None else _built(_type_at(array.type, place))
        parts, left = _cast_values(values, target)
        if left:
            records += _reported(values, left, memoryview(rows).cast("q"), path, kind, from_pandas)
        elif array is not None and not records:
            at = memoryview(places).cast("q")
            order = [at[number] for numbers, _ in parts for number in numbers]
            array = _replaced(array, place, order, [part for _, part in parts])
    return (None if records else array), records


def _reported(
    values: list[Any], left: list[int], rows: Any, path: str, kind: Any, from_pandas: bool
) -> list[Record]:
    """The engine's records of these values alone."""
    field = caster().field(path, kind)
    _, records = _core.objects_to_array([values[number] for number in left], field, from_pandas)
    return [
        (where, rule, count, expected, found, [(rows[left[at]], text) for at, text in samples])
        for where, rule, count, expected, found, samples in records
    ]


def _cast_values(values: list[Any], target: Any) -> tuple[list[Part], list[int]]:
    """Arrays of the target type with the numbers of their values, and the numbers of the refused."""
    parts: list[Part] = []
    left: list[int] = []
    for numbers in _groups(values):
        _cast_group(values, numbers, target, parts, left)
    return parts, sorted(left)


def _groups(values: list[Any]) -> list[Sequence[int]]:
    """Numbers of the values of one kind: of such an Arrow array has the type that each alone has."""
    if set(map(type, values)) <= {str}:
        return [range(len(values))]
    groups: dict[Any, list[int]] = {}
    for number, value in enumerate(values):
        groups.setdefault(_kind(value), []).append(number)
    return list(groups.values())


def _kind(value: Any) -> Any:
    from datetime import date, datetime, timedelta
    from decimal import Decimal

    kind = type(value)
    if isinstance(value, datetime):
        return kind, str(value.tzinfo), getattr(value, "unit", None)
    if isinstance(value, timedelta):
        return kind, getattr(value, "unit", None)
    if isinstance(value, Decimal):
        return kind, value.as_tuple().exponent
    if kind.__module__ == "numpy":
        return kind, str(getattr(value, "dtype", None)), getattr(value, "ndim", 0) and id(value)
    if isinstance(value, (str, bytes, int, float)) or kind is date:
        return kind
    return kind, id(value)


def _source(values: list[Any]) -> Any:
    """The values, of one kind, as an Arrow array of their own type."""
    pa = caster()
    first = values[0]
    if type(first).__module__.startswith("pandas."):  # pa.array() would cut them to microseconds
        array = pa.array(sys.modules["pandas"].Series(values))
    elif type(first).__name__ in ("datetime64", "timedelta64"):  # whose units it knows in arrays only
        array = pa.array(sys.modules["numpy"].array(values))
    else:
        array = pa.array(values)
    if array.null_count or pa.types.is_nested(array.type) or getattr(first, "ndim", 0):
        raise TypeError("no value of a type without children")
    if pa.types.is_time(array.type) and getattr(first, "tzinfo", None) is not None:
        raise TypeError("a zone is never dropped from a time")
    return array


def _cast_group(
    values: list[Any], numbers: Sequence[int], target: Any, parts: list[Part], left: list[int]
) -> None:
    try:
        source = _source([values[number] for number in numbers])
    except _REFUSALS:
        for half in _halves(numbers):
            _cast_group(values, half, target, parts, left)
        if len(numbers) == 1:
            left += numbers
        return
    whole = _cast_all(source, target)
    if whole is not None:
        parts.append((numbers, whole))
    elif len(numbers) > _FEW and caster().types.is_string(source.type):
        encoded = source.dictionary_encode()  # the same text comes again and again
        refused: list[int] = []
        _cast_run(encoded.dictionary, range(len(encoded.dictionary)), target, [], refused)
        bad = set(refused)
        left += [n for n, code in zip(numbers, encoded.indices.to_pylist(), strict=True) if code in bad]
    else:
        some: list[Part] = []
        refused = []
        _cast_run(source, range(len(numbers)), target, some, refused)
        parts += [([numbers[n] for n in part], array) for part, array in some]
        left += [numbers[n] for n in refused]


def _cast_run(source: Any, run: Sequence[int], target: Any, parts: list[Part], left: list[int]) -> None:
    """This run of the array, in ever smaller pieces where one is refused."""
    cast = _cast_all(source.slice(run[0], len(run)), target)
    if cast is not None:
        parts.append((run, cast))
    elif len(run) == 1:
        left += run
    else:
        pieces = [run[n : n + 1] for n in range(len(run))] if len(run) <= _FEW else _halves(run)
        for piece in pieces:
            _cast_run(source, piece, target, parts, left)


def _halves(numbers: Sequence[int]) -> list[Sequence[int]]:
    middle = len(numbers) // 2
    return [numbers[:middle], numbers[middle:]] if middle else []


def _cast(source: Any, target: Any) -> Any:
    """None: refused."""
    try:
        return source.cast(target, safe=True)
    except _REFUSALS:
        return None


def _cast_all(source: Any, target: Any) -> Any:
    """None: refused, also where a cast would make a null of a value."""
    cast = _cast(source, target)
    return cast if cast is not None and not cast.null_count else None


# ---- nested types and arrays, by the engine's numbers of children ----


def _built(kind: Any) -> Any:
    """The type without an encoding or a name of its own."""
    pa = caster()
    while isinstance(kind, (pa.DictionaryType, pa.RunEndEncodedType, pa.BaseExtensionType)):
        kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind.value_type
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    return plain.get(kind, kind)


def _type_at(kind: Any, place: tuple[int, ...]) -> Any:
    for child in place:
        kind = _built(kind)
        if hasattr(kind, "item_type"):
            kind = kind.item_type if child else kind.key_type
        elif hasattr(kind, "value_type"):
            kind = kind.value_type
        else:
            kind = kind.field(child).type
    return kind


def _replaced(array: Any, place: tuple[int, ...], order: list[int], parts: list[Any]) -> Any:
    """The array, fresh from the engine, with the values of the parts at the places of the order."""
    pa = caster()
    if isinstance(array, pa.ExtensionArray):
        return pa.ExtensionArray.from_storage(array.type, _replaced(array.storage, place, order, parts))
    if not place:
        return _scattered(array, order, parts)
    child, below = place[0], place[1:]
    children = _children(array)
    children[child] = _replaced(children[child], below, order, parts)
    if hasattr(array.type, "item_type"):
        fields = [array.type.key_field, array.type.item_field]
        children = [pa.StructArray.from_arrays(children, fields=fields)]
    own = array.buffers()[: 1 if _is_fixed(array.type) else 2]
    return pa.Array.from_buffers(array.type, len(array), own, children=children)


def _is_fixed(kind: Any) -> bool:
    """Has it no offsets?"""
    types = caster().types
    return bool(types.is_struct(kind) or types.is_fixed_size_list(kind))


def _children(array: Any) -> list[Any]:
    if hasattr(array.type, "item_type"):
        return [array.keys, array.items]
    if hasattr(array.type, "value_type"):
        return [array.values]
    return [array.field(i) for i in range(array.type.num_fields)]


def _scattered(array: Any, order: list[int], parts: list[Any]) -> Any:
    pa = caster()
    if len(parts) == 1 and len(order) == len(array):
        return parts[0]  # all of it, in its own order
    taken = _counting(len(array), order)
    return pa.concat_arrays([array, *parts]).take(taken)


def _counting(count: int, order: Sequence[int] = ()) -> Any:
    """0, 1, 2 and so on up to the count, but at the places of the order the numbers from there on."""
    from array import array

    pa = caster()
    numbers = array("q", range(count))
    for number, at in enumerate(order, count):
        numbers[at] = number
    return pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(numbers)])


# ---- Arrow data ----


def coerced(table: Any, schema: Any) -> Any:
    """The table with the leaves that differ from the schema cast, where pyarrow's safe cast can."""
    pa = caster()
    declared = {field.name: field.type for field in pa.schema(schema)}
    for i, field in enumerate(table.schema):
        target = declared.get(field.name)
        if target is None or target == field.type:
            continue
        column = _coerced_column(table.column(i), target)
        if column.type != field.type:
            table = table.set_column(i, pa.field(field.name, column.type), column)
    return table


def _coerced_column(column: Any, target: Any) -> Any:
    """A chunked array; all of its chunks are cast or none is."""
    pa = caster()
    if not pa.types.is_nested(column.type):
        if _has_names(column.type) or _has_names(target):
            return column
        cast = _cast(column, target)
        return column if cast is None else cast
    chunks = [_coerced_array(chunk, target) for chunk in column.chunks]
    if len({chunk.type for chunk in chunks}) > 1:
        chunks = [_coerced_array(pa.concat_arrays(column.chunks), target)]
    return pa.chunked_array(chunks) if chunks else column


def _coerced_array(array: Any, target: Any) -> Any:
    """Nested arrays keep their own names and lengths; a leaf that cannot be cast keeps its type."""
    types = caster().types
    kind = array.type
    if kind == target:
        return array
    if types.is_struct(kind) and types.is_struct(target):
        return _coerced_struct(array, target)
    if types.is_map(kind) and types.is_map(target):
        return _coerced_map(array, target)
    if _is_list(kind) and _is_list(target):
        return _coerced_list(array, target)
    if _has_names(kind) or _has_names(target):
        return array
    cast = _cast(array, target)
    return array if cast is None else cast


def _is_list(kind: Any) -> bool:
    types = caster().types
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _has_names(kind: Any) -> bool:
    """Is there a struct in it, whose names a cast would not compare?"""
    types = caster().types
    if types.is_struct(kind) or types.is_union(kind):
        return True
    if hasattr(kind, "item_type"):
        return _has_names(kind.key_type) or _has_names(kind.item_type)
    return hasattr(kind, "value_type") and _has_names(kind.value_type)


def _mask(array: Any) -> Any:
    return array.is_null() if array.null_count else None


def _coerced_struct(array: Any, target: Any) -> Any:
    pa = caster()
    declared = {target.field(i).name: target.field(i).type for i in range(target.num_fields)}
    children, fields = [], []
    for i, child in enumerate(array.flatten()):  # null where the struct is: what is there is no value
        field = array.type.field(i)
        if field.name in declared:
            child = _coerced_array(child, declared[field.name])
        children.append(child)
        fields.append(field.with_type(child.type))
    if all(child.type == array.type.field(i).type for i, child in enumerate(children)):
        return array
    return pa.StructArray.from_arrays(children, fields=fields, mask=_mask(array))


def _coerced_list(array: Any, target: Any) -> Any:
    pa = caster()
    kind = array.type
    if pa.types.is_fixed_size_list(kind):
        return _coerced_fixed_list(array, target)
    offsets, elements = _elements(array)
    values = _coerced_array(elements, target.value_type)
    if values.type == kind.value_type:
        return array
    field = kind.value_field.with_type(values.type)
    made = pa.large_list(field) if pa.types.is_large_list(kind) else pa.list_(field)
    make = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    return make.from_arrays(offsets, values, type=made, mask=_mask(array))


def _coerced_map(array: Any, target: Any) -> Any:
    pa = caster()
    kind = array.type
    entries = pa.StructArray.from_arrays([array.keys, array.items], fields=[kind.key_field, kind.item_field])
    lists = pa.Array.from_buffers(
        pa.list_(entries.type),
        len(array),
        array.buffers()[:2],
        offset=array.offset,
        children=[entries],
    )
    offsets, elements = _elements(lists)
    keys = _coerced_array(elements.field(0), target.key_type)
    items = _coerced_array(elements.field(1), target.item_type)
    if keys.type == kind.key_type and items.type == kind.item_type:
        return array
    made = pa.map_(kind.key_field.with_type(keys.type), kind.item_field.with_type(items.type))
    return pa.MapArray.from_arrays(offsets, keys, items, type=made, mask=_mask(array))


def _elements(array: Any) -> tuple[Any, Any]:
    """Offsets and elements of a list array, without those that a slice or a null hides."""
    import pyarrow.compute as pc

    pa = caster()
    kind = pa.int64() if pa.types.is_large_list(array.type) else pa.int32()
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    return pa.concat_arrays([pa.array([0], kind), pc.cumulative_sum(lengths).cast(kind)]), array.flatten()


def _coerced_fixed_list(array: Any, target: Any) -> Any:
    import pyarrow.compute as pc

    pa = caster()
    kind = array.type
    size = kind.list_size
    elements = array.values.slice(array.offset * size, len(array) * size)
    if array.null_count and size:
        shown = array.is_valid().take(pc.divide(_counting(len(elements)), size))
        elements = pc.if_else(shown, elements, pa.scalar(None, elements.type))
    values = _coerced_array(elements, target.value_type)
    if values.type == kind.value_type:
        return array
    made = pa.list_(kind.value_field.with_type(values.type), size)
    return pa.FixedSizeListArray.from_arrays(values, type=made, mask=_mask(array))
