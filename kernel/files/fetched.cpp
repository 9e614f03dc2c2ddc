#include "files/fetched.h"

#include <string>
#include <utility>

#include "memory/frames.h"

namespace kernel {
namespace {

/// Memory of a request and of the coroutines that make it.
constexpr std::size_t bytes_of_request = 4096;

}  // namespace

/// A name of a directory, or, if the name is empty, the attributes of a node.
struct Fetched::Known {
  Ref<Node> node;
  std::string name;
  std::optional<Result<Ref<Node>>> found{};
  std::unique_ptr<Known> next{};
};

Fetched::Fetched() = default;
Fetched::~Fetched() {
  next_.reset();  // it refers to a Known
  // A long path has a long list, which the usual destructor would end by recursion.
  while (known_) known_ = std::move(known_->next);
}

Result<Fetched::Known*> Fetched::add(Node& node, std::string_view name) {
  if (!memory::can_allocate(sizeof(Known) + name.size() + bytes_of_request))
    return fail(Errno::enomem);
  known_ = std::unique_ptr<Known>{new Known{
      .node = Ref<Node>::share(node), .name = std::string{name}, .next = std::move(known_)}};
  return known_.get();
}

Result<Node*> Fetched::find(Directory& directory, std::string_view name) {
  for (const Known* at = known_.get(); at != nullptr; at = at->next.get()) {
    if (at->node.get() != &directory || at->name != name || !at->found) continue;
    if (!*at->found) return fail(at->found->error());
    return (**at->found).get();
  }
  const auto added = add(directory, name);
  if (!added) return fail(added.error());
  next_ = look_up(**added);
  return fail(Errno::would_block);
}

Result<> Fetched::refresh(Node& node) {
  for (const Known* at = known_.get(); at != nullptr; at = at->next.get()) {
    if (!at->found) continue;
    const bool is_refreshed = at->name.empty() && at->node.get() == &node;
    if (is_refreshed && !*at->found) return fail(at->found->error());
    if (is_refreshed || (*at->found && (**at->found).get() == &node)) return {};
  }
  const auto added = add(node, {});
  if (!added) return fail(added.error());
  next_ = refresh_known(**added);
  return fail(Errno::would_block);
}

Result<Ref<File>> Fetched::open(Node& node, int flags) {
  if (opened_) return *opened_;
  if (!memory::can_allocate(bytes_of_request)) return fail(Errno::enomem);
  next_ = open_node(Ref<Node>::share(node), flags);
  return fail(Errno::would_block);
}

Result<Ref<File>> Fetched::create(Directory& directory, std::string_view name, int flags,
                                  unsigned mode) {
  if (opened_) return *opened_;
  if (!memory::can_allocate(name.size() + bytes_of_request)) return fail(Errno::enomem);
  next_ = create_file(Ref<Node>::share(directory), std::string{name}, flags, mode);
  return fail(Errno::would_block);
}

async::Task<> Fetched::fetch() {
  auto next = std::move(*next_);
  next_.reset();
  co_await std::move(next);
}

async::Task<> Fetched::look_up(Known& known) {
  known.found = co_await known.node->remote()->look_up(known.name);
}

async::Task<> Fetched::refresh_known(Known& known) {
  const auto done = co_await known.node->remote()->refresh();
  known.found = done ? Result<Ref<Node>>{} : fail(done.error());
}

async::Task<> Fetched::open_node(Ref<Node> node, int flags) {
  opened_ = co_await node->remote()->open_file(flags);
}

async::Task<> Fetched::create_file(Ref<Node> directory, std::string name, int flags,
                                   unsigned mode) {
  opened_ = co_await directory->remote()->create(std::move(name), flags, mode);
}

}  // namespace kernel
