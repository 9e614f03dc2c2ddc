// The simulated machine has up to 1,024 harts, more than a word has bits.
#include <catch2/catch_test_macros.hpp>

#include "run.h"
#include "workloads.h"

using namespace async;
using namespace async::sim;
using sim_test::workload;

namespace {

constexpr unsigned most = platform::max_harts;
static_assert(most == 1024 && hart_mask_words == 16);

Outcome run_many(const std::string& text, unsigned harts, const char* policy = "priority") {
  return simulate(workload(text), {.machine = {.harts = harts, .policy = policy::find(policy)}});
}

}  // namespace

TEST_CASE("a set of 1,024 harts has each hart once") {
  HartMask harts = 0;
  for (unsigned hart = 0; hart < most; ++hart) {
    CHECK((harts & hart_mask(hart)) == 0);
    CHECK(is_one_hart(hart_mask(hart)));
    CHECK(first_hart(hart_mask(hart)) == hart);
    CHECK(harts == harts_below(hart));
    harts |= hart_mask(hart);
    CHECK(count_harts(harts) == hart + 1);
  }
  CHECK(harts == all_harts);
  CHECK(harts_below(most) == all_harts);
}

TEST_CASE("the next hart of a set is found in any word, and the search begins anew at the end") {
  const HartMask harts = hart_mask(3) | hart_mask(64) | hart_mask(700);
  CHECK(next_hart(harts, 0) == 3);
  CHECK(next_hart(harts, 3) == 3);
  CHECK(next_hart(harts, 4) == 64);
  CHECK(next_hart(harts, 65) == 700);
  CHECK(next_hart(harts, 701) == 3);
  CHECK(next_hart(harts, most) == 3);
}

TEST_CASE("tasks that arrive on one hart run on as many harts as there are") {
  for (const unsigned harts : {65u, most}) {
    const auto made = run_many(
        "duration 100ms\nclass a\n arrive closed " + std::to_string(harts) + "\n run 10ms\n",
        harts);
    CHECK(made.utilisation() == 1);
    CHECK(made.classes[0].response.largest() == 10'000'000);
    CHECK(made.findings.empty());
  }
}

TEST_CASE("a task runs only on the harts of its class, also on those above 63") {
  // Three harts for four tasks: one of them waits for 10 ms.
  const std::string text =
      "duration 100ms\nclass a\n arrive once\n fork 4 b\n"
      "class b\n on 3 64 1023\n run 10ms\n";
  const auto made = run_many(text, most, "fifo");
  CHECK(made.classes[1].finished == 4);
  CHECK(made.classes[1].response.largest() == 20'000'000);
  CHECK(made.findings.empty());
}

TEST_CASE("two runs on 1,024 harts make the same schedule") {
  const std::string text =
      "duration 5ms\nclass a\n arrive poisson 500000/s\n run uniform 1us 3ms\n";
  for (const char* policy : {"priority", "edf", "stride"}) {
    CHECK(run_many(text, most, policy).hash == run_many(text, most, policy).hash);
  }
}
