// A plugin of QEMU that writes the memory accesses of the kernel to a file, for
// `./cotrap bench conflicts` (docs/conflicts.md).
//
//   -plugin access_trace.so,out=FILE
//
// The traced program marks each call (user/bench/marks.h). Traced calls must not overlap, and the
// same hart executes both marks. The plugin notes the accesses of that hart by instructions in the
// upper half of the addresses, which is the kernel's. So it leaves out the accesses of programs, of
// the firmware and of page-table walks. It also leaves out accesses to devices.
//
// FILE holds the calls in their order, as 64-bit little-endian words: a call's hart, the number
// of its records, and its records. A record has three words: the physical address, the address of
// the instruction, and the size in bytes plus 256 for a store. Equal records of a call are
// written once.
#define PLUGIN_NAME "access_trace"
#include "qemu_plugin.h"

enum { store_flag = 256, capacity = 1 << 20 };  // capacity: slots of the table, a power of two

struct Record {
  uint64_t address, instruction, kind;
};

static bool is_tracing;
static unsigned traced_hart;
// The records of the traced call, and a hash table of their indices plus one; 0 is a free slot.
static struct Record records[capacity / 2];
static uint32_t slots[capacity], slot_of[capacity / 2];
static uint64_t record_count;

static size_t hash(const struct Record* record) {
  const uint64_t mixed = (record->address * 31 + record->instruction) * 31 + record->kind;
  return mixed * 0x9e3779b97f4a7c15u >> 44;
}

static void note(const struct Record* record) {
  size_t slot = hash(record);
  for (; slots[slot] != 0; slot = (slot + 1) % capacity) {
    if (memcmp(&records[slots[slot] - 1], record, sizeof *record) == 0) return;
  }
  if (record_count == capacity / 2) fail("a call has too many accesses");
  slot_of[record_count] = (uint32_t)slot;
  records[record_count++] = *record;
  slots[slot] = (uint32_t)record_count;
}

static void on_access(unsigned translator, AccessInfo info, uint64_t address, void* instruction) {
  (void)translator;
  if (!is_tracing || running_hart() != traced_hart) return;
  const struct qemu_plugin_hwaddr* physical = qemu_plugin_get_hwaddr(info, address);
  if (physical == NULL || qemu_plugin_hwaddr_is_io(physical)) return;
  const uint64_t size = (uint64_t)1 << qemu_plugin_mem_size_shift(info);
  const struct Record record = {
      .address = qemu_plugin_hwaddr_phys_addr(physical),
      .instruction = (uint64_t)(uintptr_t)instruction,
      .kind = size + (qemu_plugin_mem_is_store(info) ? store_flag : 0),
  };
  note(&record);
}

static void on_begin(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (is_tracing) fail("a call begins in another one");
  is_tracing = true;
  traced_hart = running_hart();
}

static void on_end(unsigned translator, void* unused) {
  (void)translator;
  (void)unused;
  if (!is_tracing || running_hart() != traced_hart) fail("a call ends that has not begun");
  is_tracing = false;
  const uint64_t head[2] = {traced_hart, record_count};
  write_words(head, 2);
  write_words(records, record_count * 3);
  flush_words();
  for (uint64_t i = 0; i < record_count; ++i) slots[slot_of[i]] = 0;
  record_count = 0;
}

// Called for each block of instructions before it runs for the first time.
static void on_translation(PluginId id, struct qemu_plugin_tb* block) {
  (void)id;
  const size_t count = qemu_plugin_tb_n_insns(block);
  for (size_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn* instruction = qemu_plugin_tb_get_insn(block, i);
    const uint64_t address = qemu_plugin_insn_vaddr(instruction);
    if ((address & kernel_bit) != 0) {
      qemu_plugin_register_vcpu_mem_cb(instruction, on_access, reads_registers, loads_and_stores,
                                       (void*)(uintptr_t)address);
      continue;
    }
    const enum Effect effect = effect_of(instruction);
    if (effect == marks_begin) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, reads_registers, NULL);
    } else if (effect == marks_end) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, reads_registers, NULL);
    }
  }
}

EXPORTED int qemu_plugin_install(PluginId id, const struct qemu_info_t* info, int count,
                                 char** arguments) {
  if (!find_machine(info)) return -1;
  if (count != 1 || strncmp(arguments[0], "out=", 4) != 0) {
    fprintf(stderr, "access_trace: the only argument is out=FILE\n");
    return -1;
  }
  out = fopen(arguments[0] + 4, "wb");
  if (out == NULL) {
    perror(arguments[0] + 4);
    return -1;
  }
  find_harts(id);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
