// Symbols that musl's functions require. musl is never initialised, so programs may call only its
// functions that compute, and none that makes system calls.
#include <cstdio>
#include <cstdlib>

#include "user/calls.h"

/// Never written; fmt's headers refer to it.
FILE* const stderr = nullptr;

extern "C" {

/// One for all threads, unlike musl's: no code reads it.
int* __errno_location() {
  static int number;
  return &number;
}

[[noreturn]] void __assert_fail(const char* what, const char*, int, const char*) {
  static_cast<void>(user::write(user::standard_error, what));
  static_cast<void>(user::write(user::standard_error, ": assertion failed\n"));
  abort();
}
}
