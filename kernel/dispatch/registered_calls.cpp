#include "syscalls/registered_calls.h"

#include <fmt/format.h>
#include <kernel/panic.h>

#include <array>

#include "dispatch/all_calls.h"
#include "dispatch/dispatch.h"
#include "dispatch/private_calls.h"

namespace kernel {
namespace {

/// The handlers of registered_calls(), indexed by place_of(). start_registered_calls() writes them
/// before other harts start; after that no hart writes them.
constinit std::array<RegisteredCall::Handler, linux_calls + registered_private_calls> handlers{};

/// The index of a call's handler. handlers.size() if no call of this number can be registered.
std::size_t place_of(std::uint64_t number) {
  if (number < linux_calls) return number;
  const std::uint64_t offset = number - abi::first_private_call;
  return offset < registered_private_calls ? linux_calls + offset : handlers.size();
}

bool is_in_a_table(std::uint64_t number) {
  const auto& answer = number < linux_calls
                           ? syscall_table[number].answer
                           : private_calls[number - abi::first_private_call].answer;
  return answer != unknown_call;
}

[[noreturn]] void refuse(const RegisteredCall& call) {
  std::array<char, 120> text;
  const auto end = fmt::format_to_n(text.data(), text.size(),
                                    "the registered system call {} has number {}, which is taken",
                                    call.name, call.number);
  panic({text.data(), end.out});
}

}  // namespace

ASYNC_DEFINE_REGISTRY(registered_calls, cotrap_calls, RegisteredCall);

void start_registered_calls() {
  (void)registered_calls().find([](const RegisteredCall& call) {
    RegisteredCall::Handler& handler = handlers[place_of(call.number)];
    if (handler != nullptr || is_in_a_table(call.number)) refuse(call);
    handler = call.answer;
    return false;
  });
}

RegisteredCall::Handler registered_handler(std::uint64_t number) {
  const std::size_t place = place_of(number);
  return place < handlers.size() ? handlers[place] : nullptr;
}

}  // namespace kernel
