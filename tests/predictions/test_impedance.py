"""``livoid eis``: spectra of a case and of a run, arcs and files; exact values are verification rows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
import tomli_w
from mpi4py import MPI

from solver.output.run_folder import RunFolder
from solver.predictions import impedance
from solver.predictions.impedance import Spectrum
from solver.setup.setup import set_up
from solver.simulation.run import run_case
from tests.conftest import case_data, small_case

Command = Callable[..., CompletedProcess[str]]
LAYER = {"impedance": {"double_layer": "10 uF/cm2"}}


def two_arcs() -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    at = impedance.frequencies(1e-2, 1e6, 8)
    omega = 2j * np.pi * at
    return at, 5.0 + 2.0 / (1.0 + omega * 2.0 * 1e-5) + 7.0 / (1.0 + omega * 7.0 * 1e-2)


def test_arcs_of_a_known_circuit() -> None:
    at, z = two_arcs()
    found = impedance.arcs(Spectrum(at, z, {"all": z}, {"all": 14.0}))
    slow, fast = [arc for arc in found if arc.process == "whole"]
    assert slow.peak_frequency == pytest.approx(1.0 / (2.0 * np.pi * 7e-2), rel=0.01)
    assert slow.peak == pytest.approx(3.5, rel=0.01)
    assert slow.capacitance == pytest.approx(1e-2 * 1e6, rel=0.02)  # F/cm2 in uF/cm2
    assert fast.peak_frequency == pytest.approx(1.0 / (2.0 * np.pi * 2e-5), rel=0.01)
    assert fast.span == pytest.approx(9.0, rel=1e-3)


def test_a_spectrum_that_breaks_the_kramers_kronig_relations_is_seen() -> None:
    at, z = two_arcs()
    assert impedance.kramers_kronig(at, z) < 1e-3
    assert impedance.kramers_kronig(at, z.real - 0.5j * np.abs(z.imag)) > 0.02
    assert impedance.kramers_kronig(at, z.conj()) > 0.1


def test_shares_add_up_and_keep_kramers_kronig(comm: MPI.Comm) -> None:
    found = impedance.spectrum(set_up(small_case(**LAYER)), comm, impedance.frequencies(1.0, 1e7, 4))
    assert set(found.shares) == {"ohmic", "constriction", "charge_transfer", "vacancy"}
    assert sum(found.shares.values()) == pytest.approx(found.impedance, rel=1e-9)
    assert found.steady is not None
    assert found.impedance[0] == pytest.approx(sum(found.steady.values()), rel=1e-3)
    assert impedance.kramers_kronig(found.frequencies, found.impedance) < 1e-3


@pytest.mark.parallel
@pytest.mark.parametrize("kind", ["axisymmetric", pytest.param("3d", marks=pytest.mark.slow)])
def test_a_flat_contact_has_one_spectrum_in_all_coordinates(kind: str, comm: MPI.Comm) -> None:
    """That of the plane, which is exact (verification row 25): charge transfer, double layer, vacancies."""
    at = np.array([1.0, 1e3, 1e5])
    sizes = {"tip_size": "0.2 um", "growth": 0.5, "largest_size": "1 um"}

    def found(kind: str, **more: str) -> Spectrum:
        geometry = {"kind": kind, "width": "2 um", "metal_thickness": "3 um", "electrolyte_depth": "2 um"}
        case = small_case(geometry=geometry | more, void=[], numerics=sizes, **LAYER)
        return impedance.spectrum(set_up(case), comm, at)

    plane = found("plane")
    other = found(kind, depth="2 um") if kind == "3d" else found(kind)
    assert abs(plane.impedance[0].imag) > 1e-3 * abs(plane.impedance[0])
    # the mesh across the thickness is another one: that is the difference
    np.testing.assert_allclose(other.impedance, plane.impedance, rtol=2e-3)
    for name, share in plane.shares.items():
        np.testing.assert_allclose(other.shares[name], share, atol=2e-3 * abs(plane.impedance[0]))


def test_without_a_double_layer_charge_transfer_stays_at_high_frequency(comm: MPI.Comm) -> None:
    at = np.array([1e9])
    with_layer, without = (impedance.spectrum(set_up(small_case(**given)), comm, at) for given in (LAYER, {}))
    assert abs(with_layer.shares["charge_transfer"][0]) < 1e-3
    assert without.shares["charge_transfer"][0].real > 0.1


def test_eis_of_a_run_at_one_of_its_checkpoints(livoid: Command, tmp_path: Path, comm: MPI.Comm) -> None:
    case = small_case(output={"interval": "0.0002 mAh/cm2", "checkpoints_kept": 20}, **LAYER)
    run_case(case, RunFolder(tmp_path / "a"), comm)
    assert len(list((tmp_path / "a" / "checkpoint").iterdir())) > 2
    wide = ("--per-decade", "1")
    done = livoid("eis", "a", "--at", "0.0005 mAh/cm2", *wide, "--out", "z")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "z" / "impedance.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert float(rows[0]["frequency_Hz"]) == pytest.approx(1e-3)
    assert float(rows[0]["Z_real_ohm_cm2"]) > float(rows[-1]["Z_real_ohm_cm2"]) > 0.0
    assert (tmp_path / "z" / "arcs.csv").is_file()
    assert (tmp_path / "z" / "impedance.png").is_file()
    far = livoid("eis", "a", "--at", "3 mAh/cm2", *wide, "--out", "z")
    assert far.returncode == 2
    assert "no checkpoint near it" in far.stderr
    other = livoid("eis", "a", "--set", "operation.pressure=9 MPa", *wide, "--out", "z")
    assert other.returncode == 2
    assert "only [impedance]" in other.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "1 s"), "--at needs a run folder"),
        (("--lowest", "1 kHz", "--highest", "1 Hz"), "the lower first"),
        (("--lowest", "1 ohm"), "--lowest 1 ohm"),
        (("--per-decade", "0"), "from 1 to 100"),
    ],
)
def test_bad_arguments_are_refused(
    livoid: Command, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "c.toml").write_text(tomli_w.dumps(case_data()), encoding="utf-8")
    done = livoid("eis", "c.toml", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()
