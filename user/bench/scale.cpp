// The program `scale`: how many operations a second one worker makes, and several workers at the
// same time, each on a hart of its own. `./cotrap bench scale` runs it.
//
//   scale WORKERS WINDOWS MS [ROW…]   prints a line for each row and number of workers:
//   row <TAB> workers <TAB> operations a second, all workers together
//
// WORKERS is a list of numbers of workers with a comma between two, such as 1,2,4.
//
// A worker is a process, so that workers share nothing, unless the row says otherwise: then it is a
// thread. The threads of the row `jobs` are in a program of their own, which contains the runtime
// of coroutines. All workers begin a window at the same time, and end it MS milliseconds later. The
// result is the best of all windows, because a window in which the host runs something else says
// nothing.
#include <abi/events.h>
#include <user/calls.h>
#include <user/check.h>
#include <user/files.h>
#include <user/print.h>
#include <user/process.h>
#include <user/socket.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "scale_window.h"
#include "uring.h"

namespace bench {
namespace {

using user::Call;
using user::page_size;
using user::syscall;

// ── Rows: each counts the operations of one worker in a window ──

std::uint64_t ask(const Window& window) {
  return window.count([] { syscall(Call::getppid); });
}

std::uint64_t yield_alone(const Window& window) {
  return window.count([] { syscall(Call::sched_yield); });
}

std::uint64_t compute(const Window& window) {
  return window.count([] {
    for (int i = 0; i < 200; ++i) asm volatile("");
  });
}

std::uint64_t pipe_to_oneself(const Window& window) {
  static const auto pipe = user::must(user::make_pipe(), "a pipe");
  return window.count([] {
    char byte = 0;
    syscall(Call::write, pipe.write_end, &byte, 1);
    syscall(Call::read, pipe.read_end, &byte, 1);
  });
}

std::uint64_t uring_to_oneself(const Window& window) {
  static const auto pipe = user::must(user::make_pipe(), "a pipe");
  static Uring ring{2};
  static char byte = 0;
  const auto transfer = [](abi::uring::Op operation, user::Fd file) {
    ring.add({.opcode = operation,
              .fd = file,
              .addr = reinterpret_cast<std::uintptr_t>(&byte),
              .len = 1});
  };
  return window.count([&] {
    transfer(abi::uring::Op::write, pipe.write_end);
    transfer(abi::uring::Op::read, pipe.read_end);
    ring.enter(2);
    ring.take();
  });
}

/// A kernel without an MMU has none that a program can map.
bool has_uring() {
  return static_cast<bool>(Uring{2});
}

std::uint64_t read_file(const Window& window) {
  static const auto file = user::must(user::open(user::program_path(), abi::o_rdonly), "a file");
  return window.count([] {
    char bytes[64];
    syscall(Call::pread64, file, bytes, sizeof bytes, 128);
  });
}

/// A second thread of the worker, on the same hart, that answers until it reads 0.
template <class Answer>
user::Thread beside(unsigned hart, Answer answer) {
  return user::Thread{[hart, answer] {
    run_on(hart);
    answer();
  }};
}

unsigned own_hart = 0;

std::uint64_t pipe_pair(const Window& window) {
  static const auto there = user::must(user::make_pipe(), "a pipe");
  static const auto back = user::must(user::make_pipe(), "a pipe");
  static user::Thread other = beside(own_hart, [] {
    char byte;
    while (syscall(Call::read, there.read_end, &byte, 1) == 1)
      syscall(Call::write, back.write_end, &byte, 1);
  });
  return window.count([] {
    char byte = 1;
    syscall(Call::write, there.write_end, &byte, 1);
    syscall(Call::read, back.read_end, &byte, 1);
  });
}

// `ends`: lives for ever.
std::uint64_t between_sockets(const Window& window, const user::SocketPair& ends) {
  static user::Thread other = beside(own_hart, [&ends] {
    char byte;
    while (syscall(Call::read, ends.second, &byte, 1) == 1)
      syscall(Call::write, ends.second, &byte, 1);
  });
  return window.count([&ends] {
    char byte = 1;
    syscall(Call::write, ends.first, &byte, 1);
    syscall(Call::read, ends.first, &byte, 1);
  });
}

std::uint64_t socket_pair(const Window& window) {
  static const auto ends = user::must(user::make_socket_pair(abi::sock_stream), "sockets");
  return between_sockets(window, ends);
}

std::uint64_t tcp_pair(const Window& window) {
  static const auto ends = user::must(user::make_tcp_pair(), "a connection");
  return between_sockets(window, ends);
}

// The other thread waits by epoll.
std::uint64_t epoll_pair(const Window& window) {
  static const auto ends = user::must(user::make_socket_pair(abi::sock_stream), "sockets");
  static user::Thread other = beside(own_hart, [] {
    const auto epoll = user::must(user::call<user::Fd>(Call::epoll_create1, 0), "an epoll file");
    abi::EpollEvent event{.events = abi::epollin};
    syscall(Call::epoll_ctl, epoll, abi::epoll_ctl_add, ends.second, &event);
    char byte;
    while (syscall(Call::epoll_pwait, epoll, &event, 1, -1, nullptr, 0) == 1 &&
           syscall(Call::read, ends.second, &byte, 1) == 1)
      syscall(Call::write, ends.second, &byte, 1);
  });
  return window.count([] {
    char byte = 1;
    syscall(Call::write, ends.first, &byte, 1);
    syscall(Call::read, ends.first, &byte, 1);
  });
}

std::uint64_t futex_pair(const Window& window) {
  static std::atomic<std::uint32_t> turn = 0;
  static const auto give_to = [](std::uint32_t who) {
    turn.store(who, std::memory_order_release);
    user::futex_wake(turn, 1);
  };
  static const auto wait_while = [](std::uint32_t other) {
    while (turn.load(std::memory_order_acquire) == other) user::futex_wait(turn, other);
  };
  static user::Thread other = beside(own_hart, [] {
    for (;;) {
      wait_while(0);
      give_to(0);
    }
  });
  return window.count([] {
    give_to(1);
    wait_while(1);
  });
}

std::uint64_t fault_pages(const Window& window) {
  constexpr int pages = 256;
  auto* const memory =
      user::must(user::map_memory(pages * page_size, abi::prot_read | abi::prot_write), "memory");
  int at = pages;
  const auto count = window.count([&] {
    if (at == pages) {
      syscall(Call::madvise, memory, pages * page_size, abi::madv_dontneed);
      at = 0;
    }
    *reinterpret_cast<volatile char*>(memory + at++ * page_size) = 1;
  });
  user::must(user::unmap_memory(memory, pages * page_size), "munmap");
  return count;
}

std::uint64_t open_and_close(const Window& window) {
  return window.count([] {
    const auto file = user::open(user::program_path(), abi::o_rdonly);
    static_cast<void>(user::close(*file));
  });
}

std::uint64_t map_and_unmap(const Window& window) {
  return window.count([] {
    auto* const memory = *user::map_memory(page_size, abi::prot_read | abi::prot_write);
    static_cast<void>(user::unmap_memory(memory, page_size));
  });
}

std::uint64_t fork_and_exit(const Window& window) {
  return window.count([] {
    const auto child = user::fork();
    if (child && *child == 0) user::exit(0);
    if (child) static_cast<void>(user::wait(*child));
  });
}

/// The hosted machine cannot.
bool can_fork() {
  const auto child = user::fork();
  if (!child) return false;
  if (*child == 0) user::exit(0);
  static_cast<void>(user::wait(*child));
  return true;
}

/// A kernel without lwIP has none.
bool has_tcp() {
  const auto socket = user::make_socket(abi::sock_stream, abi::af_inet);
  if (socket) static_cast<void>(user::close(*socket));
  return socket.has_value();
}

struct Row {
  std::string_view name;
  std::uint64_t (*run)(const Window&);  // null: another program does (scale_jobs.cpp)
  bool threads = false;                 // the workers are threads of one process
  bool (*is_possible)() = nullptr;      // null: everywhere
  // The threads of a worker have a real-time priority, so their time slices do not end. The end of
  // a time slice would decide which of two threads waits for the other one in the operations that
  // follow, and a wait costs.
  bool has_no_slices = false;
};

constexpr Row rows[] = {
    {"compute", compute},
    {"getppid", ask},
    {"yield", yield_alone},
    {"pipe.self", pipe_to_oneself},
    {.name = "uring.self", .run = uring_to_oneself, .is_possible = has_uring},
    {"pread", read_file},
    {.name = "pipe.pairs", .run = pipe_pair, .has_no_slices = true},
    {.name = "socket.pairs", .run = socket_pair, .has_no_slices = true},
    {.name = "tcp.pairs", .run = tcp_pair, .is_possible = has_tcp, .has_no_slices = true},
    {.name = "epoll.pairs", .run = epoll_pair, .has_no_slices = true},
    {.name = "futex.pairs", .run = futex_pair, .has_no_slices = true},
    {"fault", fault_pages},
    {"fault.threads", fault_pages, true},
    {"open", open_and_close},
    {"map", map_and_unmap},
    {.name = "fork", .run = fork_and_exit, .is_possible = can_fork},
    {"jobs", nullptr, true},
};

// ── Workers ──

// Linux real-time priorities. The parent tells one worker after the other when the window begins.
// The parent is more urgent, because a worker on its hart may already compute until that time.
constexpr int workers_priority = 1, parents_priority = 2;

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.begin(), text.end(), number);
  return number;
}

/// What the parent tells all workers, and a worker answers.
bool read_exactly(user::Fd from, void* to, std::size_t bytes) {
  return syscall(Call::read, from, to, bytes) == static_cast<long>(bytes);
}

std::uint64_t run_threads(const Row& row, unsigned workers, const Window& window) {
  std::atomic<std::uint64_t> total = 0;
  {
    std::vector<user::Thread> threads;
    for (unsigned hart = 0; hart < workers; ++hart) {
      threads.emplace_back([&, hart] {
        run_on(hart);
        total += row.run(window);
      });
    }
  }
  return total;
}

int work(const Row& row, unsigned hart, unsigned threads) {
  own_hart = hart;
  run_on(hart);
  user::must(user::set_realtime_priority(0, row.has_no_slices ? workers_priority : 0),
             "the priority of a worker");
  Window window;
  while (read_exactly(user::standard_input, &window, sizeof window)) {
    const std::uint64_t done = threads == 0 ? row.run(window) : run_threads(row, threads, window);
    syscall(Call::write, user::standard_output, &done, sizeof done);
  }
  user::exit(0);  // other threads of this process may wait for ever
}

class Worker {
 public:
  Worker(const Row& row, unsigned hart, unsigned threads) {
    const std::string name{row.name}, at = user::format("{}", hart),
                                      count = user::format("{}", threads);
    const char* const arguments[] = {"scale",    "--worker",    name.c_str(),
                                     at.c_str(), count.c_str(), nullptr};
    const auto to = user::must(user::make_pipe(abi::o_cloexec), "a pipe");
    const auto from = user::must(user::make_pipe(abi::o_cloexec), "a pipe");
    const user::FdMapping fds[] = {{to.read_end, 0}, {from.write_end, 1}};
    std::string program = user::program_path();
    if (row.run == nullptr) program += "-jobs";
    process_ = user::must(user::spawn(program.c_str(), arguments, {.fds = fds}), "a worker");
    static_cast<void>(user::close(to.read_end));
    static_cast<void>(user::close(from.write_end));
    to_ = to.write_end;
    from_ = from.read_end;
  }
  ~Worker() {
    static_cast<void>(user::close(to_));
    static_cast<void>(user::close(from_));
    static_cast<void>(user::wait(process_));
  }
  Worker(const Worker&) = delete;

  void begin(const Window& window) { syscall(Call::write, to_, &window, sizeof window); }
  std::uint64_t result() {
    std::uint64_t done = 0;
    if (!read_exactly(from_, &done, sizeof done)) user::fail("scale: a worker has ended");
    return done;
  }

 private:
  user::Pid process_;
  user::Fd to_, from_;
};

void measure(const Row& row, unsigned harts, unsigned windows, std::uint64_t window_ns) {
  const std::uint64_t lead_ns = window_ns / 5;
  std::vector<std::unique_ptr<Worker>> workers;
  if (row.threads) {
    workers.push_back(std::make_unique<Worker>(row, 0, harts));
  } else {
    for (unsigned hart = 0; hart < harts; ++hart)
      workers.push_back(std::make_unique<Worker>(row, hart, 0));
  }
  std::uint64_t best = 0;
  for (unsigned i = 0; i <= windows; ++i) {  // the first one warms up
    const std::uint64_t begin = clock_ns() + lead_ns;
    for (auto& worker : workers) worker->begin({begin, begin + window_ns});
    std::uint64_t total = 0;
    for (auto& worker : workers) total += worker->result();
    if (i > 0) best = std::max(best, total);
  }
  user::println("{}\t{}\t{}", row.name, harts, best * 1'000'000'000 / window_ns);
}

const Row* find(std::string_view name) {
  const auto* const found = std::ranges::find(rows, name, &Row::name);
  return found != std::end(rows) ? found : nullptr;
}

int run(std::span<const std::string_view> words) {
  const auto windows = static_cast<unsigned>(number_in(words[1]));
  const std::uint64_t window_ns = number_in(words[2]) * 1'000'000;
  if (window_ns == 0) {
    user::complain("scale: a window has at least one millisecond");
    return 2;
  }
  std::vector<unsigned> workers;
  for (const auto number : std::views::split(words[0], ','))
    workers.push_back(static_cast<unsigned>(number_in(std::string_view{number})));
  if (std::ranges::contains(workers, 0u)) {
    user::complain("scale: a row has at least one worker");
    return 2;
  }
  const auto names = words.subspan(3);
  for (const auto name : names) {
    if (find(name) != nullptr) continue;
    user::complain("scale: there is no row {}", name);
    return 2;
  }
  user::must(user::set_realtime_priority(0, parents_priority), "the priority of the parent");
  for (const Row& row : rows) {
    if (!names.empty() && !std::ranges::contains(names, row.name)) continue;
    if (row.is_possible != nullptr && !row.is_possible()) continue;
    for (const unsigned each : workers) measure(row, each, windows, window_ns);
  }
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const std::vector<std::string_view> words{argv + 1, argv + argc};
  if (words.size() == 4 && words[0] == "--worker") {
    const auto* const row = bench::find(words[1]);
    if (row == nullptr) return 2;
    return bench::work(*row, static_cast<unsigned>(bench::number_in(words[2])),
                       static_cast<unsigned>(bench::number_in(words[3])));
  }
  if (words.size() < 3) {
    user::complain("usage: scale WORKERS WINDOWS MS [ROW…]");
    return 2;
  }
  return bench::run(words);
}
