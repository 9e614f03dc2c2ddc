// seq [FIRST] LAST: the numbers from FIRST (1 unless told) to LAST, a line each.
#include "arguments.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) programs::wrong_usage("usage: seq [FIRST] LAST");
  const auto first = argc == 3 ? programs::number<long>(argv[1]) : 1;
  const auto last = programs::number<long>(argv[argc - 1]);
  if (!first || !last) programs::wrong_usage("seq: numbers are wanted");
  for (long i = *first; i <= *last; ++i) user::println("{}", i);
  return 0;
}
