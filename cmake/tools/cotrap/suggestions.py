"""Suggests names that a user may have meant by a wrong one."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 4
_LETTERS = 3  # shorter words are ignored, because too many names contain them


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """": did you mean …?" for the end of a message; empty if no known name is similar."""
    words = [f"'{each}'" for each in similar_names(name, known)]
    if len(words) > 1:
        words = [", ".join(words[:-1]), words[-1]]
    return f": did you mean {' or '.join(words)}?" if words else ""


def similar_names(name: str, known: Iterable[str]) -> list[str]:
    """Known names that are similar, in this order: names with nearly the same spelling; names that share
    words with it, the most words first; names that contain one of its words. Shorter names come first."""
    known = sorted(set(known), key=lambda each: (len(each), each))
    words = {word for word in _parts(name) if len(word) >= _LETTERS}
    shared = {each: len(words & set(_parts(each))) for each in known}
    having = sorted(filter(shared.get, known), key=lambda each: -shared[each])
    containing = [each for each in known if any(word in each.lower() for word in words)]
    close = get_close_matches(name, known, _MOST)
    return list(dict.fromkeys([*close, *having, *containing]))[:_MOST]


def _parts(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())
