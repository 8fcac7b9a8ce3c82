"""Arithmetic that a file contains, as ``1 + 0.5*cos(2*pi*x/(10*um))``: data that is read, not code that runs.

Python's own parser makes a tree of the text, and only what is listed here has a meaning in a tree. Nothing is
compiled, looked up by name elsewhere, or called but the functions of :data:`FUNCTIONS`.
"""

from __future__ import annotations

import ast
import functools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_TEXT = 500
"""Longest expression."""
Values = NDArray[np.float64] | np.float64
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "tanh": np.tanh,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": lambda *values: functools.reduce(np.minimum, values),
    "max": lambda *values: functools.reduce(np.maximum, values),
}
"""Functions by name; ``log`` is the natural one. All take one value, ``min`` and ``max`` two or more."""
MANY = ("min", "max")
CONSTANTS = {"pi": np.float64(np.pi)}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.float_power,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: np.positive, ast.USub: np.negative}
COORDINATES = {"plane": ("x",), "axisymmetric": ("r",), "3d": ("x", "y")}
"""Names of positions along the interface, by kind of cell."""
_EXTENTS = ("width", "depth")
_UNITS = {"nm": 1e-3, "um": 1.0, "mm": 1e3}
"""Lengths by which positions (um) are divided."""


class ExpressionError(ValueError):
    """A text that is no such expression; the message names what is wrong with it."""


@functools.lru_cache(maxsize=256)
def _tree(text: str) -> ast.expr:
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"an expression has at most {MAX_TEXT} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's parser about style
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = "products are written with *, as in 10*um, powers with **"
        raise ExpressionError(f"cannot be read as arithmetic ({hint})") from None


def evaluate(text: str, names: Mapping[str, NDArray[np.float64] | float]) -> NDArray[np.float64]:
    """Value of an expression.

    Args:
        text: sums, differences, products, quotients, powers (``**``) and :data:`FUNCTIONS` of numbers,
            ``pi`` and ``names``.
        names: values by name; arrays have one shape.

    Returns:
        An array of that shape, with inf or NaN where the arithmetic has no finite value.

    Raises:
        ExpressionError: if the text is anything else.
    """
    known = CONSTANTS | {name: np.asarray(value, dtype=np.float64) for name, value in names.items()}
    with np.errstate(all="ignore"):
        value = _value(_tree(text), known)
    shape = np.broadcast_shapes(*(np.shape(part) for part in known.values()))
    return np.array(np.broadcast_to(value, shape), dtype=np.float64)


def _value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=bool()):
            pass  # bool is an int to Python, and no number here
        case ast.Constant(value=int() | float() as number):
            return _number(number)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Name(id=name):
            raise ExpressionError(f"unknown name '{name}'; there are {', '.join(sorted(known))}")
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(operand, known))
        case ast.BinOp(op=ast.BitXor()):
            raise ExpressionError("a power is written **, not ^")
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_value(left, known), _value(right, known))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, [_value(argument, known) for argument in arguments])
    raise ExpressionError(f"'{ast.unparse(node)[:40]}' is no arithmetic")


def _number(number: float) -> np.float64:
    try:
        return np.float64(float(number))
    except OverflowError:
        raise ExpressionError("a number is too large") from None


def _called(name: str, arguments: list[Any]) -> Any:
    if name not in FUNCTIONS:
        raise ExpressionError(f"unknown function '{name}'; there are {', '.join(FUNCTIONS)}")
    few = len(arguments) < 2 if name in MANY else len(arguments) != 1
    if few:
        raise ExpressionError(f"{name} takes {'two values or more' if name in MANY else 'one value'}")
    return FUNCTIONS[name](*arguments)


def interface_values(
    text: str, kind: str, extents: Sequence[float], points: NDArray[np.float64], unit: float = 1.0
) -> NDArray[np.float64]:
    """An expression along the interface of a cell.

    Args:
        text: see :func:`evaluate`; lengths by name are the position (x; x and y; r), width (and depth) and
            nm, um, mm.
        kind: plane, axisymmetric or 3d.
        extents: of the cell (um).
        points: positions (one row each extent or more, n) in um.
        unit: number by which all lengths are multiplied, for what must not depend on it.

    Raises:
        ExpressionError: if the text is no expression of these.
    """
    lengths = dict(zip(_EXTENTS, extents, strict=False)) | _UNITS
    places = dict(zip(COORDINATES[kind], points, strict=False))
    return evaluate(text, {name: unit * value for name, value in (lengths | places).items()})
