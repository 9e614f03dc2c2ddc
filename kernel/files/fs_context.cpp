#include "files/fs_context.h"

namespace kernel {

FsContext::FsContext() : directory_{Ref<Directory>::share(root_directory())} {}

}  // namespace kernel
