// System calls as typed functions that return a Result. Each does what Linux's manual says about
// the call that it makes. None allocates memory.
#pragma once

#include <abi/flags.h>
#include <abi/signal.h>
#include <abi/types.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "user/syscall.h"

namespace user {

using abi::Call;
using abi::Errno;
using Fd = int;
using Pid = int;

inline constexpr Fd standard_input = 0;
inline constexpr Fd standard_output = 1;
inline constexpr Fd standard_error = 2;

inline constexpr std::size_t page_size = 4096;

// Files

inline Result<Fd> open(const char* path, int flags = abi::o_rdonly, unsigned mode = 0666) {
  return call<Fd>(Call::openat, abi::at_fdcwd, path, flags, mode);
}
inline Result<void> close(Fd fd) {
  return call(Call::close, fd);
}
inline Result<std::size_t> read(Fd fd, std::span<std::byte> buffer) {
  return call<std::size_t>(Call::read, fd, buffer.data(), buffer.size());
}
inline Result<std::size_t> read(Fd fd, std::span<char> buffer) {
  return read(fd, std::as_writable_bytes(buffer));
}
inline Result<std::size_t> write(Fd fd, std::span<const std::byte> bytes) {
  return call<std::size_t>(Call::write, fd, bytes.data(), bytes.size());
}
inline Result<std::size_t> write(Fd fd, std::string_view text) {
  return write(fd, std::as_bytes(std::span{text}));
}
// Writes all of `text`, with several calls if necessary.
Result<void> write_all(Fd fd, std::string_view text);

inline Result<Fd> dup(Fd fd) {
  return call<Fd>(Call::dup, fd);
}
inline Result<Fd> dup_to(Fd from, Fd to, int flags = 0) {
  return call<Fd>(Call::dup3, from, to, flags);
}
inline Result<long> seek(Fd fd, long offset, int whence) {
  return call<long>(Call::lseek, fd, offset, whence);
}
inline Result<abi::Stat> status(const char* path) {
  abi::Stat stat{};
  return call(Call::newfstatat, abi::at_fdcwd, path, &stat, 0).transform([&] { return stat; });
}
inline Result<abi::Stat> status(Fd fd) {
  abi::Stat stat{};
  return call(Call::fstat, fd, &stat).transform([&] { return stat; });
}
inline Result<abi::Termios> terminal_settings(Fd fd) {
  abi::Termios settings{};
  return call(Call::ioctl, fd, abi::tcgets, &settings).transform([&] { return settings; });
}
inline Result<void> set_terminal(Fd fd, const abi::Termios& settings) {
  return call(Call::ioctl, fd, abi::tcsets, &settings);
}
inline bool is_terminal(Fd fd) {
  return terminal_settings(fd).has_value();
}
inline Result<void> change_directory(const char* path) {
  return call(Call::chdir, path);
}

inline Result<void> make_directory(const char* path) {
  return call(Call::mkdirat, abi::at_fdcwd, path, 0777);
}
inline Result<void> remove_file(const char* path) {
  return call(Call::unlinkat, abi::at_fdcwd, path, 0);
}
inline Result<void> remove_directory(const char* path) {
  return call(Call::unlinkat, abi::at_fdcwd, path, abi::at_removedir);
}
inline Result<void> rename(const char* from, const char* to) {
  return call(Call::renameat2, abi::at_fdcwd, from, abi::at_fdcwd, to, 0);
}

struct Pipe {
  Fd read_end;
  Fd write_end;
};
inline Result<Pipe> make_pipe(int flags = 0) {
  int ends[2];
  return call(Call::pipe2, ends, flags).transform([&] { return Pipe{ends[0], ends[1]}; });
}

// Waits until one descriptor is ready; returns 0 after the timeout. Without a timeout it waits for
// ever.
Result<int> poll(std::span<abi::PollFd> fds, std::optional<std::chrono::nanoseconds> timeout = {});

// Processes and threads

inline Pid process_id() {
  return static_cast<Pid>(syscall(Call::getpid));
}
inline Pid parent_id() {
  return static_cast<Pid>(syscall(Call::getppid));
}
inline Pid thread_id() {
  return static_cast<Pid>(syscall(Call::gettid));
}
inline void yield() {
  syscall(Call::sched_yield);
}
[[noreturn]] inline void exit(int code) {
  for (;;) syscall(Call::exit_group, code);
}
inline Result<void> kill(Pid pid, abi::Signal signal) {
  return call(Call::kill, pid, signal);
}

// Linux's real-time priorities: 1 (low) … 99 (high), as SCHED_FIFO; 0: SCHED_OTHER. pid 0: the
// calling thread.
inline Result<void> set_realtime_priority(Pid pid, int priority) {
  const abi::SchedParam parameter{priority};
  return call(Call::sched_setscheduler, pid, priority == 0 ? abi::sched_other : abi::sched_fifo,
              &parameter);
}

// Sets all scheduling parameters of a thread. 0: the calling thread.
inline Result<void> set_schedule(Pid thread, abi::SchedAttr wanted) {
  wanted.size = sizeof wanted;
  return call(Call::sched_setattr, thread, &wanted, 0);
}
// Hints for scheduling policies about the calling thread's current work. `number` identifies the
// work in traces. `due` is its deadline, as time since boot; 0: none. `weight` is its share of
// time; 0: by the nice value. The kernel counts the work and its missed deadlines by `work_class`,
// in /proc/deadlines. Cotrap only.
inline void hint_work(std::uint64_t number, std::chrono::nanoseconds due, std::uint32_t weight,
                      unsigned work_class = 0) {
  syscall(abi::hint_work, number, due.count(), weight, work_class);
}

// Sets of harts: bit i is hart i. 0: the calling thread; it runs on a hart of the new set when the
// call returns.
inline Result<void> set_affinity(Pid thread, unsigned long harts) {
  return call(Call::sched_setaffinity, thread, sizeof harts, &harts);
}
inline Result<unsigned long> affinity(Pid thread) {
  unsigned long harts = 0;
  return call(Call::sched_getaffinity, thread, sizeof harts, &harts).transform([&] {
    return harts;
  });
}
// The calling thread may have moved to another hart when this returns.
inline unsigned current_hart() {
  unsigned hart = 0;
  syscall(Call::getcpu, &hart, nullptr, nullptr);
  return hart;
}

// Memory

inline Result<std::byte*> map_memory(std::size_t bytes, int protection, int extra_flags = 0,
                                     std::uintptr_t hint = 0) {
  return call<std::byte*>(Call::mmap, hint, bytes, protection,
                          abi::map_private | abi::map_anonymous | extra_flags, -1, 0);
}
// `offset` is a multiple of page_size. ENODEV: the file cannot be mapped in this way.
inline Result<std::byte*> map_file(Fd file, std::size_t bytes, int protection, std::uint64_t offset,
                                   int sharing = abi::map_private) {
  return call<std::byte*>(Call::mmap, 0, bytes, protection, sharing, file, offset);
}
inline Result<void> unmap_memory(void* start, std::size_t bytes) {
  return call(Call::munmap, start, bytes);
}
inline Result<void> protect_memory(void* start, std::size_t bytes, int protection) {
  return call(Call::mprotect, start, bytes, protection);
}

// The machine

inline abi::Utsname system_name() {
  abi::Utsname name{};
  syscall(Call::uname, &name);
  return name;
}
// False on Linux, where other processes use memory too: there, demos do not check memory figures.
inline bool on_cotrap() {
  return std::string_view{system_name().system} == "Cotrap";
}
inline abi::Sysinfo system_info() {
  abi::Sysinfo info{};
  syscall(Call::sysinfo, &info);
  return info;
}
inline std::size_t free_memory() {
  const auto info = system_info();
  return info.free_ram * info.unit;
}

}  // namespace user
