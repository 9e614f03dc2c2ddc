// upcalls PART: what happens to a program in the midst of a coroutine (abi/upcall.h), one part of
// it. On a disk of 64-bit numbers, each its own place times a constant, that takes its time.
#include <user/async.h>
#include <user/check.h>
#include <user/files.h>
#include <user/process.h>
#include <user/thread.h>

#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

using namespace user;
using async::Task;

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t per_page = page_bytes / sizeof(std::uint64_t);
constexpr std::size_t pages = 48;
constexpr std::uint64_t factor = 0x9E3779B97F4A7C15;

using Disk = const volatile std::uint64_t*;

Disk map_disk() {
  const Fd disk = must(open("/dev/vda"), "/dev/vda");
  const auto mapped =
      must(map_file(disk, pages * page_bytes, abi::prot_read, 0), "the disk, mapped");
  must(close(disk), "closing");
  return reinterpret_cast<Disk>(mapped);
}

void check_page(Disk disk, std::size_t page) {
  const std::size_t place = page * per_page + page;
  check(disk[place] == place * factor, "the number at {}", place);
}

// ── Pages ──

// What a function has in its registers stays there while others use theirs.
double sum_of_pages(Disk disk, std::size_t first, std::size_t count) {
  double sum = 0.5, product = 1;
  for (std::size_t page = first; page < first + count; ++page) {
    sum += static_cast<double>(disk[page * per_page] / factor);
    product *= 1.25;
  }
  return sum + product;
}

Task<> add_up(Disk disk, std::size_t first) {
  constexpr std::size_t count = 4;
  double expected = 0.5, product = 1;
  for (std::size_t page = first; page < first + count; ++page) {
    expected += static_cast<double>(page * per_page * factor / factor);
    product *= 1.25;
  }
  check(sum_of_pages(disk, first, count) == expected + product, "sums of pages");
  co_return;
}

Task<> compute(const bool& over) {
  double x = 1;
  while (!over) {
    x = x * 3.5 - 2.5;
    check(x == 1, "the others' registers are theirs");
    co_await async::yield();
  }
}

Task<> registers() {
  const Disk disk = map_disk();
  bool over = false;
  co_await async::when_all(compute(over), [](Disk disk, bool& over) -> Task<> {
    co_await async::when_all(add_up(disk, 0), add_up(disk, 4), add_up(disk, 8));
    over = true;
  }(disk, over));
  check(upcall_counts().pages == 12, "each page stops one coroutine");
}

Task<> touch(Disk disk, std::size_t page) {
  check_page(disk, page);
  co_await async::yield();
  check_page(disk, (page + 1) % pages);
}

// More wait than can be kept: then it is the thread that waits.
Task<> many() {
  const Disk disk = map_disk();
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::size_t page = 0; page < pages; ++page) scope.spawn(touch(disk, page));
    co_return;
  });
  for (std::size_t page = 0; page < pages; ++page) check_page(disk, page);
}

Task<> touch_all(Disk disk, std::size_t& seen) {
  for (std::size_t page = 0; page < pages && !async::is_cancelled(); ++page) {
    check_page(disk, page);
    ++seen;
    co_await async::sleep_for(1us);
  }
}

// A step that waits for a page ends where it would: at its next wait.
Task<> cut_short() {
  std::size_t seen = 0;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    scope.spawn(touch_all(map_disk(), seen));
    co_await async::sleep_for(1ms);
    scope.cancel();
  });
  check(seen == 1, "cancelled in the first page: {}", seen);

  async::Event never;
  const auto touch_and_wait = [&](Disk disk) -> Task<bool> {
    check_page(disk, 7);
    co_return co_await never.wait("nothing") == async::WaitResult::timed_out;
  };
  const auto result = co_await async::with_deadline(async::now() + 1ms, touch_and_wait(map_disk()));
  check(!result.has_value(), "out of time in a page");
}

Task<> leave_behind(Disk disk) {
  async::spawn(touch(disk, 0)).detach();
  async::spawn(touch(disk, 2)).detach();
  co_await async::yield();
}

void left_behind() {
  for (int i = 0; i < 5; ++i) {
    run(leave_behind(map_disk()));
    run(many());
  }
}

// ── Notifications ──

std::atomic<std::uint64_t> handled = 0;
void handle(std::uint64_t bits) {
  handled |= bits;
}

constexpr std::uint64_t first_of_two = 1;
void handle_and_send(std::uint64_t bits) {
  handled |= bits;
  if ((bits & first_of_two) != 0) must(notify(thread_id(), 2), "from the handler");
}

// However often it is interrupted, nothing of a computation changes.
Task<> be_stormed() {
  constexpr std::uint64_t enough = 200;
  std::atomic<bool> over = false;
  const Pid self = thread_id();
  std::vector<Thread> senders;
  for (int who = 0; who < 3; ++who) {
    senders.emplace_back([&, who] {
      while (!over) {
        must(notify(self, 1u << who), "telling");
        must(sleep_for(50us), "sleeping");
      }
    });
  }
  while (upcall_counts().interruptions < enough) {
    std::uint64_t a = 1, b = 2, c = 3;
    double x = 1, y = 2;
    for (int i = 0; i < 20'000; ++i) {
      a = a * 3 - 2, b = b * 5 - 8, c = c * 7 - 18;
      x = x * 3.5 - 2.5, y = y * 1.5 - 1;
    }
    check(a == 1 && b == 2 && c == 3 && x == 1 && y == 2, "no register has changed");
    co_await async::yield();
  }
  over = true;
  senders.clear();
  std::uint64_t bits = 0;
  while (bits != 7) bits |= co_await notified(7);
  check((handled & 7) == 7, "the handler has seen them all");
  check(upcall_counts().notifications >= enough, "they are counted");
}

Task<> fall_asleep() {
  const Pid self = thread_id();
  Thread sender{[self] {
    for (int i = 0; i < 50; ++i) {
      must(notify(self, 8), "telling");
      must(sleep_for(i % 3 == 0 ? 2ms : 10us), "sleeping");
    }
    must(notify(self, 16), "the last");
  }};
  while ((co_await notified(8 | 16) & 16) == 0) {
    if (co_await async::with_deadline(async::now(), notified(32))) fail("nobody has sent that");
  }
}

// Whoever is told while it closes its ring was told too late.
void closing() {
  const Pid self = thread_id();
  std::atomic<bool> over = false;
  std::vector<Thread> senders;
  for (int who = 0; who < 2; ++who) {
    senders.emplace_back([&] {
      while (!over) {
        for (int i = 0; i < 20; ++i) static_cast<void>(notify(self, 1));
        must(sleep_for(10us), "sleeping");
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    run([](int i) -> Task<> { co_await async::sleep_for(i % 5 * 10us); }(i));
  }
  over = true;
}

// What comes while the program is closed (in the handler, by the loop) is told as soon as it is
// open, and what was masked when it is not any more: not only when the step has ended.
Task<> be_told_late() {
  constexpr std::uint64_t echo = 3, masked = 4;
  must(notify(thread_id(), first_of_two), "in a step");
  check((handled & echo) == echo, "the handler's own comes after it");
  co_await notified(echo);

  handled = 0;
  Thread sender{[self = thread_id()] {
    must(sleep_for(5ms), "sleeping");
    must(notify(self, first_of_two), "to one that sleeps");
  }};
  check((co_await notified(first_of_two)) == first_of_two && (handled & echo) == echo,
        "the same where the loop calls it");

  mask_notifications(masked);
  must(notify(thread_id(), masked), "masked");
  check((handled & masked) == 0, "what is masked is not told");
  mask_notifications(0);
  check((handled & masked) == masked, "it is when it is not masked any more");
  check(co_await notified(masked) == masked, "and waits for whoever wants it");
}

// ── What is wrong ──

template <class T>
void refused(const Result<T>& result, Errno error, std::string_view what) {
  check(!result && result.error() == error, "{}: {} is wanted", what, abi::name(error));
}

struct Page {
  Page() : memory{must(map_memory(page_bytes, abi::prot_read | abi::prot_write), "a page")} {}
  abi::UpcallHeader& header() const { return *reinterpret_cast<abi::UpcallHeader*>(memory); }
  std::byte* memory;
};

std::uintptr_t address(auto* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

void wrong() {
  Page page;
  const auto entry = address(&handle);
  refused(call(abi::upcall_set_up, page.memory, entry, 1, 0), Errno::enxio, "without a ring");
  refused(call(abi::upcall_resume, 0, 1), Errno::enxio, "no contexts");
  refused(notify(thread_id(), 1), Errno::enxio, "who takes none");
  refused(notify(99'999, 1), Errno::esrch, "nobody");
  auto ring = must(Ring::make(), "a ring");
  refused(call(abi::upcall_set_up, page.memory + 8, entry, 1, 0), Errno::einval, "odd");
  refused(call(abi::upcall_set_up, page.memory, entry, 0, 0), Errno::einval, "no context");
  refused(call(abi::upcall_set_up, page.memory, entry, 65, 0), Errno::einval, "too many");
  refused(call(abi::upcall_set_up, page.memory, ~std::uintptr_t{0}, 1, 0), Errno::einval, "entry");
  refused(call(abi::upcall_set_up, 64, entry, 1, 0), Errno::efault, "a header nowhere");
  must(call(abi::upcall_set_up, page.memory, entry, 64, 0), "set up");
  refused(call(abi::upcall_set_up, page.memory, entry, 64, 0), Errno::ebusy, "twice");
  for (const std::uint64_t context : {std::uint64_t{0}, std::uint64_t{64}, ~std::uint64_t{0}}) {
    refused(call(abi::upcall_resume, context, 1), Errno::einval, "nothing is kept there");
  }
  refused(notify_when(-1, 1), Errno::ebadf, "no file");
  const auto pipe = must(make_pipe(), "a pipe");
  refused(notify_when(pipe.read_end, 1), Errno::enodev, "a pipe is no device");

  must(notify(thread_id(), 5), "telling oneself");
  check(page.header().pending == 5 && page.header().sent == 1, "closed, it is in the header");
  must(ring.enter(1), "a wait with something to look at does not wait");
  page.header().masked = ~std::uint64_t{0};
  page.header().open = 1;
  page.header().stack = 1;
  must(notify(thread_id(), 8), "masked");
  check(page.header().pending == 13 && page.header().told == 0, "what is masked waits");
  page.header().open = 0;
  must(unmap_memory(page.memory, page_bytes), "the header goes");
  must(notify(thread_id(), 1), "nobody can be told");
  refused(call(abi::upcall_resume, 0, 1), Errno::einval, "nothing is kept there");
}

// Each is a child that dies of it, and of nothing else.
[[noreturn]] void upcall_to(const Page& page, std::uintptr_t entry, std::uintptr_t stack) {
  auto ring = must(Ring::make(), "a ring");
  must(call(abi::upcall_set_up, page.memory, entry, 1, 0), "set up");
  page.header().stack = stack;
  page.header().open = 1;
  must(notify(thread_id(), 1), "telling oneself");
  fail("an upcall to nowhere");
}
void jump_into_data() {
  const Page page;
  upcall_to(page, address(page.memory) + 1024, address(page.memory) + page_bytes);
}
void have_no_stack() {
  upcall_to(Page{}, address(&handle), 64);
}
void wait_for_ever() {
  run([](Disk disk) -> Task<> {
    co_await async::when_all(touch(disk, 0), touch(disk, 5), touch(disk, 9));
    co_await async::sleep_for(1h);
  }(map_disk()));
}

abi::WaitStatus end_of(const char* part, bool kill_it) {
  const char* const arguments[] = {program_path(), part, nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  if (kill_it) {
    must(sleep_for(10ms), "sleeping");
    must(call(Call::kill, child, abi::Signal::sigkill), "killing it");
  }
  return must(wait(child), "wait").status;
}

void fatal() {
  check(end_of("--into-data", false).signal() == abi::Signal::sigsegv, "an entry in data");
  check(end_of("--no-stack", false).signal() == abi::Signal::sigsegv, "a stack that is nowhere");
  for (int i = 0; i < 5; ++i) {
    check(end_of("--for-ever", true).signal() == abi::Signal::sigkill, "killed with pages to come");
  }
}

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"registers", [] { run(registers()); }},
    {"many", [] { run(many()); }},
    {"cut-short", [] { run(cut_short()); }},
    {"left-behind", left_behind},
    {"storm", [] { run(be_stormed(), {.on_notification = handle}); }},
    {"late", [] { run(be_told_late(), {.on_notification = handle_and_send}); }},
    {"asleep", [] { run(fall_asleep()); }},
    {"closing", closing},
    {"wrong", wrong},
    {"fatal", fatal},
    {"--into-data", jump_into_data},
    {"--no-stack", have_no_stack},
    {"--for-ever", wait_for_ever},
});

}  // namespace

int main(int argc, char** argv) {
  for (const auto& [name, run] : parts) {
    if (argc == 2 && argv[1] == name) return run(), 0;
  }
  fail("usage: upcalls PART");
}
