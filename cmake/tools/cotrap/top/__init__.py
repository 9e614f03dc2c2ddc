"""The tables of `./cotrap top`: which jobs run and which wait, and for what.

    snapshot.py   reads the guest's RAM: the state of every job, and the trace of the last moments
    clock.py      estimates the guest's time
    screen.py     formats a snapshot as lines
"""

EVERY = 1.0  # seconds between two updates, by default
