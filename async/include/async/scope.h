// Scope: any number of child jobs that cannot outlive it.
//
//   co_await with_scope([&](Scope& scope) -> Task<> {
//     for (auto& disk : disks) scope.spawn(scrub(disk), {.name = "scrub"});
//     …
//   });                                    // here all children have ended
//
// Cancelling the job that waits for a scope cancels the children. Task context, in the strand or in
// a parallel job.
#pragma once

#include <cstddef>
#include <utility>

#include "async/spawn.h"
#include "async/wait_list.h"

namespace async {

class Scope : public Node {  // the head of the children's links
 public:
  Scope() noexcept : Node(Kind::scope, 0) { reset(); }
  Scope(const Scope&) = delete;
  ~Scope();  // fails unless every child has ended

  /// Spawns a child. After cancel() the child starts cancelled.
  void spawn(Task<void> task, const SpawnOptions& options = {}) noexcept;
  /// Cancels every child, including later ones.
  void cancel() noexcept;
  /// Waits until all children have ended. A cancellation cancels the children and does not cut the
  /// wait short.
  Task<void> join(const char* reason = "scope");
  std::size_t children() const noexcept { return children_; }

 private:
  friend class Job;
  struct Child : Link {
    explicit Child(Scope& scope) noexcept;
    ~Child();
    Scope& scope;
    Job& job;
  };
  struct JoinOp;
  static Task<void> run(Scope& scope, Task<void> task);

  Job* joiner_ = nullptr;
  std::size_t children_ = 0;  // including children that have not started
  bool cancelled_ = false;
};

/// Runs `body(Scope&)`, then waits until its children have ended, even if the job is cancelled.
template <class Body>
Task<void> with_scope(Body body) {
  Scope scope;
  co_await body(scope);
  co_await scope.join();
}

}  // namespace async
