# SPDX-License-Identifier: Apache-2.0
"""Records of data that does not fit its schema, and the message they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def column_of(path: str, names: Sequence[str]) -> str:
    """The top-level column that a path leads into."""
    if path in names:
        return path
    tops = [name for name in names if path.startswith((f"{name}.", f"{name}["))]
    return max(tops, key=len, default=path)


# ---- one line of the message ----

Names = Mapping[str, Sequence[str]]
"""Path of a struct ('' for the rows) to the declared names of its fields."""

MOST_CHARS = 120
MOST_NAME_CHARS = 80


_WIDTHS = {"halffloat": "float16", "float": "float32", "double": "float64"}


def _short(text: str) -> str:
    """A type's text in a line: bounded, floats by their width."""
    text = _WIDTHS.get(text, text)
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 3] + "..."


def _found(failure: Failure) -> str:
    """What was found, in a line. It may be the name of a class, and Python's float is no float32."""
    return "float" if failure.found == "float" else _short(failure.found or "the value")


def _name(path: str) -> str:
    """The repr of a path: of a long one the beginning."""
    return repr(path if len(path) <= MOST_NAME_CHARS else path[: MOST_NAME_CHARS - 3] + "...")


def _near(path: str, names: Names) -> str:
    from difflib import get_close_matches

    parent, _, name = path.rpartition(".")
    if path in names.get("", ()) or parent not in names:
        parent, name = "", path
    same = [other for other in names.get(parent, ()) if other.casefold() == name.casefold()]
    if same:
        return " or ".join(map(_name, same))
    folded = {other.casefold(): other for other in names.get(parent, ())}
    found = get_close_matches(name.casefold(), list(folded), n=3)
    return " or ".join(_name(folded[match]) for match in found)


def _where(failure: Failure) -> str:
    """in row 5; in 3 values, the first in row 5."""
    row = failure.samples[0][0] if failure.samples else -1
    if row < 0:
        return ""
    return f"row {row}" if failure.count == 1 else f"{failure.count} values, the first in row {row}"


def _null(failure: Failure, names: Names) -> str:
    where = _where(failure)
    return (
        f"Column {_name(failure.path)} is declared non-nullable but contains nulls"
        + (f" ({where})" if where else "")
        + "; fill them, or declare the field nullable"
    )


def _missing(failure: Failure, names: Names) -> str:
    head = f"Column {_name(failure.path)} ({_short(failure.expected)}) is missing from the data; "
    if failure.found:
        return head + f"is it {_name(failure.found)}? Rename one of them"
    if failure.expected.endswith(" not null"):
        return head + "add it, or declare the field nullable and write with on_missing='null'"
    return head + "add it, or on_missing='null' fills it with nulls"


def _extra(failure: Failure, names: Names) -> str:
    near = _near(failure.path, names)
    where = _where(failure)
    head = f"Column {_name(failure.path)} is not in the schema" + (f" ({where})" if where else "")
    return head + (f"; did you mean {near}?" if near else "; declare it, or on_extra='drop' drops it")


def _duplicate(failure: Failure, names: Names) -> str:
    return f"Column {_name(failure.path)} appears more than once in the data; rename or remove all but one"


def _type(failure: Failure, names: Names) -> str:
    value = failure.samples[0][1] if failure.samples else ""
    row = failure.samples[0][0] if failure.samples else -1
    at = (
        f"{value} in row {row}"
        if failure.count == 1
        else f"{failure.count} values, the first {value} in row {row}"
    )
    at = f" ({at})" if row >= 0 else ""
    if not failure.path:
        return f"Each row must be a dict, not {failure.found}{at}"
    head = f"Column {_name(failure.path)}: {_found(failure)} cannot become "
    return head + f"{_short(failure.expected)}{at}; {_type_advice(failure.found, failure.expected)}"


def _value(failure: Failure, names: Names) -> str:
    where = _where(failure)
    value = failure.samples[0][1] if failure.samples else failure.found
    head = f"Column {_name(failure.path)}: the value {value} does not fit {_short(failure.expected)}"
    return (
        head + (f" ({where})" if where else "") + f"; {_value_advice(value, failure.found, failure.expected)}"
    )


# ---- what to do ----

_TEXT = ("string", "large_string", "string_view")
_TIMES = ("timestamp", "datetime", "Timestamp", "date", "time", "duration", "timedelta", "Timedelta")
_FLOATS = ("float", "double", "halffloat")


def _is(kind: str, *stems: str) -> bool:
    return kind.startswith(stems)


def _type_advice(found: str, expected: str) -> str:
    if _is(expected, "timestamp") and _is(found, "timestamp", "datetime", "Timestamp"):
        if "tz=" in expected:
            return "a zone is never guessed: localize the values first"
        if "tz=" in found or "with a" in found:
            return "a zone is never dropped: declare the zone, or make the values naive first"
        return "a date has no time of day: convert the values first, or coerce=True casts them"
    if _is(expected, "fixed_size_binary"):
        return "bytes of that length are needed: encode the values first"
    if found in ("str", *_TEXT) or _is(found, "dictionary<values=string"):
        return "text is never parsed: convert the values first, or coerce=True parses them"
    if _is(expected, *_TEXT):
        return "nothing is turned into text: convert the values first, or coerce=True casts them"
    if _is(expected, "list", "large_list", "struct", "map", "fixed_size_list"):
        return "the nesting must be the declared one: change the values or the schema"
    return "convert the values first, or declare the type that they have"


def _value_advice(value: str, found: str, expected: str) -> str:
    if _is(expected, "decimal"):
        return "the digits must fit: declare a larger precision or scale"
    if _is(expected, *_FLOATS):
        if _is(found, "int", "uint"):
            return "integers this large are not exact as floats: declare an integer or decimal type"
        return "it is not exact there: declare float64, round first (numpy.float32(x)), or coerce=True rounds"
    if _is(found, "float", "double", "halffloat"):
        return "only whole numbers within the range become integers: declare float64, or round first"
    if _is(expected, *_TIMES):
        return "its digits or its range are lost in that unit: declare a unit that holds it, or round first"
    if _is(expected, *_TEXT):
        return "it is not UTF-8: declare binary, or decode it first"
    if _is(expected, "fixed_size"):
        return "the length must be the declared one: declare the type without a size, or pad first"
    if _is(expected, "int", "uint"):
        return "it is out of range: declare a wider type"
    return "change the value, or declare a type that holds it"


_WORDS = {
    "null": _null,
    "missing": _missing,
    "extra": _extra,
    "duplicate": _duplicate,
    "type": _type,
    "value": _value,
}


# ---- the whole ----


def _shown(failures: Sequence[Failure]) -> list[Failure]:
    """The first MOST_LINES, or where there are more as many of each rule."""
    if len(failures) <= MOST_LINES:
        return list(failures)
    rules = list(dict.fromkeys(failure.rule for failure in failures))
    share = MOST_LINES // len(rules)
    picked = [[f for f in failures if f.rule == rule][:share] for rule in rules]
    return [failure for group in picked for failure in group]


def _rest(failures: Sequence[Failure], shown: Sequence[Failure]) -> str:
    rules = list(dict.fromkeys(failure.rule for failure in failures))
    left = {r: sum(f.rule == r for f in failures) - sum(f.rule == r for f in shown) for r in rules}
    kinds = ", ".join(f"{count} {rule}" for rule, count in left.items() if count)
    return f"... and {len(failures) - len(shown)} more ({kinds}); .failures has all of them"


def _line(failure: Failure, names: Names, coerced: bool) -> str:
    line = _WORDS.get(failure.rule, _value)(failure, names)
    head, _, advice = line.rpartition("; ")
    if coerced and "coerce=True" in advice:
        return head + "; coerce=True cannot cast it either: change the value, or the declared type"
    return line


def describe(failures: Sequence[Failure], names: Names | None = None, *, coerced: bool = False) -> str:
    """The message: a line per record, fewer than 15 however many there are. Nobody who writes with
    coerce=True is told to."""
    shown = _shown(failures)
    lines = [_line(failure, names or {}, coerced) for failure in shown]
    if len(failures) == 1:
        return lines[0]
    if len(shown) < len(failures):
        lines.append(_rest(failures, shown))
    head = f"The data does not fit the schema in {len(failures)} places:"
    return "\n  ".join([head, *lines])
