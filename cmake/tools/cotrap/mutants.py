"""`./cotrap test --mutants`: checks that a test fails for each mutant. A mutant that survives shows a gap.

A mutant is a patch in tests/mutants that puts a plausible bug into the sources:

    A pipe accepts one byte more than its capacity.          one sentence that states the bug
    Fails: unit.files.asan                                  the test that must fail
                                                            an empty line
    diff --git a/kernel/files/pipe.cpp …                    the patch, for `git apply -p1`

Mutants are built and tested in a copy of the sources, build/mutants/tree, so the sources themselves
stay as they are. The copy keeps its builds from run to run. Only files that differ are written into
it, so only these are compiled again.

    for each test: check that it passes on the unchanged copy
      for each of its mutants: apply the patch, run `./cotrap test --everyday ^TEST$`, revert the patch

A test that is not everyday needs `--all`, which configures all builds.
"""

import fcntl
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .errors import OWN_FAILURE, WRONG_USAGE, ToolError, UsageError
from .paths import ROOT
from .signals import with_parent
from .suggestions import did_you_mean
from .ui import Waiting, bad, faint, good, number_of, say

_CLAIM = re.compile(r"(?P<what>\S.*\.)\nFails: (?P<test>[\w.-]{1,200})\n\n(?=diff --git )")
_CHANGED = re.compile(r"^(?:\+\+\+ b|--- a)/(\S+)$", re.MULTILINE)
# The copy has these files of its own: builds, and the caches of Python and of editors.
_NOT_SOURCES = ("build", ".cache")
_CACHES = "__pycache__"
_PASSED, _FAILED = 0, 1  # exit statuses of `./cotrap test`
_NO_VERDICT = -1  # in place of such a status: the output does not say how the test ended


class Verdict(Enum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "broken"


@dataclass(frozen=True)
class Mutant:
    """files: the files that the patch changes. fault: why the patch is no valid mutant; empty if it is."""

    name: str
    patch: Path
    what: str = ""
    test: str = ""
    files: tuple[str, ...] = ()
    fault: str = ""

    @property
    def order(self) -> tuple[str, tuple[str, ...], str]:
        """The key for sorting: mutants of one test, and then of one file, run one after the other, so that
        little is compiled between them."""
        return self.test, self.files, self.name


@dataclass(frozen=True)
class Result:
    """note: why the mutant is broken."""

    mutant: Mutant
    verdict: Verdict
    seconds: float = 0.0
    note: str = ""


def run(names: list[str], jobs: int) -> int:
    """Runs the mutants that the names select, by default all. names: regular expressions. jobs: how many
    tests and compilers run in parallel. Returns 0 if a test fails for each mutant, otherwise 1. Raises
    UsageError if a name selects no mutant."""
    mutants = _selected(_read_all(), names)
    folder = ROOT / "build" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with _locked(folder):
        tree = _Tree(folder / "tree", folder / "logs", jobs)
        with Waiting("copying the sources"):
            tree.update()
        results = []
        for mutant in mutants:
            results.append(result := _judge(tree, mutant))
            print(_line(result), flush=True)
    print(f"\n{table(results)}\n")
    died = all(each.verdict is Verdict.KILLED for each in results)
    summary = f"{counts(results)}, in {time.monotonic() - begun:.0f} s"
    print(good(summary) if died else bad(summary))
    if not died:
        say(f"{tree.logs} has the output of each test")
    return 0 if died else 1


# ── The patches ──────────────────────────────────────────────────────────────────────────────────


def _read_all() -> list[Mutant]:
    """All mutants, sorted by test and then by file, so that little is compiled between two of them."""
    patches = (ROOT / "tests" / "mutants").glob("*.patch")
    return sorted(map(_read, patches), key=lambda mutant: mutant.order)


def _read(patch: Path) -> Mutant:
    name = patch.stem
    try:
        text = patch.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return Mutant(name, patch, fault="it is not a text file")
    if "\r\n" in text:
        return Mutant(name, patch, fault="its lines end with CR LF")
    claim = _CLAIM.match(text)
    if not claim:
        return Mutant(name, patch, fault="it must have a sentence, `Fails: TEST`, an empty line and a diff")
    files = tuple(dict.fromkeys(_CHANGED.findall(text, claim.end())))
    fault = "" if files else "the diff changes no file"
    return Mutant(name, patch, claim["what"], claim["test"], files, fault)


def _selected(mutants: list[Mutant], names: list[str]) -> list[Mutant]:
    if not mutants:
        raise UsageError("tests/mutants has no mutants")
    chosen: set[str] = set()
    for name in names:
        found = {each.name for each in mutants if _matches(name, each.name)}
        if not found:
            hint = did_you_mean(name, (each.name for each in mutants))
            raise UsageError(f"there is no mutant '{name}'{hint} (tests/mutants has all of them)")
        chosen |= found
    return [each for each in mutants if not names or each.name in chosen]


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False


# ── The copy of the sources ──────────────────────────────────────────────────────────────────────


class _Tree:
    """The copy of the sources. logs: the folder for the output of each test."""

    def __init__(self, path: Path, logs: Path, jobs: int):
        self.path = path.resolve()
        self.logs = logs
        self._jobs = jobs
        self._unchanged: dict[str, int] = {}  # by test: its exit status without a patch
        self._not_everyday: set[str] = set()
        logs.mkdir(exist_ok=True)

    def update(self) -> None:
        """Makes the copy equal to the sources. This also reverts a patch that an interrupted run left."""
        sources = _sources()
        for folder, folders, files in os.walk(self.path, topdown=False):
            if not _is_kept(Path(folder).relative_to(self.path)):
                for name in (*files, *folders):
                    _remove_if_gone(Path(folder) / name, self.path, sources)
        for name in sources:
            _copy(ROOT / name, self.path / name)
        for name in ("musl", "lwip"):
            fetched, link = ROOT / "build" / name, self.path / "build" / name
            if fetched.exists() and not os.path.lexists(link):
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(fetched)

    def test(self, test: str) -> int:
        """The exit status of a test on the unchanged copy. The first call runs the test; later calls return
        the same status."""
        if test not in self._unchanged:
            with Waiting(f"{test} is running without a mutant"):
                status = self._run(test, f"unchanged-{test}")
                if status == WRONG_USAGE:  # no everyday test
                    self._not_everyday.add(test)
                    status = self._run(test, f"unchanged-{test}")
                self._unchanged[test] = status
        return self._unchanged[test]

    def test_mutant(self, mutant: Mutant) -> int | None:
        """The exit status of the mutant's test with the patch applied. None: the patch does not apply."""
        if self._apply(mutant.patch) != 0:
            return None
        try:
            with Waiting(f"{mutant.test} is running with {mutant.name}"):
                return self._run(mutant.test, mutant.name)
        finally:
            if self._apply(mutant.patch, "-R") != 0:
                self.update()

    def _apply(self, patch: Path, *options: str) -> int:
        command = ["git", "apply", "-p1", "--whitespace=nowarn", *options, patch]
        # The copy is inside the repository of the sources, where `git apply` would skip all files. The
        # ceiling hides that repository.
        alone = {"GIT_CEILING_DIRECTORIES": str(self.path.parent)}
        return subprocess.run(
            command, cwd=self.path, env=_environment() | alone, stderr=subprocess.DEVNULL
        ).returncode

    def _run(self, test: str, log: str) -> int:
        pattern = test.replace(".", r"\.")
        tier = "--all" if test in self._not_everyday else "--everyday"
        command = [self.path / "cotrap", "test", tier, "-j", str(self._jobs), f"^{pattern}$"]
        path = self.logs / f"{log}.log"
        with open(path, "wb") as output, subprocess.Popen(
            with_parent(command),  # or tests would run in the copy while the next run changes it
            cwd=self.path,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as child:
            try:
                status = child.wait()
            except BaseException:
                child.terminate()  # it ends its own child processes
                raise
        return _verified(status, test, path.read_text(errors="replace"))


def _verified(status: int, test: str, output: str) -> int:
    """The status, if it and the output of `./cotrap test` say the same. A mutant may break that command."""
    if status not in (_PASSED, _FAILED):
        return status
    found = re.search(rf"^(\S.*) {re.escape(test)} \([\d.]+ s\)$", output, re.MULTILINE)
    said = found[1] if found else "skipped"
    agree = said != "skipped" and (said == "ok") == (status == _PASSED)
    return status if agree else _NO_VERDICT


def _environment() -> dict[str, str]:
    """The environment without git's variables. A git hook sets them for another repository than the copy."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _sources() -> set[str]:
    """All files that exist and that git tracks, or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
    )
    if listed.returncode != 0:
        raise ToolError(f"{ROOT} is no git repository: run --mutants in a clone, it needs git's list of files")
    names = filter(None, os.fsdecode(listed.stdout).split("\0"))
    return {name for name in names if os.path.lexists(ROOT / name)}


def _copy(source: Path, copy: Path) -> None:
    """Writes the copy only if it differs, because ninja compiles files again that are newer."""
    if _are_same(source, copy):
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    if copy.is_dir() and not copy.is_symlink():
        shutil.rmtree(copy)
    copy.unlink(missing_ok=True)
    shutil.copy(source, copy, follow_symlinks=False)


def _are_same(source: Path, copy: Path) -> bool:
    if source.is_symlink() or copy.is_symlink():
        both_are = source.is_symlink() and copy.is_symlink()
        return both_are and os.readlink(source) == os.readlink(copy)
    if not copy.is_file() or source.stat().st_mode != copy.stat().st_mode:
        return False
    return source.read_bytes() == copy.read_bytes()


def _is_kept(folder: Path) -> bool:
    """Whether the folder belongs to the copy alone and is not compared with the sources."""
    return folder.parts[:1] in ((name,) for name in _NOT_SOURCES) or _CACHES in folder.parts


def _remove_if_gone(path: Path, tree: Path, sources: set[str]) -> None:
    """Removes the file if it is not among the sources, or the folder if it is empty."""
    name = path.relative_to(tree)
    if _is_kept(name) or str(name) in sources:
        return
    if path.is_dir() and not path.is_symlink():
        if not os.listdir(path) or os.listdir(path) == [_CACHES]:
            shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _locked(folder: Path):
    """Holds a lock, so that a second command waits for the first."""
    with open(folder / "lock", "w") as lock, Waiting("another command runs mutants") as waiting:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting.over()
        yield


# ── Verdicts ─────────────────────────────────────────────────────────────────────────────────────


def _judge(tree: _Tree, mutant: Mutant) -> Result:
    if mutant.fault:
        return Result(mutant, Verdict.BROKEN, note=mutant.fault)
    unchanged = tree.test(mutant.test)
    if unchanged != _PASSED:
        return Result(mutant, Verdict.BROKEN, note=_reason(mutant.test, unchanged, "without the mutant"))
    begun = time.monotonic()
    status = tree.test_mutant(mutant)
    seconds = time.monotonic() - begun
    if status is None:
        return Result(mutant, Verdict.BROKEN, seconds, "the patch does not apply")
    if status not in (_PASSED, _FAILED):
        note = _reason(mutant.test, status, "with the mutant")
        return Result(mutant, Verdict.BROKEN, seconds, note)
    return Result(mutant, Verdict.KILLED if status == _FAILED else Verdict.SURVIVED, seconds)


def _reason(test: str, status: int, when: str) -> str:
    reasons = {
        _FAILED: f"{test} fails {when}, too",
        WRONG_USAGE: f"there is no test {test}",
        OWN_FAILURE: f"the build for {test} fails {when}",
        _NO_VERDICT: f"{test} neither passes nor fails {when}",
    }
    return reasons.get(status, f"{test} ends with status {status} {when}")


def _line(result: Result) -> str:
    verdict = result.verdict.value.ljust(max(len(each.value) for each in Verdict))
    mark = good(verdict) if result.verdict is Verdict.KILLED else bad(verdict)
    about = result.note or result.mutant.what
    return f"{mark} {result.mutant.name} {result.seconds:5.1f} s  {faint(about)}"


def table(results: list[Result]) -> str:
    """A table of all results, in Markdown."""
    lines = ["| mutant | where | test | verdict | seconds |", "|---|---|---|---|---|"]
    for each in results:
        where = ", ".join(each.mutant.files) or "–"
        verdict = f"{each.verdict.value}: {each.note}" if each.note else each.verdict.value
        test = each.mutant.test or "–"
        lines.append(f"| {each.mutant.name} | {where} | {test} | {verdict} | {each.seconds:.1f} |")
    return "\n".join(lines)


def counts(results: list[Result]) -> str:
    number = {verdict: sum(each.verdict is verdict for each in results) for verdict in Verdict}
    return (
        f"{number_of(len(results), 'mutant')}: {number[Verdict.KILLED]} killed, "
        f"{number[Verdict.SURVIVED]} survived, {number[Verdict.BROKEN]} broken"
    )
