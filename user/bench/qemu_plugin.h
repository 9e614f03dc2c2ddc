// Declarations for the plugins of QEMU in this folder, and what they must know of each machine: how
// to tell harts apart, which instructions matter, and where memory begins. QEMU's header is not
// packaged. Source: QEMU's manual, "TCG Plugins", API version 4.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trap/pc/context_layout.h"

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t PluginId;
typedef uint32_t AccessInfo;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_plugin_register;
struct qemu_info_t {
  const char* target_name;  // the processor, such as "riscv64"
};
enum { reads_registers = 1, stores = 2, loads_and_stores = 3 };

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
struct AccessValue {
  int type;  // the logarithm to base 2 of the access's size in bytes
  union {
    uint8_t byte;
    uint16_t half;
    uint32_t word;
    uint64_t words[2];
  };
};
struct Bytes* g_byte_array_new(void);
struct Bytes* g_byte_array_set_size(struct Bytes* bytes, unsigned length);

void qemu_plugin_register_vcpu_init_cb(PluginId id, void (*call)(PluginId, unsigned index));
struct Descriptors* qemu_plugin_get_registers(void);
int qemu_plugin_read_register(struct qemu_plugin_register* handle, struct Bytes* to);
bool qemu_plugin_read_memory_vaddr(uint64_t address, struct Bytes* to, size_t bytes);

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId id,
                                           void (*call)(PluginId, struct qemu_plugin_tb*));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb* block,
                                          void (*call)(unsigned translator, void* data), int flags,
                                          void* data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn* instruction,
                                            void (*call)(unsigned translator, void* data),
                                            int flags, void* data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn* instruction,
                                      void (*call)(unsigned translator, AccessInfo info,
                                                   uint64_t address, void* data),
                                      int flags, int kinds, void* data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb* block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb* block);
struct qemu_plugin_insn* qemu_plugin_tb_get_insn(const struct qemu_plugin_tb* block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn* instruction);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn* instruction, void* to, size_t bytes);
bool qemu_plugin_mem_is_store(AccessInfo info);
unsigned qemu_plugin_mem_size_shift(AccessInfo info);
struct AccessValue qemu_plugin_mem_get_value(AccessInfo info);
struct qemu_plugin_hwaddr* qemu_plugin_get_hwaddr(AccessInfo info, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr* address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr* address);

EXPORTED int qemu_plugin_version = 4;

static void fail(const char* why) {
  fprintf(stderr, PLUGIN_NAME ": %s\n", why);
  exit(1);
}

// ── Machines ──

enum : uint64_t { kernel_bit = (uint64_t)1 << 63 };  // set in the kernel's addresses alone
enum { most_harts = 64, no_hart = most_harts };

// The effects of the instructions that the plugins look for. The marks are those of user/machine/.
enum Effect { no_effect, marks_begin, marks_end, pauses, sleeps };

struct Code {
  enum Effect effect;
  size_t bytes;
  uint8_t code[8];
};

// registers: the names of those that tell harts apart. ram: the physical address at which memory
// begins. firmware_end: the firmware has the memory from `ram` to here.
struct PluginMachine {
  const char* processor;
  const char* registers[3];
  uint64_t ram, firmware_end;
  struct Code codes[4];
};

static const struct PluginMachine machines[] = {
    {.processor = "riscv64",
     .registers = {"mhartid"},
     .ram = 0x80000000,
     .firmware_end = 0x80200000,
     .codes = {{marks_begin, 4, {0x13, 0x20, 0x10, 0x00}},
               {marks_end, 4, {0x13, 0x20, 0x20, 0x00}},
               {pauses, 4, {0x0f, 0x00, 0x00, 0x01}},
               {sleeps, 4, {0x73, 0x00, 0x50, 0x10}}}},
    {.processor = "x86_64",
     .registers = {"fs_base", "gs_base", "k_gs_base"},
     .codes = {{marks_begin, 7, {0x0f, 0x1f, 0x80, 0x01, 0x00, 0x4d, 0x43}},
               {marks_end, 7, {0x0f, 0x1f, 0x80, 0x02, 0x00, 0x4d, 0x43}},
               {pauses, 2, {0xf3, 0x90}},
               {sleeps, 1, {0xf4}}}},
};
static const struct PluginMachine* machine;

// Call it first. Returns whether the plugins know the machine.
static bool find_machine(const struct qemu_info_t* info) {
  for (size_t i = 0; i < sizeof machines / sizeof *machines; ++i) {
    if (strcmp(machines[i].processor, info->target_name) == 0) machine = &machines[i];
  }
  if (machine == NULL) fprintf(stderr, PLUGIN_NAME ": unknown processor %s\n", info->target_name);
  return machine != NULL;
}

static enum Effect effect_of(const struct qemu_plugin_insn* instruction) {
  uint8_t code[sizeof machine->codes->code];
  const size_t bytes = qemu_plugin_insn_data(instruction, code, sizeof code);
  for (size_t i = 0; i < sizeof machine->codes / sizeof *machine->codes; ++i) {
    const struct Code* const each = &machine->codes[i];
    if (each->bytes == bytes && memcmp(each->code, code, bytes) == 0) return each->effect;
  }
  return no_effect;
}

// Whether the firmware executes at this virtual address, which is a physical one, too.
[[maybe_unused]] static bool is_firmware(uint64_t address) {
  return address >= machine->ram && address < machine->firmware_end;
}

// ── The running hart ──

static struct qemu_plugin_register* hart_registers[3];
static struct Bytes* hart_bytes;

// Called when QEMU has made a hart, before the harts run.
static void on_hart(PluginId id, unsigned index) {
  (void)id;
  (void)index;
  const struct Descriptors* registers = qemu_plugin_get_registers();
  for (size_t which = 0; which < 3 && machine->registers[which] != NULL; ++which) {
    for (unsigned i = 0; i < registers->length; ++i) {
      if (strcmp(registers->data[i].name, machine->registers[which]) == 0)
        hart_registers[which] = registers->data[i].handle;
    }
    if (hart_registers[which] == NULL)
      fail("QEMU does not show the registers that tell harts apart");
  }
}

// Call it once, before running_hart().
[[maybe_unused]] static void find_harts(PluginId id) {
  hart_bytes = g_byte_array_new();
  qemu_plugin_register_vcpu_init_cb(id, on_hart);
}

static uint64_t read_register(size_t which) {
  uint64_t value = 0;
  g_byte_array_set_size(hart_bytes, 0);
  if (qemu_plugin_read_register(hart_registers[which], hart_bytes) != sizeof value) {
    fail("a register that tells harts apart cannot be read");
  }
  memcpy(&value, hart_bytes->data, sizeof value);
  return value;
}

// On a PC: the address of the running hart's data, or 0 before the hart has set its registers. The
// base of FS is this address, unless it is the program's. Then a base of GS is the address of the
// program's context, in which the kernel has saved its own base of FS (trap/pc/user_entry.S).
static uint64_t hart_data_of_pc(void) {
  static uint64_t known_context, known_data;
  const uint64_t data = read_register(0);
  if ((data & kernel_bit) != 0) {
    known_context = 0;  // the kernel may save another base in a context
    return data;
  }
  uint64_t context = read_register(2);
  if ((context & kernel_bit) == 0) context = read_register(1);
  if ((context & kernel_bit) == 0) return 0;
  if (context == known_context) return known_data;
  g_byte_array_set_size(hart_bytes, 0);
  if (!qemu_plugin_read_memory_vaddr(context + CONTEXT_KERNEL_FS, hart_bytes, sizeof known_data))
    fail("the context of a program cannot be read");
  memcpy(&known_data, hart_bytes->data, sizeof known_data);
  known_context = context;
  return known_data;
}

// A number of the running hart below most_harts. Harts of a PC have numbers in the order in which
// they execute the kernel first. Returns no_hart before that.
// The number that QEMU passes to the callbacks is wrong under -icount: it is that of the hart that
// has translated the block.
[[maybe_unused]] static unsigned running_hart(void) {
  if (hart_registers[1] == NULL) {
    const uint64_t number = read_register(0);
    if (number >= most_harts) fail("there are too many harts");
    return (unsigned)number;
  }
  static uint64_t known[most_harts];
  const uint64_t data = hart_data_of_pc();
  if (data == 0) return no_hart;
  for (unsigned i = 0; i < most_harts; ++i) {
    if (known[i] == 0) known[i] = data;
    if (known[i] == data) return i;
  }
  fail("there are too many harts");
  return no_hart;
}

static FILE* out;

static void write_words(const void* words, size_t count) {
  if (fwrite(words, sizeof(uint64_t), count, out) != count) fail("the file cannot be written");
}

// The command may kill QEMU before QEMU closes the file.
static void flush_words(void) {
  if (fflush(out) != 0) fail("the file cannot be written");
}
