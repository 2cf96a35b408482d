"""Care: what people ask for, who does it, how long it takes and what it costs to deliver."""
