// A disk as QEMU has it, in the process: the registers of a virtio device (Virtual I/O Device
// specification 1.2, sections 4.2.2 and 5.2), and a thread that does what its queue says to a file
// of the host's. So the kernel's drivers are the same here as there.
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
  std::uint64_t delay_ns = 0;  ///< from a request to its answer, of any number at once
};

class VirtioDisk final : public DeviceModel {
 public:
  /// Its thread begins. There is one disk, for ever.
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
  /// Taken from the queue, to be answered at its time.
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

  pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;  // of all below
  pthread_cond_t work_ = PTHREAD_COND_INITIALIZER;    // there may be something in the queue
  pthread_cond_t idle_ = PTHREAD_COND_INITIALIZER;    // it is not busy any more
  bool busy_ = false;                                 // with the file, and memory of the kernel's
  std::uint32_t status_ = 0;
  std::uint32_t interrupt_status_ = 0;
  std::uint32_t features_select_ = 0;
  std::uint32_t queue_size_ = 0;
  bool ready_ = false;
  std::uint64_t descriptors_ = 0, available_ = 0, used_ = 0;  // physical
  std::uint16_t next_available_ = 0;
  std::uint16_t next_used_ = 0;
  std::array<Held, queue_limit> held_{};  // a ring: they are due in their order
  unsigned first_held_ = 0, held_count_ = 0;
};

}  // namespace hal::hosted
