"""The queue: what is asked for stands in files, runs in children, and survives the server."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace

import pytest

from paysim.web import jobs as queue
from paysim.web.jobs import Jobs

PATIENCE_S = 30.0

DONE = """
import json, pathlib, sys
out, progress = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
progress.write_text(json.dumps({"base": [3, 3], "arm": [1, 2]}))
out.mkdir(exist_ok=True)
(out / "manifest.json").write_text("{}")
"""
DRAWING = DONE.replace("}))", ', "report": [0, 1]}))') + "import time; time.sleep(600)"
BAD = "import sys; print('scenario.yaml:3:1: unknown key'); sys.exit(2)"
LONG = "import time; print('begun', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


class Pretended(Jobs):
    """Runs another program in place of `paysim run`."""

    program = DONE

    def command(self, job):
        own = self.settings.own / job.id
        return [sys.executable, "-c", self.program, str(self.settings.outputs / job.id), str(own / "progress.json")]


@pytest.fixture
def jobs(settings):
    made = Pretended(settings)
    yield made
    for job in made.all():
        made.cancel(job.id)
        found = made.settings.own / job.id / "process.json"
        if (made.state(job.id) == queue.RUNNING or made.reporting(job.id)) and found.exists():
            os.killpg(json.loads(found.read_text())["group"], signal.SIGKILL)


def asked(jobs, program):
    jobs.program = program
    return jobs.ask(b"schema: 1\n", "A title", 2, 1000)


def until(jobs, job, *states):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        jobs.look()
        if jobs.state(job.id) in states:
            return jobs.state(job.id)
        time.sleep(0.05)
    raise AssertionError(jobs.state(job.id))


def test_a_run_waits_goes_on_and_is_finished(jobs):
    job = asked(jobs, DONE)
    assert jobs.state(job.id) == queue.QUEUED
    until(jobs, job, queue.FINISHED)
    assert jobs.job(job.id) == job
    assert jobs.progress(job.id) == {"base": (3, 3), "arm": (1, 2)}
    assert jobs.share_done(job) == pytest.approx((1 + 0.5) / 4)


def test_results_are_shown_while_the_report_is_drawn_and_the_next_run_waits(jobs):
    first, second = (asked(jobs, DRAWING) for _ in range(2))
    ordered = sorted((first, second), key=lambda job: job.id)
    until(jobs, ordered[0], queue.FINISHED)
    assert jobs.reporting(ordered[0].id)
    jobs.look()
    assert jobs.state(ordered[1].id) == queue.QUEUED


def test_a_run_that_fails_says_why_and_how_to_repeat_it(jobs):
    job = asked(jobs, BAD)
    until(jobs, job, queue.FAILED)
    assert jobs.last_words(job.id) == "scenario.yaml:3:1: unknown key"
    assert jobs.spoken(job).startswith("paysim run ")
    assert "--sample 1000" in jobs.spoken(job)


def test_one_at_a_time_in_the_order_asked_for(jobs):
    first, second, third = (asked(jobs, LONG) for _ in range(3))
    ordered = sorted((first, second, third), key=lambda job: job.id)
    until(jobs, ordered[0], queue.RUNNING)
    jobs.look()
    assert [jobs.state(job.id) for job in ordered] == [queue.RUNNING, queue.QUEUED, queue.QUEUED]
    jobs.cancel(ordered[1].id)
    assert jobs.state(ordered[1].id) == queue.CANCELLED
    jobs.cancel(ordered[0].id)
    until(jobs, ordered[0], queue.CANCELLED)
    until(jobs, ordered[2], queue.RUNNING)
    assert jobs.state(ordered[1].id) == queue.CANCELLED


@pytest.mark.parametrize("program", [LONG, STUBBORN])
def test_cancelling_ends_the_processes(jobs, program):
    job = asked(jobs, program)
    until(jobs, job, queue.RUNNING)
    while not (jobs.settings.own / job.id / "process.json").exists():
        time.sleep(0.05)
    group = json.loads((jobs.settings.own / job.id / "process.json").read_text())["group"]
    jobs.cancel(job.id)
    until(jobs, job, queue.CANCELLED)
    end = time.monotonic() + PATIENCE_S
    while is_there(group):  # whoever is killed is there until its parent, or init, has taken note
        assert time.monotonic() < end
        jobs.look()
        time.sleep(0.05)


def is_there(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_new_server_finds_a_run_that_goes_on(jobs, settings):
    job = asked(jobs, LONG)
    until(jobs, job, queue.RUNNING)
    other = Pretended(replace(settings))
    assert other.state(job.id) == queue.RUNNING
    other.cancel(job.id)
    until(other, job, queue.CANCELLED)


def test_a_run_without_a_process_was_broken_off_and_can_go_on(jobs):
    job = asked(jobs, DONE)
    started = jobs.settings.own / job.id / "started"
    started.touch()
    os.utime(started, (1, 1))
    assert jobs.state(job.id) == queue.STOPPED
    jobs.again(job.id)
    until(jobs, job, queue.FINISHED)
    jobs.again(job.id)  # what is finished stays
    assert jobs.state(job.id) == queue.FINISHED


def test_what_is_no_job_is_none(jobs):
    for name in ("..", ".hidden", "nothing", "a/b", ""):
        assert jobs.job(name) is None
    (jobs.settings.own / "damaged").mkdir(parents=True)
    (jobs.settings.own / "damaged" / "job.json").write_text("[")
    assert jobs.job("damaged") is None
    assert jobs.all() == []
