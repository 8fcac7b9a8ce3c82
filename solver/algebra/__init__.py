"""Linear and nonlinear algebra: reduced unknowns, Newton's method, preconditioners, projections.

Whoever compiles forms comes through here, and with that through :mod:`solver.algebra.compiling`.
"""

from solver.algebra import compiling

compiling.guard()
