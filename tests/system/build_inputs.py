"""The build of `./cotrap demo` reads only the source tree and the packages that this command installs.

A developer's machine has the packages of all tests, so a build there also finds headers that a fresh machine lacks.
Ninja records the headers that each source includes. The test looks up the package of each of these headers, and of
each library. The package must be one that packages.txt lists for `run`, or one on which such a package depends.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import harness

_PACKAGES = harness.ROOT / "cmake" / "tools" / "packages.txt"
_SOURCE = re.compile(r"\.(c|cc|cpp|cxx|S|s)(\s|$)")


def output_of(*command: str | Path) -> str:
    """What the command prints. Its exit status is ignored: dpkg-query fails if it does not know one of the files."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def ninja(test: harness.Test, *arguments: str) -> str:
    return subprocess.run(
        ["ninja", "-C", test.folder, "-t", *arguments], capture_output=True, text=True, check=True
    ).stdout


def optional_compiler(test: harness.Test) -> str:
    """The compiler for Linux programs. The build uses it only if it is installed, so `demo` does not need it."""
    cache = (test.folder / "CMakeCache.txt").read_text()
    found = re.search(r"^COTRAP_LINUX_CC:FILEPATH=(/.*)$", cache, re.MULTILINE)
    return found[1] if found else ""


def compiled(test: harness.Test) -> list[str]:
    """The files that the build makes by compiling sources. The commands of links name no source."""
    asked = set(ninja(test, "commands", "all").splitlines())
    other = optional_compiler(test)
    return [
        entry["output"]
        for entry in json.loads(ninja(test, "compdb"))
        if entry["command"] in asked
        and _SOURCE.search(entry["command"])
        and not (other and other in entry["command"])
    ]


def recorded(test: harness.Test) -> dict[str, set[str]]:
    """By output: the files that its compiler read, as recorded by Ninja."""
    files = defaultdict(set)
    output = ""
    for line in ninja(test, "deps").splitlines():
        if line.startswith("    "):
            files[output].add(line.strip())
        elif ": #deps" in line:
            output = line.partition(": #deps")[0]
    return files


def files_from_outside(test: harness.Test, names: set[str]) -> set[str]:
    """Those of the files that are neither in the source tree nor in the build folder. Links are followed."""
    own = (harness.ROOT.resolve(), test.folder.resolve())
    paths = {(test.folder / name).resolve() for name in names}
    return {str(path) for path in paths if not any(path.is_relative_to(folder) for folder in own)}


def names_in(dependencies: str) -> set[str]:
    """The names of the packages in a list such as `a (>= 1), b | c:any`."""
    return set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)", dependencies))


def listed() -> set[str]:
    """The packages that packages.txt lists for the purpose `run`."""
    rows = [line.split() for line in _PACKAGES.read_text().splitlines() if line and not line.startswith("#")]
    return {row[0] for row in rows if "run" in row[1].split(",")}


def with_dependencies(packages: set[str]) -> set[str]:
    """These packages and all installed ones on which they depend."""
    needs = defaultdict(set)
    providers = defaultdict(set)
    form = "${db:Status-Status}\t${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"
    for line in output_of("dpkg-query", "-W", "-f", form).splitlines():
        status, package, dependencies, provided = line.split("\t")
        if status == "installed":
            needs[package] |= names_in(dependencies)
            for name in {package} | names_in(provided):
                providers[name].add(package)
    found, rest = set(), set(packages)
    while rest:
        for package in providers[rest.pop()] - found:
            found.add(package)
            rest |= needs[package]
    return found


def packages_of(files: set[str]) -> dict[str, set[str]]:
    """By file: the installed packages that have it."""
    packages = defaultdict(set)
    for line in output_of("dpkg-query", "-S", *sorted(files)).splitlines():
        names, _, file = line.partition(": ")
        packages[file] = {name.partition(":")[0] for name in names.split(", ")}
    return packages


def look_at_records(test: harness.Test, outputs: list[str], headers: dict[str, set[str]]) -> None:
    unknown = [output for output in outputs if not headers.get(output)]
    what = "for each file that the build compiles, Ninja has recorded the headers"
    test.check(outputs and not unknown, what, "\n".join(unknown))


def look_at_packages(test: harness.Test, outputs: list[str], headers: dict[str, set[str]]) -> None:
    read = set().union(*(headers.get(output, ()) for output in outputs))
    linked = set(re.findall(r"^(/\S+\.a)$", ninja(test, "inputs", "all"), re.MULTILINE))
    outside = files_from_outside(test, read | linked)
    packages = packages_of(outside)
    installed = with_dependencies(listed())
    wrong = [
        f"{file} is in {' and '.join(sorted(packages[file])) or 'no package'}"
        for file in sorted(outside)
        if not packages[file] & installed
    ]
    what = "each header and library from outside the tree is in a package that `./cotrap demo` installs"
    test.check(outside and not wrong, what, "\n".join(wrong))


with harness.Test(__doc__, all_everyday=True) as test:
    if not Path("/var/lib/dpkg/status").exists():
        print("skipped: this system has no Debian packages")
        sys.exit(harness.SKIPPED)
    made = compiled(test)
    known = recorded(test)
    look_at_records(test, made, known)
    look_at_packages(test, made, known)
