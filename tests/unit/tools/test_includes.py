"""Every header includes the declarations of the standard names that it uses. Every source of the kernel and
of programs includes, directly or through other headers, the headers of the tree's own classes that it uses.
A standard library, or an earlier source of the same compiler run, may provide a declaration by accident. So
a build does not find all missing includes."""

import re
import unittest
from functools import cache
from pathlib import Path

from support import ROOT

FOLDERS = ("async", "trap", "kernel", "hal", "tests/unit", "tests/bench")
# Folders of the tree's own headers, searched after the folder of the including header.
PLACES = ("async/include", "trap/include", "hal/include", "kernel/include", "kernel",
          "kernel/memory/rewritten", "async/sim", "kernel/platform", "kernel/memory/fixed",
          "trap/riscv64/include", "trap/x86_64/include", "trap/fncall/include", "trap/pc/include",
          "trap/riscv64/shared/include",
          "hal/riscv64/include", "hal/sv39/include", "hal/hosted/include", "hal/x86_64/include", "hal/pc/include",
          "user/include", "user/machine/riscv64", "user/async/platform", "user/runtime")  # fmt: skip

# A standard header, a pattern of its names, and other headers that declare them by contract.
NEEDS = (
    ("cstdint", r"std::u?int(\d+|ptr|max)_t\b|\bU?INT(\d+|PTR|MAX)_(MAX|MIN|C)\b", {"cinttypes"}),
    ("cstddef", r"std::(byte|ptrdiff_t|max_align_t)\b|\boffsetof\b", set()),
    ("string", r"std::(string|to_string)\b", set()),
    ("string_view", r"std::string_view\b", {"string"}),
    ("span", r"std::(span|as_bytes)\b", set()),
    ("array", r"std::(array|to_array)\b", set()),
    ("optional", r"std::(optional|nullopt)\b", set()),
    ("expected", r"std::(expected|unexpected)\b", set()),
    ("vector", r"std::vector\b", set()),
    ("map", r"std::(multi)?map\b", set()),
    ("deque", r"std::deque\b", set()),
    ("atomic", r"std::(atomic\w*|memory_order\w*)\b", set()),
    ("coroutine", r"std::(coroutine_handle|suspend_(always|never)|noop_coroutine)\b", set()),
    ("memory", r"std::(unique_ptr|shared_ptr|make_unique|construct_at|destroy_at)\b", set()),
    ("chrono", r"std::chrono\b", set()),
    ("functional", r"std::function\b", set()),
    ("limits", r"std::numeric_limits\b", set()),
    ("algorithm", r"std::(min|max|clamp|sort|any_of|all_of|find_if|lower_bound)\b", set()),
)
# Each folder of sources, and the folders of the headers that define the classes for it.
SOURCES = (
    ("kernel", ("kernel", "hal", "trap", "async/include")),
    ("user", ("user", "trap", "async/include")),
    ("tests/system/programs", ("user", "trap", "async/include")),
)
_CLASS = re.compile(
    r"^(?:class|struct|union|enum class)(?: \[\[[^]]*\]\])?(?: alignas\(\w+\))? (\w+)"
    r"(?: final)?(?: : [^;]*)? \{"
    r"|^using (\w+) = ",
    re.MULTILINE,
)
_DECLARED = re.compile(
    r"\b(?:enum class|enum|class|struct|union|using)(?:\.\.\.)? (?:alignas\(\w+\) )?(?:\w+::)*(\w+)"
)
_INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
_NO_CODE = re.compile(r'//.*|"(?:\\.|[^"\\\n])*"')


@cache
def direct(header: Path) -> tuple[str, ...]:
    return tuple(_INCLUDE.findall(header.read_text()))


@cache
def resolved(folder: Path, name: str) -> Path | None:
    places = (folder, *(ROOT / place for place in PLACES))
    return next((place / name for place in places if (place / name).is_file()), None)


def included_by(file: Path) -> tuple[set[Path], set[str]]:
    """What the file includes, directly or through the tree's own headers: the tree's own headers, with the
    file itself, and the names of all other headers."""
    own: set[Path] = set()
    others: set[str] = set()
    todo = [file]
    while todo:
        file = todo.pop().resolve()
        if file not in own:
            own.add(file)
            for name in direct(file):
                if found := resolved(file.parent, name):
                    todo.append(found)
                else:
                    others.add(name)
    return own, others


@cache
def code(file: Path) -> str:
    return _NO_CODE.sub("", file.read_text())


@cache
def words(file: Path) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", code(file)))


@cache
def declared_in(file: Path) -> frozenset[str]:
    return frozenset(_DECLARED.findall(code(file)))


def homes(folders: tuple[str, ...]) -> dict[str, Path]:
    """Maps the name of each class that exactly one header of these folders defines to that header."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for header in (ROOT / folder).rglob("*.h"):
            for defined in _CLASS.finditer(header.read_text()):
                found.setdefault(defined[1] or defined[2], []).append(header.resolve())
    return {name: headers[0] for name, headers in found.items() if len(headers) == 1}


def missing(header: Path) -> list[str]:
    needed = [need for need in NEEDS if re.search(need[1], code(header))]
    included = included_by(header)[1] if needed else set()
    return [name for name, _, others in needed if not included & {name, *others}]


class Includes(unittest.TestCase):
    maxDiff = None

    def test_a_header_includes_the_declarations_of_its_names(self):
        headers = [header for folder in FOLDERS for header in (ROOT / folder).rglob("*.h")]
        self.assertGreater(len(headers), 300)
        wrong = [
            f"{header.relative_to(ROOT)}: <{name}>"
            for header in sorted(headers)
            for name in missing(header)
        ]
        self.assertEqual(wrong, [])

    def test_a_source_includes_the_headers_of_its_classes(self):
        wrong = []
        for folder, folders in SOURCES:
            home = homes(folders)
            self.assertGreater(len(home), 50)
            sources = sorted((ROOT / folder).rglob("*.cpp"))
            self.assertGreater(len(sources), 30)
            for source in sources:
                included, _ = included_by(source)
                declared = set().union(*map(declared_in, included))
                for name in sorted(words(source) & home.keys() - declared):
                    if home[name] not in included:
                        wrong.append(f"{source.relative_to(ROOT)}: {name} of {home[name].name}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
