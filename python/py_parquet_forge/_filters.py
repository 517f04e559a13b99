# SPDX-License-Identifier: Apache-2.0
"""Filters: the engine prunes with them, pyarrow judges the rows.

An expression of pyarrow.compute has no public tree, but its pickled form is an Arrow IPC file with one
record batch that the engine understands. What cannot be handed over this way prunes nothing.
"""

from __future__ import annotations

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class Filter:
    """An expression with what the engine makes of it."""

    __slots__ = ("expression", "predicate")

    def __init__(self, expression: Any) -> None:
        self.expression = expression
        self.predicate = _predicate(expression)

    def rows(self, batch: Any) -> Any:
        """A Table of the rows of a Table that satisfy the expression."""
        import pyarrow as pa

        try:
            if not _has_forms(batch.schema.types):
                return batch.filter(self.expression)
            from ._runs import filter_rows

            return filter_rows(batch, self.expression)
        except pa.ArrowInvalid as error:
            path = _dotted(str(error), batch.schema.names)
            if path is None:
                raise
            name = ".".join(path)
            raise pa.ArrowInvalid(
                f"there is no column {name!r}; in filters write {path!r} for the field"
            ) from None


def _has_forms(kinds: list[Any]) -> bool:
    """Whether pyarrow's filter may not know one of the types."""
    import pyarrow as pa

    return any(
        pa.types.is_nested(kind)
        or pa.types.is_run_end_encoded(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary_view(kind)
        for kind in kinds
    )


def _dotted(message: str, columns: list[str]) -> tuple[str, ...] | None:
    """The path that a name with dots stands for, of which pyarrow says that it is no column."""
    start, _, rest = message.partition("No match for FieldRef.Name(")
    parts = tuple(rest.partition(")")[0].split("."))
    return parts if not start and len(parts) > 1 and parts[0] in columns else None


def make_filter(filters: Any) -> Filter | None:
    """A Filter of what a user handed in, None for none."""
    if filters is None:
        return None
    try:
        import pyarrow.compute as pc
    except ImportError:
        raise ImportError("filters need pyarrow: pip install pyarrow") from None
    if isinstance(filters, pc.Expression):
        return Filter(filters)
    if not isinstance(filters, (list, tuple)):
        raise ValueError(
            "filters must be a pyarrow.compute expression or a list of (column, operator, value), "
            f"not {type(filters).__name__}"
        )
    if not filters:
        return None
    from pyarrow.parquet import filters_to_expression

    if all(map(_is_condition, filters)):  # pyarrow knows them by names that are str
        filters = [filters]
    return Filter(filters_to_expression(filters))


def _is_condition(item: Any) -> bool:
    """(column, operator, value), the column by its name or by a tuple of names."""
    return isinstance(item, tuple) and len(item) == 3 and isinstance(item[1], str)


def _predicate(expression: Any) -> _core.Predicate | None:
    """None when the expression does not pickle, or in a form that is not known."""
    import pyarrow as pa

    try:
        buffer = expression.__reduce__()[1][0]
        for batch in _batches(pa, buffer):
            return _core.Predicate(batch)
    except (pa.ArrowException, _core.EngineError, TypeError, IndexError, AttributeError):
        pass
    return None


def _batches(pa: Any, buffer: Any) -> Iterator[Any]:
    try:
        file = pa.ipc.open_file(buffer)
    except pa.ArrowInvalid:
        yield from pa.ipc.open_stream(buffer)
        return
    yield file.get_batch(0)
