#include <catch2/catch_template_test_macros.hpp>

#include <memory>

#include "support.h"

using namespace async_test;

namespace {

Task<int> number(int value) {
  co_return value;
}
Task<int> sum_to(int count) {
  co_return count == 0 ? 0 : count + co_await sum_to(count - 1);
}

Task<int> add_in_a_loop(int steps) {
  int sum = 0;
  for (int i = 0; i < steps; ++i) sum += co_await number(1);
  co_return sum;
}

Task<std::unique_ptr<int>> boxed(int value) {
  co_return std::make_unique<int>(value);
}
Task<int&> itself(int& variable) {
  co_return variable;
}

struct Noisy {
  explicit Noisy(int& alive) : alive(&alive) { ++alive; }
  Noisy(Noisy&& other) noexcept : alive(other.alive) { ++*alive; }
  ~Noisy() { --*alive; }
  int* alive;
};
Task<Noisy> noisy(int& alive) {
  co_return Noisy(alive);
}

/// The distance in bytes from `base` to this stack frame.
std::ptrdiff_t stack_depth(const char* base) {
  return base - static_cast<const char*>(__builtin_frame_address(0));
}

Task<> nested(int depth, const char* base, std::ptrdiff_t& deepest) {
  if (depth == 0) {
    deepest = stack_depth(base);
    co_return;
  }
  Task<> child = nested(depth - 1, base, deepest);
  co_await std::move(child);
  deepest = std::max(deepest, stack_depth(base));
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a task runs when it is scheduled, not when it is made or spawned") {
  bool ran = false;
  auto body = [&]() -> Task<int> {
    ran = true;
    co_return 7;
  };
  auto handle = async::spawn(body());
  CHECK_FALSE(ran);
  CHECK_FALSE(handle.done());
  run();
  CHECK(ran);
  CHECK(std::move(handle).get() == 7);
}

TEST_CASE_METHOD(Fixture, "a task that is never awaited frees its frame") {
  int alive = 0;
  {
    Task<Noisy> task = noisy(alive);
  }
  CHECK(alive == 0);
}

TEST_CASE_METHOD(Fixture, "results may be move-only, references or void") {
  int variable = 1;
  auto body = [&]() -> Task<> {
    CHECK(*co_await boxed(5) == 5);
    co_await itself(variable) = 9;
    co_await []() -> Task<> { co_return; }();
  };
  finish(body());
  CHECK(variable == 9);
}

TEST_CASE_METHOD(Fixture, "every result is destroyed exactly once, whether it is taken or not") {
  int alive = 0;
  auto body = [&]() -> Task<> {
    {
      Noisy taken = co_await noisy(alive);
      CHECK(alive == 1);
    }
    CHECK(alive == 0);
    co_await noisy(alive);
    CHECK(alive == 0);
    auto joined = async::spawn(noisy(alive));
    co_await std::move(joined);
    CHECK(alive == 0);
    async::spawn(noisy(alive)).detach();
    co_await async::yield();
  };
  finish(body());
  CHECK(alive == 0);
}

TEST_CASE_METHOD(Fixture, "a suspended frame destroys its local objects when it is destroyed") {
  int alive = 0;
  async::WaitList list;
  auto inner = [&]() -> Task<> {
    Noisy held(alive);
    co_await list.wait("for ever");
  };
  auto outer = [&]() -> Task<> {
    Noisy held(alive);
    co_await inner();
  };
  auto handle = async::spawn(outer());
  run();
  CHECK(alive == 2);
  handle.cancel();
  run();
  std::move(handle).get();
  CHECK(alive == 0);
}

TEST_CASE_METHOD(Fixture, "recursion 1,000,000 awaits deep uses no stack") {
  std::ptrdiff_t deepest = 0;
  finish(nested(1'000'000, static_cast<const char*>(__builtin_frame_address(0)), deepest));
  CHECK(deepest < 8192);
  INFO("stack used: " << deepest << " bytes");
  CHECK(finish(sum_to(10'000)) == 50'005'000);
}

TEST_CASE_METHOD(Fixture, "1,000,000 awaits of tasks that complete immediately use no stack") {
  CHECK(finish(add_in_a_loop(1'000'000)) == 1'000'000);
}

TEST_CASE_METHOD(Fixture, "1,000,000 yields use no stack and no memory") {
  auto body = []() -> Task<int> {
    int i = 0;
    while (i < 1'000'000) {
      co_await async::yield();
      ++i;
    }
    co_return i;
  };
  auto handle = async::spawn(body());
  executor.run_one();
  const std::size_t chunks = world().chunks;
  run();
  CHECK(world().chunks == chunks);
  CHECK(std::move(handle).get() == 1'000'000);
}

TEST_CASE_METHOD(Fixture,
                 "a join returns the job's result, and does not wait if the job has ended") {
  auto body = []() -> Task<int> {
    auto first = async::spawn(number(1));
    auto second = async::spawn(number(2));
    co_await async::yield();
    CHECK(first.done());
    co_return co_await std::move(second) * 10 + co_await std::move(first);
  };
  CHECK(finish(body()) == 21);
}

TEST_CASE_METHOD(Fixture, "a detached job continues alone and frees itself") {
  bool ended = false;
  async::Event go;
  auto body = [&]() -> Task<> {
    co_await go.wait();
    ended = true;
  };
  async::spawn(body()).detach();
  run();
  CHECK(live_jobs() == 1);
  go.set();
  run();
  CHECK(ended);
  CHECK(live_jobs() == 0);
}

TEST_CASE_METHOD(Fixture, "a dropped handle detaches its job, before and after the job's end") {
  {
    auto handle = async::spawn(number(1));
  }
  run();
  CHECK(live_jobs() == 0);
  {
    auto handle = async::spawn(number(1));
    run();
    CHECK(live_jobs() == 1);
  }
  CHECK(live_jobs() == 0);
}

TEST_CASE_METHOD(Fixture, "with filled pools, spawn and await allocate no memory") {
  auto body = []() -> Task<> {
    for (int i = 0; i < 1000; ++i) {
      auto task = number(i);
      co_await async::spawn(sum_to(20));
      co_await std::move(task);
    }
  };
  finish(body());
  const std::size_t chunks = world().chunks;
  const std::size_t taken = async::platform::local().frames.bytes_taken();
  for (int i = 0; i < 10; ++i) finish(body());
  CHECK(world().chunks == chunks);
  CHECK(async::platform::local().frames.bytes_taken() == taken);
}

TEST_CASE_METHOD(Fixture, "a suspended task takes at most 96 bytes in total") {
  async::Event event;
  auto body = [](async::Event& event) -> Task<> { co_await event.wait(); };
  constexpr std::size_t count = 10'000;
  auto& frames = async::platform::local().frames;
  const std::size_t before = frames.bytes_in_use();
  for (std::size_t i = 0; i < count; ++i) async::spawn(body(event)).detach();
  run();
  const std::size_t each = (frames.bytes_in_use() - before) / count + sizeof(async::Job);
  INFO("bytes a suspended task: " << each);
#if defined(__OPTIMIZE__) && !__has_feature(address_sanitizer)
  CHECK(each <= 96);
#endif
  event.set();
  run();
}

namespace {

template <std::size_t bytes>
Task<> keep_aligned(async::Event& event, int& aligned) {
  alignas(16) std::array<std::byte, bytes> local{};
  std::byte* volatile escaped = local.data();
  (void)co_await event.wait("event");
  aligned += reinterpret_cast<std::uintptr_t>(escaped) % 16 == 0 ? 1 : 0;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "local objects aligned to 16 bytes are so in a frame of any size") {
  async::Event event;
  int aligned = 0;
  for (int i = 0; i < 5; ++i) {
    async::spawn(keep_aligned<1>(event, aligned)).detach();
    async::spawn(keep_aligned<8>(event, aligned)).detach();
    async::spawn(keep_aligned<24>(event, aligned)).detach();
    async::spawn(keep_aligned<40>(event, aligned)).detach();
    async::spawn(keep_aligned<200>(event, aligned)).detach();
  }
  run();
  event.set();
  run();
  CHECK(aligned == 25);
}

TEST_CASE("the pool serves and reuses frames of every size, and they never overlap") {
  async::FramePool pool;
  std::vector<std::pair<std::byte*, std::size_t>> blocks;
  for (std::size_t bytes = 8; bytes <= 20'000; bytes += bytes < 1200 ? 8 : 600) {
    for (int i = 0; i < 3; ++i) {
      auto* block = static_cast<std::byte*>(pool.allocate(bytes));
      REQUIRE(reinterpret_cast<std::uintptr_t>(block) % (bytes % 16 == 0 ? 16 : 8) == 0);
      std::fill_n(block, bytes, static_cast<std::byte>(blocks.size()));
      blocks.emplace_back(block, bytes);
    }
  }
  bool intact = true;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    for (std::size_t j = 0; j < blocks[i].second; ++j) {
      intact &= blocks[i].first[j] == static_cast<std::byte>(i);
    }
  }
  CHECK(intact);
  const std::size_t taken = pool.bytes_taken();
  for (auto [block, bytes] : blocks) pool.release(block, bytes);
  CHECK(pool.bytes_in_use() == 0);
  for (auto& [block, bytes] : blocks) block = static_cast<std::byte*>(pool.allocate(bytes));
  CHECK(pool.bytes_taken() == taken);
  for (auto [block, bytes] : blocks) pool.release(block, bytes);
}

namespace {

/// A coroutine that starts suspended and is resumed by its FrameHeader alone.
struct Plain {
  struct promise_type {
    std::uint64_t mark = 0x6b72616d;
    Plain get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
  std::coroutine_handle<promise_type> handle;
};
Plain plain(int& steps) {
  ++steps;
  co_await std::suspend_always{};
  ++steps;
}

}  // namespace

TEST_CASE("a suspended coroutine begins with the functions of a FrameHeader, then its promise") {
  int steps = 0;
  const Plain suspended = plain(steps);
  void* const frame = suspended.handle.address();
  const auto& header = async::FrameHeader::of(suspended.handle);
  CHECK(&suspended.handle.promise() ==
        static_cast<void*>(static_cast<std::byte*>(frame) + sizeof header));
  header.resume(frame);
  CHECK(steps == 1);
  header.resume(frame);
  CHECK(steps == 2);
  CHECK(suspended.handle.done());
  header.destroy(frame);
}

namespace {

template <class Promise>
struct Forged : async::ForgedFrame<Promise> {
  using Frame = async::ForgedFrame<Promise>;
  Forged() : Frame{resume} {}
  static void resume(void* frame) noexcept { ++Frame::template from<Forged>(frame).resumed; }
  const void* promise() const { return &this->promise_; }

  int resumed = 0;
};

}  // namespace

TEMPLATE_TEST_CASE("a ForgedFrame is laid out as a coroutine's frame", "", std::coroutine_handle<>,
                   async::PromiseBase, async::Promise<std::string>) {
  Forged<TestType> forged;
  const auto handle = forged.handle();
  CHECK(forged.promise() == static_cast<std::byte*>(handle.address()) + sizeof(async::FrameHeader));
  handle.resume();
  CHECK(forged.resumed == 1);
  CHECK(async::FrameHeader::of(handle).destroy == nullptr);
}
