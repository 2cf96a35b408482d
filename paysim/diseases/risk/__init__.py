"""Risk equations and the distribution of risk factors: they rank people, they never set a level."""
