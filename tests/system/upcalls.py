"""A page-in stops only the coroutine that needs it, and programs get exceptions and notifications."""

from dataclasses import replace

import harness
from cotrap.demos import numbered_disk
from cotrap.qemu import Machine
from parts import UPCALLS, UPCALLS_EXACT

with harness.Test(__doc__) as test, numbered_disk(test.build) as disk:
    test.run_parts("upcalls", UPCALLS, lambda machine: replace(machine, disk=disk))
    if test.everyday and not test.lacks("exact times", harness.COUNTED):
        for part, what in UPCALLS_EXACT:
            done = test.run("/upcalls", part, machine=Machine(icount=True, disk=disk))
            test.check(done.status == 0, what, done.text + done.why)
