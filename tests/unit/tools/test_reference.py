"""The pages of docs/reference/ agree with the sources."""

import re
import subprocess
import sys
import unittest
from unittest import mock

from support import HANGS, ROOT

from cotrap import bootargs, errors, reference, standard_streams
from cotrap.reference import calls


class Pages(unittest.TestCase):
    def test_every_generated_page_is_up_to_date(self):
        for path, text in reference.pages().items():
            there = path.read_text() if path.exists() else ""
            if there != text:
                name = path.relative_to(ROOT)
                self.fail(f"{name} is not what the sources say: `{reference.COMMAND}` makes it anew")

    def run_generator(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, ROOT / "cmake" / "tools" / "reference.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=HANGS)

    def test_the_generator_explains_itself_and_refuses_unknown_arguments(self):
        explained = self.run_generator("--help")
        self.assertEqual(explained.returncode, 0)
        self.assertIn("Writes the generated pages of docs/reference/", explained.stdout)
        self.assertNotIn("commands.md", explained.stdout)  # the name of a page that it would write
        for wrong in ("--check", "commands.md"):
            refused = self.run_generator(wrong)
            self.assertEqual((refused.returncode, refused.stdout), (2, ""))
            self.assertIn(f"unrecognized arguments: {wrong}", refused.stderr)


class SystemCalls(unittest.TestCase):
    def refused(self, **texts: calls.Text | None) -> str:
        """Returns the generator's error message. texts: by handler, the text that replaces its own; None
        removes its text."""
        real = calls.read_texts

        def changed(headers: list[str]) -> dict[str, calls.Text]:
            return {**real(headers), **texts}

        with mock.patch.object(calls, "read_texts", changed):
            with self.assertRaises(ValueError) as caught:
                calls.page()
        return str(caught.exception)

    def test_a_call_without_text_is_refused(self):
        self.assertEqual(
            self.refused(dup=None), "dup: add a line `linux:` above its declaration"
        )

    def test_a_call_with_flags_must_list_them(self):
        without = calls.Text({"linux": "none known"}, {"from", "to", "flags"})
        self.assertEqual(self.refused(dup3=without), "dup3: add a line `flags:` above its declaration")

    def test_an_unknown_flag_or_error_is_refused(self):
        wrong = calls.Text({"flags": "O_CLOEXECUTE; EINVAL for others", "linux": "No ENOTHING."})
        self.assertEqual(
            self.refused(dup3=wrong),
            "dup3: O_CLOEXECUTE is not in the sources; dup3: ENOTHING is not in the sources",
        )

    def test_a_text_may_have_several_lines(self):
        header = "/// Not this.\n/// flags: A_B;\n///   C for others\n/// linux: none known\n"
        reported = calls.read_texts([f"{header}Result<int> call(Thread&, int fd,\n    int flags);\n"])
        self.assertEqual(reported["call"].lines, {"flags": "A_B; C for others", "linux": "none known"})
        self.assertEqual(reported["call"].parameters, {"fd", "flags"})

    def test_every_number_of_the_table_is_linuxs_or_private(self):
        rows = [row for group in calls.table_rows().values() for row in group]
        self.assertEqual(len(rows), len({row.number for row in rows}))
        self.assertEqual(
            sorted(row.number for row in calls.private_rows()),
            list(range(0x1000, 0x1000 + len(calls.private_rows()))),
        )


class WrittenPages(unittest.TestCase):
    """Hand-written pages list the names and numbers of the sources."""

    def rows(self, page: str) -> list[str]:
        """The first cells of the rows in the page's tables."""
        text = (reference.FOLDER / page).read_text()
        return [cell.strip("` ") for cell in re.findall(r"^\| (.*?) \|", text, re.MULTILINE)]

    def test_the_page_lists_the_boot_options_of_the_kernel(self):
        text = "".join(path.read_text() for path in (ROOT / "kernel").rglob("*.cpp"))
        looked_for = set(re.findall(r'options\.(?:has|values?|number)\("([\w-]+)"\)', text))
        looked_for |= set(re.findall(r'^KERNEL_BOOT_OPTION\(\w+, "([\w-]+)"', text, re.MULTILINE))
        self.assertIn("policy", looked_for)
        rows = [row for row in self.rows("boot-options.md") if row not in ("word", "---")]
        self.assertEqual({re.split("[=`,]", row)[0] for row in rows}, looked_for)
        page = (reference.FOLDER / "boot-options.md").read_text()
        own = page.partition("## Of the command")[2].partition("\n## ")[0]
        self.assertEqual(set(re.findall(r"^\| `(\w+)", own, re.MULTILINE)), set(bootargs._OWN))

    def test_the_page_lists_the_kinds_of_crash_of_the_kernel(self):
        crash = ROOT / "kernel" / "boot" / "options" / "crash.cpp"
        kinds = re.findall(r'how == "([\w-]+)"', crash.read_text())
        row = next(
            line
            for line in (reference.FOLDER / "boot-options.md").read_text().split("\n")
            if line.startswith("| `crash=KIND`")
        )
        self.assertEqual(set(re.findall(r"`([\w-]+)`", row)), set(kinds))

    def test_the_page_lists_the_exit_statuses_of_the_sources(self):
        rows = self.rows("exit-statuses.md")
        kernel = (ROOT / "kernel" / "boot" / "first_process.cpp").read_text()
        shell = (ROOT / "user" / "shell" / "run.cpp").read_text()
        statuses = {errors.TIMED_OUT, errors.OWN_FAILURE, errors.OUTPUT_CLOSED, standard_streams._QUIT}
        statuses |= set(map(int, re.findall(r"exit_code_not_\w+ = (\d+)", kernel)))
        statuses |= set(map(int, re.findall(r"(?:cannot_run|not_found) = (\d+);", shell)))
        self.assertEqual(statuses, {124, 125, 126, 127, 130, 141})
        self.assertLessEqual(set(map(str, statuses)), set(rows))


if __name__ == "__main__":
    unittest.main()
