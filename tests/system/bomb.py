"""A fork bomb leaves the shell usable: it answers, and can end the bomb."""

import harness

PROMPT = r"cotrap:/\$ "
# Lines that the shell answers while the bomb takes what it can. The last ones wait for their turn
# among all of its processes, so little memory makes the test short.
ANSWERS = 6


def explode(test: harness.Test, bomb: str, harts: int, memory: str) -> None:
    answers = [(f"\nanswer {n}\r?\n{PROMPT}", f"echo answer {n + 1}\n") for n in range(ANSWERS)]
    typed = harness.Dialogue(
        (PROMPT, f"/{bomb} &\n"),
        (PROMPT, "echo answer 0\n"),
        *answers,
        (f"\nanswer {ANSWERS}\r?\n{PROMPT}", "kill -9 -1\n"),
        (PROMPT, "echo bomb is gone; ps\n", lambda output: b"  bomb" not in output),
        # Killed ones end when their harts come to them.
        (f"syscalls[^$]*{PROMPT}", "exit 3\n"),
    )
    machine = test.machine(harts=harts, memory=memory)
    done = test.run("/bin/sh", typed=typed, machine=machine, timeout=4 * harness.TIMEOUT)
    text = done.text.replace("\r", "")
    how = "processes that copy themselves" if bomb == "bomb" else "processes that start others"
    answered = f"\nanswer {ANSWERS}\n" in text
    test.check(answered, f"{how}, {harts} harts: the shell answers", text + done.why)
    test.check("\nbomb is gone\n" in text, "  … and after the bomb was killed", done.why)
    listed = text.rpartition("syscalls")[2]
    test.check("  bomb" not in listed, "  … no process is left", listed)
    test.check(done.status == 3, "  … and the machine ends as the shell does", done.why)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "bomb", "bomb")
    for harts in test.harts_of_tier:
        memory = "40M" if harts == 8 else "32M"
        if not test.lacks("processes that copy themselves", harness.MMU):
            explode(test, "bomb", harts, memory)
        explode(test, "bomb again", harts, memory)
