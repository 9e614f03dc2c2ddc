#include "files/device.h"

#include <array>

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

}  // namespace

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
