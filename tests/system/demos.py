"""Every demo runs, and its own claim holds."""

import re
from dataclasses import replace

import harness
from cotrap.console import Capture
from cotrap.demos import Demo, Stage, read_demos, run_demo
from cotrap.qemu import archive_with

EXPECTED = (
    "hello", "sleepsort", "pingpong", "pipeline", "echo",
    "storm", "priorities", "futex", "cow", "faults", "jobs", "mend",
)  # fmt: skip


def check_demo(test: harness.Test, demo: Demo, stage: Stage) -> None:
    if demo.name in harness.TIMED_DEMOS:
        demo = replace(demo, icount=True)
    typed = harness.typed_into_demo(demo)
    verdict = run_demo(demo, stage, typed or Capture(), typed)
    test.check(
        verdict.failure is None,
        f"{demo.name} on {stage.machine.harts} harts: {demo.description}",
        verdict.output + f"\n{verdict.failure}".encode(),
    )
    if demo.name == "sleepsort" and not test.build.is_hosted:
        text = verdict.output.decode(errors="replace")
        tries = re.findall("^1 2 3 4 5 6 7 8 9 10 in 30.*$", text, re.M)
        test.check(len(tries) == len(text.splitlines()) == 1, "  … at the first attempt", text)


with harness.Test(__doc__) as test:
    demos = read_demos(test.build)
    names = [demo.name for demo in demos]
    test.check(set(EXPECTED) <= set(names), f"the archive lists at least {len(EXPECTED)} demos", str(names))
    archive = archive_with(test.build).pack()
    for harts in test.harts_of_tier:
        stage = Stage(test.plain_build, archive, test.machine(harts=harts), timeout=harness.TIMEOUT)
        for demo in demos:
            check_demo(test, demo, stage)
