// The trap path `trampoline`: the kernel has an address space of its own. Code on a page that is
// mapped in all spaces (hal/gate.h) changes over, and forgets all translations each time, as
// textbook kernels do. It is here to be compared with `shared`, the other one.
#pragma once

#include <hal/gate.h>
#include <hal/machine/translation.h>
#include <trap/user_context.h>

extern "C" void cotrap_trap_entry();        // user_entry.S
extern "C" const char kernel_trampoline[];  // kernel.ld: the page it is on

namespace trap {

/// The address of the trap vector: its place in the gate.
inline std::uintptr_t entry_address() {
  const auto page = reinterpret_cast<std::uintptr_t>(kernel_trampoline);
  return reinterpret_cast<std::uintptr_t>(&cotrap_trap_entry) - page + hal::gate_base;
}

/// Where a thread keeps its user context: in the gate, which both spaces have.
class ContextHolder {
 public:
  explicit ContextHolder(const UserContext& start);
  ~ContextHolder();
  ContextHolder(const ContextHolder&) = delete;
  ContextHolder& operator=(const ContextHolder&) = delete;

  UserContext& get() { return *context_; }
  const UserContext& get() const { return *context_; }

 private:
  UserContext* context_;
};

/// From its next run_user on this hart, `context`'s program sees the space that `token` selects.
inline void set_user_space(UserContext& context, hal::TranslationToken token) {
  context.kernel_translation = hal::current_translation();
  context.user_translation = token;
}

/// The kernel has its own translations anyway.
inline void leave_user_space() {}

}  // namespace trap
