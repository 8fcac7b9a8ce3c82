"""Predictions that are no single run: critical sizes, threshold pressures, current focusing, composition.

Each solves models, returns plain results and writes them as tables; nothing here draws. Where a prediction
follows voids over time, what runs a case is passed in.
"""
