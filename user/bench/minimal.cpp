// A program of two pages, code and stack, that measures the cost of forking itself. It has no
// runtime and no data segment. On x86_64 it has a third page, for the address to which its system
// calls go. Prints one integer per line; see lives.cpp.
#include <abi/flags.h>
#include <abi/signal.h>
#include <abi/types.h>
#include <user/syscall.h>

#include "meter.h"
#include "minimal.h"

using abi::Call;
using user::syscall;

#ifdef __riscv
// argc and argv are at sp; there is nothing else to set up.
asm(R"(
  .section .text.start, "ax"
  .globl _start
_start:
  mv a0, sp
  tail cotrap_user_start
)");
#endif

namespace {

constexpr int counted_batches = 9, timed_batches = 100;

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

unsigned long free_memory() {
  abi::Sysinfo info;
  syscall(Call::sysinfo, &info);
  return info.free_ram * info.unit;
}

void print(unsigned long value) {
  char text[24];
  char* at = text + sizeof text;
  *--at = '\n';
  do *--at = static_cast<char>('0' + value % 10);
  while ((value /= 10) != 0);
  syscall(Call::write, 1, at, text + sizeof text - at);
}

void print_costs(bool execute, bool counted, const char* path) {
  const auto batches = counted ? counted_batches : timed_batches;
  const auto batch_size = counted ? bench::minimal::batch : 1;
  unsigned long costs[timed_batches];
  for (int i = 0; i < bench::minimal::batch; ++i) fork_and_wait(execute, path);
  for (int batch = 0; batch < batches; ++batch) {
    const auto begin = counted ? bench::instructions() : bench::clock_ns();
    for (int i = 0; i < batch_size; ++i) fork_and_wait(execute, path);
    costs[batch] = (counted ? bench::instructions() : bench::clock_ns()) - begin;
  }
  for (int batch = 0; batch < batches; ++batch) print(costs[batch]);
}

// Measures the kernel memory of forked children that are blocked.
unsigned long blocked_children() {
  constexpr auto children = bench::minimal::children;
  int pipe[2];
  int ready[2];
  if (syscall(Call::pipe2, pipe, 0) != 0 || syscall(Call::pipe2, ready, 0) != 0) leave(1);
  char byte = 0;
  // Allocates the pipe's buffer now: it must not count as a child's.
  syscall(Call::write, ready[1], &byte, 1);
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
  return taken;
}

}  // namespace

extern "C" [[noreturn]] void cotrap_user_start(long* stack) {
  const auto argc = stack[0];
  auto** const argv = reinterpret_cast<char**>(stack + 1);
  if (argc < 3) leave(0);  // executed by print_costs()
  const bool counted = argv[2][0] == 'c';
  switch (argv[1][0]) {
    case 'f': print_costs(false, counted, argv[0]); break;
    case 'e': print_costs(true, counted, argv[0]); break;
    case 'b': print(blocked_children()); break;
    default: leave(2);
  }
  leave(0);
}
