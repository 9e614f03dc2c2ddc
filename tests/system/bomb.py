"""A fork bomb leaves the shell usable: it answers, and can end the bomb."""

import harness

PAUSE = r"\d\d\d\d\d"  # a second


def explode(test, bomb: str, how: str) -> None:
    done = test.run(
        "/bin/sh",
        typed=rf"/{bomb} &\n{PAUSE}echo still he''re\n{PAUSE}kill -9 -1\n{PAUSE}{PAUSE}"
        r"ps\necho bomb is go''ne\nexit 3\n",
        timeout=120,
    )
    test.check("still here" in done.text, f"{how}: the shell answers", done.text)
    test.check("bomb is gone" in done.text, "… and after the bomb was killed", done.text + done.why)
    listed = done.text.rpartition("syscalls")[2]
    test.check("bomb\r\n" not in listed.replace("bomb is gone", ""), "no process is left", listed)
    test.check(done.status == 3, "the machine ends as the shell does", done.why)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "bomb", "bomb")
    if not test.lacks("processes that copy themselves", harness.MMU):
        explode(test, "bomb", "processes that copy themselves")
    explode(test, "bomb again", "processes that start others")
