"""Unchanged packages of Debian as the root folder of a guest."""

import os
from pathlib import Path

import harness  # noqa: F401  # makes the package cotrap known
from cotrap.initrd import Archive

_MADE_BY_THE_KERNEL = ("dev", "proc", "sys", "tmp")


def archive_of(folder: Path) -> Archive:
    """A boot archive with the files of such a folder."""
    archive = Archive()
    for child in folder.iterdir():
        if child.is_symlink():
            archive.add_link(os.readlink(child), child.name)
        elif child.name not in _MADE_BY_THE_KERNEL:
            archive.add(child, child.name)
    return archive
