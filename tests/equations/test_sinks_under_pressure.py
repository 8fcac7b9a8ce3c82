"""Sinks of vacancies at a contact under pressure: what one pass of the coupling does where there are many."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from solver.algebra.acceleration import Anderson
from solver.algebra.newton import SolveError
from solver.case.loading import parse_case
from solver.equations import coupled_model
from solver.equations.coupled_model import EXPECTED_PASSES, CoupledModel
from solver.equations.terms.vacancies import VacancyParameters
from solver.setup.setup import set_up
from solver.simulation.discretisation import discretise, initial_cell
from solver.verification.cells import flat_cell, parameters
from tests.conftest import case_data

SIZE, CONDUCTIVITY, SHIFT, DIFFUSIVITY = 0.02, 5.0, 0.02, 0.05
"""Elements of the flat cell (um); kappa; Omega P0/RT and Omega_V P0/RT; D_S: a cold cell's."""


def stripping(viscosity: float, resistance: float, length: float) -> CoupledModel:
    """A flat contact that is stripped, with sinks of an interface length."""
    sinks = VacancyParameters(DIFFUSIVITY, sink_length=10.0, interface_length=length, stress_drift=SHIFT)
    given = parameters(vacancies=sinks, reference_stress=3.0 * viscosity)
    current = replace(
        given.current,
        conductivity=CONDUCTIVITY,
        area_resistance=resistance,
        pressure_potential=SHIFT,
        vacancy_potential=True,
    )
    return CoupledModel(flat_cell(MPI.COMM_SELF, size=SIZE), replace(given, current=current))


def expected(k: float, viscosity: float, resistance: float, length: float) -> float:
    """(D - C)/(1/M + D) of a wave (docs/method.md), with S of a flat contact."""
    in_metal = math.tanh(3.0 / 10.0) / 10.0
    share = 1.0 / (1.0 + length * in_metal)  # a of i = 1
    many = 1.0 + share * length / DIFFUSIVITY
    injected, follows = 1.0 - share, 2.0 * SHIFT
    on_wave = resistance + 1.0 / (CONDUCTIVITY * k) + 1.0 / (many * DIFFUSIVITY * (k + 1.0 / length))
    current = (follows / on_wave + 0.5 * SHIFT * injected) / (1.0 + k * length)
    finest = resistance + SIZE / (math.pi * CONDUCTIVITY)
    yields = follows / (finest * (1.0 + length / 10.0) + length / (DIFFUSIVITY * many))
    yields += 0.5 * SHIFT * injected / (1.0 + length / 10.0)
    return (yields - current) / (1.0 / (2.0 * viscosity * k) + yields)


@pytest.mark.parametrize("length", [0.3, 10.0])
@pytest.mark.parametrize("resistance", [0.2, 20.0])
@pytest.mark.parametrize("viscosity", [3.0, 30.0])
def test_a_pass_brings_a_wave_down_however_many_vacancies_there_are(
    viscosity: float, resistance: float, length: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sinks that take S - S_eq recede less by a d where the pressure is higher, which presses them more.

    There is no solution where 2 mu k a d = 1 then: waves beyond that grow from pass to pass, whatever D is.
    """
    model = stripping(viscosity, resistance, length)
    model.solve(0.0)
    flat, inside = model.contact_pressure.x.array.copy(), model.pressure.x.array.copy()
    monkeypatch.setattr(coupled_model, "INSTANT_COUPLING", 1)
    monkeypatch.setattr(Anderson, "next", lambda self, x, image, weights=None: image)
    x, y, _ = model.surface.scalars.tabulate_dof_coordinates().T
    for waves in (1, 2, 4):
        k = waves * math.pi
        wave = np.where(y > -1e-9, np.cos(k * x) * np.exp(-k * np.maximum(y, 0.0)), 0.0)
        on_contact = np.where(np.abs(y) < 1e-9, wave, 0.0)
        model.contact_pressure.x.array[:] = flat + 1e-4 * on_contact
        model.pressure.x.array[:] = inside + 1e-4 * wave
        model.contact.force[:] = 0.0  # what the pressure says
        with pytest.raises(SolveError, match="no convergence in 1 passes"):
            model.solve(0.0)
        got = float((model.contact_pressure.x.array - flat) @ on_contact) / (1e-4 * on_contact @ on_contact)
        assert -0.02 < got < 1.0
        # linear elements, and sinks in the bulk, which the formula leaves out
        assert got == pytest.approx(expected(k, viscosity, resistance, length), abs=0.03)
    model.destroy()


COLD: dict[str, Any] = {
    "geometry": {"width": "4 um", "metal_thickness": "7 um"},
    "void": [],
    "operation": {"pressure": "15 MPa", "capacity": "0.01 mAh/cm^2"},
    "numerics": {"tip_size": "0.09 um", "growth": 0.5, "roof_fraction": 0.25, "regularisation": 0.01},
}
"""A cell without voids, of which the stress says little and the sinks much."""


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize(
    ("metal", "temperature", "current"),
    [
        ("lithium-magnesium", 268, 2.8),
        ("lithium-magnesium", 263, 0.5),
        ("lithium-magnesium", 298, 3.0),
        ("lithium", 268, 2.8),
        ("lithium", 253, 1.0),
    ],
)
def test_a_flat_contact_is_found_again_from_an_uneven_pressure(
    metal: str, temperature: int, current: float, memory: bool
) -> None:
    """Stiff metal that is stripped fast in the cold; a pressure of 1 % in noise evens out in a few passes."""
    data = case_data(**COLD, material={"metal": {"name": metal, "interface_sink_length": "1.36 um"}})
    data["operation"] |= {"temperature": f"{temperature} K", "current": f"{current} mA/cm^2"}
    if memory:
        data["contact_memory"] = {}
    setup = set_up(parse_case(data))
    model = discretise(setup, initial_cell(setup, MPI.COMM_SELF)).model
    model.chemistry.control(1.0)
    model.solve(setup.steps.first)
    for pressure in (model.contact_pressure, model.pressure):
        pressure.x.array[:] *= 1.0 + 0.01 * np.random.default_rng(1).standard_normal(len(pressure.x.array))
    assert model.solve(setup.steps.first).coupling <= EXPECTED_PASSES
    even = model.contact_pressure.x.array[model.contact_pressure.x.array > 0.0]
    assert np.ptp(even) < 0.05 * np.mean(even)
    model.destroy()
