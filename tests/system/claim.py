"""A trap claims an external interrupt and pushes it to its handler before it uses a stack.

The paths are taken from the addresses that two benchmarks execute, from the trap's entry to the end of the
push. Then interrupts arrive while the kernel's stack pointer is broken.
"""

import re

import harness
from cotrap.bench.boots import Bench
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.profile import TRAMPOLINE, trace
from cotrap.llvm import llvm_output
from cotrap.qemu import Machine
from kernel_paths import kernel_paths, symbols

MOST_INSTRUCTIONS = 60  # from the trap's entry to the end of the push
ENTRY = "cotrap_trap_entry"
# By the interrupted code: the benchmark, and the label behind the claim.
PATHS = {"a program": ("irq.user", "claimed"), "a step of the kernel": ("irq.wake", "check_stack")}

# What self-test interrupt-broken-stack does to sp, and how the report calls it.
STACKS = {
    "has overflowed": "stack overflow in the kernel",
    "has no room left": "stack overflow in the kernel",
    "is null": "stack pointer outside the stack in the kernel",
    "is above its stack": "stack pointer outside the stack in the kernel",
}


def instructions(kernel) -> dict[int, str]:
    """The kernel's instructions by address."""
    listed = llvm_output("objdump", "-d", "--no-show-raw-insn", "--mattr=+a", kernel)
    return {int(at, 16): text for at, text in re.findall(r"^([0-9a-f]{16}): *\t(.*)$", listed, re.MULTILINE)}


def check_path(test: harness.Test, what: str, benchmark: str, label: str) -> None:
    kernel = test.build.kernel
    at = symbols(kernel)
    page = range(at["kernel_trampoline"], at["kernel_trampoline"] + 4096)

    def executed_at(name: str) -> int:
        return at[name] - page.start + TRAMPOLINE if at[name] in page else at[name]

    def linked_at(address: int) -> int:
        return address - TRAMPOLINE + page.start if address >= TRAMPOLINE else address

    end = executed_at(label)
    found, _ = trace(
        Bench(test.build, Machine()),
        BENCHMARKS[benchmark],
        1,
        lambda executed: kernel_paths(executed, executed_at(ENTRY), range(end, end + 1)),
    )
    text = instructions(kernel)
    paths = [[text.get(linked_at(address), "?") for address in path] for path in found]
    pushes = [path for path in paths if any(each.startswith("amoswap.d") for each in path)]
    if not test.check(bool(pushes), f"an interrupt of {what} is claimed and pushed on the way to `{label}`"):
        return
    longest = max(pushes, key=len)
    name = f"… in {len(longest)} instructions (at most {MOST_INSTRUCTIONS})"
    test.check(len(longest) <= MOST_INSTRUCTIONS, name, "\n".join(longest))
    on_stack = [each for path in paths for each in path if each.endswith("(sp)") or "?" in each]
    test.check(not on_stack, "… none of which reads or writes the stack", "\n".join(on_stack))


def broken_stacks(test: harness.Test) -> None:
    for kind, (what, reported) in enumerate(STACKS.items()):
        for harts in (1, 4):
            machine = Machine(harts=harts)
            done = test.run("/bin/self-test", "interrupt-broken-stack", str(kind), machine=machine)
            where = f"{harts} hart{'s' * (harts > 1)}: an interrupt arrives while sp {what}"
            report = done.why
            panicked = report.count("kernel panic:") == 1 and f"kernel panic: {reported}" in report
            test.check(panicked, f"{where}: the kernel reports it", report)
            cause = re.search(r"cause 0x9, .*, pc (0x\w+),", report)
            pc = int(cause[1], 16) if cause else 0
            start = symbols(test.build.kernel)["cotrap_unmask_on_stack"]
            is_interrupted = start < pc < start + 32
            test.check(is_interrupted, "… as an external interrupt, with the interrupted pc", report)
            bell = r"'bell' .*waits: the bell, undelivered raises: 1$"
            pushed = re.search(bell, report, re.MULTILINE)
            test.check(pushed is not None, "… and has claimed and pushed the interrupt before", report)


with harness.Test(__doc__, harness.RISC_V, all_everyday=True) as test:
    for what, (benchmark, label) in PATHS.items():
        check_path(test, what, benchmark, label)
    broken_stacks(test)
