#include "files/device.h"

#include <algorithm>
#include <array>

#include "files/directory.h"
#include "memory/frames.h"

namespace kernel {
namespace {

class DeviceFile : public File {
 public:
  DeviceFile(Device& device, int flags)
      : File{flags & ~abi::o_noctty}, device_{Ref<Device>::share(device)} {}

  abi::Stat status() override { return device_->status(); }
  Node* node() override { return device_.get(); }
  Result<std::size_t> try_read(IoBuffer&) override { return 0; }
  Result<std::size_t> try_write(IoBuffer& buffer) override {
    const std::size_t count = buffer.left();
    buffer.skip(count);
    return count;
  }
  Result<std::size_t> read_at(std::uint64_t, IoBuffer& buffer) override { return try_read(buffer); }
  Result<std::size_t> write_at(std::uint64_t, IoBuffer& buffer) override {
    return try_write(buffer);
  }
  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }

 protected:
  Ref<Device> device_;
};

using NullFile = DeviceFile;

class ZeroFile : public DeviceFile {
 public:
  using DeviceFile::DeviceFile;
  Result<std::size_t> try_read(IoBuffer& buffer) override {
    return buffer.put_zeros(buffer.left());
  }
};

class FullFile final : public ZeroFile {
 public:
  using ZeroFile::ZeroFile;
  Result<std::size_t> try_write(IoBuffer&) override { return fail(Errno::enospc); }
  Result<std::size_t> move_nothing(Direction direction) override {
    return direction == Direction::write ? fail(Errno::enospc) : Result<std::size_t>{0};
  }
};

class RandomFile final : public DeviceFile {
 public:
  using DeviceFile::DeviceFile;
  Result<std::size_t> try_read(IoBuffer& buffer) override {
    const auto fill = reinterpret_cast<void (*)(std::span<std::byte>)>(device_->context());
    std::array<std::byte, 256> bytes;
    std::size_t done = 0;
    while (!buffer.empty()) {
      const auto some = std::span{bytes}.first(std::min(bytes.size(), buffer.left()));
      fill(some);
      const auto moved = buffer.put(some);
      if (!moved) return done > 0 ? Result<std::size_t>{done} : moved;
      done += *moved;
    }
    return done;
  }
  // Of the two devices, only /dev/random has a poll function in Linux.
  bool can_poll() override { return device_->device_number() == (1 << 8 | 8); }
};

template <class Kind>
Result<Ref<File>> open_as(Device& device, int flags) {
  if (!memory::can_allocate(sizeof(Kind))) return fail(Errno::enomem);
  return make_ref<Kind>(device, flags);
}

/// A node of a disk in /dev, of a device that the machine does not have, or of a socket.
class SpecialNode final : public Node {
 public:
  /// `disk`: the node in /dev, or null. Its files know which sectors are being written.
  SpecialNode(unsigned mode, std::uint64_t number, Ref<Node> disk)
      : Node{mode}, number_{number}, disk_{std::move(disk)} {}
  std::uint64_t device_number() const override { return number_; }
  bool is_writable() const override { return true; }
  bool has_settable_status() const override { return true; }
  Result<Ref<File>> open(int flags) override {
    if ((flags & abi::o_path) != 0) return open_path(flags);
    return disk_ ? disk_->open(flags) : fail(Errno::enxio);
  }

 private:
  std::uint64_t number_;
  Ref<Node> disk_;
};

/// The node in /dev of the device; null: there is none.
Node* find_device(unsigned type, std::uint64_t number) {
  Node* const devices = root_directory().find("dev");
  const Directory* const directory = devices != nullptr ? devices->as_directory() : nullptr;
  if (directory == nullptr) return nullptr;
  for (const auto* at = directory->entries().first(); at != nullptr;
       at = Directory::Entries::next(*at)) {
    if (at->node().type() == type && at->node().device_number() == number) return &at->node();
  }
  return nullptr;
}

}  // namespace

const std::size_t special_node_bytes = std::max(sizeof(Device), sizeof(SpecialNode));

Ref<Node> make_special_node(unsigned mode, std::uint64_t number) {
  const unsigned type = mode & abi::s_ifmt;
  Node* const device = type != abi::s_ifsock ? find_device(type, number) : nullptr;
  if (device != nullptr && type == abi::s_ifchr)
    return make_ref<Device>(static_cast<Device&>(*device), mode & 07777);
  return make_ref<SpecialNode>(mode, number,
                               device != nullptr ? Ref<Node>::share(*device) : Ref<Node>{});
}

Ref<Node> make_null_device() {
  return make_ref<Device>(open_as<NullFile>, DeviceNumber{1, 3});
}
Ref<Node> make_zero_device() {
  return make_ref<Device>(open_as<ZeroFile>, DeviceNumber{1, 5});
}
Ref<Node> make_full_device() {
  return make_ref<Device>(open_as<FullFile>, DeviceNumber{1, 7});
}
Ref<Node> make_random_device(DeviceNumber number, void (*fill)(std::span<std::byte>)) {
  return make_ref<Device>(open_as<RandomFile>, number, reinterpret_cast<void*>(fill));
}

}  // namespace kernel
