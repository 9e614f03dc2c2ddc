"""A page-in stops only the coroutine that needs it, and programs get exceptions and notifications."""

from dataclasses import replace

import harness
from cotrap.demos import numbered_disk
from cotrap.qemu import Machine

PARTS = (
    ("registers", "coroutines that wait for pages and those that run meanwhile keep their registers"),
    ("modes", "… and their rounding modes"),
    ("many", "more coroutines than contexts wait for pages, and all get them"),
    ("cut-short", "a step that is cancelled or times out during a page-in ends after it"),
    ("left-behind", "run() destroys coroutines that still wait for pages at its end"),
    ("pressed", "without memory for its copy of a page, only the writing coroutine waits"),
    ("pressed-after-kill", "a program without memory waits for the end of one that is already killed"),
    ("tried", "an exception in an attempt ends only the attempt"),
    ("torn", "pages may be unmapped, replaced, protected or forked during their page-in"),
    ("taken-over", "execve drops the page-ins of the old program"),
    ("after-fork", "in-flight requests complete after a fork without memory to copy a page"),
    ("end-late", "… also a request that completes later"),
    ("starved", "with all contexts of many threads in use the kernel has its reserved memory"),
    ("paged", "a program's exception handler reads missing pages for its coroutines"),
    ("together", "more coroutines than contexts have exceptions, and run() still ends"),
    ("left", "coroutines that stay in their exceptions stop no others"),
    ("died-of", "a program dies of an unhandled exception or of one in its handler"),
    ("storm", "notifications do not change the computation that they interrupt"),
    ("computing", "a notification interrupts a computation that makes no call"),
    ("late", "a notification in the handler, or a masked one, is delivered as soon as allowed"),
    ("asleep", "each notification wakes a sleeping program, and nothing else does"),
    ("every-instant", "… also at each instant while it goes to sleep"),
    ("closing", "notifications may race with the closing of the ring"),
    ("preempts", "an urgent coroutine preempts one in mid-step, whose registers stay intact"),
    ("holds", "coroutines that preempt each other share locks and the heap"),
    ("leaves", "a step that holds a lock is preempted when it leaves the lock"),
    ("gets-each", "a notification preempts a step at whatever instant it comes"),
    ("abandons", "a step that is left, or the end of run(), does not change what others allow"),
    ("does-everything", "steps with page-ins, exceptions and calls are preempted"),
    ("nests", "preempted coroutines preempt others, four at a time"),
    ("left-over", "run() ends while a step is preempted"),
    ("sleeps", "a coroutine that has slept long enough preempts one in mid-step"),
    ("reads", "… and so does one whose system call has completed"),
    ("gets-each-alarm", "… at whatever instant of the step"),
    ("slices", "policies end the time slices of coroutines in mid-step"),
    ("budgets", "… and budgets, until the next period"),
    ("stacks", "stackful jobs have page-ins, are preempted, and fail attempts"),
    ("left-stacks", "stackful jobs are abandoned in an exception or a page-in"),
    ("wrong", "a wrong call, header or context is an error"),
    ("asked-once", "a call that waits is made once, even if another page needs a page-in"),
    ("fatal", "an upcall to a wrong address and a kill during page-ins end the program"),
)

# On a machine that counts time in instructions.
EXACT = (
    ("is-on-time", "the sleep of an urgent coroutine ends on time while another one computes"),
    ("keeps-to-budget", "a coroutine computes for its budget in each period"),
    ("pages-and-policies", "a policy counts the time for which a coroutine waits for pages as a wait"),
)

with harness.Test(__doc__) as test, numbered_disk(test.build) as disk:
    test.run_parts("upcalls", PARTS, lambda machine: replace(machine, disk=disk))
    if test.everyday and not test.lacks("exact times", harness.COUNTED):
        for part, what in EXACT:
            done = test.run("/upcalls", part, machine=Machine(icount=True, disk=disk))
            test.check(done.status == 0, what, done.text + done.why)
