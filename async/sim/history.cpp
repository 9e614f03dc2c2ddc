#include "history.h"

#include "director.h"

namespace async::sim {
namespace {

std::uint64_t mixed(std::uint64_t one, std::uint64_t other) {  // as splitmix64 does
  std::uint64_t value = one * 0x9e3779b97f4a7c15 + other + 0x632be59bd9b4e019;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

void History::begin(std::uint64_t who, std::uint64_t now_ns) {
  who_ = who;
  now_ = now_ns;
  touched_.clear();
  everything_ = declared_ = is_code_ = false;
}

void History::touch(std::uint64_t object, bool declared) {
  declared_ |= declared;
  touched_.push_back(object);
}

void History::end() {
  std::uint64_t value = mixed(mixed(base_, who_), now_);
  for (const std::uint64_t object : touched_) value = mixed(mixed(value, object), last_[object]);
  if (everything_ || (is_code_ && !declared_)) {
    base_ = mixed(value, state());
    last_.clear();
    sum_ = 0;
    return;
  }
  for (const std::uint64_t object : touched_) {
    std::uint64_t& last = last_[object];
    if (last != 0) sum_ -= mixed(object, last);
    last = value;
    sum_ += mixed(object, last);
  }
}

void touch(std::uint64_t object) {
  if (Director* const director = Director::present()) director->history().touch(object, true);
}

}  // namespace async::sim
