"""A read of an empty pipe passes few functions and files on its way from the trap to the wait.

The path is taken from the addresses that the benchmark `ipc.pipe` executes. It begins at the trap's entry and
ends when the executor picks the next job. A function counts if the compiler has emitted it: those that are
inlined belong to the function that contains them. On two harts the read does not enter the strand.
"""

import json
import re

import harness
from cotrap.bench.boots import Bench
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.profile import trace
from cotrap.llvm import llvm_output
from cotrap.qemu import Machine
from kernel_paths import kernel_paths

MOST_FUNCTIONS = 35
MOST_FILES = 20
ENTRY = {"riscv64": "cotrap_trap_entry", "pc": "cotrap_syscall_entry"}  # by machine
READS = {1: "kernel::sys::read<false>(", 2: "kernel::sys::read<true>("}  # by harts: the handler that waits
EXECUTOR = "async::Executor::run_until_idle("


def places(kernel, *names: str) -> dict[str, list[range]]:
    """The addresses of the functions whose names contain one of `names`, by that part. A function that contains
    an inlined one has its name as an argument of a template."""
    listed = llvm_output("nm", "--demangle", "--numeric-sort", "--defined-only", kernel)
    symbols = [line.split(maxsplit=2) for line in listed.splitlines()]
    found = {name: [] for name in names}
    for (start, _, name), (end, _, _) in zip(symbols, symbols[1:]):
        for wanted in names:
            if wanted in name:
                found[wanted].append(range(int(start, 16), int(end, 16)))
    return found


def functions(kernel, path: tuple[int, ...]) -> dict[str, str]:
    """The emitted functions on the path, and the file of each. The assembly of one file is one function. The
    compiler's own functions, such as those of a no-op coroutine, are in no file of the repository and do not
    count."""
    asked = sorted(set(path))
    answer = llvm_output(
        "symbolizer",
        f"--obj={kernel}",
        "--output-style=JSON",
        given="".join(f"{address:#x}\n" for address in asked),
    )
    found = {}
    for line in answer.splitlines():
        outer = json.loads(line)["Symbol"][-1]
        file = re.sub(r"^.*?/(?=(?:async|hal|kernel|trap)/)", "", outer["StartFileName"] or outer["FileName"])
        if file.endswith(".S"):
            found[file] = file
        elif not file.endswith(".cxx"):
            found[outer["FunctionName"]] = file
    return found


def check_path(test: harness.Test, harts: int, read: str) -> None:
    kernel = test.build.kernel
    entry = ENTRY[test.build.machine]
    at = places(kernel, entry, read, EXECUTOR)
    bench = Bench(test.build, Machine(harts=harts), timeout=2 * harness.TIMEOUT)
    paths, _ = trace(
        bench,
        BENCHMARKS["ipc.pipe"],
        1,
        lambda executed: kernel_paths(executed, at[entry][0].start, at[EXECUTOR][0]),
    )
    begins = {place.start for place in at[read]}
    path, times = next((path, times) for path, times in paths.most_common() if not begins.isdisjoint(path))
    passed = functions(kernel, path)
    print(f"{harts} harts: {len(path)} instructions, executed {times} times:")
    for function, file in passed.items():
        print(f"  {file}: {function}")
    files = set(passed.values())
    is_whole = {"trap", "kernel"} <= {file.split("/")[0] for file in files}
    where = "on one hart" if harts == 1 else f"on {harts} harts"
    test.check(is_whole, f"{where} the path leads from the trap into the kernel")
    test.check(len(passed) <= MOST_FUNCTIONS, f"{where} at most {MOST_FUNCTIONS} functions: {len(passed)}")
    test.check(len(files) <= MOST_FILES, f"{where} at most {MOST_FILES} files: {len(files)}")


with harness.Test(__doc__, harness.COUNTED, all_everyday=True) as test:
    for harts, read in READS.items():
        check_path(test, harts, read)
