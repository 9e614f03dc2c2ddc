// A plugin of QEMU that measures how long harts hold the strand alone, and writes the times to a
// file, for `./cotrap bench scale --icount` (docs/benchmarks.md).
//
//   -plugin strand_times.so,out=FILE,taken=ADDRESS,wait=BEGIN,wait_end=END
//
// taken: the address of the strand's lock word. wait, wait_end: the range of the function in which
// a hart that has the lock waits for harts that share the strand. All are hexadecimal addresses in
// the kernel.
//
// The plugin needs -icount, where one hart runs at a time. A time is the number of instructions
// that the hart itself executes, so it does not depend on when QEMU runs the other harts. A hart
// holds the strand from the instruction that stores 1 to the lock word up to the one that stores 0.
// Instructions of the wait for sharing harts do not count. Those of the firmware do not count
// either, because the firmware may wait for another hart, too.
//
// The measured program marks a window on each hart (user/bench/marks.h). FILE holds the windows in
// the order of their ends, as 64-bit little-endian words: the number of instructions that the
// window's hart has executed in it, the number of holds, and the time of each hold.
#define PLUGIN_NAME "strand_times"
#include "qemu_plugin.h"

enum { most_harts = 64, most_holds = 1 << 20 };
enum : uint64_t { firmware = 0x80000000, firmware_end = 0x80200000 };  // on QEMU's board `virt`

// Times are numbers of instructions that the hart itself has executed: now_of_running().
struct Hart {
  uint64_t executed;  // until the hart last stopped running
  bool is_in_window;
  uint64_t window_began;
  bool waits;  // it has the lock, and waits for harts that share the strand
  uint64_t wait_began;
  uint64_t hold_began, waited;  // of the present hold; waited: instructions of waits in it
  uint64_t holds;
  uint64_t* times;  // the lengths of the window's holds, with room for most_holds
};

static struct Hart harts[most_harts];
static struct Hart* running = harts;  // the hart that runs
static uint64_t run_began;            // all_executed when it began to run
static struct Hart* holder;           // the hart that holds the strand, or null

static uint64_t all_executed;  // instructions of all harts
static uint64_t taken, wait_begin, wait_end;

static uint64_t now_of_running(void) {
  return running->executed + (all_executed - run_began);
}

// The increment that QEMU offers without a function call crashes under -icount on several harts.
static void on_instruction(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  ++all_executed;
}

static void on_block(unsigned translator, void* is_wait) {
  (void)translator;
  const uint64_t number = running_hart();
  if (number >= most_harts) fail("there are too many harts");
  if (running != &harts[number]) {
    running->executed += all_executed - run_began;
    running = &harts[number];
    run_began = all_executed;
  }
  if (running->waits == (is_wait != NULL)) return;
  running->waits = is_wait != NULL;
  if (running->waits) {
    running->wait_began = now_of_running();
  } else {
    running->waited += now_of_running() - running->wait_began;
  }
}

static void end_hold(void) {
  if (holder != running) fail("a hart releases the strand that another one holds");
  holder = NULL;
  if (!running->is_in_window) return;
  if (running->holds == most_holds) fail("a window has too many holds");
  running->times[running->holds++] = now_of_running() - running->hold_began - running->waited;
}

static void on_store(unsigned translator, AccessInfo info, uint64_t address, void* unused) {
  (void)translator;
  (void)unused;
  if (address != taken) return;
  if (qemu_plugin_mem_get_value(info).word == 0) return end_hold();
  if (holder != NULL) return;  // the hart has not got the lock
  holder = running;
  running->hold_began = now_of_running();
  running->waited = 0;
}

static void on_begin(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (running->times == NULL) running->times = malloc(most_holds * sizeof *running->times);
  if (running->times == NULL) fail("there is no memory");
  if (running->is_in_window) fail("a window begins in another one");
  running->is_in_window = true;
  running->window_began = now_of_running();
  running->holds = 0;
}

static void on_end(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (!running->is_in_window) fail("a window ends that has not begun");
  running->is_in_window = false;
  const uint64_t head[] = {now_of_running() - running->window_began, running->holds};
  write_words(head, 2);
  write_words(running->times, running->holds);
  flush_words();
}

// Called for each block of instructions before it runs for the first time.
static void on_translation(PluginId id, struct qemu_plugin_tb* block) {
  (void)id;
  const uint64_t begin = qemu_plugin_tb_vaddr(block);
  void* const is_wait = begin >= wait_begin && begin < wait_end ? block : NULL;
  qemu_plugin_register_vcpu_tb_exec_cb(block, on_block, reads_registers, is_wait);
  const size_t count = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    if (address >= firmware && address < firmware_end) continue;
    qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_instruction, 0, NULL);
    if (address >> 63 != 0) {
      qemu_plugin_register_vcpu_mem_cb(instruction, on_store, 0, stores, NULL);
      continue;
    }
    const uint32_t code = code_of(instruction);
    if (code == begin_mark) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, 0, NULL);
    } else if (code == end_mark) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, 0, NULL);
    }
  }
}

// Returns the text after NAME= if the argument has this form, else null.
static const char* value_of(const char* argument, const char* name) {
  const size_t length = strlen(name);
  const bool fits = strncmp(argument, name, length) == 0 && argument[length] == '=';
  return fits ? argument + length + 1 : NULL;
}

EXPORTED int qemu_plugin_install(PluginId id, const struct qemu_info_t* info, int count,
                                 char** arguments) {
  (void)info;
  for (int i = 0; i < count; ++i) {
    const char* value;
    if ((value = value_of(arguments[i], "out")) != NULL) out = fopen(value, "wb");
    if ((value = value_of(arguments[i], "taken")) != NULL) taken = strtoull(value, NULL, 16);
    if ((value = value_of(arguments[i], "wait")) != NULL) wait_begin = strtoull(value, NULL, 16);
    if ((value = value_of(arguments[i], "wait_end")) != NULL) wait_end = strtoull(value, NULL, 16);
  }
  if (out == NULL || taken == 0 || wait_begin == 0 || wait_end == 0) {
    fprintf(stderr, PLUGIN_NAME ": out=FILE,taken=ADDRESS,wait=BEGIN,wait_end=END\n");
    return -1;
  }
  find_harts(id);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
