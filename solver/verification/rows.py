"""All verification rows: importing the modules of this package registers them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from solver import verification
from solver.verification.check import REGISTERED

if TYPE_CHECKING:
    from solver.verification.check import VerificationRow


def all_rows() -> dict[str, VerificationRow]:
    """All rows by name, in the order of docs/verification.md."""
    for entry in pkgutil.iter_modules(verification.__path__):
        importlib.import_module(f"{verification.__name__}.{entry.name}")
    return dict(sorted(REGISTERED.items(), key=lambda item: (int(item[1].number.split("/")[0]), item[0])))
