# SPDX-License-Identifier: Apache-2.0
"""Arrow to DataFrames.

What pyarrow gives, except that
  - integers with nulls keep being integers, ArrowDtype columns come back as such, and categories keep
    their zone;
  - equal decimals of a column are one object, made once;
  - long columns of numbers stay where the engine put them: pyarrow copies them into blocks of all columns
    of a type, or hands out what cannot be written to.
"""

from __future__ import annotations

from . import _core
from ._pandas import index_names, metadata_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A frame of thousands of blocks is slow: shorter columns go into blocks of many.
LONG_BYTES = 1 << 20
MANY_DECIMALS = 4096


def table_to_frame(table: Any, *, own_memory: bool, use_threads: bool) -> Any:
    """table.to_pandas() with the differences above. own_memory: nobody else has the table or its memory,
    and it can be written to."""
    from ._runs import decode_runs

    table = decode_runs(table)
    metadata = metadata_of(table.schema.metadata)
    if not metadata and table.schema.metadata:  # what is no JSON makes pyarrow fail
        table = table.replace_schema_metadata(None)
    index = index_names(metadata)
    own = _own_arrays(table, metadata, index, own_memory and _shares_arrays())
    places = [i for i, name in enumerate(table.schema.names) if name not in index]
    light = _without(table, own, metadata)
    frame = light.to_pandas(use_threads=use_threads)
    if frame.shape[1] != len(places):  # the index that the metadata promises is not there
        return table.to_pandas(use_threads=use_threads)
    for column, i in enumerate(places):
        if i in own:
            frame.isetitem(column, _pandas().Series(own[i], index=frame.index, copy=False))
        else:
            _put_zone(frame, column, table.schema.field(i).type)
    return frame


def _pandas() -> Any:
    import pandas as pd

    return pd


def _shares_arrays() -> bool:
    """pandas 2 copies whatever becomes a column of a frame."""
    return int(_pandas().__version__.split(".")[0]) >= 3


# ---- columns that are not pyarrow's ----


def _own_arrays(table: Any, metadata: Any, index: list[str], own_memory: bool) -> dict[int, Any]:
    """{place: array} of the columns that pyarrow would make something else of, or slower."""
    named = {
        column.get("field_name"): str(column.get("numpy_type", ""))
        for column in metadata.get("columns", ())
        if isinstance(column, dict)
    }
    views = _Views(table) if own_memory else None
    own: dict[int, Any] = {}
    for i, field in enumerate(table.schema):
        array = None if field.name in index else _own_array(table.column(i), named.get(field.name, ""), views)
        if array is not None:
            own[i] = array
    return own


def _own_array(column: Any, dtype: str, views: _Views | None) -> Any:
    import pyarrow as pa

    if dtype.endswith("[pyarrow]"):
        return _pandas().ArrowDtype(column.type).__from_arrow__(column)
    if dtype and not _is_of_numpy(dtype):
        return None
    if pa.types.is_decimal(column.type):
        return _decimals(column) if len(column) >= MANY_DECIMALS else None
    view = None if views is None else views.of(column)
    if pa.types.is_integer(column.type) and column.null_count:
        return _masked(column, view)
    if view is not None and column.null_count:
        import numpy as np

        np.putmask(view, _nulls(column), np.nan)
    return view


def _is_of_numpy(dtype: str) -> bool:
    """Other dtypes make of a column what they like."""
    import numpy as np

    try:
        np.dtype(dtype)
    except TypeError:
        return False
    return True


def _masked(column: Any, view: Any) -> Any:
    """Masked integers."""
    name = str(column.type)
    dtype = _pandas().api.types.pandas_dtype(
        name.replace("uint", "UInt") if name[0] == "u" else name.capitalize()
    )
    if view is None:
        return dtype.__from_arrow__(column)
    return dtype.construct_array_type()(view, _nulls(column), copy=False)


def _nulls(column: Any) -> Any:
    return column.chunk(0).is_null().to_numpy(zero_copy_only=False)


def _decimals(column: Any) -> Any:
    import decimal

    import numpy as np

    objects: Any = np.empty(len(column), object)
    place, kind = 0, column.type
    for chunk in column.chunks:
        validity, values = chunk.buffers()
        part = objects[place : place + len(chunk)]
        if values is not None:
            _core.decimal_objects(
                part, values, validity, chunk.offset, kind.bit_width // 8, kind.scale, decimal.Decimal
            )
        place += len(chunk)
    return objects


class _Memory:
    """Keeps an array alive for the NumPy array that lies in its memory."""

    def __init__(self, array: Any, dtype: Any) -> None:
        self.array = array
        address = array.buffers()[1].address + array.offset * dtype.itemsize
        self.__array_interface__ = {
            "version": 3,
            "shape": (len(array),),
            "typestr": dtype.str,
            "data": (address, False),
        }


class _Views:
    """NumPy arrays in the memory of columns of numbers, to be written to."""

    def __init__(self, table: Any) -> None:
        self.columns: dict[int, int] = {}  # address: how many columns have their values there
        for column in table.columns:
            if (address := _address(column)) is not None:
                self.columns[address] = self.columns.get(address, 0) + 1

    def dtype_of(self, column: Any) -> Any:
        """None: the column has another form in NumPy, is short, in pieces, or shares memory with another."""
        import numpy as np
        import pyarrow as pa

        kind, nulls = column.type, column.null_count
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        time = pa.types.is_duration(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)
        if not ((number and nulls < len(column)) or (time and nulls == 0)):
            return None
        dtype, address = np.dtype(kind.to_pandas_dtype()), _address(column)
        long = len(column) * dtype.itemsize >= LONG_BYTES
        return dtype if long and address is not None and self.columns[address] == 1 else None

    def of(self, column: Any) -> Any:
        import numpy as np

        dtype = self.dtype_of(column)
        return None if dtype is None else np.asarray(_Memory(column.chunk(0), dtype))


def _address(column: Any) -> int | None:
    """Of the values of a column in one piece."""
    import pyarrow as pa

    if column.num_chunks != 1 or not pa.types.is_primitive(column.type):
        return None
    values = column.chunk(0).buffers()[1]
    return None if values is None else values.address


# ---- the rest is pyarrow's ----


def _without(table: Any, own: dict[int, Any], metadata: Any) -> Any:
    """The table with next to nothing in the places of `own`, in the table and in the metadata of pandas."""
    import json

    import pyarrow as pa

    if not own:
        return table
    nothing = pa.Array.from_buffers(pa.int8(), table.num_rows, [None, pa.py_buffer(bytes(table.num_rows))])
    columns = [nothing if i in own else column for i, column in enumerate(table.columns)]
    fields = [pa.field(f.name, pa.int8()) if i in own else f for i, f in enumerate(table.schema)]
    names = {field.name for i, field in enumerate(table.schema) if i in own}
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))
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
