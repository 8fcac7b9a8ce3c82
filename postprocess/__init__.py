"""Figures, pictures and pages of what runs, studies and predictions leave on disk; nothing is solved."""
