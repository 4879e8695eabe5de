"""What every other package stands on: errors, settings and the trace. Standard library only."""
