// Prints the wait graph: every live job with its priority, its state, the object it waits for, and
// its await chain, from the coroutine that waits up to the job's root. Printing allocates and
// changes nothing, so a panic can do it. In a panic the state of other harts' jobs may be out of
// date. In the strand; in a pool only while no parallel job runs.
#pragma once

#include <cstdint>
#include <string_view>

#include "async/job.h"

namespace async {

using GraphSink = void (*)(void* context, std::string_view text);

/// Prints one line for each job, and one for its await chain: the addresses of the coroutines'
/// resume functions.
void print_graph(GraphSink sink, void* context) noexcept;
/// Prints one job.
void print_job(const Job& job, GraphSink sink, void* context) noexcept;

/// Prints only the await chain. For the running job that is the chain of its last await, whose
/// frames may be freed already: reading it may crash, so print it last.
void print_chain(const Job& job, GraphSink sink, void* context) noexcept;

/// Prints the graph by calling `sink(std::string_view)` with pieces of text.
template <class Sink>
void print_graph(Sink&& sink) noexcept {
  print_graph([](void* context, std::string_view text) { (*static_cast<Sink*>(context))(text); },
              &sink);
}

/// Where for_each_job() finds jobs, and the layout of a Job. For tools that read the memory from
/// outside. Offsets and sizes in bytes.
struct JobLayout {
  std::uint64_t
      pages;  ///< address of a pointer to the first page; a page begins with a pointer to the next
  std::uint16_t first, bytes, count;  ///< offset of a page's first job, size of a job, jobs a page
  std::uint16_t kind, priority, hart, leaf, name, reason, waits_for;
};
JobLayout job_layout() noexcept;

/// Calls visit(context, job) for every live job of all harts.
void for_each_job(void (*visit)(void* context, const Job& job), void* context) noexcept;

}  // namespace async
