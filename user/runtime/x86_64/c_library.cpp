// What musl's functions expect, of which programs have those that are pure computation: musl itself
// is never started, and none of its functions may come to one that makes a system call.
#include <cstdio>
#include <cstdlib>

#include "user/calls.h"

/// Nothing writes there; fmt's headers mention it.
FILE* const stderr = nullptr;

extern "C" {

/// In musl it is the thread's; here nobody reads it.
int* __errno_location() {
  static int number;
  return &number;
}

[[noreturn]] void __assert_fail(const char* what, const char*, int, const char*) {
  static_cast<void>(user::write(user::standard_error, what));
  static_cast<void>(user::write(user::standard_error, ": does not hold\n"));
  abort();
}
}
