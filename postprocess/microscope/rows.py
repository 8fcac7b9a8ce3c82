"""Tables of what the microscope sees: a class for each, a field per column with unit and meaning."""

from __future__ import annotations

from solver.output.columns import Row, column


class FrameRow(Row):
    """``frames.csv``: one row per frame; "seen" is what the microscope counts, the rest is what is there."""

    output: int = column("", "output; from 0")
    time_s: float = column("s", "time")
    capacity_mAh_cm2: float = column("mAh/cm2", "capacity; charge passed, whatever its direction")
    contact_loss_seen: float = column("", "contact loss, seen; share of the plane's interface under voids")
    contact_loss: float = column("", "contact loss; share of the area that is not in contact")
    voids_seen: int = column("", "number of voids, seen; in the width of the cell")
    voids: int = column("", "number of voids; of the cell")
    voids_seen_per_100_um: float = column("1/100 um", "number of voids, seen; per 100 um of interface")
    mean_width_seen_um: float | None = column("um", "mean void width, seen; empty where there is none")
    mean_width_um: float | None = column("um", "mean void width; empty where there is none")
    largest_width_seen_um: float = column("um", "largest void width, seen")
    largest_width_um: float = column("um", "largest void width")
    largest_height_seen_um: float = column("um", "largest void height, seen")
    largest_height_um: float = column("um", "largest void height")
    mg_seen: float | None = column("", "Mg, seen; largest lateral mean of EDS over the bulk, empty without")
    mg: float | None = column("", "Mg; largest lateral mean in the metal over the bulk, empty without")


class ProfileRow(Row):
    """``profile-*.csv``: one row per height, means over the width of the cell."""

    y_um: float = column("um", "distance from the electrolyte")
    mg: float | None = column("", "Mg; intensity over that in the bulk, empty in a pure metal")
    mg_spread: float | None = column("", "spread of Mg; standard deviation between lateral windows")
    s: float = column("", "S; of the electrolyte, largest 1")
    s_spread: float | None = column("", "spread of S; standard deviation between lateral windows")
    cu: float = column("", "Cu; of the current collector, largest 1")
    void_share: float = column("", "void share; of the width at this height, as it is")
    solute_fraction: float | None = column(
        "", "solute fraction; mean over the metal at this height, empty without"
    )


TABLES: dict[type[Row], str] = {FrameRow: "frames.csv", ProfileRow: "profile-*.csv"}
"""File of every kind of row, in the folder of the pictures; ``*`` is the number of an output."""
