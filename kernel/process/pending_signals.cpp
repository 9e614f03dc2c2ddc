#include "process/pending_signals.h"

#include <bit>
#include <utility>

#include "memory/frames.h"
#include "process/signals.h"

namespace kernel {
namespace {

constexpr abi::SignalSet queued_signals = ~((abi::SignalSet{1} << 31) - 1);

constexpr abi::SignalSet fault_signals =
    abi::set_of(abi::Signal::sigsegv) | abi::set_of(abi::Signal::sigbus) |
    abi::set_of(abi::Signal::sigill) | abi::set_of(abi::Signal::sigtrap) |
    abi::set_of(abi::Signal::sigfpe) | abi::set_of(abi::Signal::sigsys);

abi::Signal first_of(abi::SignalSet set) {
  if ((set & fault_signals) != 0) set &= fault_signals;
  return static_cast<abi::Signal>(std::countr_zero(set) + 1);
}

}  // namespace

bool PendingSignals::add(const abi::SignalInfo& info) {
  async::Strand::check_access();
  const abi::SignalSet bit = abi::set_of(static_cast<abi::Signal>(info.signal));
  if ((set_ & bit & ~queued_signals) != 0) return false;
  set_ |= bit;
  if (first_ && first_->is_free()) [[likely]] {
    first_->info = info;
    return true;
  }
  return append(info);
}

[[gnu::noinline]] bool PendingSignals::append(const abi::SignalInfo& info) {
  if (!memory::can_allocate(sizeof(Entry))) return false;
  std::unique_ptr<Entry>* last = &first_;
  unsigned entries = 0;
  for (; *last; ++entries) last = &(*last)->next;
  if (entries == most_entries) return false;
  *last = std::make_unique<Entry>(info);
  return true;
}

unsigned PendingSignals::queued() const {
  async::Strand::check_access();
  unsigned count = 0;
  for (const Entry* at = first_.get(); at != nullptr; at = at->next.get()) {
    if (!at->is_free() && at->info.code != abi::si_timer) ++count;
  }
  return count;
}

void PendingSignals::lose_info(abi::Signal signal) {
  const int number = static_cast<int>(signal);
  std::unique_ptr<Entry>* at = &first_;
  while (*at && (*at)->info.signal != number) at = &(*at)->next;
  if (*at) *at = std::move((*at)->next);
}

bool PendingSignals::take_any(abi::SignalSet wanted, abi::SignalInfo& taken) {
  if ((set_ & wanted) == 0) return false;
  const abi::Signal signal = first_of(set_ & wanted);
  const int number = static_cast<int>(signal);
  bool found = false, more = false;
  for (std::unique_ptr<Entry>* at = &first_; *at;) {
    if ((*at)->info.signal == number) {
      if (found) {
        more = true;
        break;
      }
      found = true;
      taken = (*at)->info;
      *at = std::move((*at)->next);
    } else {
      at = &(*at)->next;
    }
  }
  if (!found) taken = {.signal = number};
  if (!more) set_ &= ~abi::set_of(signal);
  return true;
}

void PendingSignals::discard(abi::SignalSet signals) {
  set_ &= ~signals;
  for (std::unique_ptr<Entry>* at = &first_; *at;) {
    const auto signal = static_cast<abi::Signal>((*at)->info.signal);
    if ((*at)->is_free() || (abi::set_of(signal) & signals) != 0) {
      *at = std::move((*at)->next);
    } else {
      at = &(*at)->next;
    }
  }
}

}  // namespace kernel
