// What chmod, chown, utimensat and links change in the status of files, and which times other calls
// set.
#include <linux/stat.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "answers.h"

namespace {

struct stat status;

struct stat& status_of(const char* path) {
  if (fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) != 0)
    memset(&status, -1, sizeof status);
  return status;
}

timespec times[2];
const timespec* seconds(long accessed, long modified, long ns = 0) {
  times[0] = {accessed, ns};
  times[1] = {modified, ns};
  return times;
}

void permissions() {
  const int file = new_file("/tmp/file", "text");
  const int path = open("/tmp/file", O_PATH);
  symlink("file", "/tmp/link");
  symlink("none", "/tmp/broken");
  CASE(0, fchmod, file, 0640);
  VALUE(0100640, status_of("/tmp/file").st_mode);
  CASE(0, fchmod, file, 0177777);
  VALUE(0107777, status_of("/tmp/file").st_mode);
  CASE(-EBADF, fchmod, path, 0640);
  CASE(-EBADF, fchmod, -1, 0640);
  CASE(-EBADF, fchmod, 99, 0640);
  CASE(0, fchmodat, AT_FDCWD, "/tmp/link", 0604);
  VALUE(0100604, status_of("/tmp/file").st_mode);
  VALUE(0120777, status_of("/tmp/link").st_mode);
  CASE(-ENOENT, fchmodat, AT_FDCWD, "/tmp/broken", 0604);
  CASE(-ENOENT, fchmodat, AT_FDCWD, "", 0604);
  CASE(-ENOTDIR, fchmodat, AT_FDCWD, "/tmp/file/", 0604);
  CASE(-EFAULT, fchmodat, AT_FDCWD, nowhere, 0604);
  CASE(-EBADF, fchmodat, -1, "x", 0604);
  CASE(-ENOTDIR, fchmodat, file, "x", 0604);
  constexpr long fchmodat2 = 452;
#define SYS_fchmodat2 fchmodat2
  CASE(0, fchmodat2, AT_FDCWD, "/tmp/file", 0600, 0);
  CASE(-EOPNOTSUPP, fchmodat2, AT_FDCWD, "/tmp/link", 0600, AT_SYMLINK_NOFOLLOW);
  CASE(0, fchmodat2, file, "", 0611, AT_EMPTY_PATH);
  CASE(0, fchmodat2, path, "", 0612, AT_EMPTY_PATH);
  CASE(-ENOENT, fchmodat2, file, "", 0611, 0);
  CASE(-EINVAL, fchmodat2, AT_FDCWD, "/tmp/file", 0600, 1);
  VALUE(0100612, status_of("/tmp/file").st_mode);
  mkdir("/tmp/folder", 0755);
  CASE(0, fchmodat, AT_FDCWD, "/tmp/folder", 01700);
  VALUE(041700, status_of("/tmp/folder").st_mode);
  rmdir("/tmp/folder");
  unlink("/tmp/link");
  unlink("/tmp/broken");
  unlink("/tmp/file");
  CASE(0, fchmod, file, 0600);
  close(path);
  close(file);
}

void owners() {
  const int file = new_file("/tmp/file", "text");
  const int path = open("/tmp/file", O_PATH);
  symlink("file", "/tmp/link");
  fchmod(file, 06777);
  CASE(0, fchown, file, 12, 34);
  VALUE(12, status_of("/tmp/file").st_uid);
  VALUE(34, status_of("/tmp/file").st_gid);
  VALUE(0100777, status_of("/tmp/file").st_mode);
  fchmod(file, 06766);
  CASE(0, fchownat, AT_FDCWD, "/tmp/link", -1, 56, 0);
  VALUE(12, status_of("/tmp/file").st_uid);
  VALUE(56, status_of("/tmp/file").st_gid);
  VALUE(0102766, status_of("/tmp/file").st_mode);
  CASE(0, fchownat, AT_FDCWD, "/tmp/link", 78, -1, AT_SYMLINK_NOFOLLOW);
  VALUE(78, status_of("/tmp/link").st_uid);
  VALUE(12, status_of("/tmp/file").st_uid);
  CASE(0, fchownat, file, "", 90, 91, AT_EMPTY_PATH);
  CASE(0, fchownat, path, "", 92, 93, AT_EMPTY_PATH);
  VALUE(92, status_of("/tmp/file").st_uid);
  CASE(-EINVAL, fchownat, AT_FDCWD, "/tmp/file", 0, 0, 1);
  CASE(-ENOENT, fchownat, AT_FDCWD, "/tmp/none", 0, 0, 0);
  CASE(-EBADF, fchownat, -1, "x", 0, 0, 0);
  CASE(-EBADF, fchown, path, 0, 0);
  CASE(-EBADF, fchown, -1, 0, 0);
  unlink("/tmp/link");
  unlink("/tmp/file");
  close(path);
  close(file);
}

void times_that_programs_set() {
  const int file = new_file("/tmp/file", "text");
  const int path = open("/tmp/file", O_PATH);
  symlink("file", "/tmp/link");
  CASE(0, utimensat, AT_FDCWD, "/tmp/file", seconds(1000, 2000, 5), 0);
  VALUE(1000, status_of("/tmp/file").st_atim.tv_sec);
  VALUE(2000, status_of("/tmp/file").st_mtim.tv_sec);
  VALUE(5, status_of("/tmp/file").st_mtim.tv_nsec);
  VALUE(true, status_of("/tmp/file").st_ctim.tv_sec > 2000);
  CASE(0, utimensat, AT_FDCWD, "/tmp/file", seconds(-7, 5'000'000'000, 999'999'999), 0);
  VALUE(-7, status_of("/tmp/file").st_atim.tv_sec);
  VALUE(999'999'999, status_of("/tmp/file").st_atim.tv_nsec);
  VALUE(5'000'000'000, status_of("/tmp/file").st_mtim.tv_sec);
  seconds(1, 2);
  times[0].tv_nsec = UTIME_OMIT;
  CASE(0, utimensat, AT_FDCWD, "/tmp/file", times, 0);
  VALUE(-7, status_of("/tmp/file").st_atim.tv_sec);
  VALUE(2, status_of("/tmp/file").st_mtim.tv_sec);
  times[0] = {3, 0};
  times[1].tv_nsec = UTIME_NOW;
  CASE(0, utimensat, AT_FDCWD, "/tmp/file", times, 0);
  VALUE(3, status_of("/tmp/file").st_atim.tv_sec);
  VALUE(true, status_of("/tmp/file").st_mtim.tv_sec > 1000);
  CASE(0, utimensat, AT_FDCWD, "/tmp/link", seconds(11, 12), AT_SYMLINK_NOFOLLOW);
  VALUE(11, status_of("/tmp/link").st_atim.tv_sec);
  VALUE(3, status_of("/tmp/file").st_atim.tv_sec);
  CASE(0, utimensat, file, 0, seconds(13, 14), 0);
  VALUE(14, status_of("/tmp/file").st_mtim.tv_sec);
  CASE(0, utimensat, file, "", seconds(15, 16), AT_EMPTY_PATH);
  CASE(0, utimensat, path, "", seconds(17, 18), AT_EMPTY_PATH);
  VALUE(18, status_of("/tmp/file").st_mtim.tv_sec);
  CASE(0, utimensat, file, 0, 0, 0);
  VALUE(true, status_of("/tmp/file").st_atim.tv_sec > 1000);
  VALUE(status.st_atim.tv_nsec, status.st_mtim.tv_nsec);
  CASE(-EBADF, utimensat, path, 0, seconds(13, 14), 0);
  CASE(-EBADF, utimensat, -1, 0, seconds(13, 14), 0);
  CASE(-EINVAL, utimensat, file, 0, seconds(13, 14), AT_SYMLINK_NOFOLLOW);
  CASE(-EFAULT, utimensat, AT_FDCWD, 0, seconds(13, 14), 0);
  CASE(-EFAULT, utimensat, AT_FDCWD, "/tmp/file", nowhere, 0);
  CASE(-ENOENT, utimensat, AT_FDCWD, "/tmp/none", seconds(1, 2), 0);
  CASE(-EINVAL, utimensat, AT_FDCWD, "/tmp/file", seconds(1, 2, -1), 0);
  CASE(-EINVAL, utimensat, AT_FDCWD, "/tmp/file", seconds(1, 2, 1'000'000'000), 0);
  CASE(-EINVAL, utimensat, AT_FDCWD, "/tmp/file", seconds(1, 2), 1);
  CASE(0, utimensat, AT_FDCWD, "/tmp/none", seconds(0, 0, UTIME_OMIT), 0);
  unlink("/tmp/link");
  unlink("/tmp/file");
  close(path);
  close(file);
}

constexpr long long_ago = 1000;

// Sets the times of a file to long_ago.
void begin(const char* path) {
  utimensat(AT_FDCWD, path, seconds(long_ago, long_ago), AT_SYMLINK_NOFOLLOW);
}
bool is_accessed(const char* path) {
  return status_of(path).st_atim.tv_sec != long_ago;
}
bool is_modified(const char* path) {
  return status_of(path).st_mtim.tv_sec != long_ago;
}

void times_that_calls_set() {
  const int file = new_file("/tmp/file", "text");
  mkdir("/tmp/folder", 0755);
  char byte;
  begin("/tmp/file");
  CASE(1, pread64, file, &byte, 1, 0);
  VALUE(true, is_accessed("/tmp/file"));
  VALUE(false, is_modified("/tmp/file"));
  begin("/tmp/file");
  CASE(1, pwrite64, file, "x", 1, 0);
  VALUE(false, is_accessed("/tmp/file"));
  VALUE(true, is_modified("/tmp/file"));
  begin("/tmp/file");
  CASE(0, ftruncate, file, 4);
  VALUE(true, is_modified("/tmp/file"));
  begin("/tmp/file");
  CASE(0, truncate, "/tmp/file", 4);
  VALUE(true, is_modified("/tmp/file"));
  begin("/tmp/file");
  CASE(0, fchmod, file, 0600);
  VALUE(false, is_modified("/tmp/file"));
  VALUE(true, status.st_ctim.tv_sec > long_ago);
  begin("/tmp/file");
  close(open("/tmp/file", O_WRONLY | O_TRUNC));
  VALUE(true, is_modified("/tmp/file"));
  begin("/tmp/folder");
  close(open("/tmp/folder/new", O_CREAT | O_WRONLY, 0600));
  VALUE(true, is_modified("/tmp/folder"));
  begin("/tmp/folder");
  close(open("/tmp/folder/new", O_CREAT | O_WRONLY, 0600));
  VALUE(false, is_modified("/tmp/folder"));
  rename("/tmp/folder/new", "/tmp/folder/other");
  VALUE(true, is_modified("/tmp/folder"));
  begin("/tmp/folder");
  unlink("/tmp/folder/other");
  VALUE(true, is_modified("/tmp/folder"));
  rmdir("/tmp/folder");
  unlink("/tmp/file");
  close(file);
}

void links() {
  const int file = new_file("/tmp/file", "text");
  symlink("file", "/tmp/link");
  mkdir("/tmp/folder", 0755);
  VALUE(1, status_of("/tmp/file").st_nlink);
  CASE(0, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder/second", 0);
  VALUE(2, status_of("/tmp/file").st_nlink);
  const auto inode = status.st_ino;
  VALUE(true, status_of("/tmp/folder/second").st_ino == inode);
  CASE(-EEXIST, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder/second", 0);
  CASE(-EEXIST, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder", 0);
  CASE(-EEXIST, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/folder/.", 0);
  CASE(-ENOENT, linkat, AT_FDCWD, "/tmp/none", AT_FDCWD, "/tmp/new", 0);
  CASE(-ENOENT, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/none/new", 0);
  CASE(-ENOENT, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/new/", 0);
  CASE(-ENOTDIR, linkat, AT_FDCWD, "/tmp/file/", AT_FDCWD, "/tmp/new", 0);
  CASE(-EPERM, linkat, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/new", 0);
  CASE(-EXDEV, linkat, AT_FDCWD, "/proc/version", AT_FDCWD, "/tmp/new", 0);
  CASE(-EINVAL, linkat, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/new", 1);
  CASE(0, linkat, AT_FDCWD, "/tmp/link", AT_FDCWD, "/tmp/symbolic", 0);
  VALUE(0120777, status_of("/tmp/symbolic").st_mode);
  CASE(0, linkat, AT_FDCWD, "/tmp/link", AT_FDCWD, "/tmp/followed", AT_SYMLINK_FOLLOW);
  VALUE(3, status_of("/tmp/followed").st_nlink);
  CASE(0, linkat, file, "", AT_FDCWD, "/tmp/empty", AT_EMPTY_PATH);
  VALUE(4, status_of("/tmp/file").st_nlink);
  CASE(0, renameat2, AT_FDCWD, "/tmp/file", AT_FDCWD, "/tmp/empty", 0);
  VALUE(4, status_of("/tmp/file").st_nlink);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/empty", 0);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/followed", 0);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/file", 0);
  VALUE(1, status_of("/tmp/folder/second").st_nlink);
  VALUE(4, status.st_size);
  CASE(0, unlinkat, AT_FDCWD, "/tmp/folder/second", 0);
  CASE(0, fstat, file, &status);
  VALUE(0, status.st_nlink);
  CASE(-ENOENT, linkat, file, "", AT_FDCWD, "/tmp/again", AT_EMPTY_PATH);
  VALUE(2, status_of("/tmp/folder").st_nlink);
  mkdir("/tmp/folder/inside", 0755);
  VALUE(3, status_of("/tmp/folder").st_nlink);
  rmdir("/tmp/folder/inside");
  VALUE(2, status_of("/tmp/folder").st_nlink);
  const int folder = open("/tmp/folder", O_RDONLY);
  rmdir("/tmp/folder");
  CASE(0, fstat, folder, &status);
  VALUE(0, status.st_nlink);
  unlink("/tmp/link");
  unlink("/tmp/symbolic");
  close(folder);
  close(file);
}

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif
#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

void exchanges() {
  close(new_file("/tmp/one", "1"));
  close(new_file("/tmp/two", "22"));
  mkdir("/tmp/folder", 0755);
  mkdir("/tmp/folder/inside", 0755);
  CASE(0, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/two", RENAME_EXCHANGE);
  VALUE(2, status_of("/tmp/one").st_size);
  VALUE(1, status_of("/tmp/two").st_size);
  CASE(0, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/folder", RENAME_EXCHANGE);
  VALUE(0040755, status_of("/tmp/one").st_mode);
  VALUE(2, status_of("/tmp/folder").st_size);
  CASE(0, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/one", RENAME_EXCHANGE);
  CASE(0, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/folder/inside", RENAME_EXCHANGE);
  VALUE(2, status_of("/tmp/folder/inside").st_size);
  VALUE(2, status_of("/tmp/folder").st_nlink);
  CASE(0, renameat2, AT_FDCWD, "/tmp/folder/inside", AT_FDCWD, "/tmp/one", RENAME_EXCHANGE);
  VALUE(3, status_of("/tmp/folder").st_nlink);
  CASE(0, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/one", RENAME_EXCHANGE);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/none", RENAME_EXCHANGE);
  CASE(-ENOENT, renameat2, AT_FDCWD, "/tmp/none", AT_FDCWD, "/tmp/one", RENAME_EXCHANGE);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/folder", AT_FDCWD, "/tmp/folder/inside",
       RENAME_EXCHANGE);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/folder/inside", AT_FDCWD, "/tmp/folder",
       RENAME_EXCHANGE);
  CASE(-ENOTDIR, renameat2, AT_FDCWD, "/tmp/one/", AT_FDCWD, "/tmp/folder", RENAME_EXCHANGE);
  CASE(-EBUSY, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/.", RENAME_EXCHANGE);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/two", RENAME_EXCHANGE | 1);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/two", RENAME_EXCHANGE | 4);
  CASE(-EINVAL, renameat2, AT_FDCWD, "/tmp/one", AT_FDCWD, "/tmp/two", 8);
  rmdir("/tmp/folder/inside");
  rmdir("/tmp/folder");
  unlink("/tmp/one");
  unlink("/tmp/two");
}

void extended_status() {
  static struct statx x;
  const int file = new_file("/tmp/file", "text");
  symlink("file", "/tmp/link");
  CASE(0, statx, AT_FDCWD, "/tmp/file", 0, STATX_BASIC_STATS, &x);
  VALUE(STATX_BASIC_STATS, x.stx_mask & STATX_BASIC_STATS);
  VALUE(4, x.stx_size);
  VALUE(8, x.stx_blocks);
  VALUE(1, x.stx_nlink);
  VALUE(0100644, x.stx_mode);
  VALUE(4096, x.stx_blksize);
  fstat(file, &status);
  VALUE(true, x.stx_ino == status.st_ino);
  VALUE(true, makedev(x.stx_dev_major, x.stx_dev_minor) == status.st_dev);
  VALUE(status.st_mtim.tv_sec, x.stx_mtime.tv_sec);
  VALUE(status.st_mtim.tv_nsec, x.stx_mtime.tv_nsec);
  CASE(0, statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x);
  VALUE(4, x.stx_size);
  CASE(0, statx, file, 0, AT_EMPTY_PATH, STATX_BASIC_STATS, &x);
  CASE(0, statx, AT_FDCWD, "/tmp/link", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x);
  VALUE(0120777, x.stx_mode);
  CASE(0, statx, AT_FDCWD, "/dev/null", 0, STATX_BASIC_STATS, &x);
  VALUE(1, x.stx_rdev_major);
  VALUE(3, x.stx_rdev_minor);
  CASE(0, statx, AT_FDCWD, "/tmp", 0, 0x2000, &x);
  VALUE(0x2000, x.stx_attributes & 0x2000);
  CASE(0, statx, AT_FDCWD, "/tmp/file", 0x2000, STATX_BASIC_STATS, &x);
  CASE(0, statx, AT_FDCWD, "/tmp/file", 0x4000, STATX_BASIC_STATS, &x);
  CASE(-EINVAL, statx, AT_FDCWD, "/tmp/file", 0x6000, STATX_BASIC_STATS, &x);
  CASE(-EINVAL, statx, AT_FDCWD, "/tmp/file", 0, 0x80000000, &x);
  CASE(-EINVAL, statx, AT_FDCWD, "/tmp/file", 1, STATX_BASIC_STATS, &x);
  CASE(-EFAULT, statx, AT_FDCWD, "/tmp/file", 0, STATX_BASIC_STATS, nowhere);
  CASE(-EFAULT, statx, AT_FDCWD, 0, 0, STATX_BASIC_STATS, &x);
  CASE(-ENOENT, statx, AT_FDCWD, "", 0, STATX_BASIC_STATS, &x);
  CASE(-EBADF, statx, -1, "x", 0, STATX_BASIC_STATS, &x);
  CASE(-EBADF, statx, -1, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x);
  CASE(-ENOTDIR, statx, file, "x", 0, STATX_BASIC_STATS, &x);
  const PipeEnds pipe = new_pipe();
  CASE(0, statx, pipe.reader, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x);
  VALUE(0010600, x.stx_mode);
  unlink("/tmp/link");
  unlink("/tmp/file");
  close(pipe.reader);
  close(pipe.writer);
  close(file);
}

void file_systems() {
  struct statfs system;
  const int file = new_file("/tmp/file", "text");
  const PipeEnds pipe = new_pipe();
  CASE(0, statfs, "/tmp", &system);
  VALUE(0x01021994, system.f_type);
  VALUE(4096, system.f_bsize);
  VALUE(255, system.f_namelen);
  VALUE(true, system.f_blocks > 100 && system.f_bfree <= system.f_blocks);
  const auto free_before = system.f_bfree;
  CASE(0, ftruncate, file, 1 << 20);
  CASE(0, fallocate, file, 0, 0, 1 << 20);
  CASE(0, fstatfs, file, &system);
  VALUE(true, system.f_bfree <= free_before - 200);
  CASE(0, statfs, "/proc", &system);
  VALUE(0x9fa0, system.f_type);
  CASE(0, fstatfs, pipe.reader, &system);
  VALUE(0x50495045, system.f_type);
  CASE(-ENOENT, statfs, "/tmp/none", &system);
  CASE(-ENOENT, statfs, "", &system);
  CASE(-ENOTDIR, statfs, "/tmp/file/", &system);
  CASE(-EFAULT, statfs, nowhere, &system);
  CASE(-EFAULT, statfs, "/tmp", nowhere);
  CASE(-EBADF, fstatfs, -1, &system);
  CASE(-EFAULT, fstatfs, file, nowhere);
  struct stat root;
  stat("/", &root);
  stat("/tmp", &status);
  VALUE(true, root.st_dev != status.st_dev);
  stat("/proc", &root);
  VALUE(true, root.st_dev != status.st_dev);
  unlink("/tmp/file");
  close(pipe.reader);
  close(pipe.writer);
  close(file);
}

}  // namespace

void status_of_files() {
  umask(022);
  permissions();
  owners();
  times_that_programs_set();
  times_that_calls_set();
  links();
  exchanges();
  extended_status();
  file_systems();
}
