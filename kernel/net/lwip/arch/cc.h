// What lwIP requires of its compiler and its platform (lwip/arch.h). For C and C++.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#define LWIP_NO_UNISTD_H 1
#define LWIP_NO_CTYPE_H 1
#ifndef SSIZE_MAX  // otherwise lwIP defines ssize_t
#define SSIZE_MAX 0x7fffffffffffffff
#endif

#ifdef __cplusplus
extern "C" {
#endif

[[noreturn]] void cotrap_lwip_failed(const char* assertion);
unsigned cotrap_lwip_random(void);
/// Null: there is no memory.
void* cotrap_lwip_allocate(size_t bytes);
void* cotrap_lwip_allocate_zeros(size_t count, size_t bytes);
void cotrap_lwip_release(void* object);

#ifdef __cplusplus
}
#endif

#define LWIP_PLATFORM_ASSERT(message) cotrap_lwip_failed(message)
#define LWIP_PLATFORM_DIAG(message) \
  do {                              \
  } while (0)
#define LWIP_RAND() cotrap_lwip_random()
