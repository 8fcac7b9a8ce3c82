"""Rows 25/p, 26/d and 27/s: impedance around an axis and in 3-D, and with a resistance that varies."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from solver.verification import currents, impedance
from solver.verification.check import refined, row

if TYPE_CHECKING:
    from mpi4py import MPI
    from numpy.typing import NDArray

    from solver.verification.check import Check

    Array = NDArray[np.float64]

MODES = 16
"""Along each axis of the exact solution: with 20 it changes by less than 1e-9 of |Z|."""
NODES = 100
"""Of Gauss's rule along each axis."""
UNIFORM = 1e5
"""Area resistance that makes the current on a disc uniform."""
TUBE = 0.1
"""Radius of the disc over that of its tube."""
PLACES = {"axisymmetric": ", axisymmetric", "3d": ", 3d"}


def _modes(kind: str, count: int) -> tuple[Array, Array, Array]:
    """Wave numbers (m,), values at Gauss's places (m, n) and their weights (n,): mean 1 over the contact."""
    at, weight = _gauss()
    if kind == "axisymmetric":
        around = np.append(0.0, special.jn_zeros(1, count - 1))
        return _floats(around), _floats(special.j0(np.outer(around, at))), _floats(2.0 * at * weight)
    waves = math.pi * np.arange(count)
    values = np.cos(np.outer(waves, at))
    if kind == "plane":
        return _floats(waves), _floats(values), weight
    both = np.einsum("ik,jl->ijkl", values, values).reshape(count**2, NODES**2)
    across, along = np.meshgrid(waves, waves, indexing="ij")
    grid = np.outer(weight, weight).ravel()
    return _floats(np.hypot(across, along).ravel()), _floats(both), _floats(grid)


def _floats(values: Any) -> Array:
    return np.asarray(values, dtype=np.float64)


def _gauss() -> tuple[Array, Array]:
    """Places and weights between 0 and 1."""
    at, weight = np.polynomial.legendre.leggauss(NODES)
    return _floats(0.5 * (at + 1.0)), _floats(0.5 * weight)


def _places(kind: str) -> Array:
    """Gauss's places, a row per coordinate."""
    at = _gauss()[0]
    if kind != "3d":
        return at[None]
    return np.stack([part.ravel() for part in np.meshgrid(at, at, indexing="ij")])


def profile_impedance(kind: str, omega: float, count: int = MODES) -> complex:
    """Impedance without D/kappa, by Galerkin's equations in the modes c_k of the cell's sides.

    k is the wave number, < > the mean over the contact::

        kappa k coth(k D) <c_k^2> phi_k = <(i_F + i w C (phi_m - phi)) c_k>
        D_S q_k tanh(q_k H) <c_k^2> s_k = <i_F c_k>,   q_k^2 = k^2 + 1/l_v^2 + i w x_V/D_S
        i_F = (phi_m - phi - s)/Z(x)

    S is 1 at rest and s its logarithm; the mode k = 0 of the electrolyte has kappa/D for k coth(k D).
    """
    waves, modes, weights = _modes(kind, count)
    factor = currents.steep_profile(kind).factor(_places(kind))
    conductance = 1.0 / (impedance.RESISTANCE * factor)
    depth, metal = currents.PROFILE_DEPTH, impedance.VACANCIES
    squares = (modes**2) @ weights
    uniform = waves == 0.0
    safe = np.where(uniform, 1.0, waves)
    electrolyte = squares * np.where(uniform, 1.0 / depth, safe / np.tanh(safe * depth))
    storing = 1j * omega * impedance.VACANT / metal.diffusivity
    wave = np.sqrt(waves**2 + metal.sink_length**-2 + storing)
    vacancies = squares * metal.diffusivity * wave * np.tanh(wave * currents.PROFILE_METAL)
    through = (modes * (conductance * weights)) @ modes.T
    layer = np.diag(1j * omega * impedance.LAYER * squares)
    matrix = np.block(
        [
            [np.diag(electrolyte) + through + layer, through],
            [through, np.diag(vacancies) + through],
        ]
    )
    flowing, charging = through[:, uniform].ravel(), layer[:, uniform].ravel()
    found = np.linalg.solve(matrix, np.concatenate([flowing + charging, flowing]))
    current = electrolyte[uniform] * found[: len(waves)][uniform]
    return complex(1.0 / current[0] - depth)


def _profile(comm: MPI.Comm, kind: str, level: int) -> list[complex]:
    """Z - D/kappa at each frequency."""
    cell = currents.flat_cell(comm, kind, 2.0 * currents.PROFILE_SIZE * 0.5**level)
    problem = impedance.interface(cell, patches=currents.steep_profile(kind))
    problem.solve()
    storage, depth = impedance.Storage(impedance.VACANT, impedance.LAYER), currents.PROFILE_DEPTH
    found = [impedance.measured(problem, storage, depth, omega).impedance for omega in impedance.OMEGAS]
    problem.destroy()
    return [value - depth for value in found]


@row("impedance-profile", "25/p", "impedance of a flat contact whose resistance varies")
def impedance_profile(comm: MPI.Comm) -> list[Check]:
    """Vacancies with storage, double layer and Z = Z_0 exp(2 c), in all coordinates, against a series."""
    checks = []
    for kind, levels in (("plane", 3), ("axisymmetric", 3), ("3d", 2)):
        solved = [_profile(comm, kind, level) for level in range(levels)]
        for k, omega in enumerate(impedance.OMEGAS):
            label, exact = f"Z - D/kappa at omega = {omega:g}, {kind}", profile_impedance(kind, omega)
            found = [values[k] for values in solved].__getitem__
            checks.append(
                impedance.complex_check(
                    label, exact, found, levels=levels, tolerance=5e-3, expected_order=2.0
                )
            )
    return checks


def _disc(comm: MPI.Comm, omega: float, resistance: float, level: int) -> float:
    cell = currents.disc_cell(comm, TUBE, level)
    problem = impedance.interface(cell, resistance=resistance, vacancies=None)
    problem.solve()
    layer = impedance.Storage(double_layer=impedance.LARGE)
    found = impedance.measured(problem, layer, currents.DISC_DEPTH / TUBE, omega).shares["constriction"].real
    problem.destroy()
    return found * TUBE**2 / math.pi


@row("impedance-disc", "26/d", "impedance of a disc: its constriction at high frequency and at 0 Hz")
def impedance_disc(comm: MPI.Comm) -> list[Check]:
    """Equipotential (shorted by the double layer) and uniform current (0 Hz, large Z), as in row 10."""
    isothermal, uniform = currents.disc_resistances(TUBE)
    checks = []
    for label, omega, z, exact in (("high frequency", 1.0, 1.0, isothermal), ("0 Hz", 0.0, UNIFORM, uniform)):
        compute = functools.partial(_disc, comm, omega, z)
        checks.append(refined(f"spreading resistance, {label}", exact, compute, levels=2, tolerance=0.005))
    return checks


@row("impedance-slope-in-space", "27/s", "impedance at 0 Hz around an axis and in 3-D")
def impedance_slope(comm: MPI.Comm) -> list[Check]:
    """Row 27 with a void and a resistance that varies."""
    checks = []
    for kind, where in PLACES.items():
        cell, profile = currents.void_cell(comm, kind), currents.steep_profile(kind)
        problem = impedance.interface(cell, kinetics="butler-volmer", patches=profile)
        checks += impedance.slopes(problem, currents.PROFILE_DEPTH, where)
    return checks
