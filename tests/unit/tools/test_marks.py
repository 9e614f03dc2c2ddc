"""The command separates the program's bytes from the kernel's, however the console splits them."""

import unittest

import support  # noqa: F401 (finds the modules)
from cotrap.marks import MarkReader, State
from cotrap.output_frames import OutputFrames

NONCE = "0123456789abcdef"
BANNER = b"\nOpenSBI v1.5\n   ____\nBoot HART ID : 0\n"


def mark(text: str) -> bytes:
    return f"\x1e{NONCE} {text}\n".encode()


def read(data: bytes, quiet: bool, piece: int) -> tuple[bytes, MarkReader]:
    reader = MarkReader(NONCE, quiet)
    shown = b"".join(reader.feed(data[i : i + piece]) for i in range(0, len(data), piece))
    return shown + reader.finish(), reader


class Marks(unittest.TestCase):
    def check(self, data: bytes, quiet: bool, shown: bytes, state: State, code: int | None = None):
        for piece in (1, 2, 3, 7, 64, 4096):
            with self.subTest(piece=piece):
                got, reader = read(data, quiet, piece)
                self.assertEqual(got, shown)
                self.assertEqual((reader.state, reader.exit_code), (state, code))

    def test_quiet_shows_exactly_what_is_between_start_and_exit(self):
        program = bytes(range(256)) * 3 + b"no newline at the end"
        data = BANNER + mark("start") + program + mark("exit 7 0") + b"[    0.5 h0] off\n"
        self.check(data, True, program, State.EXITED, 7)

    def test_without_quiet_kernel_lines_are_shown_and_the_firmwares_are_not(self):
        before, after = b"[    0.013100 h0] hello\n", b"[    0.020000 h1] off\n"
        data = BANNER + before + mark("start") + b"out\n" + mark("exit 0 0") + after
        self.check(data, False, before + b"out\n" + after, State.EXITED, 0)

    def test_the_exit_mark_has_the_error_of_a_program_that_was_not_started(self):
        for error in (0, 8):
            _, reader = read(mark("start") + mark(f"exit 126 {error}"), True, 4096)
            self.assertEqual((reader.exit_code, reader.refusal), (126, error))

    def test_the_firmware_is_not_shown_if_the_kernel_prints_nothing(self):
        self.check(BANNER + mark("start") + b"x", False, b"x", State.RUNNING)

    def test_kernel_lines_are_not_part_of_the_programs_output(self):
        kernels = b"[    0.013100 h0] hello\r\n[    0.1 h1] more\r\n"
        for words in (b"", b"out", b"out\n", b"\n", b"[ out ]\n"):
            for piece in (1, 5, 4096):
                reader = read(mark("start") + kernels + words, False, piece)[1]
                self.assertEqual(reader.program_wrote, bool(words), words)

    def test_a_mark_with_another_nonce_belongs_to_the_program(self):
        text = b"\x1e0123456789abcdee exit 3 0\n\x1e\x1e0123"
        self.check(mark("start") + text + mark("exit 1 0"), True, text, State.EXITED, 1)

    def test_half_a_mark_at_the_end_belongs_to_the_program(self):
        text = b"\x1e0123456789abcdef exi"
        self.check(mark("start") + text, True, text, State.RUNNING)

    def test_a_panic_is_separate_from_the_output(self):
        for quiet in (True, False):
            data = mark("start") + b"so far" + mark("panic") + b"cause\n"
            got, reader = read(data, quiet, 5)
            self.assertEqual(got, b"so far")
            self.assertEqual(reader.state, State.PANICKED)
            self.assertEqual(reader.report, b"cause\n")

    def test_a_kernel_that_never_starts_anything_shows_nothing_when_quiet(self):
        self.check(BANNER + b"[    0.1 h0] hm\n", True, b"", State.BOOTING)


class Frames(unittest.TestCase):
    """Framed output is separated into standard output and standard error, byte for byte."""

    def check(self, framed: bytes, output: bytes, errors: bytes):
        for piece in (1, 2, 3, 7, 4096):
            with self.subTest(piece=piece):
                frames, got = OutputFrames(), {False: b"", True: b""}
                for i in range(0, len(framed), piece):
                    for is_error, text in frames.feed(framed[i : i + piece]):
                        got[is_error] += text
                self.assertEqual((got[False], got[True]), (output, errors))

    def test_each_stream_has_its_bytes_in_their_order(self):
        self.check(b"a\x102b\x101c\x102\x101d\x102e", b"acd", b"be")

    def test_each_stream_may_have_any_byte(self):
        every_byte = bytes(range(256)) + b"\x10" * 3 + b"\x101\x102"
        doubled = every_byte.replace(b"\x10", b"\x10\x10")
        self.check(doubled + b"\x102" + doubled + b"\x101", every_byte, every_byte)

    def test_a_framing_command_cut_off_by_a_panic_does_not_hide_the_report(self):
        self.check(b"text\x10" + mark("panic"), b"text" + mark("panic"), b"")


if __name__ == "__main__":
    unittest.main()
