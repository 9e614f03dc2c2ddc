// The session with a file server of the host (9P2000.L), and its requests, each a coroutine.
//
// The server knows files by fids, numbers that the kernel chooses. A Fid is a reference on such a
// number. The last one returns the number: a job of the session tells the server (clunk), and then
// the number is used again. A request in flight has references on its fids, so the server never
// gets a number for another file before the request has ended.
//
// In the strand, but a Fid may end in any context.
#pragma once

#include <async/async.h>
#include <async/spin_lock.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "devices/p9_device.h"
#include "files/page_cache.h"
#include "files/pinned_pieces.h"
#include "files/remote.h"
#include "formats/p9.h"

namespace kernel {

class FileLocks;
class ShareClient;
class ShareMapping;

class Fid : public RefCounted<Fid>, public ListNode<> {
 public:
  Fid(ShareClient& client, std::uint32_t number) : client_{client}, number_{number} {}
  std::uint32_t number() const { return number_; }
  static void destroy(const Fid* fid);

 private:
  friend ShareClient;
  ShareClient& client_;
  const std::uint32_t number_;
  bool is_unknown_ = false;  // the server has said that it does not have it
};

/// A read or a write: the pieces of memory that the device uses, and the fid.
class ShareTransfer final : public SizedP9Request<32, 16> {
 public:
  ShareTransfer(Direction direction, Ref<Fid> fid)
      : SizedP9Request{direction == Direction::read ? p9::Type::read : p9::Type::write},
        fid_{std::move(fid)} {}
  PinnedPieces& pieces() { return pieces_; }
  const Fid& fid() const { return *fid_; }

 private:
  Ref<Fid> fid_;
  PinnedPieces pieces_;
};

/// A read or a write of consecutive pages of a file, in frames that the request owns.
class PagesTransfer final : public SizedP9Request<32, 16> {
 public:
  PagesTransfer(Direction direction, Ref<Fid> fid)
      : SizedP9Request{direction == Direction::read ? p9::Type::read : p9::Type::write},
        fid_{std::move(fid)} {}
  const Fid& fid() const { return *fid_; }

  /// Adds the frame of the next page, of which the transfer has `bytes`. At most `most`.
  void add_page(memory::Frame page, std::size_t bytes = hal::page_size) {
    add(page.address(), bytes);
    pages_[count_++] = std::move(page);
  }
  std::size_t count() const { return count_; }
  memory::Frame& page(std::size_t i) { return pages_[i]; }
  static constexpr std::size_t most = 16;

 private:
  Ref<Fid> fid_;
  std::size_t count_ = 0;
  std::array<memory::Frame, most> pages_;
};

class ShareClient {
 public:
  /// `device` must outlive this object, and this object all fids and requests.
  ShareClient(P9Device& device, bool read_only) : device_{device}, is_read_only_{read_only} {}
  ~ShareClient();

  /// Begins the session, then returns fids to the server. Spawn it. It ends if it is cancelled.
  async::Task<> serve();

  bool is_read_only() const { return is_read_only_; }
  /// stat's device number of the files. No device and no other client has it.
  std::uint64_t file_system_number() const { return file_system_number_; }
  /// The fid of the shared folder. The server has it once the session has begun; requests wait for
  /// that.
  const Ref<Fid>& root() const { return root_; }
  /// The most bytes, and the most pieces, of a ShareTransfer.
  std::size_t most_bytes() const { return most_bytes_; }
  std::size_t most_pieces() const { return device_.most_pieces(); }

  // Requests. The errors are those of Remote.

  template <class T = void>
  using Answer = async::Task<Result<T>>;

  /// A new fid: of the file `name` in the directory `fid`, or without a name of the same file.
  Answer<Ref<Fid>> walk(Ref<Fid> fid, std::optional<std::string> name = {});
  Answer<p9::Attributes> attributes(Ref<Fid> fid);
  Answer<> set_attributes(Ref<Fid> fid, const AttributeChange& change);
  Answer<FileSystemFacts> facts(Ref<Fid> fid);
  Answer<std::string> read_link(Ref<Fid> fid);
  /// Opens the file of `fid`.
  Answer<> open(Ref<Fid> fid, int flags);
  /// Creates a file in the directory of `fid`, and opens it: it is the fid's file from then on.
  Answer<> create(Ref<Fid> fid, std::string_view name, int flags, unsigned mode);
  Answer<> make_directory(Ref<Fid> fid, std::string_view name, unsigned mode);
  Answer<> make_node(Ref<Fid> fid, std::string_view name, unsigned mode);
  Answer<> make_symlink(Ref<Fid> fid, std::string_view name, std::string_view target);
  Answer<> make_link(Ref<Fid> fid, std::string_view name, Ref<Fid> file);
  Answer<> remove(Ref<Fid> fid, std::string_view name, bool directory);
  Answer<> rename(Ref<Fid> fid, std::string_view name, Ref<Fid> to, std::string_view to_name);
  Answer<> sync(Ref<Fid> fid);

  /// Moves `bytes` bytes between the file, at `offset`, and the pieces of `transfer`. Returns their
  /// number, which is less at the end of the file.
  Answer<std::size_t> move(Ref<ShareTransfer> transfer, std::uint64_t offset, std::size_t bytes);

  /// Bytes in the memory of the request that has them.
  struct Data {
    Ref<P9Request> owner;
    std::span<const std::byte> bytes;
  };
  /// Reads entries of a directory (p9::take_entry) from the position `place` on.
  Answer<Data> read_entries(Ref<Fid> fid, std::uint64_t place);
  /// Reads the page `index` of a file, with zeros behind the end of the file. Also reads pages
  /// behind it that `cached` does not have, up to the page `end`, and adds them all to `cached`.
  /// EIO: the file ends before the page.
  Answer<memory::Frame> read_pages(Ref<Fid> fid, std::uint64_t index, std::uint64_t end,
                                   Ref<CachedFile> cached);

  /// Writes the first `bytes` bytes of the pages to the file, at `offset`. Returns the number of
  /// those that the server has taken.
  Answer<std::size_t> write_pages(Ref<PagesTransfer> pages, std::uint64_t offset,
                                  std::size_t bytes);

  /// The shared mapping of a file; null: there is none.
  ShareMapping* mapping_of(PageCache::Key key) const {
    const auto found = mappings_.find(key);
    return found != mappings_.end() ? found->second : nullptr;
  }
  void add_mapping(PageCache::Key key, ShareMapping& mapping) { mappings_.emplace(key, &mapping); }
  void remove_mapping(PageCache::Key key) { mappings_.erase(key); }
  /// Writes back the dirty pages of all mappings. The first error.
  Answer<> write_back();

  /// The locks of a file; null: no node that exists has made them.
  FileLocks* locks_of(PageCache::Key key) const {
    const auto found = locks_.find(key);
    return found != locks_.end() ? found->second : nullptr;
  }
  /// Makes them, if there are none, and returns a reference. Null: no memory.
  FileLocks* make_locks(PageCache::Key key);

  /// The cached pages of the server's files.
  PageCache& pages() { return pages_; }

 private:
  friend Fid;

  /// The fids of a request; null: it has fewer.
  using Fids = std::array<Ref<Fid>, 2>;
  template <class Request>
  class WithFids;
  class Locks;

  static std::uint64_t next_file_system_number();
  Answer<> begin();
  Answer<> attach();
  template <class Request, class... Fields>
  static Result<Ref<P9Request>> request(p9::Type type, Fids fids, const Fields&... fields);
  Answer<Ref<P9Request>> ask(Result<Ref<P9Request>> request);
  Answer<> check_answer(Result<Ref<P9Request>> request,
                        Result<> (*check)(std::span<const std::byte> body));
  Answer<Data> ask_for_data(Result<Ref<P9Request>> request, std::size_t least);
  Result<Ref<Fid>> new_fid();
  void drop(Fid& fid);
  Fid* take_dropped();

  P9Device& device_;
  const bool is_read_only_;
  const std::uint64_t file_system_number_ = next_file_system_number();
  Ref<Fid> root_ = make_ref<Fid>(*this, 0);
  std::uint32_t next_fid_ = 1;
  std::size_t most_bytes_ = 0;
  PageCache pages_;
  std::map<PageCache::Key, ShareMapping*> mappings_;
  std::map<PageCache::Key, FileLocks*> locks_;  // each removes itself
  bool has_failed_ = false;
  async::Event has_begun_;
  async::Job* job_ = nullptr;  // of serve(), while it runs
  List<Fid> spare_;            // their numbers are free

  async::SpinLock lock_;  // protects dropped_
  List<Fid> dropped_;
};

}  // namespace kernel
