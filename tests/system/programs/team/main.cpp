// team PART LOOPS: runs one test of coroutines on several harts (user/async.h, RunOptions::harts).
#include <charconv>
#include <string_view>

#include "team.h"

namespace {

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"meets", team::meets},
    {"steals", team::steals},
    {"shares", team::shares},
    {"cancels", team::cancels},
    {"stackful", team::stackful},
    {"calls", team::calls},
    {"priorities", team::priorities},
    {"preempts", team::preempts},
    {"interrupts", team::interrupts},
    {"gives", team::gives},
    {"faults", team::faults},
    {"moves", team::moves},
    {"stays", team::stays},
    {"moves-everywhere", team::moves_everywhere},
    {"moves-functions", team::moves_functions},
    {"sleeps", team::sleeps},
    {"deadlocks", team::deadlocks},
    {"--deadlock", team::deadlock},
    {"refused", team::refused},
    {"repeats", team::repeats},
    {"figures", team::figures},
});

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    const std::string_view number = argv[2];
    std::from_chars(number.data(), number.data() + number.size(), team::loops);
    for (const auto& [name, test] : parts) {
      if (argv[1] == name && team::loops != 0) return test(), 0;
    }
  }
  user::fail("usage: team PART LOOPS");
}
