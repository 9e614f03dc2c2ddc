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
  static constexpr std::size_t count = (chunk_bytes - 7 * sizeof(void*)) / sizeof(Job);

  JobPage* next;
  Entity* entities;  // one for each slot; null until a policy needs one (entity.h). Atomic
  HartMask* harts;   // one for each slot; null until a job may run on some harts only. Atomic
  MutexWaiters* contended[4];  // the contended mutexes of these jobs (mutex.h). Strand data
  std::byte slots[count][sizeof(Job)];

  /// The newest page of all harts; `next` leads to older ones. Any context.
  static JobPage* newest() noexcept;
  static JobPage& of(const Job& job) noexcept {
    return *reinterpret_cast<JobPage*>(reinterpret_cast<std::uintptr_t>(&job) & ~(chunk_bytes - 1));
  }
  /// The offset of a job of this page from the first slot, in bytes.
  std::size_t bytes_before(const Job& job) const noexcept {
    return reinterpret_cast<std::uintptr_t>(&job) - reinterpret_cast<std::uintptr_t>(slots);
  }
  /// The list with the contended mutexes of this job. About a quarter of the page's jobs share it.
  MutexWaiters*& contended_of(const Job& job) noexcept {
    return contended[bytes_before(job) / 64 % 4];
  }
  std::size_t slot_of(const Job& job) const noexcept { return bytes_before(job) / sizeof(Job); }
  Job& job(std::size_t slot) noexcept { return *reinterpret_cast<Job*>(slots[slot]); }
};
static_assert(sizeof(JobPage) <= chunk_bytes);

}  // namespace async
