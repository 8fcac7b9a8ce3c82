"""Repeating a run (``livoid rerun``): what its folder holds of it, and how much the two results differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from postprocess.records import RecordsError, read_table
from solver.core import provenance
from solver.core.trees import changes
from solver.output.rows import ENDED, SeriesRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME_RANKS = 1e-8
"""Largest relative difference of a column where nothing but the time of day differs."""
OTHER_RANKS = 1e-6
"""The same where sums are taken in another order: solver tolerance, over the steps of a run."""
ROUNDING_COLUMNS = ("charge_error", "lithium_error", "volume_error", "solute_error", "solute_correction")
"""What is zero but for rounding."""
EFFORT_COLUMNS = (
    "newton_electrochemistry",
    "newton_creep",
    "contact_sets",
    "coupling",
    "volume_correction_um",
)
"""What it took, which another order of sums may change."""

SURROUNDINGS = ("ranks", "git_commit", "git_dirty", "versions")
"""Entries of a manifest that may change a result."""


@dataclass(frozen=True)
class Original:
    """A run to be repeated: its folder and manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def case(self) -> Path:
        """Its resolved case."""
        return self.folder / "case.toml"


def original(folder: Path) -> Original:
    """Read what a run left.

    Raises:
        RecordsError: if there is no run, or it has not ended.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RecordsError(f"{folder} is not a run folder") from None
    if manifest.get("status") not in (*ENDED, "failed"):
        raise RecordsError(f"{folder} has not ended ({manifest.get('status')}); go on with --resume first")
    return Original(folder, manifest)


def surroundings(first: Mapping[str, Any], ranks: int) -> list[str]:
    """What is not as it was when the run was made: ranks, versions, code."""
    now = provenance.versions() | {"ranks": ranks}
    before, after = ({key: data.get(key) for key in SURROUNDINGS} for data in (first, now))
    return [f"{path.rpartition('.')[2]}: {a} then, {b} now" for path, a, b in changes(before, after)]


def differences(first: Path, second: Path, *, same_ranks: bool) -> dict[str, float]:
    """Largest difference of each column of ``series.csv`` over its largest value; inf where rows are missing.

    Args:
        first, second: run folders.
        same_ranks: whether solver effort is compared too.
    """
    try:
        one, two = (read_table(folder, SeriesRow) for folder in (first, second))
    except RecordsError:
        return {"rows": math.inf}
    if len({len(next(iter(table.values()), ())) for table in (one, two)}) > 1:
        return {"rows": math.inf}
    left_out = ROUNDING_COLUMNS if same_ranks else (*ROUNDING_COLUMNS, *EFFORT_COLUMNS)
    names = [name for name in one if name not in left_out]
    return {name: _difference(one[name], two[name]) if name in two else math.inf for name in names}


def _difference(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Largest difference of two columns over the largest value of the first; inf for words that differ."""
    if np.array_equal(one, two, equal_nan=one.dtype.kind == two.dtype.kind == "f"):
        return 0.0
    if not (np.issubdtype(one.dtype, np.number) and np.issubdtype(two.dtype, np.number)):
        return math.inf
    largest, off = float(np.abs(one).max()), float(np.abs(one - two).max())
    return off / largest if largest > 0.0 and not math.isnan(off) else math.inf


def report(first: Path, second: Path, changed: Sequence[str], *, same_ranks: bool) -> tuple[str, bool]:
    """What is printed, and whether the two runs are the same."""
    tolerance = SAME_RANKS if same_ranks else OTHER_RANKS
    found = differences(first, second, same_ranks=same_ranks)
    worst = sorted(((value, name) for name, value in found.items() if value > 0.0), reverse=True)
    lines = [f"not as it was   {line}" for line in changed]
    lines += [f"{name:30s} {value:.2e}" for value, name in worst[:10]]
    largest = worst[0][0] if worst else 0.0
    same = largest <= tolerance
    verdict = "the same" if same else "NOT the same"
    lines.append(f"{verdict}: largest relative difference {largest:.2e} (allowed {tolerance:.0e})")
    return "\n".join(lines), same
