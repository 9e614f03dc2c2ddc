// An exception in the kernel before trap/ has its own gates, or in a kernel without trap/: a bug.
#include <hal/console.h>
#include <hal/memory_map.h>
#include <hal/power.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace hal::pc {
namespace {

/// What is on the stack: pushed by gates.S, and by the processor.
struct Exception {
  std::uint64_t vector, error, pc, code_segment, flags, stack, stack_segment;
};

class Line {
 public:
  void add(std::string_view text) {
    for (const char letter : text)
      if (count_ < text_.size()) text_[count_++] = letter;
  }
  void add_hexadecimal(std::uint64_t number) {
    add("0x");
    for (int shift = 60; shift >= 0; shift -= 4) {
      constexpr std::string_view digits = "0123456789abcdef";
      add(digits.substr(number >> shift & 15, 1));
    }
  }
  std::string_view text() const { return {text_.data(), count_}; }

 private:
  std::array<char, 200> text_;
  std::size_t count_ = 0;
};

}  // namespace
}  // namespace hal::pc

extern "C" [[noreturn]] void hal_report_exception(const hal::pc::Exception& exception) {
  using namespace hal;
  VirtAddr address;
  asm volatile("movq %%cr2, %0" : "=r"(address));
  pc::Line line;
  line.add("cotrap: exception ");
  line.add_hexadecimal(exception.vector);
  line.add(", error ");
  line.add_hexadecimal(exception.error);
  line.add(", pc ");
  line.add_hexadecimal(exception.pc);
  line.add(", address ");
  line.add_hexadecimal(address);
  line.add("\n");
  console_take_over();
  console_write(line.text());
  power_off(1);
}
