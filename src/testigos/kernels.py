"""How the functions that run for each message are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit

__all__ = ["kernel", "kernel_fma"]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that allocates nothing, and leave out the counting of references to its arrays.

    Counting costs some 80 ns a call where six arrays are handed on, more than all a message says. A function
    that does allocate is refused when it is compiled.
    """
    return njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)  # type: ignore[call-overload]


def kernel_fma(function: Callable[..., Any]) -> Any:
    """The same, where a product and a sum may be one rounding."""
    return njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, _nrt=False)(function)  # type: ignore[call-overload]
