#include "files/share_client.h"

#include <kernel/log.h>

#include <algorithm>
#include <cstring>

#include "files/file_locks.h"
#include "files/share_mapping.h"
#include "memory/frames.h"

namespace kernel {
namespace {

using p9::Type;

/// The bytes of a `read` or `write` besides its data, and the most data.
constexpr std::size_t transfer_header = 24;
constexpr std::size_t most_data = std::size_t{64} << 10;
/// A server that takes only smaller messages is of no use.
constexpr std::size_t least_message = 4096 + transfer_header;

constexpr std::size_t longest_target = 4095;

}  // namespace

namespace {

/// Whether pages may be read ahead.
bool has_plenty_of_memory() {
  return memory::frames.free_for_user() > memory::frames.total_count() / 16;
}

}  // namespace

/// A request that has references on its fids.
template <class Request>
class ShareClient::WithFids final : public Request {
 public:
  WithFids(Type type, Fids fids) : Request{type}, fids_{std::move(fids)} {}
  const Fid& fid() const { return *fids_[0]; }

 private:
  const Fids fids_;
};

// ── Fids ─────────────────────────────────────────────────────────────────────────────────────────

void Fid::destroy(const Fid* fid) {
  fid->client_.drop(const_cast<Fid&>(*fid));
}

void ShareClient::drop(Fid& fid) {
  if (job_ == nullptr) {
    delete &fid;
    return;
  }
  {
    const async::SpinLock::Guard guard{lock_};
    dropped_.push_back(fid);
  }
  async::Executor::unpark(*job_);
}

Fid* ShareClient::take_dropped() {
  const async::SpinLock::Guard guard{lock_};
  if (dropped_.empty()) return nullptr;
  Fid& first = dropped_.front();
  dropped_.remove(first);
  return &first;
}

Result<Ref<Fid>> ShareClient::new_fid() {
  if (!spare_.empty()) {
    const std::uint32_t number = spare_.front().number();
    Fid& spare = spare_.front();
    spare_.remove(spare);
    delete &spare;
    return make_ref<Fid>(*this, number);
  }
  if (next_fid_ == p9::no_fid) return fail(Errno::enfile);
  if (!memory::can_allocate(sizeof(Fid))) return fail(Errno::enomem);
  return make_ref<Fid>(*this, next_fid_++);
}

async::Task<> ShareClient::serve() {
  job_ = &async::current_job();
  if (const auto begun = co_await begin(); !begun) {
    has_failed_ = true;
    log("share: no session with the file server '{}': {}", device_.tag(),
        abi::description(begun.error()));
  }
  has_begun_.set();
  for (;;) {
    Fid* const fid = take_dropped();
    if (fid == nullptr) {
      if (co_await async::park("fids to return") != async::WaitResult::woken) break;
      continue;
    }
    bool is_free = fid->is_unknown_;
    if (!is_free && !has_failed_) {
      auto request = make_ref<SmallP9Request>(Type::clunk);
      request->message().put(fid->number());
      // After EIO the server may still have the fid, so its number is not used again.
      const auto done = co_await device_.run(std::move(request));
      is_free = done || done.error() != Errno::eio;
    }
    if (is_free) {
      spare_.push_back(*fid);
    } else {
      delete fid;
    }
  }
  job_ = nullptr;
}

ShareClient::~ShareClient() {
  root_ = nullptr;
  while (!spare_.empty()) {
    Fid& fid = spare_.front();
    spare_.remove(fid);
    delete &fid;
  }
}

std::uint64_t ShareClient::next_file_system_number() {
  async::Strand::check_access();
  static constinit std::uint64_t last = 0x1f;
  return ++last;
}

// ── The session ──────────────────────────────────────────────────────────────────────────────────

async::Task<Result<>> ShareClient::begin() {
  auto request = make_ref<SmallP9Request>(Type::version);
  request->message().put(static_cast<std::uint32_t>(most_data + transfer_header)).put(p9::protocol);
  if (const auto done = co_await device_.run(request); !done) co_return done;
  const auto version = p9::read_version(request->body());
  if (!version) co_return fail(version.error());
  if (version->message_bytes < least_message) co_return fail(Errno::eio);
  const std::size_t pieces_bytes = (device_.most_pieces() - 1) * hal::page_size;
  most_bytes_ = std::min({most_data, version->message_bytes - transfer_header,
                          std::max(pieces_bytes, std::size_t{1})});
  co_return co_await attach();
}

async::Task<Result<>> ShareClient::attach() {
  constexpr std::uint32_t superuser = 0;
  auto request = make_ref<SmallP9Request>(Type::attach);
  request->message().put(root_->number()).put(p9::no_fid).put("root").put("").put(superuser);
  if (const auto done = co_await device_.run(request); !done) co_return done;
  const auto qid = p9::read_qid(request->body());
  if (!qid) co_return fail(qid.error());
  if ((qid->type & p9::Qid::directory) == 0) co_return fail(Errno::enotdir);
  co_return Result<>{};
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────

/// A request with references on `fids`, the first of which is not null. Its body is the number of
/// the first fid, and `fields`. ENOMEM.
template <class Request, class... Fields>
Result<Ref<P9Request>> ShareClient::request(Type type, Fids fids, const Fields&... fields) {
  using Made = WithFids<Request>;
  if (!memory::can_allocate_contiguous(sizeof(Made))) return fail(Errno::enomem);
  auto made = make_ref<Made>(type, std::move(fids));
  made->message().put(made->fid().number());
  (made->message().put(fields), ...);
  return Ref<P9Request>{std::move(made)};
}

/// Makes the request, if there is one, and waits for its answer.
async::Task<Result<Ref<P9Request>>> ShareClient::ask(Result<Ref<P9Request>> request) {
  if (!request) co_return request;
  if (!has_begun_.is_set() &&
      co_await has_begun_.wait("the session of a share") != async::WaitResult::woken)
    co_return fail(Errno::eintr);
  if (has_failed_) co_return fail(Errno::eio);
  if (const auto done = co_await device_.run(*request); !done) co_return fail(done.error());
  co_return request;
}

/// The same for a request whose answer the kernel only checks.
async::Task<Result<>> ShareClient::check_answer(Result<Ref<P9Request>> request,
                                                Result<> (*check)(std::span<const std::byte>)) {
  const auto answer = co_await ask(std::move(request));
  if (!answer) co_return fail(answer.error());
  co_return check((*answer)->body());
}

namespace {

constexpr std::uint32_t group_of_new_files = 0;

Result<> check_qid(std::span<const std::byte> body) {
  const auto qid = p9::read_qid(body);
  return qid ? Result<>{} : fail(qid.error());
}
Result<> check_open(std::span<const std::byte> body) {
  const auto qid = p9::read_open(body);
  return qid ? Result<>{} : fail(qid.error());
}

}  // namespace

async::Task<Result<Ref<Fid>>> ShareClient::walk(Ref<Fid> fid, std::optional<std::string> name) {
  const auto made = new_fid();
  if (!made) co_return fail(made.error());
  const Ref<Fid>& to = *made;
  const std::uint16_t names = name ? 1 : 0;
  auto walking = request<SmallP9Request>(Type::walk, {fid, to}, to->number(), names);
  if (walking && name) (*walking)->message().put(*name);
  const auto answer = co_await ask(std::move(walking));
  // Only an error of the server says that it does not have the fid.
  if (!answer) {
    to->is_unknown_ = answer.error() != Errno::eio && answer.error() != Errno::eintr;
    co_return fail(answer.error());
  }
  const auto qid = p9::read_walk((*answer)->body(), names);
  if (!qid) co_return fail(qid.error());
  co_return to;
}

async::Task<Result<p9::Attributes>> ShareClient::attributes(Ref<Fid> fid) {
  const auto answer = co_await ask(
      request<SmallP9Request>(Type::get_attributes, {std::move(fid)}, p9::basic_attributes));
  if (!answer) co_return fail(answer.error());
  co_return p9::read_attributes((*answer)->body());
}

async::Task<Result<>> ShareClient::set_attributes(Ref<Fid> fid, const AttributeChange& change) {
  std::uint32_t which = 0;
  const auto value = [&](const auto& given, std::uint32_t bit) {
    if (given) which |= bit;
    return given.value_or(0);
  };
  const auto time = [&](const std::optional<AttributeChange::Time>& given, std::uint32_t bit,
                        std::uint32_t value_bit) {
    if (given) which |= *given ? bit | value_bit : bit;
    return given ? given->value_or(abi::Timespec{}) : abi::Timespec{};
  };
  const auto mode = value(change.mode, p9::set::mode);
  const auto uid = value(change.uid, p9::set::uid);
  const auto gid = value(change.gid, p9::set::gid);
  const auto size = value(change.size, p9::set::size);
  const auto accessed = time(change.accessed, p9::set::accessed, p9::set::accessed_to);
  const auto modified = time(change.modified, p9::set::modified, p9::set::modified_to);
  // A chown of nothing has effects, too.
  if (which == 0) which = p9::set::changed;
  const auto word = [](std::int64_t number) { return static_cast<std::uint64_t>(number); };
  return check_answer(
      request<SmallP9Request>(Type::set_attributes, {std::move(fid)}, which, mode, uid, gid, size,
                              word(accessed.seconds), word(accessed.nanoseconds),
                              word(modified.seconds), word(modified.nanoseconds)),
      p9::read_nothing);
}

async::Task<Result<FileSystemFacts>> ShareClient::facts(Ref<Fid> fid) {
  const auto answer = co_await ask(request<SmallP9Request>(Type::statfs, {std::move(fid)}));
  if (!answer) co_return fail(answer.error());
  const auto seen = p9::read_file_system((*answer)->body());
  if (!seen) co_return fail(seen.error());
  co_return FileSystemFacts{.type = seen->type,
                            .block_bytes = seen->block_bytes,
                            .blocks = seen->blocks,
                            .free_blocks = seen->free_blocks,
                            .available_blocks = seen->available_blocks,
                            .files = seen->files,
                            .free_files = seen->free_files,
                            .longest_name = seen->longest_name};
}

async::Task<Result<std::string>> ShareClient::read_link(Ref<Fid> fid) {
  using LongAnswer = SizedP9Request<16, p9::header_bytes + 2 + longest_target>;
  const auto answer = co_await ask(request<LongAnswer>(Type::read_link, {std::move(fid)}));
  if (!answer) co_return fail(answer.error());
  p9::Reader reader{(*answer)->body()};
  const std::string_view target = reader.take_text();
  if (!reader.is_whole() || target.empty() || target.contains('\0')) co_return fail(Errno::eio);
  co_return std::string{target};
}

async::Task<Result<>> ShareClient::open(Ref<Fid> fid, int flags) {
  return check_answer(
      request<SmallP9Request>(Type::open, {std::move(fid)}, static_cast<std::uint32_t>(flags)),
      check_open);
}

async::Task<Result<>> ShareClient::create(Ref<Fid> fid, std::string_view name, int flags,
                                          unsigned mode) {
  return check_answer(request<SmallP9Request>(Type::create, {std::move(fid)}, name,
                                              static_cast<std::uint32_t>(flags),
                                              std::uint32_t{mode}, group_of_new_files),
                      check_open);
}

async::Task<Result<>> ShareClient::make_directory(Ref<Fid> fid, std::string_view name,
                                                  unsigned mode) {
  return check_answer(request<SmallP9Request>(Type::make_directory, {std::move(fid)}, name,
                                              std::uint32_t{mode}, group_of_new_files),
                      check_qid);
}

async::Task<Result<>> ShareClient::make_node(Ref<Fid> fid, std::string_view name, unsigned mode) {
  constexpr std::uint32_t no_device = 0;
  return check_answer(
      request<SmallP9Request>(Type::make_node, {std::move(fid)}, name, std::uint32_t{mode},
                              no_device, no_device, group_of_new_files),
      check_qid);
}

async::Task<Result<>> ShareClient::make_symlink(Ref<Fid> fid, std::string_view name,
                                                std::string_view target) {
  using LongMessage = SizedP9Request<SmallP9Request::most_message + longest_target, 32>;
  return check_answer(
      request<LongMessage>(Type::symlink, {std::move(fid)}, name, target, group_of_new_files),
      check_qid);
}

async::Task<Result<>> ShareClient::make_link(Ref<Fid> fid, std::string_view name, Ref<Fid> file) {
  const std::uint32_t number = file->number();
  return check_answer(
      request<SmallP9Request>(Type::link, {std::move(fid), std::move(file)}, number, name),
      p9::read_nothing);
}

async::Task<Result<>> ShareClient::remove(Ref<Fid> fid, std::string_view name, bool directory) {
  constexpr std::uint32_t remove_directory = 0x200;  // Linux's AT_REMOVEDIR
  const std::uint32_t flags = directory ? remove_directory : 0;
  return check_answer(request<SmallP9Request>(Type::remove, {std::move(fid)}, name, flags),
                      p9::read_nothing);
}

async::Task<Result<>> ShareClient::rename(Ref<Fid> fid, std::string_view name, Ref<Fid> to,
                                          std::string_view to_name) {
  const std::uint32_t number = to->number();
  return check_answer(
      request<SmallP9Request>(Type::rename, {std::move(fid), std::move(to)}, name, number, to_name),
      p9::read_nothing);
}

async::Task<Result<>> ShareClient::sync(Ref<Fid> fid) {
  constexpr std::uint32_t data_and_attributes = 0;
  return check_answer(request<SmallP9Request>(Type::sync, {std::move(fid)}, data_and_attributes),
                      p9::read_nothing);
}

async::Task<Result<std::size_t>> ShareClient::move(Ref<ShareTransfer> transfer,
                                                   std::uint64_t offset, std::size_t bytes) {
  transfer->pieces().add_to(*transfer);
  transfer->message().put(transfer->fid().number()).put(offset);
  transfer->message().put(static_cast<std::uint32_t>(bytes));
  if (const auto done = co_await ask(Ref<P9Request>{transfer}); !done) co_return fail(done.error());
  if (transfer->is_read()) co_return transfer->data_count();
  const auto count = p9::read_count(transfer->body());
  if (!count) co_return fail(count.error());
  if (*count > bytes) co_return fail(Errno::eio);
  co_return *count;
}

/// Asks for at most `room` bytes of data, in the body of the answer. EIO: it has more, or `least`
/// says that it has none at all.
async::Task<Result<ShareClient::Data>> ShareClient::ask_for_data(Result<Ref<P9Request>> request,
                                                                 std::size_t least) {
  auto answer = co_await ask(std::move(request));
  if (!answer) co_return fail(answer.error());
  p9::Reader body{(*answer)->body()};
  const auto count = body.take<std::uint32_t>();
  if (!body.is_valid() || count != body.left() || count < least) co_return fail(Errno::eio);
  const auto bytes = (*answer)->body().subspan(sizeof count);
  co_return Data{std::move(*answer), bytes};
}

async::Task<Result<ShareClient::Data>> ShareClient::read_entries(Ref<Fid> fid,
                                                                 std::uint64_t place) {
  constexpr std::uint32_t room = 8192 - p9::data_offset;
  using LongAnswer = SizedP9Request<32, 8192>;
  return ask_for_data(request<LongAnswer>(Type::read_directory, {std::move(fid)}, place, room), 0);
}

async::Task<Result<memory::Frame>> ShareClient::read_pages(Ref<Fid> fid, std::uint64_t index,
                                                           std::uint64_t end,
                                                           Ref<CachedFile> cached) {
  using memory::Frame;
  if (!memory::can_allocate(sizeof(PagesTransfer))) co_return fail(Errno::enomem);
  const auto request = make_ref<PagesTransfer>(Direction::read, std::move(fid));
  const std::uint64_t start = index * hal::page_size;
  const std::size_t most =
      std::min({PagesTransfer::most, most_bytes_ / hal::page_size, most_pieces()});
  const auto may_add = [&](std::uint64_t next) {
    return request->count() == 0 ||
           (request->count() < most && next < end && !cached->has(next) && has_plenty_of_memory());
  };
  for (std::uint64_t next = index; may_add(next); ++next) {
    auto page = Frame::allocate(memory::Use::user);
    if (!page) break;
    request->add_page(std::move(page));
  }
  if (request->count() == 0) co_return fail(Errno::enomem);
  const std::size_t bytes = request->count() * hal::page_size;
  request->message().put(request->fid().number()).put(start);
  request->message().put(static_cast<std::uint32_t>(bytes));
  if (const auto done = co_await ask(Ref<P9Request>{request}); !done) co_return fail(done.error());
  const auto read = request->data_count();
  if (!read) co_return fail(read.error());
  if (*read == 0) co_return fail(Errno::eio);
  Frame wanted = std::move(request->page(0));
  if (*read < hal::page_size) std::memset(wanted.bytes() + *read, 0, hal::page_size - *read);
  for (std::size_t i = 1; (i + 1) * hal::page_size <= *read; ++i)
    (void)cached->add(index + i, std::move(request->page(i)));
  co_return cached->add(index, std::move(wanted));
}

/// The locks of a file, which all nodes of the file have in common.
class ShareClient::Locks final : public FileLocks {
 public:
  Locks(ShareClient& client, PageCache::Key key) : client_{client}, key_{key} {
    client_.locks_.emplace(key_, this);
  }
  ~Locks() override { client_.locks_.erase(key_); }

 private:
  ShareClient& client_;
  const PageCache::Key key_;
};

FileLocks* ShareClient::make_locks(PageCache::Key key) {
  constexpr std::size_t map_node = 64;
  FileLocks* locks = locks_of(key);
  if (locks == nullptr) {
    if (!memory::can_allocate(sizeof(Locks) + map_node)) return nullptr;
    return new Locks{*this, key};
  }
  locks->retain();
  return locks;
}

async::Task<Result<std::size_t>> ShareClient::write_pages(Ref<PagesTransfer> pages,
                                                          std::uint64_t offset, std::size_t bytes) {
  pages->message().put(pages->fid().number()).put(offset);
  pages->message().put(static_cast<std::uint32_t>(bytes));
  if (const auto done = co_await ask(Ref<P9Request>{pages}); !done) co_return fail(done.error());
  const auto count = p9::read_count(pages->body());
  if (!count) co_return fail(count.error());
  if (*count > bytes) co_return fail(Errno::eio);
  co_return *count;
}

async::Task<Result<>> ShareClient::write_back() {
  Result<> result;
  std::optional<PageCache::Key> last;
  for (;;) {
    const auto next = last ? mappings_.upper_bound(*last) : mappings_.begin();
    if (next == mappings_.end()) co_return result;
    last = next->first;
    const auto mapping = Ref<ShareMapping>::share(*next->second);
    const auto written = co_await mapping->flush();
    if (result && !written) result = written;
    if (async::is_cancelled()) co_return fail(Errno::eintr);
  }
}

}  // namespace kernel
