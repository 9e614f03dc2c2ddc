// Files in a folder that the host shares: prints the result of each call on a line. The test
// share.py runs it there and on the host.
//
//   shared_folder FOLDER PART     PART is the name of a function below
//
// Without arguments it does nothing.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "common.h"

enum { page = 4096, large_bytes = 1 << 20 };

static char bytes[2 * page];
static char* volatile nowhere = (char*)8;

// For calls that return a descriptor: its number depends on the parent.
static int say_open(const char* what, int fd) {
  say(what, fd < 0 ? -1 : 0);
  return fd;
}
#define SAY_OPEN(call) say_open(#call, call)

static void say_status(const char* name) {
  struct stat status;
  if (lstat(name, &status) != 0) return say(name, -1);
  printf("%s: %o, %ld links, %ld bytes\n", name, status.st_mode, (long)status.st_nlink,
         S_ISDIR(status.st_mode) ? 0L : (long)status.st_size);
}

static void say_text(int file) {
  char text[100];
  const ssize_t count = pread(file, text, sizeof text, 0);
  printf("%zd: %.*s\n", count, (int)(count > 0 ? count : 0), text);
}

static int by_name(const void* a, const void* b) {
  return strcmp(*(char* const*)a, *(char* const*)b);
}

static void say_names(const char* folder) {
  DIR* const listing = opendir(folder);
  if (listing == NULL) return say(folder, -1);
  char* names[1200];
  size_t count = 0;
  for (struct dirent* entry; (entry = readdir(listing)) != NULL && count < 1200;) {
    char text[300];
    snprintf(text, sizeof text, "%d %s", entry->d_type, entry->d_name);
    names[count++] = strdup(text);
  }
  closedir(listing);
  qsort(names, count, sizeof *names, by_name);
  printf("%s has %zu names\n", folder, count);
  uint32_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    if (count < 30) printf("  %s\n", names[i]);
    for (const char* c = names[i]; *c != 0; ++c) sum = sum * 31 + (unsigned char)*c;
    free(names[i]);
  }
  printf("  sum %u\n", sum);
}

static void contents(void) {
  const int file = SAY_OPEN(open("file", O_CREAT | O_EXCL | O_RDWR, 0640));
  say_status("file");
  SAY_OPEN(open("file", O_CREAT | O_EXCL | O_RDWR, 0640));
  SAY(write(file, "hello world", 11));
  SAY(lseek(file, 0, SEEK_CUR));
  SAY(lseek(file, -5, SEEK_END));
  SAY(read(file, bytes, 100));
  printf("%.5s\n", bytes);
  SAY(read(file, bytes, 100));
  SAY(lseek(file, 0, SEEK_END));
  SAY(lseek(file, -50, SEEK_CUR));
  SAY(lseek(file, 0, 9));
  SAY(lseek(file, 10000, SEEK_SET));
  SAY(write(file, "z", 1));
  struct stat status;
  SAY(fstat(file, &status));
  printf("%o, %ld bytes\n", status.st_mode, (long)status.st_size);
  SAY(pread(file, bytes, 5, 6));
  printf("%.5s\n", bytes);
  SAY(pread(file, bytes, 5, -1));
  SAY(pwrite(file, "W", 1, 6));
  SAY(pread(file, bytes, 200, 9990));
  SAY(pread(file, bytes, 200, 20000));
  SAY(pwrite(file, bytes, 0, 100000));
  SAY(pwrite(file, nowhere, 5, 20000));
  SAY(pread(file, nowhere, 5, 0));
  SAY(lseek(file, 0, SEEK_END));
  SAY(ftruncate(file, 3));
  SAY(ftruncate(file, -1));
  SAY(lseek(file, 0, SEEK_END));
  struct iovec parts[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
  SAY(writev(file, parts, 3));
  char first[3], second[10];
  struct iovec into[] = {{first, 3}, {second, 10}};
  SAY(lseek(file, 0, SEEK_SET));
  SAY(readv(file, into, 2));
  printf("%.3s %.5s\n", first, second);
  SAY(fsync(file));
  SAY(fdatasync(file));

  const int reader = SAY_OPEN(open("file", O_RDONLY));
  SAY(write(reader, "x", 1));
  SAY(ftruncate(reader, 1));
  const int writer = SAY_OPEN(open("file", O_WRONLY | O_TRUNC));
  SAY(read(writer, bytes, 1));
  SAY(lseek(file, 0, SEEK_END));
  const int end = SAY_OPEN(open("file", O_WRONLY | O_APPEND));
  SAY(write(end, "123", 3));
  SAY(write(writer, "__", 2));
  SAY(write(end, "456", 3));
  say_text(reader);
  SAY(unlink("file"));
  SAY(write(end, "789", 3));
  say_text(reader);
  SAY(unlink("file"));
  say_status("file");
  const int path = SAY_OPEN(open(".", O_PATH));
  SAY(read(path, bytes, 1));
  SAY(fstat(path, &status));
}

static void names(void) {
  SAY(mkdir("folder", 0755));
  SAY(mkdir("folder", 0755));
  SAY(mkdir("folder/", 0755));
  SAY(mkdir("none/folder", 0755));
  SAY(mkdir("folder/deep/", 0700));
  say_status("folder");
  say_status("folder/deep");
  SAY_OPEN(creat("folder/file", 0604));
  say_status("folder/file");
  say_status("folder/file/");
  say_status("folder/file/none");
  say_status("folder/none/none");
  say_status("./folder/../folder//./file");
  SAY(symlink("file", "folder/link"));
  SAY(symlink("file", "folder/link"));
  SAY(symlink("..", "folder/deep/up"));
  SAY(symlink("loop", "loop"));
  SAY(symlink("", "empty"));
  say_status("folder/link");
  say_status("folder/deep/up/");
  say_status("folder/deep/up/deep/up/file");
  memset(bytes, 0, sizeof bytes);
  SAY(readlink("folder/link", bytes, 100));
  SAY(readlink("folder/link", bytes, 2));
  printf("%s\n", bytes);
  SAY(readlink("folder/file", bytes, 100));
  SAY(readlink("none", bytes, 100));
  SAY_OPEN(open("loop", O_RDONLY));
  SAY_OPEN(open("folder/link", O_RDONLY | O_NOFOLLOW));
  const int link = SAY_OPEN(open("folder/link", O_PATH | O_NOFOLLOW));
  struct stat status;
  SAY(fstat(link, &status));
  printf("%o\n", status.st_mode & S_IFMT);
  SAY(access("folder/file", R_OK | W_OK));
  SAY(access("folder/file", X_OK));
  SAY(access("folder", X_OK));
  SAY(access("none", F_OK));
  SAY_OPEN(open("folder", O_RDWR));
  SAY_OPEN(open("folder", O_RDONLY | O_CREAT, 0600));
  SAY_OPEN(open("folder/file", O_RDONLY | O_DIRECTORY));
  SAY_OPEN(open("none", O_RDONLY));
  SAY_OPEN(open("none/", O_WRONLY | O_CREAT, 0600));

  char name[300];
  memset(name, 'n', sizeof name);
  name[255] = 0;
  SAY_OPEN(open(name, O_WRONLY | O_CREAT, 0600));
  SAY(unlink(name));
  name[255] = 'n';
  name[256] = 0;
  SAY_OPEN(open(name, O_WRONLY | O_CREAT, 0600));
  say_names("folder");

  SAY(rename("folder/file", "folder/moved"));
  SAY(rename("folder/file", "folder/moved"));
  SAY(rename("folder/moved", "folder/deep"));
  SAY(rename("folder/deep", "folder/moved"));
  SAY(rename("folder", "folder/deep/folder"));
  SAY(rename("folder/moved", "folder/deep/moved"));
  SAY(rename("folder/deep/moved", "folder/deep/moved"));
  SAY_OPEN(creat("other", 0644));
  SAY(rename("other", "folder/deep/moved"));
  say_status("folder/deep/moved");
  SAY(mkdir("target", 0755));
  SAY(rename("folder", "target"));
  SAY(rename("folder", "target"));
  SAY(rename("target", "."));
  SAY(rename("target", "/proc/target"));
  SAY(unlink("target"));
  SAY(unlink("target/link/"));
  SAY(unlink("target/link"));
  SAY(rmdir("target/deep"));
  SAY(rmdir("target/deep/moved"));
  SAY(unlink("target/deep/moved"));
  SAY(unlink("target/deep/up"));
  SAY(rmdir("target/deep/."));
  SAY(rmdir("target/deep"));
  SAY(rmdir("target"));
  SAY(rmdir("target"));
  SAY(unlink("loop"));
  say_names(".");
}

static void say_times(const char* name) {
  struct stat status;
  if (stat(name, &status) != 0) return say(name, -1);
  printf("%s: %ld.%09ld %ld.%09ld\n", name, (long)status.st_atim.tv_sec, status.st_atim.tv_nsec,
         (long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

static void attributes(void) {
  const int file = SAY_OPEN(open("file", O_CREAT | O_RDWR, 0600));
  SAY(write(file, "hello", 5));
  SAY(chmod("file", 0751));
  say_status("file");
  SAY(fchmod(file, 04640));
  say_status("file");
  SAY(chmod("none", 0600));
  SAY(chown("file", -1, -1));
  SAY(fchown(file, -1, -1));
  SAY(link("file", "other"));
  say_status("file");
  SAY(link("file", "other"));
  SAY(link("none", "more"));
  SAY(link("file", "none/more"));
  SAY(mkdir("folder", 0750));
  SAY(link("folder", "more"));
  SAY(link("file", "folder/third"));
  SAY(chmod("folder", 0711));
  say_status("folder");
  SAY(symlink("file", "link"));
  SAY(chmod("link", 0600));
  say_status("file");
  SAY(linkat(AT_FDCWD, "link", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
  say_status("followed");

  struct timespec times[2] = {{1000, 5}, {2000, 6000000}};
  SAY(utimensat(AT_FDCWD, "other", times, 0));
  say_times("file");
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = 3000;
  SAY(futimens(file, times));
  say_times("file");
  times[1].tv_nsec = UTIME_NOW;
  SAY(utimensat(AT_FDCWD, "folder", times, 0));
  struct stat status;
  SAY(stat("folder", &status));
  printf("%d\n", status.st_mtime > 1000000000);
  SAY(utimensat(AT_FDCWD, "none", NULL, 0));
  struct statx more;
  SAY(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &more));
  printf("%o, %u links, %lld bytes, %lld s\n", more.stx_mode, more.stx_nlink,
         (long long)more.stx_size, (long long)more.stx_mtime.tv_sec);
  SAY(statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more));
  printf("%lld bytes\n", (long long)more.stx_size);

  SAY(truncate("file", 3));
  say_text(file);
  SAY(truncate("other", 10));
  say_status("followed");
  SAY(truncate("folder", 10));
  SAY(truncate("none", 10));
  SAY(truncate("file", -1));
  struct statfs facts;
  SAY(statfs("folder", &facts));
  printf("names of %ld bytes\n", (long)facts.f_namelen);
  SAY(fstatfs(file, &facts));
  SAY(unlink("other"));
  SAY(unlink("followed"));
  SAY(unlink("folder/third"));
  say_status("file");
}

static void directories(void) {
  SAY(mkdir("many", 0755));
  SAY(chdir("many"));
  int made = 0;
  for (int i = 0; i < 1000; ++i) {
    char name[40];
    snprintf(name, sizeof name, "a_file_with_the_number_%d", i);
    const int file = open(name, O_CREAT | O_WRONLY, 0644);
    made += file >= 0 && write(file, name, strlen(name)) > 0;
    close(file);
  }
  printf("%d files\n", made);
  say_names(".");
  say_names("../many");
  const int here = SAY_OPEN(open(".", O_RDONLY | O_DIRECTORY));
  SAY(read(here, bytes, 10));
  SAY(pread(here, bytes, 10, 0));
  SAY(write(here, bytes, 10));
  SAY(fsync(here));
  DIR* const listing = fdopendir(here);
  for (int round = 0; round < 2; ++round) {
    int count = 0;
    while (readdir(listing) != NULL) ++count;
    printf("%d\n", count);
    rewinddir(listing);
  }
  struct stat status;
  SAY(fstatat(dirfd(listing), "a_file_with_the_number_7", &status, 0));
  SAY(fstatat(dirfd(listing), "", &status, AT_EMPTY_PATH));
  int removed = 0;
  for (int i = 0; i < 1000; ++i) {
    char name[40];
    snprintf(name, sizeof name, "a_file_with_the_number_%d", i);
    removed += unlink(name) == 0;
  }
  printf("%d removed\n", removed);
  SAY(mkdir("inner", 0755));
  SAY(chdir("inner"));
  const char* const path = getcwd(bytes, sizeof bytes);
  printf("%s\n", path != NULL ? strrchr(path, '/') : "nowhere");
  SAY(chdir(".."));
  SAY(rmdir("inner"));
  SAY(chdir(".."));
  SAY(rmdir("many"));
  SAY(chdir("none"));
}

static void mappings(void) {
  const int file = SAY_OPEN(open("file", O_CREAT | O_RDWR, 0644));
  for (int i = 0; i < 3; ++i) {
    memset(bytes, 'a' + i, page);
    SAY(write(file, bytes, i < 2 ? page : 100));
  }
  char* const map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  SAY(map == MAP_FAILED ? -1 : 0);
  printf("%c%c%c %d\n", map[0], map[page], map[2 * page + 99], map[2 * page + 100]);
  map[0] = 'X';
  SAY(pread(file, bytes, 1, 0));
  printf("%c\n", bytes[0]);
  SAY(pwrite(file, map + page, page, 0));
  say_status("file");
  const char* const code = mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, page);
  printf("%c\n", code == MAP_FAILED ? '-' : code[5]);
  SAY(munmap(map, 3 * page));
  SAY(unlink("file"));
}

static int status_of_child(pid_t child) {
  int status;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
// Prints how a child ends that reads or writes the byte.
static void touch_in_child(const char* what, volatile char* byte, int writes) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    if (writes) {
      *byte = 'T';
    } else {
      (void)*byte;
    }
    _exit(0);
  }
  printf("%s: %d\n", what, status_of_child(child));
}

// Whether another process that opens the file may lock its first byte.
static void lock_in_child(void) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
    const int file = open("file", O_RDWR);
    SAY(fcntl(file, F_SETLK, &lock));
    lock.l_type = F_WRLCK;
    SAY(fcntl(file, F_GETLK, &lock));
    printf("%d\n", lock.l_type == F_WRLCK);
    SAY(flock(file, LOCK_EX | LOCK_NB));
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}
// Locks of a file that has been opened several times.
static void locks(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
  const int file = SAY_OPEN(open("file", O_CREAT | O_RDWR, 0644));
  lock_in_child();
  SAY(fcntl(file, F_SETLK, &lock));
  lock_in_child();
  const int again = SAY_OPEN(open("file", O_RDWR));
  lock_in_child();
  SAY(close(again));  // also ends the locks by the other descriptor
  lock_in_child();
  SAY(flock(file, LOCK_SH));
  lock_in_child();
  close(file);
  lock_in_child();
}

// Mappings that programs share and write to. At the end the host has the same files.
static void shared(void) {
  const int all = PROT_READ | PROT_WRITE;
  const int file = SAY_OPEN(open("file", O_CREAT | O_RDWR, 0644));
  memset(bytes, 'a', page);
  for (int i = 0; i < 3; ++i) SAY(write(file, bytes, i < 2 ? page : 100));
  char* const map = mmap(NULL, 5 * page, all, MAP_SHARED, file, 0);
  SAY(map == MAP_FAILED ? -1 : 0);
  printf("%c%c %d\n", map[0], map[2 * page + 99], map[2 * page + 100]);
  memcpy(map + page - 2, "stores", 6);
  SAY(pread(file, bytes, 6, page - 2));
  printf("%.6s\n", bytes);
  SAY(pwrite(file, "WRITTEN", 7, page));
  printf("%.9s\n", map + page - 2);
  map[page + 20] = 'x';
  SAY(pwrite(file, "near", 4, page + 30));
  printf("%c%.4s\n", map[page + 20], map + page + 30);
  const int again = SAY_OPEN(open("file", O_RDWR));
  char* const second = mmap(NULL, page, all, MAP_SHARED, again, page);
  second[1] = '2';
  printf("%c\n", map[page + 1]);
  const char* const own = mmap(NULL, page, PROT_READ, MAP_PRIVATE, again, page);
  printf("%c\n", own[1]);
  SAY(msync(map, 5 * page, MS_SYNC));
  SAY(msync(map, page, MS_ASYNC));
  SAY(fsync(file));
  touch_in_child("a child's write", map + 7, 1);
  printf("%c\n", map[7]);
  touch_in_child("behind the end", map + 3 * page, 0);
  touch_in_child("behind the end, a write", map + 4 * page, 1);
  printf("read(…): ");
  say("", pread(file, map + 4 * page, 10, 0));
  map[2 * page + 200] = 'z';  // not a byte of the file
  SAY(msync(map, 5 * page, MS_SYNC));
  say_status("file");
  SAY(ftruncate(file, page + 10));
  touch_in_child("behind the new end", map + 2 * page, 0);
  printf("%d\n", map[page + 10]);
  SAY(ftruncate(file, 4 * page));
  printf("%d %d\n", map[page + 10], map[3 * page]);
  map[3 * page + 5] = 'n';
  SAY(lseek(file, 4 * page, SEEK_SET));
  SAY(write(file, "longer", 6));
  printf("%.6s\n", map + 4 * page);
  SAY(munmap(second, page));
  const int only_read = SAY_OPEN(open("file", O_RDONLY));
  SAY(mmap(NULL, page, all, MAP_SHARED, only_read, 0) == MAP_FAILED ? -1 : 0);
  char* const seen = mmap(NULL, page, PROT_READ, MAP_SHARED, only_read, 3 * page);
  printf("%c\n", seen[5]);
  SAY(mprotect(seen, page, all));
  char* const later = mmap(NULL, page, PROT_READ, MAP_SHARED, file, 0);
  touch_in_child("a page to read", later, 1);
  SAY(mprotect(later, page, all));
  later[1] = 'L';
  printf("%c\n", map[1]);
  SAY(munmap(map, 5 * page));
  close(file);
  close(again);
  // A process is killed without any other call.
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open("killed", O_CREAT | O_RDWR, 0644);
    ftruncate(fd, 20 * page);
    char* const there = mmap(NULL, 20 * page, all, MAP_SHARED, fd, 0);
    for (int i = 0; i < 20; ++i) there[i * page + i] = 'k';
    raise(SIGKILL);
  }
  printf("killed: %d\n", status_of_child(child));
  const int killed = SAY_OPEN(open("killed", O_RDONLY));
  int count = 0;
  for (int i = 0; i < 20; ++i)
    count += pread(killed, bytes, 1, i * page + i) == 1 && bytes[0] == 'k';
  SAY(count);
  // Many pages, and a mapping that ends with the program.
  const int large_file = SAY_OPEN(open("large", O_CREAT | O_RDWR, 0644));
  SAY(ftruncate(large_file, 2000 * page));
  char* const many = mmap(NULL, 2000 * page, all, MAP_SHARED, large_file, 0);
  for (int i = 0; i < 2000; ++i) many[i * page + i % page] = (char)i;
  SAY(pread(large_file, bytes, 1, 1999 * page + 1999));
  SAY((unsigned char)bytes[0]);
  for (int i = 0; i < 2000; i += 3) many[i * page] = 'e';
}

// A transfer of many requests, to and from pages that do not exist yet.
static void large(void) {
  const int file = SAY_OPEN(open("file", O_CREAT | O_RDWR, 0644));
  unsigned char* const all =
      mmap(NULL, large_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  uint32_t number = 1;
  for (size_t i = 0; i < large_bytes; ++i) all[i] = (number = number * 1664525 + 1013904223) >> 24;
  SAY(write(file, all, large_bytes));
  unsigned char* const copy =
      mmap(NULL, large_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  SAY(pread(file, copy, large_bytes + page, 0));
  SAY(memcmp(all, copy, large_bytes));
  SAY(pread(file, copy + 13, 100000, 77));
  SAY(memcmp(all + 77, copy + 13, 100000));
  struct iovec parts[] = {{copy + 1, 5000}, {copy + 9000, 1}, {copy + 10000, 123456}};
  SAY(lseek(file, 999, SEEK_SET));
  SAY(readv(file, parts, 3));
  SAY(memcmp(all + 999, copy + 1, 5000) | memcmp(all + 6000, copy + 10000, 123456));
  SAY(unlink("file"));
}

// Threads write files of their own, and parts of one file, and read them.
enum { threads = 8, rounds = 40, part_bytes = 3000 };

static int common_file;

static void* work(void* argument) {
  const long self = (long)argument;
  char name[20], text[part_bytes], seen[part_bytes];
  snprintf(name, sizeof name, "own-%ld", self);
  long good = 0;
  for (int round = 0; round < rounds; ++round) {
    memset(text, 'A' + (int)self + round % 10, sizeof text);
    const int file = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
    good += write(file, text, sizeof text) == part_bytes;
    good += pread(file, seen, sizeof seen, 0) == part_bytes && memcmp(text, seen, part_bytes) == 0;
    close(file);
    const off_t place = (self + (off_t)round * threads) * part_bytes;
    good += pwrite(common_file, text, sizeof text, place) == part_bytes;
    good += pread(common_file, seen, sizeof seen, place) == part_bytes &&
            memcmp(text, seen, part_bytes) == 0;
    struct stat status;
    good += stat(name, &status) == 0 && status.st_size == part_bytes;
    char moved[30];
    snprintf(moved, sizeof moved, "moved-%ld", self);
    good += rename(name, moved) == 0;
    good += access(name, F_OK) != 0;
    good += unlink(moved) == 0;
  }
  return (void*)good;
}

static void together(void) {
  common_file = SAY_OPEN(open("common", O_CREAT | O_RDWR | O_TRUNC, 0644));
  pthread_t thread[threads];
  for (long i = 0; i < threads; ++i) pthread_create(&thread[i], NULL, work, (void*)i);
  for (int i = 0; i < threads; ++i) {
    void* good;
    pthread_join(thread[i], &good);
    SAY((long)good);
  }
  say_status("common");
  say_names(".");
}

// The folder is read-only, and has the file `file` and the folder `folder`.
static void unchangeable(void) {
  SAY_OPEN(open("file", O_RDONLY));
  SAY_OPEN(open("file", O_RDWR));
  SAY_OPEN(open("file", O_WRONLY | O_TRUNC));
  SAY_OPEN(open("file", O_RDONLY | O_TRUNC));
  SAY_OPEN(open("new", O_RDWR | O_CREAT, 0644));
  SAY(access("file", R_OK));
  SAY(access("file", W_OK));
  SAY(access("folder", W_OK));
  SAY(mkdir("new", 0755));
  SAY(mkdir("folder", 0755));
  SAY(symlink("file", "new"));
  SAY(unlink("file"));
  SAY(rmdir("folder"));
  SAY(rename("file", "new"));
  say_names(".");
}

static void copy_for_ever(long self) {
  char name[20];
  snprintf(name, sizeof name, "copy-%ld", self);
  for (;;) {
    const int file = open(name, O_CREAT | O_RDWR, 0644);
    (void)!write(file, bytes, sizeof bytes);
    (void)!pread(file, bytes, sizeof bytes, 0);
    struct stat status;
    stat(name, &status);
    close(file);
    unlink(name);
  }
}

// Kills processes while they wait for the server.
static void killed(void) {
  for (int round = 0; round < 40; ++round) {
    pid_t child[4];
    for (long i = 0; i < 4; ++i) {
      child[i] = fork();
      if (child[i] == 0) copy_for_ever(i);
    }
    usleep(1000 + round * 500);
    int ended = 0, status;
    for (int i = 0; i < 4; ++i) kill(child[i], SIGKILL);
    for (int i = 0; i < 4; ++i) ended += waitpid(child[i], &status, 0) == child[i];
    if (ended != 4) printf("%d have ended\n", ended);
  }
  // The server may still create a file for a process that has been killed.
  for (int pass = 0; pass < 2; ++pass) {
    usleep(200000);
    for (long i = 0; i < 4; ++i) {
      char name[20];
      snprintf(name, sizeof name, "copy-%ld", i);
      unlink(name);
    }
  }
  contents();
}

// Reads a file until its first byte is 'x', which the host writes when the file "ready" is there.
static void awaits_host(void) {
  SAY_OPEN(creat("ready", 0644));
  for (;;) {
    const int file = open("signal", O_RDONLY);
    bytes[0] = 0;
    if (file >= 0 && read(file, bytes, 1) == 1 && bytes[0] == 'x') break;
    close(file);
    usleep(1000);
  }
  say_names(".");
}

static const struct {
  const char* name;
  void (*run)(void);
} parts[] = {
    {"contents", contents},     {"names", names},
    {"attributes", attributes}, {"directories", directories},
    {"mappings", mappings},     {"shared", shared},
    {"locks", locks},           {"large", large},
    {"together", together},     {"awaits", awaits_host},
    {"killed", killed},         {"unchangeable", unchangeable},
};

int main(int count, char** arguments) {
  if (count < 3) return 0;
  umask(0);
  if (chdir(arguments[1]) != 0) return 1;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    if (strcmp(parts[i].name, arguments[2]) == 0) parts[i].run();
  }
  fflush(stdout);
  return 0;
}
