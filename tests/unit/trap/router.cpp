#include <trap/router.h>
#include <trap/user_context.h>

#include <catch2/catch_test_macros.hpp>

using namespace trap;
using detail::no_row;
using detail::row_of;

namespace {

constexpr Action action_of(Origin origin, Why why, bool urgent) {
  return routes[row_of(origin, why, urgent)].action;
}

}  // namespace

TEST_CASE("the router's table agrees with DESIGN.md") {
  CHECK(action_of(Origin::kernel_step, Why::interrupt, false) == Action::resume_step);
  CHECK(action_of(Origin::kernel_step, Why::interrupt, true) == Action::switch_stack);
  CHECK(action_of(Origin::yield_point, Why::interrupt, false) == Action::pick_next);
  CHECK(action_of(Origin::yield_point, Why::interrupt, true) == Action::pick_next);
  CHECK(action_of(Origin::user, Why::interrupt, false) == Action::return_to_user);
  CHECK(action_of(Origin::user, Why::interrupt, true) == Action::yield);
  CHECK(action_of(Origin::user, Why::exception, false) == Action::serve);
  CHECK(action_of(Origin::user, Why::exception, true) == Action::serve);
}

TEST_CASE("each simulated trap has a row of its own, which enters a program") {
  for (const SimulatedTrap& trap : simulated_traps) {
    const Route& row = routes[detail::row_of(trap.cause)];
    CHECK(row.action == Action::enter_user);
    CHECK(row.why == Why::voluntary);
    CHECK(row.name == trap.name);
  }
}

TEST_CASE("a new thread enters its program with the cause first_instruction") {
  CHECK(UserContext{}.last_cause() == static_cast<std::uint64_t>(Cause::first_instruction));
}

TEST_CASE("no machine has the cause of a simulated trap") {
  constexpr auto first = static_cast<std::uint64_t>(Cause::first_instruction);
  // riscv64: exceptions have numbers below 64, and interrupts the highest bit. x86_64: vectors are
  // below 256, and trap_num has three values above (user_context.h).
  CHECK(first > 0x102);
  CHECK(first + simulated_traps.size() < std::uint64_t{1} << 63);
}

TEST_CASE("an exception in the kernel has no row, because it is a bug") {
  CHECK(row_of(Origin::kernel_step, Why::exception, false) == no_row);
  CHECK(row_of(Origin::yield_point, Why::exception, true) == no_row);
}

TEST_CASE("no trap matches two rows") {
  for (const Origin origin : {Origin::user, Origin::kernel_step, Origin::yield_point}) {
    for (const Why why : {Why::interrupt, Why::exception}) {
      for (const bool urgent : {false, true}) {
        std::size_t fitting = 0;
        for (const Route& route : trap_routes) {
          const bool fits =
              route.urgent == Urgent::either || (route.urgent == Urgent::yes) == urgent;
          fitting += route.origin == origin && route.why == why && fits;
        }
        CHECK(fitting <= 1);
      }
    }
  }
}
