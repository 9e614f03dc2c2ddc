"""The parts of the test programs: the name of each on the command line, and the sentence that it checks."""

from harness import Part

HARTS = (
    Part("moves", "a thread moves to the hart that it selects, with its floating-point registers"),
    Part("is-moved", "a computing thread moves to the hart to which another thread sends it"),
    Part("yields-and-is-moved", "threads that yield keep their registers while others move them"),
    Part("spreads", "computing threads on one hart spread over all harts that they may use"),
    Part("reschedules", "scheduling parameters change while threads run elsewhere, wait, or start to wait"),
    Part("sets-own", "threads change their own schedules and harts, and see each other's"),
    Part("forks", "a child has the memory of the moment of the fork while other threads write"),
    Part("divides", "after a fork, parent and child write to copies of their pages on all harts"),
    Part("maps", "threads map and unmap pages on all harts, and none sees another's page"),
    Part("areas", "threads change areas that none uses on all harts, and none gets another's"),
    Part("drops", "the kernel uses no frame that a thread has dropped, on any hart"),
    Part("copies", "no futex wake is lost when a write gives the page another frame"),
    Part("ends", "execve and exit_group end threads that compute on other harts"),
    Part("reaps", "harts reap children of one process at the same time, each child once"),
    Part("families", "processes start, end and are waited for on all harts at the same time"),
    Part("starters", "threads start and end on all harts at the same time"),
    Part("urgent", "console output continues beside a computing thread of the highest priority"),
    Part("makers", "threads that are created during a kill or an execve end, too"),
    Part("around", "threads that wake on idle harts pass all bytes on in a ring"),
    Part("outlived", "a waiter on unmapped shared memory is not woken through a later mapping"),
    Part("polls", "poll survives that its descriptors change and its pipe is closed"),
    Part("parts", "an iovec array that changes while the kernel reads it does no harm"),
    Part("lends", "a lock holder inherits the priority of a waiter on any hart"),
    Part("too-long", "lock chains and the number of contended locks are limited"),
    Part("lingers", "a waiter that timed out and has not run since does not delay others"),
    Part("hammers", "a lock excludes others even if threads time out or die with it"),
    Part("share", "pipes, futexes, files and new pages work while harts use them at the same time"),
    Part("asks", "calls read valid limits, directories and file sizes while a thread changes these"),
    Part("changes", "threads on all harts change signal actions, limits, rings and other data of the strand"),
    Part("own", "processes on all harts change their memory and open files at the same time"),
    Part("descriptors", "threads on all harts open, duplicate, use and close the same descriptors"),
    Part("names", "threads on all harts create, rename and remove names in one directory and in their own"),
    Part("process-files", "threads look up directories of processes that end, and one is a working directory"),
    Part("sleeps", "threads sleep on all harts at once, and a kill ends a sleep"),
    Part("takes-turns", "no wake is lost if the waiter shares its priority and so waits in the strand"),
    Part("polls-end", "a poll ends once if a write and its timeout meet, and at the end of its pipe"),
    Part("polls-killed", "kills end polls on all harts"),
    Part("timeouts", "if a wake and a timeout meet on different harts, one of them ends the wait"),
    Part("moved", "a requeue, a wake and a timeout race, and one of the last two ends the wait"),
)

# Changes of large memory in several steps. They also run on one hart.
SNAPSHOTS = (
    Part("snapshots", "a child has the memory of one moment, although other threads write and map"),
    Part("killed-forks", "a kill in the middle of a fork gives all memory back"),
    Part("killed-sharer", "threads that wait for the fork of a process with the same memory survive its kill"),
    Part("replaces", "threads see pages replaced at one moment"),
)

# Parts about time, which run with counted time on one hart.
SHARES = (
    Part("by-weight", "ordinary threads share a hart by the weights of their nice values"),
    Part("sleepers", "a thread that sleeps now and then takes no more than its share"),
    Part("renewals", "a period of a reservation has one budget, however often it is requested"),
    Part("debts", "time that a thread used alone is not taken from its reservation"),
    Part("unthrottled", "a thread without budget that gets another schedule runs at once"),
    Part("unticked", "a thread with a reservation that is seldom charged leaves others their time"),
    Part("answers", "a thread that seldom computes runs at once beside threads that always do"),
    Part("turns", "time slices have the length of the thread's policy"),
    Part("many-held", "a lock costs no more while threads wait for 200 other locks"),
)

# Parts about time, which run with counted time on three harts.
WANDERING = (
    Part("time", "a thread that changes harts is charged for all its time"),
    Part("shares-after-moves", "threads that were sent from hart to hart all get time afterwards"),
    Part("wanders", "threads that start on one hart and end on another leak no memory"),
    Part("shootdowns", "only harts that use an address space receive its TLB shootdowns"),
)

FORKING = (
    "copies", "forks", "divides", "ends", "families", "killed-forks", "killed-sharer", "makers", "outlived",
    "polls-killed", "snapshots",
)  # fmt: skip

RINGS = (
    Part("operations", "a submission that need not wait completes with the call's result or error"),
    Part("batches", "batches complete in order, and a submission without room for its completion stays"),
    Part("joined", "a merged transfer has the effects of its submissions one by one"),
    Part("waits", "requests complete when their event comes, and enter waits for the requested number"),
    Part("links", "a linked submission starts after the success of the one before it, or not at all"),
    Part("timeouts", "a timeout completes in time, and a linked timeout ends its request"),
    Part("cancels", "a cancelled request ends, whether it has started or not"),
    Part("multishot", "a multishot read completes for each piece, and reports its last one"),
    Part("picked-up", "submission polling needs no call, and the flag ring_needs_wakeup reports its sleep"),
    Part("queue", "each byte of a pipe reaches one of many waiting reads, even if others fail"),
    Part("broken", "indices out of range and wrong arguments are errors"),
    Part("unmapped", "the use of an unmapped ring is an error"),
    Part("lost", "a wait for completions ends if the ring loses its memory"),
    Part("overflow", "completions without room are counted and overwrite nothing"),
    Part("ends", "exit, execve and kill leave no in-flight request behind"),
)

COROUTINES = (
    Part("operations", "awaited calls return the same results and errors as system calls"),
    Part("many", "more coroutines may wait than the ring has entries"),
    Part("cancels", "a cancelled call ends and consumes no data"),
    Part("in-time", "a read that completes before its deadline keeps its data"),
    Part("waits", "a program without ready coroutines uses no processor time"),
    Part("busy", "a coroutine that never waits does not delay the calls of others"),
    Part("deadlocks", "a deadlock of all coroutines is reported to the program"),
    Part("priorities", "any bytes in the memory of a shared priority leave the kernel intact"),
)

STACKFUL = (
    Part("waits", "a stackful job waits for all that a coroutine awaits, in any function that it calls"),
    Part("registers", "… and keeps its registers"),
    Part("orders", "stackful and stackless jobs run in the same order, whatever the policy"),
    Part("thousand", "a thousand stackful jobs wait at once, and later ones use their stacks again"),
    Part("cancels", "a cancelled stackful job returns by itself"),
    Part("scarce", "a stack beyond the limit of the address space is an error"),
    Part("full", "… and so is a stack for which the machine has no memory"),
    Part("upcalls", "stackful jobs are preempted, preempt others, and fail attempts"),
    Part("left-over", "run() ends while stackful jobs wait or are preempted"),
    Part("dies", "a stack that overflows, and a wait in a wrong place, end the program with a report"),
)

UPCALLS = (
    Part("registers", "coroutines that wait for pages and those that run meanwhile keep their registers"),
    Part("modes", "… and their rounding modes"),
    Part("many", "more coroutines than contexts wait for pages, and all get them"),
    Part("cut-short", "a step that is cancelled or times out during a page-in ends after it"),
    Part("left-behind", "run() destroys coroutines that still wait for pages at its end"),
    Part("served-where-chosen", "the harts that the program has chosen serve its page-ins"),
    Part("pressed", "without memory for its copy of a page, only the writing coroutine waits"),
    Part("pressed-for-own", "… of any memory, if other coroutines may run in mid-step"),
    Part("pressed-until-end", "no program is killed if another one ends before the kernel chooses one"),
    Part("pressed-after-kill", "a program without memory waits for the end of one that is already killed"),
    Part("tried", "an exception in an attempt ends only the attempt"),
    Part("torn", "pages may be unmapped, replaced, protected or forked during their page-in"),
    Part("taken-over", "execve drops the page-ins of the old program"),
    Part("after-fork", "in-flight requests complete after a fork without memory to copy a page"),
    Part("end-late", "… also a request that completes later"),
    Part("starved", "with all contexts of many threads in use the kernel has its reserved memory"),
    Part("paged", "a program's exception handler reads missing pages for its coroutines"),
    Part("together", "more coroutines than contexts have exceptions, and run() still ends"),
    Part("left", "coroutines that stay in their exceptions stop no others"),
    Part("died-of", "a program dies of an unhandled exception or of one in its handler"),
    Part("storm", "notifications do not change the computation that they interrupt"),
    Part("computing", "a notification interrupts a computation that makes no call"),
    Part("late", "a notification in the handler, or a masked one, is delivered as soon as allowed"),
    Part("asleep", "each notification wakes a sleeping program, and nothing else does"),
    Part("every-instant", "… also at each instant while it goes to sleep"),
    Part("closing", "notifications may race with the closing of the ring"),
    Part("preempts", "an urgent coroutine preempts one in mid-step, whose registers stay intact"),
    Part("holds", "coroutines that preempt each other share locks and the heap"),
    Part("leaves", "a step that holds a lock is preempted when it leaves the lock"),
    Part("gets-each", "a notification preempts a step at whatever instant it comes"),
    Part("abandons", "a step that is left, or the end of run(), does not change what others allow"),
    Part("does-everything", "steps with page-ins, exceptions and calls are preempted"),
    Part("nests", "preempted coroutines preempt others, four at a time"),
    Part("left-over", "run() ends while a step is preempted"),
    Part("sleeps", "a coroutine that has slept long enough preempts one in mid-step"),
    Part("reads", "… and so does one whose system call has completed"),
    Part("gets-each-alarm", "… at whatever instant of the step"),
    Part("slices", "policies end the time slices of coroutines in mid-step"),
    Part("budgets", "… and budgets, until the next period"),
    Part("stacks", "stackful jobs have page-ins, are preempted, and fail attempts"),
    Part("left-stacks", "stackful jobs are abandoned in an exception or a page-in"),
    Part("wrong", "a wrong call, header or context is an error"),
    Part("asked-once", "a call that waits is made once, even if another page needs a page-in"),
    Part("fatal", "an upcall to a wrong address and a kill during page-ins end the program"),
)

# On a machine that counts time in instructions.
UPCALLS_EXACT = (
    Part("is-on-time", "the sleep of an urgent coroutine ends on time while another one computes"),
    Part("is-on-time-among-beats", "… also if a notification has just interrupted the computing coroutine"),
    Part("keeps-to-budget", "a coroutine computes for its budget in each period"),
    Part("pages-and-policies", "a policy counts the time for which a coroutine waits for pages as a wait"),
)

TEAM = (
    Part("meets", "as many steps as loops run at the same time"),
    Part("steals", "each loop runs jobs of a tree of jobs, and joins give the right sum"),
    Part("shares", "channels and mutexes work between loops"),
    Part("calls", "a call's completion wakes its coroutine, on each loop"),
    Part("cancels", "cancellation and deadlines end calls of jobs in the strand"),
    Part("preempts", "each loop preempts a step in preemptible()"),
    Part("interrupts", "… also if another loop wakes the more urgent coroutine"),
    Part("gives", "a step in preemptible() lets idle loops take jobs"),
    Part("faults", "attempts fail on each loop"),
    Part("moves", "a step that was preempted in the middle continues on an idle loop"),
    Part("stays", "… unless the job's options name its loop"),
    Part("stackful", "stackful jobs talk to jobs of other loops"),
    Part("moves-functions", "… and continue on other loops after their waits"),
    Part("deadlocks", "a deadlock of all loops is reported to the program"),
    Part("priorities", "each loop shares its priority with the kernel"),
    Part("refused", "run() does with the loops for which there is memory"),
    Part("repeats", "run() can be called again, with another number of harts, beside jobs that are left"),
)

# On a machine that counts time in instructions.
TEAM_EXACT = (
    Part("sleeps", "loops without ready coroutines use no processor time"),
    Part("figures", "spawns, joins and wakes are measured"),
)

# … and on which an instruction takes longer than a tick of the clock.
TEAM_FINE = (Part("moves-everywhere", "a step that is preempted at any instruction keeps its registers"),)
# Of `vectors`.
VECTORS = (
    Part("share", "three programs of four threads keep their vector registers and see no others"),
    Part("first", "threads and programs begin with zeros"),
    Part("memory", "threads and programs that end give the memory of their vector registers back"),
    Part("upcalls", "a coroutine that an upcall preempts keeps its vector registers"),
    Part("handlers", "a program keeps its vector registers while a handler changes them"),
)
