// An io_uring's completions, its requests in flight, and its file. uring_take.cpp takes
// submissions.
#include "rings/uring.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/machine_facts.h"
#include "memory/user_memory.h"
#include "process/steps.h"
#include "syscalls/timespec.h"

namespace kernel::uring {

using abi::uring::Cqe;
using abi::uring::Op;

// ── Submitters ───────────────────────────────────────────────────────────────────────────────────

namespace {
/// The requests that follow a thread to another hart, so that the step stays short.
constexpr unsigned most_followers = 128;
}  // namespace

Result<Submitter*> Submitter::of(Thread& thread) {
  if (Submitter* const made = find(thread)) [[likely]]
    return made;
  if (!memory::can_allocate(sizeof(Submitter))) return fail(Errno::enomem);
  thread.set_uring_requests(std::make_unique<Submitter>(thread));
  return find(thread);
}

bool Submitter::is_idle() const {
  if (!requests_.empty() || scope_.children() != 0 || polling_.children() != 0) return false;
  return std::ranges::all_of(rings, [](const Ref<File>& ring) { return ring == nullptr; });
}

async::Task<> Submitter::close() {
  is_closing_ = true;
  {
    // A transfer of a device or of a server ends by itself, with its result.
    const async::Shield whole;
    polling_.cancel();
    co_await polling_.join("io_uring polling");
    if (thread_.is_ending()) silence_requests();
    for (Request& request : requests_) {
      if (!request.ends_by_itself()) request.cancel();
    }
    co_await scope_.join("io_uring");
  }
  for (Ref<File>& ring : rings) ring = nullptr;
}

void Submitter::follow() {
  const async::HartMask here = async::HartMask{1} << hal::hart_index();
  if ((here & thread_.harts()) == 0) return;
  unsigned count = 0;
  for (Request& request : requests_) {
    if (++count > most_followers) break;
    if (request.job != nullptr) async::current_executor().set_harts(*request.job, here);
  }
}

bool Submitter::is_behind() {
  if (starting_ != 0) return true;
  unsigned count = 0;
  for (const Request& request : requests_) {
    if (++count > most_followers) break;
    const async::Job* const job = request.job;
    // A request that takes several steps has the thread's level.
    if (job != nullptr && job->kind == async::Kind::ready && job->priority < thread_.limit())
      return true;
  }
  return false;
}

/// As on Linux, timeouts outlive their thread. Of the other requests, the end of a thread posts
/// completions only for those on rings, and for those linked behind them.
void Submitter::silence_requests() {
  for (Request& request : requests_) request.is_silent_ = true;
  for (Request& request : requests_) {
    if (!request.is_of_ring_) continue;
    for (Request* each = &request; each != nullptr; each = each->next()) each->is_silent_ = false;
  }
  for (Request& request : requests_) request.outlives_thread_ = request.may_outlive_thread();
}

/// Whether the request waits for a time, and nothing follows that needs the thread.
bool Request::may_outlive_thread() const {
  const bool is_once = (sqe.op_flags & abi::uring::timeout_multishot) == 0;
  const bool skips = (sqe.flags & abi::uring::sqe_cqe_skip_success) != 0;
  return sqe.opcode == Op::timeout && is_once && !skips && has_time_ && job != nullptr &&
         !cancelled && linked == nullptr && !context.is_closed();
}

// ── Requests ─────────────────────────────────────────────────────────────────────────────────────

Request::Request(Context& context, Submitter& submitter, const Sqe& sqe, std::int32_t refusal)
    : InFlightRequest{context.requests_, sqe.user_data, most_bytes},
      context{context},
      sqe{sqe},
      began_at{context.posted()},
      submitter_{&submitter},
      refusal_{refusal} {
  submitter.requests_.push_back(*this);
  File* const found = file_of(context, thread(), sqe);
  file = found;
  is_of_device_ = found != nullptr && found->waits_for_device() && !found->can_poll();
  is_of_ring_ = RingFile::from(found) != nullptr;
  const bool has_time = sqe.opcode == Op::timeout || sqe.opcode == Op::link_timeout;
  if (!has_time || refusal_ != 0) return;
  const auto read = read_time();
  if (!read) refusal_ = failed(read.error() == Errno::would_block ? Errno::efault : read.error());
}

/// The time of a timeout is the program's only until the submission was taken.
Result<> Request::read_time() {
  const auto time = read_duration(thread(), sqe.addr);
  if (!time) return fail(time.error());
  if (*time < async::Duration::zero()) return fail(Errno::einval);
  interval = *time;
  return {};
}

void Request::begin() {
  // The thread may have moved since the submission.
  if (job != nullptr && !job->may_run_on(thread().hart) && thread().may_stay())
    async::current_executor().set_harts(*job, async::HartMask{1} << thread().hart);
  if (has_time_ || (sqe.opcode != Op::timeout && sqe.opcode != Op::link_timeout)) return;
  set_due(deadline_for(interval, sqe.op_flags));
}

void Request::set_due(async::Instant deadline) {
  has_time_ = true;
  due = deadline;
  if (limit != nullptr) limit->move(deadline);
  changed.wake_all();
}

async::Instant deadline_for(async::Duration time, std::uint32_t flags) {
  if ((flags & abi::uring::timeout_abs) == 0) return after(time);
  const bool is_wall = (flags & abi::uring::timeout_realtime) != 0;
  return async::Instant{time - (is_wall ? wall_clock_at_boot() : async::Duration::zero())};
}

Result<async::Duration> read_duration(Thread& self, std::uintptr_t from) {
  const auto time = memory::UserPtr<const abi::Timespec>{from}.read(self.space());
  if (!time) return fail(time.error());
  // As Linux, which does not check the nanoseconds here.
  constexpr std::int64_t most = INT64_MAX / ns_per_second - 1;
  const std::int64_t seconds = std::clamp(time->seconds, -most, most);
  const std::int64_t nanoseconds = std::clamp(time->nanoseconds, -ns_per_second, ns_per_second);
  return async::Duration{seconds * ns_per_second + nanoseconds};
}

void Request::change_user_data(std::uint64_t user_data) {
  context.requests_.change_user_data(*this, user_data);
  sqe.user_data = user_data;
}

Request::~Request() {
  if (submitter_ != nullptr) submitter_->requests_.remove(*this);
}

Register Request::answer(Thread& self) {
  return uring::answer(context, self, sqe, this);
}

std::int32_t Request::link_timeout_answer() const {
  return cancel_returns_one(sqe.opcode) ? 1 : InFlightRequest::link_timeout_answer();
}

bool Request::lets_next_begin(std::int32_t answer) const {
  if ((sqe.flags & abi::uring::sqe_io_hardlink) != 0 || linked == nullptr) return true;
  return !is_failure(submitter_->thread(), sqe, answer);
}

bool Request::next_outlives_cancel() const {
  return (sqe.flags & abi::uring::sqe_io_hardlink) != 0 && !submitter_->is_closing() &&
         !context.is_closed();
}

void Request::complete(std::int32_t answer) {
  const bool skips = (sqe.flags & abi::uring::sqe_cqe_skip_success) != 0;
  const bool fails = skips && is_failure(thread(), sqe, answer);
  if (fails && skips) {
    // Behind one that is silent already, all are.
    for (Request* later = next(); later != nullptr && !later->is_silent_; later = later->next())
      later->is_silent_ = true;
  }
  const bool is_silent = (skips && !fails) || (is_silent_ && answer == failed(Errno::ecanceled));
  if (sqe.opcode == Op::timeout) {
    --context.posted_;
    ++context.timeouts_ended_;
  }
  context.is_async_ = true;
  if (is_silent) {
    if (sqe.opcode == Op::timeout) ++context.posted_;
    context.notify();
  } else {
    context.post(sqe.user_data, answer, cqe_flags);
  }
  context.is_async_ = false;
  context.end_of_request();
}

Request* Context::find_request(Op operation, std::uint64_t user_data) {
  return static_cast<Request*>(requests_.find(user_data, [&](const InFlightRequest& request) {
    return static_cast<const Request&>(request).sqe.opcode == operation;
  }));
}

// One coroutine for each chain. A chain that is drained, or behind a drained one, waits for its
// turn first.

void Context::start(std::unique_ptr<Request> first, bool drains) {
  Thread& thread = first->thread();
  Submitter& submitter = first->submitter();
  std::unique_ptr<Deferred> deferred;
  std::uint32_t count = 0;
  for (const Request* each = first.get(); each != nullptr; each = each->next()) ++count;
  const bool waits = !deferred_.empty() || (drains && in_flight_ != 0);
  if (waits) {
    deferred = std::make_unique<Deferred>(drains);  // the requests' reserve has room for it
    deferred_.push_back(*deferred);
  } else {
    in_flight_ += count;
  }
  submitter.note_spawned();
  submitter.spawn(run(Ref<Context>::share(*this), thread, std::move(first), std::move(deferred)));
}

async::Task<> Context::run(Ref<Context> self, Thread& thread, std::unique_ptr<Request> first,
                           std::unique_ptr<Deferred> deferred) {
  first->submitter().note_begun();
  if (deferred) {
    for (Request* each = first.get(); each != nullptr; each = each->next())
      each->job = &async::current_job();
    (void)co_await deferred->turn.wait("drained io_uring");
    for (Request* each = first.get(); each != nullptr; each = each->next()) {
      each->job = nullptr;
      ++in_flight_;
    }
    deferred_.remove(*deferred);
    deferred.reset();
    // A chain that drains waits for the end of all requests (end_of_request()), others do not.
    if (!deferred_.empty() && !deferred_.front().drains) deferred_.front().turn.set();
  }
  co_await run_chain(thread, std::move(first));
}

/// Called when a request has completed: the first deferred chain may begin.
void Context::end_of_request() {
  --in_flight_;
  if (deferred_.empty() || in_flight_ != 0) return;
  deferred_.front().turn.set();
}

namespace {

constexpr std::uint32_t cancelled_in_step = 512;

async::Task<> cancel_all_in_steps(Ref<Context> context) {
  RequestTable::Walk walk{context->requests()};
  for (std::uint32_t count = 1; InFlightRequest* const request = walk.next(); ++count) {
    if (!request->cancelled) request->cancel();
    if (count % cancelled_in_step == 0) co_await async::yield();
  }
}

}  // namespace

void Context::close() {
  is_closed_ = true;
  const auto self = Ref<Context>::share(*this);
  if (requests_.count() > cancelled_in_step) {
    async::spawn(cancel_all_in_steps(self), {.name = "io_uring close"}).detach();
  } else {
    requests_.cancel(true, [](const InFlightRequest&) { return true; });
  }
  poller_wakes_.set();
  // These may own files, and rings of other processes.
  files.clear();
  eventfd = nullptr;
}

Context::~Context() {
  while (overflow_ != nullptr) delete std::exchange(overflow_, overflow_->next);
}

Result<Ref<Context>> Context::make(const Shape& shape) {
  const std::size_t bytes = sizeof(Context) + RequestTable::bytes_for(shape.cq_entries);
  if (!memory::can_allocate(bytes)) return fail(Errno::enomem);
  auto context = Ref<Context>::adopt(new Context{shape});
  if (auto made = context->ring_.make(shape.ring_bytes()); !made) return fail(made.error());
  if (auto made = context->sqes_.make(shape.sqes_bytes()); !made) return fail(made.error());
  Header& header = context->header();
  header.sq_mask = shape.sq_entries - 1;
  header.cq_mask = shape.cq_entries - 1;
  header.sq_entries = shape.sq_entries;
  header.cq_entries = shape.cq_entries;
  return context;
}

// ── Completions ──────────────────────────────────────────────────────────────────────────────────

/// False: there is no room in the ring.
inline bool Context::put(const Cqe& cqe) {
  if (unread() >= shape_.cq_entries) return false;
  const std::size_t index = cq_tail_ & (shape_.cq_entries - 1);
  auto* const slot = ring_.at<Cqe>(shape_.cqes_at() + index * shape_.cqe_bytes());
  *slot = cqe;
  if (shape_.has(abi::uring::setup_cqe32)) *(slot + 1) = {};
  ++cq_tail_;
  return true;
}

void Context::post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags) {
  async::Strand::check_access();
  ++posted_;
  const Cqe cqe{.user_data = user_data, .res = result, .flags = flags};
  if (has_overflow() || !put(cqe)) [[unlikely]]
    keep(cqe);
  if (!is_batch_) publish();
}

bool Context::post_more(const Request& request, std::int32_t result, std::uint32_t flags) {
  const Cqe cqe{
      .user_data = request.sqe.user_data, .res = result, .flags = flags | abi::uring::cqe_more};
  if (is_closed_ || has_overflow() || !put(cqe)) return false;
  if (request.sqe.opcode == Op::timeout) {
    ++timeouts_ended_;
  } else {
    ++posted_;
  }
  is_async_ = true;
  publish();
  is_async_ = false;
  return true;
}

/// Keeps a completion for which the ring has no room.
[[gnu::cold, gnu::noinline]] void Context::keep(const Cqe& cqe) {
  constexpr std::uint32_t most = 1u << 20;
  if (overflow_count_ == most || !memory::can_allocate(sizeof(Overflow))) {
    write_once(header().cq_overflow, ++lost_);
    return;
  }
  if (overflow_ == nullptr) {
    overflow_end_ = &overflow_;
    set_sq_flag(abi::uring::sq_cq_overflow, true);
  }
  *overflow_end_ = new Overflow{nullptr, cqe};
  overflow_end_ = &(*overflow_end_)->next;
  ++overflow_count_;
}

void Context::flush() {
  if (!has_overflow()) [[likely]]
    return;
  while (overflow_ != nullptr && put(overflow_->cqe)) {
    delete std::exchange(overflow_, overflow_->next);
    --overflow_count_;
  }
  if (overflow_ == nullptr) set_sq_flag(abi::uring::sq_cq_overflow, false);
  publish();
}

void Context::set_sq_flag(std::uint32_t flag, bool is_set) {
  sq_flags_ = is_set ? sq_flags_ | flag : sq_flags_ & ~flag;
  std::atomic_ref{header().sq_flags}.store(sq_flags_, std::memory_order_release);
}

void Context::show_deferred() {
  if (!std::exchange(has_deferred_, false)) return;
  if (shape_.has(abi::uring::setup_taskrun_flag)) set_sq_flag(abi::uring::sq_taskrun, false);
  publish();
}

/// Shows the completions to the program.
void Context::publish() {
  if (is_async_ && shape_.has(abi::uring::setup_defer_taskrun)) {
    has_deferred_ = true;
    if (shape_.has(abi::uring::setup_taskrun_flag)) set_sq_flag(abi::uring::sq_taskrun, true);
  } else if (published_ != cq_tail_) {
    published_ = cq_tail_;
    std::atomic_ref{header().cq_tail}.store(cq_tail_, std::memory_order_release);
  }
  notify();
}

inline void Context::notify() {
  if (eventfd) [[unlikely]]
    signal_eventfd();
  if (!timeouts_.empty()) check_timeouts();
  if (!waiters_.empty() &&
      (timeouts_seen_ != timeouts_ended_ || has_overflow() || unread() >= wanted_)) {
    timeouts_seen_ = timeouts_ended_;
    wanted_ = ~0u;
    waiters_.wake_all();
  }
  if (!pollers_.empty()) pollers_.wake_all();
}

[[gnu::cold, gnu::noinline]] void Context::signal_eventfd() {
  const std::uint32_t flags = read_once(header().cq_flags);
  if ((flags & abi::uring::cq_eventfd_disabled) != 0 || (eventfd_is_async && !is_async_)) return;
  std::uint64_t one = 1;
  IoBuffer buffer{std::as_writable_bytes(std::span{&one, 1})};
  const auto file = eventfd;  // its waiters may change the registration
  static_cast<void>(file->try_write(buffer));
}

/// Wakes timeouts whose number of completions has been reached.
[[gnu::noinline]] void Context::check_timeouts() {
  for (;;) {
    const auto is_before = [](const CountsCompletions&) { return false; };
    CountsCompletions* const first = timeouts_.find(is_before);
    if (first == nullptr || first->reached_at_ > posted_) return;
    timeouts_.remove(*first);
    first->is_reached_ = true;
    first->request_.changed.wake_all();
  }
}

Context::CountsCompletions::CountsCompletions(Request& request)
    : request_{request},
      reached_at_{request.began_at + std::min(request.sqe.off, UINT64_MAX - request.began_at)} {
  request.context.timeouts_.insert(*this);
}

// ── The wait of io_uring_enter ───────────────────────────────────────────────────────────────────

async::Task<Result<std::uint32_t>> Context::wait(Thread& self, std::uint32_t taken,
                                                 std::uint32_t wanted, async::Instant deadline,
                                                 std::optional<abi::SignalSet> mask) {
  const auto context = Ref<Context>::share(*this);
  if (mask) {
    if (auto set = self.set_temporary_mask(*mask); !set) co_return fail(set.error());
  }
  Result<std::uint32_t> result = 0u;
  const std::uint32_t timeouts = timeouts_ended_;
  for (;;) {
    show_deferred();
    flush();
    if (unread() >= wanted || timeouts != timeouts_ended_ || never_waits()) break;
    wanted_ = std::min(wanted_, wanted);
    const auto woken = co_await waiters_.wait_until(deadline, "io_uring_enter");
    if (woken == async::WaitResult::woken) continue;
    show_deferred();
    flush();
    if (unread() != 0) break;
    result = fail(woken == async::WaitResult::timed_out ? Errno::etime : Errno::eintr);
    break;
  }
  if (mask && (result || result.error() != Errno::eintr)) self.end_temporary_mask();
  if (taken != 0) co_return taken;
  co_return result;
}

// ── Registered files ─────────────────────────────────────────────────────────────────────────────

void Context::drop_file(std::uint32_t slot) {
  const FixedFile dropped = files.take(slot);
  if (dropped.file && dropped.tag != 0) post(dropped.tag, 0, 0);
}

Result<int> Context::install(Ref<File> file, std::int32_t slot) {
  const bool chooses = static_cast<std::uint32_t>(slot) == abi::uring::file_index_alloc;
  auto index = static_cast<std::uint32_t>(slot) - 1;
  if (RingFile::from(file.get()) != nullptr) return fail(Errno::ebadf);
  if (!files.exists()) return fail(chooses ? Errno::enfile : Errno::enxio);
  if (chooses) {
    const auto empty = files.find_empty();
    if (!empty) return fail(empty.error());
    index = *empty;
  }
  if (index >= files.count()) return fail(Errno::einval);
  drop_file(index);
  files.put(index, {.file = std::move(file)});
  return chooses ? static_cast<int>(index) : 0;
}

// ── The file ─────────────────────────────────────────────────────────────────────────────────────

/// The pages of a ring for areas. It keeps the file open, as long as an area exists.
class RingFile::Mapping final : public memory::TrackedObject {
 public:
  explicit Mapping(Ref<RingFile> file) : file_{std::move(file)} {}
  ~Mapping() override { file_->mapping_ = nullptr; }

  std::size_t count() const override { return page_of(abi::uring::off_pbuf_ring + group_offsets); }
  Result<hal::PhysAddr> frame(std::size_t index) override {
    const Place place = find(index);
    if (place.pages == nullptr || place.index >= place.pages->count()) return fail(Errno::enxio);
    const hal::PhysAddr frame = place.pages->frame(place.index);
    return frame;
  }
  bool has_frame(std::size_t index) const override {
    const Place place = find(index);
    return place.pages != nullptr && place.index < place.pages->count();
  }
  Result<> may_map(std::size_t first) const override {
    // Pages behind the end fail later, as on Linux.
    const Place place = find(first);
    return place.pages != nullptr && place.index == 0 ? Result<>{} : fail(Errno::enomem);
  }

 private:
  struct Place {
    const Pages* pages;
    std::size_t index;
  };
  static constexpr std::size_t page_of(std::uint64_t offset) { return offset / hal::page_size; }
  static constexpr std::size_t group_offsets = std::size_t{1} << (16 + abi::uring::off_pbuf_shift);

  Place find(std::size_t index) const {
    Context& context = file_->context();
    if (index >= page_of(abi::uring::off_pbuf_ring)) {
      const std::size_t behind = index - page_of(abi::uring::off_pbuf_ring);
      constexpr std::size_t group_pages = page_of(std::uint64_t{1} << abi::uring::off_pbuf_shift);
      // A large ring of buffers reaches into the offsets of the groups behind it.
      constexpr std::size_t most_reach = 65'536 * sizeof(abi::uring::Buffer) / hal::page_size;
      for (std::size_t back = 0; back < most_reach; back += group_pages) {
        if (back > behind) break;
        const std::size_t id = (behind - back) / group_pages;
        if (id > 0xffff) break;
        BufferGroup* const group = context.groups.find(static_cast<std::uint16_t>(id));
        if (group == nullptr || group->pages() == nullptr) continue;
        return {group->pages(), behind - id * group_pages};
      }
      return {nullptr, 0};
    }
    if (index >= page_of(abi::uring::off_sqes))
      return {&context.sqe_pages(), index - page_of(abi::uring::off_sqes)};
    if (index >= page_of(abi::uring::off_cq_ring))
      return {&context.ring_pages(), index - page_of(abi::uring::off_cq_ring)};
    return {&context.ring_pages(), index};
  }

  Ref<RingFile> file_;
};

Result<Ref<memory::TrackedObject>> RingFile::mapping() {
  async::Strand::check_access();
  if (mapping_ != nullptr) return Ref<memory::TrackedObject>::share(*mapping_);
  if (!memory::can_allocate(sizeof(Mapping))) return fail(Errno::enomem);
  auto made = make_ref<Mapping>(Ref<RingFile>::share(*this));
  mapping_ = made.get();
  return Ref<memory::TrackedObject>{std::move(made)};
}

short RingFile::readiness() {
  const bool has_completions = context_->unread() != 0 || context_->has_overflow();
  const bool has_room = context_->submitted() < context_->shape().sq_entries;
  return static_cast<short>((has_completions ? abi::pollin | abi::pollrdnorm : 0) |
                            (has_room ? abi::pollout | abi::pollwrnorm : 0));
}

}  // namespace kernel::uring
