"""A page that a coroutine waits for stops no other one, and programs are told things at once."""

from dataclasses import replace

import harness
from cotrap.demos import numbered_disk

PARTS = (
    ("registers", "who waits for pages, and who goes on, keep their registers"),
    ("modes", "… and their way of rounding"),
    ("many", "more wait than can be kept, and all have their pages"),
    ("cut-short", "what is cancelled, or out of time, in a page ends after it"),
    ("left-behind", "who is left waiting when a program's work is done is no more"),
    ("pressed", "who has no memory for its copy of a page waits alone, until there is some"),
    ("tried", "an exception in an attempt ends it, and nothing else"),
    ("torn", "pages that are unmapped, covered, forbidden or copied while they are waited for"),
    ("taken-over", "a program that takes another's place has none of its pages to wait for"),
    ("after-fork", "what is under way ends also where there is no memory to copy a page"),
    ("end-late", "… also what ends just then"),
    ("starved", "with all contexts of many threads in use the kernel has the memory it promised"),
    ("paged", "a program's own handler reads the pages that its coroutines miss"),
    ("together", "more have exceptions than can be kept, and run() ends beside them"),
    ("left", "coroutines that are left behind in their exceptions stop nobody"),
    ("died-of", "a program dies of an exception that nobody handles, or that its handler makes"),
    ("storm", "whatever is interrupted by notifications goes on as if nothing were"),
    ("late", "what comes in the handler, or masked, is told as soon as it may be"),
    ("asleep", "who sleeps is woken by each notification, and by nothing else"),
    ("closing", "who closes its ring while others tell it things has heard enough"),
    ("wrong", "what is wrong with a call, a header or a context is an error"),
    ("asked-once", "a call that waits is made once, whatever becomes of other pages"),
    ("fatal", "upcalls to nowhere end the program, and so do kills with pages to come"),
)

with harness.Test(__doc__) as test, numbered_disk(test.build) as disk:
    test.run_parts("upcalls", PARTS, lambda machine: replace(machine, disk=disk))
