"""The instruction counts of the main paths are not worse than the recorded ones.

A commit that changes a count on purpose also changes the record:

    ./cotrap bench --icount --save tests/bench/instructions.json

The sizes of coroutine frames have a record, too: `./cotrap bench --frames --save tests/bench/frames.json`.
"""

import re
import subprocess

import harness
from cotrap.bench import frames, shapes, stackful
from cotrap.bench.boots import Bench, measure
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.compare import Change
from cotrap.bench.results import INSTRUCTIONS, from_json, parse
from cotrap.llvm import llvm_tool
from cotrap.qemu import Machine

RECORD = harness.ROOT / "tests" / "bench" / "instructions.json"
TEXT_LIMIT = 1120 * 1024  # bytes of kernel code, rounded up to pages
DATA_LIMIT = 896 * 1024  # bytes of .data and .bss; a machine without an MMU has less, but most grows with this
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


# The most instructions on machines of several harts, without contention: the goals, and the limits of rows
# without a goal.
ON_SEVERAL_HARTS = {
    name: benchmark.goal_on_several for name, benchmark in BENCHMARKS.items() if benchmark.goal_on_several
} | {
    "syscall.fast": 80,
    "fault.reuse": 340,
    "map.page": 945,
    "yield.alone": 120,
    "ipc.channel": 670,
}


def on_several_harts(test: harness.Test) -> None:
    """Paths stay below their limits on 2 harts, and in the rest on 8."""
    for harts in test.everyday * [2] + test.rest * [8]:
        bench = Bench(test.build, Machine(harts=harts), timeout=harness.TIMEOUT)
        results = measure(bench, [BENCHMARKS[name] for name in ON_SEVERAL_HARTS], counted=True)
        found = {result.name: result.value for result in results}
        for name, limit in ON_SEVERAL_HARTS.items():
            count = found.get(name)
            text = f"{name} takes at most {limit} instructions on {harts} harts: {count or 0:.2f}"
            test.check(count is not None and count <= limit, text)


def on_one_hart(test: harness.Test, trampoline: bool) -> None:
    """Counts the instructions of this build's benchmarks and compares them with the record."""
    chosen = [each for each in BENCHMARKS.values() if each.trampoline == trampoline]
    bench = Bench(test.build, Machine(), timeout=harness.TIMEOUT, trampoline=test.build if trampoline else None)
    recorded = from_json(RECORD.read_text(), RECORD.name)
    results = measure(bench, chosen, counted=True)
    measured = {each.name for each in results}
    for benchmark in chosen:
        test.check(benchmark.name in measured, f"{benchmark.name} is measured")
    for result in results:
        benchmark = BENCHMARKS[result.name]
        if benchmark.exact:
            test.check(result.same, f"{result.name} is equal in two runs", str(result.medians))
        if not benchmark.exact or not benchmark.recorded:
            if result.name.startswith(("timer.wake", "wake.urgent")):
                worst = result.percentiles["max"]
                test.check(worst <= LATE_LIMIT, f"{result.name}: at most {worst:.0f} ns late")
            elif benchmark.goal and result.unit == INSTRUCTIONS:
                text = f"{result.name} is at most its goal {benchmark.goal}: {result.value:.0f}"
                test.check(result.value <= benchmark.goal, text)
            continue
        before = recorded.find(result.name, result.unit)
        if not test.check(before is not None, f"{result.name} is recorded in {RECORD.name}"):
            continue
        change = Change(before, result)
        test.check(not change.is_worse, change.words)
        if change.is_better:
            print(f"    {RECORD.name} can be updated to this better count")


def sizes(test: harness.Test) -> None:
    excess = frames.over_budget(frames.sizes(test.build.kernel), frames.budget())
    test.check(not excess, "no coroutine frame exceeds frames.json", "\n".join(excess))
    command = [llvm_tool("size"), "--format=sysv", test.plain_build.kernel]
    sections = subprocess.run(command, capture_output=True, text=True).stdout
    for kind, names, limit in (("text", ".text", TEXT_LIMIT), ("data", (".data", ".bss"), DATA_LIMIT)):
        size = sum(int(line.split()[1]) for line in sections.splitlines() if line.startswith(names))
        test.check(0 < size <= limit, f"kernel {kind}: {size} bytes (at most {limit})", sections)


def profile(test: harness.Test) -> None:
    recorded = from_json(RECORD.read_text(), RECORD.name).find("syscall.null", INSTRUCTIONS)
    command = [harness.ROOT / "cotrap", "bench", "--build", test.folder, "--profile", "syscall.null"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=harness.TIMEOUT)
    total = re.match(r"syscall.null: ([\d.]+) instructions", done.stdout)
    # The benchmark's program prints more in the recorded run, so the two runs differ by a few instructions.
    about_equal = total is not None and abs(float(total[1]) - recorded.value) < 5
    what = f"--profile finds about as many instructions as are recorded: {total and total[1]}"
    test.check(about_equal, what, done.stderr)
    for function in ("partial_save", "cotrap_trap_entry", "trap::FastPathAnswer call<.*getppid.*"):
        found = re.search(rf"^ +[\d.]+ +\d+%  {function}$", done.stdout, re.MULTILINE)
        test.check(found is not None, f"… among them some in {function}", done.stdout)


def stackful_jobs(test: harness.Test) -> None:
    """`./cotrap bench stackful` measures both kinds of jobs."""
    found = stackful.measure(Bench(test.build, Machine(), timeout=harness.TIMEOUT), test.folder)
    values = {(each.row, each.kind, each.measure): each.value for each in found}
    for row in ("switch@1000", "spawn"):
        few, many = (values[row, kind, "instructions"] for kind in stackful.KINDS)
        test.check(0 < few < many, f"{row}: {few:.0f} instructions stackless, {many:.0f} stackful")
    few, many = (values["memory", kind, "bytes"] for kind in stackful.KINDS)
    test.check(few < 128 and many < 5_000, f"a job that waits: {few:.0f} and {many:.0f} bytes")
    for kind in stackful.KINDS:
        misses = values["switch@16", kind, "cache misses"]
        test.check(misses < 0.1, f"the caches hold 16 {kind} jobs: {misses:.2f} misses a switch")


# The most instructions on the trap path `trampoline`, with the fast paths of the shape `call`.
ON_TRAMPOLINE = {"syscall.null": 90, "fault.reuse": 270, "irq.user.bare": 120}


def other_shape(test: harness.Test) -> None:
    """Counts the rows of `./cotrap bench shapes` on this build."""
    counts = shapes.count(Bench(test.build, Machine(), timeout=harness.TIMEOUT), shapes.ROWS)
    for row in shapes.ROWS:
        test.check(counts.get(row, 0) > 0, f"{row} is counted: {counts.get(row, 0):.2f}")
    if test.folder.name == shapes.PRESETS["call", "trampoline"]:
        for row, limit in ON_TRAMPOLINE.items():
            test.check(counts[row] <= limit, f"{row} takes at most {limit} instructions: {counts[row]:.2f}")


with harness.Test(__doc__, harness.COUNTED) as test:
    trampoline = test.folder.name == shapes.PRESETS["call", "trampoline"]
    usual = test.folder.name not in tuple(shapes.PRESETS.values())[1:]
    if test.everyday and (usual or trampoline):
        on_one_hart(test, trampoline)
    if not usual:
        other_shape(test)
    else:
        if test.everyday:
            without_counting(test)
            sizes(test)
            stackful_jobs(test)
        on_several_harts(test)
        if test.rest:
            profile(test)
