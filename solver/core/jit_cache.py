"""The cache of compiled forms: entries that a killed compile has left are found and made again.

ffcx makes an entry in steps: an empty ``NAME.c`` claims it, the compiler fills that, ``.o`` and ``.so``, and
``NAME.c.cached`` says that it is there. Who finds a ``.c`` waits some seconds for the rest, then gives up:
after a killed compile so does every later run. Here the compiling process holds a lock meanwhile, which
ends with it however that ends. Who has the lock and finds an entry that is not whole makes it again; who has
not waits as long as the compile takes. Entries get a hash: to load a file cut short kills the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.machinery
import logging
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import ffcx.codegeneration.jit as ffcx_jit

log = logging.getLogger("livoid")

LONGEST_COMPILE = 600.0
"""Seconds without a change of its files after which a compile without a lock (of a version that had none, or
on a file system that has none) counts as dead; the slowest form takes a tenth of that."""
LOOK = 0.1
"""Seconds between two looks at a compile of another process."""
SEAL = "livoid sha256 "
"""Begins the last line of ``NAME.c.cached``, which has the hash of the library."""

_ELF_MAGIC = b"\x7fELF\x02\x01"
"""A 64-bit little-endian ELF file; its header ends after 64 bytes and says where its last table is."""


class Entry:
    """One entry of the cache.

    Args:
        folder: of the cache.
        name: of the module.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.source = folder / f"{name}.c"
        self.ready = folder / f"{name}.c.cached"
        self.library = folder / (name + importlib.machinery.EXTENSION_SUFFIXES[0])
        self._lock = folder / f"{name}.lock"
        self._file: TextIO | None = None

    def whole(self) -> bool:
        """Whether all of it is there as it was made."""
        try:
            said = self.ready.read_text(encoding="utf-8", errors="replace")
            data = self.library.read_bytes()
        except OSError:
            return False
        if not said or not self.source.is_file():
            return False
        _, sealed, digest = said.rpartition(SEAL)
        return hashlib.sha256(data).hexdigest() == digest.strip() if sealed else _complete(data)

    def version(self) -> tuple[int, ...]:
        """What tells its library and its mark of completeness from others; empty without one of them."""
        try:
            files = [file.stat() for file in (self.library, self.ready)]
        except OSError:
            return ()
        return tuple(n for file in files for n in (file.st_ino, file.st_size, file.st_mtime_ns))

    def seal(self) -> None:
        """Keep the hash of the library that has just been made."""
        digest = hashlib.sha256(self.library.read_bytes()).hexdigest()
        with self.ready.open("a", encoding="utf-8") as file:
            file.write(f"\n{SEAL}{digest}\n")

    def drop(self) -> None:
        """Remove what there is of it, what says that it is there first."""
        others = [self.source.with_suffix(end) for end in (".o", ".c.failed")]
        temporary = self.source.parent.glob(f"{self.source.name}.~*")
        for file in (self.ready, self.library, *others, *temporary, self.source):
            file.unlink(missing_ok=True)

    def take(self, *, again: bool = False) -> None:
        """Become the one that makes it (``again``), or wait until another process has made it."""
        told = False
        while not self._try():
            if not told:
                log.info("waiting for another process to compile %s", self.source.stem)
            told = True
            time.sleep(LOOK)
            if self.whole() and not again:
                return

    def release(self) -> None:
        """Let others make it, if they have to."""
        if self._file is not None:
            self._lock.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def _try(self) -> bool:
        """Take the lock, unless a compile lives; one without a lock lives as long as its files are young."""
        known = self._lock.exists()
        file = self._lock.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = self._lock.exists() and os.path.samestat(os.fstat(file.fileno()), self._lock.stat())
        except BlockingIOError:
            current = False
        except OSError:  # a file system without locks
            current, known = True, False
        if current and (known or self._age() > LONGEST_COMPILE):
            self._file = file
            return True
        if current:
            self._lock.unlink(missing_ok=True)
        file.close()
        return False

    def _age(self) -> float:
        """Seconds since something of an unfinished entry has changed; infinite if there is none."""
        if not self.source.exists() or self.ready.exists():
            return float("inf")
        files = [self.source, *self.source.parent.glob(f"{self.source.stem}.*")]
        times = []
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                times.append(file.stat().st_mtime if file != self._lock else 0.0)
        return time.time() - max(times, default=0.0)


def _complete(data: bytes) -> bool:
    """Whether a library without a hash goes on to its last table, which linkers write at its end."""
    if not data.startswith(_ELF_MAGIC):
        return len(data) > 0 and not data.startswith(b"\0")
    if len(data) < 64:
        return False
    (start,) = struct.unpack_from("<Q", data, 0x28)
    size, number = struct.unpack_from("<HH", data, 0x3A)
    return start > 0 and int(start) + int(size) * int(number) <= len(data)


_making: list[Entry] = []
"""The entry that this process makes, if it makes one."""
_loaded: dict[Path, tuple[tuple[int, ...], tuple[Any, Any]]] = {}
"""Libraries that this process has loaded: what their files were then, and what was found in them. A new mesh
asks for some 50 forms again; to verify, list and load their files anew took most of its build."""


def _found(
    find: Callable[..., tuple[Any, Any]], name: str, objects: list[str], folder: Path, timeout: int
) -> tuple[Any, Any]:
    """ffcx's own look into the cache, which sees whole entries only. Nothing found: it is ours to make."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entry = Entry(folder, name)
    before, found = _loaded.get(entry.library, ((), (None, None)))
    if before and before == entry.version():
        return found
    if not entry.whole():
        entry.take()
        _making.append(entry)
        if not entry.whole():
            entry.drop()
    try:
        found = find(name, objects, folder, timeout)
    except (ImportError, AttributeError):  # whole, but of another system
        if not _making:
            entry.take(again=True)
            _making.append(entry)
        entry.drop()
        return find(name, objects, folder, timeout)
    if not _making:
        _loaded[entry.library] = (entry.version(), found)
    return found


def _made(compiled: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """ffcx's own making of an entry; what is broken off leaves nothing behind."""
    root = logging.getLogger()
    handlers = root.handlers
    try:
        result = compiled(*arguments, **options)
        for entry in _making:
            if entry.ready.exists() and SEAL not in entry.ready.read_text(encoding="utf-8", errors="replace"):
                entry.seal()
        return result
    except BaseException:
        for entry in _making:
            if not entry.whole():
                entry.drop()
        raise
    finally:
        root.handlers = handlers  # ffcx puts others there, and leaves them if the compiler fails
        while _making:
            _making.pop().release()


def guard() -> None:
    """Put this between ffcx and its cache, once."""
    if getattr(ffcx_jit, "livoid_guards", False):
        return
    ffcx_jit.livoid_guards = True
    ffcx_jit.get_cached_module = functools.partial(_found, ffcx_jit.get_cached_module)
    for name in ("compile_forms", "compile_expressions"):
        own = getattr(ffcx_jit, name)
        setattr(ffcx_jit, name, functools.wraps(own)(functools.partial(_made, own)))
