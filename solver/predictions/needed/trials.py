"""Trials as runs of a study that grows: each round of a search adds its runs, earlier ones stay.

The study has the method ``zip``; a run keeps its place in it, and with it its name, its folder and its mark.
The same command begins with the runs that are there, asks the same questions again, and goes on where it was
broken off. A study of another base case begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli_w

from solver.core.files import update
from solver.core.ownership import Results
from solver.predictions.needed.question import verdict
from solver.study.marks import ended
from solver.study.points import expand
from solver.study.schema import load_study

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from solver.predictions.needed.question import Question, Verdict

BASE, STUDY, FOLDER = "base.toml", "search.toml", "study"
"""Files and the study folder in the folder of the results."""
PRESSURE = "operation.pressure"

Values = tuple[tuple[str, str | float | int], ...]
"""Values of a trial by dotted path, in the order of the study's columns: what tells trials apart."""


class Trials:
    """The runs of all searches of one command.

    Args:
        folder: of the results.
        base: the case as plain data (:func:`solver.predictions.needed.question.base_data`).
        paths: what varies besides the pressure.
        question: what the runs are to say.
        title: of the study.
    """

    def __init__(
        self, folder: Path, base: Mapping[str, Any], paths: Sequence[str], question: Question, title: str
    ) -> None:
        self.study = folder / FOLDER
        self._folder, self._question, self._title = folder, question, title
        self._base, self._paths = tomli_w.dumps(base), (PRESSURE, *paths)
        self._numbers: dict[Values, int] = {}
        self._verdicts: dict[Values, Verdict] = {}

    def recall(self) -> int:
        """Take the runs of an earlier command with the same base case; returns how many there are.

        Nothing is written. Those of another one, or of other parameters, are left out.
        """
        try:
            same = (self._folder / BASE).read_text(encoding="utf-8") == self._base
            points = expand(load_study(self.study / "study.toml")) if same else []
        except (OSError, ValueError):
            return 0
        if all(tuple(point.values) == self._paths for point in points):
            self._numbers = {tuple(point.values.items()): k for k, point in enumerate(points, start=1)}
        return len(self._numbers)

    def values(self, changes: Mapping[str, str | float | int], pressure: float) -> Values:
        """What tells a trial apart: its changes of the base case, at a pressure (MPa)."""
        everything = {PRESSURE: f"{pressure!r} MPa", **changes}
        return tuple((path, everything[path]) for path in self._paths)

    def known(self, values: Values) -> Verdict | None:
        """What a trial has said, None if it has not been made."""
        if values not in self._verdicts and values in self._numbers:
            name = self.name(values)
            mark = ended(self.study, name)
            if mark is not None:
                run = self.study / "runs" / name
                self._verdicts[values] = verdict(mark["status"], mark["message"], run, self._question)
        return self._verdicts.get(values)

    def name(self, values: Values) -> str:
        """Name of a trial's run."""
        return f"run-{self._numbers[values]:04d}"

    def run(self, wanted: Sequence[Values], engine: Callable[[Path, Path, Sequence[str]], object]) -> int:
        """Make trials; returns how many have no result (they were broken off).

        Args:
            wanted: trials, new ones among them.
            engine: prepares a study file in a study folder and runs those of its points that are named.

        Raises:
            CaseError: with the problems of all cases; nothing is run then.
            ForeignFolderError: if a file in the way is not livoid's.
        """
        for values in wanted:
            self._numbers.setdefault(values, len(self._numbers) + 1)
        with Results(self._folder).making(BASE, STUDY):
            update(self._folder / BASE, self._base)
            update(self._folder / STUDY, tomli_w.dumps({"study": self._plan()}))
        engine(self._folder / STUDY, self.study, [self.name(values) for values in wanted])
        return sum(self.known(values) is None for values in wanted)

    def _plan(self) -> dict[str, Any]:
        vary = {path: [values[k][1] for values in self._numbers] for k, path in enumerate(self._paths)}
        return {"case": BASE, "title": self._title, "method": "zip", "vary": vary}
