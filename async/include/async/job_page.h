// A page of jobs. The pages of all harts are linked and never freed, so for_each_job() finds all
// jobs without a list that links them. The page also leads to the policies' entities of its jobs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "async/frame_pool.h"
#include "async/job.h"

namespace async {

struct Entity;
class MutexWaiters;

struct JobPage {
  /// The bytes from one job to the next, and from the page's begin to its first job.
  static std::size_t stride;
  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t most_jobs = chunk_bytes / sizeof(Job) - 1;
  static std::size_t count() noexcept { return chunk_bytes / stride - 1; }

  /// Gives each job a cache line of its own, so that harts that run neighbouring jobs share none.
  /// For worlds with several harts. Call it before the first job; later it has no effect.
  static void space_out() noexcept {
    if (newest() == nullptr) stride = cache_line;
  }

  JobPage* next;
  Entity* entities;  // one for each slot; null until a policy needs one (entity.h). Atomic
  HartMask* harts;   // one for each slot; null until a job may run on some harts only. Atomic
  MutexWaiters* contended[4];  // the contended mutexes of these jobs (mutex.h). Strand data
  // The jobs follow.

  /// The newest page of all harts; `next` leads to older ones. Any context.
  static JobPage* newest() noexcept;
  static JobPage& of(const Job& job) noexcept {
    return *reinterpret_cast<JobPage*>(reinterpret_cast<std::uintptr_t>(&job) & ~(chunk_bytes - 1));
  }
  /// The offset of a job of this page from the end of the members above, in bytes.
  std::size_t bytes_before(const Job& job) const noexcept {
    return reinterpret_cast<std::uintptr_t>(&job) - reinterpret_cast<std::uintptr_t>(this + 1);
  }
  /// The list with the contended mutexes of this job. About a quarter of the page's jobs share it.
  MutexWaiters*& contended_of(const Job& job) noexcept {
    return contended[bytes_before(job) / 64 % 4];
  }
  std::size_t slot_of(const Job& job) const noexcept { return bytes_before(job) / stride; }
  Job& job(std::size_t slot) noexcept {
    return *reinterpret_cast<Job*>(reinterpret_cast<std::uintptr_t>(this) + (slot + 1) * stride);
  }
};
static_assert(sizeof(JobPage) <= sizeof(Job) && sizeof(Job) <= JobPage::cache_line);

}  // namespace async
