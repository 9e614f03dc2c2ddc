"""The sources of a library that is compiled in one compiler run (CMAKE_UNITY_BUILD) have no local
name in common: a call in one source could silently choose the function of another."""

import re
import unittest
from collections import defaultdict
from pathlib import Path

from support import ROOT

# The folders whose sources are such a library. Other targets turn UNITY_BUILD off.
FOLDERS = ("async/src", "async/sim", "kernel", "user/async")
APART = ("kernel/self_tests", "async/sim/main.cpp")
_SKIPPED = re.compile(r"(\w+\.cpp)\s+PROPERTIES\s+SKIP_UNITY_BUILD_INCLUSION ON")

_DECLARATION = re.compile(
    r"^(?:template <[^>]*>\s*)?(?:\[\[[^\]]*\]\]\s*)*[^=({;]*?\b(\w+)(?: final)?\s*(?:=|\(|\{|;|\[| :)"
)
# Literals and names of the same thing do no harm.
_HARMLESS = re.compile(r"^(using namespace std::\w+_literals|using (\w+::)+\w+);")


def local_names(source: Path) -> set[str]:
    """The names declared in the source's unnamed namespaces, and `using namespace` for what it opens."""
    names, open_namespaces = set(), []
    for line in re.sub(r"//.*", "", source.read_text()).split("\n"):
        if re.match(r"namespace( [\w:]+)? \{", line):
            open_namespaces.append(line)
        elif re.match(r"\}\s*$", line) and open_namespaces:
            open_namespaces.pop()
        elif line.startswith("using namespace") and not _HARMLESS.match(line):
            names.add(line.strip())
        elif open_namespaces and open_namespaces[-1].startswith("namespace {"):
            found = _DECLARATION.match(line) if re.match(r"[\w\[]", line) else None
            if found and not _HARMLESS.match(line):
                names.add(found[1])
    return names


class LocalNames(unittest.TestCase):
    def test_no_two_sources_of_a_library_share_a_local_name(self) -> None:
        folders = {source.parent for folder in FOLDERS for source in (ROOT / folder).rglob("*.cpp")}
        checked = 0
        for folder in sorted(folders):
            listings = (each / "CMakeLists.txt" for each in (folder, *folder.parents))
            listing = next(each for each in listings if each.is_file())
            skipped = set(_SKIPPED.findall(listing.read_text()))
            users = defaultdict(list)
            for source in sorted(folder.glob("*.cpp")):
                path = str(source.relative_to(ROOT))
                if source.name not in skipped and not path.startswith(APART):
                    checked += 1
                    for name in local_names(source):
                        users[name].append(source.name)
            for name, sources in users.items():
                wide = name.startswith("using namespace") and len(list(folder.glob("*.cpp"))) > 1
                with self.subTest(folder=folder.name, name=name):
                    self.assertFalse(len(sources) > 1 or wide, sources)
        self.assertGreater(checked, 120)

    def test_a_local_name_is_found(self) -> None:
        names = local_names(ROOT / "kernel" / "formats" / "cpio.cpp")
        self.assertLessEqual({"magic", "align4"}, names)


if __name__ == "__main__":
    unittest.main()
