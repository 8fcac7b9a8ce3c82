"""Voids of a synthetic micrograph are found with the sizes that it was made with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage import io

from postprocess.microscope.section import Material
from postprocess.microscope.sem import GREY
from solver.case.void_table import read_voids
from solver.cli.main import main

VOIDS = ((0, 20, 10), (60, 100, 30), (150, 156, 4))
"""Left, right and height in pixels; the first is cut by a side."""
ROWS, COLUMNS, INTERFACE = 120, 240, 80


def micrograph(path: Path) -> Path:
    """Metal above electrolyte with noise, voids on the interface, and one that floats in the metal."""
    grey = np.full((ROWS, COLUMNS), GREY[Material.METAL])
    grey[INTERFACE:] = GREY[Material.ELECTROLYTE]
    grey[20:30, 200:220] = GREY[Material.VOID]
    for left, right, height in VOIDS:
        grey[INTERFACE - height : INTERFACE, left:right] = GREY[Material.VOID]
    grey = np.clip(grey + 0.03 * np.random.default_rng(1).standard_normal(grey.shape), 0.0, 1.0)
    io.imsave(str(path), (255 * grey).round().astype(np.uint8), check_contrast=False)
    return path


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return micrograph(tmp_path / "sem.png")


@pytest.mark.parametrize("more", [[], ["--threshold", "0.2", "--interface", str(INTERFACE)]])
def test_voids_of_a_picture_become_voids_of_a_case(image: Path, more: list[str]) -> None:
    assert main(["voids-from-image", "sem.png", "--scale", "100 nm", "--smallest", "1 um", *more]) == 0
    found = read_voids(image.parent / "voids" / "voids.csv", solid=False)
    wanted = [("0.0 um", "4.0 um", "1.0 um"), ("8.0 um", "4.0 um", "3.0 um")]
    assert [(v["position"], v["width"], v["height"]) for v in found] == wanted
    assert (image.parent / "voids" / "found.png").stat().st_size > 1000
    assert (
        main(["voids-from-image", "sem.png", "--scale", "100 nm", *more]) == 0
    )  # its own files are replaced
    assert len(read_voids(image.parent / "voids" / "voids.csv", solid=False)) == 3


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["sem.png"], ["--scale: missing"]),
        (["none.png", "--threshold", "2"], ["--scale: missing", "--threshold 2: a grey", "no such file"]),
        (["sem.png", "--scale", "5"], ["needs a unit"]),
        (["sem.png", "--scale", "1 um", "--interface", "500"], ["rows 1 to 119"]),
        (["sem.png", "--scale", "1 um", "--smallest", "300 um"], ["no void of 300 um"]),
        (["text.png", "--scale", "1 um"], ["no picture that can be read"]),
    ],
)
def test_what_is_wrong_is_said_at_once(
    image: Path, words: list[str], messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (image.parent / "text.png").write_text("no picture", encoding="utf-8")
    assert main(["voids-from-image", *words]) == 2
    said = capsys.readouterr().err
    assert all(message in said for message in messages), said
    assert not (image.parent / "voids").exists()
