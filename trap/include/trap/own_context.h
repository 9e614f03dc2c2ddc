// The storage of a thread's user context: the thread itself. For trap paths on which the entry code
// can reach any kernel address. The path `trampoline` keeps contexts in the trampoline region.
#pragma once

#include <trap/user_context.h>

namespace trap {

class ContextHolder {
 public:
  explicit ContextHolder(const UserContext& start) : context_{start} {}

  UserContext& get() { return context_; }
  const UserContext& get() const { return context_; }

 private:
  UserContext context_;
};

}  // namespace trap
