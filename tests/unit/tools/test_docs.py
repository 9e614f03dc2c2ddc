"""The pages quote the sources as they are, their links lead somewhere, and decisions are short."""

import re
import textwrap
import unittest
from functools import cache
from pathlib import Path

from support import ROOT

PAGES = (*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
STORY = ROOT / "docs" / "a-read.md"

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# A line that is a link to a file and a colon, then a fence: the fence is an excerpt of the linked file.
_EXCERPT = re.compile(r"^\[[^\]\n]+\]\(([^)\n]+)\):\n+```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ELISION = "…"


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    found: set[str] = set()
    for head in heads:
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head).strip().lower()
        anchor = re.sub(r"[^\w -]", "", text).replace(" ", "-")
        again = (f"{anchor}-{number}" for number in range(1, len(heads)))
        found.add(next(name for name in (anchor, *again) if name not in found))
    return frozenset(found)


def broken_links(page: Path, text: str) -> list[str]:
    wrong = []
    for link in _LINK.findall(_CODE.sub("", _FENCE.sub("", text))):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue  # a page elsewhere
        to = (page.parent / target).resolve() if target else page
        if not to.exists():
            wrong.append(f"{link}: no such file")
        elif anchor and to.suffix == ".md" and anchor not in anchors(to):
            wrong.append(f"{link}: no such heading")
    return wrong


def pieces(excerpt: str) -> list[list[str]]:
    """The excerpt's runs of lines between those with an elision, each without its common indentation."""
    found: list[list[str]] = [[]]
    for line in excerpt.splitlines():
        if _ELISION in line:
            found.append([])
        else:
            found[-1].append(line)
    return [dedented(piece) for piece in found if any(piece)]


def dedented(lines: list[str]) -> list[str]:
    return textwrap.dedent("\n".join(lines)).strip("\n").split("\n")


def is_in(excerpt: str, source: str) -> bool:
    """Whether all pieces of the excerpt are in the source, one after the other."""
    lines = source.splitlines()
    at = 0
    for piece in pieces(excerpt):
        size = len(piece)
        starts = range(at, len(lines) - size + 1)
        start = next((start for start in starts if dedented(lines[start : start + size]) == piece), None)
        if start is None:
            return False
        at = start + size
    return True


class Excerpts(unittest.TestCase):
    def test_an_excerpt_is_in_the_file_that_the_line_before_it_names(self):
        for page in PAGES:
            for target, excerpt in _EXCERPT.findall(page.read_text()):
                source = page.parent / target
                with self.subTest(f"{page.relative_to(ROOT)}: {target}"):
                    self.assertTrue(is_in(excerpt, source.read_text()), excerpt)

    def test_every_piece_of_code_in_the_story_names_its_file(self):
        text = STORY.read_text()
        fences = re.findall(r"^```(?:cpp|asm)$", text, re.MULTILINE)
        self.assertGreater(len(fences), 5)
        self.assertEqual(len(_EXCERPT.findall(text)), len(fences))

    def test_only_common_indentation_and_left_out_lines_may_differ(self):
        source = "if (a) {\n  b();\n\n  if (c) {\n    d();\n  }\n}\n"
        self.assertTrue(is_in("b();\n\nif (c) {\n  d();\n", source))
        self.assertTrue(is_in("b();\n  …  // more\n    d();\n", source))
        self.assertFalse(is_in("d();\n…\nb();\n", source))
        self.assertFalse(is_in("if (c) {\nd();\n", source))
        self.assertFalse(is_in("e();\n", source))


class Links(unittest.TestCase):
    def test_relative_links_lead_to_a_file_and_a_heading(self):
        for page in PAGES:
            with self.subTest(page.relative_to(ROOT)):
                self.assertEqual(broken_links(page, page.read_text()), [])

    def test_broken_links_are_found(self):
        page = ROOT / "docs" / "README.md"
        text = "[a](none.md) [b](glossary.md#none) [c](glossary.md#strand) [d](#concepts) [e](https://x.y)"
        wrong = ["none.md: no such file", "glossary.md#none: no such heading"]
        self.assertEqual(broken_links(page, f"{text}\n```\n[f](none)\n```\n`[g](none)`\n"), wrong)


class Decisions(unittest.TestCase):
    def test_a_decision_has_at_most_120_words(self):
        text = (ROOT / "docs" / "decisions.md").read_text()
        decisions = [part for part in text.split("\n\n") if part.startswith("**")]
        self.assertGreater(len(decisions), 60)
        for decision in decisions:
            with self.subTest(decision[:60]):
                self.assertLessEqual(len(decision.split()), 120)


if __name__ == "__main__":
    unittest.main()
