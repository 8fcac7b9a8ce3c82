"""Units as people write them, such as ``mA/cm2``, ``mA cm⁻²``, ``Ω·cm²``, ``J/(mol K)``: a grammar.

    unit     = ["1"] ["/"] product         the 1 only before a division: 1/s
    product  = factor {[times | over] factor}
    factor   = (word | "(" product ")") [exponent]
    times    = "*" | "·" | "⋅" | "×" | "." | space          over = "/" | "per"
    exponent = ["^" | "**"] whole number from -9 to 9, or superscripts, directly behind its factor

A word is a unit of the tables below, with a prefix where it takes one. Only what is built from them reaches
pint: no text of a file does.
"""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass

PREFIXES = "afpnumcdhkMGT"
_LONG_PREFIXES = {
    "femto": "f", "pico": "p", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "deci": "d",
    "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T",
}  # fmt: skip
SYMBOLS = {
    name: name
    for name in ("m", "g", "s", "A", "K", "V", "ohm", "S", "Pa", "N", "J", "W", "C", "mol", "eV",
                 "cal", "rad", "Hz", "L", "l", "F")
} | {"Ohm": "ohm", "Ω": "ohm"}  # fmt: skip
_NAMES = {
    "meter": "m", "metre": "m", "gram": "g", "second": "s", "ampere": "A", "volt": "V", "ohm": "ohm",
    "siemens": "S", "pascal": "Pa", "newton": "N", "joule": "J", "watt": "W", "coulomb": "C", "mole": "mol",
    "radian": "rad", "hertz": "Hz", "farad": "F", "liter": "L", "litre": "L",
}  # fmt: skip
_WHOLE = {
    "h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "hours": "hour", "min": "minute",
    "minute": "minute", "minutes": "minute", "sec": "s", "d": "day", "day": "day", "days": "day",
    "yr": "year", "year": "year", "years": "year", "kelvin": "K", "degC": "degC", "°C": "degC",
    "celsius": "degC", "deg": "deg", "°": "deg", "degree": "deg", "degrees": "deg", "micron": "um",
    "microns": "um", "angstrom": "angstrom", "Å": "angstrom", "inch": "inch", "psi": "psi",
    "bar": "bar", "mbar": "mbar", "kbar": "kbar", "atm": "atm", "torr": "torr",
    "dyn": "dyn", "erg": "erg", "percent": "percent", "%": "percent", "ppm": "ppm",
}  # fmt: skip
_TIMES_LAST = ("hour", "minute", "s", "day", "year")
_SIGNS = str.maketrans(
    {"µ": "u", "μ": "u", "º": "°", "\u2126": "Ω", "\u212b": "Å", "℃": "°C",
     "·": "*", "⋅": "*", "×": "*", "∙": "*", "−": "-", "⁄": "/", "∕": "/",
     "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\t": " "}
)  # fmt: skip
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_SUPERSCRIPT = re.compile(f"[{_SUPERSCRIPTS}]+")
_PLAIN = str.maketrans(_SUPERSCRIPTS, "0123456789+-")

_WORD = re.compile(r"[A-Za-z]*[ΩÅ]|°[A-Za-z]*|[A-Za-z]+|%")
_OVER = re.compile(r"/|per(?![A-Za-z])")
_ONE = re.compile(r"1(?= *(?:/|per(?![A-Za-z])))")
_TIMES = re.compile(r"\*(?!\*)|\.")
_EXPONENT = re.compile(r"(?:\^|\*\*) *\( *(?P<inner>[+-]?[0-9]+) *\)|(?:\^|\*\*)? *(?P<plain>[+-]?[0-9]+)")
_POWER = re.compile(r"\^|\*\*|[+-]?[0-9]")
SPACE = r" \t\u00a0\u2009\u202f"
_LETTER = r"A-Za-zµμΩ\u2126Å\u212b°º℃%"
PATTERN = (
    rf"(?:(?:1[{SPACE}]*(?:[/⁄∕]|per)|[/⁄∕])[{SPACE}]*)?(?:\([({SPACE}]*)?[{_LETTER}]"
    rf"[{_LETTER}{SPACE}{_SUPERSCRIPTS}0-9^*·⋅×∙./⁄∕()+\-−]*"
)
"""Every unit matches it, for programs that know no grammar; not all that matches is a unit. No piece of it
takes what the one before could take, so that no text takes long."""
LARGEST_POWER = 9
"""Of a unit in all; one digit, so that what is written can be read."""


class UnitTextError(ValueError):
    """The text is no unit; the message names the sign or the word."""


@dataclass(frozen=True)
class Unit:
    """A product of powers of units.

    Attributes:
        factors: unit as pint names it and its exponent, in the order in which they were written.
    """

    factors: tuple[tuple[str, int], ...] = ()

    @property
    def is_celsius(self) -> bool:
        """Whether its zero is not that of its dimension."""
        return self.factors == (("degC", 1),)

    def plain(self) -> str:
        """What pint reads: the same text, and thus the same float, for every spelling."""
        factors = sorted(self.factors, key=lambda factor: (factor[1] < 0, factor[0] in _TIMES_LAST, factor))
        return "*".join(f"{name}**{power}" if power != 1 else name for name, power in factors)

    def written(self) -> str:
        """As people write it: ``mA/cm2``, ``mAh/cm2``, ``ohm cm2``, ``1/um``."""
        above = [_power(name, power) for name, power in self.factors if power > 0]
        below = [_power(name, -power) for name, power in self.factors if power < 0]
        text = re.sub(r"\b([a-zA-Z]?A) h\b", r"\1h", " ".join(above))
        return "/".join([text or "1", *below]) if text or below else ""


def _power(name: str, power: int) -> str:
    return {"hour": "h"}.get(name, name) + (str(power) if power != 1 else "")


@functools.lru_cache(maxsize=4096)
def read_unit(text: str) -> Unit:
    """Unit of a text; "" is none.

    Raises:
        UnitTextError: if the text is no unit.
    """
    signs = text.strip().translate(_SIGNS)
    plain = _SUPERSCRIPT.sub(lambda match: "^" + match[0].translate(_PLAIN), signs.replace("° C", "°C"))
    if not plain:
        return Unit()
    reader = _Reader(plain)
    powers = reader.product()
    if reader.at < len(plain):
        raise UnitTextError(f"')' without '(' in the unit '{text}'")
    unit = Unit(tuple((name, power) for name, power in powers.items() if power))
    for name, power in unit.factors:
        if abs(power) > LARGEST_POWER:
            raise UnitTextError(
                f"'{text}' has {name} to the power {power}: no unit has more than {LARGEST_POWER}"
            )
    if any(name == "degC" for name, _ in unit.factors) and not unit.is_celsius:
        raise UnitTextError("degrees Celsius are a temperature and no part of a unit; write 'K'")
    return unit


class _Reader:
    """Reads a unit from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def product(self) -> dict[str, int]:
        """Powers up to the end or to a closing parenthesis."""
        total: dict[str, int] = {}
        self._take(_ONE)
        sign = -1 if self._take(_OVER) else 1
        while True:
            for name, power in self._factor().items():
                total[name] = total.get(name, 0) + sign * power
            self._skip()
            if self.at == len(self.text) or self.text[self.at] == ")":
                return total
            sign = -1 if self._take(_OVER) else 1
            if sign > 0:
                self._take(_TIMES)

    def _factor(self) -> dict[str, int]:
        self._skip()
        if self.text.startswith("(", self.at):
            self.at += 1
            inner = self.product()
            if not self.text.startswith(")", self.at):
                raise UnitTextError("'(' without ')' in the unit")
            self.at += 1
        else:
            word = self._take(_WORD)
            if not word:
                raise UnitTextError(self._complaint())
            inner = _known(word)
        power = self._exponent()
        return {name: power * own for name, own in inner.items()}

    def _exponent(self) -> int:
        match = _EXPONENT.match(self.text, self.at)
        # a number after a space is no exponent
        if match is None or not _POWER.match(self.text, self.at):
            return 1
        self.at = match.end()
        digits = match["inner"] or match["plain"]
        if not re.fullmatch(r"[+-]?[1-9]", digits):
            raise UnitTextError(f"'{digits}' is no exponent of a unit: a whole number from -9 to 9, not 0")
        return int(digits)

    def _complaint(self) -> str:
        if self.at == len(self.text):
            return "the unit ends too early"
        rest, sign = self.text[self.at :], self.text[self.at]
        if rest[0] in "+-0123456789":
            return f"'{rest}' stands where a unit is expected (exponents directly behind theirs: cm-2)"
        if sign in "*/^.)":
            return f"'{sign}' stands where a unit is expected"
        return f"the sign {sign!r} is not known in a unit"

    def _skip(self) -> None:
        while self.text.startswith(" ", self.at):
            self.at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        """The next piece if it is of this pattern, else ""."""
        self._skip()
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]


@functools.cache
def words() -> dict[str, dict[str, int]]:
    """Every word that is a unit, with what it stands for."""
    found = {p + name: {p + unit: 1} for p in PREFIXES for name, unit in SYMBOLS.items()}
    for end in ("", "s"):
        found |= {p + n + end: {_LONG_PREFIXES[p] + u: 1} for p in _LONG_PREFIXES for n, u in _NAMES.items()}
        found |= {name + end: {unit: 1} for name, unit in _NAMES.items()}
    for symbol in ("A", "W"):
        found |= {f"{p}{symbol}h": {p + symbol: 1, "hour": 1} for p in ("", *PREFIXES)}
    return found | {name: {unit: 1} for name, unit in (SYMBOLS | _WHOLE).items()}


def _known(word: str) -> dict[str, int]:
    found = words().get(word)
    if found is None:
        near = [name for name in words() if name.lower() == word.lower()]
        near = near or difflib.get_close_matches(word, [*_NAMES, *_WHOLE], n=1, cutoff=0.5)
        hint = " or ".join(f"'{name}'" for name in near)
        raise UnitTextError(f"unknown unit '{word}'" + (f"; did you mean {hint}?" if near else ""))
    return found
