#include "ipc/semaphores.h"

#include <algorithm>
#include <climits>

namespace kernel::ipc {
namespace {

constinit Objects sets;
constinit std::size_t semaphores_of_all = 0;

bool alters(SemaphoreOperations operations) {
  return std::ranges::any_of(operations,
                             [](const auto& operation) { return operation.change != 0; });
}

}  // namespace

bool OrderOfAdjustments::is_before(const Adjustment& one, const Adjustment& other) {
  if (&one.set != &other.set) return &one.set < &other.set;
  return one.number < other.number;
}

// ── SemaphoreUndo ──

Adjustment* SemaphoreUndo::find(const SemaphoreSet& set, unsigned number) const {
  Adjustment* const found = adjustments_.find(
      [&](const Adjustment& at) { return &at.set != &set ? &at.set < &set : at.number < number; });
  const bool is_it = found != nullptr && &found->set == &set && found->number == number;
  return is_it ? found : nullptr;
}

Result<Adjustment*> SemaphoreUndo::make(SemaphoreSet& set, unsigned number) {
  if (Adjustment* const found = find(set, number)) return found;
  if (!file_quota::has(sizeof(Adjustment)) || !memory::can_allocate(sizeof(Adjustment)))
    return fail(Errno::enomem);
  auto* const made = new Adjustment{*this, set, number};
  adjustments_.insert(*made);
  set.at(number).adjustments.push_back(*made);
  return made;
}

SemaphoreUndo::~SemaphoreUndo() {
  while (!apply_some(UINT_MAX)) continue;
}

bool SemaphoreUndo::apply_some(unsigned most) {
  async::Strand::check_access();
  for (; most > 0 && !adjustments_.empty(); --most) {
    Adjustment* const adjustment = adjustments_.root();
    SemaphoreSet& set = adjustment->set;
    const unsigned number = adjustment->number;
    adjustments_.remove(*adjustment);
    set.at(number).adjustments.remove(*adjustment);
    if (adjustment->value != 0) set.adjust(*adjustment, process_);
    delete adjustment;
  }
  return adjustments_.empty();
}

// ── WaitingOperations ──

WaitingOperations::WaitingOperations(Ref<SemaphoreSet> set, SemaphoreOperations operations,
                                     SemaphoreUndo* undo, int process)
    : set_{std::move(set)}, operations_{operations}, undo_{undo}, process_{process} {
  (void)set_->try_now(operations_, undo_, process_, blocking_);  // it must wait: sets blocking_
  set_->add_waiter(*this);
}

WaitingOperations::~WaitingOperations() {
  if (list_ != nullptr) list_->remove(*this);
}

void WaitingOperations::finish(Result<> result) {
  std::exchange(list_, nullptr)->remove(*this);
  result_ = result;
  done_.set();
}

// ── SemaphoreSet ──

Objects& SemaphoreSet::all() {
  return sets;
}

std::size_t SemaphoreSet::semaphore_count() {
  return semaphores_of_all;
}

std::size_t SemaphoreSet::bytes_for(unsigned count) {
  const std::size_t pieces = (count + in_piece - 1) / in_piece;
  return sizeof(SemaphoreSet) + pieces * (sizeof(Piece) + sizeof(void*));
}

SemaphoreSet::SemaphoreSet(unsigned count) : count_{count}, charge_{bytes_for(count)} {
  pieces_.resize((count + in_piece - 1) / in_piece);
  for (auto& piece : pieces_) piece = std::make_unique<Piece>();
  semaphores_of_all += count;
}

SemaphoreSet::~SemaphoreSet() {
  semaphores_of_all -= count_;
}

Result<int> SemaphoreSet::get(const Caller& caller, std::int32_t key, int count, int flags) {
  if (count < 0 || count > most_semaphores_in_set) return fail(Errno::einval);
  const auto wanted = static_cast<unsigned>(count);
  return ipc::get(
      sets, caller, key, flags,
      [&](const Object& found) -> Result<> {
        if (wanted > static_cast<const SemaphoreSet&>(found).count()) return fail(Errno::einval);
        return {};
      },
      [&]() -> Result<int> {
        if (wanted == 0) return fail(Errno::einval);
        if (semaphores_of_all + wanted > most_semaphores || sets.size() >= most_semaphore_sets)
          return fail(Errno::enospc);
        const std::size_t table = (wanted + in_piece - 1) / in_piece * sizeof(void*);
        if (table > hal::page_size && !memory::can_allocate_contiguous(table))
          return fail(Errno::enomem);
        if (!file_quota::has(bytes_for(wanted))) return fail(Errno::enomem);
        auto* const set = new SemaphoreSet{wanted};  // remove() releases this reference
        sets.add(*set, key, flags, most_semaphore_sets);
        return set->number();
      });
}

abi::SemaphoreStatus SemaphoreSet::status() const {
  return {.permissions = permissions(),
          .operated = operated_,
          .changed = changed(),
          .count = count_,
          .unused = {}};
}

unsigned SemaphoreSet::waiters(unsigned number, bool for_zero) const {
  Semaphore& semaphore = at(number);
  unsigned count = 0;
  for (const auto& waiting : for_zero ? semaphore.for_zero : semaphore.for_rise) {
    (void)waiting;
    ++count;
  }
  for (const WaitingOperations& waiting : const_cast<List<WaitingOperations>&>(combined_)) {
    const auto& blocking = waiting.blocking();
    if (blocking.number == number && (blocking.change == 0) == for_zero) ++count;
  }
  return count;
}

void SemaphoreSet::set(unsigned number, int value, int process) {
  Semaphore& semaphore = at(number);
  semaphore.value = value;
  semaphore.process = process;
  for (Adjustment& adjustment : semaphore.adjustments) adjustment.value = 0;
}

void SemaphoreSet::end_setting(unsigned first, unsigned last) {
  const auto self = Ref<SemaphoreSet>::share(*this);
  note_change();
  for (unsigned number = first; number <= last; ++number) try_waiters_of(number);
  try_combined();
}

void SemaphoreSet::remove() {
  sets.remove(*this);
  const auto end = [](List<WaitingOperations>& waiters) {
    while (!waiters.empty()) waiters.front().finish(fail(Errno::eidrm));
  };
  end(combined_);
  for (unsigned number = 0; number < count_; ++number) {
    Semaphore& semaphore = at(number);
    end(semaphore.for_zero);
    end(semaphore.for_rise);
    while (!semaphore.adjustments.empty()) {
      Adjustment& adjustment = semaphore.adjustments.front();
      semaphore.adjustments.remove(adjustment);
      adjustment.owner.adjustments_.remove(adjustment);
      delete &adjustment;
    }
  }
  release();
}

Result<> SemaphoreSet::try_now(SemaphoreOperations operations, SemaphoreUndo* undo, int process,
                               std::size_t& blocking) {
  const auto adjustment_of = [&](const abi::SemaphoreOperation& operation) {
    return (operation.flags & abi::sem_undo) != 0 ? undo->find(*this, operation.number) : nullptr;
  };
  Result<> result;
  std::size_t done = 0;
  for (; done < operations.size(); ++done) {
    const auto& operation = operations[done];
    Semaphore& semaphore = at(operation.number);
    const int wanted = semaphore.value + operation.change;
    const bool blocks = wanted < 0 || (operation.change == 0 && semaphore.value != 0);
    Adjustment* const adjustment = blocks ? nullptr : adjustment_of(operation);
    const int undone = adjustment != nullptr ? adjustment->value - operation.change : 0;
    if (blocks) {
      const bool waits = (operation.flags & abi::ipc_nowait) == 0;
      result = fail(waits ? Errno::would_block : Errno::eagain);
    } else if (wanted > most_semaphore_value || undone > most_semaphore_value ||
               undone < -most_semaphore_value - 1) {
      result = fail(Errno::erange);
    } else {
      semaphore.value = wanted;
      if (adjustment != nullptr) adjustment->value = undone;
      continue;
    }
    blocking = done;
    break;
  }
  if (!result) {
    while (done > 0) {
      const auto& operation = operations[--done];
      at(operation.number).value -= operation.change;
      if (Adjustment* const adjustment = adjustment_of(operation))
        adjustment->value += operation.change;
    }
    return result;
  }
  for (const auto& operation : operations) at(operation.number).process = process;
  operated_ = seconds_now();
  return {};
}

Result<> SemaphoreSet::perform(SemaphoreOperations operations, SemaphoreUndo* undo, int process) {
  std::size_t blocking = 0;
  if (auto done = try_now(operations, undo, process, blocking); !done) return done;
  if (!alters(operations)) return {};
  for (const auto& operation : operations) try_waiters_of(operation.number);
  try_combined();
  return {};
}

void SemaphoreSet::add_waiter(WaitingOperations& waiting) {
  if (waiting.operations_.size() > 1) {
    waiting.list_ = &combined_;
  } else {
    Semaphore& semaphore = at(waiting.blocking().number);
    waiting.list_ = waiting.blocking().change == 0 ? &semaphore.for_zero : &semaphore.for_rise;
  }
  waiting.list_->push_back(waiting);
}

bool SemaphoreSet::try_waiters(List<WaitingOperations>& waiters) {
  bool has_changed = false;
  for (WaitingOperations& waiting : waiters) {
    const auto tried =
        try_now(waiting.operations_, waiting.undo_, waiting.process_, waiting.blocking_);
    if (blocks(tried)) continue;
    if (tried) has_changed |= alters(waiting.operations_);
    waiting.finish(tried);
  }
  return has_changed;
}

void SemaphoreSet::try_waiters_of(unsigned number) {
  Semaphore& semaphore = at(number);
  if (semaphore.value == 0) {
    (void)try_waiters(semaphore.for_zero);
    return;
  }
  if (semaphore.for_rise.empty()) return;
  if (try_waiters(semaphore.for_rise) && semaphore.value == 0)
    (void)try_waiters(semaphore.for_zero);
}

void SemaphoreSet::try_combined() {
  for (bool again = !combined_.empty(); again;) {
    again = false;
    for (WaitingOperations& waiting : combined_) {
      const SemaphoreOperations operations = waiting.operations_;
      const auto tried = try_now(operations, waiting.undo_, waiting.process_, waiting.blocking_);
      if (blocks(tried)) continue;
      if (tried && alters(operations)) {
        for (const auto& operation : operations) try_waiters_of(operation.number);
        again = true;
      }
      waiting.finish(tried);
      if (again) break;
    }
  }
}

void SemaphoreSet::adjust(const Adjustment& adjustment, int process) {
  Semaphore& semaphore = at(adjustment.number);
  semaphore.value = std::clamp(semaphore.value + adjustment.value, 0, most_semaphore_value);
  semaphore.process = process;
  operated_ = seconds_now();
  try_waiters_of(adjustment.number);
  try_combined();
}

}  // namespace kernel::ipc
