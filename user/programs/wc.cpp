// wc [FILE…]: counts lines, words and bytes.
#include <user/files.h>

#include "arguments.h"

using namespace user;

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "wc [FILE…]"};
  return for_each_input("wc", arguments.paths(), [](Fd fd, const char* path) {
    unsigned long lines = 0, words = 0, bytes = 0;
    bool in_word = false;
    static char buffer[16 * 1024];
    while (const auto count = read(fd, std::span{buffer}).value_or(0)) {
      bytes += count;
      for (const char c : std::string_view{buffer, count}) {
        const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        lines += c == '\n';
        words += !blank && !in_word;
        in_word = !blank;
      }
    }
    println("{:>7} {:>7} {:>7}{}{}", lines, words, bytes, fd == standard_input ? "" : " ",
            fd == standard_input ? "" : path);
  });
}
