// There are no translations to flush.
#include <hal/remote.h>

namespace hal {

void flush_remote(HartMask, Asid, VirtAddr, std::size_t) {}
void flush_space_remote(HartMask, Asid) {}
void flush_all_remote(HartMask) {}

}  // namespace hal
