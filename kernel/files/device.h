// The devices of /dev without hardware (null, zero, full, random), and the node type of all
// character devices.
#pragma once

#include <span>

#include "files/node.h"

namespace kernel {

struct DeviceNumber {
  std::uint8_t major;
  std::uint8_t minor;

  /// As stat encodes it.
  std::uint64_t encoded() const { return std::uint64_t{major} << 8 | minor; }
};

/// A character device. Its creator decides what open() returns.
class Device final : public Node {
 public:
  using Open = Result<Ref<File>> (*)(Device& device, int flags);

  /// `number`: Linux's major and minor number. `open` gets `context` from the device.
  Device(Open open, DeviceNumber number, void* context = nullptr)
      : Node{abi::s_ifchr | 0666}, open_{open}, number_{number}, context_{context} {}
  /// Another node of the device `like`.
  Device(const Device& like, unsigned permissions)
      : Node{abi::s_ifchr | permissions},
        open_{like.open_},
        number_{like.number_},
        context_{like.context_} {}
  std::uint64_t device_number() const override { return number_.encoded(); }
  void* context() const { return context_; }
  bool is_writable() const override { return true; }
  bool has_settable_status() const override { return true; }
  Result<Ref<File>> open(int flags) override {
    return (flags & abi::o_path) != 0 ? open_path(flags) : open_(*this, flags);
  }

 private:
  Open open_;
  DeviceNumber number_;
  void* context_;
};

/// Makes a node of the device with this type (S_IFCHR, S_IFBLK, S_IFSOCK) and number, as stat
/// encodes it (mknod). If /dev has no such device, the node cannot be opened: ENXIO. The caller has
/// checked that there is memory for special_node_bytes.
Ref<Node> make_special_node(unsigned mode, std::uint64_t number);
extern const std::size_t special_node_bytes;

/// Reads return the end of the file. Writes succeed and do nothing.
Ref<Node> make_null_device();
/// Reads return zeros. Writes succeed and do nothing.
Ref<Node> make_zero_device();
/// Reads return zeros. Writes fail with ENOSPC.
Ref<Node> make_full_device();
/// Reads return the bytes that `fill` writes. Writes succeed and do nothing.
Ref<Node> make_random_device(DeviceNumber number, void (*fill)(std::span<std::byte>));

}  // namespace kernel
