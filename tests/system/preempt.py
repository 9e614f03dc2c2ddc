"""Every row of the router is taken, and interrupts preempt the kernel's steps at every instruction."""

import re
from dataclasses import dataclass, replace

import harness
from cotrap.llvm import llvm_output
from cotrap.qemu import Machine

COUNTED = Machine(icount=True)


@dataclass(frozen=True)
class Fine:
    """Machines on which deadlines one tick of the clock apart reach every instruction. of_kernel, of_program:
    by the clock of the kernel's self-tests, and by that of the program `traps`. instructions: in a tick of
    the kernel's clock."""

    of_kernel: Machine
    of_program: Machine
    instructions: float

    @classmethod
    def of(cls, machine: str) -> "Fine":
        if machine == "pc":  # a tick of the kernel's clock is 1 ns, one of the program's 100 ns
            return cls(COUNTED, Machine(icount=True, shift=7), 1)
        # A tick is 100 ns, and an instruction takes 128 ns.
        fine = Machine(extra=("-icount", "shift=7,sleep=off", "-seed", "1"))
        return cls(fine, fine, 100 / 128)


# By machine: instructions of assembly for entry and exit of a kernel interrupt. On riscv64 they also claim.
ENTRY_LIMIT = {"riscv64": 68, "pc": 50}
SPURIOUS = 5  # instructions of these that only a claim without a pending line executes
# Self-test, name of the figure in its output, limits in instructions. A PC's interrupt controllers take
# more of them.
FIGURES = (
    ("bell-at-yield-point", "to-handler", {"riscv64": 250, "pc": 500}),
    ("bell-preempts", "to-handler", {"riscv64": 400, "pc": 650}),
    ("bell-preempts", "back", {"riscv64": 250, "pc": 250}),
)
YIELD_LIMIT = {"riscv64": 46, "pc": 56}  # instructions of a yield between coroutines of the kernel


# How late the most urgent thread may wake beside a process that does long work in the kernel, in ns of
# counted time; and the MiB of memory that the work uses.
LATEST = 20_000
LONG_WORK = {
    "fork": 256, "exit": 64, "munmap": 64, "mprotect": 64, "clear": 64, "replace": 64, "replace-file": 64,
    "execve": 64,
}  # fmt: skip
WITH_THREADS = {
    "fork": 256, "end-in-fork": 256, "exit": 64, "munmap": 64, "mprotect": 64, "replace": 64,
    "replace-file": 64,
}  # fmt: skip


def words(done: harness.Done) -> dict[str, int]:
    lines = (line.split("\t") for line in done.text.splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def without_self_tests(test: harness.Test) -> None:
    """The kernel that `./cotrap run` boots."""
    plain = test.plain_build
    done = test.run("/bin/self-test", "yield", build=plain)
    test.check(
        done.status == 1 and "this kernel has no self-tests" in done.text,
        "the kernel of `./cotrap run` answers ENOSYS to the call of the self-tests",
        done.text + done.why,
    )
    names = [
        llvm_output("nm", "--demangle", build.kernel) for build in (plain, test.build)
    ]
    found = ["kernel::self_tests::" in text for text in names]
    test.check(found == [False, True], "… and contains no code of them, unlike the kernel of the tests")


def long_work(test: harness.Test) -> None:
    """Long system calls of a process, without and with a second thread."""
    machine = Machine(icount=True, memory="1G")
    for works, extra, of in ((LONG_WORK, "", ""), (WITH_THREADS, " threads", " of a process with threads")):
        script = "; ".join(f"/urgent {work} {mib}{extra}" for work, mib in works.items())
        with test.added(test.folder / "test-programs" / "urgent", "urgent"):
            done = test.run("/bin/sh", "-c", script, machine=machine)
        latest = words(done)
        for work, mib in works.items():
            late = latest.get(work, 10**9)
            what = f"beside {work}{of} with {mib} MiB the most urgent thread wakes at most {late} ns late"
            test.check(late <= LATEST, f"{what} (limit: {LATEST})", done.text)


def self_test(test: harness.Test, *arguments: str, machine: Machine = COUNTED) -> dict[str, int]:
    done = test.run("/bin/self-test", *arguments, machine=machine)
    test.check(done.status == 0, f"self-test {' '.join(arguments)} ends with status 0", done.text)
    return words(done)


def demo(test: harness.Test) -> None:
    done = test.run("/bin/preempt", machine=COUNTED)
    test.check(done.status == 0, "the demo's claim holds", done.text)
    spin = self_test(test, "spin", "50")
    test.check(spin.get("intact") == 1, "a preempted coroutine keeps its registers")
    worst = spin.get("worst-late-ns", 10**9)
    test.check(worst <= 10**6, f"a more urgent coroutine is at most {worst} ns late (limit: 1 ms)")
    two = self_test(test, "spin-two", "50")
    shares = [two.get(f"rounds-of-{which}", 0) for which in ("first", "second")]
    test.check(
        min(shares) * 3 > max(shares) > 0, f"two coroutines that never yield share the hart: {shares} rounds"
    )


def figures(test: harness.Test) -> None:
    machine = test.build.machine
    for name, word, limits in FIGURES:
        limit = limits[machine]
        value = self_test(test, name).get(word, 10**9)
        test.check(value <= limit, f"{name} {word}: {value} instructions (at most {limit})")
    for name in ("bell-preempts", "bell-wakes", "bell-at-yield-point", "yield"):
        seen = self_test(test, name, machine=Machine())
        test.check(not seen, f"{name}: no counts without icount", str(seen))
    costs = {}
    for count in (10, 1_000, 100_000):
        report = self_test(test, "yield", str(count))
        costs[count] = report.get("instructions", 0) / report.get("switches", 1)
    # The counting loop takes ten instructions; with ten coroutines that is one instruction each.
    own = {count: cost - 10 / count for count, cost in costs.items()}
    test.check(0 < max(own.values()) <= YIELD_LIMIT[machine], f"a yield between kernel coroutines: {own}")
    test.check(max(costs.values()) <= 1.2 * min(costs.values()), "… for any number of ready coroutines")


def instructions_of_pc(text: str) -> int:
    """The instructions of an interrupt that stops a step, and of the return to the step."""
    gate, common = 3, 2  # pushq, pushq, jmp; testb, jz
    body = re.search(r"<from_kernel>:\n(.*?\tiretq)\n", text, re.S)
    return gate + common + len(re.findall(r"^[0-9a-f]+: ", body.group(1), re.M)) if body else 0


def instructions_of_riscv64(text: str) -> int:
    body = re.search(r"<cotrap_kernel_trap>:\n(.*?\tsret)\n", text, re.S)
    vector = re.search(r"<cotrap_trap_entry>:\n(.*?)\n\n", text, re.S)
    if not body or not vector:
        return 0
    path = re.findall(r"^[0-9a-f]+: ", body.group(1), re.M)
    # The vector adds csrrw, beqz, and one or two instructions to get here.
    jump = re.search(r"<from_kernel>:\n(.*?)\n\n", text, re.S)
    there = len(jump.group(1).splitlines()) if jump else 2
    return 2 + min(there, 2) + len(path) - SPURIOUS


def entry(test: harness.Test) -> None:
    text = llvm_output("objdump", "-d", "--no-show-raw-insn", test.build.kernel)
    machine = test.build.machine
    length = {"riscv64": instructions_of_riscv64, "pc": instructions_of_pc}[machine](text)
    limit = ENTRY_LIMIT[machine]
    if test.check(length > 0, "the entry code is found"):
        test.check(length <= limit, f"entry and exit: {length} instructions (at most {limit})")


def rows(test: harness.Test) -> None:
    done = test.run("/traps", "rows", machine=COUNTED)
    test.check(done.status == 0, "each row of the router is taken and counted", done.text)
    done = test.run("/traps", "rows", append="trace", machine=COUNTED)
    test.check(done.status == 0, "… and the trace has its events and no others", done.text)
    done = test.run("/bin/cat", "/proc/traps", append="trace", machine=COUNTED)
    test.check("enter-first" in done.text, "… also the row of the first program's entry", done.text)


def on_many_harts(test: harness.Test) -> None:
    """The thread that calls a self-test may move between harts; its coroutines stay on theirs."""
    machine = Machine(icount=True, harts=4)
    for name, argument in (("spin", "20"), ("nest", "9"), ("bell-preempts", "50"),
                           ("bell-wakes", "50"), ("bell-at-yield-point", "50")):  # fmt: skip
        report = self_test(test, name, argument, machine=machine)
        if name.startswith("bell"):
            test.check(report.get("to-handler", 0) > 0, "… and counts the instructions to the handler")
        else:
            test.check(report.get("intact") == 1, "… and preserves all registers")
    test.check(self_test(test, "nest", "4", machine=machine).get("preempted", 0) >= 3, "nesting")


def one_at_a_time(test: harness.Test) -> None:
    for harts in (1, 4):
        machine = Machine(icount=True, harts=harts)
        done = test.run("/self-tests", "refuse", machine=machine)
        test.check(
            done.status == 0, f"{harts} harts: one self-test runs at a time, and the bell has one handler",
            done.text + done.why,
        )  # fmt: skip
        done = test.run("/self-tests", "kill", machine=machine)
        longest = words(done).get("longest", 0) / 1e6
        test.check(
            done.status == 0, f"… and a self-test ends soon after its caller is killed ({longest:.1f} ms)",
            done.text + done.why,
        )  # fmt: skip


def elsewhere(test: harness.Test) -> None:
    counting = (Machine(2, icount=True), Machine(4, icount=True))
    for machine in (Machine(4),) if test.build.is_hosted else (*counting, Machine(4)):
        harts = machine.harts
        done = test.run(
            "/bin/sh", "-c", "self-test roam 200; cat /proc/stacks",
            machine=machine, quiet=True,
        )  # fmt: skip
        report = words(done)
        test.check(
            report.get("intact") == 1,
            f"a step preempted on one of {harts} harts continues on another with its registers",
            done.text + done.why,
        )  # fmt: skip
        if machine.icount:  # on a busy host no other hart may run in time to take the step
            moved, preempted = report.get("elsewhere", 0), report.get("preempted", 0)
            test.check(0 < moved <= preempted, f"… {moved} of {preempted} times")
            test.check(report.get("rounds", 0) > 0, "… and the step computes between preemptions")
        test.check(
            report.get("lost-stacks") == 0, "… and every stack pool is full again", done.text,
        )  # fmt: skip


def everywhere(test: harness.Test) -> None:
    ticks = 2_600
    fine = Fine.of(test.build.machine)
    report = self_test(test, "inject", str(ticks), machine=fine.of_kernel)
    inside, in_a_row = report.get("inside", 0), report.get("in-a-row", 0)
    test.check(
        report.get("intact") == 1 and report.get("preemptions", 0) >= 2 * ticks,
        f"{inside} of {ticks} interrupts came before the preempted coroutine had resumed", str(report),
    )  # fmt: skip
    places = int(in_a_row * fine.instructions)
    test.check(
        1_000 <= places and inside < ticks,
        f"… at {places} consecutive instructions, and others came later", str(report),
    )  # fmt: skip
    done = test.run("/traps", "inject", "60000", machine=fine.of_program)
    seen = words(done)
    places, length = seen.get("places", 0), seen.get("length", 1)
    test.check(
        done.status == 0 and seen.get("intact", 0) >= length and 0 < length <= places,
        f"… and at {places} of the {length} ticks of a program's trap and return",
        done.text,
    )  # fmt: skip


def pairs(test: harness.Test) -> bool:
    """An interrupt that comes while the hart serves another one, and before the program runs on."""
    count = 3_000
    done = test.run("/traps", "pairs", str(count), machine=Fine.of(test.build.machine).of_program)
    return test.check(
        done.status == 0 and words(done).get("pairs") == count,
        f"an interrupt up to {count} ticks after another one is not lost", done.text + done.why,
    )  # fmt: skip


def flushes(test: harness.Test) -> None:
    """A hart flushes its TLB on request at any instruction of the entry: a PC by a non-maskable interrupt."""
    machine = replace(Fine.of(test.build.machine).of_program, harts=2)
    done = test.run("/traps", "inject", "60000", "flushes", machine=machine)
    seen = words(done)
    places, length, flushed = seen.get("places", 0), seen.get("length", 1), seen.get("flushes", 0)
    test.check(
        done.status == 0 and 0 < length <= places and flushed >= 1_000,
        f"… also while another hart requests {flushed} flushes of its TLB",
        done.text + done.why,
    )  # fmt: skip


def wakes(test: harness.Test) -> None:
    """A job on one hart wakes a job of another hart and is preempted at each instruction of the wake."""
    machine = replace(Fine.of(test.build.machine).of_kernel, harts=2)
    report = self_test(test, "wake-preempted", "500", machine=machine)
    test.check(
        report.get("lost") == 0 and report.get("rounds") == 500,
        "a wake reaches another hart wherever the waking job is preempted", str(report),
    )  # fmt: skip
    in_midst = report.get("in-midst", 0)
    test.check(in_midst >= 10, f"… and {in_midst} preemptions hit the middle of a wake")


def limits(test: harness.Test) -> None:
    four = self_test(test, "nest", "4")
    test.check(four.get("intact") == 1 and four.get("preempted", 0) >= 3, "preemptions nest")
    done = test.run(
        "/bin/sh", "-c", "self-test nest 9; cat /proc/stacks", machine=COUNTED, quiet=True
    )
    last = done.text.splitlines()[-1].split("\t") if done.text else []
    test.check(
        "intact\t1" in done.text and len(last) == 6 and last[1:3] == ["4", "0"] and int(last[3]) > 0,
        "without a free stack preemption is refused and counted, and all stacks are returned", done.text,
    )  # fmt: skip
    marks = [int(mark) for mark in last[5].split(",")] if len(last) == 6 else [0]
    test.check(0 < min(marks) <= max(marks) < 8_192, f"the deepest use of each stack: {marks} bytes")


def counted(test: harness.Test) -> None:
    """The checks of traps, and those of preemption. What preempts is the same code on each machine, so a PC
    makes the latter in the rest."""
    for name in ("traps", "self-tests"):
        test.add(test.folder / "test-programs" / name, name)
    is_pc = test.build.machine == "pc"
    if test.everyday:
        entry(test)
        rows(test)
        if pairs(test):  # otherwise the next program waits for ever
            everywhere(test)
            if is_pc:
                flushes(test)
    if test.rest if is_pc else test.everyday:
        without_self_tests(test)
        demo(test)
        figures(test)
        limits(test)
        on_many_harts(test)
        one_at_a_time(test)
        elsewhere(test)
        wakes(test)
    if test.everyday:
        long_work(test)


def uncounted(test: harness.Test) -> None:
    """Without icount, steps are preempted and resumed on the same and on other harts."""
    test.lacks("counts, single rows, every instruction", harness.COUNTED)
    test.lacks("the bell's handlers", harness.QEMU)
    for name, argument in (("spin", "50"), ("nest", "4"), ("nest", "9")):
        # Whether the timer interrupts the self-test depends on the host. The loop repeats it until that
        # has happened once.
        while True:
            report = self_test(test, name, argument, machine=Machine())
            intact = test.check(report.get("intact") == 1, "… and preserves all registers")
            if not intact or report.get("preempted", 1) > 0:
                break
    elsewhere(test)


with harness.Test(__doc__) as test:
    if not test.build.is_hosted:
        counted(test)
    elif test.everyday:
        without_self_tests(test)
        uncounted(test)
