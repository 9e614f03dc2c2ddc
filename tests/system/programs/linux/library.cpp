// What a C++ program uses of its standard library: threads, folders and coroutines.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <coroutine>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;

static void threads() {
  std::vector<long> sums(8);
  std::barrier all(8);
  std::atomic<int> passed = 0;
  {
    std::vector<std::jthread> running;
    for (long i = 0; i < 8; ++i) {
      running.emplace_back([&, i] {
        for (long n = 0; n < 1000; ++n) sums[i] += n * i;
        all.arrive_and_wait();
        passed += static_cast<int>(std::accumulate(sums.begin(), sums.end(), 0L) == 28 * 499500);
      });
    }
  }
  printf("%d threads see all sums\n", passed.load());

  std::counting_semaphore<> free_places(4), items(0);
  std::mutex mutex;
  std::vector<int> queue;
  long taken = 0;
  std::thread producer([&] {
    for (int i = 1; i <= 1000; ++i) {
      free_places.acquire();
      const std::lock_guard lock(mutex);
      queue.push_back(i);
      items.release();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    items.acquire();
    const std::lock_guard lock(mutex);
    taken += queue.back();
    queue.pop_back();
    free_places.release();
  }
  producer.join();
  printf("a queue moves %ld\n", taken);

  std::condition_variable_any ready;
  std::jthread waits([&](std::stop_token stop) {
    std::unique_lock lock(mutex);
    printf("a wait that is stopped: %d\n", ready.wait(lock, stop, [] { return false; }));
  });
  waits.request_stop();
  waits.join();
  auto fails = std::async(std::launch::async, []() -> int { throw std::string("thrown"); });
  try {
    fails.get();
  } catch (const std::string& text) {
    printf("a future has %s\n", text.c_str());
  }
}

static void folders() {
  const fs::path top = "/tmp/library-folder";
  fs::remove_all(top);
  fs::create_directories(top / "a" / "b");
  std::ofstream(top / "a" / "file") << std::string(10000, 'x');
  fs::copy_file(top / "a" / "file", top / "a" / "b" / "copy");
  fs::create_symlink("file", top / "a" / "link");
  fs::create_hard_link(top / "a" / "file", top / "second");
  fs::resize_file(top / "second", 5000);
  fs::permissions(top / "second", fs::perms::owner_read);
  std::vector<std::string> found;
  for (const auto& each : fs::recursive_directory_iterator(top)) {
    const auto size = each.is_regular_file() ? static_cast<long>(each.file_size()) : -1;
    found.push_back(fs::relative(each.path(), top).string() + " " + std::to_string(size));
  }
  std::sort(found.begin(), found.end());
  for (const auto& line : found) printf("%s\n", line.c_str());
  printf("links %ld, mode %o, same %d\n", static_cast<long>(fs::hard_link_count(top / "second")),
         static_cast<unsigned>(fs::status(top / "second").permissions()),
         fs::equivalent(top / "second", top / "a" / "link"));
  fs::rename(top / "a", top / "c");
  printf("%s\n", fs::canonical(top / "c" / "b" / ".." / "link").c_str());
  std::error_code error;
  fs::remove(top / "c", error);
  printf("%s\n", error.message().c_str());
  printf("%d removed\n", static_cast<int>(fs::remove_all(top)));
}

struct Numbers {
  struct promise_type {
    int value = 0;
    Numbers get_return_object() {
      return Numbers{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int next) {
      value = next;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  explicit Numbers(std::coroutine_handle<promise_type> frame) : handle(frame) {}
  Numbers(const Numbers&) = delete;
  ~Numbers() { handle.destroy(); }
  std::coroutine_handle<promise_type> handle;
};

static Numbers fibonacci(int count) {
  for (int a = 0, b = 1; count > 0; --count) {
    co_yield a;
    b += a;
    a = b - a;
  }
}

int main() {
  threads();
  folders();
  long sum = 0;
  const Numbers numbers = fibonacci(30);
  // Each value on another thread.
  for (numbers.handle.resume(); !numbers.handle.done();) {
    sum += numbers.handle.promise().value;
    std::thread([&] { numbers.handle.resume(); }).join();
  }
  printf("coroutines count %ld\n", sum);
}
