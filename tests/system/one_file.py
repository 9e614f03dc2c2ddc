"""A driver, a boot option, a system call, a policy and a demo are one new file each (docs/extend.md).

The everyday tier boots a kernel that is linked with the page's files. The rest copies the tree, adds the files
to it and builds the copy.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.demos import read_demos
from cotrap.llvm import find_llvm_tool
from cotrap.paths import Build
from cotrap.qemu import Machine

_PAGE = harness.ROOT / "docs" / "extend.md"
# Two entries of one name in two sources, and a program that reads the registry.
_SET = """
#include "async/registry.h"
struct Thing { const char* name; };
"""
_ENTRY = _SET + 'constexpr Thing thing{"one"};\nASYNC_REGISTER(things, "one", thing);\n'
_MAIN = _SET + "ASYNC_DEFINE_REGISTRY(all, things, Thing);\nint main() { return all().begin() != all().end(); }\n"


def balloon(test: harness.Test) -> Machine:
    return Machine(extra=("-device", f"virtio-balloon-{'pci' if test.build.machine == 'pc' else 'device'}"))


def files() -> dict[str, str]:
    """By path: the files of the page."""
    blocks = re.findall(r"^```cpp\n(// (\S+): .*?)^```$", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {path: text for text, path in blocks}


def boots(test: harness.Test, build: Build, demo: str) -> None:
    """Boots the kernel that has the page's files. demo: the path of the page's demo."""
    # The driver waits for its device, which answers at a time of the host.
    script = f"{demo}; cat /proc/policy; sleep 2"
    append = "greet=hello%20there policy=newest"
    done = test.run("/bin/sh", "-c", script, append=append, quiet=False, machine=balloon(test), build=build)
    said = done.text + done.why
    test.check(done.status == 0, "the kernel boots with five new files", said)
    test.check("greeting: hello there" in done.text, "a new boot option has its effect", said)
    test.check("balloon: the machine has taken a page" in done.text, "a new driver serves its device", said)
    test.check("1000 bytes of 3 are 3000" in done.text, "a new demo runs, and a new system call answers", said)
    test.check("[newest]" in done.text and "policy: newest" in done.text, "a new policy is in use", said)
    listed = re.search(r"^.*\[newest\].*$", done.text.replace("\r", ""), re.MULTILINE)
    names = re.findall(r"[\w-]+", listed[0]) if listed else []
    test.check(names == sorted(names) and len(names) > 10, "the policies are listed by name", str(names))


def without_them(test: harness.Test) -> None:
    """The usual kernel has none of the files."""
    done = test.run("/sum", append="greet=hello", quiet=False, machine=balloon(test))
    missing = done.status == 1 and "sum_bytes: no such system call" in done.text
    others = "greeting" in done.text or "balloon" in done.text
    test.check(missing and not others, "the usual kernel has none of them", done.text + done.why)


def of_one_name(test: harness.Test) -> None:
    """Two entries of one name, and a registry without entries."""
    compiler = find_llvm_tool("clang++", "clang++-22", "clang++-21", "clang++-20", "clang++")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("one", _ENTRY), ("other", _ENTRY), ("main", _MAIN)):
            (Path(folder) / f"{name}.cpp").write_text(text)
        command = [compiler, "-std=c++23", "-fuse-ld=lld", f"-I{harness.ROOT}/async/include"]

        def link(*names: str) -> subprocess.CompletedProcess:
            sources = [f"{name}.cpp" for name in names]
            return subprocess.run([*command, *sources], cwd=folder, capture_output=True, text=True)

        twice = link("main", "one", "other")
        refused = twice.returncode != 0 and "duplicate symbol: things.one" in twice.stderr
        test.check(refused, "two entries of one name do not link", twice.stderr)
        for names, status in ((("main",), 0), (("main", "one"), 1)):
            done = link(*names)
            ran = subprocess.run([f"{folder}/a.out"]).returncode if done.returncode == 0 else None
            test.check(ran == status, f"a registry has {status} entries", done.stderr)
    taken = test.run("/bin/hello", quiet=False, build=Build(test.folder / "taken-call"))
    said = taken.text + taken.why
    refused = "the registered system call getpid has number 172, which is taken" in said
    test.check(refused, "a call that the table has cannot be registered", said)


def in_a_copy(test: harness.Test) -> None:
    """Adds the files to a copy of the tree, and builds it."""
    listed = ["git", "-C", harness.ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    sources = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for source in filter(None, sources):
            if (harness.ROOT / source).is_file():
                (copy / source).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(harness.ROOT / source, copy / source)
        for path, text in files().items():
            (copy / path).write_text(text)
        targets = ["cotrap_kernel", "cotrap_demo_manifest", "user-sum", "user-sh", "user-cat", "user-ls"]
        build = copy / "build" / "riscv64-release"
        steps = (["cmake", "--preset", "riscv64-release"], ["ninja", "-C", str(build), *targets])
        for step in steps:
            done = subprocess.run(step, cwd=copy, capture_output=True, text=True)
            if not test.check(done.returncode == 0, f"a copy with five new files: {step[0]}", done.stdout):
                return
        demos = {demo.name: demo.description for demo in read_demos(Build(build))}
        what = "`./cotrap demo` lists the new demo"
        test.check(demos.get("sum") == "the kernel adds the bytes of a program's memory", what, str(demos))
        with test.added(build / "initrd-root" / "bin" / "sum", "bin/sum"):
            boots(test, Build(build), "sum")


with harness.Test(__doc__, harness.QEMU) as test:
    if test.everyday:
        test.add(test.folder / "test-programs" / "sum", "sum")
        boots(test, Build(test.folder / "one-file"), "/sum")
        without_them(test)
        of_one_name(test)
    if test.rest and test.build.machine == "riscv64":
        in_a_copy(test)
