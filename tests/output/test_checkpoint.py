"""A checkpoint is whole, of this run and goes with its tables, or it is not used."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import adios4dolfinx
import numpy as np
import pytest
import tomli_w
from mpi4py import MPI

from solver.case.loading import parse_case
from solver.core import digests, provenance
from solver.core.digests import DamagedError
from solver.core.lock import NAME
from solver.core.parallel import RootError
from solver.output import checkpoint
from solver.output.checkpoint import FOLDER, HEADER, STATE, CheckpointError
from solver.output.run_folder import RunFolder
from solver.simulation.run import run_case
from tests.conftest import case_data, contents, put, series

Livoid = Callable[..., "subprocess.CompletedProcess[str]"]

CASE = {
    "operation": {"capacity": "0.00012 mAh/cm^2"},
    "numerics": {"tip_size": "0.15 um", "roof_fraction": 0.3},
    "output": {"interval": "0.00004 mAh/cm^2", "checkpoint_steps": 1},
}
STOP = 6
"""Step at which the run is broken off; its checkpoints are of the two steps before."""
SHORTENED = 8000
"""Lengths of files that are tried at least; how many there are depends on their sizes."""
FLIPS = 250
"""Bits of each file of a checkpoint that are flipped, one at a time."""
STRIDE = 211
"""Bytes between the lengths to which a file of more than 10 kB is cut."""


def go(out: Path, *, stop: int | None = None, resume: bool = False) -> Any:
    def interrupt(clock: Any, _: object) -> None:
        if clock.step == stop:
            raise KeyboardInterrupt

    loaded = parse_case(case_data(**CASE))
    return run_case(loaded, RunFolder(out), MPI.COMM_SELF, resume=resume, progress=interrupt)


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was broken off and has two checkpoints."""
    out = tmp_path_factory.mktemp("broken-off") / "out"
    assert go(out, stop=STOP).status == "interrupted"
    assert len(steps(out)) == checkpoint.KEPT
    return out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run, undisturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert go(out).status == "finished"
    return out


@pytest.fixture
def out(broken_off: Path, tmp_path: Path) -> Path:
    """A copy of the run that was broken off."""
    return Path(shutil.copytree(broken_off, tmp_path / "out"))


def steps(out: Path) -> list[int]:
    return sorted(int(path.name) for path in (out / FOLDER).iterdir() if path.name.isdigit())


def at(out: Path, step: int) -> Path:
    return out / FOLDER / f"{step:08d}"


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def flip(file: Path, chance: random.Random) -> tuple[int, int]:
    """Flip a bit of a file; returns where."""
    place, bit = chance.randrange(file.stat().st_size), chance.randrange(8)
    flip_at(file, place, bit)
    return place, bit


def flip_at(file: Path, place: int, bit: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ 1 << bit]))


def check_one(path: Path, name: str, noted: Mapping[str, Any]) -> None:
    """Verify one file of a checkpoint."""
    if name == HEADER:
        digests.read(path / name)
    else:
        digests.compare(path, {name: noted[name]})


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the header of a checkpoint anew, as if it had been so from the start."""
    header = digests.read(path / HEADER)
    change(header)
    digests.write(path / HEADER, header)


def without_lock(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {name: entry for name, entry in contents(folder).items() if name != NAME}


@pytest.mark.kind("checkpoint that is cut short", tried=SHORTENED)
def test_every_shortened_file_is_found(out: Path) -> None:
    """Every length of the small files and of the header, many of the others."""
    path = at(out, steps(out)[-1])
    noted, tried = checkpoint.verified(path)["files"], 0
    assert {file.relative_to(path).as_posix() for file in files(path)} == {*noted, HEADER}
    for file in files(path):
        data, name = file.read_bytes(), file.relative_to(path).as_posix()
        for length in range(len(data) - 1, -1, -1 if len(data) < 10_000 else -STRIDE):
            os.truncate(file, length)
            with pytest.raises(DamagedError):
                check_one(path, name, noted)
            tried += 1
        file.write_bytes(data)
    assert tried >= SHORTENED
    checkpoint.verified(path)


@pytest.mark.kind("bit that flips in a checkpoint", tried=FLIPS)
def test_every_flipped_bit_is_found(out: Path) -> None:
    path, chance = at(out, steps(out)[-1]), random.Random(21)
    noted = checkpoint.verified(path)["files"]
    for file in files(path):
        for k in range(FLIPS):
            place, bit = flip(file, chance)
            with pytest.raises(DamagedError):
                check_one(path, file.relative_to(path).as_posix(), noted)
            if k == 0:  # and through the whole
                with pytest.raises(DamagedError):
                    checkpoint.verified(path)
            flip_at(file, place, bit)
    checkpoint.verified(path)


def _no_bytes(path: Path) -> None:
    (path / STATE / "md.0").write_bytes(bytes((path / STATE / "md.0").stat().st_size))


def _gone(path: Path) -> None:
    (path / STATE / "md.idx").unlink()


def _longer(path: Path) -> None:
    with (path / STATE / "data.0").open("ab") as file:
        file.write(b"more")


def _pipe(path: Path) -> None:
    """Whoever opens it waits for ever."""
    (path / STATE / "data.0").unlink()
    os.mkfifo(path / STATE / "data.0")


def _link(path: Path) -> None:
    (path / STATE / "data.0").rename(path / "data")
    (path / STATE / "data.0").symlink_to(path / "data")


def _of_another_step(path: Path) -> None:
    other = next(p for p in path.parent.iterdir() if p != path)
    shutil.copy2(other / STATE / "data.0", path / STATE / "data.0")


def _earlier_version(path: Path) -> None:
    (path / HEADER).write_text(json.dumps({"format": 3, "step": int(path.name)}))


def _later_format(path: Path) -> None:
    rewrite(path, lambda header: header.update(format=99))


def _of_another_run(path: Path) -> None:
    rewrite(path, lambda h: h["callbacks"]["recorder"]["files"].update(run="0" * 32))


def _no_object(path: Path) -> None:
    (path / HEADER).write_text("[1, 2]")


def _deep(path: Path) -> None:
    (path / HEADER).write_text("[" * 100_000)


DAMAGES = (_no_bytes, _gone, _longer, _pipe, _link, _of_another_step, _earlier_version, _later_format,
           _of_another_run, _no_object, _deep)  # fmt: skip


@pytest.mark.kind("checkpoint or table that is damaged or not the run's")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_falls_back_to_the_older_one_with_a_word(
    damage: Callable[[Path], None], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = steps(out)
    damage(at(out, newer))
    path, header, refused = RunFolder(out).usable()
    assert (path, header["step"]) == (at(out, older), older)
    assert len(refused) == 1 and refused[0].startswith(f"checkpoint {newer:08d} is not used: ")
    (_no_bytes if damage == _of_another_step else damage)(at(out, older))
    before = without_lock(out)
    monkeypatch.setattr(adios4dolfinx, "read_mesh", lambda *_, **__: pytest.fail("opened unverified"))
    with pytest.raises(RootError, match=r"(?s)no complete checkpoint.*is not used.*is not used"):
        go(out, resume=True)
    assert without_lock(out) == before


@pytest.mark.kind("checkpoint or table that is damaged or not the run's")
def test_what_else_lies_in_a_checkpoint_does_no_harm(out: Path) -> None:
    newer = at(out, steps(out)[-1])
    put(newer, {"notes.txt": "mine", "state.bp/.nfs001": ""})
    assert RunFolder(out).usable()[0] == newer


def _shorter(table: Path) -> None:
    os.truncate(table, table.stat().st_size // 2)


def _edited(table: Path) -> None:
    table.write_bytes(table.read_bytes().replace(b",", b";", 1))


def _of_nulls(table: Path) -> None:
    table.write_bytes(bytes(table.stat().st_size))


def _of_others(table: Path) -> None:
    table.write_text("name,price\n" * 4000)


def _removed(table: Path) -> None:
    table.unlink()


def _linked(table: Path) -> None:
    table.rename(table.with_name("theirs"))
    table.symlink_to("theirs")


@pytest.mark.kind("checkpoint or table that is damaged or not the run's")
@pytest.mark.parametrize("name", ["series.csv", "events.csv", "interface.csv", "voids.csv"])
@pytest.mark.parametrize("damage", [_shorter, _edited, _of_nulls, _of_others, _removed, _linked])
def test_tables_that_are_not_the_runs_are_left_alone(
    name: str, damage: Callable[[Path], None], out: Path
) -> None:
    """Nothing is cut, and nothing filled up, before all is known to fit."""
    damage(out / name)
    before = without_lock(out)
    with pytest.raises(RootError, match=name.replace(".", r"\.")):
        go(out, resume=True)
    assert without_lock(out) == before


@pytest.mark.kind("checkpoint or table that is damaged or not the run's")
@pytest.mark.parametrize("name", ["run.log", "fields.pvd", "deposit.csv"])
def test_nothing_is_written_through_a_link(name: str, out: Path) -> None:
    target = out.parent / "theirs"
    (out / name).rename(target) if (out / name).exists() else target.write_text("theirs")
    (out / name).symlink_to(target)
    before = contents(out.parent)
    with pytest.raises(RootError, match=rf"{re.escape(name)} is a link to .*; nothing is replaced there"):
        go(out, resume=True)
    assert contents(out.parent) == before


@pytest.mark.kind("checkpoint or table that is damaged or not the run's")
def test_a_table_that_lost_its_end_goes_with_the_older_one(out: Path) -> None:
    older, newer = steps(out)
    noted = checkpoint.verified(at(out, newer))["callbacks"]["recorder"]["files"]["tables"]["series.csv"]
    os.truncate(out / "series.csv", noted["bytes"] - 1)
    path, _, refused = RunFolder(out).usable()
    assert path == at(out, older)
    assert "series.csv has" in refused[0]


def test_a_run_resumed_from_the_older_one_ends_as_if_undisturbed(
    out: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a damaged newer one, a foreign one, and by another version, which all is said."""
    older, newer = steps(out)
    flip(at(out, newer) / STATE / "data.0", random.Random(3))
    shutil.copytree(at(whole, steps(whole)[-1]), at(out, 99_999_999))
    now = provenance.versions() | {"livoid": "99.0"}
    monkeypatch.setattr(provenance, "versions", lambda: now)
    logging.getLogger("livoid").addHandler(caplog.handler)
    try:
        assert go(out, resume=True).status == "finished"
    finally:
        logging.getLogger("livoid").removeHandler(caplog.handler)
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "checkpoint 99999999 is not used: it is of another run" in said
    assert f"checkpoint {newer:08d} is not used: state.bp/data.0 has another content than was written" in said
    assert f"going on from the one before, {older:08d}" in said
    assert any("another version than wrote the checkpoint: livoid = " in line for line in said)
    assert said[0] in (out / "run.log").read_text(encoding="utf-8")
    one, two = series(whole), series(out)
    assert [row["step"] for row in one] == [row["step"] for row in two]
    for column in ("time_s", "voltage_V", "contact_fraction", "void_measure_um"):
        a, b = (np.array([float(row[column]) for row in rows]) for rows in (one, two))
        # the same sums in the same order, but for start values of the solvers
        np.testing.assert_allclose(b, a, rtol=1e-6, err_msg=column)
    assert not any(b"\0" in table.read_bytes() for table in out.glob("*.csv"))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["resumed"] == [older]
    assert [(made["from_step"], made["livoid"]) for made in manifest["made_by"]][1:] == [(older, "99.0")]
    assert len(manifest["made_by"]) == 2
    assert sorted(p.name for p in (out / FOLDER).glob("*.unusable")) == [
        f"{newer:08d}.unusable",
        "99999999.unusable",
    ]
    assert steps(out) == steps(whole)


@pytest.mark.slow
def test_all_ranks_decide_alike(out: Path, tmp_path: Path, livoid: Livoid) -> None:
    (tmp_path / "case.toml").write_text(tomli_w.dumps(case_data(**CASE)), encoding="utf-8")
    for step in steps(out):
        os.truncate(at(out, step) / STATE / "md.0", 100)
    result = livoid("run", "case.toml", "--out", "out", "--resume", ranks=2)
    assert result.returncode != 0
    assert result.stderr.count("livoid: out holds no complete checkpoint") == 1
    assert result.stderr.count("state.bp/md.0 has 100 bytes instead of") == 2
    assert "Traceback" not in result.stderr


class Killed(BaseException):
    """Stands for kill -9."""


def copies(out: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Replace the newest checkpoint by one of the same step, killed after each renaming and removal."""
    for moment in range(4):
        copy = Path(shutil.copytree(out, out.with_name(f"killed-{moment}")))
        final, left = at(copy, steps(copy)[-1]), [moment]

        def act(work: Callable[..., None], *arguments: Any, left: list[int] = left) -> None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            work(*arguments)

        shutil.copytree(final, final.with_suffix(checkpoint.PARTIAL))
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", partial(act, os.rename))
            patch.setattr(checkpoint, "_remove", partial(act, checkpoint._remove))
            with pytest.raises(Killed):
                checkpoint.replace(final.with_suffix(checkpoint.PARTIAL), final)
        yield copy


def test_a_checkpoint_goes_only_when_another_is_there(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = steps(out)[-1]
    for copy in copies(out, monkeypatch):
        path, header, refused = RunFolder(copy).usable()
        assert header["step"] == newest and refused == []
        # and the next one is written over what is left
        again = path.with_name(f"{newest:08d}{checkpoint.PARTIAL}")
        if not again.exists():
            shutil.copytree(path, again)
        checkpoint.replace(again, at(copy, newest))
        assert steps(copy) == steps(out)
        assert sorted(p.suffix for p in (copy / FOLDER).iterdir()) == ["", ""]


def test_a_checkpoint_that_cannot_be_completed_leaves_the_others(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {step: contents(at(out, step)) for step in steps(out)}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(digests, "write", full)
    assert go(out, resume=True).status == "failed"
    assert {step: contents(at(out, step)) for step in steps(out)} == before
    assert not list((out / FOLDER).glob(f"*{checkpoint.PARTIAL}"))


def test_a_new_run_removes_checkpoints_and_nothing_else(out: Path) -> None:
    at(out, steps(out)[-1]).rename(out / FOLDER / "00000009.unusable2")
    put(out / FOLDER, {"notes.txt": "mine", "00000001/mine.txt": "mine", "2024/mine.txt": "mine"})
    checkpoint.remove_all(out)
    left = {p.relative_to(out / FOLDER).as_posix() for p in (out / FOLDER).rglob("*") if p.is_file()}
    assert left == {"notes.txt", "00000001/mine.txt", "2024/mine.txt"}


def test_none_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no complete checkpoint; start anew with --force"):
        checkpoint.newest(tmp_path)
