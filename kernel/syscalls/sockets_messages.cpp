// Sending and receiving: bytes, addresses, and what messages carry besides (cmsg(3)).
//
// A receive takes a message only when all pages that it will write are in memory: those of the
// bytes, the address, the header and the space for control messages.
#include <abi/io_uring.h>
#include <async/multi_wait.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "process/page_in.h"
#include "process/signal_delivery.h"
#include "process/steps.h"
#include "syscalls/io_loops.h"
#include "syscalls/io_parts.h"
#include "syscalls/registered_calls.h"
#include "syscalls/sockets.h"

namespace kernel {
namespace sys {
namespace {

using abi::ControlHeader;
using abi::MessageHeader;
using MessageAnswer = trap::Answer<Transfer>;

constexpr std::size_t aligned(std::size_t length) {
  return (length + sizeof(std::size_t) - 1) & ~(sizeof(std::size_t) - 1);
}

/// The longest control messages that a receive writes.
constexpr std::size_t most_control =
    2 * sizeof(ControlHeader) + 16 + PassedFiles::most * sizeof(int) + sizeof(std::size_t);

/// Where a program has the parts of a message.
struct MessagePlace {
  std::uintptr_t at = 0;   ///< of the header; 0: the call has none, but `bytes`
  MessageHeader header{};  ///< the kernel's copy; without `at` only the name matters
  UserSpan<std::byte> bytes{};
  UserPtr<int> name_room{};  ///< where the length of the name is
  bool has_bytes = false;    ///< `bytes` stand in place of the header's parts
  std::uintptr_t frame = 0;  ///< of a RecvmsgOut, which is written in place of the header; 0: none

  bool wants_name() const { return header.name != 0; }

  /// `parts`: room for the list. EMSGSIZE: it is too long; errors of IoParts.
  Result<IoBuffer> buffer(Thread& self, IoParts& parts) const {
    if (at == 0 || has_bytes) {
      if (!bytes.in_range()) return fail(Errno::efault);
      return IoBuffer{self.space(), bytes.address(), bytes.size()};
    }
    if (header.part_count > abi::max_io_vectors) return fail(Errno::emsgsize);
    const auto read = parts.read(self.space(), UserPtr<const abi::IoVector>{header.parts},
                                 static_cast<int>(header.part_count));
    if (!read) return fail(read.error());
    return parts.buffer(self.space());
  }

  /// Whether a page that deliver() writes is missing. If so, requests its page-in.
  bool lacks_pages(Thread& self) const {
    const auto name_size =
        std::clamp<std::int32_t>(header.name_length, 0, abi::longest_socket_address);
    return (frame != 0 && sys::lacks_pages(self, frame, sizeof(abi::uring::RecvmsgOut))) ||
           (at != 0 && sys::lacks_pages(self, at, sizeof header)) ||
           (wants_name() && sys::lacks_pages(self, name_room.address(), sizeof(int))) ||
           (wants_name() && sys::lacks_pages(self, header.name, name_size)) ||
           sys::lacks_pages(self, header.control, std::min(header.control_length, most_control));
  }
};

/// Copies the header. EFAULT; EINVAL: a length is negative.
Result<MessagePlace> read_place(Thread& self, std::uintptr_t at) {
  const auto header = UserPtr<const MessageHeader>{at}.read(self.space());
  if (!header) return fail(header.error());
  MessagePlace place{.at = at, .header = *header};
  if (place.header.name == 0) place.header.name_length = 0;
  if (place.header.name_length < 0) return fail(Errno::einval);
  place.name_room = UserPtr<int>{at + offsetof(MessageHeader, name_length)};
  if (place.header.control == 0) place.header.control_length = 0;
  return place;
}

// ── Sending ──

/// The files that a control message names. EINVAL: too many; EBADF; ENOMEM.
Result<> read_files(Thread& self, UserSpan<const int> numbers, Outgoing& message) {
  const std::size_t before = message.files ? message.files->size() : 0;
  if (numbers.empty()) return {};
  if (numbers.size() > PassedFiles::most - before) return fail(Errno::einval);
  if (!message.files) {
    auto made = PassedFiles::make(PassedFiles::most);
    if (!made) return fail(made.error());
    message.files = std::move(*made);
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = numbers[i].read(self.space());
    if (!number) return fail(number.error());
    auto file = self.process().files().share(*number);
    if (!file) return fail(file.error());
    if ((*file)->is_uring()) return fail(Errno::einval);
    (*file)->note_other_table();
    message.files->add(std::move(*file));
  }
  return {};
}

/// A search for lost sockets is one step, which takes time for each file in flight.
constexpr std::uint64_t most_on_their_way = 4096;

/// The credentials that the sender gives. The superuser may give the number of any process. EINVAL:
/// there is only one user; ESRCH.
Result<> check_credentials(const abi::Credentials& given) {
  if (given.uid != 0 || given.gid != 0) return fail(Errno::einval);
  if (process_of(given.pid) == nullptr) return fail(Errno::esrch);
  return {};
}

/// Reads the control messages of a send. EINVAL; EBADF; EFAULT; ENOBUFS; ETOOMANYREFS.
Result<> read_control(Thread& self, const MessageHeader& header, Outgoing& message) {
  constexpr std::size_t most = 131'072;  // net.core.optmem_max
  if (header.control_length > most) return fail(Errno::enobufs);
  std::size_t at = 0;
  while (header.control_length - at >= sizeof(ControlHeader)) {
    const std::uintptr_t here = header.control + at;
    const std::size_t left = header.control_length - at;
    const auto control = UserPtr<const ControlHeader>{here}.read(self.space());
    if (!control) return fail(control.error());
    if (control->length < sizeof(ControlHeader) || control->length > left)
      return fail(Errno::einval);
    const std::uintptr_t data = here + sizeof(ControlHeader);
    const std::size_t data_length = control->length - sizeof(ControlHeader);
    if (control->level == abi::sol_socket && control->type == abi::scm_rights) {
      const UserSpan<const int> numbers{data, data_length / sizeof(int)};
      if (auto read = read_files(self, numbers, message); !read) return read;
    } else if (control->level == abi::sol_socket && control->type == abi::scm_credentials) {
      if (data_length != sizeof(abi::Credentials)) return fail(Errno::einval);
      const auto given = UserPtr<const abi::Credentials>{data}.read(self.space());
      if (!given) return fail(given.error());
      if (auto valid = check_credentials(*given); !valid) return valid;
      message.credentials = *given;
    } else if (control->level == abi::sol_socket) {
      return fail(Errno::einval);
    } else {
      if (!message.control) message.control.emplace();
      ControlMessages& others = *message.control;
      if (others.count == others.list.size() || data_length > others.list[0].data.size()) {
        others.has_more = true;
      } else {
        ControlMessages::Message& added = others.list[others.count];
        const UserSpan<const std::byte> given{data, data_length};
        const auto room = std::span{added.data}.first(data_length);
        if (auto read = given.read(self.space(), room); !read) return read;
        added.level = control->level;
        added.type = control->type;
        added.length = static_cast<std::uint32_t>(data_length);
        ++others.count;
      }
    }
    at += std::min(aligned(control->length), left);
  }
  if (message.files && message.files->size() > 0) {
    const auto limit = std::min<std::uint64_t>(self.process().limits()[abi::rlimit_nofile].soft,
                                               most_on_their_way);
    if (PassedFiles::on_their_way() > limit) PassedFiles::collect();
    if (PassedFiles::on_their_way() > limit) return fail(Errno::etoomanyrefs);
  }
  return {};
}

/// Sends what the socket has room for. If the call waits, O_NONBLOCK does not matter any more.
Transfer send_step(Socket& socket, IoBuffer& part, Outgoing& message) {
  const DespiteNonblock waits{(message.flags & abi::msg_dontwait) == 0};
  return socket.send(part, message);
}

/// Sends all of `buffer`: waits for room, in steps, unless `message` has MSG_DONTWAIT. A message is
/// sent at once.
async::Task<Transfer> send_from(Thread& self, Ref<File> file, IoBuffer buffer, Outgoing& message) {
  Socket& socket = *file->socket();
  const async::Instant deadline = end_of_wait(socket.options().send_timeout);
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = socket.is_stream() ? buffer.first(step_bytes) : buffer;
    Result<> paged_in;
    if (part.left() <= Socket::Options::most_buffer && part.lacks_pages(IoBuffer::Direction::take))
      paged_in = co_await page_in_all(self, part, IoBuffer::Direction::take);
    if (done > 0 && socket.has_error(Direction::write)) co_return done;
    Transfer sent = send_step(socket, part, message);
    if (blocks(sent) && part.needs_page_in())
      sent = fail(paged_in ? Errno::efault : paged_in.error());
    if (sent) {
      done += *sent;
      if (!socket.is_stream() || *sent >= buffer.left()) co_return done;
      buffer.skip(*sent);
      if (self.must_end_call()) co_return done;
      co_await cond_resched(self);
      continue;
    }
    if (sent.error() != Errno::would_block || (message.flags & abi::msg_dontwait) != 0) {
      if (done > 0) co_return done;
      if (sent.error() == Errno::would_block) sent = fail(Errno::eagain);
      socket.pass_room(message);
      if ((message.flags & abi::msg_nosignal) == 0) signal_broken_pipe(self, socket, sent);
      co_return sent;
    }
    const auto woken = co_await socket.room_to_send(message).wait_until(deadline, "send");
    if (woken != async::WaitResult::woken) {
      if (done > 0) co_return done;
      co_return fail(wait_error(woken));
    }
  }
}

async::Task<Transfer> finish_sending(Thread& self, Ref<File> file, MessagePlace place,
                                     Outgoing message) {
  IoParts parts;
  const auto buffer = co_await with_page_ins(self, [&] { return place.buffer(self, parts); });
  if (!buffer) co_return fail(buffer.error());
  co_return co_await send_from(self, std::move(file), *buffer, message);
}

/// sendto() and sendmsg(), with the address `to`, if it has one.
MessageAnswer send_message(Thread& self, Socket& socket, const MessagePlace& place,
                           const SocketAddress& to, int flags) {
  const bool waits = !never_waits(socket, flags);
  Outgoing message{.flags = waits ? flags : flags | abi::msg_dontwait};
  message.credentials = credentials_of(self);
  if (place.header.control_length > 0) {
    if (auto read = read_control(self, place.header, message); !read) return fail(read.error());
  }
  CallingThread caller{self};
  if (auto ready = socket.prepare_send(caller, to, message); !ready) return fail(ready.error());
  IoParts parts;
  auto buffer = place.buffer(self, parts);
  if (!buffer && !blocks(buffer)) return fail(buffer.error());
  if (buffer && (!socket.is_stream() || buffer->left() <= socket.whole_write())) {
    Transfer sent = socket.send(*buffer, message);
    const bool is_over = !blocks(sent);
    if (is_over || (!waits && !buffer->needs_page_in())) {
      if (!is_over) sent = fail(Errno::eagain);
      if ((flags & abi::msg_nosignal) == 0) signal_broken_pipe(self, socket, sent);
      return sent;
    }
  }
  return self.wait(
      [&] { return finish_sending(self, Ref<File>::share(socket), place, std::move(message)); });
}

// ── Receiving ──

/// Writes control messages into the space that the program has for them. Shortens the last one that
/// does not fit, and notes that in `flags`.
class ControlWriter {
 public:
  ControlWriter(Thread& self, const MessageHeader& header, int& flags)
      : self_{self}, at_{header.control}, left_{header.control_length}, flags_{flags} {}

  Result<> put(int type, std::span<const std::byte> data, int level = abi::sol_socket) {
    if (left_ < sizeof(ControlHeader)) {
      flags_ |= abi::msg_ctrunc;
      return {};
    }
    std::size_t length = sizeof(ControlHeader) + data.size();
    if (length > left_) {
      flags_ |= abi::msg_ctrunc;
      length = left_;
    }
    const ControlHeader header{.length = length, .level = level, .type = type};
    if (auto written = UserPtr<ControlHeader>{at_}.write(self_.space(), header); !written)
      return written;
    const auto part = data.first(length - sizeof header);
    const UserSpan<std::byte> to{at_ + sizeof header, part.size()};
    if (auto written = to.write(self_.space(), part); !written) return written;
    const std::size_t used = std::min(aligned(length), left_);
    at_ += used;
    left_ -= used;
    return {};
  }

  /// Opens the files, as many as there is room for. The receive drops the others.
  Result<> put_files(PassedFiles& files, bool close_on_exec) {
    const std::size_t room =
        left_ > sizeof(ControlHeader) ? (left_ - sizeof(ControlHeader)) / sizeof(int) : 0;
    std::array<int, PassedFiles::most> numbers;
    std::size_t count = 0;
    while (count < std::min(room, files.size())) {
      const auto number =
          self_.process().files().add(Ref<File>::share(files[count]), close_on_exec);
      if (!number) break;
      numbers[count++] = *number;
    }
    if (count < files.size()) flags_ |= abi::msg_ctrunc;
    if (count == 0) return {};
    const std::span opened = std::span{numbers}.first(count);
    auto written = put(abi::scm_rights, std::as_bytes(opened));
    if (!written) {  // the program does not learn the numbers
      for (const int number : opened) (void)self_.process().files().close(number);
    }
    return written;
  }

  std::size_t left() const { return left_; }

 private:
  Thread& self_;
  std::uintptr_t at_;
  std::size_t left_;
  int& flags_;
};

/// Writes what a receive has got besides the bytes. EFAULT; EINVAL.
Result<> deliver(Thread& self, const MessagePlace& place, Incoming& message) {
  if (place.at == 0) {
    if (!place.wants_name()) return {};
    return write_address(self, message.from, place.header.name, place.name_room);
  }
  int flags = message.message_flags | (message.flags & abi::msg_cmsg_cloexec);
  ControlWriter control{self, place.header, flags};
  if (message.credentials) {
    const auto bytes = std::as_bytes(std::span{&*message.credentials, 1});
    if (auto put = control.put(abi::scm_credentials, bytes); !put) return put;
  }
  for (unsigned i = 0; message.control && i < message.control->count; ++i) {
    const ControlMessages::Message& one = message.control->list[i];
    if (auto put = control.put(one.type, std::span{one.data}.first(one.length), one.level); !put)
      return put;
  }
  if (message.files) {
    const bool close_on_exec = (message.flags & abi::msg_cmsg_cloexec) != 0;
    if (auto put = control.put_files(*message.files, close_on_exec); !put) return put;
  }
  if (place.wants_name()) {
    auto written = write_address(self, message.from, place.header.name, place.name_room);
    if (!written) return written;
  }
  if (place.frame != 0) {
    using abi::uring::RecvmsgOut;
    const UserPtr<std::uint32_t> room{place.frame + offsetof(RecvmsgOut, controllen)};
    const UserPtr<std::uint32_t> out{place.frame + offsetof(RecvmsgOut, flags)};
    const auto used = static_cast<std::uint32_t>(place.header.control_length - control.left());
    if (auto written = room.write(self.space(), used); !written) return written;
    return out.write(self.space(), static_cast<std::uint32_t>(flags));
  }
  const UserPtr<std::uint32_t> flags_at{place.at + offsetof(MessageHeader, flags)};
  if (auto written = flags_at.write(self.space(), static_cast<std::uint32_t>(flags)); !written)
    return written;
  const UserPtr<std::size_t> length_at{place.at + offsetof(MessageHeader, control_length)};
  return length_at.write(self.space(), place.header.control_length - control.left());
}

/// How many bytes a receive waits for.
std::size_t wanted_bytes(const Socket& socket, int flags, std::size_t size) {
  if (!socket.is_stream()) return 1;
  if ((flags & abi::msg_waitall) != 0) return size;
  return std::min<std::size_t>(static_cast<std::size_t>(socket.options().low_water), size);
}

/// The most bytes that the next step can receive.
std::size_t most_received(Socket& socket) {
  return socket.is_stream() ? step_bytes : socket.next_size();
}

/// Waits until `socket` may have more bytes, for a receiver that only peeks (MSG_PEEK). It watches
/// the wait list instead of waiting in it, so a wake still reaches a receiver that takes the bytes.
async::Task<async::WaitResult> watch_for_bytes(Socket& socket, async::Instant deadline) {
  async::Observer entry;
  async::MultiWait wait;
  wait.watch(entry, *socket.changes(Direction::read));
  co_return co_await wait.until(deadline, "recv");
}

/// Receives into `buffer`: waits until there are bytes, unless `message` has MSG_DONTWAIT. `place`:
/// where deliver() will write; null: it is not called.
async::Task<Transfer> receive_into(Thread& self, Ref<File> file, IoBuffer buffer, Incoming& message,
                                   const MessagePlace* place) {
  Socket& socket = *file->socket();
  const bool waits = (message.flags & abi::msg_dontwait) == 0;
  const async::Instant deadline = end_of_wait(socket.options().receive_timeout);
  const std::size_t wanted = wanted_bytes(socket, message.flags, buffer.left());
  std::size_t done = 0;
  for (;;) {
    IoBuffer part = buffer;
    const auto lacks_pages = [&] {
      part = buffer.first(most_received(socket));  // another thread may have taken the message
      return part.lacks_pages(IoBuffer::Direction::put) ||
             (place != nullptr && place->lacks_pages(self));
    };
    Result<> paged_in;
    if (lacks_pages()) paged_in = co_await page_in_while(self, lacks_pages);
    // If a page of `buffer` cannot be read, receive() still fills the pages before it.
    if (!paged_in &&
        (paged_in.error() == Errno::eintr || (place != nullptr && place->lacks_pages(self)))) {
      socket.changes(Direction::read)->pass_wake();  // another thread may take the message
      co_return done > 0 ? Transfer{done} : fail(paged_in.error());
    }
    if (done > 0 && socket.has_error(Direction::read)) co_return done;
    const std::size_t asked = part.left();
    Transfer got = fail(Errno::would_block);
    if (!message.peeks() || !waits || socket.has_bytes(wanted)) got = socket.receive(part, message);
    if (blocks(got) && part.needs_page_in())
      got = fail(paged_in ? Errno::efault : paged_in.error());
    if (got) {
      if (!socket.is_stream()) co_return got;
      done += *got;
      // Files and other senders end a receive, as on Linux.
      const bool is_cut = *got < asked && message.credentials && socket.has_bytes(1);
      if (*got == 0 || done >= wanted || message.files || is_cut || message.peeks()) co_return done;
      buffer.skip(*got);
      if (self.must_end_call()) co_return done;
      if (*got == asked) {
        co_await cond_resched(self);
        continue;
      }
    } else if (got.error() != Errno::would_block) {
      if (done > 0) co_return done;
      co_return got;
    }
    if (!waits) {
      if (done > 0) co_return done;
      co_return fail(Errno::eagain);
    }
    if (socket.is_stream() && done > 0 && socket.has_bytes(1)) continue;
    const auto woken = message.peeks()
                           ? co_await watch_for_bytes(socket, deadline)
                           : co_await socket.changes(Direction::read)->wait_until(deadline, "recv");
    if (woken != async::WaitResult::woken) {
      if (done > 0) co_return done;
      co_return fail(wait_error(woken));
    }
  }
}

async::Task<Transfer> finish_receiving(Thread& self, Ref<File> file, MessagePlace place,
                                       int flags) {
  IoParts parts;
  const auto buffer = co_await with_page_ins(self, [&] { return place.buffer(self, parts); });
  if (!buffer) co_return fail(buffer.error());
  Incoming message{.flags = flags};
  const Transfer got = co_await receive_into(self, std::move(file), *buffer, message, &place);
  if (!got) co_return got;
  if (auto delivered = deliver(self, place, message); !delivered) co_return fail(delivered.error());
  co_return got;
}

MessageAnswer receive_message(Thread& self, Socket& socket, const MessagePlace& place, int flags) {
  IoParts parts;
  auto buffer = place.buffer(self, parts);
  const bool waits = !never_waits(socket, flags);
  if (!waits) flags |= abi::msg_dontwait;
  const auto wait = [&] {
    return self.wait(
        [&] { return finish_receiving(self, Ref<File>::share(socket), place, flags); });
  };
  if (!buffer) return blocks(buffer) ? wait() : fail(buffer.error());
  if (place.lacks_pages(self)) return wait();
  const bool is_one_step = !socket.is_stream() || buffer->left() <= step_bytes;
  if (is_one_step && (!waits || wanted_bytes(socket, flags, buffer->left()) <= 1)) {
    Incoming message{.flags = flags};
    IoBuffer part = buffer->first(most_received(socket));
    const Transfer got = socket.receive(part, message);
    if (got) {
      if (auto delivered = deliver(self, place, message); !delivered)
        return fail(delivered.error());
      return got;
    }
    if (got.error() != Errno::would_block) return got;
    if (!waits && !part.needs_page_in()) return fail(Errno::eagain);
  }
  return wait();
}

MessageAnswer send_header(Thread& self, Socket& socket, std::uintptr_t header, int flags) {
  const auto place = read_place(self, header);
  if (!place) return fail(place.error());
  SocketAddress to;
  if (place->header.name_length > 0) {
    const int length = std::min<int>(place->header.name_length, abi::longest_socket_address);
    const auto given = read_address(self, place->header.name, length);
    if (!given) return fail(given.error());
    to = *given;
  }
  return send_message(self, socket, *place, to, flags);
}

MessageAnswer receive_header(Thread& self, Socket& socket, std::uintptr_t header, int flags) {
  const auto place = read_place(self, header);
  if (!place) return fail(place.error());
  return receive_message(self, socket, *place, flags);
}

}  // namespace

async::Task<Transfer> read_socket(Thread& self, Ref<File> file, IoBuffer buffer, bool waits) {
  Incoming message{.flags = waits ? 0 : abi::msg_dontwait};
  co_return co_await receive_into(self, std::move(file), buffer, message, nullptr);
}

async::Task<Transfer> write_socket(Thread& self, Ref<File> file, IoBuffer buffer, bool waits) {
  Outgoing message{.flags = waits ? 0 : abi::msg_dontwait};
  message.credentials = credentials_of(self);
  co_return co_await send_from(self, std::move(file), buffer, message);
}

template <bool shares>
MessageAnswer sendto(Thread& self, int fd, UserSpan<std::byte> bytes, int flags,
                     std::uintptr_t address, int length) {
  const outside::SharingIf<shares> sharing;
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  if constexpr (shares) {
    const bool is_usual = (flags & ~(abi::msg_nosignal | abi::msg_dontwait)) == 0 && address == 0;
    if (!is_usual) return fail(Errno::would_block);
    return move_sharing(self, **socket, UserSpan<const std::byte>{bytes.address(), bytes.size()});
  }
  SocketAddress to;
  if (address != 0) {
    const auto given = read_address(self, address, length);
    if (!given) return fail(given.error());
    to = *given;
  }
  return send_message(self, **socket, {.bytes = bytes}, to, flags);
}

template <bool shares>
MessageAnswer recvfrom(Thread& self, int fd, UserSpan<std::byte> bytes, int flags,
                       std::uintptr_t address, UserPtr<int> length) {
  outside::SharingIf<shares> sharing;
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  if constexpr (shares) {
    if (address != 0 || flags != 0) return fail(Errno::would_block);
    return read_sharing(self, sharing, **socket, bytes);
  }
  MessagePlace place{.bytes = bytes, .name_room = length};
  if (address != 0) {
    const auto room = length.read(self.space());
    if (blocks(room)) return fail(room.error());
    place.header.name = address;
    place.header.name_length = room.value_or(0);
  }
  return receive_message(self, **socket, place, flags);
}

template decltype(sendto<false>) sendto<false>;
template decltype(sendto<true>) sendto<true>;
template decltype(recvfrom<false>) recvfrom<false>;
template decltype(recvfrom<true>) recvfrom<true>;

/// flags: as `sendto`; control messages SCM_RIGHTS and SCM_CREDENTIALS, and for UDP IP_TTL, IP_TOS,
///   IP_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS, IPV6_PKTINFO; EINVAL for others
/// linux: As `sendto`. UDP takes at most three control messages. If messages that wait hold more
///   than RLIMIT_NOFILE or 4,096 files, the call fails with ETOOMANYREFS, also for the superuser.
MessageAnswer sendmsg(Thread& self, int fd, std::uintptr_t header, int flags) {
  const auto socket = socket_of(self, fd);
  return socket ? send_header(self, **socket, header, flags) : fail(socket.error());
}

/// flags: as `recvfrom`, and MSG_CMSG_CLOEXEC
/// linux: As `recvfrom`.
MessageAnswer recvmsg(Thread& self, int fd, std::uintptr_t header, int flags) {
  const auto socket = socket_of(self, fd);
  return socket ? receive_header(self, **socket, header, flags) : fail(socket.error());
}

MessageAnswer recvmsg_into(Thread& self, int fd, std::uintptr_t header, UserSpan<std::byte> bytes,
                           int flags) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  auto place = read_place(self, header);
  if (!place) return fail(place.error());
  place->bytes = bytes;
  place->has_bytes = true;
  return receive_message(self, **socket, *place, flags);
}

MessageAnswer recvmsg_framed(Thread& self, int fd, std::uintptr_t header, UserSpan<std::byte> bytes,
                             int flags, std::size_t& payload) {
  using abi::uring::RecvmsgOut;
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  const auto given = UserPtr<const MessageHeader>{header}.read(self.space());
  if (!given) return fail(given.error());
  if (given->name_length < 0) return fail(Errno::eoverflow);
  const auto name_room = static_cast<std::uint32_t>(given->name_length);
  const std::size_t names_end = sizeof(RecvmsgOut) + name_room;
  if (given->control_length >= INT32_MAX - names_end) return fail(Errno::eoverflow);
  const std::size_t front = names_end + given->control_length;
  if (front > bytes.size()) return fail(Errno::efault);
  const UserPtr<RecvmsgOut> out{bytes.address()};
  const RecvmsgOut begun{.namelen = name_room, .controllen = 0, .payloadlen = 0, .flags = 0};
  if (auto written = out.write(self.space(), begun); !written) return fail(written.error());
  MessagePlace place{.at = header, .bytes = bytes.subspan(front), .has_bytes = true};
  place.frame = bytes.address();
  if (name_room != 0) {
    place.header.name = bytes.address() + sizeof(RecvmsgOut);
    place.header.name_length = given->name_length;
    place.name_room = UserPtr<int>{bytes.address() + offsetof(RecvmsgOut, namelen)};
  }
  place.header.control = bytes.address() + names_end;
  place.header.control_length = given->control_length;
  const auto answer = receive_message(self, **socket, place, flags);
  const auto got = static_cast<std::int64_t>(trap::ToRegister<MessageAnswer>::encode(answer));
  if (answer.blocks() || got < 0) return answer;
  payload = static_cast<std::size_t>(got);
  const UserPtr<std::uint32_t> length{bytes.address() + offsetof(RecvmsgOut, payloadlen)};
  auto written = length.write(self.space(), static_cast<std::uint32_t>(payload));
  if (!written) return fail(written.error());
  return front + std::min(payload, place.bytes.size());
}

namespace {

constexpr unsigned most_messages = 1024;  // UIO_MAXIOV

std::uintptr_t header_at(std::uintptr_t messages, std::uint32_t index) {
  return messages + index * sizeof(abi::MessageOfMany);
}
/// Sends or receives one of many messages, and notes its length. `call`: send_header or
/// receive_header.
async::Task<Result<>> move_one(Thread& self,
                               MessageAnswer (*call)(Thread&, Socket&, std::uintptr_t, int),
                               Socket& socket, std::uintptr_t at, int flags) {
  const trap::Register moved = co_await make_call(self, [=, &self, &socket] {
    return trap::ToRegister<MessageAnswer>::encode(call(self, socket, at, flags));
  });
  const auto answer = static_cast<std::int64_t>(moved);
  if (answer < 0 && answer >= -abi::max_errno) co_return fail(static_cast<Errno>(-answer));
  const UserPtr<std::uint32_t> length{at + offsetof(abi::MessageOfMany, length)};
  const trap::Register noted = co_await make_call(self, [=, &self] {
    const auto written = length.write(self.space(), static_cast<std::uint32_t>(moved));
    return trap::ToRegister<Result<>>::encode(written);
  });
  if (noted != 0) co_return fail(static_cast<Errno>(-static_cast<std::int64_t>(noted)));
  co_return Result<>{};
}

async::Task<Transfer> send_many(Thread& self, Ref<File> file, std::uintptr_t messages,
                                std::uint32_t count, int flags) {
  std::uint32_t sent = 0;
  while (sent < count) {
    const auto one =
        co_await move_one(self, send_header, *file->socket(), header_at(messages, sent), flags);
    if (!one && sent == 0) co_return fail(one.error());
    if (!one) break;
    ++sent;
    if (async::is_cancelled()) break;
  }
  co_return sent;
}

async::Task<Transfer> receive_many(Thread& self, Ref<File> file, std::uintptr_t messages,
                                   std::uint32_t count, int flags, UserPtr<abi::Timespec> timeout,
                                   async::Instant deadline) {
  std::uint32_t got = 0;
  const bool waits_for_one = (flags & abi::msg_waitforone) != 0;
  flags &= ~abi::msg_waitforone;
  while (got < count) {
    const auto one =
        co_await move_one(self, receive_header, *file->socket(), header_at(messages, got), flags);
    if (!one && got == 0) co_return fail(one.error());
    if (!one) break;
    ++got;
    if (waits_for_one) flags |= abi::msg_dontwait;
    if (async::is_cancelled() || async::now() >= deadline) break;
  }
  if (timeout && got > 0) {
    const auto left = std::max(deadline - async::now(), async::Duration::zero());
    const trap::Register written = co_await make_call(self, [=, &self] {
      return trap::ToRegister<Result<>>::encode(timeout.write(self.space(), to_timespec(left)));
    });
    if (written != 0) co_return fail(Errno::efault);
  }
  co_return got;
}

}  // namespace

/// flags: as `sendto`
/// linux: As `sendmsg`.
MessageAnswer sendmmsg(Thread& self, int fd, std::uintptr_t messages, std::uint32_t count,
                       int flags) {
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return self.wait([&] {
    return send_many(self, Ref<File>::share(**socket), messages, std::min(count, most_messages),
                     flags);
  });
}

/// flags: as `recvmsg`, and MSG_WAITFORONE
/// linux: As `recvmsg`.
MessageAnswer recvmmsg(Thread& self, int fd, std::uintptr_t messages, std::uint32_t count,
                       int flags, UserPtr<abi::Timespec> timeout) {
  async::Instant deadline = async::never;
  if (timeout) {
    const auto given = UserPtr<const abi::Timespec>{timeout.address()}.read(self.space());
    if (!given) return fail(given.error());
    const auto length = to_duration(*given);
    if (!length) return fail(length.error());
    deadline = after(*length);
  }
  const auto socket = socket_of(self, fd);
  if (!socket) return fail(socket.error());
  return self.wait([&] {
    return receive_many(self, Ref<File>::share(**socket), messages, std::min(count, most_messages),
                        flags, timeout, deadline);
  });
}

}  // namespace sys

KERNEL_CALL(sendmmsg, sys::sendmmsg);
KERNEL_CALL(recvmmsg, sys::recvmmsg);
KERNEL_CALL(sendmsg, sys::sendmsg);
KERNEL_CALL(recvmsg, sys::recvmsg);

}  // namespace kernel
