"""Fields for ParaView: one .vtu set per output and one .pvd that opens them all as a time series.

The mesh is written with every output, so moved and remeshed geometry opens without more ado.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

import ufl
from dolfinx import fem, io

from meshes import compat
from meshes.tags import Region
from solver.core.files import write_atomic
from solver.core.parallel import written
from solver.equations.coordinates import strain_rate
from solver.equations.terms import creep

if TYPE_CHECKING:
    from solver.equations.coupled_model import CoupledModel
    from solver.setup.scales import Scales

PASCAL_PER_MEGAPASCAL = 1e6
AMPERE_M2_PER_MA_CM2 = 10.0
UM_PER_M = 1e6
_LAST_TAG = b"</VTKFile>"


class FieldWriter:
    """Output functions of one mesh epoch, in customary units.

    Point data: potential (V), supersaturation, solute_fraction (alloys), velocity (um/s), pressure
    (MPa). Cell data: region (1 metal, 2 electrolyte), current_density (mA/cm2), strain_rate (1/s).
    """

    def __init__(self, model: CoupledModel, scales: Scales) -> None:
        self.model, self.scales = model, scales
        domain = model.cell.domain
        gdim = int(domain.geometry.dim)
        scalars, vectors = model.surface.scalars, model.surface.vectors
        constants = fem.functionspace(domain, ("DG", 0))
        constant_vectors = fem.functionspace(domain, ("DG", 0, (gdim,)))
        self.potential = fem.Function(scalars, name="potential")
        self.supersaturation = fem.Function(scalars, name="supersaturation")
        self.pressure = fem.Function(scalars, name="pressure")
        self.velocity = fem.Function(vectors, name="velocity")
        self.solute = fem.Function(scalars, name="solute_fraction")
        self.region = fem.Function(constants, name="region")
        self.strain_rate = fem.Function(constants, name="strain_rate")
        self.current = fem.Function(constant_vectors, name="current_density")
        self._metal = model.cell.region(Region.METAL)
        self._electrolyte = model.cell.region(Region.ELECTROLYTE)
        for region, cells in ((Region.METAL, self._metal), (Region.ELECTROLYTE, self._electrolyte)):
            self.region.x.array[cells] = int(region)
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
        model = self.model
        points = [self.potential, self.supersaturation, self.pressure, self.velocity]
        if model.mixing is not None:
            points.append(self.solute)
        cells = [self.region, self.strain_rate, self.current]
        comm = model.cell.domain.comm

        def write() -> None:
            with io.VTKFile(comm, path, "w") as file:
                file.write_function([*points, *cells], 0.0)
            _whole(path.with_name(f"{path.stem}_p{comm.rank}_000000.vtu"))

        written(comm, f"fields {path.stem}", write)
        return f"fields/output_{number:05d}000000.pvtu"

    def _update(self) -> None:
        model, scales = self.model, self.scales
        chemistry, mechanics = model.chemistry, model.mechanics
        self.potential.interpolate(chemistry.unknown.sub(2), self._metal)
        self.potential.interpolate(chemistry.unknown.sub(0), self._electrolyte)
        self.potential.x.array[:] *= scales.potential
        self.supersaturation.interpolate(chemistry.unknown.sub(1))
        if model.mixing is not None:
            self.solute.interpolate(model.mixing.step.fraction)
        self.pressure.interpolate(mechanics.unknown.sub(1))
        self.pressure.x.array[:] *= scales.stress / PASCAL_PER_MEGAPASCAL
        self.velocity.interpolate(mechanics.unknown.sub(0))
        self.velocity.x.array[:] *= scales.velocity * UM_PER_M
        self.current.interpolate(self._current, self._electrolyte)
        self.strain_rate.interpolate(self._rate, self._metal)


def _whole(file: Path) -> None:
    """Raise OSError if a file ends before its end: dolfinx does not look at what its writer says."""
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - len(_LAST_TAG) - 2, 0))
        if opened.read().strip().endswith(_LAST_TAG):
            return
    file.unlink()
    raise OSError(f"{file.name} is not whole")


def write_index(path: Path, entries: list[tuple[float, str]]) -> None:
    """Write a .pvd with (time in s, file) entries; complete at any moment (rank 0)."""
    lines = ['<?xml version="1.0"?>', '<VTKFile type="Collection" version="0.1">', "  <Collection>"]
    lines += [
        f'    <DataSet timestep="{time!r}" group="" part="0" file={quoteattr(file)}/>'
        for time, file in entries
    ]
    lines += ["  </Collection>", "</VTKFile>", ""]
    write_atomic(path, "\n".join(lines))
