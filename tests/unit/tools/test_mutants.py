"""`./cotrap test --mutants` reports whether each mutant dies, and the sources stay unchanged.

The `cotrap` of the copied tree is a script here. A test fails if its file lacks the word "right".
"""

import contextlib
import io
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support  # noqa: F401  (finds the command's modules)
from cotrap import mutants
from cotrap.errors import Interrupted, UsageError
from cotrap.paths import ROOT

# `./cotrap test --everyday -j N '^NAME$'`: `pipe.asan` passes while src/pipe.txt has the word "right".
# `timer.debug` is not everyday: it exists only with --all.
_COTRAP = r"""#!/bin/sh
cd "$(dirname "$0")"
for name; do :; done
echo "$name" >> ../asked
case $name in
  '^nonesuch$') exit 2 ;;
  '^odd$') exit 7 ;;
  '^timer\.debug$') test "$2" = --all || exit 2 ;;
esac
grep -q 'syntax error' src/*.txt && exit 125
grep -q 'no command' src/*.txt && exit 1
test=$(echo "$name" | tr -d '^\\$')
file=${test%%.*}
grep -q 'skipped' src/*.txt && echo "skipped $test (0.0 s)" && exit 0
if grep -q right "src/$file.txt"; then echo "ok $test (0.1 s)"; exit 0; fi
echo "FAILED $test (0.1 s)"
exit 1
"""


class Mutants(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve() / "root"
        self.tree = self.root / "build" / "mutants" / "tree"
        for name, text in (
            (".gitignore", "/build/\n"),
            ("cotrap", _COTRAP),
            ("src/pipe.txt", "one\nright\nthree\n"),
            ("src/timer.txt", "one\nright\nthree\n"),
            ("src/broken.txt", "wrong\n"),
        ):
            self.write(name, text)
        (self.root / "cotrap").chmod(0o755)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        patched = mock.patch.object(mutants, "ROOT", self.root)
        patched.start()
        self.addCleanup(patched.stop)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def mutant(self, name: str, new: str, test: str = "pipe.asan", file: str = "pipe") -> None:
        """Writes a mutant that replaces the second line of src/FILE.txt by `new`."""
        diff = f"diff --git a/src/{file}.txt b/src/{file}.txt\n"
        diff += f"--- a/src/{file}.txt\n+++ b/src/{file}.txt\n"
        diff += f"@@ -1,3 +1,3 @@\n one\n-right\n+{new}\n three\n"
        self.write(f"tests/mutants/{name}.patch", f"A word is another.\nFails: {test}\n\n{diff}")

    def run_mutants(self, *names: str) -> int:
        self.output = io.StringIO()
        with contextlib.redirect_stdout(self.output), contextlib.redirect_stderr(io.StringIO()):
            return mutants.run(list(names), 3)

    def rows(self) -> dict[str, list[str]]:
        """The cells of the mutant's row in the table, without its name and the seconds."""
        lines = [line for line in self.output.getvalue().splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
        return {name: rest[:-1] for name, *rest in cells}

    def asked(self) -> list[str]:
        """The tests that the fake ./cotrap of the copied tree was told to run, in order."""
        return (self.tree.parent / "asked").read_text().splitlines()

    def copied(self, name: str) -> str:
        return (self.tree / name).read_text()

    def test_a_mutant_whose_test_fails_is_killed(self):
        self.mutant("other-word", "left")
        self.assertEqual(self.run_mutants(), 0)
        row = ["src/pipe.txt", "pipe.asan", "killed"]
        self.assertEqual(self.rows(), {"other-word": row})
        self.assertIn("1 mutant: 1 killed, 0 survived, 0 broken", self.output.getvalue())
        self.assertEqual(self.asked(), [r"^pipe\.asan$"] * 2)

    def test_a_mutant_whose_test_passes_survives(self):
        self.mutant("same-meaning", "also right")
        self.mutant("other-word", "left")
        self.assertEqual(self.run_mutants(), 1)
        self.assertEqual(
            {name: row[-1] for name, row in self.rows().items()},
            {"same-meaning": "SURVIVED", "other-word": "killed"},
        )

    def test_the_sources_stay_unchanged_and_the_copy_is_restored(self):
        self.mutant("other-word", "left")
        self.assertEqual(self.run_mutants(), 0)
        self.assertEqual((self.root / "src" / "pipe.txt").read_text(), "one\nright\nthree\n")
        self.assertEqual(self.copied("src/pipe.txt"), "one\nright\nthree\n")

    def test_each_test_runs_once_without_a_mutant_and_mutants_of_one_file_follow_each_other(self):
        self.mutant("a", "left")
        self.mutant("b", "left", "timer.asan", "timer")
        self.mutant("c", "left")
        self.assertEqual(self.run_mutants(), 0)
        self.assertEqual(self.asked(), [r"^pipe\.asan$"] * 3 + [r"^timer\.asan$"] * 2)
        self.assertEqual(list(self.rows()), ["a", "c", "b"])

    def test_a_mutant_that_breaks_the_command_or_skips_the_test_is_broken(self):
        self.mutant("breaks", "no command")
        self.mutant("skips", "skipped, right")
        self.assertEqual(self.run_mutants(), 1)
        verdict = "broken: pipe.asan neither passes nor fails with the mutant"
        self.assertEqual({row[-1] for row in self.rows().values()}, {verdict})

    def test_a_patch_that_is_no_file_or_has_other_line_ends_is_broken(self):
        (self.root / "tests" / "mutants").mkdir(parents=True)
        (self.root / "tests" / "mutants" / "folder.patch").mkdir()
        (self.root / "tests" / "mutants" / "link.patch").symlink_to("nowhere")
        self.write("tests/mutants/crlf.patch", "A word.\r\nFails: pipe.asan\r\n\r\ndiff --git ")
        self.assertEqual(self.run_mutants(), 1)
        verdicts = {name: row[-1] for name, row in self.rows().items()}
        no_text = "broken: it is not a text file"
        other_ends = "broken: its lines end with CR LF"
        self.assertEqual(verdicts, {"folder": no_text, "link": no_text, "crlf": other_ends})

    def test_a_patch_that_does_not_apply_is_broken(self):
        self.mutant("late", "left")
        self.write("src/pipe.txt", "right, but otherwise\n")
        self.assertEqual(self.run_mutants(), 1)
        self.assertEqual(self.rows()["late"][-1], "broken: the patch does not apply")
        self.assertEqual(self.copied("src/pipe.txt"), "right, but otherwise\n")

    def test_a_mutant_that_does_not_build_is_broken(self):
        self.mutant("wordless", "syntax error")
        self.assertEqual(self.run_mutants(), 1)
        note = "broken: the build for pipe.asan fails with the mutant"
        self.assertEqual(self.rows()["wordless"][-1], note)

    def test_a_malformed_mutant_is_broken_and_does_not_stop_others(self):
        self.mutant("whole", "left")
        text = (self.root / "tests" / "mutants" / "whole.patch").read_text()
        for name, wrong in (
            ("empty", ""),
            ("no-sentence", text.partition("\n")[2]),
            ("no-test", text.replace("Fails: pipe.asan\n", "")),
            ("no-empty-line", text.replace("\n\n", "\n")),
            ("no-diff", text.partition("diff")[0]),
        ):
            self.write(f"tests/mutants/{name}.patch", wrong)
        (self.root / "tests" / "mutants" / "no-text.patch").write_bytes(b"\xff\xfe\n")
        self.assertEqual(self.run_mutants(), 1)
        verdicts = {name: row[-1] for name, row in self.rows().items()}
        self.assertEqual(verdicts.pop("whole"), "killed")
        self.assertEqual(len(verdicts), 6)
        for verdict in verdicts.values():
            self.assertRegex(verdict, "^broken: ")

    def test_a_test_that_fails_without_a_mutant_kills_none(self):
        self.mutant("a", "left", "broken.asan")
        self.mutant("b", "left", "broken.asan")
        self.assertEqual(self.run_mutants(), 1)
        note = "broken: broken.asan fails without the mutant, too"
        self.assertEqual([row[-1] for row in self.rows().values()], [note] * 2)
        self.assertEqual(len(self.asked()), 1)

    def test_a_mutant_may_name_a_test_that_is_not_everyday(self):
        self.mutant("a", "left", "timer.debug", "timer")
        self.mutant("b", "also right", "timer.debug", "timer")
        self.assertEqual(self.run_mutants(), 1)
        verdicts = {name: row[-1] for name, row in self.rows().items()}
        self.assertEqual(verdicts, {"a": "killed", "b": "SURVIVED"})
        self.assertEqual(self.asked(), [r"^timer\.debug$"] * 4)  # the first is refused

    def test_a_missing_test_or_a_strange_exit_status_is_reported(self):
        self.mutant("a", "left", "nonesuch")
        self.mutant("b", "left", "odd")
        self.assertEqual(self.run_mutants(), 1)
        missing = "broken: there is no test nonesuch"
        self.assertEqual(self.rows()["a"][-1], missing)
        self.assertEqual(self.rows()["b"][-1], "broken: odd ends with status 7 without the mutant")

    def test_names_select_mutants(self):
        for name in ("pipe-leaks", "pipe-hangs", "timer-is-late"):
            self.mutant(name, "left")
        for names, selected in (
            (("timer-is-late",), {"timer-is-late"}),
            (("pipe",), {"pipe-leaks", "pipe-hangs"}),
            (("hangs$", "late"), {"pipe-hangs", "timer-is-late"}),
        ):
            self.assertEqual(self.run_mutants(*names), 0)
            self.assertEqual(set(self.rows()), selected)

    def test_an_unknown_mutant_is_refused_before_the_copy(self):
        self.mutant("pipe-leaks", "left")
        for names in (("nonesuch",), ("pipe", "nonesuch"), ("(",)):
            with self.assertRaisesRegex(UsageError, "there is no mutant '"):
                self.run_mutants(*names)
        with self.assertRaisesRegex(UsageError, "'pip-leaks': did you mean 'pipe-leaks'"):
            self.run_mutants("pip-leaks")
        self.assertFalse(self.tree.exists())

    def test_a_tree_without_mutants_is_reported(self):
        with self.assertRaisesRegex(UsageError, "has no mutants"):
            self.run_mutants()

    def test_an_interrupt_leaves_the_copy_without_the_patch(self):
        self.mutant("other-word", "left")
        run = mutants._Tree._run

        def interrupted(tree, test: str, log: str) -> int:
            if log == "other-word":
                self.assertEqual(self.copied("src/pipe.txt"), "one\nleft\nthree\n")
                raise Interrupted(2)
            return run(tree, test, log)

        with mock.patch.object(mutants._Tree, "_run", interrupted):
            with self.assertRaises(Interrupted):
                self.run_mutants()
        self.assertEqual(self.copied("src/pipe.txt"), "one\nright\nthree\n")

    def test_the_next_run_restores_the_copy_of_a_killed_run(self):
        self.mutant("other-word", "left")
        self.assertEqual(self.run_mutants(), 0)
        (self.tree / "src" / "pipe.txt").write_text("one\nleft\nthree\n")
        (self.tree / "src" / "timer.txt").unlink()
        (self.tree / "src" / "added.txt").touch()
        (self.tree / "left" / "behind").mkdir(parents=True)
        (self.tree / "build").mkdir()
        (self.tree / "build" / "kept").touch()
        self.assertEqual(self.run_mutants(), 0)
        self.assertEqual(self.copied("src/pipe.txt"), "one\nright\nthree\n")
        self.assertEqual(self.copied("src/timer.txt"), "one\nright\nthree\n")
        self.assertFalse((self.tree / "src" / "added.txt").exists())
        self.assertFalse((self.tree / "left").exists())
        self.assertTrue((self.tree / "build" / "kept").exists())

    def test_only_changed_files_are_written_to_the_copy(self):
        self.mutant("other-word", "left", "timer.asan", "timer")
        self.assertEqual(self.run_mutants(), 0)
        written = os.stat(self.tree / "src" / "pipe.txt").st_mtime_ns
        self.write("src/broken.txt", "changed\n")
        os.unlink(self.root / "src" / "pipe.txt")
        self.write("src/pipe.txt", "one\nright\nthree\n")  # the same, but newer
        self.assertEqual(self.run_mutants(), 0)
        self.assertEqual(os.stat(self.tree / "src" / "pipe.txt").st_mtime_ns, written)
        self.assertEqual(self.copied("src/broken.txt"), "changed\n")

    def test_the_copy_uses_what_the_tree_has_fetched(self):
        self.mutant("other-word", "left")
        self.write("build/musl/libc.a", "fetched")
        self.write("build/lwip/tcp.c", "fetched")
        for _ in range(2):
            self.assertEqual(self.run_mutants(), 0)
            self.assertEqual(self.copied("build/musl/libc.a"), "fetched")
            self.assertEqual(self.copied("build/lwip/tcp.c"), "fetched")

    def test_a_file_may_become_a_folder_and_a_folder_a_file(self):
        self.mutant("other-word", "left")
        self.write("one", "file")
        self.write("other/file", "file")
        self.assertEqual(self.run_mutants(), 0)
        os.unlink(self.root / "one")
        os.unlink(self.root / "other" / "file")
        os.rmdir(self.root / "other")
        self.write("one/file", "file")
        self.write("other", "file")
        self.assertEqual(self.run_mutants(), 0)
        self.assertEqual(self.copied("one/file") + self.copied("other"), "filefile")

    def test_a_removed_source_is_removed_from_the_copy(self):
        self.mutant("other-word", "left")
        self.write("old/file.txt", "")
        self.assertEqual(self.run_mutants(), 0)
        self.assertTrue((self.tree / "old" / "file.txt").exists())
        os.unlink(self.root / "old" / "file.txt")
        self.assertEqual(self.run_mutants(), 0)
        self.assertFalse((self.tree / "old").exists())


class Patches(unittest.TestCase):
    def test_each_patch_of_the_project_applies(self):
        def applies(patch: Path, *options: str) -> bool:
            command = ["git", "apply", "--check", "-p1", *options, patch]
            # Without a repository around it, `git apply` takes the names as they are.
            alone = {"GIT_CEILING_DIRECTORIES": str(ROOT.parent), "GIT_DIR": "/dev/null"}
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | alone, stderr=subprocess.DEVNULL
            )
            return done.returncode == 0

        patches = sorted((ROOT / "tests" / "mutants").glob("*.patch"))
        self.assertGreater(len(patches), 60)
        # In the copy that tests a mutant, this mutant is already applied.
        bad = [p.name for p in patches if not applies(p) and not applies(p, "--reverse")]
        self.assertEqual(bad, [])

    def test_each_patch_of_the_project_is_a_mutant(self):
        with mock.patch.object(mutants, "ROOT", ROOT):
            faults = {each.name: each.fault for each in mutants._read_all() if each.fault}
        self.assertEqual(faults, {})


if __name__ == "__main__":
    unittest.main()
