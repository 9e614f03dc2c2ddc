// errno where the C library makes system calls that the program has not asked for: before main(),
// at the first thread and at each later one. Some kernels do not have all of these calls. The C
// library's handlers end with the program that has set them.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void show(const char* where, int number) {
  printf("%s: %s\n", where, number == 0 ? "no error" : strerrorname_np(number));
}

static void* run(void* in_thread) {
  *(int*)in_thread = errno;
  return NULL;
}

static void start_thread(const char* where, int before) {
  pthread_t thread;
  int in_thread = -1;
  errno = before;
  const int result = pthread_create(&thread, NULL, run, &in_thread);
  show(where, errno);
  show("  its result", result);
  errno = before;
  pthread_join(thread, NULL);
  show("  after its end", errno);
  show("  in the thread", in_thread);
}

// The C library does not let programs ask for the actions of its own signals.
static void show_library_handler(void) {
  enum { library_signal = 33, set_bytes = 8 };
  struct {
    void* handler;
    unsigned long others[8];
  } action;
  memset(&action, 0, sizeof action);
  if (syscall(SYS_rt_sigaction, library_signal, NULL, &action, set_bytes) != 0) perror("sigaction");
  printf("signal %d has %s handler\n", library_signal, action.handler == NULL ? "no" : "a");
}

// Without an argument, shows errno. The emulator cannot execute a program, so linux_programs.py
// asks for the handlers.
int main(int argc, char** argv) {
  const char* const what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "handlers") == 0) {
    start_thread("a thread", 0);
    show_library_handler();
    fflush(stdout);
    execl("/proc/self/exe", argv[0], "executed", NULL);
    perror("execl");
    return 1;
  }
  if (strcmp(what, "executed") == 0) {
    show_library_handler();
    return 0;
  }
  show("at the start of main", errno);
  start_thread("the first thread", 0);
  start_thread("the second thread", 0);
  start_thread("a thread after an error", ERANGE);
  errno = 0;
  free(malloc(4 << 20));
  show("a large block", errno);
  fflush(stdout);
  show("a flush", errno);
  return 0;
}
