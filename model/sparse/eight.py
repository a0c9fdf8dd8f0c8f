"""Eight floats at once: what a kernel keeps in registers where the compiler would not find it by itself.

Values of type `eight` live within a kernel only; every function here becomes one or a few instructions. On processors
without vectors of eight, LLVM makes two of four.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model
from numba.np.arrayobj import make_array

LANES = 8
_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
#: A product and a sum may be rounded once, as in all kernels.
_FLAGS = ("contract", "nsz")


class _Eight(types.Type):
    def __init__(self) -> None:
        super().__init__(name="eight")


eight = _Eight()


@register_model(_Eight)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _FLOATS)


def _floats(*values: float) -> ir.Constant:
    return ir.Constant(_FLOATS, list(values * LANES)[:LANES])


def _ints(value: int) -> ir.Constant:
    return ir.Constant(_INTS, [value] * LANES)


Make = Callable[[ir.IRBuilder, Sequence[Any]], Any]


def _of(n: int) -> Callable[[Make], Any]:
    """An instruction that takes `n` eights and gives one."""

    def made(make: Make) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
            return make(builder, values)

        by_number: dict[int, Callable[..., Any]] = {
            1: lambda context, a: (eight(eight), generate),
            2: lambda context, a, b: (eight(eight, eight), generate),
            3: lambda context, a, b, c: (eight(eight, eight, eight), generate),
        }
        return intrinsic(by_number[n])

    return made


def _place(context: Any, builder: ir.IRBuilder, kind: Any, values: Sequence[Any]) -> Any:
    """Where eight floats of a contiguous array begin."""
    start = builder.gep(make_array(kind)(context, builder, values[0]).data, [values[1]])
    return builder.bitcast(start, _FLOATS.as_pointer())


@intrinsic
def load(context: Any, row: Any, index: Any) -> Any:
    """row[index : index + 8]; there is no check that they are there."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
        return builder.load(_place(context, builder, signature.args[0], values), align=4)

    return eight(row, types.uintp), generate


@intrinsic
def store(context: Any, row: Any, index: Any, value: Any) -> Any:
    """row[index : index + 8] = value."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
        builder.store(values[2], _place(context, builder, signature.args[0], values), align=4)
        return context.get_dummy_value()

    return types.void(row, types.uintp, eight), generate


@intrinsic
def spread(context: Any, value: Any) -> Any:
    """One float in all eight."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
        one = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), values[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(one, ir.Constant(_FLOATS, ir.Undefined), _ints(0))

    return eight(types.float32), generate


@intrinsic
def any_above(context: Any, a: Any, b: Any) -> Any:
    """Whether a > b in any of the eight."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Sequence[Any]) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *values), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0))

    return types.boolean(eight, eight), generate


@_of(2)
def plus(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    return build.fadd(*values, flags=_FLAGS)


@_of(2)
def minus(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    return build.fsub(*values, flags=_FLAGS)


@_of(2)
def times(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    return build.fmul(*values, flags=_FLAGS)


@_of(2)
def over(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    return build.fdiv(*values, flags=_FLAGS)


@_of(3)
def fused(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    """a * b + c"""
    return _fused(build, *values)


def _fused(build: ir.IRBuilder, a: Any, b: Any, c: Any) -> Any:
    return build.fadd(build.fmul(a, b, flags=_FLAGS), c, flags=_FLAGS)


@_of(1)
def magnitude(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    bits = build.and_(build.bitcast(values[0], _INTS), _ints(0x7FFFFFFF))
    return build.bitcast(bits, _FLOATS)


@_of(2)
def larger(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    a, b = values
    return build.select(build.fcmp_ordered(">", a, b), a, b)


@_of(2)
def above(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    """1 where a > b, else 0."""
    return build.select(build.fcmp_ordered(">", *values), _floats(1.0), _floats(0.0))


@_of(3)
def where_above(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    """c where a > b, else 0."""
    a, b, c = values
    return build.select(build.fcmp_ordered(">", a, b), c, _floats(0.0))


@_of(1)
def exponential(build: ir.IRBuilder, values: Sequence[Any]) -> Any:
    """e to the x for x <= 0, to 2e-7 of its value; below -87 what it is there, 1.6e-38."""
    bound = _floats(-87.0)
    x = build.select(build.fcmp_ordered(">", values[0], bound), values[0], bound)
    # to the nearest whole number: adding and taking away 1.5 * 2**23 leaves no fraction
    shift = _floats(12582912.0)
    n = build.fsub(build.fadd(build.fmul(x, _floats(1.44269504)), shift), shift)
    r = _fused(build, n, _floats(-0.693359375), x)
    r = _fused(build, n, _floats(2.12194440e-4), r)
    y = _floats(1.9875691500e-4)
    for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        y = _fused(build, y, r, _floats(c))
    y = build.fadd(_fused(build, build.fmul(y, r), r, r), _floats(1.0))
    power = build.shl(build.add(build.fptosi(n, _INTS), _ints(127)), _ints(23))
    return build.fmul(y, build.bitcast(power, _FLOATS))
