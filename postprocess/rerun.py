"""``livoid rerun``: a run again from what its folder holds, and how much the two differ."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.records import rows
from solver.core import provenance
from solver.output.run_folder import ENDED, RunFolderError, changes

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
        RunFolderError: if there is no run, or it has not ended.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunFolderError(f"{folder} is not a run folder") from None
    if manifest.get("status") not in (*ENDED, "failed"):
        raise RunFolderError(f"{folder} has not ended ({manifest.get('status')}); go on with --resume first")
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
    tables = [rows(folder / "series.csv") for folder in (first, second)]
    if len(tables[0]) != len(tables[1]):
        return {"rows": math.inf}
    left_out = ROUNDING_COLUMNS if same_ranks else (*ROUNDING_COLUMNS, *EFFORT_COLUMNS)
    names = [name for name in (tables[0][0] if tables[0] else ()) if name not in left_out]
    return {name: _difference(*([row.get(name, "") for row in table] for table in tables)) for name in names}


def _difference(one: Sequence[str], two: Sequence[str]) -> float:
    if one == two:
        return 0.0
    try:
        a, b = ([float(value) for value in values] for values in (one, two))
    except ValueError:
        return math.inf
    largest = max(abs(value) for value in a)
    off = max(abs(x - y) for x, y in zip(a, b, strict=True))
    return off / largest if largest > 0.0 else math.inf


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
