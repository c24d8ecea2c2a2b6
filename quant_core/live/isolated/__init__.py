"""The lane of strategies in Python: processes of their own, so that what hangs can be killed.

Nothing is imported here: a worker process needs no more than its own modules.
"""
