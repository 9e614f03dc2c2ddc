// `connections SEEDS [FIRST]`: TCP connections over 127.0.0.1 whose two ends several threads use at
// the same time. For each seed:
//
// - order: a writer and a reader for each direction move bytes in random portions. Each byte
//   arrives, and in its place.
// - chaos: eight threads send, receive, shut down, poll and close both ends at random, and change
//   their options. No call hangs.
//
// All memory is free afterwards. Prints "ok".
#include <abi/socket.h>
#include <user/calls.h>
#include <user/check.h>
#include <user/print.h>
#include <user/socket.h>
#include <user/thread.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "free_pages.h"

using namespace user;

namespace {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_{seed * 0x9e37'79b9'7f4a'7c15 + 1} {}
  std::uint32_t below(std::uint32_t limit) {
    state_ = state_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    return static_cast<std::uint32_t>((state_ >> 33) % limit);
  }
  bool one_of(std::uint32_t count) { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

constexpr std::size_t most_bytes = 100'000;  // of a call: more than 64 KiB
using Bytes = std::array<unsigned char, most_bytes>;

std::size_t random_size(Random& random) {
  switch (random.below(3)) {
    case 0: return 1 + random.below(16);
    case 1: return 1 + random.below(5'000);
    default: return 1 + random.below(most_bytes);
  }
}

void set_buffers(Fd fd, Random& random) {
  const int size = 1 + static_cast<int>(random.below(300'000));
  const int option = random.one_of(2) ? abi::so_sndbuf : abi::so_rcvbuf;
  static_cast<void>(call(Call::setsockopt, fd, abi::sol_socket, option, &size, sizeof size));
}

// ── Order ──

unsigned char byte_at(std::size_t position) {
  return static_cast<unsigned char>(position * 31 + (position >> 8));
}

void write_all_of(Fd fd, std::size_t total, std::uint64_t seed) {
  Random random{seed};
  const auto bytes = std::make_unique<Bytes>();
  for (std::size_t done = 0; done < total;) {
    const std::size_t size = std::min(random_size(random), total - done);
    for (std::size_t i = 0; i < size; ++i) (*bytes)[i] = byte_at(done + i);
    const int flags = random.one_of(3) ? abi::msg_dontwait : 0;
    const auto sent = call<std::size_t>(Call::sendto, fd, bytes->data(), size, flags, nullptr, 0);
    if (sent) {
      done += *sent;
    } else {
      check(flags != 0 && sent.error() == Errno::eagain, "a send fails only for lack of room");
      syscall(Call::sched_yield);
    }
    if (random.one_of(50)) set_buffers(fd, random);
  }
  must(call(Call::shutdown, fd, abi::shut_wr), "shutdown");
}

void read_all_of(Fd fd, std::size_t total, std::uint64_t seed) {
  Random random{seed};
  const auto bytes = std::make_unique<Bytes>();
  std::size_t done = 0;
  for (;;) {
    constexpr std::array flags{0,
                               0,
                               int{abi::msg_dontwait},
                               int{abi::msg_peek},
                               int{abi::msg_waitall},
                               int{abi::msg_trunc}};
    const int flag = flags[random.below(flags.size())];
    const std::size_t size = random_size(random);
    const auto got =
        call<std::size_t>(Call::recvfrom, fd, bytes->data(), size, flag, nullptr, nullptr);
    if (!got) {
      check(flag == abi::msg_dontwait && got.error() == Errno::eagain,
            "a receive fails only for lack of bytes");
      syscall(Call::sched_yield);
      continue;
    }
    if (*got == 0) break;
    if (flag == abi::msg_waitall)
      check(*got == size || done + *got == total, "MSG_WAITALL waits for all bytes");
    for (std::size_t i = 0; i < *got && flag != abi::msg_trunc; ++i)
      check((*bytes)[i] == byte_at(done + i), "each byte is in its place");
    if (flag != abi::msg_peek) done += *got;
  }
  check(done == total, "each byte arrives");
}

void move_in_order(std::uint64_t seed) {
  const auto ends = must(make_tcp_pair(), "a connection");
  Random random{seed};
  const std::size_t there = random.below(1'500'000), back = random.below(300'000);
  {
    Thread a{[&] { write_all_of(ends.first, there, seed + 1); }};
    Thread b{[&] { read_all_of(ends.second, there, seed + 2); }};
    Thread c{[&] { write_all_of(ends.second, back, seed + 3); }};
    Thread d{[&] { read_all_of(ends.first, back, seed + 4); }};
  }
  must(close(ends.first), "close");
  must(close(ends.second), "close");
}

// ── Chaos ──

void act(Fd fd, Random& random, Bytes& bytes) {
  const std::size_t size = random_size(random);
  const int waits = random.one_of(4) ? 0 : abi::msg_dontwait;
  int answer = 0;
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      syscall(Call::sendto, fd, bytes.data(), size, waits | abi::msg_nosignal, nullptr, 0);
      break;
    case 4:
    case 5:
    case 6: syscall(Call::recvfrom, fd, bytes.data(), size, waits, nullptr, nullptr); break;
    case 7: syscall(Call::recvfrom, fd, bytes.data(), size, waits | abi::msg_peek, 0, 0); break;
    case 8: syscall(Call::read, fd, bytes.data(), 1 + size % 64); break;
    case 9:
      syscall(Call::sendto, fd, bytes.data(), 8, waits | abi::msg_nosignal, nullptr, 0);
      break;
    case 10: {
      abi::PollFd polled{fd, abi::pollin | abi::pollout | abi::pollrdhup, 0};
      constexpr abi::Timespec soon{0, 100'000};
      syscall(Call::ppoll, &polled, 1, &soon, nullptr, 8);
      break;
    }
    case 11: syscall(Call::ioctl, fd, abi::fionread, &answer); break;
    case 12: syscall(Call::ioctl, fd, abi::siocoutq, &answer); break;
    case 13: set_buffers(fd, random); break;
    case 14:
      if (random.one_of(8)) syscall(Call::shutdown, fd, random.below(3));
      break;
    default: {
      if (!random.one_of(8)) break;
      if (random.one_of(2)) {
        const abi::Linger at_once{.is_on = 1, .seconds = 0};
        syscall(Call::setsockopt, fd, abi::sol_socket, abi::so_linger, &at_once, sizeof at_once);
      } else {
        const abi::InetAddress none{.family = abi::af_unspec};
        syscall(Call::connect, fd, &none, sizeof none);
      }
    }
  }
}

// Each thread has descriptors of its own for both ends. The last one that is closed ends the
// socket. After a while everything is shut down, so that no call waits for ever.
void make_chaos(std::uint64_t seed) {
  const auto ends = must(make_tcp_pair(), "a connection");
  {
    std::vector<Thread> threads;
    for (unsigned number = 0; number < 8; ++number) {
      const auto copy = [](Fd fd) { return must(call<Fd>(Call::dup, fd), "dup"); };
      const std::array own{copy(ends.first), copy(ends.second)};
      threads.emplace_back([own, seed, number] {
        Random random{seed * 8 + number};
        const auto bytes = std::make_unique<Bytes>();
        for (unsigned left = 20 + random.below(60); left > 0; --left)
          act(own[random.below(2)], random, *bytes);
        for (const Fd fd : own) must(close(fd), "close");
      });
    }
    if (seed % 2 == 0) {
      must(sleep_for(std::chrono::milliseconds{3}), "sleeping");
      syscall(Call::shutdown, ends.first, abi::shut_rdwr);
    }
    must(sleep_for(std::chrono::milliseconds{3}), "sleeping");
    for (const Fd fd : {ends.first, ends.second}) {
      syscall(Call::shutdown, fd, abi::shut_rdwr);
      must(close(fd), "close");
    }
  }
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

int main(int count, char** arguments) {
  const std::uint64_t seeds = count > 1 ? number_in(arguments[1]) : 20;
  const std::uint64_t first = count > 2 ? number_in(arguments[2]) : 1;
  const auto run = [&] {
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      move_in_order(seed);
      make_chaos(seed);
    }
  };
  const long taken = pages_taken(64, run);
  check(taken <= 64, "the memory of connections is free");
  println("ok");
  return 0;
}
