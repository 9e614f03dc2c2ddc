// Many requests wait to read from one pipe, and each byte wakes one of them.
#include <user/counters.h>

#include "rings.h"

namespace rings {

/// Some readers' buffers are not mapped, so the next reader gets the byte. Some buffers need a
/// page-in.
void queue() {
  constexpr std::size_t page = 4096;
  constexpr std::uint64_t readers = 512;
  const auto has_no_memory = [](std::uint64_t reader) { return reader % 8 == 5; };
  Ring ring = make_ring(readers);
  const Pipe pipe = must(make_pipe(), "a pipe");
  auto* const memory = must(map_memory(readers * page, abi::prot_read | abi::prot_write), "memory");
  auto* const nowhere = reinterpret_cast<std::byte*>(8);
  for (std::uint64_t i = 0; i < readers; ++i) {
    auto* const place = memory + i * page;
    if (i % 2 == 0) *place = std::byte{0};
    check(ring.add(read_next(pipe.read_end, {has_no_memory(i) ? nowhere : place, 1}, i)),
          "the ring has room");
  }
  check(must(ring.enter(), "enter") == readers && ring.available() == 0, "all reads wait");

  const auto next = [&ring] {
    const auto done = ring.wait();
    check(done.has_value(), "a read completes");
    return *done;
  };
  unsigned without = 0;
  constexpr unsigned bytes = readers / 8 * 7;
  const auto begin = instructions();
  for (unsigned i = 0; i < bytes; ++i) {
    const auto byte = static_cast<std::byte>(i);
    must(write(pipe.write_end, std::span{&byte, 1}), "writing");
    auto done = next();
    for (; has_no_memory(done.user_data); done = next(), ++without) {
      check(done.result == error(Errno::efault), "a read with a bad buffer is EFAULT");
    }
    check(done.result == 1 && memory[done.user_data * page] == byte, "one read has the byte");
  }
  const auto cost = (instructions() - begin) / bytes;
  must(close(pipe.write_end), "closing");
  for (; without < readers / 8; ++without) check(next().result <= 0, "the other reads get no byte");
  if (counts_are_exact()) println("{} instructions a byte", cost);
}

}  // namespace rings
