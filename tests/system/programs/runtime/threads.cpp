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
struct Recorded {
  explicit Recorded(char name) : name{name} { record(name); }
  ~Recorded() { record(static_cast<char>(std::toupper(name))); }
  static void record(char letter) {
    if (story != nullptr) story->push_back(letter);
  }
  static thread_local std::string* story;
  char name;
};
thread_local std::string* Recorded::story = nullptr;

thread_local Recorded object_a{'a'};
Recorded& object_b() {
  thread_local Recorded object{'b'};
  return object;
}
struct MakesAnother : Recorded {
  MakesAnother() : Recorded{'c'} {}
  ~MakesAnother() { object_b(); }
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
  for (long i = 0; i < 8; ++i) check(results[i] == 5 + 100 * i, "thread {} has its own counter", i);
  check(counter == 5 && zeroes[0] == '\0', "the first thread's storage is untouched");

  int calls = 0;
  auto first =
      must(Thread::start([&calls, big = std::array<int, 500>{7}] { calls += big[0]; }), "a thread");
  Thread second{std::move(first)};
  second.join();
  second.join();
  check(calls == 7, "a moved thread is joined once");
  check(!Thread::start([] {}, {.stack_bytes = std::size_t{1} << 50}),
        "a thread without memory for its stack is not started");
  println("threads: thread-local storage, joined once");
}

void runtime::thread_locals() {
  std::string neither, both, late;
  Thread{[&] { Recorded::story = &neither; }}.join();
  check(neither.empty(), "unused thread-local objects are not made: {}", neither);
  Thread{[&] {
    Recorded::story = &both;
    check(object_a.name == 'a' && object_b().name == 'b' && object_b().name == 'b',
          "the object has its name");
  }}.join();
  check(both == "abBA", "objects are made at first use and destroyed in reverse order: {}", both);
  Thread{[&] {
    Recorded::story = &late;
    thread_local MakesAnother another;
    check(another.name == 'c', "the object has its name");
  }}.join();
  check(late == "cbCB", "an object made in a destructor is destroyed, too: {}", late);
  println("thread-local objects: made at first use, destroyed when their thread ends");
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
  check(mutex.try_lock(), "an unlocked mutex is taken");
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
    check(woken == 0, "no thread continues before the condition holds");
    open = true;
    condition.notify_all();
  }
  check(woken == 5, "all threads continue afterwards");
  println("locks: mutex and condition");
}
