"""Under every scheduling policy of the kernel programs run, threads move, and no wake is lost."""

import re

import harness
from cotrap import policies
from cotrap.paths import Build
from cotrap.qemu import Machine

# All but the usual one, "priority". The test fails if the kernel does not know a name.
POLICIES = tuple(name for name in policies.known() if name != policies.DEFAULT)
EVERYDAY_RESERVATIONS = ("priority", "eevdf")
SCRIPT = "seq 1 2000 | grep 7 | wc; sleep 0.05; ps | wc"
# The parts of /harts that test several harts but no priorities.
PARTS = tuple(
    harness.Part(name, f"/harts {name}") for name in ("moves", "spreads", "timeouts", "reschedules")
)


def named(test: harness.Test, policy: str, machine: Machine) -> None:
    what = f"{policy}, {machine.harts} hart{'s' if machine.harts > 1 else ''}"
    done = test.run(
        "/bin/sh", "-c", SCRIPT, append=f"policy={policy}", machine=machine, quiet=False
    )
    ran = done.status == 0 and re.search(r"\b542\s+542\b", done.text)
    test.check(bool(ran), f"{what}: a pipeline, sleep and ps run", done.text + done.why)
    test.check(f"policy: {policy}\n" in done.text.replace("\r", ""), f"{what}: the kernel logs the policy")


def from_the_tutorial(test: harness.Test) -> None:
    """The policy of docs/tutorials/schedulers.md, in a kernel of its own (one_file/)."""
    script = f"cat /proc/policy; {SCRIPT}; echo fifo > /proc/policy; cat /proc/policy"
    page = Build(test.folder / "one-file")
    done = test.run("/bin/sh", "-c", script, append="policy=shortest", build=page)
    well = done.status == 0 and "[shortest]" in done.text and "[fifo]" in done.text
    test.check(well, "the policy of the page runs in the kernel", done.text + done.why)


def repeats(test: harness.Test) -> None:
    """Without input from outside, two counted runs are equal to the instruction."""
    if test.lacks("runs that repeat", harness.COUNTED):
        return
    counting = Machine(icount=True)
    one, other = (
        test.run("/harts", "naps", append="policy=mlfq", machine=counting).text for _ in range(2)
    )
    test.check(one == other != "", "two counted runs under a policy are equal", f"{one}\n{other}")


def reservation(test: harness.Test, policy: str) -> None:
    if test.lacks(f"{policy}: reservations", harness.COUNTED):
        return
    counted = Machine(icount=True)
    done = test.run("/harts", "reservation", append=f"policy={policy}", machine=counted)
    what = f"{policy}: a reservation leaves the rest to others: {done.text.strip()}"
    test.check(done.status == 0, what, done.text + done.why)


def changes(test: harness.Test) -> None:
    for harts in test.harts_of_tier:
        done = test.run("/harts", "change-policy", machine=Machine(harts=harts))
        what = f"the policy changes while threads run, harts: {harts}"
        test.check(done.status == 0, what, done.text + done.why)
    if not test.everyday:
        return
    for part in ("free-hart", "refuse-policy"):
        done = test.run("/harts", part, machine=Machine(harts=2))
        test.check(done.status == 0, f"/harts {part}", done.text + done.why)
    done = test.run("/bin/echo", "here", append="policy=best", quiet=False)
    reported = "policy: best is unknown, using the default" in done.text and done.status == 0
    test.check(reported, "an unknown policy is reported, and the kernel uses priorities", done.text)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "harts", "harts")
    for policy in POLICIES:
        for harts in test.harts_of_tier:
            named(test, policy, Machine(harts=harts))
        if test.rest:
            test.run_together("harts", PARTS, Machine(harts=3), f"policy={policy}", f"{policy}: ")
            if policy not in EVERYDAY_RESERVATIONS:
                reservation(test, policy)
    if test.everyday:
        for policy in EVERYDAY_RESERVATIONS:
            reservation(test, policy)
        repeats(test)
    changes(test)
    if test.everyday:
        from_the_tutorial(test)
