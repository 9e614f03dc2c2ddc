"""The guest's disk, which is a file of the host: `--disk FILE`, or read-only `--disk FILE,ro`."""

import json
import os
import stat
from dataclasses import dataclass

from .errors import UsageError

_SECTOR = 512
_READ_ONLY = ",ro"


@dataclass(frozen=True)
class Disk:
    """path: the host's file that has the disk's contents. read_only: the guest cannot write to it.
    source: instead of a file, a block node of QEMU, in the form of its option -blockdev."""

    path: str = ""
    read_only: bool = False
    source: dict | None = None
    delay: float = 0.0  # seconds from a request to its completion; only the hosted machine has this

    def open(self) -> int | None:
        """Opens the file. Returns its descriptor, which the machine inherits, or None if there is a
        `source`. Raises UsageError if the file cannot be a disk."""
        if self.source:
            return None
        mode = os.O_RDONLY if self.read_only else os.O_RDWR
        try:
            file = os.open(self.path, mode | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a file name"
            raise UsageError(f"--disk {self.path}: {why.lower()}") from error
        trouble = _trouble(file)
        if trouble:
            os.close(file)
            raise UsageError(f"--disk {self.path}: {trouble}")
        return file

    def options(self, file: int | None, device: str) -> list[str]:
        """QEMU's options. device: the name of its device, which selects the bus."""
        source = self.source or {"driver": "file", "filename": f"/proc/self/fd/{file}"}
        node = {"driver": "raw", "node-name": "disk", "read-only": self.read_only, "file": source}
        return [
            *("-blockdev", json.dumps(node)),
            # QEMU reports each error to the guest. By default some errors would stop the machine.
            *("-device", f"{device},drive=disk,werror=report,rerror=report"),
        ]


def parse(text: str) -> Disk:
    """FILE or FILE,ro."""
    read_only = text.endswith(_READ_ONLY)
    return Disk(text.removesuffix(_READ_ONLY), read_only)


def _trouble(file: int) -> str | None:
    """Why the file cannot be a disk; None if it can."""
    kind = os.fstat(file).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):
        return "not a file or a block device"
    size = os.lseek(file, 0, os.SEEK_END)
    if size == 0:
        return "the file is empty: give it a size, for example with `truncate -s 64M FILE`"
    if size % _SECTOR:
        return f"its size, {size} bytes, is no multiple of a sector ({_SECTOR} bytes)"
    return None
