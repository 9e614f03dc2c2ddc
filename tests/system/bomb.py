"""A fork bomb leaves the shell usable: it answers, and can end the bomb."""

import harness
from harness import PROMPT

# Lines that the shell answers while the bomb takes what it can.
ANSWERS = 6
# The last answers wait for their turn among all of the bomb's processes: the fewer of them have room,
# the shorter is the test.
MEMORY = "32M"


def lists_no_bomb(output: bytes) -> bool:
    return b"syscalls" in output and b"  bomb" not in output


def explode(test: harness.Test, bomb: str, harts: int) -> None:
    # The shell may say before its prompt that the kernel has ended the first of them for want of memory.
    answered = [f"\nanswer {n}\r?\n[^$]*{PROMPT}" for n in range(ANSWERS + 1)]
    answers = [(answered[n], f"echo answer {n + 1}\n") for n in range(ANSWERS)]
    typed = harness.Dialogue(
        (PROMPT, f"/{bomb} &\n"),
        (PROMPT, "echo answer 0\n"),
        *answers,
        (answered[ANSWERS], "kill -9 -1\n"),
        # Killed ones end when their harts come to them. Until then there may be no memory for `ps`.
        (PROMPT, "echo bomb is gone; ps\n", lists_no_bomb),
        (f"bomb is gone[^$]*{PROMPT}", "exit 3\n"),
    )
    machine = test.machine(harts=harts, memory=MEMORY)
    done = test.run("/bin/sh", typed=typed, machine=machine)
    text = done.text.replace("\r", "")
    how = "processes that copy themselves" if bomb == "bomb" else "processes that start others"
    test.check(
        f"\nanswer {ANSWERS}\n" in text, f"{how}, {harts} harts: the shell answers", text + done.why
    )
    test.check("\nbomb is gone\n" in text, "  … and after the bomb was killed", done.why)
    listed = text.rpartition("syscalls")[2]
    test.check("  bomb" not in listed, "  … no process is left", listed)
    test.check(done.status == 3, "  … and the machine ends as the shell does", done.why)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "bomb", "bomb")
    for harts in test.harts_of_tier:
        if not test.lacks("processes that copy themselves", harness.MMU):
            explode(test, "bomb", harts)
        explode(test, "bomb again", harts)
