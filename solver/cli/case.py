"""What is shown of a case before it is run: the case as resolved, the schema of case files, its mesh."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from solver.cli.arguments import CaseFile, Changes, Communicator, case_reader, making
from solver.cli.exits import EXIT_OK

if TYPE_CHECKING:
    from solver.setup.protocol import Stage

log = logging.getLogger("livoid")


MOST_ENTRIES = 20
"""Entries of a list that are printed of a case."""


def check(case: CaseFile, /, *, set_: Changes = (), full: bool = False, comm: Communicator) -> int:
    """Validate a case and print it resolved, with its groups and its cost; warn of what a run warns of.

    Example: livoid check cases/demo-2MPa.toml --set operation.pressure="3 MPa"

    Args:
        full: print all entries of long lists (steps of a protocol, points of a table), not the first 20
    """
    import tomli_w

    from solver.setup.cost import expected_cost
    from solver.setup.setup import set_up
    from solver.simulation import validity

    setup = set_up(case_reader(case, set_, comm)({}))
    if comm.rank == 0:
        resolved = setup.loaded.resolved()
        cut: list[str] = []
        print(tomli_w.dumps(resolved if full else _shortened(resolved, cut)))
        for line in cut:
            print(f"# {line}; --full prints all")
        print(f"# protocol\n#   {_protocol(setup.stages)}")
        print("# dimensionless groups (largest seeded void)")
        for name, value in setup.groups.items():
            print(f"#   {name:10s} {value:.4g}")
        if setup.vacancy_resistance is not None:
            print("# vacancies at a flat contact")
            print(f"#   {'Z_vac':10s} {setup.vacancy_resistance.ohm_cm2:.4g} ohm cm2")
        print(f"# cost\n#   {expected_cost(setup).sentence()}")
        for _, sentence in validity.of_case(setup):
            log.warning("%s", sentence)
    return EXIT_OK


def _protocol(stages: Sequence[Stage]) -> str:
    """What the steps of all cycles are, and what they come to where no cut-off is met before."""
    from solver.setup.cost import duration
    from solver.setup.scales import COULOMB_PER_MAH_CM2

    kinds = Counter(stage.kind for stage in stages)
    known = [f"{len(stages)} steps ({', '.join(f'{count} {kind}' for kind, count in kinds.items())})"]
    if all(stage.seconds for stage in stages):
        known.append(f"at most {duration(sum(stage.seconds for stage in stages))}")
    if all(stage.charge for stage in stages if stage.kind != "rest"):
        charge = sum(stage.charge for stage in stages) / COULOMB_PER_MAH_CM2
        known.append(f"at most {charge:.4g} mAh/cm2 in both directions together")
    return ", ".join(known)


def _shortened(data: Any, cut: list[str], path: str = "") -> Any:
    """Plain data with the beginnings of its long lists; ``cut`` gets a line for each of these."""
    if isinstance(data, Mapping):
        inside = f"{path}." if path else ""
        return {key: _shortened(value, cut, f"{inside}{key}") for key, value in data.items()}
    if not isinstance(data, list):
        return data
    if len(data) > MOST_ENTRIES:
        cut.append(f"{path}: the first {MOST_ENTRIES} of {len(data)}")
    return [_shortened(value, cut, f"{path}[{n}]") for n, value in enumerate(data[:MOST_ENTRIES])]


def schema(*, comm: Communicator) -> int:
    """Print the JSON schema of case files.

    Example: livoid schema > case.schema.json
    """
    from solver.case.published import schema_text

    if comm.rank == 0:
        sys.stdout.write(schema_text())
    return EXIT_OK


def mesh(
    case: CaseFile,
    /,
    *,
    set_: Changes = (),
    out: Annotated[Path | None, Parameter(help="mesh file (default runs/CASE-mesh)")] = None,
    comm: Communicator,
) -> int:
    """Write the mesh of a case, a table of the names in it, and a picture of it.

    Example: livoid mesh cases/demo-2MPa.toml --out first
    """
    from meshes.quality import quality
    from meshes.tags import name_table
    from postprocess.mesh_picture import draw_mesh
    from solver.core.parallel import on_root
    from solver.setup.setup import set_up
    from solver.simulation.discretisation import initial_cell

    loaded = case_reader(case, set_, comm)({})
    base = out or Path("runs") / f"{case.stem}-mesh"
    base = base.with_suffix("") if base.suffix == ".msh" else base
    msh, table, png = (base.with_suffix(end) for end in (".msh", ".json", ".png"))
    with contextlib.ExitStack() as files:
        ours = making(base.parent, msh.name, table.name, png.name)
        on_root(comm, lambda: files.enter_context(ours))
        cell = initial_cell(set_up(loaded), comm, str(msh))
        cells = cell.domain.topology.index_map(cell.domain.topology.dim).size_global
        worst = quality(cell)

        def write() -> None:
            table.write_text(json.dumps(name_table(), indent=2) + "\n", encoding="utf-8")
            draw_mesh(msh, png)
            print(f"{cells} cells, worst quality {worst:.3f}; {msh}, {table}, {png}")

        on_root(comm, write)
    return EXIT_OK


COMMANDS = (check, schema, mesh)
