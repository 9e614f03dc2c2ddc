"""The interactive shell works at a pseudo-terminal."""

import re
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import harness
import pexpect
from cotrap.qemu import Machine
from hang_watch import HangWatch
from harness import PROMPT

HOME, END, UP, LEFT = "\x1b[H", "\x1b[F", "\x1b[A", "\x1b[D"
DAY = 8_640_000  # hundredths of a second; a counted idle clock that jumps wrongly is centuries ahead


def expect(test, shell, pattern: str, what: str) -> bool:
    try:
        shell.expect(pattern)
    except (pexpect.TIMEOUT, pexpect.EOF):
        return test.check(False, what, str(shell.before))
    return test.check(True, what)


def press(test, shell, key: str, pattern: str, what: str) -> bool:
    """Presses a key that sends a signal. A program may print before the shell gives it the terminal. The shell
    then gets the signal, and ignores it. So the test presses the key again until the pattern comes."""
    seconds = 5
    for _ in range(int(harness.TIMEOUT) // seconds):
        shell.send(key)
        if shell.expect([pattern, pexpect.TIMEOUT, pexpect.EOF], timeout=seconds) != 1:
            break
    return test.check(isinstance(shell.match, re.Match), what, str(shell.before))


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


# Each row is a script, what it prints, and its status.
SCRIPTS = (
    ("echo $((1 + 2 * 3)) \"$(echo in; echo put)\" `echo back`", "7 in\nput back\n", 0),
    ("for i in a b; do echo $i; done | cat; echo \"<$i>\"", "a\nb\n<>\n", 0),
    ("x=3; while [ $x -gt 0 ]; do echo $x; x=$((x-1)); [ $x = 1 ] && break; done", "3\n2\n", 0),
    ("until [ \"$x\" = aaa ]; do x=a$x; [ $x = aa ] && continue; echo $x; done", "a\naaa\n", 0),
    ("if false; then echo 1; elif true; then echo 2; else echo 3; fi", "2\n", 0),
    ("case a.c in *.h) echo h;; [a-b].c|x) echo c;; esac", "c\n", 0),
    ("f() { echo $1 $#; return 3; echo no; }; f 'a b' c; echo $?; f x | cat", "a b 2\n3\nx 1\n", 0),
    ("cd /bin; echo [!a-z]* s[g-i] '*'", "[!a-z]* sh *\n", 0),
    ("(cd /bin; x=1; pwd); pwd; echo ${x:-unset}", "/bin\n/\nunset\n", 0),
    ("{ echo out; echo err >&2; } 2>&1 | cat; ls /none 2>/dev/null >&2; echo $?", "out\nerr\n1\n", 0),
    ("echo a > /tmp/r; echo b >> /tmp/r; cat < /tmp/r; read x < /tmp/r; echo $x", "a\nb\na\n", 0),
    ("exec 3>/tmp/three; echo x >&3; exec 3>&-; cat /tmp/three; echo y >&3", "x\n", 1),
    ("x=5\ncat <<E\n$x $(echo y)\nE\ncat <<'E'\n$x\nE\n", "5 y\n$x\n", 0),
    ("echo 'a b:c d' | while IFS=: read p q; do echo $q; done", "c d\n", 0),
    ("zz=1; zz=2 env | grep zz; echo $zz; export zz; env | grep zz", "zz=2\n1\nzz=1\n", 0),
    ("set -- 'a b' c; for w; do echo \"<$w>\"; done; shift; echo $1 $#", "<a b>\n<c>\nc 1\n", 0),
    ("sh -c 'exit 3' & wait $!; echo $?; kill -9 $$", "3\n", 137),
    ("! true; echo $?; false || echo or; true && false; exit $?", "1\nor\n", 1),
    ("echo before; nonesuch; echo $?", "before\n127\n", 0),
    ("echo ${x?is needed}; echo after", "", 1),
    ("echo one\necho 'two\n", "one\n", 2),
    ("f() { f; }; f; echo after", "", 1),
    ("echo '. /tmp/self' > /tmp/self; . /tmp/self; echo after", "", 1),
    ("/scripts/plain x | cat; /scripts/marked y", "plain x\nmarked y\n", 0),
)


def language(test: harness.Test) -> None:
    """The shell runs scripts as a POSIX shell does."""
    with tempfile.TemporaryDirectory() as folder:
        for index, (script, _, _) in enumerate(SCRIPTS):
            Path(folder, f"{index}.sh").write_text(script)
        for name, first in (("plain", ""), ("marked", "#!/bin/sh\n")):
            Path(folder, name).write_text(f"{first}echo {name} $1\n")
            Path(folder, name).chmod(0o755)
        script = "".join(f"sh /scripts/{n}.sh; echo == {n} $?\n" for n in range(len(SCRIPTS)))
        with test.added(Path(folder), "scripts"):
            done = test.run("/bin/sh", "-c", script, errors_apart=True)
    rest = done.text
    for index, (script, wanted, wanted_status) in enumerate(SCRIPTS):
        output, _, rest = rest.partition(f"== {index} ")
        status, _, rest = rest.partition("\n")
        same = (output, status) == (wanted, str(wanted_status))
        test.check(same, f"the shell runs {script!r}", f"{output}\nstatus {status}\n{done.errors}")


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

    edits_lines(test, shell)
    controls_jobs(test, shell)
    for key, name in (("\x03", "Ctrl-C"), ("\x1c", "Ctrl-\\")):
        shell.send("sh -c 'echo begin; sleep 1000'\r")
        shell.expect_exact("begin\r\n")
        press(test, shell, key, PROMPT, f"{name} ends the program but not the shell")
        shell.send("echo half a li" + key)
        expect(test, shell, "half a li.*" + PROMPT, f"{name} drops a line and prints a new prompt")
    line("sleep 1000 &", r"\d", "a program starts in the background")
    shell.send("\x03")
    expect(test, shell, PROMPT, "Ctrl-C at an empty prompt prints another prompt")
    line("jobs", r"\d running: sleep 1000", "the program in the background still runs")
    line("kill -NONE 1; echo $?", r"kill: unknown signal NONE\s+2", "kill reports an unknown signal")
    line("kill 1; echo still here", "\nstill here", "the shell survives `kill 1`")
    line("sh", "Cotrap's shell", "a shell starts in the shell")
    line("exit", "", "exit returns to the first shell")

    shell.send("echo ready; cat\r")
    shell.expect_exact("\nready\r\n")
    shell.send("typed once\r")
    shell.expect_exact("typed once")
    expect(test, shell, "typed once", "cat repeats the typed line")
    shell.send("\x04")
    expect(test, shell, PROMPT, "Ctrl-D ends cat's input")

    shell.send("exit 5\r")
    expect(test, shell, pexpect.EOF, "exit ends the machine")
    shell.close()
    test.check(shell.exitstatus == 5, "the command exits with the shell's status", str(shell.exitstatus))


def edits_lines(test: harness.Test, shell: pexpect.spawn) -> None:
    for keys, printed, what in (
        ("echo wrong\x7f\x7f\x7f\x7f\x7fright", "right", "backspace edits the line"),
        (f"echo wrng{3 * LEFT}o", "worng", "the Left key moves the cursor"),
        (f"cho moved{HOME}e{END}!", "moved!", "Home and End move the cursor"),
        (f"echo again{UP}", "moved!", "the Up key shows the last line"),
        ("\x12worng", "worng", "Ctrl-R finds an earlier line"),
        ("unam\t", "Cotrap", "Tab completes a command"),
        ("cat /pr\tvers\t", "Cotrap version .*", "Tab completes a path"),
        ("echo " + 90 * "x" + 88 * "\x7f", "xx", "lines may be longer than the terminal is wide"),
    ):
        shell.send(keys + "\r")
        expect(test, shell, rf"\n{printed}\r", what)
        expect(test, shell, PROMPT, "  … and the prompt is back")
    shell.send("cat /proc/me\t")
    expect(test, shell, "meminfo.*\ncat|cat /proc/meminfo", "Tab lists or completes the files of /proc")
    shell.send("\x03")
    expect(test, shell, PROMPT, "Ctrl-C discards the line")
    shell.send("for i in 1 2; do\r")
    expect(test, shell, "\n> ", "an unfinished command has another prompt")
    shell.send("echo n$i; done\r")
    expect(test, shell, "\nn1\r\nn2\r", "and continues in the next line")
    expect(test, shell, PROMPT, "the prompt is back")


def controls_jobs(test: harness.Test, shell: pexpect.spawn) -> None:
    def keys(text: str, pattern: str, what: str) -> None:
        shell.send(text)
        expect(test, shell, pattern, what)

    # The terminal echoes keys, and sends signals, when `ready` is printed, but not before.
    keys("echo ready; cat | cat\r", r"\nready\r\n", "a pipeline starts")
    keys("first\r", r"first\r\nfirst\r", "it reads the terminal")
    press(test, shell, "\x1a", r"\[1\] stopped[^:]*: cat \| cat\r", "Ctrl-Z stops all its programs")
    keys("jobs\r", r"\n\[1\]\+ \d+ stopped", "jobs lists the stopped job")
    keys("fg\r", r"\ncat \| cat\r", "fg continues it in the foreground")
    keys("second\r", r"second\r\nsecond\r", "it reads the terminal again")
    keys("\x04", PROMPT, "Ctrl-D ends its input")
    # The first program reads the terminal while the others start, and before it may.
    for turn in range(20):
        keys("echo ready; cat" + 5 * " | cat" + "\r", r"\nready\r\n", f"long pipeline {turn} starts")
        keys("third\r", r"third\r\nthird\r", "it reads the terminal")
        keys("\x04", PROMPT, "Ctrl-D ends it")
    until_go = "while ! test -e /tmp/go; do sleep 0.05; done"
    keys(f"sh -c 'echo begin; {until_go}; echo slept'\r", r"\nbegin\r\n", "a shell starts programs")
    press(test, shell, "\x1a", r"\[1\] stopped", "Ctrl-Z stops a shell and its program")
    keys("bg; echo > /tmp/go; wait; echo waited $?\r", r"\nslept\r\n(.*\n)?waited 0\r", "bg continues it, and wait awaits it")
    keys("cat &\r", PROMPT, "a program that reads the terminal starts in the background")
    keys("sleep 0.1\r", r"\[1\] stopped: it read the terminal: cat\r", "the shell reports that it has stopped")
    keys("kill %1; wait %1; echo $?\r", r"\n143\r", "kill ends a job by its number")
    keys("sleep 1000 & wait\r", r"\[1\] \d+\r", "wait waits")
    keys("\x03", PROMPT, "Ctrl-C ends wait")
    keys("kill %sleep; wait; echo gone\r", r"\ngone\r", "kill finds a job by its name")
    keys("echo ready; while :; do :; done\r", r"\nready\r\n", "a loop without programs runs")
    keys("\x03", PROMPT, "Ctrl-C ends it")
    keys("while echo ready; do sleep 0.1; done; echo never\r", r"\nready\r\n", "a loop of programs runs")
    keys("\x03", r"\^C\r\n" + PROMPT, "Ctrl-C ends it, and the line")
    keys("echo ready; echo $(sleep 1000)\r", r"\nready\r\n", "a command substitution waits")
    keys("\x03", r"\^C\r\n" + PROMPT, "Ctrl-C ends it")
    keys("sh\r", "powers off.*" + PROMPT, "a shell starts in the shell")
    keys("echo ready; sleep 1000\r", r"\nready\r\n", "it starts a program")
    press(test, shell, "\x1a", r"\[1\] stopped", "Ctrl-Z stops the program, and neither shell")
    keys("exit\r", "there are stopped jobs", "exit warns of it")
    keys("exit\r", PROMPT, "the second exit ends the shell")
    keys("ps\r", r"\n((?!sleep).)*" + PROMPT, "the program has ended with its shell")


with harness.Test(__doc__) as test:
    if test.everyday:
        programs(test)
        lost_output(test)
        language(test)
        uname(test)
        clock(test)
        done = test.run("/bin/echo", "a", "", "b  c")
        test.check((done.text, done.status) == ("a  b  c\n", 0), "/bin/echo prints its arguments", done.text)
    for harts in test.harts_of_tier:
        talk(test, harts)
