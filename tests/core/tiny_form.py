"""A form that compiles in a moment, for tests of the cache; it imports little, as processes start here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import basix.ufl
import ffcx.codegeneration.jit as ffcx_jit
import ufl

from solver.core import jit_cache


def compiled(folder: Path) -> Any:
    """Compile it, or take it from the cache: its code, or nothing."""
    line = ufl.Mesh(basix.ufl.element("Lagrange", "interval", 1, shape=(1,)))
    space = ufl.FunctionSpace(line, basix.ufl.element("Lagrange", "interval", 1))
    form = ufl.TestFunction(space) * ufl.dx
    objects, _, code = ffcx_jit.compile_forms([form], cache_dir=folder, timeout=2)
    assert objects[0].rank == 1
    return code


if __name__ == "__main__":
    jit_cache.guard()
    compiled(Path(sys.argv[1]))
