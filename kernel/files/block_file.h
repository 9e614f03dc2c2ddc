// /dev/vda: a disk as a file of bytes.
//
// The device reads and writes the pages of programs where they are; each is kept from being used
// for anything else until the device is done. Only where a transfer begins or ends inside a sector
// is there more to do: a read leaves the bytes that nobody asked for in a sector that nobody looks
// at, a write first reads the sectors that it changes in part (sector_ranges.h).
#pragma once

#include "files/device.h"
#include "files/sector_ranges.h"

namespace kernel {

class BlockDevice;

class BlockNode final : public Node {
 public:
  BlockNode(BlockDevice& device, DeviceNumber number)
      : Node{abi::s_ifblk | 0660}, device_{device}, number_{number} {}

  std::uint64_t device_number() const override { return number_.major << 8 | number_.minor; }
  bool is_writable() const override { return true; }  // whether the disk is, writes find out
  Result<Ref<File>> open(int flags) override;

  BlockDevice& device() { return device_; }
  /// In bytes. What stat says is 0, as of all devices.
  std::uint64_t capacity() const;
  SectorRanges& writes() { return writes_; }

 private:
  BlockDevice& device_;
  DeviceNumber number_;
  SectorRanges writes_;
};

}  // namespace kernel
