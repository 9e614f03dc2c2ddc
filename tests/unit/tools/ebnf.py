"""Reads a grammar in EBNF from a page and parses lines of words with it.

It knows these signs of ISO/IEC 14977: `=`, `;`, `,`, `|`, ( ), [ ], { }, "terminal", and
? regular expression ? for one word. `eol` is the end of a line. A symbol is a terminal, or the name
of a production.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

EOL = "\n"
_TOKEN = re.compile(r'\s*(?:("[^"]*")|\?\s(.*?)\s\?(?=\s*;)|([\w-]+)|([=;,|()\[\]{}]))', re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def words_of(text: str) -> list[str]:
    """The words of all lines that are not empty, with an EOL after each line."""
    lines = (line.partition("#")[0].split() for line in text.split("\n"))
    return [word for line in lines if line for word in (*line, EOL)]


@dataclass
class Grammar:
    productions: dict[str, tuple] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Grammar":
        return cls(_Reader(text).productions())

    def terminals(self) -> set[str]:
        def within(node: tuple) -> set[str]:
            if node[0] == "word":
                return {node[1]}
            return set().union(*(within(each) for each in node[1:] if isinstance(each, tuple)))

        return set().union(*map(within, self.productions.values()))

    def parse(self, start: str, words: list[str]) -> set[str]:
        """Returns the productions and terminals that the words use. Raises ValueError with the place."""
        self._furthest = 0
        for end, used in self._match(("name", start), words, 0):
            if end == len(words):
                return set(used)
        line = words[: self._furthest + 1].count(EOL) + 1
        raise ValueError(f"line {line} of those with words: {words[self._furthest : self._furthest + 3]}")

    def _match(self, node: tuple, words: list[str], at: int) -> Iterator[tuple[int, tuple]]:
        self._furthest = max(self._furthest, min(at, len(words) - 1))
        kind, *parts = node
        if kind in ("word", "pattern"):
            fits = at < len(words) and words[at] != EOL
            if fits and (words[at] == parts[0] if kind == "word" else re.fullmatch(parts[0], words[at])):
                yield at + 1, (f'"{parts[0]}"',) if kind == "word" else ()
        elif kind == "name" and parts[0] == "eol":
            if at < len(words) and words[at] == EOL:
                yield at + 1, ()
        elif kind == "name":
            for end, used in self._match(self.productions[parts[0]], words, at):
                yield end, (parts[0], *used)
        elif kind == "either":
            for part in parts:
                yield from self._match(part, words, at)
        elif kind == "all":
            yield from self._match_all(parts, words, at)
        elif kind == "maybe":
            yield from self._match(parts[0], words, at)
            yield at, ()
        elif kind == "many":
            yield from self._match_many(parts[0], words, at)

    def _match_all(self, parts: list, words: list[str], at: int) -> Iterator[tuple[int, tuple]]:
        if not parts:
            yield at, ()
            return
        for middle, used in self._match(parts[0], words, at):
            for end, more in self._match_all(parts[1:], words, middle):
                yield end, used + more

    def _match_many(self, part: tuple, words: list[str], at: int) -> Iterator[tuple[int, tuple]]:
        """Matches greedily, which is enough for a grammar of lines."""
        used: tuple = ()
        while (found := next(self._match(part, words, at), None)) is not None:
            at, more = found
            used += more
        yield at, used


class _Reader:
    def __init__(self, text: str):
        self._tokens = [match.groups() for match in _TOKEN.finditer(text)]
        self._at = 0

    def productions(self) -> dict[str, tuple]:
        found = {}
        while self._at < len(self._tokens):
            name = self._take()[2]
            self._sign("=")
            found[name] = self._either()
            self._sign(";")
        return found

    def _either(self) -> tuple:
        parts = [self._all()]
        while self._is("|"):
            self._sign("|")
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else ("either", *parts)

    def _all(self) -> tuple:
        parts = [self._one()]
        while self._is(","):
            self._sign(",")
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else ("all", *parts)

    def _one(self) -> tuple:
        word, pattern, name, sign = self._take()
        if word:
            return ("word", word[1:-1])
        if pattern:
            return ("pattern", pattern)
        if name:
            return ("name", name)
        inner = self._either()
        self._sign(_CLOSING[sign])
        return {"(": inner, "[": ("maybe", inner), "{": ("many", inner)}[sign]

    def _take(self) -> tuple:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, sign: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][3] == sign

    def _sign(self, sign: str) -> None:
        if not self._is(sign):
            raise ValueError(f"expected '{sign}' before {self._tokens[self._at : self._at + 3]}")
        self._at += 1
