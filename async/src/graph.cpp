// Prints the wait graph: which job waits for which.
#include "async/graph.h"

#include <coroutine>
#include <cstdint>

#include "async/executor.h"
#include "async/interrupt.h"
#include "async/scope.h"
#include "async/spawn.h"
#include "async/task.h"
#include "async/wait_list.h"

namespace async {
namespace {

struct Printer {
  GraphSink sink;
  void* context;

  void text(std::string_view piece) const { sink(context, piece); }
  void number(std::uintptr_t value, unsigned base) const {
    char digits[20];
    char* const end = digits + sizeof(digits);
    char* at = end;
    do {
      *--at = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    text({at, static_cast<std::size_t>(end - at)});
  }
  void job(const Job& job) const {
    text("'");
    text(job.name());
    text("'");
  }

  void target(const Job& waiting) const {
    const Node* const target = waiting.waits_for();
    if (target == nullptr || target == &waiting) return;
    switch (target->kind) {
      case Kind::list:
      case Kind::mutex:
        if (const Job* owner = static_cast<const WaitList*>(target)->owner(); owner != nullptr) {
          text(", held by ");
          job(*owner);
        }
        break;
      case Kind::ready:
      case Kind::waiting:
      case Kind::done:
        text(", the end of ");
        job(*static_cast<const Job*>(target));
        break;
      case Kind::group:
        text(", the end of");
        for (const Job* member : static_cast<const JoinGroup*>(target)->jobs) {
          if (member->done()) continue;
          text(" ");
          job(*member);
        }
        break;
      case Kind::scope:
        text(", ");
        number(static_cast<const Scope*>(target)->children(), 10);
        text(" children");
        break;
      case Kind::interrupt:
        if (const std::uint32_t raised = static_cast<const Interrupt*>(target)->raised();
            raised != 0) {
          text(", undelivered raises: ");
          number(raised, 10);
        }
        break;
      default: break;
    }
  }

  /// The resume functions of the coroutines, from the one that waits up to the root.
  void chain(const Job& job) const {
    text("    awaits:");
    std::coroutine_handle<> at = job.leaf();
    for (unsigned depth = 0; depth < 32; ++depth) {
      text(" 0x");
      number(reinterpret_cast<std::uintptr_t>(FrameHeader::of(at).resume), 16);
      const PromiseBase& promise = PromiseBase::of(at);
      if (promise.is_root()) break;
      at = promise.parent();
      text(depth == 31 ? " …" : " <");
    }
    text("\n");
  }
};

std::string_view state(const Job& job) {
  switch (job.kind) {
    case Kind::ready: return Executor::is_running(job) ? "running" : "ready";
    case Kind::waiting: return "waits: ";
    case Kind::done: return "done, not joined";
    default: return "?";
  }
}

}  // namespace

void print_job(const Job& job, GraphSink sink, void* context) noexcept {
  const Printer out{sink, context};
  out.job(job);
  out.text(" priority ");
  out.number(job.priority, 10);
  if (job.priority != job.base_priority()) {
    out.text(" (own ");
    out.number(job.base_priority(), 10);
    out.text(")");
  }
  out.text(job.is_cancelled() ? ", cancelled, " : ", ");
  out.text(state(job));
  if (job.kind == Kind::waiting) {
    out.text(job.reason());
    out.target(job);
  }
  out.text("\n");
  const bool suspended = job.kind == Kind::ready && !Executor::is_running(job);
  if (job.kind == Kind::waiting || suspended) out.chain(job);
}

void print_chain(const Job& job, GraphSink sink, void* context) noexcept {
  Printer{sink, context}.chain(job);
}

void print_graph(GraphSink sink, void* context) noexcept {
  struct Context {
    GraphSink sink;
    void* context;
  } both{sink, context};
  for_each_job(
      [](void* opaque, const Job& job) {
        const Context& both = *static_cast<Context*>(opaque);
        print_job(job, both.sink, both.context);
      },
      &both);
}

}  // namespace async
