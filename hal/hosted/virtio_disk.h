// A virtio block device as in QEMU, emulated in the process. It has the registers of Virtual I/O
// Device specification 1.2, sections 4.2.2 and 5.2. A thread executes the requests of its queue on
// a file of the host. So the kernel uses the same driver on both machines.
#pragma once

#include <hal/machine/registers.h>
#include <hal/memory_map.h>

#include <pthread.h>

#include <array>
#include <cstdint>

namespace hal::hosted {

struct DiskOptions {
  int file = -1;
  bool read_only = false;
  std::uint64_t delay_ns = 0;  ///< delay of each request; requests are delayed concurrently
};

class VirtioDisk final : public DeviceModel {
 public:
  /// Starts the device's thread. There is one disk, and it is never destroyed.
  void start(const DiskOptions& options);

  std::uint32_t read(std::size_t offset) override;
  void write(std::size_t offset, std::uint32_t value) override;

 private:
  static constexpr unsigned queue_limit = 256;

  struct Descriptor {
    std::uint64_t address;
    std::uint32_t bytes;
    std::uint16_t flags;
    std::uint16_t next;
  };
  struct UsedEntry {
    std::uint32_t id;
    std::uint32_t bytes;
  };
  struct Header {
    std::uint32_t kind;
    std::uint32_t reserved;
    std::uint64_t sector;
  };
  /// A request taken from the queue, and the time at which to complete it.
  struct Held {
    std::uint64_t due_ns;
    std::uint16_t chain;
  };

  [[noreturn]] void run();
  void reset();
  void take_new();
  void answer(std::uint16_t chain);
  std::uint32_t perform(std::uint16_t chain);
  bool move(const Header& header, const Descriptor& part, std::uint64_t at);
  void set_half(std::uint64_t& address, bool high, std::uint32_t value);

  DiskOptions options_;
  std::uint64_t sectors_ = 0;

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;  // of all members below
  pthread_cond_t work_ = PTHREAD_COND_INITIALIZER;    // signalled when the queue may have requests
  pthread_cond_t idle_ = PTHREAD_COND_INITIALIZER;    // signalled when `busy_` becomes false
  bool busy_ = false;  // the thread uses the file and the driver's memory without the lock
  std::uint32_t status_ = 0;
  std::uint32_t interrupt_status_ = 0;
  std::uint32_t features_select_ = 0;
  std::uint32_t queue_size_ = 0;
  bool ready_ = false;
  std::uint64_t descriptors_ = 0, available_ = 0, used_ = 0;  // physical addresses
  std::uint16_t next_available_ = 0;
  std::uint16_t next_used_ = 0;
  std::array<Held, queue_limit> held_{};  // a ring buffer, sorted by due_ns
  unsigned first_held_ = 0, held_count_ = 0;
};

}  // namespace hal::hosted
