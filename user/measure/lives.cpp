// What threads and processes cost from beginning to end. The rows about fork are for a minimal
// program: minimal.cpp measures itself, this file asks it.
#include <user/files.h>
#include <user/process.h>

#include <atomic>
#include <charconv>

#include "clone.h"
#include "counter.h"
#include "report.h"

namespace measure {
namespace {

using user::Call;
using user::syscall;

constexpr unsigned long thread_flags = abi::clone_vm | abi::clone_fs | abi::clone_files |
                                       abi::clone_sighand | abi::clone_thread | abi::clone_sysvsem |
                                       abi::clone_parent_settid | abi::clone_child_cleartid;

std::optional<double> thread_create_and_join() {
  alignas(16) static std::byte stack[4096];
  static std::atomic<unsigned> alive;
  static int id;
  const auto nothing = [](void*) { return 0; };
  return cost_of({.count = 15, .size = 200}, [&] {
    alive = 1;
    cotrap_user_clone(thread_flags, stack + sizeof stack, &id, nullptr, &alive, nothing, nullptr);
    while (const unsigned seen = alive) {
      syscall(Call::futex, &alive, abi::futex_wait, seen, nullptr, nullptr, 0);
    }
  });
}

// Runs the minimal program for one figure, which it prints.
std::optional<double> ask_minimal(const char* what) {
  const auto pipe = user::make_pipe(abi::o_cloexec);
  if (!pipe) return {};
  const char* const arguments[] = {"/bin/measure-minimal", what, nullptr};
  const user::FdMapping fds[] = {{pipe->write_end, user::standard_output}};
  const auto child = user::spawn(arguments[0], arguments, {.fds = fds});
  static_cast<void>(user::close(pipe->write_end));
  const auto text = user::read_all(pipe->read_end);
  static_cast<void>(user::close(pipe->read_end));
  if (!child || !text) return {};
  const auto ended = user::wait(*child);
  long value = 0;
  const bool parsed =
      std::from_chars(text->data(), text->data() + text->size(), value).ec == std::errc{};
  if (!ended || ended->status.word() != 0 || !parsed) return {};
  return static_cast<double>(value);
}

std::optional<double> fork_exit_wait() {
  return ask_minimal("fork");
}
std::optional<double> fork_execve_exit_wait() {
  return ask_minimal("execve");
}
std::optional<double> blocked_process() {
  return ask_minimal("blocked");
}

constexpr Measurement table[] = {
    {{"thread-create-join", "instructions", 5'000, 3'000}, thread_create_and_join},
    {{"fork-exit-wait", "instructions", 12'000, 12'000}, fork_exit_wait},
    {{"fork-execve-exit-wait", "instructions", 25'000, 25'000}, fork_execve_exit_wait},
    {{"memory-per-blocked-process", "bytes", 24'576, 24'576}, blocked_process},
};

}  // namespace

std::span<const Measurement> lives() {
  return table;
}

}  // namespace measure
