// A page of jobs. Pages of all harts are linked and never given back, so that all jobs are found
// without a list through them, and what policies know of a job beside the page that it is in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "async/frame_pool.h"
#include "async/job.h"

namespace async {

struct Entity;
class Mutex;

struct JobPage {
  static constexpr std::size_t count = (chunk_bytes - 6 * sizeof(void*)) / sizeof(Job);

  JobPage* next;
  Entity* entities;     // one for each slot; null until a policy asks for one (entity.h)
  Mutex* contended[4];  // lists of these jobs' mutexes that have waiters (mutex.h). In the strand
  std::byte slots[count][sizeof(Job)];

  /// Of all harts; each leads to the one before.
  static JobPage* newest() noexcept;
  static JobPage& of(const Job& job) noexcept {
    return *reinterpret_cast<JobPage*>(reinterpret_cast<std::uintptr_t>(&job) & ~(chunk_bytes - 1));
  }
  /// Of one of this page's, from the first slot on.
  std::size_t bytes_before(const Job& job) const noexcept {
    return reinterpret_cast<std::uintptr_t>(&job) - reinterpret_cast<std::uintptr_t>(slots);
  }
  /// The contended mutexes of this job's quarter of the page.
  Mutex*& contended_of(const Job& job) noexcept { return contended[bytes_before(job) / 64 % 4]; }
  Job& job(std::size_t slot) noexcept { return *reinterpret_cast<Job*>(slots[slot]); }
};
static_assert(sizeof(JobPage) <= chunk_bytes);

}  // namespace async
