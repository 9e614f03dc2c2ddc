// Compared system calls. A case is one line: Linux's answer, the call, and its arguments. An answer
// is the call's result, or a negative error number. The comparison needs no C library in between,
// so cases can pass any argument.
//
//   CASE(-EBADF, lseek, path, 0, SEEK_SET);
//   DIFFERS(-EMFILE, -EINVAL, ppoll, entries, 2000, 0, 0, 0);   // Linux's answer, and Cotrap's
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

// The answer of a system call.
template <class... Arguments>
long make(long call, Arguments... arguments) {
  const long answer = syscall(call, (long)arguments...);
  return answer == -1 ? -errno : answer;
}

// Counts a case, and prints it if `got` is not the answer of this system.
void compare(const char* file, int line, const char* text, long of_linux, long of_cotrap, long got);

#define DIFFERS(of_linux, of_cotrap, call, ...)                                \
  compare(__FILE__, __LINE__, #call "(" #__VA_ARGS__ ")", of_linux, of_cotrap, \
          make(SYS_##call __VA_OPT__(, ) __VA_ARGS__))
#define CASE(answer, call, ...) DIFFERS(answer, answer, call __VA_OPT__(, ) __VA_ARGS__)
// A case for a value that earlier calls changed.
#define VALUE(answer, expression) \
  compare(__FILE__, __LINE__, #expression, answer, answer, (long)(expression))

inline const long page_size = sysconf(_SC_PAGESIZE);

// A new page with these rights. It has been written before.
char* new_page(int rights, int flags = MAP_PRIVATE | MAP_ANONYMOUS);
// An address that no program maps, and one that belongs to the kernel.
inline char* const nowhere = (char*)0x2000;
inline char* const beyond = (char*)-8192;

int new_file(const char* path, const char* text);
struct PipeEnds {
  int reader, writer;
};
PipeEnds new_pipe();

void pause_shortly();
// Lets another process send this one a signal with a handler, after pause_shortly(). The caller is
// not the first process, to which no other process can send signals.
void signal_shortly();
// What `life` answers in a child, as the status of its exit. Errors are from 100 on.
template <class Life>
long in_child(Life life) {
  const pid_t child = fork();
  if (child == 0) {
    const long answer = life();
    _exit(answer < 0 ? 100 - (int)answer : (int)answer);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status)) return -1000;
  return WEXITSTATUS(status) >= 100 ? 100 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

// The parts.
void descriptors();
void fifos();
void futexes();
void identities();
void file_locks();
void mappings();
void memory();
void names();
void paths();
void polls();
void processes();
void scheduling();
void signals();
void space();
void status_of_files();
void times();
void transfers();
