// A program changes words of its memory while the kernel reads them.
#include <abi/types.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <thread>

#include "../../memory/spaces.h"
#include "memory/user_memory.h"
#include "process/futex.h"

namespace {

constexpr int rounds = 1000;

/// A program with one page. Another hart runs `as_program` on a word of the page.
class Program {
 public:
  explicit Program(void (*as_program)(std::uint64_t& word)) {
    REQUIRE(test::map_at(*space, test::here, test::page_size, test::read_write));
    auto* const words = reinterpret_cast<std::uint64_t*>(
        *space->fault_in(test::here, test::Access::read | test::Access::write));
    other_hart_ = std::thread{[words, as_program] {
      for (int round = 0; round < rounds; ++round) {
        as_program(words[0]);
        as_program(words[1]);
      }
    }};
  }
  ~Program() { other_hart_.join(); }

  const test::Machine machine;
  const kernel::Ref<kernel::AddressSpace> space = test::make_space();

 private:
  std::thread other_hart_;
};

void change(std::uint64_t& word) {
  std::atomic_ref value{word};
  const std::uint64_t before = value.load(std::memory_order_relaxed);
  value.store(~before, std::memory_order_relaxed);
}

void look_at(std::uint64_t& word) {
  const std::uint64_t value = std::atomic_ref{word}.load(std::memory_order_relaxed);
  if (value != 0 && value != ~std::uint64_t{0}) async::platform::fail("half of a word");
}

}  // namespace

TEST_CASE("a word that the program changes concurrently is read as a whole") {
  Program program{change};
  const kernel::UserPtr<std::uint64_t> pointer{test::here};
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t value = *pointer.read(*program.space);
    if (value != 0 && value != ~std::uint64_t{0}) FAIL("half of a word");
  }
}

TEST_CASE("a structure that the program changes concurrently is read word by word") {
  Program program{change};
  const kernel::UserPtr<const abi::Timespec> pointer{test::here};
  for (int round = 0; round < rounds; ++round) {
    const abi::Timespec value = *pointer.read(*program.space);
    if (value.seconds != 0 && value.seconds != -1) FAIL("half of a word");
  }
}

TEST_CASE("a word that the program reads concurrently is written as a whole") {
  Program program{look_at};
  const kernel::UserPtr<std::uint64_t> pointer{test::here};
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(pointer.write(*program.space, round % 2 == 0 ? ~std::uint64_t{0} : 0));
  }
}

TEST_CASE("a futex word that the program changes concurrently has the old or the new value") {
  Program program{change};
  const auto futex = kernel::Futex::own(*program.space, test::here);
  for (int round = 0; round < rounds; ++round) {
    const auto is_zero = futex.check(0);
    CHECK((is_zero || is_zero.error() == kernel::Errno::eagain));
  }
}
