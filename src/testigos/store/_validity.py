"""Which rows of a table have a value, as the bits that Polars keeps them in, without a copy to bytes between.

Source: Arrow C data and C stream interfaces, https://arrow.apache.org/docs/format/CDataInterface.html.
"""

import ctypes
from typing import Final

import numpy as np
import polars as pl

__all__ = ["validity"]


class _Array(ctypes.Structure):
    """``struct ArrowArray``."""


_Array._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.POINTER(_Array)),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    """``struct ArrowArrayStream``."""


_Stream._fields_ = [
    ("get_schema", ctypes.c_void_p),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_NAME: Final = b"arrow_array_stream"
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype = ctypes.c_void_p
_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def _bits(array: _Array, rows: int) -> bytes | None:
    """The first ``rows`` bits, the lowest of a byte first; those left over in the last byte are zero."""
    address = array.buffers[0] if array.n_buffers else None
    if address is None:
        return None
    first, shift = divmod(array.offset, 8)
    held = np.frombuffer(ctypes.string_at(address + first, (shift + rows + 7) // 8), np.uint8)
    if shift or rows % 8:
        bits = np.unpackbits(held, bitorder="little")[shift : shift + rows] if shift else None
        if bits is not None:
            return np.packbits(bits, bitorder="little").tobytes()
        held = held.copy()
        held[-1] &= (1 << rows % 8) - 1
    return held.tobytes()


def validity(table: pl.DataFrame) -> list[bytes | None]:
    """For each column a bit a row, 1 where it has a value; null where every row has one. The table has one chunk.

    >>> validity(pl.DataFrame({"a": [1, None, 3], "b": [1, 2, 3]}))
    [b'\\x05', None]
    """
    capsule = table.__arrow_c_stream__(None)
    stream = ctypes.cast(_pointer(capsule, _NAME), ctypes.POINTER(_Stream))
    array = _Array()
    if stream.contents.get_next(stream, ctypes.byref(array)) or not array.release:
        raise ValueError("no rows to export")
    try:
        return [_bits(array.children[i].contents, len(table)) for i in range(array.n_children)]
    finally:
        array.release(ctypes.byref(array))
