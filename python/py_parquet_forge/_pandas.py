# SPDX-License-Identifier: Apache-2.0
"""DataFrames to Arrow; _to_pandas.py has the way back.

NumPy, masked, Arrow-backed and categorical columns become Arrow arrays of their own type, never
of the declared one, because the converter of pandas and pyarrow parses text and drops zones when it
is given a type. Object columns go through the engine's converter of Python objects.
"""

from __future__ import annotations

from . import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._input import Record, Sink


# ---- DataFrame to Arrow ----


class _Frame:
    """One conversion: the declared fields, and what was refused so far."""

    def __init__(self, frame: Any, sink: Sink) -> None:
        import pyarrow as pa

        self.pa = pa
        self.sink = sink
        self.num_rows = len(frame)
        self.declared = {field.name: field for field in pa.schema(sink.schema)}
        self.records: list[Record] = []
        self.names: list[str] = []
        self.arrays: list[Any] = []

    def add(self, name: Any, series: Any) -> None:
        text = name if isinstance(name, str) else str(name)
        field = self.declared.get(text)
        if field is None and self.sink.options.drop_extra:
            return
        array = self.convert(series, field)
        if array is not None:
            self.names.append(text)
            self.arrays.append(array)

    def convert(self, series: Any, field: Any) -> Any:
        """The column as an Arrow array, None when its objects were refused."""
        pa, dtype = self.pa, series.dtype
        if dtype.kind == "O" and not hasattr(dtype, "na_value"):
            return pa.nulls(self.num_rows) if field is None else self.objects(series, field)
        if dtype.kind == "f" and _keeps_nan(pa, dtype, field):
            return pa.array(series.to_numpy())
        if hasattr(series.array, "sp_values"):
            series = series.sparse.to_dense()
        try:
            array = pa.array(series, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            if field is None:
                return pa.nulls(self.num_rows)
            return self.objects(series.astype(object), field)
        if isinstance(array.type, pa.BaseExtensionType) and field is not None and array.type != field.type:
            return self.objects(series.astype(object), field)  # storage is not what the value means
        if dtype.kind == "f" and hasattr(dtype, "pyarrow_dtype"):
            array = _nan_to_null(array)
        return array

    def objects(self, series: Any, field: Any) -> Any:
        if self.sink.options.coerce:
            from ._coerce import objects_to_array

            array, records = objects_to_array(series.to_numpy(), field, self.sink.rows)
        else:
            array, records = _core.objects_to_array(series.to_numpy(), field, True, self.sink.rows)
        if not records:
            return self.pa.array(array)
        self.records += records
        return None

    def table(self) -> Any:
        if self.arrays:
            return self.pa.Table.from_arrays(self.arrays, names=self.names)
        # Without columns only a batch that was a struct knows how many rows it has.
        rows = self.pa.StructArray.from_buffers(self.pa.struct([]), self.num_rows, [None])
        return self.pa.Table.from_batches([self.pa.RecordBatch.from_struct_array(rows)])


def _keeps_nan(pa: Any, dtype: Any, field: Any) -> bool:
    """NaN is a value where null cannot be: NumPy floats for a non-nullable float."""
    if field is None or field.nullable or hasattr(dtype, "na_value"):
        return False
    return bool(pa.types.is_floating(field.type))


def _nan_to_null(array: Any) -> Any:
    import pyarrow.compute as pc

    mask = pc.is_nan(array)
    if not pc.any(mask).as_py():
        return array
    return pc.if_else(mask, None, array)


def _index_columns(frame: Any, declared: Any) -> list[tuple[str, Any]]:
    """Levels of the index that the schema names."""
    found = []
    for level, name in enumerate(frame.index.names):
        is_free = name is not None and name not in frame.columns  # else pyarrow numbers the level
        text = str(name) if is_free else f"__index_level_{level}__"
        if text in declared and text not in frame.columns:
            found.append((text, frame.index.get_level_values(level).to_series()))
    return found


def frame_to_table(frame: Any, sink: Sink) -> tuple[Any, list[Record]]:
    """(the frame as a Table, no records), or (None, the records of everything that is refused)."""
    from ._failures import column_of

    work = _Frame(frame, sink)
    for name, series in frame.items():
        work.add(name, series)
    for name, series in _index_columns(frame, work.declared):
        work.add(name, series)
    table = work.table()
    if not work.records:
        return table, []
    failed = {column_of(record[0], list(work.declared)) for record in work.records}
    others = sink.give(table, stream=True, check=True)
    missing = [r for r in others if not (r[1] == "missing" and r[0] in failed)]
    return None, [*work.records, *missing]


# ---- the metadata of pandas ----


def metadata_of(metadata: Any) -> Any:
    """What pandas wrote into a schema, {} where it is missing or not what it should be."""
    import json

    text = (metadata or {}).get(b"pandas")
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    lists = (found.get("columns", []), found.get("index_columns", []))
    return found if all(isinstance(part, list) for part in lists) else {}


def index_names(metadata: Any) -> list[str]:
    return [name for name in metadata.get("index_columns", ()) if isinstance(name, str)]


def index_columns(metadata: Any) -> list[str]:
    """Names of the columns that the metadata of pandas says are the index."""
    return index_names(metadata_of(metadata))
