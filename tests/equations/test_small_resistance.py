"""Z = 0 is the limit of Z > 0: one discrete problem on both sides of where the current becomes an unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from meshes.gmsh.plane import mesh_plane
from meshes.profile.polyline import profile_from_shapes
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from meshes.tags import Boundary
from solver.case.schema.numerics import COUPLING_TOLERANCE
from solver.equations.coupled_model import CoupledModel
from solver.equations.electrochemistry import ElectrochemistryProblem
from solver.equations.terms import current
from solver.equations.terms.contact_resistance import Patches
from solver.equations.terms.current import SMALL_RESISTANCE, CurrentParameters
from solver.equations.terms.vacancies import VacancyParameters
from solver.setup.setup import set_up
from solver.simulation.discretisation import initial_cell
from solver.stepping.observables import Observables
from tests.conftest import small_case

PATCH = Patches((2.2,), (0.6,), (20.0,), 0.2)
VACANCIES = VacancyParameters(diffusivity=0.3, sink_length=2.0)


def solved(parameters: CurrentParameters, transport: VacancyParameters | None) -> dict[str, Any]:
    """Potentials, S and a moment of the current of a small cell."""
    rule = SizeRule(tip=0.1, growth=0.4, largest=0.6)
    shape = VoidShape((0.0,), 2.0, 0.5)
    profile = profile_from_shapes([shape], width=3.0, metal_height=3.0, electrolyte_depth=3.0, rule=rule)
    chemistry = ElectrochemistryProblem.isolated(
        mesh_plane(profile, rule, MPI.COMM_SELF), parameters, transport
    )
    chemistry.solve()
    names = ("potential", "supersaturation", "metal_potential")
    found = {name: chemistry.part(name).values.copy() for name in names}
    # of degree 2, as the moments in the equations: others would be measured by another quadrature
    found["moment"] = chemistry.integrate(
        chemistry.current_density() * chemistry.potential("+"), Boundary.CONTACT
    )
    chemistry.destroy()
    return found


@pytest.mark.parametrize(
    ("changes", "transport"),
    [
        ({}, None),
        ({"kinetics": "butler-volmer", "transfer_coefficient": 0.3}, None),
        ({"kinetics": "butler-volmer", "patches": PATCH}, VACANCIES),
        ({"applied": None, "potential": 5.0, "kinetics": "butler-volmer"}, VACANCIES),
    ],
    ids=["linear", "Butler-Volmer", "patches and vacancies", "held potential"],
)
def test_the_current_as_an_unknown_is_the_same_discrete_problem(
    changes: dict[str, Any], transport: VacancyParameters | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a Z where both can be solved they agree to the tolerance of the solver, on a mesh however coarse."""
    parameters, found = replace(CurrentParameters(1.5, 0.2), **changes), []
    for limit in (0.0, 1.0):
        monkeypatch.setattr(current, "SMALL_RESISTANCE", limit)
        assert parameters.equipotential == (limit > 0.0)
        found.append(solved(parameters, transport))
    for name, values in found[0].items():
        assert np.allclose(found[1][name], values, rtol=1e-9, atol=1e-10), name


@pytest.mark.parametrize("kinetics", ["linear", "butler-volmer"])
def test_an_isolated_contact_goes_to_its_limit(kinetics: str) -> None:
    """From far below rounding on, and where the formulation changes, the potential follows Z."""
    given = CurrentParameters(1.5, 0.0, kinetics=kinetics)  # type: ignore[arg-type]

    def potential(resistance: float) -> float:
        found = solved(replace(given, area_resistance=resistance), VACANCIES)
        return float(found["metal_potential"].max())

    limit = potential(0.0)
    slope = (potential(1e-6) - limit) / 1e-6
    assert 1.0 < slope < 100.0  # 1/(contact fraction) at least
    for resistance in (1e-14, 1e-11, 1e-8):
        # The slope changes by a few per cent up to 1e-6. At Z = 0 eta vanishes in its moments only, as ln S
        # is not quadratic: 1e-5 of eta is left on this mesh, and its square is what two laws differ by.
        away = potential(resistance) - limit
        assert away == pytest.approx(slope * resistance, rel=5e-2, abs=1e-9)
    below, above = (potential(share * SMALL_RESISTANCE) for share in (0.999, 1.001))
    assert (above - below) / (0.002 * SMALL_RESISTANCE) == pytest.approx(slope, rel=0.2)


def observed(ohm_cm2: float) -> Any:
    """The first instant of a case with that area resistance."""
    material = {"electrolyte": {"name": "LPSCl", "area_resistance": f"{ohm_cm2!r} ohm*cm^2"}}
    setup = set_up(small_case(material=material, numerics={"tip_size": "0.2 um"}))
    model = CoupledModel(initial_cell(setup, MPI.COMM_SELF), setup.parameters, setup.solver_options)
    model.solve(0.0)
    seen = Observables(model, setup.scales, 500.0, 6.0).observe()
    model.destroy()
    return seen


def test_voltage_and_focusing_of_a_case_converge_to_those_without_resistance() -> None:
    """1e-9 to 1e-6 ohm cm2 had no solution, and 1e-5 another voltage and half the focusing."""
    limit, errors = observed(0.0), []
    for ohm_cm2 in (1e-12, 1e-9, 1e-6, 1e-3):
        seen = observed(ohm_cm2)
        voltage, focus = seen.shares.total / limit.shares.total, seen.focus_contact / limit.focus_contact
        errors.append((abs(voltage - 1.0), abs(focus - 1.0)))
        assert seen.charge_error < 1e-9
        assert seen.circulation >= 1.0 - 1e-9
    # the tolerance of the coupled solve, and Z over the electrolyte's resistance: of the cell, of an element
    for (voltage, focus), ohm_cm2 in zip(errors, (1e-12, 1e-9, 1e-6, 1e-3), strict=True):
        assert voltage <= COUPLING_TOLERANCE + 1.0 * ohm_cm2
        assert focus <= 10.0 * COUPLING_TOLERANCE + 100.0 * ohm_cm2
