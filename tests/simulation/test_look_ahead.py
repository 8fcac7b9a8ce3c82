"""A look ahead at a cut-off leaves everything as it was, bit for bit, and the steps after it too."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from solver.case.loading import parse_case
from solver.setup.setup import set_up
from solver.simulation import ending, restart
from solver.simulation.callbacks import Callbacks
from solver.simulation.run import start
from solver.simulation.simulation import Simulation
from tests.conftest import case_data
from tests.simulation.test_gaps import PARTING

SOLVED = 1e-9
"""Share of the largest value to which forces are known."""
CASES: dict[str, dict[str, Any]] = {
    "gaps and contact memory": case_data(**PARTING) | {"contact_memory": {}},
    "alloy": case_data(material={"metal": {"name": "lithium-magnesium"}}),
    "clamp": case_data(fixture={"stiffness": "0.1 MPa/um", "counter": "rigid"}),
    "3-D": case_data(
        geometry={"kind": "3d", "depth": "3 um", "metal_thickness": "4 um", "electrolyte_depth": "3 um"},
        void=[{"width": "1.6 um", "position": ["0 um", "0 um"]}],
        model={"vacancies": False},
        numerics={"tip_size": "0.5 um", "roof_fraction": 0.4, "largest_size": "1.2 um"},
    ),
}


def begun(data: dict[str, Any], comm: MPI.Comm) -> Simulation:
    simulation = start(set_up(parse_case(data)), comm, Callbacks(comm, []))
    simulation.begin_stage()
    for _ in range(2):
        assert simulation.advance() is None
    return simulation


def everything(simulation: Simulation) -> dict[str, Any]:
    """All that a run goes on with, exactly."""
    model = simulation.model
    found: dict[str, Any] = {f.name: f.values.tobytes() for f in model.state()}
    snapshot = model.snapshot()
    found |= {f"changing {k}": values.tobytes() for k, values in enumerate(snapshot.values)}
    found["coordinates"] = snapshot.coordinates.tobytes()
    found |= {n: getattr(model.contact, n).tobytes() for n in ("active", "force", "gap")}
    found["composition"] = [part.tobytes() for part in snapshot.composition or ()]
    found["header"] = json.dumps(restart.header(simulation))
    return found


def look(simulation: Simulation) -> None:
    """What a step that may pass a cut-off does at its end."""
    observables = simulation._observables
    assert observables is not None
    seen = ending.seen_ahead(simulation.model, observables.observe, simulation.clock.last_step)
    assert seen is not None
    assert simulation.last is not None
    assert seen.shares.total != simulation.last.shares.total  # another state than the last one


def assert_untouched(data: dict[str, Any], comm: MPI.Comm) -> None:
    simulation = begun(data, comm)
    before = everything(simulation)
    look(simulation)
    after = everything(simulation)
    assert [name for name in before if before[name] != after[name]] == []
    simulation.discretisation.destroy()


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_look_ahead_leaves_the_state_as_it_was(name: str) -> None:
    assert_untouched(CASES[name], MPI.COMM_SELF)


@pytest.mark.parallel
@pytest.mark.parametrize("name", ["gaps and contact memory", "clamp"])
def test_a_look_ahead_leaves_the_state_as_it_was_on_ranks(name: str, comm: MPI.Comm) -> None:
    assert_untouched(CASES[name], comm)


def test_steps_after_a_look_ahead_are_the_same() -> None:
    """To what the creep solver is solved to: it remembers how iterations went, and only that."""
    looking, going = (begun(CASES["gaps and contact memory"], MPI.COMM_SELF) for _ in range(2))
    assert everything(looking) == everything(going)
    for _ in range(2):
        look(looking)
        for simulation in (looking, going):
            assert simulation.advance() is None
    for one, other in zip(looking.model.state(), going.model.state(), strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=SOLVED * np.abs(other.values).max())
    assert looking.clock.last_step == going.clock.last_step
    for simulation in (looking, going):
        simulation.discretisation.destroy()
