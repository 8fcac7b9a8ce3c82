"""Whether files are what was written: BLAKE2 digests of files, and JSON text that carries its own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGEST = "digest"
"""Key of the digest in JSON that carries it; the last one."""
_SIZE = 32
"""Bytes of a digest: as many as of SHA-256."""
_CHUNK = 1 << 20


class DamagedError(ValueError):
    """A file is not what was written; the message says how."""


def new() -> Any:
    """An empty digest, to be fed with bytes."""
    return hashlib.blake2b(digest_size=_SIZE)


def of_beginning(path: Path, size: int) -> Any:
    """Digest of the first ``size`` bytes of a file.

    Raises:
        DamagedError: if it has fewer.
    """
    digest, left = new(), size
    with path.open("rb") as file:
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if left:
        raise DamagedError(f"{path.name} has {size - left} bytes instead of {size}")
    return digest


def of_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and digest of every file below a folder, by relative path; their content is on the disk then."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        size = file.stat().st_size
        name = file.relative_to(folder).as_posix()
        found[name] = {"bytes": size, "blake2b": of_beginning(file, size).hexdigest()}
    return found


def compare(folder: Path, noted: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise DamagedError unless files below a folder are what was noted of them; sizes come first.

    Other files may lie beside them (of an editor, a file system).
    """
    for name, note in noted.items():
        file = folder / name
        if file.is_symlink() or not file.is_file():
            raise DamagedError(f"{name} is missing" if not file.exists() else f"{name} is no plain file")
        size = file.stat().st_size
        if size != note["bytes"]:
            raise DamagedError(f"{name} has {size} bytes instead of {note['bytes']}")
    for name, note in noted.items():
        if of_beginning(folder / name, note["bytes"]).hexdigest() != note["blake2b"]:
            raise DamagedError(f"{name} has another content than was written")


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write plain data as JSON that carries its own digest; it is on the disk then."""
    with path.open("w", encoding="ascii") as file:
        file.write(_sealed(json.loads(json.dumps(data))))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Any]:
    """Content of a file of :func:`write`, which has to be as it was written to the last bit.

    Raises:
        DamagedError: if it is not.
    """
    try:
        text = path.read_bytes().decode("ascii")
        data = json.loads(text)
        again = {key: value for key, value in data.items() if key != DIGEST}
        whole = _sealed(again) == text
    except AttributeError:
        raise DamagedError(f"{path.name} is no JSON object") from None
    except (ValueError, RecursionError):
        raise DamagedError(f"{path.name} is not whole") from None
    if not whole:
        other = "has another content than was written" if DIGEST in data else "has no digest"
        raise DamagedError(f"{path.name} {other}")
    return again


def _sealed(plain: Mapping[str, Any]) -> str:
    digest = new()
    digest.update(json.dumps(plain).encode("ascii"))
    return json.dumps({**plain, DIGEST: digest.hexdigest()})
