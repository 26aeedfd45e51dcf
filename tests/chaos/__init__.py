"""Kills whatever can be killed while events flow, and compares with a replay of the topic.

``python -m tests.chaos`` (``make chaos``) prints one line for each kind of fault. Workers, learner,
Kafka and Redis are real processes; what they leave must be what the pure core makes of the log.
"""
