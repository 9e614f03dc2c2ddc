// lwIP calls these functions of stack.cpp.
#pragma once

#include "lwip/ip_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

struct netif;
u32_t cotrap_lwip_first_sequence(void);
struct netif* cotrap_lwip_route_ip4(const ip4_addr_t* destination);
struct netif* cotrap_lwip_route_ip6(const ip6_addr_t* destination);

#ifdef __cplusplus
}
#endif
