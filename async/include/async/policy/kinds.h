// All policies by name, and how to construct one in memory that the caller provides. policies/ has
// a source for each policy, which adds it with ASYNC_POLICY.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "async/policy/checked.h"
#include "async/policy/ruled.h"
#include "async/registry.h"

namespace async::policy {

struct Kind {
  const char* name;
  const char* summary;
  unsigned promises;  // PolicyPromise
  /// Constructs the policy in `memory`, which is of the size and alignment of Memory. Returns null
  /// for the executor's own priorities.
  Policy* (*make)(void* memory, const Policy::Options& options) noexcept;
};

/// Memory for any one of the policies. Policies own nothing, so their destructors need not run.
struct Memory {
  alignas(std::max_align_t) std::byte bytes[platform::checks_policies ? 384 : 256];
};

template <AreRules R>
inline constexpr Kind kind_of{R::name, R::summary, R::promises,
                              [](void* memory, const Policy::Options& options) noexcept -> Policy* {
                                using Made = Ruled<InThisWorld<R>>;
                                static_assert(sizeof(Made) <= sizeof(Memory),
                                              "the policy is larger than policy::Memory");
                                return std::construct_at(static_cast<Made*>(memory), options);
                              }};

/// All policies, also the executor's own priorities, "priority".
Registry<Kind> kinds();
/// Null if no policy has that name.
const Kind* find(std::string_view name) noexcept;

}  // namespace async::policy

/// Adds the policy with the rules `Class` to kinds(). `class_name` is the literal Class::name; two
/// policies of one name are an error of the linker. In namespace async::policy.
#define ASYNC_POLICY(Class, class_name)                                                  \
  static_assert(std::string_view{Class::name} == class_name, "not the name of " #Class); \
  ASYNC_REGISTER(async_policies, class_name, kind_of<Class>)
