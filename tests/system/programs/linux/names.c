// Paths whose last component is not a name, removed files, and unusual flags of open.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

static void remove_what_has_no_name(void) {
  SAY(rmdir("/"));
  SAY(rmdir("//"));
  SAY(rmdir("/tmp/.."));
  SAY(rmdir("/tmp/../"));
  SAY(rmdir("/tmp/."));
  SAY(rmdir("/tmp/./"));
  SAY(rmdir("."));
  SAY(rmdir(".."));
  SAY(rmdir("folder/."));
  SAY(rmdir("folder/.."));
  SAY(rmdir("nothing/.."));
  SAY(rmdir("nothing/"));
  SAY(rmdir("file/"));
  SAY(rmdir("file/.."));
  SAY(rmdir(""));
  SAY(unlink("/"));
  SAY(unlink("."));
  SAY(unlink("/tmp/.."));
  SAY(unlink("folder/"));
  SAY(unlink("file/"));
  SAY(unlink("nothing/"));
}

static void remove_what_is_of_another_kind(void) {
  SAY(symlink("folder", "link"));
  SAY(rmdir("file"));
  SAY(rmdir("link"));
  SAY(rmdir("link/"));
  SAY(rmdir("folder"));
  SAY(unlink("folder"));
  SAY(unlink("folder/inside"));
  SAY(unlink("link/"));
  SAY(unlinkat(AT_FDCWD, "file", AT_REMOVEDIR));
  SAY(unlinkat(AT_FDCWD, "folder", AT_REMOVEDIR));
  SAY(unlinkat(AT_FDCWD, "folder", 0));
  SAY(unlinkat(AT_FDCWD, "file", 1));
  SAY(mkdir("link/", 0700));
  SAY(symlink("file", "link/"));
  SAY(rename("link/", "other"));
  SAY(rename("file", "link/"));
  SAY(rename("folder", "link/"));
  SAY(unlinkat(AT_FDCWD, "link", 0));
  SAY(symlink("nothing", "link"));
  SAY(mkdir("link/", 0700));
  SAY(rmdir("link/"));
  SAY(unlink("link"));
}

static void make_what_has_no_name(void) {
  SAY(mkdir("/", 0700));
  SAY(mkdir(".", 0700));
  SAY(mkdir("folder/..", 0700));
  SAY(mkdir("file/", 0700));
  SAY(symlink("file", "."));
  SAY(symlink("file", "new/"));
  SAY(symlink("file", "folder/"));
}

static void rename_what_has_no_name(void) {
  SAY(rename(".", "x"));
  SAY(rename("folder", ".."));
  SAY(rename("folder", "/"));
  SAY(rename("nothing", ".."));
  SAY(rename("nothing", "x"));
  SAY(syscall(SYS_renameat2, AT_FDCWD, "folder", AT_FDCWD, "..", RENAME_NOREPLACE));
  SAY(syscall(SYS_renameat2, AT_FDCWD, "nothing", AT_FDCWD, "file", RENAME_NOREPLACE));
  SAY(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "folder", RENAME_NOREPLACE));
  SAY(rename("file", "new/"));
  SAY(rename("file/", "new"));
  SAY(rename("folder/inside", "folder"));
  SAY(rename("folder", "folder/inside"));
  SAY(rename("folder/inside", "folder/inside"));
}

static void show_links(const char* what, int fd) {
  struct stat about;
  printf("%s: %s, %ld bytes\n", what,
         fstat(fd, &about) != 0 ? strerrorname_np(errno)
         : about.st_nlink > 0   ? "it has a name"
                                : "it has no name",
         S_ISDIR(about.st_mode) ? 0 : (long)about.st_size);
}

static void lose_names(void) {
  int file = open("file", O_RDWR);
  int folder = open("folder", O_RDONLY | O_DIRECTORY);
  int inside = open("folder/inside", O_RDONLY | O_DIRECTORY);
  show_links("a file", file);
  SAY(rename("file", "moved"));
  show_links("… moved", file);
  SAY(unlink("moved"));
  show_links("… removed", file);
  SAY(write(file, "more", 4));
  show_links("… written", file);
  show_links("a directory", inside);
  SAY(rmdir("folder/inside"));
  show_links("… removed", inside);
  int other = open("other", O_CREAT | O_RDWR, 0600);
  close(open("another", O_CREAT | O_RDWR, 0600));
  SAY(rename("another", "other"));
  show_links("a file replaced", other);
  SAY(unlink("other"));
  SAY(rmdir("folder"));
  show_links("a directory removed", folder);
  close(file);
  close(folder);
  close(inside);
  close(other);
}

static void empty_a_file_opened_to_read(void) {
  int file = open("file", O_CREAT | O_RDWR, 0600);
  SAY(write(file, "something", 9));
  int reader = open("file", O_RDONLY | O_TRUNC);
  show_links("opened to read and emptied", file);
  SAY(write(reader, "x", 1));
  close(reader);
  SAY(write(file, "again", 5));
  close(file);
  SAY(open(".", O_RDONLY | O_TRUNC));
  SAY(open("file/", O_RDONLY));
  SAY(open("file/", O_RDONLY | O_CREAT, 0600));
  SAY(open("new/", O_RDONLY | O_CREAT, 0600));
  SAY(open("folder/", O_RDONLY | O_CREAT | O_EXCL, 0600));
  SAY(open(".", O_RDONLY | O_CREAT | O_EXCL, 0600));
}

/// Access mode 3 (open(2)). Emulators do not pass it on.
static void open_for_nothing(void) {
  int file = open("/tmp/file", O_CREAT | O_RDWR, 0600);
  close(file);
  int both = open("/tmp/file", O_ACCMODE);
  char byte = 0;
  SAY(both);
  SAY(read(both, &byte, 1));
  SAY(write(both, &byte, 1));
  SAY(ftruncate(both, 1));
  SAY(lseek(both, 0, SEEK_END));
  SAY(fcntl(both, F_GETFL) & O_ACCMODE);
  SAY(open("/tmp", O_ACCMODE));
  SAY(open("/bin/sh", O_ACCMODE));
  SAY(open("/bin/sh", O_RDONLY | O_TRUNC));
  SAY(symlink("x", "/bin/new/"));
}

/// Tries to remove names that programs cannot remove.
static void remove_what_stays(void) {
  SAY(rmdir("/bin/nothing"));
  SAY(unlink("/bin/nothing"));
  SAY(unlink("/bin/sh"));
  SAY(unlink("/bin/sh/"));
  SAY(unlink("/dev/null"));
  SAY(unlink("/bin"));
  SAY(unlink("/tmp"));
  SAY(unlink("/tmp/"));
  SAY(unlink("/dev"));
  SAY(rmdir("/dev/null"));
  SAY(rmdir("/bin/sh"));
  SAY(rmdir("/proc/version"));
  SAY(rmdir("/proc/self/exe"));
  SAY(unlinkat(AT_FDCWD, "/dev/null", AT_REMOVEDIR));
  SAY(rmdir("/bin"));
  SAY(rmdir("/dev"));
  SAY(rmdir("/proc/"));
  SAY(rmdir("/tmp"));
}

int main(int argc, char** argv) {
  (void)argv;
  if (argc > 1) {
    open_for_nothing();
    remove_what_stays();
    return 0;
  }
  char folder[] = "/tmp/names-XXXXXX";
  if (mkdtemp(folder) == NULL || chdir(folder) != 0) return 1;
  mkdir("folder", 0700);
  mkdir("folder/inside", 0700);
  close(open("file", O_CREAT | O_RDWR, 0600));
  remove_what_has_no_name();
  remove_what_is_of_another_kind();
  make_what_has_no_name();
  rename_what_has_no_name();
  empty_a_file_opened_to_read();
  lose_names();
  return chdir("/") != 0 || rmdir(folder) != 0;
}
