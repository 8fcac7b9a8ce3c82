"""Schema of a case file: one module for each concept of it, ``case`` for the whole.

A section is a pydantic model. Quantities are written with units (``"0.2 MPa"``) and are SI floats once read.
"""
