"""The interactive shell works at a pseudo-terminal."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import harness
import pexpect
from cotrap.qemu import Machine
from hang_watch import HangWatch
from harness import PROMPT

DAY = 8_640_000  # hundredths of a second; a counted idle clock that jumps wrongly is centuries ahead


def expect(test, shell, pattern: str, what: str) -> bool:
    try:
        shell.expect(pattern)
    except (pexpect.TIMEOUT, pexpect.EOF):
        return test.check(False, what, str(shell.before))
    return test.check(True, what)


def programs(test: harness.Test) -> None:
    """`--help` and a wrong option print the usage of each program, and nothing else happens."""
    names = "cat cp env free grep head kill ls mkdir mv ps rm seq sh sleep tee uname wc yes".split()
    script = "".join(f"{name} --help; echo $?\n{name} --none; echo $?\n" for name in names)
    done = test.run("/bin/sh", "-c", script)
    lines = done.text.splitlines()
    for index, name in enumerate(names):
        usage, asked, again, wrong = lines[4 * index : 4 * index + 4] or [""] * 4
        test.check(
            usage.startswith(f"usage: {name}") and (asked, again, wrong) == ("0", usage, "2"),
            f"{name} --help and {name} --none print the usage of {name}",
            done.text,
        )


def uname(test: harness.Test) -> None:
    """uname prints one field for each letter in a fixed order. Without a letter it prints the system's
    name."""
    asked = ("", "-s", "-n", "-r", "-v", "-m", "-a", "-m -s", "-sm", "-mx", "-a more")
    script = "".join(f"uname {options};echo $?;" for options in asked)
    done = test.run("/bin/sh", "-c", script)
    printed, codes = done.text.splitlines()[::2], done.text.splitlines()[1::2]
    names = printed[:6]
    test.check(
        names[:2] == ["Cotrap", "Cotrap"]
        and names[5:] == [test.build.processor]
        and printed[6:] == [" ".join(names[1:]), *[f"Cotrap {test.build.processor}"] * 2, *printed[9:]]
        and all(line.startswith("usage: uname ") for line in printed[9:])
        and codes == ["0"] * 9 + ["2"] * 2,
        "uname prints the fields that its options request",
        done.text,
    )


def clock(test: harness.Test) -> None:
    """The clock advances while the shell waits for keys, also with icount."""
    done = test.run(
        "/bin/sh",
        typed=harness.Dialogue(
            (PROMPT, "cat /proc/uptime\n"),
            (r"\d\r?\n" + PROMPT, "sleep 0.2\n"),
            (PROMPT, "cat /proc/uptime\n"),
            (r"\d\r?\n" + PROMPT, "exit\n"),
        ),
        machine=Machine(icount=True),
    )
    times = re.findall(r"^(?:cotrap:/\$ )*(\d+)\.(\d\d) (\d+)\.(\d\d)\r?$", done.text, re.MULTILINE)
    hundredths = [(int(a + b), int(c + d)) for a, b, c, d in times]
    up, idle = zip(*hundredths or [(0, 0)], strict=True)
    test.check(
        len(times) == 2 and up[0] + 20 <= up[1] < DAY and idle[0] + 19 <= idle[1] <= up[1],
        "the clock advances while the shell waits, and /proc/uptime counts the idle time",
        done.text + done.why,
    )


def lost_output(test: harness.Test) -> None:
    """A program that cannot write its output reports this and ends with status 1, and the shell continues."""
    names = ("echo x", "seq 9", "ls", "cat /proc/version", "yes", "pwd")
    script = "".join(f"{name} > /dev/full; echo $?;" for name in names)
    done = test.run("/bin/sh", "-c", script)
    test.check(
        done.text.splitlines().count("1") == len(names)
        and all(f"{name.split()[0]}: standard output: no space left" in done.text for name in names),
        "programs report that their output is lost",
        done.text,
    )


@contextmanager
def terminal(command: list[str], **options) -> Iterator[pexpect.spawn]:
    """Runs the command at a pseudo-terminal. If its machine hangs, the terminal closes."""
    shell = pexpect.spawn(command[0], command[1:], timeout=harness.TIMEOUT, encoding="utf-8", **options)
    with HangWatch(shell.pid, lambda: shell.kill(signal.SIGTERM)):
        yield shell
    shell.close()


def talk(test: harness.Test, harts: int) -> None:
    command = [str(harness.ROOT / "cotrap"), "run", "-q", "--build", str(test.folder)]
    command += ["--harts", str(harts)]
    with terminal(command, dimensions=(24, 80)) as shell:
        dialogue(test, shell)
    with terminal(command) as shell:
        expect(test, shell, PROMPT, "the shell starts again")
        shell.send("\x01x")
        expect(test, shell, pexpect.EOF, "Ctrl-A X ends the machine")
        shell.close()
        test.check(shell.exitstatus == 0, "with status 0", str(shell.exitstatus))


def dialogue(test: harness.Test, shell: pexpect.spawn) -> None:
    def line(text: str, pattern: str, what: str) -> None:
        """Types a line; the pattern and then a prompt must follow its echo."""
        shell.send(text + "\r")
        shell.expect_exact(text)
        if expect(test, shell, pattern, what):
            expect(test, shell, PROMPT, f"the prompt is back after `{text}`")

    if not expect(test, shell, PROMPT, "the shell starts with a prompt"):
        return
    line("help", "Ctrl-D", "help explains the keys")
    line("ls /bin", "cat", "ls lists the programs")
    line("ps", "sh", "ps lists the shell")
    line("seq 1 100 | grep 7 | wc", r"\b19\b", "a pipeline of three programs counts the lines with a 7")
    line("false; echo status $?", r"status 1\r", "$? is the status of the last program")
    line("nonesuch", "not found", "an unknown name is an error")
    line("sleep 1 &", r"\d", "& prints the job")
    line("echo one > /tmp/f; echo two >> /tmp/f; cat < /tmp/f", "one\r\ntwo", "> and >> write to a file")
    line("cat /none 2> /tmp/e; wc /tmp/e", r"\b1\b.*/tmp/e", "2> writes error messages to a file")
    line("echo at once", r"\nat once", "the shell works while a job runs in the background")
    line("sh -c 'sleep 0.5; echo slept > /tmp/s' &", r"\d", "two programs run as a job")
    line("wait; cat /tmp/s", r"\nslept", "wait waits for the job")

    shell.send("echo wrong\x7f\x7f\x7f\x7f\x7fright\r")
    expect(test, shell, r"\nright\r", "backspace edits the line")
    expect(test, shell, PROMPT, "the prompt is back")

    for key, name in (("\x03", "Ctrl-C"), ("\x1c", "Ctrl-\\")):
        shell.send("sh -c 'echo begin; sleep 1000'\r")
        shell.expect_exact("begin\r\n")
        shell.send(key)
        expect(test, shell, PROMPT, f"{name} ends the program but not the shell")
        shell.send("echo half a li" + key)
        expect(test, shell, "half a li.*" + PROMPT, f"{name} drops a line and prints a new prompt")
    line("sleep 1000 &", r"\d", "a program starts in the background")
    shell.send("\x03")
    expect(test, shell, PROMPT, "Ctrl-C at an empty prompt prints another prompt")
    line("jobs", r"\d sleep 1000", "the program in the background still runs")
    line("kill -NONE 1; echo $?", r"kill: unknown signal NONE\s+2", "kill reports an unknown signal")
    line("kill 1; echo still here", "\nstill here", "the shell survives `kill 1`")
    line("sh", "Cotrap's shell", "a shell starts in the shell")
    line("exit", "", "exit returns to the first shell")

    shell.send("cat\r")
    shell.expect_exact("cat")
    shell.send("typed once\r")
    shell.expect_exact("typed once")
    expect(test, shell, "typed once", "cat repeats the typed line")
    shell.send("\x04")
    expect(test, shell, PROMPT, "Ctrl-D ends cat's input")

    shell.send("exit 5\r")
    expect(test, shell, pexpect.EOF, "exit ends the machine")
    shell.close()
    test.check(shell.exitstatus == 5, "the command exits with the shell's status", str(shell.exitstatus))


with harness.Test(__doc__) as test:
    if test.everyday:
        programs(test)
        lost_output(test)
        uname(test)
        clock(test)
        done = test.run("/bin/echo", "a", "", "b  c")
        test.check((done.text, done.status) == ("a  b  c\n", 0), "/bin/echo prints its arguments", done.text)
    for harts in test.harts_of_tier:
        talk(test, harts)
