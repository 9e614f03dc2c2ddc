// uname [-asnrvm]: prints the system's name (-s, the default), the machine's name (-n), the release
// (-r), the version (-v) and the kind of machine (-m); -a prints all. The output has this order,
// whatever the order of the options.
#include <string>
#include <utility>

#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "uname [-asnrvm]"};
  std::string wanted;
  while (arguments.next().starts_with('-') && arguments.next() != "--") {
    const std::string_view letters = arguments.take_word().substr(1);
    if (letters.empty() || letters.find_first_not_of("asnrvm") != letters.npos) arguments.wrong();
    wanted += letters;
  }
  arguments.words(0, 0);
  if (wanted.empty()) wanted = "s";

  const auto name = user::system_name();
  const std::pair<char, const char*> facts[] = {{'s', name.system},
                                                {'n', name.node},
                                                {'r', name.release},
                                                {'v', name.version},
                                                {'m', name.machine}};
  const char* between = "";
  for (const auto& [letter, value] : facts) {
    if (!wanted.contains(letter) && !wanted.contains('a')) continue;
    user::print("{}{}", std::exchange(between, " "), value);
  }
  user::println("");
  return 0;
}
