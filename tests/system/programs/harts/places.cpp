// Threads move to the harts that they are sent to, and to idle harts.
#include "harts.h"

namespace harts {
namespace {

nanoseconds used_time() {
  abi::Timespec time{};
  must(call(Call::clock_gettime, abi::clock_process_cputime_id, &time), "clock_gettime");
  return std::chrono::seconds{time.seconds} + nanoseconds{time.nanoseconds};
}

/// A thread that sets its affinity to one hart runs there when the call returns; its registers keep
/// their values.
void moves() {
  std::vector<Thread> threads;
  for (unsigned first = 0; first < count; ++first) {
    threads.emplace_back([first] {
      double sum = first, expected = first;
      for (unsigned i = 0; i < 150; ++i) {
        const unsigned hart = (first + i * (first + 1)) % count;
        sum += 1.0 / (i + 1);
        move_to(hart);
        check(current_hart() == hart, "the thread runs on hart {}", hart);
        expected += 1.0 / (i + 1);
        check(sum == expected, "the sum is {} and not {}", sum, expected);
      }
    });
  }
}

/// A computing thread moves to the hart to which another thread sends it.
void is_moved() {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> seen = ~0u;
  Thread computing{[&] {
    double value = 1;
    for (double expected = 1; !stop;) {
      for (int i = 0; i < 20'000; ++i) value = value * 1.000001 + 0.5;
      for (int i = 0; i < 20'000; ++i) expected = expected * 1.000001 + 0.5;
      check(value == expected, "floating-point registers keep their values: {} and {}", value,
            expected);
      if (value > 1e100) value = expected = 1;
      seen = current_hart();
    }
  }};
  for (unsigned i = 0; i < 40; ++i) {
    const unsigned hart = i % count;
    move_to(hart, computing.id());
    await("to be sent to another hart", [&] { return seen == hart; });
    must(sleep_for(2ms), "sleeping");
    check(seen == hart, "the thread stays on the hart");
  }
  stop = true;
}

/// Threads that yield to each other keep their floating-point registers while another thread sends
/// them to other harts.
void yields_and_is_moved() {
  std::atomic<bool> stop = false;
  std::vector<Thread> threads;
  for (unsigned first = 0; first < 3; ++first) {
    threads.emplace_back([&stop, first] {
      double sum = first, expected = first;
      for (double part = 1; !stop; part *= 1.001) {
        sum += part;
        user::yield();
        expected += part;
        check(sum == expected, "the sum is {} and not {}", sum, expected);
        if (part > 1e100) part = 1;
      }
    });
  }
  for (unsigned i = 0; i < 60; ++i) {
    for (const Thread& thread : threads) move_to(i % count, thread.id());
    must(sleep_for(1ms), "sleeping");
  }
  stop = true;
}

/// Computing threads on one hart spread as soon as their affinity allows it.
void spreads() {
  std::atomic<bool> stop = false;
  std::array<std::atomic<unsigned>, 64> seen{};
  std::vector<Thread> threads;
  move_to(0);
  for (unsigned i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        for (int j = 0; j < 20'000; ++j) static_cast<void>(seen[i].load());
        seen[i] = current_hart();
      }
    });
  }
  must(sleep_for(20ms), "sleeping");
  must(set_affinity(0, all), "affinity");
  for (const Thread& thread : threads) must(set_affinity(thread.id(), all), "affinity");
  await("to spread", [&] {
    unsigned long used = 0;
    for (unsigned i = 0; i < count; ++i) used |= 1ul << seen[i];
    return used == all;
  });
  stop = true;
}

/// The scheduling parameters of a thread change while it runs on another hart, waits, or is about
/// to wait.
void reschedules() {
  std::atomic<bool> stop = false;
  std::vector<std::atomic<unsigned>> rounds(2 * count);
  std::vector<Thread> threads;
  for (unsigned i = 0; i < 2 * count; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        for (int j = 0; j < 500; ++j) asm volatile("");
        ++rounds[i];
        if (i % 2 == 0) {
          syscall(Call::sched_yield);
        } else {
          must(sleep_for(10us), "sleeping");
        }
      }
    });
  }
  for (unsigned i = 0; i < 3'000; ++i) {
    const Thread& thread = threads[i % threads.size()];
    must(set_schedule(thread.id(), {.nice = static_cast<std::int32_t>(i % 19)}), "a nice value");
    if (i % 100 == 0) must(sleep_for(20us), "sleeping");
  }
  for (auto& round : rounds) {
    await("until all threads have run", [&, before = round.load()] { return round != before; });
  }
  stop = true;
}

/// Threads change their own schedules and harts, and see each other's. The policy and the nice
/// value of a schedule belong together.
void sets_own() {
  constexpr unsigned rounds = 1'000;
  constexpr std::array<abi::SchedAttr, 2> schedules{
      {{.policy = abi::sched_other, .nice = 1}, {.policy = abi::sched_batch, .nice = 2}}};
  const auto check_schedule = [&](Pid thread) {
    abi::SchedAttr seen{};
    must(call(Call::sched_getattr, thread, &seen, sizeof seen, 0), "sched_getattr");
    check(seen.policy == schedules[0].policy || seen.policy == schedules[1].policy,
          "the policy is {}", seen.policy);
    check(seen.nice == (seen.policy == schedules[0].policy ? 1 : 2), "policy {} has nice value {}",
          seen.policy, seen.nice);
  };
  std::vector<std::atomic<Pid>> ids(count);
  std::atomic<unsigned> running = count;
  std::vector<Thread> threads;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      must(set_schedule(0, schedules[0]), "a schedule");
      ids[hart] = thread_id();
      await("to start", [&] { return ids[(hart + 1) % count] != 0; });
      for (unsigned i = 0; i < rounds; ++i) {
        const abi::SchedAttr& next = schedules[i % 2];
        for (unsigned j = 0; j < 8; ++j) {
          if (hart % 2 == 0) must(set_schedule(0, schedules[(i + j) % 2]), "a schedule");
          if (hart % 2 == 1) check_schedule(ids[(hart + 1) % count]);
        }
        must(set_schedule(0, next), "a schedule");
        if (i % 8 == 0) must(set_affinity(0, all), "affinity");
        if (i % 8 == 1) move_to(hart);
        check(must(affinity(0), "affinity") == (i % 8 == 0 ? all : 1ul << hart), "the harts");
        if (i % 8 != 0) check(current_hart() == hart, "the thread stays on hart {}", hart);
        const long nice = syscall(Call::getpriority, abi::prio_process, 0);
        check(nice == 20 - next.nice, "20 - nice is {}", nice);
      }
      must(set_affinity(0, all), "affinity");
      --running;
      await("to end", [&] { return running == 0; });  // until then, others look for this thread
      syscall(Call::setpriority, abi::prio_process, 0, 0);
      check(syscall(Call::getpriority, abi::prio_process, 0) == 20, "the nice value");
    });
  }
}

/// The kernel charges a thread that changes harts for its whole run time. Needs icount.
void counts_time() {
  const auto used = used_time(), begin = now();
  for (unsigned i = 0; i < 100; ++i) {
    const auto until = now() + 1ms;
    while (now() < until) {
    }
    move_to(i % count);
  }
  const auto elapsed = now() - begin, spent = used_time() - used;
  println("{:.1f} of {:.1f} ms", milliseconds(spent), milliseconds(elapsed));
  check(spent > elapsed * 9 / 10 && spent <= elapsed, "the thread is charged for its run time");
}

/// Computes for a while without reading the clock. Under a trap path that changes page tables at
/// each call, reading it is slow in QEMU.
void compute() {
  for (int i = 0; i < 2000; ++i) asm volatile("");
}

/// Returns the longest time that a thread runs while another one of the same priority is ready.
nanoseconds longest_slice(int policy, int priority) {
  std::atomic<int> running = -1;
  std::array<nanoseconds, 2> longest{};
  const auto end = now() + 200ms;
  {
    std::vector<Thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] {
        const abi::SchedParam param{.priority = priority};
        must(call(Call::sched_setscheduler, 0, policy, &param), "a policy");
        must(sleep_for(10ms), "sleeping");  // both threads begin a new time slice
        for (auto begin = now(); begin < end;) {
          const bool came_back = running.exchange(i) != i;
          const auto time = now();
          if (running != i) continue;  // the other thread has run in between
          if (came_back) begin = time;
          longest[i] = std::max(longest[i], time - begin);
          if (time >= end) break;
          compute();
        }
      });
    }
  }
  return std::max(longest[0], longest[1]);
}

/// Threads that were sent from hart to hart while they computed all get time afterwards.
void shares_after_moves() {
  constexpr unsigned spinners = 12;
  constexpr auto settled = 600ms;  // several rounds of all threads
  std::atomic<bool> stop = false;
  std::array<std::atomic<std::uint64_t>, spinners> work{};
  std::array<std::atomic<Pid>, spinners> ids{};
  std::vector<Thread> threads;
  for (unsigned i = 0; i < spinners; ++i) {
    threads.emplace_back([&, i] {
      for (ids[i] = thread_id(); !stop; ++work[i]) {
        for (int n = 0; n < 1000; ++n) asm volatile("");
      }
    });
  }
  must(set_realtime_priority(0, 50), "raising the priority");
  must(sleep_for(30ms), "sleeping");
  unsigned random = 1;
  for (int i = 0; i < 300; ++i) {
    random = random * 1103515245 + 12345;
    const unsigned thread = (random >> 16) % spinners, hart = (random >> 8) % count;
    if (ids[thread] != 0) must(set_affinity(ids[thread], 1ul << hart), "the affinity");
    must(sleep_for(1ms), "sleeping");
  }
  for (const auto& id : ids) must(set_affinity(id, ~0ul), "the affinity");
  std::array<std::uint64_t, spinners> before{};
  std::ranges::copy(work, before.begin());
  must(sleep_for(settled), "sleeping");
  for (unsigned i = 0; i < spinners; ++i) {
    check(work[i] > before[i], "thread {} of {} gets time", i, spinners);
  }
  stop = true;
}

/// Time slices are as long as the policy says; sched_rr_get_interval(2) returns that length.
void time_slices() {
  const auto takes = [](std::string_view name, int policy, int priority, nanoseconds slice) {
    const auto longest = longest_slice(policy, priority);
    println("{}: time slices of {:.1f} ms", name, milliseconds(longest));
    check(longest >= slice * 9 / 10 && longest <= slice * 9 / 8 + 1ms,
          "{} should have time slices of {:.0f} ms", name, milliseconds(slice));
  };
  takes("SCHED_OTHER", abi::sched_other, 0, 10ms);
  takes("SCHED_RR", abi::sched_rr, 1, 10ms);
  takes("SCHED_BATCH", abi::sched_batch, 0, 40ms);
  takes("SCHED_IDLE", abi::sched_idle, 0, 40ms);
  const auto alone = longest_slice(abi::sched_fifo, 1);
  println("SCHED_FIFO: {:.1f} ms without a switch", milliseconds(alone));
  check(alone >= 150ms, "SCHED_FIFO has no time slices");
  abi::Timespec slice{};
  must(call(Call::sched_rr_get_interval, 0, &slice), "sched_rr_get_interval");
  check(slice.seconds == 0 && slice.nanoseconds == 10'000'000,
        "sched_rr_get_interval returns the slice of SCHED_OTHER");
}

}  // namespace

std::span<const Part> places() {
  static constexpr Part parts[] = {
      {"moves", moves},
      {"is-moved", is_moved},
      {"yields-and-is-moved", yields_and_is_moved},
      {"spreads", spreads},
      {"time", counts_time},
      {"turns", time_slices},
      {"reschedules", reschedules},
      {"sets-own", sets_own},
      {"shares-after-moves", shares_after_moves},
  };
  return parts;
}

}  // namespace harts
