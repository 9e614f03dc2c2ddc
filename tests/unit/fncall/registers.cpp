// A program's registers stay the same across a trap, whatever the kernel does meanwhile: with
// random contents, in every mode, and by both gates.

#include <catch2/catch_test_macros.hpp>

#include "random_program.h"

using trap::Trap;
using trap::UserContext;

TEST_CASE("all registers survive the way to the kernel and back") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  const auto gate = GENERATE(RandomProgram::called, RandomProgram::jumped);
  const std::uint32_t kept = GENERATE(UserContext::none, UserContext::sse, UserContext::all);
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    INFO("mode " << int(trap::segments()) << ", gate " << gate << ", kept " << kept << ", seed "
                 << seed);
    RandomProgram program{seed, gate, kept};
    std::string what;
    REQUIRE(run_user(program.context).kind == Trap::syscall);
    if (!program.context_is_right(what)) FAIL(what);
    REQUIRE(program.context.saved == kept);
    for (int again = 0; again < 3; ++again) {
      spoil_vectors();
      RandomProgram::forget_seen();
      REQUIRE(run_user(program.context).kind == Trap::syscall);
      if (!program.context_is_right(what)) FAIL(what);
      if (!program.seen_is_right(what)) FAIL(what);
    }
    REQUIRE(program.red_zone_is_right());
  }
}

TEST_CASE("a program's registers do not leak into another program") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  RandomProgram one{1, RandomProgram::called, UserContext::all};
  RandomProgram other{2, RandomProgram::jumped, UserContext::all};
  std::string what;
  for (int turn = 0; turn < 20; ++turn) {
    for (RandomProgram* const program : {&one, &other}) {
      program->put_on();
      given_set = turn % 2 * STATE_SIZE;
      REQUIRE(run_user(program->context).kind == Trap::syscall);
      if (!program->context_is_right(what)) FAIL(what);
      if (turn > 0 && !program->seen_is_right(what)) FAIL(what);
    }
  }
}

TEST_CASE("a context can be copied between any two addresses modulo 64") {
  const Hart hart;
  RandomProgram program{3, RandomProgram::jumped, UserContext::all};
  std::string what;
  std::array<std::byte, sizeof(UserContext) + 64> room;
  for (std::size_t at = 0; at < 64; at += 16) {
    auto* const place = reinterpret_cast<std::byte*>(
        (reinterpret_cast<std::uintptr_t>(room.data()) + 15) / 16 * 16 + at);
    auto* const copy = new (place) UserContext{program.context};
    REQUIRE(run_user(*copy).kind == Trap::syscall);
    program.context = *copy;
    spoil_vectors();
    REQUIRE(run_user(program.context).kind == Trap::syscall);
    if (!program.context_is_right(what)) FAIL(what);
    if (!program.seen_is_right(what)) FAIL(what);
  }
}

TEST_CASE("the kernel's x87 registers are empty, whatever the program holds in them") {
  const Hart hart;
  RandomProgram program{5, RandomProgram::called, UserContext::all};
  const bool by_signal = GENERATE(false, true);
  const std::uint8_t full = 0xff;
  for (const std::size_t set : {0, STATE_SIZE}) std::memcpy(given_vectors + set + 4, &full, 1);
  trap::handle_signal(SIGSEGV, take_signal);
  if (by_signal) jumped_gate = called_gate = 0;
  CHECK(run_user(program.context).kind == (by_signal ? Trap::page_fault : Trap::syscall));
  volatile long double pi = 0;
  asm volatile("fldpi\n\tfstpt %0" : "=m"(pi));
  CHECK(pi > 3);
}

TEST_CASE("a new context's vector registers have the values of a processor reset") {
  const Hart hart;
  UserContext context;
  context.set_program_counter(address_of(jumper_continues));
  spoil_vectors();
  REQUIRE(run_user(context).kind == Trap::syscall);
  CHECK(difference(trap::VectorState{}.data(), seen_vectors, UserContext::all).empty());
}

TEST_CASE("the kernel's control words and flags are its own, whatever the program sets") {
  const Hart hart{GENERATE(from_range(all_modes()))};
  RandomProgram program{4, RandomProgram::called, GENERATE(UserContext::none, UserContext::all)};
  seen.rflags |= 0x400;                // direction: down
  const std::uint16_t fcw = 0xc7f;     // rounds toward zero
  const std::uint32_t mxcsr = 0xff80;  // rounds toward zero; denormal results become 0
  for (const std::size_t set : {0, STATE_SIZE}) {
    std::memcpy(given_vectors + set + STATE_FCW, &fcw, sizeof fcw);
    std::memcpy(given_vectors + set + STATE_MXCSR, &mxcsr, sizeof mxcsr);
  }
  run_user(program.context);
  std::uint64_t flags = 0;
  std::uint32_t mxcsr_now = 0;
  std::uint16_t fcw_now = 0;
  asm volatile("pushfq\n\tpopq %0" : "=r"(flags));
  asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr_now), "=m"(fcw_now));
  CHECK((flags & 0x44500) == 0);
  CHECK(mxcsr_now == 0x1f80);
  CHECK(fcw_now == 0x37f);
}
