#include "files/passed_files.h"

#include <utility>

#include "files/socket.h"
#include "memory/frames.h"

namespace kernel {

constinit std::size_t PassedFiles::on_their_way_ = 0;
constinit List<PassedSocket, PassedSocket> PassedFiles::sockets_;

namespace {

PassedSocket* passed_socket(File& file) {
  return file.socket();
}

}  // namespace

Result<PassedFilesPtr> PassedFiles::make(std::size_t count) {
  if (!memory::can_allocate(sizeof(PassedFiles) + count * sizeof(File*)))
    return fail(Errno::enomem);
  return PassedFilesPtr{new (count) PassedFiles};
}

Result<PassedFilesPtr> PassedFiles::copy() {
  auto made = make(size_);
  if (!made) return made;
  for (std::size_t i = 0; i < size_; ++i) (*made)->add(Ref<File>::share((*this)[i]));
  return made;
}

void PassedFiles::depart() {
  async::Strand::check_access();
  has_departed_ = true;
  on_their_way_ += size_;
  for (std::size_t i = 0; i < size_; ++i) {
    PassedSocket* const socket = passed_socket((*this)[i]);
    if (socket != nullptr && socket->times_passed_++ == 0) sockets_.push_back(*socket);
  }
}

void PassedFiles::arrive() {
  async::Strand::check_access();
  if (!std::exchange(has_departed_, false)) return;
  on_their_way_ -= size_;
  for (std::size_t i = 0; i < size_; ++i) {
    PassedSocket* const socket = passed_socket((*this)[i]);
    if (socket != nullptr && --socket->times_passed_ == 0) sockets_.remove(*socket);
  }
}

PassedFiles::~PassedFiles() {
  for (std::size_t i = 0; i < size_; ++i) files()[i]->release();
}

void EndPassedFiles::operator()(PassedFiles* ending) const {
  static constinit List<PassedFiles> waiting;
  static constinit bool is_running = false;
  ending->arrive();
  waiting.push_back(*ending);
  if (is_running) return;
  is_running = true;
  while (!waiting.empty()) {
    PassedFiles& next = waiting.front();
    waiting.remove(next);
    delete &next;
  }
  is_running = false;
}

/// Finds the lost sockets: only messages own them, and no program can receive these messages. Linux
/// calls this garbage collection (net/unix/garbage.c).
///
/// A socket is suspect if each of its owners is a message. The messages in the queues of suspects
/// are owners inside. A suspect with another owner can be received, and so can all sockets in its
/// queue, and in theirs. The rest is lost.
class PassedSearch {
 public:
  void run() {
    for (PassedSocket& socket : PassedFiles::sockets_) {
      socket.owners_outside_ = socket.times_passed_;
      socket.is_suspect_ = socket.file().owners() == socket.times_passed_;
    }
    each_suspect([](PassedSocket& inside) { --inside.owners_outside_; });
    for (PassedSocket& socket : PassedFiles::sockets_)
      if (socket.is_suspect_ && socket.owners_outside_ != 0) reach(socket);
    while (reached_ != nullptr) {
      PassedSocket& socket = *std::exchange(reached_, reached_->next_reached_);
      visit(socket, [this](PassedFilesPtr& files) {
        each_socket(*files, [this](PassedSocket& inside) { reach(inside); });
      });
    }
    List<PassedFiles> lost;
    for (PassedSocket& socket : PassedFiles::sockets_) {
      if (!socket.is_suspect_) continue;
      visit(socket, [&](PassedFilesPtr& files) { lost.push_back(*files.release()); });
    }
    while (!lost.empty()) {
      PassedFiles& files = lost.front();
      lost.remove(files);
      EndPassedFiles{}(&files);
    }
  }

 private:
  template <class Each>
  static void visit(PassedSocket& socket, Each each) {
    struct EachQueue final : PassedSocket::Visitor {
      explicit EachQueue(Each& call) : call_{call} {}
      void visit(PassedFilesPtr& files) override { call_(files); }
      Each& call_;
    } visitor{each};
    socket.visit_queues(visitor);
  }
  template <class Each>
  static void each_socket(PassedFiles& files, Each each) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      PassedSocket* const inside = passed_socket(files[i]);
      if (inside != nullptr && inside->is_suspect_) each(*inside);
    }
  }
  /// Calls each() for the suspects in the queues of suspects.
  template <class Each>
  static void each_suspect(Each each) {
    for (PassedSocket& socket : PassedFiles::sockets_) {
      if (!socket.is_suspect_) continue;
      visit(socket, [&](PassedFilesPtr& files) { each_socket(*files, each); });
    }
  }
  void reach(PassedSocket& socket) {
    socket.is_suspect_ = false;
    socket.next_reached_ = std::exchange(reached_, &socket);
  }

  PassedSocket* reached_ = nullptr;
};

void PassedFiles::collect() {
  async::Strand::check_access();
  PassedSearch{}.run();
}

}  // namespace kernel
