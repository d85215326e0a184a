"""The error codes of steps and executions: what each means. docs/errors.md is generated from them.

A code is stable: it stands in `error.code` of events, outcomes and the command line's JSON. `http_NNN` is the status of
an HTTP answer. Errors in a definition have codes of their own, see `flowbuilder explain`.
"""

from __future__ import annotations

from typing import Final

ERROR_CODES: Final[dict[str, str]] = {
    # retried where `retry.on` names them
    "connection": "The other side could not be reached, or the connection broke.",
    "rate_limit": "Too many calls (429); the step waits for the rate limit, which uses no attempt.",
    "server_error": "The other side failed (5xx).",
    "timeout": "No answer within the time limit of the step or the call.",
    # final
    "wrong_provider": "The key of the model connection belongs to another provider; nothing was sent.",
    "ambiguous_address": "The address may be one of two files of the site, or the page has two addresses.",
    "auth": "The other side rejected the credentials of the connection.",
    "bad_answer": "The other side answered in a form that it should not have.",
    "bad_title": "The CMS does not store a title like this one.",
    "bad_url": "The URL is not one that the site's CMS can have, or a value would be `.` or `..` in its path.",
    "changed_meanwhile": "The page changed since it was read, and the step says `if_unchanged`.",
    "code_failed": "The program of a `code` or `mcp_code` step failed.",
    "effect_key_reused": "An effect key was used for another write before; a key belongs to one request.",
    "effect_unknown": "Whether a write was made is not known, and a person did not allow to send it again.",
    "egress": "The address is not one that the step may reach.",
    "encoding": "The body of an answer cannot be decoded.",
    "exists": "The page to be created exists.",
    "front_matter": "The front matter of a content file cannot be read or changed safely.",
    "git": "A command of git failed where the site keeps its content; the message has git's own words.",
    "hard_link": "A content file has several names (hard links), and a write would separate them.",
    "internal": "The step type or flowbuilder itself failed unexpectedly; the worker's log has the traceback.",
    "invalid_answer": "A model answered in another form than its provider documents.",
    "invalid_field": "A rendered field does not have the type or the value that the step takes.",
    "invalid_inputs": "The inputs do not fit the workflow that is called.",
    "mcp_refused": "The MCP server rejected the request.",
    "mcp_schema": "An MCP server's answer does not fit its own schema.",
    "mcp_tool": "The tool of an MCP server says that it failed.",
    "mcp_tool_changed": "The tool of an MCP server is not what it was when it was pinned; the detail has the diff.",
    "mcp_unknown_tool": "The MCP server has no tool of this name, or it is not allowed.",
    "moved": "The CMS answers at another address than the connection names.",
    "moves_page": "The change would give the page another address, as the site's generator names pages by their title.",
    "not_a_page": "The answer is not an HTML page.",
    "not_approved": "What a publishing step would send is not what was approved in this execution.",
    "not_found": "There is no such page.",
    "not_json": "An answer or an output is not JSON.",
    "not_readable": "The system does not let this process read a content file.",
    "not_text": "A content file is not text in UTF-8.",
    "not_this_site": "The URL does not belong to the site.",
    "being_edited": "Another user is editing the page in the CMS; nothing was written.",
    "no_seo_fields": "The CMS has no `seo_title` or `seo_description` for the page; nothing was written.",
    "not_editable": "The CMS shows a kind of page at the address that the site does not edit.",
    "not_verified": "The page that was written does not show what was sent.",
    "not_writable": "The system does not let this process write a content file; the message has its reason.",
    "old_editor": "An earlier editor of the CMS wrote the page; it can be changed once the new one has saved it.",
    "over": "The execution has ended or the step run was abandoned, so no effect begins.",
    "owner": "A content file belongs to a user or group that a write would not keep.",
    "paginate": "The next page of a list cannot be followed.",
    "read_only": "A content file is read-only.",
    "redirects": "Too many redirects.",
    "schema_mismatch": "A value does not fit the JSON Schema that the step names.",
    "step_failed": "The step failed; the message says why.",
    "symlink": "A content file is a symbolic link.",
    "throttled": "The step waited for the rate limit of a connection for longer than 24 hours.",
    "tls": "The certificate of the other side is not valid.",
    "too_large": "A body, a file or an output is larger than allowed.",
    "unknown_model": "No model or provider has this name.",
    # of a template or an expression while it runs
    "division": "Division by zero.",
    "overflow": "A number or a date is out of range.",
    "type": "A value has the wrong type for an operation.",
    "undefined": "A name or a member does not exist.",
    "limit.depth": "A text or a page is nested too deeply.",
    "limit.source": "A program is too long.",
    "limit.time": "A program, or the reading of a page, took too long.",
    # of an execution
    "configuration": "Settings, a site or a connection are missing or wrong.",
    "damaged": "A row of the execution cannot be read, or is not what was written; it is paused.",
    "definition": "This release cannot read the stored definition.",
    "plan_changed": "This release compiles the definition to another plan than the one that the execution began with.",
}
