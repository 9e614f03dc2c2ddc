// AF_UNIX sockets as open files (unix(7)). What they send and receive is in unix_endpoint.h.
#pragma once

#include "files/socket.h"
#include "files/unix_endpoint.h"

namespace kernel {

class UnixSocket final : public Socket {
 public:
  UnixSocket(Ref<UnixEndpoint> endpoint, int flags);
  ~UnixSocket() override;

  /// A new socket. ENOMEM.
  static Result<Ref<UnixSocket>> make(int type, int flags);

  UnixEndpoint& endpoint() { return *endpoint_; }

  bool is_listening() const override {
    return endpoint_->state() == UnixEndpoint::State::listening;
  }
  Result<> bind(SocketCaller& caller, const SocketAddress& address) override;
  Result<> connect(SocketCaller& caller, const SocketAddress& address, Destination& to) override;
  async::WaitList* room_to_connect(const Destination& to) override {
    return to.endpoint ? &to.endpoint->room() : nullptr;
  }
  Result<> prepare_send(SocketCaller& caller, const SocketAddress& to, Outgoing& message) override;
  async::WaitList& room_to_send(const Outgoing& message) override {
    return endpoint_->room_to_send(message.to.endpoint.get());
  }
  void pass_room(const Outgoing& message) override {
    if (message.to.endpoint) message.to.endpoint->room().pass_wake();
  }
  std::size_t next_size() override { return endpoint_->next_size(); }
  Result<> listen(unsigned backlog, abi::Credentials self) override;
  Result<Ref<Socket>> accept(int flags) override;
  Result<> shutdown(int how) override;
  SocketAddress name() const override { return endpoint_->name(); }
  Result<SocketAddress> peer_name() const override;
  abi::Credentials peer_credentials() const override { return endpoint_->peer_credentials(); }
  int take_error() override { return endpoint_->take_error(); }
  Result<std::size_t> send(IoBuffer& from, Outgoing& message) override;
  Result<std::size_t> receive(IoBuffer& to, Incoming& message) override;
  bool has_bytes(std::size_t count) override;
  void visit_queues(Visitor& visitor) override { endpoint_->visit_queues(visitor); }

  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<std::size_t> try_write(IoBuffer& buffer) override;
  Result<std::size_t> read_sharing(const ReadBytes& to) override;
  Result<std::size_t> write_sharing(const WrittenBytes& from) override;
  bool wait_sharing(std::coroutine_handle<> reader) override;
  bool is_watched_sharing() override;
  bool watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) override;
  Result<short> readiness_sharing() override;
  void stop_sharing(async::Observer& reader) override;
  short readiness() override { return endpoint_->readiness(); }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &endpoint_->readable() : &endpoint_->writable();
  }
  abi::Stat status() override;
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override;
  void options_changed() override;

 private:
  bool is_plain_stream() const;

  const Ref<UnixEndpoint> endpoint_;
};

}  // namespace kernel
