#include "memory/user_memory.h"

#include <algorithm>
#include <cstring>

namespace kernel::memory {
namespace {

// Calls each(kernel address, bytes, offset) for every piece that lies in one page.
template <class Each>
Result<> for_pieces(AddressSpace& space, VirtAddr start, std::size_t bytes, Access wanted,
                    Each each) {
  for (std::size_t done = 0; done < bytes;) {
    const VirtAddr at = start + done;
    const std::size_t size = std::min(bytes - done, hal::page_size - at % hal::page_size);
    const auto here = space.fault_in(at, wanted);
    if (!here) return fail(here.error());
    each(*here, size, done);
    done += size;
  }
  return {};
}

}  // namespace

Result<> copy_from_user(AddressSpace& space, void* to, VirtAddr from, std::size_t bytes) {
  return for_pieces(space, from, bytes, Access::read,
                    [to](const std::byte* here, std::size_t size, std::size_t offset) {
                      std::memcpy(static_cast<std::byte*>(to) + offset, here, size);
                    });
}

Result<> copy_to_user(AddressSpace& space, VirtAddr to, const void* from, std::size_t bytes) {
  return for_pieces(space, to, bytes, Access::write,
                    [from](std::byte* here, std::size_t size, std::size_t offset) {
                      std::memcpy(here, static_cast<const std::byte*>(from) + offset, size);
                    });
}

Result<std::string_view> string_from_user(AddressSpace& space, VirtAddr from,
                                          std::span<char> buffer) {
  constexpr std::size_t usual_length = 64;
  std::size_t done = 0;
  while (done < buffer.size()) {
    const VirtAddr at = from + done;
    const std::size_t size =
        std::min({buffer.size() - done, hal::page_size - at % hal::page_size, usual_length});
    const auto here = space.fault_in(at, Access::read);
    if (!here) return fail(here.error());
    // Search the copy for the zero: the program may have changed the original.
    char* const copy = buffer.data() + done;
    std::memcpy(copy, *here, size);
    if (const void* const zero = std::memchr(copy, 0, size)) {
      return std::string_view(buffer.data(), static_cast<const char*>(zero));
    }
    done += size;
  }
  return fail(Errno::enametoolong);
}

}  // namespace kernel::memory
