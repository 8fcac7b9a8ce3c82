"""The microscope sees voids of known size to a pixel and profiles as their closed form; small voids, not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from scipy.special import erf

from postprocess.compare import compare_paper
from postprocess.microscope import frames as film
from postprocess.microscope.instrument import Instrument
from postprocess.microscope.maps import Maps, element_maps
from postprocess.microscope.section import Material, Specimen, cut
from postprocess.records import RecordsError, read_run
from solver.cli.exits import EXIT_INPUT, EXIT_OK
from solver.cli.main import main
from solver.core.ownership import LIST
from tests.conftest import contents, table
from tests.postprocess.runs import Block, Cell, Output, write_run

PIXEL = 0.1
MG = 0.03


def uniform(x: Any, y: Any) -> Any:
    return np.full_like(x, MG)


def seen(folder: Path, cell: Cell, voids: list[Block], **options: str) -> film.FrameRow:
    """What is counted in the only output of a run."""
    (row,) = counted(write_run(folder, cell, [Output(0.1, voids)]), **options)
    return row


def counted(folder: Path, **options: str) -> list[film.FrameRow]:
    run = read_run(folder)
    instrument = Instrument.model_validate(options)
    return [look.row for look in film.looks(run, film.all_frames(run), instrument)]


def first_of(folder: Path) -> Specimen:
    run = read_run(folder)
    return film.specimen_of(run, film.all_frames(run)[0])


@pytest.mark.parametrize("resolution", ["0 um", "0.1 um", "0.3 um"])
@pytest.mark.parametrize("shift", [0.0, 0.03, 0.077])
def test_a_void_has_its_size_to_a_pixel(tmp_path: Path, resolution: str, shift: float) -> None:
    void = Block(5.0 + shift, 8.2 + shift, 1.3 + 0.5 * shift)
    row = seen(tmp_path / "run", Cell(), [void], resolution=resolution)
    assert row.voids_seen == row.voids == 1
    assert abs(row.largest_width_seen_um - 3.2) <= PIXEL * (1.0 + 1e-9)
    assert abs(row.largest_height_seen_um - void.height) <= PIXEL * (1.0 + 1e-9)
    assert abs(row.contact_loss_seen - 3.2 / 20.0) <= PIXEL / 20.0 * (1.0 + 1e-9)
    assert row.contact_loss == pytest.approx(0.5)  # the solver's own word
    assert row.voids_seen_per_100_um == pytest.approx(5.0)


def test_below_the_detection_limit_a_void_is_not_there(tmp_path: Path) -> None:
    voids = [Block(2.0, 2.6, 2.0), Block(5.0, 9.0, 0.5), Block(12.0, 15.0, 2.0)]
    folder = write_run(tmp_path / "run", Cell(), [Output(0.1, voids)])
    cases = {
        ("0.6 um", "0.5 um"): ([0.6, 4.0, 3.0], 7.6),
        ("0.7 um", "0.5 um"): ([4.0, 3.0], 7.0),
        ("0.7 um", "0.6 um"): ([3.0], 3.0),
        ("3.1 um", "0.6 um"): ([], 0.0),
    }
    for (width, height), (widths, lost) in cases.items():
        (row,) = counted(folder, detection=width, detection_height=height)
        assert row.voids_seen == len(widths)
        assert row.largest_width_seen_um == pytest.approx(max(widths, default=0.0))
        assert row.contact_loss_seen == pytest.approx(lost / 20.0)
        assert row.mean_width_seen_um == (pytest.approx(np.mean(widths)) if widths else None)
        assert (row.voids, row.largest_width_um, row.largest_height_um) == (3, 4.0, 2.0)
    # without a limit of its own the height's is the width's
    assert counted(folder, detection="0.6 um")[0].voids_seen == 2


def test_what_is_thinner_than_the_resolution_is_not_seen(tmp_path: Path) -> None:
    voids = [Block(5.0, 15.0, 0.3)]
    folder = write_run(tmp_path / "run", Cell(), [Output(0.1, voids)])
    sharp, dull = (counted(folder, resolution=r, detection="0.1 um")[0] for r in ("0 um", "1 um"))
    assert sharp.contact_loss_seen == pytest.approx(0.5)
    assert (dull.voids_seen, dull.contact_loss_seen) == (0, 0.0)


def test_voids_on_sides_count_with_their_mirror_images(tmp_path: Path) -> None:
    half = seen(tmp_path / "half", Cell(), [Block(0.0, 2.0, 1.0), Block(17.0, 20.0, 1.0)])
    assert (half.voids_seen, half.largest_width_seen_um) == (2, pytest.approx(6.0))
    assert half.contact_loss_seen == pytest.approx(5.0 / 20.0)
    gap = seen(tmp_path / "gap", Cell(), [Block(0.0, 20.0, 1.0)])
    assert (gap.voids_seen, gap.largest_width_seen_um) == (1, pytest.approx(20.0))
    assert gap.contact_loss_seen == pytest.approx(1.0)


def test_an_axisymmetric_cell_is_seen_along_a_diameter(tmp_path: Path) -> None:
    cell = Cell(width=5.0, kind="axisymmetric")
    folder = write_run(tmp_path / "run", cell, [Output(0.1, [Block(0.0, 2.0, 1.0)], true_loss=0.16)])
    (row,) = counted(folder)
    assert (row.contact_loss_seen, row.contact_loss) == (pytest.approx(0.4), pytest.approx(0.16))
    assert row.largest_width_seen_um == pytest.approx(4.0)
    view = film.view_of(read_run(folder), Instrument(), first_of(folder))
    assert (view.left, view.right) == (-5.0, 5.0)


def test_a_cell_in_3d_is_cut(tmp_path: Path) -> None:
    cell = Cell(width=10.0, metal=8.0, kind="3d", solute=uniform)
    folder = write_run(tmp_path / "run", cell, [Output(0.1, [Block(2.0, 5.0, 1.0, back=2.5)])])
    for place, lost in (("0 um", 0.3), ("2.4 um", 0.3), ("2.6 um", 0.0), ("6 um", 0.0)):
        (row,) = counted(folder, cut=place)
        assert row.contact_loss_seen == pytest.approx(lost), place
    specimen = first_of(folder)
    assert (specimen.width, specimen.top, specimen.depth) == (10.0, 8.0, 6.0)
    section = cut(specimen, PIXEL, -1.0, 9.0, 1.0)
    assert np.all(section.solute[section.material == Material.METAL] == pytest.approx(MG))
    assert np.all(section.solute[section.material != Material.METAL] == 0.0)
    assert np.all(section.material[section.y < 0.0] == Material.ELECTROLYTE)
    assert np.all(section.material[section.y > 8.0] == Material.COLLECTOR)


def maps_of(folder: Path, cell: Cell, voids: list[Block], **options: str) -> Maps:
    write_run(folder, cell, [Output(0.1, voids)])
    return element_maps(first_of(folder), Instrument.model_validate(options))


def gaussian(y: Any, width: float) -> Any:
    """Integral of the response up to y."""
    return 0.5 * (1.0 + erf(y * 2.0 * math.sqrt(math.log(2.0)) / width))


def exponential(y: Any, width: float) -> Any:
    tail = 0.5 * np.exp(-np.abs(y) * 2.0 * math.log(2.0) / width)
    return np.where(y > 0.0, 1.0 - tail, tail)


@pytest.mark.parametrize(
    ("shape", "step", "error"), [("gaussian", gaussian, 1e-4), ("exponential", exponential, 1.2e-7)]
)
@pytest.mark.parametrize("width", [3.0, 4.0, 5.0])
def test_uniform_mg_over_voids_is_its_closed_form(
    tmp_path: Path, shape: str, step: Callable[[Any, float], Any], error: float, width: float
) -> None:
    """Porosity p up to height h under a top H: (1 - p) step(y) + p step(y - h) - step(y - H), over its bulk.

    A Gaussian is sampled at 32 points over its width at least (second order); an exponential is integrated,
    and 1.1e-7 of it is cut off.
    """
    share, height, top = 0.25, 0.75 * width, 60.0
    options = {"response": f"{width} um", "response_shape": shape}
    # all edges are on the raster, whose pixel is a part of width/32
    cell = Cell(width=8.0 * width, metal=top, solute=uniform)
    maps = maps_of(tmp_path / "run", cell, [Block(width, 3.0 * width, height)], **options)
    assert maps.mg is not None
    y = maps.section.y

    def closed(y: Any) -> Any:
        porous = (1.0 - share) * step(y, width) + share * step(y - height, width)
        return porous - step(y - top, width)

    assert np.abs(maps.mg.mean - closed(y) / closed(np.array(top - 20.0))).max() < error
    # of S and Cu the largest of the map is 1
    assert np.abs(maps.s.mean - step(-y, width) / step(-y, width).max()).max() < error
    assert np.abs(maps.cu.mean - step(y - top, width) / step(y - top, width).max()).max() < error
    assert maps.bulk == pytest.approx(MG)
    # the most that is seen of uniform Mg is the bulk itself, but for the tails
    assert maps.largest_mg() == pytest.approx(1.0, abs=2e-2)
    assert maps.largest_solute() == pytest.approx(1.0)


def test_a_void_between_rows_costs_half_a_row(tmp_path: Path) -> None:
    """Row or no row: half a pixel of porosity, times the response's largest value."""
    share, width, height, top = 0.25, 4.0, 2.02, 60.0
    cell = Cell(width=32.0, metal=top, solute=uniform)
    maps = maps_of(tmp_path / "run", cell, [Block(4.0, 12.0, height)], response="4 um")
    assert maps.mg is not None
    y = maps.section.y
    closed = (1.0 - share) * gaussian(y, width) + share * gaussian(y - height, width)
    error = np.abs(maps.mg.mean - closed + gaussian(y - top, width)).max()
    assert error <= share * 0.5 * maps.section.pixel * 2.0 * math.sqrt(math.log(2.0) / math.pi) / width


def test_a_profile_is_one_below_the_collector_and_as_the_metal_is_in_the_bulk(tmp_path: Path) -> None:
    cell = Cell(metal=60.0, solute=lambda _x, y: MG * (1.0 + y / 60.0))
    for depth in (20.0, 35.0):
        maps = maps_of(tmp_path / f"run{depth}", cell, [], normalise=f"{depth} um")
        assert maps.mg is not None
        at = 60.0 - depth
        assert np.interp(at, maps.section.y, maps.mg.mean) == pytest.approx(1.0, abs=1e-12)
        assert np.interp(30.0, maps.section.y, maps.mg.mean) == pytest.approx(
            1.5 / (1.0 + at / 60.0), abs=1e-6
        )
        assert maps.bulk == pytest.approx(MG * (1.0 + at / 60.0))


def test_the_spread_is_that_between_windows(tmp_path: Path) -> None:
    """Half of the cell has twice the Mg: far from the step two windows are 2/3 and 4/3 of the mean."""
    cell = Cell(width=100.0, metal=40.0, solute=lambda x, _y: np.where(x < 50.0, MG, 2.0 * MG))
    maps = maps_of(tmp_path / "run", cell, [Block(49.99, 50.0, 1e-3)], response="3 um", window="50 um")
    assert maps.mg is not None
    k = int(np.argmin(np.abs(maps.section.y - 20.0)))
    assert maps.mg.mean[k] == pytest.approx(1.0)
    # the response takes 3/(2 sqrt(pi ln 2)) um times the step from one window to the other
    blurred = (2.0 / 3.0) * (1.0 - 2.0 * 3.0 / (4.0 * math.sqrt(math.pi * math.log(2.0))) / 50.0)
    assert maps.mg.spread[k] == pytest.approx(blurred / math.sqrt(2.0), rel=1e-3)
    one = element_maps(first_of(tmp_path / "run"), Instrument.model_validate({"window": "60 um"}))
    assert one.mg is not None and np.all(np.isnan(one.mg.spread))


def test_noise_repeats_with_its_seed_and_hides_no_large_void(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", Cell(), [Output(0.1, [Block(5.0, 8.2, 1.3)])] * 2)
    run = read_run(folder)

    def pictures(**options: Any) -> list[Any]:
        tool = Instrument.model_validate(options)
        return [look.grey for look in film.looks(run, film.all_frames(run), tool)]

    still, first, same, other = (
        pictures(), pictures(noise=0.05), pictures(noise=0.05, seed=1), pictures(noise=0.05, seed=2)
    )  # fmt: skip
    assert np.array_equal(first, same)
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], first[1])
    metal = film.looks(run, film.all_frames(run), Instrument())
    where = next(metal).section.material == Material.METAL
    assert np.std((first[0] - still[0])[where]) == pytest.approx(0.05, rel=0.03)
    for row in counted(folder, noise="0.05", seed="3"):
        assert row.voids_seen == 1
        assert row.largest_width_seen_um == pytest.approx(3.2, abs=2.0 * PIXEL)


OUTPUTS = [Output(0.0, [Block(3.0, 5.0, 1.0)]), Output(0.1, [Block(3.0, 6.0, 1.0)]), Output(0.2, [])]


MAPS = tuple((name, end) for name in ("eds", "profile") for end in ("png", "pdf"))
"""Figures of a frame; the picture itself is none."""


@pytest.fixture
def alloy(tmp_path: Path) -> Path:
    return write_run(tmp_path / "alloy", Cell(solute=uniform), OUTPUTS)


def test_pictures_and_tables_are_written(alloy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["microscope", str(alloy), "--at", "0.12 mAh/cm2", "--at", "0 mAh/cm2"]) == EXIT_OK
    said = capsys.readouterr().out
    assert "0.12 mAh/cm2: output 1, at 0.1 mAh/cm2" in said
    made = alloy / "microscope"
    assert sorted(p.name for p in made.iterdir()) == sorted(
        [LIST, "frames.csv", "microscope.json"]
        + [f"{name}-0000{k}.{end}" for k in (0, 1) for name, end in
           (("sem", "png"), *MAPS, ("profile", "csv"))]
    )  # fmt: skip
    picture = image.imread(made / "sem-00001.png")
    # 200 pixels in 6 x 6 image pixels each; 24 rows below and 50 above the interface; the strip
    assert picture.shape[:2] == ((24 + 50) * 6 + 96, 200 * 6)
    assert picture[: 50 * 6].std() > 0.02
    for name in ("eds-00001.png", "profile-00001.png"):
        assert image.imread(made / name).std() > 0.02
    rows = table(made / "frames.csv")
    assert [row["output"] for row in rows] == ["0", "1"]
    assert float(rows[1]["largest_width_seen_um"]) == pytest.approx(3.0)
    assert float(rows[1]["mg_seen"]) == pytest.approx(1.0, abs=1e-2)
    profile = table(made / "profile-00001.csv")
    assert {float(row["void_share"]) for row in profile if 0.0 < float(row["y_um"]) < 1.0} == {0.15}
    stated = json.loads((made / "microscope.json").read_text())
    assert stated["instrument"]["response"] == "4 um" and stated["instrument"]["detection_height"] == "0.3 um"


def test_without_capacities_all_outputs_are_counted(alloy: Path) -> None:
    assert main(["microscope", str(alloy), "--view", "50 um"]) == EXIT_OK
    made = alloy / "microscope"
    rows = table(made / "frames.csv")
    assert [float(row["largest_width_seen_um"]) for row in rows] == pytest.approx([2.0, 3.0, 0.0])
    assert rows[2]["mean_width_seen_um"] == ""
    assert [path.name for path in made.glob("sem-*")] == ["sem-00002.png"]
    assert image.imread(made / "sem-00002.png").shape[1] == 500 * 3


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["--pixel", "3 s"], ["--pixel = '3 s': unit 's' does not fit"]),
        (["--pixel", "0 um", "--noise", "2", "--detection-height", "1"],
         ["3 problems", "--pixel = '0 um'", "--noise = '2'", "--detection-height = '1': needs a unit"]),
        (["--at", "0.5"], ["--at = '0.5': needs a unit"]),
        (["--at", "1 mAh/cm2"], ["1 mAh/cm2 is beyond the last output, at 0.2 mAh/cm2"]),
        (["--response-shape", "box"], ["'gaussian' or 'exponential'"]),
        (["--seed", "3"], ["there is no noise"]),
        (["--cut", "1 um", "--normalise", "45 um"], ["2 problems", "one plane only", "which is 40 um thick"]),
        (["--pixel", "6 um"], ["is not a quarter of the cell"]),
    ],
)  # fmt: skip
def test_mistakes_get_one_message(
    alloy: Path, words: list[str], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(alloy)
    assert main(["microscope", str(alloy), *words]) == EXIT_INPUT
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("livoid: ") == 1
    assert all(message in said.err for message in messages), said.err
    assert contents(alloy) == before


def test_options_for_what_a_run_has_not_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_run(tmp_path / "run", Cell(), OUTPUTS)
    assert main(["microscope", str(folder), "--normalise", "10 um"]) == EXIT_INPUT
    assert "the metal has no Mg" in capsys.readouterr().err
    assert main(["microscope", str(folder)]) == EXIT_OK
    assert table(folder / "microscope" / "profile-00002.csv")[0]["mg"] == ""
    (folder / "fields.pvd").unlink()
    assert main(["microscope", str(folder)]) == EXIT_INPUT
    assert "no field outputs" in capsys.readouterr().err


def test_only_what_is_livoids_is_replaced(alloy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = alloy / "microscope"
    made.mkdir()
    (made / "sem-00000.png").write_text("theirs")
    before = contents(alloy)
    assert main(["microscope", str(alloy)]) == EXIT_INPUT
    assert "is not a microscope folder" in capsys.readouterr().err
    assert contents(alloy) == before
    (made / "sem-00000.png").unlink()
    assert main(["microscope", str(alloy), "--at", "0 mAh/cm2"]) == EXIT_OK
    (made / "notes.txt").write_text("mine")
    assert main(["microscope", str(alloy)]) == EXIT_OK
    assert {p.name for p in made.glob("sem-*")} == {"sem-00002.png"}
    assert (made / "notes.txt").read_text() == "mine"
    elsewhere = alloy.parent / "elsewhere"
    made.rename(elsewhere)
    made.symlink_to(elsewhere)
    before = contents(elsewhere)
    assert main(["microscope", str(alloy)]) == EXIT_INPUT
    assert contents(elsewhere) == before
    made.unlink()
    (alloy / "manifest.json").write_text("{}")
    assert main(["microscope", str(alloy)]) == EXIT_INPUT
    assert not made.exists()


def test_the_comparison_says_what_is_and_what_is_seen(tmp_path: Path) -> None:
    """A flat void at the end is below the limit: the run loses all contact, the pictures regain it."""
    outputs = [
        Output(0.0, [Block(2.0, 8.0, 1.0), Block(10.0, 14.0, 1.0)], true_loss=0.5),
        Output(0.125, [Block(1.0, 15.0, 1.0)], true_loss=0.7),
        Output(0.15, [Block(1.0, 2.0, 1.0)], true_loss=0.7),
        Output(0.25, [Block(0.5, 19.5, 0.1)], true_loss=0.95),
    ]
    folder = write_run(tmp_path / "li", Cell(), outputs)
    compare_paper([folder], tmp_path / "out")
    rows = {row["observable"]: row for row in table(tmp_path / "out" / "paper.csv")}
    assert (rows["contact loss 90 %"]["predicted"], rows["contact loss 90 %"]["as seen"]) == (
        "0.25",
        "not by 0.25",
    )
    assert rows["coalescence"]["as seen"] == "0.125"
    assert rows["overpotential doubled"]["as seen"] == "-"
    alloy = write_run(tmp_path / "limg", Cell(solute=uniform), outputs)
    compare_paper([alloy], tmp_path / "out")
    rows = {row["observable"]: row for row in table(tmp_path / "out" / "paper.csv")}
    # frames are 15 min (0.125 mAh/cm2) apart: the drop between two of them is not taken apart
    assert (rows["width drops"]["predicted"], rows["width drops"]["as seen"]) == ("0.15", "0.25")
    assert rows["largest width (um)"]["as seen"] == "14"
    assert rows["largest Mg over bulk"]["predicted"] == "1"
    # without fields nothing is seen, and the rest is as it was
    (alloy / "fields.pvd").unlink()
    compare_paper([alloy], tmp_path / "out")
    rows = {row["observable"]: row for row in table(tmp_path / "out" / "paper.csv")}
    assert (rows["width drops"]["predicted"], rows["width drops"]["as seen"]) == ("0.15", "-")


def test_the_nearest_output_is_taken(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "run", Cell(), [Output(c, []) for c in (0.0, 0.1, 0.1, 0.3)]))
    every = film.all_frames(run)
    asked = {0.0: 0, 0.04: 0, 0.06: 1, 0.19: 1, 0.21: 3, 0.39: 3}
    assert {c: film.nearest(every, c).output for c in asked} == asked
    with pytest.raises(RecordsError, match="beyond the last output"):
        film.nearest(every, 0.41)
    assert [f.output for f in film.spaced(every, 1000.0)] == [0, 1, 3]
