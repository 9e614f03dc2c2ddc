#include "user/calls.h"

#include "user/clock.h"

namespace user {

Result<void> write_all(Fd fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = write(fd, text);
    if (!written) return std::unexpected{written.error()};
    text.remove_prefix(*written);
  }
  return {};
}

Result<int> poll(std::span<abi::PollFd> fds, std::optional<std::chrono::nanoseconds> timeout) {
  const auto time = to_timespec(timeout.value_or(nanoseconds{0}));
  return call<int>(Call::ppoll, fds.data(), fds.size(), timeout ? &time : nullptr, nullptr, 0);
}

}  // namespace user
