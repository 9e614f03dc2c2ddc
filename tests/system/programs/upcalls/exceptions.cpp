// Exceptions of coroutines. An exception in user::attempt() ends only the attempt. Any other ends
// the program if there is no handler, if the handler fails or returns Verdict::die, or if too many
// coroutines wait for the handler.
#include "upcalls.h"

#include <user/clock.h>

#include <vector>

namespace upcalls {
namespace {

using abi::Signal;

std::byte* new_page(int protection) {
  return must(map_memory(page_bytes, protection), "a page");
}

// ── Mistakes of a coroutine ──

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

// ── Attempts ──

Task<> make_mistakes(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (const auto& [name, make, signal] : mistakes) {
      const auto made = attempt(make);
      check(!made && made.error().signal == signal, "{}: expected {}, not {}", name,
            abi::name(signal), made ? "an end" : abi::name(made.error().signal));
      co_await async::yield();
    }
  }
}

[[gnu::noinline]] void fail_with_objects(int count) {
  const Guarded<Counted> object;
  check(Counted::live > 0, "the object lives");
  count > 1 ? fail_with_objects(count - 1) : read_nowhere();
}

// However an attempt ends, its Guarded objects are destroyed, and those outside it are not.
void try_with_objects() {
  check(!attempt([] { fail_with_objects(5); }), "the attempt fails");
  check(Counted::live == 0, "{} objects of a failed attempt live", Counted::live);
  const auto good = attempt([] {
    const Guarded<Counted> object;
    return Counted::live;
  });
  check(good == 1, "a successful attempt has its object until its end");
  check(Counted::live == 0, "{} objects of an attempt live", Counted::live);
  const auto outer = attempt([] {
    const Guarded<std::vector<Counted>> objects{std::size_t{3}};
    check(!attempt([] { fail_with_objects(2); }), "the inner attempt fails");
    check(Counted::live == 3, "{} objects of the outer attempt live, not 3", Counted::live);
    overflow_stack();
  });
  check(!outer, "then the outer attempt fails");
  check(Counted::live == 0, "{} objects of the outer attempt live", Counted::live);
}

Task<> tried() {
  constexpr int rounds = 20, at_once = 3;
  bool over = false;
  co_await async::when_all(hold_a_number(over), [](bool& over) -> Task<> {
    co_await async::when_all(make_mistakes(rounds), make_mistakes(rounds), make_mistakes(rounds));
    over = true;
  }(over));
  check(upcall_counts().exceptions == rounds * at_once * std::size(mistakes),
        "each exception is counted");

  try_with_objects();
  const auto found = attempt(read_nowhere);
  check(!found && found.error().address == nowhere, "the exception has its address");
  check(found.error().coroutine == std::string_view{"main"}, "… and its coroutine");
  check(attempt([] { return 7; }) == 7, "a successful attempt has a result");
  const auto nested = attempt([] {
    check(!attempt(read_nowhere), "an inner attempt fails");
    check(attempt([] { return 3; }) == 3, "… and another one succeeds");
    no_instruction();
  });
  check(!nested && nested.error().signal == Signal::sigill, "then the outer attempt fails");
}

// ── Fatal exceptions ──

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
  for (int i = 0; i < 40; ++i) async::spawn(do_wrong()).detach();
  co_await async::sleep_for(1h);
}
Task<> ask_for_wrong_contexts() {
  const auto refused = [](const auto& result) {
    return !result && result.error() == Errno::einval;
  };
  abi::UpcallException exception;
  for (const std::uint64_t context : {std::uint64_t{0}, std::uint64_t{9}, ~std::uint64_t{0}}) {
    check(refused(call(abi::upcall_exception, context, &exception)),
          "a context without an exception is EINVAL");
    check(refused(call(abi::upcall_drop, context)), "… also for upcall_drop");
    check(refused(call(abi::upcall_die, context)), "… and for upcall_die");
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
}

}  // namespace

std::span<const Part> exceptions() {
  static constexpr Part parts[] = {
      {"tried", [] { run(tried()); }},
      {"died-of", died_of},
      {"--unhandled", [] { run(do_wrong()); }},
      {"--condemned", [] { run(do_wrong(), {.on_exception = condemn}); }},
      {"--wrong-handler", [] { run(do_wrong(), {.on_exception = do_wrong_too}); }},
      {"--too-many", [] { run(do_wrong_often(), {.on_exception = never_answer}); }},
  };
  return parts;
}

}  // namespace upcalls
