"""Every hart of a machine has its own data, timer, IPIs and interrupts.

A TLB flush on other harts is complete when the call returns, and lines on the console stay whole. The
same checks run on a RISC-V computer and on PCs. With `--kvm 1` the PCs run on the host's processors, which
have features that QEMU's own do not have.
"""

from collections.abc import Iterator

import harness
from cotrap.paths import Build, preset_folder
from cotrap.qemu import Machine


class Checks(Build):
    """The build with the kernel machine.elf, which only checks hal/."""

    is_hosted = False

    @property
    def kernel(self):
        return self._existing("tests/system/machine/machine.elf")


def computers() -> Iterator[tuple[str, Machine]]:
    for harts in (1, 2, 4, 8):
        yield f"{harts} harts", Machine(harts=harts)
        yield f"{harts} harts, the firmware's timer", Machine(
            harts, extra=("-cpu", "rv64,sstc=off")
        )
        yield f"{harts} harts that count instructions", Machine(harts, icount=True)


def pcs(kvm: bool) -> Iterator[tuple[str, Machine]]:
    if kvm:
        for harts in (1, 4):
            yield f"a PC under KVM, {harts} harts", Machine(harts, pc="q35", kvm=True)
        return
    for harts in (1, 2, 8):
        yield f"a PC, {harts} harts", Machine(harts, pc="q35")
    yield "a PC with the board `pc`", Machine(4, pc="pc")
    yield "a PC that counts instructions", Machine(4, pc="q35", icount=True)
    yield "a PC with memory above 4 GiB", Machine(2, pc="q35", memory="5G")


def check(test: harness.Test, name: str, machine: Machine) -> None:
    done = test.run("", stdin=b"x" * 32, machine=machine)
    test.check(done.status == 0, name, done.why + done.text)
    lines = [line for line in done.text.splitlines() if len(set(line)) == 1]
    whole = len(lines) == 20 * machine.harts and all(len(line) == 90 for line in lines)
    test.check(whole, "  … and no hart's line breaks another's", done.text)


def broken_pcs(test: harness.Test) -> None:
    """A PC that lacks what the kernel needs says so and switches itself off."""
    nx = "cotrap: the processor lacks what the kernel needs: pages that are not executable (NX)"
    for what, board, processor, message in (
        ("NX", "q35", "max,nx=off", nx),
        ("64-bit mode", "q35", "qemu32", "cotrap: the processor has no 64-bit mode"),
        ("a timer", "q35,pit=off", "max", "cotrap: the 8254 timer does not count"),
    ):
        done = test.run("", stdin=b"", machine=Machine(pc=board, extra=("-cpu", processor)))
        shown = done.why + done.text
        test.check(message in shown, f"a PC without {what} says what is missing", shown)
        test.check("exit status 3" in shown, "  … and switches itself off", shown)


with harness.Test(
    __doc__, "its own kernel, which only checks hal/", all_everyday=True, own={"kvm": 0}
) as test:
    test.build = Checks(test.folder)
    for name, machine in computers():
        check(test, name, machine)
    test.build = Checks(preset_folder("pc-release"))
    for name, machine in pcs(bool(test.options.kvm)):
        check(test, name, machine)
    broken_pcs(test)
