// Values for all vector registers, and checks that they stay or that they are the kernel's own.
#pragma once

#include <user/check.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "../registers/patterns.h"
#include "hold.h"

constexpr std::uint64_t illegal_type = std::uint64_t{1} << 63;  // vill

class Vectors {
 public:
  explicit Vectors(std::uint64_t seed) : random_{seed} {}

  // Fills the registers with new values, keeps them for `count` rounds of a loop, stores them at
  // `out`, and compares. `out`, which may be null, has room for all registers.
  void check_hold(std::uint64_t count, std::byte* out = nullptr) {
    if (out == nullptr) out = reinterpret_cast<std::byte*>(out_.data());
    for (std::uint64_t& word : in_) word = random_.next();
    // vtype: e8 m1, e16 m2, e32 m4, e64 m8, e8 mf8, e16 mf2, e32 m1 with vta and vma.
    constexpr std::array types{0x00, 0x09, 0x12, 0x1b, 0x05, 0x0f, 0xd0};
    constexpr std::array eighths{8, 8, 8, 8, 1, 2, 2};  // vl of a register of 8 bytes, at least
    const std::uint64_t which = random_.next() % types.size();
    const std::uint64_t vl = 1 + random_.next() % eighths[which];
    Hold hold{.in = reinterpret_cast<const std::byte*>(in_.data()),
              .out = out,
              .count = count,
              .given = {vl, static_cast<std::uint64_t>(types[which]), random_.next() % 8,
                        random_.next() % vl},
              .found = {}};
    hold_vectors(&hold);
    if (out != reinterpret_cast<std::byte*>(out_.data()))
      std::memcpy(out_.data(), out, words() * sizeof out_[0]);
    for (std::size_t i = 0; i < words(); ++i)
      user::check(out_[i] == in_[i], "word {} of the vector registers was {:#x}, not {:#x}", i,
                  out_[i], in_[i]);
    check_equal(hold.found, hold.given);
  }

  // After a system call: the values from before, or ones and no vtype. vcsr stays.
  void check_after_call() {
    const VectorModes found = read();
    const bool is_own = std::equal(out_.begin(), out_.begin() + words(), in_.begin());
    const bool is_ones = std::all_of(out_.begin(), out_.begin() + words(),
                                     [](std::uint64_t word) { return word == ~std::uint64_t{0}; });
    user::check(is_own || is_ones, "a system call leaves foreign values, such as {:#x}", out_[0]);
    user::check(is_own || (found.vtype == illegal_type && found.vl == 0 && found.vstart == 0),
                "after a system call vtype is {:#x}", found.vtype);
    was_own_ += is_own;
    was_ones_ += !is_own;
  }

  // At the first vector instruction of a thread or a program.
  void check_zeros(std::string_view of) {
    const VectorModes found = read();
    for (std::size_t i = 0; i < words(); ++i)
      user::check(out_[i] == 0, "{} begins with {:#x} in word {} of the vector registers", of,
                  out_[i], i);
    check_equal(found, {0, illegal_type, 0, 0});
  }

  unsigned was_own() const { return was_own_; }
  unsigned was_ones() const { return was_ones_; }

  static std::size_t register_bytes() {
    std::size_t bytes;
    asm volatile("csrr %0, 0xc22" : "=r"(bytes));
    return bytes;
  }

 private:
  static void check_equal(const VectorModes& found, const VectorModes& given) {
    user::check(found == given, "vl {} vtype {:#x} vcsr {} vstart {}, not {} {:#x} {} {}", found.vl,
                found.vtype, found.vcsr, found.vstart, given.vl, given.vtype, given.vcsr,
                given.vstart);
  }
  VectorModes read() {
    Hold hold{.in = nullptr,
              .out = reinterpret_cast<std::byte*>(out_.data()),
              .count = 0,
              .given = {},
              .found = {}};
    read_vectors(&hold);
    return hold.found;
  }
  std::size_t words() const { return words_; }

  static constexpr std::size_t most_words = 32 * 128 / 8;
  Random random_;
  unsigned was_own_ = 0, was_ones_ = 0;
  std::array<std::uint64_t, most_words> in_{}, out_{};
  std::size_t words_ = 32 * register_bytes() / 8;
};

// Loops that the compiler turns into vector instructions (computing.cpp).
void check_computing(std::uint64_t seed);
