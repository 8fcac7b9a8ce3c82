"""Tests; livoid comes before MPI, as it sets how ranks wait."""

import solver  # noqa: F401
