"""The shell stays usable beside a fork bomb, and can end the bomb."""

import harness
from harness import PROMPT

# How many commands the shell carries out while the bomb runs.
ANSWERS = 4
# With less memory the bomb has fewer processes. The shell shares the processor with them, so the test is
# shorter.
MEMORY = "32M"


def lists_no_bomb(output: bytes) -> bool:
    return b"syscalls" in output and b"  bomb" not in output


def explode(test: harness.Test, bomb: str, harts: int) -> None:
    # Before its prompt the shell may report that the OOM kill ended a process of the bomb.
    answered = [f"\nanswer {n}\r?\n[^$]*{PROMPT}" for n in range(ANSWERS + 1)]
    answers = [(answered[n], f"echo answer {n + 1}\n") for n in range(ANSWERS)]
    typed = harness.Dialogue(
        (PROMPT, f"/{bomb} &\n"),
        (PROMPT, "echo answer 0\n"),
        *answers,
        (answered[ANSWERS], "kill -9 -1\n"),
        # A killed process ends when its hart runs it. Until then memory may be too short for `ps`.
        (PROMPT, "echo bomb is gone; ps\n", lists_no_bomb),
        (f"bomb is gone[^$]*{PROMPT}", "exit 3\n"),
    )
    machine = test.machine(harts=harts, memory=MEMORY)
    done = test.run("/bin/sh", typed=typed, machine=machine)
    text = done.text.replace("\r", "")
    how = "processes that fork" if bomb == "bomb" else "processes that spawn"
    test.check(
        f"\nanswer {ANSWERS}\n" in text, f"{how}, {harts} harts: the shell answers", text + done.why
    )
    test.check("\nbomb is gone\n" in text, "  … and answers after the bomb was killed", done.why)
    listed = text.rpartition("syscalls")[2]
    test.check("  bomb" not in listed, "  … no process of the bomb is left", listed)
    test.check(done.status == 3, "  … and the machine ends with the shell's status", done.why)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "bomb", "bomb")
    for harts in test.harts_of_tier:
        if not test.lacks("processes that fork", harness.MMU):
            explode(test, "bomb", harts)
        explode(test, "bomb again", harts)
