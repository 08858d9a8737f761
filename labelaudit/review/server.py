"""The addresses of the review page. What they answer is JSON, a picture of the desk, or a file of the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from importlib import resources
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp

from labelaudit.decision import Ruling
from labelaudit.errors import DecisionError, PixelError, SettingsError
from labelaudit.records import JsonDict
from labelaudit.review.desk import Desk, Face
from labelaudit.review.ledger import Ledger, Wanted
from labelaudit.review.pictures import Album, Served
from labelaudit.review.scribe import Scribe
from labelaudit.review.security import Access, Guard
from labelaudit.review.sitting import Sitting, annotator_name

_PAGE_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/review.css": ("review.css", "text/css; charset=utf-8"),
    **{
        f"/{name}": (name, "text/javascript; charset=utf-8")
        for name in ("review.js", "view.js", "faces.js", "outbox.js")
    },
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_NOT_ASKED_FOR = "this is not what is asked for here"


@dataclass(frozen=True)
class Review:
    """All that the server serves.

    Attributes:
        desk: The faces.
        ledger: The decisions.
        album: The pictures.
        annotator: Who decides, where that is fixed; None = the page asks.
    """

    desk: Desk
    ledger: Ledger
    album: Album
    annotator: str | None = None


class Told(BaseModel):
    """A decision as the page sends it.

    Attributes:
        row: The face.
        ruling, label: As in ``Decision``.
        annotator: Who.
        seen: The version of what the page showed as decided.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    row: int
    ruling: Annotated[Ruling, Field(strict=False)]
    label: str | None = None
    annotator: str
    seen: Annotated[int, Field(ge=0)]


def create_app(review: Review, access: Access) -> ASGIApp:
    """The server, guarded."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _add_errors(app)
    sitting = Sitting(review.desk, review.ledger)
    _add_decisions(app, review, sitting)  # first: routes are tried one by one, and this one is asked most
    for address, (name, media_type) in _PAGE_FILES.items():
        app.add_api_route(address, _page_file(name, media_type), methods=["GET"], response_model=None)
    _add_desk(app, review, sitting)
    _add_pictures(app, review.album)
    return Guard(app, access)


def _add_desk(app: FastAPI, review: Review, sitting: Sitting) -> None:
    desk = review.desk

    @app.get("/api/desk", response_model=None)
    async def get_desk() -> JSONResponse:
        shown = {
            "dataset": desk.dataset,
            "report": desk.report,
            "classes": desk.classes,
            "blind": desk.blind,
            "annotator": review.annotator,
            "annotators": sitting.annotators(),
            "rows": list(desk.faces),
        }
        if not desk.blind:
            items = [face.item for face in desk.faces.values()]
            shown |= {
                "given": [item.given_label for item in items],
                "suggested": [item.suggested_label for item in items],
                "verdict": [item.verdict for item in items],
            }
        return JSONResponse(shown)

    @app.get("/api/faces/{row}", response_model=None)
    async def get_face(row: int) -> JSONResponse:
        face = _face(desk, row)
        return JSONResponse({"row": row} if desk.blind else face.to_json())

    @app.get("/api/faces/{row}/others", response_model=None)
    async def get_others(row: int, annotator: str) -> JSONResponse:
        return JSONResponse({"others": sitting.others(annotator_name(annotator), _face(desk, row))})


def _add_decisions(app: FastAPI, review: Review, sitting: Sitting) -> None:
    scribe = Scribe(review.ledger, sitting.note)

    @app.get("/api/progress", response_model=None)
    async def get_progress(annotator: str) -> JSONResponse:
        return JSONResponse(sitting.progress(annotator_name(annotator)))

    @app.get("/api/pulse", response_model=None)
    async def get_pulse(annotator: str) -> JSONResponse:
        return JSONResponse({"revision": review.ledger.revision(annotator_name(annotator))})

    async def post_decision(request: Request) -> Response:
        wanted = _wanted(await _told(request), review.desk)
        outcome = await scribe.keep(wanted)
        standing = outcome.standing
        said = standing.decision
        answer: JsonDict = {
            "version": standing.version,
            "ruling": Ruling.WITHDRAWN if said is None else said.ruling,
            "label": None if said is None else said.label,
            "revision": review.ledger.revision(wanted.annotator),
            "counts": sitting.counts(wanted.annotator),
        }
        if outcome.kept:
            return JSONResponse(answer)
        return JSONResponse({"error": "decided elsewhere meanwhile", **answer}, HTTPStatus.CONFLICT)

    # Starlette's own route: FastAPI's takes twice the time, and of many people at once the last waits for all of them.
    app.add_route("/api/decisions", post_decision, methods=["POST"])


def _add_pictures(app: FastAPI, album: Album) -> None:
    # Not async: reading and decoding happen in threads beside the loop.
    def answer(row: int, read: Callable[[int], Served]) -> Response:
        if not album.holds(row):
            raise HTTPException(HTTPStatus.NOT_FOUND, "no such picture here")
        served = read(row)
        return Response(served.content, media_type=served.media_type)

    @app.get("/pictures/{row}", response_model=None)
    def get_picture(row: int) -> Response:
        return answer(row, album.large)

    @app.get("/pictures/{row}/small", response_model=None)
    def get_small_picture(row: int) -> Response:
        return answer(row, album.small)


def _add_errors(app: FastAPI) -> None:
    """Every error is one line of JSON without a path, and never what was asked for."""

    def answer(kind: type[Exception], status: HTTPStatus, words: Callable[[Exception], str]) -> None:
        async def handle(_: Request, error: Exception) -> Response:
            told = HTTPStatus(error.status_code) if isinstance(error, StarletteHTTPException) else status
            return JSONResponse({"error": words(error)}, told)

        app.add_exception_handler(kind, handle)

    answer(StarletteHTTPException, HTTPStatus.NOT_FOUND, lambda error: str(getattr(error, "detail", "no such thing")))
    answer(RequestValidationError, HTTPStatus.UNPROCESSABLE_ENTITY, lambda _: _NOT_ASKED_FOR)
    answer(ValidationError, HTTPStatus.UNPROCESSABLE_ENTITY, lambda _: _NOT_ASKED_FOR)
    answer(SettingsError, HTTPStatus.UNPROCESSABLE_ENTITY, str)
    answer(PixelError, HTTPStatus.GONE, str)
    answer(DecisionError, HTTPStatus.INSUFFICIENT_STORAGE, lambda _: "the file of decisions cannot be written")
    answer(Exception, HTTPStatus.INTERNAL_SERVER_ERROR, lambda _: "unexpected; the terminal says more")


def _page_file(name: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    content = (resources.files(__package__) / "page" / name).read_bytes()

    async def get_page_file() -> Response:
        return Response(content, media_type=media_type)

    return get_page_file


def _face(desk: Desk, row: int) -> Face:
    if row not in desk.faces:
        raise HTTPException(HTTPStatus.NOT_FOUND, "no such face here")
    return desk.faces[row]


async def _told(request: Request) -> Told:
    """The decision in a request.

    Raises:
        ValidationError: It is none.
        HTTPException: It does not say that it is JSON.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, _NOT_ASKED_FOR)
    return Told.model_validate_json(await request.body())


def _wanted(told: Told, desk: Desk) -> Wanted:
    """What is asked for, where it makes sense.

    Raises:
        SettingsError: The label is none of the classes, or stands where none belongs.
    """
    item = _face(desk, told.row).item
    if told.label not in desk.classes if told.ruling is Ruling.LABEL else told.label is not None:
        raise SettingsError("a decision names one of the classes where it is a label, and none where it is not")
    return Wanted(
        sample_id=item.sample_id,
        ruling=told.ruling,
        label=told.label,
        annotator=annotator_name(told.annotator),
        seen=told.seen,
        content_sha256=item.content_sha256,
    )
