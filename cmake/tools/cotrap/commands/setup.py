"""`./cotrap setup`: installs the packages of most commands, or with --all those of all commands."""

from .. import setup


def run(arguments) -> None:
    setup.install(*[setup.TEST] * arguments.all)
