"""If the firmware describes a machine wrongly, the kernel uses the rest, or names what is missing.

The device trees of RISC-V computers are QEMU's own, with changes. pc_firmware.py does the same with a PC's tables."""

import re
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import harness
from cotrap.qemu import Machine, archive_with, memory_file, qemu_on

RAM = 0x8000_0000  # of QEMU's board `virt`
KERNEL = RAM + 0x20_0000
MARK, ENDED = "mark=0", "0 exit 0 0\n"  # the kernel prints the second one when the program ends with status 0
_BEGIN_NODE, _END_NODE, _PROPERTY, _NOP = 1, 2, 3, 4


def with_cells(tree: bytes, node: str, name: str, *values: int) -> bytes:
    """The flattened device tree with other 64-bit numbers at the beginning of a property. node: the name of
    its node, up to an @."""
    changed = bytearray(tree)
    at, strings = (struct.unpack_from(">I", tree, offset)[0] for offset in (8, 12))
    path = []
    while True:
        (token,) = struct.unpack_from(">I", tree, at)
        at += 4
        if token == _BEGIN_NODE:
            text = tree[at : tree.index(b"\0", at)].decode()
            path.append(text)
            at += len(text) + 4 & ~3
        elif token == _END_NODE:
            path.pop()
        elif token == _PROPERTY:
            length, offset = struct.unpack_from(">II", tree, at)
            at += 8
            found = tree[strings + offset : tree.index(b"\0", strings + offset)].decode()
            if found == name and path[-1] == node:
                struct.pack_into(f">{len(values)}Q", changed, at, *values)
                return bytes(changed)
            at += length + 3 & ~3
        elif token != _NOP:
            raise ValueError(f"the device tree has no {name} in {node}")


def without(tree: bytes, *devices: bytes) -> bytes:
    """The tree without the devices of these kinds: no driver knows their new names."""
    for device in devices:
        assert device in tree
        tree = tree.replace(device, b"-" * len(device))
    return tree


def boot(test: harness.Test, machine: Machine, archive: bool) -> str:
    """All that the machine prints, from the firmware on. The program `free` is the first one."""
    initrd = memory_file("initrd", archive_with(test.build).pack()) if archive else None
    return subprocess.run(
        qemu_on(machine, str(test.build.kernel), initrd, f"init=/bin/free {MARK}"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=() if initrd is None else (initrd,),
        timeout=harness.TIMEOUT,
    ).stdout.decode(errors="replace").replace("\r", "")


def changed(
    test: harness.Test, change: Callable[[bytes], bytes], *extra: str, archive: bool = True, **how
) -> str:
    """Boots a machine with a changed device tree. extra: QEMU's options. archive: with a boot archive;
    otherwise the tree says that there is one."""
    with tempfile.TemporaryDirectory() as folder:
        tree, some = Path(folder) / "tree", Path(folder) / "archive"
        some.write_bytes(bytes(4096))
        kernel = ("-kernel", str(test.build.kernel), "-initrd", str(some))
        dump = ["qemu-system-riscv64", *Machine(extra=extra, **how).options(), *kernel]
        subprocess.run([*dump, "-machine", f"dumpdtb={tree}"], check=True, capture_output=True)
        tree.write_bytes(change(tree.read_bytes()))
        return boot(test, Machine(extra=(*extra, "-dtb", str(tree)), **how), archive)


def archives(test: harness.Test) -> None:
    for place, size, why in (
        (KERNEL + 0x1000, 0x1000, "it overlaps the kernel"),
        (KERNEL - 0x1000, 0x2000, "it overlaps the kernel"),
        (0x1000_0000, 0x1000, "it is not in the machine's memory"),
        (RAM + 0x0f00_0000, 0x200_0000, "it is not in the machine's memory"),
        (RAM + 0x400_0000, 1 << 63, "it is not in the machine's memory"),
    ):

        def change(tree: bytes) -> bytes:
            tree = with_cells(tree, "chosen", "linux,initrd-start", place)
            return with_cells(tree, "chosen", "linux,initrd-end", place + size)

        text = changed(test, change, archive=False)
        says = f"cotrap: the boot archive is left out: {why}\n" in text
        boots = "boot archive: none from the firmware" in text and "panic" not in text
        test.check(says and boots, f"an archive of {size:#x} bytes at {place:#x} is left out", text)


def ranges(test: harness.Test) -> None:
    half = ("size=128M", "memory-backend-ram")
    nodes = (word for number in (0, 1) for word in (
        "-object", f"{half[1]},id=m{number},{half[0]}", "-numa", f"node,memdev=m{number}",
    ))  # fmt: skip
    second, moved, mib = RAM + (128 << 20), RAM + (64 << 20), 1 << 20
    text = changed(
        test, lambda tree: with_cells(tree, f"memory@{second:x}", "reg", moved, 192 * mib), *nodes, harts=2
    )
    found = re.search(r"MiB free of (\d+) MiB", text)
    size = int(found[1]) if found else 0
    what = f"memory that two nodes of the tree describe counts once: {size} MiB"
    test.check(ENDED in text and 240 < size < 257, what, text)


def absent(test: harness.Test) -> None:
    for what, devices in (
        ("a clock", (b"google,goldfish-rtc",)),
        ("an interrupt controller", (b"sifive,plic-1.0.0", b"riscv,plic0")),
        ("processors", (b"cpu@0",)),
        ("virtio devices", (b"virtio,mmio",)),
        ("all of these", (b"google,goldfish-rtc", b"sifive,plic-1.0.0", b"riscv,plic0", b"cpu@0", b"virtio,mmio")),
    ):
        text = changed(test, lambda tree: without(tree, *devices))
        test.check(ENDED in text, f"a tree without {what}: the machine runs a program", text)
    text = changed(test, lambda tree: tree.replace(b"memory\0", b"------\0"))
    test.check("the machine has no usable memory" in text, "… without memory: the kernel says so", text)


def harts(test: harness.Test) -> None:
    """Of 70 harts in the tree one exists. The firmware does not start the others."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        dump = ["qemu-system-riscv64", *Machine(harts=70).options(), "-machine", f"dumpdtb={tree}"]
        subprocess.run(dump, check=True, capture_output=True)
        text = boot(test, Machine(extra=("-dtb", str(tree))), True)
    says = "cotrap: the machine has more harts than the kernel can use" in text
    test.check(says and ENDED in text, "a machine with more than 64 harts: the kernel says so", text)


with harness.Test(__doc__, harness.RISC_V, all_everyday=True) as test:
    archives(test)
    ranges(test)
    absent(test)
    harts(test)
