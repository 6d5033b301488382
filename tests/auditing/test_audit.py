"""The audit of a paper: every claim has its answer, every printed value a claim or a reason."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

import leukcnn
from leukcnn import papers
from leukcnn.auditing.answers import VERDICTS
from leukcnn.auditing.audit import kind_of
from leukcnn.auditing.printed import numbers_of, printed_values, why_not_audited
from leukcnn.cli import main
from leukcnn.errors import SpecError
from leukcnn.spec import Claim
from leukcnn.spec.kinds import CLAIMS

KEYS = papers.list_papers()


@pytest.mark.parametrize("kind", CLAIMS)
def test_every_kind_of_claim_can_be_checked(kind):
    assert kind_of(kind).check is not None


@pytest.mark.parametrize("key", KEYS)
def test_every_printed_value_is_checked_or_says_why_not(audits, key):
    assert audits[key].not_covered == ()


@pytest.mark.parametrize("key", KEYS)
def test_answers_name_printed_values_and_have_all_their_words(audits, key):
    names = printed_values(audits[key].paper)
    for answer in audits[key].answers:
        assert answer.verdict in VERDICTS
        assert answer.detail
        assert answer.searched
        assert answer.certainty
        assert set(answer.covers) <= names.keys(), answer.claim.id
        assert bool(answer.corrected) == (answer.verdict == "slip"), answer.claim.id


def test_papers_have_some_80_claims_together(audits):
    assert sum(len(audit.answers) for audit in audits.values()) >= 80


@pytest.mark.parametrize("key", KEYS)
def test_every_reason_is_that_of_a_printed_value(key):
    for table in papers.get(key).tables:
        for pattern, why in table.not_audited.items():
            alone = replace(table, not_audited={pattern: why})
            assert any(why_not_audited(alone, name) for name, _ in numbers_of(table)), (table.id, pattern)


def test_json_has_its_keys_and_agrees_with_the_tables(audits):
    audit = audits["allidb_lightweight"]
    content = json.loads(json.dumps(audit.to_json()))
    assert list(content) == ["paper", "title", "verdicts", "claims", "values", "findings"]
    assert list(content["claims"][0]) == [
        *("id", "kind", "text", "where", "verdict", "detail", "searched", "certainty", "corrected", "covers"),
    ]
    assert list(content["values"][0]) == ["name", "value", "where", "claims", "why_not"]
    claims, values = audit.tables
    assert [row[0] for row in claims.rows] == [claim["id"] for claim in content["claims"]]
    assert [row[0] for row in values.rows] == [value["name"] for value in content["values"]]
    assert sum(content["verdicts"].values()) == len(content["claims"])
    slip = next(claim for claim in content["claims"] if claim["id"] == "images-allidb1")
    assert (slip["verdict"], slip["corrected"]) == ("slip", "ALL: 49")


def test_command_shows_the_claims_and_writes_every_format(tmp_path):
    done = CliRunner().invoke(main, ["audit", "allidb_lightweight", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "images-allidb1" in done.output
    assert "printed values" in done.output
    names = {path.name for path in tmp_path.iterdir()}
    endings = ("csv", "md", "tex", "txt", "html")
    assert names == {"audit.json", *(f"{t}.{e}" for t in ("audit", "audit_values") for e in endings)}


def test_command_prints_json_alone():
    done = CliRunner().invoke(main, ["audit", "allidb_lightweight", "--json"])
    assert json.loads(done.stdout)["paper"] == "allidb_lightweight"


def test_paper_whose_claims_need_no_builders_is_audited_without_keras():
    code = (
        "import sys, leukcnn; leukcnn.audit('allidb_lightweight'); "
        "print(*(name for name in ('tensorflow', 'keras', 'jax') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def stating(*claims):
    return replace(papers.get("allidb_lightweight"), claims=claims)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("statement", {}),
        ("statement", {"sum": {"a": 1}, "total": "no/such/value"}),
        ("statement", {"same": {"quantity": 3}}),
        ("sums", {"table": "table9"}),
        ("sums", {}),
        ("t_test", {"first": (1.0,), "second": (1.0, 1.0, 5), "says": "equivalent"}),
        ("t_test", {"says": "equivalent"}),
        ("network_size", {"parameters": 3, "family": {"filters": (3,)}}),
        ("network_size", {"row": "none", "parameters": 3, "covers": ()}),
        ("network_size", {"parameters": 3, "network": "NoSuchNet", "times": 2}),
    ],
)
def test_claim_with_wrong_values_is_named(kind, values):
    with pytest.raises(SpecError) as caught:
        leukcnn.audit(stating(Claim("wrong", kind, "", "", values)))
    assert str(caught.value)


def test_claim_that_has_the_id_of_a_found_one_is_refused():
    claim = Claim("confusion-supports", "statement", "", "", {"ratio": (1, 1), "says": 1})
    with pytest.raises(SpecError, match="confusion-supports"):
        leukcnn.audit(stating(claim))


def test_sixth_paper_is_audited_from_its_file(tmp_path):
    file = tmp_path / "sixth.py"
    file.write_text(
        "from dataclasses import replace\n"
        "from leukcnn import papers\n"
        "from leukcnn.spec import Claim\n"
        "values = {'sum': {'a': 10, 'b': 21}, 'total': 30}\n"
        "claims = (Claim('total', 'statement', '30 images', 'Table 1', values),)\n"
        "own = papers.get('allidb_lightweight')\n"
        "PAPER = replace(own, key='sixth', tables=(), figures=(), claims=claims)\n"
    )
    audit = leukcnn.audit(file)
    assert [(answer.claim.id, answer.verdict) for answer in audit.answers] == [("total", "impossible")]
