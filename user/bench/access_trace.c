// A plugin of QEMU that writes the memory accesses of the kernel to a file, for
// `./cotrap bench conflicts` (docs/conflicts.md).
//
//   -plugin access_trace.so,out=FILE
//
// Two instructions without effect mark a call of the traced program: `slti x0, x0, 1` before it and
// `slti x0, x0, 2` after it. The RISC-V manual designates them as hints for custom use. Traced
// calls must not overlap, and the same hart executes both marks. The plugin notes the accesses of
// that hart by instructions in the upper half of the addresses, which is the kernel's. So it leaves
// out the accesses of programs, of the firmware and of page-table walks. It also leaves out
// accesses to devices.
//
// FILE holds the calls in their order, as 64-bit little-endian words: a call's hart, the number
// of its records, and its records. A record has three words: the physical address, the address of
// the instruction, and the size in bytes plus 256 for a store. Equal records of a call are
// written once.
//
// QEMU's header is not packaged, so this file declares the functions that it uses. Source: QEMU's
// manual, "TCG Plugins", API version 4.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t PluginId;
typedef uint32_t AccessInfo;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_plugin_register;
struct qemu_info_t;
enum { reads_registers = 1, loads_and_stores = 3 };

struct RegisterDescriptor {
  struct qemu_plugin_register* handle;
  const char *name, *feature;
};
// GLib's GArray and GByteArray, which QEMU uses.
struct Descriptors {
  struct RegisterDescriptor* data;
  unsigned length;
};
struct Bytes {
  uint8_t* data;
  unsigned length;
};
struct Bytes* g_byte_array_new(void);
struct Bytes* g_byte_array_set_size(struct Bytes* bytes, unsigned length);

void qemu_plugin_register_vcpu_init_cb(PluginId id, void (*call)(PluginId, unsigned index));
struct Descriptors* qemu_plugin_get_registers(void);
int qemu_plugin_read_register(struct qemu_plugin_register* handle, struct Bytes* to);

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId id,
                                           void (*call)(PluginId, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn* instruction,
                                            void (*call)(unsigned translator, void* data),
                                            int flags, void* data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* instruction,
                                      void (*call)(unsigned translator, AccessInfo info,
                                                   uint64_t address, void* data),
                                      int flags, int kinds, void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn* instruction);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn* instruction, void* to, size_t bytes);
bool qemu_plugin_mem_is_store(AccessInfo info);
unsigned qemu_plugin_mem_size_shift(AccessInfo info);
struct qemu_plugin_hwaddr* qemu_plugin_get_hwaddr(AccessInfo info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr* address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr* address);

EXPORTED int qemu_plugin_version = 4;

enum { begin_mark = 0x00102013, end_mark = 0x00202013 };
enum { store_flag = 256, capacity = 1 << 20 };  // capacity: slots of the table, a power of two

struct Record {
  uint64_t address, instruction, kind;
};

static FILE* out;
static struct qemu_plugin_register* hart_register;
static struct Bytes* hart_bytes;
static bool is_tracing;
static uint64_t traced_hart;
// The records of the traced call, and a hash table of their indices plus one; 0 is a free slot.
static struct Record records[capacity / 2];
static uint32_t slots[capacity], slot_of[capacity / 2];
static uint64_t record_count;

static void fail(const char* why) {
  fprintf(stderr, "access_trace: %s\n", why);
  exit(1);
}

// Called when QEMU has made a hart, before the harts run.
static void on_hart(PluginId id, unsigned index) {
  (void)id;
  (void)index;
  const struct Descriptors* registers = qemu_plugin_get_registers();
  for (unsigned i = 0; i < registers->length; ++i) {
    if (strcmp(registers->data[i].name, "mhartid") == 0) {
      hart_register = registers->data[i].handle;
    }
  }
  if (hart_register == NULL) fail("QEMU does not show the register mhartid");
}

// The number that QEMU passes to the callbacks is wrong under -icount: it is that of the hart that
// has translated the block.
static uint64_t running_hart(void) {
  uint64_t hart = 0;
  g_byte_array_set_size(hart_bytes, 0);
  if (qemu_plugin_read_register(hart_register, hart_bytes) != sizeof hart) {
    fail("the register mhartid cannot be read");
  }
  memcpy(&hart, hart_bytes->data, sizeof hart);
  return hart;
}

static void write_words(const void* words, size_t count) {
  if (fwrite(words, sizeof(uint64_t), count, out) != count) fail("the file cannot be written");
}

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
  // The command may kill QEMU before QEMU closes the file.
  if (fflush(out) != 0) fail("the file cannot be written");
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
    if (address >> 63 != 0) {
      qemu_plugin_register_vcpu_mem_cb(instruction, on_access, reads_registers, loads_and_stores,
                                       (void*)(uintptr_t)address);
      continue;
    }
    uint32_t code = 0;
    if (qemu_plugin_insn_data(instruction, &code, sizeof code) != sizeof code) continue;
    if (code == begin_mark) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, reads_registers, NULL);
    } else if (code == end_mark) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, reads_registers, NULL);
    }
  }
}

EXPORTED int qemu_plugin_install(PluginId id, const struct qemu_info_t* info, int count,
                                 char** arguments) {
  (void)info;
  if (count != 1 || strncmp(arguments[0], "out=", 4) != 0) {
    fprintf(stderr, "access_trace: the only argument is out=FILE\n");
    return -1;
  }
  out = fopen(arguments[0] + 4, "wb");
  if (out == NULL) {
    perror(arguments[0] + 4);
    return -1;
  }
  hart_bytes = g_byte_array_new();
  qemu_plugin_register_vcpu_init_cb(id, on_hart);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
