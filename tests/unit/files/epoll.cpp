// epoll files: chains of them, and the end of watched files.
#include "files/epoll.h"

#include <vector>

#include "support.h"

using kernel::Epoll;
using kernel::File;
using kernel::Ref;
using test::Errno;

namespace {

/// A file that is ready when the test says so.
class Bell final : public File {
 public:
  Bell() : File{abi::o_rdonly} {}
  void ring() {
    is_ready_ = true;
    list_.wake_all();
  }
  void quiet() { is_ready_ = false; }
  short readiness() override { return is_ready_ ? abi::pollin : 0; }
  async::WaitList* changes(kernel::Direction) override { return &list_; }
  abi::Stat status() override { return {}; }

 private:
  bool is_ready_ = false;
  async::WaitList list_;
};

std::vector<std::uint64_t> take(Epoll& epoll, int most = 16) {
  std::vector<std::uint64_t> data;
  epoll.take(most, [&](std::uint32_t, std::uint64_t of) {
    data.push_back(of);
    return true;
  });
  return data;
}
using Data = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("an epoll file reports ready files in turns, and forgets files that end") {
  test::Machine machine;
  auto epoll = kernel::make_ref<Epoll>();
  std::vector<Ref<Bell>> bells;
  for (int i = 0; i < 100; ++i) {
    bells.push_back(kernel::make_ref<Bell>());
    REQUIRE(epoll->add(i, *bells.back(), abi::epollin, static_cast<std::uint64_t>(i)));
  }
  CHECK(epoll->add(7, *bells[7], abi::epollin, 0).error() == Errno::eexist);
  CHECK(epoll->remove(8, *bells[7]).error() == Errno::enoent);
  CHECK(take(*epoll).empty());
  for (const int i : {5, 90, 17}) bells[static_cast<std::size_t>(i)]->ring();
  CHECK(take(*epoll, 2) == Data{5, 90});
  CHECK(take(*epoll, 2) == Data{17, 5});
  bells[90]->quiet();
  CHECK(take(*epoll) == Data{17, 5});
  bells[17] = nullptr;
  CHECK(take(*epoll) == Data{5});
  bells.clear();
  CHECK(take(*epoll).empty());
}

TEST_CASE("an event that could not be passed on stays") {
  test::Machine machine;
  auto epoll = kernel::make_ref<Epoll>();
  auto bell = kernel::make_ref<Bell>();
  REQUIRE(epoll->add(0, *bell, abi::epollin | abi::epollet, 1));
  bell->ring();
  CHECK(epoll->take(1, [](std::uint32_t, std::uint64_t) { return false; }) == 0);
  CHECK(take(*epoll) == Data{1});
  CHECK(take(*epoll).empty());
}

TEST_CASE("at most five epoll files watch each other, without a cycle") {
  test::Machine machine;
  std::vector<Ref<Epoll>> chain;
  for (int i = 0; i < 7; ++i) chain.push_back(kernel::make_ref<Epoll>());
  const auto watch = [&](std::size_t upper, std::size_t lower) {
    return chain[upper]->add(0, *chain[lower], abi::epollin, lower);
  };
  SECTION("from below") {
    for (std::size_t i = 1; i < 5; ++i) CHECK(watch(i, i - 1));
    CHECK(watch(5, 4).error() == Errno::eloop);
  }
  SECTION("from above") {
    for (std::size_t i = 4; i > 0; --i) CHECK(watch(i, i - 1));
    CHECK(watch(5, 4).error() == Errno::eloop);
    CHECK(watch(0, 6).error() == Errno::eloop);
  }
  SECTION("in two parts") {
    CHECK(watch(0, 1));
    CHECK(watch(1, 2));
    CHECK(watch(4, 5));
    CHECK(watch(5, 6));
    CHECK(watch(2, 4).error() == Errno::eloop);
    CHECK(watch(1, 4));
  }
  CHECK(watch(0, 1).has_value() == false);
  auto bell = kernel::make_ref<Bell>();
  REQUIRE(chain[1]->add(9, *bell, abi::epollin, 9));
  bell->ring();
  CHECK(chain[1]->readiness() != 0);
  bell->quiet();
  CHECK(chain[1]->readiness() == 0);
}
