"""The boot archive and the kernel command line can be read back unchanged."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from urllib.parse import unquote_to_bytes

import support  # noqa: F401 (finds the modules)
from cotrap.bootargs import command_line, encode
from cotrap.errors import UsageError
from cotrap.initrd import Archive
from fake_qemu import unpack


class BootArchive(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.host = Path(folder.name) / "host"
        self.guest = Path(folder.name) / "guest"
        self.host.mkdir()
        self.guest.mkdir()

    def file(self, name: str, data: bytes = b"", mode: int = 0o644) -> Path:
        path = self.host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def unpacked(self, archive: Archive) -> Path:
        unpack(archive.pack(), str(self.guest))
        return self.guest

    def test_files_keep_their_bytes_and_their_execute_permission(self):
        for size in (0, 1, 2, 3, 4, 5, 4096):
            self.file(f"tree/data{size}", bytes(size))
        self.file("tree/bin/tool", b"\x7fELF", 0o700)
        archive = Archive()
        archive.add(self.host / "tree", "")
        root = self.unpacked(archive)
        self.assertEqual((root / "data5").read_bytes(), bytes(5))
        self.assertEqual((root / "data5").stat().st_mode & 0o777, 0o644)
        self.assertEqual((root / "bin/tool").read_bytes(), b"\x7fELF")
        self.assertEqual((root / "bin/tool").stat().st_mode & 0o777, 0o755)

    def test_contents_of_at_least_a_page_begin_at_a_page_boundary(self):
        page = 4096
        for size in (page, page + 1, 3 * page):
            data = b"contents" + bytes(size - 8)
            archive = Archive()
            archive.add(self.file("name", data), "name")
            self.assertEqual(archive.pack().index(data) % page, 0)

    def test_a_folder_is_added_under_its_name_and_merges_with_another_of_that_name(self):
        self.file("one/bin/a", b"a")
        self.file("two/bin/b", b"b")
        archive = Archive()
        archive.add(self.host / "one", "")
        archive.add(self.host / "two" / "bin", "bin")
        root = self.unpacked(archive)
        self.assertEqual(sorted(path.name for path in (root / "bin").iterdir()), ["a", "b"])

    def test_the_program_is_executable_whatever_its_mode_was(self):
        archive = Archive()
        archive.add_program(self.file("p", b"x", 0o600), "run/p")
        self.assertEqual((self.unpacked(archive) / "run/p").stat().st_mode & 0o777, 0o755)

    def test_a_link_to_itself_stays_one(self):
        self.file("tree/file")
        (self.host / "tree" / "loop").symlink_to("loop")
        archive = Archive()
        archive.add(self.host / "tree", "")
        self.assertEqual((self.unpacked(archive) / "loop").readlink(), Path("loop"))

    def test_folders_deeper_than_any_path_are_refused(self):
        for name in ("n", "n" * 200):
            top = self.host / f"deep{len(name)}"
            top.mkdir()
            here = os.open(top, os.O_PATH)
            for _ in range(1200):
                os.mkdir(name, dir_fd=here)
                inner = os.open(name, os.O_PATH, dir_fd=here)
                os.close(here)
                here = inner
            os.close(here)
            with self.assertRaises(UsageError):
                Archive().add(top, "deep")
            subprocess.run(["rm", "-r", top], check=True)

    def test_an_inner_link_stays_a_link_and_an_outer_link_becomes_the_file(self):
        outside = self.file("outside", b"far")
        self.file("tree/near", b"near")
        (self.host / "tree" / "inner").symlink_to("near")
        (self.host / "tree" / "outer").symlink_to(outside)
        archive = Archive()
        archive.add(self.host / "tree", "tree")
        root = self.unpacked(archive) / "tree"
        self.assertTrue((root / "inner").is_symlink())
        self.assertEqual((root / "inner").read_bytes(), b"near")
        self.assertFalse((root / "outer").is_symlink())
        self.assertEqual((root / "outer").read_bytes(), b"far")

    def test_the_same_files_give_the_same_bytes(self):
        self.file("tree/b", b"b")
        self.file("tree/a", b"a")
        first, second = Archive(), Archive()
        first.add(self.host / "tree", "")
        second.add(self.host / "tree" / "a", "a")
        second.add(self.host / "tree" / "b", "b")
        self.assertEqual(first.pack(), second.pack())


class CommandLine(unittest.TestCase):
    def test_every_byte_survives_the_encoding(self):
        for value in (bytes(range(1, 256)), "ünï cödé \N{SNOWMAN}".encode(), b"", b'100% "a b"', b"%41"):
            encoded = encode(value)
            self.assertNotRegex(encoded, r'[\s"]')
            self.assertTrue(encoded.isascii())
            self.assertEqual(unquote_to_bytes(encoded), value)

    def test_options_are_in_order_and_only_those_requested(self):
        line = command_line(
            program="/run/p",
            arguments=["b", "a b"],
            environment={"TERM": "dumb"},
            nonce="0f",
            quiet=False,
            icount=True,
            stdin="framed",
            extra="policy=fifo",
        )
        self.assertEqual(
            line,
            "init=/run/p arg=b arg=a%20b env=TERM=dumb mark=0f icount stdin=framed policy=fifo",
        )


if __name__ == "__main__":
    unittest.main()
