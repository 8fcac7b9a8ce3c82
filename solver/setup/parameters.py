"""All parameters of the equation sets of a case, dimensionless.

Scales (see :mod:`solver.setup.scales`): length 1 um, velocity v0 = Omega i0/F, stress P0, current density i0,
potential RT/F. Each term converts its own: ``from_case`` in its file under :mod:`solver.equations.terms`.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from solver.equations import terms
from solver.equations.terms import (
    capillarity,
    creep,
    current,
    interdiffusion,
    load,
    surface_diffusion,
    vacancies,
)
from solver.equations.terms.capillarity import SurfaceParameters as SurfaceParameters
from solver.equations.terms.creep import CreepParameters as CreepParameters
from solver.equations.terms.current import CurrentParameters as CurrentParameters
from solver.equations.terms.interdiffusion import CompositionParameters as CompositionParameters
from solver.equations.terms.load import LoadParameters as LoadParameters
from solver.equations.terms.term import ExtraTerms as ExtraTerms
from solver.equations.terms.vacancies import VacancyParameters as VacancyParameters
from solver.setup import protocol

if TYPE_CHECKING:
    from solver.case.loading import LoadedCase
    from solver.setup.scales import Scales


@dataclass(frozen=True)
class ModelParameters:
    """All equation sets.

    Attributes:
        current: current distribution.
        creep: law of the metal's flow.
        vacancies: None means that the contact itself removes every lattice plane.
        surface: surface tension.
        load: what presses on the metal.
        composition: None is a pure metal.
        surface_diffusion: B / (L^3 v0), 0 for none.
        extra_terms: terms beyond those of docs/model.md.
    """

    current: CurrentParameters
    creep: CreepParameters
    vacancies: VacancyParameters | None
    surface: SurfaceParameters = field(default_factory=SurfaceParameters)
    load: LoadParameters = field(default_factory=LoadParameters)
    composition: CompositionParameters | None = None
    surface_diffusion: float = 0.0
    extra_terms: ExtraTerms = field(default_factory=ExtraTerms)


def model_parameters(
    loaded: LoadedCase, scales: Scales, extra_terms: ExtraTerms | None = None
) -> ModelParameters:
    """All parameters of a case.

    Args:
        loaded: case.
        scales: units of the result.
        extra_terms: terms from elsewhere, besides those that the case itself asks for.
    """
    return ModelParameters(
        current=current.from_case(loaded, scales, protocol.first_stage(loaded.case.operation)),
        creep=creep.from_case(loaded, scales),
        vacancies=vacancies.from_case(loaded, scales),
        surface=capillarity.from_case(loaded, scales),
        load=load.from_case(loaded, scales),
        composition=interdiffusion.from_case(loaded, scales),
        surface_diffusion=surface_diffusion.from_case(loaded, scales),
        extra_terms=optional_terms(loaded, scales) + (extra_terms or ExtraTerms()),
    )


def optional_terms(loaded: LoadedCase, scales: Scales) -> ExtraTerms:
    """What files of :mod:`solver.equations.terms` add where a case asks for it, by their ``extra_terms``."""
    found = ExtraTerms()
    for entry in pkgutil.iter_modules(terms.__path__):
        module = importlib.import_module(f"{terms.__name__}.{entry.name}")
        if hasattr(module, "extra_terms"):
            found += module.extra_terms(loaded, scales)
    return found
