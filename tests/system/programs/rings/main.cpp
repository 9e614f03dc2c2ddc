// rings PART: runs one test of rings (docs/rings.md).
//
//   rings --leave HOW    ends with many in-flight requests
#include "rings.h"

#include <array>
#include <string_view>
#include <utility>

namespace {

constexpr auto parts = std::to_array<std::pair<std::string_view, void (*)()>>({
    {"operations", rings::operations},
    {"batches", rings::batches},
    {"joined", rings::joined},
    {"waits", rings::waits},
    {"links", rings::links},
    {"timeouts", rings::timeouts},
    {"cancels", rings::cancels},
    {"multishot", rings::multishot},
    {"picked-up", rings::submission_polling},
    {"queue", rings::queue},
    {"broken", rings::broken},
    {"unmapped", rings::unmapped},
    {"lost", rings::lost},
    {"overflow", rings::overflow},
    {"ends", rings::ends},
});

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && argv[1] == std::string_view{"--leave"}) return rings::leave(argv[2]);
  for (const auto& [name, run] : parts) {
    if (argc == 2 && argv[1] == name) return run(), 0;
  }
  fail("usage: rings PART");
}
