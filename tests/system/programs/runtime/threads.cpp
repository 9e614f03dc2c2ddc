#include "runtime.h"

#include <user/check.h>
#include <user/clock.h>
#include <user/sync.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

using namespace user;

namespace {

thread_local long counter = 5;
thread_local std::array<char, 600> zeroes;

// Each object appends its letter to its thread's story: lower case when constructed, upper case
// when destroyed.
struct Told {
  explicit Told(char name) : name{name} { tell(name); }
  ~Told() { tell(static_cast<char>(std::toupper(name))); }
  static void tell(char letter) {
    if (story != nullptr) story->push_back(letter);
  }
  static thread_local std::string* story;
  char name;
};
thread_local std::string* Told::story = nullptr;

thread_local Told told_a{'a'};
Told& told_b() {
  thread_local Told told{'b'};
  return told;
}
struct MakesAnother : Told {
  MakesAnother() : Told{'c'} {}
  ~MakesAnother() { told_b(); }
};

}  // namespace

void runtime::threads() {
  std::array<long, 8> results{};
  std::vector<Thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      check(std::ranges::count(zeroes, '\0') == 600, "new storage is zero");
      zeroes.fill('x');
      for (int i = 0; i < 100; ++i) {
        counter += &result - results.data();
        yield();
      }
      result = counter;
    });
  }
  threads.clear();
  for (long i = 0; i < 8; ++i) check(results[i] == 5 + 100 * i, "thread {} counts its own", i);
  check(counter == 5 && zeroes[0] == '\0', "the first thread's storage is untouched");

  int calls = 0;
  auto first =
      must(Thread::start([&calls, big = std::array<int, 500>{7}] { calls += big[0]; }), "a thread");
  Thread second{std::move(first)};
  second.join();
  second.join();
  check(calls == 7, "a moved thread is joined once");
  check(!Thread::start([] {}, {.stack_bytes = std::size_t{1} << 50}), "no stack, no thread");
  println("threads: storage of their own, joined once");
}

void runtime::thread_locals() {
  std::string neither, both, late;
  Thread{[&] { Told::story = &neither; }}.join();
  check(neither.empty(), "what a thread does not use is not made: {}", neither);
  Thread{[&] {
    Told::story = &both;
    check(told_a.name == 'a' && told_b().name == 'b' && told_b().name == 'b', "by its own name");
  }}.join();
  check(both == "abBA", "made at first use, dropped in the opposite order: {}", both);
  Thread{[&] {
    Told::story = &late;
    thread_local MakesAnother another;
    check(another.name == 'c', "by its own name");
  }}.join();
  check(late == "cbCB", "one that is made by another's destructor is dropped too: {}", late);
  println("thread-local objects: made at first use, dropped when their thread ends");
}

void runtime::locks() {
  Mutex mutex;
  mutex.lock();
  bool taken = true;
  {
    Thread other{[&] { taken = mutex.try_lock(); }};
  }
  check(!taken, "a locked mutex is not taken");
  mutex.unlock();
  check(mutex.try_lock(), "an unlocked one is");
  mutex.unlock();

  Condition condition;
  int woken = 0;
  bool open = false;
  {
    std::vector<Thread> waiters;
    for (int i = 0; i < 5; ++i) {
      waiters.emplace_back([&] {
        const Lock lock{mutex};
        condition.wait(mutex, [&] { return open; });
        ++woken;
      });
    }
    must(sleep_for(5ms), "sleeping");
    const Lock lock{mutex};
    check(woken == 0, "nobody goes on before the condition holds");
    open = true;
    condition.notify_all();
  }
  check(woken == 5, "then everybody does");
  println("locks: mutex and condition");
}
