// The same jobs as coroutines and as functions with stacks of their own, for benchmarks that
// compare the two kinds.
#pragma once

#include <async/async.h>
#include <user/check.h>
#include <user/stackful.h>

#include <utility>

namespace bench {

struct Stackless {
  static constexpr const char* name = "stackless";

  static auto spawn_yields(int times) { return async::spawn(yields(times)); }
  static auto spawn_ends() { return async::spawn(ends()); }
  static auto spawn_waits(async::WaitList& list) { return async::spawn(waits(list)); }
  /// Calls begin() after `times` yields, and end() after `more` further ones.
  static auto spawn_calls(int times, void (*begin)(), int more, void (*end)()) {
    return async::spawn(calls(times, begin, more, end));
  }

 private:
  static async::Task<> yields(int times) {
    for (int i = 0; i < times; ++i) co_await async::yield();
  }
  static async::Task<> ends() { co_return; }
  static async::Task<> waits(async::WaitList& list) {
    static_cast<void>(co_await list.wait("nothing"));
  }
  static async::Task<> calls(int times, void (*begin)(), int more, void (*end)()) {
    for (int i = 0; i < times; ++i) co_await async::yield();
    begin();
    for (int i = 0; i < more; ++i) co_await async::yield();
    end();
  }
};

struct Stackful {
  static constexpr const char* name = "stackful";

  static auto spawn_yields(int times) {
    return spawn([times] {
      for (int i = 0; i < times; ++i) user::wait_for(async::yield());
    });
  }
  static auto spawn_ends() {
    return spawn([] {});
  }
  static auto spawn_waits(async::WaitList& list) {
    return spawn([&] { static_cast<void>(user::wait_for(list.wait("nothing"))); });
  }
  static auto spawn_calls(int times, void (*begin)(), int more, void (*end)()) {
    return spawn([=] {
      for (int i = 0; i < times; ++i) user::wait_for(async::yield());
      begin();
      for (int i = 0; i < more; ++i) user::wait_for(async::yield());
      end();
    });
  }

 private:
  static async::JoinHandle<void> spawn(auto f) {
    return user::must(user::spawn_stackful(std::move(f)), "a stack");
  }
};

/// Starts `times` jobs one after the other, and joins each.
template <class Jobs>
async::Task<> spawn_and_join(int times) {
  for (int i = 0; i < times; ++i) co_await Jobs::spawn_ends();
}

}  // namespace bench
