// C++ as a distribution's compiler builds it: streams, containers, exceptions, RTTI, threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <typeinfo>
#include <unordered_map>
#include <vector>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  explicit Square(double side) : side{side} {}
  double area() const override { return side * side; }
  double side;
};
struct Circle : Shape {
  double area() const override { return 3; }
};

struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  ~Counted() { --alive; }
};

int dig(int depth) {
  const Counted local;
  if (depth == 0) throw std::out_of_range{"the bottom"};
  return dig(depth - 1) + 1;
}

struct AtExit {
  ~AtExit() { std::cout << "static objects are destroyed" << std::endl; }
} at_exit;

thread_local std::string thread_name = "nobody";

int main() {
  std::mt19937 random{12345};
  std::map<std::string, int> words;
  std::istringstream text{"the quick brown fox jumps over the lazy dog the end"};
  for (std::string word; text >> word;) ++words[word];
  for (const auto& [word, count] : words) std::cout << word << '=' << count << ' ';
  std::cout << '\n';

  std::vector<unsigned> numbers(100000);
  std::generate(numbers.begin(), numbers.end(), std::ref(random));
  std::sort(numbers.begin(), numbers.end());
  std::unordered_map<unsigned, int> buckets;
  for (const auto number : numbers) ++buckets[number % 1000];
  std::cout << std::is_sorted(numbers.begin(), numbers.end()) << ' ' << buckets.size() << ' '
            << std::accumulate(numbers.begin(), numbers.end(), 0ull) << '\n';

  std::cout << std::hex << std::setw(8) << std::setfill('0') << 48879 << std::dec << ' '
            << std::fixed << std::setprecision(4) << 2.0 / 3 << ' ' << std::boolalpha << true
            << '\n';

  try {
    dig(100);
  } catch (const std::exception& error) {
    std::cout << "caught: " << error.what() << ", " << Counted::alive << " objects left\n";
  }
  try {
    std::vector<int>{}.at(3);
  } catch (const std::logic_error&) {
    std::cout << "caught a logic error\n";
  }
  try {
    std::vector<char> absurd(std::size_t(-1) / 4);
  } catch (const std::bad_alloc&) {
    std::cout << "caught bad_alloc\n";
  }

  std::vector<std::unique_ptr<Shape>> shapes;
  shapes.push_back(std::make_unique<Square>(3));
  shapes.push_back(std::make_unique<Circle>());
  for (const auto& shape : shapes) {
    std::cout << shape->area() << (dynamic_cast<Square*>(shape.get()) ? " square" : " other")
              << ' ';
  }
  std::cout << (typeid(*shapes[0]) == typeid(Square)) << '\n';

  std::atomic<int> total = 0;
  std::mutex mutex;
  std::set<std::string> names;
  {
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        thread_name = "thread " + std::to_string(i);
        for (int n = 0; n < 1000; ++n) total += i;
        const std::lock_guard lock{mutex};
        names.insert(thread_name);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  std::cout << total << ' ' << names.size() << ' ' << thread_name << '\n';

  auto sum = std::async(std::launch::async, [] { return 6 * 7; });
  auto failing =
      std::async(std::launch::async, []() -> int { throw std::runtime_error{"thrown"}; });
  std::cout << sum.get() << ' ';
  try {
    failing.get();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << " in another thread\n";
  }

  std::condition_variable condition;
  std::unique_lock lock{mutex};
  const auto status = condition.wait_for(lock, std::chrono::milliseconds{10});
  std::cout << (status == std::cv_status::timeout ? "timed out" : "notified") << '\n';
  return 0;
}
