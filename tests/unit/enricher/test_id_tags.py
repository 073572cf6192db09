r"""RFID tags of sites that hide them are in no column, and everything else stays byte for byte.

Spelled out: `%` stands for the tag in what is sent, and for what stands in its place in what is expected.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpplog_common import id_tags
from ocpplog_common.envelope import Source
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.pairing import Exchange, Outcome, Pairing
from ocpplog_enricher.domain.policy import AS_IT_IS, Policy
from ocpplog_enricher.domain.redaction import redact
from ocpplog_enricher.domain.rows import LogRow

from .test_redaction import FILLER, everything, members, observed, spelled

TAG = "04A1B2C3D4E5F6"
MASKED = Policy(hide_tag=id_tags.masked)
HASHED = Policy(hide_tag=partial(id_tags.hashed, key=b"k" * 32))
HIDDEN = pytest.mark.parametrize("policy", [MASKED, HASHED], ids=["masked", "hashed"])


def row(request: str, response: str = '[3,"1",{}]', policy: Policy = MASKED) -> LogRow:
    pairing = Pairing(lambda *_: True, 60_000_000)
    ended = pairing.observe(observed(request.encode("utf-8", "surrogatepass"), Source.CHARGER, 0))
    ended += pairing.observe(observed(response.encode("utf-8", "surrogatepass"), Source.CSMS, 1))
    return enrich(ended[0], 0, policy).log


def asked(payload: str, policy: Policy = MASKED) -> LogRow:
    return row(f'[2,"1","Any",{payload}]', policy=policy)


def answered(payload: str, policy: Policy = MASKED) -> LogRow:
    return row('[2,"1","Any",{}]', f'[3,"1",{payload}]', policy)


def shown(tag: str, policy: Policy = MASKED) -> str:
    assert policy.hide_tag
    return policy.hide_tag(tag.encode())


TOKEN = '{"idToken":"%","type":"ISO14443","additionalInfo":[{"additionalIdToken":"%","type":"x"}],"customData":{"vendorId":"V"}}'
CUT = [
    '{"idTag":"%"}',
    '{ "connectorId" :1, "idTag" :\t"%", "meterStart":1.50e+1 , "timestamp":"2024-11-26T10:03:49Z"}',
    '{"idTag":"\\u00304A1B2C3D4E5F6"}',
    '{"\\u0069dTag":"%","idtag":"%","IDTAG":"%"}',
    '{"idTagInfo":{"status":"Accepted","expiryDate":"2026-01-01T00:00:00Z","parentIdTag":"%"}}',
    '{"listVersion":3,"localAuthorizationList":[{"idTag":"%","idTagInfo":{"status":"Accepted","parentIdTag":"%"}},{"idTag":"%"}]}',
    '{"connectorId":1,"expiryDate":"x","idTag":"%","parentIdTag":"%","reservationId":7}',
    f'{{"eventType":"Started","idToken":{TOKEN},"evse":{{"id":1}}}}',
    f'{{"idToken":{TOKEN},"groupIdToken":{TOKEN},"remoteStartId":1}}',
    f'{{"idTokenInfo":{{"status":"Accepted","groupIdToken":{TOKEN},"language1":"de"}}}}',
    f'{{"localAuthorizationList":[{{"idToken":{TOKEN},"idTokenInfo":{{"status":"Blocked"}}}}],"versionNumber":1}}',
    f'{{"customerIdentifier":"C-1","idToken":{TOKEN},"report":true}}',
    '{"idToken":{"idToken":"","type":"NoAuthorization"},"groupIdToken":{"idToken":"%","type":"NoAuthorization"}}',
    '{"idToken":{"uid":"%","type":"ISO14443"},"idTags":["%",["%"]]}',
    '{"key":"FreevendIdTag","value":"%"}',
    '{"configurationKey":[{"key":"A","readonly":false,"value":"1"},{"key":"DefaultIdTag","readonly":true,"value":"%"}]}',
    '{"setVariableData":[{"component":{"name":"AuthCtrlr"},"variable":{"name":"MasterPassGroupId"},"attributeValue":"%"}]}',
    '{"vendorId":"V","data":"{\\"rfidTag\\": \\"%\\", \\"n\\": 1.0}"}',
    '{"data":"{\\"a\\":\\"{\\\\\\"token\\\\\\":\\\\\\"%\\\\\\"}\\"}"}',
    '{"data":"user=a&idTag=%&x=1"}',
    '{"data":"<add key=\\"idTag\\" value=\\"%\\"/><idTag>%</idTag>"}',
    '{"data":"<card_id>%</card_id>"}',
    '{"value":"OCMF|{\\"FV\\":\\"1.0\\",\\"IT\\":\\"ISO14443\\",\\"ID\\":\\"%\\",\\"RD\\":[]}|{\\"SD\\":\\"88\\"}"}',
]
LEFT = [
    '{"idTag":"","parentIdTag":null,"idToken":{"idToken":"","type":"NoAuthorization"}}',
    '{"idTagInfo":{"status":"Invalid"},"idTokenInfo":{"status":"Accepted"}}',
    '{"location":"Outlet","vendorId":"V","customerIdentifier":"C-1","id":7,"tag":"x","group":"y"}',
    '{"key":"LocalAuthListEnabled","value":"true"}',
    '{"data":"{\\"ID\\":\\"7\\"}"}',
]


@HIDDEN
@pytest.mark.parametrize("payload", CUT)
def test_only_the_tag_is_replaced_in_requests_and_responses(payload: str, policy: Policy) -> None:
    sent = payload.replace("%", TAG)
    expected = payload.replace("\\u00304A1B2C3D4E5F6", "%").replace("%", shown(TAG, policy))
    request, response = asked(sent, policy), answered(sent, policy)
    assert (request.request, response.response) == (expected, expected)
    assert TAG not in everything(request) + everything(response)


@pytest.mark.parametrize("payload", CUT)
def test_plain_leaves_every_byte(payload: str) -> None:
    sent = payload.replace("%", TAG)
    assert (asked(sent, AS_IT_IS).request, answered(sent, AS_IT_IS).response) == (sent, sent)


@HIDDEN
@pytest.mark.parametrize("payload", LEFT)
def test_what_is_no_tag_stays(payload: str, policy: Policy) -> None:
    assert (asked(payload, policy).request, answered(payload, policy).response) == (payload, payload)


class TestColumns:
    @HIDDEN
    @pytest.mark.parametrize("payload", [f'{{"idTag":"{TAG}"}}', f'{{"idToken":{{"idToken":"{TAG}","type":"eMAID"}}}}'])
    def test_id_tag(self, payload: str, policy: Policy) -> None:
        assert asked(payload, policy).id_tag == shown(TAG, policy)
        assert asked(payload, AS_IT_IS).id_tag == TAG

    def test_a_hash_finds_the_tag_however_it_was_spelled(self) -> None:
        found = {asked(f'{{"idTag":"{tag}"}}', HASHED).id_tag for tag in (TAG, TAG.lower(), "\\u00304A1b2C3D4E5F6")}
        assert found == {id_tags.hashed(TAG.encode(), b"k" * 32)}

    def test_a_number_where_text_belongs(self) -> None:
        found = asked('{"idTag":43434,"connectorId":1}')
        assert (found.request, found.id_tag) == ('{"idTag":"****4","connectorId":1}', "****4")

    def test_unescaped_text_and_violations(self) -> None:
        found = asked(f'{{"idTag":"{TAG}","info":["\\u00e9 {TAG}"]}}')
        assert "é" in found.unescaped
        assert TAG not in everything(found)
        wrong = row(f'[2,"1","Heartbeat",[{{"idTag":"{TAG}"}}]]', '[4,"1","InternalError","",{}]')
        assert wrong.violations == ['request payload: expected an object, got [{"idTag":"****F6"}]']

    def test_error_description(self) -> None:
        found = row('[2,"1","Authorize",{}]', f'[4,"1","InternalError","no idTag={TAG}",{{"idTag":"{TAG}"}}]')
        assert found.response_error_description == "no idTag=****F6"
        assert TAG not in everything(found)

    def test_secrets_are_cut_as_ever(self) -> None:
        found = asked(f'{{"idTag":"{TAG}","password":"{TAG}"}}')
        assert found.request == '{"idTag":"***","password":"***"}'

    @pytest.mark.parametrize("blob", ["T0NNRnx7IkZWIjoiMS4wIn0=", "4f434d467c7b224656223a22312e30227d"])
    def test_signed_values_that_cannot_be_read_are_hidden_whole(self, blob: str) -> None:
        found = asked(f'{{"signedMeterValue":{{"signedMeterData":"{blob}","encodingMethod":"OCMF"}}}}', HASHED)
        assert blob not in everything(found)
        assert '"encodingMethod":"OCMF"' in found.request


class TestEchoes:
    REQUEST = f'[2,"1","Authorize",{{"idTag":"{TAG}"}}]'

    @HIDDEN
    @pytest.mark.parametrize(
        "answer",
        [
            '[3,"1",{"status":"Rejected","info":"card % or %"}]',
            '[4,"1","GenericError","cannot take %",{"got":["%"]}]',
            '[3,"1",{"data":"{\\"got\\":\\"%\\"}"}]',
            '[3,"1",{"%":"Accepted"}]',
        ],
    )
    def test_in_the_answer_in_whatever_case(self, answer: str, policy: Policy) -> None:
        for tag in (TAG, TAG.lower()):
            found = row(self.REQUEST, answer.replace("%", tag), policy)
            assert tag not in everything(found)
            if policy is HASHED:
                assert shown(TAG, HASHED) in found.response

    def test_in_the_request(self) -> None:
        found = row(f'[2,"1","DataTransfer",{{"data":"saw {TAG}"}}]', f'[3,"1",{{"idTagInfo":{{"parentIdTag":"{TAG}"}}}}]')
        assert (found.request, found.response) == ('{"data":"saw ****F6"}', '{"idTagInfo":{"parentIdTag":"****F6"}}')

    def test_short_tags_do_not_eat_words(self) -> None:
        found = row('[2,"1","Authorize",{"idTag":"12345"}]', '[3,"1",{"info":"12345","n":12345}]')
        assert found.response == '{"info":"12345","n":12345}'

    @pytest.mark.parametrize("text", ["2024112600", "0.202411", "202411.5", "x1202411"])
    def test_digits_within_other_digits_are_no_echo(self, text: str) -> None:
        found = row('[2,"1","Authorize",{"idTag":"202411"}]', f'[3,"1",{{"a":"{text}","b":"(202411)","c":202411}}]')
        assert found.response == f'{{"a":"{text}","b":"(****11)","c":"****11"}}'

    def test_message_id_and_action_stay(self) -> None:
        found = row('[2,"Authorize","Authorize",{"idTag":"Authorize"}]', '[3,"Authorize",{}]')
        assert (found.message_id, found.action, found.outcome, found.id_tag) == ("Authorize", "Authorize", "result", "****ze")


class TestNotWellFormed:
    def test_a_name_with_escapes_in_a_string(self) -> None:
        inner = msgspec.json.encode(f'{{"\\u0069dTag":"{TAG}"').decode()
        assert TAG not in everything(row(f'[2,"1","X",{{"data":{inner}'))

    @HIDDEN
    @pytest.mark.parametrize(
        ("frame", "expected"),
        [
            ('[2,"1","X",{"connectorId":1,"idTag":"%', '[2,"1","X",{"connectorId":***,"idTag":"***'),
            ('[2,"1","X",{"idToken":{"idToken":"%","type":"Local"', '[2,"1","X",{"idToken":{"idToken":"***","type":"***"'),
            ('[2,"1","X",{"idTag":%}]', '[2,"1","X",{"idTag":***}]'),
            ('[2,"1","X",{"idTag:"%"}]', None),
            ('[2,"1","X",{"status":"Faulted","n":1', '[2,"1","X",{"status":"Faulted","n":1'),
        ],
    )
    def test_everything_but_the_header_is_cut(self, frame: str, expected: str | None, policy: Policy) -> None:
        found = row(frame.replace("%", TAG), policy=policy)
        assert found.outcome == "violation"
        assert TAG not in everything(found)
        assert expected is None or found.request == expected


MARKER = "Zq7xJw93"
TAGS = st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: f"{MARKER}{text}{MARKER}")
PLACES: list[Callable[[str, str], str]] = [
    lambda name, tag: f'"{name}" : {tag}',
    lambda name, tag: f'"idToken":{{"type":"ISO14443" ,"{name}":{tag}}}',
    lambda name, tag: f'"idTagInfo":{{"{name}":{tag}, "status":"Accepted"}}',
    lambda name, tag: f'"localAuthorizationList":[{{"x":1.50,"{name}":{tag}}}]',
    lambda name, tag: f'"configurationKey":[{{"value":{tag},"key":"{name}"}}]',
]
NAMES = st.sampled_from(
    ["idTag", "parentIdTag", "idToken", "groupIdToken", "additionalIdToken", "id_tag", "RFID-UID", "cardNumber"]
)


@st.composite
def payloads(draw: st.DrawFn) -> tuple[str, Callable[[str], str]]:
    """(tag, JSON with a value at a tag's place)"""
    tag, name, place = draw(TAGS), draw(NAMES.flatmap(spelled)), draw(st.sampled_from(PLACES))
    around, nested = draw(FILLER), draw(st.booleans())

    def document(value: str) -> str:
        inner = f'{{ "a":{around}, {place(name, value)}}}'
        return members([("data", msgspec.json.encode(inner).decode())]) if nested else inner

    return tag, document


@HIDDEN
@given(case=payloads(), data=st.data())
def test_a_tag_is_in_no_column_and_nothing_else_is_changed(
    policy: Policy, case: tuple[str, Callable[[str], str]], data: st.DataObject
) -> None:
    tag, document = case
    sent, mark = document(f'"{data.draw(spelled(tag))}"'), shown(tag, policy)
    echo = f'{{"info":"no: {data.draw(spelled(tag))} !"}}'
    found = row(f'[2,"1","Any",{sent}]', f'[3,"1",{echo}]', policy)
    assert (found.request, found.response) == (document(f'"{mark}"'), f'{{"info":"no: {mark} !"}}')
    assert answered(sent, policy).response == document(f'"{mark}"')
    assert MARKER not in everything(found)
    assert asked(sent, AS_IT_IS).request == sent


@given(case=payloads(), data=st.data())
def test_nor_where_the_frame_breaks_off(case: tuple[str, Callable[[str], str]], data: st.DataObject) -> None:
    """Once the name was said: before that, nobody can know."""
    sent = case[1](f'"{MARKER}"')
    end = sent.index(MARKER) + data.draw(st.integers(0, len(MARKER)))
    if '"key":"' not in sent[end:] and '\\"key\\":\\"' not in sent[end:]:
        assert MARKER not in everything(row(f'[2,"1","Any",{sent[:end]}'))


@HIDDEN
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"idTag=", b'"idToken":"', b"OCMF|", b'[2,"1","X",{"idTag":']))
def test_nothing_makes_it_raise(policy: Policy, data: bytes, start: bytes) -> None:
    exchange = Exchange(observed(start + data, Source.CHARGER, 0), None, Outcome.VIOLATION, 0, True)
    assert msgspec.json.encode(enrich(exchange, 0, policy).log)


@given(FILLER)
def test_what_names_no_tag_is_the_same_exchange(payload: str) -> None:
    exchange = Exchange(observed(f'[2,"1","Any",{payload}]'.encode(), Source.CHARGER, 0), None, Outcome.SENT, 0, True)
    assert redact(exchange, id_tags.masked) is exchange


@pytest.mark.parametrize(
    "text", ["idTag: 04 A1 B2 C3", "<idTag>04 A1 B2 C3</idTag>", "RFID UID = '04-A1-B2-C3'", "idTag=04:A1:B2:C3, x"]
)
def test_bytes_as_readers_print_them_are_hidden_whole(text: str) -> None:
    found = asked(f'{{"data":"{text}"}}').request
    assert "****C3" in found
    assert "A1" not in found


@pytest.mark.parametrize("tag", ["TEST_IDTAG", "DEMO-RFIDCARD", "VISITORCARDID"])
def test_a_tag_with_such_a_name_in_it_is_hidden_where_it_is_repeated(tag: str) -> None:
    found = row(f'[2,"1","Authorize",{{"idTag":"{tag}"}}]', f'[4,"1","InternalError","{tag} is not known",{{}}]')
    assert tag not in everything(found)
