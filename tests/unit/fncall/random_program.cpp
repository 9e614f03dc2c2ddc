#include "random_program.h"

#include <cpuid.h>

#include <algorithm>

using trap::UserContext;

namespace {

// The flags that popf can change and pushf shows: arithmetic flags, direction, alignment check and
// ID.
constexpr std::uint64_t visible_flags = 0x240cd5;

constexpr std::size_t components_at = 512;  // XSTATE_BV
constexpr std::size_t x87_at = 32;
constexpr std::size_t xmm_at = 160;
constexpr std::size_t legacy_end = 416;

struct Component {
  std::size_t at;
  std::size_t size;
};

Component component(unsigned number) {
  unsigned size = 0;
  unsigned at = 0;
  unsigned c = 0;
  unsigned d = 0;
  __cpuid_count(0xd, number, size, at, c, d);
  return {at, size};
}

/// Returns a component's bytes; zeros if the area does not have it.
std::vector<std::byte> contents(const std::byte* area, unsigned number) {
  const Component where = component(number);
  std::uint64_t present = 0;
  std::memcpy(&present, area + components_at, sizeof present);
  if ((present >> number & 1) == 0) return std::vector<std::byte>(where.size);
  return {area + where.at, area + where.at + where.size};
}

void randomise(trap::VectorState& vectors, std::mt19937_64& random) {
  std::byte* const area = vectors.data();
  const auto fill = [&](std::size_t at, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) area[at + i] = static_cast<std::byte>(random());
  };
  fill(x87_at, legacy_end - x87_at);
  for (unsigned number = 2; number < 8; ++number) {
    if ((components_here() >> number & 1) == 0) continue;
    const Component where = component(number);
    fill(where.at, where.size);
  }
  const std::uint64_t present = components_here();
  std::memcpy(area + components_at, &present, sizeof present);
  // Any rounding mode, x87 conditions and mxcsr flags. All exceptions are masked.
  const auto fcw = static_cast<std::uint16_t>(0x37f | (random() & 0xc00));
  const auto fsw = static_cast<std::uint16_t>(random() & 0x7f00);
  const auto tags = static_cast<std::uint8_t>(random());
  const auto mxcsr = static_cast<std::uint32_t>(0x1f80 | (random() & 0xe07f));
  std::memcpy(area + STATE_FCW, &fcw, sizeof fcw);
  std::memcpy(area + 2, &fsw, sizeof fsw);
  std::memcpy(area + 4, &tags, sizeof tags);
  std::memcpy(area + STATE_MXCSR, &mxcsr, sizeof mxcsr);
}

}  // namespace

std::uint64_t components_here() {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low & UserContext::all;
}

std::string difference(const std::byte* a, const std::byte* b, std::uint32_t kept) {
  const auto differ = [=](std::size_t at, std::size_t size) {
    return std::memcmp(a + at, b + at, size) != 0;
  };
  if (differ(STATE_FCW, 2)) return "x87 control word";
  if (differ(STATE_MXCSR, 4)) return "mxcsr";
  if ((kept & UserContext::sse) != 0 && differ(xmm_at, legacy_end - xmm_at)) return "xmm";
  if (kept != UserContext::all) return "";
  if (differ(2, 2)) return "x87 status";
  if (differ(4, 1)) return "x87 tags";
  for (std::size_t i = 0; i < 8; ++i) {
    // The contents of registers that are tagged empty do not matter.
    const unsigned top = std::to_integer<unsigned>(a[3]) >> 3 & 7;
    const bool used = (std::to_integer<unsigned>(a[4]) >> ((i + top) % 8) & 1) != 0;
    if (used && differ(x87_at + 16 * i, 10)) return "st(" + std::to_string(i) + ")";
  }
  for (unsigned number = 2; number < 8; ++number) {
    if ((components_here() >> number & 1) == 0) continue;
    if (contents(a, number) != contents(b, number)) return "component " + std::to_string(number);
  }
  return "";
}

RandomProgram::RandomProgram(std::uint64_t seed, Gate gate, std::uint32_t kept) : gate_{gate} {
  std::mt19937_64 random{seed};
  std::ranges::generate(stack_, std::ref(random));
  stack_was_ = stack_;
  trap::GeneralRegs& to = context.general;
  for (std::uint64_t* one : {&to.rax, &to.rbx, &to.rcx, &to.rdx, &to.rsi, &to.rdi, &to.rbp, &to.r8,
                             &to.r9, &to.r10, &to.r11, &to.r12, &to.r13, &to.r14, &to.r15}) {
    *one = random();
  }
  to.rsp = reinterpret_cast<std::uint64_t>(stack_pointer());
  struct Form {
    void (*begin)();
    void (*continues)();
  };
  const Form form = std::array{Form{caller, caller_continues}, Form{jumper, jumper_continues},
                               Form{syscaller, syscaller_continues}}[gate];
  to.rip = address_of(form.begin);
  to.rflags = random() & visible_flags;
  to.fsbase = reinterpret_cast<std::uint64_t>(stack_.data());
  to.gsbase = reinterpret_cast<std::uint64_t>(stack_.data());
  for (trap::VectorState& set : sets_) randomise(set, random);
  context.kept = kept;
  was_ = to;
  // Where the program continues after the trap.
  was_.rip = address_of(form.continues);
  if (gate != called) was_.rcx = was_.rip;
  if (gate == caught) was_.r11 = was_.rflags;
  put_on();
}

void RandomProgram::forget_seen() {
  seen = {};
  std::memset(seen_vectors, 0, STATE_SIZE);
}

void RandomProgram::put_on() const {
  // The program takes its first registers from `seen`, where it stores them later.
  forget_seen();
  seen = was_;
  for (std::size_t i = 0; i < 2; ++i) {
    std::memcpy(given_vectors + i * STATE_SIZE, sets_[i].data(), STATE_SIZE);
  }
}

trap::GeneralRegs RandomProgram::comparable(trap::GeneralRegs registers) const {
  registers.rflags &= visible_flags;
  if (gate_ == caught) registers.r11 &= visible_flags;  // `syscall` stores the flags there
  return registers;
}

bool RandomProgram::context_is_right(std::string& what) const {
  if (comparable(context.general) != was_) {
    what = "general registers in the context";
    return false;
  }
  what = difference(sets_[given_set / STATE_SIZE].data(), context.vectors.data(), context.kept);
  return what.empty();
}

bool RandomProgram::seen_is_right(std::string& what) const {
  trap::GeneralRegs expected = was_;
  trap::GeneralRegs now = comparable(seen);
  expected.rip = now.rip = 0;  // not compared
  expected.fsbase = expected.gsbase = now.fsbase = now.gsbase = 0;
  if (now != expected) {
    what = "general registers in the program";
    return false;
  }
  what = difference(sets_[1 - given_set / STATE_SIZE].data(), seen_vectors, context.kept);
  return what.empty();
}

bool RandomProgram::red_zone_is_right() const {
  const std::size_t end = stack_.size() / 2 - (gate_ == called ? 1 : 0);
  return std::equal(stack_.begin(), stack_.begin() + static_cast<std::ptrdiff_t>(end),
                    stack_was_.begin()) &&
         std::equal(stack_.begin() + stack_.size() / 2, stack_.end(),
                    stack_was_.begin() + stack_.size() / 2);
}
