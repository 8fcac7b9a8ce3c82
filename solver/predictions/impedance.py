"""Impedance of a case at its first instant, or of a run at one of its checkpoints: ``livoid eis``.

Spectra in ohm cm2 of the whole area (:mod:`solver.equations.linear_response`), with the flat share of the
pellet that the mesh leaves out; arcs; and how far a spectrum keeps the Kramers-Kronig relations, which every
linear, causal, stable system does.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from solver.equations.linear_response import HarmonicError as HarmonicError
from solver.equations.linear_response import LinearResponse
from solver.setup.setup import at_temperature
from solver.simulation import restart
from solver.simulation.discretisation import discretise, initial_cell
from solver.stepping.clock import Clock
from solver.stepping.schedule import Schedule

if TYPE_CHECKING:
    from mpi4py import MPI

    from solver.setup.setup import Setup

OHM_CM2 = 1e-4
"""ohm m2"""
UF_CM2 = 1e-2
"""F/m2"""
COLUMNS = ("frequency_Hz", "Z_real_ohm_cm2", "Z_imag_ohm_cm2")
"""Of ``impedance.csv``, before two of each share."""
ARC_COLUMNS = (
    "process",
    "steady_ohm_cm2",
    "span_ohm_cm2",
    "peak_frequency_Hz",
    "peak_ohm_cm2",
    "capacitance_uF_cm2",
)
"""Of ``arcs.csv``."""
ELEMENTS_PER_DECADE = 4
"""Of the chain of RC elements that a spectrum is compared with."""


@dataclass(frozen=True)
class Spectrum:
    """Impedance over frequency (ohm cm2).

    Attributes:
        frequencies: Hz, rising.
        impedance: (n,), complex.
        shares: of it by process, which add up to it.
        steady: the same shares at rest of the excitation (0 Hz); None where the composition blocks it.
        slowest: Hz below which what is left out of an alloy's response matters, 0 in a pure metal.
    """

    frequencies: NDArray[np.float64]
    impedance: NDArray[np.complex128]
    shares: Mapping[str, NDArray[np.complex128]]
    steady: Mapping[str, float] | None
    slowest: float = 0.0


@dataclass(frozen=True)
class Arc:
    """What one process adds.

    Attributes:
        process: name of a share, or "whole" for a maximum of the sum.
        steady: resistance at 0 Hz, NaN where that has none.
        span: real part at the lowest less that at the highest frequency.
        peak_frequency, peak: of -Im Z, NaN where it has no maximum inside the range.
        capacitance: 1/(2 pi f R) at the maximum, uF/cm2.
    """

    process: str
    steady: float
    span: float
    peak_frequency: float
    peak: float
    capacitance: float


def frequencies(lowest: float, highest: float, per_decade: int) -> NDArray[np.float64]:
    """Frequencies (Hz) at equal ratios, both ends among them."""
    count = max(2, round(math.log10(highest / lowest) * per_decade) + 1)
    return np.asarray(np.geomspace(lowest, highest, count), dtype=np.float64)


def place(header: Mapping[str, Any]) -> str:
    """Where a run was at a checkpoint with this header."""
    clock = Clock.restored(header["clock"])
    return f"{clock.charge_passed:.6g} mAh/cm2, {clock.time:.6g} s (step {clock.step})"


def spectrum(
    setup: Setup,
    comm: MPI.Comm,
    at: NDArray[np.float64],
    checkpoint: tuple[Path, Mapping[str, Any]] | None = None,
) -> Spectrum:
    """Impedance of a case at its first instant, or at a checkpoint of its run. Collective.

    Args:
        setup: of the case.
        comm: communicator.
        at: frequencies, Hz.
        checkpoint: its folder and header; None takes the case as it begins.

    Raises:
        SolveError: if the state cannot be solved.
        HarmonicError: if the linear system cannot.
        MeshingError: if the first geometry cannot be meshed.
    """
    begun = 0 if checkpoint is None else int(checkpoint[1]["clock"]["stage"])
    setup = at_temperature(setup, setup.stages[min(begun, len(setup.stages) - 1)].temperature)
    schedule = Schedule(list(setup.stages), setup.scales, setup.output.interval)
    saved = None if checkpoint is None else restart.Saved(checkpoint[0], dict(checkpoint[1]))
    if saved is None:
        mesh, clock = discretise(setup, initial_cell(setup, comm)), Clock(step_size=setup.steps.first)
        restart.new_surface(setup, mesh)
    else:
        mesh, clock = restart.saved_mesh(setup, comm, saved), Clock.restored(saved.header["clock"])
        surface = restart.new_surface(setup, mesh)
        mesh.model.clamp.restore(saved.header["clamp"])
        surface.restore(saved.header["surface"])
    try:
        schedule.control(clock, mesh.model, begins=saved is None)
        mesh.model.solve(clock.step_size)
        chemistry = mesh.model.chemistry
        response = LinearResponse(chemistry, setup.storage, setup.geometry.electrolyte_depth)
        try:
            return _measured(setup, response, at)
        finally:
            response.destroy()
    finally:
        mesh.destroy()


def _complex(values: Sequence[complex]) -> NDArray[np.complex128]:
    return np.array(values, dtype=np.complex128)


def _measured(setup: Setup, response: LinearResponse, at: NDArray[np.float64]) -> Spectrum:
    """The spectrum in ohm cm2, with the pellet that the mesh leaves out. Collective."""
    scales, cell, chemistry = setup.scales, setup.geometry, response.chemistry
    unit = scales.resistance / OHM_CM2
    rest = (cell.pellet_depth - cell.electrolyte_depth) / chemistry.parameters.conductivity
    found = [response.at(2.0 * math.pi * frequency * scales.time) for frequency in at]
    shares = {name: unit * _complex([r.shares[name] for r in found]) for name in found[0].shares}
    shares["ohmic"] += unit * rest
    impedance = unit * (_complex([r.impedance for r in found]) + rest)
    steady, slowest = None, 0.0
    if chemistry.composition is None:
        steady = {name: unit * value.real for name, value in response.at(0.0).shares.items()}
        steady["ohmic"] += unit * rest
    else:
        slowest = _slowest(setup, abs(chemistry.contact_current()) / chemistry.contact_area)
    return Spectrum(at, impedance, shares, steady, slowest)


def _slowest(setup: Setup, speed: float) -> float:
    """v^2/(2 pi D) in Hz: below it the metal moves farther in a period than the solute diffuses."""
    alloy = setup.parameters.composition
    assert alloy is not None
    mixed = alloy.fraction * alloy.solvent + (1.0 - alloy.fraction) * alloy.solute
    return speed**2 / (2.0 * math.pi * mixed * setup.scales.time)


def arcs(found: Spectrum) -> list[Arc]:
    """One row for each process, and one for each maximum of the whole."""
    rows = []
    for name, values in found.shares.items():
        steady = math.nan if found.steady is None else found.steady[name]
        span = float(values[0].real - values[-1].real)
        peaks = _peaks(values)
        highest = max(peaks, key=lambda k: -values[k].imag, default=None)
        rows.append(_arc(found, name, steady, span, values, highest))
    whole = found.impedance
    steady = math.nan if found.steady is None else sum(found.steady.values())
    span = float(whole[0].real - whole[-1].real)
    peaks = _peaks(whole)
    tops: list[int | None] = [*peaks] or [None]
    rows += [_arc(found, "whole", steady, span, whole, k) for k in tops]
    return rows


def _peaks(values: NDArray[np.complex128]) -> list[int]:
    """Where -Im Z is larger than beside it, and more than rounding."""
    height, noise = -values.imag, 1e-9 * float(np.abs(values).max())
    inner = range(1, len(values) - 1)
    return [k for k in inner if height[k] > noise and height[k - 1] <= height[k] > height[k + 1]]


def _arc(
    found: Spectrum,
    name: str,
    steady: float,
    span: float,
    values: NDArray[np.complex128],
    peak: int | None,
) -> Arc:
    if peak is None:
        return Arc(name, steady, span, math.nan, math.nan, math.nan)
    frequency, height = _vertex(found.frequencies, -values.imag, peak)
    # an arc of an RC element is half as high as wide
    capacitance = 1.0 / (2.0 * math.pi * frequency * 2.0 * height) / (OHM_CM2 * UF_CM2)
    return Arc(name, steady, span, frequency, height, capacitance)


def _vertex(at: NDArray[np.float64], height: NDArray[np.float64], k: int) -> tuple[float, float]:
    """Frequency and height of the parabola (in the logarithm of the frequency) through three points."""
    x = np.log(at[k - 1 : k + 2])
    a, b, c = np.polyfit(x - x[1], height[k - 1 : k + 2], 2)
    where = -0.5 * b / a
    return float(math.exp(x[1] + where)), float(c + 0.5 * b * where)


def kramers_kronig(at: NDArray[np.float64], impedance: NDArray[np.complex128]) -> float:
    """Largest distance of a spectrum from what keeps the Kramers-Kronig relations, over |Z|.

    The best chain of RC elements with given time constants, a resistance and a capacitance, each of which
    keeps them (Boukamp 1995, J. Electrochem. Soc. 142, 1885). The elements reach a decade beyond the range.
    """
    omega = 2.0 * math.pi * at
    decades = math.log10(at[-1] / at[0]) + 2.0
    count = min(round(ELEMENTS_PER_DECADE * decades), len(at))
    constants = np.geomspace(0.1 / omega[-1], 10.0 / omega[0], count)
    elements = 1.0 / (1.0 + 1j * np.outer(omega, constants))
    columns = np.column_stack([np.ones_like(omega), omega[0] / (1j * omega), elements])
    weights = 1.0 / np.abs(impedance)
    left, right = columns * weights[:, None], impedance * weights
    stacked = np.vstack([left.real, left.imag])
    fit, *_ = np.linalg.lstsq(stacked, np.concatenate([right.real, right.imag]), rcond=None)
    return float(np.abs(left @ fit - right).max())


def write_spectrum(found: Spectrum, folder: Path) -> tuple[Path, Path]:
    """Write ``impedance.csv`` and ``arcs.csv`` into a folder (rank 0); returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{name}_{part}_ohm_cm2" for name in found.shares for part in ("real", "imag")]
    every = np.column_stack([found.impedance, *found.shares.values()])
    table, summary = folder / "impedance.csv", folder / "arcs.csv"
    _write(
        table,
        [*COLUMNS, *names],
        (
            [f"{frequency:.8g}", *(f"{part:.8g}" for z in row for part in (z.real, z.imag))]
            for frequency, row in zip(found.frequencies, every, strict=True)
        ),
    )
    _write(
        summary,
        ARC_COLUMNS,
        (
            [arc.process]
            + [f"{v:.6g}" for v in (arc.steady, arc.span, arc.peak_frequency, arc.peak, arc.capacitance)]
            for arc in arcs(found)
        ),
    )
    return table, summary


def _write(file: Path, header: Sequence[str], rows: Any) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)


def shown(found: Spectrum) -> list[str]:
    """The arcs in words."""
    lines = [f"{'':16s}{'0 Hz':>12s}{'span':>12s}   peak of -Im Z"]
    for arc in arcs(found):
        peak = "none in this range"
        if not math.isnan(arc.peak):
            peak = f"{arc.peak:.4g} at {arc.peak_frequency:.4g} Hz ({arc.capacitance:.4g} uF/cm2)"
        steady = "-" if math.isnan(arc.steady) else f"{arc.steady:.5g}"
        lines.append(f"{arc.process:16s}{steady:>12s}{arc.span:12.5g}   {peak}")
    worst = kramers_kronig(found.frequencies, found.impedance)
    lines.append(f"ohm cm2 of the whole area; Kramers-Kronig kept to {worst:.1e} of |Z|")
    if found.slowest > found.frequencies[0]:
        lines.append(
            f"below {found.slowest:.2g} Hz the metal moves farther than its solute diffuses: that is left out"
        )
    return lines
