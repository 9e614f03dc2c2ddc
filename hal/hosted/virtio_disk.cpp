#include "virtio_disk.h"

#include <hal/interrupts.h>
#include <hal/timer.h>

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <span>

#include "hart.h"
#include "virtio_mmio.h"

namespace hal::hosted {
namespace {

enum Register : std::size_t {  // the offsets of specification 1.2, table 4.1
  magic = 0x000,
  version = 0x004,
  device_id = 0x008,
  device_features = 0x010,
  device_features_select = 0x014,
  queue_size_max = 0x034,
  queue_size = 0x038,
  queue_ready = 0x044,
  queue_notify = 0x050,
  interrupt_status = 0x060,
  interrupt_acknowledge = 0x064,
  device_status = 0x070,
  queue_descriptors = 0x080,
  queue_driver = 0x090,
  queue_device = 0x0a0,
  capacity = 0x100,
  segment_limit = 0x10c,
};

constexpr std::uint32_t magic_value = 0x74726976;  // "virt"
constexpr std::uint32_t current_version = 2, block_device = 2;
constexpr std::uint64_t feature_segment_limit = 1 << 2, feature_read_only = 1 << 5,
                        feature_flush = 1 << 9, feature_indirect = 1 << 28,
                        feature_version_1 = std::uint64_t{1} << 32;
constexpr std::uint32_t most_segments = 64;
constexpr std::uint32_t used_buffer = 1;  // a bit of interrupt_status
constexpr std::uint16_t has_next = 1, is_indirect = 4;
constexpr std::uint32_t kind_read = 0, kind_write = 1, kind_flush = 4;
constexpr std::uint8_t status_ok = 0, status_error = 1, status_unsupported = 2;
constexpr std::size_t sector_bytes = 512;

constinit std::array<virtio::MmioWindow, 1> windows{};
constinit std::size_t window_count = 0;

class Lock {
 public:
  explicit Lock(pthread_mutex_t& lock) : lock_{lock} { pthread_mutex_lock(&lock_); }
  ~Lock() { pthread_mutex_unlock(&lock_); }

 private:
  InterruptGuard masked_;
  pthread_mutex_t& lock_;
};

template <class T>
T& memory_at(std::uint64_t address) {
  return *phys_to_virt<T>(address);
}

}  // namespace

std::uint32_t read_device(DeviceModel& device, std::size_t offset) {
  const InterruptGuard masked;
  return device.read(offset);
}
void write_device(DeviceModel& device, std::size_t offset, std::uint32_t value) {
  const InterruptGuard masked;
  device.write(offset, value);
}

void VirtioDisk::start(const DiskOptions& options) {
  options_ = options;
  struct stat status{};
  fstat(options.file, &status);
  sectors_ = static_cast<std::uint64_t>(lseek(options.file, 0, SEEK_END)) / sector_bytes;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&work_, &attributes);
  constexpr std::size_t register_bytes = 0x200;
  windows[window_count++] = {.window = {reinterpret_cast<std::uintptr_t>(this), register_bytes},
                             .irq = disk_line};
  start_thread([](void* disk) -> void* { static_cast<VirtioDisk*>(disk)->run(); }, this);
}

// ── Registers ────────────────────────────────────────────────────────────────────────────────────

std::uint32_t VirtioDisk::read(std::size_t offset) {
  const Lock lock{lock_};
  switch (offset) {
    case magic: return magic_value;
    case version: return current_version;
    case device_id: return block_device;
    case device_features: {
      const std::uint64_t offered = feature_segment_limit | feature_flush | feature_indirect |
                                    feature_version_1 |
                                    (options_.read_only ? feature_read_only : 0);
      return static_cast<std::uint32_t>(features_select_ == 0 ? offered : offered >> 32);
    }
    case queue_size_max: return queue_limit;
    case queue_ready: return ready_;
    case interrupt_status: return interrupt_status_;
    case device_status: return status_;
    case capacity: return static_cast<std::uint32_t>(sectors_);
    case capacity + 4: return static_cast<std::uint32_t>(sectors_ >> 32);
    case segment_limit: return most_segments;
    default: return 0;
  }
}

void VirtioDisk::set_half(std::uint64_t& address, bool high, std::uint32_t value) {
  const std::uint64_t mask = high ? 0xffff'ffff : 0xffff'ffff'0000'0000;
  address = (address & mask) | std::uint64_t{value} << (high ? 32 : 0);
}

void VirtioDisk::write(std::size_t offset, std::uint32_t value) {
  const Lock lock{lock_};
  switch (offset) {
    case device_features_select: features_select_ = value; break;
    case queue_size: queue_size_ = value <= queue_limit ? value : 0; break;
    case queue_ready: ready_ = value == 1 && queue_size_ != 0; break;
    case queue_notify: pthread_cond_signal(&work_); break;
    case interrupt_acknowledge:
      interrupt_status_ &= ~value;
      if (interrupt_status_ == 0) lower_line(disk_line);
      break;
    case device_status:
      status_ = value;
      if (value == 0) reset();
      break;
    default:
      for (auto [where, address] : {std::pair{queue_descriptors, &descriptors_},
                                    {queue_driver, &available_},
                                    {queue_device, &used_}}) {
        if (offset == where || offset == where + 4) set_half(*address, offset != where, value);
      }
  }
}

/// Stops the device. When this returns, the device executes no request and uses no memory of the
/// driver.
void VirtioDisk::reset() {
  ready_ = false;
  while (busy_) pthread_cond_wait(&idle_, &lock_);
  interrupt_status_ = 0;
  next_available_ = next_used_ = 0;
  held_count_ = 0;
  lower_line(disk_line);
}

// ── The device's thread
// ───────────────────────────────────────────────────────────────────────────

void VirtioDisk::run() {
  const Lock lock{lock_};
  for (;;) {
    if (ready_) take_new();
    if (held_count_ == 0) {
      pthread_cond_wait(&work_, &lock_);
      continue;
    }
    const Held next = held_[first_held_];
    const std::uint64_t now = now_ns();
    if (next.due_ns <= now) {
      first_held_ = (first_held_ + 1) % queue_limit;
      --held_count_;
      answer(next.chain);
      continue;
    }
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    const std::uint64_t at = static_cast<std::uint64_t>(until.tv_nsec) + next.due_ns - now;
    until.tv_sec += static_cast<time_t>(at / 1'000'000'000);
    until.tv_nsec = static_cast<long>(at % 1'000'000'000);
    pthread_cond_timedwait(&work_, &lock_, &until);
  }
}

void VirtioDisk::take_new() {
  const std::uint16_t offered =
      __atomic_load_n(&memory_at<std::uint16_t>(available_ + 2), __ATOMIC_ACQUIRE);
  while (next_available_ != offered && held_count_ < queue_limit) {
    const std::uint64_t slot = available_ + 4 + 2 * (next_available_ % queue_size_);
    held_[(first_held_ + held_count_++) % queue_limit] = {
        .due_ns = options_.delay_ns == 0 ? 0 : now_ns() + options_.delay_ns,
        .chain = memory_at<std::uint16_t>(slot)};
    ++next_available_;
  }
}

void VirtioDisk::answer(std::uint16_t chain) {
  // File I/O takes time, and harts read registers meanwhile: release the lock.
  busy_ = true;
  pthread_mutex_unlock(&lock_);
  const std::uint32_t written = perform(chain);
  pthread_mutex_lock(&lock_);
  busy_ = false;
  pthread_cond_broadcast(&idle_);
  if (!ready_) return;  // the driver has reset the device meanwhile
  memory_at<UsedEntry>(used_ + 4 + sizeof(UsedEntry) * (next_used_ % queue_size_)) = {
      .id = chain, .bytes = written};
  ++next_used_;
  __atomic_store_n(&memory_at<std::uint16_t>(used_ + 2), next_used_, __ATOMIC_SEQ_CST);
  if ((memory_at<std::uint16_t>(available_) & 1) != 0) return;  // the driver wants no interrupt
  interrupt_status_ |= used_buffer;
  raise_line(disk_line);
}

/// Executes the request of a descriptor chain. Returns the number of bytes written to memory,
/// status included.
std::uint32_t VirtioDisk::perform(std::uint16_t chain) {
  std::array<Descriptor, queue_limit> parts;
  std::size_t count = 0;
  std::uint64_t table = descriptors_;
  Descriptor part = memory_at<Descriptor>(table + sizeof part * (chain % queue_size_));
  if ((part.flags & is_indirect) != 0) {
    table = part.address;
    part = memory_at<Descriptor>(table);
  }
  for (parts[count++] = part; (part.flags & has_next) != 0 && count < parts.size();) {
    part = memory_at<Descriptor>(table + sizeof part * part.next);
    parts[count++] = part;
  }

  const auto header = memory_at<Header>(parts[0].address);
  std::uint8_t status = status_ok;
  std::uint32_t written = 1;
  std::uint64_t at = header.sector * sector_bytes;
  switch (header.kind) {
    case kind_flush:
      if (fdatasync(options_.file) != 0) status = status_error;
      break;
    case kind_read:
    case kind_write:
      for (const Descriptor& data : std::span{parts}.subspan(1, count - 2)) {
        if (!move(header, data, at)) status = status_error;
        at += data.bytes;
        if (header.kind == kind_read) written += data.bytes;
      }
      break;
    default: status = status_unsupported;
  }
  memory_at<std::uint8_t>(parts[count - 1].address) = status;
  return written;
}

bool VirtioDisk::move(const Header& header, const Descriptor& part, std::uint64_t at) {
  std::byte* const memory = phys_to_virt(part.address);
  if (at + part.bytes > sectors_ * sector_bytes) return false;
  const auto offset = static_cast<off_t>(at);
  const ssize_t moved = header.kind == kind_read
                            ? pread(options_.file, memory, part.bytes, offset)
                            : pwrite(options_.file, memory, part.bytes, offset);
  return moved == static_cast<ssize_t>(part.bytes);
}

}  // namespace hal::hosted

std::span<const hal::virtio::MmioWindow> hal::virtio::mmio_windows() {
  return std::span{hosted::windows}.first(hosted::window_count);
}
