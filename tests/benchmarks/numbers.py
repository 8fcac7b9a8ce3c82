"""The bench's numbers: of no material, lengths in box widths, stresses in stack pressures."""

EXPONENT = 6.6
"""Power-law exponent, that of lithium."""
REGULARISATION = 1e-4
"""Strain rate below which the metal is linear, over that at the reference stress."""
REFERENCE_STRESS = 0.5
"""Stress at which the strain rate is one."""
RESISTANCE = 0.1
"""Of the contact, over that of the box."""
ABSORPTION = 10.0
"""Rate at which the gap absorbs vacancies over their diffusion through the box."""
ANNIHILATION = 0.05
"""Volume lost per supersaturation and time (coupled step)."""
TOLERANCE = 1e-9
"""Newton residual, absolute: forces are of the order of one."""
LINEAR_TOLERANCE = 1e-10
"""Krylov residual over its first, linear problems."""
KRYLOV_TOLERANCE = 1e-4
"""The same inside Newton's method."""
CONTINUATION_STEP = 1.6
"""Factor by which n grows from one Newton solve to the next (peers, which start cold)."""
QUADRATURE_DEGREE = 4
"""Of the power law (:data:`solver.mechanics.QUADRATURE_DEGREE`)."""
