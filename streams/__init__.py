"""How things move: the pipeline, the live system, replay, the demo and the command line."""
