// System V IPC and POSIX message queues: structures, flags and commands, with the layout of Linux
// riscv64. Source: linux/{ipc,shm,sem,msg,mqueue}.h, asm-generic/{ipc,shm,sem,msg}buf.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// shmget, semget, msgget: the key, and flags beside the permissions
inline constexpr int ipc_private = 0;
inline constexpr int ipc_creat = 01000;
inline constexpr int ipc_excl = 02000;
inline constexpr int ipc_nowait = 04000;

// Commands of shmctl, semctl and msgctl
inline constexpr int ipc_rmid = 0;
inline constexpr int ipc_set = 1;
inline constexpr int ipc_stat = 2;
inline constexpr int ipc_info = 3;

struct IpcPermissions {
  std::int32_t key;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t creator_uid;
  std::uint32_t creator_gid;
  std::uint32_t mode;
  std::uint16_t sequence;
  std::uint16_t padding;
  std::uint64_t unused[2];
};
static_assert(sizeof(IpcPermissions) == 48);

// Shared memory
inline constexpr int shm_lock = 11;
inline constexpr int shm_unlock = 12;
inline constexpr int shm_stat = 13;
inline constexpr int shm_info = 14;
inline constexpr int shm_stat_any = 15;
inline constexpr int shm_hugetlb = 04000;     // shmget
inline constexpr int shm_noreserve = 010000;  // shmget
inline constexpr int shm_rdonly = 010000;     // shmat
inline constexpr int shm_rnd = 020000;
inline constexpr int shm_remap = 040000;
inline constexpr int shm_exec = 0100000;
inline constexpr unsigned shm_dest = 01000;  // in the mode: removed at the last detach
inline constexpr unsigned shm_locked = 02000;

struct SharedMemoryStatus {
  IpcPermissions permissions;
  std::uint64_t bytes;
  std::int64_t attached;  // the times of the last changes, in seconds since 1970; 0: none
  std::int64_t detached;
  std::int64_t changed;
  std::int32_t creator;  // a process
  std::int32_t last;     // the process that attached or detached last
  std::uint64_t attachments;
  std::uint64_t unused[2];
};
static_assert(sizeof(SharedMemoryStatus) == 112);

struct SharedMemoryLimits {  // shminfo: IPC_INFO
  std::uint64_t most_bytes;
  std::uint64_t least_bytes;
  std::uint64_t most_segments;
  std::uint64_t most_attachments;
  std::uint64_t most_pages;
  std::uint64_t unused[4];
};
struct SharedMemoryUse {  // shm_info: SHM_INFO
  std::int32_t segments;
  std::uint64_t pages;
  std::uint64_t resident;
  std::uint64_t swapped;
  std::uint64_t swap_attempts;
  std::uint64_t swap_successes;
};
static_assert(sizeof(SharedMemoryUse) == 48);

// Semaphores
inline constexpr int sem_undo = 0x1000;
inline constexpr int sem_getpid = 11;
inline constexpr int sem_getval = 12;
inline constexpr int sem_getall = 13;
inline constexpr int sem_getncnt = 14;
inline constexpr int sem_getzcnt = 15;
inline constexpr int sem_setval = 16;
inline constexpr int sem_setall = 17;
inline constexpr int sem_stat = 18;
inline constexpr int sem_info = 19;
inline constexpr int sem_stat_any = 20;

struct SemaphoreOperation {
  std::uint16_t number;
  std::int16_t change;
  std::int16_t flags;
};
static_assert(sizeof(SemaphoreOperation) == 6);

struct SemaphoreStatus {
  IpcPermissions permissions;
  std::int64_t operated;  // the time of the last semop, in seconds since 1970; 0: none
  std::int64_t changed;
  std::uint64_t count;  // of semaphores
  std::uint64_t unused[2];
};
static_assert(sizeof(SemaphoreStatus) == 88);

// seminfo. IPC_INFO sets all members to limits. SEM_INFO sets two of them to counts instead.
struct SemaphoreLimits {
  std::int32_t map;
  std::int32_t most_sets;
  std::int32_t most_semaphores;
  std::int32_t most_undos;
  std::int32_t most_in_set;
  std::int32_t most_operations;
  std::int32_t most_undos_of_process;
  std::int32_t undo_bytes;  // SEM_INFO: how many sets exist
  std::int32_t most_value;
  std::int32_t most_adjustment;  // SEM_INFO: how many semaphores exist, in all sets
};
static_assert(sizeof(SemaphoreLimits) == 40);

// Message queues
inline constexpr int msg_noerror = 010000;
inline constexpr int msg_except = 020000;
inline constexpr int msg_copy = 040000;
inline constexpr int msg_stat = 11;
inline constexpr int msg_info = 12;
inline constexpr int msg_stat_any = 13;

struct MessageQueueStatus {
  IpcPermissions permissions;
  std::int64_t sent;  // the times of the last changes, in seconds since 1970; 0: none
  std::int64_t received;
  std::int64_t changed;
  std::uint64_t bytes;  // in the queue now
  std::uint64_t messages;
  std::uint64_t most_bytes;
  std::int32_t last_sender;
  std::int32_t last_receiver;
  std::uint64_t unused[2];
};
static_assert(sizeof(MessageQueueStatus) == 120);

// msginfo. IPC_INFO sets all members to limits. MSG_INFO sets three of them to counts instead.
struct MessageLimits {
  std::int32_t pool;  // MSG_INFO: how many queues exist
  std::int32_t map;   // MSG_INFO: how many messages all queues hold
  std::int32_t most_message_bytes;
  std::int32_t most_queue_bytes;
  std::int32_t most_queues;
  std::int32_t segment_bytes;
  std::int32_t headers;  // MSG_INFO: the bytes of these messages
  std::uint16_t segments;
};
static_assert(sizeof(MessageLimits) == 32);

// mq_open, mq_getsetattr
struct MqAttributes {
  std::int64_t flags;
  std::int64_t most_messages;
  std::int64_t message_bytes;
  std::int64_t messages;
  std::int64_t reserved[4];
};
static_assert(sizeof(MqAttributes) == 64);
inline constexpr unsigned mq_most_priority = 32'768;  // each priority is less than this

}  // namespace abi
