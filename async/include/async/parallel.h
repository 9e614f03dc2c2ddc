// Parallel jobs: jobs outside the strand in a world with platform::parallel_jobs, such as a
// HostPool. Their steps run at the same time on several harts. They spawn and join each other, and
// use channels, mutexes and events like jobs of the strand. In other worlds this header does
// nothing.
//
// A parallel job belongs to one hart at a time, its Node::hart. Only that hart queues it, runs it,
// ends it, and accesses its join word (PromiseBase::link_). So spawn and join on one hart need no
// atomic operation. Between harts, jobs go through inboxes:
//
//   hart 0:  spawn child ──► send it ──────────────► hart 1:  run child ──► end
//   hart 0:  join: the child is on hart 1 ─ go there ──► note joiner, or go on if it has ended
//   hart 0:  ready again ◄── joiner's hart ◄───────── hart 1:  end of a child that has a joiner
//
// - A job changes harts only while it is ready, or in order to join. Its present hart sends it.
// - A hart that waits for nothing takes the oldest job of a busy hart (placement.cpp).
// - A child of a parallel job is a parallel job, a child of a job of the strand one of the strand.
// - A parallel job cannot be cancelled, so when_any() and deadlines are for jobs of the strand.
// - Each wait list has a lock of its own (list_lock.h). A parallel job enters the strand only for
//   time, scopes, jobs of the strand, and to wake an object's waiter that is one or has a timeout.
// - If another job sets the priority of a parallel job that waits, the job takes it over when it
//   becomes ready.
#pragma once

#include <utility>

#include "async/executor.h"
#include "async/spawn.h"
#include "async/task.h"

namespace async {

/// Spawns a parallel job, from any job.
template <class T>
JoinHandle<T> spawn_parallel(Task<T> task, const SpawnOptions& options = {}) noexcept {
  static_assert(platform::parallel_jobs, "this world has no parallel jobs");
  return Parallel::spawn(std::move(task), options);
}

/// Spawns a job of the strand, from any job. Jobs of the strand share data without locks.
template <class T>
JoinHandle<T> spawn_in_strand(Task<T> task, const SpawnOptions& options = {}) noexcept {
  const Strand::ObjectGuard strand;
  return Parallel::spawn_in_strand(std::move(task), options);
}

}  // namespace async
