"""``.vtu`` files as every reader of VTK's files knows them, out of those that dolfinx writes.

dolfinx writes version 2.2, and lines, triangles and tetrahedra as Lagrange cells of degree 1. meshio reads
versions 0.1 and 1.0 only, and few programs know what to do with Lagrange cells; both say the same here:
what is newer in the later versions (polyhedra, other numbers of nodes in hexahedra) is not in these files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_END = b"</VTKFile>"
_HEAD = re.compile(rb'(<VTKFile type="UnstructuredGrid" version=")[0-9.]+"')
_TYPES = re.compile(rb'(<DataArray [^>]*Name="types"[^>]*>)([^<]*)')
_LINEAR = {b"68": b"3", b"69": b"5", b"71": b"10"}
"""VTK's numbers of Lagrange lines, triangles and tetrahedra, and of the linear ones."""


def make_readable(file: Path) -> None:
    """Rewrite a file of linear simplices, in one go.

    Raises:
        OSError: if the file ends before its end (dolfinx does not look at what its writer says; it is removed
            then), or cannot be written.
    """
    data = file.read_bytes()
    if not data[-2 * len(_END) :].rstrip().endswith(_END):
        file.unlink()
        raise OSError(f"{file.name} is not whole")
    data = _HEAD.sub(rb'\g<1>1.0"', data, count=1)
    data = _TYPES.sub(lambda found: found[1] + _linear(found[2]), data)
    temporary = file.with_name(file.name + ".tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _linear(types: bytes) -> bytes:
    return b" ".join(_LINEAR.get(kind, kind) for kind in types.split())
