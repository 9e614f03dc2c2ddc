// attempt() returns a coroutine's exception as an error to its caller. An exception handler, which
// is a coroutine itself, supplies missing pages. Other coroutines of the thread run meanwhile.
#include <user/async.h>
#include <user/check.h>
#include <user/demo.h>
#include <user/files.h>

COTRAP_DEMO(.description =
                "coroutines survive bad reads, and a handler supplies their missing pages");

using namespace user;
using async::Task;

namespace {

constexpr int requests = 100;
constexpr std::size_t pages = 8;

// One request in ten reads a null pointer.
Task<> serve(int request, int& served, int& failed) {
  static constexpr int number = 7;
  const volatile int* const asked_for = request % 10 == 3 ? nullptr : &number;
  co_await async::yield();
  const auto answer = attempt([=] { return *asked_for; });
  if (answer) {
    ++served;
  } else {
    check(answer.error().signal == abi::Signal::sigsegv, "a bad read is a SIGSEGV");
    ++failed;
  }
}

Task<> serve_all() {
  int served = 0, failed = 0;
  co_await async::with_scope([&](async::Scope& scope) -> Task<> {
    for (int i = 0; i < requests; ++i) scope.spawn(serve(i, served, failed), {.name = "request"});
    co_return;
  });
  println("{} requests served, {} read a null pointer and got an error", served, failed);
  check(served == requests * 9 / 10 && failed == requests / 10, "each request ends as expected");
}

// Memory without access rights. At the first access to a page, the exception handler fills the page
// from `file`, which is this program's executable.
std::span<std::byte> region;
Fd file = -1;

Task<Verdict> bring_page(Exception missing) {
  const std::size_t place = missing.address - reinterpret_cast<std::uintptr_t>(region.data());
  if (place >= region.size()) co_return Verdict::die;
  const std::size_t at = place / page_size * page_size;
  std::array<std::byte, page_size> bytes{};
  must(co_await sys::read_at(file, bytes, at), "reading a page");
  must(protect_memory(&region[at], page_size, abi::prot_read | abi::prot_write),
       "access to a page");
  std::ranges::copy(bytes, &region[at]);
  co_return Verdict::retry;
}

Task<> count(bool& over, long& steps) {
  while (!over) {
    ++steps;
    co_await async::yield();
  }
}

Task<> read_region() {
  bool over = false;
  long steps = 0;
  unsigned sum = 0;
  co_await async::when_all(count(over, steps), [](bool& over, unsigned& sum) -> Task<> {
    for (std::size_t i = 0; i < region.size(); i += page_size) {
      sum += static_cast<unsigned>(const_cast<const volatile std::byte&>(region[i]));
      co_await async::yield();
    }
    over = true;
  }(over, sum));
  const auto brought = upcall_counts().exceptions;
  println("{} pages were missing, and a handler of the program supplied them (sum {})", brought,
          sum);
  println("  another coroutine ran {} steps meanwhile", steps);
  check(brought == pages && steps > static_cast<long>(pages),
        "the handler supplies each page while another coroutine runs");
}

Task<> read_without_rights(bool& failed) {
  failed = !attempt([] { return const_cast<const volatile std::byte&>(region[0]); });
  co_return;
}

}  // namespace

int main(int, char** arguments) {
  run(serve_all());
  file = must(open(arguments[0]), arguments[0]);
  region = {must(map_memory(pages * page_size, abi::prot_none), "a region"), pages * page_size};
  bool is_protected = false;
  run(read_without_rights(is_protected));
  if (!is_protected) {
    println("skipped: nothing protects the memory of this machine");
    return 0;
  }
  run(read_region(), {.on_exception = bring_page});
}
