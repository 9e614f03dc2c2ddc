#include "harts/deadlocks.h"

#include <async/async.h>
#include <async/deadlock.h>
#include <kernel/log.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace kernel {
namespace {

/// Makes lines of the log of the pieces that are printed; what is too long for one is cut off.
struct LogLines {
  std::array<char, 200> line;
  std::size_t length = 0;

  static void write(void* context, std::string_view piece) {
    auto& self = *static_cast<LogLines*>(context);
    const bool ends = piece.ends_with('\n');
    if (ends) piece.remove_suffix(1);
    const std::size_t room = std::min(piece.size(), self.line.size() - self.length);
    std::copy_n(piece.data(), room, self.line.data() + self.length);
    self.length += room;
    if (ends) log("{}", std::string_view{self.line.data(), std::exchange(self.length, 0)});
  }
};

void report(const async::Job& job) {
  log("deadlock: '{}' waits for itself", job.name());
  LogLines lines;
  async::visit_circle(
      job, [](void* context, const async::Job& job) { print_job(job, &LogLines::write, context); },
      &lines);
}

}  // namespace

void report_deadlocks() {
  async::set_deadlock_hook(report);
}

}  // namespace kernel
