// The pages of a disk, for mmap. The kernel does not cache them: each mapping reads its own copy.
// Later writes to the disk do not change the copy.
#pragma once

#include <async/task.h>

#include "files/block_file.h"
#include "memory/page_source.h"

namespace kernel {

class BlockPages final : public memory::PageSource {
 public:
  explicit BlockPages(Ref<BlockNode> disk) : disk_{std::move(disk)} {}

  std::size_t count() const override;
  async::Task<Result<>> read(std::size_t index, hal::PhysAddr frame) override;

 private:
  Ref<BlockNode> disk_;
};

}  // namespace kernel
