// Writes to both of its outputs by turns: `streams N` ends with status 7 after N records on each.
// A record has its stream, its number, and every byte there is.
#include <abi/numbers.h>
#include <user/calls.h>
#include <user/check.h>

#include <charconv>
#include <iterator>
#include <string>
#include <string_view>

using namespace user;

namespace {

// Read by themselves these would change the stream of framed output (docs/running.md).
constexpr std::string_view commands =
    "\x10"
    "1"
    "\x10"
    "2"
    "\x10\x10"
    "2";

std::string record(std::string_view stream, unsigned number) {
  char digits[16];
  const char* const end = std::to_chars(digits, std::end(digits), number).ptr;
  std::string text{stream};
  text.append(digits, static_cast<std::size_t>(end - digits)).append(commands);
  for (unsigned byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  return text;
}

}  // namespace

int main(int count, char** arguments) {
  unsigned records = 1;
  if (count > 1) {
    const std::string_view text = arguments[1];
    std::from_chars(text.data(), text.data() + text.size(), records);
  }
  // The kernel logs the program's name, which may hold a command, too.
  check(!call(abi::Call{500}), "there is no such call");
  for (unsigned number = 0; number < records; ++number) {
    must(write_all(standard_output, record("out", number)), "standard output");
    must(write_all(standard_error, record("err", number)), "standard error");
    // Halves of a command in two writes.
    for (const std::string_view half : {"\x10", "2"})
      must(write_all(standard_output, half), "half");
  }
  return 7;
}
