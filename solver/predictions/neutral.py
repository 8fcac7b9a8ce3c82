"""The neutral size: initial growth of a void split into vacancy gain and creep loss, against its size."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mpi4py import MPI

from meshes.cell import mesh_plane
from meshes.profile.polyline import profile_from_shapes
from meshes.seeds import VoidShape
from solver.equations.coupled_model import CoupledModel
from solver.setup import cell_setup
from solver.setup.scales import LENGTH_SCALE, case_scales, model_parameters
from solver.simulation.epoch import case_recipes

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.parameters import ModelParameters

HALF_WIDTHS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0)
"""Half-widths in um."""
ESTIMATE = {
    0.5: (4.3, 0.25),
    1.0: (4.9, 0.33),
    2.0: (5.6, 0.64),
    4.0: (5.9, 1.4),
    8.0: (5.5, 2.8),
    12.0: (4.8, 3.5),
}
"""Independent coarse estimate: half-width -> (gain, loss), stick contact, uniform current on the contact."""


@dataclass(frozen=True)
class NeutralRow:
    """One void size: gain and loss of void area in um times Omega i/F, for half a void.

    ``variant`` is "full" (the case as it is) or "uniform" (uniform current density, equal to the
    applied one, on the contact, stick contact: the setting of the independent estimate).
    """

    variant: str
    half_width: float
    gain: float
    loss: float


def neutral_study(
    loaded: LoadedCase, comm: MPI.Comm, half_widths: Sequence[float] = HALF_WIDTHS
) -> list[NeutralRow]:
    """Instantaneous rates of a void of the case's aspect at x = 0, for each size that fits. Collective."""
    base = model_parameters(loaded, case_scales(loaded))
    rows = []
    for variant in ("full", "uniform"):
        for half_width in half_widths:
            if half_width >= 0.95 * loaded.case.geometry.width / LENGTH_SCALE:
                continue
            gain, loss = instantaneous_rates(
                loaded, _variant(base, variant, loaded, half_width), half_width, comm
            )
            rows.append(NeutralRow(variant, half_width, gain, loss))
    return rows


def _variant(base: ModelParameters, variant: str, loaded: LoadedCase, half_width: float) -> ModelParameters:
    if variant == "full":
        return base
    width = loaded.case.geometry.width / LENGTH_SCALE
    return replace(
        base,
        current=replace(base.current, vacancy_potential=False, applied=(width - half_width) / width),
        load=replace(base.load, friction="stick"),
    )


def instantaneous_rates(
    loaded: LoadedCase, parameters: ModelParameters, half_width: float, comm: MPI.Comm
) -> tuple[float, float]:
    """(gain, loss) of half a void of the case's seed aspect with the given half-width. Collective."""
    geometry = loaded.case.geometry
    aspect = loaded.case.void[0].roof_height / (0.5 * loaded.case.void[0].width) if loaded.case.void else 1.0
    shape = VoidShape((0.0,), 2.0 * half_width, aspect * half_width)
    rule = cell_setup.size_rule(loaded, [shape])
    profile = profile_from_shapes(
        [shape],
        width=geometry.width / LENGTH_SCALE,
        metal_height=geometry.metal_thickness / LENGTH_SCALE,
        electrolyte_depth=geometry.modelled_depth / LENGTH_SCALE,
        rule=rule,
    )
    model = CoupledModel(mesh_plane(profile, rule, comm), parameters, case_recipes(loaded, parameters))
    model.solve(0.0)
    rates = model.void_rates()
    model.destroy()
    return rates


def crossing(rows: Sequence[NeutralRow]) -> float | None:
    """Half-width at which loss overtakes gain (log interpolation), None if it never does."""
    size = np.log([row.half_width for row in rows])
    balance = np.array([row.gain - row.loss for row in rows])
    for k in range(len(rows) - 1):
        if balance[k] > 0.0 >= balance[k + 1]:
            share = balance[k] / (balance[k] - balance[k + 1])
            return float(np.exp(size[k] + share * (size[k + 1] - size[k])))
    return None


def write_neutral(rows: Sequence[NeutralRow], folder: Path) -> None:
    """Write ``neutral.csv`` and ``neutral.png`` and print the table (rank 0)."""
    from postprocess.plots import plt

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "neutral.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("variant", "half_width_um", "gain", "loss"))
        writer.writerows((r.variant, r.half_width, f"{r.gain:.6g}", f"{r.loss:.6g}") for r in rows)
    figure, axes = plt.subplots(figsize=(6.4, 4.4))
    for variant, colour in (("full", "C0"), ("uniform", "C1")):
        chosen = [r for r in rows if r.variant == variant]
        size = [r.half_width for r in chosen]
        axes.plot(size, [r.gain for r in chosen], colour, marker="o", ms=3, label=f"{variant}: gain")
        axes.plot(size, [r.loss for r in chosen], colour, marker="s", ms=3, ls="--", label=f"{variant}: loss")
        for r in chosen:
            print(f"{variant:8s} {r.half_width:6.2f} um  gain {r.gain:7.3f}  loss {r.loss:7.3f}")
        where = crossing(chosen)
        print(
            f"{variant:8s} neutral half-width: {'none in this range' if where is None else f'{where:.2f} um'}"
        )
    axes.plot(
        list(ESTIMATE), [v[0] for v in ESTIMATE.values()], "k^", ms=5, mfc="none", label="estimate: gain"
    )
    axes.plot(
        list(ESTIMATE), [v[1] for v in ESTIMATE.values()], "kv", ms=5, mfc="none", label="estimate: loss"
    )
    axes.set_xscale("log")
    # the loss grows without bound as the contact vanishes
    axes.set_ylim(0.0, 1.15 * max(r.gain for r in rows))
    axes.set_xlabel("half-width of the void (um)")
    axes.set_ylabel("growth of void area, half a void (um x Omega i/F)")
    axes.legend(fontsize=7, frameon=False)
    figure.tight_layout()
    figure.savefig(folder / "neutral.png", dpi=130)
    plt.close(figure)
