"""`./cotrap setup`: installs the packages of most commands, or with --all those of all commands. It
also fetches lwIP's source."""

from .. import lwip, setup


def run(arguments) -> None:
    setup.install(*[setup.TEST] * arguments.all)
    lwip.ensure()
