"""Quantities with units in case and material files: parsed once, at load, into SI floats."""

from __future__ import annotations

import functools
import math
import re
from typing import Annotated, Any

import pint
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from solver.case.unit_grammar import PATTERN, SPACE, read_unit

MAX_TEXT = 80
"""Longest text accepted as a quantity."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_TIMES_TEN = rf"[{SPACE}]*[x×·⋅*][{SPACE}]*10"
"""As papers write powers of ten: 8×10⁻¹⁵, 8 x 10^-15, 8*10**-15."""
_QUANTITY = re.compile(
    r"[ \t]*(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3}"
    rf"|{_TIMES_TEN}(?P<power>(?:\^|\*\*)[+-]?[0-9]{{1,2}}(?![0-9])|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,2}}))?|[+-]?inf)"
    r"(?P<unit>.*)",
    re.DOTALL,
)
_NUMBER_PATTERN = (
    r"[+\-−]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+\-−]?[0-9]{1,3}"
    rf"|{_TIMES_TEN}(?:(?:\^|\*\*)[+\-−]?[0-9]{{1,2}}|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,2}}))?"
)
_BEYOND_NUMBERS = 1e308
"""What is above it is inf."""


@functools.cache
def registry() -> pint.UnitRegistry:  # type: ignore[type-arg]
    """The unit registry (made on first use: it takes a noticeable time)."""
    return pint.UnitRegistry()


def parse_quantity(text: object, unit: str, shown: str | None = None) -> float:
    """Value of ``text`` in ``unit``.

    Args:
        text: for example ``"0.2 MPa"``; a bare number is refused unless ``unit`` is dimensionless.
        unit: unit of the result.
        shown: customary unit, which messages suggest (default: ``unit``).

    Raises:
        ValueError: if the text is no quantity, lacks a unit or has one of another dimension.
    """
    example = read_unit(unit if shown is None else shown).written()
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"expected a quantity such as '1 {example}'")
    if isinstance(text, (int, float)):
        if unit == "":
            return _number(text)
        if isinstance(text, float) and math.isinf(text) and text > 0:
            return text
        raise ValueError(f"needs a unit, for example '{text} {example}'")
    if len(text) > MAX_TEXT:
        raise ValueError(f"a quantity has at most {MAX_TEXT} characters")
    match = _QUANTITY.fullmatch(text.replace("\u2212", "-"))
    if match is None:
        raise ValueError(f"not a quantity: expected a number and a unit, for example '1 {example}'")
    unit_text = match["unit"].strip()
    if not unit_text and match["number"].endswith("inf"):
        return float(match["number"])
    if re.match(r",[0-9]", unit_text):
        raise ValueError(f"not a quantity: the decimal sign is a point, as in '1.5 {example}'")
    number = _finite(_number_in(match))
    if not unit_text and unit != "":
        raise ValueError(f"needs a unit, for example '{text.strip()} {example}'")
    return _finite(_convert(number, unit_text, unit, example))


def _number_in(match: re.Match[str]) -> float:
    """The number of a quantity."""
    if match["power"] is None:
        return float(match["number"])
    mantissa = re.split(_TIMES_TEN, match["number"])[0]
    return float(f"{mantissa}e{match['power'].lstrip('^*').translate(_SUPERSCRIPTS)}")


def split_quantity(value: object) -> tuple[float, str]:
    """Number and unit as it is written ("" for none) of a value such as ``"0.2 MPa"`` or 3.

    Raises:
        ValueError: if it is neither a number nor a quantity with a known unit.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value), ""
    text = value.replace("\u2212", "-") if isinstance(value, str) and len(value) <= MAX_TEXT else ""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{value!r} is not a number with a unit")
    return _finite(_number_in(match)), read_unit(match["unit"]).written()


def convert(number: float, unit: str, wanted: str) -> float:
    """The same in another unit.

    Raises:
        ValueError: if the units are of different dimensions, or a text is no unit.
    """
    return _convert(number, unit, wanted, read_unit(wanted).written())


@functools.lru_cache(maxsize=8192)  # a study reads the same numbers for every run
def _convert(number: float, unit_text: str, wanted: str, example: str) -> float:
    unit, target = read_unit(unit_text), read_unit(wanted)
    fits = f"unit '{unit_text}' does not fit: expected one like '{example or '1'}'"
    if unit.factors == (("C", 1),) and target.plain() == "K":
        raise ValueError(f"{fits} ('C' is the coulomb; write '°C')")
    try:
        quantity = registry().Quantity(number, unit.plain() or "dimensionless")
        return float(quantity.to(target.plain() or "dimensionless").magnitude)
    except pint.DimensionalityError:
        raise ValueError(fits) from None
    except OverflowError:
        raise ValueError("is too large for a number") from None


def _number(value: float) -> float:
    """Finite float of a number of a TOML file, whose integers have any length."""
    try:
        return _finite(float(value))
    except OverflowError:
        raise ValueError("is too large for a number") from None


def _finite(value: float) -> float:
    if math.isnan(value):
        raise ValueError("is not a number")
    if math.isinf(value):
        raise ValueError("is not finite")
    return value


def format_quantity(value: float, shown: str, unit: str) -> str:
    """Text of an SI ``value`` in the customary unit ``shown``; reads back to the same value (to rounding)."""
    if math.isinf(value):
        return "inf"
    number = convert(value, unit, shown)
    near = (math.nextafter(number, -math.inf), math.nextafter(number, math.inf))
    candidates = [*(f"{number:.{digits}g}" for digits in range(10, 17)), repr(number), *map(repr, near)]
    text = next((t for t in candidates if convert(float(t), shown, unit) == value), repr(number))
    return f"{text} {shown}".strip()


def _readable(value: float, shown: str, unit: str) -> str:
    """Text of an SI ``value`` for a message."""
    return f"{format_quantity(value, shown, unit).removesuffix(shown)}{read_unit(shown).written()}"


def _check_range(
    value: float, low: float, high: float, shown: str, unit: str, infinite: bool, above: bool
) -> float:
    if math.isinf(value) and infinite and value > 0:
        return value
    if above and value <= low <= high:
        raise ValueError(f"must lie above {_readable(low, shown, unit)}")
    if not low <= value <= high:
        raise ValueError(f"must lie between {_readable(low, shown, unit)} and {_readable(high, shown, unit)}")
    return value


def _json_schema(
    unit: str, shown: str, low: float, high: float, *, infinite: bool, above: bool
) -> dict[str, Any]:
    """JSON schema of a quantity: text with a unit; a number where there is none, or for inf."""
    text = rf"[ \t]*{_NUMBER_PATTERN}[{SPACE}]*" + (f"(?:{PATTERN})" if unit else f"(?:{PATTERN})?")
    numbers: dict[str, object] = (
        {} if unit else {"exclusiveMinimum" if above else "minimum": low, "maximum": high}
    )
    if infinite:
        text, numbers = rf"(?:{text}|[ \t]*\+?inf[ \t]*)", {"exclusiveMinimum": _BEYOND_NUMBERS}
    return {
        "type": ["string", "number"] if numbers else "string",
        "pattern": f"^{text}$",
        "maxLength": MAX_TEXT,
        **numbers,
        "description": f"quantity convertible to {shown or 'a plain number'}" + (", not 0" if above else ""),
        "x-unit": shown,
        "x-minimum": format_quantity(low, shown, unit),
        "x-maximum": format_quantity(high, shown, unit),
    }


def quantity(
    unit: str, shown: str, low: float, high: float, *, infinite: bool = False, above: bool = False
) -> Any:
    """Annotated pydantic type of a quantity: SI ``unit`` inside, ``shown`` in text, range in SI.

    ``infinite``: ``"inf"`` is a value too; ``above``: the low end itself is none.
    """
    example = format_quantity(min(max(low, 1e-6), high) if low > 0 else high, shown, unit)
    schema = _json_schema(unit, shown, low, high, infinite=infinite, above=above) | {"examples": [example]}
    return Annotated[
        float,
        BeforeValidator(functools.partial(parse_quantity, unit=unit, shown=shown)),
        AfterValidator(lambda v: _check_range(v, low, high, shown, unit, infinite, above)),
        PlainSerializer(lambda v: format_quantity(v, shown, unit), return_type=str),
        WithJsonSchema(schema),
        Field(),
    ]


Length = quantity("m", "um", 1e-9, 1e-1)
Area = quantity("m**2", "cm**2", 1e-12, 1.0)
LengthOrInf = quantity("m", "um", 1e-9, 1e-1, infinite=True)
Position = quantity("m", "um", 0.0, 1e-1)
Pressure = quantity("Pa", "MPa", 0.0, 1e9)
Strength = quantity("Pa", "MPa", 0.0, 1e9, infinite=True)
Temperature = quantity("K", "K", 200.0, 453.0)
CurrentDensity = quantity("A/m**2", "mA/cm**2", 1e-3, 1e5)
Capacity = quantity("C/m**2", "mA*hour/cm**2", 0.0, 1e8, above=True)
CapacityReached = quantity("C/m**2", "mA*hour/cm**2", 0.0, 1e8)
Voltage = quantity("V", "V", -5.0, 5.0)
Duration = quantity("s", "s", 1e-12, 1e10)
AreaResistance = quantity("ohm*m**2", "ohm*cm**2", 0.0, 1e2)
Conductivity = quantity("S/m", "S/m", 1e-9, 1e4)
Diffusivity = quantity("m**2/s", "m**2/s", 1e-24, 1e-10)
MolarVolume = quantity("m**3/mol", "m**3/mol", 1e-7, 1e-3)
SurfaceEnergy = quantity("J/m**2", "J/m**2", 0.0, 100.0)
Angle = quantity("rad", "deg", 1e-3, math.pi - 1e-3)
Energy = quantity("J", "eV", 0.0, 1e-18)
MolarEnergy = quantity("J/mol", "kJ/mol", 0.0, 1e6)
Rate = quantity("1/s", "1/s", 0.0, 1e30)
CreepRate = quantity("1/s", "1/s", 1e-30, 1e30)
"""Not 0: metal that does not creep has no velocity for any stress."""
Viscosity = quantity("Pa*s", "Pa*s", 0.0, 1e20)
LineDensity = quantity("1/m", "1/um", 1e1, 1e8)
CreepStress = quantity("Pa", "MPa", 1e3, 1e9)
Exponent = quantity("", "", 1.0, 20.0)
PressureExponent = quantity("", "", 0.0, 10.0)
Ratio = quantity("", "", -1.0, 1.0)
Fraction = quantity("", "", 0.0, 0.999)
ExcessEnergy = quantity("J/mol", "kJ/mol", -1e6, 1e6)
ExcessEntropy = quantity("J/mol/K", "J/mol/K", -1e3, 1e3)
TransferCoefficient = quantity("", "", 0.01, 0.99)
StackPressure = quantity("Pa", "MPa", 1e2, 1e9)
Deviation = quantity("m", "um", 0.0, 1e-1)
SurfaceDiffusivity = quantity("m**3/s", "m**3/s", 1e-40, 1e-10)
STIFFEST = 1e15
"""Pa/m: 0.2 mm of steel, stiffer than any clamp; beyond it the platen's velocity is given."""
Stiffness = quantity("Pa/m", "MPa/um", 0.0, STIFFEST)
PlatenVelocity = quantity("m/s", "um/s", -1e-5, 1e-5)
Expansion = quantity("", "", -1.0, 3.0)
Capacitance = quantity("F/m**2", "uF/cm**2", 0.0, 1e3, above=True)
VacantFraction = quantity("", "", 0.0, 1e-2)
