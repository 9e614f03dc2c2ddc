"""`./cotrap run`: runs the shell, or a program. The program's output and exit status become the command's."""

import tempfile
from pathlib import Path

from .. import callgrind, packages, terminal
from ..errors import UsageError
from ..paths import check_output
from ..preparation import machine, prepare, prepare_builtin
from ..sim import simulator
from ..standard_streams import run_on


def run(arguments) -> int:
    if arguments.builtin:
        if arguments.add or arguments.callgrind or arguments.root:
            raise UsageError(
                "--builtin boots without a boot archive: leave out --add, --callgrind and --root"
            )
        arguments.harts = arguments.harts or 1
        return run_on(machine(arguments), prepare_builtin(arguments, terminal.is_ours()), arguments)
    if simulator.is_workload(arguments.program) and not arguments.root:
        return packages.module("..sim.kernel", __package__).run(arguments)
    arguments.harts = arguments.harts or 1
    if arguments.trace or arguments.record or arguments.starving:
        raise UsageError(
            "--trace, --record and --starving work only with a workload: use `./cotrap trace` for a program"
        )
    if not arguments.callgrind:
        return run_on(machine(arguments), prepare(arguments, terminal.is_ours()), arguments)
    if arguments.machine != "hosted" or arguments.sanitize:
        raise UsageError("--callgrind works only with `--machine hosted`, and without a sanitizer")
    check_output(arguments.callgrind)
    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        boot = prepare(arguments, terminal.is_ours())
        under = callgrind.prepare(machine(arguments), boot, arguments.callgrind, Path(folder))
        return run_on(*under, arguments)
