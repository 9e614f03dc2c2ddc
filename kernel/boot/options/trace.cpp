// trace, trace=EVENTS: each hart keeps its last events.
#include <kernel/log.h>

#include "base/machine_facts.h"
#include "boot/boot_option.h"
#include "trace/recorder.h"

namespace kernel {
namespace {

void record_events(const formats::BootOptions& options, std::string_view) {
  const auto events = options.number("trace").value_or(trace::chunk_events);
  if (!trace::start(events, hart_count())) log("no memory for a trace of {} events", events);
}

}  // namespace

KERNEL_BOOT_OPTION(trace_option, "trace", events, record_events);

}  // namespace kernel
