"""Generates docs/reference/commands.md from the parser of the command line."""

import argparse

from ..options import parser


def page() -> str:
    whole = parser()
    commands = next(
        action for action in whole._actions if isinstance(action, argparse._SubParsersAction)
    )
    summaries = {choice.dest: choice.help for choice in commands._choices_actions}
    parts = [_INTRODUCTION]
    parts.append("| command | what it does |\n|---|---|\n" + "".join(
        f"| [`./cotrap {name}`](#cotrap-{name}) | {_text(summary)} |\n"
        for name, summary in summaries.items()
    ))  # fmt: skip
    for name, command in commands.choices.items():
        parts.append(_section(name, command))
    return "\n".join(parts)


def _section(name: str, command: argparse.ArgumentParser) -> str:
    actions = [action for action in command._actions if action.help != argparse.SUPPRESS]
    options = [action for action in actions if action.option_strings and action.dest != "help"]
    places = [action for action in actions if not action.option_strings]
    words = [f"./cotrap {name}", *(["[OPTION…]"] if options else []), *map(_place, places)]
    lines = [f"## cotrap {name}\n", f"```\n{' '.join(words)}\n```\n"]
    lines.append(_text(command.description) + "\n")
    if command.epilog:
        lines.append(_text(command.epilog) + "\n")
    rows = [f"| `{_place(action)}` | {_help(command, action)} |\n" for action in places]
    rows += [f"| {_option(action)} | {_help(command, action)} |\n" for action in options]
    if rows:
        lines.append("| argument | meaning |\n|---|---|\n" + "".join(rows))
    return "\n".join(lines)


def _place(action: argparse.Action) -> str:
    """A positional argument, with brackets and dots for how often it may appear."""
    return {
        argparse.OPTIONAL: f"[{action.metavar}]",
        argparse.ZERO_OR_MORE: f"[{action.metavar}…]",
        argparse.REMAINDER: f"[{action.metavar}…]",
    }.get(action.nargs, action.metavar)


def _option(action: argparse.Action) -> str:
    value = ""
    if action.nargs != 0:
        value = action.metavar or "{" + ",".join(action.choices) + "}"
        value = {argparse.OPTIONAL: f" [{value}]", argparse.ONE_OR_MORE: f" {value}…"}.get(
            action.nargs, f" {value}"
        )
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _help(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    help = _text(command._get_formatter()._expand_help(action))
    for group in command._mutually_exclusive_groups:
        if action in group._group_actions:
            others = [f"`{other.option_strings[-1]}`" for other in group._group_actions if other != action]
            help += f"; not with {' or '.join(others)}"
    return help


def _text(text: str) -> str:
    """A text of --help, escaped for Markdown."""
    return text.replace("|", r"\|").replace("<", "&lt;")


_INTRODUCTION = """\
# Commands

<!-- Made by `/usr/bin/python3 cmake/tools/reference.py` from the parser of the command line. -->

This page lists every command and every option of `./cotrap`. It is generated from the parser that also prints
`./cotrap COMMAND --help`. A value in brackets at the end of a description is the default. A time is a number
in the unit that its option names, or a number with `ns`, `us`, `ms`, `s` or `min` after it. Tables and pages
print microseconds as `µs`; options and workloads take `us`. `sim --csv` writes times as plain numbers of
nanoseconds.
[running.md](../running.md) explains how to use the commands. [exit-statuses.md](exit-statuses.md) lists their
exit statuses.
"""
