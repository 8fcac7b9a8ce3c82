"""One small run, made through the package, that all tests here read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import livoid
from tests.conftest import case_data


@dataclass(frozen=True)
class Made:
    """A run, and what its callback has seen."""

    run: livoid.Run
    seen: list[float]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A run of some steps."""
    case = livoid.Case.from_dict(case_data()).with_({"operation.capacity": "2e-4 mAh/cm2"})
    seen: list[float] = []
    folder: Path = tmp_path_factory.mktemp("api") / "run"
    return Made(livoid.run(case, folder, [lambda simulation: seen.append(simulation.capacity)]), seen)
