"""Folders of the host in the guest: `--share DIR` and `--root DIR`, or read-only with `:ro`. QEMU serves the folder."""

import os
from dataclasses import dataclass

from .errors import UsageError

_READ_ONLY = ":ro"
SHARE, ROOT = "share", "root"  # the tags of the two folders: the guest has a share in /mnt/share


@dataclass(frozen=True)
class Share:
    """path: the host's folder. read_only: the guest cannot change it. tag: SHARE or ROOT, which is also the
    command's option and the kernel's word."""

    path: str
    read_only: bool = False
    tag: str = SHARE

    def check(self) -> None:
        """Raises UsageError if the folder cannot be shared."""
        if not os.path.isdir(self.path):
            why = "not a folder" if os.path.exists(self.path) else "no such folder"
            raise UsageError(f"--{self.tag} {self.path}: {why}")
        if not os.access(self.path, os.R_OK | os.X_OK):
            raise UsageError(f"--{self.tag} {self.path}: permission denied")

    def options(self, device: str) -> list[str]:
        """QEMU's options. device: the name of its device, which selects the bus. The files get the owner of
        QEMU's process."""
        path = os.path.realpath(self.path).replace(",", ",,")
        server = f"local,id={self.tag},path={path},security_model=none,multidevs=remap"
        return [
            *("-fsdev", server + (",readonly=on" if self.read_only else "")),
            *("-device", f"{device},fsdev={self.tag},mount_tag={self.tag}"),
        ]

    @property
    def words(self) -> list[str]:
        """The words for the kernel's command line."""
        if self.tag == ROOT:
            return ["root=ro" if self.read_only else "root=rw"]
        return ["share=ro"] if self.read_only else []


def parse(text: str, tag: str = SHARE) -> Share:
    """DIR or DIR:ro."""
    return Share(text.removesuffix(_READ_ONLY), text.endswith(_READ_ONLY), tag)


def parse_root(text: str) -> Share:
    return parse(text, ROOT)
