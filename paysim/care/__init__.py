"""Care: what people ask for, who does it, how long it takes, what it costs to deliver, and what no disease explains."""
