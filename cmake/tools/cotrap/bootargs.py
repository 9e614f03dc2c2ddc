"""The kernel command line: `key=value` words, each value percent-encoded (docs/reference/boot-options.md)."""

import os
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from . import policies
from .policy_header import PolicyHeader

# Options that the command sets itself. A second value from the user would replace the command's.
_OWN = ("icount", "init", "mark", "root", "share", "size", "stderr", "stdin")


def encode(value: str | bytes) -> str:
    """Percent-encodes a value. Printable ASCII stays as it is, except `%`, and `"`, which QEMU may change."""
    return "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'%"' else f"%{byte:02x}"
        for byte in os.fsencode(value)
    )


def more_words(text: str) -> str:
    """Checks words that the user adds to the kernel command line, and returns them unchanged. Raises
    ValueError with a message for the user."""
    for word in text.split():
        key = unquote(word.partition("=")[0])
        if key in _OWN:
            raise ValueError(f"'{key}' is the command's own word: leave it out")
    return text


def policy(words: Iterable[str]) -> str:
    """The scheduling policy that the kernel selects if it gets these words: the first one named."""
    return next(_policies(words), policies.DEFAULT)


def with_header_policy(words: list[str], header: PolicyHeader | None) -> list[str]:
    """The words; if they name no policy, the header's policy is added. Raises ValueError if they name a
    policy that does not exist."""
    asked = list(_policies(words))
    for name in asked:
        if not header or name != header.name:
            policies.check(name)
    return words if asked or not header else [*words, f"policy={encode(header.name)}"]


def _policies(words: Iterable[str]) -> Iterator[str]:
    """The values of all `policy=` words, in order."""
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
    """The kernel command line of a boot (docs/reference/boot-options.md). nonce: the kernel's marks on the
    console contain it. size: columns and rows of the terminal. extra: words of the user, added at the end."""
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
