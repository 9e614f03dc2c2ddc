// when_all() waits for all of several tasks. when_any() waits for the first to end, and cancels the
// others. Both run the tasks as jobs of their own, and return only when all of these have ended. A
// cancellation or a deadline of the caller cancels them all. Task context, in the strand. A
// parallel job may call when_all(), but not when_any().
#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/spawn.h"

namespace async {

namespace detail {

template <class T>
using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
Task<Value<T>> join(JoinHandle<T>& handle) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(handle);
    co_return {};
  } else {
    co_return co_await std::move(handle);
  }
}

template <class T>
Value<T> get(JoinHandle<T>& handle) noexcept {
  if constexpr (std::is_void_v<T>) {
    std::move(handle).get();
    return {};
  } else {
    return std::move(handle).get();
  }
}

/// Waits until a further job of the group ends. If this job is cancelled, cancels the group.
struct GroupWait {
  JoinGroup& group;
  const char* reason;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    Job& job = current_job();
    if (job.refuses_to_wait()) {
      for (Job* member : group.jobs) member->cancel();
    }
    job.prepare(&group, reason);
    job.suspend(self);
  }
  void await_resume() const noexcept {}
};

inline std::size_t ended(const JoinGroup& group) noexcept {
  std::size_t count = 0;
  for (const Job* job : group.jobs) count += job->done();
  return count;
}

}  // namespace detail

/// Returns all results in the order of the tasks; std::monostate for void.
template <class... Ts>
Task<std::tuple<detail::Value<Ts>...>> when_all(Task<Ts>... tasks) {
  std::tuple<JoinHandle<Ts>...> handles{spawn(std::move(tasks), {.name = "when_all"})...};
  if constexpr (platform::parallel_jobs) {
    if (current_job().is_parallel()) {
      auto join_all = [&]<std::size_t... i>(
                          std::index_sequence<i...>) -> Task<std::tuple<detail::Value<Ts>...>> {
        co_return std::tuple<detail::Value<Ts>...>{co_await detail::join(std::get<i>(handles))...};
      };
      co_return co_await join_all(std::index_sequence_for<Ts...>{});
    }
  }
  std::array<Job*, sizeof...(Ts)> jobs = std::apply(
      [](auto&... handle) { return std::array<Job*, sizeof...(Ts)>{&handle.job()...}; }, handles);
  JoinGroup group(jobs);
  std::apply([](auto&... handle) { (handle.set_joiner(&current_job()), ...); }, handles);
  while (detail::ended(group) != sizeof...(Ts)) {
    co_await detail::GroupWait{group, "when_all"};
  }
  co_return std::apply(
      [](auto&... handle) { return std::tuple<detail::Value<Ts>...>{detail::get(handle)...}; },
      handles);
}

/// Returns the result of the first task to end; `index()` is its position. Cancels and joins the
/// others. If several have ended when the caller runs, the first of them in the order of the tasks
/// counts.
template <class... Ts>
Task<std::variant<detail::Value<Ts>...>> when_any(Task<Ts>... tasks) {
  if (current_job().is_parallel()) {
    platform::fail("when_any() cancels jobs, and a parallel job cannot be cancelled");
  }
  std::tuple<JoinHandle<Ts>...> handles{spawn(std::move(tasks), {.name = "when_any"})...};
  std::array<Job*, sizeof...(Ts)> jobs = std::apply(
      [](auto&... handle) { return std::array<Job*, sizeof...(Ts)>{&handle.job()...}; }, handles);
  JoinGroup group(jobs);
  std::apply([](auto&... handle) { (handle.set_joiner(&current_job()), ...); }, handles);
  while (detail::ended(group) == 0) co_await detail::GroupWait{group, "when_any"};

  std::size_t winner = 0;
  while (!jobs[winner]->done()) ++winner;
  for (Job* job : jobs) job->cancel();
  while (detail::ended(group) != sizeof...(Ts)) {
    co_await detail::GroupWait{group, "when_any: losers"};
  }

  using Result = std::variant<detail::Value<Ts>...>;
  co_return [&]<std::size_t... i>(std::index_sequence<i...>) {
    std::array<Result (*)(std::tuple<JoinHandle<Ts>...>&), sizeof...(Ts)> pick{
        [](std::tuple<JoinHandle<Ts>...>& from) {
          return Result(std::in_place_index<i>, detail::get(std::get<i>(from)));
        }...};
    return pick[winner](handles);
  }(std::index_sequence_for<Ts...>{});
}

}  // namespace async
