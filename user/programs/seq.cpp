// seq [FIRST] LAST: prints the numbers from FIRST (by default 1) to LAST, one per line.
#include "arguments.h"

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "seq [FIRST] LAST"};
  const auto words = arguments.words(1, 2);
  const auto first = words.size() == 2 ? programs::number<long>(words.front()) : 1;
  const auto last = programs::number<long>(words.back());
  if (!first || !last) programs::wrong_usage("seq: FIRST and LAST must be numbers");
  for (long i = *first; i <= *last; ++i) user::println("{}", i);
  return 0;
}
