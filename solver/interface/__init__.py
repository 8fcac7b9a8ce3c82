"""The interface between steps: void surfaces, openings, nucleation, the voids' identity."""
