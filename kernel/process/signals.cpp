#include "process/signals.h"

#include "memory/frames.h"

namespace kernel {

Result<> SignalActions::set(abi::Signal signal, const abi::SignalAction& action) {
  async::Strand::check_access();
  if (action == default_action) {
    defaults_ |= abi::set_of(signal);
    return {};
  }
  if (!table_ || !table_->has_one_owner()) {
    if (!memory::can_allocate(sizeof(Table))) return fail(Errno::enomem);
    table_ = table_ ? make_ref<Table>(*table_) : make_ref<Table>();
  }
  (*table_)[signal] = action;
  defaults_ &= ~abi::set_of(signal);
  return {};
}

void SignalActions::drop_handlers() {
  async::Strand::check_access();
  for_each_signal(~defaults_, [this](abi::Signal signal) {
    if ((*this)[signal].handler != abi::sig_ign) defaults_ |= abi::set_of(signal);
  });
}

}  // namespace kernel
