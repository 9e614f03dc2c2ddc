// A plugin of QEMU that counts what harts do at the same time, and writes the counts to a file, for
// `./cotrap bench scale --icount` (docs/benchmarks.md).
//
//   -plugin hart_counts.so,out=FILE,taken=ADDRESS,wait=BEGIN,wait_end=END
//
// taken: the address of the strand's lock word. wait, wait_end: the range of the function in which
// a hart that has the lock waits for harts that share the strand. All are hexadecimal addresses in
// the kernel.
//
// The plugin needs -icount, where one hart runs at a time. The measured program marks a window on
// each hart (user/bench/marks.h). The windows that overlap are a round. The plugin counts:
//
// - The instructions of a hart in its window. Those of a waiting loop count as waiting, too: a loop
//   that executes `pause`.
// - The time in which the hart is idle, in instructions that a busy hart executes meanwhile.
// - The holds of the strand. A hold's time is the number of instructions that the hart itself
//   executes, so it does not depend on when QEMU runs the other harts. A hart holds the strand from
//   the instruction that stores 1 to the lock word up to the one that stores 0. Instructions of the
//   wait for sharing harts do not count. Those of the firmware do not count either, because the
//   firmware may wait for another hart, too.
// - The instructions at each address of the kernel.
// - The moves of cache lines from hart to hart. A line moves if a hart loads it, and another hart
//   has stored to it since this hart's last access. A line also moves if a hart stores to it, and
//   another hart has accessed it since this hart's last store. Only accesses by the kernel count.
//
// FILE holds records of 64-bit little-endian words in the order of their ends. The first word says
// which record it is:
//
//   1  a window: the instructions of the kernel, of the program and of the firmware, waiting,
//      1000 × the idle time, the number of holds, and the time of each hold
//   2  the code of a round: the number of pairs, and the pairs: address, instructions
//   3  the moves of a round: their number, and for each six words: the physical addresses of the
//      access that moves the line and of the other hart's access before it, the two instructions,
//      the kinds, and how often. The kinds are the size in bytes plus 256 for a store; the second
//      one is shifted by 16 bits.
//
// Records 2 and 3 follow the last window of the round.
#define PLUGIN_NAME "hart_counts"
#include "qemu_plugin.h"

enum {
  most_holds = 1 << 20,
  most_code = 1 << 20,   // addresses of the kernel's instructions: slots of a table
  most_moves = 1 << 20,  // different moves in a round: slots of a table
  longest_loop = 16,     // instructions from one `pause` of a waiting loop to the next
};
enum : uint64_t {
  line_bytes = 64,
  page_lines = 64,
  most_pages = 1 << 22,
  idle_unit = 1000,
};
enum : uint64_t { record_window = 1, record_code = 2, record_moves = 3 };
enum { store_flag = 256, second_shift = 16 };
enum Mode { in_kernel, in_program, in_firmware, modes };

// ── Harts and their windows ──

// Times are numbers of instructions that the hart itself has executed, without the firmware's:
// now_of_running().
struct Hart {
  uint64_t executed;  // until the hart last stopped running
  bool is_in_window;
  uint64_t instructions[modes];  // of the window
  uint64_t waited_in_loops;      // of the window
  uint64_t last_pause;           // the time of the last `pause`
  bool is_idle;
  uint64_t idle_began, idle;  // idle: of the window
  bool waits;                 // it has the lock, and waits for harts that share the strand
  uint64_t wait_began;
  uint64_t hold_began, waited;  // of the present hold; waited: instructions of waits in it
  uint64_t holds;
  uint64_t* times;  // the lengths of the window's holds, with room for most_holds
};

static struct Hart harts[most_harts];
static struct Hart* running = harts;  // the hart that runs
static uint64_t run_began;            // all_executed when it began to run
static struct Hart* holder;           // the hart that holds the strand, or null
static unsigned open_windows;
static uint64_t round_number;

static uint64_t all_executed;  // instructions of all harts, without the firmware's
static uint64_t taken, wait_begin, wait_end;

// Harts that are not idle, and the time that has passed on each of them, in units of an instruction
// divided by idle_unit. If several harts are busy, each instruction of one of them passes only a
// part of the time.
static uint64_t busy_harts, passed, passed_until;
static uint64_t all_with_firmware;

static uint64_t now_of_running(void) {
  return running->executed + (all_executed - run_began);
}

// Call it before busy_harts changes, and before a use of `passed`.
static void pass_time(void) {
  const uint64_t since = all_with_firmware - passed_until;
  passed_until = all_with_firmware;
  passed += since * idle_unit / (busy_harts == 0 ? 1 : busy_harts);
}

static void end_idle(struct Hart* hart) {
  pass_time();
  hart->is_idle = false;
  ++busy_harts;
  hart->idle += passed - hart->idle_began;
}

// ── The kernel's code ──

struct Place {
  uint64_t address, instructions;
};

static struct Place code[most_code];

// The slot of an address of the kernel. Each address gets its slot when it is first translated.
static struct Place* code_at(uint64_t address) {
  for (size_t i = address * 0x9e3779b97f4a7c15u >> 44;; i = (i + 1) % most_code) {
    if (code[i].address == address) return &code[i];
    if (code[i].address != 0) continue;
    code[i].address = address;
    return &code[i];
  }
}

static void write_code(void) {
  uint64_t head[] = {record_code, 0};
  for (size_t i = 0; i < most_code; ++i) head[1] += code[i].instructions != 0;
  write_words(head, 2);
  for (size_t i = 0; i < most_code; ++i) {
    if (code[i].instructions == 0) continue;
    write_words(&code[i], 2);
    code[i].instructions = 0;
  }
}

// ── Cache lines ──

struct Access {
  uint64_t address, instruction;
  uint32_t hart;
  uint32_t kind;
};

struct Line {
  uint64_t round;          // of the last access; in a later round the other members are reset
  uint64_t holders;        // a bit for each hart that has the line's present content
  struct Access store;     // the last store
  struct Access loads[2];  // the last two that moved the line to a hart, of different harts
};

struct Move {
  uint64_t address, before;
  uint64_t instruction, instruction_before;
  uint64_t kinds, count;
};

static struct Line* pages[most_pages];
static struct Move moves[most_moves];
static uint64_t move_count;

static struct Line* line_at(uint64_t address) {
  const uint64_t page = (address - machine->ram) / line_bytes / page_lines;
  if (address < machine->ram || page >= most_pages) fail("the machine has too much memory");
  if (pages[page] == NULL) pages[page] = calloc(page_lines, sizeof(struct Line));
  if (pages[page] == NULL) fail("there is no memory");
  return &pages[page][address / line_bytes % page_lines];
}

static void note_move(const struct Access* access, const struct Access* before) {
  const struct Move move = {access->address,
                            before->address,
                            access->instruction,
                            before->instruction,
                            access->kind | (uint64_t)before->kind << second_shift,
                            0};
  const uint64_t mixed = ((move.address * 31 + move.before) * 31 + move.instruction) * 31 +
                         move.instruction_before * 31 + move.kinds;
  for (size_t i = mixed * 0x9e3779b97f4a7c15u >> 44;; i = (i + 1) % most_moves) {
    if (moves[i].count == 0) {
      if (++move_count == most_moves) fail("a round has too many moves of lines");
      moves[i] = move;
    } else if (memcmp(&moves[i], &move, offsetof(struct Move, count)) != 0) {
      continue;
    }
    ++moves[i].count;
    return;
  }
}

static void note_load(struct Line* line, const struct Access* load) {
  const uint64_t bit = (uint64_t)1 << load->hart;
  if ((line->holders & bit) != 0) return;
  if (line->store.kind != 0) note_move(load, &line->store);
  line->holders |= bit;
  if (line->loads[0].kind != 0 && line->loads[0].hart != load->hart)
    line->loads[1] = line->loads[0];
  line->loads[0] = *load;
}

// The load of an atomic instruction gets the line for its store, too.
static bool is_atomic(const struct Access* load, const struct Access* store) {
  return load->kind != 0 && load->hart == store->hart && load->instruction == store->instruction;
}

static void note_store(struct Line* line, const struct Access* store) {
  const uint64_t bit = (uint64_t)1 << store->hart;
  if ((line->holders & ~bit) != 0 && !is_atomic(&line->loads[0], store)) {
    const struct Access* before = &line->store;
    for (size_t i = 0; i < 2 && (before->kind == 0 || before->hart == store->hart); ++i) {
      before = &line->loads[i];
    }
    note_move(store, before);
  }
  line->holders = bit;
  line->store = *store;
  line->loads[0].kind = line->loads[1].kind = 0;
}

static void write_moves(void) {
  const uint64_t head[] = {record_moves, move_count};
  write_words(head, 2);
  for (size_t i = 0; i < most_moves; ++i) {
    if (moves[i].count == 0) continue;
    write_words(&moves[i], 6);
    moves[i].count = 0;
  }
  move_count = 0;
}

// ── What QEMU calls ──

static void on_block(unsigned translator, void* is_wait) {
  (void)translator;
  const unsigned number = running_hart();
  if (number == no_hart) return;
  if (running != &harts[number]) {
    running->executed += all_executed - run_began;
    running = &harts[number];
    run_began = all_executed;
  }
  if (running->is_idle) end_idle(running);
  if (running->waits == (is_wait != NULL)) return;
  running->waits = is_wait != NULL;
  if (running->waits) {
    running->wait_began = now_of_running();
  } else {
    running->waited += now_of_running() - running->wait_began;
  }
}

// The increment that QEMU offers without a function call crashes under -icount on several harts.
static void on_kernel(unsigned translator, void* slot) {
  (void)translator;
  ++all_executed;
  ++all_with_firmware;
  if (!running->is_in_window) return;
  ++running->instructions[in_kernel];
  ++((struct Place*)slot)->instructions;
}

static void on_program(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  ++all_executed;
  ++all_with_firmware;
  ++running->instructions[in_program];
}

static void on_firmware(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  ++all_with_firmware;
  ++running->instructions[in_firmware];
}

static void on_pause(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  const uint64_t now = now_of_running(), since = now - running->last_pause;
  if (since <= longest_loop) running->waited_in_loops += since;
  running->last_pause = now;
}

// The hart is idle from now on until it executes the next block.
static void on_sleep(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  pass_time();
  running->is_idle = true;
  running->idle_began = passed;
  --busy_harts;
}

static void end_hold(void) {
  if (holder != running) fail("a hart releases the strand that another one holds");
  holder = NULL;
  if (!running->is_in_window) return;
  if (running->holds == most_holds) fail("a window has too many holds");
  running->times[running->holds++] = now_of_running() - running->hold_began - running->waited;
}

static void on_store_to_lock(uint32_t value) {
  if (value == 0) return end_hold();
  if (holder != NULL) return;  // the hart has not got the lock
  holder = running;
  running->hold_began = now_of_running();
  running->waited = 0;
}

static void on_access(unsigned translator, AccessInfo info, uint64_t address, void* instruction) {
  (void)translator;
  const bool is_store = qemu_plugin_mem_is_store(info);
  if (is_store && address == taken) on_store_to_lock(qemu_plugin_mem_get_value(info).word);
  if (!running->is_in_window) return;
  const struct qemu_plugin_hwaddr* physical = qemu_plugin_get_hwaddr(info, address);
  if (physical == NULL || qemu_plugin_hwaddr_is_io(physical)) return;
  const struct Access access = {
      .address = qemu_plugin_hwaddr_phys_addr(physical),
      .instruction = ((const struct Place*)instruction)->address,
      .hart = (uint32_t)(running - harts),
      .kind = (1u << qemu_plugin_mem_size_shift(info)) + (is_store ? store_flag : 0),
  };
  struct Line* line = line_at(access.address);
  if (line->round != round_number) *line = (struct Line){.round = round_number};
  if (is_store) {
    note_store(line, &access);
  } else {
    note_load(line, &access);
  }
}

static void on_begin(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (running->times == NULL) running->times = malloc(most_holds * sizeof *running->times);
  if (running->times == NULL) fail("there is no memory");
  if (running->is_in_window) fail("a window begins in another one");
  if (open_windows++ == 0) ++round_number;
  running->is_in_window = true;
  memset(running->instructions, 0, sizeof running->instructions);
  running->waited_in_loops = running->idle = running->holds = 0;
}

static void on_end(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (!running->is_in_window) fail("a window ends that has not begun");
  running->is_in_window = false;
  const uint64_t head[] = {record_window,
                           running->instructions[in_kernel],
                           running->instructions[in_program],
                           running->instructions[in_firmware],
                           running->waited_in_loops,
                           running->idle,
                           running->holds};
  write_words(head, sizeof head / sizeof *head);
  write_words(running->times, running->holds);
  if (--open_windows == 0) {
    write_code();
    write_moves();
  }
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
    const enum Effect effect = effect_of(instruction);
    if (is_firmware(address)) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_firmware, 0, NULL);
    } else if ((address & kernel_bit) != 0) {
      struct Place* const slot = code_at(address);
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_kernel, 0, slot);
      qemu_plugin_register_vcpu_mem_cb(instruction, on_access, 0, loads_and_stores, slot);
      if (effect == pauses) qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_pause, 0, NULL);
    } else {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_program, 0, NULL);
    }
    if (effect == sleeps) qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_sleep, 0, NULL);
    if (effect == marks_begin)
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, 0, NULL);
    if (effect == marks_end) qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, 0, NULL);
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
  if (!find_machine(info)) return -1;
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
  for (size_t i = 0; i < most_harts; ++i) harts[i].is_idle = true;
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
