#include "base/random.h"

#include <async/leaf_lock.h>
#include <async/platform.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include "base/random_generator.h"

namespace kernel {
namespace {

constexpr std::uint64_t most_between_seeds = 1 << 20;  // bytes
constexpr async::Duration longest_between_seeds = std::chrono::minutes{5};

/// On cache lines that hold nothing else.
struct alignas(64) Generator : RandomGenerator {
  async::LeafLock lock;  // for callers that share the strand
};
constinit Generator generator;

/// Entropy on its way from the source to the generator. `is_full` decides the owner of the other
/// members: true, the generator; false, the source. It is stored with release and loaded with
/// acquire.
struct EntropyBuffer {
  std::array<std::byte, entropy_bytes> bytes{};
  std::size_t count = 0;
  std::atomic<bool> is_full = false;
};
constinit EntropyBuffer buffer;

void (*ask_source)() = nullptr;
constinit bool asked = false;   // a request is in flight
constinit bool seeded = false;  // the source has delivered entropy
constinit async::Instant last_asked{};

void ask() {
  async::Strand::check_access();
  if (asked || ask_source == nullptr) return;
  asked = true;
  last_asked = async::now();
  ask_source();
}

void take_entropy() {
  if (!buffer.is_full.load(std::memory_order_acquire)) return;
  async::Strand::check_access();
  generator.mix(std::span{buffer.bytes}.first(buffer.count));
  buffer.bytes.fill(std::byte{0});
  buffer.is_full.store(false, std::memory_order_release);
  asked = false;
  if (seeded) return;
  seeded = true;
  log("random: seeded by the machine's entropy device");
}

bool is_reseed_due() {
  return generator.bytes_given() > most_between_seeds ||
         async::now() - last_asked > longest_between_seeds;
}

}  // namespace

void seed_random(std::span<const std::byte> seed) {
  generator.mix(seed);
  const auto now = async::now().time_since_epoch().count();
  generator.mix(std::as_bytes(std::span{&now, 1}));
}

void fill_random(std::span<std::byte> out) {
  generator.lock.check_access();
  take_entropy();
  generator.fill(out);
  if (is_reseed_due()) ask();
}

bool fill_random_sharing(std::span<std::byte> out) {
  const async::LeafLock::Guard lock{generator.lock};
  if (buffer.is_full.load(std::memory_order_relaxed) || is_reseed_due()) return false;
  generator.fill(out);
  return true;
}

void set_entropy_source(void (*source)()) {
  ask_source = source;
  ask();
}

void give_entropy(std::span<const std::byte> bytes) {
  // A full buffer holds the answer to the last request, so these bytes were not requested.
  if (buffer.is_full.load(std::memory_order_acquire)) return;
  buffer.count = std::min(bytes.size(), buffer.bytes.size());
  std::copy_n(bytes.begin(), buffer.count, buffer.bytes.begin());
  buffer.is_full.store(true, std::memory_order_release);
}

}  // namespace kernel
