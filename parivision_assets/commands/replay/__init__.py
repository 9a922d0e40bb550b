"""`parivision replay`: seasons lived again day by day through the real loop, faster than life.

`season` prepares what a season's days hold, `loop` lives them, `engine` runs what is an event through Dagster,
`journal` makes it resumable, `losses` and `results` say how each contestant did.
"""
