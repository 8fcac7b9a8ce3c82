"""Customary units in which a run writes its records, in SI."""

PASCAL_PER_MEGAPASCAL = 1e6
AMPERE_M2_PER_MA_CM2 = 10.0
"""A/m2 in 1 mA/cm2."""
OHM_M2_PER_OHM_CM2 = 1e-4
UM_PER_M = 1e6
