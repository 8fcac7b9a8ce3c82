"""What the tables of a run folder hold: a class for each, a field per column with unit and meaning."""

from __future__ import annotations

from solver.output.columns import Row, column


class SeriesRow(Row):
    """``series.csv``: one row per step, the state at the beginning of the step and what led there."""

    step: int = column("", "step")
    time_s: float = column("s", "time")
    capacity_mAh_cm2: float = column("mAh/cm2", "capacity; charge passed, whatever its direction")
    net_mAh_cm2: float = column("mAh/cm2", "net capacity; charge stripped minus plated")
    cycle: int = column("", "cycle; of the protocol, from 1")
    stage: int = column("", "stage; step of the protocol within its cycle, from 1")
    kind: str = column("", "kind of the stage; strip, plate, rest or follow (a table)")
    stage_capacity_mAh_cm2: float = column("mAh/cm2", "capacity of the stage; charge passed since it began")
    current_mA_cm2: float = column("mA/cm2", "current density; mean over the whole area, stripping positive")
    voltage_V: float = column("V", "overpotential; sum of the six shares that follow, plating negative")
    ohmic_V: float = column("V", "pellet ohmic; share of a flat current through the whole electrolyte")
    constriction_V: float = column("V", "constriction; share of current lines that bend round the voids")
    charge_transfer_V: float = column("V", "charge transfer; share of the kinetics and the area resistance")
    vacancy_V: float = column("V", "vacancies; RT/F ln S on the contact")
    composition_V: float = column("V", "composition; -RT/F times the logarithm of lithium's activity")
    pressure_V: float = column("V", "contact pressure; its share of the equilibrium potential")
    contact_fraction: float = column("", "contact fraction; area in contact over the whole area")
    active_fraction: float = column("", "active fraction; contact weighted with Z_0/Z, over the whole area")
    gap_fraction: float = column("", "gap fraction; contact that has parted by less than the mesh resolves")
    virgin_fraction: float = column("", "virgin fraction; of the whole area, never parted from the metal")
    voids: int = column("", "number of voids")
    largest_width_um: float = column(
        "um",
        "largest void width; with its mirror image where it is on a side; in 3-D of the circle of its area",
    )
    largest_height_um: float = column("um", "largest void height")
    void_measure_um: float = column("um2", "size of all voids; area, volume (um3) where axisymmetric or 3d")
    void_gain_um_s: float = column("um2/s", "void growth by vacancies; um3/s where the size is a volume")
    void_loss_um_s: float = column("um2/s", "void loss by flow of the metal; likewise")
    focus_contact: float = column("", "current focusing on the contact; largest over mean on it, 0 at rest")
    focus_applied: float = column("", "current focusing; largest over mean on the whole area, 0 at rest")
    largest_supersaturation: float = column("", "largest vacancy supersaturation S")
    solute_contact: float = column("", "solute fraction at the contact; mean, 0 in a pure metal")
    solute_largest: float = column("", "largest solute fraction; 0 in a pure metal")
    solute_smallest: float = column("", "smallest solute fraction; 0 in a pure metal")
    contact_pressure_MPa: float = column("MPa", "mean contact pressure")
    stack_pressure_MPa: float = column(
        "MPa", "stack pressure; as given, of a clamp before the step, or the reaction of a driven platen"
    )
    lift_off_um: float = column("um", "lift-off; gap between clamp and platen, 0 while the clamp presses")
    beyond_breakdown: float = column("", "work beyond breakdown; share of creep's above its breakdown stress")
    platen_um: float = column("um", "height of the platen; of the metal's top above the electrolyte")
    charge_error: float = column("", "charge error; relative, current through the contact less prescribed")
    lithium_error: float = column("", "lithium error; relative, metal removed in the step less its charge")
    volume_error: float = column("", "volume error; relative, platen less metal and voids, of the step")
    solute_error: float = column("", "solute error; relative change of the solute's total in the step")
    solute_correction: float = column("", "solute correction; relative, summed over all new meshes")
    solute_indicator: float = column("", "error indicator of the mesh; for the solute fraction")
    dt_s: float = column("s", "step size; of the step that led here")
    newton_electrochemistry: int = column("", "Newton iterations of current and vacancies; of that step")
    newton_creep: int = column("", "Newton iterations of creep; of that step")
    contact_sets: int = column("", "contact sets; tried in that step")
    coupling: int = column("", "coupling passes; of contact pressure and current in that step")
    rejected: int = column("", "rejected steps; since the start")
    remeshes: int = column("", "new meshes; since the start")
    quality: float = column("", "smallest cell quality; after that step, 1 for equilateral cells")
    volume_correction_um: float = column("um", "volume correction; normal offset of the roofs in that step")
    roof_speed_um_s: float = column("um/s", "mean roof speed; normal, positive where voids grow, 0 without")


class StageRow(Row):
    """``stages.csv``: one row per step of the protocol."""

    cycle: int = column("", "cycle; from 1")
    stage: int = column("", "stage; step of the protocol within its cycle, from 1")
    kind: str = column("", "kind of the stage; strip, plate, rest or follow (a table)")
    start_s: float = column("s", "start of the stage")
    end_s: float = column("s", "end of the stage")
    capacity_mAh_cm2: float = column("mAh/cm2", "capacity of the stage; charge passed in it")
    end: str = column("", "limit that ended the stage")
    start_voltage_V: float = column("V", "overpotential at the start of the stage")
    end_voltage_V: float = column("V", "overpotential at the end of the stage")
    start_contact_fraction: float = column("", "contact fraction at the start of the stage")
    end_contact_fraction: float = column("", "contact fraction at the end of the stage")
    start_active_fraction: float = column("", "active fraction at the start of the stage")
    end_active_fraction: float = column("", "active fraction at the end of the stage")
    start_stack_pressure_MPa: float = column("MPa", "stack pressure at the start of the stage")
    end_stack_pressure_MPa: float = column("MPa", "stack pressure at the end of the stage")
    start_focus_contact: float = column("", "current focusing on the contact at the start of the stage")
    start_focus_applied: float = column("", "current focusing at the start of the stage; over the whole area")
    end_solute_largest: float = column("", "largest solute fraction at the end of the stage")
    deposit_mean_um: float = column("um", "mean plated thickness; 0 unless the stage plates a 2-D cell")
    deposit_largest_um: float = column("um", "largest plated thickness; likewise")
    deposit_smallest_um: float = column("um", "smallest plated thickness; likewise")


class EventRow(Row):
    """``events.csv``: one row per change of the voids, and for the event that ends a run."""

    time_s: float = column("s", "time")
    capacity_mAh_cm2: float = column("mAh/cm2", "capacity; charge passed, whatever its direction")
    kind: str = column("", "kind; such as open, coalesce, split, collapse")
    position_um: float = column("um", "position; along x")
    size_um: float = column("um", "size; width of the void or contact concerned")
    ended: str = column("", "voids that end; their numbers, as 3+7")
    made: str = column("", "voids that begin; their numbers, as 3+7")
    detail: str = column("", "the event in words")


class OutputRow(Row):
    """What the rows of all tables begin with that a run writes at its outputs."""

    output: int = column("", "output; from 0")
    time_s: float = column("s", "time")
    capacity_mAh_cm2: float = column("mAh/cm2", "capacity; charge passed, whatever its direction")


class VoidRow(OutputRow):
    """``voids.csv``: one row per void and output."""

    void: int = column("", "void; its number, never used twice in a run")
    parents: str = column("", "parents; numbers of the voids it was made from, as 3+7")
    x_um: float = column("um", "x; of the middle")
    y_um: float = column("um", "y; of the middle: in 2-D its height, in 3-D along the interface")
    z_um: float = column("um", "z; height of the middle in 3-D, nan in 2-D")
    left_um: float = column("um", "left end; smallest x on the interface")
    right_um: float = column("um", "right end; largest x on the interface")
    width_um: float = column(
        "um",
        "width; with its mirror image where it is on a side; in 3-D of the circle of its area, or of the "
        "section where it runs through the cell",
    )
    height_um: float = column("um", "height")
    measure_um: float = column("um2", "size; area, volume (um3) where axisymmetric or 3d")


class LineageRow(Row):
    """``lineage.csv``: one row per void that ever was; written anew at every change."""

    void: int = column("", "void; its number, never used twice in a run")
    parents: str = column("", "parents; numbers of the voids it was made from, as 3+7")
    origin: str = column("", "origin; seed, or the kind of the event that made it")
    begin_s: float = column("s", "time of its begin")
    begin_mAh_cm2: float = column("mAh/cm2", "capacity at its begin")
    fate: str = column("", "fate; kind of the event that ended it, empty while it lives")
    end_s: float | None = column("s", "time of its end; empty while it lives")
    end_mAh_cm2: float | None = column("mAh/cm2", "capacity at its end; empty while it lives")
    children: str = column("", "children; numbers of the voids made from it, as 3+7")


class InterfaceRow(OutputRow):
    """``interface.csv``: one row per node of the metal's lower boundary and output, on contact and roofs."""

    part: str = column("", "part of the boundary; contact or roof")
    x_um: float = column("um", "x")
    y_um: float = column("um", "y; in 2-D the height, in 3-D the second place along the interface")
    contact: int = column("", "contact; 1 where the metal is pressed on the electrolyte, 0 elsewhere")
    gap_um: float = column("um", "gap; of the metal above the electrolyte, 0 where it touches")
    pressure_MPa: float = column("MPa", "contact pressure; 0 on roofs")
    current_mA_cm2: float = column("mA/cm2", "current density; stripping positive, 0 on roofs")
    resistance_ohm_cm2: float = column("ohm cm2", "area resistance; of the contact, 0 on roofs")
    supersaturation: float = column("", "vacancy supersaturation S")
    solute_fraction: float = column("", "solute fraction; 0 in a pure metal")
    roof_speed_um_s: float = column("um/s", "roof speed; normal, positive where the void grows, 0 on contact")


class ProfileRow(OutputRow):
    """``profile.csv``: one row per node of the cell's left and right sides and output."""

    side: str = column("", "side of the cell; left or right")
    y_um: float = column("um", "height above the electrolyte")
    supersaturation: float = column("", "vacancy supersaturation S")
    solute_fraction: float = column("", "solute fraction; 0 in a pure metal")


class PlatedThicknessRow(OutputRow):
    """``deposit.csv``: one row per stretch of a 2-D electrolyte surface and output while plating."""

    cycle: int = column("", "cycle; of the protocol, from 1")
    stage: int = column("", "stage; step of the protocol within its cycle, from 1")
    x_um: float = column("um", "x; middle of the stretch")
    thickness_um: float = column("um", "plated thickness; since the stage began")


TABLES: dict[type[Row], str] = {
    SeriesRow: "series.csv",
    VoidRow: "voids.csv",
    InterfaceRow: "interface.csv",
    ProfileRow: "profile.csv",
    PlatedThicknessRow: "deposit.csv",
    StageRow: "stages.csv",
    EventRow: "events.csv",
    LineageRow: "lineage.csv",
}
"""File in the run folder of every kind of row."""

ENDED = ("finished", "event", "cutoff")
"""Values of ``status`` in ``manifest.json`` with which nothing can be added to a run."""
