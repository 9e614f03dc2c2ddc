"""Debian's make, gcc and sqlite3, unchanged, work in a root folder of the host.

make builds a program of two sources with gcc, the program runs, and a second make finds that all is up to date. sqlite3
writes a database in /tmp with a log (WAL) that its processes share in memory; two of them write at the same time. The
test downloads the packages (90 MB).
"""

import shutil

import harness
from cotrap import debian
from cotrap.share import ROOT, Share

PACKAGES = ["gcc", "libc6-dev", "make", "sqlite3", "bash", "coreutils"]
_FOLDER = "building"  # in the root folder
_TIMEOUT = 600.0  # seconds, on a busy host
_SOURCES = {
    "Makefile": "program: main.o sum.o\n\t$(CC) -o $@ $^\nmain.o sum.o: sum.h\n",
    "sum.h": "int sum(int last);\n",
    "sum.c": '#include "sum.h"\nint sum(int last) { return last == 0 ? 0 : last + sum(last - 1); }\n',
    "main.c": '#include <stdio.h>\n#include "sum.h"\nint main(void) { printf("the sum is %d\\n", sum(100)); }\n',
}
# The clock of the guest may be more than a second behind the host's, which is the time of the files.
_BUILD = f"cd /{_FOLDER}; sleep 2; make CC=gcc CFLAGS='-O2 -Wall -Werror' && ./program && sleep 2 && make CC=gcc"
_DATABASE = """
rm -f db db-*
sqlite3 db 'PRAGMA journal_mode = WAL; CREATE TABLE t (process INT, row INT)'
write() {
  for row in $(seq 200); do echo "INSERT INTO t VALUES ($1, $row);"; done | sqlite3 -cmd '.timeout 60000' db
}
write 1 & write 2
wait
sqlite3 db 'SELECT process, count(*), sum(row) FROM t GROUP BY process; PRAGMA integrity_check'
"""


def run(test: harness.Test, shared: Share, script: str, harts: int):
    return test.run(
        *("/bin/bash", "-c", script),
        machine=test.machine(harts=harts, root=shared, memory="1G"),
        append=" ".join(shared.words),
        timeout=_TIMEOUT,
        no_archive=True,
    )


with harness.Test(__doc__, harness.PACKAGES) as test:
    root = debian.root_folder("building-root", PACKAGES, test.build.machine)
    shared = Share(str(root), tag=ROOT)
    for harts in test.same_harts:
        shutil.rmtree(root / _FOLDER, ignore_errors=True)
        (root / _FOLDER).mkdir()
        for name, text in _SOURCES.items():
            (root / _FOLDER / name).write_text(text)
        done = run(test, shared, _BUILD, harts)
        holds = "the sum is 5050\nmake: 'program' is up to date." in done.text.replace("\r", "")
        test.check(holds, f"make and gcc build a program, which runs ({harts} harts)", done.text + done.why)
        for folder in ("/tmp", f"/{_FOLDER}"):
            done = run(test, shared, f"cd {folder}\n{_DATABASE}", harts)
            holds = done.text.replace("\r", "").split() == ["wal", "1|200|20100", "2|200|20100", "ok"]
            what = f"two processes write a database in {folder} at the same time ({harts} harts)"
            test.check(holds, what, done.text + done.why)
