"""The interactive shell, driven through a pseudo-terminal as a person would."""

import sys

import harness
import pexpect

PROMPT = "cotrap:[^ ]*[$] "


def expect(test, shell, pattern: str, what: str) -> bool:
    try:
        shell.expect(pattern)
    except (pexpect.TIMEOUT, pexpect.EOF):
        return test.check(False, what, str(shell.before))
    return test.check(True, what)


with harness.Test(__doc__) as test:
    command = [str(harness.ROOT / "cotrap"), "run", "-q", "--build", str(test.folder)]
    shell = pexpect.spawn(
        command[0], command[1:], timeout=15, encoding="utf-8", dimensions=(24, 80)
    )

    def line(text: str, pattern: str, what: str) -> None:
        """Types a line; the pattern and then a prompt must follow its echo."""
        shell.send(text + "\r")
        shell.expect_exact(text)
        if expect(test, shell, pattern, what):
            expect(test, shell, PROMPT, f"the prompt is back after `{text}`")

    if not expect(test, shell, PROMPT, "the shell greets with a prompt"):
        sys.exit(1)
    line("help", "Ctrl-D", "help explains itself")
    line("ls /bin", "cat", "ls names the programs")
    line("ps", "sh", "ps shows the shell")
    line("seq 1 100 | grep 7 | wc", r"\b19\b", "a pipe of three programs counts the lines with a 7")
    line("false; echo status $?", r"status 1\r", "$? is the last status")
    line("nonesuch", "not found", "an unknown name is a friendly error")
    line("sleep 1 &", r"\d", "& answers with the job")
    line("echo at once", r"\nat once", "and the shell goes on meanwhile")
    line("wait", "", "wait waits for it")

    shell.send("echo wrong\x7f\x7f\x7f\x7f\x7fright\r")
    expect(test, shell, r"\nright\r", "backspace edits the line")
    expect(test, shell, PROMPT, "the prompt is back")

    shell.send("sleep 100\r")
    shell.expect_exact("sleep 100")
    shell.send("\x03")
    expect(test, shell, PROMPT, "Ctrl-C ends the program and not the shell")

    shell.send("cat\r")
    shell.expect_exact("cat")
    shell.send("said once\r")
    shell.expect_exact("said once")
    expect(test, shell, "said once", "cat gives back what is typed")
    shell.send("\x04")
    expect(test, shell, PROMPT, "Ctrl-D ends cat's input")

    shell.send("exit 5\r")
    expect(test, shell, pexpect.EOF, "exit ends the machine")
    shell.close()
    test.check(shell.exitstatus == 5, "and its code is the command's", str(shell.exitstatus))

    shell = pexpect.spawn(command[0], command[1:], timeout=15, encoding="utf-8")
    expect(test, shell, PROMPT, "the shell comes up again")
    shell.send("\x01x")
    expect(test, shell, pexpect.EOF, "Ctrl-A X leaves")
    shell.close()
    test.check(shell.exitstatus == 0, "with status 0", str(shell.exitstatus))
