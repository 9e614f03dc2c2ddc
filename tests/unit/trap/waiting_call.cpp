// A system call that waits, with and without a coroutine.
#include <async/async.h>
#include <trap/waiting_call.h>

#include "../async/support.h"

using namespace async_test;
using trap::Register;
using trap::RepeatableCall;
using trap::WaitingCall;

namespace {

/// Waits in a list, without a coroutine, until a number is not 0.
class NumberWait : public async::WaitLoop<NumberWait> {
 public:
  NumberWait(async::WaitList& list, int& number, int& live)
      : list_{list}, number_{number}, live_{live} {
    ++live_;
  }
  ~NumberWait() { --live_; }

  async::WaitOp wait() { return list_.wait("number"); }
  bool poll() {
    cut_ = async::current_job().result() != WaitResult::woken;
    return cut_ || number_ != 0;
  }
  bool attempt() const { return number_ != 0; }
  std::expected<int, abi::Errno> result() const {
    if (number_ == missing) return std::unexpected(abi::Errno::would_block);
    return cut_ ? -1 : number_;
  }
  using WaitLoop::again;

  static constexpr int missing = 13;  // stands for a result whose page is missing

 private:
  async::WaitList& list_;
  int& number_;
  int& live_;
  bool cut_ = false;
};

Task<Register> finish_call(auto make) {
  WaitingCall waiting;
  waiting.fill(make);
  const Register result = co_await waiting;
  CHECK(waiting.empty());
  co_return result;
}

struct NumberFixture : Fixture {
  async::WaitList list;
  int number = 0;
  int live = 0;

  auto wait() {
    return finish_call([this] { return NumberWait{list, number, live}; });
  }
};

}  // namespace

TEST_CASE_METHOD(NumberFixture,
                 "a wait without a coroutine uses the frame of the awaiting coroutine") {
  auto waiting = async::spawn(wait());
  run();
  CHECK(live == 1);
  CHECK_FALSE(list.empty());
  number = 7;
  list.wake_all();
  run();
  CHECK(std::move(waiting).get() == 7);
  CHECK(live == 0);
}

TEST_CASE_METHOD(NumberFixture, "a wait whose condition is still false waits again") {
  auto waiting = async::spawn(wait());
  run();
  CHECK(list.wake_all() == 1);
  run();
  CHECK_FALSE(waiting.done());
  CHECK(list.wake_all() == 1);
  run();
  CHECK_FALSE(waiting.done());
  number = 3;
  CHECK(list.wake_all() == 1);
  run();
  CHECK(std::move(waiting).get() == 3);
}

TEST_CASE_METHOD(NumberFixture,
                 "a cancelled job ends a wait, before it starts and while it waits") {
  auto waiting = async::spawn(wait());
  run();
  waiting.cancel();
  run();
  CHECK(std::move(waiting).get() == static_cast<Register>(-1));
  CHECK(list.empty());
  auto refused = async::spawn(wait());
  refused.cancel();
  run();
  CHECK(refused.done());
  CHECK(list.empty());
  CHECK(live == 0);
}

TEST_CASE_METHOD(NumberFixture, "the graph shows the job that waits and its reason") {
  auto waiting = async::spawn(wait(), {.name = "asker"});
  run();
  std::string graph;
  async::print_graph([&](std::string_view text) { graph += text; });
  CHECK(graph.contains("'asker' priority 16, waits: number"));
  CHECK(std::ranges::count(graph, '<') == 1);
  waiting.cancel();
  run();
}

TEST_CASE_METHOD(NumberFixture, "a coroutine is awaited in the same way, and its frame is freed") {
  auto later = [](async::WaitList& list) -> Task<int> {
    co_await list.wait("number");
    co_return 42;
  };
  auto waiting = async::spawn(finish_call([&] { return later(list); }));
  run();
  list.wake_all();
  run();
  CHECK(std::move(waiting).get() == 42);
}

TEST_CASE_METHOD(NumberFixture, "a wait without a value lets others run too, and answers 0") {
  std::string order;
  auto yielding = async::spawn([](std::string& order) -> Task<Register> {
    const Register result = co_await finish_call(async::yield);
    order += "yielding ";
    co_return result;
  }(order));
  auto other = async::spawn([](std::string& order) -> Task<> {
    order += "other ";
    co_return;
  }(order));
  run();
  CHECK(order == "other yielding ");
  CHECK(std::move(yielding).get() == 0);
}

TEST_CASE_METHOD(NumberFixture, "a wait that misses a page stays, and is tried again") {
  auto waiting = async::spawn([](NumberFixture& self) -> Task<Register> {
    WaitingCall call;
    call.fill([&] { return NumberWait{self.list, self.number, self.live}; });
    CHECK(co_await call == trap::would_block);
    CHECK(call.holds<NumberWait>());
    CHECK(co_await call == trap::would_block);  // without a wait
    self.number = 0;
    const Register result = co_await call;
    CHECK(call.empty());
    co_return result;
  }(*this));
  run();
  number = NumberWait::missing;
  CHECK(list.wake_all() == 1);
  run();
  CHECK_FALSE(waiting.done());
  number = 5;
  CHECK(list.wake_all() == 1);
  run();
  CHECK(std::move(waiting).get() == 5);
  CHECK(live == 0);
}

TEST_CASE_METHOD(NumberFixture, "to await a RepeatableCall does not make the call") {
  auto made = async::spawn([](int& number) -> Task<Register> {
    WaitingCall call;
    call.fill([&] { return RepeatableCall{[&number] { return Register(++number); }}; });
    CHECK(co_await call == trap::would_block);
    CHECK(co_await call == trap::would_block);
    CHECK(call.holds<RepeatableCall>());
    const auto repeated = call.take<RepeatableCall>();
    CHECK(call.empty());
    CHECK(number == 0);
    CHECK(repeated() == 1);
    co_return repeated();
  }(number));
  run();
  CHECK(std::move(made).get() == 2);
}

TEST_CASE("a caller that awaits yields itself takes them out") {
  WaitingCall call;
  call.fill([]() -> Task<int> { co_return 1; });
  CHECK_FALSE(call.holds<async::YieldOp>());
  call.clear();
  CHECK_FALSE(call.holds<async::YieldOp>());
  call.fill(async::yield);
  CHECK(call.holds<async::YieldOp>());
  static_cast<void>(call.take<async::YieldOp>());
  CHECK(call.empty());
}

TEST_CASE_METHOD(NumberFixture, "a wait that is never awaited leaves nothing behind") {
  const auto wait = [this] { return NumberWait{list, number, live}; };
  {
    WaitingCall call;
    call.fill(wait);
    CHECK(live == 1);
    call.clear();
    CHECK(live == 0);
    call.fill(wait);
  }
  {
    WaitingCall call;
    call.fill([]() -> Task<int> { co_return 1; });
  }
  CHECK(live == 0);
}
