#include <trap/instruction.h>

#include <algorithm>
#include <string_view>

namespace trap {
namespace {

// The bytes that follow an opcode:
//   .  nothing          m  ModRM            b  ModRM, 1 byte       z  ModRM, 4 bytes (2 with 66)
//   1  1 byte           2  2 bytes          3  3 bytes             4  4 bytes (2 with 66)
//   v  4 bytes, 2 with 66, 8 with REX.W     a  an address          r  4 bytes: relative address
//   f  ModRM, and 1 byte if it is a test    F  ModRM, and 4 bytes (2 with 66) if it is a test
//   ?  not an instruction, or unknown
using Map = std::string_view;

constexpr Map one_byte =
    "mmmm14??mmmm14??"   // 00: add, or
    "mmmm14??mmmm14??"   // 10: adc, sbb
    "mmmm14??mmmm14??"   // 20: and, sub
    "mmmm14??mmmm14??"   // 30: xor, cmp
    "????????????????"   // 40: REX
    "................"   // 50: push, pop
    "???m????4z1b...."   // 60: movsxd, push, imul, ins, outs
    "1111111111111111"   // 70: jcc
    "bz?bmmmmmmmmmmmm"   // 80: add to cmp with constants, test, xchg, mov, lea, pop
    "..........?....."   // 90: xchg, cwd, …
    "aaaa....14......"   // a0: mov to and from an address, string instructions, test
    "11111111vvvvvvvv"   // b0: mov of a constant
    "bb2.??bz3.2..1?."   // c0: shifts, ret, mov of a constant, enter, leave, int
    "mmmm???.mmmmmmmm"   // d0: shifts, xlat, x87
    "11111111rr?1...."   // e0: loop, in, out, call, jmp
    "?.??..fF......mm";  // f0: hlt, test and others, clc, …

constexpr Map two_bytes =
    "mmmm?.....?.?m.?"   // 00: …, syscall, ud2, prefetch
    "mmmmmmmmmmmmmmmm"   // 10: movups, …, hints and nops
    "mmmm????mmmmmmmm"   // 20: movaps, conversions
    "......?.????????"   // 30: rdtsc, …; 38 and 3a are maps of their own
    "mmmmmmmmmmmmmmmm"   // 40: cmov
    "mmmmmmmmmmmmmmmm"   // 50: SSE
    "mmmmmmmmmmmmmmmm"   // 60
    "bbbbmmm.mm??mmmm"   // 70
    "rrrrrrrrrrrrrrrr"   // 80: jcc
    "mmmmmmmmmmmmmmmm"   // 90: setcc
    "...mbm??...mbmmm"   // a0: bt, shld, fences, imul
    "mmmmmmmmmmbmmmmm"   // b0: cmpxchg, movzx, bt, …
    "mmbmbbbm........"   // c0: xadd, cmpps, bswap
    "mmmmmmmmmmmmmmmm"   // d0
    "mmmmmmmmmmmmmmmm"   // e0
    "mmmmmmmmmmmmmmmm";  // f0
static_assert(one_byte.size() == 256 && two_bytes.size() == 256);

/// The table in which an opcode is looked up.
enum class OpcodeMap : std::uint8_t { one, two, three_38, three_3a };

constexpr unsigned rex_w = 8;

class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> code)
      : code_{code.first(std::min(code.size(), longest_instruction))} {}

  std::optional<Instruction> run() {
    if (!read_prefixes() || !read_opcode() || !read_operands()) return {};
    if (at_ > code_.size()) return {};
    result_.length = static_cast<std::uint8_t>(at_);
    result_.is_bound = knows_address_ || branches();
    result_.is_end = ends();
    result_.is_padding = map_ == OpcodeMap::two && !vector_ && opcode_ == 0x1f;
    return classify() ? std::optional{result_} : std::nullopt;
  }

 private:
  /// Returns the next byte, or 0 past the end of the code. After all reads run() checks whether
  /// they went past it.
  unsigned next() {
    const unsigned value = at_ < code_.size() ? std::to_integer<unsigned>(code_[at_]) : 0;
    ++at_;
    return value;
  }
  unsigned peek() const { return at_ < code_.size() ? std::to_integer<unsigned>(code_[at_]) : 0; }

  bool read_prefixes() {
    for (;; ++at_) {
      switch (peek()) {
        case 0x64:
          ++fs_prefixes_;
          result_.fs_at = static_cast<std::uint8_t>(at_);
          break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e: other_segment_ = true; break;
        case 0x65: gs_prefix_ = other_segment_ = true; break;
        case 0x66: operand_size_ = true; break;
        case 0x67: address_size_ = true; break;
        case 0xf0: lock_ = true; break;
        case 0xf2: repeat_ = 0xf2; break;
        case 0xf3: repeat_ = 0xf3; break;
        default:
          if ((peek() & 0xf0) == 0x40) rex_ = next();
          return at_ < code_.size();
      }
    }
  }

  bool read_opcode() {
    opcode_ = next();
    switch (opcode_) {
      case 0xc5: next(); return read_vector_opcode(1);
      case 0xc4: {
        const unsigned map = next() & 0x1f;
        next();
        return read_vector_opcode(map);
      }
      case 0x62: {
        const unsigned map = next() & 7;
        next();
        next();
        return read_vector_opcode(map);
      }
      case 0x0f:
        opcode_ = next();
        map_ = OpcodeMap::two;
        if (opcode_ == 0x38 || opcode_ == 0x3a) {
          map_ = opcode_ == 0x38 ? OpcodeMap::three_38 : OpcodeMap::three_3a;
          opcode_ = next();
        }
        return true;
      default: return true;
    }
  }

  /// Reads the opcode after a VEX or EVEX prefix, which replaces REX, 66, f2, f3 and the map bytes.
  bool read_vector_opcode(unsigned map) {
    if (rex_ != 0 || operand_size_ || repeat_ != 0 || lock_) return false;
    vector_ = true;
    opcode_ = next();
    switch (map) {
      case 1: map_ = OpcodeMap::two; return true;
      case 2:
      case 5:
      case 6: map_ = OpcodeMap::three_38; return true;  // maps 5 and 6 have the operands of map 2
      case 3: map_ = OpcodeMap::three_3a; return true;
      default: return false;
    }
  }

  char operands() const {
    switch (map_) {
      case OpcodeMap::one: return one_byte[opcode_];
      case OpcodeMap::two:
        if (vector_) return opcode_ == 0x7a || opcode_ == 0x7b ? 'm' : two_bytes[opcode_];
        // The two SSE4a instructions with two immediate operands.
        if (opcode_ == 0x78 && (operand_size_ || repeat_ == 0xf2)) return '?';
        return two_bytes[opcode_];
      case OpcodeMap::three_38: return 'm';
      case OpcodeMap::three_3a: return 'b';
    }
    return '?';
  }

  bool read_operands() {
    const std::size_t size_z = operand_size_ && (rex_ & rex_w) == 0 ? 2 : 4;
    const char follows = operands();
    switch (follows) {
      case '.': return true;
      case '1': at_ += 1; return true;
      case '2': at_ += 2; return true;
      case '3': at_ += 3; return true;
      case '4': at_ += size_z; return true;
      case 'v': at_ += (rex_ & rex_w) != 0 ? 8 : size_z; return true;
      case 'a': at_ += address_size_ ? 4 : 8; return true;
      case 'r': at_ += 4; return size_z == 4;  // with a 66 prefix, processors differ
      case 'm':
      case 'b':
      case 'z':
      case 'f':
      case 'F': break;
      default: return false;
    }
    read_modrm();
    const bool test = (modrm_ >> 3 & 7) < 2;
    if (follows == 'b' || (follows == 'f' && test)) at_ += 1;
    if (follows == 'z' || (follows == 'F' && test)) at_ += size_z;
    return true;
  }

  void read_modrm() {
    has_modrm_ = true;
    modrm_at_ = at_;
    modrm_ = next();
    const unsigned mode = modrm_ >> 6;
    if (mode == 3) return;
    const unsigned base = (modrm_ & 7) == 4 ? next() & 7 : modrm_ & 7;
    if (mode == 1) at_ += 1;
    if (mode == 2) at_ += 4;
    if (mode == 0 && base == 5) at_ += 4;  // rip-relative, or no base
    knows_address_ = mode == 0 && (modrm_ & 7) == 5;
  }

  bool is_register_form() const { return modrm_ >> 6 == 3; }
  unsigned modrm_register() const { return modrm_ >> 3 & 7; }

  bool has_memory_operand() const {
    if (has_modrm_) {
      // lea only computes its operand's address; a nop ignores its operand.
      if (map_ == OpcodeMap::one && opcode_ == 0x8d) return false;
      if (map_ == OpcodeMap::two && opcode_ >= 0x19 && opcode_ <= 0x1f && !vector_) return false;
      return !is_register_form();
    }
    if (map_ != OpcodeMap::one) return false;
    // mov with an absolute address; movs, cmps, lods, outs and xlat, whose source segment can be
    // overridden.
    return (opcode_ >= 0xa0 && opcode_ <= 0xa7) || opcode_ == 0xac || opcode_ == 0xad ||
           opcode_ == 0x6e || opcode_ == 0x6f || opcode_ == 0xd7;
  }

  /// Whether the instruction may branch or leave the program.
  bool branches() const {
    if (map_ == OpcodeMap::one) {
      constexpr std::string_view always =
          "\xc2\xc3\xca\xcb\xcc\xcd\xcf\xe0\xe1\xe2\xe3\xe8\xe9\xeb\xf1\xf4";
      if (always.contains(static_cast<char>(opcode_)) || (opcode_ & 0xf0) == 0x70) return true;
      if (opcode_ == 0xc7) return modrm_ == 0xf8;  // xbegin
      return opcode_ == 0xff && modrm_register() >= 2 && modrm_register() <= 5;
    }
    if (map_ != OpcodeMap::two || vector_) return false;
    constexpr std::string_view always = "\x05\x07\x0b\x34\x35\xb9\xff";
    return always.contains(static_cast<char>(opcode_)) || (opcode_ & 0xf0) == 0x80;
  }
  bool ends() const {
    if (map_ == OpcodeMap::two) return !vector_ && opcode_ == 0x0b;
    if (map_ != OpcodeMap::one) return false;
    return opcode_ == 0xc2 || opcode_ == 0xc3 || opcode_ == 0xe9 || opcode_ == 0xeb ||
           opcode_ == 0xf4 || (opcode_ == 0xff && modrm_register() == 4);
  }

  /// Sets the kind. Returns false if the use of fs is unclear.
  bool classify() {
    const bool two = map_ == OpcodeMap::two && !vector_;
    if (map_ == OpcodeMap::one && opcode_ == 0x8f && modrm_register() != 0) return false;  // XOP
    if (two && opcode_ == 0x05) result_.kind = Instruction::system_call;
    if (two && (opcode_ == 0xa1 || opcode_ == 0xb4)) result_.kind = Instruction::loads_fs;
    if (map_ == OpcodeMap::one && opcode_ == 0x8e && modrm_register() == 4) {
      result_.kind = Instruction::loads_fs;
    }
    if (two && opcode_ == 0xae && repeat_ == 0xf3 && is_register_form() &&
        (modrm_register() == 0 || modrm_register() == 2)) {
      result_.kind =
          modrm_register() == 0 ? Instruction::reads_fs_base : Instruction::writes_fs_base;
      result_.fs_at = static_cast<std::uint8_t>(modrm_at_);
      result_.with_gs = static_cast<std::byte>(modrm_ | 8);
      return fs_prefixes_ == 0;
    }
    if (two && opcode_ == 0xae && repeat_ == 0xf3 && is_register_form() &&
        (modrm_register() == 1 || modrm_register() == 3)) {
      result_.kind = Instruction::uses_gs;
    }
    if (gs_prefix_ && fs_prefixes_ == 0 && has_memory_operand()) {
      result_.kind = Instruction::uses_gs;
    }
    if (fs_prefixes_ == 0 || !has_memory_operand()) return true;
    if (fs_prefixes_ > 1 || other_segment_ || result_.kind != Instruction::other) return false;
    result_.kind = Instruction::uses_fs;
    result_.with_gs = std::byte{0x65};
    return true;
  }

  std::span<const std::byte> code_;
  std::size_t at_ = 0;
  Instruction result_;

  unsigned fs_prefixes_ = 0;
  bool gs_prefix_ = false;
  bool other_segment_ = false;
  bool operand_size_ = false;
  bool address_size_ = false;
  bool lock_ = false;
  unsigned repeat_ = 0;
  unsigned rex_ = 0;

  OpcodeMap map_ = OpcodeMap::one;
  bool vector_ = false;
  unsigned opcode_ = 0;
  bool has_modrm_ = false;
  bool knows_address_ = false;  // the operand's address is relative to rip
  unsigned modrm_ = 0;
  std::size_t modrm_at_ = 0;
};

}  // namespace

std::optional<Instruction> decode_instruction(std::span<const std::byte> code) {
  return Decoder{code}.run();
}

}  // namespace trap
