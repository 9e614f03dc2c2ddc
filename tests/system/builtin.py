"""A kernel with built-in programs boots without a boot archive, and finds them by number and by name."""

import harness
from cotrap.paths import Build

NEITHER = "boot archive: none from the firmware, and no programs are built into the kernel"
BUILTIN = "boot archive: the programs that are built into the kernel"


def with_programs(test: harness.Test) -> None:
    own = Build(test.folder / "builtin-programs", self_tests=True)  # builtin/CMakeLists.txt: uname echo sh
    for harts in test.harts_of_tier:
        machine = test.machine(harts=harts)

        def run(program: str, *arguments: str, **how) -> harness.Done:
            return test.run(program, *arguments, machine=machine, build=own, **how)

        def check(done: harness.Done, output: str, what: str) -> None:
            holds = done.status == 0 and done.text == output
            test.check(holds, f"{what} ({harts} harts)", done.text + done.why)

        check(run("0", no_archive=True), "Cotrap\n", "number 0 is the first program")
        check(run("1", "a", "b c", no_archive=True), "a b c\n", "number 1 is the second one, with its arguments")
        check(run("/bin/echo", "name", no_archive=True), "name\n", "a name finds the same program")
        script = "/builtin/1 by number; echo by name; /builtin/0; cat /builtin/0"
        done = run("2", "-c", script, no_archive=True)
        expected = "by number\nby name\nCotrap\n"
        holds = done.text.startswith(expected) and done.status == 127 and "cat" in done.text
        test.check(holds, f"programs run one another by number and name, and no others exist ({harts} harts)",
                   done.text + done.why)  # fmt: skip
        done = run("3", no_archive=True, quiet=False)
        test.check(done.status == 127 and "cannot start 3: " in done.text and BUILTIN in done.text,
                   f"a number without a program ends with status 127 ({harts} harts)",
                   done.text + done.why)  # fmt: skip
        done = run("/bin/hello", quiet=False)
        test.check(done.status == 0 and BUILTIN not in done.text,
                   f"an archive from the firmware replaces the built-in programs ({harts} harts)",
                   done.text + done.why)  # fmt: skip
        done = run("0", quiet=False)
        test.check(done.status == 127, f"  … also their numbers ({harts} harts)", done.text + done.why)


def without_programs(test: harness.Test) -> None:
    done = test.run("/bin/hello", no_archive=True, quiet=False)
    test.check(
        done.status == 127 and NEITHER in done.text and "cannot start /bin/hello: " in done.text,
        "a kernel without built-in programs and boot archive says that it has neither",
        done.text + done.why,
    )


with harness.Test(__doc__) as test:
    with_programs(test)
    if test.everyday:
        without_programs(test)
