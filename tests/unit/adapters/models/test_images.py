"""Images on their way to a model: the bytes arrive in each wire format, and a model that sees none is named."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flowbuilder.adapters.models.named_models import NamedModels
from flowbuilder.errors import StepError, TransientError
from flowbuilder.ports import ModelImage, ModelRequest
from flowbuilder.testing import MemoryJournal
from flowbuilder.testing.model_servers import WIRES, ModelServer
from flowbuilder.testing.model_servers.replies import fails, says

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(255, -1, -1))
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(40)
IMAGES = (
    ModelImage(data=PNG, media_type="image/png", alt="Tea in a cup"),
    ModelImage(data=JPEG, media_type="image/jpeg"),
    ModelImage(data=WEBP, media_type="image/webp", alt="A pot"),
)


@pytest.fixture(params=WIRES)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(request.param) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def question(server: ModelServer, images: tuple[ModelImage, ...] = IMAGES, **more: object) -> ModelRequest:
    given = {"prompt": "What is on the pictures?", "images": images, "timeout": 10.0, **more}
    return ModelRequest(model=server.wire.model, **given)  # type: ignore[arg-type]


async def test_the_bytes_arrive_in_order_and_after_the_prompt(server: ModelServer) -> None:
    server.will(says("Tea, and a pot."))
    answer = await NamedModels().complete(question(server))
    assert answer.output == {"text": "Tea, and a pot."}
    (asked,) = server.asked
    assert server.wire.images(asked) == [(image.media_type, image.data) for image in IMAGES]
    texts = server.wire.texts(asked)
    places = [texts.index(part) for part in ("What is on", "[image 1: Tea in a cup]", "[image 2]", "[image 3: A pot]")]
    assert places == sorted(places)
    assert "http" not in texts  # an address would be fetched by the provider


async def test_one_image_without_an_alternative_text_needs_no_label(server: ModelServer) -> None:
    await NamedModels().complete(question(server, (ModelImage(data=PNG, media_type="image/png"),)))
    assert server.wire.images(server.asked[0]) == [("image/png", PNG)]
    assert "[image" not in server.wire.texts(server.asked[0])


async def test_an_image_stays_in_a_conversation(server: ModelServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    server.will(says("One cup."), lambda wire, asked: wire.answer(asked, '{"n": 1}'))
    answer = await NamedModels().complete(question(server, output_schema=schema))
    assert answer.output == {"n": 1}
    assert [len(server.wire.images(asked)) for asked in server.asked] == [3, 3]


async def test_a_repeated_conversation_with_images_makes_no_call(server: ModelServer) -> None:
    journal = MemoryJournal()
    for _ in range(2):
        await NamedModels().complete(question(server, journal=journal.again()))
    assert len(server.asked) == 1
    other = (ModelImage(data=PNG + b"!", media_type="image/png", alt="Tea in a cup"), *IMAGES[1:])
    await NamedModels().complete(question(server, other, journal=journal.again()))
    assert len(server.asked) == 2  # another picture is another question


REFUSALS = [
    (400, "Invalid content type. image_url is only supported by certain models."),
    (400, "this model does not support image input (ref: b8bd630e)"),
    (404, "No endpoints found that support image input"),
    (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
    (400, "/models/llama is not a multimodal model"),
    (422, "messages[0]: unknown variant `image_url`, expected `text` at line 1 column 91"),
    (400, "Image input modality is not enabled for models/gemini-1.0-pro"),
]


@pytest.mark.parametrize(("status", "words"), REFUSALS)
async def test_a_model_that_sees_no_images_is_a_lasting_failure(server: ModelServer, status: int, words: str) -> None:
    server.will(fails(status, words))
    with pytest.raises(StepError) as caught:
        await NamedModels().complete(question(server))
    assert (type(caught.value), caught.value.code) == (StepError, "images_not_supported")
    assert words[:30] in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        (400, "You uploaded an unsupported image. Please make sure it has one of these formats: ['png']", "model"),
        (400, "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum", "model"),
        (400, "Could not process image", "model"),
        (400, "function calling is not supported", "model"),
    ],
)
async def test_other_complaints_about_a_request_keep_their_names(
    server: ModelServer, status: int, words: str, code: str
) -> None:
    server.will(fails(status, words))
    with pytest.raises(StepError) as caught:
        await NamedModels().complete(question(server))
    assert caught.value.code == code


async def test_a_server_that_is_down_is_still_a_temporary_failure(server: ModelServer) -> None:
    server.will(fails(503, "the image service is unavailable"))
    with pytest.raises(TransientError):
        await NamedModels().complete(question(server))


async def test_the_demo_model_says_that_it_sees_nothing() -> None:
    request = ModelRequest(model="demo:any", prompt="What is it?", images=IMAGES[:1])
    with pytest.raises(StepError) as caught:
        await NamedModels().complete(request)
    assert caught.value.code == "images_not_supported"


def test_the_bytes_are_in_no_text_of_a_request() -> None:
    assert "data" not in repr(IMAGES[0])
    assert json.dumps(repr(IMAGES)).count("89PNG") == 0
