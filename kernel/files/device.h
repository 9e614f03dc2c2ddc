// The devices of /dev that are no hardware: null, zero, full, random; and the nodes that name all
// of them.
#pragma once

#include <span>

#include "files/node.h"

namespace kernel {

/// A character device. What opening it gives is up to who made it.
class Device final : public Node {
 public:
  using Open = Result<Ref<File>> (*)(Device& device, int flags);

  Device(Open open, void* context = nullptr)
      : Node{abi::s_ifchr | 0666}, open_{open}, context_{context} {}
  void* context() const { return context_; }
  Result<Ref<File>> open(int flags) override { return open_(*this, flags); }

 private:
  Open open_;
  void* context_;
};

/// Reads nothing, takes everything.
Ref<Node> make_null_device();
/// Reads zeros, takes everything.
Ref<Node> make_zero_device();
/// Reads zeros, has no space left.
Ref<Node> make_full_device();
/// Reads what `fill` makes up, takes everything.
Ref<Node> make_random_device(void (*fill)(std::span<std::byte>));

}  // namespace kernel
