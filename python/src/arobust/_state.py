"""The state directory of one agent or collector: which one it is, who uses it, and how far its client is."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Optional

from ._wire import Position

logger = logging.getLogger("arobust")

LONGEST = 95
"""The executable's limit for the path, in bytes: sockets are bound in it."""
SLOTS = 64
"""How many processes of a node may follow the same."""
KEEP = 7 * 86400.0
"""How long, in seconds, the directory of a log that nobody follows any more is kept."""
_LOCK, _CURSOR = "python-client.lock", "python-client.json"
_VERSION = 1
"""Of the cursor's file. Those without one are of version 1, too."""

_used: set[str] = set()
"""Those of this process: a lock of the kernel's keeps only other processes away."""


class StateUnavailable(Exception):
    """No directory can be used."""


class StateIsNewer(StateUnavailable):
    """A newer package keeps its cursor there, in a form that this one does not know."""


def base_directory() -> Path:
    """Where the executable itself would keep its state."""
    if named := os.environ.get("AROBUST_STATE_DIR"):
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/arobust")
    home = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return Path(home) / "arobust"


def forget_used() -> None:
    """In a forked process, which uses none of its parent's."""
    _used.clear()


class StateDirectory:
    """A directory that nobody else uses until `release`, and the client's cursor in it."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self.publisher: Optional[str] = None
        self.cursors: dict[str, Position] = {}
        self.ends: dict[str, tuple[int, int]] = {}
        """Of data types that come from a file: its inode, and where in it the client is."""
        try:
            self._load()
        except StateIsNewer:
            self.release()
            raise

    @classmethod
    def take(cls, path: Optional[Path], purpose: str, key: str) -> StateDirectory:
        """The given directory, or one below the executable's own that belongs to what is followed.

        A second process that follows the same gets one of its own, `-2`, and each later the same one again. Where none can be made, it
        is one in the folder for temporary files, which a restart of the node empties.

        Raises `StateUnavailable` with the reason.
        """
        if path is not None:
            if (taken := cls._take(path.absolute())) is None:
                raise StateUnavailable(f"{path} is used by another agent or collector")
            return taken
        word = re.sub(r"[^A-Za-z0-9]+", "-", purpose).strip("-")[:16] or "log"
        name = f"{word}-{hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:8]}"
        reason = ""
        for base in (base_directory(), Path(tempfile.gettempdir()) / f"arobust-{os.geteuid()}"):
            folder = base / "python"
            if len(os.fsencode(folder / name)) + 3 > LONGEST:
                reason = f"the path of {folder} is too long"
                continue
            try:
                for each in (base, folder):
                    each.mkdir(mode=0o700, parents=each is base, exist_ok=True)
                _check_owner(folder)
                if base != base_directory():
                    _check_owner(base)
                _prune(folder)
                for slot in range(1, SLOTS + 1):
                    if taken := cls._take(folder / (name if slot == 1 else f"{name}-{slot}")):
                        if reason:
                            logger.warning("%s is used for the state: %s", taken.path, reason)
                        return taken
                reason = f"{SLOTS} processes follow the same"
            except StateIsNewer:
                raise
            except (OSError, StateUnavailable) as error:
                reason = str(error)
        raise StateUnavailable(reason)

    @classmethod
    def _take(cls, path: Path) -> Optional[StateDirectory]:
        """`None` if it is in use."""
        if str(path) in _used:
            return None
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateUnavailable(str(error)) from None
        try:
            # A lock of the process, and not of the open file, which forked processes would share.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        _used.add(str(path))
        return cls(path, lock)

    def save(self) -> None:
        """Writes the cursor down; a reader sees the old one or the new one. A full disk is no reason to stop reporting."""
        text = json.dumps({"version": _VERSION, "publisher": self.publisher, "lanes": self.cursors, "ends": self.ends})
        scratch = self.path / f"{_CURSOR}.new"
        try:
            scratch.write_text(text)
            os.replace(scratch, self.path / _CURSOR)
        except OSError as error:
            logger.warning("The position of the client can't be saved, after a restart metrics may come again: %s", error)

    def release(self) -> None:
        """Lets others have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            _used.discard(str(self.path))

    def _load(self) -> None:
        try:
            with open(self.path / _CURSOR, "rb") as file:
                saved = json.loads(file.read(1 << 20))
            if (version := int(saved.get("version", 1))) > _VERSION:
                raise StateIsNewer(
                    f"{self.path / _CURSOR} has version {version}, which a newer package arobust wrote, and this one knows {_VERSION}: "
                    "use the newer one, or name another state directory"
                )
            cursors = {str(name): (int(epoch), int(sequence)) for name, (epoch, sequence) in saved["lanes"].items()}
            ends = {str(name): (int(inode), int(offset)) for name, (inode, offset) in saved.get("ends", {}).items()}
            self.publisher, self.cursors, self.ends = saved["publisher"], cursors, ends
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("%s can't be read, so what the journal holds is reported again: %s", self.path / _CURSOR, error)


def _check_owner(folder: Path) -> None:
    """In a folder for everybody another user may have been first."""
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")


def _prune(folder: Path) -> None:
    """Removes what belongs to logs that were not followed for a week, for example because each run has a log of its own."""
    for entry in folder.iterdir():
        try:
            if time.time() - max((entry / name).stat().st_mtime for name in (_LOCK, ".") if (entry / name).exists()) < KEEP:
                continue
            newest = max((each.stat().st_mtime for each in (entry / "journal").rglob("*")), default=0.0)
            if time.time() - newest < KEEP or (old := StateDirectory._take(entry)) is None:
                continue
            try:
                shutil.rmtree(entry, ignore_errors=True)
            finally:
                old.release()
        except (OSError, ValueError, StateUnavailable):
            continue  # another process removes it, too
