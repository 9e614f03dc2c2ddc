"""Every hart of a machine has its own data, timer, IPIs and interrupts.

A TLB flush on other harts is complete when the call returns, lines on the console stay whole, and a virtio
disk answers. Copies of memory are exact. The same checks run on a RISC-V computer, with or without an MMU, and on PCs. With `--kvm 1` the PCs run on the host's
processors, which have features that QEMU's own do not have.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import harness
from cotrap.disk import Disk
from cotrap.paths import Build, preset_folder
from cotrap.qemu import Machine, qemu_on


class Checks(Build):
    """The build with the kernel machine.elf, which only checks hal/."""

    is_hosted = False

    @property
    def kernel(self):
        return self._existing("tests/system/machine/machine.elf")


def computers(test: harness.Test) -> Iterator[tuple[str, Machine]]:
    for harts in test.everyday * (1, 4) + test.rest * (2, 8):
        yield f"{harts} harts", Machine(harts=harts)
        yield f"{harts} harts, the firmware's timer", Machine(
            harts, extra=("-cpu", "rv64,sstc=off")
        )
        yield f"{harts} harts that count instructions", Machine(harts, icount=True)


def pcs(test: harness.Test, kvm: bool) -> Iterator[tuple[str, Machine]]:
    if kvm:
        for harts in (1, 4):
            yield f"a PC under KVM, {harts} harts", Machine(harts, pc="q35", kvm=True)
        return
    for harts in test.everyday * (1, 8) + test.rest * (2,):
        yield f"a PC, {harts} harts", Machine(harts, pc="q35")
    if test.everyday:
        yield "a PC with the board `pc`", Machine(4, pc="pc")
        yield "a PC that counts instructions", Machine(4, pc="q35", icount=True)
    if test.rest:
        yield "a PC with memory above 4 GiB", Machine(2, pc="q35", memory="5G")


def check(test: harness.Test, name: str, machine: Machine) -> None:
    done = test.run("", stdin=b"x" * 32, machine=machine)
    test.check(done.status == 0, name, done.why + done.text)
    lines = [line for line in done.text.splitlines() if len(set(line)) == 1]
    whole = len(lines) == 20 * machine.harts and all(len(line) == 90 for line in lines)
    test.check(whole, "  … and no hart's line breaks another's", done.text)


NO_MESSAGES = ("-global", "virtio-blk-pci.vectors=0")


def drive(image: Path) -> tuple[str, str]:
    return "-drive", f"if=none,id=disk,file={image},format=raw,readonly=on"


def disks(test: harness.Test, image: Path, kvm: bool) -> Iterator[tuple[str, Machine, str]]:
    """PCs with a disk: a name, the machine, and what delivers the disk's interrupts."""
    disk = Disk(str(image), read_only=True)
    for board in ("q35", "pc"):
        for harts in test.everyday * (2,) + test.rest * (1,):
            name = f"the board `{board}`, {harts} harts"
            yield f"{name}, messages", Machine(harts, pc=board, kvm=kvm, disk=disk), "MSI-X"
            machine = Machine(harts, pc=board, kvm=kvm, disk=disk, extra=NO_MESSAGES)
            yield f"{name}, a line", machine, "I/O APIC"
    if kvm or not test.rest:
        return
    high = Machine(2, pc="q35", disk=disk, memory="5G")
    yield "a PC with memory above 4 GiB, messages", high, "MSI-X"
    bridges = (
        ("q35", "pcie-root-port", 0),
        ("q35", "pcie-pci-bridge", 3),
        ("pc", "pci-bridge,chassis_nr=1", 3),
    )
    for board, bridge, slot in bridges:
        # A bridge connects the pins of devices behind it to other pins of its own.
        behind = ("-device", f"virtio-blk-pci,drive=disk,bus=bridge,addr={slot},vectors=0")
        extra = (*drive(image), "-device", f"{bridge},id=bridge,addr=9", *behind)
        yield f"behind {bridge}, a line", Machine(1, pc=board, extra=extra), "I/O APIC"
    icount = Machine(2, pc="q35", disk=disk, icount=True)
    yield "a PC that counts instructions, messages", icount, "MSI-X"


def check_disk(test: harness.Test, name: str, machine: Machine, by: str) -> None:
    done = test.run("", stdin=b"x" * 32, machine=machine)
    answered = f"the disk interrupts by:\n{by}\n" in done.text
    what = f"{name}: a disk interrupts the hart that enabled it"
    test.check(done.status == 0 and answered, what, done.why + done.text)


def refused_disks(test: harness.Test, image: Path) -> None:
    """The kernel leaves out a device that it cannot use, and says why before it has a log."""
    legacy = "00:02.0 is left out: it has only the interface from before virtio 1.0"
    shared = "00:07.0 is left out: it sends no messages, and another device uses its interrupt line"
    disk = ("-device", "virtio-blk-pci,drive=disk,addr=3,vectors=0")
    for what, devices, message in (
        ("of a version before 1.0", ("-device", "virtio-rng-pci,disable-modern=on"), legacy),
        ("on the line of another one", (*disk, "-device", "virtio-rng-pci,addr=7,vectors=0"), shared),
    ):
        machine = Machine(pc="pc", entropy=False, extra=(*drive(image), *devices))
        command = qemu_on(machine, str(test.build.kernel), None, "mark=0")
        done = subprocess.run(command, input=b"x" * 32, stdout=subprocess.PIPE, timeout=60)
        shown = done.stdout.decode(errors="replace")
        whole = f"cotrap: the virtio device {message}\n" in shown and "0 exit 0 0\n" in shown
        test.check(whole, f"a virtio device {what} is left out", shown)


def broken_pcs(test: harness.Test) -> None:
    """A PC that lacks what the kernel needs says so and switches itself off."""
    lacks = "cotrap: the processor lacks what the kernel needs: "
    nx = lacks + "pages that are not executable (NX)"
    apic = lacks + "an interrupt controller of its own (local APIC)"
    for what, board, processor, message in (
        ("NX", "q35", "max,nx=off", nx),
        ("a local APIC", "q35", "max,apic=off", apic),
        ("64-bit mode", "q35", "qemu32", "cotrap: the processor has no 64-bit mode"),
        ("a timer", "q35,pit=off", "max", "cotrap: the 8254 timer does not count"),
    ):
        done = test.run("", stdin=b"", machine=Machine(pc=board, extra=("-cpu", processor)))
        shown = done.why + done.text
        test.check(message in shown, f"a PC without {what} says what is missing", shown)
        test.check("exit status 3" in shown, "  … and switches itself off", shown)


def small_pages(test: harness.Test) -> None:
    """Without pages of 1 GiB the boot maps 4 GiB of memory."""
    machine = Machine(pc="q35", memory="5G", extra=("-cpu", "max,pdpe1gb=off"))
    command = qemu_on(machine, str(test.build.kernel), None, "mark=0")
    done = subprocess.run(command, input=b"x" * 32, stdout=subprocess.PIPE, timeout=60)
    shown = done.stdout.decode(errors="replace")
    message = "cotrap: memory is left out: the kernel cannot use all of it before it has page tables\n"
    what = "a PC without pages of 1 GiB leaves out memory above 4 GiB"
    test.check(message in shown and "0 exit 0 0\n" in shown, what, shown)
    test.check("\0" not in shown, "  … and its message has no zero byte", shown)


def check_without_mmu(test: harness.Test) -> None:
    for name, what in (("nommu", "without an MMU"), ("pmp", "without an MMU and firmware")):
        test.build = Checks(preset_folder(f"riscv64-{name}-release"))
        for machine in test.everyday * (Machine(4, icount=True),) + test.rest * (Machine(), Machine(8)):
            counted = ", counted" if machine.icount else ""
            check(test, f"a RISC-V computer {what}, {machine.harts} harts{counted}", machine)


def check_pcs(test: harness.Test, image: Path, kvm: bool) -> None:
    test.build = Checks(preset_folder("pc-release"))
    for name, machine in pcs(test, kvm):
        check(test, name, machine)
    for name, machine, by in disks(test, image, kvm):
        check_disk(test, name, machine, by)
    if test.everyday:
        refused_disks(test, image)
    if test.rest:
        broken_pcs(test)
        small_pages(test)


with (
    harness.Test(__doc__, "its own kernel, which only checks hal/", own={"kvm": 0}) as test,
    tempfile.TemporaryDirectory() as folder,
):
    kvm = bool(test.options.kvm)
    image = Path(folder) / "disk"
    image.write_bytes(b"".join(number.to_bytes(8, "little").ljust(512) for number in range(32)))
    test.build = Checks(test.folder)
    for name, machine in computers(test):
        check(test, name, machine)
    if test.everyday:
        check_disk(test, "a RISC-V computer", Machine(2, disk=Disk(str(image), read_only=True)), "PLIC")
    if test.build.machine == "riscv64":  # the other builds do not build these kernels
        check_without_mmu(test)
        check_pcs(test, image, kvm)
