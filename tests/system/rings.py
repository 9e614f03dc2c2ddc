"""Rings give the results of system calls, in batches, and wrong contents do not harm the kernel."""

import re

import harness
from cotrap.qemu import Machine
from parts import RINGS


def one_is_woken(test: harness.Test) -> None:
    what = "a byte for one of 512 waiting reads costs no more than one wake"
    if test.lacks(what, harness.COUNTED):
        return
    done = test.run("/rings", "queue", machine=Machine(icount=True))
    cost = re.search(r"(\d+) instructions a byte", done.text)
    test.check(
        cost is not None and int(cost[1]) < 6_000, f"{what}: {done.text.strip()}", done.why
    )


with harness.Test(__doc__) as test:
    test.run_parts("rings", RINGS)
    if test.everyday:
        one_is_woken(test)
