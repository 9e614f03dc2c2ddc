// Counts words: jobs on all threads count parts of a text and send their counts through a channel
// to a job of the strand, which adds them up without a lock.
#include <async/host/pool.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

using async::Channel;
using async::Task;

namespace {

using Counts = Channel<std::size_t, 8>;

/// Counts the words that begin in `part`; `before` is the character in front of it.
Task<> count(std::string_view part, char before, Counts& counts) {
  std::size_t words = 0;
  for (const char each : part) {
    words += before == ' ' && each != ' ';
    before = each;
  }
  co_await counts.send(words);
}

/// A job of the strand: other jobs of the strand may use `total` too, without a lock.
Task<> add_up(Counts& counts, std::size_t& total) {
  while (const auto words = co_await counts.receive()) total += *words;
}

Task<std::size_t> count_all(std::string_view text, std::size_t part) {
  Counts counts;
  std::size_t total = 0;
  auto sum = async::spawn_in_strand(add_up(counts, total));
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (std::size_t at = 0; at < text.size(); at += part) {
      scope.spawn(count(text.substr(at, part), at == 0 ? ' ' : text[at - 1], counts));
    }
    co_return;
  });
  counts.close();
  co_await std::move(sum);
  co_return total;
}

}  // namespace

int main() {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "one two  three ";
  async::HostPool pool{std::thread::hardware_concurrency() > 1 ? 2u : 1u};
  std::printf("%zu words\n", pool.run(count_all(text, 10'000)));
}
