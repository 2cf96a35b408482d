"""The laboratory: published thresholds and quantities, properties of choice, and classic theory."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.errors import ScenarioError
from paysim.lab import (
    Experiment,
    Physicians,
    choices,
    lab_parameters,
    linear_quantities,
    linear_thresholds,
    load_experiments,
    means,
    read_experiment,
    run_lab,
)
from paysim.lab.experiment import SHIPPED, Linear
from paysim.lab.findings import evaluate
from paysim.lab.theory import (
    Inducement,
    bonus_effort,
    checks,
    cost_effort,
    first_best_share,
    supply_side_quantity,
)

PURE = {"fee_for_service": 0, "capitation": 1, "mixed": 2}
EXPERIMENTS = {each.name: each for each in load_experiments()}
altruisms = st.floats(0.0, 3.0)


@pytest.fixture
def linear():
    return EXPERIMENTS["linear_loss"]


def written(tmp_path, **changes):
    data = yaml.safe_load((SHIPPED / "linear_loss.yaml").read_text("utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(data | changes, sort_keys=False), "utf-8")
    return path


# Thresholds and quantities with c = 0.1 q^2, fee 2, loss 1 per unit: derived by hand


def test_thresholds_are_those_of_the_closed_form(linear):
    assert linear_thresholds(linear.linear) == pytest.approx(
        np.array([[1.4, 1.0, 0.6], [0.6, 1.0, 1.4], [0.4, 0, 0.4]])
    )


def test_thresholds_in_whole_units_are_a_half_step_of_marginal_cost_lower(linear):
    expected = np.array([[1.3, 0.9, 0.5], [0.5, 0.9, 1.3], [0.3, 0.0, 0.3]])
    assert linear.thresholds == pytest.approx(expected)


def test_quantities_at_the_altruism_found(linear):
    altruism = lab_parameters()["lab.altruism"]
    assert altruism == 0.78
    fee, cap, _ = linear_quantities(linear.linear, altruism, 10.0)
    assert fee == pytest.approx([6.1, 6.1, 7.0])
    assert cap == pytest.approx([3.0, 3.9, 3.9])
    assert (fee.mean(), cap.mean()) == pytest.approx((6.4, 3.6))


@pytest.mark.parametrize("altruism", np.linspace(0.0, 2.0, 21))
def test_below_the_threshold_quantities_are_linear_in_altruism(linear, altruism):
    best = np.array([3.0, 5.0, 7.0])
    fee, cap, mixed = linear_quantities(linear.linear, altruism, 10.0)
    assert fee == pytest.approx(np.where(altruism >= 2 - 0.2 * best - 1e-9, best, min(10.0, 10 - 5 * altruism)))
    assert cap == pytest.approx(np.where(altruism >= 0.2 * best - 1e-9, best, 5 * altruism))
    assert (np.abs(mixed - best) < 1e-9).tolist() == (np.abs(1.0 - 0.2 * best) <= altruism + 1e-9).tolist()


@given(altruisms, st.floats(0.0, 4.0), st.floats(0.02, 0.5), st.floats(0.1, 3.0), st.floats(0.0, 10.0))
@settings(deadline=None, max_examples=60)
def test_the_closed_form_is_best_of_a_fine_grid(altruism, fee, cost, loss, best):
    found = linear_quantities(Linear((fee,), cost, (loss,), (best,)), altruism, 10.0).item()
    grid = np.append(np.linspace(0.0, 10.0, 2001), found)
    value = fee * grid - cost * grid**2 - altruism * loss * np.abs(grid - best)
    assert value[-1] >= value.max() - 1e-9


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_thresholds_separate_best_care_from_other_care(name):
    experiment = EXPERIMENTS[name]
    for i, j in np.ndindex(experiment.thresholds.shape):
        threshold, best = float(experiment.thresholds[i, j]), experiment.optimal[j]
        assert choices(experiment, Physicians.alike(threshold + 1e-6))[i, j, best] == 1.0
        if threshold > 0.0:
            assert choices(experiment, Physicians.alike(threshold - 1e-6))[i, j, best] == 0.0
        assert choices(experiment, Physicians.alike(threshold))[i, j, best] == 1.0  # indifferent: for the patient


# What published experiments found


def test_every_direction_published_agrees_and_the_mean_under_fees_does_not():
    laboratory = run_lab()
    wrong = {(row["experiment"], row["finding"]) for row in laboratory.findings if not row["agrees"]}
    assert wrong == {("hennig_schmidt_2011", "mean quantity under fee for service")}


def test_findings_can_disagree(linear):
    """Physicians who only care for patients neither over- nor underprovide; selfish ones do as profit has it."""
    selfish, saints = means(linear, Physicians.alike(0.0)), means(linear, Physicians.alike(5.0))
    by_kind = {each.kind: each for each in linear.findings}
    for kind in ("overprovision", "underprovision", "deviation_lower", "quantity_higher"):
        assert not evaluate(by_kind[kind], saints, selfish)[1], kind
    assert not evaluate(by_kind["less_than_selfish"], selfish, selfish)[1]


@pytest.mark.parametrize("altruism", [0.0, 0.2, 0.5, 0.78, 1.1])
def test_mixing_brings_care_nearer_to_the_optimum(linear, altruism):
    found = means(linear, Physicians.alike(altruism))
    away = [found.of(found.deviation, name) for name in PURE]
    assert away[2] < min(away[0], away[1])


def test_selfish_physicians_follow_fees_and_lump_sums(linear):
    found = means(linear, Physicians.alike(0.0))
    assert [found.of(found.quantity, name) for name in PURE] == [10.0, 0.0, 5.0]
    assert [found.of(found.profit, name) for name in PURE] == pytest.approx([10.0, 10.0, 7.5])
    stepwise = EXPERIMENTS["hennig_schmidt_2011"]
    quantity = means(stepwise, Physicians.alike(0.0)).quantity[0].reshape(5, 3)
    assert quantity.tolist() == [[5.0] * 3, *([[10.0] * 3] * 4)]  # illness a pays best at 5


def test_the_altruism_fitted_explains_the_means_it_was_fitted_to():
    (spread, noisy) = run_lab(["hennig_schmidt_2011"]).fits
    physicians = Physicians.alike(noisy["altruism_mean"], noisy["noise"])
    found = means(EXPERIMENTS["hennig_schmidt_2011"], physicians)
    assert found.of(found.quantity, "fee_for_service") == pytest.approx(6.6, abs=1e-3)
    assert found.of(found.quantity, "capitation") == pytest.approx(4.4, abs=1e-3)
    assert spread["root_mean_square_error"] < 0.1
    assert spread["status"] == noisy["status"] == "recalled"


def test_a_known_altruism_is_found_again(tmp_path):
    """Fit quantities that were made with a known altruism and noise."""
    from paysim.lab.fit import fits

    experiment = EXPERIMENTS["linear_loss"]
    made = means(experiment, Physicians.alike(0.7, 0.8))
    found = [
        {"kind": "mean_quantity", "payment": pay, "need": need, "value": made.of(made.quantity, pay, need)}
        for pay in ("fee_for_service", "capitation")
        for need in ("low", "intermediate", "high")
    ]
    rows = [each | {"source": "made", "status": "derived"} for each in found]
    noisy = fits(read_experiment(written(tmp_path, findings=rows)))[1]
    assert (noisy["altruism_mean"], noisy["noise"]) == pytest.approx((0.7, 0.8), abs=1e-2)
    assert noisy["root_mean_square_error"] < 1e-3


def test_nothing_fitted_is_used_by_the_model():
    settings_used = run_lab(["linear_loss"]).settings
    assert (settings_used["altruism_mean"], settings_used["altruism_sd"]) == (0.8, 0.4)


# Properties of choice


@given(st.floats(0.0, 2.0), st.floats(0.0, 1.0), altruisms, st.sampled_from([0.0, 0.3, 1.0]))
@settings(deadline=None, max_examples=40)
def test_a_higher_fee_never_lowers_the_quantity(tmp_path_factory, fee, more, altruism, noise):
    pay = [{"name": name, "fee": f, "status": "assumed"} for name, f in (("less", fee), ("more", fee + more))]
    path = written(tmp_path_factory.mktemp("fee"), payments=pay, findings=[])
    found = means(read_experiment(path), Physicians.alike(altruism, noise)).quantity
    assert (found[1] >= found[0] - 1e-9).all()


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_more_altruism_never_lowers_what_patients_get(name, noise):
    steps = [means(EXPERIMENTS[name], Physicians.alike(a, noise)) for a in np.linspace(0.0, 15.0, 61)]
    for less, more in pairwise(steps):
        assert (more.benefit >= less.benefit - 1e-9).all()
        if noise == 0.0:  # with noise, altruism also makes choices more certain, which may pay
            assert (more.profit <= less.profit + 1e-9).all()
    if noise == 0.0:
        assert (steps[-1].optimal == 1.0).all()
    if name == "linear_loss" and noise == 0.0:
        assert all((more.deviation <= less.deviation).all() for less, more in pairwise(steps))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_logit_becomes_deterministic_as_noise_vanishes(name):
    experiment = EXPERIMENTS[name]
    sure = choices(experiment, Physicians.alike(0.7731))  # no ties
    gaps = [np.abs(choices(experiment, Physicians.alike(0.7731, s)) - sure).max() for s in (1.0, 0.1, 0.01, 1e-3, 1e-4)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-9


def test_logit_becomes_uniform_as_noise_grows_and_its_odds_are_those_of_values(linear):
    assert choices(linear, Physicians.alike(0.5, 1e9)) == pytest.approx(1 / 11)
    shares = choices(linear, Physicians.alike(0.5, 0.4))
    assert shares.sum(axis=2) == pytest.approx(1.0)
    gain = linear.profit[0, 0, 4] - linear.profit[0, 0, 3] + 0.5 * (linear.benefit[0, 4] - linear.benefit[0, 3])
    assert np.log(shares[0, 0, 4] / shares[0, 0, 3]) == pytest.approx(gain / 0.4)


def test_order_of_patients_payments_and_physicians_does_not_matter(tmp_path, linear):
    data = yaml.safe_load((SHIPPED / "linear_loss.yaml").read_text("utf-8"))
    turned = read_experiment(written(tmp_path, patients=data["patients"][::-1], payments=data["payments"][::-1]))
    people = np.random.Generator(np.random.PCG64(1)).uniform(0.0, 2.0, 1500)
    first = choices(linear, Physicians(people, 0.3))
    assert np.array_equal(choices(turned, Physicians(people[::-1].copy(), 0.3)), first[::-1, ::-1])


@pytest.mark.parametrize("noise", [0.0, 3.0, 60.0])
@pytest.mark.parametrize("gain", [-40.0, 0.0, 12.0, 55.0, 200.0])
def test_physicians_in_the_laboratory_choose_as_practices_of_a_region_do(gain, noise):
    """A lever with quadratic benefit, put before the laboratory's choosers, against the behaviours' closed forms."""
    from paysim.behaviour.logit import cut_mean

    altruism, curvature, levers = 0.8, 85.0, np.linspace(0.1, 2.0, 19001)
    lever = Experiment(
        name="lever", title="", source="", money="EUR", quantities=levers, needs=("low",), illnesses=("",),
        optimal=np.array([9000]), benefit=-curvature / 2 * (levers[None] - 1) ** 2, payments=("pay",),
        profit=gain * (levers[None, None] - 1), findings=(), linear=None, design=(),
    )  # fmt: skip
    found = means(lever, Physicians.alike(altruism, noise)).quantity.item()
    best = np.array([gain / (altruism * curvature)])
    if noise:
        spread = np.sqrt(np.array([noise / (altruism * curvature)]))
        best = cut_mean(best, spread, np.array([-0.9]), np.array([1.0]))
    assert found == pytest.approx(1 + np.clip(best, -0.9, 1.0).item(), abs=2e-4)


def test_physicians_have_the_altruism_of_practices():
    spread = Physicians.spread(0.8, 0.4, 0.1).altruism
    assert spread.min() >= 0.1
    assert np.median(spread) == pytest.approx(0.8, abs=0.03)
    assert np.array_equal(Physicians.spread(0.8, 0.0).altruism, np.full(1000, 0.8))


# Classic theory


def test_every_prediction_holds():
    assert [row for row in checks() if not row["agrees"]] == []


@pytest.mark.parametrize("altruism", [0.25, 0.5, 0.8, 1.0])
def test_first_best_refunds_one_minus_altruism_whatever_the_benefit(altruism):
    """Benefit is logarithmic here, quadratic in `checks`; B' = cost at the quantity chosen."""
    share = first_best_share(lambda q: 6 * np.log1p(q), lambda q: 6 / (1 + q), altruism, 1.5, 50.0)
    assert share == pytest.approx(1 - altruism, abs=1e-4)
    quantity = supply_side_quantity(lambda q: 6 / (1 + q), altruism, 1.5, 1 - altruism, 50.0)
    assert 6 / (1 + quantity) == pytest.approx(1.5)


def test_prospective_payment_undersupplies_and_full_refund_oversupplies():
    def chosen(share):
        return supply_side_quantity(lambda q: 10 - q, 0.5, 4.0, share, 10.0)

    assert chosen(0.0) == pytest.approx(2.0)  # 0.5 (10 - q) = 4
    assert chosen(0.5) == pytest.approx(6.0)  # first best: 10 - q = 4
    assert chosen(1.0) == pytest.approx(10.0)
    assert supply_side_quantity(lambda q: 10 - q, 0.0, 4.0, 0.5, 10.0) == 0.0


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0, 3.0, 20.0])
def test_first_order_conditions_and_effects_add_up(eta):
    office = Inducement((100.0, 60.0), 0.4, -200.0, 1500.0)
    before, after = (10.0, 8.0), (7.0, 8.0)
    for margins in (before, after):
        income, induced = office.income(margins, eta), office.induced(margins, eta)
        kept = -200.0 + sum(m * (x + i) for m, x, i in zip(margins, (100.0, 60.0), induced, strict=True))
        assert kept == pytest.approx(income)
        assert [0.4 * i for i in induced] == pytest.approx([(income / 1500.0) ** -eta * m for m in margins])
    substitution, income_effect = office.effects(before, after, eta)
    change = np.subtract(office.induced(after, eta), office.induced(before, eta))
    assert np.add(substitution, income_effect) == pytest.approx(change)
    assert substitution[0] < 0.0
    assert substitution[1] == 0.0  # its margin is as before
    assert (income_effect[0] > 0.0) is (eta > 0.0)


def test_a_fee_cut_lowers_volume_for_profit_and_raises_it_for_a_target_income():
    office = Inducement((100.0,), 0.5, 0.0, 1200.0)
    changes = [office.induced((8.0,), eta)[0] - office.induced((10.0,), eta)[0] for eta in (0.0, 1.0, 5.0, 1000.0)]
    assert changes[0] == pytest.approx(-4.0)
    assert changes == sorted(changes)
    assert changes[-1] > 0.0
    assert 8.0 * (100.0 + office.induced((8.0,), 1000.0)[0]) == pytest.approx(1200.0, rel=0.01)


@given(st.floats(0.0, 1.0), st.floats(0.1, 10.0), st.floats(2.0, 10.0))
@settings(deadline=None, max_examples=30)
def test_effort_to_lower_cost_falls_with_what_is_refunded(refunded, volume, curvature):
    assert cost_effort(9.0, refunded, volume, 50.0, curvature) == pytest.approx(
        (1 - refunded) * volume / curvature, abs=1e-4
    )


def test_a_bonus_moves_those_near_its_threshold_only():
    rises = {score: bonus_effort(score, 75.0, 5.0, 100.0, 1.0) for score in (40.0, 60.0, 72.0, 75.0, 100.0)}
    assert rises[40.0] == pytest.approx(0.0, abs=1e-6)
    assert rises[100.0] == pytest.approx(0.0, abs=1e-3)
    assert rises[72.0] > rises[75.0] > 3.0
    top = rises[72.0]
    slope = 100.0 * np.exp(-0.5 * ((75 - 72 - top) / 5) ** 2) / (5 * np.sqrt(2 * np.pi))
    assert top == pytest.approx(slope, abs=1e-3)  # marginal incentive = marginal cost


# Files


def test_an_unknown_experiment_is_refused_with_the_nearest_name():
    with pytest.raises(ScenarioError, match="did you mean 'linear_loss'"):
        load_experiments(("linear_los",))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown key"),
        ({"patients": [{"need": "low", "optimal": 30, "loss_per_unit": 1, "status": "assumed"}]}, "is no quantity"),
        ({"patients": [{"need": "low", "optimal": 3, "status": "assumed"}]}, "either loss_per_unit or benefit"),
        ({"patients": [{"need": "low", "optimal": 1, "benefit": [1, 2], "status": "assumed"}]}, "11 values expected"),
        ({"patients": [{"need": "low", "optimal": 1, "benefit": [0] * 11, "status": "assumed"}]}, "not highest"),
        ({"payments": [{"name": "fee_for_service", "fee": -1, "status": "assumed"}]}, "payments"),
        (
            {"findings": [{"kind": "overprovision", "payment": "fees", "source": "x", "status": "found"}]},
            "no such payment",
        ),
        (
            {"findings": [{"kind": "mean_quantity", "payment": "mixed", "source": "x", "status": "found"}]},
            "needs value",
        ),
        (
            {"findings": [{"kind": "benefit_higher", "payment": "mixed", "source": "x", "status": "found"}]},
            "needs than",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, changes, message):
    with pytest.raises(ScenarioError, match=message) as caught:
        read_experiment(written(tmp_path, **changes))
    assert "mine.yaml:" in str(caught.value)


def test_the_example_of_the_page_works(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "laboratory.md").read_text("utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text(page.split("```yaml\n")[1].split("```")[0], "utf-8")
    found = run_lab(file=mine)
    assert [each.name for each in found.experiments] == ["half_fee"]
    assert all(row["agrees"] for row in found.findings)
    assert len(found.quantities) == 6


def test_needs_that_an_experiment_lacks_are_refused(tmp_path):
    finding = {"payment": "mixed", "than": "capitation", "source": "x", "status": "found"}
    patients = [{"need": "low", "optimal": 3, "loss_per_unit": 1, "status": "assumed"}]
    for extra in ({"kind": "benefit_higher", "need": "high"}, {"kind": "grows_with_need"}):
        with pytest.raises(ScenarioError, match="no patients of this need"):
            read_experiment(written(tmp_path, patients=patients, findings=[finding | extra]))


@pytest.mark.parametrize(
    "bad", [{"altruism_mean": -1.0}, {"altruism_sd": -0.1}, {"noise": float("nan")}, {"altruism_sd": float("inf")}]
)
def test_numbers_that_cannot_be_are_refused(bad):
    with pytest.raises(ScenarioError):
        run_lab(["linear_loss"], **bad)


def test_the_command_prints_draws_and_gives_json(tmp_path, capsys):
    import json

    from paysim.cli.app import run

    plot = tmp_path / "lab.png"
    assert run(["lab", "linear_loss", "--plot", str(plot)]) == 0
    assert "7 of 7 findings agree" in capsys.readouterr().out
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert run(["lab", "--file", str(written(tmp_path)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found["experiments"]] == ["linear_loss"]
    assert run(["lab", "nothing"]) == 2
    assert run(["lab", "--plot", str(tmp_path / "x.gif")]) == 2
