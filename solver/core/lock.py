"""One writer for a run or study folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import platform
from pathlib import Path
from typing import TextIO

NAME = ".lock"
"""File in the folder; it stays there, only its lock comes and goes."""


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

    def acquire(self) -> None:
        """Take the lock, once.

        Raises:
            LockedError: if another process has it.
        """
        if self._file is not None:
            return
        file = (self.folder / NAME).open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            raise LockedError(
                f"{self.folder} is in use by another livoid ({holder or 'just begun'})"
            ) from None
        except OSError:
            # a file system without locks: as safe as before
            file.close()
            return
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        self._file = file

    def descriptors(self) -> tuple[int, ...]:
        """File descriptors to hand to a child that is to keep the lock as long as it lives."""
        return () if self._file is None else (self._file.fileno(),)

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None
