// Parallel jobs: joins and detached handles between harts, and the end of a job.
#include "async/parallel.h"

#include <memory>

namespace async {
namespace {

/// Tells the hart of a job that its handle is gone.
struct Detach : Node {
  Detach(Job& job, PromiseBase& root) noexcept
      : Node(Kind::detach, job.base_priority()), job(job), root(root) {}
  Job& job;
  PromiseBase& root;
};

}  // namespace

void Parallel::join(Job& joiner, Job& child, PromiseBase& root) noexcept {
  const unsigned hart = child.hart;
  if (hart == platform::hart()) return root.set_joiner(&joiner);
  Local& local = platform::local();
  if (Policy* const policy = local.executor->policy()) policy->stopped(joiner);
  local.job = nullptr;  // from the push on, the joiner may run elsewhere
  send_joiner(joiner, root, hart);
}

void Parallel::send_joiner(Job& joiner, PromiseBase& root, unsigned hart) noexcept {
  joiner.prev = reinterpret_cast<Link*>(&root);  // an inbox uses only `next`
  joiner.hart = static_cast<HartNumber>(hart);
  Executor::of(hart)->push(joiner);
}

bool Parallel::receive(Node& node) noexcept {
  if (node.kind == Kind::detach) {
    receive_detach(node);
    return true;
  }
  Job& job = static_cast<Job&>(node);
  if (job.waits_for_ == &job) return false;  // it is parked
  receive_joiner(job);
  return true;
}

void Parallel::receive_joiner(Job& joiner) noexcept {
  const Job& child = static_cast<Job&>(*joiner.waits_for_);
  PromiseBase& root = *reinterpret_cast<PromiseBase*>(joiner.prev);
  if (child.hart != platform::hart()) return send_joiner(joiner, root, child.hart);
  if (!root.has_ended()) return root.set_joiner(&joiner);
  joiner.complete_alone(WaitResult::woken);
}

void Parallel::detach(Job& job, PromiseBase& root) noexcept {
  if (job.hart == platform::hart()) return detach_here(job, root);
  void* const memory = platform::local().frames.allocate(sizeof(Detach));
  Executor::of(job.hart)->push(*std::construct_at(static_cast<Detach*>(memory), job, root));
}

void Parallel::detach_here(Job& job, PromiseBase& root) noexcept {
  if (root.has_ended()) return free(job, root);
  job.flags_ |= Job::flag_detached;
}

void Parallel::receive_detach(Node& node) noexcept {
  auto& detach = static_cast<Detach&>(node);
  if (const unsigned hart = detach.job.hart; hart != platform::hart()) {
    return Executor::of(hart)->push(detach);
  }
  detach_here(detach.job, detach.root);
  platform::local().frames.release(&detach, sizeof(Detach));
}

void Parallel::end(Job& job, PromiseBase& root) noexcept {
  root.set_ended();
  Job* const joiner = root.joiner();
  if (joiner == nullptr) {
    if ((job.flags_ & Job::flag_detached) == 0) return;
    free(job, root);
    platform::local().job = nullptr;
    return;
  }
  // On another hart, the joiner may free the job at once. A joiner of the strand may go to one.
  if (joiner->hart != platform::hart() || !joiner->is_preemptible()) {
    platform::local().job = nullptr;
  }
  if (joiner->is_preemptible()) return joiner->complete_alone(WaitResult::woken);
  const Strand::Guard strand;
  joiner->complete_alone(WaitResult::woken);
}

void Parallel::free(Job& job, PromiseBase& root) noexcept {
  std::coroutine_handle<PromiseBase>::from_promise(root).destroy();
  current_executor().jobs().release(job);
}

}  // namespace async
