"""The keys of a PC's keyboard reach the console, beside those of the serial line."""

import json
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import harness
from harness import PROMPT, Dialogue

# The keys whose name in QEMU is not the character that they type.
KEYS = {" ": "spc", "\n": "ret", "-": "minus", "'": "apostrophe", ";": "semicolon", "/": "slash"}
SHIFTED = {"|": "backslash", "$": "4", ">": "dot", '"': "apostrophe"}
NAMED = {"\x03": "ctrl-c", "\x04": "ctrl-d", "\x7f": "backspace", "\x1b[A": "up", "\x1b[D": "left"}


def key_of(character: str) -> str:
    if character in SHIFTED:
        return f"shift-{SHIFTED[character]}"
    if character.isupper():
        return f"shift-{character.lower()}"
    return KEYS.get(character, character)


class Pressing(Dialogue):
    """Presses the keys of each step on the machine's keyboard, by QEMU's monitor. The keys of a step are a text,
    or a list of QEMU's names of keys. Bytes go to the serial line instead."""

    def __init__(self, monitor: Path, *steps: tuple):
        super().__init__(*((pattern, "") for pattern, _ in steps))
        self._monitor = monitor
        self._keys = [keys for _, keys in steps]

    def take(self) -> bytes:
        typed = super().take()
        keys = self._keys.pop(0)
        if isinstance(keys, bytes):
            return keys
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._monitor))
            with monitor.makefile("rw") as lines:
                self._do(lines, "qmp_capabilities")
                for key in keys if isinstance(keys, list) else map(key_of, keys):
                    names = [{"type": "qcode", "data": name} for name in key.split("-")]
                    self._do(lines, "send-key", keys=names, **{"hold-time": 1})
        return typed

    @staticmethod
    def _do(lines, command: str, **arguments) -> None:
        lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        lines.flush()
        for line in lines:
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return


def press(test: harness.Test, machine: harness.Machine, *steps: tuple) -> harness.Done:
    """Boots the shell on a machine, and presses keys. Returns what the console showed."""
    with tempfile.TemporaryDirectory() as folder:
        monitor = Path(folder) / "monitor"
        extra = ("-qmp", f"unix:{monitor},server=on,wait=off")
        keys = Pressing(monitor, *steps)
        return test.run("/bin/sh", typed=keys, machine=replace(machine, extra=machine.extra + extra))


with harness.Test(__doc__, needs=harness.PC, all_everyday=True) as test:
    for board in ("q35", "pc"):
        machine = test.machine(pc=board, harts=2)
        done = press(
            test,
            machine,
            (PROMPT, "echo Hello | cat\n"),
            (f"\nHello\r\n{PROMPT}", ["up", "left", "left", "left", "ret"]),
            (f"\nHello\r\n(?s:.*){PROMPT}", "sleep 600\n"),
            ("sleep 600\r\n", ["ctrl-c"]),
            (PROMPT, b"echo by the serial line\r"),
            (f"\nby the serial line\r\n{PROMPT}", "exit 7"),
            ("exit 7", ["backspace", "5", "kp_enter"]),
        )
        test.check(done.status == 5, f"keys type commands, recall them and edit them ({board})", done.text + done.why)

    steps = (PROMPT, b"cat /proc/interrupts\r"), (f"(?s:interrupts\r\n.*){PROMPT}", b"exit 3\r")
    done = press(test, test.machine(pc="q35"), *steps)
    test.check("keyboard" in done.text, "the keyboard has an interrupt line", done.text + done.why)
    machine = test.machine(pc="q35", extra=("-machine", "q35,i8042=off"))
    done = press(test, machine, *steps)
    booted = done.status == 3 and "keyboard" not in done.text
    test.check(booted, "a PC without a keyboard controller boots, and has no keyboard", done.text + done.why)
