// cat [FILE…]: prints the files one after the other; standard input without arguments.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "cat [FILE…]"};
  bool well = true;
  const int code = for_each_input("cat", arguments.paths(), [&](Fd fd, const char* path) {
    static char buffer[16 * 1024];
    Result<std::size_t> count;
    while ((count = read(fd, std::span{buffer})).value_or(0) > 0) {
      if (const auto written = write_all(standard_output, {buffer, *count}); !written) {
        note_output_error(written.error());
        exit(finish_output("cat", 1));
      }
    }
    if (count) return;
    complain("cat: {}: {}", path, abi::description(count.error()));
    well = false;
  });
  return well ? code : 1;
}
