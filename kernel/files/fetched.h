// What one system call has learnt from the servers of file systems (remote.h).
//
// Look-ups and the handlers of calls do not wait. If they need something that the call has not
// fetched yet, they get would_block. The call then fetches it, and is made again from its start, as
// after a page-in (process/page_in.h):
//
//   openat("/mnt/share/a/b")  →  would_block: lacks `a`, and `b` in it
//            fetch `a`, then `b`
//   openat("/mnt/share/a/b")  →  would_block: lacks the open file
//            open it
//   openat("/mnt/share/a/b")  →  a descriptor
//
// Nothing fetched outlives the call, so each call sees the names and attributes that the server has
// now. Names that are not a server's cost no more than without servers.
//
// A call that changes names leaves a wait of its own, whose result is the call's result.
#pragma once

#include <async/strand.h>
#include <async/task.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "files/directory.h"
#include "files/file.h"
#include "files/remote.h"

namespace kernel {

/// In the strand.
class Fetched {
 public:
  Fetched();
  ~Fetched();
  Fetched(const Fetched&) = delete;

  /// What the present attempt of a call uses; null: it cannot ask the servers. Only attempts in the
  /// strand use one, so it is null for a caller that shares the strand.
  static Fetched* of_attempt() { return of_attempt_; }
  static void set_of_attempt(Fetched* fetched) {
    async::Strand::check_access();
    of_attempt_ = fetched;
  }

  // would_block: the caller lacks it; fetch() gets it. ENOMEM. Other errors are those of fetching.
  // Nodes live as long as this object.

  /// The node `name` of a remote directory; null: there is none. `rest`: the path behind the name.
  /// fetch() then also gets the names in it up to a symbolic link, so that a path of n names does
  /// not take n attempts.
  Result<Node*> find(Directory& directory, std::string_view name, std::string_view rest);
  /// Succeeds once the call has fetched the attributes of `node`, which is remote.
  Result<> refresh(Node& node);
  /// The file that the call has opened: `node`, which is remote.
  Result<Ref<File>> open(Node& node, int flags);
  /// The file that the call has created in a remote directory.
  Result<Ref<File>> create(Directory& directory, std::string_view name, int flags, unsigned mode);

  /// The first bytes of `file`, which the call has opened: at most bytes_of_start.
  Result<std::span<const std::byte>> start(File& file);
  static constexpr std::size_t bytes_of_start = 4096;

  /// Whether the last attempt of the call has lacked something.
  bool lacks_something() const { return next_.has_value(); }
  /// Fetches what the last attempt has lacked.
  async::Task<> fetch();

 private:
  struct Known;

  static inline constinit Fetched* of_attempt_ = nullptr;

  async::Task<> look_up(Known& first, std::string path);
  static async::Task<> get_attributes(Known& known);
  static async::Task<> open_node(Known& known, int flags);
  static async::Task<> create_file(Known& known, int flags, unsigned mode);
  static async::Task<> read_start(Known& known, Ref<File> file);
  template <class Kind>
  Known* search(Kind kind, const Node& node, std::string_view name);
  template <class Kind>
  Result<Known*> add(Kind kind, Node& node, std::string_view name, std::size_t more_bytes = 0);
  template <class Ask, class Kind>
  Result<Known*> get(Kind kind, Node& node, std::string_view name, Ask ask);

  // A ring in the order of the requests, owned; the last one found or added. Each attempt of a call
  // asks for the same things in the same order, so the next answer is usually the one behind it.
  Known* last_ = nullptr;
  std::optional<async::Task<>> next_;
};

}  // namespace kernel
