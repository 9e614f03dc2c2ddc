// Programs and the machine end while threads compute on every hart.
#include <array>

#include "harts.h"

namespace harts {
namespace {

/// Starts a computing thread on each hart, and returns when all of them run.
void fill_harts(std::vector<Thread>& threads, std::atomic<unsigned long>& work) {
  std::atomic<unsigned> begun = 0;
  for (unsigned hart = 0; hart < count; ++hart) {
    threads.emplace_back([&, hart] {
      move_to(hart);
      for (++begun;;) work.fetch_add(1, std::memory_order_relaxed);
    });
  }
  await("to begin", [&] { return begun == count; });
}

/// One of many threads calls execve or exit: the other threads end, on whatever hart they run.
void end_the_others() {
  for (int round = 0; round < 12; ++round) {
    const Pid child = must_fork();
    if (child == 0) {
      static std::atomic<unsigned long> work = 0;
      std::vector<Thread> threads;
      fill_harts(threads, work);
      const auto end = [round] {
        move_to(static_cast<unsigned>(round) % count);
        if (round % 3 == 2) exit(0);
        const char* const arguments[] = {"true", nullptr};
        char* const* const environment = user::environment();
        call(Call::execve, "/bin/true", arguments, environment).value();
      };
      if (round % 2 == 0) end();
      Thread last{end};
      last.join();
      exit(1);
    }
    expect_success(child);
  }
}

/// A process whose threads keep creating threads is killed, or calls execve. Threads that are
/// created at the last moment end too.
void end_makers() {
  constexpr int rounds = 24;
  for (int round = 0; round < rounds; ++round) {
    const bool killed = round % 2 == 0;
    const Pid child = must_fork();
    if (child == 0) {
      std::vector<Thread> makers;
      for (unsigned i = 0; i < count; ++i) {
        makers.emplace_back([] {
          std::vector<Thread> made;
          for (int n = 0; n < 400; ++n) made.emplace_back([] { must(sleep_for(1h), "sleeping"); });
        });
      }
      must(sleep_for(std::chrono::microseconds{500 + 100 * (round % 20)}), "sleeping");
      if (!killed) {
        const char* const arguments[] = {"true", nullptr};
        call(Call::execve, "/bin/true", arguments, user::environment()).value();
      }
      for (;;) must(sleep_for(1s), "sleeping");
    }
    if (!killed) {
      expect_success(child);
      continue;
    }
    must(sleep_for(std::chrono::microseconds{2'000 + 100 * (round % 30)}), "sleeping");
    must(kill(child, abi::Signal::sigkill), "killing");
    check(must(wait(child), "waiting").status.was_killed(), "SIGKILL ends the process");
  }
}

/// The first process ends while every hart computes: the machine powers off.
void leaves() {
  static std::atomic<unsigned long> work = 0;
  if (must_fork() == 0) {
    std::vector<Thread> threads;
    fill_harts(threads, work);
    for (;;) must(sleep_for(1s), "sleeping");
  }
  must(sleep_for(50ms), "sleeping");
  exit(7);
}

/// Starts a child that ends with `code`. On the hosted machine, which cannot fork, it is a program.
Pid start_and_exit(int code) {
  const auto child = fork();
  if (child && *child == 0) exit(code);
  if (child) return *child;
  char script[16] = "exit ";
  *std::to_chars(script + 5, script + 15, code).ptr = '\0';
  const char* const arguments[] = {"sh", "-c", script, nullptr};
  return must(spawn("/bin/sh", arguments), "spawning");
}

/// Reaps children by their numbers while other harts do the same and look for these children.
void reap_own(unsigned hart, unsigned rounds, std::atomic<Pid>& newest) {
  move_to(hart);
  for (unsigned i = 0; i < rounds; ++i) {
    const int code = static_cast<int>(hart * 16 + i % 16);
    const Pid child = start_and_exit(code);
    newest = child;
    const auto early = must(wait(child, abi::wnohang), "waiting");
    check(early.pid == 0 || early.pid == child, "wait4 returns {} for {}", early.pid, child);
    const auto ended = early.pid == child ? early : must(wait(child), "waiting");
    check(ended.pid == child && ended.status.word() == code << 8, "{} ended with {:x}", ended.pid,
          ended.status.word());
    const auto again = wait(child);
    check(!again && again.error() == Errno::echild, "a reaped child is no child");
    const auto found = kill(child, abi::Signal{});
    check(!found && found.error() == Errno::esrch, "a reaped child has no number");
  }
}

/// All harts reap zombies of one process until none is left. Each child is reaped once.
void reap_together() {
  constexpr int most = 48;
  const Pipe alive = must(make_pipe(), "a pipe");
  for (int code = 0; code < most; ++code) start_and_exit(code);
  must(close(alive.write_end), "closing");
  std::byte none[1];
  check(must(read(alive.read_end, none), "reading") == 0, "all children have closed their files");
  must(close(alive.read_end), "closing");
  std::array<std::atomic<int>, most> reaped{};
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart) {
      threads.emplace_back([&reaped, hart] {
        move_to(hart);
        while (const auto ended = wait())
          ++reaped[static_cast<std::size_t>(ended->status.word() >> 8) % most];
      });
    }
  }
  for (const auto& times : reaped) check(times == 1, "a child is reaped {} times", times.load());
}

/// A wait for a process that is no child fails at once, although a child runs.
void waits_for_no_child() {
  const auto child = fork();
  if (!child) return;  // the hosted machine
  if (*child == 0) {
    must(sleep_for(10s), "sleeping");
    exit(0);
  }
  const auto own = wait(process_id());
  check(!own && own.error() == Errno::echild, "no process is its own child");
  check(must(wait(*child, abi::wnohang), "waiting").pid == 0, "the child has not ended meanwhile");
  must(kill(*child, abi::Signal::sigkill), "killing");
  must(wait(*child), "waiting");
}

void reaps() {
  waits_for_no_child();
  std::vector<std::atomic<Pid>> newest(count);
  std::atomic<bool> stop = false;
  Thread looking{[&] {
    for (unsigned i = 0; !stop; ++i) {
      const Pid child = newest[i % count];
      const auto found = kill(child, abi::Signal{});
      check(found || found.error() == Errno::esrch, "looking for {}", child);
      (void)syscall(Call::sched_getscheduler, child);
    }
  }};
  {
    std::vector<Thread> threads;
    for (unsigned hart = 0; hart < count; ++hart)
      threads.emplace_back([&, hart] { reap_own(hart, rounds_of_each(8), newest[hart]); });
  }
  stop = true;
  reap_together();
}

/// A child of have_families(): ends on its parent's hart or on the next one. Some children leave a
/// child of their own behind, and some start a thread.
[[noreturn]] void be_child(unsigned hart, unsigned number) {
  switch (number % 4) {
    case 1: move_to((hart + 1) % count); break;
    case 2:
      if (must_fork() == 0) exit(0);
      break;
    case 3: Thread{[] {}}.join(); break;
    default: break;
  }
  exit(static_cast<int>(number % 64));
}

/// On each hart a process starts one child after the other. A pipe tells it when a child and the
/// children of that child have closed their descriptors.
void have_families() {
  std::vector<Pid> families;
  for (unsigned hart = 0; hart < count; ++hart) {
    families.push_back(must_fork());
    if (families.back() != 0) continue;
    move_to(hart);
    for (unsigned i = 0; i < rounds_of_each(12); ++i) {
      const Pipe alive = must(make_pipe(), "a pipe");
      const Pid child = must_fork();
      if (child == 0) be_child(hart, i);
      must(close(alive.write_end), "closing");
      std::byte none[1];
      if (i % 3 == 0) check(must(read(alive.read_end, none), "reading") == 0, "the pipe ends");
      const auto ended = must(wait(child), "waiting");
      check(ended.status.word() == static_cast<int>(i % 64) << 8, "a child ends with {:x}",
            ended.status.word());
      must(close(alive.read_end), "closing");
    }
    exit(0);
  }
  for (const Pid family : families)
    check(must(wait(family), "waiting").status.word() == 0, "a family has failed");
}

/// On each hart a thread starts one thread after the other. They end on that hart or on another.
void start_threads() {
  std::atomic<unsigned> ran = 0;
  {
    std::vector<Thread> starters;
    for (unsigned hart = 0; hart < count; ++hart) {
      starters.emplace_back([&ran, hart] {
        move_to(hart);
        for (unsigned i = 0; i < rounds_of_each(16); ++i) {
          Thread thread{[&ran, hart, i] {
            if (i % 3 == 1) move_to((hart + 1) % count);
            ++ran;
          }};
          if (i % 2 == 0) yield();
          thread.join();
        }
      });
    }
  }
  check(ran == count * rounds_of_each(16), "{} threads ran", ran.load());
}

}  // namespace

std::span<const Part> ends() {
  static constexpr Part parts[] = {
      {"ends", end_the_others}, {"makers", end_makers},      {"leaves", leaves},
      {"reaps", reaps},         {"families", have_families}, {"starters", start_threads},
  };
  return parts;
}

}  // namespace harts
