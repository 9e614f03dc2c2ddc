"""The kernel command line: `key=value` words, each value percent-encoded (docs/reference/boot-options.md)."""

import os
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from . import policies
from .policy_header import PolicyHeader

# What only the command can know: a second one would take its place.
_OWN = ("icount", "init", "mark", "size", "stderr", "stdin")


def encode(value: str | bytes) -> str:
    """Leaves printable ASCII as it is, except for what separates words or needs care in QEMU."""
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'%"' else f"%{byte:02x}"
        for byte in os.fsencode(value)
    )


def more_words(text: str) -> str:
    """Words of the user's own, as the kernel reads them. Raises ValueError, with what is wrong."""
    for word in text.split():
        key = unquote(word.partition("=")[0])
        if key in _OWN:
            raise ValueError(f"'{key}' is the command's own word")
    return text


def policy(words: Iterable[str]) -> str:
    """Which of the scheduling policies the kernel takes, given these as its words: the first."""
    return next(_policies(words), policies.DEFAULT)


def settled(words: list[str], header: PolicyHeader | None) -> list[str]:
    """With the policy of a header, where none is asked for. Raises ValueError: there is none of the
    name that is."""
    asked = list(_policies(words))
    for name in asked:
        if not header or name != header.name:
            policies.check(name)
    return words if asked or not header else [*words, f"policy={encode(header.name)}"]


def _policies(words: Iterable[str]) -> Iterator[str]:
    pairs = (word.partition("=") for text in words for word in text.split())
    return (unquote(value) for key, _, value in pairs if unquote(key) == "policy")


def command_line(
    *,
    program: str,
    arguments: list[str],
    environment: dict[str, str],
    nonce: str,
    quiet: bool,
    stdin: str,
    icount: bool = False,
    errors_apart: bool = False,
    size: tuple[int, int] | None = None,
    extra: str = "",
) -> str:
    words = [f"init={encode(program)}"]
    words += [f"arg={encode(argument)}" for argument in arguments]
    words += [f"env={encode(f'{name}={value}')}" for name, value in environment.items()]
    words.append(f"mark={nonce}")
    if quiet:
        words.append("quiet")
    if icount:
        words.append("icount")
    if stdin:
        words.append(f"stdin={stdin}")
    if errors_apart:
        words.append("stderr=framed")
    if size:
        words.append(f"size={size[0]}x{size[1]}")
    if extra:
        words.append(extra)
    return " ".join(words)
