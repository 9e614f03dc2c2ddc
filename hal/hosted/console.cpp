// The console: standard input and output. A thread reads input into a ring while the ring has room.
#include <hal/console.h>
#include <hal/hart.h>
#include <hal/timer.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "hart.h"

namespace hal {
namespace {

using hosted::console_line;

// ── Input: a ring between the reading thread and the kernel ──

constexpr std::size_t ring_size = 4096;
constinit std::array<char, ring_size> ring{};
constinit std::atomic<std::size_t> put = 0;    // written by the thread
constinit std::atomic<std::size_t> taken = 0;  // written by the kernel
constinit std::atomic<bool> wants_input = true;
constinit std::atomic<bool> wants_output = false;

/// The console's line is raised while this is true. Call update_line() after each change of a
/// variable above.
bool is_wanted() {
  return (wants_input.load() && put.load() != taken.load()) || wants_output.load();
}
void update_line() {
  bool wanted;
  do {
    wanted = is_wanted();
    wanted ? hosted::raise_line(console_line) : hosted::lower_line(console_line);
  } while (wanted != is_wanted());  // the thread or the kernel may have changed a variable
}

void* read_ahead(void*) {
  for (;;) {
    const std::size_t at = put.load();
    std::size_t room;
    while ((room = ring_size - (at - taken.load())) == 0) usleep(1'000);
    const std::size_t here = std::min(room, ring_size - at % ring_size);
    const ssize_t count = read(STDIN_FILENO, ring.data() + at % ring_size, here);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return nullptr;
    put.store(at + static_cast<std::size_t>(count));
    update_line();
  }
}

// ── The lock ──

constexpr unsigned no_hart = max_harts;
constinit std::atomic<unsigned> owner = no_hart;

bool try_to_own() {
  unsigned expected = no_hart;
  return owner.compare_exchange_weak(expected, hart_index(), std::memory_order_acquire);
}

}  // namespace

void hosted::start_console() {
  start_thread(read_ahead, nullptr);
}

ConsoleLock::ConsoleLock() : nested_{owner.load(std::memory_order_relaxed) == hart_index()} {
  while (!nested_ && !try_to_own()) relax();
}

ConsoleLock::~ConsoleLock() {
  unsigned self = hart_index();  // another hart may have taken over the console
  if (!nested_) owner.compare_exchange_strong(self, no_hart, std::memory_order_release);
}

void console_write(std::span<const char> bytes) {
  const ConsoleLock lock;
  while (!bytes.empty()) {
    const ssize_t count = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;  // standard output is closed or fails: drop the rest
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void console_take_over() {
  constexpr std::uint64_t take_over_limit_ns = 20'000'000;
  const std::uint64_t end = now_ns() + take_over_limit_ns;
  while (!try_to_own() && now_ns() < end) {
  }
  owner.store(hart_index(), std::memory_order_relaxed);
}

void console_flush() {}

std::size_t console_send(std::span<const char> bytes) {
  console_write(bytes);
  return bytes.size();
}

std::optional<char> console_read() {
  const std::size_t at = taken.load();
  if (put.load() == at) return std::nullopt;
  const char byte = ring[at % ring_size];
  taken.store(at + 1);
  if (put.load() == at + 1) update_line();
  return byte;
}

void console_listen(ConsoleEvents wanted) {
  if (wanted.input == wants_input.load() && wanted.output == wants_output.load()) return;
  wants_input.store(wanted.input);
  wants_output.store(wanted.output);
  update_line();
}

Irq console_interrupt() {
  return console_line;
}

}  // namespace hal
