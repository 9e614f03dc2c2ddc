// See clone.S.
#pragma once

extern "C" long cotrap_user_clone(unsigned long flags, void* stack_top, void* parent_tid,
                                  void* thread_pointer, void* child_tid, int (*entry)(void*),
                                  void* argument);
