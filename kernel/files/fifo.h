// FIFOs: pipes with a name (fifo(7)).
#pragma once

#include <async/wait_list.h>
#include <kernel/ref.h>

#include <cstdint>

#include "files/node.h"
#include "files/pipe.h"

namespace kernel {

/// The pipe exists while a program has the FIFO open. In the strand.
class Fifo final : public Node {
 public:
  explicit Fifo(unsigned permissions) : Node{abi::s_ififo | permissions} { note_reads(); }

  /// Does not wait for the other end: File::partner() says whether the caller waits. ENXIO: to
  /// write, without waiting, and there is no reader.
  Result<Ref<File>> open(int flags) override;
  bool is_writable() const override { return true; }
  bool has_settable_status() const override { return true; }

 private:
  class End;

  /// One of the two ends.
  struct Side {
    std::uint32_t open = 0;         // open files that have the end
    std::uint32_t ever_opened = 0;  // wraps around
    async::WaitList opened;         // woken when the end is opened
  };

  Side readers_, writers_;
  Ref<Pipe> pipe_;
};

}  // namespace kernel
