// Calls that take a path: wrong descriptors, flags, addresses, and names of another kind.
#include <limits.h>
#include <sys/stat.h>

#include "answers.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

namespace {

struct stat status;
char bytes[8192];
char long_name[300];   // longer than NAME_MAX
char long_path[5000];  // longer than PATH_MAX
int folder;            // a descriptor of /tmp/folder
int file;              // a descriptor of /tmp/file

// The same wrong paths for every call. `call` gets a directory and a path.
#define WRONG_PATHS(call, ...)                                 \
  CASE(-EFAULT, call, AT_FDCWD, nowhere, __VA_ARGS__);         \
  CASE(-EFAULT, call, AT_FDCWD, beyond, __VA_ARGS__);          \
  CASE(-EFAULT, call, AT_FDCWD, 0, __VA_ARGS__);               \
  CASE(-EFAULT, call, -1, nowhere, __VA_ARGS__);               \
  CASE(-ENOENT, call, AT_FDCWD, "", __VA_ARGS__);              \
  CASE(-ENOENT, call, -1, "", __VA_ARGS__);                    \
  CASE(-ENAMETOOLONG, call, AT_FDCWD, long_path, __VA_ARGS__); \
  CASE(-ENAMETOOLONG, call, -1, long_path, __VA_ARGS__);       \
  CASE(-ENAMETOOLONG, call, AT_FDCWD, long_name, __VA_ARGS__); \
  CASE(-ENAMETOOLONG, call, folder, long_name, __VA_ARGS__);   \
  CASE(-EBADF, call, -1, "x", __VA_ARGS__);                    \
  CASE(-EBADF, call, 99, "x", __VA_ARGS__);                    \
  CASE(-EBADF, call, -99, "x", __VA_ARGS__);                   \
  CASE(-ENOTDIR, call, file, "x", __VA_ARGS__);                \
  CASE(-ENOENT, call, file, "", __VA_ARGS__);                  \
  CASE(-ENOTDIR, call, AT_FDCWD, "/tmp/file/x", __VA_ARGS__);  \
  CASE(-ENOENT, call, AT_FDCWD, "/tmp/none/x", __VA_ARGS__);   \
  CASE(-ELOOP, call, AT_FDCWD, "/tmp/loop/x", __VA_ARGS__)

void opens() {
  WRONG_PATHS(openat, O_RDONLY, 0);
  CASE(-ENOENT, openat, AT_FDCWD, "/tmp/none", O_RDONLY);
  CASE(-ENOTDIR, openat, AT_FDCWD, "/tmp/file/", O_RDONLY);
  CASE(-ENOTDIR, openat, AT_FDCWD, "/tmp/file", O_DIRECTORY);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/file/", O_CREAT | O_RDWR, 0600);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/none/", O_CREAT | O_RDWR, 0600);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder", O_WRONLY);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder", O_RDWR);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder", O_CREAT, 0600);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder", O_TRUNC);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder", O_DIRECTORY | O_RDWR);
  CASE(-EEXIST, openat, AT_FDCWD, "/tmp/folder", O_CREAT | O_EXCL, 0600);
  CASE(-EEXIST, openat, AT_FDCWD, "/tmp/file", O_CREAT | O_EXCL, 0600);
  CASE(-EEXIST, openat, AT_FDCWD, "/tmp/link", O_CREAT | O_EXCL, 0600);
  CASE(-EEXIST, openat, AT_FDCWD, "/tmp/loop", O_CREAT | O_EXCL, 0600);
  CASE(-EINVAL, openat, AT_FDCWD, "/tmp/file", O_CREAT | O_DIRECTORY, 0600);
  CASE(-EINVAL, openat, AT_FDCWD, nowhere, O_CREAT | O_DIRECTORY, 0600);
  CASE(-ELOOP, openat, AT_FDCWD, "/tmp/loop", O_RDONLY);
  CASE(-ELOOP, openat, AT_FDCWD, "/tmp/link", O_NOFOLLOW);
  CASE(-ENOTDIR, openat, AT_FDCWD, "/tmp/link", O_NOFOLLOW | O_DIRECTORY);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/folder/..", O_RDWR);
  CASE(-EISDIR, openat, AT_FDCWD, "/", O_CREAT, 0600);
  CASE(-EISDIR, openat, AT_FDCWD, "/tmp/.", O_CREAT | O_RDWR, 0600);
  CASE(-EEXIST, openat, AT_FDCWD, "/tmp/.", O_CREAT | O_EXCL, 0600);
  CASE(-EINVAL, openat, AT_FDCWD, "/tmp/folder", 020000000);
  CASE(-EINVAL, openat, AT_FDCWD, "/tmp/folder", 020200000 | O_RDONLY, 0600);
}

void states() {
  WRONG_PATHS(newfstatat, &status, 0);
  CASE(-EINVAL, newfstatat, AT_FDCWD, "/tmp/file", &status, 1);
  CASE(-EINVAL, newfstatat, AT_FDCWD, nowhere, &status, 1);
  CASE(-EINVAL, newfstatat, -1, nowhere, nowhere, 1 << 20);
  CASE(-EFAULT, newfstatat, AT_FDCWD, "/tmp/file", nowhere, 0);
  CASE(-EFAULT, newfstatat, AT_FDCWD, "/tmp/file", 0, 0);
  CASE(-ENOENT, newfstatat, AT_FDCWD, "/tmp/none", nowhere, 0);
  CASE(-ENOTDIR, newfstatat, AT_FDCWD, "/tmp/file/", &status, 0);
  CASE(-ELOOP, newfstatat, AT_FDCWD, "/tmp/loop", &status, 0);
  CASE(0, newfstatat, AT_FDCWD, "/tmp/loop", &status, AT_SYMLINK_NOFOLLOW);
  CASE(0, newfstatat, file, "", &status, AT_EMPTY_PATH);
  CASE(0, newfstatat, file, 0, &status, AT_EMPTY_PATH);
  CASE(-EFAULT, newfstatat, file, nowhere, &status, AT_EMPTY_PATH);
  CASE(-EBADF, newfstatat, -1, "", &status, AT_EMPTY_PATH);
  CASE(0, newfstatat, AT_FDCWD, "", &status, AT_EMPTY_PATH);
  CASE(-EFAULT, newfstatat, AT_FDCWD, 0, &status, AT_EMPTY_PATH);
  CASE(-EFAULT, newfstatat, -1, 0, &status, AT_EMPTY_PATH);
  CASE(-EFAULT, newfstatat, file, 0, &status, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  CASE(0, newfstatat, -1, "/tmp/file", &status, 0);
  CASE(-EFAULT, fstat, file, nowhere);
  CASE(-EFAULT, fstat, file, 0);
}

void accesses() {
  WRONG_PATHS(faccessat, F_OK);
  WRONG_PATHS(faccessat2, F_OK, 0);
  CASE(-EINVAL, faccessat, AT_FDCWD, "/tmp/file", 8);
  CASE(-EINVAL, faccessat, AT_FDCWD, "/tmp/file", -1);
  CASE(-EINVAL, faccessat, AT_FDCWD, "/tmp/none", 8);
  CASE(-EINVAL, faccessat, AT_FDCWD, nowhere, 8);
  CASE(-EINVAL, faccessat, -1, "x", 8);
  CASE(-EACCES, faccessat, AT_FDCWD, "/tmp/file", X_OK);
  CASE(0, faccessat, AT_FDCWD, "/tmp/file", R_OK | W_OK);
  CASE(0, faccessat, AT_FDCWD, "/tmp/folder", R_OK | W_OK | X_OK);
  CASE(-ENOENT, faccessat, AT_FDCWD, "/tmp/none", X_OK);
  CASE(-ELOOP, faccessat, AT_FDCWD, "/tmp/loop", F_OK);
  CASE(-EINVAL, faccessat2, AT_FDCWD, "/tmp/file", F_OK, 1);
  CASE(-EINVAL, faccessat2, AT_FDCWD, nowhere, F_OK, 1);
  CASE(-EINVAL, faccessat2, AT_FDCWD, "/tmp/file", 8, AT_EACCESS);
  CASE(0, faccessat2, AT_FDCWD, "/tmp/loop", F_OK, AT_SYMLINK_NOFOLLOW);
  CASE(0, faccessat2, AT_FDCWD, "/tmp/file", W_OK, AT_EACCESS);
  CASE(0, faccessat2, file, "", W_OK, AT_EMPTY_PATH);
  CASE(-EBADF, faccessat2, -1, "", W_OK, AT_EMPTY_PATH);
  CASE(0, faccessat2, AT_FDCWD, "", X_OK, AT_EMPTY_PATH);
}

void links() {
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/link", bytes, 0);
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/link", bytes, -1);
  CASE(-EINVAL, readlinkat, AT_FDCWD, nowhere, bytes, 0);
  CASE(-EINVAL, readlinkat, -1, "", nowhere, -1);
  CASE(-EFAULT, readlinkat, AT_FDCWD, "/tmp/link", nowhere, 10);
  CASE(-EFAULT, readlinkat, AT_FDCWD, nowhere, bytes, 10);
  CASE(-EFAULT, readlinkat, AT_FDCWD, 0, bytes, 10);
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/file", bytes, 10);
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/folder", bytes, 10);
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/file", nowhere, 10);
  CASE(-ENOENT, readlinkat, AT_FDCWD, "/tmp/none", bytes, 10);
  CASE(-ENOENT, readlinkat, AT_FDCWD, "", bytes, 10);
  CASE(-EBADF, readlinkat, -1, "x", bytes, 10);
  CASE(-EBADF, readlinkat, -1, "", bytes, 10);
  CASE(-ENOTDIR, readlinkat, file, "x", bytes, 10);
  CASE(-ENOENT, readlinkat, file, "", bytes, 10);
  CASE(-ENOENT, readlinkat, folder, "", bytes, 10);
  CASE(-ENAMETOOLONG, readlinkat, AT_FDCWD, long_name, bytes, 10);
  CASE(9, readlinkat, AT_FDCWD, "/tmp/link", bytes, 100);
  CASE(3, readlinkat, AT_FDCWD, "/tmp/link", bytes, 3);
  CASE(-ENOTDIR, readlinkat, AT_FDCWD, "/tmp/link/", bytes, 100);
  CASE(-EINVAL, readlinkat, AT_FDCWD, "/tmp/way/", bytes, 100);
  const int place = open("/tmp/link", O_PATH | O_NOFOLLOW);
  CASE(9, readlinkat, place, "", bytes, 100);
  CASE(-ENOTDIR, readlinkat, place, "x", bytes, 100);
  close(place);
}

void makes() {
  WRONG_PATHS(mkdirat, 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/folder", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/folder/", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/folder/.", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/file", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/link", 0755);
  CASE(-EEXIST, mkdirat, AT_FDCWD, "/tmp/loop", 0755);
  CASE(-ENOENT, mkdirat, AT_FDCWD, "/tmp/none/.", 0755);

  CASE(-EFAULT, symlinkat, nowhere, AT_FDCWD, "/tmp/new");
  CASE(-EFAULT, symlinkat, "x", AT_FDCWD, nowhere);
  CASE(-ENOENT, symlinkat, "", AT_FDCWD, "/tmp/new");
  CASE(-ENOENT, symlinkat, "", AT_FDCWD, "/tmp/file");
  CASE(-ENOENT, symlinkat, "x", AT_FDCWD, "");
  CASE(-EEXIST, symlinkat, "x", AT_FDCWD, "/tmp/file");
  CASE(-EEXIST, symlinkat, "x", AT_FDCWD, "/tmp/loop");
  CASE(-ENOENT, symlinkat, "x", AT_FDCWD, "/tmp/new/");
  CASE(-ENAMETOOLONG, symlinkat, long_path, AT_FDCWD, "/tmp/new");
  CASE(-ENAMETOOLONG, symlinkat, "x", AT_FDCWD, long_path);
  CASE(-EBADF, symlinkat, "x", -1, "new");
  CASE(-ENOTDIR, symlinkat, "x", file, "new");
  CASE(-EFAULT, symlinkat, nowhere, -1, "new");
}

void removals() {
  WRONG_PATHS(unlinkat, 0);
  WRONG_PATHS(unlinkat, AT_REMOVEDIR);
  CASE(-EINVAL, unlinkat, AT_FDCWD, "/tmp/file", 1);
  CASE(-EINVAL, unlinkat, AT_FDCWD, "/tmp/file", AT_REMOVEDIR | AT_SYMLINK_NOFOLLOW);
  CASE(-EINVAL, unlinkat, -1, nowhere, 1);
  CASE(-ENOENT, unlinkat, AT_FDCWD, "/tmp/none", 0);
  CASE(-ENOENT, unlinkat, AT_FDCWD, "/tmp/none", AT_REMOVEDIR);
  CASE(-EISDIR, unlinkat, AT_FDCWD, "/tmp/folder", 0);
  CASE(-ENOTDIR, unlinkat, AT_FDCWD, "/tmp/file", AT_REMOVEDIR);
  CASE(-ENOTDIR, unlinkat, AT_FDCWD, "/tmp/file/", 0);
  CASE(-ENOTDIR, unlinkat, AT_FDCWD, "/tmp/way", AT_REMOVEDIR);
  CASE(-ENOTDIR, unlinkat, AT_FDCWD, "/tmp/way/", AT_REMOVEDIR);
  CASE(-EINVAL, unlinkat, AT_FDCWD, "/tmp/folder/.", AT_REMOVEDIR);
  CASE(-ENOTEMPTY, unlinkat, AT_FDCWD, "/tmp/folder/..", AT_REMOVEDIR);
  CASE(-EISDIR, unlinkat, AT_FDCWD, "/tmp/folder/.", 0);
  CASE(-EBUSY, unlinkat, AT_FDCWD, "/", AT_REMOVEDIR);
  CASE(-EISDIR, unlinkat, AT_FDCWD, "/", 0);
}

void renames() {
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/new", 1 << 5);
  CASE(-EINVAL, renameat2, -1, nowhere, AT_FDCWD, "/tmp/new", 1 << 5);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/new", 3);
  CASE(-EFAULT, renameat2, AT_FDCWD, nowhere, AT_FDCWD, "/tmp/new", 0);
  CASE(-EFAULT, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, nowhere, 0);
  CASE(-EFAULT, renameat2, AT_FDCWD, "/tmp/none", AT_FDCWD, nowhere, 0);
  CASE(-ENOENT, renameat2, AT_FDCWD, "", AT_FDCWD, "/tmp/new", 0);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "", 0);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/none", AT_FDCWD, "/tmp/new", 0);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/none", AT_FDCWD, "/tmp/file", RENAME_NOREPLACE);
  CASE(-EEXIST, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder", RENAME_NOREPLACE);
  CASE(-EBADF, renameat2, -1, "file", AT_FDCWD, "/tmp/new", 0);
  CASE(-EBADF, renameat2, AT_FDCWD, "/tmp/file", -1, "new", 0);
  CASE(-EBADF, renameat2, AT_FDCWD, "/tmp/none", -1, "new", 0);
  CASE(-EBADF, renameat2, -1, "file", AT_FDCWD, nowhere, 0);
  CASE(-ENOTDIR, renameat2, file, "x", AT_FDCWD, "/tmp/new", 0);
  CASE(-ENOTDIR, renameat2, AT_FDCWD, "/tmp/file", file, "x", 0);
  CASE(-EISDIR, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder", 0);
  CASE(-ENOTDIR, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/file", 0);
  CASE(-ENOTDIR, renameat2, AT_FDCWD, "/tmp/file/", AT_FDCWD, "/tmp/new", 0);
  CASE(-ENOTDIR, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/new/", 0);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/folder/in", 0);
  CASE(-EBUSY, renameat2, AT_FDCWD, "/tmp/folder/.", AT_FDCWD, "/tmp/new", 0);
  CASE(-EBUSY, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/..", 0);
  CASE(-EXDEV, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/proc/new", 0);
  CASE(-EXDEV, renameat2, AT_FDCWD, "/proc/version", AT_FDCWD, "/tmp/new", 0);
  CASE(-EXDEV, renameat2, AT_FDCWD, "/proc/none", AT_FDCWD, "/tmp/new", 0);
  CASE(-EXDEV, renameat2, AT_FDCWD, "/tmp/.", AT_FDCWD, "/proc/new", 0);
  CASE(0, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/file", 0);
  CASE(-EEXIST, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/file", RENAME_NOREPLACE);
  CASE(0, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/folder", 0);
}

void working_directories() {
  CASE(-EFAULT, chdir, nowhere);
  CASE(-EFAULT, chdir, 0);
  CASE(-ENOENT, chdir, "");
  CASE(-ENOENT, chdir, "/tmp/none");
  CASE(-ENOTDIR, chdir, "/tmp/file");
  CASE(-ENOTDIR, chdir, "/tmp/file/");
  CASE(-ELOOP, chdir, "/tmp/loop");
  CASE(-ENAMETOOLONG, chdir, long_path);
  CASE(-ENAMETOOLONG, chdir, long_name);
  CASE(-ENOTDIR, fchdir, file);
  CASE(-ERANGE, getcwd, bytes, 0);
  CASE(-ERANGE, getcwd, bytes, 1);
  CASE(-ERANGE, getcwd, nowhere, 1);
  CASE(-EFAULT, getcwd, nowhere, 100);
  CASE(-EFAULT, getcwd, 0, 100);
  CASE(2, getcwd, bytes, 100);
  CASE(2, getcwd, bytes, -1);
  CASE(0, chdir, "/tmp/folder");
  CASE(12, getcwd, bytes, 12);
  CASE(-ERANGE, getcwd, bytes, 11);
  CASE(0, chdir, "/");
  mkdir("/tmp/gone", 0755);
  CASE(0, chdir, "/tmp/gone");
  rmdir("/tmp/gone");
  CASE(-ENOENT, getcwd, bytes, 100);
  CASE(-ENOENT, getcwd, bytes, 0);
  CASE(-ENOENT, getcwd, nowhere, 100);
  CASE(-ENOENT, openat, AT_FDCWD, "x", O_CREAT | O_RDWR, 0600);
  CASE(-ENOENT, mkdirat, AT_FDCWD, "x", 0755);
  CASE(0, chdir, "/");
  CASE(022, umask, 07777);
  CASE(0777, umask, -1);
  CASE(0777, umask, 022);
}

}  // namespace

void paths() {
  umask(022);
  chdir("/");
  memset(long_name, 'n', sizeof long_name - 1);
  memset(long_path, '/', sizeof long_path - 1);
  mkdir("/tmp/folder", 0755);
  folder = open("/tmp/folder", O_RDONLY);
  file = new_file("/tmp/file", "text");
  symlink("/tmp/file", "/tmp/link");
  symlink("/tmp/folder", "/tmp/way");
  symlink("loop", "/tmp/loop");
  opens();
  states();
  accesses();
  links();
  makes();
  removals();
  renames();
  working_directories();
  close(folder);
  close(file);
  for (const char* name : {"/tmp/file", "/tmp/link", "/tmp/way", "/tmp/loop"}) unlink(name);
  rmdir("/tmp/folder");
}
