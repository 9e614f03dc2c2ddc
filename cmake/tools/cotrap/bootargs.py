"""The kernel command line: `key=value` words, each value percent-encoded (docs/running.md)."""

import os
from collections.abc import Iterable
from urllib.parse import unquote

from . import policies

# What only the command can know: a second one would take its place.
_OWN = ("init", "mark", "size", "stdin")


def encode(value: str | bytes) -> str:
    """Leaves printable ASCII as it is, except for what separates words or needs care in QEMU."""
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'%"' else f"%{byte:02x}"
        for byte in os.fsencode(value)
    )


def more_words(text: str) -> str:
    """Words of the user's own, as the kernel reads them. Raises ValueError, with what is wrong."""
    for word in text.split():
        key, _, value = map(unquote, word.partition("="))
        if key in _OWN:
            raise ValueError(f"'{key}' is the command's own word")
        if key == "policy":
            policies.check(value)
    return text


def policy(words: Iterable[str]) -> str:
    """Which of the scheduling policies the kernel takes, given these as its words: the first."""
    pairs = (word.partition("=") for text in words for word in text.split())
    asked = (unquote(value) for key, _, value in pairs if unquote(key) == "policy")
    return next(asked, policies.DEFAULT)


def command_line(
    *,
    program: str,
    arguments: list[str],
    environment: dict[str, str],
    nonce: str,
    quiet: bool,
    stdin: str,
    size: tuple[int, int] | None = None,
    extra: str = "",
) -> str:
    words = [f"init={encode(program)}"]
    words += [f"arg={encode(argument)}" for argument in arguments]
    words += [f"env={encode(f'{name}={value}')}" for name, value in environment.items()]
    words.append(f"mark={nonce}")
    if quiet:
        words.append("quiet")
    if stdin:
        words.append(f"stdin={stdin}")
    if size:
        words.append(f"size={size[0]}x{size[1]}")
    if extra:
        words.append(extra)
    return " ".join(words)
