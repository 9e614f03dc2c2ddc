// This machine never rewrites programs.
#include "process/foreign_code.h"

namespace kernel {

async::Task<Result<>> see_code(Thread&, hal::VirtAddr) {
  co_return fail(Errno::enoexec);
}

}  // namespace kernel
