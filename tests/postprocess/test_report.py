"""Reports open in a browser, whole and without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tomli_w
from matplotlib import image

from tests import in_process
from tests.conftest import case_data

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]
BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)


class Links(HTMLParser):
    """What a page loads, and its table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of two short runs over the pressure, one of them failed."""
    if shutil.which("snakemake") is None:
        pytest.skip("Snakemake is not installed")
    folder = tmp_path_factory.mktemp("pressure")
    data = case_data(operation={"capacity": "0.0004 mAh/cm^2"})
    data["title"] = "a < b & <script>alert(1)</script>"
    (folder / "case.toml").write_text(tomli_w.dumps(data), encoding="utf-8")
    vary = {"operation.pressure": ["0.2 MPa", "20 MPa"], "numerics.max_steps": [2000, 1]}
    plan = {"study": {"case": "case.toml", "vary": vary, "method": "zip", "title": "two pressures"}}
    (folder / "study.toml").write_text(tomli_w.dumps(plan), encoding="utf-8")
    done = in_process.call("study", "study.toml", "--out", "out", "--cores", "2", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out"


def opened(page: Path) -> str:
    """The page as the browser has it, with what scripts in it would have made of it."""
    assert BROWSER is not None
    command = [
        BROWSER, "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={page.parent / 'browser'}", "--virtual-time-budget=5000",
    ]  # fmt: skip
    shot = page.with_suffix(".png")
    subprocess.run(
        [*command, f"--screenshot={shot}", "--window-size=1200,2400", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pixels = image.imread(shot)
    assert pixels.std() > 0.02  # not blank
    return subprocess.run(
        [*command, "--dump-dom", page.as_uri()], check=True, capture_output=True, text=True, timeout=120
    ).stdout


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no headless browser")
def test_reports_open_offline_and_are_complete(study: Path, livoid: Livoid) -> None:
    for folder, titles in (
        (study / "runs" / "run-0001", ("Figures", "Events", "Conservation", "Parameters and their sources")),
        (study, ("Runs", "Case", "Conservation", "Versions")),
    ):
        made = livoid("report", str(folder))
        assert made.returncode == 0, made.stderr
        page = folder / "report.html"
        dom = opened(page)
        for title in titles:
            assert f"<h2>{title}</h2>" in dom, title
        links = Links()
        links.feed(dom)
        beside = [source for source in links.sources if not source.startswith("data:")]
        kinds = {source.split(";base64,")[0] for source in links.sources} - set(beside)
        assert kinds == {"data:image/png"} | ({"data:application/pdf"} if folder == study else set())
        assert beside == ([] if folder == study else ["view.html"])
        assert all((folder / name).is_file() for name in beside)
        assert links.tags.count("img") >= 1
        assert "script" not in links.tags
    assert "numerics.max_steps" in dom  # the reason of the failed run
    assert re.search(r"a &lt; b &amp; &lt;script", (study / "runs/run-0001/report.html").read_text())


@pytest.mark.slow
def test_a_pressure_study_is_compared_with_the_paper(study: Path, tmp_path: Path, livoid: Livoid) -> None:
    result = livoid("compare", "pressure", str(study), "--out", "compared")
    assert result.returncode == 0, result.stderr
    assert "Li, 298.15 K: the overpotential doubles up to 0 MPa" in result.stdout
    assert "rises: disagrees to 0.0004" in result.stdout
    folder = tmp_path / "compared"
    assert image.imread(folder / "pressure.png").std() > 0.02
    assert len((folder / "pressure.csv").read_text(encoding="utf-8").splitlines()) == 3


def test_what_is_no_study_is_refused(tmp_path: Path, livoid: Livoid) -> None:
    for arguments in (("compare", "pressure", "."), ("report", ".")):
        result = livoid(*arguments)
        assert result.returncode == 2
        assert "livoid: " in result.stderr and "Traceback" not in result.stderr
