"""Programs attempt on a PC what x86_64 allows and forbids, and the kernel continues.

The kernel reports its own exceptions, also those that leave it no stack."""

import re

import harness
from cotrap.qemu import Machine
from harness import Part

FLAGS = Part("flags", "a program keeps its flags in calls, page faults and interrupts")
PARTS = (
    Part("instructions", "a forbidden instruction or interrupt ends its program with the right signal"),
    Part("addresses", "so does an address that no program can have, in each register that holds addresses"),
    Part("end", "a call by the last instruction of the last page returns to no address"),
    Part("entries", "the kernel loads no address that the processor refuses"),
    FLAGS,
    Part("steps", "a program in single steps stops behind each of its own instructions"),
)

with harness.Test(__doc__, all_everyday=True) as test:
    test.run_parts("pc-traps", PARTS)
    older = Machine(extra=("-cpu", "max,smap=off,smep=off"))
    test.run_together("pc-traps", [FLAGS], older, about="without SMAP ")

    for how, cause in harness.CRASHES:
        done = test.run("/bin/sleep", "1000", append=f"crash={how}", machine=Machine(4))
        named = re.search(f"kernel panic: {cause}", done.why)
        awaited = "in coroutine: crash" in done.why and "crash_if_asked" in done.why
        test.check(named is not None and awaited, f"crash={how}: the kernel reports {cause}", done.why)
