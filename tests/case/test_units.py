from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from solver.case import units
from solver.case.unit_grammar import PREFIXES, SYMBOLS, Unit, UnitTextError, read_unit, words
from solver.case.units import format_quantity, parse_quantity, split_quantity

pytestmark = pytest.mark.kind("unit as people write it")

CUSTOMARY = sorted(
    {
        (note.func.keywords["unit"], note.func.keywords["shown"])
        for entry in vars(units).values()
        for note in getattr(entry, "__metadata__", ())
        if hasattr(getattr(note, "func", None), "keywords")
    }
)
"""SI unit and customary unit of every key of the schema."""
QUANTITIES = [entry for entry in vars(units).values() if hasattr(entry, "__metadata__")]
PUBLISHED = {
    (entry.__metadata__[0].func.keywords["unit"], entry.__metadata__[0].func.keywords["shown"]): TypeAdapter(
        entry
    ).json_schema()["pattern"]
    for entry in QUANTITIES
}
"""Pattern of the text of each, in the published schema."""


def test_the_units_of_the_schema_are_found() -> None:
    assert ("A/m**2", "mA/cm**2") in CUSTOMARY
    assert len(CUSTOMARY) >= 20


READ: list[tuple[object, str, float]] = [
    ("0.2 MPa", "Pa", 2e5),
    ("2.2 um", "m", 2.2e-6),
    ("0.5 mA/cm^2", "A/m**2", 5.0),
    ("0.5 mA/cm2", "A/m**2", 5.0),
    ("1 mAh/cm^2", "C/m**2", 36000.0),
    ("1 ohm cm^2", "ohm*m**2", 1e-4),
    ("25 degC", "K", 298.15),
    ("0.55 eV", "J", 0.55 * 1.602176634e-19),
    ("93.6 deg", "rad", math.radians(93.6)),
    ("inf", "m", math.inf),
    (0.5, "", 0.5),
    ("0.5", "", 0.5),
    ("3 µm", "m", 3e-6),
    ("3 μm", "m", 3e-6),
    ("3um", "m", 3e-6),
    ("0.5 J/m2", "J/m**2", 0.5),
    ("8e-15 m²/s", "m**2/s", 8e-15),
    ("10 Ω·cm²", "ohm*m**2", 1e-3),
    ("10 \u2126 cm2", "ohm*m**2", 1e-3),
    ("10 Ωcm²", "ohm*m**2", 1e-3),
    ("0.3 mS cm-1", "S/m", 0.03),
    ("0.5 mA cm⁻²", "A/m**2", 5.0),
    ("0.5 mA cm\u22122", "A/m**2", 5.0),
    ("\u22120.5 V", "V", -0.5),
    ("0.1 mAh cm-2", "C/m**2", 3600.0),
    ("0.1 mA·h per cm²", "C/m**2", 3600.0),
    ("1 mm2", "m**2", 1e-6),
    ("1 m2.s-1", "m**2/s", 1.0),
    ("2 J/(mol K)", "J/mol/K", 2.0),
    ("2 J mol⁻¹ K⁻¹", "J/mol/K", 2.0),
    ("0.1 /um", "1/m", 1e5),
    ("2 1/s", "1/s", 2.0),
    ("25\u00a0°C", "K", 298.15),
    ("25 ° C", "K", 298.15),
    ("25 ºC", "K", 298.15),
    ("25 ℃", "K", 298.15),
    ("8×10⁻¹⁵ m²/s", "m**2/s", 8e-15),
    ("8 x 10^-15 m2/s", "m**2/s", 8e-15),
    ("8\u2009×\u200910⁻¹⁵\u00a0m²/s", "m**2/s", 8e-15),
    ("8·10⁻¹⁵ m² s⁻¹", "m**2/s", 8e-15),
    ("1.5*10**4 1/s", "1/s", 1.5e4),
    ("-2×10⁺¹um", "m", -2e-5),
    ("5×10⁻¹", "", 0.5),
    ("5 mA·cm⁻²", "A/m**2", 50.0),
    ("5 mA cm^(-2)", "A/m**2", 50.0),
    ("298.15 K", "K", 298.15),
    ("90°", "rad", math.pi / 2),
    ("500 mN/m", "J/m**2", 0.5),
    ("30 %", "", 0.3),
    ("2 kilometers", "m", 2000.0),
]


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_quantities_are_read(text: object, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-14)


NONSENSE = (
    "", "MPa", "1 furlong per", "nan um", "1e999 um", "1e400 m", "1e400", "1e-9999 m", "-1e400 m", "inf m",
    "__import__('os').system('true')", "1 __import__('os')", "1 um; import os", "9**9**9 um",
    "10**10**10 um", "1 um**1e9", "1 m**9999999", "1 m^99", "1 m^0", "1 m^", "1 m**", "1 m**-", "1 m⁹⁹⁹⁹⁹",
    "1 m⁻", "1 m^0.5", "1 m^m", "1 m**(1+1)", "1 m**2**2", "\uff11 um", "1 m²\uff12", "\u0967 um",
    "1 um\x00", "1 \u202eum", "1 um\U0001f4a5", "1_0 um", "0x10 um", "1 um,", "1,5 um", "1 m)", "1 (m",
    "1 " + "(" * 70 + "m", "1 /", "1 m/", "1 m//s", "1 *m", "1 m* *s", "1 m cm -2", "1 cm -2", "1 2 um",
    "1 1 um", "1 m 1/s", "1 per", "1 perm", "1 delta_degC", "1 ${HOME}", "1 m*[s]", "1 {m}", "1 'm'",
    "1 \\um", "1 degF", "1 °F", "1 degC/s", "1 °C m", "1 degC^2", "1 mdegC", "1 °K2", "1 um" + " " * 100,
    "1 " + "m" * 200, "1e+ um", "--1 um", "+-1 um", "1 m^²", "1 ²m", "1 @um", "1 lambda", "1 hbar", "1 c",
)  # fmt: skip


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_what_is_read_passes_the_published_pattern(text: object, unit: str, value: float) -> None:
    patterns = [pattern for (own, _), pattern in PUBLISHED.items() if own == unit]
    if isinstance(text, str) and math.isfinite(value):
        assert all(re.search(pattern, text) for pattern in patterns)


@pytest.mark.parametrize(
    "text", ["", "1", "um", "1,5 um", "one um", "1 um;", "1 um\x00", "1 2", "1 2 um", "1 -um"]
)
def test_the_published_pattern_wants_a_number_and_a_unit(text: str) -> None:
    assert not re.search(PUBLISHED["m", "um"], text)


@pytest.mark.parametrize("text", [*NONSENSE, "1 MPa", "1 m2", "1 K", 1.0, True, None, []])
def test_what_is_no_length_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_quantity(text, "m")


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_never_reaches_pint(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen() -> None:
        raise AssertionError(f"pint was asked about {text!r}")

    monkeypatch.setattr(units, "registry", seen)
    with pytest.raises(ValueError, match=r"."):
        parse_quantity(text, "m")
    with pytest.raises(ValueError, match=r"."):
        split_quantity(text + " ¤")


@pytest.mark.parametrize(
    ("text", "unit", "shown", "expected"),
    [
        (0.2, "Pa", "MPa", "needs a unit, for example '0.2 MPa'"),
        ("0.5", "A/m**2", "mA/cm**2", "needs a unit, for example '0.5 mA/cm2'"),
        ([], "C/m**2", "mA*hour/cm**2", "expected a quantity such as '1 mAh/cm2'"),
        ("five um", "ohm*m**2", "ohm*cm**2", "for example '1 ohm cm2'"),
        ("1 s", "Pa", "MPa", "unit 's' does not fit: expected one like 'MPa'"),
        ("1 s²", "1/m", "1/um", "unit 's²' does not fit: expected one like '1/um'"),
        ("1 m", "", "", "expected one like '1'"),
        ("25 C", "K", "K", "'C' is the coulomb; write '°C'"),
        ("1 °C", "Pa", "MPa", "does not fit"),
        ("1 J/(mol °C)", "J/mol/K", "J/mol/K", "degrees Celsius are a temperature"),
        ("1 MPA", "Pa", "MPa", "unknown unit 'MPA'; did you mean 'mPa' or 'MPa'?"),
        ("1 secnds", "s", "s", "unknown unit 'secnds'; did you mean 'second"),
        ("1 m¤", "m", "um", "sign '¤' is not known"),
        ("1 mA cm -2", "A/m**2", "mA/cm**2", "'-2' stands where a unit is expected"),
        ("1 m^12", "m", "um", "'12' is no exponent"),
        ("1 m/(s", "m", "um", "'(' without ')'"),
        ("1 m/s)", "m", "um", "')' without '('"),
        ("1 m/", "m", "um", "the unit ends too early"),
        ("1,5 um", "m", "um", "the decimal sign is a point, as in '1.5 um'"),
        ("8 x 10-15 m2/s", "m**2/s", "m**2/s", "unknown unit 'x'"),
        ("1e3 x 10^2 um", "m", "um", "unknown unit 'x'"),
    ],
)
def test_messages_name_the_sign_and_suggest_the_customary_unit(
    text: object, unit: str, shown: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_quantity(text, unit, shown)
    assert expected in str(caught.value)


PLAIN = "0123456789+-"
SUPERSCRIPT = str.maketrans(PLAIN, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
TIMES = st.sampled_from(["*", "·", "⋅", "×", " ", ".", " · ", " * ", "  "])
OVER = st.sampled_from(["/", " / ", " per "])


def names(unit: str) -> list[str]:
    """All words for a unit, and those with the two signs for micro."""
    found = [word for word, meaning in words().items() if meaning == {unit: 1}]
    return found + [sign + word[1:] for word in found for sign in "µμ" if word[0] == "u" and unit[0] == "u"]


@st.composite
def power(draw: st.DrawFn, unit: str, exponent: int) -> str:
    if exponent == 1 and draw(st.integers(0, 4)):
        return str(draw(st.sampled_from(names(unit))))
    plain = draw(st.sampled_from([f"{exponent}", f"{exponent:+d}"]))
    written = [plain, f"^{plain}", f"**{plain}", plain.translate(SUPERSCRIPT), f"^({plain})", f"** ({plain})"]
    return str(draw(st.sampled_from(names(unit)))) + str(draw(st.sampled_from(written)))


@st.composite
def product(draw: st.DrawFn, factors: list[tuple[str, int]]) -> str:
    text = ""
    for unit, exponent in draw(st.permutations(factors)):
        text += (draw(TIMES) if text else "") + draw(power(unit, exponent))
    return text


@st.composite
def spelling(draw: st.DrawFn, unit: Unit) -> str:
    """A unit by the grammar: negative exponents, divisions one after the other, or a group."""
    factors = list(unit.factors)
    above, below = [f for f in factors if f[1] > 0], [(name, -p) for name, p in factors if p < 0]
    way = draw(st.sampled_from(["product", "divisions", "group"]))
    if way == "product" or not below:
        return str(draw(product(factors)))
    text = draw(product(above)) if above else draw(st.sampled_from(["1", ""]))
    if way == "group":
        return f"{text}{draw(OVER)}({draw(product(below))})"
    for name, exponent in below:
        text += draw(OVER) + draw(power(name, exponent))
    return str(text)


@given(st.data())
@settings(deadline=None, max_examples=1000)
def test_every_spelling_of_every_customary_unit_gives_the_same_float(data: st.DataObject) -> None:
    unit, shown = data.draw(st.sampled_from(CUSTOMARY))
    number = data.draw(st.sampled_from(["0.2", "3", "1e-3", ".5", "2.5E4", "7.", "+0.3"]))
    spelled = data.draw(spelling(read_unit(shown)))
    assert parse_quantity(f"{number} {spelled}", unit) == parse_quantity(f"{number} {shown}", unit), spelled
    assert re.search(PUBLISHED[unit, shown], f"{number} {spelled}"), spelled
    assert split_quantity(f"{number} {spelled}")[0] == float(number)


@pytest.mark.parametrize(("unit", "shown"), CUSTOMARY)
def test_units_in_messages_are_read_as_the_unit_that_they_show(unit: str, shown: str) -> None:
    written = read_unit(shown).written()
    assert "*" not in written
    assert read_unit(written) == read_unit(shown)
    assert parse_quantity(f"0.7 {written}", unit) == parse_quantity(f"0.7 {shown}", unit)


def test_every_prefix_and_word_means_the_same_to_pint() -> None:
    sizes = dict(zip("afpnumcdhkMGT", (-18, -15, -12, -9, -6, -3, -2, -1, 2, 3, 6, 9, 12), strict=True))
    for symbol, prefix in itertools.product(SYMBOLS.values(), PREFIXES):
        large = units.registry().Quantity(1.0, prefix + symbol).to_base_units()
        small = units.registry().Quantity(1.0, symbol).to_base_units()
        assert large.magnitude == pytest.approx(10.0 ** sizes[prefix] * small.magnitude, rel=1e-12)
        assert large.units == small.units
    for meaning in words().values():
        for name in meaning:
            units.registry().parse_units(name)


@given(st.floats(min_value=1e-12, max_value=1e3), st.sampled_from(["um", "nm", "m", "mm"]))
@settings(deadline=None)
def test_text_of_a_quantity_reads_back_to_the_same_value(value: float, shown: str) -> None:
    text = format_quantity(value, shown, "m")
    again = parse_quantity(text, "m")
    assert again == pytest.approx(value, rel=5e-16)


@given(st.sampled_from(CUSTOMARY), st.floats(min_value=1e-9, max_value=1e9))
@settings(deadline=None, max_examples=500)
def test_what_was_read_is_written_and_read_to_the_bit(pair: tuple[str, str], number: float) -> None:
    unit, shown = pair
    value = parse_quantity(f"{number!r} {shown}".strip(), unit)
    assert parse_quantity(format_quantity(value, shown, unit), unit) == value


@given(st.one_of(st.text(max_size=40), st.text("0123456789.eE+-*/^() mAcshK²⁻°Ωµper", max_size=40)))
@settings(deadline=None, max_examples=1000)
def test_any_text_gives_a_finite_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_quantity(text, "m")
    except ValueError:
        return
    assert math.isfinite(value) or value == math.inf


@pytest.mark.parametrize("text", ["s9s", "1/s9/s", "(cm5)2"])
def test_powers_that_could_not_be_read_again_are_refused(text: str) -> None:
    with pytest.raises(UnitTextError, match=r"to the power -?10"):
        read_unit(text)
    assert read_unit(text.replace("9", "8").replace("5", "4")).factors[0][1] in (9, -9, 8)


@given(st.one_of(st.text(max_size=30), st.text("0123456789.eE+-*/^() mAcshK²⁻°Ωµper", max_size=30)))
@settings(deadline=None, max_examples=1000)
def test_any_text_is_a_unit_of_known_words_or_refused(text: str) -> None:
    known = {name for meaning in words().values() for name in meaning}
    try:
        unit = read_unit(text)
    except UnitTextError:
        return
    assert {name for name, _ in unit.factors} <= known
    assert read_unit(unit.written()).plain() == unit.plain()


@pytest.mark.parametrize("value", ["0.2", 3, 1.5])
def test_numbers_have_no_unit(value: Any) -> None:
    assert split_quantity(value) == (float(value), "")
