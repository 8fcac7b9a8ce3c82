"""The launcher's own work: where the environment lies, whose it is, how ranks wait; one message otherwise.

A copy of the launcher enters nothing: its `env/enter.sh` tells what it was called with.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

SECONDS = 60
USER, STRANGER = 12345, 54321
"""Ids without a name on any machine."""
TELL = """#!/bin/sh
printf 'root=%s\\nforms=%s\\nyield=%s\\n' "$1" "$XDG_CACHE_HOME" "$OMPI_MCA_mpi_yield_when_idle"
shift
printf 'command=%s\\n' "$*"
"""
BUILD = '#!/bin/sh\nmkdir -p "$1"\n'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
pytestmark = [
    pytest.mark.kind("cache, home, owner or program that is missing or not ours"),
    pytest.mark.skipif(shutil.which("flock") is None, reason="no flock"),
]


class Launcher:
    """A copy of the launcher where everybody can reach it, and a user without a name (or ourselves)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uid = USER if os.geteuid() == 0 else os.geteuid()
        (folder / "source").mkdir()
        shutil.copy(ROOT / "livoid", folder / "source")
        shutil.copytree(ROOT / "env", folder / "source" / "env")
        for name, text in (("enter.sh", TELL), ("build-root.sh", BUILD)):
            (folder / "source" / "env" / name).write_text(text, encoding="utf-8")
        self.home = self.make("my home", owner=self.uid)

    def make(self, path: str, *, owner: int = 0, group: int | None = None, mode: int = 0o755) -> Path:
        """A folder of somebody's."""
        folder = self.folder / path
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(folder, owner, owner if group is None else group)
        folder.chmod(mode)
        return folder

    def start(
        self, *words: str, before: str = "", **variables: str | Path | None
    ) -> subprocess.CompletedProcess[str]:
        """Start it as the user, with few variables; None leaves one out."""
        given: dict[str, str | Path | None] = {
            "PATH": os.environ["PATH"], "HOME": self.home, "LIVOID_ENV": "root",
        } | variables  # fmt: skip
        to_user = [str(shutil.which("setpriv")), f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        to_user = to_user if os.geteuid() == 0 else []
        script = f'{before} exec "$@"'
        return subprocess.run(
            [*to_user, "/bin/sh", "-c", script, "sh", str(self.folder / "source" / "livoid"), *words],
            cwd=self.home,
            env={name: str(value) for name, value in given.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def root(self, cache: Path, name: str = "root", *, owner: int = 0, mode: int = 0o755) -> Path:
        """An environment that is ready."""
        environment = self.folder / "source" / "env"
        parts = [(environment / part).read_bytes() for part in HASHED]
        sha = subprocess.run(["sha256sum"], input=b"".join(parts), capture_output=True, check=True)
        folder = f"{name}-{sha.stdout[:12].decode()}"
        return self.make(str((cache / folder).relative_to(self.folder)), owner=owner, mode=mode)


HASHED = ("packages.txt", "requirements.txt", "build-root.sh")


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with tempfile.TemporaryDirectory(prefix="livoid-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield Launcher(folder)


def told(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert result.returncode == 0, result.stderr
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 3, result.stdout
    assert result.stdout == ""
    assert result.stderr.startswith("livoid: ") and result.stderr.count("\n") == 1, result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_the_environment_is_made_once_in_the_cache_of_the_user(launcher: Launcher) -> None:
    for _ in range(2):
        said = told(launcher.start("schema"))
        assert re.fullmatch(rf"{launcher.home}/\.cache/livoid/root-[0-9a-f]{{12}}", said["root"])
        assert said["forms"].startswith(f"{launcher.home}/.cache/livoid/jit-root-")
        assert said["command"] == "python3 -P -m solver schema"
    assert told(launcher.start("-n", "3", "schema"))["command"].startswith("mpirun -n 3 python3 ")


@pytest.mark.parametrize("umask", ["0", "002", "077"])
def test_an_environment_of_ones_own_is_trusted_whatever_the_umask(launcher: Launcher, umask: str) -> None:
    for _ in range(2):
        told(launcher.start("schema", before=f"umask {umask};"))


def test_places_of_the_cache(launcher: Launcher) -> None:
    assert told(launcher.start("schema", LIVOID_CACHE="here"))["root"].startswith(
        f"{launcher.home}/here/root-"
    )
    other = launcher.make("other place", owner=launcher.uid)
    assert told(launcher.start("schema", XDG_CACHE_HOME=other))["root"].startswith(f"{other}/livoid/root-")
    # relative ones are to be ignored, says the XDG base directory specification
    said = told(launcher.start("schema", XDG_CACHE_HOME="other"))
    assert said["root"].startswith(f"{launcher.home}/.cache/livoid/root-")


@pytest.mark.parametrize("home", [None, ""])
def test_without_a_home_there_is_one_message(launcher: Launcher, home: str | None) -> None:
    refused(launcher.start("schema", HOME=home), "HOME is not set", "LIVOID_CACHE")
    assert told(launcher.start("schema", HOME=home, LIVOID_CACHE=launcher.home / "c"))


def test_a_start_folder_that_is_gone(launcher: Launcher) -> None:
    gone = launcher.make("my home/gone", owner=launcher.uid)
    before = f'cd "{gone}"; rmdir "{gone}";'
    result = launcher.start("schema", before=before)
    assert result.returncode == 3
    assert result.stderr.splitlines()[-1].startswith("livoid: the folder that this is started in is gone")


@needs_root
def test_a_cache_that_cannot_be_written(launcher: Launcher) -> None:
    """With an environment in it only the compiled forms need another place."""
    cache = launcher.make("shared")
    refused(launcher.start("schema", LIVOID_CACHE=cache), str(cache), "not ready")
    root = launcher.root(cache)
    said = told(launcher.start("schema", LIVOID_CACHE=cache))
    assert said["root"] == str(root)
    assert said["forms"].startswith(f"{launcher.home}/.cache/livoid/jit-root-")
    nobodys = launcher.make("nobody's")
    refused(launcher.start("schema", LIVOID_CACHE=cache, HOME=nobodys), "compiled forms", str(cache))
    refused(launcher.start("schema", LIVOID_CACHE=cache, HOME=None), "compiled forms", "HOME (not set)")
    refused(launcher.start("schema", HOME=nobodys), "cannot make", f"{nobodys}/.cache/livoid")


@needs_root
@pytest.mark.parametrize("command", ["schema", "bench"])
def test_what_others_made_is_not_trusted(launcher: Launcher, command: str) -> None:
    theirs = launcher.make("theirs", owner=STRANGER)
    launcher.root(theirs)
    refused(launcher.start(command, LIVOID_CACHE=theirs), f"another user ({STRANGER})")
    mine = launcher.make("mine", owner=USER)
    (mine / "link").symlink_to(theirs)
    refused(launcher.start(command, LIVOID_CACHE=mine / "link"), f"another user ({STRANGER})")
    root = launcher.root(mine, owner=STRANGER)
    refused(launcher.start(command, LIVOID_CACHE=mine), str(root), f"another user ({STRANGER})")


@needs_root
def test_forms_that_others_compiled_are_not_loaded(launcher: Launcher) -> None:
    cache = launcher.make("cache", owner=USER)
    launcher.root(cache, owner=USER)
    launcher.root(cache, "jit-root-trixie", owner=STRANGER, mode=0o777)
    refused(launcher.start("schema", LIVOID_CACHE=cache), "jit-root-trixie", f"another user ({STRANGER})")


@needs_root
@pytest.mark.parametrize(
    ("mode", "group", "trusted"),
    [
        (0o755, STRANGER, True),
        (0o775, USER, True),
        (0o2775, USER, True),
        (0o775, STRANGER, False),
        (0o757, USER, False),
        (0o777, USER, False),
        (0o1777, USER, False),
    ],
)
def test_what_others_can_change_is_not_trusted(
    launcher: Launcher, mode: int, group: int, trusted: bool
) -> None:
    cache = launcher.make("cache", owner=USER, group=group, mode=mode)
    result = launcher.start("schema", LIVOID_CACHE=cache)
    if trusted:
        told(result)
    else:
        refused(result, "others can write", str(cache))
    cache = launcher.make("cache 2", owner=USER)
    root = launcher.root(cache, owner=USER, mode=mode)
    os.chown(root, USER, group)
    root.chmod(mode)
    result = launcher.start("schema", LIVOID_CACHE=cache)
    if trusted:
        told(result)
    else:
        refused(result, "others can write", str(root))


def test_waiting_ranks_yield_unless_told_otherwise(launcher: Launcher) -> None:
    assert told(launcher.start("-n", "2", "schema"))["yield"] == "1"
    assert told(launcher.start("-n", "2", "schema", OMPI_MCA_mpi_yield_when_idle="0"))["yield"] == "0"


def programs(folder: Path, **scripts: str) -> Path:
    """A folder of programs: those that the build uses before it starts, and some of our own."""
    folder.mkdir()
    for name in ("id", "grep", "awk", "df", "mkdir", "rm", "tail", "dirname", "sh", "sleep", "true"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("have", "lacks"),
    [
        ({}, ("apt-get install mmdebstrap bubblewrap",)),
        ({"mmdebstrap": "exit 9"}, ("apt-get install mmdebstrap bubblewrap",)),
        ({"mmdebstrap": "exit 9", "bwrap": "exit 9"}, ("newuidmap", "/etc/subgid", "LIVOID_ENV=python")),
        ({"mmdebstrap": "exit 9", "bwrap": "exit 9", "newuidmap": ""}, ("/etc/subuid", "/etc/subgid")),
    ],
)
def test_a_build_says_what_a_user_lacks(
    launcher: Launcher, have: dict[str, str], lacks: tuple[str, ...]
) -> None:
    if os.geteuid() != 0 and len(have) > 1:
        pytest.skip("this user may have a range of ids")
    shutil.copy(ROOT / "env" / "build-root.sh", launcher.folder / "source" / "env")
    path = programs(launcher.folder / "programs", **have)
    for name in ("readlink", "stat", "cat", "sha256sum", "cut", "flock"):
        (path / name).symlink_to(str(shutil.which(name)))
    result = launcher.start("schema", PATH=path)
    refused(result, *lacks)
    assert not list(launcher.home.glob(".cache/livoid/root-*.partial*"))


def test_all_files_from_pypi_have_hashes() -> None:
    """pip is told to want them; the list of packages and that of their files are the same."""
    for name in ("", "peers-"):
        wanted = pins((ROOT / "env" / f"{name}requirements.in").read_text(encoding="utf-8"))
        text = (ROOT / "env" / f"{name}requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        assert pins(text) == wanted and len(lines) == len(wanted)
        assert all(re.search(r" --hash=sha256:[0-9a-f]{64}", line) for line in lines)
    installs = [
        line
        for file in (ROOT / "livoid", *(ROOT / "env").iterdir())
        for line in file.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        if re.search(r"pip\W+install", line)
    ]
    assert len(installs) == 4
    assert all("--require-hashes --only-binary :all:" in " ".join(line.split()) for line in installs)


def pins(text: str) -> set[tuple[str, str]]:
    """Name and version of every requirement."""
    found = re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    return {(name.lower().replace("_", "-"), version) for name, version in found}


def test_the_container_stands_on_one_image() -> None:
    lines = (ROOT / "env" / "Containerfile").read_text(encoding="utf-8").splitlines()
    bases = [line for line in lines if line.startswith("FROM")]
    assert bases and all(re.search(r"@sha256:[0-9a-f]{64}$", base) for base in bases)
