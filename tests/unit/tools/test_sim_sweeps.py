"""Sweeps: `./cotrap sim` uses several processors, and the recipes of docs/workloads.md work as written."""

import os
import re
import shlex
import shutil
import subprocess
import unittest

from simulating import BUILD, InAFolder, sim
from support import HANGS, ROOT

from cotrap.commands import sim as command
from cotrap.options import parser
from cotrap.sim import modes, simulator

# The page sweeps a thousand seeds of ten seconds; the tests shorten this.
_SEEDS, _SHORT = "--seeds 1..1000", "--seeds 1..16 --duration 600ms"
_ALL, _TWO = "--policy all", "--policy fifo,edf"
# A stand-in for sbatch: it runs the jobs of the array one after the other.
_SBATCH = r"""#!/bin/sh
[ "$1" = --wait ] || exit 2
range=$(sed -n 's/^#SBATCH --array=//p' "$2")
for piece in $(seq "${range%-*}" "${range#*-}"); do
  SLURM_ARRAY_TASK_ID=$piece sh "$2" >"part$piece.log" || exit
done
"""


class Processors(InAFolder):
    def test_the_requested_number_of_simulators_runs_at_once(self):
        wait = f"""cd {self.folder}; touch $0
            until [ $(ls | wc -l) -ge 3 ]; do sleep 0.01; done"""
        simulator.outputs([["sh", "-c", wait, str(number)] for number in range(3)], 3)
        alone = f"mkdir {self.folder}/alone && sleep 0.05 && rmdir {self.folder}/alone"
        simulator.outputs([["sh", "-c", alone]] * 3, 1)

    def test_without_a_number_all_processors_of_the_process_are_used(self):
        for words, jobs in (((), len(os.sched_getaffinity(0))), (("-j", "3"), 3)):
            arguments = parser().parse_args(["sim", "web", *words])
            modes.check(arguments)
            self.assertEqual(arguments.jobs, jobs)

    def test_a_sweep_is_split_by_processors_and_any_split_gives_the_same_results(self):
        self.assertEqual([len(command._pieces(range(1, 8), jobs)) for jobs in (1, 3, 9)], [1, 3, 7])
        common = ("mm1", "--policy", "fifo,mlfq", "--seeds", "1..5", "--duration", "1.5s")
        tables = {sim(*common, "-j", jobs) for jobs in ("1", "2", "7")}
        self.assertEqual(len(tables), 1)

    def test_a_number_of_processors_is_refused_without_a_simulation(self):
        self.assertIn("--jobs has no effect with --list", sim("--list", "-j", "2", status=2))
        self.assertIn("'0' is not a whole number from 1", sim("web", "-j", "0", status=2))


class Recipes(InAFolder):
    def recipe(self, kind: str, policies: str = _ALL) -> str:
        page = (ROOT / "docs" / "workloads.md").read_text()
        found = re.search(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        self.assertIn("./cotrap", found[1])
        ours = f"{shlex.quote(str(ROOT / 'cotrap'))} sim"
        short = f"{_SHORT} --build {shlex.quote(BUILD)}"
        return found[1].replace("./cotrap sim", ours).replace(_SEEDS, short).replace(_ALL, policies)

    def follow(self, recipe: str, policies: str = _ALL, **variables: str) -> None:
        done = subprocess.run(
            ["sh", "-e", "-c", recipe],
            cwd=self.folder,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(len(list(self.folder.glob("part*.csv"))), 16)
        self.assertIn("<html", (self.folder / "web.html").read_text())
        whole = sim("web", *shlex.split(policies), *shlex.split(_SHORT))
        self.assertTrue(done.stdout.endswith(whole), done.stdout)

    @unittest.skipUnless(shutil.which("parallel"), "GNU parallel is not installed")
    def test_gnu_parallel_completes_a_sweep_of_sixteen_shards(self):
        self.follow(self.recipe("parallel"))

    def slurm(self, policies: str = _ALL) -> str:
        (self.folder / "sweep.sh").write_text(self.recipe("slurm", policies))
        return self.recipe("sbatch")

    def test_the_slurm_script_completes_a_sweep_of_sixteen_shards(self):
        """A stand-in for sbatch reads the jobs' numbers from the script. The sweep has two policies only, to save
        time: the test of the recipe for GNU parallel has all."""
        fake = self.folder / "bin" / "sbatch"
        fake.parent.mkdir()
        fake.write_text(_SBATCH)
        fake.chmod(0o755)
        self.follow(self.slurm(_TWO), _TWO, PATH=f"{fake.parent}:{os.environ['PATH']}")

    @unittest.skipUnless(shutil.which("sbatch"), "Slurm is not installed")
    def test_slurm_completes_a_sweep_of_sixteen_shards(self):
        nodes = subprocess.run(["sinfo", "--noheader", "-o", "%T"], capture_output=True, text=True)
        if nodes.returncode != 0:
            self.skipTest("no controller of Slurm answers")
        if not {"idle", "mixed", "allocated"} & set(nodes.stdout.split()):
            self.skipTest(f"no node of Slurm takes jobs: {nodes.stdout.strip() or 'there is none'}")
        self.follow(self.slurm())


if __name__ == "__main__":
    unittest.main()
