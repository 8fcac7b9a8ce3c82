"""Rows 8 to 12 and 28: current distribution, constriction and kinetics, resistance that varies."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI
from scipy import special

from meshes.gmsh.mesh_profile import mesh_profile
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.profile.triangulated import profile_from_seeds
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.equations import static_current
from solver.equations.terms.contact_resistance import ResistanceFormula, ResistanceTable
from solver.equations.terms.current import CurrentParameters
from solver.verification.check import Check, refined, row

if TYPE_CHECKING:
    from meshes.cell import CellMesh
    from solver.equations.static_current import CurrentResult
    from solver.equations.terms.contact_resistance import ResistanceProfile

DISC_DEPTH = 3.0
"""Of the electrolyte, over the radius of the tube around a disc."""
PROFILE_DEPTH, PROFILE_METAL = 2.0, 0.5
"""Heights of the electrolyte and the metal, over the width of the cell."""
PROFILE_SIZE = 0.1
"""Elements along the contact of the coarsest mesh."""
PROFILE_RESISTANCE = 0.5
"""kappa Z_0 over the width."""
SWING = 0.6
"""b."""
MODES = {"plane": math.pi, "axisymmetric": float(special.jn_zeros(1, 1)[0]), "3d": math.sqrt(2.0) * math.pi}
"""k times the width."""
_MEAN_SQUARES = {"plane": 0.5, "axisymmetric": float(special.j0(MODES["axisymmetric"]) ** 2), "3d": 0.25}
"""Mean of c^2."""
_COSINES = {"plane": "cos(pi*x/width)", "3d": "cos(pi*x/width)*cos(pi*y/depth)"}


def solve_current(
    comm: MPI.Comm, profile: InterfaceProfile, rule: SizeRule, parameters: CurrentParameters
) -> CurrentResult:
    """Current distribution of a profile without vacancies."""
    cell = mesh_profile(profile, rule, comm)
    return static_current.solve_current(cell, parameters, profile.electrolyte_depth)


def strip(comm: MPI.Comm, fraction: float, resistance: float, level: int) -> CurrentResult:
    """Half a period (1) of strip contacts of a contact fraction; the void is centred on x = 0."""
    half = 1.0 - fraction
    # i ~ r^-1/2 at the edge: the tip shrinks 4 times where the rest shrinks twice
    rule = SizeRule(tip=0.02 * fraction * 0.25**level, growth=0.3 * 0.5**level, largest=0.15 * 0.5**level)
    shape = VoidShape((0.0,), 2.0 * half, 0.2)
    profile = profile_from_shapes([shape], width=1.0, metal_height=1.0, electrolyte_depth=3.0, rule=rule)
    return solve_current(comm, profile, rule, CurrentParameters(1.0, resistance))


@row("strips", "8", "periodic strip contacts, Z = 0")
def strips(comm: MPI.Comm) -> list[Check]:
    """Excess resistance and the current in the outer half of the contact, f = 0.5 and 0.1."""
    checks = []
    for fraction in (0.5, 0.1):
        exact = 2.0 / math.pi * math.log(1.0 / math.sin(0.5 * math.pi * fraction))
        # The electrolyte is 1.5 periods deep: the exact half-space value is reached to exp(-3 pi).
        compute = functools.partial(_strip_resistance, comm, fraction)
        checks.append(refined(f"excess resistance, f = {fraction}", exact, compute, levels=3, tolerance=0.01))
        for share in (0.0, 0.5, 0.9):
            x = 0.5 * share * fraction * 2.0
            exact = _strip_exact(fraction, x)
            compute = functools.partial(_strip_current, comm, fraction, 1.0 - x)
            label = f"i/<i> at {share} of the contact's half width, f = {fraction}"
            checks.append(refined(label, exact, compute, levels=3, tolerance=0.01))
    return checks


def _strip_resistance(comm: MPI.Comm, fraction: float, level: int) -> float:
    return strip(comm, fraction, 0.0, level).resistance()


def _strip_current(comm: MPI.Comm, fraction: float, x: float, level: int) -> float:
    return float(strip(comm, fraction, 0.0, level).current_at(x)[0])


def _strip_exact(fraction: float, x: float) -> float:
    """Row 8's i/<i> at distance x from the contact's middle (period 2)."""
    edge, here = math.sin(0.5 * math.pi * fraction), math.sin(0.5 * math.pi * x)
    return math.cos(0.5 * math.pi * x) / math.sqrt(edge**2 - here**2)


@row("small-resistance", "8/z", "periodic strip contacts as Z goes to 0")
def small_resistance(comm: MPI.Comm) -> list[Check]:
    """Resistance and largest current go to those of Z = 0 on the same mesh, by as much as Z goes to 0."""
    limits, checks = _small(comm, 0.0), []
    for k, quantity in enumerate(("excess resistance", "largest i/<i>")):
        label = f"{quantity}, f = 0.5"

        def halved(level: int, k: int = k) -> float:
            return _small(comm, 1e-6 * 0.5**level)[k]

        checks.append(
            refined(f"{label}, Z = 5e-7", limits[k], halved, levels=2, tolerance=1e-3, expected_order=1.0)
        )
        # 1e-3 at 5e-7 is 2e-9 here
        checks.append(Check(f"{label}, Z = 1e-12", limits[k], _small(comm, 1e-12)[k], 2e-9))
    return checks


def _small(comm: MPI.Comm, resistance: float) -> tuple[float, float]:
    result = strip(comm, 0.5, resistance, 0)
    found = result.resistance(), float(np.max(result.contact_values()[:, -1]))
    result.destroy()
    return found


@row("bounds", "9", "bounds of the resistance for linear kinetics")
def bounds(comm: MPI.Comm) -> list[Check]:
    """Z/f + r_c <= r <= Z/f + series; the violation must be 0 (up to the error of r_c at Z = 0)."""
    checks = []
    for resistance in (0.01, 0.1, 1.0, 10.0):
        result = strip(comm, 0.5, resistance, 1)
        value = result.resistance()
        # of the mesh: a polygon of the void's area is wider than the void by O(h^2)
        fraction = result.chemistry.contact_area / result.chemistry.whole_area
        constriction = 2.0 / math.pi * math.log(1.0 / math.sin(0.5 * math.pi * fraction))
        m = np.arange(1, 200000)
        series = 2.0 / (math.pi**3 * fraction**2) * float(np.sum(np.sin(m * math.pi * fraction) ** 2 / m**3))
        low, high = resistance / fraction + constriction, resistance / fraction + series
        violation = max(low - value, value - high, 0.0) / value
        checks.append(
            Check(
                f"violation at Z = {resistance} ({low:.5g} <= {value:.5g} <= {high:.5g})",
                0.0,
                violation,
                2e-4,
            )
        )
    return checks


def disc_resistances(eps: float) -> tuple[float, float]:
    """Spreading resistance times kappa c of a disc of radius c in a tube of c/eps.

    Equipotential, and for uniform flux: Negus and Yovanovich 1984.
    """
    isothermal = 0.25 * (1 - 1.40978 * eps + 0.34406 * eps**3 + 0.0435 * eps**5 + 0.02271 * eps**7)
    return isothermal, 0.25 * (1.08076 - 1.41042 * eps + 0.26604 * eps**3)


@row("disc", "10", "disc contact (axisymmetric)")
def disc(comm: MPI.Comm) -> list[Check]:
    """1/(4 kappa c) and 8/(3 pi^2 kappa c), each times the flux-tube factor of the finite cell.

    A contact of radius c in a tube of radius c/eps: Negus and Yovanovich 1984,
    equipotential 1 - 1.40978 eps + 0.34406 eps^3 + 0.0435 eps^5 + 0.02271 eps^7, and
    uniform flux (average temperature) 1.08076 - 1.41042 eps + 0.26604 eps^3 of the same 1/(4 kappa c).
    """
    eps = 0.1
    isothermal, uniform = disc_resistances(eps)
    checks = []
    for label, z, exact in (("equipotential", 0.0, isothermal), ("uniform flux", 1e5, uniform)):
        compute = functools.partial(_disc_at, comm, eps, z)
        checks.append(refined(f"spreading resistance, {label}", exact, compute, levels=2, tolerance=0.005))
    return checks


def disc_cell(comm: MPI.Comm, eps: float, level: int) -> CellMesh:
    """A contact of radius 1 in a tube of radius 1/eps, three radii of the tube deep."""
    radius = 1.0 / eps
    rule = SizeRule(tip=0.005 * 0.25**level, growth=0.25 * 0.5**level, largest=1.5 * 0.5**level)
    height, side = 0.5, np.linspace(1.0, radius, 40)
    roof = np.column_stack(
        [side, height * np.sqrt(np.clip(1.0 - ((radius - side) / (radius - 1.0)) ** 2, 0.0, 1.0))]
    )
    roof[0, 1] = 0.0
    return mesh_profile(InterfaceProfile(radius, 2.0, DISC_DEPTH * radius, (roof,), True), rule, comm)


def _disc_at(comm: MPI.Comm, eps: float, resistance: float, level: int) -> float:
    cell, parameters = disc_cell(comm, eps, level), CurrentParameters(1.0, resistance)
    result = static_current.solve_current(cell, parameters, DISC_DEPTH / eps)
    return result.joule_resistance() * eps**2 / math.pi


@row("void-on-plane", "11", "insulating void on a contacting plane, Z = 0")
def void_on_plane(comm: MPI.Comm) -> list[Check]:
    """i/i_inf at 1.2 and 2 void radii, in a cell 40 radii wide; i_inf is taken at 35 radii."""
    checks = []
    for axisymmetric in (False, True):
        for x in (1.2, 2.0):
            compute = functools.partial(_void_at, comm, axisymmetric, x)
            label = f"i/i_inf at {x} a, {'axisymmetric' if axisymmetric else 'plane'}"
            exact = _void_exact(axisymmetric, x)
            checks.append(refined(label, exact, compute, levels=2, tolerance=0.01))
    return checks


def _void_exact(axisymmetric: bool, x: float) -> float:
    if not axisymmetric:
        return x / math.sqrt(x * x - 1.0)
    return 1.0 + 2.0 / math.pi * (1.0 / math.sqrt(x * x - 1.0) - math.asin(1.0 / x))


def _void_at(comm: MPI.Comm, axisymmetric: bool, x: float, level: int) -> float:
    width = 40.0
    rule = SizeRule(tip=0.01 * 0.25**level, growth=0.15 * 0.5**level, largest=4.0 * 0.5**level)
    shape = VoidShape((0.0,), 2.0, 0.5)
    profile = profile_from_shapes(
        [shape],
        width=width,
        metal_height=3.0,
        electrolyte_depth=2 * width,
        rule=rule,
        axisymmetric=axisymmetric,
    )
    near, far = solve_current(comm, profile, rule, CurrentParameters(1.0, 0.0)).current_at(x, 35.0)
    return float(near / far)


@row("butler-volmer", "12", "Butler-Volmer on a flat contact")
def butler_volmer(comm: MPI.Comm) -> list[Check]:
    """(2RT/F) asinh(i Z F/(2 R T)) at 0.1, 1 and 10 times i0 (in RT/F); a flat cell is exact."""
    checks = []
    for ratio in (0.1, 1.0, 10.0):
        rule = SizeRule(tip=0.25, largest=0.25)
        profile = InterfaceProfile(1.0, 1.0, 2.0)
        parameters = CurrentParameters(1.0, ratio, kinetics="butler-volmer")
        value = solve_current(comm, profile, rule, parameters).resistance()
        checks.append(Check(f"overpotential at i = {ratio} i0", 2.0 * math.asinh(0.5 * ratio), value, 1e-10))
    return checks


def chosen_profile(kind: str) -> ResistanceProfile:
    """Z/Z_0 that gives a chosen current."""
    weight = SWING * math.tanh(MODES[kind] * PROFILE_DEPTH) / (MODES[kind] * PROFILE_RESISTANCE)
    return _of_mode(kind, f"(1 - {weight!r}*C)/(1 + {SWING!r}*C)")


def steep_profile(kind: str) -> ResistanceProfile:
    """Z/Z_0 = exp(2 c): from e^-2 to e^2 in the plane."""
    return _of_mode(kind, "exp(2*C)")


def _of_mode(kind: str, text: str) -> ResistanceProfile:
    """An expression of the mode C of the cell's sides; around an axis a table of it."""
    if kind != "axisymmetric":
        return ResistanceFormula(
            text.replace("C", _COSINES[kind]), kind, (1.0, 1.0) if kind == "3d" else (1.0,)
        )
    r = np.linspace(0.0, 1.0, 2001)
    # an expression of x where x is the mode
    values = ResistanceFormula(text.replace("C", "(x/width)"), "plane", (1.0,)).factor(
        special.j0(MODES[kind] * r)[None]
    )
    return ResistanceTable((tuple(map(float, r)),), tuple(map(float, values)))


def flat_cell(comm: MPI.Comm, kind: str, size: float) -> CellMesh:
    """A flat contact of width 1 with elements of a size along it."""
    rule = SizeRule(tip=size, growth=0.4, largest=4.0 * size, layer=size)
    if kind == "3d":
        solid = profile_from_seeds(
            [], extents=(1.0, 1.0), metal_height=PROFILE_METAL, electrolyte_depth=PROFILE_DEPTH
        )
        return mesh_profile(solid, rule, comm)
    flat = InterfaceProfile(1.0, PROFILE_METAL, PROFILE_DEPTH, (), kind == "axisymmetric")
    return mesh_profile(flat, rule, comm)


def void_cell(comm: MPI.Comm, kind: str) -> CellMesh:
    """A void at the axis or in the corner of a coarse cell of width 1, deep as a flat one."""
    seed, heights = VoidShape((0.0, 0.0) if kind == "3d" else (0.0,), 1.0, 0.5), (2.0, PROFILE_DEPTH)
    if kind == "3d":
        rule = SizeRule(tip=0.15, growth=0.5, largest=0.5)
        solid = profile_from_seeds(
            [seed], extents=(1.0, 1.0), metal_height=heights[0], electrolyte_depth=heights[1]
        )
        return mesh_profile(solid, rule, comm)
    rule = SizeRule(tip=0.04, growth=0.3, largest=0.4)
    flat = profile_from_shapes(
        [seed], width=1.0, metal_height=heights[0], electrolyte_depth=heights[1], rule=rule, axisymmetric=True
    )
    return mesh_profile(flat, rule, comm)


def solve_profile(comm: MPI.Comm, kind: str, level: int) -> CurrentResult:
    """Current distribution on a flat contact whose resistance gives a chosen current.

    The current i = i_0 (1 + b c(x)) is chosen, c being a mode of the cell's sides (cosines; J_0 around an
    axis) of wave number k and mean 0. The electrolyte's potential follows, and Z(x) from both:

        Z/Z_0 = (1 - w c)/(1 + b c),    w = b tanh(k D)/(kappa k Z_0)
    """
    parameters = CurrentParameters(1.0, PROFILE_RESISTANCE, patches=chosen_profile(kind))
    cell = flat_cell(comm, kind, PROFILE_SIZE * 0.5**level)
    return static_current.solve_current(cell, parameters, PROFILE_DEPTH)


@row("resistance-profile", "28", "resistance that varies smoothly along a flat contact")
def resistance_profile(comm: MPI.Comm) -> list[Check]:
    """Overpotential (that of the uniform Z_0) and what the electrolyte dissipates more, second order."""
    checks = []
    for kind, levels in (("plane", 3), ("axisymmetric", 3), ("3d", 2)):
        solved = [_solved(comm, kind, level) for level in range(levels)]
        for name, exact in _profile_exact(kind).items():
            values = [found[name] for found in solved]
            checks.append(
                refined(
                    f"{name}, {kind}",
                    exact,
                    values.__getitem__,
                    levels=levels,
                    tolerance=0.01,
                    expected_order=2.0,
                )
            )
    return checks


def _profile_exact(kind: str) -> dict[str, float]:
    more = SWING**2 * _MEAN_SQUARES[kind] * math.tanh(MODES[kind] * PROFILE_DEPTH) / MODES[kind]
    return {"resistance": PROFILE_RESISTANCE, "constriction": more}


def _solved(comm: MPI.Comm, kind: str, level: int) -> dict[str, float]:
    result = solve_profile(comm, kind, level)
    found = {"resistance": result.resistance(), "constriction": result.joule_resistance()}
    result.destroy()
    return found
