// Declarations for the plugins of QEMU in this folder, and the number of the running hart. QEMU's
// header is not packaged. Source: QEMU's manual, "TCG Plugins", API version 4.
#pragma once

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

// The marks of user/bench/marks.h. The RISC-V manual designates them as hints for custom use.
enum { begin_mark = 0x00102013, end_mark = 0x00202013 };

static void fail(const char* why) {
  fprintf(stderr, PLUGIN_NAME ": %s\n", why);
  exit(1);
}

static struct qemu_plugin_register* hart_register;
static struct Bytes* hart_bytes;

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

// Call it once, before running_hart().
[[maybe_unused]] static void find_harts(PluginId id) {
  hart_bytes = g_byte_array_new();
  qemu_plugin_register_vcpu_init_cb(id, on_hart);
}

// The number that QEMU passes to the callbacks is wrong under -icount: it is that of the hart that
// has translated the block.
[[maybe_unused]] static uint64_t running_hart(void) {
  uint64_t hart = 0;
  g_byte_array_set_size(hart_bytes, 0);
  if (qemu_plugin_read_register(hart_register, hart_bytes) != sizeof hart) {
    fail("the register mhartid cannot be read");
  }
  memcpy(&hart, hart_bytes->data, sizeof hart);
  return hart;
}

static FILE* out;

static void write_words(const void* words, size_t count) {
  if (fwrite(words, sizeof(uint64_t), count, out) != count) fail("the file cannot be written");
}

// The command may kill QEMU before QEMU closes the file.
static void flush_words(void) {
  if (fflush(out) != 0) fail("the file cannot be written");
}

// The instruction's code; 0 if it is not four bytes long.
static uint32_t code_of(const struct qemu_plugin_insn* instruction) {
  uint32_t code = 0;
  return qemu_plugin_insn_data(instruction, &code, sizeof code) == sizeof code ? code : 0;
}
