"""The instruction counts of the main paths are at most 2 % above the recorded ones.

A commit that changes a count on purpose also changes the record:

    ./cotrap bench --icount --save tests/bench/instructions.json

The sizes of coroutine frames have a record, too: `./cotrap bench --frames --save tests/bench/frames.json`.
"""

import re
import subprocess

import harness
from cotrap.bench import frames
from cotrap.bench.boots import Bench, measure
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.compare import Change
from cotrap.bench.results import from_json, parse
from cotrap.qemu import Machine

RECORD = harness.ROOT / "tests" / "bench" / "instructions.json"
TEXT_LIMIT = 448 * 1024  # bytes of kernel code
LATE_LIMIT = 20_000  # ns: the latest wake under load, for which there is no record


ON_LINUX = ("syscall.null", "pipe.self", "fault.zero", "ipc.futex", "spawn.thread", "memory.thread")


def without_counting(test: harness.Test) -> None:
    """Without icount, and on Linux, the program `bench` prints times and no instructions."""
    done = test.run("/bin/bench", "syscall.null", "memory.thread")
    units = {unit for _, unit in parse(done.text)}
    test.check(units == {"ns", "bytes"}, "without icount bench prints only times and bytes", done.text)
    program = test.folder / "user" / "bin" / "bench"
    linux = subprocess.run(
        ["qemu-riscv64", program, *ON_LINUX], capture_output=True, text=True, timeout=harness.TIMEOUT
    )
    names = {name for name, _ in parse(linux.stdout)}
    test.check(names == set(ON_LINUX), "the same program runs on Linux", linux.stdout)


# The most instructions on machines of several harts, with nobody in the way.
ON_SEVERAL_HARTS = {
    "syscall.null": 80,
    "syscall.fast": 80,
    "pread.call": 290,
    "pipe.self": 570,
    "fault.zero": 560,
    "fault.reuse": 340,
    "map.page": 920,
    "yield.alone": 120,
    "yield.process": 1_140,
    "ipc.pipe": 2_300,
    "ipc.futex": 1_700,
    "ipc.channel": 670,
}


def on_several_harts(test: harness.Test) -> None:
    """Paths stay below their limits on 2 and on 8 harts."""
    for harts in (2, 8):
        bench = Bench(test.build, Machine(harts=harts))
        for result in measure(bench, [BENCHMARKS[name] for name in ON_SEVERAL_HARTS], counted=True):
            limit = ON_SEVERAL_HARTS[result.name]
            text = f"{result.name} takes at most {limit} instructions on {harts} harts: {result.value:.2f}"
            test.check(result.value <= limit, text)


def on(test: harness.Test, trampoline: bool):
    """Measures the benchmarks of this build's trap path, in instructions."""
    chosen = [each for each in BENCHMARKS.values() if each.trampoline == trampoline]
    bench = Bench(test.build, Machine(), trampoline=test.build if trampoline else None)
    return measure(bench, chosen, counted=True)


with harness.Test(__doc__, harness.COUNTED, all_everyday=True) as test:
    trampoline = "trampoline" in test.folder.name
    recorded = from_json(RECORD.read_text(), RECORD.name)
    results = on(test, trampoline)
    measured = {each.name for each in results}
    for benchmark in BENCHMARKS.values():
        if benchmark.trampoline == trampoline:
            test.check(benchmark.name in measured, f"{benchmark.name} is measured")
    for result in results:
        benchmark = BENCHMARKS[result.name]
        if benchmark.exact:
            test.check(result.same, f"{result.name} is equal in two runs", str(result.medians))
        if not benchmark.exact or not benchmark.recorded:
            if result.name.startswith(("timer.wake", "wake.urgent")):
                worst = result.percentiles["max"]
                test.check(worst <= LATE_LIMIT, f"{result.name}: at most {worst:.0f} ns late")
            continue
        before = recorded.find(result.name, result.unit)
        if not test.check(before is not None, f"{result.name} is recorded in {RECORD.name}"):
            continue
        change = Change(before, result)
        test.check(not change.is_worse, change.words)
        if change.is_better:
            print(f"    {RECORD.name} can be updated to this better count")

    if not trampoline:
        without_counting(test)
        on_several_harts(test)

    if not trampoline:  # the trampoline build has the same coroutines
        excess = frames.over_budget(frames.sizes(test.build.kernel), frames.budget())
        test.check(not excess, "no coroutine frame exceeds frames.json", "\n".join(excess))

    if not trampoline:
        command = [harness.ROOT / "cotrap", "bench", "--build", test.folder, "--profile", "syscall.null"]
        profile = subprocess.run(command, capture_output=True, text=True, timeout=harness.TIMEOUT)
        total = re.match(r"syscall.null: ([\d.]+) instructions", profile.stdout)
        counted = next(each.value for each in results if each.name == "syscall.null")
        test.check(
            total is not None and abs(float(total[1]) - counted) < 5,  # the starts of the two runs differ
            f"--profile finds about as many instructions: {total and total[1]}", profile.stderr,
        )  # fmt: skip
        for function in ("partial_save", "cotrap_trap_entry", "trap::FastPathAnswer call<.*getppid.*"):
            found = re.search(rf"^ +[\d.]+ +\d+%  {function}$", profile.stdout, re.MULTILINE)
            test.check(found is not None, f"… among them some in {function}", profile.stdout)

    sections = subprocess.run(
        ["llvm-size-22", "--format=sysv", test.plain_build.kernel], capture_output=True, text=True
    ).stdout
    text = sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(".text"))
    test.check(
        0 < text <= TEXT_LIMIT, f"kernel text: {text} bytes (at most {TEXT_LIMIT})", sections
    )
