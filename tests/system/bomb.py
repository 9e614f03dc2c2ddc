"""A fork bomb leaves the shell usable: it answers, and can end the bomb."""

import harness

PAUSE = r"\d\d\d\d\d"  # a second

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "bomb", "bomb")
    done = test.run(
        "/bin/sh",
        typed=rf"/bomb &\n{PAUSE}echo still he''re\n{PAUSE}kill -9 -1\n{PAUSE}{PAUSE}"
        r"ps\necho bomb is go''ne\nexit 3\n",
        timeout=250,
    )
    test.check("still here" in done.text, "the shell answers while the bomb goes on", done.text)
    test.check("bomb is gone" in done.text, "… and after it was killed", done.text + done.why)
    listed = done.text.rpartition("syscalls")[2]
    test.check("bomb\r\n" not in listed.replace("bomb is gone", ""), "no process is left", listed)
    test.check(done.status == 3, "the machine ends as the shell does", done.why)
