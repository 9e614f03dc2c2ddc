// The operations of io_uring that make a descriptor or a registered file.
#include <abi/socket.h>

#include <optional>
#include <utility>

#include "process/page_in.h"
#include "process/steps.h"
#include "rings/uring_operations.h"
#include "syscalls/files.h"
#include "syscalls/submitted_calls.h"

namespace kernel::uring {

Result<int> install_new(Context& context, Thread& self, int fd, std::int32_t slot) {
  FdTable& table = self.process().files();
  auto file = table.share(fd);
  (void)table.close(fd);
  if (!file) return fail(file.error());
  return context.install(std::move(*file), slot);
}

namespace {

/// Calls `make()`, a handler, until it has a result. A new descriptor becomes a registered file.
template <class Make>
async::Task<Result<int>> make_direct(Request& request, Thread& self, Make make) {
  const Sqe& sqe = request.sqe;
  File* const found = file_of(request.context, self, sqe);
  const auto listener = found != nullptr ? Ref<File>::share(*found) : Ref<File>{};
  for (;;) {
    std::optional<FileWait> wait;
    if (listener && listener->is_nonblocking()) wait.emplace(request, *listener, true, false);
    const Register answer = co_await make_syscall(self, make);
    if (answer == error(Errno::eagain) && wait && !never_waits(sqe)) {
      if (co_await wait->wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
      continue;
    }
    const auto result = static_cast<std::int32_t>(answer);
    if (result < 0) co_return result;
    co_return install_new(request.context, self, result, sqe.file_index);
  }
}

async::Task<Result<int>> accept_all(Request& request, Thread& self) {
  const Sqe& sqe = request.sqe;
  File* const found = file_of(request.context, self, sqe);
  if (found == nullptr) co_return fail(Errno::ebadf);
  const auto file = Ref<File>::share(*found);
  std::size_t cost = 0;
  for (;;) {
    FileWait wait{request, *file, true, false};
    const Register answer = co_await make_syscall(self, [&] {
      const Descriptor fd{request.context, self, sqe.fd, is_fixed(sqe), 0};
      return encoded(sys::accept4(self, fd.fd(), sqe.addr, UserPtr<int>{sqe.off},
                                  static_cast<int>(sqe.op_flags)));
    });
    if (answer == error(Errno::eagain) && !never_waits(sqe)) {
      if (co_await wait.wait() != async::WaitResult::woken) co_return fail(Errno::eintr);
      continue;
    }
    auto result = static_cast<std::int32_t>(answer);
    if (result >= 0 && sqe.file_index != 0) {
      const auto slot = install_new(request.context, self, result, sqe.file_index);
      result = slot ? *slot : failed(slot.error());
    }
    if (result < 0 || !request.context.post_more(request, result, 0)) co_return result;
    cost += repeat_cost;
    if (cost >= sys::step_bytes) {
      cost = 0;
      co_await sys::cond_resched(self);
    }
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

Register open_file(Thread& self, const Sqe& sqe) {
  const UserPtr<const char> path{sqe.addr};
  if (sqe.opcode == Op::openat2)
    return encoded(sys::openat2(self, sqe.fd, path, UserPtr<const abi::OpenHow>{sqe.off}, sqe.len));
  return encoded(sys::openat(self, sqe.fd, path, static_cast<int>(sqe.op_flags), sqe.len));
}

}  // namespace

/// Operations that make a descriptor or a registered file.
Register answer_with_descriptor(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (is_multishot(sqe)) {
    if (request == nullptr) return trap::would_block;
    return self.wait([&] { return accept_all(*request, self); });
  }
  const auto make = [&context, &self, &sqe] {
    if (sqe.opcode == Op::socket)
      return encoded(
          sys::socket(self, sqe.fd, static_cast<int>(sqe.off), static_cast<int>(sqe.len)));
    if (sqe.opcode != Op::accept) return open_file(self, sqe);
    const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
    return encoded(sys::accept4(self, fd.fd(), sqe.addr, UserPtr<int>{sqe.off},
                                static_cast<int>(sqe.op_flags)));
  };
  if (sqe.file_index == 0) return make();
  if (request != nullptr) return self.wait([&] { return make_direct(*request, self, make); });
  const Register answer = make();
  if (answer == trap::would_block || !is_value(answer)) return answer;
  return encoded(install_new(context, self, static_cast<int>(answer), sqe.file_index));
}

}  // namespace kernel::uring
