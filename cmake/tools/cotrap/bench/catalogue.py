"""The benchmarks: what each is about, what it needs, and what Cotrap is for. The programs are in
user/bench/, a paragraph on each is in docs/benchmarks.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Benchmark:
    """goal: of what is counted, in its unit. exact: counted twice it is the same; where it is not,
    only the clock has something to say. recorded: it is the kernel's alone, and so the same
    everywhere: not the firmware's, nor a matter of who happens to meet whom. instructions: counted, it
    is of those, and not of a clock or of bytes. alone: counted on one
    hart only; of several that count one runs at a time, while the others' threads wait for it.
    """

    name: str
    about: str
    goal: float | None = None
    exact: bool = True
    instructions: bool = True
    recorded: bool = True
    alone: bool = False
    disk: bool = False
    harts: int = 1  # at least
    trampoline: bool = False  # of the other trap path's kernel
    program_name: str = ""  # what the program calls it, if not `name`

    @property
    def asked_as(self) -> str:
        return self.program_name or self.name

    def counts_on(self, harts: int) -> bool:
        """Whether an exact figure is to be had."""
        return self.exact and not (self.alone and harts > 1)


_ALL = (
    Benchmark("boot", "power-on to the first program's first instruction", 18e6,
              recorded=False, instructions=False),
    Benchmark("boot.kernel", "the kernel's entry to the first program's first instruction", 5e6,
              instructions=False),
    Benchmark("trap.roundtrip", "into the kernel and back, by a coroutine that might have awaited"),
    Benchmark("trap.roundtrip.handler", "the same by a loop that only answers with a constant", 95),
    Benchmark("trap.roundtrip.trampoline", "the same where the kernel has a space of its own",
              trampoline=True, program_name="trap.roundtrip"),
    Benchmark("syscall.null", "getppid", 150),
    Benchmark("syscall.fast", "gettid, which needs nothing but the caller", 80),
    Benchmark("syscall.unknown", "a call that does not exist", 120),
    Benchmark("syscall.ring@1", "a call that does nothing, by a ring, alone", 300),
    Benchmark("syscall.ring@8", "the same, one of 8 in a batch"),
    Benchmark("syscall.ring@64", "the same, one of 64", 80),
    Benchmark("pread.call", "64 bytes of a file, as a call"),
    Benchmark("pread.ring@1", "the same by a ring, alone"),
    Benchmark("pread.ring@64", "the same, one of 64 in a batch, side by side in file and memory",
              129),
    Benchmark("pread.ring.apart@64", "the same, side by side in the file only"),
    Benchmark("yield.alone", "sched_yield with nobody else", 120),
    Benchmark("yield.process", "sched_yield of two processes in turn, both switches", 600),
    Benchmark("yield.thread", "sched_yield of two threads in turn, both switches", 560),
    Benchmark("switch.process", "one of those switches, to another process", 300),
    Benchmark("switch.coroutine", "a yield of a kernel coroutine to another", 45),
    Benchmark("switch.coroutine@1000", "the same with a thousand ready", 45),
    Benchmark("switch.coroutine@100000", "the same with a hundred thousand ready", 45),
    Benchmark("switch.thread", "one kernel stack left for another, without a scheduler"),
    Benchmark("ipc.channel", "a value to another kernel coroutine and one back, by channels"),
    Benchmark("user.switch", "a yield of a program's coroutine to another", 70),
    Benchmark("user.channel", "a program's coroutine awaits a channel that has what it wants", 100),
    Benchmark("ipc.pipe", "a byte to another process and one back", 2_000),
    Benchmark("ipc.futex", "a futex wake of another thread, and one back", 1_500),
    Benchmark("pipe.self", "a byte into a pipe and out again", 600),
    Benchmark("pipe.ring@64", "the same by a ring, 64 ways in and 64 out in a batch", 248),
    Benchmark("futex.wake", "a futex wake with nobody there", 120),
    Benchmark("fault.zero", "the first write to a page", 600),
    Benchmark("fault.cow", "a write to a page shared with a child: copied", 1_600),
    Benchmark("fault.reuse", "a write to a page that was shared: kept", 350),
    Benchmark("map.page", "mmap and munmap of an untouched page", 800),
    Benchmark("read.cached", "4 KiB of a file in memory", 1_300),
    Benchmark("file.end", "the last close of a removed file of 32 MiB", 20_000),
    Benchmark("spawn.thread", "a thread begins, ends and is waited for", 3_000),
    Benchmark("spawn.fork", "fork, exit, wait of a minimal program", 12_000),
    Benchmark("spawn.process", "fork, execve, exit, wait of a minimal program", 25_000),
    Benchmark("spawn.coroutine", "a kernel coroutine is started, ends and is joined"),
    Benchmark("irq.wake", "an interrupt in a coroutine's step to its handler, when that is over"),
    Benchmark("irq.preempt", "an interrupt in a coroutine's step to its handler, which preempts"),
    Benchmark("wake.remote", "a wake of a coroutine on another hart, which idles, until it runs",
              harts=2, recorded=False, instructions=False),
    Benchmark("wake.urgent", "a wake of a thread beside load to its run, above all", recorded=False,
              alone=True, instructions=False),
    Benchmark("wake.ordinary", "the same of a thread that is one of many", recorded=False,
              alone=True, instructions=False),
    Benchmark("timer.wake", "how late threads of the highest priority wake beside load", 10_000,
              recorded=False, alone=True, instructions=False),
    Benchmark("timer.wake.alone", "how late one wakes with nothing else to do", 1_000,
              instructions=False),
    Benchmark("timer.wake.disk", "how late they wake beside load and a busy disk", 10_000,
              exact=False, disk=True, instructions=False),
    Benchmark("block.read@1", "a block of the disk, one at a time", 3_000, disk=True),
    Benchmark("block.read@64", "a block of the disk, 64 readers at once", exact=False, disk=True),
    Benchmark("block.ring@64", "the same, one of 64 in a ring's batch", exact=False, disk=True),
    Benchmark("memory.thread", "the kernel's memory for a thread that waits", 2_048,
              instructions=False),
    Benchmark("memory.coroutine", "a kernel coroutine that waits", 96, instructions=False),
    Benchmark("memory.process", "the kernel's memory for a forked process that waits", 24_576,
              instructions=False),
)  # fmt: skip

BENCHMARKS = {benchmark.name: benchmark for benchmark in _ALL}
BASELINE = "syscall.null"  # others are so many times as long
