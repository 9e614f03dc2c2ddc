// `streams N` writes N records to each output, alternately, and exits with 7. A record has its
// stream, its number, and all byte values.
#include <abi/numbers.h>
#include <user/calls.h>
#include <user/check.h>

#include <charconv>
#include <iterator>
#include <string>
#include <string_view>

using namespace user;

namespace {

// These bytes are commands of framed output, which would change the stream if sent unescaped
// (docs/running.md).
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
  // The kernel logs an unknown call with the program's name. The test may start this program under
  // a name that contains bytes of `commands`.
  check(!call(abi::Call{500}), "call 500 fails");
  for (unsigned number = 0; number < records; ++number) {
    must(write_all(standard_output, record("out", number)), "standard output");
    must(write_all(standard_error, record("err", number)), "standard error");
    // A command split over two writes.
    for (const std::string_view half : {"\x10", "2"})
      must(write_all(standard_output, half), "half");
  }
  return 7;
}
