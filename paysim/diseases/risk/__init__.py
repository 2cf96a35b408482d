"""Risk equations and the distribution of risk factors; used to rank people, never to set the level of a rate."""
