// Files that report events: epoll, signalfd and inotify. Sources: linux/eventpoll.h,
// linux/signalfd.h, linux/inotify.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

// epoll_create1, epoll_ctl, epoll_pwait
inline constexpr int epoll_ctl_add = 1;
inline constexpr int epoll_ctl_del = 2;
inline constexpr int epoll_ctl_mod = 3;

// The bits of an event. Those below 2^16 equal the bits of poll.
inline constexpr std::uint32_t epollin = 0x01;
inline constexpr std::uint32_t epollpri = 0x02;
inline constexpr std::uint32_t epollout = 0x04;
inline constexpr std::uint32_t epollerr = 0x08;
inline constexpr std::uint32_t epollhup = 0x10;
inline constexpr std::uint32_t epollrdnorm = 0x40;
inline constexpr std::uint32_t epollrdband = 0x80;
inline constexpr std::uint32_t epollwrnorm = 0x100;
inline constexpr std::uint32_t epollwrband = 0x200;
inline constexpr std::uint32_t epollmsg = 0x400;
inline constexpr std::uint32_t epollrdhup = 0x2000;
inline constexpr std::uint32_t epollexclusive = 1u << 28;
inline constexpr std::uint32_t epollwakeup = 1u << 29;
inline constexpr std::uint32_t epolloneshot = 1u << 30;
inline constexpr std::uint32_t epollet = 1u << 31;

struct EpollEvent {
  std::uint32_t events;
  std::uint32_t padding;
  std::uint64_t data;
};
static_assert(sizeof(EpollEvent) == 16);

// What a read of a signalfd returns.
struct SignalFileInfo {
  std::uint32_t signal;
  std::int32_t error;
  std::int32_t code;
  std::uint32_t process;
  std::uint32_t user;
  std::int32_t descriptor;
  std::uint32_t timer;
  std::uint32_t band;
  std::uint32_t overrun;
  std::uint32_t trap_number;
  std::int32_t status;
  std::int32_t number;
  std::uint64_t value;
  std::uint64_t user_time;
  std::uint64_t system_time;
  std::uint64_t address;
  std::uint16_t address_bits;
  std::uint16_t padding;
  std::int32_t call;
  std::uint64_t call_address;
  std::uint32_t architecture;
  std::uint8_t unused[28];
};
static_assert(sizeof(SignalFileInfo) == 128 && offsetof(SignalFileInfo, value) == 48);

// inotify_add_watch, and the events of inotify
inline constexpr std::uint32_t in_access = 0x1;
inline constexpr std::uint32_t in_modify = 0x2;
inline constexpr std::uint32_t in_attrib = 0x4;
inline constexpr std::uint32_t in_close_write = 0x8;
inline constexpr std::uint32_t in_close_nowrite = 0x10;
inline constexpr std::uint32_t in_open = 0x20;
inline constexpr std::uint32_t in_moved_from = 0x40;
inline constexpr std::uint32_t in_moved_to = 0x80;
inline constexpr std::uint32_t in_create = 0x100;
inline constexpr std::uint32_t in_delete = 0x200;
inline constexpr std::uint32_t in_delete_self = 0x400;
inline constexpr std::uint32_t in_move_self = 0x800;
inline constexpr std::uint32_t in_all_events = 0xfff;
inline constexpr std::uint32_t in_unmount = 0x2000;
inline constexpr std::uint32_t in_q_overflow = 0x4000;
inline constexpr std::uint32_t in_ignored = 0x8000;
inline constexpr std::uint32_t in_onlydir = 0x0100'0000;
inline constexpr std::uint32_t in_dont_follow = 0x0200'0000;
inline constexpr std::uint32_t in_excl_unlink = 0x0400'0000;
inline constexpr std::uint32_t in_mask_create = 0x1000'0000;
inline constexpr std::uint32_t in_mask_add = 0x2000'0000;
inline constexpr std::uint32_t in_isdir = 0x4000'0000;
inline constexpr std::uint32_t in_oneshot = 0x8000'0000;

// What a read of an inotify file returns, before the name.
struct InotifyEvent {
  std::int32_t watch;
  std::uint32_t mask;
  std::uint32_t cookie;
  std::uint32_t name_bytes;  // with the zeros behind the name
};
static_assert(sizeof(InotifyEvent) == 16);

}  // namespace abi
