// Background load for a measurement.
#pragma once

#include <user/calls.h>
#include <user/check.h>
#include <user/clock.h>
#include <user/thread.h>

#include <atomic>
#include <optional>
#include <vector>

namespace bench {

// Threads that always compute, threads that send bytes to each other and, with a disk, threads that
// always read.
class Load {
 public:
  explicit Load(std::optional<user::Fd> disk = {}) : with_disk_{disk.has_value()} {
    for (int i = 0; i < hogs; ++i) {
      begin([this] {
        while (!stop_) asm volatile("");
      });
    }
    begin([this] { throw_back_and_forth(there_.write_end, back_.read_end, true); });
    begin([this] { throw_back_and_forth(back_.write_end, there_.read_end, false); });
    for (int i = 0; disk && i < readers; ++i) begin([this, disk, i] { read(*disk, i); });
  }
  ~Load() {
    stop_ = true;
    threads_.clear();
    for (const auto fd : {there_.read_end, there_.write_end, back_.read_end, back_.write_end}) {
      static_cast<void>(user::close(fd));
    }
  }

  // False: a read of the disk failed.
  bool is_running() const { return !stop_; }
  // Waits until the first byte was sent and, with a disk, the first block was read.
  void wait() const {
    while (is_running() && (throws_ == 0 || (with_disk_ && reads_ == 0))) {
      static_cast<void>(user::sleep_for(std::chrono::milliseconds{1}));
    }
  }

 private:
  static constexpr int hogs = 3, readers = 4;

  template <class Work>
  void begin(Work work) {
    threads_.emplace_back([work] {
      static_cast<void>(user::set_affinity(0, ~0ul));
      work();
    });
  }

  // The thread with `begins` also ends the exchange, so that the other's last read is answered.
  void throw_back_and_forth(user::Fd to, user::Fd from, bool begins) {
    char byte = begins;
    for (bool last = false; !last; ++throws_) {
      if (!begins) user::syscall(user::Call::read, from, &byte, 1);
      last = begins ? stop_.load() : byte == 0;
      if (begins) byte = last ? 0 : 1;
      user::syscall(user::Call::write, to, &byte, 1);
      if (begins) user::syscall(user::Call::read, from, &byte, 1);
    }
  }

  void read(user::Fd disk, long block) {
    alignas(4096) std::byte bytes[4096];
    while (!stop_) {
      const long offset = block++ % 16 * static_cast<long>(sizeof bytes);
      if (user::syscall(user::Call::pread64, disk, bytes, sizeof bytes, offset) != sizeof bytes) {
        stop_ = true;
      }
      ++reads_;
    }
  }

  const bool with_disk_;
  std::atomic<bool> stop_ = false;
  std::atomic<long> reads_ = 0, throws_ = 0;
  user::Pipe there_ = user::must(user::make_pipe(), "a pipe");
  user::Pipe back_ = user::must(user::make_pipe(), "a pipe");
  // Declared last: joined before the other members are destroyed.
  std::vector<user::Thread> threads_;
};

}  // namespace bench
