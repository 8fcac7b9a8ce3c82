"""One writer for a run or study folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
from pathlib import Path
from typing import TextIO

NAME = ".lock"
"""File in the folder; it stays there, only its lock comes and goes."""
HOLDER = "process "
"""How its text begins."""
SIZE = 500
"""Characters of it that are read."""


class LockedError(ValueError):
    """Another run writes into the folder."""


class FolderLock:
    """Exclusive use of an existing folder (rank 0).

    Args:
        folder: run or study folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: TextIO | None = None
        self._made = False

    def acquire(self) -> None:
        """Take the lock, once.

        Raises:
            LockedError: if another process has it, or the file is none of ours.
        """
        if self._file is not None:
            return
        path = self.folder / NAME
        known = path.exists()
        file = path.open("a+", encoding="utf-8", errors="replace")
        file.seek(0)
        holder = file.read(SIZE).strip()
        if holder and not holder.startswith(HOLDER):
            file.close()
            raise LockedError(f"{path} is not a lock of livoid; nothing is done there")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise LockedError(
                f"{self.folder} is in use by another livoid ({holder or 'just begun'})"
            ) from None
        except OSError:
            # a file system without locks: as safe as before
            file.close()
            self._made = not known
            return
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            file.close()  # of a run that has just undone its beginning
            self.acquire()
            return
        file.truncate(0)
        file.write(f"{HOLDER}{os.getpid()} on {platform.node()}\n")
        file.flush()
        self._file = file
        self._made = not known

    def descriptors(self) -> tuple[int, ...]:
        """File descriptors to hand to a child that is to keep the lock as long as it lives."""
        return () if self._file is None else (self._file.fileno(),)

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def undo(self) -> None:
        """Give it back, and leave no file if there was none before."""
        if self._made:
            with contextlib.suppress(OSError):
                (self.folder / NAME).unlink()
        self._made = False
        self.release()
