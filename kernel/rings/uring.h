// io_uring(7): a ring of submissions and completions in pages of the kernel, as an open file.
//
//   io_uring_enter, or the coroutine of submission polling
//        │ take(): copies a submission, checks it, tries it (uring_operations.h)
//        ├── done ────────────▶ completion in the same step, without coroutine or allocation
//        ├── would block ─────▶ Request ─▶ a coroutine of the thread's Submitter ─▶ completion
//        └── linked, drained ─▶ Request, queued
//
// The requests themselves, their chains and cancellation are those of Cotrap's rings
// (in_flight.h). What differs: a ring is a file, so several threads and processes may use it; a
// request belongs to the thread that has submitted it, and ends with it.
//
//   RingFile ──▶ Context ◀── coroutines of requests     Context: the ring; RingFile: its file.
//      ▲                                                The end of the file cancels all requests;
//      └── Mapping ◀── areas of programs                the last of them frees the Context.
//
// All of it runs in the strand, except take_at_once<true>(): a hart that shares the strand
// completes submissions that need no wait. It claims the ring first. Meanwhile no hart is in the
// strand, and another hart that finds the ring claimed makes its call in the strand.
#pragma once

#include <abi/io_uring.h>
#include <async/async.h>
#include <async/multi_wait.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>
#include <kernel/treap.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "files/file.h"
#include "memory/mappable_object.h"
#include "process/thread.h"
#include "process/thread_ring.h"
#include "rings/in_flight.h"
#include "rings/uring_memory.h"
#include "rings/uring_resources.h"

namespace kernel::uring {

using abi::uring::Sqe;

class Context;
class Request;

/// What a thread has submitted to all rings, and the rings that it has registered.
class Submitter final : public ThreadRequests {
 public:
  explicit Submitter(Thread& thread) : thread_{thread} {}

  /// The submitter of `thread`, made if missing. ENOMEM.
  static Result<Submitter*> of(Thread& thread);
  /// Null if there is none.
  static Submitter* find(Thread& thread) { return static_cast<Submitter*>(thread.follower); }

  Thread& thread() { return thread_; }
  /// The request runs on the hart of its thread, if it can. So it takes an event that the thread
  /// causes there before the thread continues, as Linux's task work does.
  void spawn(async::Task<> task) {
    const async::HartMask here = async::HartMask{1} << hal::hart_index() & thread_.harts();
    scope_.spawn(std::move(task), {.name = "io_uring",
                                   .priority = level_of_requests(thread_),
                                   .harts = here != 0 ? here : thread_.harts()});
  }
  void spawn_polling(async::Task<> task) {
    polling_.spawn(
        std::move(task),
        {.name = "io_uring polling", .priority = thread_.limit(), .harts = thread_.harts()});
  }
  bool is_closing() const { return is_closing_; }
  async::Task<> close() override;
  bool is_idle() const override;
  /// Moves the oldest requests to this hart.
  void follow() override;
  /// Looks at the oldest requests, as many as follow() moves.
  bool is_behind() override;
  /// Call them when the coroutine of a chain is spawned, and when it begins.
  void note_spawned() { ++starting_; }
  void note_begun() { --starting_; }
  bool has_starting() const { return starting_ != 0; }

  std::array<Ref<File>, abi::uring::most_ring_fds> rings;

 private:
  friend Request;
  void silence_requests();

  Thread& thread_;
  bool is_closing_ = false;
  std::uint32_t starting_ = 0;  // coroutines that are spawned and have not begun
  List<Request, Submitter> requests_;
  async::Scope scope_;
  async::Scope polling_;
};

/// The deadline of a timeout with the flags `flags`, abi::uring::timeout_….
async::Instant deadline_for(async::Duration time, std::uint32_t flags);
/// A time in the program's memory, which may be negative. EFAULT, would_block.
Result<async::Duration> read_duration(Thread& self, std::uintptr_t from);

/// A submission in flight.
class Request final : public InFlightRequest, public ListNode<Submitter> {
 public:
  /// As InFlightRequest::most_bytes. A message that waits has the largest frames.
  static constexpr std::size_t most_bytes = 3072;

  /// `refusal`: see InFlightRequest.
  Request(Context& context, Submitter& submitter, const Sqe& sqe, std::int32_t refusal);
  ~Request() override;

  Register answer(Thread&) override;
  std::int32_t refusal() const override { return refusal_; }
  bool is_link_timeout() const override { return sqe.opcode == abi::uring::Op::link_timeout; }
  void begin() override;
  async::Instant deadline() const override { return due; }
  std::int32_t link_timeout_answer() const override;
  bool lets_next_begin(std::int32_t answer) const override;
  bool next_outlives_cancel() const override;
  bool outlives_thread(std::int32_t answer) const override {
    return outlives_thread_ && answer == failed(Errno::ecanceled);
  }
  void continue_alone(std::unique_ptr<InFlightRequest> self) override;
  void complete(std::int32_t answer) override;

  /// Not after continue_alone().
  Thread& thread() { return submitter_->thread(); }
  Submitter& submitter() { return *submitter_; }
  /// Refuses the request, which heads a chain with an invalid member.
  void refuse(std::int32_t answer) {
    if (refusal_ == 0) refusal_ = answer;
  }
  bool is_refused() const { return refusal_ != 0; }
  /// Whether the request cannot be cancelled, so that the end of the thread waits for its result.
  bool ends_by_itself() const { return is_of_device_ && job != nullptr; }
  void change_user_data(std::uint64_t user_data);
  /// Sets the deadline of a timeout.
  void set_due(async::Instant deadline);
  Request* next() const { return static_cast<Request*>(linked.get()); }

  Context& context;
  Sqe sqe;
  std::uint32_t cqe_flags = 0;
  const File* file = nullptr;  ///< only for comparisons; it may have ended
  // Of a timeout.
  async::Instant due = async::never;
  async::Duration interval{};
  std::uint64_t began_at;  ///< Context::posted() at the submission
  /// Woken when a timeout has its completions, and when a poll or timeout was changed.
  async::WaitList changed;

 private:
  friend Context;
  friend Submitter;
  Result<> read_time();

  bool may_outlive_thread() const;

  Submitter* submitter_;  // null after continue_alone()
  std::int32_t refusal_;
  bool is_of_device_ = false;  // a transfer of a device or a server, which cannot be cancelled
  bool is_of_ring_ = false;    // its file is a ring
  bool has_time_ = false;      // a relative time was made absolute
  bool outlives_thread_ = false;
  bool is_silent_ = false;  // no completion if it is cancelled with its chain or its thread
};

/// A chain that waits because its first request, or that of a chain before it, has IOSQE_IO_DRAIN.
struct Deferred : ListNode<Deferred> {
  explicit Deferred(bool drains) : drains{drains} {}
  bool drains;
  async::AutoEvent turn;
};

class Context final : public RefCounted<Context> {
 public:
  /// A ring for `thread`, which makes it. ENOMEM.
  static Result<Ref<Context>> make(const Shape& shape);
  ~Context();

  const Shape& shape() const { return shape_; }
  Pages& ring_pages() { return ring_; }
  Pages& sqe_pages() { return sqes_; }
  Header& header() const { return *ring_.at<Header>(0); }

  // ── Submissions (uring_take.cpp) ──

  struct Taken {
    std::uint32_t count;  ///< submissions that the caller counts as submitted
    bool more;            ///< the step became too long, and there are submissions left
    bool stopped;         ///< an invalid submission ended the batch
  };
  /// Takes up to `most` submissions for the submitter, in one step. EAGAIN: there is no memory for
  /// the first one.
  Result<Taken> take(Submitter& submitter, std::uint32_t most);
  /// Takes and completes the next submission if it is a nop without flags. Call it only if
  /// is_undisturbed().
  bool take_nop();
  /// Whether take_nop() and take_at_once<false>() are allowed.
  bool is_undisturbed() const { return may_be_undisturbed_ && is_quiet(); }
  struct TakenAtOnce {
    std::uint32_t count;   ///< submissions
    std::uint32_t unread;  ///< if `shares`: as unread(), after them; 0 if `count` is 0
  };
  /// Takes and completes up to `most` submissions, without a request for any. Stops at the first
  /// one that is no such nop. With `shares`, for a caller that shares the strand, it stops at the
  /// first one that needs the strand. It takes none if another hart does so at this moment, or if
  /// the ring needs the strand now.
  template <bool shares>
  TakenAtOnce take_at_once(Thread& self, std::uint32_t most);
  /// Ends the chain that take() has left open, because the step became too long.
  void end_chain();
  // While a caller takes submissions in several steps, no other takes any.
  bool is_taking() const { return is_taking_; }
  void set_taking(bool taking) {
    is_taking_ = taking;
    if (!taking) takers_.wake_all();
  }
  async::WaitList& takers() { return takers_; }
  /// The number of submissions in the ring.
  std::uint32_t submitted() const {
    const std::uint32_t tail = std::atomic_ref{header().sq_tail}.load(std::memory_order_acquire);
    return std::min(tail - sq_head_, shape_.sq_entries);
  }
  void start_polling(Submitter& submitter, async::Duration idle);
  void wake_poller() { poller_wakes_.set(); }
  bool is_polled() const { return shape_.has(abi::uring::setup_sqpoll); }
  /// Whether io_uring_enter returns without waiting for completions. A ring with
  /// IORING_SETUP_IOPOLL could only wait for polled transfers, and no file here has these.
  bool never_waits() const { return polls_files() && !is_polled(); }
  bool polls_files() const { return shape_.has(abi::uring::setup_iopoll); }
  bool has_lost_poller() const { return has_lost_poller_; }
  async::WaitList& room() { return room_; }

  // ── Completions (uring.cpp) ──

  /// Posts a completion. If the ring has no room, the kernel keeps the completion until flush().
  void post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags);
  /// Posts a completion that is not the last one of its submission. False: there is no room.
  bool post_more(const Request& request, std::int32_t result, std::uint32_t flags);
  /// Shows the completions of requests to the program. Call it when the submitting thread asks for
  /// completions. Only rings with IORING_SETUP_DEFER_TASKRUN hide completions until then.
  void show_deferred();
  /// Moves kept completions into the ring.
  void flush();
  /// The number of completions that the program can read. In the strand, or with the claim.
  std::uint32_t unread() const {
    const std::uint32_t head = std::atomic_ref{header().cq_head}.load(std::memory_order_acquire);
    return std::min(cq_tail_ - head, shape_.cq_entries);
  }
  bool has_overflow() const { return overflow_ != nullptr; }
  /// The number of completions posted so far, without those of timeouts.
  std::uint64_t posted() const { return posted_; }
  /// Waits until `wanted` completions are unread. ETIME; EINTR. `taken` is the answer of the call
  /// if it is not 0.
  async::Task<Result<std::uint32_t>> wait(Thread& self, std::uint32_t taken, std::uint32_t wanted,
                                          async::Instant deadline,
                                          std::optional<abi::SignalSet> mask);
  async::WaitList& pollers() { return pollers_; }
  /// While it exists, the timeout `request` waits until as many completions have been posted as its
  /// submission says.
  class CountsCompletions : public TreapNode<CountsCompletions> {
   public:
    explicit CountsCompletions(Request& request);
    ~CountsCompletions() {
      if (!is_reached_) request_.context.timeouts_.remove(*this);
    }

    static bool is_before(const CountsCompletions& one, const CountsCompletions& other) {
      return one.reached_at_ < other.reached_at_;
    }
    static void update(CountsCompletions&, CountsCompletions*, CountsCompletions*) {}

   private:
    friend Context;
    Request& request_;
    const std::uint64_t reached_at_;  // Context::posted()
    bool is_reached_ = false;         // it has left the tree
  };

  // ── Requests ──

  RequestTable& requests() { return requests_; }

  /// Starts a chain. `drains`: it begins when all requests before it have completed.
  void start(std::unique_ptr<Request> first, bool drains);
  /// The oldest request with this operation and user data; null: none.
  Request* find_request(abi::uring::Op operation, std::uint64_t user_data);
  /// The file has ended: cancels everything.
  void close();
  bool is_closed() const { return is_closed_; }

  // ── What io_uring_register has registered ──

  FixedFiles files;
  FixedBuffers buffers;
  BufferGroups groups;
  Ref<File> eventfd;
  bool eventfd_is_async = false;
  std::uint64_t personalities = 0;         ///< a bit for each number from 1 on
  std::array<std::uint32_t, 2> workers{};  ///< IORING_REGISTER_IOWQ_MAX_WORKERS; no effect
  bool skips_completions = false;  ///< a submission had IOSQE_CQE_SKIP_SUCCESS: no more drains
  std::unique_ptr<Restrictions> restrictions;
  bool is_disabled = false;
  std::uint32_t flags_of_step = 0;  ///< of the completion of the submission that take() answers
  int submitter =
      0;  ///< with IORING_SETUP_SINGLE_ISSUER: the only thread that may submit; 0: none yet

  /// Empties a slot, and posts the completion with its tag.
  void drop_file(std::uint32_t slot);
  /// Puts an open file into a slot; `slot`: see Sqe::file_index. Returns the slot if the caller
  /// has not chosen it, else 0. ENXIO; EINVAL; ENFILE; EBADF: it is a ring.
  Result<int> install(Ref<File> file, std::int32_t slot);

 private:
  friend class Request;
  struct Overflow {
    Overflow* next;
    abi::uring::Cqe cqe;
  };
  class Chain;

  // The flags of rings whose completions have the usual layout, and whose submissions only
  // io_uring_enter takes.
  static constexpr std::uint32_t usual_flags = abi::uring::setup_cqsize | abi::uring::setup_clamp |
                                               abi::uring::setup_submit_all |
                                               abi::uring::setup_coop_taskrun;
  static constexpr std::uint32_t flags_to_share =
      usual_flags | abi::uring::setup_no_sqarray | abi::uring::setup_single_issuer |
      abi::uring::setup_taskrun_flag | abi::uring::setup_defer_taskrun;

  explicit Context(const Shape& shape)
      : shape_{shape},
        array_at_{shape.array_at()},
        may_be_undisturbed_{(shape.flags & ~usual_flags) == 0},
        may_be_shared_{(shape.flags & ~flags_to_share) == 0},
        requests_{shape.cq_entries} {}

  /// Whether no job waits for a completion, no completion waits for room, and the next submission
  /// need not wait for another one.
  bool is_quiet() const {
    return !is_taking_ && !drains_next_ && timeouts_.empty() && overflow_ == nullptr && !eventfd &&
           deferred_.empty() && waiters_.empty() && pollers_.empty();
  }
  bool may_take_sharing(const Thread& self) const {
    return may_be_shared_ && is_quiet() && !has_deferred_ && open_chain_ == nullptr &&
           (submitter == 0 || submitter == self.id());
  }

  enum class One : std::uint8_t { taken, invalid, no_memory };
  const Sqe* next_sqe();
  One take_one(Submitter& submitter, const Sqe& sqe, std::size_t& cost);
  bool put(const abi::uring::Cqe& cqe);
  void keep(const abi::uring::Cqe& cqe);
  void publish();
  void notify();
  void signal_eventfd();
  void set_sq_flag(std::uint32_t flag, bool is_set);
  void check_timeouts();
  void end_of_request();
  async::Task<> run(Ref<Context> self, Thread& thread, std::unique_ptr<Request> first,
                    std::unique_ptr<Deferred> deferred);
  async::Task<> poll_submissions(Ref<Context> self, Submitter& submitter, async::Duration idle);

  const Shape shape_;
  const std::size_t array_at_;
  const bool may_be_undisturbed_;         // the flags of the ring allow is_undisturbed()
  const bool may_be_shared_;              // the flags of the ring allow take_at_once<true>()
  std::atomic<bool> is_claimed_ = false;  // a hart is in take_at_once<true>()
  Pages ring_;
  Pages sqes_;
  std::uint32_t sq_head_ = 0;
  std::uint32_t cq_tail_ = 0;
  std::uint32_t published_ = 0;  // the tail that the program sees
  std::uint32_t sq_flags_ = 0;
  std::uint32_t sq_dropped_ = 0;
  std::uint64_t posted_ = 0;
  std::uint32_t in_flight_ = 0;  // requests that have begun; deferred ones have not
  bool is_batch_ = false;        // take() publishes all completions at its end
  bool is_closed_ = false;
  bool is_taking_ = false;
  bool is_out_of_memory_ = false;  // the last submission found no memory
  bool has_lost_poller_ = false;
  bool has_deferred_ = false;   // completions for show_deferred()
  bool is_async_ = false;       // the completion is not posted in the step of its submission
  std::uint32_t wanted_ = ~0u;  // the fewest completions that a waiter wants
  std::uint32_t timeouts_ended_ = 0, timeouts_seen_ = 0;
  Treap<CountsCompletions, CountsCompletions> timeouts_;  // the first one is reached first
  Overflow* overflow_ = nullptr;
  Overflow** overflow_end_ = &overflow_;
  std::uint32_t overflow_count_ = 0;
  std::uint32_t lost_ = 0;  // completions for which there was neither room nor memory
  RequestTable requests_;
  List<Deferred, Deferred> deferred_;
  std::unique_ptr<Request> open_chain_;  // take() ended a step in its middle
  Request* open_last_ = nullptr;
  bool open_drains_ = false;
  bool drains_next_ = false;  // the chain behind one with a drained member drains, too
  async::WaitList waiters_;
  async::WaitList pollers_;
  async::WaitList takers_;
  async::WaitList room_;
  async::AutoEvent poller_wakes_;
};

/// The file of a ring.
class RingFile final : public File {
 public:
  explicit RingFile(Ref<Context> context) : File{abi::o_rdwr}, context_{std::move(context)} {
    be_uring();
  }
  ~RingFile() override { context_->close(); }

  Context& context() { return *context_; }
  /// Null: `file` is no ring.
  static RingFile* from(File* file);

  Result<Ref<memory::TrackedObject>> mapping() override;
  short readiness() override;
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &context_->pollers() : nullptr;
  }
  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::einval); }
  Result<std::int64_t> seek(std::int64_t, int) override { return fail(Errno::espipe); }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }
  std::string_view unnamed_kind() override { return "[io_uring]"; }

 private:
  class Mapping;

  // Not on the line of the count of owners, which a child that ends writes.
  alignas(64) Ref<Context> context_;
  Mapping* mapping_ = nullptr;
};

inline RingFile* RingFile::from(File* file) {
  return file != nullptr && file->is_uring() ? static_cast<RingFile*>(file) : nullptr;
}

/// Whether only the submission's user data has a meaning: a nop without flags.
[[gnu::always_inline]] inline bool is_plain_nop(const Sqe& shared) {
  const auto* const words = reinterpret_cast<const std::uint64_t*>(&shared);
  constexpr std::uint64_t first = 0xffff'ffff;               // opcode, flags, ioprio
  constexpr std::uint64_t op_flags = 0xffff'ffff'0000'0000;  // behind len
  constexpr std::uint64_t personality = 0xffff'0000;         // behind buf_index
  static_assert(offsetof(Sqe, op_flags) == 28 && offsetof(Sqe, personality) == 42);
  return ((read_once(words[0]) & first) | (read_once(words[3]) & op_flags) |
          (read_once(words[5]) & personality)) == 0;
}

[[gnu::always_inline]] inline bool Context::take_nop() {
  async::Strand::check_access();
  Header& header = this->header();
  const std::uint32_t head = sq_head_, tail = cq_tail_;
  const std::uint32_t cq_entries = shape_.cq_entries, sq_mask = shape_.sq_entries - 1;
  const std::uint32_t unread =
      tail - std::atomic_ref{header.cq_head}.load(std::memory_order_acquire);
  if (unread >= cq_entries ||
      std::atomic_ref{header.sq_tail}.load(std::memory_order_acquire) == head)
    return false;
  const std::uint32_t index =
      read_once(*ring_.at<std::uint32_t>(array_at_ + (head & sq_mask) * sizeof head));
  if (index > sq_mask) return false;
  const Sqe& sqe = *sqes_.at<const Sqe>(std::size_t{index} * sizeof(Sqe));
  if (!is_plain_nop(sqe)) return false;
  const std::size_t place = tail & (cq_entries - 1);
  *ring_.at<abi::uring::Cqe>(sizeof(Header) + place * sizeof(abi::uring::Cqe)) = {
      .user_data = read_once(sqe.user_data), .res = 0, .flags = 0};
  sq_head_ = head + 1;
  ++posted_;
  cq_tail_ = published_ = tail + 1;
  std::atomic_ref{header.sq_head}.store(head + 1, std::memory_order_release);
  std::atomic_ref{header.cq_tail}.store(tail + 1, std::memory_order_release);
  return true;
}

// ── Operations (uring_operations.h) ──

/// Checks a submission before it is carried out. Returns 0 or the answer of an invalid one.
std::int32_t check(Context& context, const Sqe& sqe);
/// The handler of a submission. `request`: null if it is tried in the step of its submission; then
/// an operation that needs a coroutine returns would_block.
Register answer(Context& context, Thread& self, const Sqe& sqe, Request* request);
/// Carries out a submission while the caller shares the strand. would_block: it needs the strand,
/// and has changed nothing.
Result<std::size_t> answer_sharing(Context& context, Thread& self, const Sqe& sqe);
/// Whether an answer counts as a failure, which breaks the chain.
bool is_failure(Thread& self, const Sqe& sqe, std::int32_t answer);
/// Whether a positive answer is a number of bytes.
bool is_transfer(const Sqe& sqe);
/// Whether a cancellation or a link timeout that ends the wait of such a request has the result 1,
/// as on Linux.
bool cancel_returns_one(abi::uring::Op operation);
/// Whether the kernel has the operation.
bool is_supported(unsigned operation);
/// The file of a submission; null: none.
File* file_of(Context& context, Thread& self, const Sqe& sqe);

/// Which requests to cancel (IORING_OP_ASYNC_CANCEL).
struct CancelQuery {
  std::uint64_t user_data;
  const File* file;     ///< with cancel_fd
  std::uint32_t flags;  ///< abi::uring::cancel_…
  abi::uring::Op operation;
  const Request* except = nullptr;  ///< the request that cancels
};
/// With cancel_all or cancel_any, returns the number of requests. Otherwise returns 1 if
/// cancel_returns_one() holds for the operation, else 0. ENOENT: no request matches.
Result<int> cancel_matching(Context& context, const CancelQuery& query);
/// Whether cancel_matching() would visit too many requests for one step.
bool is_long(Context& context, const CancelQuery& query);
/// cancel_matching() in several steps.
async::Task<Result<int>> cancel_in_steps(Ref<Context> context, Thread& self, CancelQuery query);

// ── io_uring_register (uring_register.cpp) ──

trap::Answer<Result<int>> do_register(RingFile& ring, Thread& self, abi::uring::Register opcode,
                                      std::uintptr_t argument, std::uint32_t count);
/// IORING_OP_FILES_UPDATE. Returns the number of slots that it has changed. If not `may_wait`,
/// would_block: the call takes several steps.
trap::Answer<Result<int>> update_files_submitted(Context& context, Thread& self, const Sqe& sqe,
                                                 bool may_wait);

}  // namespace kernel::uring
