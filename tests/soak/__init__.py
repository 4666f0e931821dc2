"""`make soak`: the real daemon and a simulated modem that fails at random, for thousands of messages.

    python -m tests.soak --out 300 --in 60 --seed 7 --model EC25 --kinds 'kill -9,mute'

What is queued ends sent, delivered or parked with a reason; nothing is lost; what goes twice was in doubt
(docs/adr/0003-sms-at-least-once.md). The verdict comes from the far end and from the state folder, never from the log.

    messages.py   what goes out, and what comes in
    faults.py     what goes wrong, and when
    keeper.py     the daemon, begun again after each kill, in time that runs faster
    play.py       one run, from the first message to the last
    evidence.py   what the network and the state folder hold afterwards
    judge.py      the verdict
"""
