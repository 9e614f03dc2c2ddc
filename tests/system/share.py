"""Calls in a folder that the host shares have the host's answers, and both sides see each other's changes.

The same static program runs in the guest and in another folder of the host, for riscv64 in QEMU's user-mode emulation.
"""

import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import harness
from cotrap.share import ROOT, Share

PROGRAM = "shared_folder"
GUEST_FOLDER = "/mnt/share"
PARTS = (
    ("contents", "reads, writes and positions are the host's"),
    ("names", "names, links and renames are the host's"),
    ("attributes", "permissions, times, links and sizes are the host's"),
    ("directories", "a folder of 1,000 files is the host's"),
    ("mappings", "private mappings have the files' bytes"),
    ("shared", "programs share mappings, and the host's files get what they write"),
    ("locks", "processes that have opened one file see each other's locks"),
    ("large", "large transfers at any address have all bytes"),
    ("together", "eight threads write and read at the same time"),
    ("killed", "processes are killed while they wait, and the folder works afterwards"),
)
# What Linux prints in a folder that is mounted read-only.
READ_ONLY = """\
open("file", O_RDONLY): 0
open("file", O_RDWR): EROFS
open("file", O_WRONLY | O_TRUNC): EROFS
open("file", O_RDONLY | O_TRUNC): EROFS
open("new", O_RDWR | O_CREAT, 0644): EROFS
access("file", R_OK): 0
access("file", W_OK): EROFS
access("folder", W_OK): EROFS
mkdir("new", 0755): EROFS
mkdir("folder", 0755): EEXIST
symlink("file", "new"): EROFS
unlink("file"): EROFS
rmdir("folder"): EROFS
rename("file", "new"): EROFS
. has 4 names
  4 .
  4 ..
  4 folder
  8 file
  sum 1600159148
"""


def tree(folder: Path) -> dict[str, tuple]:
    """The files in a folder: kind, permissions, and the contents or the target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        what = os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path.relative_to(folder))] = (mode, what)
    return found


def emulator(test: harness.Test) -> str:
    """QEMU's user-mode emulation. It checks addresses before a system call. Linux on a PC may do so later: some
    file systems of Linux 6.18 lengthen a file although the write's address is wrong."""
    return f"qemu-{test.build.processor}"


def on_host(test: harness.Test, program: Path, folder: Path, part: str) -> bytes:
    done = subprocess.run(
        [emulator(test), program, folder, part], stdout=subprocess.PIPE, timeout=harness.TIMEOUT
    )
    return done.stdout


def parts(test: harness.Test, program: Path, harts: int) -> None:
    for part, what in PARTS:
        with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
            expected = on_host(test, program, Path(there), part)
            machine = test.machine(harts=harts, share=Share(here))
            done = test.run(f"/{PROGRAM}", GUEST_FOLDER, part, machine=machine)
            same = done.output == expected and done.status == 0
            test.check(
                same and tree(Path(here)) == tree(Path(there)),
                f"{what} ({harts} harts)",
                b"here:\n%s\nthere:\n%s\n%s" % (done.output, expected, done.why.encode()),
            )


def live(test: harness.Test) -> None:
    """The host changes the folder while the guest runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def answer() -> None:
            deadline = time.monotonic() + harness.TIMEOUT
            while not (folder / "ready").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            (folder / "another").write_bytes(b"new")
            (folder / "signal").write_bytes(b"x")

        host = threading.Thread(target=answer)
        host.start()
        done = test.run(f"/{PROGRAM}", GUEST_FOLDER, "awaits", machine=test.machine(share=Share(name)))
        host.join()
        seen = done.status == 0 and "  8 another\n" in done.text
        test.check(seen, "the guest sees at once what the host changes", done.text + done.why)
        script = f"echo hello > {GUEST_FOLDER}/given"
        done = test.run("/bin/sh", "-c", script, machine=test.machine(share=Share(name)))
        written = (folder / "given").exists() and (folder / "given").read_bytes() == b"hello\n"
        test.check(written, "the host sees what the guest writes", done.text + done.why)


def programs(test: harness.Test, harts: int) -> None:
    """Programs and scripts in the folder are executed there."""
    built = test.folder / "linux-programs"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for program in ("files", "processes", "containers"):
            shutil.copy(built / program, folder / program)
        shutil.copy(test.folder / "user" / "bin" / "echo", folder / "echo")
        (folder / "text").write_bytes(b"text")
        (folder / "short").write_bytes((built / "files").read_bytes()[:3000])
        (folder / "script").write_bytes(f"#!{GUEST_FOLDER}/echo -n\n".encode())
        for path in folder.iterdir():
            path.chmod(0o755)
        shutil.copy(built / "files", folder / "closed")
        (folder / "closed").chmod(0o644)
        machine = test.machine(harts=harts, share=Share(name))
        for program in ("files", "processes", "containers"):
            there = subprocess.run(
                [emulator(test), built / program], stdout=subprocess.PIPE, timeout=harness.TIMEOUT
            )
            done = test.run(f"{GUEST_FOLDER}/{program}", machine=machine)
            same = (done.status, done.output) == (there.returncode, there.stdout)
            what = f"the program {program} runs from the folder ({harts} harts)"
            test.check(same, what, done.text + done.why)
        names = "./script a; echo; ./text; echo $?; ./short; echo $?; ./closed; echo $?; ./none; echo $?"
        done = test.run("/bin/sh", "-c", f"cd {GUEST_FOLDER}; {names}", machine=machine, errors_apart=True)
        expected = "-n ./script a\n\n127\n126\n126\n127\n"  # the shell runs a text as a script
        what = f"scripts of the folder run, and what is no program does not ({harts} harts)"
        test.check(done.text == expected, what, done.text + done.why)


def read_only(test: harness.Test) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(b"text")
        (folder / "folder").mkdir()
        before = tree(folder)
        machine = test.machine(share=Share(name, read_only=True))
        for words, what in (("share=ro", "a read-only folder"), ("", "… and the server refuses, too")):
            done = test.run(f"/{PROGRAM}", GUEST_FOLDER, "unchangeable", machine=machine, append=words)
            # Without the word the guest does not know that the folder is read-only before it asks.
            expected = READ_ONLY if words else READ_ONLY.replace("W_OK): EROFS", "W_OK): 0")
            test.check(
                done.text == expected and tree(folder) == before,
                f"{what} answers EROFS",
                done.text + done.why,
            )


ROOT_SCRIPT = """\
cat /proc/mounts
cd /links; pwd
ls /tmp
echo hello > /tmp/there; cat /tmp/there
echo new > /given
rm /proc; mkdir /dev; mv /tmp /other
echo $?
"""
ROOT_EXPECTED = """\
root / 9p {access},relatime,trans=virtio,version=9p2000.L 0 0
devtmpfs /dev devtmpfs rw,relatime 0 0
devpts /dev/pts devpts rw,relatime,mode=600,ptmxmode=000 0 0
tmpfs /dev/shm tmpfs rw,relatime 0 0
proc /proc proc rw,relatime 0 0
sysfs /sys sysfs rw,relatime 0 0
tmpfs /tmp tmpfs rw,relatime 0 0
/usr/bin
hello
"""


def root(test: harness.Test, harts: int) -> None:
    """The folder is the root folder, and the kernel's folders lie over those of the same names."""
    built = test.folder / "linux-programs"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in ("usr/bin", "proc", "tmp", "dev"):
            (folder / path).mkdir(parents=True)
        (folder / "tmp" / "hidden").write_bytes(b"")
        (folder / "bin").symlink_to("usr/bin")
        (folder / "links").symlink_to("/bin")
        for program in ("sh", "cat", "ls", "mkdir", "rm", "mv"):
            shutil.copy(test.folder / "user" / "bin" / program, folder / "bin" / program)
        programs = ("files", "processes", "containers")
        for program in programs:
            shutil.copy(built / program, folder / "bin" / program)
        for read_only in (False, True):
            shared = Share(name, read_only=read_only, tag=ROOT)
            machine = test.machine(harts=harts, root=shared)
            done = test.run(
                "/bin/sh", "-c", ROOT_SCRIPT, machine=machine, append=" ".join(shared.words), errors_apart=True
            )
            expected = ROOT_EXPECTED.format(access="ro" if read_only else "rw")
            what = f"a {'read-only ' * read_only}folder is the root folder ({harts} harts)"
            test.check(done.text == expected + "1\n", what, done.text + done.why)
            is_written = (folder / "given").exists()
            test.check(is_written != read_only, "… and only a writable one changes")
            (folder / "given").unlink(missing_ok=True)
        machine = test.machine(harts=harts, root=Share(name, tag=ROOT))
        for program in programs:
            there = subprocess.run(
                [emulator(test), built / program], stdout=subprocess.PIPE, timeout=harness.TIMEOUT
            )
            done = test.run(f"/links/{program}", machine=machine, append="root=rw")
            same = (done.status, done.output) == (there.returncode, there.stdout)
            test.check(same, f"the program {program} runs there ({harts} harts)", done.text + done.why)
    done = test.run("/none", machine=test.machine(harts=harts), append="root=rw")
    test.check(done.status == 127, "without its server the boot archive is the root", done.text + done.why)


with harness.Test(__doc__, harness.QEMU) as test:
    program = test.folder / "linux-programs" / PROGRAM
    test.add(program, PROGRAM)
    for harts in test.harts_of_tier:
        parts(test, program, harts)
        programs(test, harts)
        root(test, harts)
    if test.everyday:
        live(test)
        read_only(test)
