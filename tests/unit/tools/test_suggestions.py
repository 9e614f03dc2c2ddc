"""After a wrong name the command suggests similar names."""

import unittest

from support import Command, called

from cotrap.commands import test
from cotrap.suggestions import did_you_mean, similar_names

NAMES = ("fault.cow", "fault.zero", "pingpong", "switch", "switch.coroutine", "user.switch", "web")


class Suggestions(unittest.TestCase):
    def test_the_name_with_the_closest_spelling_comes_first(self):
        self.assertEqual(similar_names("fault.zer", NAMES)[0], "fault.zero")
        self.assertEqual(similar_names("pinpgong", NAMES), ["pingpong"])

    def test_a_name_with_one_of_the_words_is_suggested_too(self):
        found = ["switch", "user.switch", "switch.coroutine"]
        self.assertEqual(similar_names("context-switch", NAMES), found)
        self.assertEqual(similar_names("pong", NAMES), ["pingpong"])
        self.assertEqual(similar_names("the coroutine switch", NAMES)[0], "switch.coroutine")

    def test_two_letters_and_unlike_names_suggest_nothing(self):
        for name in ("it", "nonesuch", "(", ""):
            self.assertEqual(did_you_mean(name, NAMES), "")

    def test_the_question_has_no_more_than_four_names(self):
        self.assertEqual(did_you_mean("webb", NAMES), ": did you mean 'web'?")
        many = [f"switch.{number}" for number in range(9)]
        question = ": did you mean 'switch.0', 'switch.1', 'switch.2' or 'switch.3'?"
        self.assertEqual(did_you_mean("context-switch", many), question)


class Commands(Command):
    def check(self, *words, says: str):
        done = called(*words)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(says, done.stderr.decode())

    def test_each_command_suggests_names(self):
        self.build.demo("pingpong", "-", "true")
        build = ("--build", self.build.path)
        meant = "there is no benchmark 'context-switch': did you mean 'switch', 'user.switch', "
        self.check("bench", "context-switch", says=meant)
        meant = "there is no demo 'pinpong': did you mean 'pingpong'? (`./cotrap demo --list` lists them)"
        self.check("demo", *build, "pinpong", says=meant)
        self.check("run", *build, "pinpong", says="no such file or program: did you mean 'pingpong'?")
        self.check("run", *build, "webs", says="did you mean 'web'?")
        self.check("tst", says="did you mean 'test'?")
        self.check("run", "--machine", "hostd", says="did you mean 'hosted'?")
        self.check("sim", "webs", "--build", self.simulator(), says="did you mean 'web'?")

    def simulator(self):
        """A build folder with a fake simulator that lists one policy."""
        program = self.build.file("async/sim/cotrap_sim", r"printf 'priority\tthe usual\n'")
        return program.parents[2]

    def test_a_part_of_a_tests_name_is_suggested_too(self):
        entries = [test.Entry(name, "", (), 0) for name in ("unit.files.asan", "console.hosted")]
        self.assertEqual(similar_names("file", test._known(entries))[0], "files")


if __name__ == "__main__":
    unittest.main()
