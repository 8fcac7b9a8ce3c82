"""Rows of ``series.csv``: one per step, the state at the beginning of the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solver.output.fields import AMPERE_M2_PER_MA_CM2, UM_PER_M
from solver.setup.scales import COULOMB_PER_MAH_CM2

if TYPE_CHECKING:
    from meshes.gmsh.mesh_profile import Profile
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.stepping.clock import Clock
    from solver.stepping.observables import Observation
    from solver.stepping.step import BalanceErrors, StepResult

COLUMNS = (
    "step",
    "time_s",
    "capacity_mAh_cm2",
    "net_mAh_cm2",
    "cycle",
    "stage",
    "kind",
    "stage_capacity_mAh_cm2",
    "current_mA_cm2",
    "voltage_V",
    "ohmic_V",
    "constriction_V",
    "charge_transfer_V",
    "vacancy_V",
    "composition_V",
    "pressure_V",
    "contact_fraction",
    "voids",
    "largest_width_um",
    "largest_height_um",
    "void_measure_um",
    "void_gain_um_s",
    "void_loss_um_s",
    "focus_contact",
    "focus_applied",
    "largest_supersaturation",
    "solute_contact",
    "solute_largest",
    "solute_smallest",
    "contact_pressure_MPa",
    "beyond_breakdown",
    "platen_um",
    "charge_error",
    "lithium_error",
    "volume_error",
    "solute_error",
    "solute_correction",
    "solute_indicator",
    "dt_s",
    "newton_electrochemistry",
    "newton_creep",
    "contact_sets",
    "coupling",
    "rejected",
    "remeshes",
    "quality",
    "volume_correction_um",
)


def series_row(
    clock: Clock,
    seen: Observation,
    result: StepResult | None,
    errors: BalanceErrors,
    scales: Scales,
    profile: Profile,
    stage: Stage,
) -> tuple[Any, ...]:
    """One row; effort, errors and correction are those of the step that led here (0 at the start)."""
    shares, solute = seen.shares, seen.solute
    widths, heights = profile.widths(), profile.heights()
    rate = scales.velocity * UM_PER_M
    return (
        clock.step,
        clock.time,
        clock.capacity / COULOMB_PER_MAH_CM2,
        clock.net / COULOMB_PER_MAH_CM2,
        stage.cycle,
        stage.number,
        stage.kind,
        clock.stage_capacity / COULOMB_PER_MAH_CM2,
        seen.current / AMPERE_M2_PER_MA_CM2,
        shares.total,
        shares.ohmic,
        shares.constriction,
        shares.charge_transfer,
        shares.vacancy,
        shares.composition,
        shares.pressure,
        seen.contact_fraction,
        len(widths),
        max(widths, default=0.0),
        max(heights, default=0.0),
        seen.void_measure,
        seen.gain * rate,
        seen.loss * rate,
        seen.focus_contact,
        seen.focus_applied,
        seen.largest_supersaturation,
        *((solute.at_contact, solute.largest, solute.smallest) if solute else (0.0, 0.0, 0.0)),
        seen.contact_pressure,
        seen.beyond_breakdown,
        seen.platen,
        seen.charge_error,
        errors.lithium,
        errors.volume,
        result.mixing.error if result and result.mixing else 0.0,
        clock.solute_correction,
        solute.indicator if solute else 0.0,
        *_effort(clock, result, scales),
    )


def _effort(clock: Clock, result: StepResult | None, scales: Scales) -> tuple[Any, ...]:
    """Step size, solver effort, mesh quality and correction of the step that led here."""
    report = result.report if result is not None else None
    return (
        clock.last_step * scales.time,
        report.newton_electrochemistry if report else 0,
        report.newton_creep if report else 0,
        report.contact_sets if report else 0,
        report.coupling if report else 0,
        clock.rejected,
        clock.remeshes,
        result.quality if result else 1.0,
        result.correction if result else 0.0,
    )
