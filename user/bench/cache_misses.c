// A plugin of QEMU that counts the instructions of a program, and the misses of a data cache, for
// `./cotrap bench stackful` (docs/benchmarks.md).
//
//   -plugin cache_misses.so,out=FILE
//
// The cache has 32 KiB, in 64 sets of 8 lines of 64 bytes, and replaces the line that was used
// least recently. It is empty at first, and all accesses of all code go through it. So the kernel's
// timer interrupts take lines from the program, as they do on a processor.
//
// The program marks windows (user/bench/marks.h). FILE holds three 64-bit little-endian words for
// each: the program's instructions, its loads and stores, and those that missed. The machine has
// one hart.
#define PLUGIN_NAME "cache_misses"
#include "qemu_plugin.h"

enum { line_shift = 6, sets = 64, ways = 8 };

static uint64_t lines[sets][ways];  // physical address >> line_shift, plus one; the newest first
static uint64_t instructions, accesses, misses;
static bool is_in_window;

// Returns whether the cache has the line, which is then the newest one of its set.
static bool touch(uint64_t address) {
  const uint64_t line = (address >> line_shift) + 1;
  uint64_t* const set = lines[(address >> line_shift) % sets];
  size_t way = 0;
  while (way < ways - 1 && set[way] != line) ++way;
  const bool hit = set[way] == line;
  memmove(set + 1, set, way * sizeof *set);
  set[0] = line;
  return hit;
}

// data: whether an instruction of the program makes the access.
static void on_access(unsigned translator, AccessInfo info, uint64_t address, void* data) {
  (void)translator;
  const struct qemu_plugin_hwaddr* physical = qemu_plugin_get_hwaddr(info, address);
  if (physical == NULL || qemu_plugin_hwaddr_is_io(physical)) return;
  const bool hit = touch(qemu_plugin_hwaddr_phys_addr(physical));
  if (data == NULL) return;
  ++accesses;
  misses += !hit;
}

static void on_instruction(unsigned translator, void* data) {
  (void)translator;
  (void)data;
  ++instructions;
}

static void on_begin(unsigned translator, void* data) {
  (void)translator;
  (void)data;
  if (is_in_window) fail("a window begins in another one");
  is_in_window = true;
  instructions = accesses = misses = 0;
}

static void on_end(unsigned translator, void* data) {
  (void)translator;
  (void)data;
  if (!is_in_window) fail("a window ends that has not begun");
  is_in_window = false;
  const uint64_t words[] = {instructions, accesses, misses};
  write_words(words, 3);
  flush_words();
}

// Called for each block of instructions before it runs for the first time.
static void on_translation(PluginId id, struct qemu_plugin_tb* block) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    const bool is_program = !is_firmware(address) && address < kernel_bit;
    static char program;
    qemu_plugin_register_vcpu_mem_cb(instruction, on_access, 0, loads_and_stores,
                                     is_program ? &program : NULL);
    if (!is_program) continue;
    const enum Effect effect = effect_of(instruction);
    if (effect == marks_begin || effect == marks_end) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, effect == marks_begin ? on_begin : on_end,
                                             0, NULL);
    } else {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_instruction, 0, NULL);
    }
  }
}

EXPORTED int qemu_plugin_install(PluginId id, const struct qemu_info_t* info, int count,
                                 char** arguments) {
  if (!find_machine(info)) return -1;
  if (count != 1 || strncmp(arguments[0], "out=", 4) != 0) {
    fprintf(stderr, "cache_misses: the only argument is out=FILE\n");
    return -1;
  }
  out = fopen(arguments[0] + 4, "wb");
  if (out == NULL) {
    perror(arguments[0] + 4);
    return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
