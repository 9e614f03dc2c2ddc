"""`./cotrap trace` writes correct timelines of known runs, and tracing costs little.

The test opens the page in a browser without a window (Chromium).
"""

import json
import re
import shutil
import signal
import subprocess
import tempfile
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import harness
from cotrap.bench.boots import Bench, measure
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.results import INSTRUCTIONS, from_json
from cotrap.qemu import Machine
from cotrap.trace.recording import Kind

_BROWSERS = ("chromium", "chromium-headless-shell", "google-chrome")


@dataclass
class Timeline:
    """The slices of each track, by its name and by its number, and the arrows by number."""

    about: dict
    tracks: dict[str, list[dict]]
    by_number: dict[int, list[dict]]
    arrows: dict[int, dict[str, dict]]

    @classmethod
    def read(cls, path: Path) -> "Timeline":
        whole = json.loads(path.read_text())
        events = whole["traceEvents"]
        names, seen = {}, Counter()
        for event in events:
            if event["name"] == "thread_name":
                name = event["args"]["name"]
                seen[name] += 1  # several coroutines may have the same name
                names[event["tid"]] = name if seen[name] == 1 else f"{name} #{seen[name]}"
        tracks, numbers, arrows = defaultdict(list), defaultdict(list), defaultdict(dict)
        for event in events:
            if event["ph"] == "X":
                tracks[names[event["tid"]]].append(event)
                numbers[event["tid"]].append(event)
            elif event["ph"] in "sf":
                arrows[event["id"]][event["ph"]] = event
        return cls(whole["otherData"], dict(tracks), dict(numbers), dict(arrows))

    def of(self, pattern: str) -> list[list[dict]]:
        return [slices for name, slices in self.tracks.items() if re.match(pattern, name)]


def trace(test: harness.Test, *words, status: int = 0) -> subprocess.CompletedProcess:
    command = [harness.ROOT / "cotrap", "trace", "-q", "--build", test.folder, *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.TIMEOUT
    )
    what = " ".join(str(word) for word in words if not isinstance(word, Path))
    test.check(done.returncode == status, f"trace {what}: exit status {status}", done.stderr)
    return done


def in_order(slices: list[dict]) -> bool:
    """True if no slice starts before the end of the previous one. Times are in microseconds, with a
    tolerance of a nanosecond."""
    return all(a["ts"] + a["dur"] <= b["ts"] + 0.001 for a, b in zip(slices, slices[1:]))


def in_slices(test: harness.Test, timeline: Timeline, what: str) -> None:
    """Both ends of every arrow lie in slices; ui.perfetto.dev draws no others."""
    loose = [
        end
        for arrow in timeline.arrows.values()
        for end in arrow.values()
        if not any(
            each["ts"] - 0.001 <= end["ts"] <= each["ts"] + each["dur"] + 0.001
            for each in timeline.by_number[end["tid"]]
        )
    ]
    claim = f"{what}: both ends of {len(timeline.arrows)} arrows are in slices"
    test.check(len(timeline.arrows) > 0 and not loose, claim, str(loose))


def two_processes(test: harness.Test, folder: Path) -> None:
    program, out = test.folder / "user" / "bin" / "pingpong", folder / "run.json"
    done = trace(test, "--icount", program, "-o", out)
    test.check("2000 round trips" in done.stdout, "the command shows the program's output")
    test.check("11 tracks" in done.stderr, "… and the number of tracks that it wrote", done.stderr)
    timeline = Timeline.read(out)
    calls = Counter(each["name"] for slices in timeline.of("pingpong . calls") for each in slices)
    test.check(calls["read"] >= 4000 and calls["write"] >= 4000, f"each call is a slice: {calls}")
    bytes_read = [e["args"]["result"] for e in timeline.tracks["pingpong 2 calls"] if e["name"] == "read"]
    test.check(bytes_read.count("8") == 2000, "… with its result")
    for name, slices in timeline.tracks.items():
        test.check(in_order(slices), f"{name}: {len(slices)} slices, one after the other")
    states = [each["cat"] for each in timeline.tracks["pingpong 2"]]
    turns = "".join(state[0] if state != "ready" else "y" for state in states)
    test.check(turns.count("wyr") >= 1999, "a process waits, is ready, runs, and waits again")
    waits = [e["args"]["await chain"] for e in timeline.tracks["pingpong 2"] if e["name"] == "read"]
    complete = all(chain.endswith("run_thread") for chain in waits)
    test.check(complete, f"each wait has its await chain: {waits[1]}")
    wakers = [e["args"]["woken by"] for e in timeline.tracks["pingpong 2"] if e["cat"] == "ready"]
    test.check(wakers.count("pingpong 1") >= 1999, f"each wake names its waker, the first {wakers[0]}")
    # A few reads cause no wake: if a process's time slice ends between its write and its read, the other
    # process answers before the read, which then does not wait.
    test.check(
        len(timeline.arrows) > 3900
        and all(a["s"]["ts"] <= a["f"]["ts"] + 0.001 for a in timeline.arrows.values()),
        f"{len(timeline.arrows)} arrows lead from a waker forward to the woken job",
    )
    in_slices(test, timeline, "one hart")
    again = folder / "again.json"
    trace(test, "--icount", program, "-o", again)
    test.check(again.read_bytes() == out.read_bytes(), "two counted runs have the same events")


def harts(test: harness.Test, folder: Path) -> None:
    out = folder / "smp.json"
    many = ("--events", "200000")  # if a hart's events are lost, a job's move between harts can be missing
    trace(test, "--icount", "--harts", "4", *many, "-o", out, test.folder / "user" / "bin" / "smp")
    timeline = Timeline.read(out)
    test.check(not any(timeline.about["lost events"]), "no event of four harts is lost")
    test.check(
        {f"hart {n}" for n in range(4)} <= timeline.tracks.keys(), "four harts have a track each",
        str(timeline.tracks.keys()),
    )  # fmt: skip
    for n in range(4):
        test.check(in_order(timeline.tracks[f"hart {n}"]), f"hart {n} runs one job at a time")
    test.check(timeline.about["traps"].get("user-preempt", 0) > 0, f"traps: {timeline.about['traps']}")
    in_slices(test, timeline, "four harts")
    sent = [
        (ready, after, track)
        for track, slices in timeline.tracks.items()
        for ready, after in zip(slices, slices[1:])
        if " sent it to " in ready.get("args", {}).get("woken by", "")
    ]
    wrong = [
        f"{track}: {ready} {after}"
        for ready, after, track in sent
        if not ready["args"]["woken by"].endswith(f" sent it to {after['name']}")
    ]
    test.check(sent and not wrong, f"{len(sent)} jobs run on the hart that they were sent to", str(wrong))


def private_calls(test: harness.Test, folder: Path) -> None:
    out = folder / "ring.json"
    trace(test, "--icount", "-o", out, test.folder / "user" / "bin" / "coroutines")
    names = {each["name"] for track in Timeline.read(out).of("coroutines .* calls") for each in track}
    test.check("ring_enter" in names, "private calls have names", str(names))
    unnamed = [name for name in names if name.startswith("call ")]
    test.check(not unnamed, "no call is shown by its number alone", str(unnamed))


def yielding(test: harness.Test, folder: Path) -> None:
    """A sched_yield call has an end in the trace."""
    out = folder / "yields.json"
    bench = test.folder / "user" / "bin" / "bench"
    trace(test, "--icount", "-o", out, bench, "--samples", "1", "yield.process")
    yields = [
        e for track in Timeline.read(out).of("bench.*") for e in track if e["name"] == "sched_yield"
    ]
    ended = [e for e in yields if e.get("args", {}).get("result") == "0" and e["dur"] > 0]
    test.check(
        len(yields) > 100 and len(ended) >= len(yields) - 2,
        f"{len(ended)} of {len(yields)} sched_yield calls have an end", str(yields[:3]),
    )  # fmt: skip


def preempted(test: harness.Test, folder: Path) -> None:
    out = folder / "nest.json"
    program = test.folder / "user" / "bin" / "self-test"
    trace(test, "--self-tests", "--icount", "-o", out, program, "nest", "4")
    timeline = Timeline.read(out)
    spinners = timeline.of("spinner.*")
    resumed = [
        e for slices in spinners for e in slices if "preempted" in e.get("args", {}).get("woken by", "")
    ]
    test.check(len(spinners) == 4, "the kernel's coroutines have tracks with their names")
    test.check(len(resumed) >= 3, f"{len(resumed)} preemptions in the middle of a step")
    test.check(any(timeline.of("hart 0 interrupts")), "interrupts are slices")
    in_slices(test, timeline, "the kernel's coroutines")


def devices(test: harness.Test, folder: Path) -> None:
    """Each interrupt has the name of its line's driver."""
    image, out = folder / "disk", folder / "devices.json"
    image.write_bytes(bytes(64 << 10))
    shell = test.folder / "user" / "bin" / "sh"
    trace(test, "--icount", "--disk", image, "-o", out, shell, "-c", "cat /dev/vda | wc")
    interrupts = Counter(e["name"] for e in Timeline.read(out).tracks["hart 0 interrupts"])
    for driver in ("console", "vda"):
        called = re.compile(rf"{driver} \(line \d+\)")
        count = sum(times for name, times in interrupts.items() if called.fullmatch(name))
        test.check(count > 0, f"{count} interrupts have the name {driver}", str(interrupts))
    numbers = [name for name in interrupts if name.startswith("line")]
    test.check(not numbers, "no interrupt has only a number", str(interrupts))


def entries(test: harness.Test, folder: Path) -> None:
    """The kernel's entries into programs are slices with their causes."""
    out = folder / "entries.json"
    shell = test.folder / "user" / "bin" / "sh"
    trace(test, "--icount", "-o", out, shell, "-c", "/bin/notify; /bin/exceptions")
    timeline = Timeline.read(out)
    tracks = timeline.of(".* calls")
    entered = [each for slices in tracks for each in slices if each["cat"] == "entry"]
    causes = Counter(each["name"] for each in entered)
    for cause in ("first", "execve", "notification", "exception", "resume"):
        test.check(causes[f"enter-{cause}"] > 0, f"programs are entered by {cause}", str(causes))
    test.check(all(map(in_order, tracks)), "entries begin after the calls that cause them")
    test.check(all(each["dur"] > 0 for each in entered), "… and last until the next event")


def fault_workers(test: harness.Test, folder: Path) -> None:
    """A program chooses hart 0 for 8 page-ins, and then hart 1 for 8 more."""
    image, out = folder / "numbers", folder / "faults.json"
    factor, count = 0x9E3779B97F4A7C15, 48 * 512
    image.write_bytes(array("Q", (place * factor & (1 << 64) - 1 for place in range(count))).tobytes())
    program = test.folder / "test-programs" / "upcalls"
    trace(test, "--icount", "--harts", "2", "--disk", image, "-o", out, program, "served-where-chosen")
    timeline = Timeline.read(out)
    for hart in (0, 1):
        served = [each for each in timeline.tracks[f"hart {hart}"] if each["name"] == "page"]
        test.check(len(served) >= 8, f"{len(served)} slices of fault workers are on hart {hart}")


def lost(test: harness.Test, folder: Path) -> None:
    out = folder / "short.json"
    program = test.folder / "user" / "bin" / "pingpong"
    done = trace(test, "--icount", "--events", "1000", program, "-o", out)
    test.check("oldest events are lost" in done.stderr, "the command reports lost events", done.stderr)
    timeline = Timeline.read(out)
    losses = timeline.about["lost events"]
    test.check(losses[0] > 10_000, f"… and counts them: {losses}")
    test.check(in_order(timeline.tracks["pingpong 2"]), "the remaining events are in order")
    in_slices(test, timeline, "where events are lost")
    done = trace(test, "-o", out, test.folder / "user" / "bin" / "echo", "-o", "no")
    test.check(done.stdout == "-o no\n", "a second -o is the program's argument", done.stdout)
    trace(test, "-o", folder / "no" / "where", program, status=2)
    trace(test, "-o", out, test.folder / "user" / "bin" / "false", status=1)
    stopped(test, out)
    late = folder / "late.json"
    trace(test, "--timeout", "10", "-o", late, test.folder / "user" / "bin" / "sleep", "100", status=124)
    test.check(Timeline.read(late).about["traps"] is not None, "a run that --timeout ends is written, too")


def stopped(test: harness.Test, out: Path) -> None:
    """Interrupts the command, as ^C does, after the program's first output."""
    shell = test.folder / "user" / "bin" / "sh"
    command = [harness.ROOT / "cotrap", "trace", "-q", "--build", test.folder, "-o", out]
    with subprocess.Popen(
        [*command, shell, "-c", "echo begun; sleep 100000"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        begun = running.stdout.readline()
        running.send_signal(signal.SIGINT)
        errors = running.communicate(timeout=harness.TIMEOUT)[1]
    test.check(begun == "begun\n", "the program has begun", errors)
    test.check(running.returncode == 130, "an interrupted trace ends with status 130", errors)
    test.check(any(Timeline.read(out).of("sh 1")), "an interrupted run is written, too", errors)


def page(test: harness.Test, folder: Path) -> None:
    out = folder / "run.html"
    trace(test, "--icount", test.folder / "user" / "bin" / "sleepsort", "3", "1", "2", "--html", out)
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if not test.check(browser is not None, "a browser is installed", "`./cotrap setup --all` installs one"):
        return
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/browser",
         "--dump-dom", f"{out.as_uri()}#find=nanosleep"],
        capture_output=True, text=True, timeout=harness.TIMEOUT,
    )  # fmt: skip
    seen = re.sub(r"<script>.*?</script>", "", done.stdout, flags=re.DOTALL)
    summary = re.search(r'id="summary">\d+ tracks, \d+ slices', seen)
    test.check(summary is not None, "the page has a summary", seen)
    drawn = re.search(r'data-drawn="(\d+)"', seen)
    test.check(drawn is not None and int(drawn[1]) > 20, "the page draws slices", seen)
    found = re.search(r'id="found">(\d+) found', seen)
    test.check(found is not None and int(found[1]) >= 3, "the search of the page finds slices", seen)
    head = r"<dt>commit</dt><dd>\S+</dd>.*<dt>command</dt><dd>\./cotrap trace -q .* 3 1 2 --html .*</dd>"
    what = "the head of the page has the commit and the command"
    test.check(re.search(head, seen, re.DOTALL) is not None, what, seen)
    test.check("<td>sleep</td>" in seen, "a table lists the waits of tasks", seen)
    drawn = re.search(r'\d+ wakes: p50 .*<canvas[^>]* aria-label="Time from wake to run: [^"]*p99', seen)
    test.check(drawn is not None, "the page draws latencies", seen)
    text = re.sub(r"<script>.*?</script>", "", out.read_text(), flags=re.DOTALL)
    loaded = re.findall(r"<[^>]* (?:src|href)=[^>]*>", text)
    test.check(not loaded, "the page needs no network", str(loaded))


def costs(test: harness.Test) -> None:
    """Tracing a call costs two events; each costs a limited number of instructions."""
    null = [BENCHMARKS["syscall.null"]]
    off, on = (
        measure(Bench(test.build, Machine(), append), null, counted=True)[0].value
        for append in ("", "trace")
    )
    each = (on - off) / 2
    test.check(0 < each <= 60, f"an event costs {each:.1f} instructions (at most 60)")
    if "trampoline" in test.folder.name or test.build.machine != "riscv64":
        return  # the trampoline's calls have no fast path, and neither they nor other machines have a record
    record = harness.ROOT / "tests" / "bench" / "instructions.json"
    recorded = from_json(record.read_text(), record.name).find("syscall.null", INSTRUCTIONS)
    test.check(
        off <= 1.02 * recorded.value, f"without tracing a call takes the recorded {off:.1f} instructions"
    )


def kinds(test: harness.Test) -> None:
    text = (harness.ROOT / "kernel" / "trace" / "format.h").read_text()
    block = re.search(r"enum class Kind .*?\{(.*?)\};", text, re.DOTALL)[1]
    words = re.findall(r"^\s*(\w+),", block, re.MULTILINE)
    same = words == ["none", *(k.name.lower() for k in Kind)]
    test.check(same, "kernel and command number the kinds of events alike")


def shared_priorities(test: harness.Test, folder: Path) -> None:
    """The demo's players alternate by priority; each turn of a player is a write call."""
    path = folder / "shared-priority.json"
    trace(test, "--icount", "-o", path, "shared-priority")  # a busy host changes the order
    timeline = Timeline.read(path)
    turns = [
        (each["ts"], number)
        for number in range(2, 6)  # the players' processes; process 1 is the referee
        for each in timeline.tracks[f"shared-priority {number} calls"]
        if each["name"] == "write"
    ]
    order = [number for _, number in sorted(turns)]
    apart, together = (
        [number for number in order if number in players][2:]  # without their reports
        for players in ((2, 3), (4, 5))
    )
    one_by_one = apart in ([2] * 3 + [3] * 3, [3] * 3 + [2] * 3)
    test.check(one_by_one, "without a shared priority, one program runs after the other", str(apart))
    what = "with a shared priority, the coroutines of both programs run by priority"
    test.check(together == [4, 5] * 3, what, str(together))


with harness.Test(__doc__, all_everyday=True) as test, tempfile.TemporaryDirectory() as where:
    kinds(test)
    two_processes(test, Path(where))
    harts(test, Path(where))
    private_calls(test, Path(where))
    yielding(test, Path(where))
    preempted(test, Path(where))
    devices(test, Path(where))
    shared_priorities(test, Path(where))
    entries(test, Path(where))
    fault_workers(test, Path(where))
    lost(test, Path(where))
    page(test, Path(where))
    costs(test)
