// Threads on one hart wait for threads on another.
#include "harts.h"

#include <abi/shared_priority.h>

namespace harts {
namespace {

/// Wakes and timeouts race: exactly one of them ends the wait. If `moves`, the waker moves waiters
/// to another word, where it wakes them.
void race_timeouts(bool moves) {
  std::array<std::atomic<std::uint32_t>, 2> words{};
  std::atomic<std::uint32_t>& word = words[0];
  std::atomic<bool> stop = false;
  std::atomic<unsigned> waits = 0, woken = 0;
  unsigned wakes = 0;
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      for (unsigned i = 0; i < 300; ++i, ++waits) {
        const auto timeout = to_timespec(std::chrono::microseconds{50 + 37 * (i % 13)});
        auto& awaited = words[moves && i % 4 == 0 ? 1 : 0];
        const long end = syscall(Call::futex, &awaited, abi::futex_wait | abi::futex_private_flag,
                                 awaited.load(), &timeout);
        if (end == 0) ++woken;
        check(end == 0 || end == -static_cast<long>(Errno::etimedout) ||
                  end == -static_cast<long>(Errno::eagain),
              "a wait ends with {}", end);
        if (i % 8 == 0) move_to((hart + i) % count);
      }
    });
  }
  Thread waker{[&] {
    for (unsigned i = 0; !stop; ++i) {
      must(sleep_for(std::chrono::microseconds{10 + i % 90}), "sleeping");
      ++word;
      if (moves) {
        must(call<int>(Call::futex, &word, abi::futex_requeue | abi::futex_private_flag, 0, 2,
                       &words[1]),
             "moving");
      }
      wakes += static_cast<unsigned>(futex_wake(words[moves ? 1 : 0], i % 8 == 0 ? 2 : 1));
    }
  }};
  await("for all waits to end", [&] { return waits == 300 * count; });
  stop = true;
  waker.join();
  check(wakes == woken, "{} wakes end {} waits", wakes, woken.load());
}

void times_out() {
  race_timeouts(false);
}
void times_out_elsewhere() {
  race_timeouts(true);
}

/// Polls a pipe that another thread fills, and `common`, which stays empty. Returns how many bytes
/// came.
unsigned poll_and_read(const Pipe& pipe, const Pipe& common, unsigned hart) {
  unsigned found = 0;
  for (unsigned i = 0; i < 200; ++i) {
    abi::PollFd polled[] = {{pipe.read_end, abi::pollin, 7}, {common.read_end, abi::pollin, 7}};
    const auto timeout = to_timespec(std::chrono::microseconds{30 + 37 * (i % 13)});
    const long ready = syscall(Call::ppoll, polled, 2, &timeout, nullptr, 8);
    const int expected = ready == 1 ? abi::pollin : 0;
    check(ready >= 0 && ready <= 1 && polled[0].returned == expected && polled[1].returned == 0,
          "{} files are ready: {} and {}", ready, polled[0].returned, polled[1].returned);
    std::byte byte;
    if (ready == 1) found += must(read(pipe.read_end, std::span{&byte, 1}), "reading");
    if (i % 8 == 0) move_to((hart + i) % count);
  }
  const abi::Timespec at_once{};
  abi::PollFd polled{pipe.read_end, abi::pollin, 0};
  while (syscall(Call::ppoll, &polled, 1, &at_once, nullptr, 8) == 1) {
    std::byte byte;
    found += must(read(pipe.read_end, std::span{&byte, 1}), "reading");
  }
  return found;
}

/// Writes and timeouts race: each poll ends once, and no byte is lost. The end of a pipe ends polls
/// without a timeout.
void poll_together() {
  Pipe common = must(make_pipe(), "a pipe");
  std::atomic<unsigned> polling = count;
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      const Pipe pipe = must(make_pipe(), "a pipe");
      std::atomic<bool> stop = false;
      unsigned written = 0;
      Thread writer{[&] {
        for (; !stop; ++written) {
          move_to((hart + written) % count);
          must(sleep_for(std::chrono::microseconds{10 + written % 300}), "sleeping");
          must(write_all(pipe.write_end, "x"), "writing");
        }
      }};
      unsigned found = poll_and_read(pipe, common, hart);
      stop = true;
      writer.join();
      must(close(pipe.write_end), "closing");
      for (std::byte byte; must(read(pipe.read_end, std::span{&byte, 1}), "reading") != 0;) ++found;
      check(found == written, "{} of {} bytes came", found, written);
      must(close(pipe.read_end), "closing");
      --polling;
      abi::PollFd polled{common.read_end, abi::pollin, 0};
      check(syscall(Call::ppoll, &polled, 1, nullptr, nullptr, 8) == 1, "the pipe ends");
      check(polled.returned == abi::pollhup, "the pipe has no writer: {}", polled.returned);
    });
  }
  await("to poll", [&] { return polling == 0; });
  must(close(common.write_end), "closing");
}

/// Kills end polls without a timeout, on all harts.
void kill_polls() {
  const Pipe pipe = must(make_pipe(), "a pipe");
  for (unsigned i = 0; i < 20 * count; ++i) {
    const Pid child = must_fork();
    if (child == 0) {
      move_to(i % count);
      abi::PollFd polled{pipe.read_end, abi::pollin, 0};
      syscall(Call::ppoll, &polled, 1, nullptr, nullptr, 8);
      exit(1);
    }
    must(sleep_for(std::chrono::microseconds{300 * (i % 10)}), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.was_killed(), "SIGKILL ends the poll");
  }
}

/// Threads sleep on all harts, and move to other harts between their sleeps. Kills end the sleeps
/// of other processes.
void sleep_together() {
  std::atomic<unsigned> sleeping = 3 * count;
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 3 * count; ++i) {
    threads.emplace_back([&, i] {
      for (unsigned n = 0; n < 200; ++n) {
        if (n % 16 == 0) move_to((i + n / 16) % count);
        if (n % 16 == 8) must(set_affinity(0, all), "affinity");
        const auto length = std::chrono::microseconds{20 + 13 * ((n + i) % 11)};
        const auto begin = now();
        must(sleep_for(length), "sleeping");
        const auto slept = now() - begin;
        check(slept >= length, "a sleep of {} ns lasts {} ns", nanoseconds{length}.count(),
              nanoseconds{slept}.count());
      }
      --sleeping;
    });
  }
  const char* const arguments[] = {"sleep", "1000", nullptr};
  for (unsigned i = 0; sleeping != 0; ++i) {
    const Pid child = must(spawn("/bin/sleep", arguments, {}), "a child");
    must(set_affinity(child, 1ul << i % count), "affinity");
    must(sleep_for(std::chrono::microseconds{100 * (i % 20)}), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.word() != 0, "the kill ends the sleep");
  }
}

/// The iovec array of a readv or writev changes while the kernel reads it.
void change_parts() {
  static std::array<std::byte, 128 << 10> bytes;
  static abi::IoVector part{reinterpret_cast<std::uintptr_t>(bytes.data()), 8192};
  std::atomic<bool> stop = false;
  Thread other{[&] {
    move_to(1);
    volatile std::uint64_t& length = part.length;
    for (unsigned i = 0; !stop; ++i) {
      constexpr std::array<std::uint64_t, 4> lengths{8192, 0, bytes.size(), 1};
      length = lengths[i / 64 % lengths.size()];
    }
  }};
  move_to(0);
  const Fd file = must(open("/tmp/parts", abi::o_rdwr | abi::o_creat), "a file");
  must(write_all(file, std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
       "writing");
  for (int i = 0; i < 3'000; ++i) {
    const Pipe pipe = must(make_pipe(abi::o_nonblock), "a pipe");
    syscall(Call::writev, pipe.write_end, &part, 1);
    syscall(Call::readv, pipe.read_end, &part, 1);
    must(seek(file, 0, abi::seek_set), "seeking");
    syscall(Call::readv, file, &part, 1);
    must(close(pipe.read_end), "closing");
    must(close(pipe.write_end), "closing");
  }
  stop = true;
}

/// Lines are printed although a thread of the highest priority computes for ever.
void print_beside_urgent() {
  Thread hog{[] {
    move_to(0);
    must(set_realtime_priority(0, 99), "a priority");
    for (volatile bool ever = true; ever;) {
    }
  }};
  move_to(count - 1);
  for (int line = 0; line < 2'000; ++line) println("line {} is printed beside a hog", line);
  exit(0);
}

/// Returns the count of a hart in a row of /proc/interrupts.
unsigned long interrupts(std::string_view row, unsigned hart) {
  const std::string table = must(read_file("/proc/interrupts"), "/proc/interrupts");
  const auto at = table.find(row);
  check(at != std::string::npos, "the table has a row {}", row);
  const std::string_view rest = std::string_view{table}.substr(at);
  return number_in(rest.substr(0, rest.find('\n')), 1 + static_cast<int>(hart));
}

/// One interrupt from another hart wakes a thread on an idle hart, without a timer tick.
void wakes() {
  constexpr unsigned long wakes = 100;
  std::atomic<std::uint32_t> word = 0;
  std::atomic<unsigned long> woken = 0;
  Thread sleeper{[&] {
    move_to(1);
    for (; woken < wakes; ++woken) {
      const auto before = static_cast<std::uint32_t>(woken);
      while (word == before) futex_wait(word, before);
    }
  }};
  move_to(0);
  // The timer of hart 0 ends this sleep, so hart 1 needs no timer interrupt.
  const auto let_it_wait = [] { must(sleep_for(200us), "sleeping"); };
  let_it_wait();
  const auto ipis = interrupts("IPI:", 1), ticks = interrupts("TIM:", 1);
  for (unsigned long i = 0; i < wakes; ++i) {
    ++word;
    futex_wake(word, 1);
    let_it_wait();
    check(woken == i + 1, "wake {} has arrived", i);
  }
  const auto more_ipis = interrupts("IPI:", 1) - ipis, more_ticks = interrupts("TIM:", 1) - ticks;
  println("{} wakes of an idle hart: {} IPIs, {} timer interrupts", wakes, more_ipis, more_ticks);
  check(more_ipis == wakes && more_ticks == 0, "each wake is one IPI and no tick");
}

/// However short a sleep is, other threads of the same priority run meanwhile. A tick of the clock
/// has a hundred instructions, and the sleeps begin at each part of it.
void nap() {
  move_to(0);
  std::atomic<unsigned> other_naps = 0;
  std::atomic<bool> stop = false;
  Thread other{[&] {
    for (; !stop; ++other_naps) must(sleep_for(1ns), "sleeping");
  }};
  constexpr unsigned naps = 20;
  unsigned fewest = naps;
  for (unsigned part = 0; part < 12; ++part) {
    const unsigned before = other_naps;
    for (unsigned i = 0; i < naps; ++i) {
      for (volatile unsigned n = 0; n < 2 * part;) n = n + 1;
      must(sleep_for(1ns), "sleeping");
    }
    fewest = std::min(fewest, other_naps - before);
  }
  println("{} naps, at least {} of the other thread", naps, fewest);
  check(fewest + 1 >= naps, "other threads run during each nap");
  stop = true;
}

/// Threads in a ring pass bytes on. There are fewer bytes than harts, so threads that wake go to
/// idle harts while the harts that they leave become idle.
void pass_around() {
  const unsigned members = 2 * count, bytes = (count + 1) / 2;
  std::vector<Pipe> pipes;
  for (unsigned i = 0; i < members; ++i) pipes.push_back(must(make_pipe(), "a pipe"));
  std::vector<Thread> threads;
  for (unsigned i = 0; i < members; ++i) {
    threads.emplace_back([&, i] {
      const Pipe &from = pipes[i], &to = pipes[(i + 1) % members];
      for (unsigned round = 0; round < rounds_of_each(200) * bytes; ++round) {
        std::byte byte{};
        check(must(read(from.read_end, std::span{&byte, 1}), "reading") == 1, "a byte");
        must(write(to.write_end, std::span{&byte, 1}), "writing");
      }
    });
  }
  for (unsigned i = 0; i < bytes; ++i) must(write(pipes[0].write_end, "x"), "writing");
}

/// Waiters on a word of unmapped memory are not woken by a word of a new mapping at the same place.
void outlive() {
  const auto share = [] {
    return must(call<std::uint32_t*>(Call::mmap, 0, 4096, abi::prot_read | abi::prot_write,
                                     abi::map_shared | abi::map_anonymous, -1, 0),
                "shared memory");
  };
  constexpr int rounds = 50;
  std::vector<Thread> threads;
  for (int i = 0; i < rounds; ++i) {
    auto* const page = share();
    threads.emplace_back([page] {
      const auto woken = call(Call::futex, page, abi::futex_wait, 0, nullptr);
      check(false, "the wait never ends ({})", woken ? 0 : static_cast<int>(woken.error()));
    });
    // The thread is requeued to the second word as soon as it waits on the first.
    await("to wait", [&] {
      return must(call<int>(Call::futex, page, abi::futex_requeue, 0, 1, page + 1), "moving") == 1;
    });
    must(unmap_memory(page, 4096), "unmapping");
    auto* const next = share();
    check(must(call<int>(Call::futex, next + 1, abi::futex_wake, 1), "a wake") == 0,
          "the new mapping has no waiters");
    must(unmap_memory(next, 4096), "unmapping");
  }
  exit(0);  // ends the waiting threads
}

/// While a poll waits, its descriptors are replaced by other files, and the pipe that it waits on
/// is closed.
void poll_others() {
  const auto round = [](unsigned hart) {
    const Pipe first = must(make_pipe(), "a pipe"), second = must(make_pipe(), "a pipe");
    const Fd null = must(open("/dev/null"), "null");
    std::atomic<bool> waits = false;
    Thread poller{[&] {
      move_to(hart);
      must(set_realtime_priority(0, 0), "an ordinary priority");
      std::array<abi::PollFd, 2> fds{
          {{.fd = first.read_end}, {.fd = second.read_end, .events = abi::pollin}}};
      waits = true;
      check(must(poll(fds), "polling") == 1 && fds[1].returned == abi::pollin, "one is ready");
    }};
    await("to poll", [&] { return waits.load(); });
    const auto let_it_look = [] { must(sleep_for(200us), "sleeping"); };
    let_it_look();
    std::array<char, 1> byte{};
    must(write(second.write_end, "x"), "writing");
    static_cast<void>(call(Call::fcntl, second.read_end, abi::f_setfl, abi::o_nonblock));
    static_cast<void>(read(second.read_end, std::as_writable_bytes(std::span{byte})));
    must(call(Call::dup3, null, first.read_end, 0), "another file");
    let_it_look();
    must(close(first.write_end), "closing");
    must(write(second.write_end, "x"), "writing");
    poller.join();
    for (const Fd fd : {null, first.read_end, second.read_end, second.write_end}) {
      must(close(fd), "closing");
    }
  };
  // With the higher priority this thread, not the poller, is the first to read the byte.
  must(set_realtime_priority(0, 50), "a real-time priority");
  for (unsigned i = 0; i < 200; ++i) round(i % count);
}

/// Two threads take turns by one word. The waits of the one that shares its priority begin in the
/// strand; the other one wakes without the strand. The second wake finds no waiter.
void wait_while_sharing_priority() {
  auto* const page = must(map_memory(page_size, abi::prot_read | abi::prot_write), "a page");
  static_cast<void>(new (page) abi::SharedPriority);
  std::atomic<std::uint32_t> word = 0;
  const auto play = [&word](unsigned hart, std::uint32_t own) {
    move_to(hart);
    for (unsigned turn = 0; turn < rounds_of_each(3'000); ++turn) {
      for (std::uint32_t now = word; now % 2 != own; now = word) futex_wait(word, now);
      ++word;
      futex_wake(word, 1);
      futex_wake(word, 1);
    }
  };
  Thread other{[&] { play(count > 1 ? 1 : 0, 1); }};
  move_to(0);
  must(call(abi::share_priority, page), "sharing");
  play(0, 0);
  other.join();
  must(call(abi::share_priority, nullptr), "ending the sharing");
  must(unmap_memory(page, page_size), "munmap");
}

}  // namespace

std::span<const Part> waits() {
  static constexpr Part parts[] = {
      {"naps", nap},
      {"takes-turns", wait_while_sharing_priority},
      {"timeouts", times_out},
      {"moved", times_out_elsewhere},
      {"sleeps", sleep_together},
      {"wakes", wakes},
      {"parts", change_parts},
      {"urgent", print_beside_urgent},
      {"around", pass_around},
      {"outlived", outlive},
      {"polls", poll_others},
      {"polls-end", poll_together},
      {"polls-killed", kill_polls},
  };
  return parts;
}

}  // namespace harts
