"""Pointwise functions that NumPy lacks."""

from __future__ import annotations

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.chunks import SHARED_NUMBERS, in_chunks

# Numbers without dimensions: NumPy's functions take them faster than Python's.
Numbers = tuple[Array, ...]


def singles(*values: float) -> Numbers:
    """Numbers in float32."""
    return tuple(np.array(value, np.float32) for value in values)


def doubles(*values: float) -> Numbers:
    """Numbers in float64."""
    return tuple(np.array(value, np.float64) for value in values)


ZERO = np.array(0.0, np.float32)
ONE = np.array(1.0, np.float32)
TWO = np.array(2.0, np.float32)
THREE = np.array(3.0, np.float32)
FOUR = np.array(4.0, np.float32)
SIX = np.array(6.0, np.float32)

# q in erf(x) = 1 - exp(-x q(x)) for x in 0..4, highest power first: a minimax fit, good to 4e-9.
ERF_EXPONENT = singles(
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
    doubles(
        -2.37630166566501626084e-05,
        -5.77027029648944159157e-03,
        -2.84817495755985104766e-02,
        -3.25042107247001499370e-01,
        1.28379167095512558561e-01,
    ),
    doubles(
        -3.96022827877536812320e-06,
        1.32494738004321644526e-04,
        5.08130628187576562776e-03,
        6.50222499887672944485e-02,
        3.97917223959155352819e-01,
        1.0,
    ),
)
ERF_MIDDLE = (
    doubles(
        -2.16637559486879084300e-03,
        3.54783043256182359371e-02,
        -1.10894694282396677476e-01,
        3.18346619901161753674e-01,
        -3.72207876035701323847e-01,
        4.14856118683748331666e-01,
        -2.36211856075265944077e-03,
    ),
    doubles(
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
    doubles(
        -9.81432934416914548592e00,
        -8.12874355063065934246e01,
        -1.84605092906711035994e02,
        -1.62396669462573470355e02,
        -6.23753324503260060396e01,
        -1.05586262253232909814e01,
        -6.93858572707181764372e-01,
        -9.86494403484714822705e-03,
    ),
    doubles(
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
    doubles(
        -4.83519191608651397019e02,
        -1.02509513161107724954e03,
        -6.37566443368389627722e02,
        -1.60636384855821916062e02,
        -1.77579549177547519889e01,
        -7.99283237680523006574e-01,
        -9.86494292470009928597e-03,
    ),
    doubles(
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


# Ln(P(x) / P(-x)) = x f(x * x) for the normal distribution function P, with f as the fraction
# f0 + f1 / (t + f2 + f3 / (t + f4 + f5 / (t + f6))): a minimax fit for P and x P, good to 5e-9.
# From the inside out, f0 and f1 negative.
GELU_EXPONENT = singles(
    37.73868488021378,
    1111.604502118663,
    -24.310484350837104,
    -22.565994862324033,
    134.28900657366086,
    1033.0007580529186,
    -9.54787156,
)

# ln(1 + y) = s q(s * s) with s = y / (2 + y), for y in 0..1, highest power first: a minimax fit,
# good to 4e-9.
LOG_OF_MORE = singles(
    2.8178336310439855e-01,
    2.79606027511215e-01,
    4.00249102531601e-01,
    6.66663146837895e-01,
    2.0000000079208142,
)


def polynomial(x: Array, coefficients: Numbers, target: Array | None = None) -> Array:
    """The polynomial with `coefficients`, highest power first, by Horner's rule."""
    result = np.empty_like(x) if target is None else target
    np.multiply(x, coefficients[0], result)
    for coefficient in coefficients[1:-1]:
        np.add(result, coefficient, result)
        np.multiply(result, x, result)
    np.add(result, coefficients[-1], result)
    return result


def fraction(x: Array, parts: Numbers, target: Array) -> None:
    """The continued fraction of `parts`, from the inside out: `p6 + p5 / (x + p4 + p3 / ...)`."""
    np.add(x, parts[0], target)
    for place in range(1, len(parts) - 2, 2):
        np.divide(parts[place], target, target)
        np.add(target, x, target)
        np.add(target, parts[place + 1], target)
    np.divide(parts[-2], target, target)
    np.add(target, parts[-1], target)


def erf_into(source: Array, target: Array, size: Array, exponent: Array) -> None:
    """The error function of a piece of an array."""
    if source.dtype == np.float64:
        erf_double(source, target)
        return
    np.abs(source, out=size)
    np.minimum(size, FOUR, out=size)
    polynomial(size, ERF_EXPONENT, exponent)
    np.multiply(exponent, size, out=exponent)
    np.negative(exponent, out=exponent)
    np.exp(exponent, out=exponent)
    np.subtract(ONE, exponent, out=exponent)
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


def erf(x: Array, *, out: Array | None = None) -> Array:
    """The error function, within 1.5e-7 in float32 and 1e-15 in float64."""
    return in_chunks(erf_into, x, out, 2)


def gelu_into(source: Array, target: Array, square: Array, power: Array) -> None:
    """`gelu` of a piece of an array: `x / (1 + exp(-x f(x * x)))` in float32."""
    if source.dtype == np.float64:
        np.multiply(source, 0.7071067811865476, out=power)
        erf_double(power, power)
        np.add(power, 1.0, out=power)
        np.multiply(power, 0.5, out=power)
        np.multiply(power, source, out=target)
        return
    np.square(source, out=square)
    fraction(square, GELU_EXPONENT, power)
    np.multiply(power, source, out=power)
    np.exp(power, out=power)
    np.add(power, ONE, out=power)
    np.divide(source, power, out=target)


def gelu(x: Array, *, out: Array | None = None) -> Array:
    """The Gaussian error linear unit (Hendrycks and Gimpel 2016), exact."""
    return in_chunks(gelu_into, x, out, 2)


def gelu_tanh_into(source: Array, target: Array, power: Array) -> None:
    """`gelu_tanh` of a piece of an array, by `(1 + tanh(y)) / 2 = 1 / (1 + exp(-2 y))`."""
    number = source.dtype.type
    np.square(source, out=power)
    np.multiply(power, number(-0.044715 * 1.5957691216057308), out=power)
    np.subtract(power, number(1.5957691216057308), out=power)
    np.multiply(power, source, out=power)
    np.exp(power, out=power)
    np.add(power, ONE, out=power)
    np.divide(source, power, out=target)


def gelu_tanh(x: Array, *, out: Array | None = None) -> Array:
    """The Gaussian error linear unit with the approximation by tanh."""
    return in_chunks(gelu_tanh_into, x, out, 1)


def one_and_power(source: Array, power: Array) -> None:
    """`1 + exp(-x)` of a piece of an array: 1 over it is the logistic function."""
    np.negative(source, out=power)
    np.exp(power, out=power)
    np.add(power, ONE, out=power)


def sigmoid_into(source: Array, target: Array, power: Array) -> None:
    """`1 / (1 + exp(-x))` of a piece of an array."""
    one_and_power(source, power)
    np.divide(ONE, power, out=target)


def sigmoid(x: Array, *, out: Array | None = None) -> Array:
    """The logistic function."""
    return in_chunks(sigmoid_into, x, out, 1)


def silu_into(source: Array, target: Array, power: Array) -> None:
    """`x * sigmoid(x)` of a piece of an array."""
    one_and_power(source, power)
    np.divide(source, power, out=target)


def silu(x: Array, *, out: Array | None = None) -> Array:
    """The sigmoid linear unit."""
    return in_chunks(silu_into, x, out, 1)


def softplus_into(source: Array, target: Array, power: Array, square: Array, series: Array) -> None:
    """`max(x, 0) + log(1 + exp(-|x|))` of a piece of an array."""
    np.abs(source, out=power)
    np.negative(power, out=power)
    np.exp(power, out=power)
    if source.dtype == np.float64:
        np.log1p(power, out=power)
    else:
        np.add(power, TWO, out=square)
        np.divide(power, square, out=power)
        np.square(power, out=square)
        np.multiply(power, polynomial(square, LOG_OF_MORE, series), out=power)
    np.maximum(source, ZERO, out=square)
    np.add(power, square, out=target)


def softplus(x: Array, *, out: Array | None = None) -> Array:
    """`log(1 + exp(x))`, without overflow."""
    return in_chunks(softplus_into, x, out, 3)


def hardsigmoid_into(source: Array, target: Array) -> None:
    """`clamp(x + 3, 0, 6) / 6` of a piece of an array."""
    np.add(source, THREE, out=target)
    np.clip(target, ZERO, SIX, out=target)
    np.divide(target, SIX, out=target)


def hardsigmoid(x: Array, *, out: Array | None = None) -> Array:
    """The logistic function in three straight pieces (Howard et al. 2019)."""
    return in_chunks(hardsigmoid_into, x, out)


def hardswish_into(source: Array, target: Array, gate: Array) -> None:
    """`x * hardsigmoid(x)` of a piece of an array."""
    hardsigmoid_into(source, gate)
    np.multiply(source, gate, out=target)


def hardswish(x: Array, *, out: Array | None = None) -> Array:
    """`x` times its hard sigmoid."""
    return in_chunks(hardswish_into, x, out, 1)


def relu_into(source: Array, target: Array | None) -> Array:
    """`max(x, 0)` of a piece of an array."""
    return np.asarray(np.maximum(source, source.dtype.type(0), out=target))


def relu(x: Array, *, out: Array | None = None) -> Array:
    """What is positive of `x`; NaN stays."""
    if x.size < SHARED_NUMBERS:
        return relu_into(x, out)
    return in_chunks(relu_into, x, out)


def integer_power(x: Array, exponent: int, *, out: Array | None = None) -> Array:
    """`x` to a small positive whole number by multiplication, which is much faster than `**`."""
    bits = bin(exponent)[3:]

    def power_into(source: Array, target: Array, power: Array) -> None:
        """The power of a piece of an array, a bit of the exponent at a time."""
        result = source
        for bit in bits:
            result = np.multiply(result, result, out=power)
            if bit == "1":
                np.multiply(power, source, out=power)
        np.copyto(target, result)

    return in_chunks(power_into, x, out, 1)
