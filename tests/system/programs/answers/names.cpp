// Names that work: how long a name, a path and a chain of links may be, and what is left of a
// directory that has been removed.
#include <stdio.h>
#include <sys/stat.h>

#include "answers.h"

namespace {

struct stat status;
char bytes[8192];

void lengths() {
  char name[300] = "/tmp/";
  memset(name + 5, 'n', 255);
  CASE(0, mkdirat, AT_FDCWD, name, 0755);
  CASE(0, newfstatat, AT_FDCWD, name, &status, 0);
  CASE(0, unlinkat, AT_FDCWD, name, AT_REMOVEDIR);
  name[260] = 'n';
  CASE(-ENAMETOOLONG, mkdirat, AT_FDCWD, name, 0755);
  CASE(-ENAMETOOLONG, unlinkat, AT_FDCWD, name, AT_REMOVEDIR);
  CASE(-ENAMETOOLONG, symlinkat, "x", AT_FDCWD, name);
  CASE(-ENAMETOOLONG, openat, AT_FDCWD, name, O_CREAT | O_RDWR, 0600);
  CASE(-ENAMETOOLONG, renameat2, AT_FDCWD, name, AT_FDCWD, "/tmp/x", 0);

  char path[5000];
  memset(path, '/', sizeof path);
  memcpy(path + 4090, "tmp/.", 6);
  CASE(0, newfstatat, AT_FDCWD, path, &status, 0);
  CASE(0, chdir, path);
  CASE(0, chdir, "/");
  path[4095] = '/';
  path[4096] = 0;
  CASE(-ENAMETOOLONG, newfstatat, AT_FDCWD, path, &status, 0);
  CASE(-ENAMETOOLONG, chdir, path);
  CASE(-ENAMETOOLONG, openat, AT_FDCWD, path, O_RDONLY);
  // The path ends behind its page.
  char* const page = (char*)mmap(nullptr, 2 * page_size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page + page_size - 4, "/tmp", 4);
  munmap(page + page_size, page_size);
  CASE(-EFAULT, chdir, page + page_size - 4);
  memcpy(page + page_size - 5, "/tmp", 5);
  CASE(0, chdir, page + page_size - 5);
  CASE(0, chdir, "/");
}

// A chain of 41 links.
void chains() {
  char from[32], to[32] = "/tmp";
  for (int i = 1; i <= 41; ++i) {
    snprintf(from, sizeof from, "/tmp/link%d", i);
    symlink(to, from);
    strcpy(to, from);
  }
  CASE(0, newfstatat, AT_FDCWD, "/tmp/link40", &status, 0);
  CASE(-ELOOP, newfstatat, AT_FDCWD, "/tmp/link41", &status, 0);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/link41", &status, AT_SYMLINK_NOFOLLOW);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/link20/link20", &status, 0);
  CASE(-ELOOP, newfstatat, AT_FDCWD, "/tmp/link20/link21", &status, 0);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/link20/link20/.", &status, AT_SYMLINK_NOFOLLOW);
  CASE(-ELOOP, openat, AT_FDCWD, "/tmp/link41", O_RDONLY);
  CASE(-ELOOP, chdir, "/tmp/link41");
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/link41", 0755);
  CASE(-ELOOP, mkdirat, AT_FDCWD, "/tmp/link41/x", 0755);
  CASE(11, readlinkat, AT_FDCWD, "/tmp/link41", bytes, sizeof bytes);
  for (int i = 1; i <= 41; ++i) {
    snprintf(from, sizeof from, "/tmp/link%d", i);
    unlink(from);
  }
}

void removed_folders() {
  mkdir("/tmp/gone", 0755);
  close(new_file("/tmp/file", "text"));
  const int gone = open("/tmp/gone", O_RDONLY);
  const int place = open("/tmp/gone", O_PATH);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/gone", AT_REMOVEDIR);
  CASE(0, fstat, gone, &status);
  VALUE(0, status.st_nlink);
  CASE(0, newfstatat, gone, ".", &status, 0);
  CASE(0, newfstatat, gone, "", &status, AT_EMPTY_PATH);
  CASE(-ENOENT, newfstatat, gone, "x", &status, 0);
  CASE(-ENOENT, getdents64, gone, bytes, sizeof bytes);
  CASE(-ENOENT, getdents64, gone, bytes, 0);
  CASE(-ENOENT, openat, gone, "x", O_RDONLY);
  CASE(-ENOENT, openat, gone, "x", O_CREAT | O_RDWR, 0600);
  CASE(-ENOENT, mkdirat, gone, "x", 0755);
  CASE(-ENOENT, mkdirat, place, "x", 0755);
  CASE(-ENOENT, symlinkat, "x", gone, "x");
  CASE(-ENOENT, unlinkat, gone, "x", 0);
  CASE(-ENOENT, unlinkat, gone, "x", AT_REMOVEDIR);
  CASE(-EINVAL, unlinkat, gone, ".", AT_REMOVEDIR);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/file", gone, "x", 0);
  CASE(0, lseek, gone, 0, SEEK_SET);
  CASE(0, fsync, gone);
  CASE(0, fchdir, gone);
  CASE(-ENOENT, getcwd, bytes, sizeof bytes);
  CASE(0, faccessat, AT_FDCWD, ".", R_OK);
  CASE(-ENOENT, faccessat, AT_FDCWD, "x", R_OK);
  CASE(0, chdir, "/");
  close(gone);
  close(place);
}

void replacements() {
  mkdir("/tmp/one", 0755);
  mkdir("/tmp/two", 0755);
  mkdir("/tmp/two/in", 0755);
  close(new_file("/tmp/file", "text"));
  close(new_file("/tmp/other", "other"));
  CASE(-ENOTEMPTY, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/two", 0);
  CASE(-ENOTEMPTY, unlinkat, AT_FDCWD, "/tmp/two", AT_REMOVEDIR);
  CASE(0, renameat2, AT_FDCWD, "/tmp/two", AT_FDCWD, "/tmp/one", 0);
  CASE(-ENOENT, newfstatat, AT_FDCWD, "/tmp/two", &status, 0);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/one/in", &status, 0);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/one/in/x", 0);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/one/in", 0);
  CASE(-ENOTEMPTY, renameat2, AT_FDCWD, "/tmp/one/in", AT_FDCWD, "/tmp/one", 0);
  CASE(0, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/other", 0);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/other", &status, 0);
  VALUE(4, status.st_size);
  CASE(0, renameat2, AT_FDCWD, "/tmp/other", AT_FDCWD, "/tmp/one/in/deep", RENAME_NOREPLACE);
  CASE(0, renameat2, AT_FDCWD, "/tmp/one/", AT_FDCWD, "/tmp/two/", 0);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/two/in/deep", 0);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/two/in/", AT_REMOVEDIR);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/two/", AT_REMOVEDIR);
}

}  // namespace

void names() {
  chdir("/");
  lengths();
  chains();
  removed_folders();
  replacements();
}
