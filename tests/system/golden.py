"""Six recorded boots make the same scheduling decisions again, on one hart and on four.

On one hart a PC makes the same decisions as a RISC-V computer. On four harts the machine decides which hart
is first, so a PC has records of its own. A commit that changes a schedule on purpose also changes the records:

    /usr/bin/python3 tests/system/golden.py --build build/riscv64-release --record 1
    /usr/bin/python3 tests/system/golden.py --build build/pc-release --record 1
"""

import os
from dataclasses import dataclass

import harness
from cotrap.qemu import Machine, memory_file
from cotrap.trace import golden, recording
from cotrap.trace.names import Names
from cotrap.trace.story_builder import build_story

FOLDER = harness.ROOT / "tests" / "golden"


@dataclass(frozen=True)
class Recorded:
    """A boot whose decisions are recorded in tests/golden/NAME-HARTS.txt. A PC with several harts has its own
    record in tests/golden/pc/."""

    name: str
    program: str
    arguments: tuple[str, ...]
    harts: int


PROGRAMS = {
    "pipes": ("/bin/sh", "-c", "seq 20 | cat | wc; ls /bin > /tmp/names; cat /tmp/names | wc"),
    "pipeline": ("/bin/pipeline",),
    "priorities": ("/bin/shared-priority",),
}
BOOTS = [
    Recorded(name, program, tuple(arguments), harts)
    for name, (program, *arguments) in PROGRAMS.items()
    for harts in (1, 4)
]


def log_of(test: harness.Test, boot: Recorded) -> golden.Log:
    """Boots, and reads the decisions from the machine's memory."""
    ram = memory_file("ram", b"")
    try:
        machine = Machine(boot.harts, icount=True, ram=ram)
        done = test.run(boot.program, *boot.arguments, machine=machine, append="trace=100000")
        test.check(done.status == 0, f"{boot.name} runs on {boot.harts} harts", done.text + done.why)
        trace = recording.read(ram)
        test.check(not any(trace.lost), "  … and its trace is complete", str(trace.lost))
        return golden.of_story(build_story(trace, Names.of(test.build.kernel, trace.anchor), True))
    finally:
        os.close(ram)


def check(test: harness.Test, boot: Recorded) -> None:
    is_common = boot.harts == 1 or test.build.machine == "riscv64"
    path = (FOLDER if is_common else FOLDER / test.build.machine) / f"{boot.name}-{boot.harts}.txt"
    found = log_of(test, boot)
    if test.options.record and not (is_common and test.build.machine == "pc"):
        path.write_text(golden.to_text(found))
    recorded = golden.from_text(path.read_text())
    count = sum(map(len, recorded.values()))
    what = f"  … and makes the {count} recorded decisions (hash {golden.hash_of(recorded)})"
    test.check(golden.hash_of(found) == golden.hash_of(recorded), what, golden.difference(recorded, found))


with harness.Test(__doc__, harness.QEMU, own={"record": 0}) as test:
    for boot in BOOTS:
        if test.everyday if boot.harts == 1 else test.rest:
            check(test, boot)
