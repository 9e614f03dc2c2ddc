// Programs that misbehave in every way known to us. Each child dies of the right signal, or its
// system call returns EFAULT; the parent and the kernel keep working.
#include <abi/signal.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/machine/processor.h>
#include <user/process.h>

#include <array>
#include <cstring>
#include <string_view>

COTRAP_DEMO(.description =
                "bad pointers and instructions kill only their own process, with the right signal");

using namespace user;
using abi::Signal;

namespace {

using machine::kernel_address;

volatile long* pointer_to(std::uintptr_t address) {
  return reinterpret_cast<volatile long*>(address);
}

[[gnu::noinline]] long overflow_stack(long depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow_stack(depth + 1) + frame[0];
}

void jump_to(std::uintptr_t address) {
  // Hides the value: the compiler assumes that a jump to 0 cannot happen.
  asm volatile("" : "+r"(address));
  reinterpret_cast<void (*)()>(address)();
}

long data_word = machine::return_instruction;  // a return instruction, but in data

struct Crime {
  std::string_view name;
  Signal signal;
  void (*commit)();
};

constexpr auto crimes = std::to_array<Crime>({
    {"read a null pointer", Signal::sigsegv, [] { static_cast<void>(*pointer_to(0)); }},
    {"write to a null pointer", Signal::sigsegv, [] { *pointer_to(8) = 1; }},
    {"read a kernel address", Signal::sigsegv,
     [] { static_cast<void>(*pointer_to(kernel_address)); }},
    {"write to a kernel address", Signal::sigsegv, [] { *pointer_to(kernel_address) = 1; }},
    {"read a non-canonical address", Signal::sigsegv,
     [] { static_cast<void>(*pointer_to(1UL << 62)); }},
    {"overflow the stack", Signal::sigsegv, [] { static_cast<void>(overflow_stack(0)); }},
    {"write to its own code", Signal::sigsegv,
     [] { *pointer_to(reinterpret_cast<std::uintptr_t>(&jump_to) & ~7UL) = 1; }},
    {"jump to data", Signal::sigsegv,
     [] { jump_to(reinterpret_cast<std::uintptr_t>(&data_word)); }},
    {"jump to a null pointer", Signal::sigsegv, [] { jump_to(0); }},
    {"jump to a kernel address", Signal::sigsegv, [] { jump_to(kernel_address); }},
    {"read a supervisor register", machine::privileged_signal, machine::read_privileged_register},
    {"return from supervisor mode", machine::privileged_signal, machine::return_from_trap},
    {"mask interrupts", machine::privileged_signal, machine::mask_interrupts},
    {"execute an invalid instruction", Signal::sigill, machine::execute_nothing},
    {"hit a breakpoint", Signal::sigtrap, machine::hit_breakpoint},
    {"abort", Signal::sigabrt,
     [] { syscall(Call::tgkill, process_id(), thread_id(), Signal::sigabrt); }},
});

/// Runs this program as a child that commits the crime number `index`, and returns how it ends.
abi::WaitStatus commit(std::size_t index) {
  const char name[] = {static_cast<char>('A' + index), '\0'};
  const char* const arguments[] = {"faults", name, nullptr};
  const Pid child = must(spawn(program_path(), arguments), "a child");
  return must(wait(child), "waiting").status;
}

/// The child reads a page without rights. Without an MMU and without memory protection it can.
void read_page_without_rights() {
  auto* const page = must(map_memory(page_size, abi::prot_none), "a page");
  static_cast<void>(*pointer_to(reinterpret_cast<std::uintptr_t>(page)));
}

void watch(const Crime& crime) {
  const auto status = commit(static_cast<std::size_t>(&crime - crimes.data()));
  if (status.has_exited())
    fail("a child that tried to {} ended with exit code {}", crime.name, status.exit_code());
  println("{:32} SIG{}", crime.name, abi::name(status.signal()));
  check(status.signal() == crime.signal, "SIG{} was expected", abi::name(crime.signal));
}

void expect_fault(std::string_view what, Result<long> answer) {
  println("{:32} {}", what, answer ? "succeeded" : abi::name(answer.error()));
  check(!answer && answer.error() == Errno::efault, "EFAULT was expected");
}

void give_bad_pointers() {
  const auto pipe = must(make_pipe(), "a pipe");
  must(write(pipe.write_end, "12345678"), "writing");
  auto* const gap = must(map_memory(2 * page_size, abi::prot_read | abi::prot_write), "two pages");
  must(protect_memory(gap + page_size, page_size, abi::prot_none), "mprotect");
  const auto bad = [](std::uintptr_t address) { return reinterpret_cast<void*>(address); };

  expect_fault("write(null)", call<long>(Call::write, pipe.write_end, nullptr, 8));
  expect_fault("write(kernel address)",
               call<long>(Call::write, pipe.write_end, bad(kernel_address), 8));
  expect_fault("write(wrapping range)", call<long>(Call::write, pipe.write_end, bad(~0UL - 3), 8));
  expect_fault("read(into code)",
               call<long>(Call::read, pipe.read_end, reinterpret_cast<void*>(&jump_to), 8));
  expect_fault("openat(null)", call<long>(Call::openat, abi::at_fdcwd, nullptr, 0, 0));
  expect_fault("openat(unterminated path)", [&] {
    std::memset(gap, 'x', page_size);
    return call<long>(Call::openat, abi::at_fdcwd, gap + page_size - 3, 0, 0);
  }());
  expect_fault("clock_gettime(page's edge)",
               call<long>(Call::clock_gettime, abi::clock_monotonic, gap + page_size - 8));
  expect_fault("pipe2(kernel address)", call<long>(Call::pipe2, bad(kernel_address), 0));
  expect_fault("execve(null arguments' text)", [&] {
    char* const arguments[] = {static_cast<char*>(bad(8)), nullptr};
    return call<long>(Call::execve, program_path(), arguments, nullptr);
  }());
}

void use_misaligned_pointers() {
  alignas(8) std::byte memory[40];
  auto* const odd = memory + 3;
  must(call(Call::clock_gettime, abi::clock_monotonic, odd), "clock_gettime at an odd address");
  abi::Timespec time;
  std::memcpy(&time, odd, sizeof time);
  check(time.nanoseconds >= 0 && time.nanoseconds < 1'000'000'000,
        "clock_gettime writes all bytes at an odd address");
  const auto answer = call(Call::futex, odd, abi::futex_wake, 1, nullptr, nullptr, 0);
  println("{:32} {}", "futex(odd address)", answer ? "succeeded" : abi::name(answer.error()));
  check(!answer && answer.error() == Errno::einval, "EINVAL was expected");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) {
    const auto index = static_cast<std::size_t>(argv[1][0] - 'A');
    index < crimes.size() ? crimes[index].commit() : read_page_without_rights();
    return 0;
  }
  if (commit(crimes.size()).has_exited()) {
    println("skipped: nothing protects the memory of this machine");
    return 0;
  }
  for (const auto& crime : crimes) watch(crime);
  give_bad_pointers();
  use_misaligned_pointers();
  println("{} children died of the expected signal; this process and the kernel still run.",
          crimes.size());
  return 0;
}
