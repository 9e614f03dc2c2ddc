// The plan of faults, and the chances that each hart has had.
#include "async/fault.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <utility>

namespace async {
namespace {

constexpr std::array<std::string_view, fault_kinds> fault_names = {
    "wake", "ipi", "ipi-once", "timer", "slow", "steal", "memory", "ipi-lost", "wake-lost"};

constexpr std::uint32_t fault_bit(Fault fault) {
  return 1u << std::to_underlying(fault);
}
constexpr std::uint32_t real_faults = fault_bit(Fault::memory) - 1;

/// Atomic, because an interrupt may count in the middle, and a preemptible step may change harts.
struct alignas(64) FaultsOfHart {
  std::array<std::atomic<std::uint32_t>, fault_kinds> chances{};
  std::array<std::atomic<std::uint32_t>, fault_kinds> injected{};
  std::atomic<std::uint32_t> held_back = 0;  // for how many steps the inbox waits
};

constinit std::array<FaultsOfHart, platform::max_harts> faults_of_hart{};
constinit std::atomic<std::uint64_t> fault_seed = 0;
constinit std::atomic<std::uint32_t> fault_rate = 0;
constinit std::atomic<std::uint32_t> present_faults = 0;

constexpr auto relaxed = std::memory_order_relaxed;

/// Spreads each bit of `value` over all bits. A bijection.
constexpr std::uint64_t spread(std::uint64_t value) {
  for (int round = 0; round < 3; ++round) {
    value ^= value >> 32;
    value *= 0xd6e8'feb8'6659'fd93;
  }
  return value ^ value >> 32;
}

template <class Number>
std::optional<Number> read_number(std::string_view text, Number most) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > most) return {};
  return number;
}

/// Removes and returns the text up to the next `end`, or all of it.
std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

}  // namespace

std::string_view name_of(Fault fault) noexcept {
  return fault_names[std::to_underlying(fault)];
}

std::expected<FaultPlan, const char*> FaultPlan::parse(std::string_view text) noexcept {
  const auto seed = read_number(take_until(text, ':'), ~std::uint64_t{0});
  if (!seed) return std::unexpected("SEED must be a number: SEED:RATE:KINDS");
  const auto rate = read_number(take_until(text, ':'), std::uint32_t{1000});
  if (!rate) return std::unexpected("RATE must be a number from 0 to 1000: SEED:RATE:KINDS");
  FaultPlan plan{.seed = *seed, .rate = *rate};
  do {
    const std::string_view name = take_until(text, ',');
    const auto* const found = std::ranges::find(fault_names, name);
    if (name == "real") {
      plan.faults |= real_faults;
    } else if (found != fault_names.end()) {
      plan.faults |= 1u << (found - fault_names.begin());
    } else {
      return std::unexpected(
          "KINDS must be real, or some of wake, ipi, ipi-once, timer, slow, steal, memory, "
          "ipi-lost, wake-lost");
    }
  } while (!text.empty());
  return plan;
}

void set_faults(const FaultPlan& plan) noexcept {
  present_faults.store(0, relaxed);
  for (FaultsOfHart& hart : faults_of_hart) {
    for (auto& chances : hart.chances) chances.store(0, relaxed);
    for (auto& injected : hart.injected) injected.store(0, relaxed);
    hart.held_back.store(0, relaxed);
  }
  fault_seed.store(plan.seed, relaxed);
  fault_rate.store(plan.rate, relaxed);
  present_faults.store(plan.faults, std::memory_order_release);
}

FaultCount count_of(Fault fault) noexcept {
  FaultCount count;
  for (const FaultsOfHart& hart : faults_of_hart) {
    count.chances += hart.chances[std::to_underlying(fault)].load(relaxed);
    count.injected += hart.injected[std::to_underlying(fault)].load(relaxed);
  }
  return count;
}

std::uint64_t faults::draw(Fault fault) noexcept {
  if ((present_faults.load(std::memory_order_acquire) & fault_bit(fault)) == 0) return 0;
  const unsigned hart = platform::hart();
  const auto kind = std::to_underlying(fault);
  const std::uint64_t chance = faults_of_hart[hart].chances[kind].fetch_add(1, relaxed);
  const std::uint64_t place = chance << 16 | hart << 4 | kind;
  const std::uint64_t bits = spread(spread(fault_seed.load(relaxed)) ^ place);
  if (bits % 1000 >= fault_rate.load(relaxed)) return 0;
  faults_of_hart[hart].injected[kind].fetch_add(1, relaxed);
  return spread(bits) | 1;
}

bool faults::draw_inbox_delay() noexcept {
  if ((present_faults.load(std::memory_order_acquire) & fault_bit(Fault::wake)) == 0) return false;
  std::atomic<std::uint32_t>& left = faults_of_hart[platform::hart()].held_back;
  const std::uint32_t steps = left.load(relaxed);
  if (steps != 0) {
    left.store(steps - 1, relaxed);
    return steps != 1;
  }
  const std::uint64_t bits = draw(Fault::wake);
  if (bits == 0) return false;
  left.store(1 + bits / 2 % 64, relaxed);
  return true;
}

}  // namespace async
