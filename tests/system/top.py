"""`./cotrap top` prints correct tables while a program runs, on both machines."""

import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

import harness

_NAMES = {"sleep": "sleep", "cat": "read", "sh": "child", "console": "serial port"}


def top(test: harness.Test, harts: int, *words) -> subprocess.Popen:
    command = [harness.ROOT / "cotrap", "top", "--build", test.folder, "--every", "0.3"]
    command += ["--harts", str(harts), *words]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shell(test: harness.Test, harts: int, script: str) -> subprocess.Popen:
    return top(test, harts, test.folder / "user" / "bin" / "sh", "-c", script)


def read_until(process: subprocess.Popen, enough: Callable[[str], bool]) -> str:
    """Returns the output of top up to the line with which enough() is true, or up to the time limit.
    It then closes the pipe, so top ends."""
    give_up = threading.Timer(harness.TIMEOUT, process.kill)
    give_up.start()
    output = ""
    while not enough(output) and (line := process.stdout.readline()):
        output += line
    process.stdout.close()
    process.wait()
    give_up.cancel()
    return output


def whole(test: harness.Test, harts: int) -> None:
    process = shell(test, harts, "sleep 3 | cat; echo done; exit 3")
    output, errors = process.communicate(timeout=harness.TIMEOUT)
    test.check(process.returncode == 3, f"{harts} harts: top exits with the program's status", errors)
    test.check(output.endswith("done\n"), "… after the program's output", output)
    test.check(errors == "", "… and prints no messages", errors)


def waiting(test: harness.Test, harts: int) -> None:
    patterns = [rf"^{task}( \d+)? +waiting +\d +\d+ .*{reason}$" for task, reason in _NAMES.items()]
    idle = [("", 0)] * harts

    def enough(output: str) -> bool:
        """Whether top has shown that every program waits, and its latest complete table shows idle harts. The
        first table does not count."""
        found = tables(output)[:-1]  # the last table is incomplete
        return len(found) >= 2 and found[-1].harts == idle and all(seen(output))

    def seen(output: str) -> list[bool]:
        return [re.search(pattern, output, re.MULTILINE) is not None for pattern in patterns]

    output = read_until(shell(test, harts, "sleep 100000 | cat"), enough)
    test.check(output.count("since boot:") >= 2, f"{harts} harts: top prints several tables", output)
    hart = re.search(rf"^hart {harts - 1} .* \d+%", output, re.MULTILINE)
    test.check(hart is not None, "… with a row for each hart", output)
    for (task, reason), is_seen in zip(_NAMES.items(), seen(output), strict=True):
        test.check(is_seen, f"the table shows that {task} waits for {reason}", output)
    test.check(enough(output), "idle harts have a share of 0 %", output)


def cut_short(test: harness.Test) -> None:
    process = shell(test, 2, "sleep 60")
    process.stdout.readline()
    process.stdout.close()
    status = process.wait(timeout=harness.TIMEOUT)
    test.check(status == 141, "top ends when its output is closed", f"status {status}")
    errors = process.stderr.read()
    test.check(errors == "", "… and prints no message", errors)


def ends_in_time(test: harness.Test) -> None:
    program = test.folder / "test-programs" / "computing"
    process = top(test, 2, "--timeout", "3", program, "1")
    _, errors = process.communicate(timeout=harness.TIMEOUT)
    test.check(process.returncode == 124, "--timeout ends top", errors)


def computing(test: harness.Test, harts: int) -> None:
    """top also counts the time of programs that cause no trace event for seconds. The shares of a hart that
    computes do not depend on the host. Those of an idle hart do, because a host may stop the hart while it
    takes an interrupt."""
    program = test.folder / "test-programs" / "computing"
    for threads, timed in ((harts, ()), (harts, ("--icount",)), (harts - 1, ("--icount",))):
        if threads == 0:
            continue
        if timed and test.lacks("computing threads, counted", harness.COUNTED):
            return
        what = f"{harts} harts, {threads} computing threads{', counted' * bool(timed)}"
        programs = ["computing" if n < threads else "" for n in range(harts)]
        expected = [(name, 100 if name else 0) for name in programs]

        def since_all_run(output: str, expected=expected) -> list[Table]:
            """The tables after the first one that has all threads. That one is left out, because its shares
            also cover time before all threads ran."""
            whole = tables(output)[:-1]
            run = [near(each.harts, expected) for each in whole]
            return whole[run.index(True) + 1 :] if True in run else []

        process = top(test, harts, *timed, program, str(threads))
        output = read_until(process, lambda output: len(since_all_run(output)) >= 2)
        found = since_all_run(output)
        if not test.check(len(found) >= 2, f"{what}: top prints several tables", output):
            continue
        run_on = all(near(each.harts, expected) for each in found)
        test.check(run_on, f"{what}: every hart's row has its thread and its share", output)
        names = [{hart: name for hart, (name, _) in enumerate(each.harts) if name} for each in found]
        test.check(len(set(names[0].values())) == threads, f"{what}: the threads have names", output)
        same = all(each.tasks == names[0] == running for each, running in zip(found, names))
        test.check(same, f"{what}: so have the tasks' rows", output)
        grows = found[0].seconds < found[1].seconds
        test.check(grows or timed, f"{what}: the time advances", output)


def near(harts: list, expected: list) -> bool:
    """Compares programs and shares, with a tolerance for interrupts. After the program's name comes the
    number of the thread."""
    return len(harts) == len(expected) and all(
        name.partition(" ")[0] == wanted and abs(busy - share) <= 10
        for (name, busy), (wanted, share) in zip(harts, expected)
    )


@dataclass
class Table:
    """harts: each hart's running task and busy percent. tasks: by hart, the task that uses most of it."""

    seconds: float
    harts: list[tuple[str, int]]
    tasks: dict[int, str]


def tables(output: str) -> list[Table]:
    found = []
    for text in re.split(r"^(?=.* s since boot: )", output, flags=re.MULTILINE)[1:]:
        harts = re.findall(r"^hart \d+ .*?(\d+)% *(.*)$", text, re.MULTILINE)
        tasks = re.findall(r"^(.*?) +running +(\d+) +\d+ +(\S+)%", text, re.MULTILINE)
        found.append(
            Table(
                float(re.search(r"([\d.]+) s since boot", text)[1]),
                [(name, int(busy)) for busy, name in harts],
                {int(hart): name for name, hart, share in tasks if float(share) > 50},
            )
        )
    return found


with harness.Test(__doc__, all_everyday=True) as test:
    for harts in test.same_harts:
        whole(test, harts)
        waiting(test, harts)
        computing(test, harts)
    ends_in_time(test)
    cut_short(test)
