"""Protocols in PyBaMM's wording become steps; what is not understood is said, all at once."""

from __future__ import annotations

import pytest

from solver.case.errors import CaseError
from solver.case.loading import parse_case
from solver.case.protocol_text import parse_step
from tests.conftest import case_data


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("Discharge at 0.5 mA/cm2 for 2 hours",
         {"do": "strip", "current": "0.5 mA/cm2", "duration": "2 hours"}),
        ("charge at 0.5mA/cm2 for 30 minutes",
         {"do": "plate", "current": "0.5mA/cm2", "duration": "30 minutes"}),
        ("Rest for 10 minutes", {"do": "rest", "duration": "10 minutes"}),
        ("Strip at 1 mA/cm2 until 0.2 V", {"do": "strip", "current": "1 mA/cm2", "cutoff_voltage": "0.2 V",
                                           "duration": "24 hours"}),
        ("Discharge at 1 mA/cm2 for 1 hour or until 0.1 V or until 0.5 mAh/cm2",
         {"do": "strip", "current": "1 mA/cm2", "duration": "1 hour", "cutoff_voltage": "0.1 V",
          "capacity": "0.5 mAh/cm2"}),
        ("Plate at 1 mA/cm2 until 2 mAh/cm2",
         {"do": "plate", "current": "1 mA/cm2", "capacity": "2 mAh/cm2"}),
        ("Discharge at 1 mA/cm2 until 90 % contact loss or -0.1 V",
         {"do": "strip", "current": "1 mA/cm2", "cutoff_contact_loss": 0.9, "cutoff_voltage": "0.1 V",
          "duration": "24 hours"}),
        ("Hold at 10 mV until 0.05 mA/cm2",
         {"do": "strip", "voltage": "10 mV", "cutoff_current": "0.05 mA/cm2", "duration": "24 hours"}),
        ("Hold at -10 mV for 20 seconds", {"do": "plate", "voltage": "10 mV", "duration": "20 seconds"}),
    ],
)  # fmt: skip
def test_steps(text: str, step: dict[str, object]) -> None:
    assert parse_step(text) == step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dischrge at 1 mA/cm2 for 1 h", "did you mean 'discharge'?"),
        ("Discharge at C/5 for 1 hour", "give a current density"),
        ("Discharge at 1C for 1 hour", "give a current density"),
        ("Charge at 200 mA for 45 minutes", "is of the whole cell"),
        ("Discharge at 1 mA/cm2", "when does it end?"),
        ("Discharge for 1 hour", "needs 'at' and a current density"),
        ("Discharge at -1 mA/cm2 for 1 hour", "a magnitude above 0"),
        ("Discharge at 1 mA/cm2 for 2 parsecs", "unknown unit 'parsecs'"),
        ("Discharge at 1 mA/cm2 for 2", "needs a unit"),
        ("Discharge at 1 mA/cm2 unti 3 V", "did you mean 'until'?"),
        ("Discharge at 1 mA/cm2 for 1 h (1 minute period)", "[output]"),
        ("Discharge at 1 mA/cm2 for 1 h at 25oC", "temperature"),
        ("Hold at 0 V for 1 hour", "0 V"),
        ("Hold at 10 mV until 20 mV", "that is what the step prescribes"),
        ("Discharge at 1 mA/cm2 until 1 V or 2 V", "such a limit already"),
        ("Discharge at 1 mA/cm2 until 3 kg", "does not fit"),
        ("Rest for 1 h until 3 V", "a rest is"),
        ("Rest", "a rest is"),
        ("", "expected a step"),
        ("Discharge at " + "1" * 300, "at most 200 characters"),
    ],
)
def test_what_is_not_understood(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"(?s).*") as caught:
        parse_step(text)
    assert message in str(caught.value)


def test_a_case_runs_the_steps_of_its_text_and_stores_them() -> None:
    texts = [
        "Discharge at 0.5 mA/cm2 for 6 minutes",
        "Rest for 10 minutes",
        "Charge at 1 mA/cm2 until 0.05 mAh/cm2",
    ]
    steps = [
        {"do": "strip", "current": "0.5 mA/cm^2", "duration": "6 minutes"},
        {"do": "rest", "duration": "10 minutes"},
        {"do": "plate", "current": "1 mA/cm^2", "capacity": "0.05 mAh/cm^2"},
    ]
    data = case_data()
    data["operation"] = {"pressure": "1 MPa", "protocol": texts, "cycles": 2}
    said = parse_case(data)
    data["operation"] = {"pressure": "1 MPa", "step": steps, "cycles": 2}
    assert said.case == parse_case(data).case
    assert "protocol" not in said.resolved()["operation"]
    assert parse_case(said.resolved()).case == said.case


def test_all_problems_of_a_text_at_once() -> None:
    data = case_data()
    data["operation"] = {
        "pressure": "1 MPas",
        "protocol": ["Dischrge at 1 mA/cm2 for 1 h", "Rest for 1 h", "Charge at 1 A for 1 h"],
        "step": [{"do": "rest", "duration": "1 s"}],
    }
    with pytest.raises(CaseError) as caught:
        parse_case(data)
    said = caught.value.problems
    assert len(said) == 4, said
    assert said[0].startswith("operation.protocol: give this or [[operation.step]]")
    assert said[1].startswith("operation.protocol[0] = 'Dischrge")
    assert said[2].startswith("operation.protocol[2] = 'Charge at 1 A")
    assert said[3].startswith("operation.pressure")


@pytest.mark.parametrize("protocol", [[], "Rest for 1 h", [1]])
def test_a_protocol_is_a_list_of_texts(protocol: object) -> None:
    data = case_data()
    data["operation"] = {"pressure": "1 MPa", "protocol": protocol}
    with pytest.raises(CaseError, match=r"operation\.protocol"):
        parse_case(data)
