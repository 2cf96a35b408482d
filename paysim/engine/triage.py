"""To whom a request goes: specialty and urgency of a referral, ward of an admission, what follows a visit or a stay.

All are keyed draws by what is known of the person. What was to be expected of them is returned too: usual demand, by
which capacities are planned and people who are not simulated ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import pdtr

from paysim.care.hospital import HospitalTerms
from paysim.engine.waiting import Draws, patients_of

_MOST_VISITS = 100


@dataclass(frozen=True, eq=False)
class Codes:
    """What numbers in requests and people mean.

    Attributes
    ----------
    trajectory, elective, emergency
        Numbers of the services specialist_trajectory, elective_admission and admission_other.
    other_emergency
        Number of a process that leads to admission_other.
    flag_bit
        Flag -> bit mask, of the model's flags.
    service_of
        Service claimed by each process, by number; empty where none is.
    stay_days
        Mean stay of each process's admissions.
    ward_of
        Number of the ward of each process's admissions, -1 where the terms name none.
    planned
        Whether a process's admissions are planned ones, which do not come by the emergency department.
    """

    trajectory: int
    elective: int
    emergency: int
    other_emergency: int
    flag_bit: Mapping[str, int]
    service_of: np.ndarray
    stay_days: np.ndarray
    ward_of: np.ndarray
    planned: np.ndarray


class Triage:
    """The choices of referring and admitting doctors.

    Attributes
    ----------
    test_share, elective_share, ward
        ``[S]`` by specialty: share of first visits that wait for a test, planned admissions per trajectory, and number
        of the ward of these.
    """

    def __init__(self, terms: HospitalTerms, codes: Codes, draws: Draws) -> None:
        self.terms, self.codes, self.draws = terms, codes, draws
        self.ward = np.array([terms.wards.index(each.ward) for each in terms.specialties])
        self.urgent_share, self.test_share, self.elective_share, self.follow_ups = (
            np.array([getattr(each, name) for each in terms.specialties])
            for name in ("urgent_share", "test_share", "elective_share", "follow_ups")
        )
        self._visits_upto = pdtr(np.arange(_MOST_VISITS), self.follow_ups[:, None])
        self._surgical = terms.wards.index("surgical") if "surgical" in terms.wards else 0

    def refer(self, requests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return referrals with specialty and urgency, by age and conditions, and by specialty.

        Also what was to be expected, by specialty and urgency (routine, urgent): ``[2 S]``.
        """
        patients, people = patients_of(requests), self.draws.state.people
        held, bits = people["flags"][patients["row"]], self.codes.flag_bit
        flags = {flag: (held & bits[flag]) != 0 for flag in self.terms.referral_ratios if flag in bits}
        shares = self.terms.shares(people["age"][patients["row"]], flags)
        expected, urgent = shares.sum(axis=0), self.urgent_share
        usual = np.column_stack([expected * (1 - urgent), expected * urgent]).ravel()
        upto = np.cumsum(shares, axis=1)
        patients["unit"] = (self.draws.of(patients, "specialty")[:, None] >= upto[:, :-1]).sum(axis=1)
        patients["urgent"] = self.draws.of(patients, "urgent referral") < urgent[patients["unit"]]
        return patients, usual

    def allot(self, requests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return emergencies with their ward, and the bed-days to be expected of them by ward ``[W]``."""
        patients = patients_of(requests)
        ward, share = self.codes.ward_of[patients["process"]], self.terms.surgical_emergency_share
        surgical = self.draws.of(patients, "surgical emergency") < share
        patients["unit"] = np.where(ward >= 0, ward, np.where(surgical, self._surgical, 0))
        days, wards = self.codes.stay_days[patients["process"]], len(self.terms.wards)
        expected = np.bincount(np.maximum(ward, 0), np.where(ward >= 0, days, (1 - share) * days), minlength=wards)
        expected[self._surgical] += share * float(days[ward < 0].sum())
        return patients, expected

    def visits(self, patients: np.ndarray) -> np.ndarray:
        """Return a keyed Poisson number of follow-up visits for each, by specialty."""
        u = self.draws.of(patients, "follow-up visits")
        return np.asarray((u[:, None] > self._visits_upto[patients["unit"]]).sum(axis=1))

    def rehabilitated(self, patients: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return the chance of the admitted to go on to rehabilitation, by the service of their admission."""
        terms, service = self.terms.rehabilitation, self.codes.service_of[patients["process"]]
        chance = np.zeros(len(patients))
        for name, share in terms.share.items():
            chance[(service == name) & (age >= terms.from_age[name])] = share
        return np.asarray(chance * self.draws.alive(patients))
