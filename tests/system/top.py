"""`./cotrap top`: its tables while a program runs, on either machine."""

import re
import subprocess
from dataclasses import dataclass

import harness

_NAMES = {"sleep": "sleep", "cat": "read", "sh": "child", "console": "serial port"}


def top(test: harness.Test, *words) -> subprocess.Popen:
    command = [harness.ROOT / "cotrap", "top", "--build", test.folder, "--every", "0.6"]
    command += ["--harts", "2", *words]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shell(test: harness.Test, script: str) -> subprocess.Popen:
    return top(test, test.folder / "user" / "bin" / "sh", "-c", script)


def whole(test: harness.Test) -> None:
    process = shell(test, "sleep 3 | cat; echo done; exit 3")
    said, errors = process.communicate(timeout=100)
    test.check(process.returncode == 3, "the program's exit status", errors)
    test.check(said.endswith("done\n"), "… and the end of its output", said)
    test.check(said.count("since boot:") >= 2, "a table now and then", said)
    hart = re.search(r"^hart 1 .* \d+%", said, re.MULTILINE)
    test.check(hart is not None, "with the harts", said)
    for who, what in _NAMES.items():
        line = rf"^{who}( \d+)? +waiting +\d +\d+ .*{what}$"
        test.check(re.search(line, said, re.MULTILINE) is not None, f"{who} waits for {what}", said)
    last = tables(said)[-1]
    test.check(last.harts == [("", 0)] * 2, "harts that idle are not busy", said)
    test.check(errors == "", "nothing else is said", errors)


def cut_short(test: harness.Test) -> None:
    process = shell(test, "sleep 60")
    process.stdout.readline()
    process.stdout.close()
    status = process.wait(timeout=30)
    test.check(status == 141, "it ends when nobody reads it any more", f"status {status}")
    errors = process.stderr.read()
    test.check(errors == "", "… and says nothing", errors)


def computing(test: harness.Test) -> None:
    """Programs that nothing is noted of for seconds."""
    program = test.folder / "test-programs" / "computing"
    for threads, timed in ((2, ()), (1, ()), (2, ("--icount",))):
        if timed and test.lacks("computing threads, counted", harness.COUNTED):
            return
        what = f"{threads} computing threads{' counted' * bool(timed)}"
        process = top(test, "--timeout", "5", *timed, program, str(threads))
        said, errors = process.communicate(timeout=100)
        test.check(process.returncode == 124, f"{what}: it ends in time", errors)
        found = tables(said)[1:]
        if not test.check(len(found) >= 2, f"{what}: a table now and then", said):
            continue
        names = [f"computing {n + 1}" if n < threads else "" for n in range(2)]
        expected = [(name, 100 if name else 0) for name in names]
        run_on = all(near(each.harts, expected) for each in found)
        test.check(run_on, f"{what}: every hart's row has who runs there, and how much", said)
        same = all(each.tasks == {n: name for n, name in enumerate(names) if name} for each in found)
        test.check(same, f"{what}: so have the tasks' rows", said)
        grows = found[0].seconds < found[1].seconds
        test.check(grows or timed, f"{what}: time goes on", said)


def near(harts: list, expected: list) -> bool:
    """To what an interrupt may take."""
    return len(harts) == len(expected) and all(
        name == wanted and abs(busy - share) <= 10
        for (name, busy), (wanted, share) in zip(harts, expected)
    )


@dataclass
class Table:
    """harts: who runs on each, and percents. tasks: who says that it runs there and has most of it."""

    seconds: float
    harts: list[tuple[str, int]]
    tasks: dict[int, str]


def tables(said: str) -> list[Table]:
    found = []
    for text in re.split(r"^(?=.* s since boot: )", said, flags=re.MULTILINE)[1:]:
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
    whole(test)
    computing(test)
    cut_short(test)
