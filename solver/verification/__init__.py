"""Comparisons with exact solutions (docs/verification.md); the test suite calls the same functions."""
