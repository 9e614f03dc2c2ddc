"""Debian's Linux kernel, which boots into a folder of the host."""

import lzma
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import harness
from cotrap.bench.others import OTHERS
from cotrap.initrd import Archive
from cotrap.qemu import Machine, machine_of, memory_file, qemu_on

_SEPARATOR = "\x1f"  # between the words of a command for first_on_linux.c
_MODULES = ("virtio_mmio", "9pnet_virtio", "9p")


def _modules(image: Path) -> list[tuple[str, bytes]]:
    """The kernel modules for a shared folder, each behind those that it needs. Modules that are part of the
    kernel's image are left out."""
    files = {path.name.partition(".")[0].replace("-", "_"): path for path in _modules_of(image)}
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in found or name not in files:
            return
        data = lzma.decompress(files[name].read_bytes())
        needs = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in needs[1].decode().split(",") if needs else ():
            add(other.replace("-", "_"))
        found[name] = data

    for name in _MODULES:
        add(name)
    return list(found.items())


def _modules_of(image: Path) -> list[Path]:
    version = image.name.partition("-")[2]
    return list((image.parents[1] / "usr" / "lib" / "modules" / version).rglob("*.ko.xz"))


def on_linux(
    test: harness.Test, commands: list[tuple[str, ...]], machine: Machine, timeout: float
) -> bytes:
    """What Debian's kernel prints when it runs commands in the folder `machine.root`. A command is its name, a
    path and arguments."""
    linux = OTHERS["linux"]
    image = linux.image("riscv64")
    archive = Archive()
    archive.add_program(test.folder / "test-programs" / "first-on-linux", "init")
    archive.add_bytes("".join(f"{_SEPARATOR.join(words)}\n" for words in commands).encode(), "commands")
    names = []
    for name, data in _modules(image):
        archive.add_bytes(data, f"lib/{name}.ko")
        names.append(f"/lib/{name}.ko\n")
    archive.add_bytes("".join(names).encode(), "modules")
    initrd = memory_file("initrd", archive.pack())
    try:
        return subprocess.run(
            qemu_on(machine_of(test.build, replace(machine, ram=None)), str(image), initrd, linux.words([])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=timeout,
        ).stdout
    finally:
        os.close(initrd)
