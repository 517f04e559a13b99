# SPDX-License-Identifier: Apache-2.0
"""pandas both ways.

In: NumPy, masked, Arrow-backed and categorical columns become Arrow arrays of their own type, never
of the declared one, because the converter of pandas and pyarrow parses text and drops zones when it
is given a type. Object columns go through the engine's converter of Python objects. Out: what
pyarrow gives, except that integers with nulls keep being integers, ArrowDtype columns come back as
such, and categories keep their zone.
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


# ---- Arrow to DataFrame ----


def table_to_frame(table: Any, *, use_threads: bool = True) -> Any:
    """table.to_pandas(), without what that loses: see _own_dtypes and _put_zones."""
    from ._runs import decode_runs

    table = decode_runs(table)
    metadata = _metadata_of(table.schema.metadata)
    if not metadata and table.schema.metadata:  # what is no JSON makes pyarrow fail
        table = table.replace_schema_metadata(None)
    index = _index_names(metadata)
    own = _own_dtypes(table, metadata, index)
    places = [i for i, name in enumerate(table.schema.names) if name not in index]
    light = _without(table, own, metadata)
    frame = light.to_pandas(use_threads=use_threads)
    if frame.shape[1] != len(places):  # the index that the metadata promises is not there
        return table.to_pandas(use_threads=use_threads)
    for column, i in enumerate(places):
        if i in own:
            frame.isetitem(column, own[i].__from_arrow__(table.column(i)))
        else:
            _put_zone(frame, column, table.schema.field(i).type)
    return frame


def _own_dtypes(table: Any, metadata: Any, index: list[str]) -> dict[int, Any]:
    """Dtypes of columns that pyarrow would make another one of: ArrowDtype of any type where the metadata
    of pandas names it, and the masked integers for integers with nulls."""
    import pyarrow as pa

    named = {
        column.get("field_name"): column.get("numpy_type", "")
        for column in metadata.get("columns", ())
        if isinstance(column, dict)
    }
    own: dict[int, Any] = {}
    for i, field in enumerate(table.schema):
        if field.name in index:
            continue
        if str(named.get(field.name)).endswith("[pyarrow]"):
            own[i] = _pandas().ArrowDtype(field.type)
        elif pa.types.is_integer(field.type) and table.column(i).null_count:
            own[i] = _pandas().api.types.pandas_dtype(_masked_name(str(field.type)))
    return own


def _pandas() -> Any:
    import pandas as pd

    return pd


def _without(table: Any, own: dict[int, Any], metadata: Any) -> Any:
    """The table with next to nothing in the places of `own`, in the table and in the metadata of pandas."""
    import json

    import pyarrow as pa

    if not own:
        return table
    names = set()
    for i in own:
        field = table.schema.field(i)
        names.add(field.name)
        table = table.set_column(i, field.name, pa.nulls(table.num_rows, pa.int8()))
    if not metadata:
        return table
    for column in metadata.get("columns", ()):
        if isinstance(column, dict) and column.get("field_name") in names:
            column.update(pandas_type="object", numpy_type="object")
    return table.replace_schema_metadata({**table.schema.metadata, b"pandas": json.dumps(metadata)})


def _put_zone(frame: Any, column: int, arrow_type: Any) -> None:
    """pyarrow drops the zone of categories that are timestamps."""
    import pyarrow as pa

    if not pa.types.is_dictionary(arrow_type) or getattr(arrow_type.value_type, "tz", None) is None:
        return
    series = frame.iloc[:, column]
    if series.dtype != "category" or series.cat.categories.tz is not None:
        return
    zone = pa.array([], arrow_type.value_type).to_pandas().dt.tz
    zoned = series.cat.categories.tz_localize("UTC").tz_convert(zone)
    frame.isetitem(column, series.cat.rename_categories(zoned))


def _masked_name(arrow_name: str) -> str:
    return arrow_name.replace("uint", "UInt") if arrow_name[0] == "u" else arrow_name.capitalize()


def _metadata_of(metadata: Any) -> Any:
    """What pandas wrote into a schema, {} where it is missing or not what it should be."""
    import json

    text = (metadata or {}).get(b"pandas")
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _index_names(metadata: Any) -> list[str]:
    return [name for name in metadata.get("index_columns", ()) if isinstance(name, str)]


def index_columns(metadata: Any) -> list[str]:
    """Names of the columns that the metadata of pandas says are the index."""
    return _index_names(_metadata_of(metadata))
