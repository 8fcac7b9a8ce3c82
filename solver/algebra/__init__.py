"""Linear and nonlinear algebra: reduced unknowns, Newton's method, preconditioners, projections."""
