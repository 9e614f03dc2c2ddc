"""The folder of `--root` is searched as the guest will search it."""

import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401

from cotrap import root_folder
from cotrap.errors import UsageError


class RootFolder(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name
        (self.path / "usr" / "bin").mkdir(parents=True)
        (self.path / "bin").symlink_to("usr/bin")

    @property
    def path(self) -> Path:
        return Path(self.root)

    def program(self, name: str) -> Path:
        file = self.path / "usr" / "bin" / name
        file.write_bytes(b"#!/bin/sh\n")
        return file

    def test_bash_is_the_shell_and_else_sh(self):
        sh = self.program("dash")
        (self.path / "usr" / "bin" / "sh").symlink_to("dash")
        self.assertEqual(root_folder.find_program(self.root, None), ("/bin/sh", sh))
        bash = self.program("bash")
        self.assertEqual(root_folder.find_program(self.root, None), ("/bin/bash", bash))

    def test_links_lead_where_they_lead_in_the_guest(self):
        there = self.program("there")
        for name, target in (("absolute", "/bin/there"), ("above", "../../../../bin/there")):
            (self.path / "usr" / "bin" / name).symlink_to(target)
            self.assertEqual(root_folder.resolve(self.root, f"/bin/{name}"), there)

    def test_links_do_not_leave_the_folder(self):
        (self.path / "bin" / "hosts").symlink_to("/etc/hostname")
        self.assertIsNone(root_folder.resolve(self.root, "/bin/hosts"))
        self.assertIsNone(root_folder.resolve(self.root, "../../etc/hostname"))

    def test_a_circle_of_links_ends(self):
        (self.path / "bin" / "a").symlink_to("b")
        (self.path / "bin" / "b").symlink_to("a")
        self.assertIsNone(root_folder.resolve(self.root, "/bin/a"))

    def test_a_name_is_searched_in_the_path_and_a_path_is_not(self):
        tool = self.program("tool")
        self.assertEqual(root_folder.find_program(self.root, "tool"), ("/usr/bin/tool", tool))
        self.assertEqual(root_folder.find_program(self.root, "usr/bin/tool"), ("/usr/bin/tool", tool))
        with self.assertRaisesRegex(UsageError, "no program /tool$"):
            root_folder.find_program(self.root, "/tool")

    def test_the_error_names_what_is_missing(self):
        with self.assertRaisesRegex(UsageError, "no /bin/bash and no /bin/sh"):
            root_folder.find_program(self.root, None)


if __name__ == "__main__":
    unittest.main()
