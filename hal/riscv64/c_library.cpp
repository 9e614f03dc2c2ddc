// What picolibc expects besides the kernel's own part (kernel/platform/library.cpp).
#include <cstdio>

/// Its stdio refers to it; the kernel has none.
extern FILE* const stderr;
FILE* const stderr = nullptr;

extern "C" {

int __cxa_atexit(void (*)(void*), void*, void*) {
  return 0;
}  // the kernel never exits
void* __dso_handle = nullptr;
}
