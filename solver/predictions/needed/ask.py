"""All searches of one command, in rounds: every search that goes on adds one run to a round.

One search for each setting (current, temperature, stiffness) and sample. A search is sequential, the searches
are not: a round's runs go on all cores at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from solver.predictions.needed.question import base_data, changed
from solver.predictions.needed.search import RATIO, Search, rounded
from solver.predictions.needed.trials import Trials
from solver.setup.cost import cost_of, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from solver.case.loading import LoadedCase
    from solver.predictions.needed.plan import Plan
    from solver.predictions.needed.question import Question, Setting
    from solver.predictions.needed.samples import Sample
    from solver.predictions.needed.search import Bounds
    from solver.predictions.needed.trials import Values

    Guess = Callable[[Callable[[Mapping[str, object]], LoadedCase], Mapping[str, object], Bounds], float]


@dataclass
class Asked:
    """The search for one sample in one setting."""

    setting: Setting
    number: int
    sample: Sample
    search: Search

    def trial(self, trials: Trials, question: Question, pressure: float) -> Values:
        """The trial at a pressure (MPa)."""
        changes = {**self.setting.changes(question), **self.sample.values}
        return trials.values(changes, pressure)


def base_of(plan: Plan) -> dict[str, Any]:
    """The base case of all runs, as plain data."""
    return base_data(plan.loaded, plan.question, plan.settings[0].current)


def trials_of(plan: Plan, folder: Path) -> Trials:
    """The runs of a plan in a folder for results."""
    paths = [*plan.settings[0].changes(plan.question), *plan.samples[0].values]
    return Trials(folder, base_of(plan), paths, plan.question, plan.question.words())


def searches(plan: Plan, guess: Guess) -> list[Asked]:
    """All searches, each setting with its own first guess where the plan has none.

    Args:
        plan: what is to be done.
        guess: a pressure (MPa) from the base case with changes, those of a setting, and the bounds
            (:func:`solver.predictions.needed.first_guess.static_guess`).
    """
    base = base_of(plan)

    def load(changes: Mapping[str, object]) -> LoadedCase:
        return changed(base, changes, plan.loaded.source)

    found = []
    for setting in plan.settings:
        start = plan.start
        if start is None:
            start = guess(load, setting.changes(plan.question), plan.bounds)
        for number, sample in enumerate(plan.samples, start=1):
            found.append(Asked(setting, number, sample, Search(plan.bounds, rounded(start))))
    return found


def carry_out(
    asked: Sequence[Asked],
    trials: Trials,
    question: Question,
    engine: Callable[[Path, Path, Sequence[str]], object],
) -> int:
    """Go through all searches to their ends; returns how many runs of a round were broken off.

    Raises:
        CaseError: with the problems of all cases of a round; nothing of it is run then.
    """
    while True:
        wanted: dict[Values, None] = {}
        for each in asked:
            while (pressure := each.search.next()) is not None:
                values = each.trial(trials, question, pressure)
                seen = trials.known(values)
                if seen is None:
                    wanted[values] = None
                    break
                each.search.tell(pressure, seen.holds)
        if not wanted:
            return 0
        if left := trials.run(list(wanted), engine):
            return left


def trials_expected(bounds: Bounds) -> tuple[int, int]:
    """Fewest and most runs of a search whose trials all say something.

    At best the first guess is next to the answer, which lies an end of the bounds away at worst.
    """
    halvings = math.ceil(math.log2(max(math.log(RATIO) / math.log(bounds.resolution), 1.0)))
    ladder = math.ceil(math.log(bounds.highest / bounds.lowest) / math.log(RATIO))
    return 2 + halvings, 1 + ladder + halvings + 2


def cost(plan: Plan, earlier: int) -> str:
    """What the searches will cost, in words."""
    setting, sample = plan.settings[0], plan.samples[0]
    first = changed(base_of(plan), {**setting.changes(plan.question), **sample.values}, plan.loaded.source)
    each, count = cost_of(first), len(plan.settings) * len(plan.samples)
    fewest, most = trials_expected(plan.bounds)
    samples = f"{len(plan.samples)} samples" if len(plan.samples) > 1 else "1 sample"
    settings = f"{len(plan.settings)} settings" if len(plan.settings) > 1 else "1 setting"
    known = f"; {earlier} runs are there already" if earlier else ""
    least, longest = (duration(value) for value in each.seconds)
    total = duration(count * most * each.seconds[1])
    return (
        f"{samples} in {settings}: {count * fewest} to {count * most} runs{known}. A run that holds takes "
        f"{least} to {longest} on one core, one that breaks less; at most {total} of one core in all"
    )
