#include <trap/rewrite.h>

#include <algorithm>
#include <cstring>
#include <expected>

namespace trap {
namespace {

constexpr std::byte jmp{0xe9};
constexpr std::size_t jmp_size = 5;
constexpr std::byte short_jmp{0xeb};
constexpr std::size_t short_jmp_size = 2;
constexpr std::int64_t short_reach = 127;  // bytes forwards; one more backwards
constexpr std::size_t syscall_size = 2;

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

/// The length of zero padding between functions or after the last one. Two zeros would be an
/// instruction that compilers do not emit.
std::size_t padding(std::span<const std::byte> bytes) {
  const auto zeros = static_cast<std::size_t>(
      std::ranges::find_if(bytes, [](std::byte byte) { return byte != std::byte{0}; }) -
      bytes.begin());
  return zeros == bytes.size() || zeros >= 2 ? zeros : 0;
}

void put(std::byte* at, auto value) {
  std::memcpy(at, &value, sizeof value);
}

/// The displacement of a jump or an operand.
std::int32_t distance(std::uint64_t from, std::uint64_t to) {
  return static_cast<std::int32_t>(to - from);
}

}  // namespace

Rewriter::Rewriter(Code code, std::uint64_t first, Fs fs)
    : all_{code},
      rest_{code.from(first)},
      fs_{fs},
      changed_pages_(code.bytes.size() / page_bytes + 1) {}

bool Rewriter::step(std::size_t bytes) {
  const std::uint64_t until = rest_.address + std::min(bytes, rest_.bytes.size());
  while (rest_.address < until && !refusal_) {
    if (const std::size_t zeros = padding(rest_.bytes); zeros != 0) {
      rest_ = rest_.from(rest_.address + zeros);
      last_ = {};
      continue;
    }
    const auto instruction = decode(rest_);
    if (!instruction) {
      refusal_ = instruction.error();
      break;
    }
    const auto at = static_cast<std::uint32_t>(rest_.address - all_.address);
    if (fs_ != Fs::stays && is_to_change(*instruction)) {
      rest_.bytes[instruction->fs_at] = instruction->with_gs;
      note_change(at + instruction->fs_at);
      ++changed_;
    }
    if (fs_ == Fs::becomes_gs && instruction->kind == Instruction::uses_gs) {
      refusal_ = refuse(rest_);
      break;
    }
    if (instruction->kind == Instruction::system_call && last_.length >= short_jmp_size &&
        !last_.is_bound) {
      before_calls_.push_back({at - last_.length, last_.length});
    }
    if (last_.is_end && instruction->is_padding && instruction->length >= jmp_size) {
      islands_.push_back(at);
    }
    last_ = *instruction;
    rest_ = rest_.from(rest_.address + instruction->length);
  }
  return !refusal_ && !rest_.bytes.empty();
}

void Rewriter::patch_system_calls(Code room, std::uint64_t jump_gate, std::uint32_t add) {
  put(room.bytes.data(), jump_gate);
  std::size_t used = gate_bytes;
  for (const Piece instruction : before_calls_) {
    if (used + thunk_bytes > room.bytes.size()) break;
    const auto place = place_for_jump(instruction);
    if (!place) continue;
    make_thunk(room.bytes.data() + used, room.address + used, instruction, room.address, add);
    put_jump(*place, room.address + used);
    used += thunk_bytes;
    if (*place == instruction.at) continue;
    all_.bytes[instruction.at] = short_jmp;
    put(all_.bytes.data() + instruction.at + 1,
        static_cast<std::int8_t>(*place - instruction.at - short_jmp_size));
    note_change(instruction.at);
    note_change(instruction.at + 1);
  }
}

std::optional<std::size_t> Rewriter::place_for_jump(Piece instruction) {
  if (instruction.length >= jmp_size) return instruction.at;
  const std::int64_t from = instruction.at + short_jmp_size;
  const auto island =
      std::ranges::lower_bound(islands_, std::max<std::int64_t>(from - short_reach - 1, 0));
  if (island == islands_.end() || *island > from + short_reach) return std::nullopt;
  const std::size_t at = *island;
  islands_.erase(island);
  return at;
}

void Rewriter::put_jump(std::size_t at, std::uint64_t to) {
  all_.bytes[at] = jmp;
  put(all_.bytes.data() + at + 1, distance(all_.address + at + jmp_size, to));
  note_change(at);
  note_change(at + jmp_size - 1);
}

void Rewriter::make_thunk(std::byte* at, std::uint64_t address, Piece instruction,
                          std::uint64_t gate_at, std::uint32_t add) {
  constexpr auto byte = [](auto... values) {
    return std::array{static_cast<std::byte>(values)...};
  };
  constexpr auto extend_number = byte(0x89, 0xc0);        // mov %eax, %eax
  constexpr auto add_to_number = byte(0x48, 0x8d, 0x80);  // lea add(%rax), %rax
  constexpr auto load_back = byte(0x48, 0x8d, 0x0d);      // lea back(%rip), %rcx
  constexpr auto jump = byte(0xff, 0x25);                 // jmp *gate(%rip)
  static_assert(longest_instruction + extend_number.size() + add_to_number.size() +
                    load_back.size() + jump.size() + 3 * sizeof(std::int32_t) <=
                thunk_bytes);
  std::byte* next = at;
  const auto emit = [&](auto bytes) { next = std::ranges::copy(bytes, next).out; };
  const auto emit_distance = [&](std::uint64_t to) {
    const std::uint64_t behind =
        address + static_cast<std::size_t>(next - at) + sizeof(std::int32_t);
    put(next, distance(behind, to));
    next += sizeof(std::int32_t);
  };
  emit(all_.bytes.subspan(instruction.at, instruction.length));
  emit(extend_number);
  emit(add_to_number);
  put(next, add);
  next += sizeof add;
  emit(load_back);
  emit_distance(all_.address + instruction.at + instruction.length + syscall_size);
  emit(jump);
  emit_distance(gate_at);
}

}  // namespace trap
