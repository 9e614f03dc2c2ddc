// Open files in flight: messages of AF_UNIX sockets carry them (SCM_RIGHTS, unix(7)).
//
// A socket can be in a message that waits in its own queue, or sockets in each other's. No program
// has them open any more then, but each has an owner: a message. Like Linux, the kernel looks for
// such sockets at the end of every socket, while some socket is in flight (passed_files.cpp). They
// are few: `limit` bounds the files in flight.
//
// Strand data.
#pragma once

#include <kernel/list.h>
#include <kernel/ref.h>

#include <array>
#include <cstdint>
#include <memory>

#include "files/file.h"

namespace kernel {

class PassedFiles;

/// Ends the files' way, as the end of their message does. Files that have no other owner end here,
/// in a loop: one of them may be a socket with messages that carry further files.
struct EndPassedFiles {
  void operator()(PassedFiles* files) const;
};
using PassedFilesPtr = std::unique_ptr<PassedFiles, EndPassedFiles>;

/// The part of a socket that knows whether the socket is in flight.
class PassedSocket : public ListNode<PassedSocket> {
 public:
  virtual File& file() = 0;
  /// Calls each() for the files that wait in the queue of this socket, and in the queues of its
  /// connections that no program has accepted.
  class Visitor {
   public:
    virtual void visit(PassedFilesPtr& files) = 0;

   protected:
    ~Visitor() = default;
  };
  virtual void visit_queues(Visitor& visitor) = 0;

 protected:
  PassedSocket() = default;
  ~PassedSocket() = default;

 private:
  friend PassedFiles;
  friend class PassedSearch;

  std::uint32_t times_passed_ = 0;  // in messages that wait
  std::uint32_t owners_outside_ = 0;
  PassedSocket* next_reached_ = nullptr;
  bool is_suspect_ = false;
};

/// The files of one message.
class PassedFiles : public ListNode<> {
 public:
  static constexpr std::size_t most = 253;  ///< SCM_MAX_FD

  /// Room for `count` files, at most `most`. ENOMEM.
  static Result<PassedFilesPtr> make(std::size_t count);
  PassedFiles(const PassedFiles&) = delete;

  std::size_t size() const { return size_; }
  void add(Ref<File> file) { files()[size_++] = file.leak(); }
  File& operator[](std::size_t index) { return *files()[index]; }

  /// A copy with owners of its own, for a receive that leaves the message. ENOMEM.
  Result<PassedFilesPtr> copy();

  /// The message waits in a queue from now on.
  void depart();
  /// A program takes the message.
  void arrive();

  /// The number of files in waiting messages.
  static std::size_t on_their_way() { return on_their_way_; }
  /// Ends the sockets that only each other's messages own.
  static void collect();
  /// The same, if a socket is in flight. For the end of a socket.
  static void collect_if_needed() {
    if (!sockets_.empty()) [[unlikely]]
      collect();
  }

 private:
  friend EndPassedFiles;
  friend class PassedSearch;
  PassedFiles() = default;
  ~PassedFiles();
  static void* operator new(std::size_t size, std::size_t room) {
    return ::operator new(size + room * sizeof(File*));
  }
  static void operator delete(void* object) { ::operator delete(object); }
  static void operator delete(void* object, std::size_t) { ::operator delete(object); }
  File** files() { return reinterpret_cast<File**>(this + 1); }

  static constinit std::size_t on_their_way_;
  static constinit List<PassedSocket, PassedSocket> sockets_;  // in flight

  std::size_t size_ = 0;
  bool has_departed_ = false;
};

}  // namespace kernel
