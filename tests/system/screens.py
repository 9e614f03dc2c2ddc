"""Full-screen programs and shells of Debian work at a terminal of Cotrap.

The test downloads the packages. Each case boots bash at a terminal of 80 columns and 24 rows, and types keys
when the guest prints the text before them.
"""

from typing import NamedTuple

import debian_system
import harness
from cotrap import debian
from cotrap.console import TimedOut, relay
from cotrap.qemu import Boot, Guest
from hang_watch import HangWatch

_PACKAGES = "bash bash-completion busybox-static coreutils less nano ncurses-base procps vim-tiny"
_SHELL = "/usr/bin/bash"
_ENVIRONMENT = {"PS1": "ready> ", "TERM": "linux", "PATH": "/usr/bin:/usr/sbin", "HOME": "/tmp", "LC_ALL": "C"}
_TIMEOUT = 120.0  # seconds for a case
_PROMPT = "ready> "
_ESCAPE, _UP, _LEFT = "\x1b", "\x1b[A", "\x1b[D"


def ctrl(letter: str) -> str:
    return chr(ord(letter) & 0x1F)


class Case(NamedTuple):
    """steps: see harness.Dialogue; the shell's prompt comes before the first and behind the last one.
    shown: a pattern that the output must match behind the last step."""

    what: str
    steps: list[tuple[str, str]]
    shown: str


_CASES = [
    Case(
        "vim.tiny writes a file",
        [
            (_PROMPT, "cd; vim.tiny f\n"),
            ("All|\\[New", "ihello from vim"),
            ("hello from vim", f"{_ESCAPE}yyp:s/vim/a copy/\n"),
            ("a copy", ":wq\n"),
            (f"written.*{_PROMPT}", "cat f\n"),
        ],
        "hello from vim\r\nhello from a copy\r\n",
    ),
    Case(
        "nano writes a file",
        [
            (_PROMPT, "cd; nano f\n"),
            ("GNU nano", f"two words\nlast{_LEFT * 4}the "),
            ("the last", f"{ctrl('O')}\n"),
            ("Wrote 2 lines", ctrl("X")),
            (_PROMPT, "cat f\n"),
        ],
        "two words\r\nthe last\r\n",
    ),
    Case(
        "less shows the end of its input, searches and leaves",
        [
            (_PROMPT, "seq 1000 | less\n"),
            ("23\r\n:", "G"),
            ("1000\r\n.*END", "?555\n"),
            ("556", "q"),
            (_PROMPT, "echo left\n"),
        ],
        "left\r\n",
    ),
    Case(
        "top shows its own line until q",
        [(_PROMPT, "top -d 0.5\n"), ("COMMAND.* bash .*top - ", "q"), (_PROMPT, "echo left\n")],
        "left\r\n",
    ),
    Case(
        "busybox top and vi use the screen",
        [
            (_PROMPT, "cd; busybox top\n"),
            ("COMMAND.*busybox top", "q"),
            (_PROMPT, "busybox vi f\n"),
            ("~", "itext"),
            ("text", _ESCAPE),
            ("- f", ":wq\n"),
            (_PROMPT, "cat f\n"),
        ],
        "\rtext\r\n",
    ),
    Case(
        "ps shows the terminal and the foreground",
        [(_PROMPT, "ps -o tty=,stat=,comm= --no-headers | tr -s ' '\n")],
        "console? Ss? bash\r\n(.*\r\n)*console? R\\+ ps\r\n",
    ),
    Case(
        "bash has history and edits lines",
        [
            (_PROMPT, "echo first\n"),
            (f"\rfirst\r\n.*{_PROMPT}", "echo second\n"),
            (f"\rsecond\r\n.*{_PROMPT}", f"{_UP}{_UP}\n"),
            (f"\rfirst\r\n.*{_PROMPT}", f"{ctrl('R')}sec\n"),
            (f"\rsecond\r\n.*{_PROMPT}", f"wrong{ctrl('U')}echo ab{_LEFT}X{ctrl('A')}{ctrl('E')}Y\n"),
        ],
        "\raXbY\r\n",
    ),
    Case(
        "bash completes names of programs and files",
        [
            (_PROMPT, "cd; tou\tlong-name\n"),
            (_PROMPT, "echo lo\t\n"),
        ],
        "\rlong-name \r\n|\rlong-name\r\n",
    ),
    Case(
        "bash stops a job and brings it back",
        [
            (_PROMPT, "yes > /dev/null & bash -c 'echo begun; sleep 1; echo again; sleep 1000; true'\n"),
            ("begun\r\n", ctrl("Z")),
            (f"Stopped.*{_PROMPT}", "jobs; kill %1; fg %2\n"),
            ("fg %2\r\n.*again\r\n", ctrl("C")),  # bash shows the command before it gives the terminal to it
            (_PROMPT, "echo status $?\n"),
        ],
        "status 130\r\n",
    ),
    Case(
        "stty shows and changes the terminal",
        [
            (_PROMPT, "stty size; stty -echo; stty | grep -c echo; stty sane\n"),
            (_PROMPT, "stty -a | head -1; tty\n"),
        ],
        "rows 24; columns 80.*/dev/console\r\n",
    ),
]


def run(test: harness.Test, archive: bytes, case: Case) -> None:
    last = (f"(?s:{case.shown}).*{_PROMPT}", "exit\n")
    steps = [(f"(?s:{pattern})", keys) for pattern, keys in [*case.steps, last]]
    dialogue = harness.Dialogue(*steps)
    boot = Boot(
        test.build,
        archive,
        _SHELL,
        ["--norc", "-i"],
        environment=_ENVIRONMENT,
        terminal=(80, 24),
    )
    machine = test.machine(harts=2, memory="1G")
    with Guest(machine, boot) as guest, HangWatch(guest.pid, guest.end):
        try:
            relay(guest, dialogue, dialogue, _TIMEOUT)
            why = guest.trouble()
        except TimedOut:
            why = f"still {guest.marks.state.value} after {_TIMEOUT:g} s"
    said = dialogue.data.decode(errors="replace").encode("unicode_escape").decode()
    test.check(
        not dialogue.awaited and not why, case.what, f"{said[-2000:]}\n{why}\n{dialogue.awaited}"
    )


with harness.Test(
    __doc__, "programs for riscv64 (hosted_programs tests those of the host)", own={"only": ""}
) as test:
    folder = debian.root_folder("stock/screens", _PACKAGES.split())
    archive = debian_system.archive_of(folder).pack()
    for case in _CASES:
        if test.options.only in case.what:
            run(test, archive, case)
