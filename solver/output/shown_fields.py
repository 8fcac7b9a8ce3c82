"""Fields of the outputs for ParaView: names, units and meanings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from solver.output.columns import Column


@dataclass(frozen=True)
class ShownField(Column):
    """A field of the ``.vtu`` files.

    Attributes:
        at: whether it has a value per node or per cell.
        vector: whether the values are vectors.
    """

    at: Literal["node", "cell"] = "node"
    vector: bool = False


SHOWN_FIELDS: dict[str, ShownField] = {
    "potential": ShownField("V", "potential; of the electrolyte and of the metal, each in its region"),
    "supersaturation": ShownField("", "vacancy supersaturation S; in the metal"),
    "pressure": ShownField("MPa", "pressure; in the metal"),
    "velocity": ShownField("um/s", "velocity; of the flowing metal", vector=True),
    "roof_speed": ShownField(
        "um/s",
        "roof speed; normal, positive where a void grows into the metal; of void surfaces, 0 elsewhere",
    ),
    "solute_fraction": ShownField("", "solute fraction; in the metal, alloys only"),
    "contact_resistance": ShownField(
        "ohm cm2", "area resistance; of the contact, 0 elsewhere, where the contact has a memory only"
    ),
    "region": ShownField("", "region; 1 metal, 2 electrolyte", at="cell"),
    "strain_rate": ShownField("1/s", "effective strain rate; of the metal", at="cell"),
    "current_density": ShownField("mA/cm2", "current density; in the electrolyte", at="cell", vector=True),
}
"""By their names in ParaView, in the order of the files."""
