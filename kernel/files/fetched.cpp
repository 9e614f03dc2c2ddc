#include "files/fetched.h"

#include <string>
#include <utility>

#include "memory/frames.h"

namespace kernel {
namespace {

/// Memory of a request and of the coroutines that make it.
constexpr std::size_t bytes_of_request = 4096;

}  // namespace

/// Something that the call has asked a server for, and its answer.
struct Fetched::Known {
  enum class Kind : std::uint8_t { name, attributes, open, create, start };

  const Kind kind;
  const Ref<Node> node;
  const std::string name{};  // of name and create
  Errno error{};
  bool is_there = false;  // the answer
  Ref<Node> found{};      // of name; null: there is no such name
  Ref<File> file{};       // of open and create
  std::unique_ptr<std::byte[]> start{};
  std::size_t start_bytes = 0;
  std::unique_ptr<Known> next{};

  template <class T>
  void answer(Result<T> result, T Known::* to) {
    is_there = true;
    if (result) {
      this->*to = std::move(*result);
    } else {
      error = result.error();
    }
  }
};

Fetched::Fetched() = default;
Fetched::~Fetched() {
  next_.reset();  // it refers to a Known
  // A long path has a long list, which the usual destructor would end by recursion.
  while (known_) known_ = std::move(known_->next);
}

/// The answer, or its error. would_block: there is none yet, and fetch() runs the task that
/// `ask(known)` returns.
template <class Ask, class Kind>
Result<Fetched::Known*> Fetched::get(Kind kind, Node& node, std::string_view name, Ask ask) {
  for (Known* at = known_.get(); at != nullptr; at = at->next.get()) {
    if (at->kind != kind || at->node.get() != &node || at->name != name || !at->is_there) continue;
    if (at->error != Errno{}) return fail(at->error);
    return at;
  }
  if (!memory::can_allocate(sizeof(Known) + name.size() + bytes_of_request))
    return fail(Errno::enomem);
  known_ = std::unique_ptr<Known>{new Known{.kind = kind,
                                            .node = Ref<Node>::share(node),
                                            .name = std::string{name},
                                            .next = std::move(known_)}};
  next_ = ask(*known_);
  return fail(Errno::would_block);
}

Result<Node*> Fetched::find(Directory& directory, std::string_view name) {
  const auto known = get(Known::Kind::name, directory, name, look_up);
  if (!known) return fail(known.error());
  return (*known)->found.get();
}

Result<> Fetched::refresh(Node& node) {
  for (const Known* at = known_.get(); at != nullptr; at = at->next.get())
    if (at->found.get() == &node) return {};
  const auto known = get(Known::Kind::attributes, node, {}, get_attributes);
  return known ? Result<>{} : fail(known.error());
}

Result<Ref<File>> Fetched::open(Node& node, int flags) {
  const auto ask = [flags](Known& known) { return open_node(known, flags); };
  const auto known = get(Known::Kind::open, node, {}, ask);
  if (!known) return fail(known.error());
  return (*known)->file;
}

Result<Ref<File>> Fetched::create(Directory& directory, std::string_view name, int flags,
                                  unsigned mode) {
  const auto ask = [=](Known& known) { return create_file(known, flags, mode); };
  const auto known = get(Known::Kind::create, directory, name, ask);
  if (!known) return fail(known.error());
  return (*known)->file;
}

Result<std::span<const std::byte>> Fetched::start(File& file) {
  const auto ask = [&file](Known& known) { return read_start(known, Ref<File>::share(file)); };
  const auto known = get(Known::Kind::start, *file.node(), {}, ask);
  if (!known) return fail(known.error());
  return std::span<const std::byte>{(*known)->start.get(), (*known)->start_bytes};
}

async::Task<> Fetched::fetch() {
  auto next = std::move(*next_);
  next_.reset();
  co_await std::move(next);
}

async::Task<> Fetched::look_up(Known& known) {
  known.answer(co_await known.node->remote()->look_up(known.name), &Known::found);
}

async::Task<> Fetched::get_attributes(Known& known) {
  const auto done = co_await known.node->remote()->refresh();
  known.is_there = true;
  if (!done) known.error = done.error();
}

async::Task<> Fetched::open_node(Known& known, int flags) {
  known.answer(co_await known.node->remote()->open_file(flags), &Known::file);
}

async::Task<> Fetched::create_file(Known& known, int flags, unsigned mode) {
  known.answer(co_await known.node->remote()->create(known.name, flags, mode), &Known::file);
}

async::Task<> Fetched::read_start(Known& known, Ref<File> file) {
  known.start = std::make_unique<std::byte[]>(bytes_of_start);
  const IoBuffer buffer{std::span{known.start.get(), bytes_of_start}};
  known.answer(co_await file->transfer(Direction::read, 0, buffer), &Known::start_bytes);
}

}  // namespace kernel
