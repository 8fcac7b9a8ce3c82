"""Figures, pictures and tables made from the records that a run leaves."""
