"""Coroutines of a program run on several harts: jobs move between loops, and loops wake each other."""

import harness
from cotrap.qemu import Machine

PARTS = (
    ("meets", "as many steps as loops run at the same time"),
    ("steals", "each loop runs jobs of a tree of jobs, and joins give the right sum"),
    ("shares", "channels and mutexes work between loops"),
    ("calls", "a call's completion wakes its coroutine, on each loop"),
    ("cancels", "cancellation and deadlines end calls of jobs in the strand"),
    ("preempts", "each loop preempts a step in preemptible()"),
    ("interrupts", "… also if another loop wakes the more urgent coroutine"),
    ("gives", "a step in preemptible() lets idle loops take jobs"),
    ("faults", "attempts fail on each loop"),
    ("stackful", "stackful jobs talk to jobs of other loops"),
    ("deadlocks", "a deadlock of all loops is reported to the program"),
    ("priorities", "each loop shares its priority with the kernel"),
    ("refused", "run() does with the loops for which there is memory"),
    ("repeats", "run() can be called again, with another number of harts, beside jobs that are left"),
)
COUNTED = (
    *PARTS,
    ("sleeps", "loops without ready coroutines use no processor time"),
    ("figures", "spawns, joins and wakes are measured"),
)


def on(machine: Machine, test: harness.Test, loops: int, parts: tuple[tuple[str, str], ...]) -> None:
    """Runs the parts with a number of loops."""
    each = [(f"{name} {loops}", f"{what}, {loops} loops") for name, what in parts]
    test.run_together("team", each, machine)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "team", "team")
    for harts in test.harts_of_tier:
        on(test.machine(harts=harts), test, max(harts, 2), PARTS)
    if test.rest:
        on(test.machine(harts=2), test, 7, PARTS)
    elif not test.lacks("counted loops", harness.COUNTED):
        on(Machine(2, icount=True), test, 2, COUNTED)
