// Waits for the keyboard while another thread prints ticks. Ends at `bye` or at the end of input.
// With arguments it prints them, as the usual echo does.
#include <user/check.h>
#include <user/clock.h>
#include <user/demo.h>
#include <user/thread.h>

#include <atomic>
#include <span>
#include <string_view>

COTRAP_DEMO(.description = "one thread waits for the keyboard while another prints ticks",
            .input = R"(\d\dhello\n\dbye\n)");

using namespace user;

namespace {

int say(std::span<char* const> words) {
  for (const char* const& word : words) print("{}{}", &word == words.data() ? "" : " ", word);
  println("");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return say({argv + 1, argv + argc});

  std::atomic<int> ticks = 0;
  std::atomic<bool> stop = false;
  Thread ticker{[&] {
    for (auto next = now(); !stop; must(sleep_until(next += 100ms), "sleeping")) {
      println("tick {}", ++ticks);
    }
  }};

  println("Type a line; `bye` ends.");
  int lines = 0;
  int ticks_while_waiting = 0;
  for (bool more = true; more;) {
    char buffer[256];
    const int before = ticks;
    const auto count = must(read(standard_input, std::span{buffer}), "reading the keyboard");
    ticks_while_waiting += ticks - before;

    std::string_view text{buffer, count};
    more = !text.empty();
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      println("you typed: {}", line);
      ++lines;
      if (line == "bye") more = false;
    }
  }
  stop = true;
  ticker.join();
  println("{} lines; {} ticks while waiting for them", lines, ticks_while_waiting);
  check(lines > 0, "the input has at least one line");
  check(ticks_while_waiting > 0, "the ticker runs while the demo waits for the keyboard");
  return 0;
}
