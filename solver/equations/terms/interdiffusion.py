"""Interdiffusion in a binary alloy with vacancies (docs/model.md 3; Darken 1948, Trans. AIME 175, 184).

Equations, dimensionless (velocities in v0 = Omega i0/F, lengths in L = 1 um):

    d x/dt + div(x u + J) = 0,   u = v - j_V,   J . n + x (u - w) . n = 0 on every boundary
    J   = -(x_Mg D_Li + x_Li D_Mg) Phi S grad x + x x_Li (D_Mg - D_Li) G
    j_V = S Phi (D_Mg - D_Li) grad x - D_S G,     D_S = x_Li D_Li + x_Mg D_Mg

x = x_Mg: fraction of the solute, x_Li = 1 - x; D_Li, D_Mg: tracer diffusivities at S = 1; Phi: thermodynamic
factor (:mod:`thermodynamics`); S: supersaturation of vacancies; v: velocity of the lattice; w: of the
boundary. The boundary condition says that stripping takes no solute.

Lattice-frame fluxes of solvent (Li) and solute (Mg, fraction x), driven by grad x and by
G = grad S + S (Omega_V P0/RT) grad p. Two frames are used. j_V = -(j_Li + j_Mg) is relative to the
lattice, whose velocity is v. The interdiffusion flux J = j_Mg + x j_V is relative to the mean of all atoms,
whose velocity u = v - j_V has no divergence (div v = -s = div j_V): with u the transport of x needs
nothing of the lattice's contraction, and what it sees of v changes slowly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ufl
from scipy import constants
from ufl.core.expr import Expr

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.equations.electrochemistry import ElectrochemistryProblem
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class CompositionParameters:
    """Interdiffusion of a binary alloy (docs/model.md 3); x is the fraction of the solute (Mg).

    Attributes:
        fraction: x at the start.
        limit: largest x of the BCC phase.
        solvent: tracer diffusivity D_Li / (L v0) at S = 1.
        solute: tracer diffusivity D_Mg / (L v0) at S = 1.
        redlich_kister: L_k / RT.
    """

    fraction: float
    limit: float
    solvent: float
    solute: float
    redlich_kister: tuple[float, ...] = ()


def from_case(loaded: LoadedCase, scales: Scales) -> CompositionParameters | None:
    """Parameters of a case; None in a pure metal."""
    metal, temperature = loaded.metal, loaded.case.operation.temperature
    if not loaded.case.model.composition or not metal.is_alloy:
        return None
    assert metal.solute_fraction and metal.solute_limit and metal.solute_diffusivity and metal.redlich_kister
    diffusion = scales.length * scales.velocity
    thermal = constants.R * temperature
    return CompositionParameters(
        fraction=metal.solute_fraction.value,
        limit=metal.solute_limit.value,
        solvent=metal.diffusivity.at(temperature) / diffusion,
        solute=metal.solute_diffusivity.at(temperature) / diffusion,
        redlich_kister=tuple(term.at(temperature) / thermal for term in metal.redlich_kister.value),
    )


class SoluteBalance:
    """Weak form of one time step of the solute's balance (:mod:`solver.equations.composition`)."""

    def __call__(self, problem: ElectrochemistryProblem) -> ufl.Form:
        """Solute stored in the step plus what leaves each node in it."""
        assert problem.composition is not None
        fraction, test = problem.field("fraction"), problem.test("fraction")
        return problem.composition.storage(fraction=fraction, test=test) + problem.composition.exchange(
            fraction=fraction,
            test=test,
            interdiffusivity=problem.metal.interdiffusivity(problem.state),
            drift=problem.metal.drift_velocity(problem.state),
        )


def sink_diffusivity(*, fraction: Expr, solvent: Expr, solute: Expr) -> Expr:
    """D_S = x_Li D_Li + x_Mg D_Mg, diffusivity of S."""
    return (1.0 - fraction) * solvent + fraction * solute


def vacancy_flux(
    *,
    fraction: Expr,
    supersaturation: Expr,
    drive: Expr,
    solvent: Expr,
    solute: Expr,
    thermodynamic_factor: Expr,
) -> Expr:
    """j_V = -(j_Li + j_Mg) = S Phi (D_Mg - D_Li) grad x - D_S G, relative to the lattice."""
    kirkendall = supersaturation * thermodynamic_factor * (solute - solvent) * ufl.grad(fraction)
    mean = sink_diffusivity(fraction=fraction, solvent=solvent, solute=solute)
    return kirkendall - mean * drive


def interdiffusivity(
    *, fraction: Expr, supersaturation: Expr, solvent: Expr, solute: Expr, thermodynamic_factor: Expr
) -> Expr:
    """(x_Mg D_Li + x_Li D_Mg) Phi S."""
    mixed = fraction * solvent + (1.0 - fraction) * solute
    return mixed * thermodynamic_factor * supersaturation


def drift_velocity(*, fraction: Expr, drive: Expr, solvent: Expr, solute: Expr) -> Expr:
    """x_Li (D_Mg - D_Li) G: velocity at which a gradient of vacancies carries the solute."""
    return (1.0 - fraction) * (solute - solvent) * drive


def weak_divergence(*, fraction: Expr, test: Expr, interdiffusivity: Expr, velocity: Expr) -> Expr:
    """-[x c - D grad x] . grad q: weak divergence of a flux with velocity c (volume density)."""
    flux = fraction * velocity - interdiffusivity * ufl.grad(fraction)
    return -ufl.inner(flux, ufl.grad(test))


def pulled_back(*, fraction: Expr, test: Expr, velocity: Expr, mesh_velocity: Expr, time: Expr) -> Expr:
    """x c . grad q over the geometry ``time`` ago, written on the present one (volume density).

    The mesh moved with ``mesh_velocity``; at half the step the volume that a moving triangle sweeps is
    exact.
    """
    back = ufl.Identity(len(mesh_velocity)) - time * ufl.grad(mesh_velocity)
    slope = ufl.det(back) * ufl.dot(ufl.transpose(ufl.inv(back)), ufl.grad(test))
    return fraction * ufl.inner(velocity, slope)
