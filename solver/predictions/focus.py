"""Current focusing of a fixed void geometry, against void size, contact fraction and Wagner number.

One void in the middle of each cell of a regular array: stripes (plane), discs (axisymmetric, the hexagonal
array's cell as a circle) and discs in a square array (3-D). No vacancies, no creep: the limits of all
that follows. Lengths are in cell half-widths, Wa = kappa Z / half-width.

An isolated contact: a disc of radius a on a wide, deep electrolyte; lengths are in a, Wa = kappa Z/a. It is
solved in a tube of radius a/eps, and what the tube's wall takes away from the constriction is put back (Negus
and Yovanovich 1984, as in verification row 10). That depends on how the current is spread over the disc in
the third order of eps only, by 1e-5 of the constriction here.
"""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI

from meshes.gmsh.mesh_profile import MeshingError, mesh_profile
from meshes.profile.polyline import InterfaceProfile, profile_from_shapes
from meshes.profile.triangulated import profile_from_seeds
from meshes.seeds import VoidShape
from meshes.sizing import SizeRule
from solver.case.given import quantity
from solver.equations.static_current import solve_current
from solver.equations.terms.current import CurrentParameters

if TYPE_CHECKING:
    from meshes.cell import CellMesh, CoordinateKind
    from solver.setup.setup import Setup

log = logging.getLogger("livoid")

FRACTIONS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Contact fractions (areas)."""
WAGNER = (0.01, 0.1, 1.0, 10.0, 100.0)
KINDS: tuple[CoordinateKind, ...] = ("plane", "axisymmetric", "3d")
DISC = "disc"
SOLID_FRACTIONS = (0.35, 0.5, 0.65, 0.8)
"""Those of the 3-D array (a disc fits into the square from 1 - pi/4 up)."""
SMALLEST_SOLID = 1.0 - math.pi / 4.0
"""Contact fraction of the 3-D array whose discs touch."""
SMALLEST, LARGEST = 0.01, 0.99
"""Ends of the contact fractions that are meshed."""
LEAST_WAGNER = 1e-4
"""Below it the current at an edge changes over less than elements resolve; elsewhere it is that of Wa = 0."""
DEPTH = 3.0
"""Electrolyte: what the array does to the potential has decayed by exp(-3 pi)."""
METAL = 0.5
"""Height of the metal; no part of the current's problem."""
ASPECT = 0.2
"""Height over half-width of the voids; no part of the current's problem."""
SOLID_ASPECT = 0.25
"""The same of the caps in the 3-D array. Roofs that rise steeply from a triple line with such fine elements
leave flat tetrahedra, and no usable mesh."""


EPS = 0.05
"""Radius of the disc over that of the tube."""
EQUIPOTENTIAL = 0.25
"""Newman's 1/(4 kappa a): constriction of a disc at one potential (Wa = 0), times kappa a."""
UNIFORM = 8.0 / (3.0 * math.pi**2)
"""Constriction times kappa a for a uniform current (Wa to infinity), the upper bound."""
_TUBE = (1.40978, 0.0, -0.34406, 0.0, -0.0435, 0.0, -0.02271)
"""Coefficients of eps, eps^2, ...: what a tube takes away, over the equipotential constriction."""
_ROOF_HEIGHT, _DISC_METAL = 0.5, 2.0
"""Heights of the void beside the disc and of the metal, in a; no part of the current's problem."""
_DISC_DEPTH = 3.0
"""Of the electrolyte, in radii of the tube."""


@dataclass(frozen=True)
class FocusRow:
    """Current focusing of one geometry; numbers are NaN where it could not be meshed.

    Attributes:
        kind: plane, axisymmetric or 3d.
        contact_fraction: of the mesh.
        void_half_width: over the cell's half-width.
        wagner: kappa Z / half-width of the cell.
        peak_applied: largest current density over the applied one.
        peak_contact: largest over the mean on the contact.
        constriction: constriction resistance times kappa over the half-width, for the whole area.
        total: Z/f and more, resistance times kappa over the half-width less the flat electrolyte's.
        limit: what the constriction is at Wa = 0 (plane, exact); NaN where no closed form is known.
        bound: what it is for a uniform current on the contact, the upper bound (plane); NaN elsewhere.
    """

    kind: str
    contact_fraction: float
    void_half_width: float
    wagner: float
    peak_applied: float
    peak_contact: float
    constriction: float
    total: float
    limit: float
    bound: float


@dataclass(frozen=True)
class Asked:
    """What is to be solved.

    Attributes:
        arrays: kinds of cells.
        disc: whether an isolated contact is, too.
        contact: contact fractions of the arrays, empty for the usual ones.
        wagner: Wagner numbers, rising.
    """

    arrays: tuple[CoordinateKind, ...]
    disc: bool
    contact: tuple[float, ...]
    wagner: tuple[float, ...]

    def with_case(self, setup: Setup) -> Asked:
        """The Wagner number of a case among the others, unless it is too low."""
        own = float(f"{case_wagner(setup)[0]:.4g}")
        return replace(self, wagner=tuple(sorted({*self.wagner, *([own] if own > LEAST_WAGNER else [])})))


def asked(kinds: Sequence[str], contact: Sequence[str], wagner: Sequence[str]) -> Asked:
    """What is asked for in words; nothing stands for all arrays, the usual fractions and numbers.

    Raises:
        CaseError: if a number cannot be.
        ValueError: for an array that is none, and contact of none.
    """
    unknown = [kind for kind in kinds if kind not in (*KINDS, DISC)]
    if unknown:
        raise ValueError(f"no array {', '.join(unknown)}; there are {', '.join((*KINDS, DISC))}")
    arrays = tuple(kind for kind in KINDS if not kinds or kind in kinds)
    if contact and not arrays:
        raise ValueError("contact is of arrays; an isolated disc has none")
    smallest, what = SMALLEST, "a fraction"
    if "3d" in arrays:
        smallest, what = SMALLEST_SOLID, "a fraction (in the 3-D array, which is asked for too, discs touch)"
    fractions = tuple(quantity("contact", text, "", smallest, LARGEST, what) for text in contact)
    numbers = sorted({quantity("wagner", text, "", LEAST_WAGNER) for text in wagner} or WAGNER)
    return Asked(arrays, DISC in kinds, fractions, tuple(numbers))


def case_wagner(setup: Setup) -> tuple[float, float]:
    """(Wagner number of a case by the half-width of its cell, that half-width in um)."""
    current, half_width = setup.parameters.current, setup.geometry.width
    return current.conductivity * current.area_resistance / half_width, half_width


def equipotential_limit(fraction: float) -> float:
    """(2/pi) ln(1/sin(pi f/2)): periodic strips at Wa = 0 (docs/verification.md, row 8)."""
    return 2.0 / math.pi * math.log(1.0 / math.sin(0.5 * math.pi * fraction))


def uniform_limit(fraction: float) -> float:
    """Periodic strips with uniform current on the contact (docs/verification.md, row 9)."""
    m = np.arange(1, 200000)
    total = float(np.sum(np.sin(m * math.pi * fraction) ** 2 / m**3))
    return 2.0 / (math.pi**3 * fraction**2) * total


def void_half_width(kind: CoordinateKind, fraction: float) -> float:
    """Half-width of the void (over the cell's) that leaves a contact fraction."""
    if kind == "plane":
        return 1.0 - fraction
    return math.sqrt((1.0 - fraction) * (1.0 if kind == "axisymmetric" else 4.0 / math.pi))


def focus_cell(kind: CoordinateKind, half_width: float, wagner: float, comm: MPI.Comm) -> CellMesh:
    """Mesh of a quarter (3-D) or half of the cell; the edge's layer is Wa wide. Collective."""
    room, width, height = min(half_width, 1.0 - half_width), 2.0 * half_width, ASPECT * half_width
    if kind == "3d":
        rule = SizeRule(tip=max(0.03 * room, min(0.1 * room, 0.2 * wagner)), growth=0.35, largest=0.35)
        quarter = [VoidShape((0.0, 0.0), width, SOLID_ASPECT * half_width, "cap")]
        solid = profile_from_seeds(quarter, extents=(1.0, 1.0), metal_height=METAL, electrolyte_depth=DEPTH)
        return mesh_profile(solid, rule, comm)
    rule = SizeRule(tip=min(0.02 * room, 0.1 * wagner), growth=0.12, largest=0.1)
    half = profile_from_shapes(
        [VoidShape((0.0,), width, height)],
        width=1.0,
        metal_height=METAL,
        electrolyte_depth=DEPTH,
        rule=rule,
        axisymmetric=kind == "axisymmetric",
    )
    return mesh_profile(half, rule, comm)


def focus_row(kind: CoordinateKind, fraction: float, wagner: float, comm: MPI.Comm) -> FocusRow:
    """Solve one geometry. Collective."""
    half_width = void_half_width(kind, fraction)
    result = solve_current(focus_cell(kind, half_width, wagner, comm), CurrentParameters(1.0, wagner), DEPTH)
    peak, of_mesh = float(np.max(result.contact_values()[:, -1])), result.contact_fraction()
    constriction, total = result.joule_resistance(), result.resistance()
    result.destroy()
    exact = kind == "plane"
    return FocusRow(
        kind=kind,
        contact_fraction=of_mesh,
        void_half_width=half_width,
        wagner=wagner,
        peak_applied=peak,
        peak_contact=peak * of_mesh,
        constriction=constriction,
        total=total,
        limit=equipotential_limit(of_mesh) if exact else math.nan,
        bound=uniform_limit(of_mesh) if exact else math.nan,
    )


def _solved(kind: CoordinateKind, fraction: float, wagner: float, comm: MPI.Comm) -> FocusRow:
    """One geometry; NaN where it cannot be meshed (said by rank 0's log): the others count."""
    try:
        return focus_row(kind, fraction, wagner, comm)
    except MeshingError as error:
        log.warning("focus: %s, contact fraction %g, Wa = %g: %s", kind, fraction, wagner, error)
        return FocusRow(kind, fraction, void_half_width(kind, fraction), wagner, *[math.nan] * 6)


def focus_study(
    kinds: Sequence[CoordinateKind],
    comm: MPI.Comm,
    wagner: Sequence[float] = WAGNER,
    fractions: Sequence[float] = (),
) -> list[FocusRow]:
    """All contact fractions (none: the usual ones) and Wagner numbers of the given arrays. Collective."""
    rows = []
    for kind in kinds:
        for fraction in fractions or (SOLID_FRACTIONS if kind == "3d" else FRACTIONS):
            for number in wagner:
                rows.append(_solved(kind, fraction, number, comm))
                if comm.rank == 0:
                    print(_shown(rows[-1]), flush=True)
    return rows


@dataclass(frozen=True)
class DiscRow:
    """An isolated contact.

    Attributes:
        wagner: kappa Z/a.
        peak_contact: largest current density over the mean on the contact.
        constriction: resistance of the electrolyte (ohm) times kappa a, from what it dissipates.
        total: resistance of electrolyte and interface (ohm) times kappa a.
        limit: constriction at Wa = 0, exact.
        bound: constriction of a uniform current, exact.
    """

    wagner: float
    peak_contact: float
    constriction: float
    total: float
    limit: float = EQUIPOTENTIAL
    bound: float = UNIFORM


def tube_share(eps: float) -> float:
    """What a tube of radius a/eps takes away from the constriction, times kappa a."""
    return EQUIPOTENTIAL * sum(c * eps**k for k, c in enumerate(_TUBE, start=1))


def disc_row(wagner: float, comm: MPI.Comm) -> DiscRow:
    """Solve one Wagner number (above 0). Collective."""
    radius = 1.0 / EPS
    rule = SizeRule(tip=min(0.005, 0.1 * wagner), growth=0.15, largest=1.0)
    side = np.linspace(1.0, radius, 40)
    height = np.sqrt(np.clip(1.0 - ((radius - side) / (radius - 1.0)) ** 2, 0.0, 1.0))
    roof = np.column_stack([side, _ROOF_HEIGHT * height])
    profile = InterfaceProfile(radius, _DISC_METAL, _DISC_DEPTH * radius, (roof,), True)
    parameters = CurrentParameters(1.0, wagner)
    result = solve_current(mesh_profile(profile, rule, comm), parameters, profile.electrolyte_depth)
    area, back = math.pi * radius**2, tube_share(EPS)
    peak = float(np.max(result.contact_values()[:, -1])) * result.contact_fraction()
    row = DiscRow(wagner, peak, result.joule_resistance() / area + back, result.resistance() / area + back)
    result.destroy()
    return row


def disc_study(wagner: Sequence[float], comm: MPI.Comm) -> list[DiscRow]:
    """All Wagner numbers. Collective."""
    rows = []
    for number in wagner:
        rows.append(disc_row(number, comm))
        if comm.rank == 0:
            print(_shown_disc(rows[-1]), flush=True)
    return rows


def _shown(row: FocusRow) -> str:
    return (
        f"{row.kind:13s} f {row.contact_fraction:6.4f}  Wa {row.wagner:8.4g}  i_max/i {row.peak_applied:8.4g}"
        f"  i_max/<i> {row.peak_contact:7.4g}  constriction {row.constriction:8.5f}  total {row.total:8.5g}"
    )


def _shown_disc(row: DiscRow) -> str:
    return (
        f"isolated disc  Wa {row.wagner:8.4g}  i_max/<i> {row.peak_contact:7.4g}"
        f"  constriction {row.constriction:8.5f}  total {row.total:8.5g}"
    )


def write_focus(rows: Sequence[FocusRow], folder: Path) -> Path:
    """Write ``focus.csv`` into a folder (rank 0); returns the file."""
    return _written(FocusRow, rows, folder / "focus.csv")


def write_disc(rows: Sequence[DiscRow], folder: Path) -> Path:
    """Write ``disc.csv`` into a folder (rank 0); returns the file."""
    return _written(DiscRow, rows, folder / "disc.csv")


def _written(kind: type[FocusRow] | type[DiscRow], rows: Sequence[FocusRow | DiscRow], table: Path) -> Path:
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f.name for f in fields(kind)])
        writer.writerows(astuple(row) for row in rows)
    return table
