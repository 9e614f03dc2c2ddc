#include "user/upcalls.h"

#include "user/async.h"
#include "user/check.h"

namespace user::detail {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t guard_bytes = 4096;

// Its highest address; null: there is no memory.
std::byte* make_stack() {
  const auto memory = map_memory(guard_bytes + stack_bytes, abi::prot_read | abi::prot_write);
  if (!memory) return nullptr;
  static_cast<void>(protect_memory(*memory, guard_bytes, abi::prot_none));
  return *memory + guard_bytes + stack_bytes;
}

void free_stack(std::byte* top) {
  static_cast<void>(unmap_memory(top - stack_bytes - guard_bytes, guard_bytes + stack_bytes));
}

}  // namespace

Upcalls& Upcalls::current() {
  return Loop::current().upcalls();
}

void Upcalls::start() {
  const auto entry = reinterpret_cast<std::uintptr_t>(&enter);
  if (call(abi::upcall_set_up, &header_, entry, contexts, user_data_)) prepare_stack();
}

Upcalls::~Upcalls() {
  for (const Kept& kept : kept_) {
    if (kept.stack != nullptr) free_stack(kept.stack);
  }
  while (free_count_ > 0) free_stack(free_[--free_count_]);
  if (next_ != nullptr) free_stack(next_);
}

// For the next upcall, if there can be one more.
void Upcalls::prepare_stack() {
  if (next_ == nullptr && free_count_ > 0) next_ = free_[--free_count_];
  if (next_ == nullptr && made_ < contexts) {
    next_ = make_stack();
    if (next_ != nullptr) ++made_;
  }
  header_.stack = reinterpret_cast<std::uintptr_t>(next_);
}

// Closed, on the next stack.
void Upcalls::enter(std::uint64_t context, abi::Upcall why) {
  if (why == abi::Upcall::for_fault) current().on_fault(context);
  current().on_notification(context);
}

void Upcalls::resume(std::uint64_t context, bool keep) {
  if (!call(abi::upcall_resume, context, 1, keep)) fail("a step cannot go on");
}

// ── Pages ──

void Upcalls::on_fault(std::uint64_t context) {
  async::Job& job = async::current_job();
  Kept& kept = kept_[context];
  kept = {.resume = go_on, .interrupted = job.leaf(), .job = &job, .stack = own_};
  job.prepare(nullptr, "a page of a file");
  job.suspend_alone(std::coroutine_handle<>::from_address(&kept));
  ++waiting_;
  ++pages_;
  own_ = std::exchange(next_, nullptr);
  prepare_stack();
  Loop::current().run_for_ever();
}

void Upcalls::end_wait(std::uint64_t user_data, std::uint32_t hart) {
  Kept& kept = kept_[user_data - user_data_];
  kept.is_there = true;
  --waiting_;
  if (hart != current_hart()) ++pages_elsewhere_;
  kept.job->complete(async::WaitResult::woken);
}

// By the executor, in the place of the coroutine.
void Upcalls::go_on(Kept* kept) {
  if (!kept->is_there) {  // cancelled, or out of time: the step cannot end before it goes on
    kept->job->suspend_alone(std::coroutine_handle<>::from_address(kept));
    return;
  }
  kept->job->set_leaf(kept->interrupted);
  current().leave_for(*kept);
}

// Nothing is open from here on until the kept step goes on. A loop that is on a stack of its own is
// no more; the one on the thread's stays where it is, in the step's place.
void Upcalls::leave_for(Kept& kept) {
  close();
  const auto context = static_cast<std::uint64_t>(&kept - kept_.data());
  std::byte* const left = std::exchange(own_, std::exchange(kept.stack, nullptr));
  if (left == nullptr) {
    home_ = static_cast<int>(context);
    return resume(context, true);
  }
  free_[free_count_++] = left;
  prepare_stack();
  resume(context);
}

bool Upcalls::go_home() {
  if (own_ == nullptr || home_ == nowhere) return own_ == nullptr;
  free_[free_count_++] = std::exchange(own_, nullptr);
  prepare_stack();
  resume(static_cast<std::uint64_t>(std::exchange(home_, nowhere)));
  __builtin_unreachable();
}

// ── Notifications ──

std::uint64_t Upcalls::take_pending() {
  const std::uint64_t masked = header_.masked;
  const std::uint64_t bits = std::atomic_ref{header_.pending}.fetch_and(masked) & ~masked;
  if (bits != 0 && handler_ != nullptr) handler_(bits);
  return bits;
}

void Upcalls::on_notification(std::uint64_t context) {
  arrived_.fetch_or(take_pending());
  header_.stack = reinterpret_cast<std::uintptr_t>(next_);
  resume(context);
  __builtin_unreachable();
}

std::uint64_t Upcalls::take_notifications() {
  const std::uint64_t bits = take_pending();
  return bits | arrived_.exchange(0);
}

void Upcalls::mask(std::uint64_t bits) {
  std::atomic_ref{header_.masked}.store(bits);
  while (has_pending()) {
    close();
    arrived_.fetch_or(take_pending());
    open();
  }
}

UpcallCounts Upcalls::counts() const {
  return {.pages = pages_,
          .pages_elsewhere = pages_elsewhere_,
          .notifications = std::atomic_ref{header_.sent}.load(std::memory_order_relaxed),
          .interruptions = std::atomic_ref{header_.told}.load(std::memory_order_relaxed)};
}

}  // namespace user::detail
