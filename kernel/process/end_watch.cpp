#include "process/end_watch.h"

#include <utility>

#include "process/process.h"

namespace kernel {
namespace {

class PidFile final : public File {
 public:
  PidFile(Ref<EndWatch> watch, int flags) : File{abi::o_rdwr | flags}, watch_{std::move(watch)} {}

  short readiness() override {
    const Process* const process = watch_->process();
    if (process == nullptr) return abi::pollin | abi::pollrdnorm | abi::pollhup;
    return process->is_zombie() ? abi::pollin | abi::pollrdnorm : 0;
  }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &watch_->changes() : nullptr;
  }
  abi::Stat status() override {
    return {.device = 1, .mode = abi::s_ifreg | 0700, .links = 1, .block_size = hal::page_size};
  }
  EndWatch* end_watch() override { return watch_.get(); }
  std::string_view unnamed_kind() override { return "[pidfd]"; }

 private:
  Ref<EndWatch> watch_;
};

}  // namespace

const std::size_t pid_file_bytes = sizeof(PidFile);

Ref<File> make_pid_file(Ref<EndWatch> watch, int flags) {
  return make_ref<PidFile>(std::move(watch), flags);
}

}  // namespace kernel
