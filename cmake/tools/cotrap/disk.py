"""The guest's disk: a file of the host, `--disk FILE` or `--disk FILE,ro`."""

import json
import os
import stat
from dataclasses import dataclass

from .errors import UsageError

_SECTOR = 512
_READ_ONLY = ",ro"


@dataclass(frozen=True)
class Disk:
    """What the guest writes is in the file; with read_only it cannot write. By hand, `source` is
    any block node of QEMU's, as its own -blockdev describes it, in place of the file."""

    path: str = ""
    read_only: bool = False
    source: dict | None = None
    delay: float = 0.0  # seconds from a request to its answer; the hosted machine's can wait so long

    def open(self) -> int | None:
        """The file, which QEMU is handed: what is wrong with it is said here. None: no file."""
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

    def options(self, file: int | None) -> list[str]:
        source = self.source or {"driver": "file", "filename": f"/proc/self/fd/{file}"}
        node = {"driver": "raw", "node-name": "disk", "read-only": self.read_only, "file": source}
        return [
            *("-blockdev", json.dumps(node)),
            # An error is for the guest to deal with: by default some stop the machine.
            *("-device", "virtio-blk-device,drive=disk,werror=report,rerror=report"),
        ]


def parse(text: str) -> Disk:
    read_only = text.endswith(_READ_ONLY)
    return Disk(text.removesuffix(_READ_ONLY), read_only)


def _trouble(file: int) -> str | None:
    kind = os.fstat(file).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):
        return "not a file"
    size = os.lseek(file, 0, os.SEEK_END)
    if size == 0:
        return "an empty file is no disk (`truncate -s 64M FILE` makes one)"
    if size % _SECTOR:
        return f"{size} bytes are no whole number of {_SECTOR}-byte sectors"
    return None
