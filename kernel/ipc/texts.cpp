// The texts of /proc/sysvipc, and the limits in /proc/sys, in the formats of Linux.
#include <fmt/format.h>

#include <iterator>

#include "files/system_texts.h"
#include "ipc/message_files.h"
#include "ipc/messages.h"
#include "ipc/semaphores.h"
#include "ipc/shared_memory.h"

namespace kernel {
namespace ipc {
namespace {

template <class Kind, class Write>
void write_all(const Objects& objects, Write write) {
  for (const Object* at = objects.behind(-1); at != nullptr; at = objects.behind(at->place()))
    write(static_cast<const Kind&>(*at));
}

void write_segments(PagedText& out) {
  out +=
      "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
      "      atime      dtime      ctime                   rss                  swap\n";
  write_all<Segment>(Segment::all(), [&](const Segment& segment) {
    const abi::SharedMemoryStatus status = segment.status();
    fmt::format_to(std::back_inserter(out),
                   "{:>10} {:>10}  {:>4o} {:>21} {:>5} {:>5}  {:>5} {:>5} {:>5} {:>5} {:>5} {:>10} "
                   "{:>10} {:>10} {:>21} {:>21}\n",
                   segment.key(), segment.number(), segment.mode(), status.bytes, status.creator,
                   status.last, status.attachments, 0, 0, 0, 0, status.attached, status.detached,
                   status.changed, segment.resident_bytes(), 0);
  });
}

void write_sets(PagedText& out) {
  out += "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
  write_all<SemaphoreSet>(SemaphoreSet::all(), [&](const SemaphoreSet& set) {
    fmt::format_to(std::back_inserter(out),
                   "{:>10} {:>10}  {:>4o} {:>10} {:>5} {:>5} {:>5} {:>5} {:>10} {:>10}\n",
                   set.key(), set.number(), set.mode(), set.count(), 0, 0, 0, 0, set.operated(),
                   set.changed());
  });
}

void write_queues(PagedText& out) {
  out +=
      "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
      "      stime      rtime      ctime\n";
  write_all<MessageQueue>(MessageQueue::all(), [&](const MessageQueue& queue) {
    const abi::MessageQueueStatus status = queue.status();
    fmt::format_to(std::back_inserter(out),
                   "{:>10} {:>10}  {:>4o}  {:>10} {:>10} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} "
                   "{:>10} {:>10} {:>10}\n",
                   queue.key(), queue.number(), queue.mode(), status.bytes, status.messages,
                   status.last_sender, status.last_receiver, 0, 0, 0, 0, status.sent,
                   status.received, status.changed);
  });
}

template <auto number>
void write_limit(PagedText& out) {
  fmt::format_to(std::back_inserter(out), "{}\n", number);
}
void write_semaphore_limits(PagedText& out) {
  fmt::format_to(std::back_inserter(out), "{}\t{}\t{}\t{}\n", most_semaphores_in_set,
                 most_semaphores, most_semaphore_operations, most_semaphore_sets);
}

constexpr ProcText sysvipc[] = {
    {"sysvipc/shm", write_segments}, {"sysvipc/sem", write_sets}, {"sysvipc/msg", write_queues}};
constexpr ProcText limits[] = {
    {"sys/kernel/msgmax", write_limit<most_message_bytes>},
    {"sys/kernel/msgmnb", write_limit<usual_queue_bytes>},
    {"sys/kernel/msgmni", write_limit<most_message_queues>},
    {"sys/kernel/sem", write_semaphore_limits},
    {"sys/kernel/shmall", write_limit<most_segment_pages>},
    {"sys/kernel/shmmax", write_limit<most_segment_bytes>},
    {"sys/kernel/shmmni", write_limit<most_segments>},
    {"sys/fs/mqueue/msg_default", write_limit<MessageFile::usual_messages>},
    {"sys/fs/mqueue/msg_max", write_limit<MessageFile::usual_messages>},
    {"sys/fs/mqueue/msgsize_default", write_limit<MessageFile::usual_bytes>},
    {"sys/fs/mqueue/msgsize_max", write_limit<MessageFile::usual_bytes>},
    {"sys/fs/mqueue/queues_max", write_limit<MessageFile::most_queues>}};

}  // namespace
}  // namespace ipc

KERNEL_PROC_TEXT("sysvipc/shm", ipc::sysvipc[0]);
KERNEL_PROC_TEXT("sysvipc/sem", ipc::sysvipc[1]);
KERNEL_PROC_TEXT("sysvipc/msg", ipc::sysvipc[2]);
KERNEL_PROC_TEXT("sys/kernel/msgmax", ipc::limits[0]);
KERNEL_PROC_TEXT("sys/kernel/msgmnb", ipc::limits[1]);
KERNEL_PROC_TEXT("sys/kernel/msgmni", ipc::limits[2]);
KERNEL_PROC_TEXT("sys/kernel/sem", ipc::limits[3]);
KERNEL_PROC_TEXT("sys/kernel/shmall", ipc::limits[4]);
KERNEL_PROC_TEXT("sys/kernel/shmmax", ipc::limits[5]);
KERNEL_PROC_TEXT("sys/kernel/shmmni", ipc::limits[6]);
KERNEL_PROC_TEXT("sys/fs/mqueue/msg_default", ipc::limits[7]);
KERNEL_PROC_TEXT("sys/fs/mqueue/msg_max", ipc::limits[8]);
KERNEL_PROC_TEXT("sys/fs/mqueue/msgsize_default", ipc::limits[9]);
KERNEL_PROC_TEXT("sys/fs/mqueue/msgsize_max", ipc::limits[10]);
KERNEL_PROC_TEXT("sys/fs/mqueue/queues_max", ipc::limits[11]);

}  // namespace kernel
