// io_uring: the constants and structures of Linux. Source: linux/io_uring.h (Linux 6.12).
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi::uring {

enum class Op : std::uint8_t {
  nop,
  readv,
  writev,
  fsync,
  read_fixed,
  write_fixed,
  poll_add,
  poll_remove,
  sync_file_range,
  sendmsg,
  recvmsg,
  timeout,
  timeout_remove,
  accept,
  async_cancel,
  link_timeout,
  connect,
  fallocate,
  openat,
  close,
  files_update,
  statx,
  read,
  write,
  fadvise,
  madvise,
  send,
  recv,
  openat2,
  epoll_ctl,
  splice,
  provide_buffers,
  remove_buffers,
  tee,
  shutdown,
  renameat,
  unlinkat,
  mkdirat,
  symlinkat,
  linkat,
  msg_ring,
  fsetxattr,
  setxattr,
  fgetxattr,
  getxattr,
  socket,
  uring_cmd,
  send_zc,
  sendmsg_zc,
  read_multishot,
  waitid,
  futex_wait,
  futex_wake,
  futex_waitv,
  fixed_fd_install,
  ftruncate,
  bind,
  listen,
};
inline constexpr unsigned op_count = 58;

struct Sqe {
  Op opcode;
  std::uint8_t flags;  // sqe_…
  std::uint16_t ioprio;
  std::int32_t fd;
  std::uint64_t off;   // also: addr2
  std::uint64_t addr;  // also: splice_off_in
  std::uint32_t len;
  std::uint32_t op_flags;  // of the operation: rw_flags, msg_flags, …
  std::uint64_t user_data;
  std::uint16_t buf_index;  // also: buf_group
  std::uint16_t personality;
  std::int32_t file_index;  // also: splice_fd_in, addr_len
  std::uint64_t addr3;
  std::uint64_t pad;
};
static_assert(sizeof(Sqe) == 64 && offsetof(Sqe, user_data) == 32 && offsetof(Sqe, addr3) == 48);

// Sqe::flags
inline constexpr std::uint8_t sqe_fixed_file = 1;
inline constexpr std::uint8_t sqe_io_drain = 2;
inline constexpr std::uint8_t sqe_io_link = 4;
inline constexpr std::uint8_t sqe_io_hardlink = 8;
inline constexpr std::uint8_t sqe_async = 16;
inline constexpr std::uint8_t sqe_buffer_select = 32;
inline constexpr std::uint8_t sqe_cqe_skip_success = 64;

struct Cqe {
  std::uint64_t user_data;
  std::int32_t res;
  std::uint32_t flags;  // cqe_…
};
static_assert(sizeof(Cqe) == 16);

inline constexpr std::uint32_t cqe_buffer = 1;
inline constexpr std::uint32_t cqe_more = 2;
inline constexpr std::uint32_t cqe_sock_nonempty = 4;
inline constexpr unsigned cqe_buffer_shift = 16;

struct SqOffsets {
  std::uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, reserved;
  std::uint64_t user_addr;
};
struct CqOffsets {
  std::uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, reserved;
  std::uint64_t user_addr;
};
struct Params {
  std::uint32_t sq_entries;
  std::uint32_t cq_entries;
  std::uint32_t flags;  // setup_…
  std::uint32_t sq_thread_cpu;
  std::uint32_t sq_thread_idle;  // in milliseconds
  std::uint32_t features;        // feat_…
  std::uint32_t wq_fd;
  std::uint32_t reserved[3];
  SqOffsets sq_off;
  CqOffsets cq_off;
};
static_assert(sizeof(Params) == 120);

inline constexpr std::uint32_t most_entries = 32'768;
inline constexpr std::uint32_t most_cq_entries = 2 * most_entries;

inline constexpr std::uint32_t setup_iopoll = 1u << 0;
inline constexpr std::uint32_t setup_sqpoll = 1u << 1;
inline constexpr std::uint32_t setup_sq_aff = 1u << 2;
inline constexpr std::uint32_t setup_cqsize = 1u << 3;
inline constexpr std::uint32_t setup_clamp = 1u << 4;
inline constexpr std::uint32_t setup_attach_wq = 1u << 5;
inline constexpr std::uint32_t setup_r_disabled = 1u << 6;
inline constexpr std::uint32_t setup_submit_all = 1u << 7;
inline constexpr std::uint32_t setup_coop_taskrun = 1u << 8;
inline constexpr std::uint32_t setup_taskrun_flag = 1u << 9;
inline constexpr std::uint32_t setup_sqe128 = 1u << 10;
inline constexpr std::uint32_t setup_cqe32 = 1u << 11;
inline constexpr std::uint32_t setup_single_issuer = 1u << 12;
inline constexpr std::uint32_t setup_defer_taskrun = 1u << 13;
inline constexpr std::uint32_t setup_no_sqarray = 1u << 16;

inline constexpr std::uint32_t feat_single_mmap = 1u << 0;
inline constexpr std::uint32_t feat_nodrop = 1u << 1;
inline constexpr std::uint32_t feat_rw_cur_pos = 1u << 3;
inline constexpr std::uint32_t feat_cur_personality = 1u << 4;
inline constexpr std::uint32_t feat_fast_poll = 1u << 5;
inline constexpr std::uint32_t feat_poll_32bits = 1u << 6;
inline constexpr std::uint32_t feat_sqpoll_nonfixed = 1u << 7;
inline constexpr std::uint32_t feat_ext_arg = 1u << 8;
inline constexpr std::uint32_t feat_native_workers = 1u << 9;
inline constexpr std::uint32_t feat_rsrc_tags = 1u << 10;
inline constexpr std::uint32_t feat_cqe_skip = 1u << 11;
inline constexpr std::uint32_t feat_linked_file = 1u << 12;
inline constexpr std::uint32_t feat_reg_reg_ring = 1u << 13;

// Offsets of mmap
inline constexpr std::uint64_t off_sq_ring = 0;
inline constexpr std::uint64_t off_cq_ring = 0x800'0000;
inline constexpr std::uint64_t off_sqes = 0x1000'0000;
inline constexpr std::uint64_t off_pbuf_ring = 0x8000'0000;
inline constexpr unsigned off_pbuf_shift = 16;

// io_uring_enter: IORING_ENTER_GETEVENTS, IORING_ENTER_SQ_WAKEUP, IORING_ENTER_SQ_WAIT,
// IORING_ENTER_EXT_ARG, IORING_ENTER_REGISTERED_RING, IORING_ENTER_ABS_TIMER
inline constexpr std::uint32_t enter_getevents = 1;
inline constexpr std::uint32_t enter_sq_wakeup = 2;
inline constexpr std::uint32_t enter_sq_wait = 4;
inline constexpr std::uint32_t enter_ext_arg = 8;
inline constexpr std::uint32_t enter_registered_ring = 16;
inline constexpr std::uint32_t enter_abs_timer = 32;

struct GetEventsArgument {
  std::uint64_t sigmask;
  std::uint32_t sigmask_size;
  std::uint32_t min_wait_usec;
  std::uint64_t timeout;
};
static_assert(sizeof(GetEventsArgument) == 24);

// In the ring's flags of the submission queue
inline constexpr std::uint32_t sq_need_wakeup = 1;
inline constexpr std::uint32_t sq_cq_overflow = 2;
inline constexpr std::uint32_t sq_taskrun = 4;
// … and of the completion queue
inline constexpr std::uint32_t cq_eventfd_disabled = 1;

// Flags of operations
inline constexpr std::uint32_t fsync_datasync = 1;
inline constexpr std::uint32_t poll_multi = 1;  // in Sqe::len
inline constexpr std::uint32_t poll_update_events = 2;
inline constexpr std::uint32_t poll_update_user_data = 4;
inline constexpr std::uint32_t poll_level = 8;
inline constexpr std::uint32_t timeout_abs = 1;
inline constexpr std::uint32_t timeout_update = 2;
inline constexpr std::uint32_t timeout_boottime = 4;
inline constexpr std::uint32_t timeout_realtime = 8;
inline constexpr std::uint32_t link_timeout_update = 16;
inline constexpr std::uint32_t timeout_etime_success = 32;
inline constexpr std::uint32_t timeout_multishot = 64;
inline constexpr std::uint32_t cancel_all = 1;
inline constexpr std::uint32_t cancel_fd = 2;
inline constexpr std::uint32_t cancel_any = 4;
inline constexpr std::uint32_t cancel_fd_fixed = 8;
inline constexpr std::uint32_t cancel_user_data = 16;
inline constexpr std::uint32_t cancel_op = 32;
inline constexpr std::uint16_t accept_multishot = 1;  // in Sqe::ioprio
inline constexpr std::uint16_t accept_dontwait = 2;
inline constexpr std::uint16_t accept_poll_first = 4;
inline constexpr std::uint16_t recvsend_poll_first = 1;
inline constexpr std::uint16_t recv_multishot = 2;
inline constexpr std::uint16_t recvsend_fixed_buf = 4;
inline constexpr std::uint16_t recvsend_bundle = 16;
inline constexpr std::uint32_t splice_fd_in_fixed = 1u << 31;
inline constexpr std::uint32_t file_index_alloc = ~0u;
inline constexpr std::uint32_t msg_data = 0;  // in Sqe::addr
inline constexpr std::uint32_t msg_send_fd = 1;
inline constexpr std::uint32_t msg_ring_cqe_skip = 1;  // in Sqe::op_flags
inline constexpr std::uint32_t msg_ring_flags_pass = 2;
inline constexpr std::uint32_t fixed_fd_no_cloexec = 1;

// io_uring_register
enum class Register : std::uint32_t {
  buffers = 0,
  unregister_buffers = 1,
  files = 2,
  unregister_files = 3,
  eventfd = 4,
  unregister_eventfd = 5,
  files_update = 6,
  eventfd_async = 7,
  probe = 8,
  personality = 9,
  unregister_personality = 10,
  restrictions = 11,
  enable_rings = 12,
  files2 = 13,
  files_update2 = 14,
  buffers2 = 15,
  buffers_update = 16,
  iowq_aff = 17,
  unregister_iowq_aff = 18,
  iowq_max_workers = 19,
  ring_fds = 20,
  unregister_ring_fds = 21,
  pbuf_ring = 22,
  unregister_pbuf_ring = 23,
  sync_cancel = 24,
  file_alloc_range = 25,
  pbuf_status = 26,
};
inline constexpr std::uint32_t register_count = 31;
inline constexpr std::uint32_t register_use_registered_ring = 1u << 31;

inline constexpr std::int32_t register_files_skip = -2;
inline constexpr std::uint32_t most_fixed_files = 1u << 20;
inline constexpr std::uint32_t most_buffers = 1u << 14;
inline constexpr std::uint32_t rsrc_register_sparse = 1;

struct FilesUpdate {
  std::uint32_t offset;
  std::uint32_t reserved;
  std::uint64_t fds;
};
struct RsrcRegister {
  std::uint32_t count;
  std::uint32_t flags;
  std::uint64_t reserved;
  std::uint64_t data;
  std::uint64_t tags;
};
static_assert(sizeof(RsrcRegister) == 32);
struct RsrcUpdate {
  std::uint32_t offset;
  std::uint32_t reserved;
  std::uint64_t data;
  std::uint64_t tags;
  std::uint32_t count;
  std::uint32_t reserved2;
};
static_assert(sizeof(RsrcUpdate) == 32);

struct ProbeHeader {
  std::uint8_t last_op;
  std::uint8_t count;
  std::uint16_t reserved;
  std::uint32_t reserved2[3];
};
struct ProbeOp {
  std::uint8_t op;
  std::uint8_t reserved;
  std::uint16_t flags;  // op_supported
  std::uint32_t reserved2;
};
static_assert(sizeof(ProbeHeader) == 16 && sizeof(ProbeOp) == 8);
inline constexpr std::uint16_t op_supported = 1;

struct Restriction {
  std::uint16_t opcode;  // restriction_…
  std::uint8_t value;
  std::uint8_t reserved;
  std::uint32_t reserved2[3];
};
static_assert(sizeof(Restriction) == 16);
inline constexpr std::uint16_t restriction_register_op = 0;
inline constexpr std::uint16_t restriction_sqe_op = 1;
inline constexpr std::uint16_t restriction_sqe_flags_allowed = 2;
inline constexpr std::uint16_t restriction_sqe_flags_required = 3;

inline constexpr unsigned most_ring_fds = 16;

struct Buffer {  // of a ring of buffers; the first one's `reserved` is the ring's tail
  std::uint64_t addr;
  std::uint32_t len;
  std::uint16_t bid;
  std::uint16_t reserved;
};
static_assert(sizeof(Buffer) == 16 && offsetof(Buffer, reserved) == 14);

struct BufferRing {
  std::uint64_t ring_addr;
  std::uint32_t ring_entries;
  std::uint16_t bgid;
  std::uint16_t flags;  // pbuf_ring_mmap
  std::uint64_t reserved[3];
};
static_assert(sizeof(BufferRing) == 40);
inline constexpr std::uint16_t pbuf_ring_mmap = 1;

struct BufferStatus {
  std::uint32_t buf_group;
  std::uint32_t head;
  std::uint32_t reserved[8];
};
static_assert(sizeof(BufferStatus) == 40);

struct SyncCancel {
  std::uint64_t addr;
  std::int32_t fd;
  std::uint32_t flags;
  std::int64_t timeout_seconds;
  std::int64_t timeout_nanoseconds;
  std::uint8_t opcode;
  std::uint8_t padding[7];
  std::uint64_t padding2[3];
};
static_assert(sizeof(SyncCancel) == 64);

struct FileRange {
  std::uint32_t offset;
  std::uint32_t length;
  std::uint64_t reserved;
};

struct RecvmsgOut {
  std::uint32_t namelen;
  std::uint32_t controllen;
  std::uint32_t payloadlen;
  std::uint32_t flags;
};

}  // namespace abi::uring
