// History: a number for all that has happened in a run so far. Runs with the same number continue
// alike. The number depends on the order of steps that touch the same objects. Two steps that touch
// nothing in common may change places and give the same number (M. Musuvathi, S. Qadeer:
// Partial-Order Reduction for Context-Bounded State Exploration, Microsoft Research TR-2007-12).
//
// A step declares what it touches with touch(). A step that declares nothing touches everything, so
// it changes places with no other step. The same holds for a step that spawns, and every step on a
// machine of several harts, because idle harts attract jobs. The number includes virtual time, so a
// step that takes time changes places with nothing on its hart.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace async::sim {

class History {
 public:
  /// Begins an event or a step by `who` at `now_ns`.
  void begin(std::uint64_t who, std::uint64_t now_ns);
  /// The event or step touches `object`. `declared`: it declares all that it touches.
  void touch(std::uint64_t object, bool declared = false);
  void touch_everything() { everything_ = true; }
  /// The event or step runs a job's code. The code touches everything unless it declares its
  /// objects.
  void runs_code() { is_code_ = true; }
  /// Ends the event or step: mixes it, with all that it touched, into state().
  void end();

  std::uint64_t state() const { return base_ + sum_; }

  // Numbers of objects: 0 … 2^56 are for users of touch(), the others for the machine.
  static std::uint64_t job(std::uint64_t number) { return 1ull << 62 | number; }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> last_;  // by object: a hash of its last touch
  std::uint64_t base_ = 0;  // state() after the last event that touched all objects
  std::uint64_t sum_ = 0;   // a hash of last_, independent of its order
  std::uint64_t who_ = 0;
  std::uint64_t now_ = 0;
  std::vector<std::uint64_t> touched_;
  bool everything_ = false;
  bool declared_ = false;
  bool is_code_ = false;
};

/// Declares that the running step reads or writes an object that other jobs may use, too. Its
/// number must be the same in every run. A step that declares one object must declare all.
void touch(std::uint64_t object);

/// A variable of several jobs that calls touch() itself. `object`: as for touch().
template <class T>
class Shared {
 public:
  explicit Shared(std::uint64_t object, T value = {}) : object_(object), value_(value) {}
  operator T() const {
    touch(object_);
    return value_;
  }
  Shared& operator=(T value) {
    touch(object_);
    value_ = value;
    return *this;
  }

 private:
  std::uint64_t object_;
  T value_;
};

}  // namespace async::sim
