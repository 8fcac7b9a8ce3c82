"""What the C code of forms is compiled with."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from dolfinx import jit

_FAST = (
    "-O2",
    "-g0",
    "-march=native",
    "-ftree-vectorize",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-fassociative-math",
    "-freciprocal-math",
)
"""Vectorised sums over quadrature points: 0.6 of the time of dolfinx's own -O2. Infinities and NaN stay what
they are; a failed step is known by them."""


def compile_for_processor() -> None:
    """Have forms compiled for this processor; a user's ``dolfinx_jit_options.json`` goes before."""
    features = "".join(line for line in _processor() if line.startswith(("model name", "flags", "Features")))
    # a cache on a shared disk may serve several kinds of processor
    label = f"-DLIVOID_PROCESSOR_{hashlib.sha256(features.encode()).hexdigest()[:12]}"
    options = jit.DOLFINX_DEFAULT_JIT_OPTIONS
    name = "cffi_extra_compile_args"
    options[name] = ([*_FAST, label], options[name][1])


def _processor() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return [platform.processor()]
