// With all memory in use by programs, in-flight requests still complete: the kernel has enough
// memory for them.
#include "upcalls.h"

#include <user/clock.h>

#include <atomic>

#include "../eventually.h"

namespace upcalls {
namespace {

// Takes all memory; its destructor frees it.
class Hog {
 public:
  Hog() {
    pieces_.reserve(4096);
    const Fd zeros = must(open("/dev/zero"), "/dev/zero");
    for (bool is_full = false; !is_full;) {
      const auto memory = map_memory(piece, abi::prot_read | abi::prot_write);
      if (!memory) break;
      pieces_.push_back(*memory);
      for (std::size_t at = 0; at < piece && !is_full; at += page_bytes) {
        is_full = !read(zeros, {*memory + at, 1});
      }
    }
    must(close(zeros), "closing");
  }
  Hog(const Hog&) = delete;
  ~Hog() {
    for (std::byte* each : pieces_) {  // munmap would need memory
      must(call(abi::Call::madvise, each, piece, abi::madv_dontneed), "giving it back");
    }
    for (std::byte* each : pieces_) must(unmap_memory(each, piece), "unmapping");
  }

 private:
  static constexpr std::size_t piece = 1 << 20;
  std::vector<std::byte*> pieces_;
};

// Takes all memory, reports that, and keeps it.
void hog() {
  const Hog hog;
  must(write(1, "!"), "the report");
  for (;;) must(sleep_for(1h), "sleeping");
}

// Starts a hog, and returns when it has all memory.
Pid start_hog() {
  const Pipe report = must(make_pipe(), "a pipe");
  std::byte byte{};
  must(write(report.write_end, {&byte, 1}), "the pipe has its page");
  must(read(report.read_end, {&byte, 1}), "… and keeps it");
  const FdMapping output[] = {{report.write_end, 1}};
  const char* const arguments[] = {"/upcalls", "hog", nullptr};
  const Pid hog = must(spawn("/upcalls", arguments, {.fds = output}), "a hog");
  must(read(report.read_end, {&byte, 1}), "the hog's report");
  return hog;
}

enum class Way { in_a_step, preemptibly, unpreempted };

void write_pages(std::span<volatile char> pages) {
  for (std::size_t at = 0; at < pages.size(); at += page_bytes) pages[at] = 'w';
}

// Writes to pages that the process does not have yet: private copies of a file's, or new ones.
// `steps`: of the other coroutine.
Task<> write_pages(std::span<volatile char> pages, Way way, const std::uint64_t& steps,
                   bool& over) {
  co_await async::yield();
  if (way == Way::in_a_step) {
    write_pages(pages);
  } else {
    preemptible([&] {
      if (way == Way::preemptibly) return write_pages(pages);
      const Unpreempted alone;
      const std::uint64_t before = steps;
      write_pages(pages);
      check(steps == before, "another coroutine ran in the middle of Unpreempted");
    });
  }
  for (std::size_t at = 0; at < pages.size(); at += page_bytes) {
    check(pages[at] == 'w', "the byte written at {} is there", at);
  }
  over = true;
}

Task<> take_steps(std::uint64_t& steps, const bool& over) {
  while (!over) {
    ++steps;
    co_await async::yield();
  }
}

// Writes to the pages beside a coroutine that is always ready. Returns how often the writing
// coroutine waited for a page and the thread did not. How long it waited depends on other harts.
Task<std::uint64_t> waits_while_writing(std::span<volatile char> pages, Way way = Way::in_a_step) {
  const std::uint64_t before = upcall_counts().pages;
  std::uint64_t steps = 0;
  bool over = false;
  co_await async::when_all(take_steps(steps, over), write_pages(pages, way, steps, over));
  const std::uint64_t waits = upcall_counts().pages - before;
  check(steps > waits, "the other coroutine took only {} steps in {} waits", steps, waits);
  co_return waits;
}

// There is no memory for a copy of a page until the kernel has killed the hog. Only the coroutine
// that writes waits for the memory. The program allocates all memory that its loop needs before.
Task<> pressed() {
  constexpr std::size_t size = 64 * page_bytes;
  const Fd own_file = must(open("/upcalls"), "this file");
  const auto map = [&] {
    return must(map_file(own_file, size, abi::prot_read | abi::prot_write, 0), "… mapped");
  };
  const std::span rehearsal{reinterpret_cast<volatile char*>(map()), size};
  const std::span file{reinterpret_cast<volatile char*>(map()), size};
  co_await touch(map_disk(), 0);
  check(co_await waits_while_writing(rehearsal) == 0, "with free memory no coroutine waits");

  const Pid hog = start_hog();
  check(co_await waits_while_writing(file) > 0, "only the writing coroutine waits");
  check(must(wait(hog), "the hog").status.signal() == abi::Signal::sigkill,
        "the kernel has killed the hog");
}

// The same for memory of no file. The loop, too, uses such memory. So only a step in preemptible()
// waits alone, and not while it is in Unpreempted.
Task<> pressed_for_own() {
  constexpr std::size_t size = 64 * page_bytes;
  const auto map = [] {
    std::byte* const pages = must(map_memory(size, abi::prot_read | abi::prot_write), "memory");
    return std::span{reinterpret_cast<volatile char*>(pages), size};
  };
  co_await touch(map_disk(), 0);
  check(co_await waits_while_writing(map(), Way::preemptibly) == 0,
        "with free memory no coroutine waits");
  for (const Way way : {Way::in_a_step, Way::preemptibly, Way::unpreempted}) {
    const auto pages = map();
    const Pid hog = start_hog();
    const std::uint64_t waits = co_await waits_while_writing(pages, way);
    check((waits > 0) == (way == Way::preemptibly), "{} waits in way {}", waits,
          static_cast<int>(way));
    check(must(wait(hog), "the hog").status.signal() == abi::Signal::sigkill,
          "the kernel has killed the hog");
  }
}

// Writes to the pages. Another coroutine calls end() when the writing one waits for a page, or has
// not waited at all. Returns whether it has waited.
Task<bool> end_at_wait(std::span<volatile char> pages, auto end) {
  const std::uint64_t before = upcall_counts().pages;
  std::uint64_t steps = 0;
  bool over = false;
  const auto wait_and_end = [&]() -> Task<> {
    while (!over && upcall_counts().pages == before) co_await async::yield();
    end();
  };
  co_await async::when_all(write_pages(pages, Way::in_a_step, steps, over), wait_and_end());
  co_return upcall_counts().pages != before;
}

// The hog ends after there was no memory for a page, and before the kernel chooses a process to
// kill. The job that resolves the fault waits meanwhile: it is as urgent as this thread, which
// runs, and less urgent than the hog. The rehearsal allocates all memory that the loop needs.
Task<> pressed_until_end() {
  constexpr std::size_t size = 64 * page_bytes;
  const Fd own_file = must(open("/upcalls"), "this file");
  const auto map = [&] {
    auto* const pages = must(map_file(own_file, size, abi::prot_read | abi::prot_write, 0), "…");
    return std::span{reinterpret_cast<volatile char*>(pages), size};
  };
  const auto rehearsal = map(), file = map();
  co_await touch(map_disk(), 0);
  std::int32_t no_priority = 0;
  must(call(abi::Call::sched_setscheduler, 0, abi::sched_idle, &no_priority), "SCHED_IDLE");
  check(!co_await end_at_wait(rehearsal, [] {}), "with free memory no coroutine waits");

  const Pid hog = start_hog();
  must(set_realtime_priority(hog, 1), "priority for the hog");
  const bool has_waited =
      co_await end_at_wait(file, [&] { must(kill(hog, abi::Signal::sigkill), "the kill"); });
  check(has_waited, "the writing coroutine has waited");
  check(must(wait(hog), "the hog").status.signal() == abi::Signal::sigkill, "the hog is killed");
}

// A hog is killed, and still has its memory when this program needs pages.
void press_after_kill() {
  constexpr std::size_t size = 1 << 20;
  std::byte* const pages = must(map_memory(size, abi::prot_read | abi::prot_write), "memory");
  const Pid hog = start_hog();
  must(set_realtime_priority(0, 1), "priority over the hog");
  must(kill(hog, abi::Signal::sigkill), "the kill");
  for (std::size_t at = 0; at < size; at += page_bytes)
    *static_cast<volatile std::byte*>(pages + at) = std::byte{1};
  check(must(wait(hog), "the hog").status.signal() == abi::Signal::sigkill, "the hog is killed");
}

// Forks a sleeping child, which shares this program's pages. Returns 0 if there is no fork.
Pid copy_of_this() {
  const auto child = fork();
  if (!child) {
    check(child.error() == Errno::enosys, "fork is ENOSYS or succeeds, not {}",
          abi::name(child.error()));
    return 0;
  }
  while (*child == 0) static_cast<void>(sleep_for(1h));
  return *child;
}

// Makes system calls, exceptions, notifications and sleeps, and waits for the end of each.
Task<> do_a_bit_of_all(const Pipe& pipe, int rounds) {
  std::byte byte{};
  for (int i = 0; i < rounds; ++i) {
    must(co_await sys::write(pipe.write_end, {&byte, 1}), "writing");
    must(co_await sys::read(pipe.read_end, {&byte, 1}), "reading");
    check(!attempt(read_nowhere), "an attempt fails");
    must(notify(thread_id(), 4), "notify");
    check(co_await notified(4) == 4, "the notification arrives");
    co_await async::sleep_for(1ms);
  }
}

// Memory that the kernel writes for a program is never shared copy-on-write, even after a fork. The
// first round allocates what the program itself needs, including pages of code and constants.
Task<> after_fork() {
  const Pipe pipe = must(make_pipe(), "a pipe");
  co_await do_a_bit_of_all(pipe, 1);
  auto sleeper = async::spawn([]() -> Task<> { co_await async::sleep_for(20ms); }());
  co_await async::yield();

  const Pid child = copy_of_this();
  co_await do_a_bit_of_all(pipe, 1);
  {
    const Hog hog;
    co_await do_a_bit_of_all(pipe, 20);
    co_await std::move(sleeper);
  }
  if (child != 0) must(call(abi::Call::kill, child, abi::Signal::sigkill), "ending the copy");
}

// A request completes although there is no memory for a copy of the ring's page.
void end_late() {
  constexpr unsigned size = 2;
  std::byte* const memory =
      must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a ring's memory");
  auto& header = *reinterpret_cast<abi::RingHeader*>(memory);
  must(call(abi::ring_set_up, memory, size, size, 0), "a ring");
  *reinterpret_cast<abi::RingSubmission*>(memory + abi::ring_submissions_at(size)) =
      timeout(1500ms, 7);
  header.sq_tail = 1;
  must(call(abi::ring_enter, 1, 0, 0), "ring_enter");
  const auto end = now() + 1600ms;
  const Pid child = copy_of_this();
  {
    const Hog hog;
    must(sleep_until(end), "sleeping");
    const std::atomic_ref completed{header.cq_tail};
    check(eventually([&] { return completed.load() == 1; }), "the request has completed");
  }
  if (child != 0) must(call(abi::Call::kill, child, abi::Signal::sigkill), "ending the copy");
  check(header.overflowed == 0, "… and its completion had room");
}

// ── Threads that each start the most page-ins possible within one time slice ──

constexpr int threads = 120;
constexpr unsigned contexts = 64;

struct alignas(page_bytes) Greedy {
  std::array<std::byte, 2048> ring;
  abi::UpcallHeader header;
  alignas(16) std::array<std::byte, 1536> stack;
  Disk disk;
  unsigned next;
};
thread_local Greedy* me = nullptr;

[[noreturn]] void touch_more(std::uint64_t, abi::Upcall) {
  Greedy& self = *me;
  self.header.stack = address(self.stack.data() + self.stack.size());
  self.header.open = abi::upcalls_take_pages;
  while (self.next < contexts) static_cast<void>(self.disk[self.next++ % disk_pages * per_page]);
  for (;;) static_cast<void>(sleep_for(1h));
}

void be_greedy(std::atomic<int>& ready, std::atomic<std::uint32_t>& gate) {
  must(set_realtime_priority(0, 10), "a SCHED_FIFO priority");
  me = reinterpret_cast<Greedy*>(
      must(map_memory(2 * sizeof(Greedy), abi::prot_read | abi::prot_write), "memory"));
  me->disk = map_disk();
  me->next = 0;
  must(call(abi::ring_set_up, me->ring.data(), 1, contexts, 0), "a ring");
  must(call(abi::upcall_set_up, &me->header, &touch_more, contexts, 0), "upcalls");
  ++ready;
  while (gate == 0) futex_wait(gate, 0);
  touch_more(0, {});
}

void starve() {
  std::atomic<int> ready = 0;
  std::atomic<std::uint32_t> gate = 0;
  std::vector<Thread> all;
  for (int i = 0; i < threads; ++i) all.emplace_back([&] { be_greedy(ready, gate); });
  while (ready < threads) must(sleep_for(1ms), "sleeping");
  const Hog hog;
  gate = 1;
  futex_wake(gate, threads);
  must(sleep_for(300ms), "sleeping");
  exit(0);
}

// The kernel may kill the starved process, but no other one.
void starved() {
  const char* const arguments[] = {program_path(), "--starve", nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  const auto end = must(wait(child), "wait").status;
  check(end.shell_code() == 0 || end.signal() == abi::Signal::sigkill,
        "the child ends with status {}", end.shell_code());
}

}  // namespace

std::span<const Part> scarce_memory() {
  static constexpr Part parts[] = {
      {"pressed", [] { run(pressed()); }},
      {"pressed-for-own", [] { run(pressed_for_own()); }},
      {"pressed-until-end", [] { run(pressed_until_end()); }},
      {"pressed-after-kill", press_after_kill},
      {"hog", hog},
      {"after-fork", [] { run(after_fork()); }},
      {"end-late", end_late},
      {"starved", starved},
      {"--starve", starve},
  };
  return parts;
}

}  // namespace upcalls
