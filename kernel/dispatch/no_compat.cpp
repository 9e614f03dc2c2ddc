// This machine's Linux has the kernel's own numbers: there are no compat calls.
#include "dispatch/dispatch.h"

namespace kernel {

bool is_compat_call(std::uint64_t) {
  return false;
}

trap::Register compat_call(Thread& self, const trap::UserContext& context) {
  return unknown_call(self, context);
}

std::uint64_t counted_number_of_compat_call(std::uint64_t number) {
  return number;
}

std::string_view name_of_compat_call(std::uint64_t) {
  return "";
}

}  // namespace kernel
