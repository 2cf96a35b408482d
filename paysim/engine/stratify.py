"""The score by which people are ranked for a programme, from what is known of them now."""

from __future__ import annotations

import numpy as np

from paysim.care.programmes import ASSESSMENT
from paysim.diseases.risk import prevent, score2
from paysim.diseases.risk.smart2 import load_smart2, smart2_risk
from paysim.engine.model import Model
from paysim.kernel.spec import COVARIATES

_KIDNEY = ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5")
_CORONARY = ("prior_mi", "angina")
_RECENT = ("recent_mi", "recent_stroke")


class Scores:
    """Risk equations of a model, ready to be asked.

    Ages outside an equation are held at its ends. Pressure and cholesterol are those under present treatment. What the
    model does not know of a person (years since the first event, inflammation) is a parameter.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.params = model, model.parameters
        self.assumed = self.params.group(ASSESSMENT)
        self._chronic = [model.flag_bit[flag] for flag in model.health.chronic]

    def of(self, name: str, people: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return a score of the people in `rows` ``[n]``; see `paysim.care.programmes.SCORES`."""
        if name == "none" or not len(rows):
            return np.zeros(len(rows))
        flags, covariates = people["flags"][rows], people["covariates"][rows]
        if name == "frailty":
            return np.asarray(np.exp(covariates[:, COVARIATES.index("log_frailty")]))
        if name == "conditions":
            return np.asarray(sum(((flags & bit) != 0).astype(float) for bit in self._chronic))
        sex, age = people["sex"][rows].astype(np.int64), people["age"][rows].astype(float)
        x = {key: covariates[:, COVARIATES.index(key)] for key in ("smoker", "sbp", "tc", "hdl", "bmi")}
        x["sbp"] = np.clip(x["sbp"] - covariates[:, COVARIATES.index("sbp_drop")], 80.0, 240.0)
        x["hdl"] = np.clip(x["hdl"], 0.4, 4.0)
        x["tc"] = np.maximum(x["tc"] - covariates[:, COVARIATES.index("ldl_drop")], x["hdl"] + 0.5)
        diabetes = self._any(flags, ("diabetes",)).astype(float)
        if name == "smart2":
            return self._smart2(flags, sex, age, x, diabetes)
        if name == "prevent":
            return self._prevent(flags, sex, age, x, diabetes)
        return self._score2(sex, age, x, diabetes)

    def _any(self, flags: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        mask = sum(self.model.flag_bit.get(name, 0) for name in names)
        return np.asarray((flags & mask) != 0)

    def _kidney(self, flags: np.ndarray) -> np.ndarray:
        egfr = np.full(len(flags), self.assumed["egfr_normal"])
        for name in _KIDNEY:
            egfr[self._any(flags, (name,))] = self.assumed[f"egfr_{name}"]
        return egfr

    def _smart2(
        self, flags: np.ndarray, sex: np.ndarray, age: np.ndarray, x: dict[str, np.ndarray], diabetes: np.ndarray
    ) -> np.ndarray:
        recent = self._any(flags, _RECENT)
        return smart2_risk(
            load_smart2(self.params),
            age=np.clip(age, 40, 80),
            male=1 - sex,
            sbp=x["sbp"],
            diabetes=diabetes,
            years_since_first=np.where(recent, 0.0, self.assumed["years_since_first_event"]),
            nonhdl=x["tc"] - x["hdl"],
            egfr=self._kidney(flags),
            crp=np.full(len(flags), self.assumed["crp"]),
            antithrombotic=self._any(flags, ("antiplatelet",)),
            smoker=x["smoker"],
            cad=self._any(flags, _CORONARY),
            cerebrovascular=self._any(flags, ("prior_stroke",)),
            pad=self._any(flags, ("pad",)),
        )

    def _prevent(
        self, flags: np.ndarray, sex: np.ndarray, age: np.ndarray, x: dict[str, np.ndarray], diabetes: np.ndarray
    ) -> np.ndarray:
        return prevent.prevent_risk(
            prevent.load_prevent(self.params),
            sex,
            np.clip(age, prevent.AGE_FROM, prevent.AGE_TO),
            x["smoker"],
            x["sbp"],
            x["tc"],
            x["hdl"],
            bmi=x["bmi"],
            diabetes=diabetes,
            egfr=self._kidney(flags),
            bp_treated=self._any(flags, ("bp_drug_1",)),
            statin=self._any(flags, ("statin",)),
        )

    def _score2(self, sex: np.ndarray, age: np.ndarray, x: dict[str, np.ndarray], diabetes: np.ndarray) -> np.ndarray:
        equations, region = score2.load_score2(self.params), self.params.get_text("risk.region")
        factors = (x["smoker"], x["sbp"], x["tc"], x["hdl"], diabetes)
        young = score2.score2_risk(
            equations, sex, np.clip(age, score2.AGE_FROM, score2.AGE_OP - 1), *factors, region=region
        )
        old = score2.score2_op_risk(equations, sex, np.clip(age, score2.AGE_OP, score2.AGE_TO), *factors, region=region)
        return np.where(age < score2.AGE_OP, young, old)
