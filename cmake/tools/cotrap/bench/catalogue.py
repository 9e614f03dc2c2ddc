"""The list of benchmarks: what each measures, its goal and its needs. Their programs are in user/bench/,
and docs/benchmarks.md has a paragraph on each."""

from dataclasses import dataclass


GLIBC = "bench-glibc"  # the program of the distribution's compiler. It executes bench-glibc-dynamic


@dataclass(frozen=True)
class Benchmark:
    """A benchmark. The goal is the largest count that reaches it, in the result's unit, on a machine of one
    hart. goal_on_several: the same on machines of several harts.

    exact: two counted runs give the same result; otherwise only the benchmark's time is measured.
    recorded: the result depends on the kernel alone, so tests compare it with a record; it includes no
    firmware code and does not depend on the order in which harts run. instructions: the counted result
    is a number of instructions, not a time or bytes. alone: it is counted on one hart only, because
    with instruction counting the harts run one at a time.
    """

    name: str
    about: str
    goal: float | None = None
    goal_on_several: float | None = None
    exact: bool = True
    instructions: bool = True
    recorded: bool = True
    alone: bool = False
    disk: bool = False
    share: bool = False  # it reads a file of a folder of the host
    harts: int = 1  # the smallest number that it can run on
    trampoline: bool = False  # it runs on the kernel with the trap path `trampoline`
    program: str = "bench"  # the program that measures it
    program_name: str = ""  # its name in that program, if that is not `name`

    @property
    def name_in_program(self) -> str:
        return self.program_name or self.name

    def counts_on(self, harts: int) -> bool:
        """Whether it can be counted on so many harts. Counts of a share depend on when the host answers."""
        return (self.exact or self.share) and not (self.alone and harts > 1)


_ALL = (
    Benchmark("boot", "power-on to the first program's first instruction", 18e6,
              recorded=False, instructions=False),
    Benchmark("boot.kernel", "the kernel's entry to the first program's first instruction", 5e6,
              instructions=False),
    Benchmark("trap.roundtrip", "into the kernel and back, handled by a coroutine that could await"),
    Benchmark("trap.roundtrip.handler", "into the kernel and back, handled by a loop that returns a constant",
              95),
    Benchmark("trap.roundtrip.trampoline", "trap.roundtrip if the kernel has a space of its own",
              trampoline=True, program_name="trap.roundtrip"),
    Benchmark("syscall.null", "getppid", 150, 80),
    Benchmark("syscall.fast", "gettid, which reads only the calling thread", 80),
    Benchmark("syscall.unknown", "a call that does not exist", 120),
    Benchmark("syscall.ring@1", "an empty request by a ring, one at a time", 300),
    Benchmark("syscall.ring@8", "an empty request by a ring, one of 8 in a batch"),
    Benchmark("syscall.ring@64", "an empty request by a ring, one of 64 in a batch", 80),
    Benchmark("uring.nop@1", "an empty request by io_uring, one at a time", 300),
    Benchmark("uring.nop@64", "an empty request by io_uring, one of 64 in a batch", 80),
    Benchmark("pread.call", "read 64 bytes of a file, by a system call", None, 290),
    Benchmark("pread.ring@1", "read 64 bytes of a file by a ring, one at a time"),
    Benchmark("pread.ring@64", "read 64 bytes by a ring, one of 64, adjacent in file and memory", 129),
    Benchmark("pread.ring.apart@64", "read 64 bytes by a ring, one of 64, adjacent in the file only"),
    Benchmark("yield.alone", "sched_yield while no other thread is ready", 120),
    Benchmark("yield.process", "sched_yield between two processes and back, both switches", 600, 860),
    Benchmark("yield.float", "yield.process, while both processes use floating-point registers"),
    Benchmark("yield.thread", "sched_yield between two threads and back, both switches", 560),
    Benchmark("switch.process", "one of the two switches of yield.process", 290),
    Benchmark("switch.coroutine", "a yield of a kernel coroutine to another", 45),
    Benchmark("switch.coroutine@1000", "a yield of a kernel coroutine while a thousand are ready", 45),
    Benchmark("switch.coroutine@100000", "a yield of a kernel coroutine while a hundred thousand are ready",
              45),
    Benchmark("switch.thread", "a switch between two kernel stacks, without a scheduler"),
    Benchmark("ipc.channel", "send a value to another kernel coroutine and one back, by channels"),
    Benchmark("user.switch", "a yield of a program's coroutine to another", 70),
    Benchmark("user.switch.stackful", "a yield of a program's stackful job to another"),
    Benchmark("user.spawn", "start a program's coroutine, let it end, join it"),
    Benchmark("user.spawn.stackful", "start a program's stackful job, let it end, join it"),
    Benchmark("user.channel", "a program's coroutine receives from a channel that has a value", 100),
    Benchmark("user.preempt", "from a notification to a program's coroutine, which preempts a step", 1_500),
    Benchmark("ipc.pipe", "send a byte to another process and one back, by pipes", 2_000, 2_340),
    Benchmark("ipc.unix", "send a byte to another process and one back, by AF_UNIX stream sockets", 2_500),
    Benchmark("inet.tcp", "send a byte to another process and one back, by TCP over 127.0.0.1", 12_000),
    Benchmark("inet.udp", "send a byte to another process and one back, by UDP over 127.0.0.1"),
    Benchmark("epoll.self", "an event of an eventfd, and the epoll_pwait that reports it", 2_000),
    Benchmark("epoll.pair", "a round trip of two threads by eventfds and epoll_pwait"),
    Benchmark("epoll.edge", "a round trip of two threads by eventfds that epoll watches with EPOLLET", 2_000),
    Benchmark("ipc.futex", "a futex wake of another thread, and one back", 1_500, 1_720),
    Benchmark("pipe.self", "write a byte to a pipe and read it", 600, 570),
    Benchmark("pipe.ring@64", "write and read a byte by a ring, 64 of each in a batch", 248),
    Benchmark("futex.wake", "a futex wake that no thread waits for", 120),
    Benchmark("fault.zero", "the first write to a page", 600, 560),
    Benchmark("fault.cow", "a write to a page shared with a child: the kernel copies it", 1_600),
    Benchmark("fault.reuse", "a write to a page that is no longer shared: no copy", 350),
    Benchmark("map.page", "mmap and munmap of an untouched page", 800),
    Benchmark("read.cached", "read 4 KiB of a file in memory", 1_300),
    Benchmark("read.large", "read 1 MiB of a file in memory by one call", 298_000),
    Benchmark("signal.self", "a signal to the thread itself: the call, the handler and the return", 1_200),
    Benchmark("file.end", "the last close of a removed file of 32 MiB", 20_000),
    Benchmark("spawn.thread", "start a thread, let it end, wait for it", 3_000),
    Benchmark("spawn.fork", "fork a minimal program, let it exit, wait for it", 12_000),
    Benchmark("spawn.process", "fork, execve of a minimal program, exit, wait", 25_000),
    Benchmark("fork.touched", "a page that fork shares and the child's exit gives up", 40),
    Benchmark("spawn.coroutine", "start a kernel coroutine, let it end, join it"),
    Benchmark("irq.user", "an interrupt in a program that wakes a less urgent coroutine"),
    Benchmark("irq.user.bare", "irq.user without the claim of the interrupt and the wake", 120),
    Benchmark("irq.wake", "from an interrupt in a coroutine's step to its handler, after the step", 250),
    Benchmark("irq.preempt", "from an interrupt in a coroutine's step to its handler, which preempts it"),
    Benchmark("wake.remote", "from the wake of a coroutine on another, idle hart to its run",
              harts=2, recorded=False, instructions=False),
    Benchmark("wake.urgent", "from the wake of the most urgent thread to its run, under load", recorded=False,
              alone=True, instructions=False),
    Benchmark("wake.ordinary", "from the wake of an ordinary thread to its run, under load", recorded=False,
              alone=True, instructions=False),
    Benchmark("timer.wake", "how late threads of the highest priority wake under load", 10_000,
              recorded=False, alone=True, instructions=False),
    Benchmark("timer.wake.alone", "how late a thread wakes without load", 1_000,
              instructions=False),
    Benchmark("timer.wake.disk", "how late urgent threads wake under load with a busy disk", 10_000,
              exact=False, disk=True, instructions=False),
    Benchmark("block.read@1", "read a block of the disk, one at a time", 3_000, disk=True),
    Benchmark("block.read@64", "read a block of the disk, one of 64 parallel readers",
              exact=False, disk=True),
    Benchmark("block.ring@64", "read a block of the disk by a ring, one of 64", exact=False, disk=True),
    Benchmark("share.read@1", "read 4 KiB of a file of the host (9P), one at a time", exact=False,
              recorded=False, share=True),
    Benchmark("memory.thread", "the kernel's memory for a thread that waits", 2_048,
              instructions=False),
    Benchmark("memory.coroutine", "the kernel's memory for a kernel coroutine that waits", 96,
              instructions=False),
    Benchmark("memory.process", "the kernel's memory for a forked process that waits", 24_576,
              instructions=False),
)  # fmt: skip

# The cost of an operation beside few and beside many objects. The goal beside many is twice the cost that the
# operation had beside few when the goal was set.
# Which words share a list depends on the kernel's addresses, so growth.futex is not recorded.
_GROWTH = tuple(Benchmark(f"growth.{name}", about, goal, recorded="futex" not in name, program="bench-growth")
                for name, about, goal in (
    ("futex@100", "futex.wake while 100 threads wait for other words", None),
    ("futex@10000", "futex.wake while 10,000 threads wait for other words", 326),
    ("urgent@100", "wake the urgent one of the threads that wait for a word, 100 others", None),
    ("urgent@10000", "wake the urgent one of the threads that wait for a word, 10,000 others", 2_380),
    ("map@50", "mmap and munmap of two pages beside 50 holes of one page", None),
    ("map@5000", "mmap and munmap of two pages beside 5,000 holes of one page", 2_830),
    ("child@20", "wait4 for one of 20 children, without waiting", None),
    ("child@2000", "wait4 for one of 2,000 children, without waiting", 882),
    ("zombie@20", "wait4 for any child that has ended, 20 beside 20 that live", None),
    ("zombie@2000", "wait4 for any child that has ended, 2,000 beside 2,000 that live", 1_490),
    ("writer@40", "read 4 KiB of a pipe for which 40 writers wait, and write it", None),
    ("writer@4000", "read 4 KiB of a pipe for which 4,000 writers wait, and write it", 7_460),
    ("priority@100", "sched_setscheduler of one of 100 ready threads", None),
    ("priority@10000", "sched_setscheduler of one of 10,000 ready threads", 1_050),
    ("directory@100", "getdents64, an entry of a directory of 100", None),
    ("directory@10000", "getdents64, an entry of a directory of 10,000", 738),
    ("thread@100", "start a thread and wait for its end beside 100 that wait", None),
    ("thread@10000", "start a thread and wait for its end beside 10,000 that wait", 6_560),
    ("epoll@10", "epoll_pwait on 10 eventfds, of which one is ready", None),
    ("epoll@10000", "epoll_pwait on 10,000 eventfds, of which one is ready", 784),
    ("connection@10", "send a byte over one of 10 AF_UNIX connections, epoll_pwait, receive it", None),
    ("connection@10000", "send a byte over one of 10,000 AF_UNIX connections, epoll_pwait, receive it", 2_540),
    ("request@10", "send a byte over one of 10 AF_UNIX connections, from each of which a ring reads", None),
    ("request@10000", "send a byte over one of 10,000 AF_UNIX connections, from each of which a ring reads", 6_650),
    ("timer@100", "arm a timer and stop it beside 100 threads that wait for a time", None),
    ("timer@10000", "arm a timer and stop it beside 10,000 threads that wait for a time", 1_680),
    ("signal@100", "send a signal to the own process of 100 threads that wait, and handle it", None),
    ("signal@10000", "send a signal to the own process of 10,000 threads that wait, and handle it", 4_360),
    ("file@10", "open a file and close it beside 10 descriptors", None),
    ("file@1000", "open a file and close it beside 1,000 descriptors", 3_740),
    ("lock@100", "lock a byte of a file and unlock it beside 100 locks of the file", None),
    ("lock@10000", "lock a byte of a file and unlock it beside 10,000 locks of the file", 5_020),
    ("terminal@10", "make a pseudo-terminal and close it beside 10 others", None),
    ("terminal@1000", "make a pseudo-terminal and close it beside 1,000 others", 9_900),
    ("create@100", "create a file and remove it beside 100 files of the directory", None),
    ("create@10000", "create a file and remove it beside 10,000 files of the directory", 10_700),
    ("group@20", "start a process and wait for its end beside 20 of its group", None),
    ("group@2000", "start a process and wait for its end beside 2,000 of its group", 18_000),
))  # fmt: skip

_GLIBC = tuple(Benchmark(f"glibc.{name}", about, goal, program=GLIBC) for name, about, goal in (
    ("thread", "pthread_create and pthread_join", 6_000),
    ("process", "fork, execve of a static program, exit, wait", 60_000),
    ("dynamic", "fork, execve of a dynamic program, exit, wait", None),
))  # fmt: skip

BENCHMARKS = {benchmark.name: benchmark for benchmark in (*_ALL, *_GROWTH, *_GLIBC)}
BASELINE = "syscall.null"  # tables without a comparison show results as multiples of this one
