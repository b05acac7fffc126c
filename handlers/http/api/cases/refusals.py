"""Why something was refused, as RFC 9457 has it: one stable `type` for each reason, told in English and Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from aiohttp import hdrs, web

from handlers.http.problems import problem
from telephony.cases.rules import NotAllowed, Why

URN = "urn:threerings:problem:"
AGAIN_SECONDS = 10


class Problem(StrEnum):
    """What is wrong, beside what the rules of cases say (`Why`)."""

    BAD_REQUEST = "bad-request"
    NO_KEY = "no-idempotency-key"
    ORIGIN = "origin"
    NOT_FOUND = "not-found"
    NOBODY = "nobody"
    STALE = "stale"
    NO_VERSION = "no-version"
    NO_JSON = "no-json"
    AWAY = "database-away"


@dataclass(frozen=True, slots=True)
class Reason:
    """Told with the status, in two languages."""

    status: HTTPStatus
    title: str
    title_zh: str


REASONS: Mapping[str, Reason] = {
    Problem.BAD_REQUEST: Reason(HTTPStatus.BAD_REQUEST, "The request is not understood", "请求内容有误"),
    Problem.NO_KEY: Reason(
        HTTPStatus.BAD_REQUEST,
        "Idempotency-Key is missing, so a repetition would be done twice",
        "缺少 Idempotency-Key，重复提交会被执行两次",
    ),
    Problem.ORIGIN: Reason(
        HTTPStatus.FORBIDDEN,
        "Signed in by cookie, changes are taken from our own pages alone; send a token",
        "以 Cookie 登录时只接受本站页面的修改，程序请使用令牌",
    ),
    Problem.NOT_FOUND: Reason(HTTPStatus.NOT_FOUND, "There is none that you may see", "不存在，或不在您的权限范围内"),
    Problem.NOBODY: Reason(
        HTTPStatus.CONFLICT, "There is nobody of that name who works on cases", "没有可办理工单的此人"
    ),
    Problem.STALE: Reason(
        HTTPStatus.PRECONDITION_FAILED,
        "Somebody was faster: look at it again, then decide",
        "他人已先行修改，请查看后再决定",
    ),
    Problem.NO_VERSION: Reason(
        HTTPStatus.PRECONDITION_REQUIRED,
        "If-Match is missing: say which version you looked at",
        "缺少 If-Match，请注明所依据的版本",
    ),
    Problem.NO_JSON: Reason(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is no application/json", "请求体须为 JSON"),
    Problem.AWAY: Reason(
        HTTPStatus.SERVICE_UNAVAILABLE, "The database is away; try again", "数据库暂不可用，请稍后重试"
    ),
    Why.STATE: Reason(HTTPStatus.CONFLICT, "Where it stands, this cannot be done", "当前状态下不能执行此操作"),
    Why.OWNER: Reason(
        HTTPStatus.CONFLICT, "It is somebody else's; let it be handed over first", "由他人负责，须先移交"
    ),
    Why.SEPARATION: Reason(
        HTTPStatus.CONFLICT,
        "Marketing does not own what somebody was advised about (STD-SEPARATION)",
        "营销与咨询相分离：营销人员不得负责涉及投资建议的工单",
    ),
    Why.LACKING: Reason(HTTPStatus.CONFLICT, "The record is not filled in (STD-RECORD)", "记录要素尚未填写完整"),
    Why.PLAN: Reason(HTTPStatus.CONFLICT, "It asks for a plan first (STD-COMPLAINT)", "须先制定处理方案"),
    Why.FEEDBACK: Reason(HTTPStatus.CONFLICT, "The caller has to be answered first", "须先答复客户"),
    Why.VISIT: Reason(
        HTTPStatus.CONFLICT, "The return visit is not as it must be (STD-RETURN-VISIT)", "回访不符合规定"
    ),
    Why.DEADLINE: Reason(HTTPStatus.CONFLICT, "It is later than the set period allows", "超出规定期限"),
    Why.HANDOVER: Reason(HTTPStatus.CONFLICT, "The hand-over does not allow it", "与移交状态不符"),
    Why.TEXT: Reason(HTTPStatus.CONFLICT, "Words are missing, or too many", "文字缺失或过长"),
}
"""Of a branch that is not one's own nothing is said but that there is none."""


def refused(
    why: Problem | Why, detail: str = "", faults: Mapping[str, str] | None = None, **more: object
) -> web.Response:
    """The answer.

    Args:
        why: the reason.
        detail: of this one, for a person; empty: the reason says all.
        faults: what is wrong, by field.
        more: further members.
    """
    reason = REASONS[why]
    told: dict[str, object] = {
        "type": f"{URN}{why.value}",
        "title": reason.title,
        "title_zh": reason.title_zh,
        **({"errors": [{"field": field, "detail": text} for field, text in faults.items()]} if faults else {}),
        **more,
    }
    answer = problem(reason.status, detail or reason.title, **told)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    if why is Problem.AWAY:
        answer.headers[hdrs.RETRY_AFTER] = str(AGAIN_SECONDS)
    return answer


def not_allowed(error: NotAllowed) -> web.Response:
    """What the rules of cases refused."""
    if error.why is Why.BRANCH:
        return refused(Problem.NOT_FOUND)
    return refused(error.why, str(error), error.faults)
