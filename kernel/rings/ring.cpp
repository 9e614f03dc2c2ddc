#include "rings/ring.h"

#include "process/thread.h"
#include "rings/upcalls.h"

namespace kernel {

Ring::Ring(Thread& thread, const RingShape& shape, bool polled)
    : thread_{thread}, shape_{shape}, polled_{polled} {
  if (polled) {
    scope_.spawn(
        poll_submissions(),
        {.name = "submission polling", .priority = thread.limit(), .harts = thread.harts()});
  }
}

Ring::~Ring() = default;

void Ring::set_upcalls(std::unique_ptr<Upcalls> upcalls) {
  upcalls_ = std::move(upcalls);
}

bool Ring::make_upcall(trap::Trap trap, Errno why) {
  return upcalls_ != nullptr && upcalls_->make_upcall(trap, why);
}

void Ring::deliver_notifications() {
  upcalls_->deliver_notifications();
}

Result<bool> Ring::has_completed(std::uint32_t wanted) {
  if (in_flight_ == 0 || (upcalls_ != nullptr && upcalls_->has_events())) return true;
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return fail(Errno::efault);
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (unread > shape_.completions) return fail(Errno::einval);
  return unread >= std::min(wanted, shape_.completions);
}

// ── Completions ──

void Ring::post(std::uint64_t user_data, std::int32_t result, std::uint32_t flags) {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  const auto slot = view.completions(cq_tail_, 1);
  if (header == nullptr || slot.empty()) return wake();  // unmapped: the waiting thread gets EFAULT
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  if (unread >= shape_.completions) {
    write_index(header->overflowed, ++overflowed_);
    return wake();
  }
  slot.front() = {.user_data = user_data, .result = result, .flags = flags};
  write_index(header->cq_tail, ++cq_tail_);
  if (wanted_ == 0) {
    // Ends the thread's demotion: the program set it before this completion, which may wake a more
    // urgent coroutine. The kernel does not know how urgent the program's coroutines are.
    if (thread_.shared_priority() != 0) [[unlikely]]
      thread_.demote_by(0);
  } else if (unread + 1 >= wanted_) {
    wake();
  }
}

void Ring::wake() {
  if (wanted_ != 0) thread_.wake();
}

void Ring::complete(const InFlightRequest& request, std::int32_t result, std::uint32_t flags) {
  complete_reserved(request.entry.user_data, result, flags);
}

bool Ring::reserve() {
  if (!has_spare_room()) return false;
  ++in_flight_;
  return true;
}

void Ring::complete_reserved(std::uint64_t user_data, std::int32_t result, std::uint32_t flags) {
  --in_flight_;
  post(user_data, result, flags);
  if (in_flight_ == 0) wake();
}

bool Ring::has_spare_room() {
  RingView view{thread_.space(), shape_};
  abi::RingHeader* const header = view.header();
  if (header == nullptr) return false;
  const std::uint32_t unread = cq_tail_ - read_index(header->cq_head);
  return unread < shape_.completions && in_flight_ < shape_.completions - unread;
}

Result<> Ring::own_pages() {
  auto made = make_pages(thread_.space(), shape_);
  if (made && upcalls_ != nullptr) made = upcalls_->own_page().transform([](std::byte*) {});
  // ENOMEM means that a page shared with the child cannot be copied. Any other error means that the
  // program cannot write the page; the next access reports that.
  return made || made.error() != Errno::enomem ? Result<>{} : made;
}

// ── The end ──

async::Task<> Ring::close() {
  if (upcalls_ != nullptr) co_await upcalls_->close();
  scope_.cancel();
  co_await scope_.join("ring");
}

}  // namespace kernel
