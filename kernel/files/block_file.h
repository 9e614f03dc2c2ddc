// /dev/vda: a disk as a file of bytes.
//
// The device reads and writes the pages of programs in place. Each page is pinned until the device
// is done. A transfer that begins or ends inside a sector needs more work. A read puts the bytes of
// the sector that the program did not request into an unused buffer. A write first reads the
// sectors that it changes only partly (sector_ranges.h).
#pragma once

#include "files/device.h"
#include "files/sector_ranges.h"

namespace kernel {

class BlockDevice;

class BlockNode final : public Node {
 public:
  BlockNode(BlockDevice& device, DeviceNumber number)
      : Node{abi::s_ifblk | 0660}, device_{device}, number_{number} {}

  std::uint64_t device_number() const override { return number_.encoded(); }
  /// Always true: a write to a read-only disk fails with EPERM.
  bool is_writable() const override { return true; }
  Result<Ref<File>> open(int flags) override;

  BlockDevice& device() { return device_; }
  /// In bytes. stat(2) reports the size 0, as for all devices.
  std::uint64_t capacity() const;
  SectorRanges& writes() { return writes_; }

 private:
  BlockDevice& device_;
  DeviceNumber number_;
  SectorRanges writes_;
};

}  // namespace kernel
