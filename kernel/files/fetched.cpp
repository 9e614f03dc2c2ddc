#include "files/fetched.h"

#include <async/async.h>

#include <string>
#include <utility>

#include "files/path_lookup.h"
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
  Known* next = this;

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
  if (last_ == nullptr) return;
  for (Known* at = std::exchange(last_->next, nullptr); at != nullptr;)
    delete std::exchange(at, at->next);
}

/// The answer that has come; null: there is none.
template <class Kind>
Fetched::Known* Fetched::search(Kind kind, const Node& node, std::string_view name) {
  const auto is_wanted = [&](const Known& at) {
    return at.kind == kind && at.node.get() == &node && at.name == name && at.is_there;
  };
  if (last_ == nullptr) return nullptr;
  Known* at = last_;
  do {
    at = at->next;
    if (is_wanted(*at)) return last_ = at;
  } while (at != last_);
  return nullptr;
}

/// An entry for an answer that has not come yet. ENOMEM: also if there is no memory for
/// `more_bytes`.
template <class Kind>
Result<Fetched::Known*> Fetched::add(Kind kind, Node& node, std::string_view name,
                                     std::size_t more_bytes) {
  if (!memory::can_allocate(sizeof(Known) + name.size() + bytes_of_request + more_bytes))
    return fail(Errno::enomem);
  auto* const added =
      new Known{.kind = kind, .node = Ref<Node>::share(node), .name = std::string{name}};
  if (last_ != nullptr) added->next = std::exchange(last_->next, added);
  return last_ = added;
}

/// The answer, or its error. would_block: there is none yet, and fetch() runs the task that
/// `ask(known)` returns.
template <class Ask, class Kind>
Result<Fetched::Known*> Fetched::get(Kind kind, Node& node, std::string_view name, Ask ask) {
  if (Known* const there = search(kind, node, name)) {
    if (there->error != Errno{}) return fail(there->error);
    return there;
  }
  const auto added = add(kind, node, name, longest_path);
  if (!added) return fail(added.error());
  next_ = ask(**added);
  return fail(Errno::would_block);
}

Result<Node*> Fetched::find(Directory& directory, std::string_view name, std::string_view rest) {
  const auto ask = [this, rest](Known& known) { return look_up(known, std::string{rest}); };
  const auto known = get(Known::Kind::name, directory, name, ask);
  if (!known) return fail(known.error());
  return (*known)->found.get();
}

Result<> Fetched::refresh(Node& node) {
  if (last_ != nullptr) {
    const Known* at = last_;
    do {
      if (at->found.get() == &node) return {};
      at = at->next;
    } while (at != last_);
  }
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

/// Looks up the name of `first`, and the names of `path` in what it finds.
async::Task<> Fetched::look_up(Known& first, std::string path) {
  std::string_view rest = path;
  for (Known* at = &first;;) {
    at->answer(co_await at->node->remote()->look_up(at->name), &Known::found);
    Node* const found = at->found.get();
    if (found == nullptr || found->as_directory() == nullptr || async::is_cancelled()) co_return;
    std::string_view name;
    do {
      name = take_name(rest);
    } while (name == ".");
    if (name.empty() || name == ".." || name.size() > longest_name) co_return;
    const auto next = add(Known::Kind::name, *found, name);
    if (!next) co_return;  // the next attempt of the call finds out
    at = *next;
  }
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
