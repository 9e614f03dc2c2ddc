"""Unchanged packages of Debian as the root folder of a guest."""

import os
import shutil
from pathlib import Path

import harness
from cotrap import debian
from cotrap.initrd import Archive
from cotrap.ui import Waiting

_MADE_BY_THE_KERNEL = ("dev", "proc", "sys", "tmp")


def unpacked(name: str, packages: list[str]) -> Path:
    """The folder build/stock/`name` with the packages' files. They are downloaded if the folder is missing or
    has others."""
    folder = harness.ROOT / "build" / "stock" / name
    wanted = " ".join(sorted(set(packages)))
    record = folder.with_suffix(".packages")
    if not folder.exists() or not record.exists() or record.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        with Waiting(f"fetching packages of Debian for {name}"):
            debian.make_root(wanted.split(), folder)
        record.write_text(wanted)
    return folder


def archive_of(folder: Path) -> Archive:
    """A boot archive with the files of such a folder."""
    archive = Archive()
    for child in folder.iterdir():
        if child.is_symlink():
            archive.add_link(os.readlink(child), child.name)
        elif child.name not in _MADE_BY_THE_KERNEL:
            archive.add(child, child.name)
    return archive
