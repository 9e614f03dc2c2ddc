#include "timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "report.h"

namespace async::sim {

void Timeline::observe(TraceEvent event, const Job& job) {
  const unsigned hart = platform::hart();
  switch (event) {
    case TraceEvent::run: began_ns_[hart] = platform::now_ns(); return;
    case TraceEvent::wait:
    case TraceEvent::yield:
    case TraceEvent::preempt:
    case TraceEvent::done: {
      const std::uint64_t length = platform::now_ns() - began_ns_[hart];
      if (length == 0 || slices_.size() == most_) return;
      slices_.push_back({hart, began_ns_[hart], length, class_of(job), number_of(job)});
      return;
    }
    default: return;
  }
}

std::size_t Timeline::class_of(const Job& job) {
  const auto found = std::ranges::find(classes_, job.name());
  if (found == classes_.end()) classes_.emplace_back(job.name());
  return static_cast<std::size_t>(std::ranges::find(classes_, job.name()) - classes_.begin());
}

std::string Timeline::to_json() const {
  std::string names, slices;
  for (const std::string& name : classes_) {
    names += (names.empty() ? "" : ",") + json_text(name);
  }
  for (const Slice& slice : slices_) {
    slices += fmt::format("{}[{},{},{},{},{}]", slices.empty() ? "" : ",", slice.hart,
                          slice.begin_ns, slice.length_ns, slice.of, slice.task);
  }
  return fmt::format(R"({{"classes":[{}],"slices":[{}]}})", names, slices);
}

}  // namespace async::sim
