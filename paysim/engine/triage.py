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
from paysim.engine.waiting import Draws
from paysim.kernel.patients import count_upto

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
        self._visits_upto, self._visits_at = self._upto(1.0), 1.0
        share, from_age = terms.rehabilitation.share, terms.rehabilitation.from_age
        self._rehabilitation = np.array([share.get(name, 0.0) for name in codes.service_of])
        self._from_age = np.array([from_age.get(name, 0) for name in codes.service_of])
        self._surgical = terms.wards.index("surgical") if "surgical" in terms.wards else 0

    def refer(self, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return referred patients with specialty and urgency, by age and conditions, and by specialty.

        Also what was to be expected, by specialty and urgency (routine, urgent): ``[2 S]``.
        """
        people, rows, bits = self.draws.state.people, patients["row"], self.codes.flag_bit
        held = people["flags"][rows]
        anybody = int(np.bitwise_or.reduce(held)) if len(held) else 0
        asked = (flag for flag in self.terms.referral_ratios if bits.get(flag, 0) & anybody)
        flags = {flag: (held & bits[flag]) != 0 for flag in asked}
        shares = self.terms.shares(people["age"][rows], flags)
        expected, urgent = shares.sum(axis=0), self.urgent_share
        usual = np.empty(2 * len(expected))
        usual[::2], usual[1::2] = expected * (1 - urgent), expected * urgent
        upto = np.cumsum(shares, axis=1)
        patients["unit"] = (self.draws.of(patients, "specialty")[:, None] >= upto[:, :-1]).sum(axis=1)
        patients["urgent"] = self.draws.of(patients, "urgent referral") < urgent[patients["unit"]]
        return patients, usual

    def allot(self, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return emergencies with their ward, and the bed-days to be expected of them by ward ``[W]``."""
        ward, share = self.codes.ward_of[patients["process"]], self.terms.surgical_emergency_share
        surgical = self.draws.of(patients, "surgical emergency") < share
        patients["unit"] = np.where(ward >= 0, ward, np.where(surgical, self._surgical, 0))
        days, wards = self.codes.stay_days[patients["process"]], len(self.terms.wards)
        expected = np.bincount(np.maximum(ward, 0), np.where(ward >= 0, days, (1 - share) * days), minlength=wards)
        expected[self._surgical] += share * float(days[ward < 0].sum())
        return patients, expected

    def visits(self, patients: np.ndarray, lever: float = 1.0) -> np.ndarray:
        """Return a keyed Poisson number of follow-up visits for each, of a mean by specialty times `lever`."""
        if lever != self._visits_at:
            self._visits_upto, self._visits_at = self._upto(lever), lever
        visits = np.empty(len(patients), np.int64)
        count_upto(self.draws.of(patients, "follow-up visits"), patients["unit"], self._visits_upto, visits)
        return visits

    def _upto(self, lever: float) -> np.ndarray:
        """Return the chance of at most so many follow-up visits ``[S, number]``."""
        means = lever * self.follow_ups[:, None]
        return np.asarray(np.maximum.accumulate(pdtr(np.arange(_MOST_VISITS), means), axis=1))

    def rehabilitated(self, patients: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return the chance of the admitted to go on to rehabilitation, by the service of their admission."""
        old_enough = age >= self._from_age[patients["process"]]
        return np.asarray(self._rehabilitation[patients["process"]] * (old_enough & self.draws.alive(patients)))
