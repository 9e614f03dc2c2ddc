"""The floors of the kernel (kernel/README.md): none includes a header of a higher floor or uses its symbols."""

import json
import re
import subprocess
from pathlib import Path

import harness
from cotrap.llvm import llvm_output

_KERNEL = harness.ROOT / "kernel"
# Declared by a floor, and defined by the floor that a kernel is linked with.
_CHOSEN_AT_LINKING = {
    f"kernel::{name}(kernel::Thread&, trap::UserContext const&)"
    for name in ("bare_trips", "self_test", "pick_argument")
}
# A PC's kernel is compiled with headers of musl, which has these, too.
_OF_THE_C_LIBRARY = {"net/ethernet.h"}


def floors() -> list[str]:
    """The floors, the lowest first."""
    listed = re.search(r"^set\(floors ([\w\s]+)\)", (_KERNEL / "CMakeLists.txt").read_text(), re.MULTILINE)
    return listed[1].split()


def commands(test: harness.Test) -> dict[str, list[dict]]:
    """By floor: the compiler commands of its sources. One command may compile several sources together."""
    output = subprocess.run(
        ["ninja", "-C", test.folder, "-t", "compdb"], capture_output=True, text=True, check=True
    ).stdout
    found = {floor: [] for floor in floors()}
    for entry in json.loads(output):
        built = re.match(r"kernel/(?:\w+/)?CMakeFiles/cotrap_(\w+)\.dir/.*\.obj?$", entry["output"])
        if built and built[1] in found and entry["file"].endswith((".cpp", ".cxx")):
            found[built[1]].append(entry)
    return found


def sources(test: harness.Test, entry: dict) -> list[Path]:
    """The sources that one compiler command compiles. CMake's files that include several end in .cxx."""
    file = test.folder / entry["file"]
    if file.suffix != ".cxx":
        return [file]
    return [Path(each) for each in re.findall(r'^#include "(.*)"$', file.read_text(), re.MULTILINE)]


def symbols(test: harness.Test, entries: list[dict], *what: str) -> set[str]:
    """The demangled names of symbols of the objects; `what` are options of nm that select them."""
    names = set()
    objects = [test.folder / entry["output"] for entry in entries]
    output = llvm_output("nm", "--demangle", "--format=just-symbols", "--no-weak", *what, *objects)
    for line in output.splitlines():
        if line and not line.endswith(":"):
            names.add(line)
    return names


def shared_names() -> set[str]:
    """The names in the headers that every floor may include."""
    headers = [*_KERNEL.glob("include/kernel/*.h"), *_KERNEL.glob("platform/*.h")]
    return set(re.findall(r"\w+", "\n".join(header.read_text() for header in headers)))


def is_shared(symbol: str, names: set[str]) -> bool:
    """Whether a header that every floor may include declares the symbol, or the C or C++ library."""
    if not symbol.startswith(("kernel::", "cotrap_")):
        return True
    return symbol.partition("(")[0].rpartition("::")[2] in names


def compiles(test: harness.Test, entry: dict, text: str) -> subprocess.CompletedProcess:
    """Parses a source with this text, with the command that compiles another source."""
    command = re.sub(r" -o \S+ -c \S+.*$", "", entry["command"])
    command = re.sub(r" -M[DTF]( \S*\.(obj?|d)\b)?", "", command)
    return subprocess.run(
        f"{command} -fsyntax-only -x c++ -",
        shell=True,
        cwd=entry["directory"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def needs_lwip(header: str) -> bool:
    """Whether the kernel's header includes one of lwIP's, itself or by another one."""
    text = (_KERNEL / header).read_text()
    others = re.findall(r'^#include "(net/.*)"$', text, re.MULTILINE)
    return '#include "lwip/' in text or any(map(needs_lwip, others))


def header_of(floor: str) -> str:
    """A header of the floor. Only the floor `net` can include those that need lwIP's."""
    names = {str(each.relative_to(_KERNEL)) for each in (_KERNEL / floor).glob("*.h")}
    return min(name for name in names - _OF_THE_C_LIBRARY if not needs_lwip(name))


def look_at_includes(test: harness.Test, built: dict[str, list[dict]]) -> None:
    order = floors()
    for at, floor in enumerate(order):
        entry = built[floor][0]
        if at > 0:
            below = compiles(test, entry, f'#include "{header_of(order[at - 1])}"\n')
            test.check(below.returncode == 0, f"{floor} may include {order[at - 1]}", below.stderr)
        found = "".join(
            f'#if __has_include("{header_of(higher)}")\n#error it finds a header of {higher}\n#endif\n'
            for higher in order[at + 1 :]
        )
        above = compiles(test, entry, found)
        test.check(above.returncode == 0, f"{floor} may include no higher floor", above.stderr)
    wrong = [
        f"{path.relative_to(_KERNEL)}: {line}"
        for path in sorted(_KERNEL.rglob("*"))
        if path.suffix in (".h", ".cpp", ".S") and path.parts[len(_KERNEL.parts)] in order
        for line in re.findall(r"^#include .*\.\./.*$", path.read_text(), re.MULTILINE)
    ]
    test.check(not wrong, "no source of a floor includes a header by a path that goes up", "\n".join(wrong))


def look_at_symbols(test: harness.Test, built: dict[str, list[dict]]) -> None:
    order = floors()
    names = shared_names()
    defined = {floor: symbols(test, built[floor], "--defined-only", "--extern-only") for floor in order}
    for at, floor in enumerate(order):
        used = symbols(test, built[floor], "--undefined-only") - _CHOSEN_AT_LINKING
        used = {symbol for symbol in used if not is_shared(symbol, names)}
        for lower in order[:at]:
            used -= defined[lower]
        above = {higher: sorted(used & defined[higher]) for higher in order[at + 1 :]}
        above = {higher: names for higher, names in above.items() if names}
        test.check(not above, f"{floor} uses no symbol of a higher floor", str(above))


def look_at_page(test: harness.Test) -> None:
    named = re.findall(r"^\| `(\w+)` \|", (_KERNEL / "README.md").read_text(), re.MULTILINE)
    test.check(named[::-1] == floors(), "kernel/README.md lists the floors in their order", str(named))


def look_at_sources(test: harness.Test, built: dict[str, list[dict]]) -> None:
    """Every source of a floor's folder that this build compiles belongs to the floor's library."""
    for floor, entries in built.items():
        files = [file for entry in entries for file in sources(test, entry)]
        folders = {file.relative_to(_KERNEL).parts[0] for file in files}
        test.check(folders == {floor}, f"the library of {floor} has the sources of its folder alone", str(folders))


with harness.Test(__doc__, all_everyday=True) as test:
    compiled = commands(test)
    look_at_page(test)
    look_at_sources(test, compiled)
    look_at_includes(test, compiled)
    look_at_symbols(test, compiled)
