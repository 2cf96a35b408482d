"""From activity to money: segments, period activity, claims, the ledger and statements read from it."""
