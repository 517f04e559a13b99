# SPDX-License-Identifier: Apache-2.0
"""Records of data that does not fit its schema, and the message they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

MOST_LINES = 12


class Failure(NamedTuple):
    """What broke one rule at one place."""

    path: str
    """The column, `s.x`, `l[]`, `m.key` or `m.value`."""
    rule: str
    """missing, extra, null, type, value or duplicate."""
    count: int  # type: ignore[assignment]
    """Values that break the rule; 1 for rules about the whole column."""
    expected: str
    found: str
    samples: list[tuple[int, str]]
    """The first (row, value): rows count over everything given so far."""

    def to_dict(self) -> dict[str, Any]:
        """Only JSON types."""
        return {**self._asdict(), "samples": [list(sample) for sample in self.samples]}


def _near(name: str, names: Sequence[str]) -> str:
    from difflib import get_close_matches

    folded = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), list(folded), n=3)
    return " or ".join(repr(folded[match]) for match in found)


def _rows(failure: Failure) -> str:
    row = failure.samples[0][0] if failure.samples else -1
    if row < 0:
        return ""
    first = f"row {row}"
    return first if failure.count == 1 else f"{failure.count} rows, the first is row {row}"


def _null(failure: Failure, names: Sequence[str]) -> str:
    where = _rows(failure)
    return f"Column {failure.path!r} is declared non-nullable but contains nulls" + (
        f" ({where})" if where else ""
    )


def _missing(failure: Failure, names: Sequence[str]) -> str:
    near = f"; is it {failure.found!r}?" if failure.found else ""
    return f"Column {failure.path!r} ({failure.expected}) is missing from the data{near}"


def _extra(failure: Failure, names: Sequence[str]) -> str:
    near = _near(failure.path, names) if "." not in failure.path else ""
    hint = f"; did you mean {near}?" if near else " (on_extra='drop' drops it)"
    return f"Column {failure.path!r} is not in the schema{hint}"


def _duplicate(failure: Failure, names: Sequence[str]) -> str:
    return f"Column {failure.path!r} appears more than once"


def _type(failure: Failure, names: Sequence[str]) -> str:
    value = f": {failure.samples[0][1]} in {_rows(failure)}" if failure.samples else ""
    place = f"Column {failure.path!r}" if failure.path else "The data"
    found = failure.found or "the value"
    return f"{place}: {found} cannot become {failure.expected}{value}"


def _value(failure: Failure, names: Sequence[str]) -> str:
    value = failure.samples[0][1] if failure.samples else failure.found
    where = _rows(failure)
    return f"Column {failure.path!r}: the value {value} does not fit {failure.expected}" + (
        f" ({where})" if where else ""
    )


_WORDS = {
    "null": _null,
    "missing": _missing,
    "extra": _extra,
    "duplicate": _duplicate,
    "type": _type,
    "value": _value,
}


def describe(failures: Sequence[Failure], names: Sequence[str] = ()) -> str:
    """The message: a line per record, fewer than 15 however many there are."""
    lines = [_WORDS.get(failure.rule, _value)(failure, names) for failure in failures[:MOST_LINES]]
    if len(failures) == 1:
        return lines[0]
    rest = len(failures) - len(lines)
    if rest:
        lines.append(f"and {rest} more; .failures has all of them")
    head = f"The data does not fit the schema in {len(failures)} places:"
    return "\n  ".join([head, *lines])
