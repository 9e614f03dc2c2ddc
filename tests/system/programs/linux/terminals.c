// Pseudo-terminals, and what the flags of termios(3) do at them.
//
// terminals         nothing: the emulator does not pass on all requests
// terminals pairs   all of it, but for
// terminals leader  the end of a session's leader
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>

#include "common.h"

static int master, slave;
static char name[64];

// Prints bytes with escapes, or the error.
static void show(const char* what, const char* bytes, long count) {
  if (count < 0) return say(what, count);
  printf("%s: %ld \"", what, count);
  for (long i = 0; i < count; ++i) {
    const unsigned char byte = (unsigned char)bytes[i];
    if (byte >= ' ' && byte < 0x7f) {
      putchar(byte);
    } else {
      printf("\\%03o", byte);
    }
  }
  printf("\"\n");
  fflush(stdout);
}

static void get(const char* what, int file) {
  char bytes[8192];
  show(what, bytes, read(file, bytes, sizeof bytes));
}

// Linux may pass the bytes of one write on in parts.
static void get_all(const char* what, int file, long count) {
  char bytes[64];
  long got = 0;
  while (got < count) {
    const long some = read(file, bytes + got, sizeof bytes - (size_t)got);
    if (some <= 0) break;
    got += some;
  }
  show(what, bytes, got);
}

static void put(int file, const char* text) {
  if (write(file, text, strlen(text)) != (long)strlen(text)) say("write", -1);
}

// Sets flags of the terminal: first those to clear, then those to set.
static struct termios settings(void) {
  struct termios now;
  tcgetattr(slave, &now);
  return now;
}
static void local(tcflag_t clear, tcflag_t set) {
  struct termios now = settings();
  now.c_lflag = (now.c_lflag & ~clear) | set;
  tcsetattr(slave, TCSANOW, &now);
}
static void output(tcflag_t clear, tcflag_t set) {
  struct termios now = settings();
  now.c_oflag = (now.c_oflag & ~clear) | set;
  tcsetattr(slave, TCSANOW, &now);
}
static void input(tcflag_t clear, tcflag_t set) {
  struct termios now = settings();
  now.c_iflag = (now.c_iflag & ~clear) | set;
  tcsetattr(slave, TCSANOW, &now);
}
static void keys(int least, int tenths) {
  struct termios now = settings();
  now.c_cc[VMIN] = (cc_t)least;
  now.c_cc[VTIME] = (cc_t)tenths;
  tcsetattr(slave, TCSANOW, &now);
}

static int readiness(int file) {
  struct pollfd one = {.fd = file, .events = POLLIN | POLLOUT};
  poll(&one, 1, 0);
  return one.revents;
}

static void begin(int nonblocking) {
  master = open("/dev/ptmx", O_RDWR | O_NOCTTY | (nonblocking ? O_NONBLOCK : 0));
  ptsname_r(master, name, sizeof name);
  unlockpt(master);
  slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
}
static void end(void) {
  close(slave);
  close(master);
}

static void names(void) {
  SAY(open("/dev/tty", O_RDWR));
  master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int number = -1, locked = -1;
  SAY(ioctl(master, TIOCGPTN, &number));
  printf("the number is not negative: %d\n", number >= 0);
  SAY(ioctl(master, TIOCGPTLCK, &locked));
  printf("locked: %d\n", locked);
  snprintf(name, sizeof name, "/dev/pts/%d", number);
  SAY(open(name, O_RDWR | O_NOCTTY));
  SAY(unlockpt(master));
  printf("ptsname: %d\n", strcmp(ptsname(master), name));
  slave = open(name, O_RDWR | O_NOCTTY);
  printf("open: %d\n", slave >= 0);
  struct stat status;
  fstat(slave, &status);
  printf("a device: %d %u %d\n", S_ISCHR(status.st_mode), major(status.st_rdev),
         (int)minor(status.st_rdev) == number);
  fstat(master, &status);
  printf("the other end: %u %u\n", major(status.st_rdev), minor(status.st_rdev));
  char found[64];
  say("ttyname_r", -ttyname_r(slave, found, sizeof found));
  printf("the same name: %d\n", strcmp(found, name));
  SAY(isatty(slave));
  SAY(isatty(master));
  const int other = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  int second = -1;
  ioctl(other, TIOCGPTN, &second);
  printf("another number: %d\n", second != number);
  close(other);
  end();
  SAY(open(name, O_RDWR | O_NOCTTY));
  SAY(stat(name, &status));
  SAY(stat("/dev/pts/x", &status));
  SAY(stat("/dev/pts/00", &status));
  printf("ptmx in /dev/pts: %d\n", stat("/dev/pts/ptmx", &status));
}

static void lines(void) {
  begin(1);
  get("nothing", slave);
  put(master, "abc");
  get("half a line", slave);
  get("its echo", master);
  put(master,
      "d\x7f"
      "e\r");
  get("a line", slave);
  get("its echo", master);
  put(master, "one\ntwo\n");
  get("first", slave);
  get("second", slave);
  put(master, "x\x04\x04");
  get("^D", slave);
  get("end", slave);
  put(master, "word two\x17\x15");
  put(master, "a\x16\x03z\n");
  get("a literal ^C", slave);
  get("echo", master);
  put(master,
      "ab\x12"
      "c\n");
  get("reprinted", master);
  get("the line", slave);
  local(ECHO, ECHONL);
  put(master, "dark\n");
  get("only the newline", master);
  get("dark", slave);
  local(ECHONL | ECHOCTL, ECHO);
  put(master, "\x01\n");
  get("a control key itself", master);
  get("it", slave);
  end();
}

static void outputs(void) {
  begin(1);
  put(slave, "a\nb\r\n");
  get("ONLCR", master);
  output(ONLCR, 0);
  put(slave, "a\nb");
  get("without", master);
  output(0, OCRNL);
  put(slave, "a\rb");
  get("OCRNL", master);
  output(OCRNL, ONOCR);
  put(slave, "\r\rx\rc");
  get("ONOCR", master);
  output(ONOCR, TABDLY | ONLCR);
  put(slave, "\ta\tb\n\t");
  get("TAB3", master);
  output(TABDLY, OLCUC);
  put(slave, "Abc1");
  get("OLCUC", master);
  output(OPOST, 0);
  put(slave, "\ta\n");
  get("without OPOST", master);
  end();
}

static void inputs(void) {
  begin(1);
  local(ICANON | ECHO | ISIG, 0);
  put(master, "\r\n");
  get("ICRNL", slave);
  input(ICRNL, INLCR);
  put(master, "\r\n");
  get("INLCR", slave);
  input(INLCR, IGNCR);
  put(master, "a\rb");
  get("IGNCR", slave);
  input(IGNCR, ISTRIP);
  put(master, "\xe1");
  get("ISTRIP", slave);
  input(ISTRIP, IUCLC);
  put(master, "AbC");
  get("IUCLC", slave);
  input(IUCLC, IXON);
  put(slave, "one");
  put(master, "\x13");
  SAY(write(slave, "two", 3));
  get("before ^S", master);
  put(master, "\x11");
  SAY(write(slave, "two", 3));
  get("after ^Q", master);
  get("no keys", slave);
  SAY(tcflow(slave, TCOOFF));
  SAY(write(slave, "x", 1));
  SAY(tcflow(slave, TCOON));
  SAY(write(slave, "x", 1));
  SAY(tcflow(slave, 9));
  end();
}

// The tenths of a second that a read takes, rounded down.
static void timed(const char* what) {
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  get(what, slave);
  clock_gettime(CLOCK_MONOTONIC, &after);
  const long ms =
      (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  printf("  it took at least 200 ms: %d\n", ms >= 200);
}

static void waits(void) {
  begin(1);
  local(ICANON | ECHO, 0);
  fcntl(slave, F_SETFL, 0);
  keys(0, 0);
  get("none, at once", slave);
  keys(0, 2);
  timed("none, after a time");
  put(master, "a");
  timed("one key");
  keys(3, 0);
  put(master, "ab");
  printf("two of three: %x\n", readiness(slave) & POLLIN);
  put(master, "c");
  printf("three: %x\n", readiness(slave) & POLLIN);
  get("three", slave);
  keys(3, 2);
  put(master, "xy");
  timed("two of three, after a time");
  keys(3, 0);
  put(master, "z");
  char one;
  show("a short read", &one, read(slave, &one, 1));
  fcntl(slave, F_SETFL, O_NONBLOCK);
  put(master, "z");
  get("nonblocking", slave);
  end();
}

static void sizes(void) {
  begin(1);
  struct winsize size = {.ws_row = 10, .ws_col = 20};
  SAY(ioctl(master, TIOCSWINSZ, &size));
  memset(&size, 0, sizeof size);
  SAY(ioctl(slave, TIOCGWINSZ, &size));
  printf("%d rows, %d columns\n", size.ws_row, size.ws_col);
  int count = -1;
  put(slave, "abc");
  SAY(ioctl(master, FIONREAD, &count));
  printf("%d bytes of output\n", count);
  put(master, "12\n34");
  SAY(ioctl(slave, FIONREAD, &count));
  printf("%d bytes of input\n", count);
  SAY(tcflush(slave, TCIFLUSH));
  SAY(ioctl(slave, FIONREAD, &count));
  printf("%d bytes of input\n", count);
  SAY(ioctl(slave, TIOCGPTN, &count));
  SAY(ioctl(slave, 0x5499, &count));
  SAY(lseek(slave, 0, SEEK_CUR));
  printf("the ends: %x %x\n", readiness(master), readiness(slave));
  end();
}

static void ends(void) {
  begin(1);
  get("nothing yet", master);
  put(slave, "last");
  close(slave);
  printf("left: %x\n", readiness(master) & (POLLIN | POLLHUP));
  get("last", master);
  get("then", master);
  slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
  get("opened again", master);
  close(master);
  printf("hung up: %x\n", readiness(slave) & (POLLIN | POLLHUP | POLLERR));
  get("hung up", slave);
  SAY(write(slave, "x", 1));
  struct termios now;
  SAY(tcgetattr(slave, &now));
  SAY(open(name, O_RDWR));
  close(slave);
}

static volatile int hang_ups, interrupts, changes;
static void note(int signal) {
  if (signal == SIGHUP) ++hang_ups;
  if (signal == SIGINT) ++interrupts;
  if (signal == SIGWINCH) ++changes;
}

static void await(volatile int* count) {
  for (int tries = 0; *count == 0 && tries < 300; ++tries) usleep(10000);
}

// In a session of its own.
static void lead(void) {
  signal(SIGHUP, note);
  signal(SIGINT, note);
  signal(SIGWINCH, note);
  setsid();
  close(slave);
  SAY(open("/dev/tty", O_RDWR));
  slave = open(name, O_RDWR);
  printf("open: %d\n", slave >= 0);
  printf("session: %d, group: %d\n", tcgetsid(slave) == getpid(), tcgetpgrp(slave) == getpid());
  const int controlling = open("/dev/tty", O_RDWR);
  printf("/dev/tty: %d\n", controlling >= 0);
  struct stat status;
  fstat(controlling, &status);
  printf("its device: %u %u\n", major(status.st_rdev), minor(status.st_rdev));
  put(controlling, "by /dev/tty\n");
  get_all("the other end", master, 13);
  put(master, "\x03");
  await(&interrupts);
  printf("SIGINT: %d\n", interrupts);
  get("echo", master);
  struct winsize size = {.ws_row = 5, .ws_col = 6};
  ioctl(master, TIOCSWINSZ, &size);
  await(&changes);
  printf("SIGWINCH: %d\n", changes);
  close(master);
  await(&hang_ups);
  printf("SIGHUP: %d\n", hang_ups);
  get("the end", controlling);
  SAY(open("/dev/tty", O_RDWR));
}

static void sessions(void) {
  begin(1);
  fflush(stdout);
  // The child has the only descriptor of the other end, so that it can close it.
  const pid_t child = fork();
  if (child == 0) {
    lead();
    fflush(stdout);
    _exit(0);
  }
  end();
  int status = 0;
  waitpid(child, &status, 0);
  printf("the leader: %d\n", status);
}

// tcflush(3) of the device: its input is the terminal's output.
static void flushes(void) {
  begin(1);
  put(slave, "abcdef");
  SAY(tcflush(master, TCOFLUSH));
  char two[2];
  SAY(read(master, two, sizeof two));
  SAY(tcflush(master, TCIFLUSH));
  get("flushed", master);
  put(slave, "again");
  get("not flushed", master);
  SAY(ioctl(master, TCFLSH, 3));
  end();
}

// In a process of the leader's session, which has the terminal open when the leader ends.
static void stay(int tell, pid_t leader) {
  struct termios settings;
  char byte;
  signal(SIGHUP, note);
  write(tell, "r", 1);
  while (getppid() == leader) usleep(10000);
  await(&hang_ups);
  struct pollfd polled = {.fd = slave, .events = POLLIN | POLLOUT};
  dprintf(tell, "SIGHUP: %d\n", hang_ups);
  dprintf(tell, "poll: %d, %x\n", poll(&polled, 1, 1000), polled.revents);
  dprintf(tell, "read: %ld\n", (long)read(slave, &byte, 1));
  dprintf(tell, "write: %ld %s\n", (long)write(slave, "x", 1), strerrorname_np(errno));
  dprintf(tell, "tcgetattr: %d %s\n", tcgetattr(slave, &settings), strerrorname_np(errno));
  dprintf(tell, "isatty: %d\n", isatty(slave));
  const int controlling = open("/dev/tty", O_RDWR);
  dprintf(tell, "/dev/tty: %d %s\n", controlling, strerrorname_np(errno));
}

static void leader_ends(void) {
  int ends[2];
  char report[512] = "";
  SAY(pipe(ends));
  begin(0);
  fflush(stdout);
  const pid_t leader = fork();
  if (leader == 0) {
    close(master);
    setsid();
    close(slave);
    slave = open(name, O_RDWR);
    write(slave, "hello\n", 6);
    const pid_t self = getpid();
    if (fork() == 0) {
      stay(ends[1], self);
      _exit(0);
    }
    char byte;
    read(ends[0], &byte, 1);
    _exit(0);
  }
  close(slave);
  close(ends[1]);
  waitpid(leader, NULL, 0);
  size_t got = 0;
  for (long count; (count = read(ends[0], report + got, sizeof report - 1 - got)) > 0;)
    got += (size_t)count;
  printf("%s", report);
  get("the other end", master);
  get("and then", master);
  slave = open(name, O_RDWR | O_NOCTTY);
  printf("opened again: %d\n", slave >= 0);
  put(slave, "more\n");
  get("the other end", master);
  end();
}

static void large(void) {
  begin(1);
  local(ECHO, 0);
  long written = 0, got = 0, count;
  char bytes[1000];
  memset(bytes, 'a', sizeof bytes);
  while ((count = write(slave, bytes, sizeof bytes)) > 0) written += count;
  say("full", count);
  while ((count = read(master, bytes, sizeof bytes)) > 0) got += count;
  printf("all of it came: %d, at least 4096: %d\n", written == got, written >= 4096);
  end();
}

// Keys that no program reads: the device gets none back, and loses none.
static void large_input(void) {
  begin(1);
  local(ECHO | ICANON | ISIG, 0);
  long written = 0, got = 0, count;
  char bytes[100];
  memset(bytes, 'a', sizeof bytes);
  while ((count = write(master, bytes, sizeof bytes)) > 0) written += count;
  say("full", count);
  struct pollfd more = {.fd = slave, .events = POLLIN};
  while (poll(&more, 1, 200) > 0 && (count = read(slave, bytes, sizeof bytes)) > 0) got += count;
  printf("all of it came: %d, at least 4000: %d\n", written == got, written >= 4000);
  end();
}

// The terminal opened by its device, without its name.
static void peers(void) {
  begin(1);
  const int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  printf("peer: %d, closed by exec: %d\n", peer >= 0, fcntl(peer, F_GETFD) == FD_CLOEXEC);
  put(peer, "by the peer\n");
  get_all("the other end", master, 13);
  put(master, "typed\n");
  get("the peer", peer);
  get("echo", master);
  struct stat one, other;
  fstat(peer, &one);
  fstat(slave, &other);
  printf("the same device: %d\n", one.st_rdev == other.st_rdev);
  SAY(ioctl(peer, TIOCGPTPEER, O_RDWR));
  close(peer);
  const int reader = ioctl(master, TIOCGPTPEER, O_RDONLY | O_NOCTTY);
  printf("reader: %d\n", reader >= 0);
  SAY(write(reader, "x", 1));
  int locked = 1;
  SAY(ioctl(master, TIOCSPTLCK, &locked));
  SAY(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
  int ends[2];
  if (pipe(ends) != 0) return;
  SAY(ioctl(ends[0], TIOCGPTPEER, O_RDWR));
  end();
}

// The older forms of the settings, settings that are locked, and exclusive use.
static void old_settings(void) {
  begin(1);
  struct termio old;
  SAY(ioctl(slave, TCGETA, &old));
  const struct termios now = settings();
  printf("flags: %d %d %d %d, keys: %d\n", old.c_iflag == (now.c_iflag & 0xffff),
         old.c_oflag == (now.c_oflag & 0xffff), old.c_cflag == (now.c_cflag & 0xffff),
         old.c_lflag == (now.c_lflag & 0xffff), memcmp(old.c_cc, now.c_cc, sizeof old.c_cc) == 0);
  local(0, 0x10000);  // EXTPROC, which the older form does not have
  old.c_lflag &= (unsigned short)~ECHO;
  old.c_cc[VINTR] = 'i';
  SAY(ioctl(slave, TCSETA, &old));
  printf("ECHO: %d, EXTPROC: %d, VINTR: %c\n", (settings().c_lflag & ECHO) != 0,
         (settings().c_lflag & 0x10000) != 0, settings().c_cc[VINTR]);
  local(0x10000, 0);
  put(master, "before\n");
  SAY(ioctl(slave, TCSETAW, &old));
  SAY(ioctl(slave, TCSETAF, &old));
  fcntl(slave, F_SETFL, O_NONBLOCK);
  get("flushed", slave);
  SAY(ioctl(slave, TCSETA, (void*)1));

  struct termios locked;
  memset(&locked, 0, sizeof locked);
  SAY(ioctl(slave, TIOCGLCKTRMIOS, &locked));
  printf("locked: %u %u\n", (unsigned)locked.c_lflag, (unsigned)locked.c_cc[VINTR]);
  locked.c_lflag = ECHO;
  locked.c_cc[VINTR] = 1;
  SAY(ioctl(slave, TIOCSLCKTRMIOS, &locked));
  local(ISIG, ECHO);
  keys(3, 0);
  printf("ECHO: %d, ISIG: %d, VMIN: %d\n", (settings().c_lflag & ECHO) != 0,
         (settings().c_lflag & ISIG) != 0, settings().c_cc[VMIN]);
  old.c_cc[VINTR] = 'j';
  SAY(ioctl(slave, TCSETA, &old));
  printf("VINTR: %c\n", settings().c_cc[VINTR]);

  int exclusive = 5;
  SAY(ioctl(slave, TIOCGEXCL, &exclusive));
  printf("exclusive: %d\n", exclusive);
  SAY(ioctl(slave, TIOCEXCL));
  SAY(ioctl(slave, TIOCGEXCL, &exclusive));
  const int again = open(name, O_RDWR | O_NOCTTY);
  printf("exclusive: %d, the superuser opens: %d\n", exclusive, again >= 0);
  SAY(ioctl(slave, TIOCNXCL));
  SAY(ioctl(slave, TIOCGEXCL, &exclusive));
  printf("exclusive: %d\n", exclusive);
  end();
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "leader") == 0) leader_ends();
  if (argc < 2 || strcmp(argv[1], "pairs") != 0) return 0;
  struct {
    const char* name;
    void (*run)(void);
  } parts[] = {{"names", names}, {"lines", lines}, {"outputs", outputs},
               {"inputs", inputs}, {"waits", waits}, {"sizes", sizes},
               {"ends", ends}, {"sessions", sessions}, {"large", large},
               {"large input", large_input}, {"peers", peers}, {"old settings", old_settings},
               {"flushes", flushes}};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i) {
    printf("── %s\n", parts[i].name);
    parts[i].run();
  }
  return 0;
}
