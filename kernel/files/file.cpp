// What a file answers that cannot do a thing.
#include "files/file.h"

namespace kernel {

Result<std::size_t> File::try_read(IoBuffer&) {
  return fail(Errno::einval);
}
Result<std::size_t> File::try_write(IoBuffer&) {
  return fail(Errno::einval);
}
Result<std::size_t> File::read_at(std::uint64_t, IoBuffer&) {
  return fail(Errno::espipe);
}
Result<std::size_t> File::write_at(std::uint64_t, IoBuffer&) {
  return fail(Errno::espipe);
}
Result<std::int64_t> File::seek(std::int64_t, int) {
  return fail(Errno::espipe);
}
Result<> File::resize(std::uint64_t) {
  return fail(Errno::einval);
}
Result<std::span<const std::byte>> File::bytes() {
  return fail(Errno::enodev);
}
Result<std::size_t> File::list(IoBuffer&) {
  return fail(Errno::enotdir);
}
short File::readiness() {
  return abi::pollin | abi::pollout | abi::pollrdnorm | abi::pollwrnorm;
}
Result<int> File::control(memory::AddressSpace&, unsigned long, std::uintptr_t) {
  return fail(Errno::enotty);
}
Result<int> File::pipe_capacity() {
  return fail(Errno::ebadf);
}

}  // namespace kernel
