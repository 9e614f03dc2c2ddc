"""Commands write their output files whole or not at all, and pages quote all texts."""

import os
import json
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from support import FakeBuild, called, files_of_at_most

from cotrap.errors import ToolError, UsageError
from cotrap.pages import in_script
from cotrap.paths import check_output, write_output
from cotrap.trace.page import to_html
from cotrap.trace.story import Slice, Story, Track


class Scripts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, _):
        if tag == "script":
            self.found.append("")
        self.inside = tag == "script"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1] += data


class Pages(unittest.TestCase):
    NAMES = ("</script>", "a<!--<script>", "{{title}}", "{{story}}")

    def test_no_text_ends_a_script_or_starts_a_comment_in_it(self):
        for name in self.NAMES:
            reported = in_script({"name": name})
            self.assertNotIn("<", reported)
            self.assertEqual(json.loads(reported)["name"], name)

    def test_a_trace_of_any_program_has_its_story(self):
        for name in self.NAMES:
            track = Track("harts", name, [Slice(0, 1, name, "running")])
            page = to_html(Story([track], [], {}, {}, [0], {}, 1.0), name, {"command": name})
            parser = Scripts()
            parser.feed(page)
            self.assertEqual(len(parser.found), 4, name)  # Chart.js, charts.js, timeline.js, the page's own
            story = parser.found[3].partition("const story = ")[2].partition(";\n")[0]
            self.assertEqual(json.loads(story)["tracks"][0]["name"], name)


class Outputs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_an_unwritable_path_is_refused_before_the_work(self):
        for path in (Path("/proc/x.html"), self.folder, self.folder / "no" / "x", Path("/proc/version/x")):
            self.assertRaises(UsageError, check_output, path)

    def test_the_check_of_a_path_changes_nothing(self):
        there, new = self.folder / "there", self.folder / "new"
        there.write_text("before")
        for path in (there, new):
            check_output(path)
        self.assertEqual((there.read_text(), new.exists()), ("before", False))

    def test_an_incomplete_output_file_is_removed(self):
        path = self.folder / "trace.json"
        with files_of_at_most(4096):
            self.assertRaises(ToolError, write_output, path, "x" * 100_000)
        self.assertFalse(path.exists())

    def test_a_name_that_is_not_utf_8_is_written_escaped(self):
        path = self.folder / "page"
        write_output(path, os.fsdecode(b"bad\xff"))
        self.assertEqual(path.read_bytes(), rb"bad\udcff")

    def test_a_last_option_without_its_file_is_an_error(self):
        build = FakeBuild()
        self.addCleanup(build.remove)
        for option in ("-o", "--html"):
            done = called("trace", "--build", build.path, "sh", option)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(f"{option} needs the name of a file".encode(), done.stderr)


if __name__ == "__main__":
    unittest.main()
