"""Static Linux programs of the cross compiler have the same output as in QEMU's user-mode emulation.

The test runs each program twice with the same arguments and the same standard input (same_output.py).
"""

import re
import shutil
import subprocess
from pathlib import Path

import harness
import same_output
from cotrap.qemu import Machine

# The expected texts of manuals(). This one is what getrlimit(2) and mmap(2) demand, because the emulator
# does not implement these limits.
MEMORY_LIMITS = """\
stack: 8388608, at most -1
stack, in another program: 2097152, at most -1
… dies of SEGV
stack, in another program: 16777216, at most -1
4 MiB of stack were used
address space: 41943040, at most -1
a mapping beyond the limit: ENOMEM
a heap beyond the limit: ENOMEM
mappings up to the limit: ok
a mapping that replaces another: ok
a mapping without a limit: ok
"""
# What open(2) demands for access mode 3, which emulators do not pass on, and what open(2),
# unlink(2) and rmdir(2) demand for names that cannot be removed. Only /tmp is writable.
ODD_OPENS = """\
both: 3
read(both, &byte, 1): EBADF
write(both, &byte, 1): EBADF
ftruncate(both, 1): EINVAL
lseek(both, 0, SEEK_END): 0
fcntl(both, F_GETFL) & O_ACCMODE: 3
open("/tmp", O_ACCMODE): EISDIR
open("/bin/sh", O_ACCMODE): EROFS
open("/bin/sh", O_RDONLY | O_TRUNC): EROFS
symlink("x", "/bin/new/"): ENOENT
rmdir("/bin/nothing"): EROFS
unlink("/bin/nothing"): EROFS
unlink("/bin/sh"): EROFS
unlink("/bin/sh/"): ENOTDIR
unlink("/dev/null"): EROFS
unlink("/bin"): EISDIR
unlink("/tmp"): EISDIR
unlink("/tmp/"): EISDIR
unlink("/dev"): EISDIR
rmdir("/dev/null"): ENOTDIR
rmdir("/bin/sh"): ENOTDIR
rmdir("/proc/version"): ENOTDIR
rmdir("/proc/self/exe"): ENOTDIR
unlinkat(AT_FDCWD, "/dev/null", AT_REMOVEDIR): ENOTDIR
rmdir("/bin"): EROFS
rmdir("/dev"): EBUSY
rmdir("/proc/"): EBUSY
rmdir("/tmp"): EBUSY
"""
# What pipe_write() does in Linux 6.12, fs/pipe.c. The emulator checks addresses before the write.
BAD_ADDRESSES = """\
pipe2(end, O_NONBLOCK): 0
mprotect(bad, page, PROT_NONE): 0
writev(end[1], few, 2): EFAULT
read(end[0], bytes, sizeof bytes): EAGAIN
write(end[1], bad - 2, 4): EFAULT
read(end[0], bytes, sizeof bytes): EAGAIN
write(end[1], bytes, page - 1): 4095
write(end[1], bad - 2, 4): EFAULT
read(end[0], bytes, sizeof bytes): 4095
write(end[1], memory, 4 * page): 12288
read(end[0], bytes, sizeof bytes): 12288
writev(end[1], many, 2): 4096
read(end[0], bytes, sizeof bytes): 4096
"""
# What sigwaitinfo(2) demands.
WAITERS = """\
awaited: 1
awaited: 1
"""
# What sigaction(2) demands for SA_NOCLDSTOP.
CHILD_SIGNALS = """\
a child: stopped by STOP
SIGCONT: continued
SIGKILL: killed by KILL
CLD_KILLED: 1, CLD_STOPPED: 0, CLD_CONTINUED: 0
"""
KEPT_ENDS = """\
nanosleep keeps its end behind a stop: 12
FUTEX_WAIT keeps its end behind a stop: 12
ppoll keeps its end behind a stop: 12
"""
# What the first process of Linux does, and POSIX demands for orphaned groups: only the end of a process that
# orphans its group signals the group.
FIRST_PROCESS = """\
SIGSTOP does not stop the first process
a child of its group: stopped by STOP
the end of another one: SIGHUP 0
SIGKILL: killed by KILL
pipe(group_ends): 0
the end of an inherited process leaves its group stopped: 1
"""
# What tty_vhangup() and hung_up_tty_fops of Linux 6.12 do, drivers/tty/tty_io.c.
LEADER_ENDS = """\
pipe(ends): 0
SIGHUP: 1
poll: 1, 1d
read: 0
write: -1 EIO
tcgetattr: -1 EIO
isatty: 0
/dev/tty: -1 ENXIO
the other end: 7 "hello\\015\\012"
and then: EIO
opened again: 1
the other end: 6 "more\\015\\012"
"""
# What munmap(2) and madvise(2) demand.
HOLES = """\
unmap the middle: ok
… unmap it again: ok
… MADV_WILLNEED over the gap: ENOMEM
… MADV_DONTNEED over the gap: ENOMEM
MADV_DONTNEED before the gap: ok
unmap address 0: ok
"""
# What processes share after clone(2) with CLONE_FS, CLONE_FILES and CLONE_SIGHAND, and after execve(2).
SHARED_PARTS = """\
after an execve: 1
closed in a copy: 1
closed: -1
copied: /, 022
shared: /tmp, 007
ignored in a copy: 0
ignored: 1
after an execve: 0
"""
# A read continues on the file on which it began.
REPLACED = """\
pipe(first): 0
pipe(second): 0
write(second[1], "2", 1): 1
dup2(second[0], first[0]): 3
ended: 0
write(first[1], "1", 1): 1
1: 1
"""
# What execve(2) demands. The emulator cannot execute a program.
LIBRARY_HANDLERS = """\
a thread: no error
  its result: no error
  after its end: no error
  in the thread: no error
signal 33 has a handler
signal 33 has no handler
"""
# What futex(2) and pthread_mutex_consistent(3) demand. The emulator has no robust mutexes.
DEAD_HOLDERS = """\
set PTHREAD_PRIO_INHERIT: 0
make a mutex: 0
make a robust mutex: 0
pthread_mutex_lock(&mutex): 0
a lock whose holder dies during the wait: 130
pthread_mutex_consistent(&mutex): 0
pthread_mutex_unlock(&mutex): 0
pthread_mutex_lock(&mutex): 0
a lock whose holder is dead: 130
pthread_mutex_consistent(&mutex): 0
pthread_mutex_unlock(&mutex): 0
"""
# The expected text of reservations(): what sched_setattr(2) and sched(7) demand.
RESERVATIONS = """\
zeros: EINVAL
too short a runtime: EINVAL
a runtime above the deadline: EINVAL
a deadline above the period: EINVAL
too short a period: EINVAL
too long a period: EINVAL
a negative deadline: EINVAL
sched_setscheduler: EINVAL
2 of 10 ms: ok
  48: policy 6, flags 0, nice 0, priority 0
  2000000 within 10000000 each 20000000 ns
the same, with a period of 10 ms: ok
  48: policy 6, flags 0, nice 0, priority 0
  2000000 within 10000000 each 10000000 ns
range of priorities: 0 to 0
fork: EAGAIN
… with reset on fork: ok
  48: policy 0, flags 0, nice 0, priority 0
a reservation above 95 %: EBUSY
a reservation up to 95 %: ok
SCHED_OTHER: ok
  48: policy 0, flags 0, nice 0, priority 0
"""
THROTTLED = """\
10 of 300 ms: ok
an ordinary thread waits for a throttled holder: whole periods
SCHED_FIFO: ok
10 of 300 ms: ok
a real-time thread waits for a throttled holder: less than half a period
2 of 50 ms: ok
four yields take four periods
"""
# The calls of the programs long_calls and large_memory during which another thread or process must run.
LONG_CALLS = "pread64", "readv", "pwrite64", "pread64 past the end", "mmap with MAP_POPULATE", "getrandom"
LARGE_MEMORY = "fork", "madvise", "munmap", "brk"


def outside(program: Path) -> subprocess.CompletedProcess:
    """Runs the program in QEMU's user-mode emulation, with the same argument 0 as in the kernel."""
    arguments = same_output.ARGUMENTS.get(program.name, [])
    return subprocess.run(
        ["qemu-riscv64", "-0", f"/linux/{program.name}", program, *arguments],
        input=same_output.INPUT.get(program.name, b""),
        stdout=subprocess.PIPE,
        timeout=harness.TIMEOUT,
    )


def manuals(test: harness.Test, harts: int) -> None:
    """Cases in which the emulator differs from Linux. The expected texts say what Linux prints."""
    machine = test.machine(harts=harts)
    script = b"cd /linux\n./lives started\ncd /\nlinux/lives started\n"
    done = test.run("/bin/sh", stdin=script, machine=machine)
    test.check(
        done.status == 5 and done.text.count("its tid is the pid") == 2,
        f"programs start by relative paths ({harts} harts)",
        done.text + done.why,
    )
    for program, argument, expected, what in (
        ("limits", "memory", MEMORY_LIMITS, "limits of memory work"),
        ("mappings", "holes", HOLES, "calls report gaps in memory"),
        ("shares", "parts", SHARED_PARTS, "children share the parts that clone's flags name"),
        ("error_number", "handlers", LIBRARY_HANDLERS, "execve drops the handlers of the C library"),
        ("inheriting", "robust", DEAD_HOLDERS, "robust and PI locks report dead holders"),
        ("signals", "waiters", WAITERS, "each of two threads that await a signal gets one of two"),
        ("jobs", "nocldstop", CHILD_SIGNALS, "a parent with SA_NOCLDSTOP learns only of ends"),
        ("jobs", "waits", KEPT_ENDS, "a wait that is stopped ends when it would have ended otherwise"),
        ("jobs", "first", FIRST_PROCESS, "the first process does not stop"),
        ("terminals", "leader", LEADER_ENDS, "the end of a session's leader hangs its terminal up"),
        ("pipes", "addresses", BAD_ADDRESSES, "a page is written to a pipe as a whole or not at all"),
        ("names", "opens", ODD_OPENS, "open() takes access mode 3, and fixed names cannot be removed"),
    ):
        done = test.run(f"/linux/{program}", argument, machine=machine)
        test.check(done.text == expected, f"{what} ({harts} harts)", done.text + done.why)


def sleeping_order(test: harness.Test) -> None:
    done = test.run("/linux/sleeping", "order", machine=Machine(icount=True))
    expected = "finished in order: 1 2 3 4 5 6\n"
    test.check(done.text == expected, "threads wake in the order of their times", done.text + done.why)


def replaced_descriptor(test: harness.Test) -> None:
    """Counted time makes the read begin before its descriptor is replaced."""
    done = test.run("/linux/waits", "replaced", machine=Machine(icount=True))
    what = "a read continues on its file if its descriptor is replaced"
    test.check(done.text == REPLACED, what, done.text + done.why)


def steps(test: harness.Test) -> None:
    """Needs counted time: by the clock, a busy host may wake the other thread or process only after the call
    has ended."""
    for program, calls in (("long_calls", LONG_CALLS), ("large_memory", LARGE_MEMORY)):
        done = test.run(f"/linux/{program}", "others", machine=Machine(icount=True))
        for call in calls:
            ran = re.search(rf"^{call}: (\d+ bytes, )?another \w+ ran$", done.text, re.M) is not None
            test.check(ran, f"others run during a long call: {call}", done.text + done.why)


def reservations(test: harness.Test) -> None:
    done = test.run("/linux/attributes", "reservations", machine=Machine())
    what = "sched_setattr admits and refuses reservations"
    test.check(done.text == RESERVATIONS, what, done.text + done.why)


def throttled(test: harness.Test) -> None:
    done = test.run("/linux/attributes", "throttled", machine=Machine(icount=True))
    what = "a throttled thread runs for urgent waiters of its lock, and sched_yield ends its job"
    test.check(done.text == THROTTLED, what, done.text + done.why)


def clock_without_trap(test: harness.Test) -> None:
    """A system call takes 170 instructions, and the vDSO fewer than 60."""
    done = test.run("/linux/vdso", "cost", machine=Machine(icount=True))
    counted = re.fullmatch(r"(\d+) instructions\n", done.text)
    what = "programs read the clock without a trap"
    test.check(counted is not None and int(counted[1]) < 60, what, done.text + done.why)


def power(test: harness.Test) -> None:
    done = test.run("/bin/sh", stdin=b"/linux/settings off\necho after\nexit 7\n")
    test.check(done.text == "it ends\n" and done.status == 0, "reboot ends the machine", done.text + done.why)


def unknown_calls(test: harness.Test) -> None:
    done = test.run("/linux/unknown", quiet=False)
    numbers = [500, 511, 512, 600, 601, 900, 901, 1 << 40, (1 << 64) - 5]
    counts = [len(re.findall(rf"no system call {number}\b", done.text)) for number in numbers]
    what = "unknown calls are logged, each number once"
    test.check(counts == [1] * len(numbers), what, done.text)


with harness.Test(__doc__, "programs for riscv64 (hosted_programs tests those of the host)") as test:
    folder = test.folder / "linux-programs"
    programs = sorted(path for path in folder.glob("*") if path.is_file())
    sources = (harness.ROOT / "tests" / "system" / "programs" / "linux").glob("*.c*")
    missing = {path.stem for path in sources} - {path.name for path in programs}
    test.check(not missing, f"{len(programs)} programs were built", f"missing: {missing}")
    test.check(shutil.which("qemu-riscv64") is not None, "QEMU's user-mode emulation is installed")
    expected = {program.name: outside(program) for program in programs}
    test.add(folder, "linux")
    for harts in test.harts_of_tier:
        same_output.check(test, expected, test.machine(harts=harts), f"{harts} harts")
        manuals(test, harts)
        same_output.check(test, same_output.recorded(), test.machine(harts=harts), f"{harts} harts")
    if test.everyday:
        sleeping_order(test)
        replaced_descriptor(test)
        steps(test)
        reservations(test)
        throttled(test)
        clock_without_trap(test)
        unknown_calls(test)
        power(test)
