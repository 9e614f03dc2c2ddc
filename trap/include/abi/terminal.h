// Terminals: the bits and keys of Termios beside those of types.h, and requests of ioctl beside
// those of flags.h (asm-generic/termbits.h, asm-generic/ioctls.h, ioctl_tty(2)).
#pragma once

#include <abi/types.h>

#include <cstddef>
#include <cstdint>

namespace abi {

// Indices in Termios::control_chars.
inline constexpr std::size_t termios_verase = 2;
inline constexpr std::size_t termios_vkill = 3;
inline constexpr std::size_t termios_veof = 4;
inline constexpr std::size_t termios_vtime = 5;
inline constexpr std::size_t termios_vstart = 8;
inline constexpr std::size_t termios_vstop = 9;
inline constexpr std::size_t termios_vreprint = 12;
inline constexpr std::size_t termios_vdiscard = 13;
inline constexpr std::size_t termios_vwerase = 14;
inline constexpr std::size_t termios_vlnext = 15;

// Termios::input_flags.
inline constexpr std::uint32_t termios_istrip = 0040;
inline constexpr std::uint32_t termios_inlcr = 0100;
inline constexpr std::uint32_t termios_igncr = 0200;
inline constexpr std::uint32_t termios_iuclc = 01000;
inline constexpr std::uint32_t termios_ixon = 02000;
inline constexpr std::uint32_t termios_ixany = 04000;
inline constexpr std::uint32_t termios_imaxbel = 020000;
inline constexpr std::uint32_t termios_iutf8 = 040000;

// Termios::output_flags.
inline constexpr std::uint32_t termios_olcuc = 0002;
inline constexpr std::uint32_t termios_ocrnl = 0010;
inline constexpr std::uint32_t termios_onocr = 0020;
inline constexpr std::uint32_t termios_onlret = 0040;
inline constexpr std::uint32_t termios_tabdly = 014000;
inline constexpr std::uint32_t termios_tab3 = 014000;  ///< tabs become blanks

// Termios::local_flags.
inline constexpr std::uint32_t termios_echoe = 0020;
inline constexpr std::uint32_t termios_echok = 0040;
inline constexpr std::uint32_t termios_echonl = 0100;
inline constexpr std::uint32_t termios_echoctl = 01000;
inline constexpr std::uint32_t termios_echoke = 04000;
inline constexpr std::uint32_t termios_iexten = 0100000;

// TCGETA, TCSETA: the settings in a shorter form. The flags are the lower 16 bits of Termios's.
struct ShortTermios {
  std::uint16_t input_flags;
  std::uint16_t output_flags;
  std::uint16_t control_flags;
  std::uint16_t local_flags;
  std::uint8_t line;
  std::uint8_t control_chars[8];
};
static_assert(sizeof(ShortTermios) == 18);

// ioctl
inline constexpr unsigned long tcgeta = 0x5405;
inline constexpr unsigned long tcseta = 0x5406;
inline constexpr unsigned long tcsetaw = 0x5407;
inline constexpr unsigned long tcsetaf = 0x5408;
inline constexpr unsigned long tiocexcl = 0x540c;
inline constexpr unsigned long tiocnxcl = 0x540d;
inline constexpr unsigned long tiocgexcl = 0x8004'5440;
inline constexpr unsigned long tiocglcktrmios = 0x5456;
inline constexpr unsigned long tiocslcktrmios = 0x5457;
inline constexpr unsigned long tiocoutq = 0x5411;
inline constexpr unsigned long tiocgptpeer = 0x5441;
inline constexpr unsigned long tiocsig = 0x4004'5436;
inline constexpr unsigned long tiocgptn = 0x8004'5430;
inline constexpr unsigned long tiocsptlck = 0x4004'5431;
inline constexpr unsigned long tiocgptlck = 0x8004'5439;

}  // namespace abi
