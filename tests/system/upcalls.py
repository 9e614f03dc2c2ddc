"""A page-in stops only the coroutine that needs it, and programs get exceptions and notifications."""

from dataclasses import replace

import harness
from cotrap.demos import numbered_disk
from cotrap.qemu import Machine
from parts import UPCALLS, UPCALLS_EXACT

with harness.Test(__doc__) as test, numbered_disk(test.build) as disk:
    # On a host that lets no program write fs, each entry into a program takes two system calls of the host,
    # and the part `sleeps` does not end. So programs use gs there.
    fs = "rewrite" if test.build.is_hosted and not harness.host_writes_fs() else None
    test.run_parts("upcalls", UPCALLS, lambda machine: replace(machine, disk=disk, fs=fs))
    if test.everyday and not test.lacks("exact times", harness.COUNTED):
        for part, what in UPCALLS_EXACT:
            done = test.run("/upcalls", part, machine=Machine(icount=True, disk=disk))
            test.check(done.status == 0, what, done.text + done.why)
