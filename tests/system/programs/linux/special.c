// What only a superuser does: chroot(2), nodes of devices (mknod(2)), extended attributes
// (xattr(7)), capabilities (capabilities(7)) and priorities of transfers (ioprio_set(2)). An
// argument chooses one of them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common.h"

// No program has memory there. Volatile, so that the compiler does not warn of the access.
static void* volatile nowhere = (void*)16;

static char folder[64];

static void make_file(const char* path) {
  close(open(path, O_CREAT | O_WRONLY, 0644));
}

// ── chroot ──

static void tell_directory(void) {
  char path[PATH_MAX] = "";
  const long size = syscall(SYS_getcwd, path, sizeof path);
  printf("  getcwd: %s\n", size > 0 ? path : strerrorname_np(errno));
}
static void tell_link(const char* path) {
  char target[PATH_MAX] = "";
  const long size = readlink(path, target, sizeof target - 1);
  printf("  %s: %s\n", path, size > 0 ? target : strerrorname_np(errno));
}

static void without_right(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  SAY(syscall(SYS_capset, &header, none));
  SAY(chroot("/"));
  SAY(chroot("/tmp/none"));
  SAY(mknod("n", S_IFCHR | 0600, makedev(1, 3)));
}

static void inside(void) {
  SAY(chroot("inner"));
  tell_directory();
  SAY(access("/tmp", F_OK));
  SAY(access("/f", F_OK));
  SAY(access("../f", F_OK));
  SAY(access("/../../f", F_OK));
  SAY(access("/deeper/../../../f", F_OK));
  SAY(access("/link", F_OK));
  SAY(chdir("/"));
  tell_directory();
  SAY(chdir(".."));
  tell_directory();
  SAY(chdir("/deeper"));
  tell_directory();
  SAY(access("../../../f", F_OK));
  SAY(chroot("."));
  tell_directory();
  SAY(chdir(".."));
  tell_directory();
  SAY(access("/f", F_OK));
  SAY(access("f", F_OK));
}

// A child in another root. A descriptor leads out of it.
static void escapes(void) {
  const int out = open("/", O_DIRECTORY | O_RDONLY);
  SAY(chroot("inner"));
  SAY(chdir("/"));
  SAY(fchdir(out));
  SAY(access("tmp", F_OK));
  SAY(access("/tmp", F_OK));
  tell_directory();
  SAY(chroot("."));
  SAY(access("/tmp", F_OK));
  tell_directory();
}

// The root of a child with CLONE_FS is its parent's; a fork copies it.
static void removed(void) {
  SAY(mkdir("gone", 0700));
  SAY(chroot("gone"));
  SAY(rmdir("gone"));
  SAY(access("/", F_OK));
  SAY(access("/x", F_OK));
  SAY(open("/x", O_CREAT | O_WRONLY, 0600));
  SAY(chdir("/"));
  tell_directory();
}

static void roots(void) {
  mkdir(folder, 0755);
  SAY(chdir(folder));
  SAY(mkdir("inner", 0755));
  SAY(mkdir("inner/deeper", 0755));
  make_file("inner/f");
  make_file("inner/deeper/f");
  SAY(symlink("/f", "inner/link"));
  SAY(chroot("none"));
  SAY(chroot("inner/f"));
  SAY(chroot("inner/f/"));
  SAY(chroot(""));
  SAY(syscall(SYS_chroot, (void*)16));
  run_child(without_right);
  tell_link("/proc/self/root");
  run_child(inside);
  run_child(escapes);
  run_child(removed);
  SAY(access("/tmp", F_OK));
}

// ── mknod ──

static void tell_node(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) {
    printf("  %s: %s\n", path, strerrorname_np(errno));
  } else {
    printf("  %s: %o, device %u %u, size %ld\n", path, status.st_mode, major(status.st_rdev),
           minor(status.st_rdev), (long)status.st_size);
  }
}

static const struct {
  const char* name;
  mode_t mode;
  unsigned major, minor;
} nodes[] = {
    {"null", S_IFCHR | 0640, 1, 3},        {"zero", S_IFCHR | 0600, 1, 5},
    {"full", S_IFCHR | 0666, 1, 7},        {"random", S_IFCHR | 0600, 1, 8},
    {"urandom", S_IFCHR | 0600, 1, 9},     {"console", S_IFCHR | 0600, 5, 1},
    {"char", S_IFCHR | 0600, 200, 5},      {"block", S_IFBLK | 0600, 200, 77},
    {"large", S_IFCHR | 0600, 300, 70000}, {"socket", S_IFSOCK | 0700, 1, 3},
};

// O_PATH opens the node and not its device: no terminal of the session is asked for, and no
// pseudoterminal is made.
static void name_devices(void) {
  setsid();
  SAY(open("/dev/tty", O_RDWR) < 0 ? -1 : 0);
  SAY(open("/dev/tty", O_PATH) < 0 ? -1 : 0);
  SAY(open("/dev/ptmx", O_PATH) < 0 ? -1 : 0);
  SAY(access("/dev/pts/0", F_OK));
}

static void devices(void) {
  char bytes[8] = "";
  mkdir(folder, 0755);
  SAY(chdir(folder));
  umask(0);
  for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; ++i) {
    printf("%s: ", nodes[i].name);
    SAY(mknod(nodes[i].name, nodes[i].mode, makedev(nodes[i].major, nodes[i].minor)));
    tell_node(nodes[i].name);
    const int fd = open(nodes[i].name, O_RDWR | O_NOCTTY);
    printf("  open: %s\n", fd >= 0 ? "ok" : strerrorname_np(errno));
    struct stat by_name, by_file;
    if (fd >= 0 && stat(nodes[i].name, &by_name) == 0 && fstat(fd, &by_file) == 0)
      printf("  the same inode: %d\n", by_name.st_ino == by_file.st_ino);
    close(fd);
  }
  const int null = open("null", O_RDWR), zero = open("zero", O_RDWR), full = open("full", O_RDWR);
  SAY(write(null, "abc", 3));
  SAY(read(null, bytes, 8));
  SAY(read(zero, bytes, 8));
  SAY(write(full, "abc", 3));
  SAY(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
  SAY(mknod("directory", S_IFDIR | 0600, 0));
  SAY(mknod("link", S_IFLNK | 0600, 0));
  SAY(mknod("none/x", S_IFCHR | 0600, makedev(1, 3)));
  SAY(chmod("null", 0444));
  SAY(rename("null", "other"));
  tell_node("other");
  SAY(link("other", "another"));
  SAY(truncate("other", 5));
  SAY(unlink("other"));
  tell_node("another");
  fflush(stdout);
  if (fork() == 0) {
    name_devices();
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
}

// ── Extended attributes ──

static const char* const attribute_names[] = {
    "user.a",   "user.",   "user", "trusted.b",           "trusted.", "security.c", "security.",
    "system.d", "other.e", "",     "security.capability",
};

static void list(const char* path) {
  char names[512] = "";
  const long size = listxattr(path, names, sizeof names);
  printf("  list: %ld:", size);
  for (long at = 0; at < size; at += (long)strlen(names + at) + 1) printf(" %s", names + at);
  printf("\n");
}

static void attributes_of(const char* path) {
  char value[64];
  printf("%s\n", path);
  for (unsigned i = 0; i < sizeof attribute_names / sizeof *attribute_names; ++i) {
    const char* const name = attribute_names[i];
    printf(" '%s'\n", name);
    SAY(lgetxattr(path, name, value, sizeof value));
    SAY(lsetxattr(path, name, "value", 5, 0));
    SAY(lgetxattr(path, name, value, sizeof value));
    SAY(lremovexattr(path, name));
    SAY(lremovexattr(path, name));
  }
}

static void unprivileged_attributes(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0}};
  char value[64];
  SAY(setxattr("f", "trusted.t", "1", 1, 0));
  SAY(setxattr("f", "security.s", "1", 1, 0));
  SAY(setxattr("f", "user.u", "1", 1, 0));
  SAY(syscall(SYS_capset, &header, none));
  list("f");
  SAY(getxattr("f", "trusted.t", value, sizeof value));
  SAY(setxattr("f", "trusted.t", "2", 1, 0));
  SAY(removexattr("f", "trusted.t"));
  SAY(getxattr("f", "security.s", value, sizeof value));
  SAY(setxattr("f", "security.s", "2", 1, 0));
  SAY(removexattr("f", "security.s"));
  SAY(setxattr("f", "user.u", "2", 1, 0));
  SAY(removexattr("f", "user.u"));
}

static void attributes(void) {
  static char large[70000];
  char value[64];
  mkdir(folder, 0755);
  SAY(chdir(folder));
  make_file("f");
  SAY(mkdir("d", 0755));
  SAY(mkfifo("p", 0644));
  SAY(symlink("f", "l"));
  attributes_of("f");
  attributes_of("d");
  attributes_of("p");
  attributes_of("l");
  printf("flags and sizes\n");
  SAY(setxattr("f", "user.x", "one", 3, XATTR_REPLACE));
  SAY(setxattr("f", "user.x", "one", 3, XATTR_CREATE));
  SAY(setxattr("f", "user.x", "one", 3, XATTR_CREATE));
  SAY(setxattr("f", "user.x", "two", 3, XATTR_CREATE | XATTR_REPLACE));
  SAY(setxattr("f", "user.x", "three", 5, XATTR_REPLACE));
  SAY(setxattr("f", "user.x", "three", 5, 4));
  SAY(setxattr("f", "user.empty", "", 0, 0));
  SAY(setxattr("f", "user.null", NULL, 0, 0));
  SAY(setxattr("f", "user.bad", nowhere, 3, 0));
  SAY(setxattr("f", nowhere, "x", 1, 0));
  SAY(setxattr("f", "user.large", large, 65537, 0));
  SAY(setxattr("f", "user.large", large, 65536, 0));
  SAY(getxattr("f", "user.large", large, 70000));
  SAY(removexattr("f", "user.large"));
  SAY(getxattr("f", "user.x", value, 0));
  SAY(getxattr("f", "user.x", value, 4));
  SAY(getxattr("f", "user.x", value, 5));
  printf("  %.5s\n", value);
  SAY(getxattr("f", "user.x", nowhere, 5));
  SAY(getxattr("f", "user.empty", value, 5));
  SAY(getxattr("l", "user.x", value, 5));
  SAY(lgetxattr("l", "user.x", value, 5));
  SAY(getxattr("none", "user.x", value, 5));
  SAY(setxattr("f", "user.b", "1", 1, 0));
  SAY(setxattr("f", "user.B", "1", 1, 0));
  SAY(setxattr("f", "trusted.z", "1", 1, 0));
  SAY(setxattr("f", "security.z", "1", 1, 0));
  list("f");
  list("l");
  list("none");
  SAY(llistxattr("l", value, sizeof value));
  SAY(listxattr("f", value, 0));
  SAY(listxattr("f", value, 5));
  SAY(listxattr("f", nowhere, 100));
  memset(large, 'n', 300);
  memcpy(large, "user.", 5);
  large[255] = '\0';
  SAY(setxattr("f", large, "1", 1, 0));
  large[255] = 'n';
  SAY(setxattr("f", large, "1", 1, 0));
  large[255] = '\0';
  SAY(removexattr("f", large));
  printf("descriptors\n");
  const int fd = open("f", O_RDONLY), path = open("f", O_PATH), memory = memfd_create("m", 0);
  int ends[2];
  SAY(pipe(ends));
  SAY(fsetxattr(fd, "user.fd", "1", 1, 0));
  SAY(fgetxattr(fd, "user.fd", value, sizeof value));
  SAY(fremovexattr(fd, "user.fd"));
  SAY(flistxattr(fd, value, 0));
  SAY(fgetxattr(path, "user.x", value, sizeof value));
  SAY(flistxattr(path, value, 0));
  SAY(fsetxattr(99, "user.x", "1", 1, 0));
  SAY(fsetxattr(memory, "user.x", "1", 1, 0));
  SAY(fgetxattr(memory, "user.x", value, sizeof value));
  SAY(fsetxattr(ends[0], "user.x", "1", 1, 0));
  SAY(fgetxattr(ends[0], "trusted.x", value, sizeof value));
  printf("names\n");
  SAY(link("f", "g"));
  SAY(getxattr("g", "user.x", value, sizeof value));
  SAY(rename("f", "h"));
  list("h");
  SAY(unlink("g"));
  SAY(unlink("h"));
  make_file("f");
  list("f");
  run_child(unprivileged_attributes);
}

// ── Capabilities ──

struct sets {
  struct __user_cap_header_struct header;
  struct __user_cap_data_struct data[2];
};
static long get(struct sets* sets, uint32_t version, int pid) {
  memset(sets, 0, sizeof *sets);
  sets->header.version = version;
  sets->header.pid = pid;
  return syscall(SYS_capget, &sets->header, sets->data);
}
static void tell_sets(const char* what) {
  struct sets now;
  if (get(&now, _LINUX_CAPABILITY_VERSION_3, 0) != 0) perror("capget");
  printf("%s: effective %x %x, permitted %x %x, inheritable %x %x\n", what, now.data[1].effective,
         now.data[0].effective, now.data[1].permitted, now.data[0].permitted,
         now.data[1].inheritable, now.data[0].inheritable);
  fflush(stdout);
}
static long set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct sets wanted = {
      {_LINUX_CAPABILITY_VERSION_3, 0},
      {{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
       {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}}};
  return syscall(SYS_capset, &wanted.header, wanted.data);
}
static const char* program;
static void after_execve(void) {
  execl(program, program, "sets", NULL);
  perror("execl");
}
static void drop_bounding(void) {
  SAY(prctl(PR_CAPBSET_DROP, CAP_SYS_CHROOT));
  SAY(prctl(PR_CAPBSET_READ, CAP_SYS_CHROOT));
  after_execve();
}
static void no_root(void) {
  SAY(prctl(PR_SET_SECUREBITS, 1));
  SAY(set(1 << CAP_SYS_CHROOT, 1 << CAP_SYS_CHROOT, 1 << CAP_SYS_CHROOT));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0));
  after_execve();
}
static void no_new_privileges(void) {
  SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  SAY(set(0, 1 << CAP_SYS_CHROOT, 0));
  after_execve();
}
static void without_setpcap(void) {
  const uint64_t all = (UINT64_C(1) << 41) - 1, rest = all & ~(UINT64_C(1) << CAP_SETPCAP);
  SAY(set(rest, rest, 0));
  SAY(set(rest, rest, 1 << CAP_SETPCAP));
  SAY(set(rest, all, 0));
  SAY(set(all, rest, 0));
  SAY(set(rest, rest, 1));
  SAY(prctl(PR_CAPBSET_DROP, CAP_SYS_CHROOT));
  SAY(prctl(PR_CAPBSET_DROP, 99));
  SAY(prctl(PR_SET_SECUREBITS, 1));
  tell_sets("without CAP_SETPCAP");
}

static void capabilities(void) {
  struct sets sets;
  tell_sets("at first");
  SAY(get(&sets, 0, 0));
  printf("  version %x\n", sets.header.version);
  sets.header.version = 0;
  SAY(syscall(SYS_capget, &sets.header, NULL));
  printf("  version %x\n", sets.header.version);
  SAY(syscall(SYS_capget, NULL, NULL));
  SAY(syscall(SYS_capget, &sets.header, (void*)16));
  SAY(get(&sets, _LINUX_CAPABILITY_VERSION_1, 0));
  printf("  %x %x\n", sets.data[0].effective, sets.data[1].effective);
  SAY(get(&sets, _LINUX_CAPABILITY_VERSION_2, 0));
  printf("  %x %x\n", sets.data[0].effective, sets.data[1].effective);
  SAY(get(&sets, _LINUX_CAPABILITY_VERSION_3, -1));
  SAY(get(&sets, _LINUX_CAPABILITY_VERSION_3, unknown_id));
  SAY(get(&sets, _LINUX_CAPABILITY_VERSION_3, getppid()));
  SAY(syscall(SYS_capset, &sets.header, sets.data));
  sets.header.pid = getpid();
  SAY(syscall(SYS_capset, &sets.header, sets.data));
  SAY(syscall(SYS_capset, &sets.header, (void*)16));
  tell_sets("the same again");
  printf("bounding set\n");
  SAY(prctl(PR_CAPBSET_READ, 40));
  SAY(prctl(PR_CAPBSET_READ, 41));
  SAY(prctl(PR_CAPBSET_DROP, 41));
  run_child(drop_bounding);
  printf("secure bits\n");
  SAY(prctl(PR_GET_SECUREBITS));
  SAY(prctl(PR_SET_SECUREBITS, 0x100));
  SAY(prctl(PR_GET_KEEPCAPS));
  SAY(prctl(PR_SET_KEEPCAPS, 2));
  SAY(prctl(PR_SET_KEEPCAPS, 1));
  SAY(prctl(PR_GET_SECUREBITS));
  SAY(prctl(PR_SET_SECUREBITS, 0x30));
  SAY(prctl(PR_SET_SECUREBITS, 0x10));
  SAY(prctl(PR_SET_KEEPCAPS, 0));
  run_child(no_root);
  printf("ambient set\n");
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SYS_CHROOT, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
  SAY(set((UINT64_C(1) << 41) - 1, (UINT64_C(1) << 41) - 1, 1 << CAP_SYS_CHROOT));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_CHROOT, 0, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SYS_CHROOT, 0, 0));
  SAY(set((UINT64_C(1) << 41) - 1, (UINT64_C(1) << 41) - 1, 0));
  SAY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_SYS_CHROOT, 0, 0));
  run_child(without_setpcap);
  run_child(no_new_privileges);
  SAY(set(0, 0, 0));
  tell_sets("at last");
  SAY(set(1, 1, 0));
  run_child(after_execve);
}

// ── Priorities of transfers ──

static long ioprio_set(int which, int id, int priority) {
  return syscall(SYS_ioprio_set, which, id, priority);
}
static long ioprio_get(int which, int id) {
  return syscall(SYS_ioprio_get, which, id);
}
static void priority_of_child(void) {
  SAY(ioprio_get(1, 0));
  fflush(stdout);
  execl(program, program, "priority", NULL);
}
static void priorities(void) {
  setpgid(0, 0);
  SAY(ioprio_get(1, 0));
  SAY(ioprio_get(2, 0));
  SAY(ioprio_get(0, 0));
  SAY(ioprio_get(4, 0));
  SAY(ioprio_get(1, unknown_id));
  SAY(ioprio_get(2, unknown_id));
  SAY(ioprio_get(3, unknown_id));
  SAY(ioprio_set(0, 0, 2 << 13));
  SAY(ioprio_set(1, 0, 5 << 13));
  SAY(ioprio_set(1, 0, 1));
  SAY(ioprio_set(1, unknown_id, 2 << 13));
  SAY(ioprio_set(1, 0, 2 << 13 | 4));
  SAY(ioprio_get(1, 0));
  SAY(ioprio_get(2, 0));
  SAY(ioprio_set(1, getpid(), 1 << 13 | 7));
  SAY(ioprio_get(1, getpid()));
  SAY(ioprio_set(2, getpid(), 3 << 13));
  SAY(ioprio_get(2, getpid()));
  run_child(priority_of_child);
  SAY(ioprio_set(1, 0, 0));
  SAY(ioprio_get(1, 0));
  SAY(set(0, 0, 0));
  SAY(ioprio_set(1, 0, 1 << 13));
  SAY(ioprio_set(1, 0, 3 << 13));
}

int main(int argc, char** argv) {
  const char* const part = argc > 1 ? argv[1] : "";
  program = argv[0];
  snprintf(folder, sizeof folder, "/tmp/special-%s", part);
  if (strcmp(part, "roots") == 0) roots();
  if (strcmp(part, "devices") == 0) devices();
  if (strcmp(part, "attributes") == 0) attributes();
  if (strcmp(part, "capabilities") == 0) capabilities();
  if (strcmp(part, "sets") == 0) tell_sets("after execve");
  if (strcmp(part, "priorities") == 0) priorities();
  if (strcmp(part, "priority") == 0) SAY(ioprio_get(1, 0));
  fflush(stdout);
  return 0;
}
