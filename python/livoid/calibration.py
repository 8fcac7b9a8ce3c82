"""What measurements say of parameters."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from livoid.environment import ready
from livoid.pictures import handed_over
from postprocess import calibration as records

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Calibration:
    """The results of a calibration, as ``livoid calibrate`` has written them.

    Attributes:
        folder: of the results.
    """

    folder: Path

    def __init__(self, folder: str | Path) -> None:
        """Name a folder; it is read at the first use."""
        self.folder = Path(folder)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Priors and posteriors in numbers, emulators, indices, what moved what (``calibration.json``).

        Raises:
            OSError: if the folder holds no calibration.
        """
        return records.read_summary(self.folder)

    @property
    def answers(self) -> list[str]:
        """What was found, in words."""
        return list(self.summary["answers"])

    @cached_property
    def posterior(self) -> pd.DataFrame:
        """Samples of the parameters, headed by their paths; units are in ``attrs["units"]``."""
        table = pd.read_csv(self.folder / "posterior.csv")
        table.columns = pd.Index(list(self.summary["parameters"]))
        table.attrs["units"] = {path: about["unit"] for path, about in self.summary["parameters"].items()}
        return table

    def plot(self, name: str = "posterior") -> Figure:
        """A figure: design, emulators, posterior or predictions. Raises ValueError if there is none."""
        return handed_over(records.figure(self.folder, name))

    def __repr__(self) -> str:
        """The folder."""
        return f"<Calibration {self.folder}>"


def calibrate(file: str | Path, out: str | Path, *, cores: int = 1) -> Calibration:
    """Find what measurements say of parameters, as ``livoid calibrate`` does; the same call goes on.

    Args:
        file: calibration file (docs/howto/calibrate.md).
        out: folder of the results; one of livoid's, or new.
        cores: local cores.

    Raises:
        livoid.environment.MissingError: where nothing can be solved, as the environment is not there.
        CaseError: with every problem of the file.
        ForeignFolderError: if the folder holds what livoid has not made.
        BrokenOffError: if runs have no result.
    """
    ready("calibrate()")
    from solver.calibration.carry_out import carry_out
    from solver.calibration.schema import load_plan
    from solver.core.lock import FolderLock
    from solver.core.ownership import Results
    from solver.study.folder import prepare
    from solver.study.snakemake import run_snakemake

    def engine(study: Path, folder: Path, _names: None) -> None:
        lock = FolderLock(folder)
        prepare(study, folder, lock)
        run_snakemake(folder, cores, None, (), dry=False, lock=lock, watch=lambda: None)

    plan, folder = load_plan(Path(file)), Path(out)
    Results(folder).claim()
    carry_out(plan, folder, engine)
    return Calibration(folder)
