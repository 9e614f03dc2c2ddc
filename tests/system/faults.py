"""Programs succeed although the kernel injects faults of real machines; detectors report other faults.

Each boot has a seed. A failure prints the boot option `faults=` of its boot.
"""

import re
from dataclasses import replace
from typing import NamedTuple

import harness
from cotrap import faults
from cotrap.demos import numbered_disk, read_demos
from cotrap.qemu import Machine
from parts import COROUTINES, FORKING, HARTS, RINGS, STACKFUL, TEAM, UPCALLS

EVERYDAY_SEEDS = 1
# Faults in 1,000 chances, by seed.
RATES = (5, 20, 50, 100, 200)
# The parts are divided into PIECES; boot N runs all demos and piece N mod PIECES. The everyday boot
# runs every third program.
PIECES = 5
EVERYDAY_STEP = 3
PARTS = {
    "harts": HARTS,
    "rings": RINGS,
    "coroutines": COROUTINES,
    "stackful": STACKFUL,
    "upcalls": UPCALLS,
    "team": [part._replace(name=f"{part.name} 3") for part in TEAM],  # on three loops
}
# A part that the hosted machine often fails on a busy host without faults, too.
FAILS_ON_HOSTED = "upcalls sleeps"
# Failures of parts that only a delay causes, as patterns.
PARTS_ABOUT_TIME = {"upcalls pages-and-policies": r"\d+ steps beside"}
NO_FAILURE = "(?!)"  # matches nothing


class Program(NamedTuple):
    name: str
    command: str
    about_time: str = NO_FAILURE  # the failures that only a delay causes, as a pattern


def demos(test: harness.Test) -> list[Program]:
    """The demos that need neither a disk nor a keyboard."""
    return [
        Program(demo.name, f"/bin/{demo.name}", harness.ABOUT_TIME.get(demo.name, NO_FAILURE))
        for demo in read_demos(test.build)
        if not (demo.needs_disk or demo.typed)
    ]


def parts(test: harness.Test) -> list[Program]:
    names = [f"{program} {part.name}" for program in PARTS for part in PARTS[program]]
    if test.build.is_hosted:
        without = [f"harts {name}" for name in FORKING]
        names = [name for name in names if name not in (*without, FAILS_ON_HOSTED)]
    return [
        Program("runtime", "/runtime"),
        *(Program(name, f"/{name}", PARTS_ABOUT_TIME.get(name, NO_FAILURE)) for name in names),
    ]


def failures(
    test: harness.Test, programs: list[Program], plan: str, machine: Machine, may_fail: bool = False
) -> str:
    """Runs the programs in one guest, and returns the failures. may_fail: any exit status is right."""
    script = "".join(
        f"echo '== {program.name} begins'; {program.command}; echo '== {program.name} ends:' $?\n"
        for program in programs
    )
    done = test.run(
        "/bin/sh", "-c", script, machine=machine, append=f"faults={plan}", timeout=8 * harness.TIMEOUT
    )
    if may_fail and done.status is not None:
        return ""  # the machine has switched itself off
    found = ""
    for program in programs:
        _, begun, rest = done.text.partition(f"== {program.name} begins")
        output, ended, status = rest.partition(f"== {program.name} ends: ")
        if not ended:
            where = f"{program.name} did not end" if begun else f"{program.name} did not begin"
            return f"{found}{where}: {output}\n{done.why}"
        if status.split("\n")[0].strip() != "0" and not re.search(program.about_time, output):
            found += f"{program.name}: {output}\n"
    return found if done.status is not None else f"{found}{done.why}"


def real_faults(test: harness.Test, seeds: range, machine: Machine) -> None:
    shown, tested = demos(test), parts(test)
    for seed in seeds:
        plan = f"{seed}:{RATES[seed % len(RATES)]}:real"
        programs = [*shown, *tested[seed % PIECES :: PIECES]]
        if seed <= EVERYDAY_SEEDS:
            programs = programs[::EVERYDAY_STEP]
        found = failures(test, programs, plan, machine)
        test.check(not found, f"{len(programs)} programs succeed with faults={plan}", found)


def refusals(test: harness.Test, seeds: range, machine: Machine) -> None:
    for seed in seeds:
        plan = f"{seed}:{RATES[seed % len(RATES)]}:memory"
        found = failures(test, demos(test), plan, machine, may_fail=True)
        test.check(not found, f"the kernel survives faults={plan}", found)


def occurrence(test: harness.Test) -> None:
    for plan, kinds, program in (
        ("1:300:real", faults.REAL, "/harts spreads; /harts around; /bin/smp"),
        ("1:100:memory", ("memory",), "/bin/true"),
    ):
        done = test.run(
            "/bin/sh", "-c", program, machine=test.machine(harts=4), append=f"faults={plan}", quiet=False
        )
        for kind in kinds:
            counted = re.search(rf"faults: {kind} [1-9]\d* of \d+ chances", done.text)
            test.check(counted is not None, f"faults={plan} injects {kind}", done.text + done.why)


def detectors(test: harness.Test) -> None:
    machine = test.machine(harts=4)
    cases = [("1:20:wake-lost", "lost wake: 'thread' waits, although its condition is true", "/bin/pingpong")]
    # An idle hart of the hosted machine wakes for its last timer before the watch sees that it sleeps.
    if not test.lacks("the watch reports lost IPIs", harness.QEMU):
        lost = r"lost IPI: hart \d idles, although its inbox has entries"
        cases.append(("1:300:ipi-lost", lost, "/harts moves"))
    for what, report, program in cases:
        done = test.run(
            "/bin/sh", "-c", program, machine=machine, append=f"watch=50 faults={what}", quiet=False
        )
        test.check(
            done.status == 0 and re.search(report, done.text) is not None,
            f"the watch reports faults={what}, and {program} continues", done.text + done.why,
        )  # fmt: skip
    done = test.run("/bin/true", machine=machine, append="faults=1:x:real", quiet=False)
    test.check("faults=1:x:real: RATE must be a number" in done.text, "faults=1:x:real is refused", done.text)


with harness.Test(__doc__, own={"first": EVERYDAY_SEEDS + 1, "seeds": 200}) as test, numbered_disk(test.build) as disk:
    for name in (*PARTS, "runtime"):
        test.add(test.folder / "test-programs" / name, name)
    machine = replace(test.machine(harts=test.given_harts or 4), disk=disk)
    last = int(test.options.seeds) if test.rest else EVERYDAY_SEEDS
    seeds = range(1 if test.everyday else int(test.options.first), last + 1)
    if test.everyday:
        occurrence(test)
        detectors(test)
    real_faults(test, seeds, machine)
    refusals(test, seeds, machine)
