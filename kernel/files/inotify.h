// inotify(7): a file from which a program reads events of the nodes that it watches.
//
//   a call changes a node ──▶ note_event() ──▶ watches of the node, and of its directory
//                                               ──▶ events of the Inotify ──▶ its reader
//
// While no program watches anything, note_event() is one test. While one does, an operation on a
// node that is watched, or whose directory is, needs the strand (is_watched()).
//
// Strand data.
#pragma once

#include <abi/events.h>
#include <async/shared_word.h>
#include <async/wait_list.h>
#include <kernel/list.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "files/directory.h"
#include "files/file.h"

namespace kernel {

class Inotify;

/// A node that an inotify file watches. It owns a reference to the node.
class InotifyWatch {
 public:
  InotifyWatch(Inotify& owner, int number, Ref<Node> node, std::uint32_t mask);
  InotifyWatch(const InotifyWatch&) = delete;
  ~InotifyWatch();

  Inotify& owner() const { return owner_; }
  int number() const { return number_; }
  Node& node() const { return *node_; }
  InotifyWatch* next_of_node() const { return next_of_node_; }

  std::uint32_t mask;

 private:
  Inotify& owner_;
  const int number_;
  Ref<Node> node_;
  InotifyWatch* next_of_node_;
  InotifyWatch** link_of_node_;  // the pointer that points to this watch
};

class Inotify final : public File {
 public:
  static constexpr std::size_t watch_bytes = sizeof(InotifyWatch) + 64;  // with the map's node

  explicit Inotify(int flags) : File{flags} { let_send_signals(); }
  ~Inotify() override;

  /// Watches `node` for the events of `mask`, or changes the mask of its watch. Returns the number
  /// of the watch. EEXIST: IN_MASK_CREATE, and it has one; ENOMEM.
  Result<int> add(Node& node, std::uint32_t mask);
  /// EINVAL: there is no such watch.
  Result<> remove(int watch);

  /// Adds an event to the queue. If there is no room, the queue gets IN_Q_OVERFLOW instead.
  void post(int watch, std::uint32_t mask, std::uint32_t cookie, std::string_view name);
  /// Empties the queue.
  void drop_events();
  /// Ends a watch whose node has ended, or which was to report one event.
  void end(InotifyWatch& watch);

  Result<std::size_t> move_nothing(Direction direction) override;
  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override;
  short readiness() override { return first_ != nullptr ? abi::pollin | abi::pollrdnorm : 0; }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &readers_ : nullptr;
  }
  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }
  Inotify* inotify() override { return this; }
  std::string_view unnamed_kind() override { return "inotify"; }
  void describe(memory::PagedText& out) override;

 private:
  struct Event {
    int watch;
    std::uint32_t mask;
    std::uint32_t cookie;
    std::string name;
    std::unique_ptr<Event> next;

    /// The bytes of the name with at least one zero behind it, as a multiple of the structure's
    /// size.
    std::size_t name_bytes() const {
      constexpr std::size_t unit = sizeof(abi::InotifyEvent);
      return name.empty() ? 0 : (name.size() + unit) / unit * unit;
    }
    std::size_t bytes() const { return sizeof(abi::InotifyEvent) + name_bytes(); }
  };
  static constexpr std::size_t most_events = 16'384;

  void append(std::unique_ptr<Event> event);

  std::map<int, InotifyWatch> watches_;
  int last_watch_ = 0;
  std::unique_ptr<Event> first_;
  Event* last_ = nullptr;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;  // as a read returns them
  async::WaitList readers_;
};

// ── For the operations on nodes ──

/// How many watches there are. It changes in the strand.
extern constinit async::SharedWord<std::uint32_t> watch_count;

inline bool has_watches() {
  return watch_count != 0;
}
/// Whether an operation on the node, which is in no directory or in its own one, must note an
/// event. Also for callers that share the strand: they make the call in the strand then.
inline bool is_watched(const Node& node) {
  return has_watches() && node.has_watch();
}

namespace detail {
void note_event(Node& node, std::uint32_t mask);
void note_name(Directory& directory, std::string_view name, std::uint32_t mask);
}  // namespace detail

// In the strand.

/// Reports an event of `node` to its watches, and with its name to those of its directory.
inline void note_event(Node& node, std::uint32_t mask) {
  if (is_watched(node)) [[unlikely]]
    detail::note_event(node, mask);
}
/// Reports what happens to a name in `directory`. `mask` has IN_ISDIR for a directory's name.
inline void note_name(Directory& directory, std::string_view name, std::uint32_t mask) {
  if (has_watches()) [[unlikely]]
    detail::note_name(directory, name, mask);
}
/// `node` has got another name.
void note_link(Node& node);
/// `node` has lost the name `name` in `directory`. The caller owns a reference to it.
void note_unlink(Directory& directory, std::string_view name, Node& node);
/// `node` was renamed. `replaced`: the node that had the new name before; null: none. The caller
/// owns references to both.
void note_rename(Directory& from, std::string_view name, Directory& to, std::string_view new_name,
                 Node& node, Node* replaced);
/// Called before an open file of `node` drops its reference: ends the watches of a node without
/// names.
void note_close(Node& node, std::uint32_t mask);

/// IN_ISDIR for a directory, else 0.
inline std::uint32_t directory_bit(const Node& node) {
  return node.type() == abi::s_ifdir ? abi::in_isdir : 0;
}

}  // namespace kernel
