"""livoid in Python: cases, runs, their results, studies, predictions.

::

    import livoid

    case = livoid.Case.load("void.toml").with_({"operation.pressure": "3 MPa"})
    run = livoid.run(case, "runs/first")
    run.series.plot("capacity_mAh_cm2", "voltage_V")

Results are read wherever pip has installed the package. What solves equations (:func:`run`, :func:`critical`,
:func:`threshold`, :func:`focus`, :func:`calibrate`) needs an environment with dolfinx and says so where there
is none. The names here are thin: what they return is what :mod:`solver` and :mod:`postprocess` work with.
"""

from livoid.calibration import Calibration, calibrate
from livoid.case import Case, CaseError
from livoid.critical import critical
from livoid.focus import focus
from livoid.results import RecordsError, Run
from livoid.running import run
from livoid.study import Study
from livoid.threshold import threshold
from solver import __version__

__all__ = [
    "Calibration",
    "Case",
    "CaseError",
    "RecordsError",
    "Run",
    "Study",
    "__version__",
    "calibrate",
    "critical",
    "focus",
    "run",
    "threshold",
]
