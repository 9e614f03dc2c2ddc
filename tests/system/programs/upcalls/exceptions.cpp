// Exceptions of coroutines: tried, handled, or died of.
#include "upcalls.h"

#include <user/clock.h>

namespace upcalls {
namespace {

using abi::Signal;

constexpr std::uintptr_t nowhere = 16;

std::uintptr_t address(const volatile void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

std::byte* new_page(int protection) {
  return must(map_memory(page_bytes, protection), "a page");
}

// ── What a coroutine may do wrong ──

void read_nowhere() {
  static_cast<void>(*reinterpret_cast<volatile int*>(nowhere));
}
void write_to_text() {
  *reinterpret_cast<volatile std::byte*>(&read_nowhere) = std::byte{};
}
void call_data() {
  reinterpret_cast<void (*)()>(new_page(abi::prot_read | abi::prot_write))();
}
void read_behind_file() {
  constexpr std::uint64_t behind = 1 << 30;
  const Fd file = must(open("/upcalls"), "this file");
  const auto mapped = must(map_file(file, page_bytes, abi::prot_read, behind), "nothing of it");
  static_cast<void>(*reinterpret_cast<volatile char*>(mapped));
}
void no_instruction() {
#ifdef __riscv
  asm volatile("unimp");
#else
  asm volatile("ud2");
#endif
}
void break_point() {
#ifdef __riscv
  asm volatile("ebreak");
#else
  asm volatile("int3");
#endif
}
[[gnu::noinline]] int overflow(volatile int* outer) {
  if (*outer < 0) return 0;
  volatile int frame[64] = {*outer};
  frame[1] = overflow(frame) + 1;
  return frame[1];
}
void overflow_stack() {
  volatile int start = 0;
  overflow(&start);
}

struct Mistake {
  std::string_view name;
  void (*make)();
  Signal signal;
};
constexpr Mistake mistakes[] = {
    {"reading nowhere", read_nowhere, Signal::sigsegv},
    {"writing to text", write_to_text, Signal::sigsegv},
    {"calling data", call_data, Signal::sigsegv},
    {"a file's page behind its end", read_behind_file, Signal::sigbus},
    {"no instruction", no_instruction, Signal::sigill},
    {"a breakpoint", break_point, Signal::sigtrap},
    {"the stack's end", overflow_stack, Signal::sigsegv},
};

// ── Tried ──

Task<> make_mistakes(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, make, signal] : mistakes) {
      const auto made = attempt(make);
      check(!made && made.error().signal == signal, "{}: {} is wanted, not {}", name,
            abi::name(signal), made ? "an end" : abi::name(made.error().signal));
      co_await async::yield();
    }
  }
}

Task<> hold_a_number(const bool& over) {
  double x = 1;
  while (!over) {
    x = x * 3.5 - 2.5;
    check(x == 1, "the others' registers are theirs");
    co_await async::yield();
  }
}

Task<> tried() {
  constexpr int rounds = 20, at_once = 3;
  bool over = false;
  co_await async::when_all(hold_a_number(over), [](bool& over) -> Task<> {
    co_await async::when_all(make_mistakes(rounds), make_mistakes(rounds), make_mistakes(rounds));
    over = true;
  }(over));
  check(upcall_counts().exceptions == rounds * at_once * std::size(mistakes), "all are counted");

  const auto found = attempt(read_nowhere);
  check(!found && found.error().address == nowhere, "where it was");
  check(found.error().coroutine == std::string_view{"main"}, "… and who");
  check(attempt([] { return 7; }) == 7, "what ends well has an answer");
  const auto nested = attempt([] {
    check(!attempt(read_nowhere), "the inner one ends");
    check(attempt([] { return 3; }) == 3, "… and another one");
    no_instruction();
  });
  check(!nested && nested.error().signal == Signal::sigill, "then the outer one does");
}

// Pages that others change while coroutines wait for them, or try to.
Task<> torn() {
  const auto reads = [](Disk disk,
                        std::size_t page) -> Task<std::expected<std::uint64_t, Exception>> {
    co_return attempt([=] { return disk[page * per_page + 1]; });
  };
  const auto is_segv = [](const auto& made) {
    return !made && made.error().signal == Signal::sigsegv;
  };
  for (std::size_t round = 0; round < 4; ++round) {
    const Disk disk = map_disk();
    auto* const at = const_cast<std::uint64_t*>(disk);
    auto unmapped = async::spawn(reads(disk, 0)), covered = async::spawn(reads(disk, 2)),
         forbidden = async::spawn(reads(disk, 4)), copied = async::spawn(reads(disk, 6));
    co_await async::yield();
    must(unmap_memory(at, 2 * page_bytes), "unmapping");
    must(call<std::byte*>(abi::Call::mmap, at + 2 * per_page, page_bytes, abi::prot_read,
                          abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0),
         "something else there");
    must(protect_memory(at + 4 * per_page, page_bytes, abi::prot_none), "forbidding");
    if (const auto child = fork(); !child) {
      check(child.error() == Errno::enosys, "no fork: {}", abi::name(child.error()));
    } else if (*child == 0) {
      exit(disk[8 * per_page] == 8 * per_page * factor ? 0 : 1);
    } else {
      check(must(wait(*child), "wait").status.shell_code() == 0, "a copy reads pages itself");
    }
    check(is_segv(co_await std::move(unmapped)), "what is unmapped meanwhile");
    check(co_await std::move(covered) == std::uint64_t{0}, "… covered");
    check(is_segv(co_await std::move(forbidden)), "… or forbidden");
    check(co_await std::move(copied) == (6 * per_page + 1) * factor, "… or copied");
  }
}

void take_over() {
  run([](Disk disk) -> Task<> {
    for (std::size_t page = 0; page < 5; ++page) async::spawn(touch(disk, 2 * page)).detach();
    co_await async::yield();
    const char* const arguments[] = {program_path(), "tried", nullptr};
    must(call(abi::Call::execve, program_path(), arguments, nullptr), "another program");
  }(map_disk()));
}

// ── Handled ──

// Reads what is missing of a region from the disk.
struct Pager {
  static constexpr std::size_t pages = 16;

  static Task<Verdict> handle(Exception exception) {
    const std::size_t offset = exception.address - address(memory);
    if (offset >= pages * page_bytes) co_return Verdict::die;
    const std::size_t at = offset / page_bytes * page_bytes;
    alignas(8) std::array<std::byte, page_bytes> bytes;
    must(co_await sys::read_at(disk, bytes, at), "reading");
    must(protect_memory(memory + at, page_bytes, abi::prot_read | abi::prot_write), "a page");
    std::ranges::copy(bytes, memory + at);
    ++paged;
    co_return Verdict::retry;
  }

  static inline Fd disk = -1;
  static inline std::byte* memory = nullptr;
  static inline std::size_t paged = 0;
};

Task<> page_in() {
  const auto sums_of = [](std::size_t first) -> Task<> {
    const auto* const numbers = reinterpret_cast<const volatile std::uint64_t*>(Pager::memory);
    for (std::size_t page = first; page < Pager::pages; page += 3) {
      const std::size_t place = page * per_page + page;
      check(numbers[place] == place * factor, "the number at {}", place);
    }
    co_return;
  };
  bool over = false;
  co_await async::when_all(hold_a_number(over), [](bool& over, auto sums_of) -> Task<> {
    co_await async::when_all(sums_of(0), sums_of(1), sums_of(2));
    over = true;
  }(over, sums_of));
  check(Pager::paged == Pager::pages, "each page is missing once: {}", Pager::paged);
  check(upcall_counts().exceptions == Pager::pages, "all are counted");
}

void paged() {
  Pager::disk = must(open("/dev/vda"), "/dev/vda");
  Pager::memory = must(map_memory(Pager::pages * page_bytes, abi::prot_none), "a region");
  run(page_in(), {.on_exception = Pager::handle});
}

int left_count = 0;

Task<Verdict> leave(Exception exception) {
  check(exception.signal == Signal::sigsegv, "of what it was");
  ++left_count;
  co_return Verdict::leave;
}

Task<> leave_some() {
  constexpr int some = 40;
  int good = 0;
  left_count = 0;
  for (int i = 0; i < some; ++i) {
    async::spawn([]() -> Task<> {
      co_await async::yield();
      read_nowhere();
      fail("it never goes on");
    }())
        .detach();
    async::spawn([](int& good) -> Task<> {
      co_await async::yield();
      ++good;
    }(good))
        .detach();
    co_await async::sleep_for(100us);
  }
  while (left_count < some || good < some) co_await async::sleep_for(100us);
}

Task<> leave_first() {
  async::spawn([]() -> Task<> {
    read_nowhere();
    co_return;
  }())
      .detach();
  co_await async::yield();
  co_await touch(map_disk(), 3);
}

Task<> wait_for_left() {
  auto left = async::spawn([]() -> Task<> {
    read_nowhere();
    co_return;
  }());
  co_await async::sleep_for(1ms);
  left.cancel();
  co_await async::sleep_for(1ms);
  check(!left.done(), "who is left behind never ends");
  left.detach();
}

void left() {
  for (int round = 0; round < 3; ++round) {
    run(leave_some(), {.on_exception = leave});
    run(leave_first(), {.on_exception = leave});
    run(wait_for_left(), {.on_exception = leave});
    run(tried());
  }
}

// ── Died of ──

Task<> do_wrong() {
  read_nowhere();
  co_return;
}
Task<Verdict> condemn(Exception) {
  co_await async::sleep_for(1ms);
  co_return Verdict::die;
}
Task<Verdict> do_wrong_too(Exception) {
  read_nowhere();
  co_return Verdict::retry;
}
Task<Verdict> never_answer(Exception) {
  co_await async::sleep_for(1h);
  co_return Verdict::retry;
}
Task<> do_wrong_often() {
  for (int i = 0; i < 20; ++i) async::spawn(do_wrong()).detach();
  co_await async::sleep_for(1h);
}
Task<> ask_for_wrong_contexts() {
  const auto refused = [](const auto& result) {
    return !result && result.error() == Errno::einval;
  };
  abi::UpcallException exception;
  for (const std::uint64_t context : {std::uint64_t{0}, std::uint64_t{9}, ~std::uint64_t{0}}) {
    check(refused(call(abi::upcall_exception, context, &exception)), "no exception is there");
    check(refused(call(abi::upcall_drop, context)), "no context is there to be dropped");
    check(refused(call(abi::upcall_die, context)), "… or died of");
  }
  co_return;
}

void died_of() {
  run(ask_for_wrong_contexts());
  constexpr std::string_view ends[] = {"--unhandled", "--condemned", "--wrong-handler",
                                       "--too-many"};
  for (const std::string_view end : ends) {
    const char* const arguments[] = {program_path(), end.data(), nullptr};
    const Pid child = must(spawn(program_path(), arguments), "a child");
    check(must(wait(child), "wait").status.signal() == Signal::sigsegv, "{} dies", end);
  }
  const char* const arguments[] = {program_path(), "--take-over", nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  check(must(wait(child), "wait").status.shell_code() == 0, "another program has no such pages");
}

constexpr Part parts[] = {
    {"tried", [] { run(tried()); }},
    {"torn", [] { run(torn()); }},
    {"paged", paged},
    {"left", left},
    {"died-of", died_of},
    {"--unhandled", [] { run(do_wrong()); }},
    {"--condemned", [] { run(do_wrong(), {.on_exception = condemn}); }},
    {"--wrong-handler", [] { run(do_wrong(), {.on_exception = do_wrong_too}); }},
    {"--too-many", [] { run(do_wrong_often(), {.on_exception = never_answer}); }},
    {"--take-over", take_over},
};

}  // namespace

std::span<const Part> exceptions() {
  return parts;
}

}  // namespace upcalls
