// History: a number for what has happened in a run up to here, such that two runs with the same
// number go on alike. It is that of the order in which things depend on each other, not of the
// order in which they came: two steps that touch nothing in common may change places and give the
// same number (M. Musuvathi, S. Qadeer: Partial-Order Reduction for Context-Bounded State
// Exploration, Microsoft Research TR-2007-12).
//
// What a step has to do with others it says itself, with touch(). One that says nothing has to do
// with everything, and nothing changes places with it; so does one that spawns, or whatever
// happens on a machine of several harts: where jobs go depends on who has nothing to do. Virtual
// time is part of it: what takes time changes places with nothing on its hart.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace async::sim {

class History {
 public:
  /// Something happens at `now_ns`, an event or a step, by `who`.
  void begin(std::uint64_t who, std::uint64_t now_ns);
  /// … and has to do with this. `declared`: whoever says so says all.
  void touch(std::uint64_t object, bool declared = false);
  void touch_everything() { everything_ = true; }
  /// It is somebody's code, which touches everything unless it says what.
  void runs_code() { is_code_ = true; }
  /// … has happened.
  void end();

  std::uint64_t state() const { return base_ + sum_; }

  // Numbers of objects: 0 … 2^56 are users', the rest is the machine's.
  static std::uint64_t job(std::uint64_t number) { return 1ull << 62 | number; }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> last_;  // of an object: what has touched it last
  std::uint64_t base_ = 0;                                 // what has touched everything last
  std::uint64_t sum_ = 0;                                  // over last_, whatever the order
  std::uint64_t who_ = 0;
  std::uint64_t now_ = 0;
  std::vector<std::uint64_t> touched_;
  bool everything_ = false;
  bool declared_ = false;
  bool is_code_ = false;
};

/// By a step of a job: what it reads or writes that others may, too, as a number that is the same
/// in every run. Once it has said anything it has to say all.
void touch(std::uint64_t object);

/// A variable of several jobs that says so itself. `object`: as for touch().
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
