"""Reads the kernel's data in the stopped machine, by the kernel's own types and names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import gdb

_STATES = {1: "ready", 2: "waiting", 3: "done"}  # async::Kind
_JOB_PAGE = 4096  # bytes of an async::JobPage


def value(name: str) -> gdb.Value:
    return gdb.parse_and_eval(f"'{name}'")


def word(address: int) -> int:
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), "little")


def byte(field: gdb.Value) -> int:
    """The value of a field of one byte, of any type."""
    return gdb.selected_inferior().read_memory(int(field.address), 1).tobytes()[0]


def at(address: int, kind: str) -> gdb.Value:
    return gdb.Value(address).cast(gdb.lookup_type(kind).pointer()).dereference()


def pointer(field: gdb.Value) -> gdb.Value:
    """The pointer in an async::SharedWord."""
    kind = field.type.strip_typedefs().template_argument(0)
    return gdb.Value(word(int(field.address))).cast(kind)


def text(characters: gdb.Value) -> str:
    return characters.string(errors="replace") if int(characters) else ""


def string(of: gdb.Value) -> str:
    """The text of libc++'s std::string. Short texts are in the object itself."""
    raw = gdb.selected_inferior().read_memory(int(of.address), 24).tobytes()
    if raw[0] & 1:
        size, place = (int.from_bytes(raw[i : i + 8], "little") for i in (8, 16))
        raw = gdb.selected_inferior().read_memory(place, size).tobytes() if size else b""
    else:
        raw = raw[1 : 1 + (raw[0] >> 1)]
    return raw.decode(errors="replace")


def elements(array: gdb.Value) -> Iterator[gdb.Value]:
    """The elements of a std::array."""
    values = array["__elems_"]
    low, high = values.type.range()
    return (values[i] for i in range(low, high + 1))


def numbered(kind: str) -> Iterator[gdb.Value]:
    """All objects of a kind, "process" or "thread", in the order of their numbers."""
    for group in elements(value("kernel::IdSlots::groups_")):
        if int(slots := pointer(group["slots"])):
            for slot in elements(slots.dereference()):
                if int(found := pointer(slot[kind])):
                    yield found.dereference()


def processes() -> Iterator[gdb.Value]:
    return numbered("process")


def threads() -> Iterator[gdb.Value]:
    return numbered("thread")


@dataclass(frozen=True)
class Job:
    """A job. label: its name or, for a thread, its program, process and thread."""

    address: int
    label: str
    state: str
    hart: int
    priority: int
    reason: str
    leaf: int

    def chain(self) -> list[int]:
        """The code addresses of the coroutines, from the one that waits to the root. They are unknown while
        the job runs or is preempted."""
        frames, frame = [], self.leaf
        for _ in range(64):
            code = word(frame)
            if gdb.decode_line(f"*{code:#x}")[1][0].symtab is None:
                break
            frames.append(code)
            parent = word(frame + 16)  # async::PromiseBase::link_, after resume and destroy
            if parent & 1 or parent == 0:
                break
            frame = parent
        return frames


def jobs() -> Iterator[Job]:
    """All jobs. Early in the boot there are none."""
    named = {int(thread["job_"]): thread for thread in threads()}
    page = word(int(value("async::(anonymous namespace)::job_pages").address))
    stride = int(value("async::JobPage::stride"))
    while page:
        for place in range(page + stride, page + _JOB_PAGE - stride + 1, stride):
            job = at(place, "async::Job")
            if int(job["kind"]) in _STATES:
                yield _job(place, job, named.get(place))
        page = word(page)


def hart_data() -> dict[int, int]:
    """By hart: the address of its per-hart data, the variables that are `thread_local` in C++."""
    found = {}
    for hart, entry in enumerate(_executors()):
        if entry:
            local = at(entry, "async::Executor")["local_"].referenced_value()
            found[hart] = int(local.address) - per_hart_offset("cotrap_async_local")
    return found


def per_hart_offset(name: str) -> int | None:
    """The offset of a variable in the per-hart data. None if there is no per-hart variable of that name."""
    try:
        where = gdb.execute(f"info address {name}", to_string=True)
    except gdb.error:
        return None
    # gdb 16 prints the second text for a symbol without debugging information, such as an assembler name.
    # Nothing in the kernel or in a program has an address below the first page.
    offset = re.search(r"(thread-local variable at offset|is at) (0x[0-9a-f]{1,3})\b", where)
    return int(offset[2], 16) if offset else None


def running() -> dict[int, int]:
    """By hart: the address of the job whose step runs there; 0 if the hart is idle."""
    found = {}
    for hart, entry in enumerate(_executors()):
        if entry:
            local = at(entry, "async::Executor")["local_"]
            found[hart] = word(int(local["job"].address))
    return found


def _executors() -> list[int]:
    array = value("async::Executor::by_hart_")
    count = array.type.sizeof // 8
    return [word(int(array.address) + 8 * hart) for hart in range(count)]


def _job(place: int, job: gdb.Value, thread: gdb.Value | None) -> Job:
    label = text(job["name_"])
    if thread is not None:
        process = thread["process_"]["object_"].dereference()
        path = string(process["path_"])
        label = f"{path.rpartition('/')[2]} {int(process['id_'])}/{int(thread['id_'])}"
    state = _STATES[int(job["kind"])]
    target = int(job["waits_for_"])
    joins = target not in (0, place) and int(at(target, "async::Node")["kind"]) in _STATES
    return Job(
        address=place,
        label=label,
        state="running" if place in running().values() else state,
        hart=byte(job["hart"]),
        priority=int(job["priority"]),
        reason="" if state != "waiting" else "join" if joins else text(job["reason_"]),
        leaf=int(job["leaf_"]["__handle_"]),
    )
