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

namespace {

Register accept_connection(Context& context, Thread& self, const Sqe& sqe, Ref<File>* opened) {
  const Descriptor fd{context, self, sqe.fd, is_fixed(sqe), 0};
  const UserPtr<int> length{sqe.off};
  const auto flags = static_cast<int>(sqe.op_flags);
  return encoded(opened != nullptr
                     ? sys::accept4_into(self, *opened, fd.fd(), sqe.addr, length, flags)
                     : sys::accept4(self, fd.fd(), sqe.addr, length, flags));
}

Register make_socket(Thread& self, const Sqe& sqe, Ref<File>* opened) {
  const auto type = static_cast<int>(sqe.off), protocol = static_cast<int>(sqe.len);
  return encoded(opened != nullptr ? sys::socket_into(self, *opened, sqe.fd, type, protocol)
                                   : sys::socket(self, sqe.fd, type, protocol));
}

Register open_file(Thread& self, const Sqe& sqe, Ref<File>* opened) {
  const UserPtr<const char> path{sqe.addr};
  if (sqe.opcode == Op::openat2) {
    const UserPtr<const abi::OpenHow> how{sqe.off};
    return encoded(opened != nullptr ? sys::openat2_into(self, *opened, sqe.fd, path, how, sqe.len)
                                     : sys::openat2(self, sqe.fd, path, how, sqe.len));
  }
  const auto flags = static_cast<int>(sqe.op_flags);
  return encoded(opened != nullptr ? sys::openat_into(self, *opened, sqe.fd, path, flags, sqe.len)
                                   : sys::openat(self, sqe.fd, path, flags, sqe.len));
}

/// Calls the handler. `opened`: receives the file, for an operation that makes a registered file;
/// null: the handler makes a descriptor.
Register make_once(Context& context, Thread& self, const Sqe& sqe, Ref<File>* opened) {
  if (sqe.opcode == Op::socket) return make_socket(self, sqe, opened);
  if (sqe.opcode == Op::accept) return accept_connection(context, self, sqe, opened);
  return open_file(self, sqe, opened);
}

/// Makes the call, and registers the file.
async::Task<Result<int>> make_direct(Request& request, Thread& self) {
  const Sqe& sqe = request.sqe;
  Ref<File> opened;
  const Register answer = co_await make_call(self, [&] {
    const DespiteNonblock waits{!never_waits(sqe)};
    return make_once(request.context, self, sqe, &opened);
  });
  const auto result = static_cast<std::int32_t>(answer);
  if (result < 0) co_return result;
  co_return request.context.install(std::move(opened), sqe.file_index);
}

async::Task<Result<int>> accept_all(Request& request, Thread& self) {
  const Sqe& sqe = request.sqe;
  std::size_t cost = 0;
  for (;;) {
    Ref<File> opened;
    const bool is_direct = sqe.file_index != 0;
    const Register answer = co_await make_call(self, [&] {
      const DespiteNonblock waits{!never_waits(sqe)};
      return accept_connection(request.context, self, sqe, is_direct ? &opened : nullptr);
    });
    auto result = static_cast<std::int32_t>(answer);
    if (result >= 0 && is_direct) {
      const auto slot = request.context.install(std::move(opened), sqe.file_index);
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

}  // namespace

/// Operations that make a descriptor or a registered file.
Register answer_with_descriptor(Context& context, Thread& self, const Sqe& sqe, Request* request) {
  if (is_multishot(sqe)) {
    if (request == nullptr) return trap::would_block;
    return encoded(self.wait([&] { return accept_all(*request, self); }));
  }
  if (sqe.file_index == 0) return make_once(context, self, sqe, nullptr);
  if (request != nullptr) return encoded(self.wait([&] { return make_direct(*request, self); }));
  Ref<File> opened;
  const Register answer = make_once(context, self, sqe, &opened);
  // The handler may have left a wait that refers to `opened`. The caller drops that wait: a request
  // makes the call again.
  if (answer == trap::would_block || !is_value(answer)) return answer;
  return encoded(context.install(std::move(opened), sqe.file_index));
}

}  // namespace kernel::uring
