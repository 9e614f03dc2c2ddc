#include "runtime.h"

#include <user/check.h>

#include <algorithm>
#include <coroutine>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace user;

namespace {

struct Generator {
  struct promise_type {
    int value = 0;
    Generator get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int next) {
      value = next;
      return {};
    }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};

Generator squares() {
  for (int i = 1; i <= 4; ++i) co_yield i* i;
}

}  // namespace

void runtime::library() {
  std::vector<double> numbers{2.5, -1, 1e9, 0};
  std::ranges::sort(numbers);
  std::vector<int> integers(1'000);
  std::iota(integers.rbegin(), integers.rend(), 0);
  std::sort(integers.begin(), integers.end());
  check(std::ranges::is_sorted(numbers) && std::ranges::is_sorted(integers), "sort works");
  std::map<std::string, int> words;
  for (const char* word : {"b", "a", "b"}) ++words[word];
  check(words["b"] == 2 && words.begin()->first == "a", "a map of strings works");
  const auto text = std::make_unique<std::string>(1'000, 'x');
  check(*text + "y" == std::string(1'000, 'x') + 'y', "strings in unique_ptr work");

  int sum = 0;
  const auto generator = squares();
  for (;;) {
    generator.handle.resume();
    if (generator.handle.done()) break;
    sum += generator.handle.promise().value;
  }
  generator.handle.destroy();
  check(sum == 30, "coroutines work");

  check(format("{:>6.2f}|{:#x}|{:<4}|{:+}|{}", 3.14159, 255, "ab", 7, true) ==
            "  3.14|0xff|ab  |+7|true",
        "format works");
  println("library: containers, algorithms, coroutines, formats");
}
