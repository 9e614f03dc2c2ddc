// Symbols that picolibc needs. The rest is in kernel/console/library.cpp.
#include <cstdio>

/// picolibc's stdio refers to it; the kernel does not use stdio.
extern FILE* const stderr;
FILE* const stderr = nullptr;

extern "C" {

int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;
}  // the kernel never exits
void* __dso_handle = nullptr;
}
