"""Puts the interpreter and the shared libraries of a dynamically linked program into the boot archive.

They come from the files of the distribution's cross compiler, or of this host if it has the guest's processor
(ld.so(8): PT_INTERP, DT_NEEDED, DT_RUNPATH). A file that is in the archive already stays as it is."""

import os
from pathlib import Path

from . import elf
from .initrd import Archive

# Where the host has the files of Linux programs for a processor: a folder like a guest's root.
_ROOTS = {"riscv64": Path("/usr/riscv64-linux-gnu"), "x86_64": Path("/")}
_FOLDERS = ("lib", "usr/lib", "lib64")  # below a root, with their subfolders such as x86_64-linux-gnu


def add(archive: Archive, program: Path, processor: str) -> None:
    """Adds what `program`, which the guest has in /run, needs. What the host does not have is left out."""
    linked = elf.linking(program)
    if not linked:
        return
    root = _ROOTS[processor]
    _add(archive, root / linked.interpreter.lstrip("/"), linked.interpreter)
    waiting = [(program, "/run")]
    done = set()
    while waiting:
        file, folder = waiting.pop()
        linked = elf.linking(file)
        for name in linked.libraries if linked else ():
            if name in done:
                continue
            done.add(name)
            if found := _find(root, name, processor) or _beside(file, folder, linked.folders, name):
                host, guest = found
                _add(archive, host, guest)
                waiting.append((host, os.path.dirname(guest)))


def missing(archive: Archive, program: Path) -> str:
    """The path of the program's interpreter if the archive does not have it, else empty."""
    linked = elf.linking(program)
    interpreter = linked.interpreter if linked else ""
    return interpreter if interpreter and not archive.has(interpreter.strip("/")) else ""


def _add(archive: Archive, host: Path, guest: str) -> None:
    if not archive.has(guest.strip("/")) and host.is_file():
        archive.add_program(host, guest.strip("/"))


def _find(root: Path, name: str, processor: str) -> tuple[Path, str] | None:
    """The file of a library, and its path in the guest, where the C library looks without a path."""
    triplet = f"{processor}-linux-gnu"
    for folder in _FOLDERS:
        for below in (triplet, ""):
            host = root / folder / below / name
            if host.is_file() and elf.program(host, processor):
                return host, f"/{folder}/{below}/{name}".replace("//", "/")
    return None


def _beside(file: Path, folder: str, folders: list[str], name: str) -> tuple[Path, str] | None:
    """The same for a library that is where `file` names it relative to itself ($ORIGIN). `folder`: of `file` in
    the guest."""
    for path in folders:
        for origin in ("$ORIGIN", "${ORIGIN}"):
            if path.startswith(origin):
                rest = path.removeprefix(origin).lstrip("/")
                host = Path(os.path.normpath(file.resolve().parent / rest / name))
                if host.is_file():
                    return host, os.path.normpath(f"{folder}/{rest}/{name}")
    return None
