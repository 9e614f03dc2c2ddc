// Calls that change the machine: its names, its clock and its power. An argument chooses a group:
// `names`, `clock` or `power`; `off` ends the machine.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

// ── Names ──

static void show_names(void) {
  struct utsname name;
  uname(&name);
  char text[100] = "";
  const int fd = open("/proc/sys/kernel/hostname", O_RDONLY);
  (void)!read(fd, text, sizeof text - 1);
  close(fd);
  printf("  %s, %s; %s", name.nodename, name.domainname, text);
  fflush(stdout);
}
static void names_without_rights(void) {
  drop_rights();
  SAY(sethostname("x", 1));
  SAY(setdomainname("x", 1));
}
static void names(void) {
  struct utsname before;
  uname(&before);
  SAY(sethostname("machine", 7));
  SAY(setdomainname("home.example", 12));
  show_names();
  const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123";
  SAY(sethostname(longest, 64));
  show_names();
  SAY(sethostname(longest, 65));
  SAY(syscall(SYS_sethostname, longest, -1));
  SAY(syscall(SYS_sethostname, 8, 3));
  SAY(sethostname("", 0));
  show_names();
  run_child(names_without_rights);
  sethostname(before.nodename, strlen(before.nodename));
  setdomainname(before.domainname, strlen(before.domainname));
}

// ── The clock ──

static int64_t seconds_of(int clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec;
}
// Whether the clock shows `wanted` seconds, or one or two more.
static const char* shows(int64_t wanted) {
  struct timespec called;
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &called);
  const int64_t vdso = seconds_of(CLOCK_REALTIME) - wanted, call = called.tv_sec - wanted;
  return vdso >= 0 && vdso <= 2 && call >= 0 && call <= 2 ? "right" : "wrong";
}
static void clock_without_rights(void) {
  drop_rights();
  const struct timespec time = {2000000000, 0};
  SAY(clock_settime(CLOCK_REALTIME, &time));
  SAY(settimeofday(&(struct timeval){2000000000, 0}, NULL));
  struct timex timex = {.modes = ADJ_MAXERROR};
  SAY(adjtimex(&timex));
  timex.modes = 0;
  SAY(adjtimex(&timex) >= 0);
}
static void set_clock(void) {
  const int64_t before = seconds_of(CLOCK_REALTIME), start = seconds_of(CLOCK_MONOTONIC);
  struct timespec time = {2000000000, 5};
  SAY(clock_settime(CLOCK_REALTIME, &time));
  printf("  %s\n", shows(2000000000));
  SAY(clock_settime(CLOCK_MONOTONIC, &time));
  SAY(clock_settime(CLOCK_BOOTTIME, &time));
  SAY(clock_settime(CLOCK_PROCESS_CPUTIME_ID, &time));
  SAY(clock_settime(99, &time));
  SAY(syscall(SYS_clock_settime, CLOCK_REALTIME, (void*)8));
  time.tv_nsec = 1000000000;
  SAY(clock_settime(CLOCK_REALTIME, &time));
  time = (struct timespec){-1, 0};
  SAY(clock_settime(CLOCK_REALTIME, &time));
  time = (struct timespec){0, 1};
  SAY(clock_settime(CLOCK_REALTIME, &time));
  SAY(syscall(SYS_settimeofday, &(struct timeval){2100000000, 7}, NULL));
  printf("  %s\n", shows(2100000000));
  SAY(syscall(SYS_settimeofday, &(struct timeval){2100000000, -1}, NULL));
  SAY(syscall(SYS_settimeofday, &(struct timeval){2100000000, 1000001}, NULL));
  SAY(syscall(SYS_settimeofday, (void*)8, NULL));
  SAY(syscall(SYS_settimeofday, NULL, (void*)8));
  SAY(syscall(SYS_settimeofday, NULL, &(struct timezone){901, 0}));
  SAY(syscall(SYS_settimeofday, NULL, NULL));
  struct timex timex = {.modes = ADJ_SETOFFSET, .time = {1000, 5}};
  SAY(adjtimex(&timex) >= 0);
  printf("  %s\n", shows(2100001000));
  timex = (struct timex){.modes = ADJ_SETOFFSET, .time = {-2000, 0}};
  SAY(clock_adjtime(CLOCK_REALTIME, &timex) >= 0);
  printf("  %s\n", shows(2099999000));
  timex.time = (struct timeval){0, 1000000};
  SAY(adjtimex(&timex));
  timex = (struct timex){.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR, .status = 0};
  timex.maxerror = 100;
  timex.esterror = 200;
  SAY(adjtimex(&timex));
  timex = (struct timex){.modes = ADJ_STATUS, .status = STA_UNSYNC};
  SAY(adjtimex(&timex));
  printf("  tick %ld, frequency %ld, tolerance %ld, precision %ld\n", timex.tick, timex.freq,
         timex.tolerance, timex.precision);
  timex = (struct timex){.modes = ADJ_TICK, .tick = 1};
  SAY(adjtimex(&timex));
  SAY(syscall(SYS_adjtimex, (void*)8));
  SAY(clock_adjtime(99, &timex));
  run_child(clock_without_rights);
  time = (struct timespec){before + seconds_of(CLOCK_MONOTONIC) - start, 0};
  SAY(clock_settime(CLOCK_REALTIME, &time));
}

// ── Power ──

static long power(unsigned magic, unsigned magic2, unsigned command, void* argument) {
  return syscall(SYS_reboot, magic, magic2, command, argument);
}
static void power_without_rights(void) {
  drop_rights();
  SAY(power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, NULL));
}
static void try_power(void) {
  SAY(power(1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, NULL));
  SAY(power(LINUX_REBOOT_MAGIC1, 1, LINUX_REBOOT_CMD_POWER_OFF, NULL));
  SAY(power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2C, LINUX_REBOOT_CMD_CAD_OFF, NULL));
  SAY(power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, NULL));
  SAY(power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 77, NULL));
  SAY(power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, (void*)8));
  run_child(power_without_rights);
}

static void power_off(void) {
  printf("it ends\n");
  fflush(stdout);
  power(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, NULL);
  printf("it does not\n");
}

int main(int argc, char** argv) {
  const char* const group = argc > 1 ? argv[1] : "";
  if (strcmp(group, "names") == 0) names();
  if (strcmp(group, "clock") == 0) set_clock();
  if (strcmp(group, "power") == 0) try_power();
  if (strcmp(group, "off") == 0) power_off();
  return 0;
}
