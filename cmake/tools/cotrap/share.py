"""Folders of the host in the guest: `--share DIR`, or read-only `--share DIR:ro`. QEMU serves the folder."""

import os
from dataclasses import dataclass

from .errors import UsageError

_READ_ONLY = ":ro"
TAG = "share"  # the guest has the folder in /mnt/TAG


@dataclass(frozen=True)
class Share:
    """path: the host's folder. read_only: the guest cannot change it."""

    path: str
    read_only: bool = False

    def check(self) -> None:
        """Raises UsageError if the folder cannot be shared."""
        if not os.path.isdir(self.path):
            why = "not a folder" if os.path.exists(self.path) else "no such folder"
            raise UsageError(f"--share {self.path}: {why}")
        if not os.access(self.path, os.R_OK | os.X_OK):
            raise UsageError(f"--share {self.path}: permission denied")

    def options(self, device: str) -> list[str]:
        """QEMU's options. device: the name of its device, which selects the bus. The files get the owner of
        QEMU's process."""
        path = os.path.realpath(self.path).replace(",", ",,")
        server = f"local,id=share,path={path},security_model=none,multidevs=remap"
        return [
            *("-fsdev", server + (",readonly=on" if self.read_only else "")),
            *("-device", f"{device},fsdev=share,mount_tag={TAG}"),
        ]

    @property
    def words(self) -> list[str]:
        """The words for the kernel's command line."""
        return ["share=ro"] if self.read_only else []


def parse(text: str) -> Share:
    """DIR or DIR:ro."""
    return Share(text.removesuffix(_READ_ONLY), text.endswith(_READ_ONLY))
