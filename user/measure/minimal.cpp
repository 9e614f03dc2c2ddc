// A program of two pages, code and stack, that measures what it costs to fork it. No runtime, no
// data segment. Prints one whole number; see lives.cpp.
#include <abi/flags.h>
#include <abi/signal.h>
#include <abi/types.h>
#include <user/syscall.h>

#include "counter.h"

using abi::Call;
using user::syscall;

// argc and argv are at sp; there is nothing else to set up.
asm(R"(
  .section .text.start, "ax"
  .globl _start
_start:
  mv a0, sp
  tail minimal_main
)");

namespace {

constexpr int batches = 15;
constexpr int batch_size = 20;

[[noreturn]] void leave(int code) {
  for (;;) syscall(Call::exit_group, code);
}

long fork() {
  return syscall(Call::clone, abi::Signal::sigchld, 0, 0, 0, 0, 0);
}

void fork_and_wait(bool execute, const char* path) {
  const long child = fork();
  if (child < 0) leave(1);
  if (child == 0) {
    if (execute) {
      const char* const arguments[] = {path, nullptr};
      syscall(Call::execve, path, arguments, nullptr);
      leave(1);
    }
    leave(0);
  }
  int status;
  if (syscall(Call::wait4, child, &status, 0, nullptr) != child || status != 0) leave(1);
}

unsigned long median_cost(bool execute, const char* path) {
  unsigned long costs[batches];
  for (int i = 0; i < batch_size; ++i) fork_and_wait(execute, path);
  for (auto& cost : costs) {
    const auto begin = measure::instructions();
    for (int i = 0; i < batch_size; ++i) fork_and_wait(execute, path);
    cost = (measure::instructions() - begin) / batch_size;
  }
  // The one that has as many below as above.
  for (const auto candidate : costs) {
    int below = 0, equal = 0;
    for (const auto cost : costs) {
      below += cost < candidate;
      equal += cost == candidate;
    }
    if (below <= batches / 2 && batches / 2 < below + equal) return candidate;
  }
  leave(1);
}

unsigned long free_memory() {
  abi::Sysinfo info;
  syscall(Call::sysinfo, &info);
  return info.free_ram * info.unit;
}

// Memory that the kernel takes for a forked child that waits.
unsigned long blocked_children() {
  constexpr int children = 32;
  int pipe[2];
  int ready[2];
  if (syscall(Call::pipe2, pipe, 0) != 0 || syscall(Call::pipe2, ready, 0) != 0) leave(1);
  char byte = 0;
  syscall(Call::write, ready[1], &byte, 1);  // the buffer's memory is not a child's
  syscall(Call::read, ready[0], &byte, 1);
  const auto before = free_memory();
  for (int i = 0; i < children; ++i) {
    const long child = fork();
    if (child < 0) leave(1);
    if (child == 0) {
      syscall(Call::close, pipe[1]);
      syscall(Call::write, ready[1], &byte, 1);
      syscall(Call::read, pipe[0], &byte, 1);
      leave(0);
    }
  }
  for (int i = 0; i < children; ++i) syscall(Call::read, ready[0], &byte, 1);
  for (int i = 0; i < children; ++i) syscall(Call::sched_yield);
  const auto taken = before - free_memory();
  syscall(Call::close, pipe[1]);
  for (int i = 0; i < children; ++i) syscall(Call::wait4, -1, nullptr, 0, nullptr);
  return taken / children;
}

void print(unsigned long value) {
  char text[24];
  char* at = text + sizeof text;
  *--at = '\n';
  do *--at = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  syscall(Call::write, 1, at, text + sizeof text - at);
}

}  // namespace

extern "C" [[noreturn]] void minimal_main(long* stack) {
  const auto argc = stack[0];
  auto** const argv = reinterpret_cast<char**>(stack + 1);
  if (argc < 2) leave(0);  // executed by its own measurement
  switch (argv[1][0]) {
    case 'f': print(median_cost(false, argv[0])); break;
    case 'e': print(median_cost(true, argv[0])); break;
    case 'b': print(blocked_children()); break;
    default: leave(2);
  }
  leave(0);
}
