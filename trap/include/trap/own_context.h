// Where a thread keeps its user context on trap paths that find it anywhere: in itself. (The
// trampoline's has them in the gate, which both spaces have.)
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
