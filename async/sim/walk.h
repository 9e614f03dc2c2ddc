// Walk: the steps of a class in the order in which a task takes them, with all repetitions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workload.h"

namespace async::sim {

class Walk {
 public:
  explicit Walk(const std::vector<Step>& steps) : steps_(steps) {}

  /// The next step, null after the last. It also returns each `repeat` and `end` on the way, which
  /// the caller ignores.
  const Step* next() {
    if (at_ == steps_.size()) return nullptr;
    const Step& step = steps_[at_++];
    if (step.kind == Step::Kind::repeat) {
      rounds_.push_back(step.count);
    } else if (step.kind == Step::Kind::end) {
      if (--rounds_.back() != 0) {
        at_ = step.match + 1;
      } else {
        rounds_.pop_back();
      }
    }
    return &step;
  }

 private:
  const std::vector<Step>& steps_;
  std::size_t at_ = 0;
  std::vector<std::uint32_t> rounds_;  // rounds left of each open repeat, this one included
};

}  // namespace async::sim
