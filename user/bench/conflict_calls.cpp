// The table of calls. docs/conflicts.md explains how to add one.
#include <abi/events.h>
#include <abi/terminal.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/process.h>
#include <user/thread.h>

#include "conflicts.h"

namespace conflicts {
namespace {

using user::must;
using user::page_size;
using user::syscall;
using Number = user::Call;

constexpr int read_write = abi::prot_read | abi::prot_write;
constexpr abi::Timespec a_microsecond{0, 1'000};
constexpr int here = abi::at_fdcwd;

// Makes a call that is not traced and must not fail.
template <class... Arguments>
void expect(const char* what, Number number, Arguments... arguments) {
  must(user::call(number, arguments...), what);
}

// Files

void open_data(Side& side) {
  side.file = must(user::open(side.data.data(), abi::o_rdwr), "open");
}
void open_folder(Side& side) {
  side.file = must(user::open(side.folder.data(), abi::o_directory), "open");
}
void close_file(Side& side) {
  expect("close", Number::close, side.file);
}
void close_other(Side& side) {
  expect("close", Number::close, side.other);
}
void close_number(Side& side) {
  expect("close", Number::close, side.number());
}
void open_data_and_number(Side& side) {
  open_data(side);
  expect("dup3", Number::dup3, side.file, side.number(), 0);
}
void close_file_and_number(Side& side) {
  close_number(side);
  close_file(side);
}
void make_entry(Side& side) {
  const auto file = must(user::open(side.entry.data(), abi::o_wronly | abi::o_creat), "open");
  expect("close", Number::close, file);
}
void remove_entry(Side& side) {
  must(user::remove_file(side.entry.data()), "unlink");
}
long take_descriptor(Side& side, long answer) {
  side.other = static_cast<user::Fd>(answer);
  return answer;
}
void remove_new_entry(Side& side) {
  close_other(side);
  remove_entry(side);
}
void make_entry_folder(Side& side) {
  must(user::make_directory(side.entry.data()), "mkdir");
}
void remove_entry_folder(Side& side) {
  must(user::remove_directory(side.entry.data()), "rmdir");
}
void remove_renamed(Side& side) {
  must(user::remove_file(side.renamed.data()), "unlink");
}

// Pipes

void open_pipe(Side& side) {
  side.pipe = must(user::make_pipe(), "pipe2");
}
void fill_pipe(Side& side) {
  open_pipe(side);
  must(user::write(side.pipe.write_end, std::as_bytes(std::span{"12345678"})), "write");
}
void drain_shared_pipe(Side& side) {
  must(user::read(side.shared_pipe.read_end, side.buffer().first(8)), "read");
}
void close_pipe(Side& side) {
  expect("close", Number::close, side.pipe.read_end);
  expect("close", Number::close, side.pipe.write_end);
}

// Sockets: two connected stream sockets in place of a pipe's ends; and epoll

void open_sockets(Side& side) {
  const auto ends = must(user::make_socket_pair(abi::sock_stream), "socketpair");
  side.pipe = {.read_end = ends.first, .write_end = ends.second};
}
void fill_socket(Side& side) {
  open_sockets(side);
  must(user::send(side.pipe.write_end, "12345678"), "sendto");
}
void open_tcp(Side& side) {
  const auto ends = must(user::make_tcp_pair(), "a TCP connection");
  side.pipe = {.read_end = ends.first, .write_end = ends.second};
}
void fill_tcp(Side& side) {
  open_tcp(side);
  must(user::send(side.pipe.write_end, "12345678"), "sendto");
}
void watch(Side& side) {
  abi::EpollEvent event{.events = abi::epollin, .data = 1};
  expect("epoll_ctl", Number::epoll_ctl, side.file, abi::epoll_ctl_add, side.pipe.read_end, &event);
}
void open_epoll(Side& side) {
  open_sockets(side);
  side.file = must(user::call<user::Fd>(Number::epoll_create1, 0), "epoll_create1");
}
void open_watched(Side& side) {
  open_epoll(side);
  watch(side);
}
void fill_watched(Side& side) {
  open_watched(side);
  must(user::send(side.pipe.write_end, "12345678"), "sendto");
}
void close_epoll(Side& side) {
  close_file(side);
  close_pipe(side);
}

// io_uring: the ring has the submission that the call submits.

void open_ring(Side& side, const abi::uring::Sqe& submission) {
  side.ring.emplace(1);
  user::check(static_cast<bool>(*side.ring), "a ring");
  side.ring->add(submission);
}
abi::uring::Sqe transfer(Side& side, abi::uring::Op operation, user::Fd file) {
  return {.opcode = operation,
          .fd = file,
          .addr = reinterpret_cast<std::uintptr_t>(side.arena),
          .len = 8};
}
void open_ring_for_nop(Side& side) {
  open_ring(side, {});
}
void open_ring_for_write(Side& side) {
  open_pipe(side);
  open_ring(side, transfer(side, abi::uring::Op::write, side.pipe.write_end));
}
void open_ring_for_read(Side& side) {
  open_data(side);
  open_ring(side, transfer(side, abi::uring::Op::read, side.file));
}
void open_ring_for_send(Side& side) {
  open_tcp(side);
  open_ring(side, transfer(side, abi::uring::Op::send, side.pipe.write_end));
}
long enter_ring(Side& side) {
  return side.ring->enter(1);
}
void close_ring(Side& side) {
  side.ring.reset();
}
void close_ring_and_pipe(Side& side) {
  close_ring(side);
  close_pipe(side);
}
void close_ring_and_file(Side& side) {
  close_ring(side);
  close_file(side);
}

// Datagrams over 127.0.0.1

void open_datagrams(Side& side) {
  constexpr int type = abi::sock_dgram;
  const auto receiver = must(user::bind_to(user::LoopbackPort{0}, type), "a socket");
  const auto port = must(user::LoopbackPort::of(receiver), "getsockname");
  side.pipe = {.read_end = receiver, .write_end = must(user::connect_at(port, type), "connect")};
}
void send_datagram(Side& side) {
  open_datagrams(side);
  must(user::send(side.pipe.write_end, "12345678"), "sendto");
}

// Connections: the listening socket, and the socket of a client

void listen_for(Side& side, int family) {
  const bool is_local = family == abi::af_unix;
  const auto made = is_local ? user::listen_at(side.name(), abi::sock_stream)
                             : user::listen_at(user::LoopbackPort{0}, abi::sock_stream);
  side.file = must(made, "a listening socket");
  if (!is_local) side.port = must(user::LoopbackPort::of(side.file), "getsockname").port();
  side.pipe.write_end = must(user::make_socket(abi::sock_stream, family), "a socket");
}
void listen_local(Side& side) {
  listen_for(side, abi::af_unix);
}
void listen_tcp(Side& side) {
  listen_for(side, abi::af_inet);
}
long connect_local(Side& side) {
  const auto to = side.name();
  return syscall(Number::connect, side.pipe.write_end, to.address(), to.length());
}
long connect_tcp(Side& side) {
  const user::LoopbackPort to{side.port};
  return syscall(Number::connect, side.pipe.write_end, to.address(), to.length());
}
void await_local(Side& side) {
  listen_local(side);
  user::check(connect_local(side) == 0, "connect");
}
void await_tcp(Side& side) {
  listen_tcp(side);
  user::check(connect_tcp(side) == 0, "connect");
}
long accept_client(Side& side) {
  return take_descriptor(side, syscall(Number::accept4, side.file, nullptr, nullptr, 0));
}
void close_listener(Side& side) {
  expect("close", Number::close, side.pipe.write_end);
  close_file(side);
}
void close_accepted(Side& side) {
  close_other(side);
  close_listener(side);
}

// Signals, timers and terminals

constexpr abi::TimerSetting far_away{{}, {3'600, 0}}, soon{{}, a_microsecond};
constexpr std::uint64_t one = 1;

void handle_signal(Side& side) {
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(+[](int) {})};
  expect("rt_sigaction", Number::rt_sigaction, side.signal(), &action, nullptr, sizeof action.mask);
}
void reset_signal(Side& side) {
  const abi::SignalAction action{};
  expect("rt_sigaction", Number::rt_sigaction, side.signal(), &action, nullptr, sizeof action.mask);
}
void block_signal(Side& side) {
  const auto set = abi::set_of(side.signal());
  expect("rt_sigprocmask", Number::rt_sigprocmask, abi::sig_block, &set, nullptr, sizeof set);
}
void unblock_signal(Side& side) {
  const auto set = abi::set_of(side.signal());
  expect("rt_sigprocmask", Number::rt_sigprocmask, abi::sig_unblock, &set, nullptr, sizeof set);
}
void make_timer(Side& side) {
  const abi::SignalEvent event{.signal = static_cast<int>(side.signal()),
                               .notify = abi::sigev_none};
  expect("timer_create", Number::timer_create, abi::clock_monotonic, &event, &side.timer);
}
void delete_timer(Side& side) {
  expect("timer_delete", Number::timer_delete, side.timer);
}
void stop_interval_timer(Side&) {
  const abi::IntervalSetting none{};
  expect("setitimer", Number::setitimer, 0, &none, nullptr);
}
void make_timer_file(Side& side) {
  side.file = static_cast<user::Fd>(syscall(Number::timerfd_create, abi::clock_monotonic, 0));
}
void make_counter(Side& side) {
  side.file = static_cast<user::Fd>(syscall(Number::eventfd2, 0, 0));
}
void make_full_counter(Side& side) {
  side.file = static_cast<user::Fd>(syscall(Number::eventfd2, 1, 0));
}
// `file` is the device, and `other` its terminal.
void make_terminal(Side& side) {
  constexpr int flags = abi::o_rdwr | abi::o_noctty, unlocked = 0;
  side.file = must(user::open("/dev/ptmx", flags), "open");
  expect("ioctl", Number::ioctl, side.file, abi::tiocsptlck, &unlocked);
  take_descriptor(side, syscall(Number::ioctl, side.file, abi::tiocgptpeer, flags));
}
void make_typed_terminal(Side& side) {
  make_terminal(side);
  must(user::write(side.file, std::as_bytes(std::span{"line\n", 5})), "write");
}
void close_both(Side& side) {
  close_other(side);
  close_file(side);
}
void lock_data(Side& side) {
  open_data(side);
  expect("flock", Number::flock, side.file, abi::lock_ex);
}

// Memory

void map_page(Side& side) {
  must(user::map_memory(page_size, read_write, abi::map_fixed,
                        reinterpret_cast<std::uintptr_t>(side.page())),
       "mmap");
}
void touch(std::byte* page) {
  *static_cast<volatile std::byte*>(page) = std::byte{1};
}
void map_and_touch(Side& side) {
  map_page(side);
  touch(side.page());
}
// Files in /tmp cannot be mapped: each side maps a file of its own of the boot archive.
void open_mappable(Side& side) {
  side.file = must(user::open(side.index == 0 ? "/bin/cat" : "/bin/ls"), "open");
}
void map_data(Side& side) {
  open_mappable(side);
  expect("mmap", Number::mmap, side.page(), page_size, abi::prot_read,
         abi::map_private | abi::map_fixed, side.file, 0);
}
void unmap_page(Side& side) {
  must(user::unmap_memory(side.page(), page_size), "munmap");
}
void unmap_data(Side& side) {
  unmap_page(side);
  close_file(side);
}
void unmap_mapped(Side& side) {
  must(user::unmap_memory(side.mapped, page_size), "munmap");
}
void unmap_mapped_data(Side& side) {
  unmap_mapped(side);
  close_file(side);
}

// Helpers. A yield lets the helper run until it waits, or until its time slice ends.

template <class Work>
void start_helper(Side& side, Work work) {
  side.helper_runs = false;
  side.helper.emplace([&side, work] {
    side.helper_runs = true;
    work();
  });
  while (!side.helper_runs) user::yield();
  for (int i = 0; i < 4; ++i) user::yield();
}
void end_helper(Side& side) {
  side.helper.reset();
}
void start_waiter(Side& side) {
  start_helper(side, [&side] { syscall(Number::futex, &side.word, abi::futex_wait, 0, nullptr); });
}
void start_reader(Side& side) {
  open_pipe(side);
  start_helper(side, [&side] {
    std::byte bytes[8];
    syscall(Number::read, side.pipe.read_end, bytes, sizeof bytes);
  });
}
void end_reader(Side& side) {
  end_helper(side);
  close_pipe(side);
}
void start_receiver(Side& side) {
  open_sockets(side);
  start_helper(side, [&side] {
    std::array<char, 8> bytes;
    static_cast<void>(user::receive(side.pipe.read_end, bytes));
  });
}
void start_watcher(Side& side) {
  open_watched(side);
  start_helper(side, [&side] {
    abi::EpollEvent event;
    syscall(Number::epoll_pwait, side.file, &event, 1, -1, nullptr, 0);
  });
}
void end_watcher(Side& side) {
  end_helper(side);
  close_epoll(side);
}
void start_yielder(Side& side) {
  side.stop_helper = false;
  start_helper(side, [&side] {
    while (!side.stop_helper) user::yield();
  });
  user::yield();  // the traced call must not be the one that starts the helper
}
void end_yielder(Side& side) {
  side.stop_helper = true;
  end_helper(side);
}

// Children. A child that waits reads a byte from the side's pipe.

void start_child(Side& side) {
  open_pipe(side);
  side.child = must(user::fork(), "fork");
  if (side.child != 0) return;
  std::byte byte;
  syscall(Number::read, side.pipe.read_end, &byte, 1);
  if (side.child_marks_begin) mark_begin();
  user::exit(0);
}
void wait_for_child(Side& side) {
  must(user::wait(side.child), "wait4");
}
void end_child(Side& side) {
  must(user::write(side.pipe.write_end, std::as_bytes(std::span{"1"})), "write");
  wait_for_child(side);
  close_pipe(side);
}
// The child runs on this hart. A yield lets it end: then it is a zombie.
void make_zombie(Side& side) {
  side.child = must(user::fork(), "fork");
  if (side.child == 0) user::exit(0);
  for (int i = 0; i < 4; ++i) user::yield();
}
void map_touch_and_fork(Side& side) {
  map_and_touch(side);
  start_child(side);
}
void end_child_and_unmap(Side& side) {
  end_child(side);
  unmap_page(side);
}
long fork_and_let_exit(Side& side) {
  side.child = static_cast<user::Pid>(syscall(Number::clone, abi::Signal::sigchld, 0, 0, 0, 0, 0));
  if (side.child == 0) user::exit(0);
  return side.child;
}

constexpr long failed(abi::Errno error) {
  return -static_cast<long>(error);
}

constexpr auto table = std::to_array<Call>({
    // The caller itself
    {"getpid", plain, [](Side&) { return syscall(Number::getpid); }},
    {"gettid", plain, [](Side&) { return syscall(Number::gettid); }},
    {"getppid", plain, [](Side&) { return syscall(Number::getppid); }},
    {"getcpu", writes_memory,
     [](Side& side) { return syscall(Number::getcpu, side.arena, nullptr, nullptr); }},
    {"uname", writes_memory, [](Side& side) { return syscall(Number::uname, side.arena); }},
    {"getcwd", writes_memory, [](Side& side) { return syscall(Number::getcwd, side.arena, 64); }},
    {"rt_sigprocmask", writes_memory,
     [](Side& side) { return syscall(Number::rt_sigprocmask, 0, nullptr, side.arena, 8); }},
    {"prlimit64", writes_memory,
     [](Side& side) { return syscall(Number::prlimit64, 0, 7, nullptr, side.arena); }},
    {"getrandom", writes_memory, [](Side& side) { return syscall(Number::getrandom, side.arena, 32, 0); }},
    // Time and scheduling
    {"clock_gettime", writes_memory,
     [](Side& side) {
       return syscall(Number::clock_gettime, abi::clock_monotonic, side.arena);
     }},
    {"nanosleep", plain,
     [](Side&) { return syscall(Number::nanosleep, &a_microsecond, nullptr); }},
    {"sched_yield", plain, [](Side&) { return syscall(Number::sched_yield); }},
    {"sched_yield.thread", plain, [](Side&) { return syscall(Number::sched_yield); }, start_yielder,
     end_yielder},
    {"sched_getaffinity", writes_memory,
     [](Side& side) { return syscall(Number::sched_getaffinity, 0, 8, side.arena); }},
    {"sched_setaffinity", plain,
     [](Side& side) {
       const unsigned long harts = 1ul << side.index;
       return syscall(Number::sched_setaffinity, 0, sizeof harts, &harts);
     }},
    {"setpriority", plain, [](Side&) { return syscall(Number::setpriority, 0, 0, 0); }},
    // Futexes
    {"futex.wake", plain,
     [](Side& side) { return syscall(Number::futex, &side.word, abi::futex_wake, 1, nullptr); }},
    {"futex.wake.waiter", plain,
     [](Side& side) {
       const long woken = syscall(Number::futex, &side.word, abi::futex_wake, 1, nullptr);
       return woken == 1 ? woken : failed(abi::Errno::eagain);
     },
     start_waiter, end_helper},
    {"futex.wake.private", plain,
     [](Side& side) {
       constexpr int wake = abi::futex_wake | abi::futex_private_flag;
       return syscall(Number::futex, &side.word, wake, 1, nullptr);
     }},
    {"futex.wait.changed", plain,
     [](Side& side) { return syscall(Number::futex, &side.word, abi::futex_wait, 1, nullptr); },
     nullptr, nullptr, failed(abi::Errno::eagain)},
    {"futex.wait.timeout", plain,
     [](Side& side) {
       return syscall(Number::futex, &side.word, abi::futex_wait, 0, &a_microsecond);
     },
     nullptr, nullptr, failed(abi::Errno::etimedout)},
    // Files
    {"read", writes_memory,
     [](Side& side) { return syscall(Number::read, side.file, side.arena, 64); }, open_data,
     close_file},
    {"write", plain,
     [](Side& side) { return syscall(Number::write, side.file, side.arena, 64); }, open_data,
     close_file},
    {"pread64", writes_memory,
     [](Side& side) { return syscall(Number::pread64, side.file, side.arena, 64, 128); }, open_data,
     close_file},
    {"pwrite64", plain,
     [](Side& side) { return syscall(Number::pwrite64, side.file, side.arena, 64, 128); },
     open_data, close_file},
    {"lseek", plain, [](Side& side) { return syscall(Number::lseek, side.file, 64, 0); }, open_data,
     close_file},
    {"fstat", writes_memory, [](Side& side) { return syscall(Number::fstat, side.file, side.arena); },
     open_data, close_file},
    {"fcntl", plain,
     [](Side& side) { return syscall(Number::fcntl, side.file, abi::f_getfl, 0); }, open_data,
     close_file},
    {"ftruncate", plain,
     [](Side& side) { return syscall(Number::ftruncate, side.file, page_size); }, open_data,
     close_file},
    {"poll.ready", writes_memory,
     [](Side& side) {
       auto* const polled = new (side.arena) abi::PollFd{side.file, abi::pollin, 0};
       return syscall(Number::ppoll, polled, 1, nullptr, nullptr, 8);
     },
     open_data, close_file},
    {"dup", takes_descriptor,
     [](Side& side) {
       return take_descriptor(side, syscall(Number::dup, side.file));
     },
     open_data,
     [](Side& side) {
       close_other(side);
       close_file(side);
     }},
    {"dup3", sets_descriptor,
     [](Side& side) { return syscall(Number::dup3, side.file, side.number(), 0); }, open_data,
     close_file_and_number},
    {"close.duplicate", frees_descriptor,
     [](Side& side) { return syscall(Number::close, side.number()); }, open_data_and_number,
     close_file},
    {"close.last", frees_descriptor, [](Side& side) { return syscall(Number::close, side.file); },
     open_data},
    // Names of files
    {"open", takes_descriptor,
     [](Side& side) {
       return take_descriptor(side, syscall(Number::openat, here, side.data.data(), abi::o_rdonly, 0));
     },
     nullptr, close_other},
    {"open.create", takes_descriptor,
     [](Side& side) {
       constexpr int flags = abi::o_wronly | abi::o_creat;
       return take_descriptor(side, syscall(Number::openat, here, side.entry.data(), flags, 0666));
     },
     nullptr, remove_new_entry},
    {"stat", writes_memory,
     [](Side& side) {
       return syscall(Number::newfstatat, here, side.data.data(), side.arena, 0);
     }},
    {"access", plain,
     [](Side& side) { return syscall(Number::faccessat, here, side.data.data(), abi::r_ok); }},
    {"unlink", plain,
     [](Side& side) { return syscall(Number::unlinkat, here, side.entry.data(), 0); }, make_entry},
    {"rename", plain,
     [](Side& side) {
       return syscall(Number::renameat2, here, side.entry.data(), here, side.renamed.data(), 0);
     },
     make_entry, remove_renamed},
    {"mkdir", plain,
     [](Side& side) { return syscall(Number::mkdirat, here, side.entry.data(), 0777); }, nullptr,
     remove_entry_folder},
    {"rmdir", plain,
     [](Side& side) {
       return syscall(Number::unlinkat, here, side.entry.data(), abi::at_removedir);
     },
     make_entry_folder},
    {"getdents64", writes_memory,
     [](Side& side) { return syscall(Number::getdents64, side.file, side.arena, 512); },
     open_folder, close_file},
    // Pipes
    {"pipe2", takes_descriptor,
     [](Side& side) { return syscall(Number::pipe2, &side.pipe, 0); }, nullptr, close_pipe},
    {"pipe.write", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     open_pipe, close_pipe},
    {"pipe.write.reader", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     start_reader, end_reader},
    {"pipe.read", writes_memory,
     [](Side& side) { return syscall(Number::read, side.pipe.read_end, side.arena, 8); }, fill_pipe,
     close_pipe},
    {"poll.timeout", writes_memory,
     [](Side& side) {
       auto* const polled = new (side.arena) abi::PollFd{side.pipe.read_end, abi::pollin, 0};
       return syscall(Number::ppoll, polled, 1, &a_microsecond, nullptr, 8);
     },
     open_pipe, close_pipe},
    // Sockets and epoll
    {"socketpair", takes_descriptor,
     [](Side& side) {
       return syscall(Number::socketpair, abi::af_unix, abi::sock_stream, 0, &side.pipe);
     },
     nullptr, close_pipe},
    {"socket.write", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     open_sockets, close_pipe},
    {"socket.write.reader", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     start_receiver, end_reader},
    {"socket.read", writes_memory,
     [](Side& side) { return syscall(Number::read, side.pipe.read_end, side.arena, 8); },
     fill_socket, close_pipe},
    {"sendto", plain,
     [](Side& side) {
       return syscall(Number::sendto, side.pipe.write_end, side.arena, 8, 0, nullptr, 0);
     },
     open_sockets, close_pipe},
    {"recvfrom", writes_memory,
     [](Side& side) {
       return syscall(Number::recvfrom, side.pipe.read_end, side.arena, 8, 0, nullptr, nullptr);
     },
     fill_socket, close_pipe},
    {"tcp.sendto", plain,
     [](Side& side) {
       return syscall(Number::sendto, side.pipe.write_end, side.arena, 8, 0, nullptr, 0);
     },
     open_tcp, close_pipe},
    {"tcp.recvfrom", writes_memory,
     [](Side& side) {
       return syscall(Number::recvfrom, side.pipe.read_end, side.arena, 8, 0, nullptr, nullptr);
     },
     fill_tcp, close_pipe},
    {"epoll_ctl", plain,
     [](Side& side) {
       abi::EpollEvent event{.events = abi::epollin, .data = 1};
       return syscall(Number::epoll_ctl, side.file, abi::epoll_ctl_add, side.pipe.read_end, &event);
     },
     open_epoll, close_epoll},
    {"epoll_pwait", writes_memory,
     [](Side& side) {
       return syscall(Number::epoll_pwait, side.file, side.arena, 1, -1, nullptr, 0);
     },
     fill_watched, close_epoll},
    {"socket.write.watched", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     open_watched, close_epoll},
    {"socket.write.watcher", plain,
     [](Side& side) { return syscall(Number::write, side.pipe.write_end, side.arena, 8); },
     start_watcher, end_watcher},
    {"udp.sendto", plain,
     [](Side& side) {
       return syscall(Number::sendto, side.pipe.write_end, side.arena, 8, 0, nullptr, 0);
     },
     open_datagrams, close_pipe},
    {"udp.recvfrom", writes_memory,
     [](Side& side) {
       return syscall(Number::recvfrom, side.pipe.read_end, side.arena, 8, 0, nullptr, nullptr);
     },
     send_datagram, close_pipe},
    {"connect", plain, connect_local, listen_local, close_listener},
    {"tcp.connect", plain, connect_tcp, listen_tcp, close_listener},
    {"accept4", takes_descriptor, accept_client, await_local, close_accepted},
    {"tcp.accept4", takes_descriptor, accept_client, await_tcp, close_accepted},
    {"io_uring.nop", plain, enter_ring, open_ring_for_nop, close_ring},
    {"io_uring.write", plain, enter_ring, open_ring_for_write, close_ring_and_pipe},
    {"io_uring.read", writes_memory, enter_ring, open_ring_for_read, close_ring_and_file},
    {"io_uring.send", plain, enter_ring, open_ring_for_send, close_ring_and_pipe},
    {"control.pipe.write", shares_object,
     [](Side& side) { return syscall(Number::write, side.shared_pipe.write_end, side.arena, 8); },
     nullptr, drain_shared_pipe},
    // Signals to the caller, whose handler returns at once
    {"tgkill.handler", writes_memory,
     [](Side& side) {
       return syscall(Number::tgkill, syscall(Number::getpid), syscall(Number::gettid),
                      side.signal());
     },
     handle_signal, reset_signal},
    {"tgkill.blocked", plain,
     [](Side& side) {
       const long answer = syscall(Number::tgkill, syscall(Number::getpid),
                                   syscall(Number::gettid), side.signal());
       const auto set = abi::set_of(side.signal());
       syscall(Number::rt_sigtimedwait, &set, nullptr, nullptr, sizeof set);
       return answer;
     },
     block_signal, unblock_signal},
    {"rt_sigprocmask.set", plain,
     [](Side& side) {
       const auto set = abi::set_of(side.signal());
       return syscall(Number::rt_sigprocmask, abi::sig_block, &set, nullptr, sizeof set);
     },
     nullptr, unblock_signal},
    {"rt_sigaction", sets_process,
     [](Side& side) {
       const abi::SignalAction action{.handler = abi::sig_ign};
       return syscall(Number::rt_sigaction, side.signal(), &action, nullptr, sizeof action.mask);
     },
     nullptr, reset_signal},
    // Timers
    {"setitimer", sets_process,
     [](Side&) {
       constexpr abi::IntervalSetting in_an_hour{{}, {3'600, 0}};
       return syscall(Number::setitimer, 0, &in_an_hour, nullptr);
     },
     nullptr, stop_interval_timer},
    {"timer_create", sets_process | writes_memory,
     [](Side& side) {
       return syscall(Number::timer_create, abi::clock_monotonic, nullptr, &side.timer);
     },
     nullptr, delete_timer},
    {"timer_settime", plain,
     [](Side& side) {
       return syscall(Number::timer_settime, side.timer, 0, &far_away, nullptr);
     },
     make_timer, delete_timer},
    {"timerfd_settime", plain,
     [](Side& side) {
       return syscall(Number::timerfd_settime, side.file, 0, &far_away, nullptr);
     },
     make_timer_file, close_file},
    {"timerfd.read", writes_memory,
     [](Side& side) {
       syscall(Number::timerfd_settime, side.file, 0, &soon, nullptr);
       return syscall(Number::read, side.file, side.arena, 8);
     },
     make_timer_file, close_file},
    // Counters, terminals and locks
    {"eventfd2", takes_descriptor,
     [](Side& side) {
       return take_descriptor(side, syscall(Number::eventfd2, 0, 0));
     },
     nullptr, close_other},
    {"eventfd.write", plain,
     [](Side& side) { return syscall(Number::write, side.file, &one, sizeof one); }, make_counter,
     close_file},
    {"eventfd.read", writes_memory,
     [](Side& side) { return syscall(Number::read, side.file, side.arena, 8); }, make_full_counter,
     close_file},
    {"pty.write", plain,
     [](Side& side) { return syscall(Number::write, side.other, side.arena, 8); }, make_terminal,
     close_both},
    {"pty.type", plain,
     [](Side& side) { return syscall(Number::write, side.file, "line\n", 5); }, make_terminal,
     close_both},
    {"pty.read", writes_memory,
     [](Side& side) { return syscall(Number::read, side.other, side.arena, 8); },
     make_typed_terminal, close_both},
    {"flock", plain,
     [](Side& side) { return syscall(Number::flock, side.file, abi::lock_ex); }, open_data,
     close_file},
    {"flock.unlock", plain,
     [](Side& side) { return syscall(Number::flock, side.file, abi::lock_un); }, lock_data,
     close_file},
    {"fcntl.setlk", plain,
     [](Side& side) {
       const abi::Flock whole{.type = abi::f_wrlck};
       return syscall(Number::fcntl, side.file, abi::f_setlk, &whole);
     },
     open_data, close_file},
    {"statx", writes_memory,
     [](Side& side) {
       return syscall(Number::statx, here, side.data.data(), 0, 0x7ff, side.arena);
     }},
    // A file of a directory: created, written and removed
    {"file.life", takes_descriptor | frees_descriptor,
     [](Side& side) {
       constexpr int flags = abi::o_wronly | abi::o_creat;
       const long file = syscall(Number::openat, here, side.entry.data(), flags, 0666);
       syscall(Number::write, file, side.arena, 64);
       syscall(Number::close, file);
       return syscall(Number::unlinkat, here, side.entry.data(), 0);
     }},
    // Memory
    {"mmap", changes_memory,
     [](Side& side) {
       const long start = syscall(Number::mmap, nullptr, page_size, read_write,
                                  abi::map_private | abi::map_anonymous, -1, 0);
       side.mapped = reinterpret_cast<std::byte*>(start);
       return start;
     },
     nullptr, unmap_mapped},
    {"mmap.fixed", changes_memory,
     [](Side& side) {
       return syscall(Number::mmap, side.page(), page_size, read_write,
                      abi::map_private | abi::map_anonymous | abi::map_fixed, -1, 0);
     },
     nullptr, unmap_page},
    {"mmap.file", changes_memory,
     [](Side& side) {
       const long start = syscall(Number::mmap, nullptr, page_size, abi::prot_read,
                                  abi::map_private, side.file, 0);
       side.mapped = reinterpret_cast<std::byte*>(start);
       return start;
     },
     open_mappable, unmap_mapped_data},
    {"munmap.untouched", changes_memory,
     [](Side& side) { return syscall(Number::munmap, side.page(), page_size); }, map_page},
    {"munmap", changes_memory,
     [](Side& side) { return syscall(Number::munmap, side.page(), page_size); }, map_and_touch},
    {"mprotect", changes_memory,
     [](Side& side) {
       return syscall(Number::mprotect, side.page(), page_size, abi::prot_read);
     },
     map_and_touch, unmap_page},
    {"madvise", changes_memory,
     [](Side& side) {
       return syscall(Number::madvise, side.page(), page_size, abi::madv_dontneed);
     },
     map_and_touch, unmap_page},
    {"fault.zero", changes_memory,
     [](Side& side) {
       touch(side.page());
       return 0l;
     },
     map_page, unmap_page},
    {"fault.cow", changes_memory,
     [](Side& side) {
       touch(side.page());
       return 0l;
     },
     map_touch_and_fork, end_child_and_unmap},
    {"fault.file", changes_memory,
     [](Side& side) {
       return static_cast<long>(*static_cast<volatile std::byte*>(side.page()));
     },
     map_data, unmap_data},
    // Processes and threads
    {"fork", copies_process, fork_and_let_exit, nullptr, wait_for_child},
    {"exit", copies_process | child_marks_begin,
     [](Side& side) {
       syscall(Number::write, side.pipe.write_end, "1", 1);
       return syscall(Number::wait4, side.child, nullptr, 0, nullptr);
     },
     start_child, close_pipe},
    {"wait4", plain,
     [](Side& side) { return syscall(Number::wait4, side.child, nullptr, 0, nullptr); },
     make_zombie},
    {"fork.exit.wait4", copies_process,
     [](Side& side) {
       fork_and_let_exit(side);
       return syscall(Number::wait4, side.child, nullptr, 0, nullptr);
     }},
    {"kill.none", plain, [](Side& side) { return syscall(Number::kill, side.child, 0); },
     start_child, end_child},
    {"thread", changes_memory,
     [](Side&) {
       user::Thread thread{[] {}};
       thread.join();
       return 0l;
     }},
});

}  // namespace

std::span<const Call> all_calls() {
  return table;
}

bool commute_in_one_process(const Call& a, const Call& b) {
  const auto commute = [](unsigned one, unsigned other) {
    unsigned changes =
        takes_descriptor | frees_descriptor | sets_descriptor | changes_memory | sets_process;
    // The traced part of a call whose child marks its begin comes after the copy.
    if ((one & child_marks_begin) == 0) changes |= writes_memory;
    if ((one & takes_descriptor) != 0) {
      if ((other & (takes_descriptor | frees_descriptor)) != 0) return false;
    }
    if ((one & other & sets_process) != 0) return false;
    return (one & copies_process) == 0 || (other & changes) == 0;
  };
  return commute(a.traits, b.traits) && commute(b.traits, a.traits);
}

}  // namespace conflicts
