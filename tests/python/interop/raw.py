# SPDX-License-Identifier: Apache-2.0
"""Arrays that no library would build, laid by hand in the C data interface.

In come a type, the numbers of an ArrowArray and its buffers (bytes, or None for an
absent one), out comes an object with `__arrow_c_array__`. Nothing is checked on the
way: that is the point.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa


class _Array(ctypes.Structure):
    """struct ArrowArray, as the specification of the interface lays it out."""


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


def _released(array) -> None:
    array.contents.release = _RELEASE()


_release = _RELEASE(_released)
_capsule = ctypes.pythonapi.PyCapsule_New
_capsule.restype = ctypes.py_object
_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Raw:
    """One array; keeps its buffers alive as long as itself."""

    def __init__(self, kind, length, buffers, children=(), null_count=-1, offset=0, dictionary=None):
        self.kind = kind
        self._kept = [
            None if b is None else ctypes.create_string_buffer(bytes(b), len(b) + 64) for b in buffers
        ]
        self._children = list(children)
        self._dictionary = dictionary
        places = [None if b is None else ctypes.addressof(b) for b in self._kept]
        self._buffers = (ctypes.c_void_p * max(1, len(places)))(*places)
        below = [ctypes.pointer(child.struct) for child in self._children]
        self._below = (ctypes.POINTER(_Array) * max(1, len(below)))(*below)
        self.struct = _Array(
            length=length,
            null_count=null_count,
            offset=offset,
            n_buffers=len(places),
            n_children=len(below),
            buffers=self._buffers,
            children=self._below,
            release=_release,
        )
        if dictionary is not None:
            self.struct.dictionary = ctypes.pointer(dictionary.struct)

    def __arrow_c_schema__(self):
        return self.kind.__arrow_c_schema__()

    def __arrow_c_array__(self, requested_schema=None):
        array = _capsule(ctypes.addressof(self.struct), b"arrow_array", None)
        return self.kind.__arrow_c_schema__(), array


def raw_batch(columns: dict[str, Raw], length: int) -> Raw:
    """A record batch of raw columns: a struct without nulls."""
    kind = pa.struct([(name, column.kind) for name, column in columns.items()])
    return Raw(kind, length, [None], list(columns.values()), null_count=0)
