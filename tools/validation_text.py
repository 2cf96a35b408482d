"""The sentences of docs/validation.md: what stands around the tables, and why a target is missed."""

SECTIONS = {
    "population": "Population at the start",
    "deaths": "Deaths",
    "events": "Infarction and stroke",
    "health": "Health and treatment",
    "care": "Use of care and access",
    "money": "Payments",
}

BEFORE = """# Validation

What the model says of one region as it is paid today, beside what is published. The page is made by
`python tools/write_validation.py RUN`; nothing in it is typed by hand but the sentences on misses.

How to read it: rates that the model is levelled on (deaths, admissions, contacts, payments) test that the
machinery keeps its own level through queues, births and ageing; they are no independent evidence. Independent
of what was fitted are waits, out-of-hours contacts as the result of access, and whether treatment stays steady.
No response of practices to payment is validated here: see [limits](limits.md).
"""

AFTER = """## What is not compared yet

- Concentration and persistence of costs between people.
- Responses of practices to payment against published natural experiments, held out from what was fitted.
- Case fatality and recurrence against their sources on simulated cohorts.
- The Flemish region: Belgian levels need their own targets.
- Anything by education but the margins of the population.
"""

WHY = {
    "margins": "a difference beyond sampling error; see `paysim population describe` for the cell.",
    "deaths": "deaths are levelled on the cohort at base and not corrected afterwards.",
    "life_expectancy": "five-year death rates of one region's run; chance at young ages moves it.",
    "mi_year": "chance in one year of one region beside what is levelled at base.",
    "mi_run": "levels are set on the cohort at base and not corrected as people age over the run.",
    "stroke_year": "chance in one year of one region beside what is levelled at base.",
    "stroke_run": "levels are set on the cohort at base and not corrected as people age over the run.",
    "contacts": "needs that end out of hours, are dropped or are combined with a pending appointment come off the published number, because published contacts are taken as needs.",
    "contacts_and_ooh": "needs that are dropped or combined with a pending appointment are not in it.",
    "out_of_hours": "it follows from urgent needs, opening hours and an assumed patience.",
    "ed": "emergency admissions and visits have separate shapes by age, applied to an older region than the nation.",
    "admissions": "an older region than the nation, and planned admissions follow referrals.",
    "referrals": "referrals follow contacts that take place.",
    "clinic": "the clinic's list moves with referrals, capacity is set in the base run.",
    "wait": "the wait follows from hours, contacts and minutes, of which several are assumed.",
    "concentration": "results hold no distribution over persons; a later step.",
    "gp_spending": "the national mean is levelled by a grant per person; the region's own age mix moves it.",
    "gp_and_ooh": "the quoted figure names general practice; whether it holds duty care could not be checked.",
    "payments": "background care is fitted on expected use; the run differs by queues, deaths and frailty.",
    "payments_by_age": "as the total; small cells of old people and of young men are noisy.",
    "utility": "utility is solved on the people of the region's table, three years before the first year.",
    "diabetes": "onset and deaths keep the published prevalence only as far as both rates are consistent.",
    "births": "chance.",
    "treatment": "no target: the arm changes nothing, so a steady share of an ageing population is expected to rise a little.",
}
