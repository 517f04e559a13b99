# SPDX-License-Identifier: Apache-2.0
"""From columns with levels back to records (README.md "Nested Encoding"; LogicalTypes.md "Nested Types").

A leaf's column is a row of entries (repetition level, definition level, value). The entries of one
row, for all leaves below a field, are cut level by level: a field that is not defined is None, a
repeated field begins anew at every entry of its repetition level. What comes out is what the
annotations mean: lists as Python lists, maps as lists of (key, value), groups as dicts, and a
repeated field without annotation as a list too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .encodings import Physical
from .footer import OPTIONAL, REPEATED, Node
from .logical import logical_of
from .pages import Chunk
from .thrift import SpecError

Entry = tuple[int, int, Any]
Entries = dict[int, list[Entry]]  # by the number of the leaf's column


def entries_of(chunk: Chunk, of: Callable[[Physical], Any]) -> list[Entry]:
    """Values back between the nulls."""
    out: list[Entry] = []
    for page in chunk.pages:
        values = iter(page.values)
        for repetition, definition in zip(page.repetition, page.definition):
            full = definition == chunk.leaf.definition
            out.append((repetition, definition, of(next(values)) if full else None))
    return out


def records(field: Node, columns: Entries, num_rows: int) -> list[Any]:
    """One Python object for each row of a field of the root."""
    rows = {column: cut(entries, 0) for column, entries in columns.items()}
    for column, parts in rows.items():
        if len(parts) != num_rows:
            raise SpecError(f"column {column} has {len(parts)} rows, the row group {num_rows}")
    return [field_value(field, {column: parts[i] for column, parts in rows.items()}) for i in range(num_rows)]


def cut(entries: list[Entry], level: int) -> list[list[Entry]]:
    """The pieces of `entries` that each begin with an entry of repetition level `level`."""
    pieces: list[list[Entry]] = []
    for number, entry in enumerate(entries):
        if number == 0 and entry[0] > level:
            raise SpecError(f"entries begin with repetition level {entry[0]}, within a row")
        if number == 0 or entry[0] <= level:
            pieces.append([])
        pieces[-1].append(entry)
    return pieces


def is_defined(field: Node, entries: Entries) -> bool:
    """Whether the field is there, about which all leaves below must agree."""
    said = {part[0][1] >= field.definition for part in entries.values()}
    if len(said) != 1:
        raise SpecError(f"leaves below {'.'.join(field.path)} do not agree whether it is there")
    return said.pop()


def field_value(field: Node, entries: Entries) -> Any:
    """The value of a field, in the entries of one value of its parent."""
    how = field.element.repetition_type
    if how == OPTIONAL and not is_defined(field, entries):
        return None
    if how == REPEATED:  # without annotation: a required list of required elements
        return [group_or_leaf(field, part) for part in repeated(field, entries)]
    return group_or_leaf(field, entries)


def repeated(field: Node, entries: Entries) -> list[Entries]:
    """The entries of each element of a repeated field; none if it is empty."""
    if not is_defined(field, entries):
        return []
    parts = {column: _cut_elements(part, field.repetition) for column, part in entries.items()}
    counts = {len(part) for part in parts.values()}
    if len(counts) != 1:
        raise SpecError(f"leaves below {'.'.join(field.path)} do not agree how many there are")
    return [{column: part[i] for column, part in parts.items()} for i in range(counts.pop())]


def _cut_elements(entries: list[Entry], level: int) -> list[list[Entry]]:
    """The first entry begins the first element, whatever outer repetition it began as well."""
    return cut([(min(entries[0][0], level), *entries[0][1:]), *entries[1:]], level)


def group_or_leaf(field: Node, entries: Entries) -> Any:
    """What a field that is there holds."""
    if field.is_leaf:
        (part,) = entries.values()
        if len(part) != 1:
            raise SpecError(f"{'.'.join(field.path)} has {len(part)} entries where one is due")
        return part[0][2]
    logical = logical_of(field.element)
    name = logical.name if logical else ""
    if name == "LIST" and _is_list(field):
        return list_value(field, entries)
    if name in ("MAP", "MAP_KEY_VALUE") and _is_map(field):
        return map_value(field, entries)
    return {child.name: field_value(child, below(child, entries)) for child in field.children}


def below(field: Node, entries: Entries) -> Entries:
    """The entries of the leaves below a field."""
    return {leaf.column: entries[leaf.column] for leaf in field.leaves()}


def _only_repeated(field: Node) -> Node | None:
    if len(field.children) == 1 and field.children[0].element.repetition_type == REPEATED:
        return field.children[0]
    return None


def _is_list(field: Node) -> bool:
    return _only_repeated(field) is not None


def _is_map(field: Node) -> bool:
    middle = _only_repeated(field)
    return middle is not None and len(middle.children) in (1, 2)


def element_is_repeated_field(field: Node, middle: Node) -> bool:
    """ "Lists", backward-compatibility rules 1 to 4; rule 5 is the ordinary structure."""
    if middle.is_leaf:
        return True  # rule 1
    if len(middle.children) != 1:
        return True  # rule 2
    if middle.children[0].element.repetition_type == REPEATED:
        return True  # rule 3
    return middle.name in ("array", f"{field.name}_tuple")  # rule 4


def list_value(field: Node, entries: Entries) -> list[Any]:
    (middle,) = field.children
    if element_is_repeated_field(field, middle):
        return [group_or_leaf(middle, part) for part in repeated(middle, entries)]
    (element,) = middle.children
    return [field_value(element, part) for part in repeated(middle, entries)]


def map_value(field: Node, entries: Entries) -> list[tuple[Any, Any]]:
    """Keys and values by position; a map without values has None for each."""
    (middle,) = field.children
    pairs = []
    for part in repeated(middle, entries):
        values = [field_value(child, below(child, part)) for child in middle.children]
        pairs.append((values[0], values[1] if len(values) == 2 else None))
    return pairs
