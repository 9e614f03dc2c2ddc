#include "sched/deadlocks.h"

#include <async/async.h>
#include <async/deadlock.h>
#include <kernel/log.h>

#include "console/log_lines.h"

namespace kernel {
namespace {

void report_deadlock(const async::Job& job) {
  log("deadlock: '{}' waits for itself", job.name());
  LogLines lines;
  async::visit_circle(
      job, [](void* context, const async::Job& job) { print_job(job, &LogLines::write, context); },
      &lines);
}

}  // namespace

void report_deadlock_by_join(const async::Job& job) {
  const async::Job* const other = async::awaited(job);
  if (other == nullptr || job.waits_for() != other) return;
  if (async::visit_circle(job, [](void*, const async::Job&) {}, nullptr)) report_deadlock(job);
}

void report_deadlocks() {
  async::set_deadlock_hook(report_deadlock);
}

}  // namespace kernel
