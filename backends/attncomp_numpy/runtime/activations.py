"""Pointwise functions that NumPy lacks."""

from __future__ import annotations

import numpy as np

from attncomp_numpy.runtime.arrays import Array, in_chunks

# q in erf(x) = 1 - exp(-x q(x)) for x in 0..4, highest power first: a minimax fit, good to 4e-9.
ERF_EXPONENT = (
    -8.871606455795877e-06,
    1.1400531888242083e-04,
    -6.189985047509172e-04,
    1.639686114126293e-03,
    -1.302485346683091e-04,
    -1.917161403583506e-02,
    1.0278384013276212e-01,
    6.366184933283632e-01,
    1.1283792135713295e00,
)

# fdlibm's approximations of erf for float64 (s_erf.c, Sun Microsystems 1993), highest power first.
ERF_SMALL = (
    (
        -2.37630166566501626084e-05,
        -5.77027029648944159157e-03,
        -2.84817495755985104766e-02,
        -3.25042107247001499370e-01,
        1.28379167095512558561e-01,
    ),
    (
        -3.96022827877536812320e-06,
        1.32494738004321644526e-04,
        5.08130628187576562776e-03,
        6.50222499887672944485e-02,
        3.97917223959155352819e-01,
        1.0,
    ),
)
ERF_MIDDLE = (
    (
        -2.16637559486879084300e-03,
        3.54783043256182359371e-02,
        -1.10894694282396677476e-01,
        3.18346619901161753674e-01,
        -3.72207876035701323847e-01,
        4.14856118683748331666e-01,
        -2.36211856075265944077e-03,
    ),
    (
        1.19844998467991074170e-02,
        1.36370839120290507362e-02,
        1.26171219808761642112e-01,
        7.18286544141962662868e-02,
        5.40397917702171048937e-01,
        1.06420880400844228286e-01,
        1.0,
    ),
)
ERF_LARGE = (
    (
        -9.81432934416914548592e00,
        -8.12874355063065934246e01,
        -1.84605092906711035994e02,
        -1.62396669462573470355e02,
        -6.23753324503260060396e01,
        -1.05586262253232909814e01,
        -6.93858572707181764372e-01,
        -9.86494403484714822705e-03,
    ),
    (
        -6.04244152148580987438e-02,
        6.57024977031928170135e00,
        1.08635005541779435134e02,
        4.29008140027567833386e02,
        6.45387271733267880336e02,
        4.34565877475229228821e02,
        1.37657754143519042600e02,
        1.96512716674392571292e01,
        1.0,
    ),
)
ERF_LARGEST = (
    (
        -4.83519191608651397019e02,
        -1.02509513161107724954e03,
        -6.37566443368389627722e02,
        -1.60636384855821916062e02,
        -1.77579549177547519889e01,
        -7.99283237680523006574e-01,
        -9.86494292470009928597e-03,
    ),
    (
        -2.24409524465858183362e01,
        4.74528541206955367215e02,
        2.55305040643316442583e03,
        3.19985821950859553908e03,
        1.53672958608443695994e03,
        3.25792512996573918826e02,
        3.03380607434824582924e01,
        1.0,
    ),
)
ERF_OF_ONE = 8.45062911510467529297e-01


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """The polynomial with `coefficients`, highest power first, by Horner's rule."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        np.multiply(result, x, out=result)
        np.add(result, x.dtype.type(coefficient), out=result)
    return result


def erf_into(source: Array, target: Array) -> None:
    """The error function of a piece of an array."""
    if source.dtype == np.float64:
        erf_double(source, target)
        return
    size = np.abs(source)
    np.minimum(size, np.float32(4.0), out=size)
    exponent = polynomial(size, ERF_EXPONENT)
    np.multiply(exponent, size, out=exponent)
    np.negative(exponent, out=exponent)
    np.exp(exponent, out=exponent)
    np.subtract(np.float32(1.0), exponent, out=exponent)
    np.copysign(exponent, source, out=target)


def erf_double(source: Array, target: Array) -> None:
    """The error function in float64, each interval by its own approximation."""
    sign = np.sign(source)
    size = np.minimum(np.abs(source), 6.0)
    result = np.array(size)
    for low, high, (top, bottom) in (
        (0.0, 0.84375, ERF_SMALL),
        (0.84375, 1.25, ERF_MIDDLE),
        (1.25, 1.0 / 0.35, ERF_LARGE),
        (1.0 / 0.35, 7.0, ERF_LARGEST),
    ):
        inside = (size >= low) & (size < high)
        x = size[inside]
        if low == 0.0:
            square = x * x
            value = x + x * (polynomial(square, top) / polynomial(square, bottom))
        elif high == 1.25:
            value = ERF_OF_ONE + polynomial(x - 1.0, top) / polynomial(x - 1.0, bottom)
        else:
            inverse = 1.0 / (x * x)
            # exp(-x * x) would lose digits: the square of x rounded to float32 is exact.
            rounded = x.astype(np.float32).astype(np.float64)
            exponent = np.exp(-rounded * rounded - 0.5625) * np.exp(
                (rounded - x) * (rounded + x)
                + polynomial(inverse, top) / polynomial(inverse, bottom)
            )
            value = 1.0 - exponent / x
        result[inside] = value
    np.multiply(result, sign, out=target)


def erf(x: Array, overwrite: bool = False) -> Array:
    """The error function, within 1.5e-7 in float32 and 1e-15 in float64."""
    return in_chunks(erf_into, x, overwrite)


def gelu_into(source: Array, target: Array) -> None:
    """`x * (1 + erf(x / sqrt(2))) / 2` of a piece of an array."""
    scaled = np.multiply(source, source.dtype.type(0.7071067811865476))
    erf_into(scaled, scaled)
    np.add(scaled, source.dtype.type(1.0), out=scaled)
    np.multiply(scaled, source.dtype.type(0.5), out=scaled)
    np.multiply(scaled, source, out=target)


def gelu(x: Array, overwrite: bool = False) -> Array:
    """The Gaussian error linear unit (Hendrycks and Gimpel 2016), exact."""
    return in_chunks(gelu_into, x, overwrite)


def gelu_tanh_into(source: Array, target: Array) -> None:
    """`gelu_tanh` of a piece of an array."""
    inner = np.multiply(source, source)
    np.multiply(inner, source.dtype.type(0.044715), out=inner)
    np.add(inner, source.dtype.type(1.0), out=inner)
    np.multiply(inner, source, out=inner)
    np.multiply(inner, source.dtype.type(0.7978845608028654), out=inner)
    np.tanh(inner, out=inner)
    np.add(inner, source.dtype.type(1.0), out=inner)
    np.multiply(inner, source.dtype.type(0.5), out=inner)
    np.multiply(inner, source, out=target)


def gelu_tanh(x: Array, overwrite: bool = False) -> Array:
    """The Gaussian error linear unit with the approximation by tanh."""
    return in_chunks(gelu_tanh_into, x, overwrite)


def sigmoid_into(source: Array, target: Array) -> None:
    """`1 / (1 + exp(-x))` of a piece of an array."""
    np.negative(source, out=target)
    np.exp(target, out=target)
    np.add(target, source.dtype.type(1.0), out=target)
    np.reciprocal(target, out=target)


def sigmoid(x: Array, overwrite: bool = False) -> Array:
    """The logistic function."""
    return in_chunks(sigmoid_into, x, overwrite)


def silu_into(source: Array, target: Array) -> None:
    """`x * sigmoid(x)` of a piece of an array."""
    gate = np.empty_like(source)
    sigmoid_into(source, gate)
    np.multiply(source, gate, out=target)


def silu(x: Array, overwrite: bool = False) -> Array:
    """The sigmoid linear unit."""
    return in_chunks(silu_into, x, overwrite)


def softplus_into(source: Array, target: Array) -> None:
    """`log(1 + exp(x))` of a piece of an array."""
    np.logaddexp(source, source.dtype.type(0.0), out=target)


def softplus(x: Array, overwrite: bool = False) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    return in_chunks(softplus_into, x, overwrite)


def hardsigmoid_into(source: Array, target: Array) -> None:
    """`clamp(x + 3, 0, 6) / 6` of a piece of an array."""
    np.add(source, source.dtype.type(3.0), out=target)
    np.clip(target, source.dtype.type(0.0), source.dtype.type(6.0), out=target)
    np.divide(target, source.dtype.type(6.0), out=target)


def hardsigmoid(x: Array, overwrite: bool = False) -> Array:
    """The logistic function in three straight pieces (Howard et al. 2019)."""
    return in_chunks(hardsigmoid_into, x, overwrite)


def hardswish_into(source: Array, target: Array) -> None:
    """`x * hardsigmoid(x)` of a piece of an array."""
    gate = np.empty_like(source)
    hardsigmoid_into(source, gate)
    np.multiply(source, gate, out=target)


def hardswish(x: Array, overwrite: bool = False) -> Array:
    """`x` times its hard sigmoid."""
    return in_chunks(hardswish_into, x, overwrite)


def relu(x: Array, overwrite: bool = False) -> Array:
    """What is positive of `x`; NaN stays."""
    return np.asarray(np.maximum(x, x.dtype.type(0), out=x if overwrite else None))


def integer_power(x: Array, exponent: int) -> Array:
    """`x` to a small positive whole number by multiplication, which is much faster than `**`."""
    result = x
    for bit in bin(exponent)[3:]:
        result = result * result
        if bit == "1":
            result = result * x
    return result
