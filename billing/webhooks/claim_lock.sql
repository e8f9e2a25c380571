-- One claim at a time: the next statement of the transaction sees what the others have claimed.
SELECT pg_advisory_xact_lock(8403, 0)
