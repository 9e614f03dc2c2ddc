"""`./cotrap top`: its tables while a program runs, on either machine."""

import re
import subprocess

import harness

_NAMES = {"sleep": "sleep", "cat": "read", "sh": "child", "console": "serial port"}


def top(test: harness.Test, script: str) -> subprocess.Popen:
    command = [harness.ROOT / "cotrap", "top", "--build", test.folder, "--every", "0.6"]
    command += ["--harts", "2", test.folder / "user" / "bin" / "sh", "-c", script]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def whole(test: harness.Test) -> None:
    process = top(test, "sleep 3 | cat; echo done; exit 3")
    said, errors = process.communicate(timeout=100)
    test.check(process.returncode == 3, "the program's exit status", errors)
    test.check(said.endswith("done\n"), "… and the end of its output", said)
    test.check(said.count("since boot:") >= 2, "a table now and then", said)
    hart = re.search(r"^hart 1 .* \d+%", said, re.MULTILINE)
    test.check(hart is not None, "with the harts", said)
    for who, what in _NAMES.items():
        line = rf"^{who}( \d+)? +waiting +\d +\d+ .*{what}$"
        test.check(re.search(line, said, re.MULTILINE) is not None, f"{who} waits for {what}", said)
    quiet = "nothing has happened since the last look"
    test.check(quiet in said, "shares of no time are not shown", said)
    test.check(errors == "", "nothing else is said", errors)


def cut_short(test: harness.Test) -> None:
    process = top(test, "sleep 60")
    process.stdout.readline()
    process.stdout.close()
    status = process.wait(timeout=30)
    test.check(status == 141, "it ends when nobody reads it any more", f"status {status}")
    errors = process.stderr.read()
    test.check(errors == "", "… and says nothing", errors)


with harness.Test(__doc__) as test:
    whole(test)
    cut_short(test)
