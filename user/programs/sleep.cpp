// sleep SECONDS: waits that long; 0.5 is half a second.
#include <user/clock.h>

#include "arguments.h"

using namespace user;

namespace {

// Converts decimal text to nanoseconds, without rounding.
std::optional<nanoseconds> duration(std::string_view text) {
  const auto whole = text.substr(0, text.find('.'));
  auto fraction =
      whole.size() == text.size() ? std::string{} : std::string{text.substr(whole.size() + 1)};
  fraction.resize(9, '0');
  const auto seconds = programs::number<unsigned>(whole.empty() ? "0" : whole);
  const auto rest = programs::number<unsigned>(fraction);
  if (!seconds || !rest) return {};
  return std::chrono::seconds{*seconds} + nanoseconds{*rest};
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "sleep SECONDS"};
  const char* text = arguments.words(1, 1).front();
  const auto time = duration(text);
  if (!time) programs::wrong_usage("sleep: {} is not a number of seconds", text);
  return sleep_for(*time) ? 0 : 1;
}
