// Symbols that picolibc requires.
#include <cstdio>

#include "user/calls.h"

// Assertions of the C library and of fmt write here, byte by byte. There is no stdout: see print.h.
static int put_error(char byte, FILE*) {
  static_cast<void>(user::write(user::standard_error, {&byte, 1}));
  return 0;
}
static FILE error_stream = FDEV_SETUP_STREAM(put_error, nullptr, nullptr, _FDEV_SETUP_WRITE);
FILE* const stderr = &error_stream;
