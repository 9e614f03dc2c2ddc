// "Who waits for whom": every live job with its priority, state, what it waits for, and the
// coroutines from the one that waits up to the job's root. Allocates nothing and changes nothing,
// so a panic can print it; on other harts' jobs it may then be slightly out of date.
#pragma once

#include <cstdint>
#include <string_view>

#include "async/job.h"

namespace async {

using GraphSink = void (*)(void* context, std::string_view text);

/// One line a job, and one for its await chain (addresses of the coroutines' resume functions).
void print_graph(GraphSink sink, void* context) noexcept;
/// The same for one job.
void print_job(const Job& job, GraphSink sink, void* context) noexcept;

/// The await chain alone. For the running job it is that of its last await, which may be gone by
/// now: print it last, when there is nothing left to lose.
void print_chain(const Job& job, GraphSink sink, void* context) noexcept;

/// `sink(std::string_view)`, called with pieces of text.
template <class Sink>
void print_graph(Sink&& sink) noexcept {
  print_graph([](void* context, std::string_view text) { (*static_cast<Sink*>(context))(text); },
              &sink);
}

/// Where for_each_job() looks, and where in a Job is what: for whoever reads the memory from
/// outside. Offsets in bytes.
struct JobLayout {
  std::uint64_t
      pages;  ///< address of a pointer to the first page; each begins with one to the next
  std::uint16_t first, bytes, count;  ///< of the jobs in a page
  std::uint16_t kind, priority, hart, leaf, name, reason, waits_for;
};
JobLayout job_layout() noexcept;

/// `visit(const Job&)` for every live job of all harts.
void for_each_job(void (*visit)(void* context, const Job& job), void* context) noexcept;

}  // namespace async
