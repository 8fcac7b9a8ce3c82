"""``livoid critical``, ``threshold`` and ``focus``: the commands behind the predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

from solver.case.loading import CaseError
from solver.cli import commands
from solver.core.parallel import on_root
from solver.output import series
from solver.output.run_folder import RunFolder
from solver.setup.scales import LENGTH_SCALE, case_scales, model_parameters
from solver.simulation.run import run_case

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.simulation.ending import RunOutcome

MAP_PRESSURES = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 14.0, 25.0, 50.0)
"""MPa; the range of the experiments."""
MAP_CURRENTS = (0.05, 0.2, 0.5, 1.0, 2.0)
"""mA/cm2."""
PARTS = ("instant", "evolution", "map")


def critical(path: str, out: str | None, changes: Mapping[str, Any], parts: list[str], comm: MPI.Comm) -> int:
    """Neutral size, critical size by evolution, and their map over pressure and current. Collective."""
    from solver.predictions import critical as sizes
    from solver.predictions import critical_report

    def load(more: Mapping[str, Any]) -> LoadedCase:
        return commands.load_collective(path, dict(changes) | dict(more), comm)

    def run(loaded: LoadedCase, to: Path) -> RunOutcome:
        return run_case(loaded, RunFolder(to, series.COLUMNS), comm, force=True)

    base = load({})
    if base.case.geometry.kind != "plane" or not base.case.void:
        raise CaseError(path, ["critical sizes need a plane cell with one [[void]]: its aspect is kept"])
    folder = Path(out) if out else Path("runs") / f"{Path(path).stem}-critical"
    wanted = parts or list(PARTS)
    if "instant" in wanted or "evolution" in wanted:
        instant = sizes.neutral_sizes(load, comm)
        evolved: tuple[list[sizes.Crossing], list[sizes.Trial]] = ([], [])
        if "evolution" in wanted:
            evolved = sizes.evolved_sizes(load, run, folder / "runs", comm)
        lines = on_root(comm, lambda: critical_report.write_sizes(folder, instant, evolved))
        if lines is not None:
            print("\n".join(lines))
    if "map" in wanted:
        rows = sizes.neutral_map(load, MAP_PRESSURES, MAP_CURRENTS, comm)
        ladder = sizes.half_widths(base)
        on_root(comm, lambda: critical_report.write_map(folder, rows, ladder[-1], ladder[0]))
    if comm.rank == 0:
        print(f"results in {folder}")
    return commands.EXIT_OK


def threshold(path: str, out: str | None, changes: Mapping[str, Any], comm: MPI.Comm) -> int:
    """Threshold pressure of a case's voids over current, temperature and creep law. Collective."""
    from solver.predictions.threshold import threshold_study, write_thresholds

    def load(more: Mapping[str, Any]) -> LoadedCase:
        return commands.load_collective(path, dict(changes) | dict(more), comm)

    base = load({})
    if base.case.geometry.kind == "3d" or not (base.case.void or base.case.voids):
        raise CaseError(path, ["a threshold pressure needs a plane or axisymmetric cell with voids"])
    if base.case.operation.current is None:
        raise CaseError(path, ["a threshold pressure needs 'operation.current'"])
    rows = threshold_study(load, comm)
    folder = Path(out) if out else Path("runs") / f"{Path(path).stem}-threshold"
    made = on_root(comm, lambda: write_thresholds(rows, folder, base.case.title))
    for file in made or []:
        print(file)
    return commands.EXIT_OK


def focus(path: str, out: str | None, changes: Mapping[str, Any], kinds: list[str], comm: MPI.Comm) -> int:
    """Current focusing against void size, contact fraction and Wa, the case's own among them. Collective."""
    from solver.predictions.focus import KINDS, WAGNER, focus_study, write_focus

    loaded = commands.load_collective(path, dict(changes), comm)
    current = model_parameters(loaded, case_scales(loaded)).current
    half_width = loaded.case.geometry.width / LENGTH_SCALE
    own = current.conductivity * current.area_resistance / half_width
    if comm.rank == 0:
        print(f"this case: Wa = {own:.4g} (cell half-width {half_width:g} um)")
    numbers = sorted({*WAGNER, *([float(f"{own:.4g}")] if own > 0.0 else [])})
    rows = focus_study([kind for kind in KINDS if not kinds or kind in kinds], comm, numbers)
    folder = Path(out) if out else Path("runs") / f"{Path(path).stem}-focus"
    made = on_root(comm, lambda: write_focus(rows, folder))
    for file in made or []:
        print(file)
    return commands.EXIT_OK
