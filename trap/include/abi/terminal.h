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

// ioctl
inline constexpr unsigned long tiocoutq = 0x5411;
inline constexpr unsigned long tiocgptpeer = 0x5441;
inline constexpr unsigned long tiocsig = 0x4004'5436;
inline constexpr unsigned long tiocgptn = 0x8004'5430;
inline constexpr unsigned long tiocsptlck = 0x4004'5431;
inline constexpr unsigned long tiocgptlck = 0x8004'5439;

}  // namespace abi
