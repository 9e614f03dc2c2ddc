"""Every hart of a machine has its own data, timer, IPIs and interrupts.

A TLB flush on other harts is complete when the call returns, and lines on the console stay whole.
"""

import harness
from cotrap.paths import Build
from cotrap.qemu import Machine


class Checks(Build):
    """The build with the kernel machine.elf, which only checks hal/."""

    @property
    def kernel(self):
        return self._existing("tests/system/machine/machine.elf")


def machines():
    for harts in (1, 2, 4, 8):
        yield f"{harts} harts", Machine(harts=harts)
        yield f"{harts} harts, the firmware's timer", Machine(
            harts, extra=("-cpu", "rv64,sstc=off")
        )
        yield f"{harts} harts that count instructions", Machine(harts, icount=True)


with harness.Test(__doc__, "its own kernel, which only checks hal/", all_everyday=True) as test:
    test.build = Checks(test.folder)
    for name, machine in machines():
        done = test.run("", stdin=b"x" * 32, machine=machine)
        test.check(done.status == 0, name, done.why + done.text)
        lines = [line for line in done.text.splitlines() if len(set(line)) == 1]
        whole = len(lines) == 20 * machine.harts and all(len(line) == 90 for line in lines)
        test.check(whole, "  … and no hart's line breaks another's", done.text)
