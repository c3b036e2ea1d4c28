"""A state machine over the store: whatever is asked in whatever order, it says what a simple model of it says."""

import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from warmstart.core.errors import Conflict, NotFound
from warmstart.core.events import Event
from warmstart.serving.store import log
from warmstart.serving.store.entries import Entry, session, user
from warmstart.serving.store.store import Store

TENANTS, USERS, SESSIONS = ("red", "blue"), ("ann", "bob"), ("s1", "s2")
tenants = st.sampled_from(TENANTS)
event_ids = st.sampled_from([f"e{number}" for number in range(12)])
subjects = st.one_of(st.sampled_from(USERS).map(user), st.sampled_from(SESSIONS).map(session))
bodies = st.tuples(st.sampled_from(["i1", "i2"]), st.sampled_from(["like", "dislike"]), st.integers(0, 5))


class Log(RuleBasedStateMachine):
    """The store beside dictionaries that do the same."""

    @initialize()
    def open(self):
        self.folder = tempfile.mkdtemp()
        self.url = f"sqlite:///{self.folder}/w.db"
        self.store = Store.open(self.url)
        self.events = {}
        self.merged = {}
        self.versions = {}

    def teardown(self):
        self.store.close()
        shutil.rmtree(self.folder)

    def owner(self, tenant, subject):
        return self.merged.get((tenant, subject), subject)

    @rule(tenant=tenants, sent=st.lists(st.tuples(event_ids, subjects, bodies), min_size=1, max_size=4))
    def post(self, tenant, sent):
        entries = [
            Entry(Event(name, item, kind, float(at)), who, f"{who} {item} {kind} {at}")
            for name, who, (item, kind, at) in sent
        ]
        outcomes = self.store.log(tenant, entries).result(10)
        for entry, outcome in zip(entries, outcomes, strict=True):
            known = self.events.get((tenant, entry.event.event_id))
            if known is None:
                assert outcome.status == "accepted"
                owner = self.owner(tenant, entry.subject)
                self.events[tenant, entry.event.event_id] = [entry, owner, outcome.version, False]
                assert outcome.version > self.versions.get((tenant, owner), 0)
                self.versions[tenant, owner] = outcome.version
            else:
                same = known[0].digest == entry.digest
                assert outcome.status == ("duplicate" if same else "conflict")
                assert outcome.version == known[2]

    @rule(tenant=tenants, name=event_ids)
    def undo(self, tenant, name):
        known = self.events.get((tenant, name))
        try:
            version = self.store.write(lambda connection: log.undo(connection, tenant, name)).result(10)
        except NotFound:
            assert known is None
            return
        assert known is not None
        if not known[3]:
            assert version > self.versions[tenant, known[1]]
        known[3] = True
        self.versions[tenant, known[1]] = version

    @rule(tenant=tenants, source=st.sampled_from(SESSIONS).map(session), into=st.sampled_from(USERS).map(user))
    def merge(self, tenant, source, into):
        before = self.merged.get((tenant, source))
        try:
            version = self.store.write(lambda connection: log.merge(connection, tenant, source, into)).result(10)
        except Conflict:
            assert before not in {None, into}
            return
        assert before in {None, into}
        self.merged[tenant, source] = into
        for (owner, _), known in self.events.items():
            if owner == tenant and known[1] == source:
                known[1] = into
        self.versions[tenant, into] = version

    @rule(tenant=tenants, who=st.sampled_from(USERS).map(user))
    def erase(self, tenant, who):
        receipt = self.store.write(lambda connection: log.erase(connection, tenant, who)).result(10)
        gone = [key for key, known in self.events.items() if key[0] == tenant and known[1] == who]
        assert receipt.events == len(gone)
        for key in gone:
            del self.events[key]
        sessions = [source for (owner, source), target in self.merged.items() if (owner, target) == (tenant, who)]
        for source in sessions:
            self.versions.pop((tenant, source), None)
        self.merged = {key: target for key, target in self.merged.items() if (key[0], target) != (tenant, who)}
        self.versions.pop((tenant, who), None)

    @rule()
    def restart(self):
        self.store.close()
        self.store = Store.open(self.url)

    @invariant()
    def says_what_the_model_says(self):
        for tenant in TENANTS:
            for who in (*map(user, USERS), *map(session, SESSIONS)):
                found = log.newest(self.store.database, tenant, who, 100)
                known = [one for (owner, _), one in self.events.items() if owner == tenant and one[1] == who]
                wanted = sorted((one[0].event for one in known if not one[3]), key=Event.when, reverse=True)
                assert found == wanted
                state = log.states(self.store.database, tenant, who)[0]
                if (tenant, who) in self.versions:
                    assert state.version >= self.versions[tenant, who]
                elif not self.merged.get((tenant, who)):
                    assert not known


def run(examples):
    run_state_machine_as_test(
        Log,
        settings=settings(
            max_examples=examples, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_the_store_is_what_its_model_is():
    run(10)


@pytest.mark.slow
@pytest.mark.skipif("WARMSTART_MACHINE_RUNS" not in os.environ, reason="long: set WARMSTART_MACHINE_RUNS=1000")
def test_the_store_is_what_its_model_is_for_long():
    run(int(os.environ["WARMSTART_MACHINE_RUNS"]))
