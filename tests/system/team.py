"""Coroutines of a program run on several harts: jobs move between loops, and loops wake each other."""

from collections.abc import Iterable

import harness
from cotrap.qemu import Machine
from harness import Part
from parts import TEAM, TEAM_EXACT, TEAM_FINE


def on(machine: Machine, test: harness.Test, loops: int, parts: Iterable[Part]) -> None:
    """Runs the parts with a number of loops."""
    each = [Part(f"{name} {loops}", f"{what}, {loops} loops") for name, what in parts]
    test.run_together("team", each, machine)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "team", "team")
    for harts in test.harts_of_tier:
        on(test.machine(harts=harts), test, max(harts, 2), TEAM)
    if test.rest:
        on(test.machine(harts=2), test, 7, TEAM)
    elif not test.lacks("counted loops", harness.COUNTED):
        on(Machine(2, icount=True), test, 2, (*TEAM, *TEAM_EXACT))
        on(Machine(2, icount=True, shift=7), test, 2, TEAM_FINE)
