"""Measurements of a user beside runs: files read into quantities with units, laid over, residuals."""
