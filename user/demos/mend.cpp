// A handler of SIGSEGV lets the program use the page that it must not touch. When the handler
// returns, the instruction that faulted runs again and succeeds, so the loop does not notice.
#include <abi/signal.h>
#include <user/calls.h>
#include <user/check.h>
#include <user/demo.h>

COTRAP_DEMO(.description = "a SIGSEGV handler mends the page, and the program goes on");

using namespace user;

namespace {

constexpr unsigned pages = 64;

std::byte* memory;
volatile unsigned mended = 0;

void mend(int, abi::SignalInfo* info, void*) {
  const std::uintptr_t page = info->address & ~(page_size - 1);
  const bool is_ours = page - reinterpret_cast<std::uintptr_t>(memory) < pages * page_size;
  if (!is_ours) exit(1);
  syscall(Call::mprotect, page, page_size, abi::prot_read | abi::prot_write);
  mended = mended + 1;
}

}  // namespace

int main() {
  const abi::SignalAction action{.handler = reinterpret_cast<std::uintptr_t>(&mend),
                                 .flags = abi::sa_siginfo};
  const long set =
      syscall(Call::rt_sigaction, abi::Signal::sigsegv, &action, nullptr, sizeof action.mask);
  check(set == 0, "the handler is set");
  memory = must(map_memory(pages * page_size, abi::prot_none), "memory");
  for (unsigned i = 0; i < pages; ++i) memory[i * page_size] = static_cast<std::byte>(i);
  println("wrote to {} pages, of which the handler mended {}", pages, mended + 0);
  check(mended == pages, "each page faulted once");
  for (unsigned i = 0; i < pages; ++i) {
    check(memory[i * page_size] == static_cast<std::byte>(i), "page {} has what was written", i);
  }
  return 0;
}
