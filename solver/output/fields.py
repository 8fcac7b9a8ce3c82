"""Writing of fields for ParaView: one .pvtu per output and one .pvd that opens them all as a time series.

The mesh is written with every output, so moved and remeshed geometry opens without more ado.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import numpy as np
import ufl
from dolfinx import fem, io

from meshes import compat
from meshes.tags import Region
from solver.core.parallel import written
from solver.equations.coordinates import strain_rate
from solver.equations.terms import creep
from solver.output.customary_units import (
    AMPERE_M2_PER_MA_CM2,
    OHM_M2_PER_OHM_CM2,
    PASCAL_PER_MEGAPASCAL,
    UM_PER_M,
)
from solver.output.shown_fields import SHOWN_FIELDS
from solver.output.tables import Growing
from solver.output.vtu import make_readable

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.scales import Scales

_HEAD = """<?xml version="1.0"?>
<VTKFile type="Collection" version="0.1">
  <Collection>
"""
"""Of the index of all outputs."""


class FieldWriter:
    """Output functions on one mesh, in customary units: :data:`SHOWN_FIELDS`, the solute in alloys only."""

    def __init__(self, model: CoupledModel, scales: Scales) -> None:
        self.model, self.scales = model, scales
        domain = model.cell.domain
        gdim = int(domain.geometry.dim)
        constants = fem.functionspace(domain, ("DG", 0))
        constant_vectors = fem.functionspace(domain, ("DG", 0, (gdim,)))
        spaces = {
            ("node", False): model.surface.scalars,
            ("node", True): model.surface.vectors,
            ("cell", False): constants,
            ("cell", True): constant_vectors,
        }
        absent = ["solute_fraction"] if model.solute is None else []
        absent += ["contact_resistance"] if model.parameters.current.memory is None else []
        self._functions = {
            name: fem.Function(spaces[shown.at, shown.vector], name=name)
            for name, shown in SHOWN_FIELDS.items()
            if name not in absent
        }
        self._metal = model.cell.region(Region.METAL)
        self._electrolyte = model.cell.region(Region.ELECTROLYTE)
        for region, cells in ((Region.METAL, self._metal), (Region.ELECTROLYTE, self._electrolyte)):
            self._functions["region"].x.array[cells] = int(region)
        kappa = model.parameters.current.conductivity
        ampere = kappa * scales.current / AMPERE_M2_PER_MA_CM2
        self._current = fem.Expression(
            -fem.Constant(domain, ampere) * ufl.grad(model.chemistry.potential),
            compat.interpolation_points(constant_vectors),
        )
        rate = creep.effective_rate(strain_rate(model.mechanics.velocity, model.cell), ufl.as_ufl(0.0))
        per_second = fem.Constant(domain, scales.velocity / scales.length)
        self._rate = fem.Expression(per_second * rate, compat.interpolation_points(constants))

    def write(self, folder: Path, number: int) -> str:
        """Write output ``number``; returns the file for the index, relative to ``folder``. Collective."""
        self._update()
        path = folder / "fields" / f"output_{number:05d}.pvd"
        comm = self.model.cell.domain.comm

        def write() -> None:
            with io.VTKFile(comm, path, "w") as file:
                file.write_function(list(self._functions.values()), 0.0)
            del file  # which writes its own index once more
            make_readable(path.with_name(f"{path.stem}_p{comm.rank}_000000.vtu"))
            if comm.rank == 0:
                path.unlink(missing_ok=True)  # the run's own index has all outputs

        written(comm, f"fields {path.stem}", write)
        return f"fields/output_{number:05d}000000.pvtu"

    def _update(self) -> None:
        model, scales, shown = self.model, self.scales, self._functions
        chemistry, mechanics = model.chemistry, model.mechanics
        shown["potential"].interpolate(chemistry.part("metal_potential").function, self._metal)
        shown["potential"].interpolate(chemistry.part("potential").function, self._electrolyte)
        shown["potential"].x.array[:] *= scales.potential
        shown["supersaturation"].interpolate(chemistry.part("supersaturation").function)
        if model.solute is not None:
            shown["solute_fraction"].interpolate(model.solute.step.fraction)
        shown["pressure"].interpolate(mechanics.part("pressure").function)
        shown["pressure"].x.array[:] *= scales.stress / PASCAL_PER_MEGAPASCAL
        shown["velocity"].interpolate(mechanics.part("velocity").function)
        shown["velocity"].x.array[:] *= scales.velocity * UM_PER_M
        shown["roof_speed"].x.array[:] = 0.0
        shown["roof_speed"].x.array[model.surface.nodes] = model.roof_speed() * scales.velocity * UM_PER_M
        if "contact_resistance" in shown:
            facets, resistance = chemistry.kinetics.facets, chemistry.kinetics.resistance()
            on, ohm_cm2 = np.unique(facets.dofs), scales.resistance / OHM_M2_PER_OHM_CM2
            shown["contact_resistance"].x.array[on] = ohm_cm2 * resistance[on]
            shown["contact_resistance"].x.scatter_forward()
        shown["current_density"].interpolate(self._current, self._electrolyte)
        shown["strain_rate"].interpolate(self._rate, self._metal)


class FieldIndex(Growing):
    """The .pvd of a run, with (time, file) of every output; complete at any moment (rank 0)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, b"  </Collection>\n</VTKFile>\n")

    def append(self, seconds: float, file: str) -> None:
        """Add an output at a time (s); its file is relative to the index. Raises OSError as :meth:`add`."""
        line = f'    <DataSet timestep="{seconds!r}" group="" part="0" file={quoteattr(file)}/>\n'
        self.add((_HEAD + line if self.empty else line).encode())
