// The signal that a file sends when it becomes ready (O_ASYNC, fcntl(2)). The floor of the system
// calls derives a class, because it knows processes.
#pragma once

namespace kernel {

class ReadinessSignal {
 public:
  virtual ~ReadinessSignal() = default;
};

}  // namespace kernel
