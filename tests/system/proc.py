"""/proc has the files and the columns that docs/reference/proc.md lists."""

import re

import harness
from cotrap.qemu import Machine

PAGE = (harness.ROOT / "docs" / "reference" / "proc.md").read_text()
FILES = sorted(re.findall(r"^\| \[`/proc/(\S+)`\]", PAGE, re.MULTILINE))
# Their first line names the columns.
TABLES = ("deadlines", "disks", "harts", "processes", "stacks", "syscalls", "threads")
SCRIPT = "; echo ==; ".join(
    ("ls /proc", "ls /proc/self", "cat /proc/meminfo", *(f"head -n 1 /proc/{name}" for name in TABLES))
)


def section(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def columns(name: str) -> list[str]:
    """The names in the first cells of a section's table."""
    cells = re.findall(r"^\| (`.*?) \|", section(name), re.MULTILINE)
    return re.findall(r"`([^`]+)`", " ".join(cells))


COUNTING = "; echo ==; ".join(
    (
        "echo on > /proc/syscalls; sleep 0.2; cat /proc/1/syscalls",
        "ps -s 1",
        "ps -s",
        "echo off > /proc/syscalls; cat /proc/1/syscalls",
        "sleep 0.1; cat /proc/1/syscalls",
        "echo maybe > /proc/syscalls; cat /proc/9999/syscalls; cat /proc/0/syscalls; cat /proc/01/syscalls",
    )
)


def counts(text: str) -> dict[str, tuple[int, int]]:
    """The number of calls and their time, by the calls' names."""
    rows = [line.split("\t") for line in text.strip().split("\n")[1:]]
    return {row[5]: (int(row[2]), int(row[3])) for row in rows}


def counted_calls(test: harness.Test, harts: int) -> None:
    """The shell, process 1, waits for each of its children. So its calls of wait4 take as long as they run. On one
    hart time is counted: a busy host does not delay the shell between fork and wait4."""
    is_counted = harts == 1
    done = test.run("/bin/sh", "-c", COUNTING, machine=Machine(harts, icount=is_counted))
    parts = done.text.split("==\n")
    if not test.check(len(parts) == 6, f"calls are counted ({harts} harts)", done.text):
        return
    on, one, everyone, off, later, wrong = parts
    first = counts(on)
    calls, time = first.get("wait4", (0, 0))
    least = 100_000_000 if is_counted else 1
    test.check(calls >= 1 and time >= least, "  … with the time of their waits", on)
    fast = [name for name in ("close", "pipe2", "dup3", "openat", "rt_sigprocmask", "clone") if name in first]
    test.check(len(fast) > 0, "  … also those that end at once", on)
    test.check("wait4" in one and "ps" not in one, "ps -s 1 shows the calls of process 1", one)
    test.check(re.search(r"^ *1 .* wait4$", everyone, re.MULTILINE) is not None, "ps -s shows all", everyone)
    test.check(counts(off).get("wait4", (0, 0))[0] > calls, "the counts grow while calls are counted", off)
    test.check(off == later, "  … and not after that", later)
    test.check("EINVAL" in wrong or "invalid" in wrong, "another word than on and off is an error", wrong)
    test.check(wrong.count("no such") == 3, "only processes have directories", wrong)


STAT = "cat /proc/self/stat /proc/self/statm"
LINES = "; echo ==; ".join(
    (
        "cat /proc/self/comm",
        "cat /proc/self/cmdline",
        "cat /proc/self/maps",
        "cat /proc/self/status",
        "cd /tmp; cd /proc/1/cwd; pwd; cd /proc/1/root; pwd",
        "cat /proc/mounts",
        "cat /proc/stat",
        "cat /proc/loadavg",
    )
)


def processes(test: harness.Test, harts: int) -> None:
    """The texts of a process have Linux's forms (proc(5))."""
    machine = Machine(harts)
    done = test.run("/bin/sh", "-c", STAT, machine=machine)
    stat, statm = [*done.text.split("\n"), "", ""][:2]
    test.check(" (cat) R " in stat and len(stat.split()) == 52, f"stat has 52 fields ({harts} harts)", done.text)
    test.check(len(statm.split()) == 7, "statm has 7 numbers", done.text)
    done = test.run("/bin/sh", "-c", LINES, machine=machine)
    parts = done.text.split("==\n")
    if not test.check(len(parts) == 8, f"texts of processes ({harts} harts)", done.text):
        return
    comm, arguments, maps, status, links, mounts, times, load = parts
    test.check(comm == "cat\n", "comm is the name of the program", comm)
    test.check(arguments == "cat\0/proc/self/cmdline\0", "cmdline has the arguments", arguments)
    area = r"[0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] [0-9a-f]{8} 00:00 0( +\S+)?"
    lines = maps.splitlines()
    test.check(all(re.fullmatch(area, line) for line in lines), "maps has lines of Linux's form", maps)
    test.check("[stack]" in maps and "/bin/cat" in maps, "maps names the stack and the program", maps)
    is_running = "Name:\tcat\n" in status and "State:\tR (running)\n" in status
    test.check(is_running, "status has the name and the state", status)
    test.check(links == "/tmp\n/\n", "cwd and root are links", links)
    test.check("tmpfs /tmp tmpfs rw,relatime 0 0\n" in mounts, "mounts lists /tmp", mounts)
    cpus = re.findall(r"^cpu\d* +\d+ 0 0 \d+ 0 0 0 0 0 0$", times, re.MULTILINE)
    test.check(len(cpus) == harts + 1, "stat has a line for each hart", times)
    is_load = re.fullmatch(r"(\d+\.00 ){3}\d+/\d+ \d+\n", load) is not None
    test.check(is_load, "loadavg has five numbers", load)


with harness.Test(__doc__, all_everyday=True) as test:
    for harts in (1, 4):
        processes(test, harts)
    for harts in (1, 4):
        counted_calls(test, harts)
    for harts in (1, 4):
        done = test.run("/bin/sh", "-c", SCRIPT, machine=Machine(harts))
        files, own, memory, *heads = [part.split("\n") for part in done.text.split("==\n")]
        numbers = [name for name in files if re.fullmatch(r"\d+/", name)]
        test.check("1/" in numbers, f"/proc lists processes ({harts} harts)", done.text)
        there = [name for name in files if name not in ("", "self", *numbers)]
        there += [f"self/{name}" for name in own if name]
        there = [name.removesuffix("/") for name in there]
        test.check(sorted(there) == FILES, f"the page lists every file of /proc ({harts} harts)", done.text)
        test.check(all(map(section, FILES)), "  … and has a section for each file", str(FILES))
        names = [line.partition(":")[0] for line in memory if line]
        listed = re.findall(r"`([A-Z]\w+)`", section("meminfo"))
        test.check(names == listed, "the page names the lines of meminfo", done.text)
        for name, head in zip(TABLES, heads, strict=True):
            same = head[0].split("\t") == columns(name)
            test.check(same, f"the page names the columns of {name}", done.text)
