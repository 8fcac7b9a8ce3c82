"""Shared by commands: arguments, the case that they name (read once for all ranks), where they write."""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from mpi4py import MPI

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase

ROOT = Path(__file__).resolve().parents[2]
"""The source tree, or the folder that pip has installed livoid into."""
CASES = ROOT / "livoid" / "cases" if (ROOT / "livoid").is_dir() else ROOT / "cases"
"""The cases that come with livoid; in the source tree ``livoid`` is the launcher."""
Communicator = Annotated[MPI.Comm, Parameter(parse=False)]
"""All ranks; not from the command line but from :func:`solver.cli.main.main`."""
CaseFile = Annotated[Path, Parameter(help="case file (TOML)")]
RunFolderPath = Annotated[Path, Parameter(help="run folder")]
Changes = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        help='change a value (PATH=VALUE), for example --set operation.pressure="2 MPa"; can be repeated',
    ),
]


class ArgumentError(ValueError):
    """An argument that cannot be used; the message says why."""


def parse_change(text: str) -> tuple[str, Any]:
    """``path=value``; the value is TOML, or text when it is not.

    Raises:
        ArgumentError: if there is no path or no value.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise ArgumentError(f"--set {text}: expected PATH=VALUE")
    try:
        return path, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return path, value


def pairs(option: str, words: Sequence[str]) -> dict[str, str]:
    """``NAME=VALUE`` words of an option that can be repeated.

    Raises:
        ArgumentError: if one is none, or a name comes twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            raise ArgumentError(f"--{option.removesuffix('s')} {word}: expected NAME=VALUE")
        if name in found:
            raise ArgumentError(f"--{option.removesuffix('s')} {name}= is given twice")
        found[name] = value
    return found


def case_reader(
    path: Path, changes: Sequence[str], comm: MPI.Comm
) -> Callable[[Mapping[str, Any]], LoadedCase]:
    """What reads the case of a command with further changes, by dotted path. Collective.

    Raises:
        ArgumentError: if one of the ``changes`` is not PATH=VALUE.
        ChangeError: if one undoes another, or its path is none.
    """
    from solver.case.loading import changes_of

    given = changes_of([parse_change(text) for text in changes], str(path))

    def read(more: Mapping[str, Any]) -> LoadedCase:
        return read_case(path, given | dict(more), comm)

    return read


def claim(folder: Path, comm: MPI.Comm) -> None:
    """Take a folder for results before they are worked out. Collective.

    Raises:
        RootError: if it holds what livoid has not made; nothing is changed then.
    """
    from solver.core.ownership import Results
    from solver.core.parallel import on_root

    on_root(comm, Results(folder).claim)


@contextlib.contextmanager
def making(folder: Path, *names: str, alone: bool = False) -> Iterator[None]:
    """Rank 0 makes these files inside, in a folder that is the user's or (``alone``) for results.

    Raises:
        ArgumentError: if one of them is there and not livoid's; nothing is changed then.
    """
    from solver.core.ownership import ForeignFolderError, Results

    try:
        if alone:
            Results(folder).check()
        with Results(folder).making(*names):
            yield
    except ForeignFolderError as error:
        raise ArgumentError(str(error)) from None


def tell_of_abort(comm: MPI.Comm, *runs: Path) -> None:
    """Say of run folders whose process has gone without a word that it has. Collective."""
    from solver.core.parallel import on_root
    from solver.output import aborted

    for run in runs:
        on_root(comm, partial(aborted.tell, run))


def read_case(path: Path, changes: Mapping[str, Any], comm: MPI.Comm) -> LoadedCase:
    """Read a case on rank 0 and share it, so that all ranks see the same file or the same problem.

    Raises:
        CaseError: on all ranks, with every problem of the case.
    """
    from solver.case.loading import CaseError, load_case, parse_case
    from solver.setup.setup import set_up

    loaded: LoadedCase | None = None
    problem: CaseError | None = None
    if comm.rank == 0:
        try:
            loaded = load_case(path, changes)
            set_up(loaded)
        except CaseError as error:
            problem = error
    failure: tuple[type[CaseError], str, list[str]] | None = comm.bcast(
        (type(problem), problem.source, problem.problems) if problem else None, root=0
    )
    if failure is not None:
        kind, source, problems = failure
        raise kind(source, problems)
    if comm.size == 1 and loaded is not None:
        return loaded
    # All ranks read the same text, so that no value differs between them in its last digit.
    shared = comm.bcast((loaded.resolved(), loaded.source) if loaded else None, root=0)
    return parse_case(*shared)
