// Typed system calls: a function's signature determines how the registers are decoded.

#include <async/task.h>
#include <trap/syscall_table.h>
#include <trap/typed_call.h>
#include <trap/user_context.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <expected>
#include <string>

using namespace trap;

namespace {

enum class Error : int { no_memory = 12, no_call = 38 };

/// An argument of two registers, such as an address with a size.
struct Pair {
  std::uint64_t first;
  std::uint64_t second;
};

}  // namespace

template <>
struct trap::FromRegisters<Pair> {
  static constexpr std::size_t count = 2;
  static constexpr Pair decode(const Register* in) { return {in[0], in[1]}; }
};

namespace {

// Checks at compile time which signatures are rejected.
template <class Signature>
concept Callable = requires(UserContext& context) { TypedCall<Signature, UserContext>{context}; };

static_assert(Callable<int()>);
static_assert(Callable<void(int, int, int, int, int, int)>);
static_assert(Callable<void(int, int, int, int, int, int, int)>);
static_assert(Callable<std::expected<long, Error>(const char*, std::size_t)>);
static_assert(Callable<int(Pair, Pair, Pair)>);
static_assert(Callable<int(Pair, Pair, Pair, int)>);
static_assert(!Callable<int(int, int, int, int, int, int, int, int)>, "eight registers");
static_assert(!Callable<int(Pair, Pair, Pair, Pair)>, "eight registers in four arguments");
static_assert(!Callable<int(std::string)>, "not in a register");
static_assert(!Callable<int(double)>, "floating point is not passed to the kernel");
static_assert(!Callable<int(int&)>, "a reference into a program");
static_assert(!Callable<std::string(int)>, "no such result");
static_assert(!Callable<Pair()>, "one register comes back");

struct Self : SyscallCaller {
  int calls = 0;
};
using Table = SyscallTable<Self, 16>;

Register unknown(Self&, const UserContext&) {
  return ToRegister<std::expected<void, Error>>::encode(std::unexpected(Error::no_call));
}
int answer(Self& self) {
  ++self.calls;
  return 42;
}
std::expected<std::uint64_t, Error> sum(Self&, std::uint32_t a, Pair pair, std::int16_t b) {
  return a + pair.first + pair.second + static_cast<std::uint64_t>(b);
}
std::expected<void, Error> refuse(Self&) {
  return std::unexpected(Error::no_memory);
}
async::Task<int> later(Self&, int value) {
  co_return value + 1;
}
Answer<int> even_or_later(Self& self, int value) {
  if (value % 2 == 0) return value;
  return self.wait([&] { return later(self, value); });
}
Answer<std::expected<int, Error>> refuse_or_yield(Self&, bool yields) {
  if (yields) return std::unexpected(abi::Errno::would_block);
  return std::unexpected(Error::no_memory);
}

constexpr Table table = Table{unknown}
                            .with<answer>(0)
                            .with<sum>(1)
                            .with<refuse>(2)
                            .with<even_or_later>(3)
                            .with<later>(4)
                            .with_no_resched<refuse_or_yield>(5);

using PrivateTable = SyscallTable<Self, 2, argument_registers>;
std::uint64_t digits(Self&, int a, int b, int c, int d, int e, int f, int g) {
  std::uint64_t number = 0;
  for (const int digit : {a, b, c, d, e, f, g})
    number = number * 10 + static_cast<std::uint64_t>(digit);
  return number;
}
async::Task<int> seventh_later(Self&, Pair, Pair, Pair, int seventh) {
  co_return seventh;
}
constexpr PrivateTable private_table =
    PrivateTable{unknown}.with_no_strand<digits>(0).with<seventh_later>(1);

template <auto Handler, class T = Table>
concept Bindable = requires(T t) { t.template with<Handler>(0); };
template <auto Handler, class T = Table>
concept BindableTwice = requires(T t) { t.template with_outside<Handler, Handler>(0); };
int by_value(Self, int) {
  return 0;
}
int too_many(Self&, Pair, Pair, Pair, Pair) {
  return 0;
}
static_assert(Bindable<answer>);
static_assert(Bindable<later>);
static_assert(!Bindable<by_value>, "a handler takes its caller by reference");
static_assert(Bindable<digits, PrivateTable> && Bindable<seventh_later, PrivateTable>);
static_assert(!Bindable<digits> && !Bindable<seventh_later>, "Linux's calls have six registers");
static_assert(BindableTwice<digits, PrivateTable> && !BindableTwice<digits>);
static_assert(!Bindable<too_many, PrivateTable>);

UserContext call(std::uint64_t number, std::initializer_list<std::uint64_t> arguments = {}) {
  UserContext context;
  context.x[UserContext::a7] = number;
  std::size_t next = UserContext::a0;
  for (const std::uint64_t argument : arguments) context.x[next++] = argument;
  return context;
}

}  // namespace

TEST_CASE("the example of the documents reads arguments from a context and writes the result") {
  UserContext context;
  context.x[UserContext::a0] = 0xffff'ffff'0000'0007;
  context.x[UserContext::a0 + 1] = 0x1000;
  TypedCall<std::size_t(std::uint32_t, const std::uint8_t*), UserContext> call{context};

  const auto [a, b] = call.arguments();
  CHECK(a == 7);  // the upper half of the register is ignored
  CHECK(b == reinterpret_cast<const std::uint8_t*>(0x1000));
  call.set_result(a + reinterpret_cast<std::size_t>(b));
  CHECK(context.x[UserContext::a0] == 0x1007);
}

TEST_CASE("a default context has zero arguments") {
  UserContext context;
  const auto [a, b] = TypedCall<int(long, char*), UserContext>{context}.arguments();
  CHECK(a == 0);
  CHECK(b == nullptr);
}

TEST_CASE("six arguments come from six registers in order") {
  UserContext context = call(0, {1, 2, 3, 4, 5, 6});
  const auto arguments =
      TypedCall<void(int, int, int, int, int, int), UserContext>{context}.arguments();
  CHECK(arguments == std::tuple{1, 2, 3, 4, 5, 6});
}

TEST_CASE("the seventh argument of a private call comes from the register after the six") {
  Self self;
  UserContext context = call(0, {1, 2, 3, 4, 5, 6, 7});
  const auto arguments =
      TypedCall<void(int, int, int, int, int, int, int), UserContext>{context}.arguments();
  CHECK(arguments == std::tuple{1, 2, 3, 4, 5, 6, 7});
  CHECK(context.x[UserContext::a6] == 7);
  CHECK(private_table[0].answer(self, context) == 1'234'567);
  CHECK(private_table[1].answer(self, context) == would_block);
}

TEST_CASE("narrow arguments keep their sign, and narrow results are sign-extended") {
  UserContext context = call(0, {0xffff'ffff});
  TypedCall<int(int), UserContext> typed{context};
  CHECK(std::get<0>(typed.arguments()) == -1);
  typed.set_result(-5);
  CHECK(context.x[UserContext::a0] == static_cast<std::uint64_t>(-5));
}

TEST_CASE("an argument of two registers shifts the arguments after it") {
  Self self;
  const UserContext context = call(1, {1, 10, 100, static_cast<std::uint64_t>(-3)});
  CHECK(table[1].answer(self, context) == 108);
}

TEST_CASE("a failure is the negative error number") {
  Self self;
  CHECK(table[2].answer(self, call(2)) == static_cast<Register>(-12));
}

TEST_CASE("a handler that has to wait leaves what the call waits for, and reports would_block") {
  Self self;
  CHECK(table[3].answer(self, call(3, {8})) == 8);
  CHECK(self.waiting().empty());
  CHECK(table[3].answer(self, call(3, {7})) == would_block);
  CHECK_FALSE(self.waiting().empty());
}

TEST_CASE("a coroutine as a handler always waits, and has no fast path") {
  Self self;
  CHECK(table[4].answer(self, call(4, {1})) == would_block);
  CHECK_FALSE(self.waiting().empty());
  CHECK(table[4].form == CallForm::no_fast_path);
}

TEST_CASE("a handler may leave nothing, and then the call only yields") {
  Self self;
  CHECK(table[5].answer(self, call(5, {1})) == would_block);
  CHECK(self.waiting().empty());
  CHECK(table[5].answer(self, call(5, {0})) == static_cast<Register>(-12));
  CHECK(table[5].form == CallForm::no_resched);
}

TEST_CASE("a handler leaves what the call waits for where its caller says") {
  Self self;
  WaitingCall place;
  {
    const SyscallCaller::Elsewhere there{self, &place};
    CHECK(table[3].answer(self, call(3, {7})) == would_block);
  }
  CHECK_FALSE(place.empty());
  CHECK(self.waiting().empty());
  {
    const SyscallCaller::Elsewhere nowhere{self, nullptr};
    CHECK(table[3].answer(self, call(3, {7})) == would_block);
    CHECK(table[4].answer(self, call(4, {1})) == would_block);
  }
  CHECK(self.waiting().empty());
  CHECK(table[4].answer(self, call(4, {1})) == would_block);
  CHECK_FALSE(self.waiting().empty());
}

TEST_CASE("every number has an entry, and unused numbers have that of unknown calls") {
  Self self;
  for (const std::uint64_t number : {std::uint64_t{6}, std::uint64_t{15}, std::uint64_t{16},
                                     std::uint64_t{0x1000}, ~std::uint64_t{0}}) {
    CHECK(table[number].answer(self, call(number)) == static_cast<Register>(-38));
  }
  CHECK(table[0].answer(self, call(0)) == 42);
  CHECK(self.calls == 1);
}
