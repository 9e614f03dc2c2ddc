// Workers that communicate: pipes, futexes, the console.
#include "soak.h"

namespace soak {

void use_pipes() {
  constexpr int stations = 5;
  std::array<Pipe, stations> pipes;
  for (Pipe& pipe : pipes) pipe = must(make_pipe(), "a pipe");
  std::vector<Thread> threads;
  for (int i = 0; i < stations; ++i) {
    threads.emplace_back([&, i] {
      Slot& slot = claim("pipe");
      Random random{static_cast<std::uint64_t>(i)};
      std::array<unsigned long, 300> numbers;
      for (unsigned long next = 0;;) {
        const auto bytes = std::as_writable_bytes(std::span{numbers}.first(1 + random.below(300)));
        const auto got = must(read(pipes[i].read_end, bytes), "reading");
        if (got == 0) break;
        for (std::size_t n = 0; n < got / 8; ++n, ++next) {
          check(numbers[n] == next, "pipe {}: {} comes after {}", i, numbers[n], next);
        }
        ++slot.count;
        if (i + 1 == stations) continue;
        auto rest = std::span<const std::byte>{bytes}.first(got);
        while (!rest.empty()) {
          rest = rest.subspan(must(write(pipes[i + 1].write_end, rest), "writing"));
        }
      }
      if (i + 1 < stations) must(close(pipes[i + 1].write_end), "closing");
      slot.who = nullptr;
    });
  }
  Slot& slot = claim("pipe source");
  for (unsigned long next = 0; !stopping();) {
    std::array<unsigned long, 128> numbers;
    for (auto& number : numbers) number = next++;
    std::span<const std::byte> rest = std::as_bytes(std::span{numbers});
    while (!rest.empty()) {
      rest = rest.subspan(must(write(pipes[0].write_end, rest), "writing"));
    }
    ++slot.count;
    if (next % 4096 == 0) must(sleep_for(1ms), "sleeping");
  }
  slot.who = nullptr;
  must(close(pipes[0].write_end), "closing");
}

void use_futexes() {
  Mutex mutex;
  Condition changed;
  unsigned long made = 0, made_sum = 0, taken_sum = 0;
  std::vector<unsigned long> items;
  bool over = false;
  {
    std::vector<Thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        Slot& slot = claim("futex taker");
        for (;;) {
          const Lock lock{mutex};
          changed.wait(mutex, [&] { return over || !items.empty(); });
          if (items.empty()) break;
          taken_sum += items.back();
          items.pop_back();
          ++slot.count;
          changed.notify_all();
        }
        slot.who = nullptr;
      });
    }
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        Slot& slot = claim("futex maker");
        while (!stopping()) {
          const Lock lock{mutex};
          changed.wait(mutex, [&] { return items.size() < 8; });
          items.push_back(++made);
          made_sum += made;
          ++slot.count;
          changed.notify_all();
        }
        slot.who = nullptr;
        const Lock lock{mutex};
        over = stopping();
        changed.notify_all();
      });
    }
  }
  check(taken_sum == made_sum || !items.empty(), "items: {} made, {} taken", made_sum, taken_sum);
}

void use_console() {
  Slot& slot = claim("console");
  for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
    println("line {} of the console's, with more than a few words behind it", n);
    must(sleep_for(100ms), "sleeping");
  }
  slot.who = nullptr;
}

}  // namespace soak
