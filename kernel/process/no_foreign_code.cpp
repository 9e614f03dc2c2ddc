// This machine runs programs as they are.
#include "process/foreign_code.h"

namespace kernel {

async::Task<Result<>> see_code(Thread&, hal::VirtAddr) {
  co_return fail(Errno::enoexec);
}

}  // namespace kernel
