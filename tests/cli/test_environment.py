"""Inside the private environment paths are those of the machine, or nothing is started: no result is lost.

Machines of every kind are made of mounts: bubblewrap gives a command the system around us and folders of its
own at any place, and the private root of that machine is made of the same system.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.kind("path that the environment may hide")

SECONDS = 60
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
BWRAP = shutil.which("bwrap") or "bwrap"
PRIVATE = "/cache/root"
WRITE = 'printf data >"$2"'
"""What stands for a run: `sh -c WRITE sh --out FILE`."""


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=SECONDS).returncode == 0
    except OSError:
        return False


TOOLS = [
    pytest.param(
        "bwrap",
        marks=pytest.mark.skipif(
            not works(BWRAP, "--bind", "/", "/", BWRAP, "--bind", "/", "/", "true"),
            reason="no bubblewrap within bubblewrap",
        ),
    ),
    pytest.param(
        "chroot",
        marks=pytest.mark.skipif(
            not works(
                BWRAP, "--bind", "/", "/", "unshare", "--mount", "mount", "-t", "tmpfs", "none", "/tmp"
            ),
            reason="mounting is for root",
        ),
    ),
]


class Machine:
    """A machine with folders at given places; their content lies in ``disk``."""

    def __init__(self, disk: Path, tool: str, folders: tuple[str, ...], links: Mapping[str, str]) -> None:
        self.disk, self.tool, self.folders = disk, tool, folders
        self.variables: dict[str, str] = {}
        for folder in folders:
            self.at(folder).mkdir(parents=True, exist_ok=True)
        self.links = {}
        for link, target in links.items():
            if any(link.startswith(f"{folder}/") for folder in folders):
                self.at(link).symlink_to(target)
            else:
                self.links[link] = target

    def at(self, path: str) -> Path:
        """Where something of the machine lies on ours."""
        return self.disk / path.lstrip("/")

    def _mounts(self) -> list[str]:
        words = ["--tmpfs", "/", "--proc", "/proc", "--dev-bind", "/dev", "/dev", "--dir", "/sys"]
        for place in ("", PRIVATE):
            words += ["--ro-bind", "/usr", f"{place}/usr", "--ro-bind", "/etc", f"{place}/etc"]
            for name in SYSTEM:
                if Path("/", name).is_symlink():
                    words += ["--symlink", os.readlink(f"/{name}"), f"{place}/{name}"]
                elif Path("/", name).is_dir():
                    words += ["--ro-bind", f"/{name}", f"{place}/{name}"]
        # folders that the root has too, but with other things in them
        words += ["--tmpfs", f"{PRIVATE}/etc", "--tmpfs", f"{PRIVATE}/usr/share"]
        words += ["--dir", f"{PRIVATE}/mnt", "--ro-bind", str(ROOT / "env"), "/source/env"]
        opened: set[str] = set()
        for folder in (*self.folders, *self.links):
            words += self._opened(Path(folder).parent, opened)
        for folder in self.folders:
            words += ["--bind", str(self.at(folder)), folder]
        for link, target in self.links.items():
            words += ["--symlink", target, link]
        return words

    def _opened(self, folder: Path, opened: set[str]) -> list[str]:
        """Mounts that let something new stand in a folder of the system."""
        if folder.parts[:2] != ("/", "usr") or str(folder) in opened:
            return []
        words = self._opened(folder.parent, opened)
        opened.add(str(folder))
        words += ["--tmpfs", str(folder)]
        for entry in folder.iterdir() if folder.is_dir() else ():
            words += (
                ["--symlink", os.readlink(entry), str(entry)]
                if entry.is_symlink()
                else ["--ro-bind", str(entry), str(entry)]
            )
        return words

    def enter(self, *words: str, start: str = "/") -> subprocess.CompletedProcess[str]:
        """Run a command in the environment of that machine."""
        (result,) = self.enter_all([(start, words)])
        return result

    def enter_all(
        self, commands: Iterable[tuple[str, tuple[str, ...]]]
    ) -> list[subprocess.CompletedProcess[str]]:
        """Run commands one after the other, each from a folder of the machine, mounted once."""
        told = self.disk / "told"
        told.mkdir(exist_ok=True)
        lines = []
        commands = list(commands)
        for number, (start, words) in enumerate(commands):
            enter = shlex.join(["/bin/sh", "/source/env/enter.sh", PRIVATE, *words])
            files = f">/told/{number}.out 2>/told/{number}.err; echo $? >/told/{number}.code"
            lines.append(f"cd -- {shlex.quote(start)} && {enter} {files}")
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(("LIVOID_", "TMPDIR"))
        }
        subprocess.run(
            [BWRAP, *self._mounts(), "--bind", str(told), "/told", "/bin/sh", "-c", "\n".join(lines)],
            env=variables | {"LIVOID_ENTER": self.tool} | self.variables,
            timeout=SECONDS,
        )
        results = []
        for number, (_, words) in enumerate(commands):
            code, out, err = (
                (told / f"{number}.{kind}").read_text(encoding="utf-8") for kind in ("code", "out", "err")
            )
            results.append(subprocess.CompletedProcess(words, int(code), out, err))
        return results


PLACES = [
    "/var/tmp/w",
    "/run/media/w",
    "/tmp/w",
    "/mnt/w",
    "/usr/workspace/w",
    "/usr/share/deep/w",
    "/my data/w",
    "/donn\u00e9es/w",
    '/it\'s "there"/$HOME/w',
    "/-minus/--out/w",
    "/.hidden/w",
    "/library/w",
    "/etcetera/w",
]


@pytest.mark.parametrize("tool", TOOLS)
def test_results_are_where_they_were_asked_for(tool: str, tmp_path: Path) -> None:
    """By their full path, and from the folder itself or one beside it; an input is found too."""
    machine = Machine(tmp_path, tool, tuple(PLACES), {})
    script = 'for last; do :; done; cat -- "$1" >"${last#--out=}"'
    commands = []
    for number, place in enumerate(PLACES):
        machine.at(f"{place}/case").write_text(place, encoding="utf-8")
        machine.at(f"{place}/beside").mkdir()
        others = [
            (place, "./case", "--out=b"),
            (f"{place}/beside", "../case", "../b"),
            ("/", f"{place}/../w/case", f"{place}/beside/../b"),
        ]
        for start, case, out in (("/", f"{place}/case", f"{place}/a"), others[number % len(others)]):
            commands.append((start, ("sh", "-c", script, "sh", case, *option(out))))
    for result in machine.enter_all(commands):
        assert (result.returncode, result.stderr) == (0, ""), result.args
    for place in PLACES:
        for name in "ab":
            assert machine.at(f"{place}/{name}").read_text(encoding="utf-8") == place


def option(out: str) -> tuple[str, ...]:
    return (out,) if out.startswith("--out=") else ("--out", out)


@pytest.mark.parametrize("tool", TOOLS)
def test_links_lead_where_they_do_outside(tool: str, tmp_path: Path) -> None:
    links = {
        "/tmp": "var/tmp",
        "/home": "/var/home",
        "/scratch": "/usr/workspace/scratch",
        "/usr/people": "../var/home",
        "/var/home/me/data": "/srv/data",
    }
    folders = ("/var/tmp", "/var/home/me", "/usr/workspace/scratch", "/srv/data")
    machine = Machine(tmp_path, tool, folders, links)
    found = {
        "/tmp/x": "/var/tmp/x",
        "/home/me/x": "/var/home/me/x",
        "/scratch/y": "/usr/workspace/scratch/y",
        "/usr/people/me/z": "/var/home/me/z",
        "/home/me/data/u": "/srv/data/u",
    }
    for result in machine.enter_all(("/", ("sh", "-c", WRITE, "sh", "--out", out)) for out in found):
        assert (result.returncode, result.stderr) == (0, ""), result.args
    for where in found.values():
        assert machine.at(where).read_text(encoding="utf-8") == "data"


@pytest.mark.parametrize("tool", TOOLS)
def test_detours_do_not_matter(tool: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, tool, ("/data", "/usr/workspace"), {"/data/link": "/usr/../usr/./workspace/"})
    folders = {
        "/usr/../data": "/data",
        "//data//": "/data",
        "/usr/share/../../data/.": "/data",
        "/usr/./workspace/../workspace": "/usr/workspace",
        "/data/link/": "/usr/workspace",
    }
    commands = [
        ("/data", ("sh", "-c", WRITE, "sh", "--out", f"{folder}/{number}"))
        for number, folder in enumerate(folders)
    ]
    for result in machine.enter_all(commands):
        assert (result.returncode, result.stderr) == (0, ""), result.args
    for number, where in enumerate(folders.values()):
        assert machine.at(f"{where}/{number}").read_text(encoding="utf-8") == "data"


def test_without_bubblewrap_a_user_gets_its_reason(tmp_path: Path) -> None:
    for name, text in (("bwrap", "echo no namespaces >&2; exit 1"), ("id", "echo 1000")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    result = subprocess.run(
        ["sh", "-c", f'PATH={tmp_path}:$PATH exec sh "{ROOT}/env/enter.sh" / true'],
        capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert result.returncode == 3
    assert result.stderr.startswith("livoid: bubblewrap does not work here (no namespaces)")


REFUSED = [
    ("/data", ("--out", "/usr/share/new")),
    ("/data", ("--out=/usr/share/new",)),
    ("/data", ("--out", "/etc/new/deep")),
    ("/data", ("--out", "/new")),
    ("/data", ("--out=/new/deep",)),
    ("/", ("--out", "new")),
    ("/data", ("--out", "system/new")),
    ("/data", ("--out", "/data/top/new")),
    ("/data", ("--out", "../usr/share/new")),
    ("/data", ("/usr/share/case.toml",)),
    ("/data", ("--set", "series=/etc/fstab")),
    ("/data", ("--set=series='../etc/fstab'",)),
    ("/data", ("--set", 'series="/etc/fstab"')),
    ("/usr/share", ("--out", "new")),
    ("/etc", ()),
]


@pytest.mark.parametrize("tool", TOOLS)
def test_what_would_be_lost_is_not_started(tool: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, tool, ("/data",), {"/data/system": "/usr/share", "/data/top": "/"})
    commands = [(start, ("sh", "-c", "echo started", "sh", *words)) for start, words in REFUSED]
    for result in machine.enter_all(commands):
        assert (result.returncode, result.stdout) == (3, ""), result.args
        assert result.stderr.startswith("livoid: ") and result.stderr.count("\n") == 1, result.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_can_be_written_into_the_environment(tool: str, tmp_path: Path) -> None:
    """Paths that are on no command line: the system is no place to be written to, nor is `/`."""
    machine = Machine(tmp_path, tool, ("/data", "/usr/workspace"), {})
    places = "/new /usr/new /usr/bin/new /etc/new /lib/new"
    script = f"for path in {places}; do ( : >$path ) 2>/dev/null && echo $path; done"
    for result in machine.enter_all(
        ("/", ("sh", "-c", script, "sh", used)) for used in ("/data", "/usr/workspace")
    ):
        assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_places_of_livoid_itself_are_seen(tool: str, tmp_path: Path) -> None:
    """Its source, the cache of compiled forms, the folder for temporary files: on no command line either."""
    places = ("/usr/opt-in/livoid", "/usr/share/caches/x", "/usr/scratch/tmp")
    machine = Machine(tmp_path, tool, ("/data", *places), {})
    (machine.at(places[0]) / "livoid").touch()
    machine.variables = dict(zip(("LIVOID_LAUNCHER", "LIVOID_CACHE", "TMPDIR"), places, strict=True))
    machine.variables["LIVOID_LAUNCHER"] += "/livoid"
    script = f"for place in {' '.join(places)}; do : >$place/new; done"
    result = machine.enter("sh", "-c", script, start="/data")
    assert (result.returncode, result.stderr) == (0, "")
    assert all((machine.at(place) / "new").is_file() for place in places)
    machine.variables["LIVOID_CACHE"] = "/usr/share"
    result = machine.enter("echo", "started", start="/data")
    assert (result.returncode, result.stdout) == (3, "")


@pytest.mark.parametrize("tool", TOOLS)
def test_words_that_are_no_paths_do_not_matter(tool: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, tool, ("/data",), {})
    words = [
        "--set",
        "operation.current=0.5 mA/cm^2",
        "-k",
        "not /a",
        "",
        "--",
        "-x",
        "/nowhere/case.toml",
        "*",
    ]
    result = machine.enter("printf", "[%s]", *words, start="/data")
    assert (result.returncode, result.stdout) == (0, "".join(f"[{word}]" for word in words))


@pytest.mark.parametrize("tool", TOOLS)
def test_the_exit_code_is_the_commands(tool: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, tool, ("/data",), {})
    assert machine.enter("sh", "-c", "exit 7", start="/data").returncode == 7


def test_a_start_folder_that_is_gone_gets_one_message(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec sh "{ROOT}/env/enter.sh" / true'
    result = subprocess.run(["sh", "-c", script], cwd=gone, capture_output=True, text=True, timeout=SECONDS)
    assert result.returncode == 3
    assert result.stderr.splitlines()[-1].startswith("livoid: the folder that this is started in is gone")
