"""The table of a comparison: a field per column with unit and meaning."""

from __future__ import annotations

from solver.output.columns import Row, column


class ResidualRow(Row):
    """``residuals.csv``: one row per quantity of a measurement (or of the first run) and run beside it."""

    reference: str = column("", "reference; the measurement, or the run that others are compared with")
    run: str = column("", "run folder")
    quantity: str = column("", "quantity")
    unit: str = column("", "unit of the residuals; empty for shares and numbers")
    against: str = column("", "what it is over: capacity, time or height")
    start: float = column("", "start of the overlap; in the unit of that")
    end: float = column("", "end of the overlap; in the unit of that")
    against_unit: str = column("", "unit of start and end")
    points: int = column("", "points of the reference in the overlap")
    rms: float = column("", "root mean square of run less reference")
    bias: float = column("", "mean of run less reference")
    largest: float = column("", "largest magnitude of run less reference")
