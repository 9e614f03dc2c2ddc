"""Every hart of a machine has data, timer, IPIs and interrupts of its own.

And what one does to the others' translation is done when the call returns, and lines on the console
stay whole.
"""

import harness
from cotrap.paths import Build
from cotrap.qemu import Machine


class Checks(Build):
    """The build with another kernel: machine.elf, which checks hal/ and nothing else."""

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


with harness.Test(__doc__, "a kernel of its own that checks hal/ alone", all_everyday=True) as test:
    test.build = Checks(test.folder)
    for name, machine in machines():
        done = test.run("", stdin=b"x" * 32, machine=machine)
        test.check(done.status == 0, name, done.why + done.text)
        lines = [line for line in done.text.splitlines() if len(set(line)) == 1]
        whole = len(lines) == 20 * machine.harts and all(len(line) == 90 for line in lines)
        test.check(whole, "  … and no line of one is broken by another's", done.text)
