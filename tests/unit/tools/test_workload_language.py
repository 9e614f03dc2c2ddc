"""The grammar of docs/reference/workloads.md agrees with the simulator's reader."""

import os
import re
import subprocess
import unittest

from ebnf import Grammar, words_of
from simulating import BUILD, InAFolder
from support import ROOT

PAGE = ROOT / "docs" / "reference" / "workloads.md"
WORKLOADS = ROOT / "async" / "sim" / "workloads"
SIMULATOR = os.path.join(BUILD, "async", "sim", "cotrap_sim")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def examples() -> dict[str, str]:
    found = {path.name: path.read_text() for path in sorted(WORKLOADS.glob("*.workload"))}
    return found | {f"example {number}": text for number, text in enumerate(blocks("workload"), 1)}


class Language(InAFolder):
    def read(self, text: str) -> subprocess.CompletedProcess:
        """Lets the simulator read the text without simulating a seed."""
        (self.folder / "arrivals.txt").write_text(blocks("arrivals")[0])
        words = [SIMULATOR, self.file(text), "policy=priority", "seeds=2..1"]
        return subprocess.run(words, capture_output=True, text=True)

    def test_the_simulator_reads_every_workload_and_every_example_of_the_page(self):
        for name, text in examples().items():
            with self.subTest(name):
                done = self.read(text)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_grammar_parses_the_workloads_and_they_use_all_its_rules(self):
        grammar = Grammar.read(blocks("ebnf")[0])
        used: set[str] = set()
        for name, text in examples().items():
            with self.subTest(name):
                used |= grammar.parse("workload", words_of(text))
        everything = {*grammar.productions, *(f'"{word}"' for word in grammar.terminals())}
        self.assertEqual(everything - used, set())

    def test_the_grammar_has_the_words_of_the_reader(self):
        sources = [ROOT / "async" / "sim" / name for name in ("reader.cpp", "words.cpp")]
        text = "".join(path.read_text() for path in sources)
        words = set(re.findall(r'(?:what|first\.text) == "([^"]+)"|accept\("([^"]+)"\)', text))
        read = {word for pair in words for word in pair if word}
        self.assertEqual(Grammar.read(blocks("ebnf")[0]).terminals(), read)

    def test_grammar_and_reader_refuse_the_same_texts(self):
        grammar = Grammar.read(blocks("ebnf")[0])
        whole = "class a\n  arrive once\n  run 1ms\n"
        for wrong in (
            "", "class\n", "harts two\n" + whole, "duration 5\n" + whole, "duration 5 ms\n" + whole,
            "lock a b\n" + whole, "channel c\n" + whole, whole + "  rum 1ms\n", whole + "  run\n",
            whole + "  end\n", whole + "  repeat 2\n    yield\n", whole + "  priority 1 2\n",
            whole + "harts 2\n", whole + "  run uniform 1ms\n", whole + "  reserve 1ms 2ms\n",
            "class a\n  arrive poisson 8\n  run 1ms\n", "class a\n  arrive\n  run 1ms\n",
        ):  # fmt: skip
            with self.subTest(wrong):
                self.assertEqual(self.read(wrong).returncode, 2)
                with self.assertRaises(ValueError):
                    grammar.parse("workload", words_of(wrong) or ["\n"])


if __name__ == "__main__":
    unittest.main()
