#include "async/scope.h"

namespace async {

Scope::Child::Child(Scope& scope) noexcept : scope(scope), job(current_job()) {
  const Strand::ObjectGuard strand;
  scope.insert_before(*this);
  if (scope.cancelled_) job.cancel();
}

Scope::Child::~Child() {
  const Strand::ObjectGuard strand;
  unlink();
  if (--scope.children_ == 0 && scope.joiner_ != nullptr) {
    scope.joiner_->complete(WaitResult::woken);
  }
}

Scope::~Scope() {
  if (children_ != 0) platform::fail("a scope was destroyed before its children ended");
}

Task<void> Scope::run(Scope& scope, Task<void> task) {
  Child child(scope);
  co_await std::move(task);
}

void Scope::spawn(Task<void> task, const SpawnOptions& options) noexcept {
  {
    const Strand::ObjectGuard strand;
    ++children_;
  }
  async::spawn(run(*this, std::move(task)), options).detach();
}

void Scope::cancel() noexcept {
  cancelled_ = true;
  for (Link* link = next; link != this; link = link->next) {
    static_cast<Child*>(link)->job.cancel();
  }
}

struct Scope::JoinOp {
  Scope& scope;
  const char* reason;
  bool await_ready() const noexcept {
    Strand::visit();
    return scope.children_ == 0;
  }
  void await_suspend(std::coroutine_handle<> self) const noexcept {
    Job& job = current_job();
    if (job.refuses_to_wait()) scope.cancel();
    scope.joiner_ = &job;
    job.prepare(&scope, reason);
    job.suspend_alone(self);
  }
  void await_resume() const noexcept {
    const Strand::Visit visit;
    scope.joiner_ = nullptr;
  }
};

Task<void> Scope::join(const char* reason) {
  co_await JoinOp{*this, reason};
}

}  // namespace async
