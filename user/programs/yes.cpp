// yes [TEXT]: prints the text again and again, until a write fails.
#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "yes [TEXT]"};
  const auto words = arguments.words(0, 1);
  const std::string line = std::string{words.empty() ? "y" : words.front()} + "\n";
  std::string block;
  while (block.size() < 4096) block += line;
  for (;;) {
    if (const auto written = user::write_all(user::standard_output, block); !written) {
      user::note_output_error(written.error());
      return 1;
    }
  }
}
