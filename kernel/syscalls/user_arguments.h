// Decodes user pointers from system call registers: an address for a UserPtr, an address and a
// count for a UserSpan.
#pragma once

#include <trap/typed_call.h>

#include "memory/user_memory.h"

template <class T>
struct trap::FromRegisters<kernel::memory::UserPtr<T>> {
  static constexpr std::size_t count = 1;
  static kernel::memory::UserPtr<T> decode(const Register* in) {
    return kernel::memory::UserPtr<T>{in[0]};
  }
};

template <class T>
struct trap::FromRegisters<kernel::memory::UserSpan<T>> {
  static constexpr std::size_t count = 2;
  static kernel::memory::UserSpan<T> decode(const Register* in) { return {in[0], in[1]}; }
};
