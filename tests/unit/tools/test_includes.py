"""Every header includes the declarations of the names that it uses. A standard library may provide more
by accident, so a build with one version does not find all missing includes."""

import re
import unittest
from functools import cache
from pathlib import Path

from support import ROOT

FOLDERS = ("async", "trap", "kernel", "hal", "tests/unit", "tests/bench")
# Folders of the tree's own headers, searched after the folder of the including header.
PLACES = ("async/include", "trap/include", "hal/include", "kernel/include", "kernel",
          "kernel/memory/rewritten", "async/sim")  # fmt: skip

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
_INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
_NO_CODE = re.compile(r'//.*|"(?:\\.|[^"\\\n])*"')


@cache
def direct(header: Path) -> tuple[str, ...]:
    return tuple(_INCLUDE.findall(header.read_text()))


@cache
def resolved(folder: Path, name: str) -> Path | None:
    places = (folder, *(ROOT / place for place in PLACES))
    return next((place / name for place in places if (place / name).is_file()), None)


def standard_headers(header: Path) -> set[str]:
    """The headers that it includes, directly or through the tree's own headers."""
    found: set[str] = set()
    seen: set[Path] = set()
    todo = [header]
    while todo:
        header = todo.pop().resolve()
        if header not in seen:
            seen.add(header)
            for name in direct(header):
                own = resolved(header.parent, name)
                todo += [own] if own else []
                found |= set() if own else {name}
    return found


def missing(header: Path) -> list[str]:
    code = _NO_CODE.sub("", header.read_text())
    needed = [need for need in NEEDS if re.search(need[1], code)]
    included = standard_headers(header) if needed else set()
    return [name for name, _, others in needed if not included & {name, *others}]


class Includes(unittest.TestCase):
    def test_a_header_includes_the_declarations_of_its_names(self):
        headers = [header for folder in FOLDERS for header in (ROOT / folder).rglob("*.h")]
        self.assertGreater(len(headers), 300)
        wrong = [
            f"{header.relative_to(ROOT)}: <{name}>"
            for header in sorted(headers)
            for name in missing(header)
        ]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
