"""The sources of a library or a program that are compiled in one compiler run (CMAKE_UNITY_BUILD) have
no local name in common. Otherwise a call in one source could silently choose the function of another."""

import re
import unittest
from collections import defaultdict
from pathlib import Path

from support import ROOT

KERNEL = ROOT / "kernel"
_SKIPPED = re.compile(r"\((\S+\.cpp) PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON\)")

_DECLARATION = re.compile(
    r"^(?:template <[^>]*>\s*)?(?:\[\[[^\]]*\]\]\s*)*[^=({;]*?(?<!::)\b(\w+)(?: final)?\s*(?:=|\(|\{|;|\[| :)"
)
# Literals and names of the same thing do no harm.
_HARMLESS = re.compile(r"^(using namespace std::\w+_literals|using (\w+::)+\w+);")


def libraries() -> list[Path]:
    """The folders of the libraries: one for each floor of the kernel, and those outside it."""
    floors = sorted({source.relative_to(KERNEL).parts[0] for source in KERNEL.rglob("*.cpp")})
    outside = ("async/src", "async/sim", "user/async")
    return [*(KERNEL / floor for floor in floors), *(ROOT / folder for folder in outside)]


def sources(library: Path) -> list[Path]:
    """The sources that are compiled in one run."""
    skipped = {KERNEL / path for path in _SKIPPED.findall((KERNEL / "CMakeLists.txt").read_text())}
    return [source for source in sorted(library.rglob("*.cpp")) if source not in skipped]


def programs(makers: str, *folders: str) -> dict[str, list[Path]]:
    """The sources of each program that a function in `makers` adds in these folders, without those of the
    kernel. makers: a regular expression."""
    found = {}
    for lists in (path for folder in folders for path in (ROOT / folder).rglob("CMakeLists.txt")):
        for name, words in re.findall(rf"(?:{makers})\(([\w-]+)([^)]*)\)", lists.read_text()):
            found[name] = [lists.parent / word for word in re.findall(r"(?<![\w}/.])[\w/.]+\.cpp", words)]
    return found


def unit_tests() -> dict[str, list[Path]]:
    return programs("cotrap_add_unit_test", "tests/unit")


def user_programs() -> dict[str, list[Path]]:
    """The programs that run on the kernel, without user-bench, whose sources are compiled one by one."""
    return programs("cotrap_add_(?:test_)?program", "user/shell", "user/programs", "tests/system/programs")


def runtime_groups() -> dict[str, list[Path]]:
    """The sources of the programs' runtime that are compiled together."""
    text = (ROOT / "user" / "CMakeLists.txt").read_text()
    groups = re.findall(r"set_source_files_properties\(([^)]*)PROPERTIES UNITY_GROUP (\w+)\)", text)
    return {name: [ROOT / "user" / word for word in words.split()] for words, name in groups}


def local_names(source: Path) -> set[str]:
    """The names in the source's unnamed namespaces, and each `using namespace` with a wide effect."""
    names, open_namespaces = set(), []
    for line in source.read_text().split("\n"):
        if re.match(r"(inline )?namespace( [\w:]+)? \{(  //|$)", line):
            open_namespaces.append(line)
        elif line.startswith("}  // namespace"):
            open_namespaces.pop()
        elif line.startswith("using namespace") and not _HARMLESS.match(line):
            names.add(line.strip())
        elif open_namespaces and open_namespaces[-1].startswith("namespace {"):
            declared = re.sub(r"\balignas\(\w+\) ", "", line)
            found = _DECLARATION.match(declared) if re.match(r"[\w\[]", line) else None
            if found and not _HARMLESS.match(line):
                names.add(found[1])
    return names


class LocalNames(unittest.TestCase):
    def test_no_two_sources_of_a_library_share_a_local_name(self) -> None:
        checked = 0
        for library in libraries():
            users = defaultdict(list)
            for source in sources(library):
                checked += 1
                for name in local_names(source):
                    users[name].append(source.name)
            for name, where in users.items():
                with self.subTest(library=library.name, name=name):
                    self.assertEqual(len(where), 1, where)
                    self.assertNotIn("using namespace", name, where)
        self.assertGreater(checked, 120)

    def test_no_two_sources_of_a_unit_test_share_a_local_name(self) -> None:
        self.assertGreater(self.check_programs(unit_tests()), 80)

    def test_no_two_sources_of_a_program_share_a_local_name(self) -> None:
        self.assertGreater(self.check_programs(user_programs()), 50)

    def test_no_two_sources_of_the_programs_runtime_share_a_local_name(self) -> None:
        self.assertEqual(self.check_programs(runtime_groups()), 8)

    def check_programs(self, programs: dict[str, list[Path]]) -> int:
        """Returns the number of sources."""
        checked = 0
        for program, sources_of_program in programs.items():
            users = defaultdict(list)
            for source in sources_of_program:
                checked += 1
                for name in local_names(source):
                    users[name].append(source.name)
            for name, where in users.items():
                # Names of a namespace that all these sources use do no harm: they call nothing else.
                if "using namespace" not in name:
                    with self.subTest(program=program, name=name):
                        self.assertEqual(len(where), 1, where)
        return checked

    def test_a_local_name_is_found(self) -> None:
        names = local_names(ROOT / "kernel" / "formats" / "cpio.cpp")
        self.assertLessEqual({"magic", "align4"}, names)
        names = local_names(ROOT / "user" / "runtime" / "heap.cpp")
        self.assertLessEqual({"Header", "heap"}, names)


if __name__ == "__main__":
    unittest.main()
