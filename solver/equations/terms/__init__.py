"""Physical terms, one a file: parameters, conversion from the case, UFL, and the equation with its source.

:mod:`solver.equations.terms.term` says what a term is and how one is added.
"""
