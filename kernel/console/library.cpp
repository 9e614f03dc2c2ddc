// The functions that libc++ and the C library expect from the program.

#include <kernel/panic.h>

#include <cstdlib>
#include <string>

/// libc++'s headers declare this instantiation as external.
template class std::basic_string<char>;

extern "C" {

void abort() {
  kernel::panic("abort() was called");
}
[[noreturn]] void __cxa_pure_virtual() {
  kernel::panic("a pure virtual function was called");
}
}

namespace std {

[[noreturn]] void terminate() noexcept {
  kernel::panic("std::terminate() was called");
}

inline namespace __1 {

/// libc++'s hardening found a broken precondition.
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) noexcept {
  kernel::panic(format);
}

}  // namespace __1
}  // namespace std
