"""The log records of a process, sent to OpenTelemetry with the trace they belong to.

The handler of the SDK is deprecated, and that of opentelemetry-instrumentation-logging changes the
records of everybody else; this one does neither.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from drum_core.request_record import current_record
from drum_core.user.masking import masked

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.sdk.resources import Resource

__all__ = ["OTelHandler", "export_logs"]

_OWN: Final = "opentelemetry"
_SUPPRESSED: Final = "suppress_instrumentation"


def export_logs(resource: Resource, endpoint: str | None) -> Callable[[], object]:
    """Sends what the root logger gets, from now on; gives what ends it, with the rest sent."""
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint)))
    set_logger_provider(provider)
    handler = OTelHandler(provider)
    logging.getLogger().addHandler(handler)

    def close() -> None:
        logging.getLogger().removeHandler(handler)
        provider.shutdown()

    return close


class OTelHandler(logging.Handler):
    """Sends records, but those of OpenTelemetry itself, which would never come to an end."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider

    @override
    def emit(self, record: logging.LogRecord) -> None:
        from opentelemetry import context

        if record.name.partition(".")[0] == _OWN or context.get_value(_SUPPRESSED):
            return
        try:
            self._send(record)
        except Exception:
            self.handleError(record)

    def _send(self, record: logging.LogRecord) -> None:
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.context import get_current
        from opentelemetry.trace import TraceFlags

        asked = current_record.get()
        attributes: dict[str, str | int] = {
            "code.file.path": record.pathname,
            "code.function.name": record.funcName or "",
            "code.line.number": record.lineno,
        }
        if asked is not None:
            attributes["drum.request_id"] = asked.request_id
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text = "".join(traceback.format_exception(error))
            attributes["exception.type"] = type(error).__qualname__
            attributes["exception.message"] = masked(str(error))
            attributes["exception.stacktrace"] = masked(text)
        traced = asked is not None and asked.span_id
        told = LogRecord(
            timestamp=int(record.created * 1e9),
            context=get_current(),
            severity_text=record.levelname,
            severity_number=SeverityNumber(_severity(record.levelno)),
            body=record.getMessage(),
            attributes=attributes,
        )
        if traced and asked is not None and not told.trace_id:
            told.trace_id, told.span_id = int(asked.trace_id, 16), int(asked.span_id, 16)
            told.trace_flags = TraceFlags(TraceFlags.SAMPLED)
        self._provider.get_logger(record.name).emit(told)


def _severity(level: int) -> int:
    """The number of OpenTelemetry's logs data model: 1 for the least, 21 for what is fatal."""
    return 1 if level < logging.DEBUG else min(21, 5 + 4 * (level // 10 - 1))
