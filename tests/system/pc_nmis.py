"""Non-maskable interrupts at each instruction of a PC's entry and exit change no register of a program.

QEMU's interface for gdb stops the machine in front of an instruction. The test then sends an NMI, which
the hart takes there."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import harness
from cotrap.llvm import llvm_output
from cotrap.qemu import Machine
from gdb_client import RSP, Debugger

# Labels of trap/pc/user_entry.S: the code between them runs only when the kernel reports a bug of its own.
REPORTS = ("emergency", "cotrap_exception_gates")
NMI, IPI = 4 << 8, 0xf0  # messages of the delivery mode NMI, and with the vector of IPIs (machine/vectors.h)
# The number of instructions that this test does not reach: those for an interrupt that comes just before the
# hart enters or leaves a program, and those for an interrupt that preempts a preemptible job.
UNREACHED = 14
ENOUGH, MOST_TRIALS = 20, 400  # how many interrupts must arrive early, and the most attempts for that


class Code:
    """The instructions of the kernel, in the order of their addresses."""

    def __init__(self, kernel: Path):
        listed = llvm_output("objdump", "-d", "--no-show-raw-insn", kernel)
        self.instructions: list[tuple[int, str]] = []
        self.labels: dict[str, int] = {}
        for line in listed.splitlines():
            if label := re.match(r"([0-9a-f]+) <(.*)>:", line):
                self.labels.setdefault(label[2], int(label[1], 16))
            elif instruction := re.match(r"([0-9a-f]+):\s*(.*)", line):
                self.instructions.append((int(instruction[1], 16), instruction[2]))

    def between(self, first: str, last: str) -> Iterator[int]:
        begin, end = self.labels[first], self.labels[last]
        return (at for at, text in self.instructions if begin <= at < end and not text.startswith("nop"))

    def describe(self, addresses: Iterable[int]) -> str:
        texts = dict(self.instructions)
        return "".join(f"{at:x}: {texts[at]}\n" for at in sorted(addresses))

    def accepting(self) -> list[int]:
        """The addresses of each `nop` behind `sti` by which the kernel accepts interrupts."""
        texts = [text.split()[0] if text else "" for _, text in self.instructions]
        pattern = ["pushfq", "sti", "nop", "popfq"]
        return [
            self.instructions[i + 2][0]
            for i in range(len(texts) - len(pattern) + 1)
            if texts[i : i + len(pattern)] == pattern
        ]


@contextmanager
def debugged(test: harness.Test) -> Iterator[tuple[Debugger, Callable]]:
    """Boots the program `registers`. Yields a debugger, and a function that waits for the end of the run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gdb"
        machine = Machine(extra=("-gdb", f"unix:{path},server=on,wait=off"))
        ends: list[harness.Done] = []
        program = ("/bin/sh", "-c", "sleep 1; /registers")  # the hart also sleeps

        def boot() -> None:
            ends.append(test.run(*program, machine=machine))

        run = threading.Thread(target=boot, daemon=True)
        run.start()

        def end() -> harness.Done:
            run.join()
            return ends[0]

        yield Debugger(path), end


def raise_nmi(debugger: Debugger, at: int, gate: int) -> bool:
    """The machine has stopped at `at`. Returns whether it takes an NMI there."""
    debugger.no_longer_stop_at(at)
    debugger.stop_at(gate)
    debugger.interrupt(NMI)
    stopped = debugger.run()
    debugger.no_longer_stop_at(gate)
    return stopped == gate and debugger.word(debugger.register(RSP)) == at


def at_each_instruction(test: harness.Test, code: Code) -> None:
    """Sends an NMI at each instruction of the entry and the exit of user mode, and of those of interrupts in the
    kernel."""
    gate = code.labels["nmi_gate"]
    reports = set(code.between(*REPORTS))
    left = {at for at in code.between("cotrap_enter_user", "cotrap_exception_gates") if at not in reports}
    left |= set(code.between("hal_halt", "hal_halt_end"))
    count, wrong = len(left), []
    with debugged(test) as (debugger, end):
        for at in left:
            debugger.stop_at(at)
        while left and (at := debugger.run()) is not None:
            left.remove(at)
            if not raise_nmi(debugger, at, gate):
                wrong.append(at)
        debugger.leave(left)
        done = end()
    taken = count - len(left) - len(wrong)
    what = f"a program keeps its registers although the hart takes NMIs at {taken} instructions"
    test.check(done.status == 0 and taken > 0, what, done.text + done.why)
    test.check(not wrong, "… each in front of the instruction for which it was raised", code.describe(wrong))
    test.check(len(left) <= UNREACHED, f"… and at all but {len(left)} of the code", code.describe(left))


def behind_sti(test: harness.Test, code: Code) -> None:
    """An NMI ends the delay of `sti`, so the hart accepts an interrupt one instruction earlier than without."""
    gate, from_kernel = code.labels["nmi_gate"], code.labels["from_kernel"]
    places = code.accepting()
    early = 0
    with debugged(test) as (debugger, end):
        for at in places:
            debugger.stop_at(at)
        for _ in range(MOST_TRIALS):
            at = debugger.run()
            if at is None or early == ENOUGH:
                break
            debugger.interrupt(IPI)
            if raise_nmi(debugger, at, gate):
                debugger.stop_at(from_kernel)
                if debugger.run() == from_kernel:
                    vector_and_error = 16
                    early += debugger.word(debugger.register(RSP) + vector_and_error) == at
                debugger.no_longer_stop_at(from_kernel)
            debugger.stop_at(at)
        debugger.leave(places)
        done = end()
    what = f"{early} interrupts arrive behind `sti`, because an NMI has ended its delay"
    test.check(early == ENOUGH, what, done.text + done.why)
    test.check(done.status == 0, "… and the program keeps its registers", done.text + done.why)


with harness.Test(__doc__, harness.PC, all_everyday=True) as test:
    test.add(test.folder / "test-programs" / "registers", "registers")
    code = Code(test.build.kernel)
    at_each_instruction(test, code)
    behind_sti(test, code)
