"""`./cotrap demo`: runs demos, and prints which of them pass."""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from .. import build
from ..console import Capture, FileSink
from ..defaults import DEMO_TIMEOUT
from ..demos import PACKAGED, WITH_PACKAGES, Demo, Stage, Verdict, read_demos, run_demo
from ..errors import UsageError
from ..preparation import check_files, machine
from ..qemu import Guest, archive_with
from ..suggestions import did_you_mean
from ..ui import Waiting, bad, faint, good

_PARALLEL = 2  # machines at a time
_TAIL_LINES = 20


def run(arguments) -> int:
    check_files(arguments)
    built = build.chosen(arguments)  # first: the build makes the list of demos
    demos = read_demos(built)
    packaged = PACKAGED if built.machine in WITH_PACKAGES else ()
    width = max((len(demo.name) for demo in demos), default=0)
    if arguments.list:
        for demo in demos:
            print(f"{demo.name:<{width}}  {demo.description}")
        for demo in packaged:
            print(f"{demo.name:<{width}}  {demo.description} (downloads packages; runs only by its name)")
        return 0
    known = {demo.name: demo for demo in (*demos, *packaged)}
    for name in arguments.names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UsageError(f"there is no demo '{name}'{hint} (`./cotrap demo --list` lists them)")
    stage = Stage(
        built,
        archive_with(built, arguments.add).pack(),
        machine(arguments),
        " ".join(arguments.append),
        arguments.timeout or DEMO_TIMEOUT,
    )
    chosen = [known[name] for name in arguments.names]
    if chosen and not arguments.quiet:
        return _watch(chosen, stage, width)
    return _judge(chosen or demos, stage, width, arguments.quiet)


def _watch(demos: list[Demo], stage: Stage, width: int) -> int:
    failed = False
    for demo in demos:
        print(faint(f"--- {demo.name}: {demo.description}"), flush=True)
        with Waiting(f"{demo.name} is running") as waiting:
            sink = FileSink(sys.stdout.fileno(), on_put=waiting.over)
            verdict = run_demo(demo, stage, sink)
        print(_line(verdict, width), flush=True)
        if verdict.failure:
            failed = True
            _explain(verdict)
    return int(failed)


def _judge(demos: list[Demo], stage: Stage, width: int, quiet: bool) -> int:
    begun = time.monotonic()
    failures = skipped = 0
    with ThreadPoolExecutor(1 if stage.machine.disk else _PARALLEL) as pool:
        running: list[Future] = [pool.submit(run_demo, demo, stage, Capture()) for demo in demos]
        try:
            for demo, future in zip(demos, running):
                with Waiting(f"{demo.name} is running"):
                    verdict = future.result()
                print(_line(verdict, width), flush=True)
                skipped += bool(verdict.skipped)
                if verdict.failure:
                    failures += 1
                    _explain(verdict)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            Guest.kill_all()
            raise
    if not quiet:
        seconds = time.monotonic() - begun
        passed = len(demos) - failures - skipped
        rest = f", {skipped} skipped" if skipped else ""
        summary = f"{passed} of {len(demos)} demos pass{rest}, in {seconds:.1f} s"
        print(bad(summary) if failures else good(summary))
    return int(failures > 0)


def _line(verdict: Verdict, width: int) -> str:
    """width: that of the column of names."""
    demo = verdict.demo
    mark = bad("FAILED") if verdict.failure else good("ok    ")
    about = demo.description
    if verdict.skipped:
        mark, about = faint("-     "), f"skipped: {verdict.skipped}"
    return f"{mark} {demo.name:<{width}} {verdict.seconds:5.1f} s  {faint(about)}"


def _explain(verdict: Verdict) -> None:
    lines = verdict.output.decode(errors="replace").splitlines()[-_TAIL_LINES:]
    lines += [bad(line) for line in verdict.failure.splitlines()]
    for line in lines:
        print(f"       | {line}")
