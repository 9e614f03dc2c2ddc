// What the compiler, libc++'s headers and picolibc expect to find in a library.
#include <cstdarg>
#include <cstdlib>
#include <exception>
#include <string>

#include "user/calls.h"

// libc++'s headers declare this as compiled elsewhere: here.
template class std::basic_string<char>;

namespace {

[[noreturn]] void die(const char* what) {
  static_cast<void>(user::write(user::standard_error, what));
  static_cast<void>(user::write(user::standard_error, "\n"));
  abort();
}

}  // namespace

namespace std {
[[noreturn]] void terminate() noexcept {
  die("terminate() was called");
}

inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) noexcept {
  die(format);
}
}  // namespace __1
}  // namespace std

extern "C" {

[[noreturn]] void __cxa_pure_virtual() {
  die("a pure virtual function was called");
}

// Destructors of static objects do not run: the kernel takes everything back.
int atexit(void (*)()) {
  return 0;
}

void abort() {
  using user::syscall;
  syscall(abi::Call::tgkill, user::process_id(), user::thread_id(), abi::Signal::sigabrt);
  user::exit(134);
}

[[noreturn]] void _exit(int code) {
  user::exit(code);
}
}
