# SPDX-License-Identifier: Apache-2.0
"""The one place that turns the engine's error into the classes users catch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ._failures import Failure, describe


class ParquetError(ValueError):
    """A file that is damaged or asks too much, where pyarrow is not installed."""


def arrow_invalid() -> type[ValueError]:
    """pyarrow.ArrowInvalid, or a ValueError of ours without pyarrow."""
    try:
        import pyarrow
    except ImportError:
        return ParquetError
    invalid: type[ValueError] = pyarrow.ArrowInvalid
    return invalid


# ---- SchemaValidationError ----


def make_schema_validation_error() -> type[ValueError]:
    """The class; it derives from pyarrow.ArrowInvalid where that can be imported."""
    base = arrow_invalid()
    if base is ParquetError:
        base = ValueError

    class SchemaValidationError(base):  # type: ignore[misc, valid-type]
        """The data cannot be conformed to the schema without loss; `.failures` says why."""

        failures: list[Failure]

        def __init__(self, message: str = "", failures: Iterable[Failure] = ()) -> None:
            super().__init__(message)
            self.failures = list(failures)

        def __reduce__(self) -> tuple[Any, ...]:
            return type(self), (str(self), self.failures)

        def to_dict(self) -> dict[str, Any]:
            """The message and all records, in JSON types only."""
            return {
                "message": str(self),
                "failures": [failure.to_dict() for failure in self.failures],
            }

    SchemaValidationError.__module__ = __package__ or "py_parquet_forge"
    SchemaValidationError.__qualname__ = "SchemaValidationError"
    return SchemaValidationError


def schema_validation_error() -> type[Any]:
    """The cached class."""
    import py_parquet_forge

    return py_parquet_forge.SchemaValidationError


def _failure(path: str, rule: str, count: int, *rest: Any) -> Failure:
    of_column = rule in ("missing", "extra", "duplicate") and not rest[-1]
    return Failure(path, rule, 1 if of_column else count, *rest)


def _walk(path: str, kind: Any, found: dict[str, list[str]]) -> None:
    if hasattr(kind, "item_type"):
        _walk(f"{path}.key", kind.key_type, found)
        _walk(f"{path}.value", kind.item_type, found)
    elif hasattr(kind, "value_type"):
        encoded = hasattr(kind, "index_type") or hasattr(kind, "run_end_type")
        _walk(path if encoded else f"{path}[]", kind.value_type, found)
    elif getattr(kind, "num_fields", 0):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        found[path] = [field.name for field in fields]
        for field in fields:
            _walk(f"{path}.{field.name}", field.type, found)


def _declared_names(schema: Any) -> dict[str, list[str]]:
    """Path of a struct ('' for the rows) to the names of its fields; empty without pyarrow."""
    if not hasattr(schema, "names"):
        return {}
    found = {"": list(schema.names)}
    for field in schema:
        _walk(field.name, field.type, found)
    return found


def refused(records: Iterable[Sequence[Any]], schema: Any = None, *, coerced: bool = False) -> Exception:
    """The exception for records of the engine; the schema is asked for close matches."""
    failures = [_failure(*record) for record in records]
    names = _declared_names(schema) if any(failure.rule == "extra" for failure in failures) else {}
    error: Exception = schema_validation_error()(describe(failures, names, coerced=coerced), failures)
    return error


def unsupported_data(data: object) -> Exception:
    """The exception for an object that is no data."""
    kind = type(data)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    error: Exception = schema_validation_error()(
        f"Unsupported data type: {name}. Data is a pandas.DataFrame, a list of dicts, a pyarrow.Table "
        "or RecordBatch, anything that offers the Arrow PyCapsule protocol, or an iterator of these"
    )
    return error


# ---- errors of the engine ----


def _os_error(error: Any) -> Exception:
    if not error.os_errno:
        return OSError(str(error))
    if not error.path:
        return OSError(error.os_errno, error.message)
    return OSError(error.os_errno, error.message + _about_link(error), error.path)


def _about_link(error: Any) -> str:
    """What is wrong with a link that leads nowhere: the path itself is there for everybody to see."""
    import errno
    import os

    if error.os_errno != errno.ENOENT or not os.path.islink(error.path):
        return ""
    try:
        return f" (a symbolic link to {os.readlink(error.path)!r}, which does not exist)"
    except OSError:
        return ""


KEYWORD_OF_OPTION = {
    "thrift_string_limit": "thrift_string_size_limit",
    "thrift_container_limit": "thrift_container_size_limit",
}
"""Names that the engine's messages give to options and users know by another one."""


def public_error(error: Any, *, writing: bool) -> Exception:
    """The exception that users see for an EngineError."""
    status, text = error.status, str(error)
    if status == "limit":
        for option, keyword in KEYWORD_OF_OPTION.items():
            text = text.replace(option, keyword)
    if status == "io":
        return _os_error(error)
    if status == "invalid":
        return ValueError(text)
    if status == "schema" and writing and not error.message.startswith("Partition column"):
        exception: Exception = schema_validation_error()(text)
        return exception
    if status in ("schema", "corrupt", "limit"):
        return arrow_invalid()(text)
    if status in ("unsupported", "key"):
        return NotImplementedError(text)
    if status == "out of memory":
        return MemoryError(text)
    return RuntimeError(text)
