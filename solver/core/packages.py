"""The packages around us, Debian's and PyPI's, and those with which the suite has passed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECORD = Path(__file__).resolve().parents[2] / "env" / "debian-trixie.txt"
"""Debian's packages as they were recorded; its first lines say when and how."""
RECORDED_IN = ("debian", "trixie")
_REBUILD = re.compile(r"\+b\d+$")
"""Debian builds a package again on one kind of machine alone: the same source."""
_FIELDS = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"


@dataclass(frozen=True, order=True)
class Package:
    """An installed package; ``licence`` as an SPDX expression where it states one."""

    name: str
    version: str
    architecture: str = ""
    source: str = ""
    licence: str = ""


def debian_packages() -> list[Package]:
    """What dpkg has installed around us, or nothing where there is no dpkg.

    Raises:
        OSError: if dpkg cannot read its own lists.
    """
    # a private root's own /var is not shown inside
    root = Path(os.environ.get("LIVOID_ROOT") or "/")
    command = ["dpkg-query", f"--admindir={root / 'var/lib/dpkg'}", "--show", f"--showformat={_FIELDS}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return []
    if result.returncode != 0:
        raise OSError(result.stderr.strip())
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    return sorted({Package(*rest) for status, *rest in rows if status.startswith("ii")})


def pypi_packages() -> list[Package]:
    """What Python finds that is neither Debian's nor ours."""
    found: dict[str, Package] = {}
    for item in metadata.distributions():
        place = str(item.locate_file(""))
        if place.rstrip("/").endswith("/usr/lib/python3/dist-packages") or item.name is None:
            continue
        # the first one on the path is the one that is imported
        found.setdefault(
            item.name.lower(),
            Package(item.name, item.version, licence=_field(item, "License-Expression")),
        )
    found.pop("livoid", None)
    return sorted(found.values())


def _field(item: metadata.Distribution, name: str) -> str:
    return (item.metadata.get_all(name) or [""])[0]


def distribution() -> tuple[str, str]:
    """Name of the distribution around us and of its release ("debian", "trixie"), as far as it says."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "", ""
    return release.get("ID", ""), release.get("VERSION_CODENAME", "")


def recorded() -> tuple[str, dict[str, str]]:
    """Day of the record, and version by package."""
    lines = RECORD.read_text(encoding="utf-8").splitlines()
    day = re.search(r"\d{4}-\d\d-\d\d", lines[0])
    rows = (line.partition(" ")[::2] for line in lines if line and not line.startswith("#"))
    return day.group() if day else "an unknown day", dict(rows)


def differences(installed: Iterable[Package], record: Mapping[str, str]) -> list[str]:
    """In words, each package whose version is not the recorded one; other machines have more, or fewer."""
    return [
        f"{package.name} {package.version} (was {record[package.name]})"
        for package in installed
        if package.name in record and _source(package.version) != _source(record[package.name])
    ]


def _source(version: str) -> str:
    return _REBUILD.sub("", version)
