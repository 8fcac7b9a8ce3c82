"""The row of ``series.csv`` that a step leaves: time, charge, voltage, voids, errors, effort."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from solver.output.customary_units import AMPERE_M2_PER_MA_CM2, UM_PER_M
from solver.output.rows import SeriesRow

if TYPE_CHECKING:
    from meshes.profile.base import Profile
    from solver.setup.protocol import Stage
    from solver.setup.scales import Scales
    from solver.stepping.clock import Clock
    from solver.stepping.observables import BalanceErrors, Observation, SoluteRecord
    from solver.stepping.step import StepResult


def series_row(
    clock: Clock,
    seen: Observation,
    result: StepResult | None,
    errors: BalanceErrors,
    scales: Scales,
    profile: Profile,
    stage: Stage,
) -> SeriesRow:
    """One row; effort, errors and correction are those of the step that led here (0 at the start)."""
    shares, solute, widths, rate = seen.shares, seen.solute, profile.widths(), scales.velocity * UM_PER_M
    return SeriesRow(
        step=clock.step,
        time_s=clock.time,
        capacity_mAh_cm2=clock.charge_passed,
        net_mAh_cm2=clock.charge_net,
        cycle=stage.cycle,
        stage=stage.number,
        kind=stage.kind,
        stage_capacity_mAh_cm2=clock.charge_of_stage,
        current_mA_cm2=seen.current / AMPERE_M2_PER_MA_CM2,
        voltage_V=shares.total,
        ohmic_V=shares.ohmic,
        constriction_V=shares.constriction,
        charge_transfer_V=shares.charge_transfer,
        vacancy_V=shares.vacancy,
        composition_V=shares.composition,
        pressure_V=shares.pressure,
        contact_fraction=seen.contact_fraction,
        active_fraction=seen.active_fraction,
        gap_fraction=seen.gap_fraction,
        virgin_fraction=seen.virgin_fraction,
        voids=len(widths),
        largest_width_um=max(widths, default=0.0),
        largest_height_um=max(profile.heights(), default=0.0),
        void_measure_um=seen.void_measure,
        void_gain_um_s=seen.gain * rate,
        void_loss_um_s=seen.loss * rate,
        roof_speed_um_s=seen.roof_speed * rate,
        focus_contact=seen.focus_contact,
        focus_applied=seen.focus_applied,
        largest_supersaturation=seen.largest_supersaturation,
        contact_pressure_MPa=seen.contact_pressure,
        stack_pressure_MPa=seen.stack_pressure,
        lift_off_um=seen.lift_off,
        beyond_breakdown=seen.beyond_breakdown,
        platen_um=seen.platen,
        charge_error=seen.charge_error,
        lithium_error=errors.lithium,
        volume_error=errors.volume,
        solute_error=result.composition.error if result and result.composition else 0.0,
        solute_correction=clock.solute_correction,
        dt_s=clock.last_step * scales.time,
        rejected=clock.rejected,
        remeshes=clock.remeshes,
        **_solute(solute),
        **_effort(result),
    )


class _Solute(TypedDict):
    """Columns of the composition, 0 in a pure metal."""

    solute_contact: float
    solute_largest: float
    solute_smallest: float
    solute_indicator: float


def _solute(seen: SoluteRecord | None) -> _Solute:
    return {
        "solute_contact": seen.at_contact if seen else 0.0,
        "solute_largest": seen.largest if seen else 0.0,
        "solute_smallest": seen.smallest if seen else 0.0,
        "solute_indicator": seen.indicator if seen else 0.0,
    }


class _Effort(TypedDict):
    """Columns of what a step took, and how it left the mesh."""

    newton_electrochemistry: int
    newton_creep: int
    contact_sets: int
    coupling: int
    quality: float
    volume_correction_um: float


def _effort(result: StepResult | None) -> _Effort:
    report = result.report if result else None
    return {
        "newton_electrochemistry": report.newton_electrochemistry if report else 0,
        "newton_creep": report.newton_creep if report else 0,
        "contact_sets": report.contact_sets if report else 0,
        "coupling": report.coupling if report else 0,
        "quality": result.quality if result else 1.0,
        "volume_correction_um": result.correction if result else 0.0,
    }
