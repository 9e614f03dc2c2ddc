// Relocates the program.
#include "relocate.h"

extern "C" [[noreturn]] void cotrap_user_start(long* stack);

extern "C" [[noreturn]] void cotrap_user_relocate(long* stack, std::uintptr_t base,
                                                  const user::Dynamic* dynamic) {
  constexpr std::uint32_t relative = 3;  // RISC-V ELF psABI, "Relocations"
  user::relocate<relative>(base, dynamic);
  cotrap_user_start(stack);
}
