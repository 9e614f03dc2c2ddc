// Functions that compiled code, libc++'s headers and C libraries require.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>

#include "user/calls.h"

// libc++'s headers declare some template instances as extern, such as __sort for std::sort of
// arithmetic types. These are their definitions.
template class std::basic_string<char>;
template std::string std::operator+(const char*, const std::string&);

namespace std {
inline namespace __1 {
template <class Compare, class Iterator>
void __sort(Iterator first, Iterator last, Compare) {  // `Compare` is always `<`
  std::make_heap(first, last);
  std::sort_heap(first, last);
}
template void __sort<__less<char>&, char*>(char*, char*, __less<char>&);
template void __sort<__less<int>&, int*>(int*, int*, __less<int>&);
template void __sort<__less<unsigned>&, unsigned*>(unsigned*, unsigned*, __less<unsigned>&);
template void __sort<__less<long>&, long*>(long*, long*, __less<long>&);
template void __sort<__less<unsigned long>&, unsigned long*>(unsigned long*, unsigned long*,
                                                             __less<unsigned long>&);
template void __sort<__less<double>&, double*>(double*, double*, __less<double>&);
}  // namespace __1
}  // namespace std

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

// Destructors of static objects do not run: the kernel frees everything at exit.
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
