// What the calls about sockets share.
#pragma once

#include <abi/socket.h>
#include <async/time.h>
#include <kernel/result.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "files/socket.h"
#include "process/thread.h"
#include "syscalls/files.h"
#include "syscalls/timespec.h"

namespace kernel::sys {

/// EBADF; ENOTSOCK.
Result<Socket*> socket_of(Thread& self, int fd);

inline abi::Credentials credentials_of(Thread& self) {
  return {.pid = self.process().id(), .uid = 0, .gid = 0};
}

/// Copies an address from the program. EINVAL: no address has this length; EFAULT.
Result<SocketAddress> read_address(Thread& self, std::uintptr_t from, int length);
/// Writes the beginning of `address`, as many bytes as the program has room for, and then its
/// length. EINVAL: the room is negative; EFAULT.
Result<> write_address(Thread& self, const SocketAddress& address, std::uintptr_t to,
                       UserPtr<int> room);
/// Whether a page that a write to these bytes needs is missing. If so, requests its page-in.
inline bool lacks_pages(Thread& self, std::uintptr_t address, std::size_t size) {
  return size > 0 && IoBuffer{self.space(), address, size}.lacks_pages(IoBuffer::Direction::put);
}

/// Whether a call on `socket` with the flags `flags` (abi::msg_*) fails instead of waiting.
inline bool never_waits(const Socket& socket, int flags) {
  return socket.is_nonblocking() || (flags & abi::msg_dontwait) != 0;
}
/// The error of a wait that has not ended by a wake.
inline Errno wait_error(async::WaitResult result) {
  return result == async::WaitResult::timed_out ? Errno::eagain : Errno::eintr;
}

/// The thread that makes a call, for its sockets.
class CallingThread final : public SocketCaller {
 public:
  explicit CallingThread(Thread& self) : self_{self} {}

  abi::Credentials credentials() override { return credentials_of(self_); }
  Result<Ref<Node>> find(std::string_view path) override;
  Result<Ref<SocketNode>> make_name(std::string_view path, bool has_name) override;

 private:
  Thread& self_;
};

// ── sockets_messages.cpp ──

/// Receives, as read() on a socket that needs a coroutine: with a timeout, with many bytes, or
/// after a missing page. Without `waits`, fails with EAGAIN instead of waiting. write_socket()
/// sends.
async::Task<Transfer> read_socket(Thread& self, Ref<File> file, IoBuffer buffer, bool waits);
async::Task<Transfer> write_socket(Thread& self, Ref<File> file, IoBuffer buffer, bool waits);

}  // namespace kernel::sys
