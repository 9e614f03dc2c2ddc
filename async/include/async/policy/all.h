// All policies by name, and how to construct one in memory that the caller provides.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "async/policy/aging.h"
#include "async/policy/checked.h"
#include "async/policy/edf.h"
#include "async/policy/eevdf.h"
#include "async/policy/fifo.h"
#include "async/policy/lottery.h"
#include "async/policy/mlfq.h"
#include "async/policy/round_robin.h"
#include "async/policy/ruled.h"
#include "async/policy/stealing.h"
#include "async/policy/stride.h"
#ifdef COTRAP_POLICY_HEADER  // a user's policy: --policy-header
#include COTRAP_POLICY_HEADER
#endif

namespace async::policy {

struct Kind {
  const char* name;
  const char* summary;
  unsigned promises;  // PolicyPromise
  /// Constructs the policy in `memory`, which is of the size and alignment of Memory. Returns null
  /// for the executor's own priorities.
  Policy* (*make)(void* memory, const Policy::Options& options) noexcept;
};

template <AreRules R>
inline constexpr Kind kind_of{R::name, R::summary, R::promises,
                              [](void* memory, const Policy::Options& options) noexcept -> Policy* {
                                using Made = Ruled<InThisWorld<R>>;
                                return std::construct_at(static_cast<Made*>(memory), options);
                              }};

template <AreRules... Rs>
struct List {
  static constexpr std::size_t most_bytes = std::max({sizeof(Ruled<InThisWorld<Rs>>)...});
  static constexpr Kind kinds[] = {
      {"priority", "fixed priorities with inheritance: the executor's own levels", promise_nothing,
       [](void*, const Policy::Options&) noexcept -> Policy* { return nullptr; }},
      kind_of<Rs>...};
};

using All = List<Fifo, RoundRobin, Aging, Edf, Stride, Lottery, Mlfq, Eevdf, StealFifo, StealLifo
#ifdef COTRAP_POLICY_CLASS
                 ,
                 COTRAP_POLICY_CLASS
#endif
                 >;

inline constexpr std::span<const Kind> kinds = All::kinds;

consteval bool names_differ() noexcept {
  for (std::size_t one = 0; one < kinds.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      if (std::string_view(kinds[one].name) == kinds[other].name) return false;
    }
  }
  return true;
}
static_assert(names_differ(), "two policies have the same `name`: give yours another one");

/// Memory for any one of the policies. Policies own nothing, so their destructors need not run.
struct Memory {
  alignas(std::max_align_t) std::byte bytes[All::most_bytes];
};

/// Null if no policy has that name.
constexpr const Kind* find(std::string_view name) noexcept {
  for (const Kind& kind : kinds) {
    if (name == kind.name) return &kind;
  }
  return nullptr;
}

}  // namespace async::policy
