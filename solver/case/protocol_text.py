"""A protocol as text, in the wording of PyBaMM's experiments: "Discharge at 0.5 mA/cm2 for 2 hours".

    step     = verb ["at" value] ["for" duration] {["or"] "until" limit}
    verb     = "Discharge" | "Strip" | "Charge" | "Plate" | "Rest" | "Hold"
    value    = current density; of a hold the overpotential of the whole, pellet included (plating below 0 V)
    limit    = overpotential | current density (a hold's) | areal capacity | share "contact loss"

Discharging a cell strips its lithium anode, charging plates it. Currents are densities: there is no nominal
capacity in a case that a rate such as C/5 could be of. As in PyBaMM a step without a duration or a capacity
ends after a day at the latest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from solver.case.errors import shown, suggestion
from solver.case.units import parse_quantity

OPERATION, PROTOCOL, STEP = "operation", "protocol", "step"
VERBS = {
    "discharge": "strip",
    "strip": "strip",
    "charge": "plate",
    "plate": "plate",
    "rest": "rest",
    "hold": "hold",
}
LONGEST = "24 hours"
"""Of a step whose text has no duration and no capacity; PyBaMM's default_duration."""
MAX_TEXT = 200
FORM = "expected a step such as 'Discharge at 0.5 mA/cm2 for 2 hours or until 0.1 V', 'Rest for 10 minutes'"
_WORDS = (*VERBS, "at", "for", "or", "until", "contact", "loss")
_STEP = re.compile(
    r"\s*(?P<verb>[a-z]+)(?:\s+at\s+(?P<at>.+?))?(?:\s+for\s+(?P<time>.+?))?"
    r"(?:\s+(?:or\s+)?until\s+(?P<ends>.+?))?\s*\.?\s*",
    re.IGNORECASE,
)
_OR = re.compile(r"\s+or\s+(?:until\s+)?", re.IGNORECASE)
_LOSS = re.compile(r"(?P<share>.+?)\s+contact\s+loss", re.IGNORECASE)
_RATE = re.compile(r"[0-9.]*\s*C(?:\s*/\s*[0-9.]+)?")
_WHOLE_CELL = re.compile(r"[0-9.eE+-]+\s*[mu]?[AW]")
_ELSEWHERE = {
    "period": "outputs are chosen in [output], not in a step",
    "oC": "the temperature is that of [operation]",
}
DIMENSIONS = {"current": "mA/cm**2", "voltage": "V", "capacity": "mA*hour/cm**2"}


def with_protocol(data: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """Case data in which ``operation.protocol`` has become ``operation.step``, and what is wrong with it."""
    operation = data.get(OPERATION)
    texts = operation.get(PROTOCOL) if isinstance(operation, Mapping) else None
    if not isinstance(operation, Mapping) or not isinstance(texts, list) or not texts:
        return data, []
    if not all(isinstance(text, str) for text in texts):
        return data, []  # which the schema says
    path = f"{OPERATION}.{PROTOCOL}"
    problems = [f"{path}: give this or [[operation.step]], not both"] if operation.get(STEP) else []
    steps = []
    for number, text in enumerate(texts):
        try:
            steps.append(parse_step(text))
        except ValueError as error:
            problems.append(f"{path}[{number}] = {shown(text)}: {error}")
    rest = {key: value for key, value in operation.items() if key != PROTOCOL}
    # what cannot be read must not be missed by the schema a second time
    stand_in = [{"do": "strip", "current": "1 mA/cm2", "capacity": "1 mAh/cm2"}]
    return {**data, OPERATION: {**rest, STEP: stand_in if problems else steps}}, problems


def parse_step(text: str) -> dict[str, str | float]:
    """A table of ``[[operation.step]]`` from its text.

    Raises:
        ValueError: with what is not understood, and the nearest word.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"a step has at most {MAX_TEXT} characters")
    for mark, said in _ELSEWHERE.items():
        if mark in text:
            raise ValueError(said)
    match = _STEP.fullmatch(text)
    verb = "" if match is None else match["verb"].lower()
    if match is None or verb not in VERBS:
        first = re.match(r"\s*([A-Za-z]*)", text)
        raise ValueError(f"{FORM}{suggestion(first[1].lower() if first else '', VERBS)}")
    step: dict[str, str | float] = {}
    if verb == "rest":
        if match["at"] is not None or match["ends"] is not None or match["time"] is None:
            raise ValueError("a rest is 'Rest for' and a time")
        step["do"] = "rest"
    else:
        step |= _control(verb, match["at"])
    if match["time"] is not None:
        parse_quantity(match["time"], "s", "hour")
        step["duration"] = match["time"]
    for end in _OR.split(match["ends"]) if match["ends"] else []:
        _add_limit(step, end.strip(), holds=verb == "hold")
    if not {"duration", "capacity"} & set(step):
        if match["ends"] is None:
            raise ValueError(f"when does it end? Add 'for' and a time, or 'until' and a limit; {FORM}")
        step["duration"] = LONGEST
    return step


def _control(verb: str, at: str | None) -> dict[str, str | float]:
    """What a step does, and the current or the overpotential that it prescribes."""
    if at is None:
        raise ValueError(f"'{verb}' needs 'at' and a {'voltage' if verb == 'hold' else 'current density'}")
    wanted = "voltage" if verb == "hold" else "current"
    value = _parsed(at, wanted)
    if verb != "hold":
        if value <= 0.0:
            raise ValueError(f"'{at}': a current is a magnitude above 0; the verb says its direction")
        return {"do": VERBS[verb], "current": at}
    if value == 0.0:
        raise ValueError("to hold at 0 V is to rest in a short circuit, which no step does")
    return {"do": "strip" if value > 0.0 else "plate", "voltage": at.replace("\u2212", "-").lstrip("+-")}


def _add_limit(step: dict[str, str | float], text: str, *, holds: bool) -> None:
    """Put a limit into a step, by what it is a quantity of."""
    loss = _LOSS.fullmatch(text)
    if loss is not None:
        key, value = "cutoff_contact_loss", parse_quantity(_plain(loss["share"]), "")
        entry: str | float = value
    else:
        kind = next((kind for kind in DIMENSIONS if _is(text, kind)), None)
        if kind is None:
            _parsed(text, "current" if holds else "voltage")  # says what is wrong
            raise ValueError(f"'until {text}' is no limit")
        keys = {"current": "cutoff_current", "voltage": "cutoff_voltage", "capacity": "capacity"}
        if kind == ("voltage" if holds else "current"):
            raise ValueError(f"'until {text}': that is what the step prescribes")
        key, entry = keys[kind], text.replace("\u2212", "-").lstrip("+-") if kind == "voltage" else text
    if key in step:
        raise ValueError(f"'until {text}': there is such a limit already")
    step[key] = entry


def _plain(text: str) -> str | float:
    """A share as a quantity: ``90 %``, or a number."""
    try:
        return float(text)
    except ValueError:
        return text


def _is(text: str, kind: str) -> bool:
    try:
        parse_quantity(text, DIMENSIONS[kind])
    except ValueError:
        return False
    return True


def _parsed(text: str, kind: str) -> float:
    """A quantity of a kind, with what cyclers say in another way; raises ValueError."""
    if _RATE.fullmatch(text):
        raise ValueError(
            f"'{text}' is a rate of a nominal capacity, which no case has: give a current density"
        )
    if _WHOLE_CELL.fullmatch(text):
        raise ValueError(f"'{text}' is of the whole cell: give a current density, as 0.5 mA/cm2")
    try:
        return parse_quantity(text, DIMENSIONS[kind])
    except ValueError as error:
        odd = next(
            (word for word in re.findall(r"[A-Za-z]{3,}", text) if suggestion(word.lower(), _WORDS)), ""
        )
        raise ValueError(f"'{text}': {error}{suggestion(odd.lower(), _WORDS) if odd else ''}") from None
