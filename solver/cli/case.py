"""What is shown of a case before it is run: the case as resolved, the schema of case files, its mesh."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from solver.cli.arguments import CaseFile, Changes, Communicator, case_reader, making
from solver.cli.exits import EXIT_OK

log = logging.getLogger("livoid")


def check(case: CaseFile, /, *, set_: Changes = (), comm: Communicator) -> int:
    """Validate a case and print it resolved, with its groups and its cost; warn of what a run warns of.

    Example: livoid check cases/demo-2MPa.toml --set operation.pressure="3 MPa"
    """
    import tomli_w

    from solver.setup.cost import expected_cost
    from solver.setup.setup import set_up
    from solver.simulation import validity

    setup = set_up(case_reader(case, set_, comm)({}))
    if comm.rank == 0:
        print(tomli_w.dumps(setup.loaded.resolved()))
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
