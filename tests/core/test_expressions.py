"""Arithmetic of case files: what it gives, and that it is data."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest

from solver.core.expressions import MAX_TEXT, ExpressionError, evaluate, interface_values

X = np.array([0.0, 0.25, 2.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", np.full(3, 2.0)),
        ("1 + 0.5*cos(2*pi*x)", 1.0 + 0.5 * np.cos(2.0 * np.pi * X)),
        ("-x**2 + +3", 3.0 - X**2),
        ("2**3**2", np.full(3, 512.0)),
        ("min(x, 1, 0.5) + max(x, 1)", np.minimum(X, 0.5) + np.maximum(X, 1.0)),
        ("exp(-((x - 1)/0.5)**2)", np.exp(-(((X - 1.0) / 0.5) ** 2))),
        ("sqrt(abs(x)) * tanh(x) / (1 + log(1 + x))", np.sqrt(X) * np.tanh(X) / (1.0 + np.log1p(X))),
        ("  1e-2 * x\n", 0.01 * X),
    ],
)
def test_arithmetic(text: str, expected: np.ndarray) -> None:
    np.testing.assert_allclose(evaluate(text, {"x": X}), expected, rtol=1e-14)


@pytest.mark.parametrize("text", ["1/x", "log(x - 9)", "(-1.0)**0.5", "10.0**400", "10**400", "0*1e999"])
def test_what_has_no_finite_value_is_no_exception(text: str) -> None:
    assert not np.all(np.isfinite(evaluate(text, {"x": X})))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 +", "cannot be read as arithmetic"),
        ("10 um", "products are written with"),
        ("", "cannot be read"),
        ("x\x00", "cannot be read"),
        ("(" * 250 + "x" + ")" * 250, "characters"),
        ("(" * 240 + "x" + ")" * 240, "cannot be read"),
        ("-" * 499 + "x", ""),
        ("z", "unknown name 'z'; there are pi, x"),
        ("x^2", r"a power is written \*\*"),
        ("sinh(x)", "unknown function 'sinh'"),
        ("sin(x, x)", "sin takes one value"),
        ("min(x)", "min takes two values or more"),
        ("sin(*x)", "no arithmetic"),
        ("min(x, y=1)", "no arithmetic"),
        ("True", "no arithmetic"),
        ("1j", "no arithmetic"),
        ("'a'*9", "no arithmetic"),
        ("[x][0]", "no arithmetic"),
        ("x if x else 1", "no arithmetic"),
        ("x < 1", "no arithmetic"),
        ("x.shape", "no arithmetic"),
        ("sin.__class__", "no arithmetic"),
        ("(lambda: 1)()", "no arithmetic"),
        ("__import__('os').system('true')", "no arithmetic"),
        ("[c for c in ().__class__.__base__.__subclasses__()]", "no arithmetic"),
        ("x := 2", "cannot be read"),
        ("9" * 400, "too large"),
        ("x" + " " * MAX_TEXT, "at most"),
    ],
)
def test_anything_else_is_refused(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("an expression reached the interpreter")

    monkeypatch.setattr(builtins, "eval", never)
    monkeypatch.setattr(builtins, "exec", never)
    if not message:
        # many signs are arithmetic, or too deep for Python's parser: no crash either way
        try:
            evaluate(text, {"x": X})
        except ExpressionError:
            return
        return
    with pytest.raises(ExpressionError, match=message):
        evaluate(text, {"x": X})


def test_lengths_by_name_are_those_of_the_cell() -> None:
    points = np.array([[0.0, 1.0], [0.5, 2.0], [9.0, 9.0]])
    found = interface_values("x/width + 10*y/depth + um/(1000*nm) + mm/(1000*um)", "3d", (2.0, 4.0), points)
    np.testing.assert_allclose(found, [0.0 + 1.25 + 2.0, 0.5 + 5.0 + 2.0])
    np.testing.assert_allclose(interface_values("r/width", "axisymmetric", (2.0,), points), [0.0, 0.5])
    with pytest.raises(ExpressionError, match="unknown name 'x'"):
        interface_values("x/um", "axisymmetric", (2.0,), points)
    with pytest.raises(ExpressionError, match="unknown name 'y'"):
        interface_values("y/um", "plane", (2.0,), points)
