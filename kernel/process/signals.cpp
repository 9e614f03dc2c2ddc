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

abi::SignalInfo child_signal(int id, abi::WaitStatus change) {
  abi::SignalInfo info{.signal = static_cast<int>(abi::Signal::sigchld), .sender = {.process = id}};
  if (change.has_stopped()) {
    info.code = abi::cld_stopped;
    info.sender.status = static_cast<int>(change.stop_signal());
  } else if (change.has_continued()) {
    info.code = abi::cld_continued;
    info.sender.status = static_cast<int>(abi::Signal::sigcont);
  } else if (change.was_killed()) {
    info.code = abi::cld_killed;
    info.sender.status = static_cast<int>(change.signal());
  } else {
    info.code = abi::cld_exited;
    info.sender.status = change.exit_code();
  }
  return info;
}

}  // namespace kernel
