// The program `bench-growth`: how the cost of an operation grows with the number of objects that
// exist beside it. Each benchmark has a small and a large variant; the test `exhaust` uses a third
// one of growth.thread. It is a program of its own, because a larger `bench` would need more
// instructions to reach its variables.
#include <abi/events.h>
#include <abi/signal.h>
#include <user/calls.h>
#include <user/check.h>
#include <user/files.h>
#include <user/print.h>
#include <user/ring.h>
#include <user/socket.h>
#include <user/sync.h>

#include <array>
#include <atomic>
#include <bit>
#include <iterator>
#include <vector>

#include "benchmark.h"
#include "crowd.h"

namespace bench {
namespace {

using user::Call;
using user::syscall;

// The operation visits objects in an order that is not that of their creation.
constexpr int stride = 7'919;  // a prime, so that it has no factor in common with a size

/// Gives the calling thread a real-time priority while the object lives. Other threads then run
/// only if it waits.
class Urgent {
 public:
  explicit Urgent(int priority) { set(priority); }
  ~Urgent() { set(0); }
  Urgent(const Urgent&) = delete;

 private:
  static void set(int priority) {
    user::must(user::set_realtime_priority(0, priority), "setting a priority");
  }
};

std::vector<std::atomic<std::uint32_t>>& words() {
  static std::vector<std::atomic<std::uint32_t>> words(10'000);
  return words;
}

// Wakes a word that no thread waits for, while each of `size` threads waits for a word of its own.
template <int size>
Outcome wake_beside_waiters() {
  for (auto& word : words()) word = 0;
  Crowd crowd{size, Crowd::Of::threads, [](Crowd&, int number) {
                while (words()[static_cast<std::size_t>(number)] == 0) {
                  user::futex_wait(words()[static_cast<std::size_t>(number)], 0);
                }
              }};
  static std::array<std::atomic<std::uint32_t>, 256> others;
  std::size_t at = 0;
  auto samples = sample({.count = 15, .size = 256},
                        [&] { user::futex_wake(others[at++ % others.size()], 1); });
  for (auto& word : words()) {
    word = 1;
    user::futex_wake(word, 1);
  }
  return samples;
}

// An urgent thread waits for a word for which `size` ordinary threads wait, and is woken.
template <int size>
Outcome urgent_wait_behind_waiters() {
  static std::atomic<std::uint32_t> word, over;
  word = 0;
  over = 0;
  Crowd crowd{size, Crowd::Of::threads, [](Crowd& all, int) {
                while (!all.is_over()) user::futex_wait(word, 0);
              }};
  Samples samples;
  {
    Crowd waiter{1, Crowd::Of::threads, [](Crowd&, int) {
                   static_cast<void>(user::set_realtime_priority(0, 50));
                   while (over == 0) user::futex_wait(word, 0);
                 }};
    samples = sample({.count = 15, .size = 100}, [&] { user::futex_wake(word, 1); });
    over = 1;
    user::futex_wake(word, 1);
  }
  word = 1;
  crowd.open_gate();
  user::futex_wake(word, size);
  return samples;
}

// Maps and unmaps two pages beside `size` holes of one page.
template <int size>
Outcome map_beside_holes() {
  constexpr std::size_t pages = 2 * size, page = user::page_size;
  auto* const all = user::must(user::map_memory(pages * page, abi::prot_read), "mapping");
  for (std::size_t hole = 0; hole < pages; hole += 2) {
    user::must(user::unmap_memory(all + hole * page, page), "unmapping");
  }
  auto samples = sample({.count = 15, .size = 100}, [&] {
    const auto some = user::map_memory(2 * page, abi::prot_read | abi::prot_write);
    static_cast<void>(user::unmap_memory(*some, 2 * page));
  });
  user::must(user::unmap_memory(all, pages * page), "unmapping");
  return samples;
}

// Asks whether a child has ended, by its number, among `size` children that live.
template <int size>
Outcome wait_for_one_child() {
  Samples samples;
  {
    Crowd children{size, Crowd::Of::processes};
    int at = 0;
    samples = sample({.count = 15, .size = size}, [&] {
      static_cast<void>(syscall(Call::wait4, children.id(at), nullptr, abi::wnohang, nullptr));
      at = (at + stride) % size;
    });
  }
  while (user::wait()) continue;
  return samples;
}

// Waits for each of `size` children that have ended, beside as many that live.
template <int size>
Outcome reap_zombies() {
  Samples samples;
  {
    Crowd children{size, Crowd::Of::processes};
    {
      const Crowd ended{size, Crowd::Of::processes};
    }
    const auto begin = reading();
    for (int i = 0; i < size; ++i) {
      syscall(Call::wait4, -1, nullptr, abi::wnohang, nullptr);
    }
    samples = Samples::of({reading() - begin}, size);
  }
  while (user::wait()) continue;
  return samples;
}

// Reads 4 KiB of a pipe for which `size` writers wait, until each has written 4 KiB. The writers
// are more urgent than the reader.
template <int size>
Outcome drain_writers() {
  static std::array<std::byte, 4'096> block;
  static user::Pipe pipe;
  pipe = user::must(user::make_pipe(), "a pipe");
  Samples samples;
  {
    Crowd writers{size, Crowd::Of::threads, [](Crowd&, int) {
                    static_cast<void>(user::set_realtime_priority(0, 20));
                    static_cast<void>(user::write(pipe.write_end, block));
                  }};
    std::array<std::byte, 4'096> bytes;
    const auto begin = reading();
    for (int left = size; left > 0; --left) {
      if (!user::read(pipe.read_end, bytes)) return {};
    }
    samples = Samples::of({reading() - begin}, size);
  }
  static_cast<void>(user::close(pipe.read_end));
  static_cast<void>(user::close(pipe.write_end));
  return samples;
}

// Changes the priority of a thread that is ready, one of `size`.
template <int size>
Outcome change_ready_thread() {
  Crowd crowd{size};
  const Urgent urgent{50};
  crowd.open_gate();
  int at = 0, priority = 1;
  return sample({.count = 15, .size = size / 20}, [&] {
    static_cast<void>(user::set_realtime_priority(crowd.id(at), priority));
    at = (at + stride) % size;
    if (at == 0) priority = priority == 1 ? 40 : 1;
  });
}

void allow_descriptors(std::uint64_t count) {
  const abi::ResourceLimit limit{count, count};
  user::must(user::call(Call::prlimit64, 0, abi::rlimit_nofile, &limit, nullptr), "descriptors");
}

// Waits by epoll for one of `size` files, which stays ready.
template <int size>
Outcome wait_for_one_file() {
  constexpr int reserve = 100;
  allow_descriptors(size + reserve);
  const long epoll = syscall(Call::epoll_create1, 0);
  if (epoll < 0) return {};
  std::vector<long> files(size);
  for (long& file : files) {
    file = syscall(Call::eventfd2, 0, 0);
    abi::EpollEvent event{.events = abi::epollin};
    syscall(Call::epoll_ctl, epoll, abi::epoll_ctl_add, file, &event);
  }
  const std::uint64_t one = 1;
  syscall(Call::write, files[size / 2], &one, sizeof one);
  auto samples = sample({.count = 15, .size = 100}, [&] {
    std::array<abi::EpollEvent, 16> events;
    syscall(Call::epoll_pwait, epoll, events.data(), events.size(), -1, nullptr, 0);
  });
  for (const long file : files) syscall(Call::close, file);
  syscall(Call::close, epoll);
  return samples;
}

// Sends a byte over one of `size` connections, which epoll watches, and receives it.
template <int size>
Outcome message_beside_connections() {
  constexpr int reserve = 100;
  allow_descriptors(2 * size + reserve);
  const auto epoll = user::must(user::call<user::Fd>(Call::epoll_create1, 0), "an epoll file");
  std::vector<user::SocketPair> connections(size);
  for (auto& connection : connections) {
    connection = user::must(user::make_socket_pair(abi::sock_stream), "a connection");
    abi::EpollEvent event{.events = abi::epollin,
                          .data = static_cast<std::uint64_t>(connection.second)};
    syscall(Call::epoll_ctl, epoll, abi::epoll_ctl_add, connection.second, &event);
  }
  std::size_t at = 0;
  auto samples = sample({.count = 15, .size = 100}, [&] {
    char byte = 0;
    std::array<abi::EpollEvent, 16> events;
    syscall(Call::write, connections[at].first, &byte, 1);
    syscall(Call::epoll_pwait, epoll, events.data(), events.size(), -1, nullptr, 0);
    syscall(Call::read, events[0].data, &byte, 1);
    at = (at + stride) % size;
  });
  for (const auto& [first, second] : connections) {
    syscall(Call::close, first);
    syscall(Call::close, second);
  }
  syscall(Call::close, epoll);
  return samples;
}

// Sends a byte over one of `size` connections, from each of which a ring reads, and reads again.
template <int size>
Outcome message_beside_requests() {
  constexpr int reserve = 100;
  allow_descriptors(2 * size + reserve);
  auto ring =
      user::Ring::make({.completions = std::bit_ceil(static_cast<unsigned>(size + reserve))});
  if (!ring) return {};  // Linux has no such ring
  std::vector<user::SocketPair> connections(size);
  static std::array<std::byte, 1> byte;
  const auto receive = [&](std::size_t at) {
    if (!ring->add(user::read_next(connections[at].second, byte, at))) return;
    user::must(ring->enter(), "submitting");
  };
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i] = user::must(user::make_socket_pair(abi::sock_stream), "a connection");
    receive(i);
  }
  std::size_t at = 0;
  auto samples = sample({.count = 15, .size = 100}, [&] {
    syscall(Call::write, connections[at].first, byte.data(), 1);
    receive(ring->wait()->user_data);
    at = (at + stride) % size;
  });
  for (const auto& [first, second] : connections) {
    syscall(Call::close, first);
    syscall(Call::close, second);
  }
  return samples;
}

// Reads a directory of `size` files; the cost of a file.
template <int size>
Outcome read_directory() {
  static constexpr const char* path = "/tmp/growth";
  if (!user::make_directory(path)) return {};
  const auto each = [](auto use) {
    for (int i = 0; i < size; ++i) use(user::format("{}/file-{}", path, i).c_str());
  };
  each([](const char* name) {
    if (const auto made = user::open(name, abi::o_creat | abi::o_wronly)) {
      static_cast<void>(user::close(*made));
    }
  });
  auto samples = collect(3, size, [] {
    static std::array<std::byte, 32'768> buffer;
    const auto directory = user::open(path, abi::o_rdonly | abi::o_directory);
    const auto begin = reading();
    while (directory && syscall(Call::getdents64, *directory, buffer.data(), buffer.size()) > 0) {
    }
    const auto cost = reading() - begin;
    if (directory) static_cast<void>(user::close(*directory));
    return cost;
  });
  each([](const char* name) { static_cast<void>(user::remove_file(name)); });
  static_cast<void>(user::remove_directory(path));
  return samples;
}

// Starts a thread and waits for its end, while `size` threads wait. No samples if memory is short.
template <int size>
Outcome start_beside_threads() {
  if (user::free_memory() < std::size_t{size} * 3'000) return {};
  const Crowd crowd{size};
  alignas(16) static std::byte stack[4096];
  static std::atomic<std::uint32_t> alive;
  return sample({.count = 15, .size = 100}, [&] {
    alive = 1;
    cotrap_user_clone(
        user::clone_thread_flags | abi::clone_child_cleartid, stack + sizeof stack, nullptr,
        nullptr, &alive, [](void*) { return 0; }, nullptr);
    while (const std::uint32_t seen = alive) {
      syscall(Call::futex, &alive, abi::futex_wait, seen, nullptr, nullptr, 0);
    }
  });
}

// Arms a timer and stops it, while each of `size` threads waits for a time.
template <int size>
Outcome arm_beside_timers() {
  static std::atomic<std::uint32_t> word;
  word = 0;
  Crowd crowd{size, Crowd::Of::threads, [](Crowd&, int) {
                constexpr abi::Timespec day{86'400, 0};
                while (word == 0) {
                  syscall(Call::futex, &word, abi::futex_wait, 0, &day, nullptr, 0);
                }
              }};
  const long file = syscall(Call::timerfd_create, abi::clock_monotonic, 0);
  auto samples = sample({.count = 15, .size = 100}, [&] {
    constexpr abi::TimerSetting hour{{}, {3'600, 0}}, none{};
    syscall(Call::timerfd_settime, file, 0, &hour, nullptr);
    syscall(Call::timerfd_settime, file, 0, &none, nullptr);
  });
  syscall(Call::close, file);
  word = 1;
  syscall(Call::futex, &word, abi::futex_wake, size, nullptr, nullptr, 0);
  return samples;
}

// Sends a signal to the own process, whose handler returns at once, while `size` threads wait.
template <int size>
Outcome signal_beside_threads() {
  constexpr auto signal = abi::Signal::sigusr1;
  constexpr auto nothing = [](int) {};
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(+nothing)}, none{};
  syscall(Call::rt_sigaction, signal, &action, nullptr, sizeof action.mask);
  Samples samples;
  {
    const Crowd crowd{size};
    const long process = syscall(Call::getpid);
    samples = sample({.count = 15, .size = 100}, [&] { syscall(Call::kill, process, signal); });
  }
  syscall(Call::rt_sigaction, signal, &none, nullptr, sizeof action.mask);
  return samples;
}

// Opens a file and closes it beside `size` descriptors.
template <int size>
Outcome open_beside_files() {
  static std::vector<long> files;
  files.clear();
  for (int i = 0; i < size; ++i) files.push_back(syscall(Call::eventfd2, 0, 0));
  auto samples = sample({.count = 15, .size = 100}, [] {
    syscall(Call::close, syscall(Call::openat, abi::at_fdcwd, "/dev/null", abi::o_rdonly, 0));
  });
  for (const long file : files) syscall(Call::close, file);
  return files.back() < 0 ? Outcome{} : samples;
}

// Locks a byte of a file and unlocks it beside `size` locks of other bytes.
template <int size>
Outcome lock_beside_locks() {
  static constexpr const char* path = "/tmp/growth-locks";
  const auto file = user::open(path, abi::o_rdwr | abi::o_creat);
  if (!file) return {};
  const auto set = [&](std::int16_t type, std::int64_t at) {
    const abi::Flock range{.type = type, .start = at, .length = 1};
    return syscall(Call::fcntl, *file, abi::f_setlk, &range);
  };
  bool all = true;
  for (int i = 0; i < size; ++i) all &= set(abi::f_wrlck, 4l * i) == 0;
  std::int64_t at = 2;
  auto samples = sample({.count = 15, .size = 100}, [&] {
    set(abi::f_wrlck, at);
    set(abi::f_unlck, at);
    at = (at + 4l * stride) % (4l * size);
  });
  static_cast<void>(user::close(*file));
  static_cast<void>(user::remove_file(path));
  return all ? samples : Outcome{};
}

// Makes a pseudo-terminal and removes it beside `size` others.
template <int size>
Outcome terminal_beside_terminals() {
  static std::vector<long> terminals;
  constexpr int flags = abi::o_rdwr | abi::o_noctty;
  const auto make = [] { return syscall(Call::openat, abi::at_fdcwd, "/dev/ptmx", flags, 0); };
  terminals.clear();
  for (int i = 0; i < size; ++i) terminals.push_back(make());
  auto samples = sample({.count = 15, .size = 50}, [&] { syscall(Call::close, make()); });
  for (const long terminal : terminals) syscall(Call::close, terminal);
  return terminals.back() < 0 ? Outcome{} : samples;
}

// Creates a file and removes it beside `size` files of the directory.
template <int size>
Outcome create_beside_files() {
  static constexpr const char* path = "/tmp/growth";
  if (!user::make_directory(path)) return {};
  const auto make = [](const char* name) {
    syscall(Call::close,
            syscall(Call::openat, abi::at_fdcwd, name, abi::o_creat | abi::o_wronly, 0600));
  };
  for (int i = 0; i < size; ++i) make(user::format("{}/file-{}", path, i).c_str());
  auto samples = sample({.count = 15, .size = 100}, [&] {
    make("/tmp/growth/another");
    syscall(Call::unlinkat, abi::at_fdcwd, "/tmp/growth/another", 0);
  });
  for (int i = 0; i < size; ++i) {
    static_cast<void>(user::remove_file(user::format("{}/file-{}", path, i).c_str()));
  }
  static_cast<void>(user::remove_directory(path));
  return samples;
}

// Starts a process, which shares the memory, and waits for its end. `size` others are in its group.
template <int size>
Outcome process_beside_group() {
  Samples samples;
  {
    const Crowd crowd{size, Crowd::Of::processes};
    alignas(16) static std::byte stack[4096];
    samples = sample({.count = 15, .size = 50}, [&] {
      const long child = cotrap_user_clone(
          abi::clone_vm | static_cast<unsigned long>(abi::Signal::sigchld), stack + sizeof stack,
          nullptr, nullptr, nullptr, [](void*) { return 0; }, nullptr);
      syscall(Call::wait4, child, nullptr, 0, nullptr);
    });
  }
  while (user::wait()) continue;
  return samples;
}

constexpr Benchmark table[] = {
    {"growth.futex@100", Unit::cost, wake_beside_waiters<100>},
    {"growth.futex@10000", Unit::cost, wake_beside_waiters<10'000>},
    {"growth.urgent@100", Unit::cost, urgent_wait_behind_waiters<100>},
    {"growth.urgent@10000", Unit::cost, urgent_wait_behind_waiters<10'000>},
    {"growth.map@50", Unit::cost, map_beside_holes<50>},
    {"growth.map@5000", Unit::cost, map_beside_holes<5'000>},
    {"growth.child@20", Unit::cost, wait_for_one_child<20>},
    {"growth.child@2000", Unit::cost, wait_for_one_child<2'000>},
    {"growth.zombie@20", Unit::cost, reap_zombies<20>},
    {"growth.zombie@2000", Unit::cost, reap_zombies<2'000>},
    {"growth.writer@40", Unit::cost, drain_writers<40>},
    {"growth.writer@4000", Unit::cost, drain_writers<4'000>},
    {"growth.priority@100", Unit::cost, change_ready_thread<100>},
    {"growth.priority@10000", Unit::cost, change_ready_thread<10'000>},
    {"growth.directory@100", Unit::cost, read_directory<100>},
    {"growth.directory@10000", Unit::cost, read_directory<10'000>},
    {"growth.thread@100", Unit::cost, start_beside_threads<100>},
    {"growth.thread@10000", Unit::cost, start_beside_threads<10'000>},
    {"growth.timer@100", Unit::cost, arm_beside_timers<100>},
    {"growth.timer@10000", Unit::cost, arm_beside_timers<10'000>},
    {"growth.signal@100", Unit::cost, signal_beside_threads<100>},
    {"growth.signal@10000", Unit::cost, signal_beside_threads<10'000>},
    {"growth.file@10", Unit::cost, open_beside_files<10>},
    {"growth.file@1000", Unit::cost, open_beside_files<1'000>},
    {"growth.lock@100", Unit::cost, lock_beside_locks<100>},
    {"growth.lock@10000", Unit::cost, lock_beside_locks<10'000>},
    {"growth.terminal@10", Unit::cost, terminal_beside_terminals<10>},
    {"growth.terminal@1000", Unit::cost, terminal_beside_terminals<1'000>},
    {"growth.create@100", Unit::cost, create_beside_files<100>},
    {"growth.create@10000", Unit::cost, create_beside_files<10'000>},
    {"growth.group@20", Unit::cost, process_beside_group<20>},
    {"growth.group@2000", Unit::cost, process_beside_group<2'000>},
    {"growth.thread@100000", Unit::cost, start_beside_threads<100'000>},
    // Last, because a table of 10,000 descriptors makes each later fork longer.
    {"growth.epoll@10", Unit::cost, wait_for_one_file<10>},
    {"growth.epoll@10000", Unit::cost, wait_for_one_file<10'000>},
    {"growth.connection@10", Unit::cost, message_beside_connections<10>},
    {"growth.connection@10000", Unit::cost, message_beside_connections<10'000>},
    {"growth.request@10", Unit::cost, message_beside_requests<10>},
    {"growth.request@10000", Unit::cost, message_beside_requests<10'000>},
};

}  // namespace

std::vector<Benchmark> all() {
  return {std::begin(table), std::end(table)};
}

// No benchmark needs a second process of this program.
std::optional<int> play_role(std::string_view) {
  return {};
}

}  // namespace bench
