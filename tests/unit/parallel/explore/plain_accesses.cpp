// Checks the plain data of async/ for races. unit.weak_memory compiles async/ with
// -fsanitize=thread, which puts a call before each access to memory, but links this file in place
// of ThreadSanitizer. So an access races if the model of weak memory does not order it.
//
// Only data of the run is checked: states, executors, and chunks. What harts
// keep in platform::world is not: the scenarios look at it from outside. Words of Atomic<T> are no
// plain data. Atomics that are not a platform::Atomic are sequentially consistent here, and order
// what their memory_order says.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "scenario.h"

using parallel_test::Explorer;
using parallel_test::explorer;
using parallel_test::is_checked;

extern "C" const char __executable_start;  // by the linker

namespace {

/// `from` is the address of the code.
[[gnu::cold, gnu::noinline]] void fail(const void* from) {
  char message[100];
  std::snprintf(message, sizeof message,
                "a race on plain data of async/ (addr2line -i -e unit_weak_memory %#tx)",
                static_cast<const char*>(from) - &__executable_start);
  explorer.fail(message);
}

[[gnu::noinline]] void check(const void* data, Explorer::Access kind, const void* from) {
  if (is_checked(data) && explorer.races(data, kind)) fail(from);
}

/// Inlined, because most accesses are those of the set-up and tear-down of a run.
inline void access(const void* data, Explorer::Access kind, const void* from) {
  if (explorer.has_weak_memory()) check(data, kind, from);
}

void access_range(const void* data, std::size_t bytes, Explorer::Access kind, const void* from) {
  const char* const first = static_cast<const char*>(data);
  for (std::size_t i = 0; i < bytes; i += 8) access(first + i, kind, from);
}

void acquire(const volatile void* word, int order) {
  explorer.touch(const_cast<const void*>(word), Explorer::Access::load);
  if (order == __ATOMIC_RELAXED || order == __ATOMIC_RELEASE) return;
  explorer.receive(const_cast<const void*>(word));
}
void release(const volatile void* word, int order) {
  explorer.touch(const_cast<const void*>(word), Explorer::Access::write);
  if (order != __ATOMIC_RELEASE && order != __ATOMIC_ACQ_REL && order != __ATOMIC_SEQ_CST) return;
  explorer.send(const_cast<const void*>(word));
}

template <class T, class Change>
T change(volatile T* word, int order, Change next) {
  acquire(word, order);
  const T before = *word;
  *word = next(before);
  release(word, order);
  return before;
}

}  // namespace

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

#define COTRAP_PLAIN(bytes)                                             \
  void __tsan_read##bytes(void* data) {                                 \
    access(data, Explorer::Access::load, __builtin_return_address(0));  \
  }                                                                     \
  void __tsan_write##bytes(void* data) {                                \
    access(data, Explorer::Access::write, __builtin_return_address(0)); \
  }                                                                     \
  void __tsan_unaligned_read##bytes(void* data) {                       \
    access(data, Explorer::Access::load, __builtin_return_address(0));  \
  }                                                                     \
  void __tsan_unaligned_write##bytes(void* data) {                      \
    access(data, Explorer::Access::write, __builtin_return_address(0)); \
  }
COTRAP_PLAIN(1)
COTRAP_PLAIN(2)
COTRAP_PLAIN(4)
COTRAP_PLAIN(8)

void __tsan_read16(void* data) {
  access_range(data, 16, Explorer::Access::load, __builtin_return_address(0));
}
void __tsan_write16(void* data) {
  access_range(data, 16, Explorer::Access::write, __builtin_return_address(0));
}
void __tsan_unaligned_read16(void* data) {
  access_range(data, 16, Explorer::Access::load, __builtin_return_address(0));
}
void __tsan_unaligned_write16(void* data) {
  access_range(data, 16, Explorer::Access::write, __builtin_return_address(0));
}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  access_range(from, bytes, Explorer::Access::load, __builtin_return_address(0));
  access_range(to, bytes, Explorer::Access::write, __builtin_return_address(0));
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  access_range(from, bytes, Explorer::Access::load, __builtin_return_address(0));
  access_range(to, bytes, Explorer::Access::write, __builtin_return_address(0));
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int byte, std::size_t bytes) {
  access_range(to, bytes, Explorer::Access::write, __builtin_return_address(0));
  return std::memset(to, byte, bytes);
}

void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}

#define COTRAP_ATOMIC(bits)                                                                        \
  using U##bits = std::uint##bits##_t;                                                             \
  U##bits __tsan_atomic##bits##_load(const volatile U##bits* word, int order) {                    \
    acquire(word, order);                                                                          \
    return *word;                                                                                  \
  }                                                                                                \
  void __tsan_atomic##bits##_store(volatile U##bits* word, U##bits value, int order) {             \
    *word = value;                                                                                 \
    release(word, order);                                                                          \
  }                                                                                                \
  U##bits __tsan_atomic##bits##_exchange(volatile U##bits* word, U##bits value, int order) {       \
    return change(word, order, [value](U##bits) { return value; });                                \
  }                                                                                                \
  U##bits __tsan_atomic##bits##_fetch_add(volatile U##bits* word, U##bits by, int order) {         \
    return change(word, order, [by](U##bits old) { return static_cast<U##bits>(old + by); });      \
  }                                                                                                \
  U##bits __tsan_atomic##bits##_fetch_sub(volatile U##bits* word, U##bits by, int order) {         \
    return change(word, order, [by](U##bits old) { return static_cast<U##bits>(old - by); });      \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile U##bits* word, U##bits* expected,     \
                                                    U##bits value, int success, int failure) {     \
    const bool done = *word == *expected;                                                          \
    if (done) {                                                                                    \
      change(word, success, [value](U##bits) { return value; });                                   \
    } else {                                                                                       \
      acquire(word, failure);                                                                      \
      *expected = *word;                                                                           \
    }                                                                                              \
    return done;                                                                                   \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile U##bits* word, U##bits* expected,       \
                                                  U##bits value, int success, int failure) {       \
    return __tsan_atomic##bits##_compare_exchange_strong(word, expected, value, success, failure); \
  }                                                                                                \
  U##bits __tsan_atomic##bits##_compare_exchange_val(volatile U##bits* word, U##bits expected,     \
                                                     U##bits value, int success, int failure) {    \
    __tsan_atomic##bits##_compare_exchange_strong(word, &expected, value, success, failure);       \
    return expected;                                                                               \
  }
COTRAP_ATOMIC(8)
COTRAP_ATOMIC(32)
COTRAP_ATOMIC(64)

}  // extern "C"
