// Requests of whole sectors, for the tests of the block device.
#pragma once

#include <list>

#include "devices/block_device.h"
#include "fake_disk.h"

namespace test {

using async::Task;
using kernel::BlockDevice;
using kernel::BlockRequest;
using kernel::Errno;
using kernel::Result;

inline constexpr std::size_t sector = 512;
using Sector = std::array<std::byte, sector>;

inline Task<Result<>> transfer(BlockDevice& device, BlockRequest::Kind kind, std::uint64_t number,
                               Sector& bytes) {
  BlockRequest request;
  request.begin(kind, number);
  request.add(hal::virt_to_phys(bytes.data()), bytes.size());
  co_return co_await device.run(request);
}

inline Task<Result<>> read(BlockDevice& device, std::uint64_t number, Sector& bytes) {
  return transfer(device, BlockRequest::Kind::read, number, bytes);
}

/// A job that reads one sector.
struct Reader {
  Reader(BlockDevice& device, std::uint64_t number)
      : job{async::spawn(read(device, number, bytes), {.name = "reader"})} {}

  Sector bytes{};
  async::JoinHandle<Result<>> job;
};

/// Starts readers of sectors 0 … count - 1.
inline std::list<Reader> start_readers(BlockDevice& device, int count) {
  std::list<Reader> readers;
  for (int i = 0; i < count; ++i) readers.emplace_back(device, i);
  return readers;
}

inline void number_sectors(DiskModel& model) {
  for (std::size_t i = 0; i < model.bytes.size(); ++i) {
    model.bytes[i] = static_cast<std::byte>(i / sector + i % 7);
  }
}

inline bool holds_sector(const Sector& bytes, const DiskModel& model, std::uint64_t number) {
  return std::equal(bytes.begin(), bytes.end(), model.bytes.begin() + number * sector);
}

}  // namespace test
