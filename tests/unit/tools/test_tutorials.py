"""The tutorials of docs/tutorials/: their steps, commands and workload. System tests build and run their
demos (coroutines.py) and their policy (policies.py)."""

import contextlib
import re
import shlex
import unittest

from simulating import InAFolder, sim
from support import ROOT

from cotrap import policies
from cotrap.options import parser

FOLDER = ROOT / "docs" / "tutorials"
PAGES = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.md"))}


def block(page: str, kind: str) -> str:
    return re.search(rf"^```{kind}\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)[1]


class Tutorials(InAFolder):
    def setUp(self):
        super().setUp()
        (self.folder / "office.workload").write_text(block("schedulers.md", "workload"))
        (self.folder / "shortest.h").write_text(block("schedulers.md", "cpp"))

    def test_there_is_one_for_each_user_and_its_steps_are_numbered(self):
        self.assertEqual(list(PAGES), ["async-server.md", "context-switch.md", "demo.md", "schedulers.md"])
        for name, text in PAGES.items():
            heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
            numbers = [head.partition(".")[0] for head in heads[:-1]]
            self.assertEqual(numbers, [str(number) for number in range(1, len(heads))], name)
            self.assertEqual(heads[-1], "Where to read on", name)

    def test_the_parser_takes_every_command(self):
        for name, text in PAGES.items():
            commands = re.findall(r"^\$ \./cotrap (.*)$", text, re.MULTILINE)
            self.assertGreater(len(commands), 5, name)
            for words in commands:
                with self.subTest(f"{name}: {words}"), contextlib.chdir(self.folder):
                    parser().parse_args(shlex.split(words))

    def test_the_workload_shows_what_the_page_says(self):
        table = sim(self.folder / "office.workload", "--policy", "all").partition("\n\n")[0].splitlines()
        self.assertEqual(len(table), 1 + 2 * len(policies.known()))
        missed = {}
        for row in (line.split() for line in table[1:]):
            share = next((word for word in row if word.endswith("%")), "0%")
            missed[row[0], row[1]] = float(share.rstrip("%"))
        self.assertEqual(missed["query", "edf"], 0)
        self.assertGreater(missed["query", "fifo"], 30)
        self.assertLess(missed["query", "mlfq"], missed["query", "priority"])


if __name__ == "__main__":
    unittest.main()
