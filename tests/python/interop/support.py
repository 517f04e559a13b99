# SPDX-License-Identifier: Apache-2.0
"""What the tests of exchange share: types by name, columns of values, equality.

In comes the name of an Arrow type and a pattern of nulls, out goes a column whose
values are chosen to hurt: ends of the range, NaN, both zeros, empty strings, empty
lists, nulls at every depth. `assert_same` compares two tables bit by bit below their
nulls, so that neither NaN nor the sign of a zero is lost unseen.
"""

from __future__ import annotations

import decimal
import os
import random
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ALL = os.environ.get("PQF_TEST_ALL") == "1"
SEED = int(os.environ.get("PQF_TEST_SEED", "20250731"))

# --------------------------------------------------------------------------- types

_ITEM = pa.struct([("x", pa.int32()), ("y", pa.string())])

TYPES: dict[str, pa.DataType] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "half": pa.float16(),
    "float": pa.float32(),
    "double": pa.float64(),
    "decimal128(1,0)": pa.decimal128(1, 0),
    "decimal128(9,2)": pa.decimal128(9, 2),
    "decimal128(18,18)": pa.decimal128(18, 18),
    "decimal128(19,4)": pa.decimal128(19, 4),
    "decimal128(38,10)": pa.decimal128(38, 10),
    "date32": pa.date32(),
    "date64": pa.date64(),
    "time32[s]": pa.time32("s"),
    "time32[ms]": pa.time32("ms"),
    "time64[us]": pa.time64("us"),
    "time64[ns]": pa.time64("ns"),
    "timestamp[s]": pa.timestamp("s"),
    "timestamp[ms]": pa.timestamp("ms"),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[ns]": pa.timestamp("ns"),
    "timestamp[s, zone]": pa.timestamp("s", "Europe/Berlin"),
    "timestamp[ms, zone]": pa.timestamp("ms", "UTC"),
    "timestamp[us, zone]": pa.timestamp("us", "America/New_York"),
    "timestamp[ns, zone]": pa.timestamp("ns", "UTC"),
    "duration[s]": pa.duration("s"),
    "duration[ms]": pa.duration("ms"),
    "duration[us]": pa.duration("us"),
    "duration[ns]": pa.duration("ns"),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "fixed_size_binary[1]": pa.binary(1),
    "fixed_size_binary[16]": pa.binary(16),
    "dictionary<int8, string>": pa.dictionary(pa.int8(), pa.string()),
    "dictionary<int16, string>": pa.dictionary(pa.int16(), pa.string()),
    "dictionary<int32, string>": pa.dictionary(pa.int32(), pa.string()),
    "dictionary<int64, string>": pa.dictionary(pa.int64(), pa.string()),
    "dictionary<int8, int32>": pa.dictionary(pa.int8(), pa.int32()),
    "dictionary<int32, int64>": pa.dictionary(pa.int32(), pa.int64()),
    "list<int32>": pa.list_(pa.int32()),
    "list<string>": pa.list_(pa.string()),
    "large_list<double>": pa.large_list(pa.float64()),
    "fixed_size_list<int16>[3]": pa.list_(pa.int16(), 3),
    "list<list<int64>>": pa.list_(pa.list_(pa.int64())),
    "struct": pa.struct([("a", pa.int64()), ("b", pa.string()), ("c", pa.bool_())]),
    "struct<struct>": pa.struct([("o", pa.struct([("i", pa.date32())])), ("p", pa.int8())]),
    "map<string, int32>": pa.map_(pa.string(), pa.int32()),
    "map<int64, list<string>>": pa.map_(pa.int64(), pa.list_(pa.string())),
    "list<struct>": pa.list_(_ITEM),
    "list<struct<list<struct>>>": pa.list_(pa.struct([("k", pa.int16()), ("v", pa.list_(_ITEM))])),
}

PATTERNS = ("none", "tenth", "runs", "all", "first", "last")

# What pyarrow's reader changes although ARROW:schema says it; we give it exactly.
EXACT = {
    "date64",
    "time32[s]",
    "timestamp[s]",
    "timestamp[s, zone]",
    *(name for name in TYPES if name.startswith("dictionary<")),
}

# -------------------------------------------------------------------------- values

_TEXTS = ["", "a", "ä", "日本", "\x00", "plain text", "x" * 40, "long " * 60, "NULL"]


def _int_of(bits: int, signed: bool, rnd: random.Random) -> int:
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1
    roll = rnd.random()
    if roll < 0.1:
        return rnd.choice([low, high, 0, 1, high - 1])
    if roll < 0.6:
        return rnd.randint(max(low, -20), min(high, 20))
    return rnd.randint(low, high)


_FLOATS = [0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1.5, -1.0]


def _float_of(rnd: random.Random, width: int) -> float:
    if rnd.random() < 0.3:
        return rnd.choice(_FLOATS)
    if width == 16:
        return float(np.float16(rnd.uniform(-60000, 60000)))
    if width == 32:
        return struct.unpack("<f", struct.pack("<f", rnd.uniform(-1e30, 1e30)))[0]
    return rnd.uniform(-1e300, 1e300)


# Whole range of what the unit can hold and every peer can show: years 1 to 9999
# where the unit reaches that far, else the 64 bits of nanoseconds.
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _instant_of(unit: str, rnd: random.Random) -> int:
    low, high = -62135596800, 253402300799
    if unit == "ns":
        low, high = -9223372036, 9223372036
    second = rnd.randint(low + 1, high - 1)
    return second * _PER_SECOND[unit] + rnd.randrange(_PER_SECOND[unit])


def _decimal_of(precision: int, scale: int, rnd: random.Random) -> decimal.Decimal:
    digits = rnd.randint(1, precision)
    number = rnd.randint(-(10**digits) + 1, 10**digits - 1)
    if rnd.random() < 0.1:
        number = rnd.choice([1, -1]) * (10**precision - 1)
    context = decimal.Context(prec=precision + 2)
    return decimal.Decimal(number).scaleb(-scale, context)


def _values(kind: pa.DataType, count: int, rnd: random.Random) -> list:
    """`count` values, none of them null, as what pa.array takes for the type."""
    t = pa.types
    if t.is_boolean(kind):
        return [rnd.random() < 0.5 for _ in range(count)]
    if t.is_integer(kind):
        signed = t.is_signed_integer(kind)
        return [_int_of(kind.bit_width, signed, rnd) for _ in range(count)]
    if t.is_floating(kind):
        return [_float_of(rnd, kind.bit_width) for _ in range(count)]
    if t.is_decimal(kind):
        return [_decimal_of(kind.precision, kind.scale, rnd) for _ in range(count)]
    if t.is_date32(kind):
        return [rnd.randint(-719000, 2932000) for _ in range(count)]
    if t.is_date64(kind):
        return [rnd.randint(-719000, 2932000) * 86400000 for _ in range(count)]
    if t.is_time(kind):
        day = 86400 * _PER_SECOND[kind.unit]
        return [rnd.choice([0, day - 1, rnd.randrange(day)]) for _ in range(count)]
    if t.is_timestamp(kind):
        return [_instant_of(kind.unit, rnd) for _ in range(count)]
    if t.is_duration(kind):
        return [rnd.randint(-(10**12), 10**12) for _ in range(count)]
    if is_text(kind):
        return [_text_of(rnd) for _ in range(count)]
    if t.is_fixed_size_binary(kind):
        return [rnd.randbytes(kind.byte_width) for _ in range(count)]
    return [_text_of(rnd).encode() + rnd.randbytes(rnd.randrange(3)) for _ in range(count)]


def _text_of(rnd: random.Random) -> str:
    if rnd.random() < 0.6:
        return rnd.choice(_TEXTS)
    return "".join(rnd.choices("abcdefgh", k=rnd.randrange(20)))


def is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)


def is_list(kind: pa.DataType) -> bool:
    t = pa.types
    return t.is_list(kind) or t.is_large_list(kind) or is_list_view(kind)


def is_list_view(kind: pa.DataType) -> bool:
    return pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)


def null_mask(pattern: str, count: int, rnd: random.Random) -> np.ndarray:
    """True where the pattern has a null."""
    mask = np.zeros(count, bool)
    if pattern == "all":
        mask[:] = True
    elif pattern == "first":
        mask[:1] = True
    elif pattern == "last":
        mask[-1:] = True
    elif pattern == "tenth":
        mask[:] = [rnd.random() < 0.1 for _ in range(count)]
    elif pattern == "runs":
        at, null = 0, rnd.random() < 0.5
        while at < count:
            step = rnd.choice([1, 7, 8, 9, 30, 64, 100])
            mask[at : at + step] = null
            at, null = at + step, not null
    elif pattern != "none":
        raise ValueError(pattern)
    return mask


def _offsets(mask: np.ndarray, rnd: random.Random, key_like: bool) -> np.ndarray:
    longest = 3 if key_like else 5
    lengths = [0 if null else rnd.randrange(longest) for null in mask]
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _with_nulls(offsets: np.ndarray, mask: np.ndarray, wide: bool) -> pa.Array:
    """Offsets whose entry is null where the list is: what from_arrays reads."""
    kind = pa.int64() if wide else pa.int32()
    return pa.array(offsets, kind, mask=np.concatenate([mask, [False]]))


def column(kind: pa.DataType, count: int, pattern: str, rnd: random.Random, inner: str = "tenth") -> pa.Array:
    """An array of the type, nulls by `pattern` at the top and by `inner` below it."""
    t = pa.types
    mask = null_mask(pattern, count, rnd)
    if t.is_null(kind):
        return pa.nulls(count)
    if t.is_dictionary(kind):
        return _dictionary(kind, mask, rnd)
    if t.is_struct(kind):
        children = [column(f.type, count, _below(f, inner), rnd, inner) for f in kind]
        if not children:
            return pa.array([None if null else {} for null in mask], kind)
        return pa.StructArray.from_arrays(children, fields=list(kind), mask=pa.array(mask))
    if t.is_map(kind):
        return _map(kind, mask, rnd, inner)
    if t.is_fixed_size_list(kind):
        items = _children(kind.value_field, count * kind.list_size, rnd, inner)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=pa.array(mask))
    if is_list(kind):
        return _list(kind, mask, rnd, inner)
    return _leaf(kind, mask, rnd)


def _below(field: pa.Field, inner: str) -> str:
    return inner if field.nullable else "none"


def _children(field: pa.Field, count: int, rnd: random.Random, inner: str) -> pa.Array:
    return column(field.type, count, _below(field, inner), rnd, inner)


def _leaf(kind: pa.DataType, mask: np.ndarray, rnd: random.Random) -> pa.Array:
    values = _values(kind, len(mask), rnd)
    masked = [None if null else value for value, null in zip(values, mask)]
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        number = pa.int64() if kind.bit_width == 64 else pa.int32()
        return pa.array(masked, number).view(kind)
    if pa.types.is_float16(kind):
        return pa.array([None if v is None else np.float16(v) for v in masked], kind)
    return pa.array(masked, kind)


def _dictionary(kind: pa.DataType, mask: np.ndarray, rnd: random.Random) -> pa.Array:
    values: list = []
    for value in _values(kind.value_type, 60, rnd):
        if not any(_equal_scalar(value, old) for old in values):
            values.append(value)
    indices = [None if null else rnd.randrange(len(values)) for null in mask]
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, kind.index_type),
        pa.array(values, kind.value_type),
        ordered=kind.ordered,
    )


def _equal_scalar(a: object, b: object) -> bool:
    return a == b or (a != a and b != b)


def _map(kind: pa.DataType, mask: np.ndarray, rnd: random.Random, inner: str) -> pa.Array:
    offsets = _offsets(mask, rnd, True)
    total = int(offsets[-1])
    keys = _keys(kind.key_type, offsets, rnd)
    items = _children(kind.item_field, total, rnd, inner)
    return pa.MapArray.from_arrays(_with_nulls(offsets, mask, False), keys, items, type=kind)


def _keys(kind: pa.DataType, offsets: np.ndarray, rnd: random.Random) -> pa.Array:
    """Keys, different within one map where the type is a number or a text."""
    if not (is_text(kind) or pa.types.is_integer(kind)):
        return column(kind, int(offsets[-1]), "none", rnd)
    pool = sorted(set(_values(kind, 40, rnd)))
    lengths = np.diff(offsets).tolist()
    return pa.array([key for k in lengths for key in rnd.sample(pool, k)], kind)


def _list(kind: pa.DataType, mask: np.ndarray, rnd: random.Random, inner: str) -> pa.Array:
    offsets = _offsets(mask, rnd, False)
    items = _children(kind.value_field, int(offsets[-1]), rnd, inner)
    wide = pa.types.is_large_list(kind) or pa.types.is_large_list_view(kind)
    if is_list_view(kind):
        number = pa.int64() if wide else pa.int32()
        name = "LargeListViewArray" if wide else "ListViewArray"
        return getattr(pa, name).from_arrays(
            pa.array(offsets[:-1], number),
            pa.array(np.diff(offsets), number),
            items,
            type=kind,
            mask=pa.array(mask),
        )
    name = "LargeListArray" if wide else "ListArray"
    return getattr(pa, name).from_arrays(_with_nulls(offsets, mask, wide), items, type=kind)


def table_of(name: str, pattern: str, count: int = 300, salt: object = 0) -> pa.Table:
    """A column `v` of the named type beside a counter, always the same for a name."""
    rnd = random.Random(zlib.crc32(f"{SEED} {name} {pattern} {salt}".encode()))
    values = column(TYPES[name], count, pattern, rnd)
    return pa.table({"n": pa.array(range(count), pa.int32()), "v": values})


# ------------------------------------------------------------------------ equality


def assert_same(actual: pa.Table, expected: pa.Table, what: str = "") -> None:
    """Equal schemas, rows and values; floats by their bits, nulls by their place."""
    assert actual.schema.equals(expected.schema), (
        f"{what}: schemas differ\n--- found\n{actual.schema}\n--- expected\n{expected.schema}"
    )
    assert_same_values(actual, expected, what)


def assert_same_values(actual: pa.Table, expected: pa.Table, what: str = "") -> None:
    assert actual.num_rows == expected.num_rows, (
        f"{what}: {actual.num_rows} rows, expected {expected.num_rows}"
    )
    assert actual.column_names == expected.column_names, what
    for name, found, wanted in zip(actual.column_names, actual.columns, expected.columns):
        found.validate(full=True)
        where = difference(whole(found), whole(wanted), name)
        assert where is None, f"{what}: {where}"


def whole(chunked: pa.ChunkedArray) -> pa.Array:
    """One array of the column; dictionaries are decoded, for chunks may differ."""
    chunks = [_plain(chunk) for chunk in chunked.chunks]
    if not chunks:
        return _plain(pa.nulls(0, chunked.type))
    return pa.concat_arrays(chunks)


def _plain(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        return pc.run_end_decode(array)
    return array


def difference(found: pa.Array, wanted: pa.Array, path: str) -> str | None:
    """Where two arrays of one type differ first, or None."""
    found, wanted = _plain(found), _plain(wanted)
    if len(found) != len(wanted):
        return f"{path}: {len(found)} values, expected {len(wanted)}"
    if not found.type.equals(wanted.type):
        return f"{path}: type {found.type}, expected {wanted.type}"
    if pa.types.is_null(found.type):
        return None
    at = _first(_nulls(found) != _nulls(wanted))
    if at is not None:
        return f"{path}[{at}]: {found[at]!r}, expected {wanted[at]!r}"
    if pa.types.is_struct(found.type):
        return _struct_difference(found, wanted, path)
    if _is_nested(found.type):
        return _list_difference(found, wanted, path)
    if pa.types.is_floating(found.type):
        return _float_difference(found, wanted, path)
    if found.equals(wanted):
        return None
    for i in range(len(found)):
        if not found[i].equals(wanted[i]):
            return f"{path}[{i}]: {found[i]!r}, expected {wanted[i]!r}"
    return f"{path}: arrays differ"


def _nulls(array: pa.Array) -> np.ndarray:
    return array.is_null().to_numpy(zero_copy_only=False)


def _first(flags: np.ndarray) -> int | None:
    hits = np.flatnonzero(flags)
    return int(hits[0]) if len(hits) else None


def _is_nested(kind: pa.DataType) -> bool:
    return is_list(kind) or pa.types.is_map(kind) or pa.types.is_fixed_size_list(kind)


def _struct_difference(found: pa.Array, wanted: pa.Array, path: str) -> str | None:
    pairs = zip(found.type, found.flatten(), wanted.flatten())
    for field, mine, theirs in pairs:
        where = difference(mine, theirs, f"{path}.{field.name}")
        if where is not None:
            return where
    return None


def _list_difference(found: pa.Array, wanted: pa.Array, path: str) -> str | None:
    if not pa.types.is_fixed_size_list(found.type):
        at = _first(_lengths(found) != _lengths(wanted))
        if at is not None:
            return f"{path}[{at}]: {found[at]!r}, expected {wanted[at]!r}"
    return difference(_elements(found), _elements(wanted), f"{path}[]")


def _elements(array: pa.Array) -> pa.Array:
    """The elements of the lists that are not null, one list after another."""
    if not pa.types.is_map(array.type):
        return array.flatten()
    pair = pa.struct([array.type.key_field, array.type.item_field])
    pairs = pa.StructArray.from_arrays([array.keys, array.items], fields=list(pair))
    buffers = array.buffers()[:2]
    lists = pa.Array.from_buffers(pa.list_(pair), len(array), buffers, offset=array.offset, children=[pairs])
    return lists.flatten()


def _lengths(array: pa.Array) -> np.ndarray:
    if is_list_view(array.type):
        lengths = np.asarray(array.sizes)
    else:
        lengths = np.diff(np.asarray(array.offsets))
    return np.where(_nulls(array), 0, lengths)


def _float_difference(found: pa.Array, wanted: pa.Array, path: str) -> str | None:
    width = found.type.bit_width
    number = {16: np.uint16, 32: np.uint32, 64: np.uint64}[width]
    valid = ~_nulls(found)
    mine = _bits(found, number)[valid]
    theirs = _bits(wanted, number)[valid]
    at = _first(mine != theirs)
    if at is None:
        return None
    at = int(np.flatnonzero(valid)[at])
    return f"{path}[{at}]: {found[at]!r}, expected {wanted[at]!r} (bits differ)"


def _bits(array: pa.Array, number: type) -> np.ndarray:
    width = np.dtype(number).itemsize
    data = array.buffers()[1]
    if data is None:
        return np.zeros(0, number)
    return np.frombuffer(data, number, len(array), array.offset * width)


# --------------------------------------------------------------------------- pairs


def all_pairs(axes: dict[str, list], seed: int = 1) -> list[dict]:
    """Few rows in which every two values of every two axes meet at least once.

    Greedy: each row starts from a pair not yet met and takes on every other axis the
    value that meets most of those that are left. The same axes give the same rows.
    """
    names = list(axes)
    rnd = random.Random(seed)
    left = {
        (i, a, j, b)
        for i in range(len(names))
        for j in range(i + 1, len(names))
        for a in range(len(axes[names[i]]))
        for b in range(len(axes[names[j]]))
    }
    queue = sorted(left)
    rnd.shuffle(queue)
    rows = []
    for pair in queue:
        if pair in left:
            row = _grow_row(pair, axes, names, left, rnd)
            left -= _pairs_of(row)
            rows.append({n: axes[n][row[i]] for i, n in enumerate(names)})
    return rows


def _pairs_of(row: dict[int, int]) -> set[tuple[int, int, int, int]]:
    places = sorted(row)
    return {(i, row[i], j, row[j]) for i in places for j in places if i < j}


def _grow_row(pair, axes, names, left, rnd) -> dict[int, int]:
    row = {pair[0]: pair[1], pair[2]: pair[3]}
    for k in range(len(names)):
        if k in row:
            continue
        choices = list(range(len(axes[names[k]])))
        rnd.shuffle(choices)
        row[k] = max(choices, key=lambda c: _gain(row, k, c, left))
    return row


def _gain(row: dict[int, int], k: int, choice: int, left: set) -> int:
    pairs = ((i, a, k, choice) if i < k else (k, choice, i, a) for i, a in row.items())
    return sum(pair in left for pair in pairs)
