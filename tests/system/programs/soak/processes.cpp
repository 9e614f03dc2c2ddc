// Workers that start processes: forks, programs, and processes to kill.
#include "soak.h"

namespace soak {

void use_forks() {
  static std::array<std::array<std::atomic<unsigned long>, page_size / 8>, 24> pages;
  Slot& slot = claim("fork");
  Random random{7};
  std::atomic<bool> over = false;
  Thread writer{[&] {
    for (unsigned long n = 1; !over; ++n) {
      for (auto& page : pages) page[n % page.size()] = n;
    }
  }};
  for (; !stopping(); ++slot.count) {
    wander(random);
    const Pid child = must(fork(), "fork");
    if (child == 0) {
      for (auto& page : pages) {
        const auto before = page[1].load();
        page[0] = 77;
        if (page[1] != before || page[0] != 77) exit(2);
      }
      exit(static_cast<int>(random.below(2)) * 3);
    }
    const auto status = must(wait(child), "waiting").status;
    check(status.has_exited() && status.exit_code() != 2, "only the child changes its copy");
  }
  over = true;
  slot.who = nullptr;
}

void use_programs() {
  Slot& slot = claim("exec");
  Random random{11};
  for (; !stopping(); ++slot.count) {
    wander(random);
    const bool good = random.below(2) == 0;
    const char* const path = good ? "/bin/true" : "/bin/false";
    const char* const arguments[] = {path, nullptr};
    const Pid child = must(spawn(path, arguments), path);
    const auto status = must(wait(child), "waiting").status;
    check(status.has_exited() && status.exit_code() == (good ? 0 : 1), "{} has its exit status",
          path);
  }
  slot.who = nullptr;
}

namespace {

/// A process whose threads do all kinds of things until it is killed.
[[noreturn]] void be_victim(unsigned long seed) {
  const auto pipe = must(make_pipe(), "a pipe");
  static std::atomic<std::uint32_t> word = 0;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 7; ++i) {
    threads.emplace_back([=] {
      Random random{seed * 31 + i};
      double sum = 0;
      for (;;) {
        wander(random);
        switch (i) {
          case 0:
            for (int n = 0; n < 50'000; ++n) sum += 1.0 / (n + sum + 1);
            break;
          case 1: futex_wait(word, word); break;
          case 2: ++word, futex_wake(word, 1); break;
          case 3: must(sleep_for(some_time(random)), "sleeping"); break;
          case 4: {
            char byte;
            static_cast<void>(read(pipe.read_end, std::span{&byte, 1}));
            break;
          }
          case 5: {
            auto* const memory =
                must(map_memory(4 * page_size, abi::prot_read | abi::prot_write), "memory");
            memory[random.below(4 * page_size)] = std::byte{1};
            must(unmap_memory(memory, 4 * page_size), "unmapping");
            break;
          }
          default: {
            const char* const arguments[] = {"true", nullptr};
            if (const auto child = spawn("/bin/true", arguments)) static_cast<void>(wait(*child));
          }
        }
      }
    });
  }
  must(sleep_for(1h), "sleeping");
  exit(1);
}

}  // namespace

void use_kills() {
  Slot& slot = claim("kill");
  Random random{13};
  for (unsigned long n = 0; !stopping(); ++n, ++slot.count) {
    const Pid child = must(fork(), "fork");
    if (child == 0) be_victim(n);
    must(sleep_for(5 * some_time(random)), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.was_killed(), "the victim dies");
  }
  slot.who = nullptr;
}

}  // namespace soak
