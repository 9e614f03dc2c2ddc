// Counts words: jobs on all threads count parts of a text and send their counts through a channel
// to a job of the strand, which adds them up without a lock.
#include <async/host/pool.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

using async::Task;
using Counts = async::Channel<std::size_t, 8>;

/// Counts the words that begin in `part`; `before` is the character in front of it.
static Task<> count(std::string_view part, char before, Counts& counts) {
  std::size_t words = 0;
  for (const char each : part) words += std::exchange(before, each) == ' ' && each != ' ';
  co_await counts.send(words);
}

/// A job of the strand: other jobs of the strand may use `total` too, without a lock.
static Task<> add_up(Counts& counts, std::size_t& total) {
  while (const auto words = co_await counts.receive()) total += *words;
}

static Task<std::size_t> count_all(std::string_view text, std::size_t part) {
  Counts counts;
  std::size_t total = 0;
  auto sum = async::spawn_in_strand(add_up(counts, total));
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::size_t at = 0; at < text.size(); at += part)
      scope.spawn(count(text.substr(at, part), at == 0 ? ' ' : text[at - 1], counts));
    co_return;
  });
  counts.close();
  co_await std::move(sum);
  co_return total;
}

int main() {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "one two  three ";
  async::HostPool pool{2};
  std::printf("%zu words\n", pool.run(count_all(text, 10'000)));
}
