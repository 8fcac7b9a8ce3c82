"""livoid: electro-chemo-mechanics of the interface between a lithium anode and a solid electrolyte."""

__version__ = "0.1.0"
