// System V IPC. An argument chooses a group: `segments`, `semaphores`, `messages` or `texts`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum { page = 4096, key = 0x1234 };

static void on_signal(int number) {
  (void)number;
}

// Waits until the child sleeps in a call.
static void until_asleep(pid_t child) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", child);
  for (int i = 0; i < 5000; ++i) {
    const int fd = open(path, O_RDONLY);
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    const char* const state = strrchr(text, ')');
    if (state != NULL && state[2] == 'S') return;
    usleep(1000);
  }
  printf("a child never sleeps\n");
}

// A child keeps its output until await(), so that the order of the lines does not depend on when it
// runs.
enum { most_children = 4 };
static struct {
  pid_t child;
  int gate;
} gates[most_children];

static pid_t start(void (*life)(void)) {
  int ends[2];
  if (pipe(ends) < 0) return -1;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    char* text = NULL;
    size_t length = 0;
    stdout = open_memstream(&text, &length);
    life();
    fflush(stdout);
    char byte;
    if (read(ends[0], &byte, 1) == 1) length = (size_t)write(STDOUT_FILENO, text, length);
    _exit(0);
  }
  close(ends[0]);
  for (int i = 0; i < most_children; ++i) {
    if (gates[i].child != 0) continue;
    gates[i].child = child;
    gates[i].gate = ends[1];
    break;
  }
  return child;
}

static void await(pid_t child) {
  fflush(stdout);
  for (int i = 0; i < most_children; ++i) {
    if (gates[i].child != child) continue;
    (void)!write(gates[i].gate, "", 1);  // a child that was killed does not read it
    close(gates[i].gate);
    gates[i].child = 0;
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("  ended by signal %d\n", WTERMSIG(status));
}

static const char* one_of(int64_t seconds) {
  const int64_t now = time(NULL);
  return seconds == 0 ? "never" : seconds >= now - 60 && seconds <= now ? "now" : "wrong";
}
static const char* whose(pid_t process) {
  return process == getpid() ? "mine" : process == 0 ? "none" : "another";
}

// ── Shared memory ──

static int segment;
static char* shared;

static void show_segment(const char* when) {
  struct shmid_ds status;
  if (shmctl(segment, IPC_STAT, &status) < 0) {
    printf("  %s: %s\n", when, strerrorname_np(errno));
    return;
  }
  printf("  %s: %lu bytes, mode %o, key %x, %lu attached, by %s, last %s; at %s, dt %s, ct %s\n", when,
         (unsigned long)status.shm_segsz, status.shm_perm.mode, status.shm_perm.__key,
         (unsigned long)status.shm_nattch, whose(status.shm_cpid), whose(status.shm_lpid),
         one_of(status.shm_atime), one_of(status.shm_dtime), one_of(status.shm_ctime));
  fflush(stdout);
}

static void look_and_write(void) {
  printf("  the child finds %s\n", shared);
  strcpy(shared, "of the child");
  SAY(shmdt(shared));
  SAY(shmdt(shared));
}
static void store(void) {
  *(volatile char*)shared = 1;
}
static void execute(void) {
  char* const arguments[] = {"ipc", "nothing", NULL};
  execv("/proc/self/exe", arguments);
}
static void attach_in_child(void) {
  SAY(shmat(segment, NULL, 0) == (void*)-1);
}
// Without CAP_IPC_OWNER the permissions restrict the owner, too.
static void attach_without_rights(void) {
  drop_rights();
  SAY(shmat(segment, NULL, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, NULL, SHM_EXEC | SHM_RDONLY) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, NULL, SHM_RDONLY) == (void*)-1 ? -1 : 0);
  SAY(shmget(key, 1, 0600) < 0 ? -1 : 0);
  SAY(shmget(key, 1, 0400) < 0 ? -1 : 0);
  SAY(shmctl(segment, SHM_LOCK, NULL));
}

static void segments(void) {
  struct shmid_ds status;
  SAY(shmget(key, 100, 0));
  SAY(shmget(key, 0, IPC_CREAT | 0600));
  SAY(shmget(IPC_PRIVATE, 0, 0600));
  SAY(shmget(IPC_PRIVATE, SIZE_MAX, 0600));
  segment = shmget(key, 3 * page - 10, IPC_CREAT | 0600);
  SAY(segment < 0 ? -1 : 0);
  SAY(shmget(key, 0, 0) == segment);
  SAY(shmget(key, 3 * page - 9, 0));
  SAY(shmget(key, 3 * page - 9, IPC_CREAT | 0600));
  SAY(shmget(key, 1, IPC_CREAT | IPC_EXCL));
  show_segment("new");
  SAY(shmat(-1, NULL, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment + 1, NULL, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment + 32768, NULL, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, (void*)1, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, NULL, SHM_REMAP) == (void*)-1 ? -1 : 0);
  shared = shmat(segment, NULL, 0);
  SAY(shared == (void*)-1 ? -1 : 0);
  show_segment("attached");
  strcpy(shared, "of the parent");
  char* const again = shmat(segment, NULL, SHM_RDONLY);
  printf("  %s\n", again);
  SAY(mprotect(again, page, PROT_READ | PROT_WRITE));
  show_segment("attached twice");
  SAY(shmat(segment, again, 0) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, again + 100, SHM_RND) == (void*)-1 ? -1 : 0);
  SAY(shmat(segment, again + 100, SHM_RND | SHM_REMAP | SHM_RDONLY) == again);
  SAY(shmat(segment, again, SHM_REMAP | SHM_RDONLY | SHM_EXEC) == again);
  show_segment("replaced");
  SAY(munmap(again + page, page));
  show_segment("split");
  SAY(shmdt(again + page));
  SAY(shmdt(again + 2 * page));
  SAY(shmdt(again + 1));
  SAY(shmdt(again));
  show_segment("detached");
  await(start(look_and_write));
  printf("  the parent finds %s\n", shared);
  show_segment("after the child");
  // A child that a signal ends detaches, too.
  char* const writable = shared;
  shared = shmat(segment, NULL, SHM_RDONLY);
  await(start(store));
  shmdt(shared);
  shared = writable;
  show_segment("after a fault");
  await(start(execute));
  show_segment("after execve");
  SAY(shmctl(segment, IPC_STAT, &status));
  status.shm_perm.mode = 0440;
  SAY(shmctl(segment, IPC_SET, &status));
  show_segment("set");
  SAY(shmctl(segment, IPC_SET, (void*)8));
  SAY(shmctl(segment, IPC_STAT, (void*)8));
  SAY(shmctl(segment, 99, NULL));
  SAY(shmctl(segment, -1, NULL));
  SAY(shmctl(-1, IPC_STAT, &status));
  await(start(attach_without_rights));
  SAY(shmctl(segment, SHM_LOCK, NULL));
  show_segment("locked");
  SAY(shmctl(segment, SHM_UNLOCK, NULL));
  struct shminfo limits;
  SAY(shmctl(0, IPC_INFO, (struct shmid_ds*)&limits) >= 0);
  printf("  %lu %lu %lu %lu %lu\n", limits.shmmax, limits.shmmin, limits.shmmni, limits.shmseg,
         limits.shmall);
  struct shm_info use;
  SAY(shmctl(0, SHM_INFO, (struct shmid_ds*)&use) >= 0);
  printf("  %d segments, %lu pages\n", use.used_ids, use.shm_tot);
  SAY(shmctl(segment & 32767, SHM_STAT, &status) == segment);
  SAY(shmctl(segment & 32767, SHM_STAT_ANY, &status) == segment);
  SAY(shmctl((segment & 32767) + 1, SHM_STAT, &status));
  SAY(shmctl(segment, IPC_RMID, NULL));
  show_segment("removed");
  SAY(shmget(key, 1, 0));
  char* const late = shmat(segment, NULL, 0);
  SAY(late == (void*)-1 ? -1 : 0);
  await(start(attach_in_child));
  SAY(shmdt(late));
  printf("  still %s\n", shared);
  SAY(shmdt(shared));
  show_segment("gone");
  SAY(shmdt(shared));
  SAY(shmctl(segment, IPC_RMID, NULL));
  // Huge segments need memory only where they are used.
  const size_t huge = (size_t)1 << 30;
  SAY(shmget(IPC_PRIVATE, huge << 10, 0600));
  segment = shmget(IPC_PRIVATE, huge, SHM_NORESERVE | 0600);
  shared = shmat(segment, NULL, 0);
  shared[huge - 1] = 7;
  SAY(shared[huge - 1]);
  SAY(shmctl(segment, IPC_RMID, NULL));
  SAY(shmdt(shared));
}

// ── Semaphores ──

static int set;

static void show_set(const char* when) {
  struct semid_ds status;
  unsigned short values[8] = {0};
  if (semctl(set, 0, IPC_STAT, &status) < 0) {
    printf("  %s: %s\n", when, strerrorname_np(errno));
    return;
  }
  semctl(set, 0, GETALL, values);
  printf("  %s: mode %o, key %x, %lu:", when, status.sem_perm.mode, status.sem_perm.__key,
         (unsigned long)status.sem_nsems);
  for (unsigned i = 0; i < status.sem_nsems; ++i)
    printf(" %d (%s, %d, %d)", values[i], whose(semctl(set, (int)i, GETPID)),
           semctl(set, (int)i, GETNCNT), semctl(set, (int)i, GETZCNT));
  printf("; ot %s, ct %s\n", one_of(status.sem_otime), one_of(status.sem_ctime));
  fflush(stdout);
}

static long operate(unsigned count, struct sembuf* operations) {
  return semop(set, operations, count);
}
#define OPERATE(...)                                             \
  do {                                                           \
    struct sembuf all[] = {__VA_ARGS__};                         \
    say("semop(" #__VA_ARGS__ ")", operate(sizeof all / sizeof all[0], all)); \
  } while (0)

static void take_first(void) {
  OPERATE({0, -3, 0});
}
static void await_zero(void) {
  OPERATE({1, 0, 0});
}
static void take_both(void) {
  OPERATE({0, -1, 0}, {1, -1, 0});
}
static void take_then_refuse(void) {
  OPERATE({0, -1, 0}, {1, -1, IPC_NOWAIT});
}
static void take_with_undo(void) {
  OPERATE({0, -2, SEM_UNDO}, {1, 1, SEM_UNDO});
  show_set("undone later");
}
static void forget_undo(void) {
  OPERATE({0, -2, SEM_UNDO});
  SAY(semctl(set, 0, SETVAL, 5));
}
static void undo_too_much(void) {
  OPERATE({1, 32767, 0});
  OPERATE({0, -1, SEM_UNDO});
  OPERATE({0, 32767, SEM_UNDO});
  OPERATE({1, 1, 0});
  OPERATE({0, 1, SEM_UNDO});
}
static void wait_for_signal(void) {
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  OPERATE({0, -100, 0});
}
static void wait_for_nothing(void) {
  OPERATE({0, -100, 0});
}
static void wait_with_timeout(void) {
  struct sembuf one = {0, -100, 0};
  struct timespec length = {0, 20000000};
  SAY(semtimedop(set, &one, 1, &length));
  length.tv_nsec = 0;
  SAY(semtimedop(set, &one, 1, &length));
  length.tv_nsec = 1000000000;
  SAY(semtimedop(set, &one, 1, &length));
  length = (struct timespec){-1, 0};
  SAY(semtimedop(set, &one, 1, &length));
  SAY(syscall(SYS_semtimedop, set, &one, 1, (void*)8));
}
static void semaphores_without_rights(void) {
  drop_rights();
  SAY(semctl(set, 0, GETVAL));
  SAY(semctl(set, 0, SETVAL, 1));
  OPERATE({0, 1, 0});
  OPERATE({2, 0, IPC_NOWAIT});
  SAY(semget(key, 1, 0200) < 0 ? -1 : 0);
}

static void semaphores(void) {
  struct semid_ds status;
  SAY(semget(key, 1, 0));
  SAY(semget(key, 0, IPC_CREAT | 0600));
  SAY(semget(IPC_PRIVATE, -1, 0600));
  SAY(semget(IPC_PRIVATE, 32001, 0600));
  set = semget(key, 3, IPC_CREAT | 0600);
  SAY(set < 0 ? -1 : 0);
  SAY(semget(key, 0, 0) == set);
  SAY(semget(key, 4, 0));
  SAY(semget(key, 3, IPC_CREAT | IPC_EXCL));
  show_set("new");
  SAY(semctl(set, 0, SETVAL, 2));
  SAY(semctl(set, 0, SETVAL, -1));
  SAY(semctl(set, 0, SETVAL, 32768));
  SAY(semctl(set, 3, SETVAL, 1));
  SAY(semctl(set, -1, GETVAL));
  SAY(semctl(set, 3, GETNCNT));
  show_set("set");
  OPERATE({0, 1, 0});
  OPERATE({0, -4, IPC_NOWAIT});
  OPERATE({0, 0, IPC_NOWAIT});
  OPERATE({0, -1, 0}, {1, 5, 0}, {0, -3, IPC_NOWAIT});
  OPERATE({0, -3, 0}, {0, 0, 0}, {0, 3, 0});
  OPERATE({3, 1, 0});
  OPERATE({0, 32765, 0});
  SAY(semop(set, NULL, 0));
  SAY(semop(set, NULL, 501));
  SAY(semop(set, NULL, 1));
  SAY(semop(set + 1, &(struct sembuf){0}, 1));
  SAY(semop(-1, &(struct sembuf){0}, 1));
  show_set("operated");

  pid_t child = start(take_first), other;
  await(child);
  child = start(take_first);
  until_asleep(child);
  show_set("one waits");
  OPERATE({0, 2, 0});
  OPERATE({0, 1, 0});
  await(child);
  SAY(semctl(set, 1, SETVAL, 1));
  child = start(await_zero);
  until_asleep(child);
  show_set("one waits for zero");
  OPERATE({1, -1, 0});
  await(child);
  child = start(take_both);
  until_asleep(child);
  show_set("one waits for both");
  OPERATE({1, 1, 0});
  show_set("half of it");
  other = start(take_first);
  until_asleep(other);
  SAY(semctl(set, 0, SETALL, ((unsigned short[]){4, 1, 0})));
  await(child);
  await(other);
  show_set("both have ended");
  SAY(semctl(set, 0, SETALL, ((unsigned short[]){4, 1, 32768})));
  SAY(semctl(set, 0, SETALL, (void*)8));
  SAY(semctl(set, 0, GETALL, (void*)8));
  child = start(take_then_refuse);
  until_asleep(child);
  OPERATE({0, 1, 0});
  await(child);
  show_set("refused later");

  SAY(semctl(set, 0, SETALL, ((unsigned short[]){3, 0, 0})));
  await(start(take_with_undo));
  show_set("undone");
  await(start(forget_undo));
  show_set("not undone");
  await(start(undo_too_much));
  show_set("undone at the bounds");

  SAY(semctl(set, 0, SETALL, ((unsigned short[]){3, 0, 0})));
  await(start(wait_with_timeout));
  child = start(wait_for_signal);
  until_asleep(child);
  kill(child, SIGUSR1);
  await(child);
  child = start(wait_for_nothing);
  until_asleep(child);
  kill(child, SIGSTOP);
  waitpid(child, NULL, WUNTRACED);
  kill(child, SIGCONT);
  await(child);
  child = start(wait_for_nothing);
  until_asleep(child);
  kill(child, SIGKILL);
  await(child);
  show_set("nobody waits");

  SAY(semctl(set, 0, IPC_STAT, &status));
  status.sem_perm.mode = 0440;
  SAY(semctl(set, 0, IPC_SET, &status));
  SAY(semctl(set, 0, IPC_SET, (void*)8));
  SAY(semctl(set, 0, 99));
  SAY(semctl(-1, 0, GETVAL));
  await(start(semaphores_without_rights));
  struct seminfo limits;
  SAY(semctl(0, 0, IPC_INFO, &limits) >= 0);
  printf("  %d %d %d %d %d %d %d %d %d %d\n", limits.semmap, limits.semmni, limits.semmns,
         limits.semmnu, limits.semmsl, limits.semopm, limits.semume, limits.semusz, limits.semvmx,
         limits.semaem);
  SAY(semctl(0, 0, SEM_INFO, &limits) >= 0);
  printf("  %d sets, %d semaphores\n", limits.semusz, limits.semaem);
  SAY(semctl(set & 32767, 0, SEM_STAT, &status) == set);
  SAY(semctl((set & 32767) + 1, 0, SEM_STAT, &status));
  child = start(wait_for_nothing);
  until_asleep(child);
  other = start(take_with_undo);
  await(other);
  SAY(semctl(set, 0, IPC_RMID));
  await(child);
  show_set("removed");
  SAY(semctl(set, 0, IPC_RMID));
  SAY(semget(key, 1, 0));
  set = semget(IPC_PRIVATE, 32000, 0600);
  struct sembuf many[500];
  for (int i = 0; i < 500; ++i) many[i] = (struct sembuf){(unsigned short)(i * 64), 1, SEM_UNDO};
  SAY(semop(set, many, 500));
  SAY(semctl(set, 499 * 64, GETVAL));
  SAY(semctl(set, 0, IPC_RMID));
}

// ── Messages ──

static int queue;
struct message {
  long type;
  char text[9000];
};
static struct message message;

static void show_queue(const char* when) {
  struct msqid_ds status;
  if (msgctl(queue, IPC_STAT, &status) < 0) {
    printf("  %s: %s\n", when, strerrorname_np(errno));
    return;
  }
  printf("  %s: mode %o, key %x, %lu messages, %lu of %lu bytes, sent by %s, received by %s; "
         "st %s, rt %s, ct %s\n",
         when, status.msg_perm.mode, status.msg_perm.__key, (unsigned long)status.msg_qnum,
         (unsigned long)status.__msg_cbytes, (unsigned long)status.msg_qbytes,
         whose(status.msg_lspid), whose(status.msg_lrpid), one_of(status.msg_stime),
         one_of(status.msg_rtime), one_of(status.msg_ctime));
  fflush(stdout);
}

static void put(long type, const char* text, int flags) {
  message.type = type;
  strcpy(message.text, text);
  say(text, msgsnd(queue, &message, strlen(text) + 1, flags));
}
static void get(size_t bytes, long type, int flags) {
  memset(&message, 0, sizeof message);
  const long length = msgrcv(queue, &message, bytes, type, flags);
  if (length < 0) {
    printf("  type %ld: %s\n", type, strerrorname_np(errno));
  } else {
    printf("  type %ld: %ld bytes of %ld: %.40s\n", type, length, message.type, message.text);
  }
  fflush(stdout);
}

static void receive_any(void) {
  get(100, 0, 0);
}
static void receive_seventh(void) {
  get(100, 7, 0);
}
static void receive_short(void) {
  get(2, 0, 0);
}
static void receive_but_third(void) {
  get(100, 3, MSG_EXCEPT);
}
static void send_much(void) {
  message.type = 9;
  SAY(msgsnd(queue, &message, 8000, 0));
}
static void wait_in_receive(void) {
  const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  get(100, 50, 0);
}
static void messages_without_rights(void) {
  drop_rights();
  get(100, 0, IPC_NOWAIT);
  put(1, "refused", IPC_NOWAIT);
  struct msqid_ds status;
  SAY(msgctl(queue, IPC_STAT, &status));
  status.msg_qbytes = 20000;
  SAY(msgctl(queue, IPC_SET, &status));
}

static void messages(void) {
  struct msqid_ds status;
  SAY(msgget(key, 0));
  queue = msgget(key, IPC_CREAT | 0600);
  SAY(queue < 0 ? -1 : 0);
  SAY(msgget(key, 0) == queue);
  SAY(msgget(key, IPC_CREAT | IPC_EXCL));
  show_queue("new");
  put(3, "third", 0);
  put(1, "first", 0);
  put(2, "second", 0);
  put(3, "third again", 0);
  put(0, "none", 0);
  put(-1, "negative", 0);
  SAY(msgsnd(queue, &message, 8193, 0));
  SAY(msgsnd(queue, &message, SIZE_MAX, 0));
  SAY(msgsnd(queue, (void*)8, 1, 0));
  message.type = 1;
  SAY(msgsnd(queue + 1, &message, 1, 0));
  SAY(msgsnd(-1, &message, 1, 0));
  show_queue("four");
  get(100, 2, 0);
  get(100, -2, 0);
  get(100, -2, IPC_NOWAIT);
  get(100, 4, IPC_NOWAIT);
  get(100, 3, IPC_NOWAIT | MSG_EXCEPT);
  get(2, 0, IPC_NOWAIT);
  get(3, 0, IPC_NOWAIT | MSG_NOERROR);
  get(100, 0, 0);
  get(100, 0, IPC_NOWAIT);
  SAY(msgrcv(queue, &message, SIZE_MAX, 0, IPC_NOWAIT));
  SAY(msgrcv(-1, &message, 1, 0, IPC_NOWAIT));
  SAY(msgrcv(queue + 1, &message, 1, 0, IPC_NOWAIT));
  put(1, "lost", 0);
  SAY(msgrcv(queue, (void*)8, 10, 0, IPC_NOWAIT));
  show_queue("empty");
  put(LONG_MAX, "last", 0);
  get(100, LONG_MIN, IPC_NOWAIT);
  message.type = 1;
  SAY(msgsnd(queue, &message, 0, 0));
  get(0, 0, 0);

  pid_t child = start(receive_any), other;
  until_asleep(child);
  put(5, "for anybody", 0);
  await(child);
  child = start(receive_seventh);
  until_asleep(child);
  other = start(receive_but_third);
  until_asleep(other);
  put(3, "a third", 0);
  put(7, "a seventh", 0);
  await(child);
  put(8, "an eighth", 0);
  await(other);
  get(100, 0, IPC_NOWAIT);
  child = start(receive_short);
  until_asleep(child);
  put(1, "too long", 0);
  await(child);
  get(100, 0, IPC_NOWAIT);
  child = start(wait_in_receive);
  until_asleep(child);
  kill(child, SIGUSR1);
  await(child);

  message.type = 1;
  SAY(msgsnd(queue, &message, 8192, 0));
  SAY(msgsnd(queue, &message, 8192, 0));
  SAY(msgsnd(queue, &message, 1, IPC_NOWAIT));
  SAY(msgsnd(queue, &message, 0, IPC_NOWAIT));
  child = start(send_much);
  until_asleep(child);
  show_queue("full");
  get(8192, 0, 0);
  await(child);
  SAY(msgctl(queue, IPC_STAT, &status));
  status.msg_qbytes = 30000;
  SAY(msgctl(queue, IPC_SET, &status));
  show_queue("larger");
  SAY(msgctl(queue, IPC_SET, (void*)8));
  SAY(msgctl(queue, 99, NULL));
  SAY(msgctl(queue, -1, NULL));
  SAY(msgctl(-1, IPC_STAT, &status));
  status.msg_perm.mode = 0;
  status.msg_qbytes = 16384;
  SAY(msgctl(queue, IPC_SET, &status));
  await(start(messages_without_rights));
  struct msginfo limits;
  SAY(msgctl(0, IPC_INFO, (struct msqid_ds*)&limits) >= 0);
  printf("  %d %d %d %d %d %d %d %d\n", limits.msgpool, limits.msgmap, limits.msgmax, limits.msgmnb,
         limits.msgmni, limits.msgssz, limits.msgtql, limits.msgseg);
  SAY(msgctl(0, MSG_INFO, (struct msqid_ds*)&limits) >= 0);
  printf("  %d queues, %d messages, %d bytes\n", limits.msgpool, limits.msgmap, limits.msgtql);
  SAY(msgctl(queue & 32767, MSG_STAT, &status) == queue);
  SAY(msgctl((queue & 32767) + 1, MSG_STAT, &status));
  child = start(send_much);
  until_asleep(child);
  other = start(wait_in_receive);
  until_asleep(other);
  SAY(msgctl(queue, IPC_RMID, NULL));
  await(child);
  await(other);
  show_queue("removed");
  SAY(msgctl(queue, IPC_RMID, NULL));
}

// ── Texts ──

static void print_file(const char* path) {
  char text[2000];
  const int fd = open(path, O_RDONLY);
  ssize_t length;
  printf("%s:\n", path);
  while ((length = read(fd, text, sizeof text)) > 0) fwrite(text, 1, (size_t)length, stdout);
  close(fd);
}

static void texts(void) {
  // A number is not used again soon.
  int last = -1, repeated = 0;
  for (int i = 0; i < 200; ++i) {
    const int made = shmget(IPC_PRIVATE, 1, 0600);
    repeated += made == last;
    last = made;
    shmctl(made, IPC_RMID, NULL);
  }
  printf("%d numbers repeated\n", repeated);
  print_file("/proc/sysvipc/shm");
  print_file("/proc/sysvipc/sem");
  print_file("/proc/sysvipc/msg");
  segment = shmget(key, 5000, IPC_CREAT | 0640);
  set = semget(key, 3, IPC_CREAT | 0600);
  queue = msgget(key, IPC_CREAT | 0666);
  char line[400];
  FILE* const file = fopen("/proc/sysvipc/shm", "r");
  while (fgets(line, sizeof line, file) != NULL) {
    const char* const at = strstr(line, "4660");
    if (at != NULL) printf("%zu characters\n%.28s\n", strlen(line), line + 21);
  }
  fclose(file);
  shmctl(segment, IPC_RMID, NULL);
  semctl(set, 0, IPC_RMID);
  msgctl(queue, IPC_RMID, NULL);
  for (const char* const* name = (const char* const[]){"msgmax", "msgmnb", "msgmni", "sem", "shmall",
                                                       "shmmax", "shmmni", NULL};
       *name != NULL; ++name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/kernel/%s", *name);
    print_file(path);
  }
}

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const char* const group = argc > 1 ? argv[1] : "";
  if (strcmp(group, "segments") == 0) segments();
  if (strcmp(group, "semaphores") == 0) semaphores();
  if (strcmp(group, "messages") == 0) messages();
  if (strcmp(group, "texts") == 0) texts();
  return 0;
}
