"""Two requests to the compiler that numba has no words for: borrow an array, and fetch a row ahead of its use.

Neither changes a value; interpreted, both do nothing.
"""

from __future__ import annotations

import warnings

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaExperimentalFeatureWarning
from numba.extending import intrinsic, overload

# Borrowed arrays are of another type than owned ones; numba tells about that whenever it meets both.
warnings.filterwarnings("ignore", category=NumbaExperimentalFeatureWarning)


def borrow(array):  # type: ignore[no-untyped-def]
    """Return the array without its owner, whom the caller keeps alive.

    Numba counts references to the owner, by atomic instructions, wherever an array is handed on; in the calendar's
    inner loop that takes a quarter of the time. Without an owner there is nothing to count.
    """
    return array


def prefetch(array, row, offset) -> None:  # type: ignore[no-untyped-def]
    """Ask for the cache line at byte `offset` of row `row` of an array of records."""


@intrinsic
def _borrow(typing_context, array):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), build


@intrinsic
def _prefetch(typing_context, array, row, offset):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        word, number, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        step = builder.mul(arguments[1], builder.extract_value(view.strides, 0))
        start = builder.add(builder.ptrtoint(view.data, word), step)
        address = builder.inttoptr(builder.add(start, arguments[2]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        for_writing, keep_close, data = number(1), number(3), number(1)
        builder.call(call, [address, for_writing, keep_close, data])
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), build


@overload(borrow, jit_options={"forceinline": True})
def _compiled_borrow(array):  # type: ignore[no-untyped-def]
    return lambda array: _borrow(array)


@overload(prefetch, jit_options={"forceinline": True})
def _compiled_prefetch(array, row, offset):  # type: ignore[no-untyped-def]
    return lambda array, row, offset: _prefetch(array, row, offset)
