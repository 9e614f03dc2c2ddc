#include <trap/rewrite.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace trap {
namespace {

constexpr std::size_t mov_size = 5;  // mov $n, %eax and jmp thunk
constexpr std::byte mov_eax{0xb8};
constexpr std::byte jmp{0xe9};
constexpr std::size_t syscall_size = 2;
constexpr std::uint64_t cache_line = 64;

Refusal refuse(Code code) {
  Refusal refusal{.address = code.address,
                  .size = std::min(code.bytes.size(), longest_instruction)};
  std::ranges::copy(code.bytes.first(refusal.size), refusal.bytes.begin());
  return refusal;
}

std::expected<Instruction, Refusal> decode(Code code) {
  const auto instruction = decode_instruction(code.bytes);
  if (!instruction || instruction->kind == Instruction::loads_fs) {
    return std::unexpected(refuse(code));
  }
  return *instruction;
}

bool is_to_change(const Instruction& instruction) {
  return instruction.kind == Instruction::uses_fs ||
         instruction.kind == Instruction::reads_fs_base ||
         instruction.kind == Instruction::writes_fs_base;
}

/// Zeros between functions or behind the last: two of them would be an instruction that nobody
/// needs.
std::size_t padding(std::span<const std::byte> bytes) {
  const auto zeros = static_cast<std::size_t>(
      std::ranges::find_if(bytes, [](std::byte byte) { return byte != std::byte{0}; }) -
      bytes.begin());
  return zeros == bytes.size() || zeros >= 2 ? zeros : 0;
}

/// Calls `each` with every instruction.
std::expected<void, Refusal> for_each_instruction(Code code, auto&& each) {
  for (;;) {
    code = code.from(code.address + padding(code.bytes));
    if (code.bytes.empty()) return {};
    const auto instruction = decode(code);
    if (!instruction) return std::unexpected(instruction.error());
    each(code, *instruction);
    code = code.from(code.address + instruction->length);
  }
}

void put(std::byte* at, auto value) {
  std::memcpy(at, &value, sizeof value);
}

/// The distance of a jump or an operand, if it is none too far.
std::optional<std::int32_t> distance(std::uint64_t from, std::uint64_t to) {
  const auto bytes = static_cast<std::int64_t>(to - from);
  if (bytes < std::numeric_limits<std::int32_t>::min()) return {};
  if (bytes > std::numeric_limits<std::int32_t>::max()) return {};
  return static_cast<std::int32_t>(bytes);
}

/// Writes five bytes so that other harts see all or none of them: within one cache line, as part of
/// eight. False if they lie in two.
bool write_at_once(Code where, const std::array<std::byte, mov_size>& bytes, Code all) {
  const std::uint64_t line_begin = where.address & -cache_line;
  if (where.address + mov_size > line_begin + cache_line) return false;
  const std::uint64_t begin = std::min(where.address, line_begin + cache_line - 8);
  if (begin < all.address || begin + 8 > all.address + all.bytes.size()) return false;
  auto* const word = all.bytes.data() + (begin - all.address);
  std::uint64_t value = 0;
  std::memcpy(&value, word, sizeof value);
  std::memcpy(reinterpret_cast<std::byte*>(&value) + (where.address - begin), bytes.data(),
              mov_size);
  // A locked instruction: of one piece for every processor, whatever the address is modulo 8.
  asm volatile("xchgq %0, %1" : "+r"(value), "+m"(*reinterpret_cast<std::byte(*)[8]>(word)));
  return true;
}

}  // namespace

std::expected<bool, Refusal> rewrite_instruction(Code code) {
  const auto instruction = decode(code);
  if (!instruction) return std::unexpected(instruction.error());
  if (!is_to_change(*instruction)) return false;
  code.bytes[instruction->fs_at] = instruction->with_gs;
  return true;
}

std::expected<std::size_t, Refusal> rewrite_all(Code code) {
  const auto understood = for_each_instruction(code, [](Code, const Instruction&) {});
  if (!understood) return std::unexpected(understood.error());
  std::size_t changed = 0;
  static_cast<void>(for_each_instruction(code, [&](Code at, const Instruction& instruction) {
    if (!is_to_change(instruction)) return;
    at.bytes[instruction.fs_at] = instruction.with_gs;
    ++changed;
  }));
  return changed;
}

Thunks::Thunks(Code room, std::uint64_t jump_gate) : room_{room} {
  put(room_.bytes.data(), jump_gate);
}

Thunks::Result Thunks::patch(Code code, std::uint64_t address) {
  // From the beginning: backwards, instructions cannot be told from one another.
  Code before = code;
  while (before.address + mov_size < address) {
    const auto instruction = decode_instruction(before.bytes);
    const std::size_t zeros = padding(before.bytes);
    if (zeros == 0 && !instruction) return Result::no_constant;
    before = before.from(before.address + (zeros != 0 ? zeros : instruction->length));
  }
  if (before.address + mov_size != address || before.bytes[0] != mov_eax)
    return Result::no_constant;
  if (used_ + size > room_.bytes.size()) return Result::full;

  const std::uint64_t thunk = room_.address + used_;
  std::byte* const at = room_.bytes.data() + used_;
  constexpr std::array load_back{std::byte{0x48}, std::byte{0x8d}, std::byte{0x0d}};  // lea, %rcx
  constexpr std::array jump{std::byte{0xff}, std::byte{0x25}};                        // jmp *
  constexpr std::size_t load_end = mov_size + load_back.size() + 4;
  constexpr std::size_t end = load_end + jump.size() + 4;
  static_assert(end <= size);
  const auto there = distance(address, thunk);
  const auto back = distance(thunk + load_end, address + syscall_size);
  const auto gate = distance(thunk + end, room_.address);
  if (!there || !back) return Result::too_far;
  std::memcpy(at, before.bytes.data(), mov_size);
  std::ranges::copy(load_back, at + mov_size);
  put(at + load_end - 4, *back);
  std::ranges::copy(jump, at + load_end);
  put(at + end - 4, *gate);

  std::array<std::byte, mov_size> to_thunk{jmp};
  put(to_thunk.data() + 1, *there);
  if (!write_at_once(before, to_thunk, code)) return Result::unsafe;
  used_ += size;
  return Result::patched;
}

}  // namespace trap
